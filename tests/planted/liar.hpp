// liar: what the liars among messages have in common.
#pragma once

#include "sim/sim_node.hpp"
#include "sim/world.hpp"

namespace raftbus::planted {

class Liar : public sim::Tamper {
protected:
    // Puts a message under way inside the node, as if `from` had sent it now.
    void forge(sim::SimNode& node, ActorName from, ActorName to, const AnyMessage& message) {
        send(node, {node.id(), from}, {node.id(), to}, message);
    }
    void send(sim::SimNode& node, Address from, Address to, const AnyMessage& message) {
        const Moment now = node.world().schedule().now();
        const Envelope envelope{
            .from = from, .to = to, .number = ++last_forged_, .sent = node.clock().wall_at(now)};
        node.world().post(node, envelope, message, now);
    }
    static bool forged(const Envelope& envelope) { return envelope.number > kForgedFrom; }

private:
    static constexpr std::uint64_t kForgedFrom = 1ULL << 40;  // no actor sends so many
    std::uint64_t last_forged_ = kForgedFrom;
};

template <class L>
std::unique_ptr<sim::Tamper> make() {
    return std::make_unique<L>();
}

}  // namespace raftbus::planted
