// mail: messages under way. Every pair of actors has a pipe, whose letters arrive in the order in
// which they were sent; between pipes nothing is promised. Letters are the bytes that production
// would send.
//
// Owns: the pipes, the encoding and decoding of what is in them. Must not know: what delays or
// loses a letter.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "messages/codec.hpp"
#include "sim/schedule.hpp"

namespace raftbus::sim {

struct Letter {
    Moment sent;
    Moment due;
    SharedBytes head;
    std::vector<SharedBytes> bodies;
};

// A letter that has come out of its pipe.
struct Opened {
    Delivery delivery;
    Moment sent;
    std::uint64_t hash;  // of its bytes
};

class Mail {
public:
    // Which pipe; the same pair has the same number, and no two pairs share one.
    using PipeNumber = std::uint64_t;

    // For nodes 1 to `nodes`.
    explicit Mail(std::size_t nodes);

    PipeNumber pipe(Address from, Address to) const;
    Address receiver(PipeNumber pipe) const;
    Address sender(PipeNumber pipe) const;

    static Letter seal(const Envelope& envelope, const AnyMessage& message, Moment sent);
    // Puts a letter into its pipe. It arrives at letter.due, or with the one before it.
    // Returns when.
    Moment put(PipeNumber pipe, Letter letter);
    // A letter that goes its own way, past those before it. Returns the number to take it by.
    std::uint64_t put_stray(PipeNumber pipe, Letter letter);

    bool empty(PipeNumber pipe) const;
    // The oldest letter of the pipe. None if it is empty, or the oldest is not due at `now`.
    std::optional<Opened> take(PipeNumber pipe, Moment now);
    // The same, but the letter stays.
    Opened peek(PipeNumber pipe) const;
    std::pair<PipeNumber, std::optional<Opened>> take_stray(std::uint64_t number);

    // Forgets what is under way between the two nodes; for one and the same node, inside it.
    void drop(NodeId from, NodeId to);
    // The pipes that hold something, in the order of their addresses.
    std::vector<PipeNumber> in_use() const;

private:
    struct Pipe {
        std::vector<Letter> letters;
        std::size_t first = 0;  // of those that are left
        Moment last_due;
    };
    std::uint64_t place(Address address) const {
        return (address.node.value - 1) * kActorCount + static_cast<std::uint64_t>(address.actor);
    }
    static Opened open(const Letter& letter);

    std::size_t places_;  // addresses
    std::vector<Pipe> pipes_;
    std::unordered_map<std::uint64_t, std::pair<PipeNumber, Letter>> strays_;
    std::uint64_t last_stray_ = 0;
};

}  // namespace raftbus::sim
