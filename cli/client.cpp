#include "cli/client.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/display.hpp"
#include "cli/endpoints.hpp"
#include "cli/interrupt.hpp"
#include "cli/wire.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kNextEndpointAfter =
    50ms;  // a node that does not answer the door: knock at the next too
constexpr auto kReadPatience = 1500ms;  // then another node is asked the same
constexpr auto kRetryPause = 30ms;
constexpr auto kReplySlack = 250ms;  // the gateway's own timeout comes before ours

void set_field(Value::Map& map, std::string_view name, Value value) {
    for (auto& [field, present] : map) {
        if (field == name) {
            present = std::move(value);
            return;
        }
    }
    map.emplace_back(std::string(name), std::move(value));
}

std::uint64_t milliseconds_until(Clock::time_point deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    return static_cast<std::uint64_t>(std::max<std::int64_t>(left.count(), 1));
}

// Waits for news of any of the connections, and takes the monitors' in.
void wait_for_news(const std::vector<Connection*>& connections, Clock::time_point deadline) {
    std::vector<zmq::pollitem_t> items;
    for (Connection* connection : connections) {
        items.push_back(connection->incoming());
        items.push_back(connection->events());
    }
    try {
        zmq::poll(items, std::chrono::milliseconds(milliseconds_until(deadline)));
    } catch (const zmq::error_t& interrupted) {
        if (interrupted.num() != EINTR) throw;
    }
    for (Connection* connection : connections) connection->update();
}

// The body that answers request `id`, if one has come in; answers to older requests are dropped.
std::optional<Value> take_reply(Connection& connection, std::uint64_t id) {
    while (const auto bytes = connection.receive()) {
        auto body = unpack(*bytes);
        if (body && ((*body)["id"].number() == id || (*body)["id"].empty())) return *body;
    }
    return std::nullopt;
}

[[noreturn]] void throw_unreachable(const std::vector<std::unique_ptr<Connection>>& connections) {
    std::string tried;
    for (const auto& connection : connections) {
        if (!connection) continue;
        if (!tried.empty()) tried += ", ";
        tried += fmt::format("{} ({})", short_form(connection->endpoint()),
                             connection->failed() ? connection->reason() : "no answer");
    }
    throw Failure(Exit::unreachable, "no node is reachable: " + tried,
                  "start a cluster with launch/cluster.sh up, or say where it is with --endpoints");
}

// True if asking again does no harm and may help.
bool worth_repeating(const Value& reply, Effect effect) {
    const std::string_view error = reply["error"].text();
    return error == "NO_LEADER" || error == "BUSY" || error == "DAMAGED" ||
           (error == "TIMEOUT" && effect != Effect::writes);
}

// True if the reply says what became of a write that may have been executed by an earlier attempt:
// it is the session's answer, not that of a node which did not get so far.
bool settles(const Reply& reply) {
    return reply.ok() || reply.error() == "CONDITION_FAILED" || reply.error() == "TOO_LARGE";
}

constexpr const char* kReadFirst = "read the key to see, before writing again";

}  // namespace

Client::Client(std::vector<std::string> endpoints, std::chrono::microseconds timeout)
    : endpoints_(std::move(endpoints)), timeout_(timeout), connections_(endpoints_.size()) {}

Reply Client::call(Value::Map request, Effect effect) {
    const auto deadline = Clock::now() + timeout_;
    if (effect == Effect::writes_once) return write_once(std::move(request), deadline);
    return try_until(request, effect, deadline).reply;
}

// A session that is gone may be replaced only if no attempt was made under it that might have been
// executed.
Reply Client::write_once(Value::Map request, Clock::time_point deadline) {
    for (;;) {
        if (!session_ && knows_sessions_)
            if (std::optional<Reply> refusal = open_session(deadline)) return *refusal;
        if (!knows_sessions_) return try_until(request, Effect::writes, deadline).reply;
        set_field(request, "session", *session_);
        set_field(request, "seq", ++last_seq_);
        const Fate fate = try_until(request, Effect::writes_once, deadline);
        const bool gone = fate.reply.error() == "SESSION_EXPIRED";
        if (gone) session_.reset();
        if (fate.doubtful && !settles(fate.reply))
            throw Failure(
                Exit::unknown,
                fmt::format("{}: {}, and an earlier attempt was not answered; whether it was "
                            "executed is unknown",
                            short_form(fate.reply.endpoint), fate.reply.error()),
                kReadFirst);
        if (!gone || Clock::now() >= deadline) return fate.reply;
    }
}

// The refusal, if that is how it ends. Until then nothing of the write was sent.
std::optional<Reply> Client::open_session(Clock::time_point deadline) {
    const Reply reply = [&] {
        try {
            return try_until({{"op", "SESSION"}}, Effect::reads, deadline).reply;
        } catch (const Failure& failure) {
            if (failure.exit != Exit::unknown) throw;
            throw Failure(Exit::not_executed,
                          fmt::format("{}: the write was not sent", failure.what()), failure.next);
        }
    }();
    last_seq_ = 0;
    if (reply.ok()) {
        session_ = reply.body["session"].number();
        return std::nullopt;
    }
    if (reply.error() == "TIMEOUT")
        throw Failure(Exit::not_executed,
                      "TIMEOUT: no session could be opened, and the write was not sent",
                      "try again; `raftbus status` shows the nodes");
    knows_sessions_ = reply.error() != "UNSUPPORTED" && reply.error() != "BAD_REQUEST";
    return knows_sessions_ ? std::optional(reply) : std::nullopt;
}

Client::Fate Client::try_until(const Value::Map& request, Effect effect,
                               Clock::time_point deadline) {
    bool doubtful = false;
    for (;;) {
        Connection& connection = reach(deadline);
        const auto patience =
            effect == Effect::writes ? deadline : std::min(deadline, Clock::now() + kReadPatience);
        const std::optional<Reply> reply = ask(connection, request, patience);
        const bool last_try = Clock::now() + kRetryPause >= deadline;
        if (reply && (last_try || !worth_repeating(reply->body, effect))) return {*reply, doubtful};
        if (!reply && effect == Effect::writes) {
            throw Failure(
                Exit::unknown,
                fmt::format("{}: {}; whether it was executed is unknown",
                            short_form(connection.endpoint()),
                            connection.failed() ? "the connection broke before the answer came"
                                                : "no answer within " + duration_text(timeout_)),
                kReadFirst);
        }
        doubtful = doubtful || !reply || reply->error() == "TIMEOUT";
        if (!reply && last_try) {
            throw Failure(Exit::unknown, "no answer within " + duration_text(timeout_),
                          effect == Effect::reads
                              ? "see `raftbus status`, or give more time with --timeout"
                              : kReadFirst);
        }
        give_up_on_preferred();
        pause(Clock::now() + kRetryPause);
    }
}

Connection& Client::reach(Clock::time_point deadline) {
    for (auto& connection : connections_) {
        if (connection) connection->update();
        if (connection && connection->failed()) connection.reset();
    }
    const std::size_t count = endpoints_.size();
    std::size_t knocked = 0;
    auto next_knock = Clock::now();
    for (;;) {
        bool hoping = false;
        std::vector<Connection*> open;
        for (std::size_t k = 0; k < knocked; ++k) {
            const std::size_t i = (preferred_ + k) % count;
            Connection* connection = connections_[i].get();
            if (connection == nullptr || connection->failed()) continue;
            if (connection->ready()) {
                preferred_ = i;
                return *connection;
            }
            hoping = true;
            open.push_back(connection);
        }
        if ((knocked == count && !hoping) || Clock::now() >= deadline)
            throw_unreachable(connections_);
        if (knocked < count && (!hoping || Clock::now() >= next_knock)) {
            const std::size_t i = (preferred_ + knocked++) % count;
            if (!connections_[i]) {
                connections_[i] = std::make_unique<Connection>(context_, endpoints_[i]);
            }
            next_knock = Clock::now() + kNextEndpointAfter;
            continue;
        }
        wait_for_news(open, knocked < count ? std::min(deadline, next_knock) : deadline);
        throw_if_interrupted();
    }
}

// None: the connection broke, or the deadline passed without an answer.
std::optional<Reply> Client::ask(Connection& connection, Value::Map request,
                                 Clock::time_point deadline) {
    const std::uint64_t id = ++last_id_;
    set_field(request, "id", id);
    set_field(request, "timeout_ms", milliseconds_until(deadline));
    const auto start = Clock::now();
    if (!connection.send(pack(request))) {
        connection.update();
        return Reply{Value::Map{{"ok", false},
                                {"error", "BUSY"},
                                {"message", "the node takes nothing in"},
                                {"executed", "no"}},
                     connection.endpoint(),
                     {}};
    }
    while (Clock::now() < deadline + kReplySlack) {
        wait_for_news({&connection}, deadline + kReplySlack);
        if (auto body = take_reply(connection, id)) {
            const auto took =
                std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
            return Reply{std::move(*body), connection.endpoint(), took};
        }
        if (connection.failed()) break;
        throw_if_interrupted("interrupted before the answer came: a write may still happen");
    }
    return std::nullopt;
}

void Client::give_up_on_preferred() {
    preferred_ = (preferred_ + 1) % endpoints_.size();
}

void Client::pause(Clock::time_point until) {
    while (Clock::now() < until) {
        wait_for_news({}, until);
        throw_if_interrupted();
    }
}

std::vector<Answer> Client::ask_each(const std::vector<std::string>& endpoints, Value::Map request,
                                     std::chrono::microseconds timeout) {
    const auto start = Clock::now();
    const auto deadline = start + timeout;
    const std::uint64_t id = ++last_id_;
    set_field(request, "id", id);
    set_field(request, "timeout_ms", milliseconds_until(deadline));
    const std::string body = pack(request);

    struct Ask {
        std::unique_ptr<Connection> connection;
        bool sent = false;
    };
    std::vector<Ask> asks;
    std::vector<Answer> answers;
    for (const std::string& endpoint : endpoints) {
        asks.push_back({std::make_unique<Connection>(context_, endpoint)});
        answers.push_back({endpoint, std::nullopt, "no answer"});
    }
    for (;;) {
        std::vector<Connection*> waiting;
        for (std::size_t i = 0; i < asks.size(); ++i) {
            Connection& connection = *asks[i].connection;
            if (answers[i].reply) continue;
            if (connection.ready() && !asks[i].sent) asks[i].sent = connection.send(body);
            if (auto reply = take_reply(connection, id)) {
                const auto took =
                    std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
                answers[i].reply = Reply{std::move(*reply), endpoints[i], took};
            } else if (connection.failed()) {
                answers[i].reason = connection.reason();
            } else {
                waiting.push_back(&connection);
            }
        }
        if (waiting.empty() || Clock::now() >= deadline) return answers;
        wait_for_news(waiting, deadline);
        throw_if_interrupted();
    }
}

Exit exit_of(const Value& reply) {
    const std::string_view error = reply["error"].text();
    if (error == "CONDITION_FAILED") return Exit::answered_no;
    if (error == "NO_LEADER" || error == "BUSY" || error == "DAMAGED" || error == "NO_SPACE" ||
        error == "SESSION_EXPIRED")
        return Exit::not_executed;
    if (error == "UNAUTHORIZED") return Exit::unauthorized;
    if (error == "TIMEOUT" || reply["executed"].text() == "unknown") return Exit::unknown;
    return Exit::refused;
}

namespace {

std::string advice_for(const Value& reply) {
    const std::string_view error = reply["error"].text();
    if (error == "CONDITION_FAILED") {
        return reply["found"].is_true()
                   ? fmt::format("the key stands at revision {}", reply["revision"].number())
                   : "the key is not there";
    }
    if (error == "NO_LEADER")
        return "nothing was executed, try again; `raftbus status` shows the nodes";
    if (error == "BUSY") return "nothing was executed, try again in a moment";
    if (error == "DAMAGED")
        return "nothing was executed; `raftbus status` shows the nodes, try another one";
    if (error == "NO_SPACE") return "nothing was executed; free space on the nodes' disks";
    if (error == "TIMEOUT") return "it may still happen: read the key before writing again";
    if (error == "SESSION_EXPIRED") return "nothing was executed, try again";
    if (error == "SESSION_EXPIRED") return "nothing was executed, try again";
    if (error == "UNAUTHORIZED") return "this client's key may not do that";
    return {};
}

}  // namespace

const Reply& succeeded(const Reply& reply) {
    if (reply.ok()) return reply;
    throw Failure(exit_of(reply.body),
                  fmt::format("{}: {}", reply.error(), escaped(reply.body["message"].text())),
                  advice_for(reply.body));
}

}  // namespace raftbus::cli
