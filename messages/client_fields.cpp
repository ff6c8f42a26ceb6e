#include "messages/client_fields.hpp"

namespace raftbus::client {
namespace {

constexpr std::array<std::string_view, kFieldCount> kNames = {
    "op",      "id",          "timeout_ms", "trace",  "session",       "seq",    "key",
    "value",   "if_revision", "if_value",   "ttl_ms", "consistency",   "prefix", "start",
    "end",     "limit",       "keys_only",  "from",   "node",          "peer",   "client",
    "learner", "progress_ms", "backup",     "offset", "needs_version", "disk"};

std::size_t place(Field field) {
    return static_cast<std::size_t>(field);
}

std::string quoted(Field field) {
    return "field '" + std::string(to_string(field)) + "'";
}

}  // namespace

std::string_view to_string(Field field) {
    return kNames[place(field)];
}

Fields::Fields(std::string_view body) {
    walk(body);
}

void Fields::walk(std::string_view body) {
    if (body.empty())
        return fail(ErrorCode::bad_request, "the body is empty: send one msgpack map");
    MsgpackReader reader(body);
    MsgpackValue map;
    constexpr std::string_view broken =
        "the body is not one whole msgpack map: it breaks off or "
        "holds a byte that is not msgpack";
    if (!reader.enter(map)) return fail(ErrorCode::bad_request, std::string(broken));
    if (map.kind != MsgpackKind::map) {
        const bool json = body.front() == '{';
        return fail(ErrorCode::bad_request, "the body must be a msgpack map, not " +
                                                std::string(to_string(map.kind)) +
                                                (json ? " (it looks like JSON)" : ""));
    }
    for (std::uint64_t i = 0; i < map.number; ++i) {
        MsgpackValue name;
        MsgpackValue value;
        if (!reader.read(name) || !reader.read(value))
            return fail(ErrorCode::bad_request, std::string(broken));
        keep(name, value);
    }
    if (!reader.done())
        fail(ErrorCode::bad_request, std::to_string(reader.left()) +
                                         " bytes follow the map: send exactly one map in a body");
}

void Fields::keep(const MsgpackValue& name, const MsgpackValue& value) {
    if (name.kind != MsgpackKind::string)
        return fail(ErrorCode::bad_request,
                    "the names of fields must be str, not " + std::string(to_string(name.kind)));
    for (std::size_t i = 0; i < kFieldCount; ++i) {
        if (name.bytes != kNames[i]) continue;
        if (places_[i] != 0)
            return fail(ErrorCode::bad_request,
                        quoted(static_cast<Field>(i)) + " stands there twice");
        if (given_ < kFew)
            values_[given_] = value;
        else
            more_.push_back(value);
        places_[i] = static_cast<std::uint8_t>(++given_);
        return;
    }
}

void Fields::fail(ErrorCode code, std::string message) {
    if (!failure_) failure_ = Failure{code, std::move(message), {}};
}

void Fields::mistyped(Field field, std::string_view expected, const MsgpackValue& value) {
    fail(ErrorCode::bad_request, quoted(field) + " must be " + std::string(expected) + ", not " +
                                     std::string(to_string(value.kind)));
}

std::string_view Fields::id() const {
    const MsgpackValue* value = given(Field::id);
    return value == nullptr ? std::string_view() : value->raw;
}

const MsgpackValue* Fields::given(Field field) const {
    const std::size_t at = places_[place(field)];
    if (at == 0) return nullptr;
    return at <= kFew ? &values_[at - 1] : &more_[at - 1 - kFew];
}

const MsgpackValue* Fields::find(Field field) const {
    const MsgpackValue* value = given(field);
    return value == nullptr || value->kind == MsgpackKind::nil ? nullptr : value;
}

bool Fields::has(Field field) const {
    return find(field) != nullptr;
}

std::optional<std::string_view> Fields::bytes(Field field, std::uint64_t bytes_max) {
    const MsgpackValue* value = find(field);
    if (value == nullptr) return std::nullopt;
    if (value->kind != MsgpackKind::binary && value->kind != MsgpackKind::string) {
        mistyped(field, "bin or str", *value);
        return std::nullopt;
    }
    if (value->bytes.size() > bytes_max) {
        fail(ErrorCode::too_large, quoted(field) + " is " + std::to_string(value->bytes.size()) +
                                       " bytes long; the limit is " + std::to_string(bytes_max));
        return std::nullopt;
    }
    return value->bytes;
}

std::optional<std::uint64_t> Fields::number(Field field) {
    const MsgpackValue* value = find(field);
    if (value == nullptr) return std::nullopt;
    if (value->kind == MsgpackKind::unsigned_integer) return value->number;
    mistyped(field, "an unsigned integer", *value);
    return std::nullopt;
}

std::optional<bool> Fields::boolean(Field field) {
    const MsgpackValue* value = find(field);
    if (value == nullptr) return std::nullopt;
    if (value->kind == MsgpackKind::boolean) return value->boolean;
    mistyped(field, "a boolean", *value);
    return std::nullopt;
}

std::optional<std::string_view> Fields::text(Field field) {
    const MsgpackValue* value = find(field);
    if (value == nullptr) return std::nullopt;
    if (value->kind == MsgpackKind::string) return value->bytes;
    mistyped(field, "str", *value);
    return std::nullopt;
}

}  // namespace raftbus::client
