#include "actors/snapshot_server.hpp"

#include <algorithm>

#include "messages/check.hpp"
#include "messages/crc32c.hpp"
#include "storage/disk.hpp"

namespace raftbus {
namespace {

using namespace std::chrono_literals;

constexpr Duration kIdleAfter = 30s;
constexpr std::size_t kWaitingMax = 1'000;
constexpr std::uint64_t kNumbers = std::uint64_t{1} << 62;

}  // namespace

SnapshotServer::SnapshotServer(Context& context, Make make, JobId make_job, JobId read_job,
                               TimerId idle_timer)
    : context_(context),
      make_(std::move(make)),
      make_job_(make_job),
      read_job_(read_job),
      idle_(context, idle_timer) {}

// A leader asks for one piece at a time for each peer; a newer question replaces the older one.
void SnapshotServer::on(const ReadSnapshot& read) {
    std::erase_if(waiting_, [&](const ReadSnapshot& old) { return old.peer == read.peer; });
    waiting_.push_back(read);
    CHECK(waiting_.size() <= kWaitingMax);
    idle_.start(kIdleAfter);
    work();
}

void SnapshotServer::work() {
    if (working_ || waiting_.empty()) return;
    working_ = true;
    if (snapshot_ && name_.last.index >= waiting_.front().at_least) return read_next();
    snapshot_.reset();  // its files go before those of the next one are made
    made_ = std::make_shared<Made>();
    context_.run_in_background(make_job_, [made = made_, make = make_()] {
        made->damage = damage_in([&] { made->snapshot = make(); });
    });
}

void SnapshotServer::read_next() {
    piece_ = std::make_shared<Piece>();
    piece_->asked = waiting_.front();
    waiting_.pop_front();
    SnapshotRead& read = piece_->read;
    read.peer = piece_->asked.peer;
    read.snapshot = name_;
    read.offset = piece_->asked.id == name_.id ? piece_->asked.offset : 0;
    context_.run_in_background(read_job_, [piece = piece_, snapshot = snapshot_] {
        SnapshotRead& read = piece->read;
        piece->damage = damage_in([&] {
            read.bytes = SharedBytes::own(snapshot->read(read.offset, piece->asked.bytes_max));
        });
        read.crc = crc32c(read.bytes.view());
    });
}

bool SnapshotServer::on_job_done(JobId job) {
    if (job != make_job_ && job != read_job_) return false;
    if (std::exchange(dropped_, false)) {
        made_.reset();
        piece_.reset();
        working_ = false;
    } else if (job == make_job_) {
        snapshot_ = std::move(made_->snapshot);
        damage_ = std::move(made_->damage);
        made_.reset();
        working_ = false;
        if (!snapshot_) {  // no room for it: whoever still needs it asks again
            waiting_.clear();
            return true;
        }
        name_ = {snapshot_->last(), context_.random(kNumbers) + 1, snapshot_->size()};
        CHECK(waiting_.empty() || name_.last.index >= waiting_.front().at_least,
              "the log is cut below what is flushed only");
    } else {
        damage_ = std::move(piece_->damage);
        if (damage_.empty())
            context_.send({context_.self().node, ActorName::replicator}, std::move(piece_->read));
        piece_.reset();
        working_ = false;
        if (!damage_.empty()) return true;
    }
    work();
    return true;
}

void SnapshotServer::drop() {
    waiting_.clear();
    snapshot_.reset();
    dropped_ = working_;
}

void SnapshotServer::on_timer(TimerId timer) {
    if (idle_.fired(timer) && !working_) snapshot_.reset();
}

}  // namespace raftbus
