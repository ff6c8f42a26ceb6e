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
    REPLACE [[    parts_.expiries.note_changes(table_);
]]
    BY [[]])

planted_bug(outcome_not_remembered FILE storage/kv_execute.cpp
    REPLACE [[        sessions.remember(command.session, command.seq, outcome);
]]
    BY [[]])

planted_bug(expiry_by_local_time FILE actors/leading.cpp
    REPLACE [[.time = time_.at(context_.now()),]]
    BY [[.time = context_.wall_time(),]])

planted_bug(no_ticks FILE actors/leading.cpp
    REPLACE [[    append(BatchKind::tick, 1, self_, {}, 0, {});
]]
    BY [[]])

planted_bug(transaction_in_part FILE storage/transaction.cpp
    REPLACE [[for (const TransactionStep& step : steps) carry_out(step, reply);]]
    BY [[for (const TransactionStep& step : steps)
            if (&step != &steps.front() || steps.size() < 3) carry_out(step, reply);
            else reply.set(revision_);]])

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

planted_bug(demoted_counted FILE actors/leading.cpp
    REPLACE [[    halves_ = configuration.halves();
]]
    BY [[    const auto counted = halves_;
    halves_ = configuration.halves();
    if (!counted.empty() && !configuration.joint())
        for (const Member& member : configuration.members)
            if (!member.voter && std::ranges::count(counted.back(), member.node))
                halves_.front().push_back(member.node);
]])

# ---- repair

planted_bug(rejoin_forgotten FILE actors/replicator.cpp
    REPLACE [[forgetful = log_.last().index < options_.rejoin_at;]]
    BY [[forgetful = false;]])

planted_bug(rejoin_too_early FILE actors/replicator.cpp
    REPLACE [[forgetful = log_.last().index < options_.rejoin_at;]]
    BY [[forgetful = log_.last().index < options_.rejoin_at && log_.last().index == LogIndex();]])

planted_bug(rejoin_not_in_pre_vote FILE actors/election.cpp
    REPLACE [[!leader_is_heard(standing) &&
                         !standing.forgetful &&]]
    BY [[!leader_is_heard(standing) &&]])

# ---- keys that are set again

planted_bug(old_time_kept FILE storage/kv_execute.cpp
    REPLACE [[        const WallTime expires_at = ttl_ms ? expiry_after(ttl_ms) : WallTime();
]]
    BY [[        const std::optional<KvFound> old = target_.find(key);
        const WallTime expires_at = ttl_ms ? expiry_after(ttl_ms)
                                           : old ? old->expires_at : WallTime();
]])

planted_bug(time_ignored_in_transaction FILE storage/transaction.cpp
    REPLACE [[revision_, step.ttl_ms);]]
    BY [[revision_, 0);]])

planted_bug(old_time_counts FILE storage/kv_execute.cpp
    REPLACE [[        const WallTime replaced = target_.set(key, value, revision, expires_at);
        if (replaced) forget_expiry(replaced, key);
        if (expires_at) parts_.expiries.add(expires_at, key);
]]
    BY [[        const std::optional<KvFound> old = target_.find(key);
        const WallTime kept = old && old->expires_at && expires_at
                                  ? std::min(old->expires_at, expires_at) : expires_at;
        const WallTime replaced = target_.set(key, value, revision, kept);
        if (replaced) forget_expiry(replaced, key);
        if (kept) parts_.expiries.add(kept, key);
]])

# ---- want of room

planted_bug(refused_suffix_kept FILE actors/storage.cpp
    REPLACE [[const LogIndex cut_from = refused_from_ ? begin : append.cut_from;]]
    BY [[const LogIndex cut_from = append.cut_from;]])

# ---- watches

planted_bug(present_too_early FILE actors/watches.cpp
    REPLACE [[        if (end == applied) {
]]
    BY [[        if (end.next() >= applied) {
]])

planted_bug(past_skipped FILE actors/watches.cpp
    REPLACE [[        state.next = end.next();
]]
    BY [[        state.next = end == applied ? end.next() : end.next().next();
]])

planted_bug(left_behind_skips FILE actors/gateway_watches.cpp
    REPLACE [[at->second.told.next());]]
    BY [[at->second.told.next().next());]])

planted_bug(progress_too_early FILE actors/gateway_watches.cpp
    REPLACE [[return watched.present ? std::max(watched.told, applied_) : watched.told;]]
    BY [[return std::max(watched.told, applied_);]])

planted_bug(footnotes_lost FILE storage/footnotes.cpp
    REPLACE [[        first_ = LogIndex(pages_.front().last).next();
        first_changed_ = true;
        drop_first_page();]]
    BY [[        drop_first_page();]])

planted_bug(footnote_not_at_page_end FILE storage/footnotes.cpp
    REPLACE [[page->first <= last.value; ++page) {]]
    BY [[page->first < last.value; ++page) {]])

# ---- sessions

planted_bug(numbers_forgotten FILE storage/sessions.cpp
    REPLACE [[    if (seq + limits_.numbers_max <= session.newest) return OutcomeForgotten{session.newest};
]]
    BY [[]])
