#include "storage/kv_memory.hpp"

#include <utility>

#include "messages/check.hpp"
#include "storage/kv_scan.hpp"

namespace raftbus {

void KvMemory::apply(const Batch& batch, std::vector<CommandOutcome>* outcomes) {
    execute(batch, *this, parts_, outcomes);
}

std::optional<Item> KvMemory::get(std::string_view key) {
    const std::optional<KvFound> found = find(key);
    if (!found) return std::nullopt;
    return Item{{}, SharedBytes::copy(found->value), found->revision};
}

ScanAnswer KvMemory::scan(const ScanQuery& query) {
    ScanCollector collector(query);
    for (auto at = table_.lower_bound(query.start.view()); at != table_.end(); ++at) {
        if (query.end && at->first >= query.end->view()) break;
        if (!collector.add(at->first, at->second.value, at->second.revision)) break;
    }
    return collector.finish();
}

std::function<void()> KvMemory::begin_flush() {
    return [] {};
}

std::function<std::shared_ptr<Snapshot>()> KvMemory::begin_snapshot() {
    CHECK(false, "nothing is ever flushed");
    return {};
}
std::unique_ptr<IncomingSnapshot> KvMemory::receive_snapshot() {
    CHECK(false, "nothing is ever flushed");
    return nullptr;
}
std::function<Status()> KvMemory::begin_install(std::unique_ptr<IncomingSnapshot>, EntryId) {
    CHECK(false, "nothing is ever flushed");
    return {};
}

std::optional<KvFound> KvMemory::find(std::string_view key) {
    const auto at = table_.find(key);
    if (at == table_.end()) return std::nullopt;
    return KvFound{at->second.value, at->second.revision, at->second.expires_at};
}

WallTime KvMemory::set(std::string_view key, std::string_view value, std::uint64_t revision,
                       WallTime expires_at) {
    auto at = table_.lower_bound(key);
    if (at == table_.end() || at->first != key) at = table_.try_emplace(at, std::string(key));
    at->second.revision = revision;
    at->second.value.assign(value);
    return std::exchange(at->second.expires_at, expires_at);
}

WallTime KvMemory::erase(std::string_view key) {
    const auto at = table_.find(key);
    CHECK(at != table_.end(), "only a key that was found is erased");
    const WallTime expires_at = at->second.expires_at;
    table_.erase(at);
    return expires_at;
}

}  // namespace raftbus
