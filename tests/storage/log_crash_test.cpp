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
    // True if the log may be found so; then that is what it holds.
    bool found(const HardState& hard_state, const std::vector<Batch>& batches) {
        for (const Contents& c : possible_) {
            if (c.hard_state() != hard_state || c.batches != batches) continue;
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

class CrashLoop {
public:
    explicit CrashLoop(std::uint64_t seed) : seed_(seed), scene_(1024 + 8 * draw(seed_, 200)) {
        scene_.open();
    }

    void run(int steps) {
        for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) step();
    }
    std::uint64_t torn() const { return torn_; }
    std::uint64_t cut_off() const { return cut_off_; }

private:
    void step() {
        switch (draw(seed_, 8)) {
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
                seal();
                break;
            case 7:
                crash();
                break;
        }
    }

    void stage_hard_state() {
        HardState next = model_.newest().hard_state();
        next.term = Term(next.term.value + draw(seed_, 2) + (next.vote ? 1 : 0));
        next.vote = NodeId(static_cast<std::uint32_t>(draw(seed_, 4)));
        ASSERT_TRUE(scene_.log->stage(next));
        model_.save(next);
    }

    void stage_cut() {
        const auto& batches = model_.newest().batches;
        if (batches.empty()) return;
        const std::size_t depth = draw(seed_, std::min<std::size_t>(4, batches.size()));
        const LogIndex from = batches[batches.size() - 1 - depth].header.first;
        ASSERT_TRUE(scene_.log->stage(from, {}));
        model_.cut(from);
    }

    void stage_batches() {
        std::vector<Batch> batches;
        std::uint64_t next = model_.newest().next();
        std::uint64_t term = std::max<std::uint64_t>(1, model_.newest().last_term().value);
        for (std::uint64_t i = draw(seed_, 4) + 1; i > 0; --i) {
            term += draw(seed_, 10) == 0;
            const auto count = static_cast<std::uint32_t>(draw(seed_, 3) + 1);
            const std::uint64_t bytes = draw(seed_, 20) == 0 ? 3000 : draw(seed_, 300);
            std::string body(bytes, static_cast<char>(draw(seed_, 256)));
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

    void seal() {
        sync();
        scene_.log->seal();
    }

    // Half of the time in the middle of a sync, some of the time again while it recovers.
    void crash() {
        if (draw(seed_, 2) == 0)
            sync_until_failure(draw(seed_, 3));
        else
            model_.forgotten();
        die();
        while (draw(seed_, 3) == 0) {
            scene_.disk.fail_sync_after(draw(seed_, 2));
            try {
                if (scene_.try_open().ok()) check();
            } catch (const DiskFailed&) {
            }
            die();
        }
        const auto opened = scene_.try_open();
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        check();
    }

    void sync_until_failure(std::uint64_t good_syncs) {
        scene_.disk.fail_sync_after(good_syncs);
        try {
            sync();
        } catch (const DiskFailed&) {
            ++torn_;
        }
    }

    // Or the process alone dies.
    void die() {
        scene_.log.reset();
        if (draw(seed_, 4) == 0) return scene_.disk.kill();
        const Crash kinds[] = {Crash::keep_nothing, Crash::keep_all, Crash::keep_prefix,
                               Crash::keep_sectors, Crash::keep_sectors};
        scene_.disk.crash(kinds[draw(seed_, 5)], draw(seed_, ~0ULL));
    }

    void check() {
        const HardState hard_state = scene_.log->recovered().hard_state;
        const std::vector<Batch> batches = all_of(*scene_.log);
        cut_off_ += scene_.log->recovered().torn_bytes > 0;
        ASSERT_TRUE(model_.found(hard_state, batches))
            << batches.size() << " batches, term " << hard_state.term.value;
    }

    std::uint64_t seed_;
    LogScene scene_;
    Model model_;
    std::uint64_t torn_ = 0;     // syncs that failed half way
    std::uint64_t cut_off_ = 0;  // recoveries that found an unfinished write
};

TEST(LogCrash, random_crashes_lose_nothing_that_was_synced) {
    std::uint64_t torn = 0;
    std::uint64_t cut_off = 0;
    for (std::uint64_t seed = 1; seed <= 150 && !::testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        CrashLoop loop(seed);
        loop.run(200);
        torn += loop.torn();
        cut_off += loop.cut_off();
    }
    EXPECT_GT(torn, 100U) << "the loop must reach what it is for";
    EXPECT_GT(cut_off, 100U);
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
