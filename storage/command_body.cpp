#include "storage/command_body.hpp"

#include "storage/transaction.hpp"

namespace raftbus {

std::optional<Command> CommandBody::next() {
    if (broken_) return std::nullopt;
    const Result<Command> command = reader_.next();
    if (!command) {
        broken_ = true;
        return std::nullopt;
    }
    const bool steps = command->kind == CommandKind::transaction;
    if (steps && !read_transaction(command->value)) return std::nullopt;
    return *command;
}

bool holds_commands(std::string_view body, std::uint32_t count) {
    if (count == 0 || count > body.size()) return false;
    CommandBody commands(body);
    for (std::uint32_t i = 0; i < count; ++i)
        if (!commands.next()) return false;
    return commands.done();
}

}  // namespace raftbus
