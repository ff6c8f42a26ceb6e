#include "bus/reachability.hpp"

#include <algorithm>

namespace raftbus {
namespace {

using namespace std::chrono_literals;

// A refusal is repeated once a second, if what is refused is.
constexpr Duration kRefusalCounts = 5s;
constexpr ReminderPauses kPauses{.first = 1s, .again = 10s, .longest = 5min};

}  // namespace

std::vector<Reachability::Line> Reachability::look(const std::vector<UnreachablePeer>& broken,
                                                   Moment now) {
    all_.peers = broken;
    const auto is_broken = [&](NodeId peer) {
        return std::ranges::find(broken, peer, &UnreachablePeer::peer) != broken.end();
    };
    std::erase_if(refusals_, [&](const auto& refusal) {
        return now - refusal.second.at >= kRefusalCounts || is_broken(refusal.first);
    });
    for (const auto& [peer, refusal] : refusals_) all_.peers.push_back({peer, refusal.why});
    std::ranges::sort(all_.peers, {}, &UnreachablePeer::peer);

    std::vector<Line> lines;
    for (const UnreachablePeer& peer : all_.peers) {
        Reminder& reminder = reminders_.try_emplace(peer.peer, kPauses).first->second;
        if (!reminder.due(now) || refusals_.contains(peer.peer)) continue;  // a refusal was told
        lines.push_back(
            {peer.peer, peer.why + " (for " + lasting_text(reminder.lasted(now)) + ")"});
    }
    for (auto at = reminders_.begin(); at != reminders_.end();) {
        auto& [peer, reminder] = *at;
        if (std::ranges::find(all_.peers, peer, &UnreachablePeer::peer) != all_.peers.end()) {
            ++at;
            continue;
        }
        if (reminder.over()) lines.push_back({peer, {}, true});
        at = reminders_.erase(at);
    }
    return lines;
}

}  // namespace raftbus
