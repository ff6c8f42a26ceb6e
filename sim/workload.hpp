// workload: clients that read and write, each one request at a time, and what they were told.
//
// Owns: the clients, the history of their operations. Must not know: faults, Raft. Speaks to nodes
// in frames alone, as programs do.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/client_frames.hpp"
#include "sim/cluster.hpp"
#include "sim/renewed_keys.hpp"
#include "sim/timed_keys.hpp"
#include "sim/watchers.hpp"

namespace raftbus::sim {

struct WorkloadOptions {
    std::size_t clients = 4;
    std::uint64_t seed = 1;
    std::size_t keys = 6;
    Duration think_max{400'000};    // between an answer and the next request
    Duration timeout_min{300'000};  // of a request; drawn up to timeout_max
    Duration timeout_max{2'000'000};
    Duration way_max{2'000};           // between a client and a node
    std::size_t value_bytes_max = 64;  // mostly; one in 50 has up to value_bytes_large
    std::size_t value_bytes_large = 4096;
    std::uint32_t lost = 0;         // requests and replies in a million
    bool leases = false;            // lease reads may be asked for
    bool elections = false;         // clients ask for leaders now and then
    std::size_t with_sessions = 0;  // so many of the clients repeat what is not answered, in one
    bool transactions = false;      // some sets are made as transactions
    bool times = false;             // clients set keys with times, and look whether they are there
    std::size_t watchers = 0;       // clients that watch, beside the others
    std::int64_t fastest_clock = 1'000'000;  // of all nodes, in a million true microseconds
};

class Workload final : private ClientEvents, private Happening {
public:
    // The cluster outlives the workload, and listens to nobody else.
    Workload(Cluster& cluster, const WorkloadOptions& options);
    ~Workload();

    void start();
    // No client begins another operation.
    void stop() {
        stopping_ = true;
        watchers_.calm_down();
    }
    // No operation is under way.
    bool idle() const;
    // One more operation, of a client of its own, tried at one node after the other until it is
    // answered. Returns the client's number in the history.
    std::uint32_t add(Ask ask, std::string key);

    // Every operation so far, with times since the run's beginning; those under way as unknown.
    History history() const;
    std::size_t answered() const { return answered_; }
    std::size_t refused() const { return refused_; }
    std::size_t unknown() const { return unknown_; }
    std::size_t repeated() const { return repeated_; }
    const std::vector<std::string>& keys() const { return keys_; }
    const TimedKeys& timed_keys() const { return timed_; }
    const RenewedKeys& renewed_keys() const { return renewed_; }
    const Watchers& watchers() const { return watchers_; }

private:
    struct UnderWay {
        std::uint64_t id;  // of the operation
        Ask ask;
        std::string key;
        Reading reading;
        Moment begin;
        Manner manner;
        bool timed = false;     // the key is one of timed_ or renewed_
        bool doubtful = false;  // an earlier attempt was not answered
        std::uint64_t attempt;  // what the node is to answer; the first one's is the operation's
        std::uint64_t version = 0;  // of the renewed key that it reads
        bool writes_renewed() const {
            return timed && RenewedKeys::own(key) && !std::holds_alternative<Get>(ask);
        }
    };
    struct Client {
        explicit Client(std::uint64_t seed) : random(seed) {}
        Random random;
        NodeId node;  // that it talks to
        std::optional<UnderWay> under_way;
        std::optional<std::pair<Ask, std::string>> insists;  // tries this until it is answered
        bool ends = false;                                   // after what it insists on
        std::map<std::string, Found> seen;                   // what it knows of each key
        bool repeats = false;                                // writes that are not answered
        std::uint64_t session = 0;                           // that it does so in; 0: none yet
        std::uint64_t last_seq = 0;
    };
    enum class What : std::uint32_t { next, give_up };

    void happen(std::uint32_t what, std::uint64_t which) override;
    void on_reply(NodeId node, const ClientFrame& frame) override;
    Heard on_stream(NodeId, const StreamFrame& frame) override {
        return watchers_.on_stream(frame);
    }
    NodeId some_node(Client& client, bool member) const;
    void later(std::size_t client, Duration wait);
    void begin(std::size_t number);
    void send(std::size_t number, Duration timeout);
    void receive(std::size_t number, const ReplyFields& reply);
    void repeat(std::size_t number);
    void give_up(std::size_t number);
    void check_pair(const ReplyFields& reply);
    void choose_manner(std::size_t number, UnderWay& under_way);
    void renew(std::size_t number, UnderWay& under_way);
    std::optional<std::string> what_is_wrong(const UnderWay& operation, const ReplyFields& reply);
    void record_timed(const UnderWay& operation, const ReplyFields& reply);
    std::pair<Ask, std::string> think_of(Client& client);
    Condition think_of_condition(Client& client, const std::string& key);
    std::string think_of_value(Client& client);
    void record(std::size_t client, const UnderWay& operation, const ReplyFields& reply);
    void record_as(std::size_t client, const UnderWay& operation, const std::string& key,
                   Request request, Outcome outcome);
    bool chance(Random& random, std::uint32_t in_a_million) const {
        return in_a_million != 0 && random.below(1'000'000) < in_a_million;
    }
    Duration way(Client& client) {
        return Duration(client.random.below(options_.way_max.count() + 1));
    }

    Cluster& cluster_;
    const WorkloadOptions options_;
    std::vector<std::string> keys_;
    std::vector<Client> clients_;
    History history_;
    TimedKeys timed_;
    RenewedKeys renewed_;
    Watchers watchers_;
    bool stopping_ = false;
    std::uint64_t last_id_ = 0;
    std::size_t answered_ = 0;
    std::size_t refused_ = 0;
    std::size_t unknown_ = 0;
    std::size_t repeated_ = 0;
};

}  // namespace raftbus::sim
