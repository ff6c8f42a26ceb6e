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
enum class Gone : std::uint64_t { key = 0xf0, unused_session = 0xf1, crowded_out_session = 0xf2, sessions = 0xf3 };

bool holds(const Command& command, const std::optional<KvFound>& found) {
    if (command.if_revision && *command.if_revision != (found ? found->revision : 0)) return false;
    if (command.if_value && (!found || found->value != *command.if_value)) return false;
    return true;
}

// So many commands are read before the first of them is carried out: their keys lie anywhere in
// memory, and one wait for all of it is much shorter than one for each.
constexpr std::uint64_t kReadAhead = 16;

}  // namespace

void KvParts::read_configuration() {
    if (!progress.configuration.index) return;
    const auto read = decode_configuration(progress.configuration.body.view());
    if (!read) return;
    version = read->version;
    incarnation = read->incarnation;
    sessions.bounded(version >= 2);
}

class BatchExecution::Executor final : private TransactionTarget {
public:
    Executor(const Batch& batch, CommandTarget& target, KvParts& parts)
        : target_(target),
          parts_(parts),
          body_(batch.body.view()),
          digest_(parts.progress.digest) {}

    // False: not done yet.
    bool go_on(const Batch& batch, std::vector<CommandOutcome>* outcomes, ChangeSink* changes,
               Work& work) {
        changes_ = changes;
        const BatchHeader& header = batch.header;
        if (!advanced_ && !advance(header.time, header.first.value, work)) return false;
        advanced_ = true;
        if (header.kind != BatchKind::commands) {
            execute(Command{}, header.first.value, work);
            return true;
        }
        if (!execute_all(header, outcomes, work)) return false;
        return true;
    }
    std::uint64_t digest() const { return digest_; }

    // The history of before has broken off at `index`: clients are told so.
    void begin_incarnation(std::uint64_t index) {
        parts_.sessions.clear();
        parts_.footnotes.cut_before(LogIndex(index).next());
        note_gone(Gone::sessions, index, parts_.incarnation.id);
    }

private:
    bool execute_all(const BatchHeader& header, std::vector<CommandOutcome>* outcomes,
                     Work& work) {
        while (done_ < header.count) {
            if (at_ == ahead_) read_ahead(header.count - done_);
            for (; at_ < ahead_; ++at_, ++done_) {
                if (!work.left()) return false;
                const std::uint64_t index = (header.first + done_).value;
                std::optional<CommandOutcome> outcome =
                    commands_[at_] ? execute(*commands_[at_], index, work) : pass_over(index, work);
                if (!outcome) return false;
                if (outcomes) outcomes->push_back(std::move(*outcome));
            }
        }
        return true;
    }

    void read_ahead(std::uint64_t left) {
        std::array<std::string_view, kReadAhead> keys;
        ahead_ = std::min(left, kReadAhead);
        at_ = 0;
        for (std::uint64_t i = 0; i < ahead_; ++i) {
            commands_[i] = body_.next();
            keys[i] = commands_[i] ? commands_[i]->key : std::string_view();
        }
        target_.expect({keys.data(), ahead_});
    }

    // A command that cannot be read: takes its index, does nothing, and nobody waits for it.
    CommandOutcome pass_over(std::uint64_t index, Work& work) {
        work.spend(Work::kCommand);
        parts_.footnotes.add_nothing(index);
        const CommandOutcome outcome = ConditionFailed{};
        digest_ = digest_after(digest_, index, Command{}, outcome);
        return outcome;
    }

    // The log's time has come to `time`: what is due goes, as of `index`. False: there is more.
    bool advance(WallTime time, std::uint64_t index, Work& work) {
        WallTime& clock = parts_.progress.clock;
        clock = std::max(clock, time);
        const bool portions = parts_.version >= kPortionsVersion;
        const std::size_t keys = portions ? kKeysGoneAtOnce : SIZE_MAX;
        const std::size_t sessions = portions ? kSessionsGoneAtOnce : SIZE_MAX;
        while (const Expiries::Entry* due = gone_ < keys ? parts_.expiries.due(clock) : nullptr) {
            if (!work.left()) return false;
            work.spend(Work::kCommand + Work::kFind);
            expire(*due, index);
        }
        for (const std::uint64_t session : parts_.sessions.expire(clock, sessions)) {
            note_gone(Gone::unused_session, index, session);
            work.spend(Work::kCommand);
        }
        return true;
    }

    void expire(const Expiries::Entry& due, std::uint64_t index) {
        const auto [at, key] = due;
        parts_.expiries.remove(at, key);
        const std::optional<KvFound> found = target_.find(key);
        if (!found || found->expires_at != at) return;  // the key was written since
        ++gone_;
        target_.erase(key);
        parts_.footnotes.add({index, Footnote::Kind::expired, key});
        tell(KeyEvent::expire, key, {}, index);
        note_gone(Gone::key, index, crc32c(key));
        digest(static_cast<std::uint64_t>(at.value));
    }

    // None: not done yet.
    std::optional<CommandOutcome> execute(const Command& command, std::uint64_t index,
                                          Work& work) {
        work.spend(Work::kCommand + command.value.size() / Work::kBytes);
        std::optional<CommandOutcome> outcome =
            command.seq ? execute_once(command, index, work) : run(command, index, work);
        if (!outcome) return outcome;
        running_.reset();
        digest_ = digest_after(digest_, index, command, *outcome);
        note_details(command, *outcome);
        return outcome;
    }

    // A write of a session.
    std::optional<CommandOutcome> execute_once(const Command& command, std::uint64_t index,
                                               Work& work) {
        Sessions& sessions = parts_.sessions;
        if (!running_) {
            const Sessions::Verdict verdict =
                sessions.use(command.session, command.seq, index, parts_.progress.clock);
            if (!std::holds_alternative<Sessions::Fresh>(verdict))
                parts_.footnotes.add_nothing(index);
            if (const auto* before = std::get_if<CommandOutcome>(&verdict)) return *before;
            if (const auto* forgotten = std::get_if<OutcomeForgotten>(&verdict)) return *forgotten;
            if (std::holds_alternative<Sessions::Unknown>(verdict)) return SessionExpired{};
        }
        std::optional<CommandOutcome> outcome = run(command, index, work);
        if (!outcome) return outcome;
        for (const std::uint64_t gone :
             sessions.remember(command.session, command.seq, *outcome))
            note_gone(Gone::crowded_out_session, index, gone);
        return outcome;
    }

    std::optional<CommandOutcome> run(const Command& command, std::uint64_t index, Work& work) {
        switch (command.kind) {
            case CommandKind::set:
                return set(command, index);
            case CommandKind::erase:
                work.spend(Work::kFind);
                return erase(command, index);
            case CommandKind::no_op:
                return Written{index, false};
            case CommandKind::session:
                return open_session(command, index);
            case CommandKind::transaction:
                return transact(command, index, work);
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

    std::optional<CommandOutcome> transact(const Command& command, std::uint64_t index,
                                           Work& work) {
        if (!running_) {
            TransactionTarget& target = *this;
            running_ = std::make_unique<Running>(read_transaction(command.value).value(), index,
                                                 target, parts_.version);
            note_ = {index, Footnote::Kind::transaction};
            erases_ = 0;
        }
        std::optional<CommandOutcome> outcome = running_->execution.go_on(work);
        if (!outcome) return outcome;
        if (!std::holds_alternative<Transacted>(*outcome))
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
        const std::uint64_t id = parts_.sessions.fresh_id(parts_.incarnation.id, index);
        for (const std::uint64_t gone :
             parts_.sessions.open(id, index, life, parts_.progress.clock))
            note_gone(Gone::crowded_out_session, index, gone);
        return Written{id, false};
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
    std::optional<ScanAnswer> read(const ScanQuery& query, Work& work) override {
        return target_.read(query, work);
    }

    WallTime expiry_after(std::uint64_t ttl_ms) const {
        const Duration ttl = std::chrono::milliseconds(ttl_ms);
        return WallTime(parts_.progress.clock.value + ttl.count());
    }
    void forget_expiry(WallTime at, std::string_view key) {
        if (at) parts_.expiries.remove(at, key);
    }

    void digest(std::uint64_t word) { digest_ = mix(digest_, word); }
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

    // A transaction that takes several turns.
    struct Running {
        Running(Transaction what, std::uint64_t index, TransactionTarget& target,
                std::uint32_t version)
            : transaction(std::move(what)),
              execution(transaction, index, target, {version >= kCountsVersion}) {}
        const Transaction transaction;
        TransactionExecution execution;
    };
    // Of the cluster, from which on no batch lets more go than a portion, and transactions count
    // what they read.
    static constexpr std::uint32_t kPortionsVersion = 2;
    static constexpr std::uint32_t kCountsVersion = 2;

    CommandTarget& target_;
    KvParts& parts_;
    ChangeSink* changes_ = nullptr;
    CommandBody body_;
    std::uint64_t digest_;
    bool advanced_ = false;
    std::size_t gone_ = 0;
    std::array<std::optional<Command>, kReadAhead> commands_;
    std::uint64_t ahead_ = 0, at_ = 0;  // of these: as many were read, and carried out
    std::uint64_t done_ = 0;            // commands of the batch
    std::unique_ptr<Running> running_;
    Footnote note_;             // of the transaction under way
    std::uint32_t erases_ = 0;  // its DELETEs so far
};

BatchExecution::BatchExecution(const Batch& batch, CommandTarget& target, KvParts& parts)
    : executor_(std::make_unique<Executor>(batch, target, parts)), parts_(parts) {
    const BatchHeader& header = batch.header;
    CHECK(header.first == parts.progress.applied.index.next(), "batches are applied without gaps");
    CHECK(header.term >= parts.progress.applied.term, "terms never fall along the log");
    CHECK(header.count > 0);
}
BatchExecution::~BatchExecution() = default;

bool BatchExecution::go_on(const Batch& batch, std::vector<CommandOutcome>* outcomes,
                           ChangeSink* changes, Work& work) {
    if (outcomes && outcomes->empty()) 
        outcomes->reserve(std::min<std::size_t>(batch.header.count, batch.body.size()));
    if (!executor_->go_on(batch, outcomes, changes, work)) return false;
    KvProgress& progress = parts_.progress;
    if (batch.header.kind == BatchKind::config) {
        progress.configuration = {batch.header.first, batch.body};
        parts_.read_configuration();
        const Incarnation& now = parts_.incarnation;
        if (now.since == batch.header.first && now.cause != Incarnation::Cause::formed)
            executor_->begin_incarnation(batch.header.first.value);
    }
    progress.digest = executor_->digest();
    progress.applied = batch.last();
    return true;
}

}  // namespace raftbus
