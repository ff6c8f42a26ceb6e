#include "actors/gateway_log.hpp"

#include <algorithm>

#include "messages/check.hpp"
#include "messages/text.hpp"
#include "storage/command_body.hpp"

namespace raftbus {
namespace {

// Of one ReadLog: small, so that storage is soon back at what has to be made durable.
constexpr std::uint64_t kPieceBytes = 256 << 10;

client::LogEntry entry_of(const Command& command) {
    switch (command.kind) {
        case CommandKind::set:
            return {.kind = "set", .key = command.key, .value = command.value};
        case CommandKind::erase:
            return {.kind = "delete", .key = command.key};
        case CommandKind::no_op:
            return {.kind = "no-op"};
        case CommandKind::session:
            return {.kind = "session"};
        case CommandKind::transaction:
            return {.kind = "txn"};
    }
    CHECK(false, "a command without a name");
    return {};
}

}  // namespace

void GatewayLog::add(RequestKey key, const client::Log& log) {
    const LogIndex from = std::max(log.from, LogIndex(1));
    waiting_.push_back({key, from, std::min(log.limit, options_.scan_items_max)});
    if (!reading_) begin_next();
}

void GatewayLog::begin_next() {
    while (!waiting_.empty() && !in_flight_.has(waiting_.front().key)) waiting_.pop_front();
    if (waiting_.empty()) return;
    reading_ = std::move(waiting_.front());
    waiting_.pop_front();
    ask();
}

void GatewayLog::ask() {
    last_request_ = last_request_.next();
    const InFlightRequest* request = in_flight_.find(reading_->key);
    context_.serve(request == nullptr ? RequestId() : request->request);
    context_.send({context_.self().node, ActorName::storage},
                  ReadLog{last_request_, reading_->next, kPieceBytes});
}

void GatewayLog::on_read(const LogRead& read) {
    CHECK(reading_ && read.request == last_request_, "one piece is read at a time");
    const bool nothing = read.batches.empty();
    if (nothing && reading_->next < read.first) {
        reading_->next = read.first;  // what was asked for has been compacted
        if (read.first <= read.last) return ask();
    }
    for (const Batch& batch : read.batches)
        if (!reading_->full) take(batch);
    const bool done = nothing || reading_->full || reading_->next > read.last;
    if (!done && in_flight_.has(reading_->key)) return ask();
    finish(read);
}

// Adds the batch's entries from the next one that is wanted on.
void GatewayLog::take(const Batch& batch) {
    const Batch& kept = reading_->batches.emplace_back(batch);
    const BatchHeader& header = kept.header;
    if (header.kind == BatchKind::tick && header.count > 1) {  // nothing has these revisions
        (void)add_entry({header.last(), header.term, header.leader, "gap", {}, {}});
        return;
    }
    CommandBody commands(kept.body.view());
    for (LogIndex index = header.first; index < header.end(); index = index.next()) {
        client::LogEntry entry{.kind = to_string(header.kind)};
        if (header.kind == BatchKind::config) entry = config_entry(kept.body);
        if (header.kind == BatchKind::commands) {
            const std::optional<Command> command = commands.next();
            entry = command ? entry_of(*command) : client::LogEntry{.kind = "unreadable"};
        }
        if (index < reading_->next) continue;
        entry.index = index;
        entry.term = header.term;
        entry.leader = header.leader;
        if (!add_entry(entry)) return;
    }
}

client::LogEntry GatewayLog::config_entry(const SharedBytes& body) {
    const auto configuration = decode_configuration(body.view());
    if (!configuration) return {.kind = "unreadable"};
    reading_->texts.push_back(to_text(*configuration));
    return {.kind = "config", .value = reading_->texts.back()};
}

// False if the entry does not fit any more.
bool GatewayLog::add_entry(const client::LogEntry& entry) {
    const std::uint64_t bytes = entry.key.value_or("").size() + entry.value.value_or("").size();
    const bool fits = reading_->bytes + bytes <= options_.scan_bytes_max;
    if (reading_->entries.size() == reading_->limit || (!fits && !reading_->entries.empty())) {
        reading_->full = true;
        return false;
    }
    reading_->bytes += bytes;
    reading_->entries.push_back(entry);
    reading_->next = entry.index.next();
    return true;
}

void GatewayLog::finish(const LogRead& read) {
    const bool more = reading_->next <= read.last && !reading_->entries.empty();
    answers_.give(reading_->key, client::LogReply{reading_->entries, read.first, read.last, more});
    reading_.reset();
    begin_next();
}

}  // namespace raftbus
