// One node: what actors say to each other, on one worker and on two.
#include <thread>

#include "tests/bus/toy_node.hpp"

namespace raftbus::testing {
namespace {

constexpr auto A = ActorName::election;
constexpr auto B = ActorName::replicator;
constexpr auto C = ActorName::storage;  // on the other worker

template <class M>
const M* as(const AnyMessage& message) {
    return std::get_if<M>(&message);
}

class OneNode : public ::testing::Test {
protected:
    ToyNode toys{1, {free_port()}};
};

// A says Fence{1}, the other answers Fenced with the same term, and so on up to `rounds`.
void play_ping_pong(ToyNode& toys, ActorName other, std::uint64_t rounds) {
    toys.scripts[A].start = [=](Context& me) { me.send({me.self().node, other}, Fence{Term(1)}); };
    toys.scripts[A].receive = [=](Context& me, const Envelope& from, const AnyMessage& message) {
        const auto* fenced = as<Fenced>(message);
        if (fenced == nullptr) return;
        if (fenced->term.value < rounds)
            me.send(from.from, Fence{fenced->term.next()});
        else
            me.send(me.self(), TermSaved{fenced->term});
    };
    toys.scripts[other].receive = [](Context& me, const Envelope& from, const AnyMessage& message) {
        if (const auto* fence = as<Fence>(message))
            me.send(from.from, Fenced{fence->term, Promised{}});
    };
    toys.start();
    EXPECT_EQ(toys.received<TermSaved>(A).second.term, Term(rounds));
}

TEST_F(OneNode, PingPongOnOneWorker) {
    play_ping_pong(toys, B, 1000);
}
TEST_F(OneNode, PingPongBetweenWorkers) {
    play_ping_pong(toys, C, 1000);
}

TEST_F(OneNode, EveryActorOnAThreadOfItsOwn) {
    toys.config.layout = {{"net", {}}, {"a", {A}}, {"b", {B}}, {"c", {C}}};
    play_ping_pong(toys, B, 1000);
}

TEST_F(OneNode, LargeBodiesAreSharedNotCopied) {
    const SharedBytes body = SharedBytes::own(std::string(100'000, 'x'));
    toys.scripts[A].start = [=](Context& me) {
        me.send({me.self().node, B}, Propose{.term = Term(1), .body = body});
        me.send({me.self().node, C}, Propose{.term = Term(1), .body = body});
    };
    toys.start();
    EXPECT_EQ(toys.received<Propose>(B).second.body.data(), body.data());
    EXPECT_EQ(toys.received<Propose>(C).second.body.data(), body.data());
}

TEST_F(OneNode, OrderIsKeptBetweenOneSenderAndOneReceiver) {
    constexpr std::uint64_t count = 5000;
    toys.scripts[A].start = [=](Context& me) {
        for (std::uint64_t i = 1; i <= count; ++i) {
            me.send({me.self().node, B}, TermSeen{Term(i)});
            me.send({me.self().node, C}, TermSeen{Term(i)});
        }
    };
    toys.start();
    for (std::uint64_t i = 1; i <= count; ++i) {
        ASSERT_EQ(toys.received<TermSeen>(B).second.term, Term(i));
        ASSERT_EQ(toys.received<TermSeen>(C).second.term, Term(i));
    }
}

TEST_F(OneNode, TimersFireOnceInOrderAndNotWhenCancelled) {
    toys.scripts[A].start = [](Context& me) {
        me.set_timer(2, 20ms);
        me.set_timer(1, 5ms);
        me.set_timer(3, 1ms);
        me.cancel_timer(3);
        me.set_timer(4, 1h);
        me.set_timer(4, 40ms);  // replaces the hour
    };
    toys.scripts[A].timer = [](Context& me, TimerId id) { me.send(me.self(), AskReport{id}); };
    toys.start();
    for (const std::uint64_t id : {1, 2, 4}) EXPECT_EQ(toys.received<AskReport>(A).second.ask, id);
}

TEST_F(OneNode, NowStandsStillWithinAHandler) {
    toys.scripts[A].start = [](Context& me) {
        const Moment before = me.now();
        std::string busy;
        while (busy.size() < 1'000'000) busy.push_back('x');
        me.send(me.self(), AskReport{before == me.now() ? 1u : 0u});
    };
    toys.start();
    EXPECT_EQ(toys.received<AskReport>(A).second.ask, 1u);
}

TEST_F(OneNode, JobsRunElsewhereOneAfterTheOtherAndReportBack) {
    auto order = std::make_shared<std::vector<int>>();
    auto actor_thread = std::make_shared<std::thread::id>();
    auto job_thread = std::make_shared<std::thread::id>();
    toys.scripts[C].start = [=](Context& me) {
        *actor_thread = std::this_thread::get_id();
        for (int i = 1; i <= 3; ++i)
            me.run_in_background(static_cast<JobId>(i), [=] {
                *job_thread = std::this_thread::get_id();
                order->push_back(i);
            });
    };
    toys.scripts[C].job_done = [=](Context& me, JobId id) {
        EXPECT_EQ(std::this_thread::get_id(), *actor_thread);
        me.send({me.self().node, A}, AskReport{id});
    };
    toys.start();
    for (const std::uint64_t id : {1, 2, 3}) EXPECT_EQ(toys.received<AskReport>(A).second.ask, id);
    EXPECT_EQ(*order, (std::vector<int>{1, 2, 3}));
    EXPECT_NE(*actor_thread, *job_thread);
}

TEST_F(OneNode, EnvelopesSayWhatCausedThemAndWhichRequestTheyServe) {
    const RequestId request{NodeId(1), 42};
    toys.scripts[A].start = [=](Context& me) {
        me.serve(request);
        me.send({me.self().node, B}, Fence{Term(7)});
    };
    toys.scripts[B].receive = [](Context& me, const Envelope&, const AnyMessage& message) {
        if (as<Fence>(message)) me.send({me.self().node, C}, TermSaved{Term(7)});
    };
    toys.start();
    const auto [asked, fence] = toys.received<Fence>(B);
    EXPECT_FALSE(asked.cause);
    EXPECT_EQ(asked.request, request);
    EXPECT_EQ(asked.number, 1u);
    EXPECT_EQ(asked.from, toys.at(A));
    const auto [saved, term] = toys.received<TermSaved>(C);
    EXPECT_EQ(saved.cause, asked.id());
    EXPECT_EQ(saved.request, request);
}

TEST_F(OneNode, AnAnswerThatWasHeldBackNamesItsOwnQuestion) {
    auto held = std::make_shared<std::vector<Envelope>>();
    toys.scripts[A].start = [](Context& me) {
        me.serve({NodeId(1), 1});
        me.send({me.self().node, C}, TermSeen{Term(1)});
        me.serve({NodeId(1), 2});
        me.send({me.self().node, C}, TermSeen{Term(2)});
    };
    toys.scripts[C].receive = [=](Context& me, const Envelope& from, const AnyMessage&) {
        held->push_back(from);
        if (held->size() < 2) return;
        for (const Envelope& question : *held) {
            me.answering(question);
            me.send(question.from, TermSaved{});
        }
    };
    toys.start();
    for (const std::uint64_t number : {1, 2}) {
        const auto [envelope, saved] = toys.received<TermSaved>(A);
        EXPECT_EQ(envelope.cause, (MessageId{toys.at(A), number}));
        EXPECT_EQ(envelope.request, (RequestId{NodeId(1), number}));
    }
}

TEST_F(OneNode, AnActorIsDrainedAfterABurstNotAfterEachMessage) {
    auto handled = std::make_shared<std::uint64_t>(0);
    auto drains = std::make_shared<std::uint64_t>(0);
    toys.scripts[A].start = [](Context& me) {
        for (int i = 0; i < 50; ++i) me.send({me.self().node, B}, TermSeen{Term(1)});
    };
    toys.scripts[B].receive = [=](Context&, const Envelope&, const AnyMessage&) { ++*handled; };
    toys.scripts[B].drained = [=](Context& me) {
        ++*drains;
        if (*handled == 50) me.send({me.self().node, A}, AskReport{*drains});
    };
    toys.start();
    EXPECT_LE(toys.received<AskReport>(A).second.ask, 2u);
}

TEST_F(OneNode, OneSeedMeansTheSameNumbersAndEachActorHasItsOwn) {
    const auto draw = [](ToyNode& node, ActorName who) {
        node.config.seed = 7;
        for (const ActorName name : {A, B})
            node.scripts[name].start = [](Context& me) {
                me.send(me.self(), AskReport{me.random(1'000'000'000)});
            };
        node.start();
        return node.received<AskReport>(who).second.ask;
    };
    ToyNode again{1, {free_port()}};
    ToyNode other{1, {free_port()}};
    const auto first = draw(toys, A);
    EXPECT_EQ(draw(again, A), first);
    EXPECT_NE(draw(other, B), first);
}

TEST_F(OneNode, RemembersWhatHappenedLast) {
    play_ping_pong(toys, B, 3);
    const auto lines = toys.node().recent();
    const auto has = [&](const std::string& part) {
        return std::ranges::any_of(lines,
                                   [&](auto& l) { return l.find(part) != std::string::npos; });
    };
    EXPECT_TRUE(has("n1.election -> n1.replicator Fence term=3"));
    EXPECT_TRUE(has("n1.replicator <- n1.election Fence term=3"));
    EXPECT_TRUE(has("because of n1.election #3"));
    toys.node().dump_recent();
    EXPECT_FALSE(toys.logged("recent: ").empty());
}

}  // namespace
}  // namespace raftbus::testing
