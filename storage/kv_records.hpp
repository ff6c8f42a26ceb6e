// kv_records: what stands in the files of the durable state. A file holds
//   'k' + key        -> revision (8 bytes, little-endian) + value; or a deletion. With the highest
//                       bit of the revision set, the key's time (8 bytes) stands before the value
//   'm' + "progress" -> version (1 byte), applied index, its term, digest, clock (8 bytes each,
//                       little-endian; version 1 has no clock)
//   'm' + "configuration" -> index (8 bytes, little-endian), the body of its batch; not before the
//                       first one
//   'n' + …          -> a footnote (storage/footnotes.hpp); or a deletion
//   's' + id         -> a session (storage/sessions.cpp); or a deletion
//   'x' + time + key -> nothing: the key may expire then (storage/expiries.hpp); or a deletion
//
// Owns: these forms, and how it is said that they are damaged. Must not know: RocksDB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/kv_execute.hpp"
#include "storage/kv_scan.hpp"

namespace raftbus::kv {

inline constexpr char kUserPrefix = 'k';
inline constexpr std::string_view kUserEnd = "l";  // the first key after all of the users'
inline constexpr std::string_view kConfigurationKey = "mconfiguration";
inline constexpr std::string_view kProgressKey = "mprogress";
inline constexpr char kProgressVersion = 2;  // of what stands there
static_assert(kUserPrefix + 1 == kUserEnd[0]);

std::string encode(const KvProgress& progress);
// Without the configuration. None if it is damaged.
std::optional<KvProgress> decode_progress(std::string_view bytes);

std::string encode_configuration(const StoredConfiguration& stored);
std::optional<StoredConfiguration> decode_configuration(std::string_view bytes);

// What stands under a key; none if it is damaged. A view of the bytes.
std::optional<KvFound> decode_record(std::string_view bytes);
void append_record(std::string& out, const KvFound& record);

// "the state in DIR is damaged: …", with the next step.
std::string damaged(const std::string& directory, const std::string& cause);

}  // namespace raftbus::kv
