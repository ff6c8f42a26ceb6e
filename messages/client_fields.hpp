// client_fields: the fields of one client request, found but not yet understood.
//
// Owns: the names of all fields, the walk over the map, and the checks of a field's type. The first
// thing that is wrong is kept; what is asked after that answers with empty values.
// Must not know: which op has which fields.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/client.hpp"
#include "messages/msgpack_reader.hpp"

namespace raftbus::client {

enum class Field : std::uint8_t {
    op,
    id,
    timeout_ms,
    trace,
    session,
    seq,
    key,
    value,
    if_revision,
    if_value,
    ttl_ms,
    consistency,
    prefix,
    start,
    end,
    limit,
    keys_only,
    from,
    node,
    peer,
    client,
    learner,
    progress_ms,
    backup,
    offset,
    needs_version,
    disk,
};
inline constexpr std::size_t kFieldCount = 27;
std::string_view to_string(Field field);

class Fields {
public:
    // Walks over a body; `body` must stay. What is wrong with it stands in failure().
    explicit Fields(std::string_view body);

    // The first thing that was found wrong; none so far.
    const std::optional<Failure>& failure() const { return failure_; }
    // Keeps the failure unless there is one already.
    void fail(ErrorCode code, std::string message);

    // The id as it stands, nil included; empty if there is none.
    std::string_view id() const;
    // True if the field is there and not nil.
    bool has(Field field) const;

    // Bytes of at most `bytes_max`, given as bin or str; fails with too_large beyond it.
    std::optional<std::string_view> bytes(Field field, std::uint64_t bytes_max);
    std::optional<std::uint64_t> number(Field field);
    std::optional<bool> boolean(Field field);
    std::optional<std::string_view> text(Field field);

private:
    void walk(std::string_view body);
    const MsgpackValue* given(Field field) const;
    const MsgpackValue* find(Field field) const;
    void keep(const MsgpackValue& name, const MsgpackValue& value);
    void mistyped(Field field, std::string_view expected, const MsgpackValue& value);

    static constexpr std::size_t kFew = 6;  // most requests have no more fields

    std::array<std::uint8_t, kFieldCount> places_{};  // of its value, from 1; 0: it was not given
    std::array<MsgpackValue, kFew> values_;           // the first of them
    std::vector<MsgpackValue> more_;                  // and the rest
    std::size_t given_ = 0;
    std::optional<Failure> failure_;
};

}  // namespace raftbus::client
