// node_log: the node's lines for the operator.
#pragma once

#include <spdlog/logger.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "actors/context.hpp"

namespace raftbus {

// Thread-safe.
class NodeLog {
public:
    // Without a logger lines go to stderr.
    NodeLog(NodeId node, std::shared_ptr<spdlog::logger> logger);

    // "n1.election: became leader of term 7"
    void write(LogLevel level, ActorName actor, std::string_view text) const;
    void flush() const { logger_->flush(); }

private:
    NodeId node_;
    std::shared_ptr<spdlog::logger> logger_;
};

// What others do wrong, at most once a second for each cause; of what is left out the number is
// told. Used by one thread.
class Complaints {
public:
    explicit Complaints(const NodeLog& log) : log_(log) {}

    // `cause` names the kind, `text` is the line. True if it was written.
    bool say(LogLevel level, const std::string& cause, std::string_view text, Moment now);

private:
    struct Kind {
        Moment last;
        std::uint64_t left_out = 0;
    };
    const NodeLog& log_;
    std::map<std::string, Kind> kinds_;
};

}  // namespace raftbus
