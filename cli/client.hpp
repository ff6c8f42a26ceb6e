// client: requests to a cluster, whichever of its nodes answers.
//
// Owns: one connection per endpoint, the choice among them, the session for writes, and the rules
// of retrying: reads, and what a node says was not executed, are tried again until the timeout; a
// write whose outcome is unknown only in a session, under its number. Must not know: Raft, output,
// verbs.
//
// Not for use from several threads at once.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/connection.hpp"
#include "cli/failure.hpp"
#include "cli/value.hpp"

namespace raftbus::cli {

enum class Effect {  // may it be asked twice?
    reads,           // yes
    writes,          // not if it may have happened
    writes_once,     // yes: in a session it happens once
};

struct Reply {
    Value body;
    std::string endpoint;            // whose reply it is
    std::chrono::microseconds took;  // from sending to receiving

    bool ok() const { return body["ok"].is_true(); }
    std::string_view error() const { return body["error"].text(); }
};

// What one of several nodes said.
struct Answer {
    std::string endpoint;
    std::optional<Reply> reply;
    std::string reason;  // why there is none
};

class Client {
public:
    // `endpoints` as tcp://host:port, at least one.
    Client(std::vector<std::string> endpoints, std::chrono::microseconds timeout);

    // A request with the field `op` and what belongs to it. Returns the reply, which may be a
    // refusal. Throws Failure: unreachable, unknown (nobody answered in time, or the connection
    // broke under a write), interrupted. The first call with `writes_once` opens a session, which
    // the later ones use; a cluster that knows none gets the write as if it were `writes`.
    Reply call(Value::Map request, Effect effect);

    // Asks each of the endpoints once and at the same time. Never throws for want of an answer.
    std::vector<Answer> ask_each(const std::vector<std::string>& endpoints, Value::Map request,
                                 std::chrono::microseconds timeout);

    const std::vector<std::string>& endpoints() const { return endpoints_; }
    // The endpoint that is asked first: the last that answered.
    const std::string& preferred() const { return endpoints_[preferred_]; }
    std::chrono::microseconds timeout() const { return timeout_; }

private:
    using Clock = std::chrono::steady_clock;

    // What became of a request: the last reply, and whether there was none to an earlier attempt.
    struct Fate {
        Reply reply;
        bool doubtful = false;
    };

    Reply write_once(Value::Map request, Clock::time_point deadline);
    std::optional<Reply> open_session(Clock::time_point deadline);
    Fate try_until(const Value::Map& request, Effect effect, Clock::time_point deadline);
    Connection& reach(Clock::time_point deadline);
    std::optional<Reply> ask(Connection& connection, Value::Map request,
                             Clock::time_point deadline);
    void give_up_on_preferred();
    void pause(Clock::time_point until);

    std::vector<std::string> endpoints_;
    std::chrono::microseconds timeout_;
    zmq::context_t context_;
    std::vector<std::unique_ptr<Connection>> connections_;  // one per endpoint; null: not opened
    std::size_t preferred_ = 0;
    std::uint64_t last_id_ = 0;
    std::optional<std::uint64_t> session_;  // none: not opened yet, or gone
    std::uint64_t last_seq_ = 0;            // in it
    bool knows_sessions_ = true;            // the cluster, as far as is known
};

// A node takes no longer message: it closes the connection (docs/protocol.md, Limits).
inline constexpr std::size_t kMessageBytesMax = 16 << 20;

// The exit code that a refusal stands for.
Exit exit_of(const Value& reply);
// The reply itself if it is a success; throws the Failure that its refusal stands for.
const Reply& succeeded(const Reply& reply);

}  // namespace raftbus::cli
