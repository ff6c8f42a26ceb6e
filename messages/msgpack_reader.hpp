// msgpack_reader: a walk over msgpack bytes that allocates nothing.
//
// Owns: how one msgpack value is told from the next. Values are views into the bytes. msgpack-c's
// own parsers allocate a stack for every object, which a gateway that takes hundreds of thousands
// of small maps a second can't afford. Must not know: what the values mean.
#pragma once

#include <cstdint>
#include <string_view>

namespace raftbus {

enum class MsgpackKind : std::uint8_t {
    nil,
    boolean,
    unsigned_integer,
    negative_integer,
    floating,
    string,
    binary,
    array,
    map,
    extension,
};

// With its article, for messages: "an array", "bin".
std::string_view to_string(MsgpackKind kind);

struct MsgpackValue {
    MsgpackKind kind = MsgpackKind::nil;
    bool boolean = false;  // boolean
    // unsigned_integer: the number; negative_integer: it, as that of an int64_t; array: elements;
    // map: pairs
    std::uint64_t number = 0;
    std::string_view bytes;  // string, binary: the content
    std::string_view raw;    // the value as it stands, with all that it contains
};

class MsgpackReader {
public:
    // `bytes` must stay for as long as the values that are read.
    explicit MsgpackReader(std::string_view bytes) : rest_(bytes) {}

    bool done() const { return rest_.empty(); }
    std::size_t left() const { return rest_.size(); }

    // Reads one value with all that it contains, however deep: depth costs neither stack nor
    // memory, and the time is linear in the bytes. False if they break off or are not msgpack; the
    // reader is of no use then.
    bool read(MsgpackValue& value);
    // Like read, but stops before the first element of an array or map. `raw` is the head alone.
    bool enter(MsgpackValue& value);

private:
    bool number(std::size_t bytes, std::uint64_t& number);
    bool content(std::size_t length_bytes, std::size_t extra, MsgpackValue& value);
    bool skip(std::size_t bytes);
    bool head(MsgpackValue& value);
    bool wide_head(std::uint8_t type, MsgpackValue& value);

    std::string_view rest_;
};

}  // namespace raftbus
