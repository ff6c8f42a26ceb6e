// command_body: a batch's body as the commands that its header counts, whatever its bytes are.
//
// Owns: what becomes of bytes that are no command. Gateways make bodies and checksums guard them,
// but a peer may send anything, and a log of an older release may hold it: a command that cannot be
// read takes its index and does nothing, on every node alike. Must not know: what commands do.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/command.hpp"

namespace raftbus {

// True if the body is `count` commands, from 1, that can be read and carried out, and nothing else.
bool holds_commands(std::string_view body, std::uint32_t count);

// Walks over the commands of a body; it may be asked for as many as the header counts.
class CommandBody {
public:
    explicit CommandBody(std::string_view body) : reader_(body) {}
    // None: the next command cannot be read. Where one ends is not known then, so the ones that
    // follow cannot be read either, unless only a transaction's steps make no sense.
    std::optional<Command> next();
    bool done() const { return reader_.done(); }

private:
    CommandReader reader_;
    bool broken_ = false;
};

}  // namespace raftbus
