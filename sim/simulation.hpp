// simulation: one run from its seed to its verdict.
//
// Owns: the phases of a run. First the plan's faults, under load; then everything heals, and within
// a bounded time there must be a leader, a commit, and equal logs; then every key is read; keys
// that have a time go without anybody's doing; and the clients' history is judged.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sim/nemesis.hpp"
#include "sim/plan.hpp"

namespace raftbus::sim {

enum class Ending : std::uint8_t {
    passed,
    wrong,      // an invariant is broken, or clients were told what can't be
    stuck,      // no progress although everything is well
    crashed,    // a check inside an actor failed
    undecided,  // the history was too hard to judge
};
std::string_view to_string(Ending ending);

struct RunResult {
    Ending ending = Ending::passed;
    std::string what;  // which rule is broken and how; empty if none is
    Duration at{};     // since the run's beginning
    std::uint64_t hash = 0;
    // What went on.
    std::uint64_t steps = 0, messages = 0;
    std::size_t answered = 0, refused = 0, unknown = 0;
    std::size_t terms_led = 0;
    std::uint64_t committed = 0;
    std::size_t lives = 0;  // starts of processes
    bool failed() const { return ending != Ending::passed; }
};

class Simulation {
public:
    explicit Simulation(const RunOptions& options);
    ~Simulation();

    // Goes on for so much virtual time, or to the end.
    void advance(Duration time);
    // Does something to the cluster from outside. What breaks a rule by it ends the run.
    void attempt(const std::function<void()>& action);
    // The time for faults is over now: what is left is to recover, and to be judged.
    void end_faults_now() {
        if (phase_ == Phase::faults) phase_end_ = cluster_.now();
    }
    bool done() const { return phase_ == Phase::done; }
    // Valid once it is done; what went on, before.
    const RunResult& result();

    Duration elapsed() const { return cluster_.now() - begin_; }
    const Plan& plan() const { return plan_; }
    Cluster& cluster() { return cluster_; }
    const Cluster& cluster() const { return cluster_; }
    Workload& workload() { return *workload_; }
    const Workload& workload() const { return *workload_; }

    // How long after everything has healed there has to be progress.
    static constexpr Duration kRecovery = std::chrono::seconds(30);

private:
    enum class Phase : std::uint8_t { faults, recovery, reading, ageing, done };

    void advance_to(Moment end);
    void end_faults();
    bool converged() const;
    std::string what_is_missing() const;
    void begin_reading();
    void begin_ageing();
    bool nothing_is_due() const;
    bool all_are_told() const;
    void end_ageing();
    std::optional<std::string> what_outlasted();
    void judge();
    void end(Ending ending, std::string what);

    const Plan plan_;
    Cluster cluster_;
    const Moment begin_;
    std::unique_ptr<Nemesis> nemesis_;
    std::unique_ptr<Workload> workload_;
    Phase phase_ = Phase::faults;
    Moment phase_end_;
    Moment converged_at_;
    LogIndex converged_commit_;
    Term converged_in_;
    bool aged_ = false;  // something was due when all was read
    RunResult result_;
};

// A whole run.
RunResult simulate(const RunOptions& options);

}  // namespace raftbus::sim
