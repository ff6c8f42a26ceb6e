#include "sim/simulation.hpp"

#include "messages/text.hpp"
#include "sim/linearizability.hpp"
#include "sim/revision_order.hpp"
#include "storage/command.hpp"
#include "storage/transaction.hpp"

namespace raftbus::sim {
namespace {

ClusterOptions cluster_options(const Plan& plan) {
    ClusterOptions options;
    options.nodes = plan.nodes;
    options.spares = plan.spares;
    options.seed = plan.asked.seed;
    options.node = plan.node;
    options.priorities = plan.priorities;
    options.pace = plan.pace;
    options.weather = plan.weather;
    options.watcher = plan.asked.watcher;
    options.tamper = plan.asked.tamper;
    return options;
}

// "set k=v", of a transaction what its first step does.
std::string text_of(const Command& command) {
    std::string_view key = command.key, value = command.value;
    if (command.kind == CommandKind::transaction) {
        const Result<Transaction> transaction = read_transaction(command.value);
        if (!transaction || transaction->then.empty()) return {};
        key = transaction->then.front().key;
        value = transaction->then.front().value;
    }
    return (command.kind == CommandKind::erase ? "erase " : "set ") + std::string(key) + "=" +
           std::string(value);
}

// The write that the log has at this revision, as text to compare; empty: none.
std::string written_at(const std::vector<Committed>& log, std::uint64_t revision) {
    const LogIndex index(revision);
    const auto found = std::lower_bound(
        log.begin(), log.end(), index,
        [](const Committed& c, LogIndex wanted) { return c.batch.header.last() < wanted; });
    if (found == log.end() || found->batch.header.kind != BatchKind::commands) return {};
    CommandReader reader(found->batch.body.view());
    for (LogIndex at = found->batch.header.first; !reader.done(); at = at.next()) {
        const Result<Command> command = reader.next();
        if (!command) return {};
        if (at != index) continue;
        return text_of(*command);
    }
    return {};
}

// What was acknowledged under a revision is in the log at that index.
std::optional<std::string> missing_write(const History& history,
                                         const std::vector<Committed>& log) {
    for (const Operation& operation : history) {
        const auto* written = std::get_if<Written>(&operation.outcome);
        if (!written) continue;
        std::string expected;
        if (const auto* set = std::get_if<Set>(&operation.request))
            expected = "set " + operation.key + "=" + set->value;
        else
            expected = "erase " + operation.key + "=";
        if (written_at(log, written->revision) != expected)
            return "acknowledged, but not in the log: " + to_text(operation);
    }
    return std::nullopt;
}

}  // namespace

std::string_view to_string(Ending ending) {
    switch (ending) {
        case Ending::passed:
            return "passed";
        case Ending::wrong:
            return "wrong";
        case Ending::stuck:
            return "no progress";
        case Ending::crashed:
            return "crashed";
        case Ending::undecided:
            return "undecided";
    }
    return "?";
}

Simulation::Simulation(const RunOptions& options)
    : plan_(make_plan(options)),
      cluster_(cluster_options(plan_)),
      begin_(cluster_.now()),
      nemesis_(std::make_unique<Nemesis>(cluster_, plan_)),
      workload_(std::make_unique<Workload>(cluster_, plan_.workload)),
      phase_end_(begin_ + options.duration) {
    cluster_.start();
    workload_->start();
}

Simulation::~Simulation() = default;

void Simulation::advance(Duration time) {
    const Moment end = cluster_.now() + time;
    attempt([&] {
        while (!done() && cluster_.now() < end) advance_to(end);
    });
}

void Simulation::attempt(const std::function<void()>& action) {
    try {
        action();
    } catch (const RuleBroken& broken) {
        this->end(Ending::wrong, broken.what());
    } catch (const std::exception& error) {
        this->end(Ending::crashed, error.what());
    }
}

void Simulation::advance_to(Moment end) {
    end = std::min(end, phase_end_);
    switch (phase_) {
        case Phase::faults:
            cluster_.run(end - cluster_.now());
            if (cluster_.now() >= phase_end_) end_faults();
            return;
        case Phase::recovery:
            if (cluster_.run_until([this] { return workload_->idle() && converged(); },
                                   end - cluster_.now()))
                begin_reading();
            else if (cluster_.now() >= phase_end_)
                this->end(Ending::stuck, what_is_missing());
            return;
        case Phase::reading:
            if (cluster_.run_until([this] { return workload_->idle() && all_are_told(); },
                                   end - cluster_.now()))
                begin_ageing();
            else if (cluster_.now() >= phase_end_)
                this->end(Ending::stuck, workload_->idle() ? "watches do not come to the end"
                                                           : "clients get no answers");
            return;
        case Phase::ageing:
            if (cluster_.run_until([this] { return nothing_is_due(); }, end - cluster_.now()))
                end_ageing();
            else if (cluster_.now() >= phase_end_)
                this->end(Ending::wrong, "keys outlive their time");
            return;
        case Phase::done:
            return;
    }
}

void Simulation::end_faults() {
    workload_->stop();
    nemesis_->heal();
    for (std::uint32_t n = 1; n <= cluster_.size(); ++n)
        if (cluster_.node(n).state() == SimNode::State::refused &&
            !nemesis_->lost().contains(NodeId(n)))
            return end(Ending::wrong,
                       to_text(NodeId(n)) + " does not start again: " + cluster_.node(n).refusal());
    workload_->add(Set{"the last write", {}}, workload_->keys().front());
    phase_ = Phase::recovery;
    phase_end_ = cluster_.now() + kRecovery;
}

// One leads, no change of the members is under way, and all of them that live have the same log,
// applied to its end.
bool Simulation::converged() const {
    const auto leader = cluster_.leader();
    const auto configuration = cluster_.configuration();
    if (!leader || !configuration || configuration->joint()) return false;
    const ReplicaLog& log = cluster_.node(*leader).replicator().log();
    for (const Member& member : configuration->members) {
        const SimNode& node = cluster_.node(member.node);
        if (member.promote) return false;
        if (!node.alive() && nemesis_->lost().contains(member.node)) continue;
        if (!node.runs()) return false;
        const ReplicaLog& own = node.replicator().log();
        if (own.last() != log.last() || own.commit() != log.last().index ||
            own.durable() != log.last().index || node.kv().applied() != log.last())
            return false;
    }
    return true;
}

std::string Simulation::what_is_missing() const {
    if (!cluster_.leader()) return "no leader";
    if (!workload_->idle()) return "clients get no answers";
    return "logs do not become equal";
}

void Simulation::begin_reading() {
    for (const std::string& key : workload_->keys()) workload_->add(Get{}, key);
    phase_ = Phase::reading;
    phase_end_ = cluster_.now() + kRecovery;
    converged_at_ = cluster_.now();
    converged_commit_ = cluster_.rules().commit();
    converged_in_ = cluster_.node(*cluster_.leader()).replicator().fence();
}

bool Simulation::all_are_told() const {
    return workload_->watchers().all_told(converged_commit_);
}

void Simulation::begin_ageing() {
    aged_ = !nothing_is_due();
    phase_ = Phase::ageing;
    phase_end_ = cluster_.now() + kRecovery;
}

bool Simulation::nothing_is_due() const {
    const auto configuration = cluster_.configuration();
    if (!configuration) return false;
    for (const Member& member : configuration->members) {
        const SimNode& node = cluster_.node(member.node);
        if (node.alive() && node.kv().due()) return false;
    }
    return true;
}

// Under one leader, whose clock is right by now, a key goes a second late at most.
void Simulation::end_ageing() {
    constexpr Duration kAtMost =
        std::chrono::milliseconds(TimedKeys::kTtlMaxMs) + std::chrono::seconds(1);
    const auto leader = cluster_.leader();
    const bool same = leader && cluster_.node(*leader).replicator().fence() == converged_in_;
    const bool timely = cluster_.now() <= converged_at_ + kAtMost || !aged_;
    if (same && !timely) return end(Ending::wrong, "a key outlives its time by more than a second");
    if (const auto wrong = what_outlasted())
        return end(Ending::wrong, "a key with a time " + *wrong);
    judge();
}

// Nothing that a node holds has a time now, so what is there was set without one.
std::optional<std::string> Simulation::what_outlasted() {
    const auto leader = cluster_.leader();
    if (!leader) return std::nullopt;
    KvState& state = cluster_.node(*leader).kv();
    const auto there = [&](const std::string& key) { return state.get(key).has_value(); };
    if (const auto wrong = workload_->renewed_keys().outlasted(there)) return wrong;
    return workload_->timed_keys().outlasted(there);
}

void Simulation::judge() {
    const History history = workload_->history();
    if (const auto missing = missing_write(history, cluster_.rules().committed()))
        return end(Ending::wrong, *missing);
    if (const auto broken = workload_->watchers().judge(cluster_.rules().committed()))
        return end(Ending::wrong, *broken);
    if (const auto broken = check_revisions(history)) return end(Ending::wrong, *broken);
    const Verdict verdict = check_linearizability(history);
    if (std::holds_alternative<NotLinearizable>(verdict))
        return end(Ending::wrong, to_text(verdict));
    if (std::holds_alternative<Undecided>(verdict)) return end(Ending::undecided, to_text(verdict));
    end(Ending::passed, {});
}

void Simulation::end(Ending ending, std::string what) {
    phase_ = Phase::done;
    result_.ending = ending;
    result_.what = std::move(what);
    result_.at = elapsed();
}

const RunResult& Simulation::result() {
    result_.hash = cluster_.hash();
    result_.steps = cluster_.events().steps();
    result_.messages = cluster_.messages();
    result_.answered = workload_->answered();
    result_.refused = workload_->refused();
    result_.unknown = workload_->unknown();
    result_.terms_led = cluster_.rules().terms_led();
    result_.committed = cluster_.rules().commit().value;
    result_.lives = 0;
    for (std::uint32_t n = 1; n <= cluster_.size(); ++n) result_.lives += cluster_.node(n).life();
    return result_;
}

RunResult simulate(const RunOptions& options) {
    Simulation simulation(options);
    while (!simulation.done()) simulation.advance(std::chrono::hours(1));
    return simulation.result();
}

}  // namespace raftbus::sim
