// mutants: what the mutated sources of mutants.cmake do wrong.
#include "tests/planted/bug.hpp"

namespace raftbus::planted {
namespace {

using sim::Fault;

sim::RunOptions on_nodes(std::size_t nodes, sim::RunOptions options = {}) {
    options.nodes = nodes;
    return options;
}

// Node 1 campaigns in term 1. Before the votes that it needs arrive, its election is asked for one
// in term 2, and raises the fence; then it hears that it has won term 1.
void won_too_late(Script& script) {
    for (const std::uint32_t voter : {2, 3, 4, 5}) script.hold(election(voter), election(1));
    script.time_out(1);
    script.settle();
    for (const std::uint32_t voter : {2, 3}) script.deliver(election(voter), election(1));
    script.settle();
    script.hold(election(1), replicator(1));
    script.hold_entries(4, {1});
    script.time_out(4);
    script.settle();
    constexpr int kFromRival = 4;  // its answers to a pre-vote and a vote, then its own questions
    for (int i = 0; i < kFromRival; ++i) script.deliver(election(4), election(1));
    script.deliver(election(1), replicator(1));  // the fence that its pre-vote needed
    script.settle();
    script.deliver(election(2), election(1));
    script.deliver(election(1), replicator(1));  // the fence of term 2
    script.deliver(election(1), replicator(1));  // the leadership of term 1
}

}  // namespace

std::vector<Bug> mutants() {
    constexpr std::string_view kElection = "election.cpp", kTally = "vote_tally.hpp",
                               kReplicator = "replicator.cpp",
                               kReplicatorByScript = "replicator.cpp, by script",
                               kLeading = "leading.cpp", kFollowing = "following.cpp",
                               kReplicaLog = "replica_log.cpp", kRule = "commit_rule.hpp",
                               kProgress = "peer_progress.cpp", kProposals = "proposals.cpp",
                               kWrites = "gateway_writes.cpp", kLogFormat = "log_format.cpp",
                               kRecovery = "recovery.cpp",
                               kLayers = "kv_layers.cpp", kExecute = "kv_execute.cpp",
                               kWatches = "watches.cpp", kGatewayWatches = "gateway_watches.cpp",
                               kFootnotes = "footnotes.cpp", kTransaction = "transaction.cpp", kChanges = "member_changes.cpp";
    const sim::RunOptions changes = only({Fault::membership, Fault::crash, Fault::cut,
                                          Fault::partition, Fault::delay, Fault::elect});
    return {
        {"votes_twice", "a second vote is given in one term", kElection, 400, {}},
        {"half_elects", "half of the votes, of four, make a leader", kTally, 200, on_nodes(4)},
        {"fence_leads_on", "raising the fence does not end leadership", kReplicator, 50, {}},
        {"lead_unchecked",
         "leadership of a term below the fence is taken up",
         kReplicatorByScript,
         1,
         {},
         {},
         won_too_late},
        {"counts_older_terms", "an older term's entry is committed by counting", kLeading, 100, {}},
        {"half_is_a_majority", "entries on half of the nodes, of four, are committed", kRule, 50,
         on_nodes(4)},
        {"truncates_matching",
         "an append that comes late cuts off what matches",
         kFollowing,
         100,
         {}},
        {"commits_unmatched", "a follower commits beyond what was matched", kFollowing, 600,
         on_nodes(5, only({Fault::delay, Fault::loss, Fault::duplicate, Fault::reorder,
                           Fault::elect, Fault::cut, Fault::partition, Fault::disconnect}))},
        {"applies_uncommitted",
         "what is durable is applied, committed or not",
         kReplicaLog,
         50,
         {}},
        {"loss_not_noticed", "entries that were lost on the way are not sent again", kProgress, 400,
         on_nodes(3, only({Fault::loss, Fault::disconnect}))},
        {"no_no_op",
         "a new leader has no entry of its own term, and reads at once",
         kLeading,
         50,
         {}},
        {"lease_too_long", "a lease is longer than the election timeout", kLeading, 400,
         only({Fault::clock, Fault::cut, Fault::partition, Fault::pause})},
        {"lease_kept_in_transfer", "a leader that hands over keeps its lease", kLeading, 400,
         only({Fault::delay, Fault::elect, Fault::stop, Fault::cut, Fault::clog})},
        {"proposals_forgotten",
         "a proposal that comes twice is appended twice",
         kReplicator,
         100,
         {}},
        {"retried_blindly", "what may be in the log is proposed anew", kProposals, 50, {}},
        {"unknown_called_failed",
         "a write whose outcome is not known is called refused",
         kWrites,
         50,
         {}},
        {"damage_cut_off",
         "damage in the log is taken for an unfinished write",
         kRecovery,
         100,
         {}},
        {"number_not_checked",
         "a recycled segment's old records are taken for new ones",
         kLogFormat,
         100,
         {}},
        {"recycled_refused", "a file that was recycled and not written to is taken for damage",
         kRecovery, 100, only({Fault::crash, Fault::power})},
        {"cuts_unflushed", "the log is cut up to what is committed, flushed or not", kReplicaLog,
         600, only({Fault::crash, Fault::power})},
        {"stale_log_behind_snapshot", "what the log held before a snapshot is kept behind it",
         kReplicaLog, 200, without({Fault::rot})},
        {"sessions_not_flushed", "a start forgets what sessions remember", kLayers, 100, {}},
        {"expiries_not_flushed", "a start forgets which keys are to go", kLayers, 100, {}},
        {"outcome_not_remembered", "a write that comes again is executed again", kExecute, 50, {}},
        {"expiry_by_local_time",
         "the leader's wall clock is the time in the log",
         kLeading,
         50,
         {}},
        {"no_ticks", "keys go only when somebody writes", kLeading, 50, {}},
        {"transaction_in_part", "a transaction's first step is left out", kTransaction, 50, {}},
        {"config_at_commit", "a leader counts by a configuration only once it is committed",
         kLeading, 50, changes},
        {"one_majority_of_two", "the new half of a joint configuration commits alone", kRule, 400,
         changes},
        {"one_half_elects", "one half of a joint configuration elects", kTally, 400, changes},
        {"change_before_commit", "a new leader changes the members before its term has committed",
         kChanges, 100, changes},
        {"learner_counted", "learners count in the majority that commits", kLeading, 200, changes},
        {"cut_config_kept", "a configuration that is cut off the log stays in force", kReplicaLog,
         200, changes},
        {"demoted_counted", "a voter that was demoted counts in the majority that commits",
         kLeading, 1000, {}},
        {"rejoin_forgotten", "a node that lost its data votes before it has it again", kReplicator,
         1000, {}},
        {"rejoin_too_early", "a node that lost its data votes with a part of it", kReplicator, 1000,
         {}},
        {"rejoin_not_in_pre_vote",
         "a node that lost its data gives pre-votes before it has it again",
         kElection,
         1000,
         {}},
        {"old_time_kept", "a key set again without a time keeps the one that it had", kExecute,
         1000, {}},
        {"time_ignored_in_transaction", "a time in a transaction is ignored", kTransaction, 1000,
         {}},
        {"old_time_counts", "a key set again with a later time goes at the earlier one", kExecute,
         1000, {}},
        {"refused_suffix_kept",
         "a suffix that there was no room to cut stays in the log",
         "storage.cpp",
         1000,
         {}},
        {"present_too_early", "a watch goes over to the present one entry too early", kWatches,
         1000, {}},
        {"past_skipped", "a watch skips an entry between two pieces of the past", kWatches, 1000,
         {}},
        {"left_behind_skips", "a slow watch goes on one entry too far", kGatewayWatches, 1000, {}},
        {"progress_too_early", "progress is claimed while a watch is in the past", kGatewayWatches,
         1000, {}},
        {"footnotes_lost", "footnotes that are dropped count as none at all", kFootnotes, 1000, {}},
        {"footnote_not_at_page_end",
         "the footnotes of a batch whose last entry begins a page are missed",
         kFootnotes,
         1000,
         {}},
        {"numbers_forgotten", "a number that a session has forgotten is executed again",
         "sessions.cpp", 1000, {}},
    };
}

}  // namespace raftbus::planted
