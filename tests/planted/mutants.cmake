# The mutants: what is changed, and where. mutants.cpp says what goes wrong.

# ---- elections

planted_bug(votes_twice FILE actors/election.cpp
    REPLACE [[const bool free = !vote() || vote() == candidate;]]
    BY [[const bool free = true;]])

planted_bug(half_elects FILE actors/vote_tally.hpp RECOMPILE actors/election.cpp
    REPLACE [[return among(half, granted_) * 2 > half.size();]]
    BY [[return among(half, granted_) * 2 >= half.size();]])

# ---- the fence

planted_bug(fence_leads_on FILE actors/replicator.cpp
    REPLACE [[    stop_leading();
    if (raises) {
        fence_ = fence.term;
        leader_heard_.reset();
        role_.emplace]]
    BY [[    if (raises) {
        fence_ = fence.term;
        leader_heard_.reset();
        if (!leading()) role_.emplace]])

planted_bug(lead_unchecked FILE actors/replicator.cpp
    REPLACE [[    if (lead.term != fence_) return;  // won, but a newer term has begun since
    CHECK(open_ == fence_, "a candidate's own vote is saved before it counts");]]
    BY [[]])

# ---- entries

planted_bug(counts_older_terms FILE actors/leading.cpp
    REPLACE [[if (reached > log_.commit() && log_.tail().term_at(reached) == term_) log_]]
    BY [[if (reached > log_.commit()) log_]])

planted_bug(half_is_a_majority FILE actors/commit_rule.hpp RECOMPILE actors/leading.cpp
    REPLACE [[values.size() / 2)]]
    BY [[(values.size() - 1) / 2)]])

planted_bug(truncates_matching FILE actors/following.cpp
    REPLACE [[if (own == batch.header.term) continue;]]
    BY [[]])

planted_bug(commits_unmatched FILE actors/following.cpp
    REPLACE [[log_.commit_to(std::min(leader_commit, matched_));]]
    BY [[log_.commit_to(std::min(leader_commit, log_.last().index));]])

planted_bug(applies_uncommitted FILE actors/replica_log.cpp
    REPLACE [[const LogIndex limit = std::min(commit_, durable());]]
    BY [[const LogIndex limit = durable();]])

planted_bug(loss_not_noticed FILE actors/peer_progress.cpp
    REPLACE [[return round >= round_watched_ && last < sent_before_it_;]]
    BY [[return last < LogIndex();]])

# ---- reads

planted_bug(no_no_op FILE actors/leading.cpp
    REPLACE [[    append(BatchKind::no_op, 1, self_, {}, 0, {});
]]
    BY [[    no_op_ = LogIndex();
]])

planted_bug(lease_too_long FILE actors/leading.cpp
    REPLACE [[confirmed_at_ + *options_.lease;]]
    BY [[confirmed_at_ + *options_.lease * 3;]])

planted_bug(lease_kept_in_transfer FILE actors/leading.cpp
    REPLACE [[    lease_given_up_ = true;
]]
    BY [[]])

# ---- clients

planted_bug(proposals_forgotten FILE actors/replicator.cpp
    REPLACE [[answer = recent.find(propose.proposal);
    if (!answer)]]
    BY [[answer = nullptr;
    if (!answer)]])

planted_bug(retried_blindly FILE actors/proposals.cpp
    REPLACE [[.term < ready.term)]]
    BY [[.term <= ready.term)]])

planted_bug(unknown_called_failed FILE actors/gateway_writes.cpp
    REPLACE [[    if (proposed)
]]
    BY [[    if (!proposed)
]])

# ---- the log on disk

planted_bug(damage_cut_off FILE storage/recovery.cpp
    REPLACE [[if (record && record->group_start > torn)]]
    BY [[if (record && record->group_start > bytes.size())]])

planted_bug(number_not_checked FILE storage/log_format.cpp
    REPLACE [[    put_int(place + 8, id.number);]]
    BY [[    put_int(place + 8, std::uint64_t{0});]])

planted_bug(recycled_refused FILE storage/recovery.cpp
    REPLACE [[header.id.number < oldest_;]]
    BY [[header.id.number < 1;]])

# ---- snapshots

planted_bug(cuts_unflushed FILE actors/replica_log.cpp
    REPLACE [[send_to_storage(Compact{flushed.index, flushed.ask});]]
    BY [[send_to_storage(Compact{commit_, flushed.ask});]])

planted_bug(stale_log_behind_snapshot FILE actors/replica_log.cpp
    REPLACE [[    if (last.index <= commit_ || tail_.term_at(last.index) == last.term) {]]
    BY [[    if (true) {]])

# ---- sessions and times

planted_bug(sessions_not_flushed FILE storage/kv_layers.cpp
    REPLACE [[    parts_.sessions.note_changes(table_);
]]
    BY [[]])

planted_bug(expiries_not_flushed FILE storage/kv_layers.cpp
    REPLACE [[        Expiries::note(std::exchange(*expiries, {}), *table);
]]
    BY [[]])

planted_bug(outcome_not_remembered FILE storage/kv_execute.cpp
    REPLACE [[             sessions.remember(command.session, command.seq, *outcome))]]
    BY [[             std::vector<std::uint64_t>())]])

planted_bug(expiry_by_local_time FILE actors/leading.cpp
    REPLACE [[.time = time_.at(context_.now()),]]
    BY [[.time = context_.wall_time(),]])

planted_bug(no_ticks FILE actors/leading.cpp
    REPLACE [[    append(BatchKind::tick, 1, self_, {}, 0, {});
]]
    BY [[]])

planted_bug(transaction_in_part FILE storage/transaction.cpp
    REPLACE [[        if (!work.left() || !carry_out((*steps_)[at_], work)) return std::nullopt;]]
    BY [[        if (at_ == 0 && steps_->size() >= 3)
            reply_->set(revision_);
        else if (!work.left() || !carry_out((*steps_)[at_], work))
            return std::nullopt;]])

# ---- membership

planted_bug(config_at_commit FILE actors/leading.cpp
    REPLACE [[log_.configurations().in_force();
    halves_]]
    BY [[log_.committed_configuration();
    halves_]])

planted_bug(one_majority_of_two FILE actors/commit_rule.hpp RECOMPILE actors/leading.cpp
    REPLACE [[return *std::min_element(reached.begin(), reached.end());]]
    BY [[return reached.front();]])

planted_bug(one_half_elects FILE actors/vote_tally.hpp RECOMPILE actors/election.cpp
    REPLACE [[return std::all_of(halves_.begin(), halves_.end(),]]
    BY [[return std::any_of(halves_.begin(), halves_.end(),]])

planted_bug(change_before_commit FILE actors/member_changes.cpp
    REPLACE [[return log_.commit() >= no_op && log_]]
    BY [[return no_op && log_]])

planted_bug(learner_counted FILE actors/leading.cpp
    REPLACE [[    halves_ = configuration.halves();
]]
    BY [[    halves_ = configuration.halves();
    for (const Member& member : configuration.members)
        if (!member.voter) halves_.front().push_back(member.node);
]])

planted_bug(cut_config_kept FILE actors/replica_log.cpp
    REPLACE [[    configurations_.cut_from(index);
]]
    BY [[]])
