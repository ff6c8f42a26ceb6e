// bulk: many writes, many at a time, each exactly once.
//
// Owns: a session of its own, one connection at a time, and the writes that are under way: sent
// again, under their numbers, to another node when one does not answer. Must not know: what they
// write.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "cli/client.hpp"
#include "cli/connection.hpp"

namespace raftbus::cli {

class BulkWriter {
public:
    // At most `window` writes are under way; from 1, and no more than a session takes.
    BulkWriter(Client& client, std::uint64_t window);

    // Puts a write under way: op, key and what belongs to it. Waits while too many are. Throws
    // Failure when one is refused, or none has been answered for too long.
    void write(Value::Map request);
    // Waits for all.
    void finish();
    // How many changed nothing, since their condition did not hold.
    std::uint64_t conditions_failed() const { return conditions_failed_; }

private:
    using Clock = std::chrono::steady_clock;
    struct UnderWay {
        std::string body;
        Clock::time_point sent{};  // epoch: it has to be sent
    };

    void pump();
    void connect();
    void send_due();
    void take_replies();
    void settle(std::uint64_t seq, const Value& reply);
    void send_again_later(std::uint64_t seq);

    Client& client_;
    const std::uint64_t window_;
    const std::uint64_t session_;
    zmq::context_t context_;
    std::size_t endpoint_ = 0;
    std::unique_ptr<Connection> connection_;
    Clock::time_point paused_until_{};
    Clock::time_point progressed_at_;
    std::uint64_t last_seq_ = 0;
    std::map<std::uint64_t, UnderWay> under_way_;
    std::uint64_t conditions_failed_ = 0;
    std::string obstacle_;  // that was met last
};

}  // namespace raftbus::cli
