// load: requests at a cluster, many at a time, from one thread.
//
// Owns: the connections, which requests are on their way, when the next is due, and how long each
// took. Must not know: which node leads, how results are shown.
//
// Without a rate each request goes out when an earlier one is answered, and its time counts from
// then. With a rate it counts from when it was due: a cluster that stands still for a second is
// charged for all that was to be sent meanwhile (coordinated omission).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/histogram.hpp"
#include "bench/requests.hpp"

namespace raftbus::bench {

struct LoadOptions {
    std::vector<std::string> endpoints;  // ZeroMQ; clients take turns
    std::size_t clients = 1;             // connections
    std::size_t in_flight = 1;           // requests of each at most; clients × in_flight < 2^20
    RequestShape shape;
    std::array<unsigned, kOps> mix{1, 0, 0};  // weights of the operations
    bool in_order = false;                    // keys one after the other; else drawn
    std::uint64_t seed = 1;                   // of what is drawn
    double rate = 0;                          // requests a second of all clients; 0: as many as go
    std::chrono::milliseconds warm_up{0};     // not counted
    std::chrono::milliseconds time{0};        // counted; 0: until `count`
    std::uint64_t count = 0;                  // requests; 0: until `time`
    std::chrono::milliseconds patience{10'000};  // a request without an answer is given up then
};

// No answer at all, or one that can not be read.
class LoadFailed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct LoadResult {
    double seconds = 0;
    std::uint64_t answered = 0;  // with success
    std::array<Histogram, kOps> by_op;
    Histogram all;
    std::map<std::string, std::uint64_t, std::less<>> errors;  // by code
    std::uint64_t unanswered = 0;                              // given up
    double cores = 0;                                          // that the load itself took
};

class Load {
public:
    explicit Load(const LoadOptions& options);
    ~Load();

    // What was answered in the last second or so, and how long it took. False: stop.
    using Tick = std::function<bool(const Histogram& lately, double seconds)>;
    // Blocks until all is done and answered. Throws LoadFailed.
    LoadResult run(const Tick& tick);

private:
    class Driver;
    std::unique_ptr<Driver> driver_;
};

}  // namespace raftbus::bench
