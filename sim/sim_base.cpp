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
    return KvFound{found->second.value, found->second.revision};
}

std::unique_ptr<KvCursor> SimBase::cursor(const ScanQuery& query) {
    return std::make_unique<Cursor>(records_, query);
}

void SimBase::write(const KvTable& table, const KvProgress& progress) {
    for (const auto& [key, record] : table.entries()) {
        if (record)
            records_[std::string(key.view())] = {std::string(record->value()), record->revision};
        else if (const auto found = records_.find(key.view()); found != records_.end())
            records_.erase(found);
    }
    progress_ = progress;
    installed_ = false;
}

// ---- snapshots: the progress, then key, value and revision of each record

class SimBase::Copy final : public Snapshot {
public:
    Copy(std::string bytes, EntryId last) : bytes_(std::move(bytes)), last_(last) {}
    EntryId last() const override { return last_; }
    std::uint64_t size() const override { return bytes_.size(); }
    std::string read(std::uint64_t offset, std::size_t count) override {
        return offset < bytes_.size() ? bytes_.substr(offset, count) : std::string();
    }

private:
    const std::string bytes_;
    const EntryId last_;
};

class SimBase::Intake final : public IncomingSnapshot {
public:
    bool append(std::string_view bytes) override {
        bytes_ += bytes;
        return true;
    }
    const std::string& bytes() const { return bytes_; }

private:
    std::string bytes_;
};

std::shared_ptr<Snapshot> SimBase::snapshot() {
    return std::make_shared<Copy>(to_bytes(), progress_.applied);
}

std::unique_ptr<IncomingSnapshot> SimBase::receive() {
    return std::make_unique<Intake>();
}

Status SimBase::install(IncomingSnapshot& snapshot, EntryId last) {
    SimBase fresh;
    if (Status read = fresh.from_bytes(static_cast<Intake&>(snapshot).bytes(), last); !read)
        return read;
    records_ = std::move(fresh.records_);
    progress_ = fresh.progress_;
    installed_ = true;
    return Done{};
}

std::string SimBase::to_bytes() const {
    std::string bytes;
    const auto number = [&bytes](std::uint64_t n) {
        for (int i = 0; i < 8; ++i) bytes += static_cast<char>(n >> (8 * i));
    };
    const auto text = [&](std::string_view t) {
        number(t.size());
        bytes += t;
    };
    number(progress_.applied.index.value);
    number(progress_.applied.term.value);
    number(progress_.digest);
    number(progress_.configuration.index.value);
    text(progress_.configuration.body.view());
    for (const auto& [key, record] : records_) {
        text(key);
        text(record.value);
        number(record.revision);
    }
    return bytes;
}

Status SimBase::from_bytes(std::string_view bytes, EntryId last) {
    const auto number = [&bytes] {
        std::uint64_t n = 0;
        for (int i = 0; i < 8; ++i) n |= std::uint64_t(std::uint8_t(bytes[i])) << (8 * i);
        bytes.remove_prefix(8);
        return n;
    };
    const auto text = [&] {
        const std::uint64_t size = number();
        std::string t(bytes.substr(0, size));
        bytes.remove_prefix(size);
        return t;
    };
    if (bytes.size() < 24) return Error{"it ends too early"};
    progress_.applied = {LogIndex(number()), Term()};
    progress_.applied.term = Term(number());
    progress_.digest = number();
    progress_.configuration.index = LogIndex(number());
    progress_.configuration.body = SharedBytes::own(text());
    if (progress_.applied != last) return Error{"it is not of the entry that it was sent for"};
    while (!bytes.empty()) {
        std::string key = text();
        std::string value = text();
        records_[std::move(key)] = {std::move(value), number()};
    }
    return Done{};
}

}  // namespace raftbus::sim
