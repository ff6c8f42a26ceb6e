#include "actors/client_streams.hpp"

#include <algorithm>

#include "messages/check.hpp"

namespace raftbus {
namespace {

// Of one client in one burst.
constexpr std::uint64_t kBurstMessages = 256;
constexpr std::uint64_t kBurstBytes = 256 << 10;
constexpr Duration kRetryEvery{20'000};
constexpr int kGoneAfter = 12;  // times the patience

}  // namespace

ClientStreams::ClientStreams(Context& context, const StreamLimits& limits, Listener& listener,
                             TimerId retry)
    : context_(context), limits_(limits), listener_(listener), retry_(context, retry) {}

void ClientStreams::add(const SharedBytes& route, SharedBytes body, WatchNumber mark) {
    const auto [place, fresh] = routes_.try_emplace(std::string(route.view()), 0);
    if (fresh) {
        place->second = ++last_stream_;
        Stream& stream = streams_[last_stream_];
        stream.route = route;
        stream.progress = context_.now();
        ready_.insert(last_stream_);
    }
    Stream& stream = streams_.at(place->second);
    stream.bytes += body.size();
    bytes_ += body.size();
    stream.queue.push_back({std::move(body), mark});
}

bool ClientStreams::full(const SharedBytes& route) const {
    const auto at = routes_.find(std::string(route.view()));
    if (at == routes_.end()) return false;
    const Stream& stream = streams_.at(at->second);
    return bytes_ >= limits_.bytes_max || stream.queue.size() >= limits_.client_messages_max ||
           stream.bytes >= limits_.client_bytes_max;
}

void ClientStreams::send_waiting() {
    if (ready_.empty()) return;
    StreamReplies replies{++last_burst_, {}};
    auto& burst = bursts_[last_burst_];
    for (const std::uint64_t number : std::exchange(ready_, {})) {
        Stream& stream = streams_.at(number);
        std::uint64_t bytes = 0;
        while (stream.at_the_bus < std::min<std::uint64_t>(stream.queue.size(), kBurstMessages) &&
               bytes < kBurstBytes) {
            const SharedBytes& body = stream.queue[stream.at_the_bus++].body;
            bytes += body.size();
            replies.frames.push_back({number, stream.route, body});
        }
        burst.emplace_back(number, stream.at_the_bus);
    }
    context_.serve({});  // the message is many clients' at once
    context_.send({context_.self().node, ActorName::bus}, std::move(replies));
}

void ClientStreams::on_taken(const StreamsTaken& taken) {
    const auto burst = bursts_.find(taken.burst);
    if (burst == bursts_.end()) return;  // everything was dropped meanwhile
    const auto streams = std::move(burst->second);
    bursts_.erase(burst);
    for (const auto& [number, count] : streams) {
        const auto stopped = std::find_if(
            taken.stopped.begin(), taken.stopped.end(),
            [number = number](const StreamStop& stop) { return stop.stream == number; });
        const bool whole = stopped == taken.stopped.end();
        if (!streams_.contains(number)) continue;
        streams_.at(number).at_the_bus = 0;
        left(number, whole ? count : std::min(stopped->taken, count));
        if (!whole) stop(number, stopped->gone);
    }
    if (!blocked_.empty() && !retry_.running()) retry_.start(kRetryEvery);
}

void ClientStreams::left(std::uint64_t number, std::uint64_t count) {
    std::vector<WatchNumber> marks;
    const auto at = streams_.find(number);
    Stream& stream = at->second;
    for (std::uint64_t i = 0; i < count; ++i) {
        const Message& message = stream.queue.front();
        if (message.mark) marks.push_back(message.mark);
        stream.bytes -= message.body.size();
        bytes_ -= message.body.size();
        stream.queue.pop_front();
    }
    if (count > 0) {
        stream.progress = context_.now();
        stream.stuck = false;
    }
    const bool drained = stream.queue.empty();
    const SharedBytes route = stream.route;
    if (drained)
        remove(at);
    else
        ready_.insert(number);
    for (const WatchNumber mark : marks) listener_.on_left(mark);
    if (drained) listener_.on_drained(route);
}

// Its first message could not be sent.
void ClientStreams::stop(std::uint64_t number, bool gone) {
    const auto at = streams_.find(number);
    if (at == streams_.end()) return;
    if (gone) return listener_.on_gone(remove(at).route);
    ready_.erase(number);
    blocked_.insert(number);
}

ClientStreams::Stream ClientStreams::remove(Streams::iterator at) {
    Stream stream = std::move(at->second);
    ready_.erase(at->first);
    blocked_.erase(at->first);
    routes_.erase(std::string(stream.route.view()));
    bytes_ -= stream.bytes;
    streams_.erase(at);
    return stream;
}

void ClientStreams::on_timer(TimerId id) {
    if (!retry_.fired(id)) return;
    const Moment now = context_.now();
    for (const std::uint64_t number : std::exchange(blocked_, {})) {
        const auto at = streams_.find(number);
        CHECK(at != streams_.end(), "a stream that goes is taken out everywhere");
        Stream& stream = at->second;
        const Duration waited = now - stream.progress;
        if (waited >= limits_.patience * kGoneAfter) {
            listener_.on_gone(remove(at).route);
            continue;
        }
        ready_.insert(number);
        if (waited >= limits_.patience && !std::exchange(stream.stuck, true)) {
            const SharedBytes route = stream.route;
            listener_.on_stuck(route);
        }
    }
}

void ClientStreams::drop_all() {
    streams_.clear();
    routes_.clear();
    ready_.clear();
    blocked_.clear();
    bursts_.clear();
    bytes_ = 0;
}

}  // namespace raftbus
