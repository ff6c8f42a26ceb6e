// gateway_watches: WATCH and CANCEL.
//
// Owns: the watches of this node's clients, each from its first answer to its end; which of a
// client's messages belong to which. What is told comes from the state machine; how fast it leaves,
// the client decides (client_streams.hpp). A watch whose client is too slow is not told of what is
// too much: once the client has caught up, it goes on in the past, from where it was left.
// Takes Watching, WatchEvents, WatchEnded, OutcomesReady, StreamsTaken; sends Watch, Unwatch,
// WatchOn. Must not know: where changes come from.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include <deque>
#include <optional>
#include <string>
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
    void add(RequestKey key, const client::Watch& watch);
    void cancel(RequestKey key);
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
        LogIndex told;                      // all changes up to here are in the client's queue
        bool present = false;               // and so is everything that is applied
        Moment spoke;                       // when something was put there last
        Moment due;                         // when to look whether to speak
    };
    struct Client {
        absl::btree_map<std::string, WatchNumber> ids;
        std::deque<WatchNumber> left_behind;  // to go on when the queue is empty
    };
    using Watches = absl::btree_map<WatchNumber, Watched>;

    // ClientStreams::Listener
    void on_left(WatchNumber mark) override;
    void on_drained(const SharedBytes& route) override;
    void on_gone(const SharedBytes& route) override;
    void on_stuck(const SharedBytes& route) override;

    void ask(WatchNumber number, const Watched& watched, LogIndex from);
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
    std::unordered_map<std::string, Client> clients_;  // by route; looked up, never walked
    absl::btree_set<std::pair<Moment, WatchNumber>> due_;
    absl::btree_map<RequestKey, WatchNumber> unanswered_;
    WatchNumber last_watch_;
    LogIndex applied_;
};

}  // namespace raftbus
