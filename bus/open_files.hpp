// open_files: how many files this process may have open, has open, and lets its clients have.
//
// Owns: the arithmetic. Each client's connection is an open file, and so is much that a node cannot
// do without: a segment of the log, a table of the state, a link to a peer. So clients get what is
// left once those have theirs.
#pragma once

#include <cstdint>

namespace raftbus {

// Raises this process's limit of open files as far as it may be raised. Returns the limit.
std::uint64_t raise_open_files();
std::uint64_t open_files_limit();
// Now; 0 if the system does not say, the greatest number if there is none left.
std::uint64_t open_files();

// What clients may have of `limit` files.
struct ClientFiles {
    std::uint64_t connections = 0;  // so many are served, at least one
    std::uint64_t accepted = 0;     // and so many taken in, to be told that they are too many
    bool operator==(const ClientFiles&) const = default;
};
// `used`: files that the node has open before the first client, or will have. `reserve`: that are
// kept free for it. `wanted`: connections to be served.
ClientFiles share_files(std::uint64_t limit, std::uint64_t used, std::uint64_t reserve,
                        std::uint64_t wanted);

}  // namespace raftbus
