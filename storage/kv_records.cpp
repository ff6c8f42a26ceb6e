#include "storage/kv_records.hpp"

namespace raftbus::kv {
namespace {

constexpr char kProgressVersionWithoutClock = 1;
constexpr std::uint64_t kTimed = std::uint64_t{1} << 63;  // revisions are far below
constexpr std::size_t kNumberBytes = 8;

void append_number(std::string& out, std::uint64_t number) {
    for (std::size_t i = 0; i < kNumberBytes; ++i) out += static_cast<char>(number >> (8 * i));
}

// Of the first kNumberBytes bytes, which are there.
std::uint64_t number_at(std::string_view bytes) {
    std::uint64_t number = 0;
    for (std::size_t i = kNumberBytes; i-- > 0;)
        number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
    return number;
}

}  // namespace

std::string encode(const KvProgress& progress) {
    std::string bytes(1, kProgressVersion);
    append_number(bytes, progress.applied.index.value);
    append_number(bytes, progress.applied.term.value);
    append_number(bytes, progress.digest);
    append_number(bytes, static_cast<std::uint64_t>(progress.clock.value));
    return bytes;
}
std::optional<KvProgress> decode_progress(std::string_view bytes) {
    if (bytes.empty()) return std::nullopt;
    const bool clock = bytes[0] == kProgressVersion;
    if (!clock && bytes[0] != kProgressVersionWithoutClock) return std::nullopt;
    if (bytes.size() != 1 + (clock ? 4 : 3) * kNumberBytes) return std::nullopt;
    bytes.remove_prefix(1);
    KvProgress progress;
    progress.applied.index = LogIndex(number_at(bytes));
    progress.applied.term = Term(number_at(bytes.substr(kNumberBytes)));
    progress.digest = number_at(bytes.substr(2 * kNumberBytes));
    if (clock)
        progress.clock =
            WallTime(static_cast<std::int64_t>(number_at(bytes.substr(3 * kNumberBytes))));
    return progress;
}

std::optional<KvFound> decode_record(std::string_view bytes) {
    if (bytes.size() < kNumberBytes) return std::nullopt;
    KvFound found;
    const std::uint64_t revision = number_at(bytes);
    found.revision = revision & ~kTimed;
    bytes.remove_prefix(kNumberBytes);
    if (revision & kTimed) {
        if (bytes.size() < kNumberBytes) return std::nullopt;
        found.expires_at = WallTime(static_cast<std::int64_t>(number_at(bytes)));
        bytes.remove_prefix(kNumberBytes);
    }
    found.value = bytes;
    return found;
}

void append_record(std::string& out, const KvFound& record) {
    append_number(out, record.revision | (record.expires_at ? kTimed : 0));
    if (record.expires_at) append_number(out, static_cast<std::uint64_t>(record.expires_at.value));
    out.append(record.value);
}

std::string encode_configuration(const StoredConfiguration& stored) {
    std::string bytes;
    append_number(bytes, stored.index.value);
    return bytes.append(stored.body.view());
}

std::optional<StoredConfiguration> decode_configuration(std::string_view bytes) {
    if (bytes.size() < kNumberBytes) return std::nullopt;
    return StoredConfiguration{LogIndex(number_at(bytes)),
                               SharedBytes::copy(bytes.substr(kNumberBytes))};
}

std::string damaged(const std::string& directory, const std::string& cause) {
    return "the state in " + directory + " is damaged: " + cause +
           "; stop the node, see what `raftbus check` says of its data directory, and let " +
           "`raftbus repair` rebuild it from its peers";
}

}  // namespace raftbus::kv
