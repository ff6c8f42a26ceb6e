#include "sim/sim_base.hpp"

namespace raftbus::sim {

class SimBase::Cursor final : public KvCursor {
public:
    Cursor(const Records& records, const ScanQuery& query)
        : at_(records.lower_bound(query.start.view())),
          end_(query.end ? records.lower_bound(query.end->view()) : records.end()) {}
    bool valid() const override { return at_ != end_; }
    void next() override { ++at_; }
    std::string_view key() const override { return at_->first; }
    bool erased() const override { return false; }
    std::string_view value() const override { return at_->second.value; }
    std::uint64_t revision() const override { return at_->second.revision; }

private:
    Records::const_iterator at_, end_;
};

std::optional<KvFound> SimBase::find(std::string_view key) {
    const auto found = records_.find(key);
    if (found == records_.end()) return std::nullopt;
    return KvFound{found->second.value, found->second.revision, found->second.expires_at};
}

std::unique_ptr<KvCursor> SimBase::cursor(const ScanQuery& query) {
    return std::make_unique<Cursor>(records_, query);
}

void SimBase::write(const KvTable& table, const KvProgress& progress) {
    for (const auto& [key, record] : table.entries()) {
        if (record)
            records_[std::string(key.view())] = {std::string(record->value()), record->revision,
                                                 record->expires_at()};
        else if (const auto found = records_.find(key.view()); found != records_.end())
            records_.erase(found);
    }
    for (const auto& [name, content] : table.notes()) {
        if (content)
            notes_[name] = *content;
        else
            notes_.erase(name);
    }
    progress_ = progress;
}

void SimBase::each_note(char space, const UseNote& use) {
    for (const auto& [name, content] : notes_)
        if (name.front() == space) use(name, content);
}

}  // namespace raftbus::sim
