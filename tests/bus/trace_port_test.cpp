// The trace as a listener hears it.
#include "messages/trace.hpp"
#include "tests/bus/toy_node.hpp"
#include "tests/bus/wire.hpp"

namespace raftbus::testing {
namespace {

constexpr auto A = ActorName::election;
constexpr auto C = ActorName::storage;  // on the other worker

class Trace : public ::testing::Test {
protected:
    ToyNode node{1, {free_port()}};

    void SetUp() override {
        node.config.trace_bind = loopback(free_port());
        // A ticks; each tick says whether somebody listens, and makes a message and a mark if so.
        node.scripts[A].start = [](Context& me) { me.set_timer(1, 1ms); };
        node.scripts[A].timer = [](Context& me, TimerId) {
            me.serve({NodeId(1), 5});
            me.send({me.self().node, C}, SaveHardState{.term = Term(me.traced() ? 2 : 1)});
            me.set_timer(1, 1ms);
        };
        node.scripts[C].receive = [](Context& me, const Envelope& from, const AnyMessage& m) {
            if (!std::holds_alternative<SaveHardState>(m)) return;
            me.mark(from.request, "the vote is cast");
            me.send(from.from, HardStateSaved{});
        };
    }
    // The next event that the listener hears.
    static TraceEvent hear(Wire& listener) {
        const auto frames = listener.receive();
        if (!frames || frames->size() != 2) {
            ADD_FAILURE() << "no event";
            return {};
        }
        auto event = decode_trace(frames->at(1));
        EXPECT_TRUE(event.ok());
        EXPECT_EQ(frames->at(0), topic_of(*event));
        return *event;
    }
};

TEST_F(Trace, IsOffWhileNobodyListensAndAgainWhenTheyHaveGone) {
    node.start();
    EXPECT_EQ(node.received<SaveHardState>(C).second.term, Term(1));
    {
        Wire listener(zmq::socket_type::sub, node.config.trace_bind);
        listener.socket().set(zmq::sockopt::subscribe, "");
        hear(listener);
        while (node.received<SaveHardState>(C).second.term != Term(2)) {
        }
    }
    while (node.received<SaveHardState>(C).second.term != Term(1)) {
    }
}

TEST_F(Trace, TellsWhoSentWhatToWhomAndWhy) {
    node.start();
    Wire listener(zmq::socket_type::sub, node.config.trace_bind);
    listener.socket().set(zmq::sockopt::subscribe, "");

    std::optional<TraceEvent> asked, taken, marked, answered;
    while (!answered) {
        const TraceEvent event = hear(listener);
        if (::testing::Test::HasFailure()) return;
        if (!asked && event.kind == TraceKind::sent && event.type == "SaveHardState") asked = event;
        if (!asked) continue;
        if (event.kind == TraceKind::handled && event.message == asked->message) taken = event;
        if (event.kind == TraceKind::mark && event.message == asked->message) marked = event;
        if (event.kind == TraceKind::sent && event.cause == asked->message) answered = event;
    }
    EXPECT_EQ(asked->actor, A);
    EXPECT_EQ(asked->other, node.at(C));
    EXPECT_EQ(asked->node, NodeId(1));
    EXPECT_EQ(asked->request, (RequestId{NodeId(1), 5}));
    ASSERT_TRUE(taken && marked);
    EXPECT_EQ(taken->actor, C);
    EXPECT_EQ(taken->other, node.at(A));
    EXPECT_GE(taken->took_us, 0);
    EXPECT_EQ(marked->text, "the vote is cast");
    EXPECT_EQ(marked->request, asked->request);
    EXPECT_EQ(answered->type, "HardStateSaved");
}

TEST_F(Trace, ATopicFiltersAtTheSource) {
    node.start();
    Wire listener(zmq::socket_type::sub, node.config.trace_bind);
    listener.socket().set(zmq::sockopt::subscribe, "storage.Hard");
    for (int i = 0; i < 20; ++i) EXPECT_EQ(hear(listener).type, "HardStateSaved");
}

}  // namespace
}  // namespace raftbus::testing
