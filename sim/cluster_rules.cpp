#include "sim/cluster_rules.hpp"

#include <algorithm>

#include "actors/replicator.hpp"
#include "messages/random.hpp"
#include "messages/text.hpp"

namespace raftbus::sim {
namespace {

std::string named(NodeId node, const std::string& what) {
    return to_text(node) + ": " + what;
}

std::uint64_t key_of(EntryId entry) {
    return splitmix(entry.index.value) ^ entry.term.value;
}

std::uint64_t chain_of(std::uint64_t before, const BatchHeader& h) {
    std::uint64_t chain = before;
    for (const std::uint64_t word :
         {h.first.value, std::uint64_t(h.count), h.term.value, std::uint64_t(h.kind),
          std::uint64_t(h.origin.value), h.proposal.value, std::uint64_t(h.time.value),
          std::uint64_t(h.body_crc)})
        chain = splitmix(chain ^ word);
    return chain;
}

template <class Marks>
std::vector<EntryId> ends_of(const Marks& log) {
    std::vector<EntryId> ends;
    for (const auto& mark : log) ends.push_back(mark.last);
    return ends;
}

}  // namespace

ClusterRules::ClusterRules(std::size_t nodes) : nodes_(nodes) {}

LogIndex ClusterRules::commit() const {
    return committed_.empty() ? LogIndex() : committed_.back().batch.header.last();
}

// ---- life

Broken ClusterRules::on_start(NodeId id, const Found& found, Moment done) {
    Node& node = at(id);
    node.base = found.base;
    node.before.reset();
    if (Broken broken = begin_after(id, node, found.before_first)) return broken;
    for (const Batch& batch : found.log)
        if (Broken broken = add(id, node, batch)) return broken;
    if (const auto lost = node.disk.found(found.hard_state, ends_of(node.log), done))
        return named(id, "restarts: " + *lost);
    node.applied = found.applied;
    node.committed = count_up_to(node.log, found.applied);
    if (node.committed > committed_.size())
        return named(id, "restarts with a state that nobody committed");
    if (node.committed > 0 &&
        node.log[node.committed - 1].chain != committed_[node.committed - 1].chain)
        return named(id, "restarts with a state of other entries than were committed");
    return std::nullopt;
}

// How many of the committed batches lie up to `entry`, the last of one; its term may be unknown
// (0).
std::optional<std::size_t> ClusterRules::committed_up_to(EntryId entry) const {
    const auto after =
        std::upper_bound(committed_.begin(), committed_.end(), entry.index,
                         [](LogIndex i, const Committed& c) { return i < c.batch.header.last(); });
    const EntryId last = after == committed_.begin() ? EntryId{} : std::prev(after)->batch.last();
    if (last.index != entry.index || (entry.term && last.term != entry.term)) return std::nullopt;
    return after - committed_.begin();
}

// Only what is committed may be forgotten.
Broken ClusterRules::begin_after(NodeId id, Node& node, EntryId entry) const {
    node.log.clear();
    node.configurations.clear();
    const auto count = committed_up_to(entry);
    if (!count)
        return named(id, "its log begins behind " + to_text(entry) + ", which nobody committed");
    for (std::size_t i = 0; i < *count; ++i) {
        const Batch& batch = committed_[i].batch;
        node.log.push_back({batch.last(), committed_[i].chain, batch.header.time});
        if (batch.header.kind == BatchKind::config)
            node.configurations.emplace_back(batch.header.first,
                                             decode_configuration(batch.body.view()).value());
    }
    return std::nullopt;
}

Broken ClusterRules::on_installed(NodeId id, EntryId last) {
    Node& node = at(id);
    const std::size_t batches = count_up_to(node.log, last.index);
    if (batches > 0 && node.log[batches - 1].last == last) return std::nullopt;  // it had them
    const auto count = committed_up_to(last);
    if (!count) return named(id, "installs a state up to what nobody committed");
    std::vector<EntryId> ends;
    for (std::size_t i = 0; i < *count; ++i) ends.push_back(committed_[i].batch.last());
    node.disk.restarted(std::move(ends));
    node.appends.clear();  // whatever becomes of them
    return std::nullopt;
}

void ClusterRules::on_end(NodeId id, Moment now) {
    Node& node = at(id);
    node.disk.ended(now);
    // Storage may have got half way through what it had not answered.
    for (const auto& [request, hard_state] : node.saves) node.disk.saved(hard_state, Moment::max());
    for (const auto& [request, append] : node.appends) node.disk.wrote(append, Moment::max());
    node.saves.clear();
    node.appends.clear();
    node.before.reset();
}

void ClusterRules::on_emptied(NodeId id, Term term, LogIndex rejoin_at) {
    Node& node = at(id);
    node.disk = DiskRecord();
    node.rejoin_at = rejoin_at;
    node.disk.saved({term, NodeId()}, Moment());
    CHECK(node.disk.hard_state(Moment()).term == term, "it holds from now on");
}

// ---- what is said

void ClusterRules::on_asked(NodeId id, const AnyMessage& message) {
    if (auto* append = std::get_if<Append>(&message))
        at(id).appends[append->request] = *append;
    else if (auto* save = std::get_if<SaveHardState>(&message))
        at(id).saves[save->request] = {save->term, save->vote};
}

Broken ClusterRules::on_said(NodeId id, const AnyMessage& message, Address to, Moment sent) {
    if (Broken broken = check_rejoined(id, message)) return broken;
    Node& node = at(id);
    if (auto* appended = std::get_if<Appended>(&message)) {
        if (auto asked = node.appends.extract(appended->request))
            node.disk.wrote(asked.mapped(), sent);
    } else if (auto* refused = std::get_if<AppendRefused>(&message)) {
        node.appends.erase(refused->request);
    } else if (auto* saved = std::get_if<HardStateSaved>(&message)) {
        if (auto asked = node.saves.extract(saved->request)) node.disk.saved(asked.mapped(), sent);
    } else if (auto* vote = std::get_if<RequestVoteReply>(&message)) {
        if (vote->granted) return check_vote(id, {vote->term, to.node}, sent);
    } else if (auto* ask = std::get_if<RequestVote>(&message)) {
        return check_vote(id, {ask->term, id}, sent);
    } else if (auto* open = std::get_if<TermSaved>(&message)) {
        if (node.disk.hard_state(sent).term < open->term)
            return named(id, "opens a term that is not saved");
    } else if (auto* reply = std::get_if<AppendEntriesReply>(&message)) {
        if (const auto* matched = std::get_if<Matched>(&reply->outcome))
            return check_acknowledged(id, reply->term, matched->index, sent);
    } else if (auto* read = std::get_if<ReadIndex>(&message)) {
        reads_[{id, read->read}] = commit();
    } else if (auto* answer = std::get_if<ReadIndexReply>(&message)) {
        return check_read(id, *answer, to.node);
    } else if (auto* beat = std::get_if<HeartbeatReply>(&message)) {
        Round& round = node.said[beat->term].round;
        round = std::max(round, beat->round);
        return check_acknowledged(id, beat->term, beat->matched, sent);
    }
    return std::nullopt;
}

// A node that lost its data can't tell whose log is behind before it has what it had promised.
Broken ClusterRules::check_rejoined(NodeId id, const AnyMessage& message) const {
    const Node& node = nodes_[id.value - 1];
    if (!node.rejoin_at) return std::nullopt;
    const auto* vote = std::get_if<RequestVoteReply>(&message);
    const auto* pre_vote = std::get_if<PreVoteReply>(&message);
    const bool takes_part = (vote && vote->granted) || (pre_vote && pre_vote->granted) ||
                            std::holds_alternative<RequestVote>(message) ||
                            std::holds_alternative<PreVote>(message);
    const LogIndex last = node.log.empty() ? LogIndex() : node.log.back().last.index;
    if (!takes_part || last >= node.rejoin_at) return std::nullopt;
    return named(id, "takes part in an election before its log reaches what it had promised");
}

// "Save, then speak", and the fence of the term has closed all older ones.
Broken ClusterRules::check_vote(NodeId id, const HardState& vote, Moment sent) {
    Node& node = at(id);
    if (node.disk.hard_state(sent) != vote) return named(id, "votes before the vote is saved");
    if (node.before && node.before->fence < vote.term)
        return named(id, "votes in a term before its fence stands");
    votes_[{vote.term, vote.vote}].insert(id);
    return std::nullopt;
}

Broken ClusterRules::check_read(NodeId id, const ReadIndexReply& reply, NodeId asker) const {
    const auto asked = reads_.find({asker, reply.read});
    if (asked == reads_.end() || reply.index >= asked->second) return std::nullopt;
    return named(id, "lets a read miss what was committed before it was asked for");
}

// A leader counts what was said to it in its own term and nothing else; and what it believes of its
// peers' logs is so, as long as they have not moved on to a newer term.
Broken ClusterRules::check_beliefs(NodeId id, const Replicator& replicator, Moment now) {
    const Leading* leading = replicator.leading();
    if (!leading) return std::nullopt;
    const Node& node = at(id);
    for (const auto& [peer, progress] : leading->peers()) {
        Node& other = at(peer);
        const Said& said = other.said[leading->term()];
        if (progress.match() > said.matched || progress.round_acked() > said.round)
            return named(id, "counts what " + to_text(peer) + " did not say in this term");
        const std::size_t batches = count_up_to(node.log, progress.match());
        const bool moved_on = other.disk.hard_state(now).term > leading->term();
        if (batches > 0 && !moved_on && !other.disk.holds(node.log[batches - 1].last, now))
            return named(id, "believes more of " + to_text(peer) + "'s log than is durable there");
    }
    return std::nullopt;
}

Broken ClusterRules::check_acknowledged(NodeId id, Term term, LogIndex index, Moment sent) {
    Node& node = at(id);
    LogIndex& matched = node.said[term].matched;
    matched = std::max(matched, index);
    const std::size_t batches = count_up_to(node.log, index);
    if (batches > 0 && !node.disk.holds(node.log[batches - 1].last, sent))
        return named(id, "acknowledges entries that are not durable");
    return std::nullopt;
}

// ---- steps

Broken ClusterRules::on_step(NodeId id, const Election& election, const Replicator& replicator,
                             Moment now) {
    now_ = now;
    Node& node = at(id);
    const NodeView view =
        view_of(id, election, replicator, node.disk.hard_state(now), node.disk.last(now));
    if (Broken broken = check_state(view)) return broken;
    if (node.before)
        if (Broken broken = check_step(*node.before, view)) return broken;
    const bool starts_to_lead =
        view.leads && !(node.before && node.before->leads && node.before->fence == view.fence);
    const bool commits = !node.before || view.commit != node.before->commit;
    node.before = view;
    node.deciding = in_force(node);
    if (Broken broken = follow_log(id, node, *view.tail)) return broken;
    // While it does not know yet that a snapshot took its log's place, it believes the old one's.
    if (view.durable && !node.log.empty() && !replicator.log().installing()) {
        const std::size_t batches = count_up_to(node.log, view.durable);
        if (batches > 0 && !node.disk.holds(node.log[batches - 1].last, now))
            return named(id, "believes entries to be durable that are not");
    }
    if (commits)
        if (Broken broken = follow_commit(id, node, view)) return broken;
    if (Broken broken = check_beliefs(id, replicator, now)) return broken;
    if (Broken broken = check_configuration(id, node, replicator, view)) return broken;
    if (starts_to_lead) {
        const auto [leader, first] = leaders_.try_emplace(view.fence, id);
        if (leader->second != id) return named(id, "a second leader in one term");
        if (Broken broken = check_elected(id, node, view.fence)) return broken;
        return check_leader(id, node, view.fence);
    }
    return std::nullopt;
}

// Brings the picture of the log up to date. What is equal in index and term is equal.
Broken ClusterRules::follow_log(NodeId id, Node& node, const LogTail& tail) {
    std::vector<Mark>& log = node.log;
    const LogIndex before = tail.before_first().index;
    const std::size_t known = count_up_to(log, before);
    const EntryId there = known > 0 ? log[known - 1].last : EntryId{};
    const Term term = tail.before_first().term;
    if (there.index != before || (term && there.term != term)) {
        if (Broken broken = begin_after(id, node, tail.before_first())) return broken;
        node.committed = log.size();
    }
    if (log.empty() ? !tail.last().index : log.back().last == tail.last()) return std::nullopt;
    while (!log.empty() && log.back().last.index > before &&
           tail.term_at(log.back().last.index) != log.back().last.term) {
        if (log.size() <= node.committed) return named(id, "drops a committed entry");
        auto& configurations = node.configurations;
        if (!configurations.empty() && configurations.back().first == log.back().last.index)
            configurations.pop_back();
        log.pop_back();
    }
    const LogIndex next = log.empty() ? tail.first() : log.back().last.index.next();
    for (const Batch& batch : tail.batches_from(next, ~0ULL))
        if (Broken broken = add(id, node, batch)) return broken;
    return std::nullopt;
}

// Log matching.
Broken ClusterRules::add(NodeId id, Node& node, const Batch& batch) {
    const std::uint64_t chain =
        chain_of(node.log.empty() ? 0 : node.log.back().chain, batch.header);
    const LogIndex next = node.log.empty() ? LogIndex(1) : node.log.back().last.index.next();
    if (batch.header.first != next) return named(id, "its log has a gap");
    if (!node.log.empty() && batch.header.time < node.log.back().time)
        return named(id, "its log's time goes back at " + to_text(batch.last()));
    node.log.push_back({batch.last(), chain, batch.header.time});
    if (batch.header.kind == BatchKind::config) {
        const auto configuration = decode_configuration(batch.body.view());
        if (!configuration) return named(id, "takes what is no configuration into its log");
        node.configurations.emplace_back(batch.header.first, *configuration);
    }
    const auto [known, fresh] = known_.try_emplace(key_of(batch.last()), Known{chain, batch});
    if (known->second.chain != chain)
        return named(id, "its log differs from another's that holds " + to_text(batch.last()));
    return std::nullopt;
}

std::size_t ClusterRules::count_up_to(const std::vector<Mark>& log, LogIndex index) {
    return static_cast<std::size_t>(
        std::upper_bound(log.begin(), log.end(), index,
                         [](LogIndex i, const Mark& mark) { return i < mark.last.index; }) -
        log.begin());
}

// ---- commit

// State machine safety, as far as logs go: all commit the same, in the same order.
Broken ClusterRules::follow_commit(NodeId id, Node& node, const NodeView& view) {
    const std::size_t count = count_up_to(node.log, view.commit);
    for (; node.committed < count; ++node.committed) {
        const Mark& mark = node.log[node.committed];
        if (node.committed == committed_.size())
            if (Broken broken = commit_next(id, mark, view, now_)) return broken;
        if (committed_[node.committed].chain != mark.chain)
            return named(id, "commits another entry at " + to_text(mark.last) + " than " +
                                 to_text(committed_[node.committed].batch.last()));
    }
    return std::nullopt;
}

// An entry that nobody had committed so far.
Broken ClusterRules::commit_next(NodeId id, const Mark& mark, const NodeView& view, Moment now) {
    if (!view.leads) return named(id, "commits what no leader has");
    if (!on_majorities_of_disks(mark.last, at(id).deciding, now))
        return named(id, "commits " + to_text(mark.last) + ", which no majority has durably");
    committed_.push_back({known_.at(key_of(mark.last)).batch, mark.chain, view.fence});
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
        const Node& other = nodes_[n];
        if (!other.before || !other.before->leads || other.before->fence <= view.fence) continue;
        const NodeId leader(static_cast<std::uint32_t>(n + 1));
        if (Broken broken = check_leader(leader, other, other.before->fence)) return broken;
    }
    return std::nullopt;
}

bool ClusterRules::on_majorities_of_disks(EntryId entry, const Configuration& configuration,
                                          Moment now) {
    for (const std::vector<NodeId>& half : configuration.halves()) {
        std::size_t disks = 0;
        for (const NodeId voter : half) disks += at(voter).disk.holds(entry, now);
        if (disks <= half.size() / 2) return false;
    }
    return true;
}

// ---- membership

// Raft §6. The last configuration in the log is in force, committed or not. A leader has one that
// is not committed at most, and makes none before it has committed an entry of its term.
Broken ClusterRules::check_configuration(NodeId id, const Node& node, const Replicator& replicator,
                                         const NodeView& view) const {
    const Configurations::Entry& believed = replicator.log().configurations().in_force();
    const LogIndex last =
        node.configurations.empty() ? LogIndex() : node.configurations.back().first;
    if (believed.index != last || believed.configuration != in_force(node))
        return named(id, "goes by another configuration than the last one in its log");
    if (!view.leads || !last) return std::nullopt;
    const auto uncommitted =
        std::count_if(node.configurations.begin(), node.configurations.end(),
                      [&](const auto& entry) { return entry.first > commit(); });
    if (uncommitted > 1) return named(id, "makes a change before the last one is committed");
    if (view.tail->term_at(last) == view.fence && view.tail->term_at(view.commit) != view.fence)
        return named(id, "makes a change before it has committed an entry of its term");
    return std::nullopt;
}

Broken ClusterRules::check_elected(NodeId id, const Node& node, Term term) const {
    std::set<NodeId> votes{id};
    if (const auto said = votes_.find({term, id}); said != votes_.end())
        votes.insert(said->second.begin(), said->second.end());
    for (const std::vector<NodeId>& half : in_force(node).halves()) {
        const auto yes = std::count_if(half.begin(), half.end(),
                                       [&](NodeId voter) { return votes.contains(voter); });
        if (static_cast<std::size_t>(yes) <= half.size() / 2)
            return named(id, "leads without the votes of a majority");
    }
    return std::nullopt;
}

// Leader completeness: it holds every entry that was committed in an earlier term.
Broken ClusterRules::check_leader(NodeId id, const Node& node, Term term) const {
    std::size_t earlier = committed_.size();
    while (earlier > 0 && committed_[earlier - 1].in >= term) --earlier;
    if (earlier == 0) return std::nullopt;
    if (node.log.size() < earlier || node.log[earlier - 1].chain != committed_[earlier - 1].chain)
        return named(id, "leads term " + std::to_string(term.value) +
                             " without entries that were committed before");
    return std::nullopt;
}

Broken ClusterRules::on_applied(NodeId id, EntryId applied, std::uint64_t digest) {
    Node& node = at(id);
    if (applied.index == node.applied) return std::nullopt;
    if (applied.index < node.applied) return named(id, "the applied index fell");
    node.applied = applied.index;
    if (applied.index > commit()) return named(id, "applies what is not committed");
    if (may_differ_.contains(id)) return std::nullopt;
    const auto [known, fresh] = digests_.try_emplace(applied.index.value, digest);
    if (known->second != digest)
        return named(
            id, "its state at " + std::to_string(applied.index.value) + " differs from another's");
    return std::nullopt;
}

}  // namespace raftbus::sim
