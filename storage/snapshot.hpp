// snapshot: a flushed state as bytes, to be sent to another node and put in the place of its own.
//
// Owns: the two interfaces, one for each end. Each implementation of the state has its own bytes.
// Must not know: who sends them where.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "messages/types.hpp"

namespace raftbus {

// One flushed state as it was when this was made, whatever is flushed meanwhile. For one thread at
// a time, which need not be the state's. Errors: throws DiskFailed.
class Snapshot {
public:
    virtual ~Snapshot() = default;
    // The newest entry that it covers.
    virtual EntryId last() const = 0;
    virtual std::uint64_t size() const = 0;
    // `count` bytes from `offset`, fewer only at its end.
    virtual std::string read(std::uint64_t offset, std::size_t count) = 0;
};

// One that is being received. Removes what it holds when it is destroyed, unless it was installed.
class IncomingSnapshot {
public:
    virtual ~IncomingSnapshot() = default;
    // The next bytes of it. Not durable before the snapshot is installed. False: the disk has no
    // room for them, and what was received is of no use any more.
    virtual bool append(std::string_view bytes) = 0;
};

}  // namespace raftbus
