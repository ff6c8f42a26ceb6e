// watch_scene: a gateway with clients that watch, and a hand on what the state and the bus say.
#pragma once

#include "messages/route.hpp"
#include "tests/testing/gateway_scene.hpp"

namespace raftbus::testing {

inline Json watch(const Json& id, const std::string& key, const Json& more = Json::object()) {
    Json request{{"op", "WATCH"}, {"id", id}, {"key", key}};
    request.update(more);
    return request;
}

inline WatchEvent event(std::uint64_t revision, const std::string& value) {
    std::string pairs;
    client::append_event(pairs, client::KeyEvent::set, "k", value, revision);
    return {revision, SharedBytes::own(std::move(pairs))};
}

class WatchScene : public GatewayScene {
public:
    explicit WatchScene(const GatewayOptions& options = {}) : GatewayScene(options) {}

    void state(AnyMessage message) {
        deliver(std::move(message), neighbour(ActorName::state_machine));
    }
    void begin(std::uint64_t watch, std::uint64_t after) {
        state(Watching{WatchNumber(watch), LogIndex(after)});
        state(WatchEvents{{}, {{WatchNumber(watch), {}, LogIndex(after), false}}});
    }
    void tell(std::uint64_t watch, const std::vector<std::uint64_t>& revisions, bool past = false) {
        WatchEvents events;
        WatchShare share{WatchNumber(watch), {}, LogIndex(revisions.back()), past};
        for (const std::uint64_t revision : revisions) {
            share.events.push_back(static_cast<std::uint32_t>(events.events.size()));
            events.events.push_back(event(revision, std::to_string(revision)));
        }
        events.shares.push_back(share);
        state(std::move(events));
    }
    // "client: {reply}" of all that has been sent to the bus since the last call.
    std::vector<Json> streamed(const std::string& client = "client") {
        std::vector<Json> all;
        for (const StreamReplies& burst : context.take<StreamReplies>()) {
            last_burst = burst;
            for (const StreamFrame& frame : burst.frames)
                if (frame.route.view() == client)
                    all.push_back(Json::from_msgpack(frame.body.view()));
        }
        return all;
    }
    // The bus has taken the last burst that was looked at; or so many of its frames, of one client.
    void taken() { deliver(StreamsTaken{last_burst.burst, {}}); }
    void taken(std::uint64_t count, bool gone = false) {
        deliver(StreamsTaken{last_burst.burst, {{last_burst.frames.at(0).stream, count, gone}}});
    }
    // All that comes out when everything is taken at once.
    std::vector<Json> drain(const std::string& client = "client") {
        std::vector<Json> all;
        for (;;) {
            const std::vector<Json> some = streamed(client);
            if (some.empty()) return all;
            all.insert(all.end(), some.begin(), some.end());
            taken();
        }
    }

    StreamReplies last_burst;
};

}  // namespace raftbus::testing
