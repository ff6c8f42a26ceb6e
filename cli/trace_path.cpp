#include "cli/trace_path.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "cli/trace_clock.hpp"
#include "cli/trace_draw.hpp"

namespace raftbus::cli {
namespace {

using Key = std::tuple<std::uint32_t, ActorName, std::uint64_t>;

Key key_of(const MessageId& id) {
    return {id.sender.node.value, id.sender.actor, id.number};
}

// The two records of one message.
struct Delivered {
    const TraceEvent* sent = nullptr;
    const TraceEvent* handled = nullptr;
    const TraceEvent& any() const { return sent != nullptr ? *sent : *handled; }
};
using Deliveries = std::map<Key, Delivered>;

Deliveries deliveries_of(const std::vector<TraceEvent>& events) {
    Deliveries deliveries;
    for (const TraceEvent& event : events) {
        if (event.kind == TraceKind::mark || !event.message) continue;
        Delivered& delivered = deliveries[key_of(event.message)];
        (event.kind == TraceKind::sent ? delivered.sent : delivered.handled) = &event;
    }
    return deliveries;
}

// The request's own events and everything that led to them.
std::vector<TraceEvent> belonging(const std::vector<TraceEvent>& events, RequestId request) {
    const Deliveries deliveries = deliveries_of(events);
    std::set<Key> wanted;
    std::vector<MessageId> causes;
    for (const TraceEvent& event : events) {
        if (event.request != request) continue;
        if (event.message) causes.push_back(event.message);
        if (event.cause) causes.push_back(event.cause);
    }
    while (!causes.empty()) {
        const MessageId id = causes.back();
        causes.pop_back();
        if (!wanted.insert(key_of(id)).second) continue;
        const auto found = deliveries.find(key_of(id));
        if (found != deliveries.end() && found->second.any().cause) {
            causes.push_back(found->second.any().cause);
        }
    }
    std::vector<TraceEvent> kept;
    std::copy_if(
        events.begin(), events.end(), std::back_inserter(kept), [&](const TraceEvent& event) {
            const bool own_mark = event.kind == TraceKind::mark && event.request == request;
            return own_mark ||
                   (event.kind != TraceKind::mark && wanted.contains(key_of(event.message)));
        });
    return kept;
}

// Builds the hops from the events, on one clock.
class Builder {
public:
    Builder(const std::vector<TraceEvent>& events, NodeId reference)
        : events_(events), deliveries_(deliveries_of(events)), clock_(events, reference) {}

    std::vector<Hop> hops() const {
        std::vector<Hop> hops;
        for (const auto& [key, delivered] : deliveries_) {
            if (!replaced_by_mark(delivered.any())) hops.push_back(hop_of(delivered));
        }
        for (const TraceEvent& event : events_) {
            if (event.kind == TraceKind::mark) hops.push_back(hop_of_mark(event));
        }
        std::stable_sort(hops.begin(), hops.end(),
                         [](const Hop& a, const Hop& b) { return a.at_us < b.at_us; });
        const std::int64_t start = hops.empty() ? 0 : hops.front().at_us;
        for (Hop& hop : hops) {
            hop.at_us -= start;
            hop.step_us = std::min(hop.step_us, hop.at_us);
        }
        return hops;
    }
    std::int64_t shifted_us() const { return clock_.largest_shift_us(); }

private:
    // The frame that brought the request in says less than the mark of whoever read it.
    bool replaced_by_mark(const TraceEvent& event) const {
        return std::any_of(events_.begin(), events_.end(), [&](const TraceEvent& mark) {
            return mark.kind == TraceKind::mark && event.message && mark.message == event.message &&
                   !event.cause;
        });
    }

    Hop hop_of(const Delivered& delivered) const {
        const TraceEvent& any = delivered.any();
        Hop hop{.message = any.message,
                .cause = any.cause,
                .type = any.type,
                .details = std::string(details_of(any))};
        const Address to = delivered.sent != nullptr ? any.other : Address{any.node, any.actor};
        const Address from = any.message.sender;
        hop.node = to.node;
        hop.from = from.node;
        hop.actor = to.actor == ActorName::bus ? from.actor : to.actor;
        hop.handled = delivered.handled != nullptr;
        const std::int64_t handled = hop.handled ? clock_.us(*delivered.handled) : 0;
        hop.at_us = delivered.sent != nullptr ? clock_.us(*delivered.sent)
                                              : handled - delivered.handled->took_us;
        if (hop.handled) hop.transit_us = std::max<std::int64_t>(0, handled - hop.at_us);
        hop.step_us = since_cause_us(hop);
        if (hop.handled) hop.worked_us = worked_us(any.message, to.actor, handled);
        return hop;
    }

    Hop hop_of_mark(const TraceEvent& event) const {
        Hop hop{.message = event.message,
                .cause = event.message,
                .node = event.node,
                .actor = event.actor,
                .from = event.node,
                .handled = true,
                .mark = true};
        const std::size_t space = std::min(event.text.find(' '), event.text.size());
        hop.type = event.text.substr(0, space);
        hop.details = event.text.substr(std::min(space + 1, event.text.size()));
        hop.at_us = clock_.us(event);
        hop.step_us = since_cause_us(hop);
        return hop;
    }

    std::int64_t since_cause_us(const Hop& hop) const {
        const auto cause = deliveries_.find(key_of(hop.cause));
        if (cause == deliveries_.end()) return 0;
        const Delivered& c = cause->second;
        return std::max<std::int64_t>(
            0, hop.at_us - clock_.us(c.handled != nullptr ? *c.handled : *c.sent));
    }

    // Until the receiver sent its first answer because of this message.
    std::int64_t worked_us(const MessageId& id, ActorName actor, std::int64_t handled_us) const {
        std::int64_t worked = 0;
        for (const auto& [key, delivered] : deliveries_) {
            const TraceEvent* sent = delivered.sent;
            if (sent == nullptr || sent->cause != id || sent->actor != actor) continue;
            const std::int64_t until = clock_.us(*sent) - handled_us;
            if (worked == 0 || until < worked) worked = until;
        }
        return worked;
    }

    const std::vector<TraceEvent>& events_;
    Deliveries deliveries_;
    TraceClock clock_;
};

// The hop that ends the request: its gateway's reply, or what its gateway did last.
std::size_t reply_among(const std::vector<Hop>& hops, NodeId node) {
    const auto last = [&](auto fits) {
        return std::find_if(hops.rbegin(), hops.rend(), [&](const Hop& hop) {
            return hop.node == node && hop.actor == ActorName::gateway && fits(hop);
        });
    };
    auto found = last([](const Hop& hop) { return hop.mark && hop.type == "Reply"; });
    if (found == hops.rend()) found = last([](const Hop&) { return true; });
    if (found == hops.rend()) return hops.size() - 1;
    return static_cast<std::size_t>(hops.rend() - found) - 1;
}

void mark_waited_for(std::vector<Hop>& hops, std::size_t reply) {
    hops[reply].waited_for = true;
    MessageId cause = hops[reply].cause;
    for (std::size_t i = reply; i-- > 0;) {
        if (hops[i].mark || hops[i].message != cause) continue;
        hops[i].waited_for = true;
        cause = hops[i].cause;
    }
}

}  // namespace

TracePath trace_path(const std::vector<TraceEvent>& events, RequestId request) {
    TracePath path;
    path.events = belonging(events, request);
    const Builder builder(path.events, request.node);
    path.hops = builder.hops();
    path.clocks_shifted_us = builder.shifted_us();
    if (path.hops.empty()) return path;
    const std::size_t reply = reply_among(path.hops, request.node);
    mark_waited_for(path.hops, reply);
    path.total_us = path.hops[reply].at_us;
    return path;
}

}  // namespace raftbus::cli
