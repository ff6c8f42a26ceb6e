#include "bus/node_log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include "messages/text.hpp"

namespace raftbus {
namespace {

constexpr Duration kComplaintPause = std::chrono::seconds(1);
constexpr std::size_t kComplaintKindsMax = 256;

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warning:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

}  // namespace

NodeLog::NodeLog(NodeId node, std::shared_ptr<spdlog::logger> logger)
    : node_(node), logger_(std::move(logger)) {
    if (!logger_)
        logger_ = std::make_shared<spdlog::logger>(
            "raftbus", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
}

void NodeLog::write(LogLevel level, ActorName actor, std::string_view text) const {
    logger_->log(spdlog_level(level), "{}: {}", to_text(Address{node_, actor}), text);
}

bool Complaints::say(LogLevel level, const std::string& cause, std::string_view text, Moment now) {
    if (kinds_.size() >= kComplaintKindsMax && !kinds_.contains(cause)) kinds_.clear();
    const auto [it, fresh] = kinds_.try_emplace(cause, Kind{now});
    Kind& kind = it->second;
    if (!fresh && now - kind.last < kComplaintPause) {
        ++kind.left_out;
        return false;
    }
    if (kind.left_out == 0)
        log_.write(level, ActorName::bus, text);
    else
        log_.write(level, ActorName::bus,
                   fmt::format("{} (and {} more times)", text, kind.left_out));
    kind = {now};
    return true;
}

}  // namespace raftbus
