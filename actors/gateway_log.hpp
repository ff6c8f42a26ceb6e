// gateway_log: LOG, read piece by piece from the node's own storage.
//
// Owns: the requests for the log, which are served one after the other: whoever reads the log does
// so behind the writes that storage has to make durable. Takes LogRead; sends ReadLog. Must not
// know: which entries are committed.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "actors/answers.hpp"
#include "actors/context.hpp"
#include "actors/in_flight.hpp"
#include "actors/options.hpp"

namespace raftbus {

class GatewayLog {
public:
    GatewayLog(Context& context, const GatewayOptions& options, const InFlight& in_flight,
               Answers& answers)
        : context_(context), options_(options), in_flight_(in_flight), answers_(answers) {}

    // Takes a LOG request that is in flight.
    void add(RequestKey key, const client::Log& log);
    void on_read(const LogRead& read);

private:
    // One request, and what has been read for it.
    struct Reading {
        RequestKey key;
        LogIndex next;                       // the next entry that is wanted
        std::uint64_t limit = 0;             // entries
        std::uint64_t bytes = 0;             // of keys and values so far
        bool full = false;                   // a limit was reached
        std::vector<Batch> batches = {};     // what the entries point into
        std::deque<std::string> texts = {};  // the same: configurations in words
        std::vector<client::LogEntry> entries = {};
    };

    void begin_next();
    void ask();
    void take(const Batch& batch);
    client::LogEntry config_entry(const SharedBytes& body);
    bool add_entry(const client::LogEntry& entry);
    void finish(const LogRead& read);

    Context& context_;
    const GatewayOptions& options_;
    const InFlight& in_flight_;
    Answers& answers_;
    std::deque<Reading> waiting_;
    std::optional<Reading> reading_;
    StorageRequest last_request_;
};

}  // namespace raftbus
