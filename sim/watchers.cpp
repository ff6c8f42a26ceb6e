#include "sim/watchers.hpp"

#include <algorithm>

#include "sim/sim_base.hpp"
#include "storage/kv_layers.hpp"

namespace raftbus::sim {
namespace {

constexpr Duration kTickMax{400'000};
constexpr Duration kSilence{1'500'000};  // then another node is asked
constexpr std::uint64_t kProgressMs = 200;

}  // namespace

Watchers::Watchers(Cluster& cluster, std::size_t count, std::uint64_t seed,
                   const std::vector<std::string>& keys)
    : cluster_(cluster) {
    for (std::size_t i = 0; i < count; ++i) {
        One& one = all_.emplace_back(splitmix(seed + 7'919 * (i + 1)));
        one.prefix = one.random.below(3) != 0;
        if (!one.prefix) one.key = keys[one.random.below(keys.size())];
        if (one.random.below(2) == 0) one.next = one.begin = 1;
        if (one.random.below(3) == 0) one.full = 2;
    }
}

void Watchers::start() {
    for (std::size_t i = 0; i < all_.size(); ++i) tick(i);
}

// Now and then a client is restarted, or loses its connection.
void Watchers::tick(std::size_t number) {
    One& one = all_[number];
    const bool silent = cluster_.now() - one.heard > kSilence;
    if (one.attempt == 0 || silent || one.random.below(12) == 0) connect(number);
    const Duration wait(1 + one.random.below(static_cast<std::uint64_t>(kTickMax.count())));
    cluster_.events().add(cluster_.now() + wait, [this, number] { tick(number); });
}

// Some clients do not keep what they were told: they want the past again.
void Watchers::forget_some(One& one) const {
    if (calm_ || one.next <= one.begin || one.random.below(4) != 0) return;
    one.next = one.begin + one.random.below(one.next - one.begin);
    one.partial = 0;
    std::erase_if(one.seen, [&](const Told& told) { return told.revision >= one.next; });
}

// One that was removed tells of nothing new: in the end members alone are asked.
std::uint32_t Watchers::some_node(One& one) const {
    const auto now = calm_ ? cluster_.configuration() : std::nullopt;
    if (now) return now->members[one.random.below(now->members.size())].node.value;
    auto node = static_cast<std::uint32_t>(one.random.below(cluster_.size()) + 1);
    while (!cluster_.born(node)) --node;
    return node;
}

void Watchers::connect(std::size_t number) {
    One& one = all_[number];
    forget_some(one);
    const std::uint32_t node = some_node(one);
    one.attempt = ++one.attempts;
    one.to_skip = one.partial;
    one.heard = cluster_.now();
    const std::string route =
        "watcher-" + std::to_string(number) + "-" + std::to_string(one.attempt);
    const AskWatch ask{one.prefix, one.next, kProgressMs};
    cluster_.request(NodeId(node),
                     {SharedBytes::copy(route),
                      SharedBytes::own(pack_request(one.attempt, ask, one.key,
                                                    Reading::linearizable, Duration(1'000'000)))});
}

std::pair<std::size_t, std::uint64_t> Watchers::of(const SharedBytes& route) const {
    const std::string text(route.view().substr(std::string_view("watcher-").size()));
    const std::size_t dash = text.find('-');
    return {std::stoul(text.substr(0, dash)), std::stoull(text.substr(dash + 1))};
}

// What refuses a watch before it begins.
void Watchers::on_reply(const ClientFrame& frame) {
    const auto [number, attempt] = of(frame.route);
    const auto reply = unpack_reply(frame.body->view());
    if (!reply) throw RuleBroken("a reply that is not one");
    if (all_[number].attempt == attempt) take(all_[number], *reply);
}

ClientEvents::Heard Watchers::on_stream(const StreamFrame& frame) {
    const auto [number, attempt] = of(frame.route);
    One& one = all_.at(number);
    if (one.attempt != attempt) return ClientEvents::Heard::gone;
    if (one.random.below(one.full) == 0) return ClientEvents::Heard::full;
    const auto reply = unpack_reply(frame.body.view());
    if (!reply || reply->id != attempt) throw RuleBroken("a reply that is not one");
    take(one, *reply);
    return ClientEvents::Heard::taken;
}

void Watchers::take(One& one, const ReplyFields& reply) {
    one.heard = cluster_.now();
    if (!reply.ok) {
        one.attempt = 0;
        if (reply.error == "COMPACTED") {
            if (reply.first <= one.next)
                throw RuleBroken("a watch is refused what there is: " + reply.message);
            one.seen.clear();  // what lies between will never be known
            one.begin = one.next = reply.first;
            one.partial = 0;
        } else if (reply.error != "BUSY" && reply.error != "TIMEOUT") {
            throw RuleBroken("a good watch is refused: " + reply.error + " " + reply.message);
        }
        return;
    }
    if (reply.watching) {
        if (one.next == 0) one.begin = one.next = reply.revision + 1;
        if (reply.revision + 1 != one.next)
            throw RuleBroken("a watch begins somewhere else than it was asked to");
    } else if (reply.progress) {
        if (reply.revision < one.next) return;
        one.next = reply.revision + 1;
        one.partial = one.to_skip = 0;
    } else if (one.to_skip > 0) {
        --one.to_skip;
    } else {
        if (reply.revision < one.next) throw RuleBroken("a watch is told what it was told before");
        one.seen.push_back({reply.event, reply.key, reply.value, reply.revision});
        one.partial = !reply.more ? 0 : one.next == reply.revision ? one.partial + 1 : 1;
        one.next = reply.more ? reply.revision : reply.revision + 1;
    }
}

bool Watchers::all_told(LogIndex index) const {
    return std::all_of(all_.begin(), all_.end(),
                       [&](const One& one) { return one.next > index.value; });
}

std::size_t Watchers::told() const {
    std::size_t told = 0;
    for (const One& one : all_) told += one.seen.size();
    return told;
}

std::string Watchers::to_text(const Told& told) {
    return told.event + " " + told.key + "=" + told.value + "@" + std::to_string(told.revision);
}

// The truth is what a state tells that executes what was committed, at once and without a fault.
std::optional<std::string> Watchers::judge(const std::vector<Committed>& committed) const {
    if (all_.empty()) return std::nullopt;
    std::vector<Told> truth;
    ChangeSinkOf sink([&](const Change& change) {
        constexpr const char* names[] = {"set", "delete", "expire"};
        truth.push_back({names[static_cast<std::size_t>(change.event)], std::string(change.key),
                         std::string(change.value), change.revision});
    });
    KvLayers state(std::make_shared<SimBase>(), cluster_.options().node.state);
    state.tell_changes_to(&sink);
    for (const Committed& entry : committed) state.apply(entry.batch, nullptr);
    for (const One& one : all_) {
        std::size_t at = 0;
        std::uint64_t of_next = 0;
        for (const Told& change : truth) {
            const bool mine = one.prefix ? change.key.starts_with(one.key) : change.key == one.key;
            if (!mine || one.next == 0 || change.revision < one.begin || change.revision > one.next)
                continue;
            if (change.revision == one.next && of_next++ >= one.partial) continue;
            if (at == one.seen.size()) return "a watch was not told: " + to_text(change);
            if (one.seen[at] != change)
                return "a watch was told " + to_text(one.seen[at]) + " and not " + to_text(change);
            ++at;
        }
        if (at < one.seen.size())
            return "a watch was told what did not happen: " + to_text(one.seen[at]);
    }
    return std::nullopt;
}

}  // namespace raftbus::sim
