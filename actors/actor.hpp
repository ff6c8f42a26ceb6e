// actor: what all actors have in common, and how a message finds its handler.
//
// Owns: the interface that bus/ and sim/ drive, and the dispatch. Each actor names its inbox as a
// closed std::variant and derives from ActorOf<Itself, Inbox>; a message in the inbox without an
// `on(const Message&, const Envelope&)` fails to compile.
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "actors/context.hpp"
#include "messages/text.hpp"

namespace raftbus {

class Actor {
public:
    virtual ~Actor() = default;

    // Called once, before any message.
    virtual void start() {}
    // Handles one message. False: this actor does not take messages of that type.
    virtual bool receive(const Envelope& envelope, const AnyMessage& message) = 0;
    virtual void on_timer(TimerId) {}
    virtual void on_job_done(JobId) {}
    // Everything that had come in is handled: do now what was gathered meanwhile. Called after
    // every burst of messages, timers and jobs, so that load makes batches larger by itself.
    virtual void on_drained() {}
    // For the line that reports a failed check: "leader of term 7".
    virtual std::string describe() const { return {}; }
};

template <class Self, class InboxVariant>
class ActorOf : public Actor {
public:
    using Inbox = InboxVariant;

    bool receive(const Envelope& envelope, const AnyMessage& message) final {
        return hand_over(envelope, message, static_cast<const Inbox*>(nullptr));
    }

private:
    // Calls the one handler whose message this is. Every alternative of the inbox needs one.
    template <class... M>
    bool hand_over(const Envelope& envelope, const AnyMessage& message, const std::variant<M...>*) {
        const auto to_handler = [&]<class One>(const One* one) {
            if (one) static_cast<Self*>(this)->on(*one, envelope);
            return one != nullptr;
        };
        return (to_handler(std::get_if<M>(&message)) || ...);
    }
};

}  // namespace raftbus
