#include "cli/wire.hpp"

#include <msgpack.hpp>

namespace raftbus::cli {
namespace {

using Packer = msgpack::packer<msgpack::sbuffer>;

void pack_bytes(Packer& packer, const std::string& bytes) {
    packer.pack_bin(static_cast<std::uint32_t>(bytes.size()));
    packer.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
}

void pack_value(Packer& packer, const Value& value) {
    std::visit(
        [&]<class T>(const T& data) {
            if constexpr (std::is_same_v<T, std::monostate>) {
                packer.pack_nil();
            } else if constexpr (std::is_same_v<T, Blob>) {
                pack_bytes(packer, data.bytes);
            } else if constexpr (std::is_same_v<T, Value::List>) {
                packer.pack_array(static_cast<std::uint32_t>(data.size()));
                for (const Value& item : data) pack_value(packer, item);
            } else if constexpr (std::is_same_v<T, Value::Map>) {
                packer.pack_map(static_cast<std::uint32_t>(data.size()));
                for (const auto& [name, field] : data) {
                    packer.pack(name);
                    pack_value(packer, field);
                }
            } else {
                packer.pack(data);
            }
        },
        value.data);
}

std::string text_of(const msgpack::object& object) {
    if (object.type == msgpack::type::BIN) return {object.via.bin.ptr, object.via.bin.size};
    if (object.type == msgpack::type::STR) return {object.via.str.ptr, object.via.str.size};
    return {};
}

Value value_of(const msgpack::object& object) {
    switch (object.type) {
        case msgpack::type::BOOLEAN:
            return object.via.boolean;
        case msgpack::type::POSITIVE_INTEGER:
            return static_cast<std::uint64_t>(object.via.u64);
        case msgpack::type::NEGATIVE_INTEGER:
            return static_cast<std::int64_t>(object.via.i64);
        case msgpack::type::FLOAT32:
        case msgpack::type::FLOAT64:
            return object.via.f64;
        case msgpack::type::STR:
            return text_of(object);
        case msgpack::type::BIN:
            return Blob{text_of(object)};
        case msgpack::type::ARRAY: {
            Value::List items;
            for (const auto& item : object.via.array) items.push_back(value_of(item));
            return items;
        }
        case msgpack::type::MAP: {
            Value::Map fields;
            for (const auto& [name, field] : object.via.map) {
                fields.emplace_back(text_of(name), value_of(field));
            }
            return fields;
        }
        default:
            return {};
    }
}

}  // namespace

std::string pack(const Value& value) {
    msgpack::sbuffer buffer;
    Packer packer(buffer);
    pack_value(packer, value);
    return {buffer.data(), buffer.size()};
}

Result<Value> unpack(std::string_view bytes) {
    const std::size_t most = bytes.size();
    const msgpack::unpack_limit limit(most, most, most, most, 0, 16);
    const auto by_reference = [](msgpack::type::object_type, std::size_t, void*) { return true; };
    try {
        std::size_t used = 0;
        const auto handle =
            msgpack::unpack(bytes.data(), bytes.size(), used, by_reference, nullptr, limit);
        if (used != bytes.size()) return Error{"bytes after the end of the msgpack value"};
        return value_of(handle.get());
    } catch (const std::exception& wrong) {
        return Error{std::string("not msgpack: ") + wrong.what()};
    }
}

}  // namespace raftbus::cli
