#include <gtest/gtest.h>

#include <algorithm>

#include "actors/storage.hpp"
#include "tests/testing/fake_context.hpp"
#include "tests/testing/log_scene.hpp"

namespace raftbus::testing {
namespace {

using namespace std::chrono_literals;

constexpr NodeId kNode{1};

class StorageActorTest : public ::testing::Test {
protected:
    static Envelope from(ActorName actor) {
        Envelope envelope;
        envelope.from = {kNode, actor};
        envelope.to = {kNode, ActorName::storage};
        return envelope;
    }
    void tell(const AnyMessage& message, ActorName sender = ActorName::replicator) {
        ASSERT_TRUE(storage.receive(from(sender), message));
    }
    void append(std::uint64_t request, std::vector<Batch> batches, std::uint64_t cut_from = 0) {
        tell(Append{StorageRequest(request), LogIndex(cut_from), std::move(batches)});
    }
    // The disk has room for nothing new, and the log is full.
    void fill_up() {
        scene.disk.set_room(0);
        std::uint64_t next = scene.log->last().index.value;
        while (scene.log->stage(LogIndex(0), {make_batch(++next, 1, std::string(100, 'f'))}))
            scene.log->sync();
    }
    std::uint64_t last() const { return scene.log->last().index.value; }

    template <class M>
    std::vector<std::uint64_t> requests_of() {
        std::vector<std::uint64_t> requests;
        for (const M& m : context.take<M>()) requests.push_back(m.request.value);
        return requests;
    }
    using Requests = std::vector<std::uint64_t>;

    LogScene scene;
    FakeContext context{{kNode, ActorName::storage}};
    Storage storage{context, scene.open()};
};

TEST_F(StorageActorTest, answers_only_what_is_durable_with_one_sync_for_the_burst) {
    const std::uint64_t syncs = scene.disk.syncs();
    append(1, {make_batch(1, 1)});
    tell(SaveHardState{StorageRequest(7), Term(2), NodeId(3)}, ActorName::election);
    append(2, {make_batch(2, 2), make_batch(3, 2)});
    EXPECT_TRUE(context.sent.empty());
    EXPECT_EQ(scene.disk.syncs(), syncs);
    storage.on_drained();
    EXPECT_EQ(scene.disk.syncs(), syncs + 1);
    ASSERT_EQ(context.sent.size(), 3U);
    EXPECT_EQ(context.sent[0].message, AnyMessage(Appended{StorageRequest(1)}));
    EXPECT_EQ(context.sent[1].message, AnyMessage(HardStateSaved{StorageRequest(7)}));
    EXPECT_EQ(context.sent[1].to.actor, ActorName::election);
    EXPECT_EQ(context.sent[2].message, AnyMessage(Appended{StorageRequest(2)}));
    EXPECT_EQ(context.sent[2].to.actor, ActorName::replicator);
    EXPECT_EQ(scene.crash_and_open().last().index, LogIndex(3));
}

TEST_F(StorageActorTest, a_failed_sync_answers_nothing) {
    append(1, {make_batch(1, 1)});
    scene.disk.fail_sync_after(0);
    EXPECT_THROW(storage.on_drained(), DiskFailed);
    EXPECT_TRUE(context.sent.empty());
}

TEST_F(StorageActorTest, reads_see_what_was_appended_before_them) {
    append(1, {make_batch(1, 1), make_batch(2, 1)});
    tell(ReadLog{StorageRequest(2), LogIndex(2), 1000}, ActorName::gateway);
    tell(ReadLog{StorageRequest(3), LogIndex(9), 1000}, ActorName::gateway);
    storage.on_drained();
    const auto reads = context.take<LogRead>();
    ASSERT_EQ(reads.size(), 2U);
    EXPECT_EQ(reads[0], (LogRead{StorageRequest(2), LogIndex(1), LogIndex(2), {make_batch(2, 1)}}));
    EXPECT_EQ(reads[1], (LogRead{StorageRequest(3), LogIndex(1), LogIndex(2), {}}));
}

TEST_F(StorageActorTest, a_cut_and_what_replaces_it) {
    append(1, {make_batch(1, 1), make_batch(2, 1)});
    append(2, {}, 2);
    append(3, {make_batch(2, 3)}, 2);
    append(4, {});
    storage.on_drained();
    EXPECT_EQ(requests_of<Appended>(), (Requests{1, 2, 3, 4}));
    EXPECT_EQ(scene.crash_and_open().last(), (EntryId{LogIndex(2), Term(3)}));
}

TEST_F(StorageActorTest, without_room_an_append_and_all_that_builds_on_it_is_refused) {
    fill_up();
    const std::uint64_t end = last();
    append(1, {make_batch(end + 1, 1)});
    append(2, {make_batch(end + 2, 1)});
    scene.disk.set_room(1 << 20);
    append(3, {make_batch(end + 3, 1)});
    storage.on_drained();
    EXPECT_EQ(requests_of<AppendRefused>(), (Requests{1, 2, 3}));
    append(4, {make_batch(end + 1, 1), make_batch(end + 2, 1)});
    append(5, {make_batch(end + 3, 1)});
    storage.on_drained();
    EXPECT_EQ(requests_of<Appended>(), (Requests{4, 5}));
    EXPECT_EQ(scene.crash_and_open().last().index.value, end + 3);
}

TEST_F(StorageActorTest, what_builds_on_a_refused_cut_is_not_put_on_the_old_entries) {
    fill_up();
    const std::uint64_t end = last();
    const std::string large(1000, 'n');
    append(1, {make_batch(end - 1, 9, large), make_batch(end, 9, large)}, end - 1);
    scene.disk.set_room(1 << 20);
    append(2, {make_batch(end + 1, 9)});  // follows the new `end`, not the one on disk
    append(3, {make_batch(end, 10)}, end);
    storage.on_drained();
    EXPECT_EQ(requests_of<AppendRefused>(), (Requests{1, 2, 3}));
    EXPECT_EQ(scene.log->last(), (EntryId{LogIndex(end), Term(1)}));
    // The replicator goes on where the refused request began. The cut is understood.
    append(4, {make_batch(end - 1, 9), make_batch(end, 10)});
    storage.on_drained();
    EXPECT_EQ(requests_of<Appended>(), (Requests{4}));
    EXPECT_EQ(scene.crash_and_open().last(), (EntryId{LogIndex(end), Term(10)}));
}

TEST_F(StorageActorTest, a_request_that_begins_before_a_refused_one_ends_the_refusal) {
    fill_up();
    const std::uint64_t end = last();
    append(1, {make_batch(end + 1, 1)});
    append(2, {}, end);
    append(3, {make_batch(end, 2)});
    scene.disk.set_room(1 << 20);
    append(4, {make_batch(end, 2)});
    storage.on_drained();
    EXPECT_EQ(requests_of<AppendRefused>(), (Requests{1, 3}));
    EXPECT_EQ(requests_of<Appended>(), (Requests{2, 4}));
    EXPECT_EQ(scene.crash_and_open().last(), (EntryId{LogIndex(end), Term(2)}));
}

TEST_F(StorageActorTest, a_hard_state_without_room_is_answered_when_there_is_some) {
    fill_up();
    std::uint64_t term = 2;
    while (scene.log->stage(HardState{Term(term), NodeId(1)})) ++term;
    scene.log->sync();
    tell(SaveHardState{StorageRequest(1), Term(term), NodeId(1)}, ActorName::election);
    tell(SaveHardState{StorageRequest(2), Term(term + 1), NodeId(2)}, ActorName::election);
    storage.on_drained();
    context.run(storage, 1s);
    EXPECT_TRUE(requests_of<HardStateSaved>().empty());
    EXPECT_EQ(std::count_if(context.logged.begin(), context.logged.end(),
                            [](const auto& l) { return l.find("term and vote") != l.npos; }),
              1);
    scene.disk.set_room(1 << 20);
    context.run(storage, 1s);
    EXPECT_EQ(requests_of<HardStateSaved>(), (Requests{1, 2}));
    EXPECT_EQ(scene.crash_and_open().recovered().hard_state,
              (HardState{Term(term + 1), NodeId(2)}));
}

TEST_F(StorageActorTest, seals_the_log_when_it_has_been_idle_for_a_while) {
    const auto last_kind = [this] {
        const auto offsets = scene.record_offsets(1);
        const std::uint64_t at = offsets[offsets.size() - 2];
        const std::string_view bytes = scene.disk.content(segment_name(1));
        return parse_record(bytes.substr(at), scene.id(1), at)->kind;
    };
    append(1, {make_batch(1, 1)});
    storage.on_drained();
    for (std::uint64_t i = 2; i < 10; ++i) {
        context.run(storage, 5ms);
        EXPECT_EQ(last_kind(), RecordKind::batch) << "not while it is busy";
        append(i, {make_batch(i, 1)});
        storage.on_drained();
    }
    const std::uint64_t syncs = scene.disk.syncs();
    context.run(storage, 30ms);
    EXPECT_EQ(last_kind(), RecordKind::seal);
    EXPECT_EQ(scene.disk.syncs(), syncs);
    EXPECT_TRUE(context.timers.empty()) << "an idle log keeps nobody awake";
}

TEST_F(StorageActorTest, gives_back_what_it_kept_of_dropped_segments_when_it_is_idle) {
    scene.options.segment_bytes = 1024;
    scene.options.keep_bytes = 0;
    scene.disk.remove(segment_name(1));
    Storage small(context, scene.open());
    const auto write = [&](std::uint64_t request) {
        small.receive(from(ActorName::replicator),
                      Append{StorageRequest(request), LogIndex(0),
                             {make_batch(last() + 1, 1, std::string(300, 's'))}});
        small.on_drained();
    };
    for (std::uint64_t i = 1; i <= 20; ++i) write(i);
    small.receive(from(ActorName::replicator), Compact{LogIndex(last()), 0});
    small.on_drained();
    EXPECT_TRUE(scene.disk.has_surplus());
    context.run(small, 1s);
    write(21);
    context.run(small, 1900ms);
    EXPECT_TRUE(scene.disk.has_surplus()) << "two seconds after the last write";
    context.run(small, 1s);
    EXPECT_FALSE(scene.disk.has_surplus());
    EXPECT_TRUE(context.timers.empty()) << "an idle log keeps nobody awake";
}

TEST_F(StorageActorTest, takes_no_other_messages) {
    EXPECT_FALSE(storage.receive(from(ActorName::gateway), AskReport{}));
}

TEST_F(StorageActorTest, a_restart_of_the_log_waits_for_room_and_appends_wait_behind_it) {
    append(1, {make_batch(1, 1)});
    storage.on_drained();
    EXPECT_EQ(requests_of<Appended>(), Requests{1});
    scene.disk.set_room(0);
    tell(RestartLog{StorageRequest(2), {LogIndex(50), Term(3)}});
    append(3, {make_batch(51, 3)});
    storage.on_drained();
    EXPECT_EQ(requests_of<Appended>(), Requests{});
    EXPECT_EQ(requests_of<AppendRefused>(), Requests{}) << "it builds on the restart";
    EXPECT_EQ(last(), 1u);
    scene.disk.set_room(1 << 20);
    context.run(storage, 1s);
    EXPECT_EQ(requests_of<Appended>(), (Requests{2, 3}));
    EXPECT_EQ(last(), 51u);
}

TEST_F(StorageActorTest, a_restart_leaves_what_came_before_it_answered) {
    append(1, {make_batch(1, 1)});
    tell(RestartLog{StorageRequest(2), {LogIndex(50), Term(3)}});
    append(3, {make_batch(51, 3)});
    storage.on_drained();
    EXPECT_EQ(requests_of<Appended>(), (Requests{1, 2, 3}));
    EXPECT_EQ(scene.crash_and_open().last().index, LogIndex(51));
}

TEST_F(StorageActorTest, cuts_the_log_when_what_came_before_is_durable) {
    append(1, {make_batch(1, 1), make_batch(2, 1)});
    tell(Compact{LogIndex(2), 9});
    EXPECT_TRUE(context.sent.empty());
    storage.on_drained();
    const auto compacted = context.take<Compacted>();
    ASSERT_EQ(compacted.size(), 1u);
    EXPECT_EQ(compacted[0], (Compacted{{LogIndex(2), Term(1)}, LogIndex(2), 9}));
    EXPECT_EQ(scene.log->first(), LogIndex(3));
}

}  // namespace
}  // namespace raftbus::testing
