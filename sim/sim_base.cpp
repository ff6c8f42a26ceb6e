#include "sim/sim_base.hpp"

namespace raftbus::sim {

class SimBase::Cursor final : public KvCursor {
public:
    Cursor(const Records& records, const ScanQuery& query)
        : at_(records.lower_bound(query.start.view())),
          end_(query.end ? records.lower_bound(query.end->view()) : records.end()) {}
    bool valid() const override { return at_ != end_; }
    void next() override { ++at_; }
    void seek(std::string_view key) override {
        while (valid() && at_->first < key) ++at_;
    }
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

std::unique_ptr<KvCursor> SimBase::cursor(const ScanQuery& query, std::uint64_t) {
    return std::make_unique<Cursor>(records_, query);
}

std::optional<std::string> SimBase::next_key(const std::string& from,
                                             const std::optional<std::string>& end) {
    const auto found = records_.lower_bound(from);
    if (found == records_.end() || (end && found->first >= *end)) return std::nullopt;
    return found->first;
}

bool SimBase::write(const KvTable& table, const KvProgress& progress) {
    if (!room_()) return false;
    for (const auto& [key, entry] : table.entries()) {
        if (const KvTable::Record* record = entry->record)
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
    installed_ = false;
    return true;
}

// ---- snapshots: the progress, then the records, then the notes

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
    if (!room_()) return nullptr;
    return std::make_shared<Copy>(to_bytes(), progress_.applied);
}

std::unique_ptr<IncomingSnapshot> SimBase::receive() {
    return std::make_unique<Intake>();
}

Status SimBase::install(IncomingSnapshot& snapshot, EntryId last,
                        std::optional<std::uint64_t> digest) {
    SimBase fresh;
    if (Status read = fresh.from_bytes(static_cast<Intake&>(snapshot).bytes(), last); !read)
        return read;
    if (digest && *digest != fresh.progress_.digest) return Error{"its digest is another one"};
    records_ = std::move(fresh.records_);
    notes_ = std::move(fresh.notes_);
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
    number(static_cast<std::uint64_t>(progress_.clock.value));
    number(progress_.configuration.index.value);
    text(progress_.configuration.body.view());
    number(records_.size());
    for (const auto& [key, record] : records_) {
        text(key);
        text(record.value);
        number(record.revision);
        number(static_cast<std::uint64_t>(record.expires_at.value));
    }
    for (const auto& [name, content] : notes_) {
        text(name);
        text(content);
    }
    return bytes;
}

Status SimBase::from_bytes(std::string_view bytes, EntryId last) {
    bool whole = true;
    const auto take = [&](std::uint64_t count) {
        whole = whole && count <= bytes.size();
        const std::string_view taken = bytes.substr(0, whole ? count : 0);
        bytes.remove_prefix(taken.size());
        return taken;
    };
    const auto number = [&] {
        const std::string_view raw = take(8);
        std::uint64_t n = 0;
        for (std::size_t i = 0; i < raw.size(); ++i) n |= std::uint64_t(std::uint8_t(raw[i])) << (8 * i);
        return n;
    };
    const auto time = [&] { return WallTime(static_cast<std::int64_t>(number())); };
    const auto text = [&] { return std::string(take(number())); };
    progress_.applied.index = LogIndex(number());
    progress_.applied.term = Term(number());
    progress_.digest = number();
    progress_.clock = time();
    progress_.configuration.index = LogIndex(number());
    progress_.configuration.body = SharedBytes::own(text());
    if (whole && progress_.applied != last)
        return Error{"it is not of the entry that it was sent for"};
    for (std::uint64_t left = number(); whole && left > 0; --left) {
        std::string key = text();
        Record& record = records_[std::move(key)];
        record.value = text();
        record.revision = number();
        record.expires_at = time();
    }
    while (whole && !bytes.empty()) {
        std::string name = text();
        notes_[std::move(name)] = text();
    }
    return whole ? Status(Done{}) : Status(Error{"it ends too early"});
}

void SimBase::each_note(char space, const UseNote& use) {
    for (const auto& [name, content] : notes_)
        if (name.front() == space) use(name, content);
}

}  // namespace raftbus::sim
