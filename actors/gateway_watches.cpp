#include "actors/gateway_watches.hpp"

#include <algorithm>

#include "messages/check.hpp"

namespace raftbus {
namespace {

using client::ErrorCode;
using client::Failure;

// How often it is looked whether a client is still there that did not ask for signs of life.
constexpr Duration kLookAfter{60'000'000};
// So many watches of a client that was too slow go on at once: each may fill its queue again.
constexpr std::size_t kGoOnAtOnce = 8;

constexpr const char* kFellBehind = "the watch fell behind, for its client did not read: go on";
constexpr const char* kStopping = "this node is stopping: go on at another one,";

Failure over(const std::string& why, LogIndex told) {
    Failure failure{
        ErrorCode::busy, why + " from revision " + std::to_string(told.next().value), {}};
    failure.told = told;
    return failure;
}

Failure compacted(LogIndex first) {
    Failure failure{
        ErrorCode::compacted,
        "what changed before revision " + std::to_string(first.value) +
            " is not known here any more: read the keys, and watch from the next revision on",
        {}};
    failure.first = first;
    return failure;
}

}  // namespace

GatewayWatches::GatewayWatches(Context& context, const GatewayOptions& options, InFlight& in_flight,
                               Answers& answers, TimerId retry_timer, TimerId progress_timer)
    : context_(context),
      options_(options),
      in_flight_(in_flight),
      answers_(answers),
      streams_(context, options.streams, *this, retry_timer),
      progress_timer_(context, progress_timer) {}

// ---- what clients ask

void GatewayWatches::add(RequestKey key, const client::Watch& watch) {
    const InFlightRequest* request = in_flight_.find(key);
    CHECK(request != nullptr);
    const auto client = clients_.find(std::string(request->route.view()));
    const bool known = client != clients_.end();
    if (known && client->second.ids.contains(request->id))
        return answers_.give(key, Failure{ErrorCode::bad_request,
                                          "a watch with this id is under way on this connection: "
                                          "CANCEL it first, or take another id",
                                          {}});
    if (watches_.size() >= options_.watches_max)
        return answers_.give(
            key,
            Failure{ErrorCode::busy,
                    "this node has " + std::to_string(watches_.size()) +
                        " watches, its limit (node option watches-max): watch a prefix instead "
                        "of its keys, or at another node",
                    {}});
    if (known && client->second.ids.size() >= options_.watches_per_client_max)
        return answers_.give(
            key, Failure{ErrorCode::busy,
                         "this client has " + std::to_string(client->second.ids.size()) +
                             " watches, its limit: watch a prefix instead",
                         {}});
    last_watch_ = last_watch_.next();
    clients_[std::string(request->route.view())].ids[request->id] = last_watch_;
    Watched& watched = watches_[last_watch_];
    watched.route = request->route;
    watched.id = request->id;
    watched.key = SharedBytes::copy(watch.key);
    watched.prefix = watch.prefix;
    watched.request = key;
    if (watch.progress_ms)
        watched.progress = std::chrono::milliseconds(
            std::min(*watch.progress_ms, static_cast<std::uint64_t>(options_.timeout_max / 1ms)));
    watched.spoke = context_.now();
    unanswered_[key] = last_watch_;
    schedule(last_watch_, watched);
    context_.serve(request->request);
    ask(last_watch_, watched,
        watch.from ? LogIndex(std::max<std::uint64_t>(*watch.from, 1)) : LogIndex());
}

void GatewayWatches::ask(WatchNumber number, const Watched& watched, LogIndex from) {
    send_to_state_machine(Watch{number, watched.key, watched.prefix, from});
}

// What was said before is said before it.
void GatewayWatches::cancel(RequestKey key) {
    const InFlightRequest* request = in_flight_.find(key);
    CHECK(request != nullptr);
    const auto client = clients_.find(std::string(request->route.view()));
    const auto none = [&] {
        answers_.give(key, Failure{ErrorCode::bad_request,
                                   "no watch with this id is under way on this connection",
                                   {}});
    };
    if (client == clients_.end()) return none();
    const auto id = client->second.ids.find(request->id);
    if (id == client->second.ids.end()) return none();
    const WatchNumber number = id->second;
    const Watched watched = remove(watches_.find(number));
    send_to_state_machine(Unwatch{number});
    if (watched.request) (void)in_flight_.take(*watched.request);  // this answers both
    (void)in_flight_.take(key);
    say(watched, client::CancelledReply{});
}

Failure GatewayWatches::expired(RequestKey key) {
    if (const auto at = unanswered_.find(key); at != unanswered_.end()) {
        const WatchNumber number = at->second;
        remove(watches_.find(number));
        send_to_state_machine(Unwatch{number});
    }
    return {ErrorCode::timeout, "this node could not begin the watch in time", {}};
}

// ---- what the state machine says

void GatewayWatches::on_watching(const Watching& watching) {
    const auto at = watches_.find(watching.watch);
    if (at == watches_.end()) return;  // it has ended meanwhile
    Watched& watched = at->second;
    watched.told = std::max(watched.told, watching.after);
    if (!watched.request) return;  // it goes on after it was left behind
    unanswered_.erase(*watched.request);
    const auto request = in_flight_.take(*std::exchange(watched.request, std::nullopt));
    CHECK(request.has_value(), "a watch whose request has expired is gone");
    say(watched, client::WatchingReply{watching.after});
}

void GatewayWatches::on_events(const WatchEvents& events) {
    for (const WatchShare& share : events.shares) {
        const auto at = watches_.find(share.watch);
        if (at == watches_.end()) continue;
        Watched& watched = at->second;
        if (!share.events.empty() && streams_.full(watched.route)) {
            leave_behind(at);
            continue;
        }
        for (std::size_t i = 0; i < share.events.size(); ++i) {
            const WatchEvent& event = events.events.at(share.events[i]);
            const bool last = i + 1 == share.events.size();
            const bool more =
                !last && events.events.at(share.events[i + 1]).revision == event.revision;
            say(watched, client::WatchEventReply{event, more},
                last && share.past ? share.watch : WatchNumber());
        }
        watched.told = std::max(watched.told, share.up_to);
        watched.present = !share.past;
        if (!share.events.empty()) watched.spoke = context_.now();
    }
}

// What is on its way to it bears the old number and is not taken any more.
void GatewayWatches::leave_behind(Watches::iterator at) {
    const WatchNumber before = at->first;
    send_to_state_machine(Unwatch{before});
    Watched watched = std::move(at->second);
    watched.told = told(watched);
    watched.present = false;
    due_.erase({watched.due, before});
    watches_.erase(at);
    last_watch_ = last_watch_.next();
    Client& client = clients_.at(std::string(watched.route.view()));
    client.ids.at(watched.id) = last_watch_;
    client.left_behind.push_back(last_watch_);
    schedule(last_watch_, watches_[last_watch_] = std::move(watched));
}

void GatewayWatches::on_ended(const WatchEnded& ended) {
    const auto at = watches_.find(ended.watch);
    if (at != watches_.end()) end(at, compacted(ended.first), false);
}

// ---- ends

void GatewayWatches::end(Watches::iterator at, const Failure& failure, bool unwatch) {
    if (unwatch) send_to_state_machine(Unwatch{at->first});
    const Watched watched = remove(at);
    if (watched.request)
        answers_.give(*watched.request, failure);
    else
        say(watched, failure);
}

GatewayWatches::Watched GatewayWatches::remove(Watches::iterator at) {
    CHECK(at != watches_.end());
    Watched watched = std::move(at->second);
    due_.erase({watched.due, at->first});
    if (watched.request) unanswered_.erase(*watched.request);
    const auto client = clients_.find(std::string(watched.route.view()));
    client->second.ids.erase(watched.id);
    if (client->second.ids.empty()) clients_.erase(client);
    watches_.erase(at);
    return watched;
}

void GatewayWatches::stop() {
    while (!watches_.empty()) {
        const auto at = watches_.begin();
        end(at, over(kStopping, told(at->second)), true);
    }
}

void GatewayWatches::end_all(const client::Failure& failure) {
    while (!watches_.empty()) end(watches_.begin(), failure, true);
}

// ---- what becomes of the messages

void GatewayWatches::on_left(WatchNumber mark) {
    if (watches_.contains(mark)) send_to_state_machine(WatchOn{mark});
}

void GatewayWatches::on_drained(const SharedBytes& route) {
    const auto client = clients_.find(std::string(route.view()));
    if (client == clients_.end()) return;
    auto& left_behind = client->second.left_behind;
    for (std::size_t begun = 0; begun < kGoOnAtOnce && !left_behind.empty();) {
        const auto at = watches_.find(left_behind.front());
        left_behind.pop_front();
        if (at == watches_.end()) continue;
        ask(at->first, at->second, at->second.told.next());
        ++begun;
    }
}

void GatewayWatches::on_gone(const SharedBytes& route) {
    for (;;) {
        const auto client = clients_.find(std::string(route.view()));
        if (client == clients_.end()) return;
        const WatchNumber number = client->second.ids.begin()->second;
        const Watched watched = remove(watches_.find(number));
        send_to_state_machine(Unwatch{number});
        if (watched.request) (void)in_flight_.take(*watched.request);
    }
}

void GatewayWatches::on_stuck(const SharedBytes& route) {
    for (;;) {
        const auto client = clients_.find(std::string(route.view()));
        if (client == clients_.end()) return;
        const auto at = watches_.find(client->second.ids.begin()->second);
        end(at, over(kFellBehind, told(at->second)), true);
    }
}

// ---- signs of life

LogIndex GatewayWatches::told(const Watched& watched) const {
    return watched.present ? std::max(watched.told, applied_) : watched.told;
}

void GatewayWatches::schedule(WatchNumber number, Watched& watched) {
    watched.due = std::max(watched.spoke + watched.progress.value_or(kLookAfter),
                           context_.now() + Duration(1));
    due_.insert({watched.due, number});
}

// A client that did not ask for it is spoken to only where watches are scarce: a connection that is
// gone is noticed by sending.
void GatewayWatches::maybe_speak(WatchNumber number) {
    Watched& watched = watches_.at(number);
    const Moment now = context_.now();
    const bool quiet = now - watched.spoke >= watched.progress.value_or(kLookAfter);
    const bool wanted = watched.progress || watches_.size() > options_.watches_max / 2;
    if (quiet && !watched.request && wanted && !streams_.full(watched.route))
        say(watched, client::ProgressReply{told(watched)});
    if (quiet) watched.spoke = now;
    schedule(number, watched);
}

void GatewayWatches::on_timer(TimerId id) {
    streams_.on_timer(id);
    if (!progress_timer_.fired(id)) return;
    const Moment now = context_.now();
    while (!due_.empty() && due_.begin()->first <= now) {
        const WatchNumber number = due_.begin()->second;
        due_.erase(due_.begin());
        maybe_speak(number);
    }
}

void GatewayWatches::restart_timer() {
    if (due_.empty()) return;
    const Moment next = due_.begin()->first;
    if (progress_timer_.running() && progress_at_ <= next) return;
    progress_at_ = next;
    progress_timer_.start(std::max(next - context_.now(), Duration(0)));
}

void GatewayWatches::send_waiting() {
    streams_.send_waiting();
    restart_timer();
}

template <class Reply>
void GatewayWatches::say(const Watched& watched, const Reply& reply, WatchNumber mark) {
    std::string bytes;
    client::append_reply(bytes, {watched.id, {}}, reply);
    streams_.add(watched.route, SharedBytes::own(std::move(bytes)), mark);
}

}  // namespace raftbus
