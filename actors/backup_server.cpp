#include "actors/backup_server.hpp"

#include <utility>

#include "messages/check.hpp"
#include "messages/crc32c.hpp"
#include "storage/disk.hpp"

namespace raftbus {
namespace {

using namespace std::chrono_literals;

constexpr Duration kDroppedAfter = 30s;
// A reader that has been silent for so long makes room for another one.
constexpr Duration kAbandonedAfter = 5s;
constexpr std::uint64_t kNumbers = (std::uint64_t{1} << 53) - 1;  // clients send it back

}  // namespace

BackupServer::BackupServer(Context& context, Make make, JobId make_job, JobId read_job,
                           TimerId idle_timer)
    : context_(context),
      make_(std::move(make)),
      make_job_(make_job),
      read_job_(read_job),
      idle_(context, idle_timer) {}

void BackupServer::on(const ReadBackup& read, const Envelope& envelope) {
    if (!read.backup) return begin({envelope, read});
    if (!snapshot_ || read.backup != head_.snapshot.id)
        return answer({envelope, read}, NoBackup{BackupFault::gone});
    asked_at_ = context_.now();
    idle_.start(kDroppedAfter);
    waiting_.push_back({envelope, read});
    read_next();
}

// A reader that asks again, since it was not answered in time, takes its own place: unless what it
// gets is settled already, for it might be another one, who must find what is applied by now.
void BackupServer::begin(Asked asked) {
    if (covered_ || in_use()) return answer(asked, NoBackup{BackupFault::busy});
    if (asked_) answer(*asked_, NoBackup{BackupFault::busy});
    snapshot_.reset();  // its files go before those of the next one are made
    asked_ = std::move(asked);
}

bool BackupServer::in_use() const {
    return snapshot_ && !read_to_its_end_ && context_.now() - asked_at_ < kAbandonedAfter;
}

void BackupServer::flushing(std::uint64_t digest, WallTime clock) {
    if (wants_flush()) covered_ = Covered{digest, clock};
}

void BackupServer::flushed() {
    if (!covered_ || making_) return;
    making_ = true;
    made_ = std::make_shared<Made>();
    context_.run_in_background(make_job_, [made = made_, make = make_()] {
        made->damage = damage_in([&] { made->snapshot = make(); });
    });
}

void BackupServer::flush_lost() {
    if (!making_) covered_.reset();
}

void BackupServer::drop() {
    flush_lost();
    snapshot_.reset();
    dropped_ = making_ || reading_;
    if (!reading_) read_next();  // whoever waits is told
}

void BackupServer::read_next() {
    if (reading_) return;
    while (!reading_ && !waiting_.empty()) {
        Asked asked = std::move(waiting_.front());
        waiting_.pop_front();
        const bool here = asked.read.backup == 0 || asked.read.backup == head_.snapshot.id;
        if (snapshot_ && here)
            reading_ = std::make_shared<Reading>(Reading{std::move(asked), head_});
        else
            answer(asked, NoBackup{BackupFault::gone});
    }
    if (!reading_) return;
    BackupPiece& piece = reading_->piece;
    piece.offset = std::min(reading_->asked.read.offset, head_.snapshot.size);
    context_.run_in_background(read_job_, [reading = reading_, snapshot = snapshot_] {
        BackupPiece& piece = reading->piece;
        reading->damage = damage_in([&] {
            piece.bytes =
                SharedBytes::own(snapshot->read(piece.offset, reading->asked.read.bytes_max));
        });
        piece.crc = crc32c(piece.bytes.view());
    });
}

bool BackupServer::on_job_done(JobId job) {
    if (job == make_job_) {
        CHECK(making_ && asked_ && covered_, "a backup is made for somebody");
        making_ = false;
        const auto made = std::exchange(made_, nullptr);
        const bool dropped = std::exchange(dropped_, false);
        if (!dropped) snapshot_ = std::move(made->snapshot);
        damage_ = std::move(made->damage);
        if (!snapshot_) {
            covered_.reset();
            answer(*std::exchange(asked_, std::nullopt),
                   NoBackup{damage_.empty() && !dropped ? BackupFault::no_room
                                                        : BackupFault::damaged});
            return true;
        }
        head_ = BackupPiece{};
        head_.snapshot = {snapshot_->last(), context_.random(kNumbers) + 1, snapshot_->size()};
        head_.digest = covered_->digest;
        head_.clock = covered_->clock;
        covered_.reset();
        read_to_its_end_ = false;
        asked_at_ = context_.now();
        idle_.start(kDroppedAfter);
        waiting_.push_front(std::move(*std::exchange(asked_, std::nullopt)));
        read_next();
        return true;
    }
    if (job != read_job_) return false;
    const auto reading = std::exchange(reading_, nullptr);
    BackupPiece& piece = reading->piece;
    damage_ = std::move(reading->damage);
    if (std::exchange(dropped_, false) || !damage_.empty()) {
        snapshot_.reset();
        answer(reading->asked, NoBackup{BackupFault::damaged});
        read_next();
        return true;
    }
    if (piece.snapshot.id == head_.snapshot.id &&
        piece.offset + piece.bytes.size() == piece.snapshot.size)
        read_to_its_end_ = true;
    answer(reading->asked, std::move(piece));
    read_next();
    return true;
}

void BackupServer::on_timer(TimerId timer) {
    if (idle_.fired(timer)) snapshot_.reset();
}

void BackupServer::answer(const Asked& asked, std::variant<BackupPiece, NoBackup> outcome) {
    context_.answering(asked.envelope);
    context_.send(asked.envelope.from, BackupRead{asked.read.ask, std::move(outcome)});
}

}  // namespace raftbus
