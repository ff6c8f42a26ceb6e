#include "storage/command.hpp"

#include <msgpack/pack.hpp>

#include "messages/msgpack_reader.hpp"

namespace raftbus {
namespace {

// The place of each field in a command's array. Trailing absent fields are left out; a field that
// is absent before a present one is nil.
enum Field : std::uint32_t { kKind, kKey, kValue, kIfRevision, kIfValue, kFieldsMax };

// What msgpack::packer writes to.
struct Sink {
    std::string& out;
    void write(const char* bytes, std::size_t size) { out.append(bytes, size); }
};
using Packer = msgpack::packer<Sink>;

std::uint32_t fields_of(const Command& command) {
    if (command.if_value) return kIfValue + 1;
    if (command.if_revision) return kIfRevision + 1;
    switch (command.kind) {
        case CommandKind::set:
            return kValue + 1;
        case CommandKind::erase:
            return kKey + 1;
        case CommandKind::no_op:
            return kKind + 1;
    }
    CHECK(false, "a command of no known kind");
    return 0;
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

// What a command of this kind must and must not have. Null: nothing is wrong with it.
const char* complaint(std::uint64_t kind, std::uint64_t fields, bool has_value) {
    switch (kind) {
        case std::uint64_t(CommandKind::set):
            return has_value ? nullptr : "a set without a value";
        case std::uint64_t(CommandKind::erase):
            if (fields <= kKey) return "an erase without a key";
            return has_value ? "an erase with a value" : nullptr;
        case std::uint64_t(CommandKind::no_op):
            return fields > kKind + 1 ? "a no-op with fields" : nullptr;
        default:
            return "of a kind that this version does not know";
    }
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
    CHECK(command.kind != CommandKind::no_op || fields == kKind + 1, "a no-op has no conditions");
    packer.pack_array(fields);
    packer.pack_uint8(static_cast<std::uint8_t>(command.kind));
    if (fields > kKey) pack_bytes(packer, command.key);
    if (fields > kValue) {
        if (command.kind == CommandKind::set) {
            pack_bytes(packer, command.value);
        } else {
            packer.pack_nil();
        }
    }
    if (fields > kIfRevision) {
        if (command.if_revision) {
            packer.pack_uint64(*command.if_revision);
        } else {
            packer.pack_nil();
        }
    }
    if (fields > kIfValue) pack_bytes(packer, *command.if_value);
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
    std::optional<std::string_view> value;
    if (!take(in, kind)) return malformed("its kind is not a number");
    if (fields > kKey && !take(in, command.key)) return malformed("its key is not bin");
    if (fields > kValue && !take_or_nil(in, value)) return malformed("its value is not bin");
    if (fields > kIfRevision && !take_or_nil(in, command.if_revision))
        return malformed("its if_revision is not a number");
    if (fields > kIfValue && !take_or_nil(in, command.if_value))
        return malformed("its if_value is not bin");
    if (const char* what = complaint(kind, fields, bool(value))) return malformed(what);
    command.kind = static_cast<CommandKind>(kind);
    command.value = value.value_or(std::string_view());
    rest_.remove_prefix(rest_.size() - in.left());
    return command;
}

}  // namespace raftbus
