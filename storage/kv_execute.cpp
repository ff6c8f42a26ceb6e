#include "storage/kv_execute.hpp"

#include "messages/crc32c.hpp"
#include "storage/command.hpp"

namespace raftbus {
namespace {

std::uint64_t mix(std::uint64_t digest, std::uint64_t word) {
    std::uint64_t x = (digest ^ word) + 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

std::uint64_t outcome_word(const CommandOutcome& outcome) {
    if (const auto* failed = std::get_if<ConditionFailed>(&outcome))
        return 1U << 8 | std::uint64_t{failed->found} << 9 | failed->revision << 10;
    const auto& written = std::get<Written>(outcome);
    return std::uint64_t{written.found} << 9 | written.revision << 10;
}

std::uint64_t digest_after(std::uint64_t digest, std::uint64_t index, const Command& command,
                           const CommandOutcome& outcome) {
    const bool value_counts =
        command.kind == CommandKind::set && std::holds_alternative<Written>(outcome);
    const std::uint64_t contents =
        std::uint64_t{crc32c(command.key)} << 32 | (value_counts ? crc32c(command.value) : 0);
    const std::uint64_t deed = static_cast<std::uint64_t>(command.kind) | outcome_word(outcome);
    return mix(mix(mix(digest, index), deed), contents);
}

bool holds(const Command& command, const std::optional<KvFound>& found) {
    if (command.if_revision && *command.if_revision != (found ? found->revision : 0)) return false;
    if (command.if_value && (!found || found->value != *command.if_value)) return false;
    return true;
}

CommandOutcome execute(const Command& command, std::uint64_t revision, CommandTarget& target) {
    if (command.kind == CommandKind::no_op) return Written{revision, false};

    const bool conditional = command.if_revision || command.if_value;
    if (command.kind == CommandKind::set && !conditional) {
        target.set(command.key, command.value, revision);
        return Written{revision, false};
    }

    const std::optional<KvFound> found = target.find(command.key);
    if (!holds(command, found)) return ConditionFailed{bool(found), found ? found->revision : 0};
    if (command.kind == CommandKind::set) {
        target.set(command.key, command.value, revision);
        return Written{revision, false};
    }
    if (found) target.erase(command.key);
    return Written{revision, bool(found)};
}

}  // namespace

void execute(const Batch& batch, CommandTarget& target, KvProgress& progress,
             std::vector<CommandOutcome>* outcomes) {
    const BatchHeader& header = batch.header;
    CHECK(header.first == progress.applied.index.next(), "batches are applied without gaps");
    CHECK(header.term >= progress.applied.term, "terms never fall along the log");
    CHECK(header.count > 0);
    if (outcomes && header.kind == BatchKind::commands)
        outcomes->reserve(outcomes->size() + header.count);

    if (header.kind != BatchKind::commands) {
        CHECK(header.count == 1);
        const CommandOutcome outcome = Written{header.first.value, false};
        progress.digest = digest_after(progress.digest, header.first.value, Command{}, outcome);
        if (header.kind == BatchKind::config) progress.configuration = {header.first, batch.body};
    } else {
        CommandReader reader(batch.body.view());
        for (std::uint32_t i = 0; i < header.count; ++i) {
            const Result<Command> command = reader.next();
            const std::uint64_t index = (header.first + i).value;
            const CommandOutcome outcome = execute(command.value(), index, target);
            progress.digest = digest_after(progress.digest, index, *command, outcome);
            if (outcomes) outcomes->push_back(outcome);
        }
        CHECK(reader.done(), "a body holds as many commands as its header says");
    }
    progress.applied = batch.last();
}

}  // namespace raftbus
