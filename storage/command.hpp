// command: what a client's write is inside a batch body. A body is `count` msgpack arrays, one
// after the other. Packed once, by the gateway that took the requests; decoded by every state
// machine.
//
// Owns: the commands and their bytes. Must not know: who sends them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "messages/result.hpp"

namespace raftbus {

enum class CommandKind : std::uint8_t {
    set = 1,
    erase = 2,
    no_op = 3,
    session = 4,      // opens a session, whose id is the command's index
    transaction = 5,  // its value is one of storage/transaction.hpp
};

// Views into a body, or into whatever the caller keeps alive.
struct Command {
    CommandKind kind = CommandKind::no_op;
    std::string_view key;    // set, erase
    std::string_view value;  // set, transaction
    std::optional<std::uint64_t>
        if_revision;  // only if the key's revision is this; 0: only if absent
    std::optional<std::string_view> if_value;  // only if the key is there with this value
    // set: the key goes after so long, 0: never; session: how long it lives when nobody uses it.
    std::uint64_t ttl_ms = 0;
    std::uint64_t session = 0;  // that the write belongs to, if it has a seq
    std::uint64_t seq = 0;      // its number in it, from 1; 0: it belongs to none
    bool operator==(const Command&) const = default;
};

// Appends the command to `body`. Costs no allocation beyond the string's own growth.
void append_command(std::string& body, const Command& command);

// Walks over a body without copying.
class CommandReader {
public:
    explicit CommandReader(std::string_view body) : rest_(body) {}
    bool done() const { return rest_.empty(); }
    // The next command. An error if the bytes are not one.
    Result<Command> next();

private:
    std::string_view rest_;
};

}  // namespace raftbus
