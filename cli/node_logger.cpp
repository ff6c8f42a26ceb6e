#include "cli/node_logger.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "cli/display.hpp"
#include "cli/json.hpp"

namespace raftbus::cli {
namespace {

std::string timestamp(spdlog::log_clock::time_point when) {
    const auto us =
        std::chrono::duration_cast<std::chrono::microseconds>(when.time_since_epoch()).count();
    const std::time_t seconds = us / 1'000'000;
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(seconds), us % 1'000'000);
}

std::string_view level_name(spdlog::level::level_enum level) {
    const auto name = spdlog::level::to_string_view(level);
    return {name.data(), name.size()};
}

class LogfmtFormatter : public spdlog::formatter {
public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
        const LogLine line = parse_log_line({message.payload.data(), message.payload.size()});
        std::string text =
            fmt::format("ts={} level={}", timestamp(message.time), level_name(message.level));
        if (!line.node.empty()) text += fmt::format(" node={} actor={}", line.node, line.actor);
        text += fmt::format(" msg={}\n", logfmt_value(line.text));
        out.append(text.data(), text.data() + text.size());
    }
    std::unique_ptr<formatter> clone() const override {
        return std::make_unique<LogfmtFormatter>();
    }
};

class JsonFormatter : public spdlog::formatter {
public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
        const LogLine line = parse_log_line({message.payload.data(), message.payload.size()});
        Value::Map fields{{"ts", timestamp(message.time)}, {"level", level_name(message.level)}};
        if (!line.node.empty()) {
            fields.emplace_back("node", line.node);
            fields.emplace_back("actor", line.actor);
        }
        fields.emplace_back("msg", line.text);
        const std::string text = to_json(fields) + "\n";
        out.append(text.data(), text.data() + text.size());
    }
    std::unique_ptr<formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

}  // namespace

std::shared_ptr<spdlog::logger> make_node_logger(const std::string& level,
                                                 const std::string& format) {
    auto logger = std::make_shared<spdlog::logger>(
        "raftbus", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_level(spdlog::level::from_str(level));
    logger->flush_on(spdlog::level::debug);
    const bool text = format == "text" || (format == "auto" && isatty(STDERR_FILENO) != 0);
    if (text) {
        logger->set_pattern("%H:%M:%S.%e %^%-7l%$ %v");
    } else if (format == "json") {
        logger->set_formatter(std::make_unique<JsonFormatter>());
    } else {
        logger->set_formatter(std::make_unique<LogfmtFormatter>());
    }
    return logger;
}

LogLine parse_log_line(std::string_view line) {
    const std::size_t dot = line.find('.');
    const std::size_t colon = line.find(": ");
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const bool has_origin =
        line.starts_with('n') && dot != std::string_view::npos && dot > 1 &&
        colon != std::string_view::npos && dot < colon &&
        std::all_of(line.begin() + 1, line.begin() + static_cast<std::ptrdiff_t>(dot), is_digit) &&
        line.substr(dot, colon - dot).find(' ') == std::string_view::npos;
    if (!has_origin) return {{}, {}, line};
    return {line.substr(1, dot - 1), line.substr(dot + 1, colon - dot - 1), line.substr(colon + 2)};
}

std::string logfmt_value(std::string_view value) {
    const bool plain =
        !value.empty() && value.find_first_of(" \"=\\\t\r\n") == std::string_view::npos;
    if (plain) return std::string(value);
    std::string text = "\"";
    for (const char c : value) {
        if (c == '"' || c == '\\') text += '\\';
        if (c == '\n')
            text += "\\n";
        else
            text += c;
    }
    return text + '"';
}

}  // namespace raftbus::cli
