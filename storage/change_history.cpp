#include "storage/change_history.hpp"

#include <algorithm>

#include "messages/check.hpp"
#include "storage/command_body.hpp"
#include "storage/transaction.hpp"

namespace raftbus {
namespace {

using Kind = Footnote::Kind;

void tell_transaction(const Command& command, std::uint64_t revision, const Footnote* note,
                      ChangeSink& sink) {
    const Result<Transaction> transaction = read_transaction(command.value);
    CHECK(transaction.ok(), "a body hands out what can be read");
    const bool otherwise = note && note->otherwise;
    const std::vector<std::uint32_t> none;
    const std::vector<std::uint32_t>& missed = note ? note->missed : none;
    std::uint32_t erases = 0;
    for (const TransactionStep& step : otherwise ? transaction->otherwise : transaction->then) {
        if (step.kind == StepKind::set)
            sink.on_change({KeyEvent::set, step.key, step.value, revision});
        if (step.kind != StepKind::erase) continue;
        if (std::find(missed.begin(), missed.end(), erases++) == missed.end())
            sink.on_change({KeyEvent::erase, step.key, {}, revision});
    }
}

// `note` is the command's own; null: it did what it says.
void tell_command(const Command& command, std::uint64_t revision, const Footnote* note,
                  ChangeSink& sink) {
    if (note && note->kind == Kind::nothing) return;
    switch (command.kind) {
        case CommandKind::set:
            return sink.on_change({KeyEvent::set, command.key, command.value, revision});
        case CommandKind::erase:
            return sink.on_change({KeyEvent::erase, command.key, {}, revision});
        case CommandKind::transaction:
            return tell_transaction(command, revision, note, sink);
        case CommandKind::no_op:
        case CommandKind::session:
            return;
    }
}

}  // namespace

void tell_changes(const Batch& batch, const Footnotes& footnotes, ChangeSink& sink) {
    const BatchHeader& header = batch.header;
    const std::vector<Footnote> notes = footnotes.between(header.first, header.last());
    auto note = notes.begin();
    for (; note != notes.end() && note->kind == Kind::expired; ++note)
        sink.on_change({KeyEvent::expire, note->key, {}, header.first.value});
    if (header.kind != BatchKind::commands) return;
    CommandBody body(batch.body.view());
    for (LogIndex index = header.first; index < header.end(); index = index.next()) {
        const std::optional<Command> command = body.next();
        const bool noted = note != notes.end() && note->index == index.value;
        const Footnote* its_own = noted ? &*note++ : nullptr;
        if (command) tell_command(*command, index.value, its_own, sink);
    }
}

}  // namespace raftbus
