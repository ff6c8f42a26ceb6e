// node_logger: the node's lines on stderr, as text, logfmt or JSON.
#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <string>
#include <string_view>

namespace raftbus::cli {

// Thread-safe. `level` is debug, info, warning or error; `format` auto, text, logfmt or json. Auto
// is text on a terminal and logfmt elsewhere.
std::shared_ptr<spdlog::logger> make_node_logger(const std::string& level,
                                                 const std::string& format);

// What a line of the node's says about its origin: "n1.election: became leader" has node 1, the
// actor election and the text behind. A line without that beginning is all text.
struct LogLine {
    std::string_view node;
    std::string_view actor;
    std::string_view text;
};
LogLine parse_log_line(std::string_view line);

// The value of a logfmt field, with quotes around it where it needs them.
std::string logfmt_value(std::string_view value);

}  // namespace raftbus::cli
