// Crashes at random against a model (reliability P2, P4, P7): after every recovery the log is what
// was synced, followed by a prefix of what was being written, in the order it was gathered.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/testing/log_scene.hpp"

namespace raftbus::testing {
namespace {

struct Contents {
    HardState saved;
    std::vector<Batch> batches;

    std::uint64_t next() const { return batches.empty() ? 1 : batches.back().header.end().value; }
    Term last_term() const { return batches.empty() ? Term(0) : batches.back().header.term; }
    // As a log reports it: never of an older term than the last entry's.
    HardState hard_state() const {
        return saved.term < last_term() ? HardState{last_term(), NodeId{}} : saved;
    }
};

// What the log may hold after a crash: what was synced, and that after each record since.
class Model {
public:
    const Contents& newest() const { return possible_.back(); }

    void save(const HardState& hard_state) { next().saved = hard_state; }
    void append(const Batch& batch) { next().batches.push_back(batch); }
    void cut(LogIndex from) {
        std::vector<Batch>& batches = next().batches;
        while (!batches.empty() && batches.back().header.first >= from) batches.pop_back();
    }
    void synced() { possible_ = {newest()}; }
    // What was gathered was never written.
    void forgotten() { possible_.resize(1); }
    // True if the log may be found so, from `first` on; then that is what it holds.
    bool found(const HardState& hard_state, LogIndex first, const std::vector<Batch>& batches) {
        for (const Contents& c : possible_) {
            const auto kept = std::find_if(c.batches.begin(), c.batches.end(), [&](const Batch& b) {
                return b.header.first >= first;
            });
            if (c.hard_state() != hard_state) continue;
            if (!std::equal(kept, c.batches.end(), batches.begin(), batches.end())) continue;
            possible_ = {Contents(c)};
            return true;
        }
        return false;
    }

private:
    Contents& next() {
        possible_.push_back(newest());
        return possible_.back();
    }
    std::vector<Contents> possible_{Contents{}};
};

// Every operation of the disk takes time, and power or process may fail at any moment of it.
class CrashLoop {
public:
    explicit CrashLoop(std::uint64_t seed) : random_(seed), scene_(1024 + 8 * random_.below(200)) {
        scene_.disk.set_pace(
            [this](SimDisk::Work, std::uint64_t) { return Duration(1 + draw(100)); });
        scene_.options.keep_bytes = 2 * scene_.options.segment_bytes;
        scene_.open();
    }

    void run(int steps) {
        for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) step();
    }
    std::uint64_t interrupted() const { return interrupted_; }
    std::uint64_t failed() const { return failed_; }
    std::uint64_t cut_off() const { return cut_off_; }
    std::uint64_t recycled() const { return recycled_; }

private:
    std::uint64_t draw(std::uint64_t bound) { return random_.below(bound); }

    void step() {
        switch (draw(9)) {
            case 0:
                stage_hard_state();
                break;
            case 1:
                stage_cut();
                break;
            case 2:
            case 3:
            case 4:
                stage_batches();
                break;
            case 5:
                sync();
                break;
            case 6:
                sync();
                scene_.log->seal();
                break;
            case 7:
                compact();
                break;
            case 8:
                crash();
                break;
        }
    }

    void stage_hard_state() {
        HardState next = model_.newest().hard_state();
        next.term = Term(next.term.value + draw(2) + (next.vote ? 1 : 0));
        next.vote = NodeId(static_cast<std::uint32_t>(draw(4)));
        ASSERT_TRUE(scene_.log->stage(next));
        model_.save(next);
    }

    void stage_cut() {
        const std::vector<Batch> batches = model_.newest().batches;
        if (batches.empty() || batches.back().header.first <= scene_.log->first()) return;
        // A term that only the entries know is saved before they go. (Which older one was saved can
        // not be told from outside until then.)
        const HardState reported = model_.newest().hard_state();
        if (reported != model_.newest().saved) {
            ASSERT_TRUE(scene_.log->stage(reported));
            model_.save(reported);
        }
        const std::size_t depth = draw(std::min<std::size_t>(4, batches.size()));
        const LogIndex from = std::max(batches[batches.size() - 1 - depth].header.first,
                                       scene_.log->first());
        ASSERT_TRUE(scene_.log->stage(from, {}));
        model_.cut(from);
    }

    void stage_batches() {
        std::vector<Batch> batches;
        std::uint64_t next = model_.newest().next();
        std::uint64_t term = std::max<std::uint64_t>(1, model_.newest().last_term().value);
        for (std::uint64_t i = draw(4) + 1; i > 0; --i) {
            term += draw(10) == 0;
            const auto count = static_cast<std::uint32_t>(draw(3) + 1);
            const std::uint64_t bytes = draw(20) == 0 ? 3000 : draw(300);
            std::string body(bytes, static_cast<char>(draw(256)));
            batches.push_back(make_batch(next, term, std::move(body), count));
            next += count;
        }
        ASSERT_TRUE(scene_.log->stage(LogIndex(0), batches));
        for (const Batch& batch : batches) model_.append(batch);
    }

    void sync() {
        scene_.log->sync();
        model_.synced();
    }

    // What a flush up to some entry makes needless goes; later segments are made of it.
    void compact() {
        sync();
        const std::uint64_t flushed = scene_.log->last().index.value - draw(20) % 20;
        if (flushed > scene_.log->last().index.value) return;
        scene_.log->compact(LogIndex(flushed), draw(8) == 0);
    }

    // At some moment of a burst that makes segments, writes and syncs, one of which may fail; some
    // of the time again while it recovers.
    void crash() {
        const Moment begin = rest();
        if (draw(3) == 0) fail_some_sync();
        Moment durable = Moment::max();
        try {
            if (draw(2) == 0) stage_batches();
            scene_.log->sync();
            durable = scene_.disk.busy_until();
            if (draw(2) == 0) scene_.log->seal();
            if (draw(3) == 0) scene_.log->compact(scene_.log->last().index, draw(4) == 0);
        } catch (const DiskFailed&) {
            ++failed_;
        }
        const Moment at = moment_since(begin);
        if (at == begin) model_.forgotten();
        if (at >= durable) model_.synced();
        die(at);
        while (draw(3) == 0 && !::testing::Test::HasFailure()) recover_and_die();
        rest();
        recover();
        if (scene_.log) check();
    }

    void recover_and_die() {
        const Moment begin = rest();
        if (draw(2) == 0) fail_some_sync();
        try {
            recover();
        } catch (const DiskFailed&) {
            ++failed_;
        }
        const Moment at = moment_since(begin);
        if (scene_.log && at == scene_.disk.busy_until()) check();
        die(at);
    }

    void recover() {
        const auto opened = scene_.try_open();
        ASSERT_TRUE(opened.ok()) << opened.error().message;
    }

    void fail_some_sync() { scene_.disk.fail_sync_after(draw(3)); }

    // Lets all that was asked for end, and returns that moment.
    Moment rest() {
        scene_.disk.begin(scene_.disk.busy_until());
        return scene_.disk.busy_until();
    }

    // Often the last one.
    Moment moment_since(Moment begin) {
        const Duration burst = scene_.disk.busy_until() - begin;
        if (draw(3) == 0) return begin + burst;
        return begin + Duration(draw(static_cast<std::uint64_t>(burst.count()) + 1));
    }

    // The machine, or the process alone.
    void die(Moment at) {
        scene_.log.reset();
        interrupted_ += at < scene_.disk.busy_until();
        if (draw(4) == 0) return scene_.disk.kill(at);
        const Crash kinds[] = {Crash::keep_nothing, Crash::keep_all, Crash::keep_prefix,
                               Crash::keep_sectors, Crash::keep_sectors};
        scene_.disk.crash(at, kinds[draw(5)], random_.next());
    }

    void check() {
        const HardState hard_state = scene_.log->recovered().hard_state;
        const std::vector<Batch> batches = all_of(*scene_.log);
        const std::vector<std::string> segments = scene_.disk.list();
        cut_off_ += scene_.log->recovered().torn_bytes > 0;
        recycled_ += std::any_of(segments.begin(), segments.end(), [&](const std::string& name) {
            const auto header = decode_segment_header(scene_.disk.content(name));
            return header.ok() && *header && (*header)->recycled;
        });
        ASSERT_TRUE(model_.found(hard_state, scene_.log->first(), batches))
            << batches.size() << " batches, term " << hard_state.term.value;
    }

    Random random_;
    LogScene scene_;
    Model model_;
    std::uint64_t interrupted_ = 0;  // crashes in the middle of a burst
    std::uint64_t failed_ = 0;       // syncs
    std::uint64_t cut_off_ = 0;      // recoveries that found an unfinished write
    std::uint64_t recycled_ = 0;     // that found a recycled segment
};

TEST(LogCrash, random_crashes_lose_nothing_that_was_synced) {
    std::uint64_t interrupted = 0;
    std::uint64_t failed = 0;
    std::uint64_t cut_off = 0;
    std::uint64_t recycled = 0;
    for (std::uint64_t seed = 1; seed <= 60 && !::testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        CrashLoop loop(seed);
        loop.run(200);
        interrupted += loop.interrupted();
        failed += loop.failed();
        cut_off += loop.cut_off();
        recycled += loop.recycled();
    }
    EXPECT_GT(interrupted, 1000U) << "the loop must reach what it is for";
    EXPECT_GT(failed, 300U);
    EXPECT_GT(cut_off, 100U);
    EXPECT_GT(recycled, 100U);
}

TEST(LogCrash, after_a_failed_sync_nothing_is_tried_again) {
    LogScene scene;
    scene.open();
    scene.append({make_batch(1, 1)});
    ASSERT_TRUE(scene.log->stage(LogIndex(0), {make_batch(2, 1)}));
    scene.disk.fail_sync_after(0);
    EXPECT_THROW(scene.log->sync(), DiskFailed);
    EXPECT_EQ(scene.crash_and_open().last().index, LogIndex(1));
}

// Writes a group through several segments, lets the sync after `good` ones fail and the process
// restart, and again in the middle of its recovery `restarts` times.
void fail_and_restart(LogScene& scene, std::uint64_t good, int restarts) {
    std::vector<Batch> group;
    for (std::uint64_t i = 2; i <= 9; ++i) group.push_back(make_batch(i, 1, std::string(200, 'g')));
    ASSERT_TRUE(scene.log->stage(LogIndex(0), group));
    scene.disk.fail_sync_after(good);
    EXPECT_THROW(scene.log->sync(), DiskFailed);
    scene.disk.kill();
    for (int i = 0; i < restarts; ++i) {
        scene.disk.fail_sync_after(0);
        EXPECT_THROW(scene.open(), DiskFailed);
        scene.disk.kill();
    }
}

// After a failed sync the kernel shows what was written, calls it clean, and writes it no more:
// a later sync proves nothing about it.
TEST(LogCrash, what_a_failed_sync_left_in_the_cache_is_durable_before_it_is_reported) {
    for (std::uint64_t good = 0; good < 3; ++good)
        for (int restarts = 0; restarts < 3; ++restarts) {
            SCOPED_TRACE(std::to_string(good) + " good syncs, " + std::to_string(restarts));
            LogScene scene(1024);
            scene.open();
            scene.append({make_batch(1, 1)});
            fail_and_restart(scene, good, restarts);
            const std::vector<Batch> reported = all_of(scene.open());
            EXPECT_GT(reported.size(), 1U) << "it can be seen";
            EXPECT_EQ(all_of(scene.crash_and_open(Crash::keep_nothing)), reported);
        }
}

TEST(LogCrash, what_was_cut_off_while_syncs_failed_does_not_come_back) {
    LogScene scene;
    scene.open();
    scene.append({make_batch(1, 1)});
    scene.append({make_batch(2, 1), make_batch(3, 1), make_batch(4, 1)});
    scene.disk.crash(Crash::keep_nothing);
    scene.disk.flip_bit(segment_name(1), scene.record_offsets(1)[2] + 1, 0);
    scene.disk.fail_sync_after(0);
    EXPECT_THROW(scene.open(), DiskFailed) << "3 is torn: cuts 3 and 4 off";
    scene.disk.kill();
    scene.open();
    scene.append({make_batch(3, 1, "BODY")});
    const std::vector<Batch> written = all_of(*scene.log);
    EXPECT_EQ(written.size(), 3U);
    EXPECT_EQ(all_of(scene.crash_and_open()), written) << "the 4 of before followed the old 3";
}

// The same, when what was cut off had begun a segment.
TEST(LogCrash, what_was_begun_while_syncs_failed_does_not_come_back) {
    const auto batch = [](std::uint64_t i, char c) {
        return make_batch(i, 1, std::string(200, c));
    };
    LogScene scene(1024);
    scene.open();
    scene.append({batch(1, 'a'), batch(2, 'a'), batch(3, 'a'), batch(4, 'b'), batch(5, 'b')});
    ASSERT_GT(scene.record_offsets(2).size(), 2U);
    scene.disk.crash(Crash::keep_nothing);
    scene.disk.flip_bit(segment_name(2), 3, 0);
    scene.disk.fail_sync_after(0);
    EXPECT_THROW(scene.open(), DiskFailed) << "the header of segment 2 is torn";
    scene.disk.kill();
    const std::uint64_t last = scene.open().last().index.value;
    scene.append({batch(last + 1, 'c')});
    const std::vector<Batch> written = all_of(*scene.log);
    EXPECT_EQ(all_of(scene.crash_and_open()), written);
}

TEST(LogCrash, segments_made_ahead_wait_behind_the_end) {
    LogScene scene(1024);
    scene.open();
    std::vector<Batch> batches;
    for (std::uint64_t i = 1; i <= 12; ++i)
        batches.push_back(make_batch(i, 1, std::string(200, 'w')));
    ASSERT_TRUE(scene.log->stage(LogIndex(0), batches));
    const std::size_t files = scene.disk.list().size();
    ASSERT_GT(files, 2U) << "made when staged";
    EXPECT_EQ(scene.crash_and_open().last(), EntryId{});
    scene.disk.set_room(0);
    scene.append(batches);
    EXPECT_EQ(all_of(scene.crash_and_open()), batches);
    EXPECT_EQ(scene.disk.list().size(), files);
}

}  // namespace
}  // namespace raftbus::testing
