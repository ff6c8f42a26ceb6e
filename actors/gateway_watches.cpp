#include "actors/gateway_watches.hpp"

#include <algorithm>

#include "actors/watch_failures.hpp"
#include "messages/check.hpp"
#include "messages/route.hpp"

namespace raftbus {
namespace {

using client::ErrorCode;
using client::Failure;

// How often it is looked whether a client is still there that did not ask for signs of life.
constexpr Duration kLookAfter{60'000'000};
// So many watches of a client that was too slow go on at once: each may fill its queue again.
constexpr std::size_t kGoOnAtOnce = 8;

// Of a watch, besides its key, its id and its route, which is held twice.
constexpr std::uint64_t kWatchOverhead = 512;

// The route has frames of the client's own, or of proxies on the way.
bool proxied(std::string_view route) {
    std::string_view rest = route.substr(client_of(route).size());
    const auto next = take_frame(rest);
    return next && !next->empty();
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
    if (const auto failure = refusal(*request, watch)) return answers_.give(key, *failure);
    const std::string_view route = request->route.view();
    last_watch_ = last_watch_.next();
    Client& client = clients_[std::string(route)];
    client.ids[request->id] = last_watch_;
    client.heard = context_.now();
    ++by_connection_[std::string(client_of(route))];
    Watched& watched = watches_[last_watch_];
    watched.route = request->route;
    watched.id = request->id;
    watched.key = SharedBytes::copy(watch.key);
    watched.prefix = watch.prefix;
    watched.request = key;
    bytes_ += bytes_of(watched);
    const auto time_of = [&](std::uint64_t ms) -> Duration {
        return std::chrono::milliseconds(
            std::min(ms, static_cast<std::uint64_t>(options_.timeout_max / 1ms)));
    };
    if (watch.progress_ms) watched.progress = time_of(*watch.progress_ms);
    if (watch.keepalive_ms) watched.keepalive = time_of(*watch.keepalive_ms);
    if (watch.from) watched.from = LogIndex(std::max<std::uint64_t>(*watch.from, 1));
    watched.from_part = watch.from_part;
    watched.incarnation = watch.incarnation;
    watched.spoke = context_.now();
    unanswered_[key] = last_watch_;
    schedule(last_watch_, watched);
    context_.serve(request->request);
    ask(last_watch_, watched, watched.from);
}

std::optional<Failure> GatewayWatches::refusal(const InFlightRequest& request,
                                               const client::Watch& watch) {
    const auto busy = [](std::string why) { return Failure{ErrorCode::busy, std::move(why), {}}; };
    const std::string_view route = request.route.view();
    if (expelled_) return busy("this node was removed from the cluster: watch at another one");
    if (request.id.size() > options_.watch_id_bytes_max)
        return Failure{ErrorCode::too_large,
                       "the field 'id' of a WATCH holds " + std::to_string(request.id.size()) +
                           " bytes; the limit is " + std::to_string(options_.watch_id_bytes_max),
                       {}};
    const auto client = clients_.find(route);
    if (client != clients_.end() && client->second.ids.contains(request.id))
        return Failure{ErrorCode::bad_request,
                       "a watch with this id is under way on this connection: CANCEL it first, or "
                       "take another id",
                       {}};
    const auto connection = by_connection_.find(client_of(route));
    if (connection != by_connection_.end() &&
        connection->second >= options_.watches_per_client_max)
        return busy("this connection has " + std::to_string(connection->second) +
                    " watches, its limit (node option watches-per-client-max): watch a prefix "
                    "instead of its keys");
    if (streams_.full(request.route))
        return busy("as much as may waits for this client already: read before watching more");
    if (watches_.size() >= options_.watches_max && !make_room())
        return busy("this node has " + std::to_string(watches_.size()) +
                    " watches, its limit (node option watches-max): watch a prefix instead of its "
                    "keys, or at another node");
    const std::uint64_t bytes =
        bytes_ + watch.key.size() + request.id.size() + 2 * route.size() + kWatchOverhead;
    if (bytes > options_.watch_bytes_max)
        return busy("the watches of this node hold " + std::to_string(bytes_) +
                    " bytes of keys, ids and routes; the limit is " +
                    std::to_string(options_.watch_bytes_max) + ": shorter ones take less");
    return std::nullopt;
}

// One goes for another that is wanted: that of a client behind a proxy which has said nothing for
// longest, if that is long.
bool GatewayWatches::make_room() {
    if (context_.now() < room_again_) return false;
    auto longest = watches_.end();
    Moment heard = context_.now() - options_.proxied_silence_scarce;
    for (auto at = watches_.begin(); at != watches_.end(); ++at) {
        if (at->second.keepalive || !proxied(at->second.route.view())) continue;
        const Moment of = clients_.find(at->second.route.view())->second.heard;
        if (of >= heard) continue;
        heard = of;
        longest = at;
    }
    if (longest == watches_.end()) {
        room_again_ = context_.now() + 1s;
        return false;
    }
    end_silent(longest);
    return true;
}

void GatewayWatches::ask(WatchNumber number, const Watched& watched, LogIndex from, LogIndex at) {
    send_to_state_machine(Watch{number, watched.key, watched.prefix, from, watched.incarnation,
                                watched.checked, at});
}

// What was said before is said before it.
void GatewayWatches::cancel(RequestKey key) {
    const InFlightRequest* request = in_flight_.find(key);
    CHECK(request != nullptr);
    const auto client = clients_.find(request->route.view());
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

void GatewayWatches::keep_alive(RequestKey key) {
    const InFlightRequest* request = in_flight_.find(key);
    CHECK(request != nullptr);
    const auto client = clients_.find(request->route.view());
    answers_.give(key, client::KeepAliveReply{client == clients_.end() ? 0
                                                                       : client->second.ids.size()});
}

void GatewayWatches::heard(std::string_view route) {
    if (clients_.empty()) return;
    const auto client = clients_.find(route);
    if (client != clients_.end()) client->second.heard = context_.now();
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
    watched.incarnation = watching.incarnation;
    watched.checked = true;  // it goes on from there
    if (!watched.request) return;  // it goes on after it was left behind
    unanswered_.erase(*watched.request);
    const auto request = in_flight_.take(*std::exchange(watched.request, std::nullopt));
    CHECK(request.has_value(), "a watch whose request has expired is gone");
    say(watched, client::WatchingReply{watching.after, watching.incarnation});
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
            if (LogIndex(event.revision) != watched.revision) watched.parts = 0;
            watched.revision = LogIndex(event.revision);
            const std::uint64_t part = watched.parts++;
            const bool last = i + 1 == share.events.size();
            const bool more =
                !last && events.events.at(share.events[i + 1]).revision == event.revision;
            const WatchNumber mark = last && share.past ? share.watch : WatchNumber();
            if (watched.revision != watched.from || part >= watched.from_part)
                say(watched, client::WatchEventReply{event, more, part, ++watched.seq}, mark);
            else if (mark)
                send_to_state_machine(WatchOn{mark});  // the client has it already
        }
        watched.told = std::max(watched.told, share.up_to);
        watched.present = !share.past;
        if (!share.events.empty()) watched.spoke = context_.now();
    }
}

// What is on its way to it carries the old number and is no longer taken.
void GatewayWatches::leave_behind(Watches::iterator at) {
    const WatchNumber before = at->first;
    send_to_state_machine(Unwatch{before});
    Watched watched = std::move(at->second);
    watched.told = told(watched);
    watched.present = false;
    due_.erase({watched.due, before});
    watches_.erase(at);
    last_watch_ = last_watch_.next();
    Client& client = clients_.find(watched.route.view())->second;
    client.ids.at(watched.id) = last_watch_;
    client.left_behind.insert(last_watch_);
    schedule(last_watch_, watches_[last_watch_] = std::move(watched));
}

void GatewayWatches::on_ended(const WatchEnded& ended) {
    const auto at = watches_.find(ended.watch);
    if (at == watches_.end()) return;
    Watched& watched = at->second;
    if (ended.why == WatchEnd::compacted || !watched.request)
        return end(at, watch_failures::compacted(ended), false);
    // This node may lag behind: the leader knows.
    if (!watched.checked) return ask_newest_(*watched.request);
    end(at,
        ended.why == WatchEnd::ahead
            ? watch_failures::ahead(watched.from, watched.newest)
            : watch_failures::other_incarnation(watched.incarnation, ended, watched.newest),
        false);
}

// Which incarnation it is, this node knows for certain once it has applied as much.
void GatewayWatches::on_newest(RequestKey key, LogIndex newest) {
    const auto found = unanswered_.find(key);
    if (found == unanswered_.end()) return;
    const auto at = watches_.find(found->second);
    Watched& watched = at->second;
    watched.checked = true;
    watched.newest = newest;
    if (watched.from > newest.next())
        return end(at, watch_failures::ahead(watched.from, newest), false);
    context_.serve(in_flight_.find(key)->request);
    ask(at->first, watched, watched.from, watched.incarnation == 0 ? LogIndex() : newest);
}

// ---- ends

void GatewayWatches::end(Watches::iterator at, const Failure& failure, bool unwatch) {
    if (unwatch) send_to_state_machine(Unwatch{at->first});
    const Watched watched = remove(at);
    if (watched.request) return answers_.give(*watched.request, failure);
    Failure last = failure;
    last.seq = watched.seq + 1;
    say(watched, last);
}

GatewayWatches::Watched GatewayWatches::remove(Watches::iterator at) {
    CHECK(at != watches_.end());
    Watched watched = std::move(at->second);
    due_.erase({watched.due, at->first});
    if (watched.request) unanswered_.erase(*watched.request);
    bytes_ -= bytes_of(watched);
    const auto connection = by_connection_.find(client_of(watched.route.view()));
    if (--connection->second == 0) by_connection_.erase(connection);
    const auto client = clients_.find(watched.route.view());
    client->second.ids.erase(watched.id);
    client->second.left_behind.erase(at->first);
    if (client->second.ids.empty()) clients_.erase(client);
    watches_.erase(at);
    return watched;
}

void GatewayWatches::stop() {
    while (!watches_.empty()) {
        const auto at = watches_.begin();
        end(at, over(watch_failures::kStopping, at->second), true);
    }
}

void GatewayWatches::expelled() {
    expelled_ = true;
    while (!watches_.empty()) {
        const auto at = watches_.begin();
        end(at, over(watch_failures::kExpelled, at->second), true);
    }
}

Failure GatewayWatches::over(std::string_view why, const Watched& watched) const {
    return watch_failures::over(why, told(watched));
}

std::uint64_t GatewayWatches::bytes_of(const Watched& watched) {
    return watched.key.size() + watched.id.size() + 2 * watched.route.size() + kWatchOverhead;
}

void GatewayWatches::end_all(const client::Failure& failure) {
    while (!watches_.empty()) end(watches_.begin(), failure, true);
}

// ---- what becomes of the messages

void GatewayWatches::on_left(WatchNumber mark) {
    if (watches_.contains(mark)) send_to_state_machine(WatchOn{mark});
}

void GatewayWatches::on_drained(const SharedBytes& route) {
    const auto client = clients_.find(route.view());
    if (client == clients_.end()) return;
    auto& left_behind = client->second.left_behind;
    for (std::size_t begun = 0; begun < kGoOnAtOnce && !left_behind.empty(); ++begun) {
        const auto at = watches_.find(*left_behind.begin());
        left_behind.erase(left_behind.begin());
        ask(at->first, at->second, at->second.told.next());
    }
}

void GatewayWatches::on_gone(const SharedBytes& route) {
    for (;;) {
        const auto client = clients_.find(route.view());
        if (client == clients_.end()) return;
        const WatchNumber number = client->second.ids.begin()->second;
        const Watched watched = remove(watches_.find(number));
        send_to_state_machine(Unwatch{number});
        if (watched.request) (void)in_flight_.take(*watched.request);
    }
}

void GatewayWatches::on_stuck(const SharedBytes& route) {
    for (;;) {
        const auto client = clients_.find(route.view());
        if (client == clients_.end()) return;
        const auto at = watches_.find(client->second.ids.begin()->second);
        end(at, over(watch_failures::kFellBehind, at->second), true);
    }
}

// ---- signs of life

LogIndex GatewayWatches::told(const Watched& watched) const {
    return watched.present ? std::max(watched.told, applied_) : watched.told;
}

// How long its client may say nothing.
Duration GatewayWatches::patience(const Watched& watched) const {
    if (watched.keepalive) return *watched.keepalive;
    return proxied(watched.route.view()) ? options_.proxied_silence_max : Duration::max();
}

bool GatewayWatches::silent(const Watched& watched) const {
    const Moment heard = clients_.find(watched.route.view())->second.heard;
    return context_.now() - heard >= patience(watched);
}

void GatewayWatches::end_silent(Watches::iterator at) {
    const auto why = at->second.keepalive ? watch_failures::kSilent
                                          : watch_failures::kSilentBehindProxy;
    end(at, over(why, at->second), true);
}

void GatewayWatches::schedule(WatchNumber number, Watched& watched) {
    const Duration speak = watched.progress.value_or(kLookAfter);
    Moment due = watched.spoke + speak;
    if (watched.keepalive) {
        const Moment heard = clients_.find(watched.route.view())->second.heard;
        due = std::min(due, heard + *watched.keepalive);
    }
    watched.due = std::max(due, context_.now() + Duration(1));
    due_.insert({watched.due, number});
}

// A client that did not ask for it is spoken to only where watches are scarce: a connection that is
// gone is noticed by sending.
void GatewayWatches::maybe_speak(WatchNumber number) {
    const auto at = watches_.find(number);
    Watched& watched = at->second;
    if (silent(watched)) return end_silent(at);
    const Moment now = context_.now();
    const bool quiet = now - watched.spoke >= watched.progress.value_or(kLookAfter);
    const bool wanted = watched.progress || watches_.size() > options_.watches_max / 2;
    if (quiet && !watched.request && wanted && !streams_.full(watched.route))
        say(watched, client::ProgressReply{told(watched), ++watched.seq});
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
