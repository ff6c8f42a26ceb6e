// network: what becomes of messages between nodes, and which connections stand.
//
// Owns: for every ordered pair of nodes a link: its connection, how it is cut or clogged; the
// weather that all links share. Must not know: messages' contents, actors.
//
// A connection is made some time after both ends are there and can reach each other, and breaks
// when an end dies, when it is broken on purpose, or when a cut has lasted too long. What is sent
// without one is lost. A cut may lose what is sent or keep it until it heals.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "sim/schedule.hpp"

namespace raftbus::sim {

// What all links suffer alike. Chances are in a million.
struct Weather {
    Duration delay_min{50};
    Duration delay_max{500};
    std::uint32_t slow = 0;  // chance of a delay of up to slow_max instead
    Duration slow_max{200'000};
    std::uint32_t lost = 0;
    std::uint32_t doubled = 0;        // a copy comes later, past what was sent after it
    std::uint32_t overtaken = 0;      // the message itself does
    Duration connect_max{30'000};     // until a connection is made
    Duration notice_max{3'000};       // until a broken one is noticed
    Duration silence_max{1'250'000};  // until a cut connection counts as broken; 0: never
};

// What the network tells.
class NetworkEvents {
public:
    virtual void on_peer_up(NodeId at, NodeId peer) = 0;
    virtual void on_peer_lost(NodeId at, NodeId peer) = 0;
    // The connection broke with what was on it.
    virtual void on_link_broken(NodeId from, NodeId to) = 0;
    // A message that a cut held goes on its way now.
    virtual void on_released(NodeId from, NodeId to, std::uint64_t parcel, Moment due) = 0;

protected:
    ~NetworkEvents() = default;
};

class Network final : public Happening {
public:
    enum class Cut : std::uint8_t { none, loses, holds };

    Network(Schedule& schedule, NetworkEvents& events, std::size_t nodes, std::uint64_t seed);

    void set_weather(const Weather& weather) { weather_ = weather; }
    const Weather& weather() const { return weather_; }

    // ---- messages

    // What becomes of a message.
    struct Fate {
        enum class What : std::uint8_t { lost, arrives, overtaken, held } what;
        Moment due;                        // arrives, overtaken
        std::optional<Moment> copy_due{};  // of a second copy
        std::uint64_t parcel = 0;          // held: the number under which it will be released
    };
    Fate send(NodeId from, NodeId to, Moment sent);

    // ---- nodes

    void on_node_up(NodeId node);
    void on_node_down(NodeId node);

    // ---- faults

    // What `from` sends does not reach `to`.
    void cut(NodeId from, NodeId to, Cut how);
    void mend(NodeId from, NodeId to);
    // Nothing on this link arrives before `until`; then all of it does.
    void clog(NodeId from, NodeId to, Moment until);
    void disconnect(NodeId from, NodeId to);
    bool cut(NodeId from, NodeId to) const { return link(from, to).cut != Cut::none; }
    bool connected(NodeId from, NodeId to) const { return link(from, to).connected; }

    void happen(std::uint32_t what, std::uint64_t which) override;

private:
    enum class What : std::uint32_t { try_to_connect, silence, notice };
    struct Link {
        bool connected = false;
        bool trying = false;  // a try to connect is scheduled
        Cut cut = Cut::none;
        std::uint32_t cuts = 0;  // how often
        std::uint32_t life = 0;  // of the process that the connection was made with
        Moment clogged_until;
        std::vector<std::uint64_t> held;  // parcels
    };
    Link& link(NodeId from, NodeId to) { return links_[number(from, to)]; }
    const Link& link(NodeId from, NodeId to) const { return links_[number(from, to)]; }
    std::size_t number(NodeId from, NodeId to) const {
        return (from.value - 1) * up_.size() + to.value - 1;
    }
    bool chance(std::uint32_t in_a_million) {
        return in_a_million != 0 && random_.below(1'000'000) < in_a_million;
    }
    Duration within(Duration max) { return Duration(random_.below(max.count() + 1)); }
    Moment arrival(const Link& link, Moment sent);
    void maybe_connect(NodeId from, NodeId to);
    void try_to_connect(NodeId from, NodeId to);
    bool stale(NodeId from, NodeId to) const;
    void break_connection(NodeId from, NodeId to);

    Schedule& schedule_;
    NetworkEvents& events_;
    Random random_;
    Weather weather_;
    std::vector<bool> up_;              // by node
    std::vector<std::uint32_t> lives_;  // by node: how often it came up
    std::vector<Link> links_;           // by number
    std::uint64_t last_parcel_ = 0;
};

}  // namespace raftbus::sim
