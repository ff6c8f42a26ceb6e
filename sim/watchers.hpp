// watchers: clients that watch, each going on at another node now and then, as docs/protocol.md
// says, and what they were told.
//
// Owns: the watchers and the judgement of what they were told: exactly the changes of what was
// committed, in order, none missed and none twice. Must not know: faults, Raft.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/client_frames.hpp"
#include "sim/cluster.hpp"

namespace raftbus::sim {

class Watchers {
public:
    Watchers(Cluster& cluster, std::size_t count, std::uint64_t seed,
             const std::vector<std::string>& keys);

    void start();
    // From now on nobody goes back into the past, or to a node that was removed.
    void calm_down() { calm_ = true; }
    // The route is one of theirs.
    static bool own(const SharedBytes& route) { return route.view().starts_with("watcher-"); }
    void on_reply(const ClientFrame& frame);
    ClientEvents::Heard on_stream(const StreamFrame& frame);

    // Everybody was told everything up to there.
    bool all_told(LogIndex index) const;
    // What is wrong with what they were told.
    std::optional<std::string> judge(const std::vector<Committed>& committed) const;
    std::size_t told() const;

private:
    struct Told {
        std::string event, key, value;
        std::uint64_t revision = 0;
        bool operator==(const Told&) const = default;
    };
    struct One {
        explicit One(std::uint64_t seed) : random(seed) {}
        Random random;
        std::string key;  // or prefix
        bool prefix = false;
        std::uint64_t full = 20;    // one message of so many is not taken at once
        std::uint64_t next = 0;     // revision to go on from; 0: none yet
        std::uint64_t begin = 0;    // of what has to be known
        std::uint64_t partial = 0;  // changes of revision `next` that are known
        std::uint64_t to_skip = 0;
        std::uint64_t attempt = 0;  // the connection; 0: none
        std::uint64_t attempts = 0;
        Moment heard;
        std::vector<Told> seen;  // since the last gap
    };
    static std::string to_text(const Told& told);

    void tick(std::size_t number);
    void connect(std::size_t number);
    std::uint32_t some_node(One& one) const;
    void forget_some(One& one) const;
    void take(One& one, const ReplyFields& reply);
    std::pair<std::size_t, std::uint64_t> of(const SharedBytes& route) const;

    Cluster& cluster_;
    std::vector<One> all_;
    bool calm_ = false;
};

}  // namespace raftbus::sim
