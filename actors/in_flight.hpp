// in_flight: the client requests that a gateway has taken and not yet answered.
//
// Owns: who asked, under which id, until when, and what it counts against which limit. A request
// gets in by add() and out by take(), which hands over the only copy of the way back to its client:
// that is why none is answered twice. Each has a deadline, and due() names those that reached it:
// that is why each is answered. Must not know: what was asked, messages, timers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/deadlines.hpp"
#include "messages/bytes.hpp"
#include "messages/client.hpp"
#include "messages/types.hpp"

namespace raftbus {

// Names a request for as long as it is in flight, and nothing afterwards.
struct RequestKey {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    constexpr auto operator<=>(const RequestKey&) const = default;
};

// The batch of commands that a write went into, for the life of the batch.
using BatchNumber = Strong<struct GatewayBatchTag>;

struct InFlightRequest {
    SharedBytes route;        // back to the client
    std::string id;           // msgpack, as the client sent it; empty: none
    client::Op op{};          // what was asked
    bool trace = false;       // the reply names the request
    bool local = false;       // a read of whatever this node has applied
    RequestId request;        // its name in traces
    std::uint64_t bytes = 0;  // what it counts against the limit of bytes
    Moment deadline;
    BatchNumber batch;  // writes only
};

struct InFlightLimits {
    std::uint64_t requests_max = 0;
    std::uint64_t requests_per_client_max = 0;
    std::uint64_t bytes_max = 0;
};

class InFlight {
public:
    explicit InFlight(const InFlightLimits& limits) : limits_(limits) {}

    // Why one more request of that client and size would be too many, naming the limit; none: it
    // fits.
    std::optional<std::string> full(std::string_view route, std::uint64_t bytes) const;

    RequestKey add(InFlightRequest request);
    // The request; null if it has been taken out. Good until the next add or take.
    const InFlightRequest* find(RequestKey key) const;
    bool has(RequestKey key) const { return find(key) != nullptr; }
    // Notes the batch that the request went into. CHECKs that the request is in flight.
    void set_batch(RequestKey key, BatchNumber batch);
    // Takes the request out; none if it was taken out before.
    std::optional<InFlightRequest> take(RequestKey key);

    // When something is due; none if nothing is in flight.
    std::optional<Moment> next_deadline() const { return deadlines_.next(); }
    // Those that are due at `now`, by deadline, which counts as up to Deadlines::kGrain earlier.
    std::vector<RequestKey> due(Moment now) const;
    // All of them, by deadline.
    std::vector<RequestKey> all() const { return due(Moment::max()); }

    std::size_t size() const { return deadlines_.size(); }
    std::uint64_t bytes() const { return bytes_; }
    // How many clients have a request in flight.
    std::size_t clients() const { return clients_.size(); }

private:
    struct StringHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    // Requests of each client, by connection: frames of a client's own are no clients. Looked up,
    // never walked: its order reaches nobody.
    using Clients = std::unordered_map<std::string, std::uint64_t, StringHash, std::equal_to<>>;
    struct Slot {
        std::uint32_t generation = 0;  // odd while the slot is taken
        InFlightRequest request;
        Clients::pointer client = nullptr;
    };

    InFlightLimits limits_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
    Clients clients_;
    Deadlines deadlines_;  // of slots
    std::uint64_t bytes_ = 0;
};

}  // namespace raftbus
