#include "actors/replica_log.hpp"

#include <algorithm>
#include <limits>

namespace raftbus {
namespace {

constexpr Duration kMakeRoomEvery = std::chrono::seconds(1);

Configuration decoded(const SharedBytes& body) {
    Result<Configuration> configuration = decode_configuration(body.view());
    CHECK(configuration.ok(), "leaders make configurations, and checksums guard them");
    return std::move(*configuration);
}

Configurations found_at_start(const RaftOptions& options, const RecoveredLog& recovered,
                              const StoredConfiguration& configured) {
    Configurations found({{}, configuration_of(options.members)});
    if (configured.index) found = Configurations({configured.index, decoded(configured.body)});
    for (const StoredConfiguration& stored : recovered.configurations)
        if (stored.index > configured.index) found.append(stored.index, decoded(stored.body));
    return found;
}

}  // namespace

ReplicaLog::ReplicaLog(Context& context, const RaftOptions& options, const RecoveredLog& recovered,
                       LogIndex applied, WallTime clock, const StoredConfiguration& configured)
    : context_(context),
      options_(options),
      tail_(recovered),
      configurations_(found_at_start(options, recovered, configured)),
      unsent_from_(recovered.last.index.next()),
      commit_(applied),
      clock_(clock),
      newest_time_(std::max(recovered.newest_time, clock)),
      handed_(applied) {
    CHECK(applied <= recovered.last.index, "the state is never ahead of the log");
}

LogIndex ReplicaLog::durable() const {
    return std::min(mark_.durable(last().index), unsent_from_.previous());
}

bool ReplicaLog::storage_answers(Duration limit) const {
    const auto since = mark_.waiting_since();
    return !since || context_.now() - *since <= limit;
}

void ReplicaLog::append(Batch batch) {
    uncommitted_.add(batch.header.last(), batch.bytes());
    if (batch.header.kind == BatchKind::config)
        configurations_.append(batch.header.first, decoded(batch.body));
    newest_time_ = std::max(newest_time_, batch.header.time);
    tail_.append(std::move(batch));
}

// A cut is a request of its own, so that it happens even if there is no room for what replaces the
// suffix.
void ReplicaLog::cut_from(LogIndex index) {
    CHECK(index > commit_, "what is committed stays");
    flush();
    tail_.cut_from(index);
    configurations_.cut_from(index);
    uncommitted_.cut_from(index);
    newest_time_ = std::max(clock_, tail_.last_time().value_or(WallTime()));
    if (index >= unsent_from_) return;  // storage never had it
    unsent_from_ = index;
    const StorageRequest request = next_request();
    mark_.asked(request, index, context_.now());
    send_to_storage(Append{request, index, {}});
}

void ReplicaLog::flush() {
    if (unsent_from_ <= last().index && !out_of_space_) send_unsent();
}

void ReplicaLog::send_unsent() {
    const StorageRequest request = next_request();
    mark_.asked(request, unsent_from_, context_.now());
    constexpr auto kAll = std::numeric_limits<std::uint64_t>::max();
    send_to_storage(Append{request, {}, tail_.batches_from(unsent_from_, kAll)});
    unsent_from_ = last().index.next();
}

void ReplicaLog::on(const Appended& done) {
    mark_.acknowledged(done.request);
    maybe_has_space();
}

void ReplicaLog::on(const AppendRefused& refused) {
    const auto from = mark_.refused(refused.request);
    if (!from) return;
    unsent_from_ = std::min(unsent_from_, *from);
    if (std::exchange(out_of_space_, true)) return;
    context_.log(LogLevel::error,
                 "no room on the disk for the log: writes are refused until there is some");
    make_room();
}

// What is flushed can be cut. What was not applied yet when this was asked first may be later.
void ReplicaLog::make_room() {
    asked_for_room_ = context_.now();
    context_.send({context_.self().node, ActorName::state_machine}, TakeSnapshot{});
}

// Only when no request is under way: those that were made before the refusal was known are refused
// too, and each of them says so.
void ReplicaLog::retry_after_refusal() {
    if (!out_of_space_) return;
    if (context_.now() - asked_for_room_ >= kMakeRoomEvery) make_room();
    if (!mark_.idle()) return;
    if (unsent_from_ <= last().index)
        send_unsent();
    else
        maybe_has_space();
}

// There is room again only once everything that there was none for is written.
void ReplicaLog::maybe_has_space() {
    if (!out_of_space_ || !mark_.idle() || unsent_from_ <= last().index) return;
    out_of_space_ = false;
    context_.log(LogLevel::info, "there is room on the disk for the log again");
}

void ReplicaLog::commit_to(LogIndex index) {
    CHECK(index <= last().index, "only what is in the log can be committed");
    commit_ = std::max(commit_, index);
    uncommitted_.release_to(commit_);
}

void ReplicaLog::feed_state_machine() {
    if (installing_) return;
    const LogIndex limit = std::min(commit_, durable());
    // What a damaged state has not applied, a sound one will read from the disk.
    if (state_wanted_) return tail_.evict(options_.tail_bytes_max, limit);
    while (handed_ < limit && applying_.bytes() < options_.apply_bytes_max && !reading_) {
        auto batches = tail_.batches_from(handed_.next(), options_.append_bytes_max);
        if (batches.empty()) {
            reading_ = next_request();
            send_to_storage(ReadLog{*reading_, handed_.next(), options_.append_bytes_max});
        } else {
            hand_over(std::move(batches), limit);
        }
    }
    tail_.evict(options_.tail_bytes_max, std::min(handed_, limit));
}

void ReplicaLog::hand_over(std::vector<Batch> batches, LogIndex limit) {
    while (!batches.empty() && batches.back().header.last() > limit) batches.pop_back();
    CHECK(!batches.empty(), "commit and durable mark stand at batches' edges");
    CHECK(batches.front().header.first == handed_.next(), "the state machine is fed without gaps");
    std::uint64_t bytes = 0;
    for (const Batch& batch : batches) bytes += batch.bytes();
    handed_ = batches.back().header.last();
    applying_.add(handed_, bytes);
    context_.send({context_.self().node, ActorName::state_machine}, Apply{std::move(batches)});
}

void ReplicaLog::on(const Applied& applied) {
    applying_.release_to(applied.index);
    clock_ = std::max(clock_, applied.clock);
    newest_time_ = std::max(newest_time_, clock_);
    due_ = applied.due;
    state_ = {applied.index, applied.digest};
}

bool ReplicaLog::on(const LogRead& read) {
    if (reading_ != read.request) return false;
    reading_.reset();
    if (installing_ || state_wanted_) return true;
    CHECK(!read.batches.empty(), "committed entries that are not applied stay in the log");
    hand_over(read.batches, std::min(commit_, durable()));
    return true;
}

StorageRequest ReplicaLog::read_for_peer(LogIndex from, std::uint64_t bytes_max) {
    const StorageRequest request = next_request();
    send_to_storage(ReadLog{request, from, bytes_max});
    return request;
}

// ---- compaction and snapshots

void ReplicaLog::on(const Flushed& flushed) {
    send_to_storage(Compact{flushed.index, flushed.ask});
}

void ReplicaLog::on(const Compacted& compacted) {
    tail_.disk_begins_after(compacted.before_first);
}

void ReplicaLog::install(const SnapshotName& snapshot) {
    CHECK(!installing_ && needs_snapshot(snapshot.last.index), "a snapshot only ever takes forward");
    installing_ = snapshot;
    context_.send({context_.self().node, ActorName::state_machine}, InstallState{snapshot});
}

void ReplicaLog::on(const StateInstalled& installed) {
    CHECK(installing_ == installed.snapshot, "one at a time");
    installing_.reset();
    if (!installed.installed) return;
    reading_.reset();
    applying_.clear();
    state_wanted_ = LogIndex();
    const EntryId last = installed.snapshot.last;
    if (last.index <= commit_ || tail_.term_at(last.index) == last.term) {
        // A damaged state may have been handed more than it applied. The log reaches back to what was
        // flushed, so it holds what follows.
        handed_ = last.index;
    } else {
        restart_after(last);
        // Raft §7: the snapshot's configuration is in force, and none that stood in the log.
        if (installed.configured)
            configurations_ =
                Configurations({installed.configured, decoded(installed.configuration)});
        else
            configurations_.cut_from(LogIndex(1));
    }
}

// Raft §7: a log that does not hold the snapshot's last entry holds nothing that is worth keeping.
void ReplicaLog::restart_after(EntryId entry) {
    tail_.restart_after(entry);
    uncommitted_.clear();
    newest_time_ = clock_;
    commit_ = handed_ = entry.index;
    unsent_from_ = entry.index.next();
    const StorageRequest request = next_request();
    mark_.asked(request, unsent_from_, context_.now());
    send_to_storage(RestartLog{request, entry});
}

void ReplicaLog::send_to_storage(AnyMessage message) {
    context_.send({context_.self().node, ActorName::storage}, std::move(message));
}

}  // namespace raftbus
