#include "storage/kv_layers.hpp"

#include <algorithm>
#include <utility>

#include "messages/check.hpp"
#include "storage/disk.hpp"

namespace raftbus {
namespace {

class TableCursor final : public KvCursor {
public:
    // Both must outlive the cursor.
    TableCursor(const KvTable& table, const ScanQuery& query)
        : entries_(table.entries()),
          at_(table.entries().lower_bound(TableKey(query.start.view()))),
          end_(query.end ? table.entries().lower_bound(TableKey(query.end->view()))
                         : table.entries().end()) {}
    bool valid() const override { return at_ != end_; }
    void next() override { ++at_; }
    void seek(std::string_view key) override {
        if (!valid() || this->key() >= key) return;
        const auto to = entries_.lower_bound(TableKey(key));
        at_ = end_ == entries_.end() || (to != entries_.end() && to->first.view() < end_->first.view())
                  ? to
                  : end_;
    }
    std::string_view key() const override { return at_->first.view(); }
    bool erased() const override { return !at_->second->record; }
    std::string_view value() const override { return at_->second->record->value(); }
    std::uint64_t revision() const override { return at_->second->record->revision; }

private:
    const KvTable::Map& entries_;
    KvTable::Map::const_iterator at_, end_;
};

// The base's, which hops over what is known to be empty there.
class HoppingCursor final : public KvCursor {
public:
    HoppingCursor(std::unique_ptr<KvCursor> base, const KvGaps& gaps)
        : base_(std::move(base)), gaps_(gaps) {}
    bool valid() const override { return base_->valid(); }
    void next() override {
        const std::string behind = successor(base_->key());
        if (gaps_.find(behind))
            seek(behind);
        else
            base_->next();
    }
    void seek(std::string_view key) override {
        const KvGaps::End* gap = gaps_.find(key);
        if (!gap) return base_->seek(key);
        base_->seek(gap->value_or(std::string(kBehindAllKeys, '\xff')));
    }
    bool lost() const override { return base_->lost(); }
    std::uint64_t hidden() const override { return base_->hidden(); }
    std::string_view key() const override { return base_->key(); }
    bool erased() const override { return base_->erased(); }
    std::string_view value() const override { return base_->value(); }
    std::uint64_t revision() const override { return base_->revision(); }

private:
    const std::unique_ptr<KvCursor> base_;
    const KvGaps& gaps_;
};

// What one step of a scan may pass over: some milliseconds' work.
constexpr std::uint64_t kPassedAtOnce = 20'000;

std::optional<KvFound> found_at(const KvTable::Entry& entry) {
    const KvTable::Record* record = entry.record;
    if (!record) return std::nullopt;
    return KvFound{record->value(), record->revision, record->expires_at()};
}

}  // namespace

KvLayers::KvLayers(std::shared_ptr<KvBase> base, const KvLayersOptions& options)
    : options_(options), base_(std::move(base)) {
    take(loaded(*base_));
}

// What the base holds, and nothing else.
KvLayers::Loaded KvLayers::loaded(KvBase& base) {
    Loaded loaded;
    loaded.parts.progress = base.progress();
    loaded.damage = damage_in([&] { load_notes(base, loaded.parts); });
    loaded.parts.read_configuration();
    return loaded;
}

void KvLayers::load_notes(KvBase& base, KvParts& parts) {
    bool intact = true;
    base.each_note(Expiries::kSpace, [&](std::string_view name, std::string_view) {
        intact = intact && parts.expiries.load(name);
    });
    base.each_note(Sessions::kSpace, [&](std::string_view name, std::string_view content) {
        intact = intact && parts.sessions.load(name, content);
    });
    base.each_note(Footnotes::kSpace, [&](std::string_view name, std::string_view content) {
        intact = intact && parts.footnotes.load(name, content);
    });
    if (!intact)
        throw StateDamaged("the state is damaged: a session, an expiry or a footnote cannot be read");
    parts.sessions.loaded();
    parts.footnotes.loaded(parts.progress.applied.index);
}

void KvLayers::take(Loaded loaded) {
    parts_ = std::move(loaded.parts);
    damage_ = std::move(loaded.damage);
    flushed_ = parts_.progress.applied;
}

void KvLayers::apply(const Batch& batch, std::vector<CommandOutcome>* outcomes) {
    Work unlimited;
    while (!apply_some(batch, outcomes, unlimited))
        if (const auto explore = begin_explore()) {
            explore();
            end_explore();
        }
}

bool KvLayers::apply_some(const Batch& batch, std::vector<CommandOutcome>* outcomes, Work& work) {
    CommandTarget& target = *this;
    if (!execution_) execution_.emplace(batch, target, parts_);
    if (!execution_->go_on(batch, outcomes, changes_, work)) return false;
    execution_.reset();
    replay_bytes_ += batch.bytes();
    return true;
}

std::uint64_t KvLayers::keys() const {
    const auto beneath = static_cast<std::int64_t>(base_->keys());
    const std::int64_t frozen = frozen_ ? frozen_->more_keys() : 0;
    return static_cast<std::uint64_t>(
        std::max<std::int64_t>(0, beneath + frozen + table_.more_keys()));
}

std::optional<Item> KvLayers::get(std::string_view key) {
    const std::optional<KvFound> found = find(key);
    if (!found) return std::nullopt;
    return Item{{}, SharedBytes::copy(found->value), found->revision};
}

ScanAnswer KvLayers::scan(const ScanQuery& query) {
    for (;;) {
        Work unlimited;
        if (auto answer = step(query, false, unlimited)) return std::move(*answer);
        if (const auto explore = begin_explore()) {
            explore();
            end_explore();
        }
    }
}

namespace {

// Where a range goes on that begins in a gap: in the range, or at its end.
SharedBytes behind(const KvGaps& gaps, const ScanQuery& query) {
    const KvGaps::End* gap = gaps.find(query.start.view());
    if (!gap) return query.start;
    if (query.end && (!*gap || **gap > query.end->view())) return *query.end;
    return SharedBytes::own(gap->value_or(std::string(kBehindAllKeys, '\xff')));
}

}  // namespace

std::optional<ScanAnswer> KvLayers::step(const ScanQuery& asked, bool may_end_early, Work& work) {
    ScanQuery query = asked;
    query.start = behind(gaps_, asked);
    if (empty_range(query)) return ScanAnswer();
    ScanQuery beneath = query;
    beneath.start = behind(base_gaps_, query);
    std::vector<std::unique_ptr<KvCursor>> layers;
    layers.push_back(std::make_unique<TableCursor>(table_, query));
    if (frozen_) layers.push_back(std::make_unique<TableCursor>(*frozen_, query));
    layers.push_back(
        std::make_unique<HoppingCursor>(base_->cursor(beneath, kPassedAtOnce), base_gaps_));
    ScanStep step = scan_layers(query, layers, gaps_, {kPassedAtOnce, may_end_early}, work);
    if (step.lost_at)
        wanted_ = std::make_shared<Exploration>(
            Exploration{*step.lost_at,
                        query.end ? KvGaps::End(query.end->view()) : std::nullopt, {}});
    return std::move(step.answer);
}

// The base is asked where its next key is, whatever lies in between.
std::function<void()> KvLayers::begin_explore() {
    if (!wanted_) return {};
    CHECK(!exploring_, "one exploration at a time");
    exploring_ = std::exchange(wanted_, nullptr);
    return [base = base_, exploration = exploring_] {
        exploration->found = base->next_key(exploration->from, exploration->end);
        if (!exploration->found) exploration->found = exploration->end;
    };
}

void KvLayers::end_explore() {
    const auto exploration = std::exchange(exploring_, nullptr);
    base_gaps_.add(exploration->from, exploration->found);
}

bool KvLayers::wants_flush() const {
    if (frozen_) return !written_;  // put off, or under way
    const std::uint64_t replay = parts_.progress.applied.index.distance_from(flushed_.index);
    return table_.bytes() >= options_.flush_bytes || replay_bytes_ >= options_.replay_bytes ||
           replay >= options_.replay_entries;
}

std::function<void()> KvLayers::begin_flush() {
    CHECK(!written_, "one flush at a time");
    if (!frozen_) freeze();
    written_ = std::make_shared<bool>(false);
    return [base = base_, table = freezing_, progress = frozen_progress_, written = written_,
            expiries = frozen_expiries_] {
        Expiries::note(std::exchange(*expiries, {}), *table);
        *written = base->write(*table, progress);
    };
}

void KvLayers::freeze() {
    frozen_expiries_ = std::make_shared<Expiries::Changes>(parts_.expiries.take_changes());
    parts_.sessions.note_changes(table_);
    parts_.footnotes.note_changes(table_);
    const std::size_t keys = table_.entries().size();
    freezing_ = std::make_shared<KvTable>(std::exchange(table_, KvTable(keys)));
    frozen_ = freezing_;
    frozen_progress_ = parts_.progress;
    replay_bytes_ = 0;
}

bool KvLayers::end_flush() {
    CHECK(written_, "a flush was begun");
    if (!*std::exchange(written_, nullptr)) return false;
    retired_ = std::exchange(frozen_, nullptr);
    freezing_.reset();
    base_gaps_.clear();
    flushed_ = frozen_progress_.applied;
    return true;
}

std::function<void()> KvLayers::leftovers() {
    if (!retired_) return {};
    return [table = std::exchange(retired_, nullptr)]() mutable { table.reset(); };
}

std::function<std::shared_ptr<Snapshot>()> KvLayers::begin_snapshot() {
    return [base = base_] { return base->snapshot(); };
}

std::function<Status()> KvLayers::begin_install(std::unique_ptr<IncomingSnapshot> snapshot,
                                                EntryId last,
                                                std::optional<std::uint64_t> digest) {
    CHECK(!written_, "a flush would overwrite what is installed");
    installed_ = std::make_shared<Loaded>();
    return [base = base_, last, digest, into = installed_,
            snapshot = std::shared_ptr<IncomingSnapshot>(std::move(snapshot))]() -> Status {
        if (Status done = base->install(*snapshot, last, digest); !done) return done;
        *into = loaded(*base);
        return Done{};
    };
}

void KvLayers::end_install(bool installed) {
    const auto loaded = std::exchange(installed_, nullptr);
    if (!installed) return;
    table_ = KvTable();
    frozen_.reset();
    freezing_.reset();
    retired_.reset();
    replay_bytes_ = 0;
    gaps_.clear();
    base_gaps_.clear();
    wanted_.reset();
    take(std::move(*loaded));
}

std::optional<KvFound> KvLayers::find(std::string_view key) {
    if (const auto* entry = table_.find(key)) return found_at(*entry);
    if (frozen_)
        if (const auto* entry = frozen_->find(key)) return found_at(*entry);
    return base_->find(key);
}

WallTime KvLayers::set(std::string_view key, std::string_view value, std::uint64_t revision,
                       WallTime expires_at) {
    gaps_.key_set(key);
    return table_.set(key, value, revision, expires_at);
}

WallTime KvLayers::erase(std::string_view key) {
    gaps_.key_erased(key);
    return table_.erase(key);
}

}  // namespace raftbus
