// commands: makers of commands and of the batches that carry them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "messages/batch.hpp"
#include "messages/crc32c.hpp"
#include "storage/command.hpp"

namespace raftbus::testing {

inline Command set(std::string_view key, std::string_view value) {
    Command command;
    command.kind = CommandKind::set;
    command.key = key;
    command.value = value;
    return command;
}
inline Command erase(std::string_view key) {
    Command command;
    command.kind = CommandKind::erase;
    command.key = key;
    return command;
}
inline Command if_revision(std::uint64_t revision, Command command) {
    command.if_revision = revision;
    return command;
}
inline Command if_value(std::string_view value, Command command) {
    command.if_value = value;
    return command;
}

inline Command ttl(std::uint64_t ttl_ms, Command command) {
    command.ttl_ms = ttl_ms;
    return command;
}
inline Command open_session(std::uint64_t life_ms = 600'000) {
    Command command;
    command.kind = CommandKind::session;
    command.ttl_ms = life_ms;
    return command;
}
inline Command in_session(std::uint64_t session, std::uint64_t seq, Command command) {
    command.session = session;
    command.seq = seq;
    return command;
}
// `packed` must outlive the command.
inline Command transaction(const std::string& packed) {
    Command command;
    command.kind = CommandKind::transaction;
    command.value = packed;
    return command;
}

// A batch as the leader of `term` makes it, with the origin's gateway on node 1.
inline Batch batch_of(LogIndex first, Term term, const std::vector<Command>& commands) {
    std::string body;
    for (const Command& command : commands) append_command(body, command);
    Batch batch;
    batch.header.first = first;
    batch.header.count = static_cast<std::uint32_t>(commands.size());
    batch.header.term = term;
    batch.header.leader = NodeId(1);
    batch.header.origin = NodeId(1);
    batch.header.body_crc = crc32c(body);
    batch.body = SharedBytes::own(std::move(body));
    return batch;
}
inline Batch no_op_batch(LogIndex index, Term term) {
    Batch batch = batch_of(index, term, {});
    batch.header.kind = BatchKind::no_op;
    batch.header.count = 1;
    return batch;
}

}  // namespace raftbus::testing
