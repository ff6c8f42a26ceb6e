// The simulated network: connections that are made and break, cuts that lose or keep, and what
// each means for messages.

#include "sim/network.hpp"

#include <gtest/gtest.h>

#include <string>

namespace raftbus::sim {
namespace {

using namespace std::chrono_literals;
using What = Network::Fate::What;

const NodeId n1(1), n2(2);

class Net : public ::testing::Test, protected NetworkEvents {
protected:
    void SetUp() override {
        network_.set_weather(weather_);
        network_.on_node_up(n1);
        network_.on_node_up(n2);
        run(100ms);
        told_.clear();
    }
    void run(Duration time) {
        const Moment end = schedule_.now() + time;
        while (schedule_.due(end)) schedule_.step();
        schedule_.pass_to(end);
    }
    Network::Fate send(NodeId from, NodeId to) { return network_.send(from, to, schedule_.now()); }
    void tell(const std::string& what) { told_ += what + " "; }
    void on_peer_up(NodeId at, NodeId) override { tell("up" + std::to_string(at.value)); }
    void on_peer_lost(NodeId at, NodeId) override { tell("lost" + std::to_string(at.value)); }
    void on_link_broken(NodeId from, NodeId) override {
        tell("broken" + std::to_string(from.value));
    }
    void on_released(NodeId, NodeId, std::uint64_t parcel, Moment due) override {
        EXPECT_GE(due, schedule_.now());
        tell("parcel" + std::to_string(parcel));
    }

    Weather weather_;
    Schedule schedule_{7};
    Network network_{schedule_, *this, 2, 7};
    std::string told_;
};

TEST_F(Net, WhatIsSentArrivesWithinTheDelay) {
    const Network::Fate fate = send(n1, n2);
    EXPECT_EQ(fate.what, What::arrives);
    EXPECT_GE(fate.due, schedule_.now() + weather_.delay_min);
    EXPECT_LE(fate.due, schedule_.now() + weather_.delay_max);
}

TEST_F(Net, ADeadProcessIsNoticedAndItsReturnToo) {
    network_.on_node_down(n2);
    EXPECT_EQ(told_, "") << "it takes a moment";
    run(weather_.notice_max);
    EXPECT_EQ(told_, "broken1 lost1 ");
    EXPECT_EQ(send(n1, n2).what, What::lost);
    told_.clear();
    network_.on_node_up(n2);
    run(weather_.connect_max);
    EXPECT_TRUE(network_.connected(n1, n2) && network_.connected(n2, n1));
    EXPECT_EQ(send(n1, n2).what, What::arrives);
}

TEST_F(Net, ACutThatLosesLosesOneDirectionAlone) {
    network_.cut(n1, n2, Network::Cut::loses);
    EXPECT_EQ(send(n1, n2).what, What::lost);
    EXPECT_EQ(send(n2, n1).what, What::arrives);
}

TEST_F(Net, ACutThatHoldsLetsAllGoInOrderWhenItHeals) {  // O3
    network_.cut(n1, n2, Network::Cut::holds);
    const std::uint64_t first = send(n1, n2).parcel;
    const std::uint64_t second = send(n1, n2).parcel;
    run(weather_.silence_max / 4);
    network_.mend(n1, n2);
    EXPECT_EQ(told_, "parcel" + std::to_string(first) + " parcel" + std::to_string(second) + " ");
}

TEST_F(Net, ACutThatLastsBreaksTheConnectionAndHealingMakesItAnew) {
    network_.cut(n1, n2, Network::Cut::holds);
    send(n1, n2);
    run(weather_.silence_max);
    EXPECT_EQ(told_, "broken1 lost1 broken2 lost2 ");
    told_.clear();
    network_.mend(n1, n2);
    EXPECT_EQ(told_, "") << "what was held was lost with the connection";
    run(weather_.connect_max);
    EXPECT_TRUE(network_.connected(n1, n2) && network_.connected(n2, n1));
}

TEST_F(Net, ARestartBehindACutIsNoticedWhenItHeals) {
    network_.cut(n1, n2, Network::Cut::loses);
    network_.on_node_down(n2);
    network_.on_node_up(n2);
    run(1ms);
    EXPECT_TRUE(network_.connected(n1, n2)) << "nobody told it";
    network_.mend(n1, n2);
    EXPECT_EQ(told_, "broken1 lost1 ");
}

TEST_F(Net, NothingGetsThroughAClogUntilItEnds) {
    const Moment end = schedule_.now() + 3s;
    network_.clog(n1, n2, end);
    EXPECT_GT(send(n1, n2).due, end);
    EXPECT_LT(send(n2, n1).due, end);
}

TEST_F(Net, AConnectionThatIsBrokenOnPurposeComesBack) {
    network_.disconnect(n1, n2);
    EXPECT_EQ(told_, "broken1 lost1 ");
    EXPECT_TRUE(network_.connected(n2, n1));
    run(weather_.connect_max);
    EXPECT_TRUE(network_.connected(n1, n2));
}

TEST_F(Net, WeatherLosesDoublesAndReorders) {
    weather_.lost = weather_.doubled = weather_.overtaken = 300'000;
    network_.set_weather(weather_);
    int lost = 0, doubled = 0, overtaken = 0;
    for (int i = 0; i < 1000; ++i) {
        const Network::Fate fate = send(n1, n2);
        lost += fate.what == What::lost;
        overtaken += fate.what == What::overtaken;
        doubled += fate.copy_due.has_value();
    }
    EXPECT_NEAR(lost, 300, 100);
    EXPECT_NEAR(overtaken, 210, 100);
    EXPECT_NEAR(doubled, 210, 100);
}

}  // namespace
}  // namespace raftbus::sim
