#include "storage/kv_execute.hpp"

#include <algorithm>
#include <array>

#include "messages/crc32c.hpp"
#include "storage/command_body.hpp"
#include "storage/transaction.hpp"

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
    if (const auto* written = std::get_if<Written>(&outcome))
        return std::uint64_t{written->found} << 9 | written->revision << 10;
    return 1U << 8;
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

// What went by itself. The numbers are kinds of their own, after those of commands.
enum class Gone : std::uint64_t { key = 0xf0, unused_session = 0xf1, crowded_out_session = 0xf2 };

bool holds(const Command& command, const std::optional<KvFound>& found) {
    if (command.if_revision && *command.if_revision != (found ? found->revision : 0)) return false;
    if (command.if_value && (!found || found->value != *command.if_value)) return false;
    return true;
}

class Executor final : private TransactionTarget {
public:
    Executor(CommandTarget& target, KvParts& parts, ChangeSink* changes)
        : target_(target), parts_(parts), changes_(changes) {}

    // The log's time has come to `time`: what is due goes, as of `index`.
    void advance(WallTime time, std::uint64_t index) {
        WallTime& clock = parts_.progress.clock;
        clock = std::max(clock, time);
        while (const Expiries::Entry* due = parts_.expiries.due(clock)) {
            const auto [at, key] = *due;
            parts_.expiries.remove(at, key);
            const std::optional<KvFound> found = target_.find(key);
            if (!found || found->expires_at != at) continue;  // the key was written since
            target_.erase(key);
            parts_.footnotes.add({index, Footnote::Kind::expired, key});
            tell(KeyEvent::expire, key, {}, index);
            note_gone(Gone::key, index, crc32c(key));
            digest(static_cast<std::uint64_t>(at.value));
        }
        for (const std::uint64_t session : parts_.sessions.expire(clock))
            note_gone(Gone::unused_session, index, session);
    }

    CommandOutcome execute(const Command& command, std::uint64_t index) {
        CommandOutcome outcome = command.seq ? execute_once(command, index) : run(command, index);
        std::uint64_t& digest = parts_.progress.digest;
        digest = digest_after(digest, index, command, outcome);
        note_details(command, outcome);
        return outcome;
    }
    // A command that cannot be read: takes its index, does nothing, and nobody waits for it.
    CommandOutcome pass_over(std::uint64_t index) {
        parts_.footnotes.add_nothing(index);
        const CommandOutcome outcome = ConditionFailed{};
        parts_.progress.digest = digest_after(parts_.progress.digest, index, Command{}, outcome);
        return outcome;
    }

private:
    // A write of a session.
    CommandOutcome execute_once(const Command& command, std::uint64_t index) {
        Sessions& sessions = parts_.sessions;
        const Sessions::Verdict verdict =
            sessions.use(command.session, command.seq, index, parts_.progress.clock);
        if (!std::holds_alternative<Sessions::Fresh>(verdict)) parts_.footnotes.add_nothing(index);
        if (const auto* before = std::get_if<CommandOutcome>(&verdict)) return *before;
        if (const auto* forgotten = std::get_if<OutcomeForgotten>(&verdict)) return *forgotten;
        if (std::holds_alternative<Sessions::Unknown>(verdict)) return SessionExpired{};
        CommandOutcome outcome = run(command, index);
        sessions.remember(command.session, command.seq, outcome);
        return outcome;
    }

    CommandOutcome run(const Command& command, std::uint64_t index) {
        switch (command.kind) {
            case CommandKind::set:
                return set(command, index);
            case CommandKind::erase:
                return erase(command, index);
            case CommandKind::no_op:
                return Written{index, false};
            case CommandKind::session:
                return open_session(command, index);
            case CommandKind::transaction: {
                const Result<Transaction> transaction = read_transaction(command.value);
                return transact(transaction.value(), index);
            }
        }
        CHECK(false, "a command of no known kind");
        return {};
    }

    CommandOutcome set(const Command& command, std::uint64_t index) {
        if (command.if_revision || command.if_value) {
            const std::optional<KvFound> found = target_.find(command.key);
            if (!holds(command, found)) return condition_failed(found, index);
        }
        put(command.key, command.value, index, command.ttl_ms);
        return Written{index, false};
    }

    CommandOutcome erase(const Command& command, std::uint64_t index) {
        const std::optional<KvFound> found = target_.find(command.key);
        if (!holds(command, found)) return condition_failed(found, index);
        if (!found) {
            parts_.footnotes.add_nothing(index);
            return Written{index, false};
        }
        erase_found(command.key, index);
        return Written{index, true};
    }

    CommandOutcome condition_failed(const std::optional<KvFound>& found, std::uint64_t index) {
        parts_.footnotes.add_nothing(index);
        return ConditionFailed{bool(found), found ? found->revision : 0};
    }

    CommandOutcome transact(const Transaction& transaction, std::uint64_t index) {
        note_ = {index, Footnote::Kind::transaction};
        erases_ = 0;
        CommandOutcome outcome = raftbus::execute(transaction, index, *this);
        if (!std::holds_alternative<Transacted>(outcome))
            parts_.footnotes.add_nothing(index);
        else if (note_.otherwise || !note_.missed.empty())
            parts_.footnotes.add(note_);
        return outcome;
    }

    void erase_found(std::string_view key, std::uint64_t revision) {
        forget_expiry(target_.erase(key), key);
        tell(KeyEvent::erase, key, {}, revision);
    }

    void tell(KeyEvent event, std::string_view key, std::string_view value,
              std::uint64_t revision) {
        if (changes_) changes_->on_change({event, key, value, revision});
    }

    CommandOutcome open_session(const Command& command, std::uint64_t index) {
        const Duration life = std::chrono::milliseconds(command.ttl_ms);
        const auto gone = parts_.sessions.open(index, life, parts_.progress.clock);
        if (gone) note_gone(Gone::crowded_out_session, index, *gone);
        return Written{index, false};
    }

    // TransactionTarget
    std::optional<KvFound> look(std::string_view key) override { return target_.find(key); }
    void put(std::string_view key, std::string_view value, std::uint64_t revision,
             std::uint64_t ttl_ms) override {
        const WallTime expires_at = ttl_ms ? expiry_after(ttl_ms) : WallTime();
        const WallTime replaced = target_.set(key, value, revision, expires_at);
        if (replaced) forget_expiry(replaced, key);
        if (expires_at) parts_.expiries.add(expires_at, key);
        tell(KeyEvent::set, key, value, revision);
    }
    bool remove(std::string_view key, std::uint64_t revision) override {
        const std::uint32_t place = erases_++;
        if (!target_.find(key)) {
            note_.missed.push_back(place);
            return false;
        }
        erase_found(key, revision);
        return true;
    }
    void choose(bool holds) override { note_.otherwise = !holds; }
    ScanAnswer read(const ScanQuery& query) override { return target_.scan(query); }

    WallTime expiry_after(std::uint64_t ttl_ms) const {
        const Duration ttl = std::chrono::milliseconds(ttl_ms);
        return WallTime(parts_.progress.clock.value + ttl.count());
    }
    void forget_expiry(WallTime at, std::string_view key) {
        if (at) parts_.expiries.remove(at, key);
    }

    void digest(std::uint64_t word) { parts_.progress.digest = mix(parts_.progress.digest, word); }
    void note_gone(Gone what, std::uint64_t index, std::uint64_t which) {
        digest(index);
        digest(static_cast<std::uint64_t>(what));
        digest(which);
    }
    // What a digest of plain commands does not have.
    void note_details(const Command& command, const CommandOutcome& outcome) {
        if (command.ttl_ms) digest(static_cast<std::uint64_t>(expiry_after(command.ttl_ms).value));
        if (command.kind == CommandKind::transaction) digest(crc32c(command.value));
        if (const auto* transacted = std::get_if<Transacted>(&outcome))
            digest(crc32c(transacted->reply.view()));
        if (!command.seq) return;
        digest(command.session);
        digest(command.seq);
        digest(outcome.index());
    }

    CommandTarget& target_;
    KvParts& parts_;
    ChangeSink* const changes_;
    Footnote note_;             // of the transaction under way
    std::uint32_t erases_ = 0;  // its DELETEs so far
};

// So many commands are read before the first of them is carried out: their keys lie anywhere in
// memory, and one wait for all of it is much shorter than one for each.
constexpr std::uint32_t kReadAhead = 16;

void execute_all(const Batch& batch, CommandTarget& target, Executor& executor,
                 std::vector<CommandOutcome>* outcomes) {
    const BatchHeader& header = batch.header;
    if (outcomes)
        outcomes->reserve(outcomes->size() +
                          std::min<std::size_t>(header.count, batch.body.size()));
    CommandBody body(batch.body.view());
    std::array<std::optional<Command>, kReadAhead> commands;
    std::array<std::string_view, kReadAhead> keys;
    for (std::uint32_t done = 0; done < header.count;) {
        const std::uint32_t count = std::min(header.count - done, kReadAhead);
        for (std::uint32_t i = 0; i < count; ++i) {
            commands[i] = body.next();
            keys[i] = commands[i] ? commands[i]->key : std::string_view();
        }
        target.expect({keys.data(), count});
        for (std::uint32_t i = 0; i < count; ++i, ++done) {
            const std::uint64_t index = (header.first + done).value;
            CommandOutcome outcome =
                commands[i] ? executor.execute(*commands[i], index) : executor.pass_over(index);
            if (outcomes) outcomes->push_back(std::move(outcome));
        }
    }
}

}  // namespace

void execute(const Batch& batch, CommandTarget& target, KvParts& parts,
             std::vector<CommandOutcome>* outcomes, ChangeSink* changes) {
    const BatchHeader& header = batch.header;
    KvProgress& progress = parts.progress;
    CHECK(header.first == progress.applied.index.next(), "batches are applied without gaps");
    CHECK(header.term >= progress.applied.term, "terms never fall along the log");
    CHECK(header.count > 0);
    Executor executor(target, parts, changes);
    executor.advance(header.time, header.first.value);
    if (header.kind != BatchKind::commands) {
        CHECK(header.count == 1);
        executor.execute(Command{}, header.first.value);
        if (header.kind == BatchKind::config)
            parts.progress.configuration = {header.first, batch.body};
    } else {
        execute_all(batch, target, executor, outcomes);
    }
    progress.applied = batch.last();
}

}  // namespace raftbus
