// The bus's small parts by themselves.
#include <gtest/gtest.h>
#include <poll.h>

#include <set>

#include "bus/reachability.hpp"
#include "bus/endpoint.hpp"
#include "bus/flight_recorder.hpp"
#include "bus/mailbox.hpp"
#include "bus/peer_admission.hpp"
#include "bus/preamble.hpp"
#include "bus/scheduling.hpp"
#include "messages/random.hpp"
#include "bus/timers.hpp"
#include "messages/catalog.hpp"

namespace raftbus {
namespace {

using namespace std::chrono_literals;

Moment at(Duration since) {
    return Moment(since);
}

// ---- mailboxes

struct OneMailbox {
    explicit OneMailbox(bool near)
        : outboxes(context, {ActorName::storage}, [near](ActorName) { return near; }) {}

    void send(std::uint64_t ask) {
        const Envelope envelope{.from = {NodeId(1), ActorName::replicator},
                                .to = {NodeId(1), ActorName::storage}};
        outboxes.send(ActorName::storage, encode(envelope, AskReport{ask}));
    }
    bool rings() {
        pollfd item{mailbox.fd(), POLLIN, 0};
        return ::poll(&item, 1, 0) == 1;
    }

    zmq::context_t context;
    std::vector<std::uint64_t> taken;
    Mailbox mailbox{context, ActorName::storage, [this](const Delivery& delivery) {
                        taken.push_back(std::get<AskReport>(delivery.message).ask);
                    }};
    Outboxes outboxes;
};

TEST(Mailbox, ANeighboursMessagesAreCountedAndRingNoBell) {
    OneMailbox one(true);
    EXPECT_FALSE(one.mailbox.take(10)) << "from now on nothing is ready";
    for (std::uint64_t round = 0; round < 3; ++round) {
        one.taken.clear();
        for (std::uint64_t i = 1; i <= 5; ++i) {
            one.send(i);
            one.mailbox.expect();
            EXPECT_TRUE(one.mailbox.ready());
        }
        EXPECT_FALSE(one.rings());
        EXPECT_TRUE(one.mailbox.take(2)) << "three are left";
        one.mailbox.set_ready(false);  // as the worker does, before
        EXPECT_FALSE(one.mailbox.take(64));
        EXPECT_EQ(one.taken, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
    }
}

TEST(Mailbox, MessagesOfOtherThreadsRingTheBell) {
    OneMailbox one(false);
    EXPECT_FALSE(one.mailbox.take(10));
    for (std::uint64_t round = 0; round < 3; ++round) {
        one.taken.clear();
        for (std::uint64_t i = 1; i <= 5; ++i) one.send(i);
        EXPECT_TRUE(one.rings());
        EXPECT_FALSE(one.mailbox.take(64)) << "nobody has said so";
        one.mailbox.set_ready(true);
        EXPECT_TRUE(one.mailbox.take(2));
        one.mailbox.set_ready(true);
        EXPECT_FALSE(one.mailbox.take(64));
        EXPECT_EQ(one.taken, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
        EXPECT_FALSE(one.rings());
    }
}

// ---- scheduling

constexpr Turns kShortWaits{100, 100 * 120us};
constexpr Turns kLongWaits{100, 100 * 301us};

TEST(Scheduling, WhoWaitsForOthersInterruptsThem) {
    SchedulingRule rule;
    EXPECT_EQ(rule.next(kShortWaits, at(0ms)), Scheduling::batch);
    EXPECT_EQ(rule.next({3, 1h}, at(250ms)), Scheduling::batch) << "too few to say anything";
    EXPECT_EQ(rule.next({}, at(500ms)), Scheduling::batch);
    EXPECT_EQ(rule.next(kLongWaits, at(750ms)), Scheduling::normal);
}

TEST(Scheduling, ItIsTriedAgainEverLessOften) {
    SchedulingRule rule;
    Moment now = at(0ms);
    for (const Duration held : {1s, 2s, 4s, 8s, 8s}) {
        EXPECT_EQ(rule.next(kLongWaits, now), Scheduling::normal);
        EXPECT_EQ(rule.next(kShortWaits, now + held - 1us), Scheduling::normal);
        EXPECT_EQ(rule.next(kShortWaits, now + held), Scheduling::batch) << held.count();
        now += held + 250ms;
    }
}

TEST(Scheduling, AfterAGoodTimeItIsTriedAgainSoon) {
    SchedulingRule rule;
    rule.next(kLongWaits, at(0s));
    rule.next(kShortWaits, at(1s));
    rule.next(kLongWaits, at(2s));
    EXPECT_EQ(rule.next(kShortWaits, at(4s)), Scheduling::batch);
    EXPECT_EQ(rule.next(kShortWaits, at(14s)), Scheduling::batch);
    EXPECT_EQ(rule.next(kLongWaits, at(15s)), Scheduling::normal);
    EXPECT_EQ(rule.next(kShortWaits, at(16s)), Scheduling::batch);
}

TEST(Random, DrawsBelowTheBoundAndReachesAllOfIt) {
    Random random(1);
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(random.below(7));
    EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(random.below(1), 0u);
    EXPECT_THROW(random.below(0), CheckFailed);
}

TEST(Timers, GiveOutWhatIsDueEarliestFirst) {
    Timers timers;
    timers.set(ActorName::election, 1, at(30ms));
    timers.set(ActorName::election, 2, at(10ms));
    timers.set(ActorName::storage, 1, at(20ms));
    timers.set(ActorName::election, 1, at(5ms));
    timers.cancel(ActorName::storage, 1);
    timers.cancel(ActorName::storage, 9);
    EXPECT_EQ(timers.next(), at(5ms));
    EXPECT_FALSE(timers.take(at(4ms)));
    EXPECT_EQ(timers.take(at(50ms))->id, 1u);
    EXPECT_EQ(timers.take(at(50ms))->id, 2u);
    EXPECT_FALSE(timers.take(at(50ms)));
    EXPECT_FALSE(timers.next());
}

TEST(Endpoint, KnowsPortsAndWhoReachesIt) {
    EXPECT_EQ(port_of("tcp://127.0.0.1:7238"), 7238);
    EXPECT_EQ(port_of("tcp://[::1]:7238"), 7238);
    for (const char* none :
         {"tcp://127.0.0.1:*", "tcp://127.0.0.1", "ipc://x:1", "tcp://a:99999", ""})
        EXPECT_FALSE(port_of(none)) << none;
    for (const char* near : {"tcp://127.0.0.1:1", "tcp://127.1.2.3:1", "tcp://localhost:1",
                             "tcp://[::1]:1", "tcp://lo:1", "ipc:///run/raftbus"})
        EXPECT_TRUE(is_loopback(near)) << near;
    for (const char* far : {"tcp://*:1", "tcp://0.0.0.0:1", "tcp://10.0.0.1:1", "tcp://host:1",
                            "tcp://127.evil.example:1", "udp://127.0.0.1:1", "tcp://"})
        EXPECT_FALSE(is_loopback(far)) << far;
}

TEST(Preamble, IsReadAsWrittenAndNothingElseIs) {
    Preamble preamble{kWireVersion, cluster_hash("c"), NodeId(1), 123, NodeId(2)};
    preamble.oldest = 1;
    EXPECT_EQ(*decode_preamble(encode_preamble(preamble)), preamble);
    const PeerRefusal refusal{RefusalCause::wrong_cluster, NodeId(2), 1, "c"};
    EXPECT_EQ(*decode_refusal(encode_refusal(refusal)), refusal);
    EXPECT_FALSE(decode_refusal(encode_preamble(preamble)).ok());
    EXPECT_FALSE(decode_preamble(encode_refusal(refusal)).ok());
    EXPECT_FALSE(decode_preamble("").ok());
    EXPECT_NE(cluster_hash("a"), cluster_hash("b"));
}

class Admission : public ::testing::Test {
protected:
    PeerAdmission admission{{NodeId(1), 77, 5}, {NodeId(2), NodeId(3)}, 1s};
    Preamble from_two{kWireVersion, 77, NodeId(2), 100, NodeId(1)};

    bool admitted(const Preamble& p, Duration when) {
        return std::holds_alternative<PeerAdmission::Admitted>(admission.judge(p, at(when)));
    }
    std::optional<RefusalCause> refused(const Preamble& p, Duration when = 0s) {
        const auto verdict = admission.judge(p, at(when));
        const auto* cause = std::get_if<RefusalCause>(&verdict);
        return cause ? std::optional(*cause) : std::nullopt;
    }
    Preamble with(std::uint64_t incarnation) const {
        Preamble p = from_two;
        p.incarnation = incarnation;
        return p;
    }
};

TEST_F(Admission, EachWrongHasItsName) {
    EXPECT_TRUE(admitted(from_two, 0s));
    Preamble p = from_two;
    p.version = kVersions.newest + 1;
    EXPECT_EQ(refused(p), RefusalCause::wrong_version);
    p = from_two;
    p.cluster = 78;
    EXPECT_EQ(refused(p), RefusalCause::wrong_cluster);
    p = from_two;
    p.to = NodeId(3);
    EXPECT_EQ(refused(p), RefusalCause::wrong_receiver);
    p = from_two;
    p.from = NodeId(9);
    EXPECT_EQ(refused(p), RefusalCause::unknown_sender);
    p = from_two;
    p.from = NodeId(1);
    EXPECT_EQ(refused(p), RefusalCause::duplicate_id);
}

TEST_F(Admission, VersionsHaveToOverlap) {
    PeerAdmission mixed{{NodeId(1), 77, 5, {2, 3}}, {NodeId(2), NodeId(3)}, 1s};
    const auto judged = [&](std::uint32_t oldest, std::uint32_t newest) {
        Preamble p = from_two;
        p.oldest = oldest;
        p.version = newest;
        return std::holds_alternative<RefusalCause>(mixed.judge(p, at(0s)));
    };
    EXPECT_FALSE(judged(1, 2));
    EXPECT_FALSE(judged(3, 7));
    EXPECT_TRUE(judged(1, 1));
    EXPECT_TRUE(judged(4, 4));
    EXPECT_TRUE(judged(0, 4)) << "a release that tells no oldest knows its newest alone";
    mixed.require(3);
    EXPECT_TRUE(judged(1, 2)) << "the cluster has gone on";
    EXPECT_FALSE(judged(1, 3));
}

TEST_F(Admission, TellsOfEachNewProcessOnce) {
    const auto news = [&](const Preamble& p) {
        return std::get<PeerAdmission::Admitted>(admission.judge(p, at(0s))).news;
    };
    EXPECT_TRUE(news(from_two));
    EXPECT_FALSE(news(from_two));
    EXPECT_TRUE(news(with(101)));
}

TEST(Refusal, OfVersionsNamesBothAndTheNextStep) {
    const Preamble old{.version = 1, .from = NodeId(3), .oldest = 1};
    EXPECT_EQ(
        tell_refusing(RefusalCause::wrong_version, old, NodeId(1), {2, 3}, 2),
        "refused node 3, which speaks version 1: this node speaks 2..3; upgrade that one, to a "
        "release that knows both its own versions and the other's");
    EXPECT_EQ(
        tell_refusing(RefusalCause::wrong_version, old, NodeId(1), {1, 2}, 2),
        "refused node 3, which speaks version 1: the cluster speaks 2; install a newer release "
        "there");
    PeerRefusal refusal{RefusalCause::wrong_version, NodeId(1), 3, "c"};
    refusal.oldest = 2;
    EXPECT_EQ(tell_refused(refusal, NodeId(3), "c", NodeId(1), "tcp://a:1", {1, 1}),
              "peer 1 at tcp://a:1 refuses this node: it speaks version 2..3, this node 1; upgrade "
              "this node, to a release that knows both its own versions and the other's");
    refusal.oldest = 1;
    refusal.spoken = 3;
    EXPECT_EQ(
        tell_refused(refusal, NodeId(3), "c", NodeId(1), "tcp://a:1", {1, 2}),
        "peer 1 at tcp://a:1 refuses this node: its cluster speaks version 3, this node 1..2; "
        "install a newer release here");
}

TEST_F(Admission, FollowsTheMembership) {
    Preamble four = from_two;
    four.from = NodeId(4);
    EXPECT_EQ(refused(four), RefusalCause::unknown_sender);
    admission.follow({NodeId(3), NodeId(4)}, {NodeId(2)}, LogIndex(9), LogIndex(7));
    EXPECT_TRUE(admitted(four, 0s));
    EXPECT_EQ(refused(from_two), RefusalCause::removed);
    EXPECT_EQ(admission.committed(), LogIndex(7));
}

// Raft §6: it may be this node that lags behind.
TEST_F(Admission, LetsAStrangerInThatKnowsALaterConfiguration) {
    admission.follow({NodeId(2), NodeId(3)}, {NodeId(5)}, LogIndex(9), LogIndex(9));
    Preamble stranger = from_two;
    stranger.from = NodeId(4);
    stranger.endpoint = "tcp://10.0.0.4:7239";
    stranger.configured = LogIndex(9);
    EXPECT_EQ(refused(stranger), RefusalCause::unknown_sender) << "it knows no more than this one";
    stranger.configured = LogIndex(10);
    EXPECT_TRUE(admitted(stranger, 0s));
    EXPECT_TRUE(admission.guests().contains(NodeId(4)));
    stranger.from = NodeId(5);
    EXPECT_EQ(refused(stranger), RefusalCause::removed);
    stranger.from = NodeId(6);
    stranger.endpoint = "nowhere";
    EXPECT_EQ(refused(stranger), RefusalCause::unknown_sender) << "it could not be answered";
    admission.follow({NodeId(2), NodeId(3), NodeId(4)}, {}, LogIndex(10), LogIndex(9));
    EXPECT_TRUE(admission.guests().empty()) << "a member now";
}

TEST_F(Admission, ARestartedPeerReplacesItsFormerLife) {
    EXPECT_TRUE(admitted(with(100), 0s));
    EXPECT_TRUE(admitted(with(200), 10s));
    EXPECT_FALSE(admitted(with(100), 10s)) << "still on its way when it died";
    EXPECT_FALSE(refused(with(100), 10s)) << "no reason to raise an alarm";
    EXPECT_TRUE(admitted(with(200), 12s));
    EXPECT_EQ(refused(with(100), 12s), RefusalCause::duplicate_id) << "it lives";
    EXPECT_TRUE(admitted(with(300), 20s));
}

TEST_F(Admission, WhenAnImpostorHasEndedTheOlderOneIsReadmitted) {
    EXPECT_TRUE(admitted(with(100), 0s));
    EXPECT_TRUE(admitted(with(200), 10s));
    EXPECT_EQ(refused(with(100), 12s), RefusalCause::duplicate_id);
    EXPECT_TRUE(admitted(with(100), 14s)) << "200 has been silent";
    EXPECT_TRUE(admitted(with(100), 15s));
}

TEST(Reachability, TellsWhoCannotBeReachedAndWhyAndWhenThatIsOver) {
    Reachability reachability;
    const std::vector<UnreachablePeer> broken{{NodeId(3), "connection refused"}};
    EXPECT_TRUE(reachability.look(broken, at(0s)).empty()) << "may be back in a moment";
    EXPECT_EQ(reachability.all().peers, broken) << "STATUS says it at once";
    const auto lines = reachability.look(broken, at(2s));
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0].peer, NodeId(3));
    EXPECT_EQ(lines[0].text, "connection refused (for 2 s)");
    EXPECT_TRUE(reachability.look(broken, at(3s)).empty());
    const auto over = reachability.look({}, at(4s));
    ASSERT_EQ(over.size(), 1u);
    EXPECT_TRUE(over[0].over);
    EXPECT_TRUE(reachability.all().peers.empty());
    EXPECT_TRUE(reachability.look({}, at(5s)).empty());
}

TEST(Reachability, ARefusalCountsAsLongAsItIsRepeated) {
    Reachability reachability;
    reachability.refused(NodeId(2), "refuses this node: it is node 4", at(0s));
    EXPECT_TRUE(reachability.look({}, at(1s)).empty()) << "the log said it when it came";
    EXPECT_EQ(reachability.all().peers,
              (std::vector<UnreachablePeer>{{NodeId(2), "refuses this node: it is node 4"}}));
    reachability.look({}, at(6s));
    EXPECT_TRUE(reachability.all().peers.empty());
}

TEST(FlightRecorder, KeepsTheLastEventsWhole) {
    FlightRecorder recorder(NodeId(4));
    const auto event = [](std::uint64_t n) {
        return FlightEvent{.when = at(Duration(n)),
                           .kind = FlightKind::sent,
                           .actor = ActorName::replicator,
                           .other = {NodeId(0xffffffff), ActorName::gateway},
                           .type = 7,
                           .term = Term(n),
                           .number = n,
                           .cause = {{NodeId(2), ActorName::storage}, n << 30},
                           .request = n};
    };
    for (std::uint64_t n = 1; n <= FlightRecorder::kEvents + 10; ++n) recorder.record(event(n));
    const auto recent = recorder.recent();
    ASSERT_EQ(recent.size(), FlightRecorder::kEvents);
    EXPECT_EQ(recent.front().number, 11u);
    const FlightEvent& last = recent.back();
    const FlightEvent expected = event(FlightRecorder::kEvents + 10);
    EXPECT_EQ(to_text(NodeId(4), last), to_text(NodeId(4), expected));
    EXPECT_EQ(last.cause, expected.cause);
    EXPECT_EQ(last.other, expected.other);
}

}  // namespace
}  // namespace raftbus
