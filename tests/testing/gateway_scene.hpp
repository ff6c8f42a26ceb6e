// gateway_scene: a gateway on node 1, with the test in the place of everybody it talks to.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "actors/gateway.hpp"
#include "tests/testing/fake_context.hpp"

namespace raftbus::testing {

using Json = nlohmann::json;

// Keeps what is put into the trace.
class TracedContext : public FakeContext {
public:
    using FakeContext::FakeContext;
    void send(Address to, AnyMessage message) override {
        served.push_back(serving_);
        FakeContext::send(to, std::move(message));
    }
    bool traced() const override { return true; }
    void mark(RequestId request, std::string_view text) override {
        marks.emplace_back(request, text);
    }
    void serve(RequestId request) override { serving_ = request; }

    std::vector<std::pair<RequestId, std::string>> marks;
    std::vector<RequestId> served;  // for each message sent, the request that it served

private:
    RequestId serving_;
};

class GatewayScene {
public:
    explicit GatewayScene(const GatewayOptions& options = {}) : gateway(context, options) {
        gateway.start();
        speaks(kVersions.newest);
    }

    // One burst of messages: each is delivered, then all are drained.
    void deliver(AnyMessage message, Address from = {NodeId(1), ActorName::bus}) {
        hand(std::move(message), from);
        gateway.on_drained();
    }
    void hand(AnyMessage message, Address from) {
        ASSERT_TRUE(gateway.receive({.from = from, .to = context.self()}, message));
    }

    static ClientFrame frame(const Json& request, const std::string& client = "client") {
        const std::vector<std::uint8_t> bytes = Json::to_msgpack(request);
        return {SharedBytes::copy(client), SharedBytes::own({bytes.begin(), bytes.end()})};
    }
    // All requests come in one burst.
    void ask_all(const std::vector<Json>& requests, const std::string& client = "client") {
        ClientRequests message;
        for (const Json& request : requests) message.frames.push_back(frame(request, client));
        deliver(std::move(message));
    }
    void ask(const Json& request) { ask_all({request}); }

    // The replies since the last call, with their routes.
    std::vector<std::pair<std::string, Json>> take_replies() {
        std::vector<std::pair<std::string, Json>> replies;
        for (const ClientReplies& message : context.take<ClientReplies>())
            for (const ClientFrame& frame : message.frames)
                replies.emplace_back(frame.route.view(), Json::from_msgpack(frame.body->view()));
        return replies;
    }
    // The only reply since the last call.
    Json reply() {
        const auto replies = take_replies();
        EXPECT_EQ(replies.size(), 1u);
        return replies.empty() ? Json::object() : replies.front().second;
    }

    void leader(std::uint64_t term, std::uint32_t node) {
        deliver(LeaderChanged{Term(term), NodeId(node)}, neighbour(ActorName::election));
    }
    // The cluster speaks that version, in an incarnation of that id.
    void speaks(std::uint32_t version, std::uint64_t incarnation = 77) {
        Reconfigured news;
        news.configuration.version = version;
        if (version >= 2) news.configuration.incarnation.id = incarnation;
        deliver(news, neighbour(ActorName::replicator));
    }
    void refuse(ProposalNumber proposal, Refusal why) {
        deliver(ProposeRefused{proposal, why}, {NodeId(2), ActorName::replicator});
    }
    void applied(std::uint64_t index, std::uint64_t term, std::vector<BatchOutcome> batches = {}) {
        deliver(OutcomesReady{LogIndex(index), Term(term), std::move(batches)},
                neighbour(ActorName::state_machine));
    }
    // The only message of its kind since the last call.
    template <class Message>
    Message sent() {
        const auto messages = context.take<Message>();
        EXPECT_EQ(messages.size(), 1u) << Message::kName;
        return messages.empty() ? Message{} : messages.front();
    }
    template <class Message>
    std::size_t count() {
        return context.take<Message>().size();
    }
    void pass(Duration time) { context.run(gateway, time); }

    static Address neighbour(ActorName actor) { return {NodeId(1), actor}; }

    TracedContext context{Address{NodeId(1), ActorName::gateway}};
    Gateway gateway;
};

inline Json set(int id, const std::string& key, const std::string& value = "v") {
    return {{"op", "SET"}, {"id", id}, {"key", key}, {"value", value}};
}
inline Json get(int id, const std::string& key) {
    return {{"op", "GET"}, {"id", id}, {"key", key}};
}
inline BatchOutcome written(ProposalNumber proposal, std::uint64_t first, std::size_t count = 1) {
    BatchOutcome outcome{proposal, {}};
    for (std::size_t i = 0; i < count; ++i) outcome.outcomes.push_back(Written{first + i, false});
    return outcome;
}

inline void expect_failure(const Json& reply, const std::string& error,
                           const std::string& executed) {
    EXPECT_EQ(reply.value("ok", true), false) << reply;
    EXPECT_EQ(reply.value("error", ""), error) << reply;
    EXPECT_EQ(reply.value("executed", ""), executed) << reply;
}

}  // namespace raftbus::testing
