#include "storage/command.hpp"

#include <msgpack/pack.hpp>

#include "messages/msgpack_reader.hpp"

namespace raftbus {
namespace {

// The place of each field in a command's array. Trailing absent fields are left out; a field that
// is absent before a present one is nil.
enum Field : std::uint32_t {
    kKind,
    kKey,
    kValue,
    kIfRevision,
    kIfValue,
    kTtl,
    kSession,
    kSeq,
    kFieldsMax
};

bool has_key(CommandKind kind) {
    return kind == CommandKind::set || kind == CommandKind::erase;
}
bool has_value(CommandKind kind) {
    return kind == CommandKind::set || kind == CommandKind::transaction;
}

// What msgpack::packer writes to.
struct Sink {
    std::string& out;
    void write(const char* bytes, std::size_t size) { out.append(bytes, size); }
};
using Packer = msgpack::packer<Sink>;

std::uint32_t fields_of(const Command& command) {
    if (command.seq) return kSeq + 1;
    if (command.ttl_ms) return kTtl + 1;
    if (command.if_value) return kIfValue + 1;
    if (command.if_revision) return kIfRevision + 1;
    if (has_value(command.kind)) return kValue + 1;
    return has_key(command.kind) ? kKey + 1 : kKind + 1;
}

void pack_bytes(Packer& packer, std::string_view bytes) {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    CHECK(size == bytes.size(), "msgpack's bin ends at 4 GiB");
    packer.pack_bin(size);
    packer.pack_bin_body(bytes.data(), size);
}

Error malformed(std::string_view what) {
    return Error{"malformed command: " + std::string(what)};
}

// What is wrong with the fields of a command. Null: nothing is.
const char* complaint(const Command& command, bool key, bool value) {
    const bool conditions = command.if_revision || command.if_value;
    const bool more = key || value || conditions;
    if (command.session && !command.seq) return "a session's write without a number";
    switch (command.kind) {
        case CommandKind::set:
            if (!key) return "a set without a key";
            return value ? nullptr : "a set without a value";
        case CommandKind::erase:
            if (!key) return "an erase without a key";
            if (command.ttl_ms) return "an erase with a time";
            return value ? "an erase with a value" : nullptr;
        case CommandKind::no_op:
            return more || command.ttl_ms ? "a no-op with fields" : nullptr;
        case CommandKind::session:
            if (!command.ttl_ms) return "a session without a life";
            return more || command.seq ? "a session with fields" : nullptr;
        case CommandKind::transaction:
            if (!value) return "a transaction without steps";
            return key || conditions || command.ttl_ms ? "a transaction with fields" : nullptr;
    }
    return "of a kind that this version does not know";
}

// The next field's value, if the field is of that type. False: it is not, or it is cut short.
bool get(const MsgpackValue& field, std::uint64_t& value) {
    value = field.number;
    return field.kind == MsgpackKind::unsigned_integer;
}
bool get(const MsgpackValue& field, std::string_view& value) {
    value = field.bytes;
    return field.kind == MsgpackKind::binary;
}
template <class T>
bool take(MsgpackReader& in, T& value) {
    MsgpackValue field;
    return in.enter(field) && get(field, value);
}
// The same, or nil, which leaves the value as it is.
template <class T>
bool take_or_nil(MsgpackReader& in, std::optional<T>& value) {
    MsgpackValue field;
    if (!in.enter(field)) return false;
    return field.kind == MsgpackKind::nil || get(field, value.emplace());
}

}  // namespace

void append_command(std::string& body, const Command& command) {
    Sink sink{body};
    Packer packer(sink);
    const std::uint32_t fields = fields_of(command);
    const bool plain = command.kind == CommandKind::no_op || command.kind == CommandKind::session;
    CHECK(!plain || (!command.if_revision && !command.if_value), "it has no conditions");
    packer.pack_array(fields);
    packer.pack_uint8(static_cast<std::uint8_t>(command.kind));
    const auto bytes_or_nil = [&](bool given, std::string_view bytes) {
        if (given)
            pack_bytes(packer, bytes);
        else
            packer.pack_nil();
    };
    const auto number_or_nil = [&](bool given, std::uint64_t number) {
        if (given)
            packer.pack_uint64(number);
        else
            packer.pack_nil();
    };
    if (fields > kKey) bytes_or_nil(has_key(command.kind), command.key);
    if (fields > kValue) bytes_or_nil(has_value(command.kind), command.value);
    if (fields > kIfRevision)
        number_or_nil(command.if_revision.has_value(), command.if_revision.value_or(0));
    if (fields > kIfValue)
        bytes_or_nil(command.if_value.has_value(), command.if_value.value_or(std::string_view()));
    if (fields > kTtl) number_or_nil(command.ttl_ms != 0, command.ttl_ms);
    if (fields > kSession) packer.pack_uint64(command.session);
    if (fields > kSeq) packer.pack_uint64(command.seq);
}

Result<Command> CommandReader::next() {
    MsgpackReader in(rest_);
    MsgpackValue field;
    if (!in.enter(field) || field.kind != MsgpackKind::array) return malformed("not an array");
    const std::uint64_t fields = field.number;
    if (fields == 0) return malformed("empty");
    if (fields > kFieldsMax) return malformed("fields that this version does not know");

    Command command;
    std::uint64_t kind = 0;
    std::optional<std::string_view> key, value;
    std::optional<std::uint64_t> ttl;
    if (!take(in, kind)) return malformed("its kind is not a number");
    if (kind > std::uint64_t(CommandKind::transaction))
        return malformed("of a kind that this version does not know");
    command.kind = static_cast<CommandKind>(kind);
    if (fields > kKey && !take_or_nil(in, key)) return malformed("its key is not bin");
    if (fields > kValue && !take_or_nil(in, value)) return malformed("its value is not bin");
    if (fields > kIfRevision && !take_or_nil(in, command.if_revision))
        return malformed("its if_revision is not a number");
    if (fields > kIfValue && !take_or_nil(in, command.if_value))
        return malformed("its if_value is not bin");
    if (fields > kTtl && !take_or_nil(in, ttl)) return malformed("its ttl is not a number");
    if (fields > kSession && !take(in, command.session))
        return malformed("its session is not a number");
    if (fields > kSeq && !take(in, command.seq)) return malformed("its seq is not a number");
    command.key = key.value_or(std::string_view());
    command.value = value.value_or(std::string_view());
    command.ttl_ms = ttl.value_or(0);
    if (const char* what = complaint(command, key.has_value(), value.has_value()))
        return malformed(what);
    rest_.remove_prefix(rest_.size() - in.left());
    return command;
}

}  // namespace raftbus
