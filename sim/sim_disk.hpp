// sim_disk: the disk of a simulated node. It takes virtual time, and loses what real ones lose.
//
// Owns: the files and their names, the room, and the operations that are not over yet.
// Must not know: what the files hold, who asks. Has no clock and no randomness of its own: the
// moments are told, and a crash is drawn from the seed that it is given.
//
// Whoever uses the disk sees every operation done as soon as it is asked for, so a whole burst runs
// at one moment. In virtual time the operations follow one another, the first from the moment of
// begin() on, and until busy_until() the burst is still under way. A crash in the middle takes back
// what would have begun later. So a DiskFailed that is thrown, too, is felt at busy_until() only.
//
// Names are durable once they are seen: a Disk makes those it finds so before it is used.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "messages/types.hpp"
#include "sim/sim_file.hpp"
#include "storage/disk.hpp"

namespace raftbus::sim {

class SimDisk : public Disk {
public:
    enum class Work : std::uint8_t { write, sync, create, replace, remove, read };
    // How long an operation takes, >= 0. `bytes` are those that it moves: of a sync, what is not
    // durable yet when it is asked for; of a remove, the file's.
    using Pace = std::function<Duration(Work, std::uint64_t bytes)>;

    SimDisk() = default;
    SimDisk(const SimDisk&) = delete;
    SimDisk& operator=(const SimDisk&) = delete;

    std::vector<std::string> list() override;
    std::unique_ptr<DiskFile> open(const std::string& name) override;
    std::unique_ptr<DiskFile> create_file(const std::string& name, std::uint64_t bytes) override;
    void prepare_file(std::uint64_t, Blocks) override {}
    bool replace(const std::string& name, std::string_view content) override;
    void remove(const std::string& name) override;
    void recycle(const std::string& name) override;
    bool has_surplus() override { return recycled_.size() > 1; }
    void trim() override;
    bool hold_reserve() override {
        reserve_held_ = reserve_held_ || room_ > 0;
        return reserve_held_;
    }
    bool release_reserve(bool = false) override { return std::exchange(reserve_held_, false); }

    // What is asked for from now on begins at `now`, or when what was asked for before is over.
    // Moments never go back (CHECKed), here and below.
    void begin(Moment now);
    // When all that was asked for is over; never before the moment of begin().
    Moment busy_until() const { return busy_until_; }
    // Called once for each operation, in order. Without one nothing takes time. What is refused for
    // lack of room takes none.
    void set_pace(Pace pace) { pace_ = std::move(pace); }

    // The machine loses power at `at` and comes back. What had begun by then is kept as `what`
    // says; a create, replace or remove that was under way has happened or not. Files that are open
    // stay dead: they throw DiskFailed.
    void crash(Moment at, Crash what, std::uint64_t seed);
    // The process alone dies at `at`: its writes up to then can still be read, and are no more
    // durable than they were. Of a write that was under way the beginning has happened, as much as
    // time allowed; a create, replace or remove if at least half of its time was over.
    void kill(Moment at);
    // The same when all that was asked for is over.
    void crash(Crash what, std::uint64_t seed = 0) { crash(busy_until_, what, seed); }
    void kill() { kill(busy_until_); }

    // New files may take `bytes` more; what is there already may be written as before.
    void set_room(std::uint64_t bytes) {
        room_ = bytes;
        taken_ = false;
    }
    // There is no room, and somebody else takes what is freed, until set_room.
    void fill_up() {
        room_ = 0;
        taken_ = true;
    }
    // There is room for a flush of the state: on the disk, or the reserve, which is gone then.
    bool room_for_flush() { return room_ > 0 || release_reserve(); }
    // Lets `good` more syncs succeed; the next one throws DiskFailed, and so does everything after
    // it until the process dies. For what that does to the file see SimFile::fail_sync.
    void fail_sync_after(std::uint64_t good) { good_syncs_ = good; }

    // A sync has failed, and the process has not died of it yet.
    bool failed() const { return failed_; }

    // A file as a reader sees it now, durable or not.
    const std::string& content(const std::string& name) const;
    // What no power loss takes from it, as of the last begin(), crash or kill.
    const std::string& durable(const std::string& name) const;
    // Changes a file behind the back of those who wrote it, durably.
    void overwrite(const std::string& name, std::uint64_t offset, std::string_view bytes);
    void flip_bit(const std::string& name, std::uint64_t offset, int bit);
    // The same; nothing is under way (CHECKed).
    void resize(const std::string& name, std::uint64_t bytes);
    void rename(const std::string& from, const std::string& to);

    std::uint64_t syncs() const { return syncs_; }

private:
    class OpenFile;
    // One that takes time, and what it takes to end it or to take it back.
    struct Operation {
        Work work = Work::read;
        std::shared_ptr<SimFile> file;  // write, sync
        std::uint64_t number = 0;       // write: its own; sync: above that of all writes before it
        bool fails = false;             // sync
        std::string name;               // create, replace, remove
        std::shared_ptr<SimFile> before;  // the same: what had that name; null: nothing
        Moment begin;
        Moment end;
    };

    void check_healthy() const;
    void perform(Operation operation, std::uint64_t bytes);
    void settle(Moment by);
    void stop(Moment at, Random* random);
    void take_back(const Operation& operation);
    void interrupt(const Operation& operation, Moment at, Random* random);
    std::shared_ptr<SimFile> put(const std::string& name, std::shared_ptr<SimFile> file);
    void add(Work work, const std::string& name, std::string content);
    SimFile& file(const std::string& name) const;

    std::map<std::string, std::shared_ptr<SimFile>> files_;
    std::vector<std::shared_ptr<SimFile>> recycled_;  // in this life; they take no room
    std::uint64_t room_ = UINT64_MAX;
    bool taken_ = false;
    bool reserve_held_ = true;
    std::uint64_t next_write_ = 1;
    std::uint64_t life_ = 0;  // counts crashes and kills
    std::uint64_t syncs_ = 0;
    std::uint64_t good_syncs_ = UINT64_MAX;  // until one fails
    bool failed_ = false;                    // one failed in this life

    Pace pace_;
    Moment now_;                      // of the last begin(), crash or kill
    Moment busy_until_;               // >= now_
    std::vector<Operation> journal_;  // those that end after now_, in order
};

}  // namespace raftbus::sim
