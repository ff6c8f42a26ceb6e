#include "cli/bulk.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/display.hpp"
#include "cli/endpoints.hpp"
#include "cli/interrupt.hpp"
#include "cli/wire.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kWindowMax = 1'024;  // of one session
constexpr std::uint64_t kRequestMs = 5'000;
constexpr auto kLostAfter = 8s;  // the gateway has answered long before
constexpr auto kPause = 50ms;
constexpr auto kPatience = 30s;

std::uint64_t open_session(Client& client) {
    return succeeded(client.call({{"op", "SESSION"}}, Effect::reads)).body["session"].number();
}

}  // namespace

BulkWriter::BulkWriter(Client& client, std::uint64_t window)
    : client_(client),
      window_(std::clamp<std::uint64_t>(window, 1, kWindowMax)),
      session_(open_session(client)),
      progressed_at_(Clock::now()) {
    const auto& endpoints = client_.endpoints();
    const auto at = std::ranges::find(endpoints, client_.preferred());
    endpoint_ = static_cast<std::size_t>(at - endpoints.begin());
}

void BulkWriter::write(Value::Map request) {
    const std::uint64_t seq = ++last_seq_;
    request.emplace_back("id", seq);
    request.emplace_back("session", session_);
    request.emplace_back("seq", seq);
    request.emplace_back("timeout_ms", kRequestMs);
    if (under_way_.empty()) progressed_at_ = Clock::now();
    under_way_[seq].body = pack(request);
    // A number that is far ahead of one that is not answered would have that one forgotten.
    do pump();
    while (under_way_.size() >= window_ ||
           (!under_way_.empty() && last_seq_ - under_way_.begin()->first >= window_));
}

void BulkWriter::finish() {
    while (!under_way_.empty()) pump();
}

void BulkWriter::pump() {
    throw_if_interrupted("interrupted: some of it is written");
    const auto now = Clock::now();
    if (now - progressed_at_ > std::max<std::chrono::microseconds>(kPatience, client_.timeout()))
        throw Failure(Exit::unknown,
                      fmt::format("nothing was answered for too long: {}",
                                  obstacle_.empty() ? "no node answers" : obstacle_),
                      "see `raftbus status`; it may be done again");
    connect();
    const bool sends = connection_->ready() && now >= paused_until_ &&
                       std::ranges::any_of(under_way_, [](const auto& entry) {
                           return entry.second.sent == Clock::time_point();
                       });
    if (connection_->ready() && now >= paused_until_) send_due();
    std::vector<zmq::pollitem_t> items{connection_->incoming(), connection_->events()};
    const bool wait = !sends || under_way_.size() >= window_;
    try {
        zmq::poll(items, std::chrono::milliseconds(wait ? 20 : 0));
    } catch (const zmq::error_t& interrupted) {
        if (interrupted.num() != EINTR) throw;
    }
    connection_->update();
    take_replies();
}

// All that was under way on a connection that broke has to be sent again.
void BulkWriter::connect() {
    if (connection_ && !connection_->failed()) return;
    if (connection_) {
        obstacle_ = short_form(connection_->endpoint()) + ": " + connection_->reason();
        endpoint_ = (endpoint_ + 1) % client_.endpoints().size();
        paused_until_ = Clock::now() + kPause;
        for (auto& [seq, write] : under_way_) write.sent = {};
    }
    connection_ = std::make_unique<Connection>(context_, client_.endpoints()[endpoint_]);
}

void BulkWriter::send_due() {
    const auto now = Clock::now();
    for (auto& [seq, write] : under_way_) {
        if (write.sent != Clock::time_point() && now - write.sent < kLostAfter) continue;
        if (!connection_->send(write.body)) return;
        write.sent = now;
    }
}

void BulkWriter::take_replies() {
    while (const auto bytes = connection_->receive()) {
        const auto reply = unpack(*bytes);
        if (!reply) continue;
        const std::uint64_t seq = (*reply)["id"].number();
        if (under_way_.contains(seq)) settle(seq, *reply);
    }
}

void BulkWriter::settle(std::uint64_t seq, const Value& reply) {
    const std::string_view error = reply["error"].text();
    const bool condition = error == "CONDITION_FAILED";
    if (reply["ok"].is_true() || condition) {
        conditions_failed_ += condition;
        under_way_.erase(seq);
        progressed_at_ = Clock::now();
        return;
    }
    if (error == "NO_LEADER" || error == "BUSY" || error == "TIMEOUT" || error == "NO_SPACE" ||
        error == "DAMAGED")
        return send_again_later(seq);
    succeeded(Reply{reply, connection_->endpoint(), {}});
}

void BulkWriter::send_again_later(std::uint64_t seq) {
    under_way_[seq].sent = {};
    paused_until_ = Clock::now() + kPause;
}

}  // namespace raftbus::cli
