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
        : at_(table.entries().lower_bound(TableKey(query.start.view()))),
          end_(query.end ? table.entries().lower_bound(TableKey(query.end->view()))
                         : table.entries().end()) {}
    bool valid() const override { return at_ != end_; }
    void next() override { ++at_; }
    std::string_view key() const override { return at_->first.view(); }
    bool erased() const override { return !at_->second->record; }
    std::string_view value() const override { return at_->second->record->value(); }
    std::uint64_t revision() const override { return at_->second->record->revision; }

private:
    KvTable::Map::const_iterator at_, end_;
};

std::optional<KvFound> found_at(const KvTable::Entry& entry) {
    const KvTable::Record* record = entry.record;
    if (!record) return std::nullopt;
    return KvFound{record->value(), record->revision, record->expires_at()};
}

}  // namespace

KvLayers::KvLayers(std::shared_ptr<KvBase> base, const KvLayersOptions& options)
    : options_(options), base_(std::move(base)) {
    load();
}

// What the base holds, and nothing else.
void KvLayers::load() {
    parts_ = KvParts();
    parts_.sessions = Sessions(options_.sessions);
    parts_.footnotes = Footnotes(options_.footnotes);
    parts_.progress = base_->progress();
    flushed_ = parts_.progress.applied;
    load_notes();
}

void KvLayers::load_notes() {
    bool intact = true;
    base_->each_note(Expiries::kSpace, [&](std::string_view name, std::string_view) {
        intact = intact && parts_.expiries.load(name);
    });
    base_->each_note(Sessions::kSpace, [&](std::string_view name, std::string_view content) {
        intact = intact && parts_.sessions.load(name, content);
    });
    base_->each_note(Footnotes::kSpace, [&](std::string_view name, std::string_view content) {
        intact = intact && parts_.footnotes.load(name, content);
    });
    if (!intact)
        throw DiskFailed(
            "the state is damaged: a session, an expiry or a footnote can not be read; see "
            "`raftbus "
            "check`, and let `raftbus repair` rebuild the node from its peers");
    parts_.sessions.loaded();
    parts_.footnotes.loaded(parts_.progress.applied.index);
}

void KvLayers::apply(const Batch& batch, std::vector<CommandOutcome>* outcomes) {
    execute(batch, *this, parts_, outcomes, changes_);
    replay_bytes_ += batch.bytes();
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
    if (empty_range(query)) return {};
    std::vector<std::unique_ptr<KvCursor>> layers;
    layers.push_back(std::make_unique<TableCursor>(table_, query));
    if (frozen_) layers.push_back(std::make_unique<TableCursor>(*frozen_, query));
    layers.push_back(base_->cursor(query));
    return scan_layers(query, std::move(layers));
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
    return [base = base_, table = frozen_, progress = frozen_progress_, written = written_] {
        *written = base->write(*table, progress);
    };
}

void KvLayers::freeze() {
    parts_.expiries.note_changes(table_);
    parts_.sessions.note_changes(table_);
    parts_.footnotes.note_changes(table_);
    const std::size_t keys = table_.entries().size();
    frozen_ = std::make_shared<const KvTable>(std::exchange(table_, KvTable(keys)));
    frozen_progress_ = parts_.progress;
    replay_bytes_ = 0;
}

bool KvLayers::end_flush() {
    CHECK(written_, "a flush was begun");
    if (!*std::exchange(written_, nullptr)) return false;
    retired_ = std::exchange(frozen_, nullptr);
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
                                                EntryId last) {
    CHECK(!written_, "a flush would overwrite what is installed");
    return [base = base_, last, snapshot = std::shared_ptr<IncomingSnapshot>(std::move(snapshot))] {
        return base->install(*snapshot, last);
    };
}

void KvLayers::end_install(bool installed) {
    if (!installed) return;
    table_ = KvTable();
    frozen_.reset();
    retired_.reset();
    replay_bytes_ = 0;
    load();
}

std::optional<KvFound> KvLayers::find(std::string_view key) {
    if (const auto* entry = table_.find(key)) return found_at(*entry);
    if (frozen_)
        if (const auto* entry = frozen_->find(key)) return found_at(*entry);
    return base_->find(key);
}

WallTime KvLayers::set(std::string_view key, std::string_view value, std::uint64_t revision,
                       WallTime expires_at) {
    return table_.set(key, value, revision, expires_at);
}

WallTime KvLayers::erase(std::string_view key) {
    return table_.erase(key);
}

}  // namespace raftbus
