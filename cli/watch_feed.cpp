#include "cli/watch_feed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/display.hpp"
#include "cli/endpoints.hpp"
#include "cli/failure.hpp"
#include "cli/interrupt.hpp"
#include "cli/wire.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kProgressMs = 1'000;
constexpr auto kSilence = 4s;  // then another node is asked
constexpr auto kRetryPause = 100ms;

}  // namespace

WatchFeed::WatchFeed(std::vector<std::string> endpoints, std::chrono::microseconds timeout,
                     WatchTarget target, std::function<void(std::string_view)> note)
    : endpoints_(std::move(endpoints)),
      timeout_(timeout),
      target_(std::move(target)),
      note_(std::move(note)),
      began_(Clock::now()) {}

std::optional<Value> WatchFeed::next(Clock::time_point deadline) {
    for (;;) {
        throw_if_interrupted();
        if (connect()) {
            while (const auto bytes = connection_->receive()) {
                const auto reply = unpack(*bytes);
                if (!reply || (*reply)["id"].number() != id_) continue;
                heard_ = Clock::now();
                if (take(*reply)) return *reply;
                if (!connection_) break;
            }
        }
        if (!begun_ && Clock::now() >= began_ + timeout_)
            throw Failure(
                Exit::unreachable,
                fmt::format("no node begins the watch: {}", why_.empty() ? "no answer" : why_),
                "see `raftbus status`, or say where the nodes are with --endpoints");
        if (Clock::now() >= deadline) return std::nullopt;
        wait(deadline);
    }
}

// True if there is a connection by which the watch was asked for.
bool WatchFeed::connect() {
    const auto now = Clock::now();
    if (!connection_) {
        if (now < again_) return false;
        connection_ = std::make_unique<Connection>(context_, endpoints_[endpoint_]);
        asked_ = false;
        heard_ = now;
    }
    connection_->update();
    if (connection_->failed() || now >= heard_ + kSilence) {
        // What came before the connection broke counts.
        if (asked_ && there_is_more()) return true;
        give_up(connection_->failed() ? connection_->reason() : "it says nothing");
        return false;
    }
    if (!connection_->ready() || asked_) return asked_;
    Value::Map request{{"op", "WATCH"}, {"id", ++id_}, {"progress_ms", kProgressMs}};
    request.emplace_back(target_.prefix ? "prefix" : "key", Blob{target_.key});
    if (target_.from) request.emplace_back("from", *target_.from);
    to_skip_ = partial_;
    asked_ = connection_->send(pack(request));
    return asked_;
}

bool WatchFeed::there_is_more() {
    std::vector<zmq::pollitem_t> items{connection_->incoming()};
    return zmq::poll(items, std::chrono::milliseconds(0)) > 0;
}

void WatchFeed::give_up(const std::string& why) {
    why_ = fmt::format("{} ({})", short_form(endpoints_[endpoint_]), why);
    if (begun_ && asked_) note_(fmt::format("going on at another node: {}", why_));
    connection_.reset();
    endpoint_ = (endpoint_ + 1) % endpoints_.size();
    again_ = Clock::now() + (endpoint_ == 0 || begun_ ? kRetryPause : 0ms);
}

// True if it is a change that was not known yet.
bool WatchFeed::take(const Value& reply) {
    if (!reply["ok"].is_true()) {
        const std::string_view error = reply["error"].text();
        if (error != "BUSY" && error != "DAMAGED" && error != "TIMEOUT" && error != "NO_LEADER") refuse(reply);
        give_up(std::string(reply["message"].text()));
        return false;
    }
    const std::uint64_t revision = reply["revision"].number();
    if (reply["watching"].is_true() || reply["progress"].is_true()) {
        const bool first = !std::exchange(begun_, true) && !target_.from;
        const bool ahead = reply["progress"].is_true() && revision >= target_.from.value_or(0);
        if (first || ahead) {
            target_.from = revision + 1;
            partial_ = 0;
        }
        return false;
    }
    if (reply["event"].empty()) return false;
    if (to_skip_ > 0) {
        --to_skip_;
        return false;
    }
    if (reply["more"].is_true()) {
        partial_ = target_.from == revision ? partial_ + 1 : 1;
        target_.from = revision;
    } else {
        partial_ = 0;
        target_.from = revision + 1;
    }
    return true;
}

void WatchFeed::refuse(const Value& reply) const {
    const std::string message =
        fmt::format("{}: {}", reply["error"].text(), escaped(reply["message"].text()));
    if (reply["error"].text() != "COMPACTED") throw Failure(Exit::refused, message);
    const std::uint64_t first = reply["first"].number();
    throw Failure(Exit::refused, message,
                  fmt::format("what is there now: `raftbus {} {}`; then watch on with --from {}",
                              target_.prefix ? "scan" : "get", escaped(target_.key), first));
}

void WatchFeed::wait(Clock::time_point deadline) {
    auto until = std::min(deadline, Clock::now() + kRetryPause);
    std::vector<zmq::pollitem_t> items;
    if (connection_) items = {connection_->incoming(), connection_->events()};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    try {
        zmq::poll(items, std::max(left, std::chrono::milliseconds(1)));
    } catch (const zmq::error_t& interrupted) {
        if (interrupted.num() != EINTR) throw;
    }
}

}  // namespace raftbus::cli
