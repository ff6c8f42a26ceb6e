// answers: the one way from a gateway back to its clients.
//
// Owns: the replies that were made since the last flush, as one buffer that their frames share.
// Must not know: what the replies are about.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "actors/context.hpp"
#include "actors/in_flight.hpp"
#include "actors/unread.hpp"
#include "messages/client_replies.hpp"
#include "messages/text.hpp"

namespace raftbus {

// What a read gets, and whatever else needs it, from a node whose state can not be read.
client::Failure state_damaged();

class Answers {
public:
    Answers(Context& context, InFlight& in_flight, const UnreadLimits& limits)
        : context_(context), in_flight_(in_flight), unread_(limits) {}

    // Answers the request and takes it out of flight. Does nothing if it has been answered before,
    // for its deadline may pass while others still work on it.
    template <class Reply>
    void give(RequestKey key, const Reply& reply) {
        const std::optional<InFlightRequest> request = in_flight_.take(key);
        if (!request) return;
        const std::string name = request->trace ? to_text(request->request) : std::string();
        const std::size_t begin = bytes_.size();
        client::append_reply(bytes_, {request->id, name}, reply);
        frames_.push_back({request->route, begin});
        unread_.given(request->route.view(), bytes_.size() - begin);
        if (context_.traced())
            context_.mark(request->request,
                          "Reply (" + std::to_string(bytes_.size() - begin) + " B)");
    }

    // Answers a request that never got in flight. `id` as in client::ReplyHead.
    void refuse(const SharedBytes& route, std::string_view id, const client::Failure& failure);

    // What clients have not taken yet.
    Unread& unread() { return unread_; }
    const Unread& unread() const { return unread_; }

    // Sends what has gathered, if anything, as one message to the bus.
    void flush();

private:
    struct Frame {
        SharedBytes route;
        std::size_t begin;  // of its reply in bytes_; it ends where the next one begins
    };

    Context& context_;
    InFlight& in_flight_;
    std::string bytes_;
    std::vector<Frame> frames_;
    Unread unread_;
};

}  // namespace raftbus
