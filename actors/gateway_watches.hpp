// gateway_watches: WATCH and CANCEL.
//
// Owns: the watches of this node's clients, each from its first answer to its end; which of a
// client's messages belong to which. What is told comes from the state machine; how fast it leaves,
// the client decides (client_streams.hpp). A watch whose client is too slow is not told of what is
// too much: once the client has caught up, it goes on in the past, from where it was left.
//
// A client is known by its route. One that is gone is noticed by sending, unless a proxy stands in
// between: so it may promise signs of life (`keepalive_ms`), any request by the same route, and
// one behind a proxy that neither promises nor says anything is given up some time.
//
// Takes Watching, WatchEvents, WatchEnded, OutcomesReady, StreamsTaken; sends Watch, Unwatch,
// WatchOn. Must not know: where changes come from.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "actors/answers.hpp"
#include "actors/client_streams.hpp"
#include "actors/context.hpp"
#include "actors/in_flight.hpp"
#include "actors/options.hpp"
#include "actors/timer.hpp"

namespace raftbus {

class GatewayWatches final : private ClientStreams::Listener {
public:
    GatewayWatches(Context& context, const GatewayOptions& options, InFlight& in_flight,
                   Answers& answers, TimerId retry_timer, TimerId progress_timer);

    // Takes a WATCH or CANCEL that is in flight.
    // A `from` that is ahead of what this node has applied is checked with the leader: `ask_newest`
    // is called, and its answer comes by on_newest.
    void add(RequestKey key, const client::Watch& watch);
    void cancel(RequestKey key);
    void keep_alive(RequestKey key);
    void ask_newest_by(std::function<void(RequestKey)> ask) { ask_newest_ = std::move(ask); }
    void on_newest(RequestKey key, LogIndex newest);
    // A request came by that route.
    void heard(std::string_view route);
    // The first answer did not come in time.
    client::Failure expired(RequestKey key);

    void on_watching(const Watching& watching);
    void on_events(const WatchEvents& events);
    void on_ended(const WatchEnded& ended);
    void on_applied(LogIndex index) { applied_ = std::max(applied_, index); }
    void on_taken(const StreamsTaken& taken) { streams_.on_taken(taken); }
    void on_timer(TimerId id);
    void send_waiting();

    // The node stops: every watch ends.
    void stop();
    // Every watch ends like this.
    void end_all(const client::Failure& failure);
    // This node was removed from the cluster: every watch ends, and none begins.
    void expelled();
    // What has not left by now never will.
    void drop() { streams_.drop_all(); }
    // Nothing is left to be sent.
    bool idle() const { return streams_.empty(); }

    std::size_t size() const { return watches_.size(); }

private:
    struct Watched {
        SharedBytes route;
        std::string id;  // msgpack, as the client sent it
        SharedBytes key;
        bool prefix = false;
        std::optional<RequestKey> request;  // until the first answer
        std::optional<Duration> progress;   // wanted so often
        std::optional<Duration> keepalive;  // promised so often
        LogIndex from;                      // as asked for; 0: from now on
        std::uint64_t from_part = 0;        // changes of that revision that are not wanted
        std::uint64_t incarnation = 0;      // that `from` is of; 0: not known
        bool checked = false;               // neither is ahead of the cluster
        LogIndex newest;                    // of the cluster when that was checked
        LogIndex revision;                  // of the last change
        std::uint64_t parts = 0;            // changes of that revision so far
        std::uint64_t seq = 0;              // of what was said last; the first answer is 0
        LogIndex told;                      // all changes up to here are in the client's queue
        bool present = false;               // and so is everything that is applied
        Moment spoke;                       // when something was put there last
        Moment due;                         // when to look whether to speak
    };
    using Watches = absl::btree_map<WatchNumber, Watched>;
    struct Client {
        absl::btree_map<std::string, WatchNumber> ids;
        absl::btree_set<WatchNumber> left_behind;  // to go on when the queue is empty
        Moment heard;                              // when it asked for something last
    };
    struct StringHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    template <class Value>
    using ByRoute = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

    // ClientStreams::Listener
    void on_left(WatchNumber mark) override;
    void on_drained(const SharedBytes& route) override;
    void on_gone(const SharedBytes& route) override;
    void on_stuck(const SharedBytes& route) override;

    std::optional<client::Failure> refusal(const InFlightRequest& request,
                                           const client::Watch& watch);
    bool make_room();
    void ask(WatchNumber number, const Watched& watched, LogIndex from, LogIndex at = {});
    Duration patience(const Watched& watched) const;
    bool silent(const Watched& watched) const;
    void end_silent(Watches::iterator at);
    static std::uint64_t bytes_of(const Watched& watched);
    client::Failure over(std::string_view why, const Watched& watched) const;
    void leave_behind(Watches::iterator at);
    void end(Watches::iterator at, const client::Failure& failure, bool unwatch);
    Watched remove(Watches::iterator at);
    LogIndex told(const Watched& watched) const;
    void schedule(WatchNumber number, Watched& watched);
    void maybe_speak(WatchNumber number);
    void restart_timer();
    template <class Reply>
    void say(const Watched& watched, const Reply& reply, WatchNumber mark = {});
    template <class M>
    void send_to_state_machine(M message) {
        context_.send({context_.self().node, ActorName::state_machine}, std::move(message));
    }

    Context& context_;
    const GatewayOptions& options_;
    InFlight& in_flight_;
    Answers& answers_;
    ClientStreams streams_;
    Timer progress_timer_;
    Moment progress_at_;  // when it fires, if it runs
    Watches watches_;
    ByRoute<Client> clients_;               // looked up, never walked
    ByRoute<std::uint64_t> by_connection_;  // how many watches; looked up, never walked
    std::uint64_t bytes_ = 0;               // of keys, ids and routes
    std::function<void(RequestKey)> ask_newest_;
    bool expelled_ = false;
    Moment room_again_;  // not before this it is looked again for a watch that may go
    absl::btree_set<std::pair<Moment, WatchNumber>> due_;
    absl::btree_map<RequestKey, WatchNumber> unanswered_;
    WatchNumber last_watch_;
    LogIndex applied_;
};

}  // namespace raftbus
