#include "messages/msgpack_reader.hpp"

namespace raftbus {
namespace {

// How many values follow the head before this one is complete.
std::uint64_t children(const MsgpackValue& value) {
    if (value.kind == MsgpackKind::array) return value.number;
    if (value.kind == MsgpackKind::map) return 2 * value.number;
    return 0;
}

}  // namespace

std::string_view to_string(MsgpackKind kind) {
    constexpr std::string_view names[] = {"nil",
                                          "a boolean",
                                          "an unsigned integer",
                                          "a negative integer",
                                          "a float",
                                          "str",
                                          "bin",
                                          "an array",
                                          "a map",
                                          "an extension"};
    return names[static_cast<std::size_t>(kind)];
}

bool MsgpackReader::read(MsgpackValue& value) {
    const char* begin = rest_.data();
    if (!head(value)) return false;
    // At most 2^33 for every head, and a head is a byte at least: no sum over a frame overflows.
    std::uint64_t missing = children(value);
    for (MsgpackValue inner; missing > 0; --missing) {
        if (!head(inner)) return false;
        missing += children(inner);
    }
    value.raw = {begin, static_cast<std::size_t>(rest_.data() - begin)};
    return true;
}

bool MsgpackReader::enter(MsgpackValue& value) {
    const char* begin = rest_.data();
    if (!head(value)) return false;
    value.raw = {begin, static_cast<std::size_t>(rest_.data() - begin)};
    return true;
}

bool MsgpackReader::skip(std::size_t bytes) {
    if (rest_.size() < bytes) return false;
    rest_.remove_prefix(bytes);
    return true;
}

// A big-endian number.
bool MsgpackReader::number(std::size_t bytes, std::uint64_t& number) {
    if (rest_.size() < bytes) return false;
    number = 0;
    for (std::size_t i = 0; i < bytes; ++i)
        number = number << 8 | static_cast<std::uint8_t>(rest_[i]);
    rest_.remove_prefix(bytes);
    return true;
}

// A length of `length_bytes`, then `extra` bytes and that many of content.
bool MsgpackReader::content(std::size_t length_bytes, std::size_t extra, MsgpackValue& value) {
    std::uint64_t length = 0;
    if (!number(length_bytes, length) || !skip(extra)) return false;
    if (rest_.size() < length) return false;
    value.bytes = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
}

// One head; with strings, binaries and extensions their content too.
bool MsgpackReader::head(MsgpackValue& value) {
    if (rest_.empty()) return false;
    const auto type = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    if (type <= 0x7f) {
        value.kind = MsgpackKind::unsigned_integer;
        value.number = type;
        return true;
    }
    if (type <= 0x8f) {
        value.kind = MsgpackKind::map;
        value.number = type & 0x0f;
        return true;
    }
    if (type <= 0x9f) {
        value.kind = MsgpackKind::array;
        value.number = type & 0x0f;
        return true;
    }
    if (type <= 0xbf) {
        const std::size_t length = type & 0x1f;
        value.kind = MsgpackKind::string;
        value.bytes = rest_.substr(0, length);
        return skip(length);
    }
    if (type >= 0xe0) {
        value.kind = MsgpackKind::negative_integer;
        value.number = ~std::uint64_t{0xff} | type;
        return true;
    }
    return wide_head(type, value);
}

bool MsgpackReader::wide_head(std::uint8_t type, MsgpackValue& value) {
    switch (type) {
        case 0xc0:
            value.kind = MsgpackKind::nil;
            return true;
        case 0xc2:
        case 0xc3:
            value.kind = MsgpackKind::boolean;
            value.boolean = type == 0xc3;
            return true;
        case 0xc4:
        case 0xc5:
        case 0xc6:
            value.kind = MsgpackKind::binary;
            return content(std::size_t{1} << (type - 0xc4), 0, value);
        case 0xc7:
        case 0xc8:
        case 0xc9:
            value.kind = MsgpackKind::extension;
            return content(std::size_t{1} << (type - 0xc7), 1, value);
        case 0xca:
        case 0xcb:
            value.kind = MsgpackKind::floating;
            return skip(type == 0xca ? 4 : 8);
        case 0xcc:
        case 0xcd:
        case 0xce:
        case 0xcf:
            value.kind = MsgpackKind::unsigned_integer;
            return number(std::size_t{1} << (type - 0xcc), value.number);
        case 0xd0:
        case 0xd1:
        case 0xd2:
        case 0xd3: {
            const std::size_t bytes = std::size_t{1} << (type - 0xd0);
            if (!number(bytes, value.number)) return false;
            const bool negative = (value.number >> (8 * bytes - 1) & 1) != 0;
            value.kind = negative ? MsgpackKind::negative_integer : MsgpackKind::unsigned_integer;
            if (negative && bytes < 8) value.number |= ~std::uint64_t{0} << (8 * bytes);
            return true;
        }
        case 0xd4:
        case 0xd5:
        case 0xd6:
        case 0xd7:
        case 0xd8:
            value.kind = MsgpackKind::extension;
            return skip(1 + (std::size_t{1} << (type - 0xd4)));
        case 0xd9:
        case 0xda:
        case 0xdb:
            value.kind = MsgpackKind::string;
            return content(std::size_t{1} << (type - 0xd9), 0, value);
        case 0xdc:
        case 0xdd:
            value.kind = MsgpackKind::array;
            return number(type == 0xdc ? 2 : 4, value.number);
        case 0xde:
        case 0xdf:
            value.kind = MsgpackKind::map;
            return number(type == 0xde ? 2 : 4, value.number);
        default:
            return false;  // 0xc1, which msgpack never uses
    }
}

}  // namespace raftbus
