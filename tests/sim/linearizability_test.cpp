// Histories that are known to be good or bad, each named for what it shows.
#include "sim/linearizability.hpp"

#include <gtest/gtest.h>

#include "messages/check.hpp"
#include "tests/sim/history_maker.hpp"

namespace raftbus::sim {
namespace {

class Linearizability : public testing::Test, protected HistoryMaker {
protected:
    testing::AssertionResult good() const {
        const Verdict verdict = check_linearizability(history());
        if (std::holds_alternative<Linearizable>(verdict)) return testing::AssertionSuccess();
        return testing::AssertionFailure() << to_text(verdict);
    }
    testing::AssertionResult bad() const {
        const Verdict verdict = check_linearizability(history());
        if (std::holds_alternative<NotLinearizable>(verdict)) return testing::AssertionSuccess();
        return testing::AssertionFailure() << to_text(verdict);
    }
    NotLinearizable stuck() const {
        return std::get<NotLinearizable>(check_linearizability(history()));
    }
};

// ---- reads

TEST_F(Linearizability, NothingHappened) {
    EXPECT_TRUE(good());
}

TEST_F(Linearizability, AReadSeesTheLastWrite) {
    add(1, 0, 10, get(), absent());
    add(1, 20, 30, set("w1"), rev(5));
    add(2, 40, 50, get(), found("w1", 5));
    EXPECT_TRUE(good());
}

TEST_F(Linearizability, AStaleRead) {
    add(1, 0, 10, set("w1"), rev(5));
    add(1, 20, 30, set("w2"), rev(6));
    add(2, 40, 50, get(), found("w1", 5));
    EXPECT_TRUE(bad());
    EXPECT_EQ(stuck().reason,
              "c2 read w1 (rev 5), although w2 (rev 6) had been acknowledged before it began");
}

TEST_F(Linearizability, AReadConcurrentWithAWriteSeesEitherState) {
    add(1, 0, 10, set("w1"), rev(5));
    add(1, 20, 60, set("w2"), rev(6));
    add(2, 30, 40, get(), found("w1", 5));
    add(3, 30, 40, get(), found("w2", 6));
    EXPECT_TRUE(good());
}

TEST_F(Linearizability, ButOnceTheNewStateWasReadTheOldOneIsGone) {
    add(1, 0, 10, set("w1"), rev(5));
    add(1, 20, 60, set("w2"), rev(6));
    add(2, 30, 40, get(), found("w2", 6));
    add(3, 45, 50, get(), found("w1", 5));
    EXPECT_TRUE(bad());
    EXPECT_EQ(stuck().reason,
              "c3 read w1 (rev 5), although rev 6 had been returned to c2 get k before it began");
}

TEST_F(Linearizability, ARealTimeOrderThatOnlyAThirdClientSees) {
    add(1, 0, 100, set("w1"), rev(5));
    add(2, 0, 100, set("w2"), rev(6));
    add(3, 10, 20, get(), found("w2", 6));
    add(4, 30, 40, get(), found("w1", 5));
    EXPECT_TRUE(bad());
}

TEST_F(Linearizability, AReadOfAValueNeverWritten) {
    add(1, 0, 10, set("w1"), rev(5));
    add(2, 20, 30, get(), found("w9", 5));
    EXPECT_TRUE(bad());
    EXPECT_EQ(stuck().reason, "c2 read w9 (rev 5), but rev 5 is c1 set k=w1");
}

TEST_F(Linearizability, AReadFromTheFuture) {
    add(2, 0, 10, get(), found("w1", 5));
    add(1, 20, 30, set("w1"), rev(5));
    EXPECT_TRUE(bad());
}

TEST_F(Linearizability, ATouchingEndAndBeginCountAsConcurrent) {
    add(1, 0, 10, set("w1"), rev(5));
    add(2, 10, 20, get(), absent());
    EXPECT_TRUE(good());
}

TEST_F(Linearizability, AnAcknowledgedWriteThatIsGone) {
    add(1, 0, 10, set("w1"), rev(5));
    add(2, 20, 30, get(), absent());
    EXPECT_TRUE(bad());
    EXPECT_EQ(stuck().reason,
              "c2 found nothing, although w1 (rev 5) had been acknowledged before it began, and "
              "nobody erased it");
}

TEST_F(Linearizability, KeysAreRegistersOfTheirOwn) {
    on("a").add(1, 0, 10, set("w1"), rev(5));
    on("b").add(2, 20, 30, get(), absent());
    EXPECT_TRUE(good());
    on("b").add(2, 40, 50, get(), found("w1", 5));
    EXPECT_EQ(stuck().key, "b");
}

// ---- revisions

TEST_F(Linearizability, RevisionsOrderConcurrentWrites) {
    add(1, 0, 100, set("w1"), rev(7));
    add(2, 0, 100, set("w2"), rev(6));
    add(3, 0, 100, set("w3"), rev(5));
    add(4, 200, 210, get(), found("w1", 7));
    EXPECT_TRUE(good());
}

TEST_F(Linearizability, TheLastWriteByRevisionIsTheOneThatStays) {
    add(1, 0, 100, set("w1"), rev(7));
    add(2, 0, 100, set("w2"), rev(6));
    add(4, 200, 210, get(), found("w2", 6));
    EXPECT_TRUE(bad());
}

TEST_F(Linearizability, RevisionsAgainstRealTime) {
    add(1, 0, 10, set("w1"), rev(6));
    add(2, 20, 30, set("w2"), rev(5));
    EXPECT_TRUE(bad());
    EXPECT_EQ(stuck().reason,
              "c2 set k=w2 got rev 5, although w1 (rev 6) had been acknowledged before it began");
}

TEST_F(Linearizability, AReadWithTheWrongRevision) {
    add(1, 0, 10, set("w1"), rev(5));
    add(2, 20, 30, get(), found("w1", 6));
    EXPECT_TRUE(bad());
    EXPECT_EQ(stuck().reason, "c2 read w1 (rev 6), but it was acknowledged as rev 5");
}

// ---- conditions

TEST_F(Linearizability, ACounterThatIsRaisedOnlyIfUnchanged) {
    add(1, 0, 10, set("1", if_revision(0)), rev(5));
    add(1, 20, 40, set("2", if_revision(5)), rev(6));
    add(2, 20, 40, set("2'", if_revision(5)), failed(6));
    add(2, 50, 60, set("3", if_value("2")), rev(7));
    EXPECT_TRUE(good());
}

TEST_F(Linearizability, ALostUpdate) {
    add(1, 0, 10, set("1"), rev(5));
    add(1, 20, 40, set("2", if_revision(5)), rev(6));
    add(2, 20, 40, set("2'", if_revision(5)), rev(7));
    EXPECT_TRUE(bad());
    EXPECT_EQ(stuck().reason,
              "c1 set k=2 if rev 5 and c2 set k=2' if rev 5 have both replaced rev 5");
}

TEST_F(Linearizability, AConditionThatFailedThoughItHeld) {
    add(1, 0, 10, set("1"), rev(5));
    add(2, 20, 30, set("2", if_revision(5)), failed(5));
    EXPECT_TRUE(bad());
    EXPECT_EQ(stuck().reason, "c2 set k=2 if rev 5 failed, although rev 5 stood");
}

TEST_F(Linearizability, AFailedConditionHasNoEffect) {
    add(1, 0, 10, set("1"), rev(5));
    add(2, 20, 30, set("2", if_value("0")), failed(5));
    add(3, 40, 50, get(), found("1", 5));
    EXPECT_TRUE(good());
    add(3, 60, 70, get(), found("2", 6));
    EXPECT_TRUE(bad());
}

TEST_F(Linearizability, AConditionOnAValueFailsOnAbsence) {
    add(1, 0, 10, set("2", if_value("1")), failed_on_absence());
    add(1, 20, 30, erase(if_revision(7)), failed_on_absence());
    EXPECT_TRUE(good());
}

TEST_F(Linearizability, AbsenceDoesNotFailAConditionThatAsksForIt) {
    add(1, 0, 10, set("2", if_revision(0)), failed_on_absence());
    EXPECT_TRUE(bad());
    EXPECT_EQ(stuck().reason, "c1 set k=2 if rev 0 failed, although the key was absent");
}

TEST_F(Linearizability, BothConditionsHaveToHold) {
    add(1, 0, 10, set("1"), rev(5));
    add(2, 20, 30, set("2", {5, "1"}), rev(6));
    add(2, 40, 50, set("3", {6, "1"}), failed(6));
    EXPECT_TRUE(good());
    add(2, 60, 70, set("4", {6, "1"}), rev(7));
    EXPECT_TRUE(bad());
}

TEST_F(Linearizability, AnUnconditionalWriteCanNotFail) {
    add(1, 0, 10, set("1"), rev(5));
    add(1, 20, 30, set("2"), failed(5));
    EXPECT_TRUE(bad());
}

// ---- erasing

TEST_F(Linearizability, ErasingSaysWhetherTheKeyWasThere) {
    add(1, 0, 10, erase(), nothing_erased(4));
    add(1, 20, 30, set("1"), rev(5));
    add(1, 40, 50, erase(), erased(6));
    add(1, 60, 70, erase(), nothing_erased(7));
    add(2, 80, 90, get(), absent());
    EXPECT_TRUE(good());
}

TEST_F(Linearizability, TwoClientsErasedTheSameWrite) {
    add(1, 0, 10, set("1"), rev(5));
    add(1, 20, 40, erase(), erased(6));
    add(2, 20, 40, erase(), erased(7));
    EXPECT_TRUE(bad());
}

TEST_F(Linearizability, ErasedWithoutAnybodyHavingWritten) {
    add(1, 0, 10, erase(), erased(5));
    EXPECT_TRUE(bad());
}

TEST_F(Linearizability, NothingToEraseThoughAWriteWasAcknowledged) {
    add(1, 0, 10, set("1"), rev(5));
    add(2, 20, 30, erase(), nothing_erased(6));
    EXPECT_TRUE(bad());
}

TEST_F(Linearizability, AnErasedKeyComesBack) {
    add(1, 0, 10, set("1"), rev(5));
    add(1, 20, 30, erase(), erased(6));
    add(2, 40, 50, get(), found("1", 5));
    EXPECT_TRUE(bad());
    EXPECT_EQ(
        stuck().reason,
        "c2 read 1 (rev 5), although c1 erase k (rev 6) had been acknowledged before it began");
}

// ---- unknown outcomes

TEST_F(Linearizability, AnUnknownWriteMayNeverHappen) {
    add_unknown(1, 0, set("w1"));
    add(2, 20, 30, get(), absent());
    add(2, 40, 50, set("w2"), rev(5));
    add(2, 60, 70, get(), found("w2", 5));
    EXPECT_TRUE(good());
}

TEST_F(Linearizability, AnUnknownWriteAppearsLate) {
    add_unknown(1, 0, set("w1"));
    add(2, 20, 30, set("w2"), rev(5));
    add(2, 40, 50, get(), found("w2", 5));
    add(2, 60, 70, get(), found("w1", 6));
    add(2, 80, 90, get(), found("w1", 6));
    EXPECT_TRUE(good());
}

TEST_F(Linearizability, AnUnknownWriteAppearsUnderTwoRevisions) {
    add_unknown(1, 0, set("w1"));
    add(2, 20, 30, get(), found("w1", 5));
    add(2, 40, 50, set("w2"), rev(6));
    add(2, 60, 70, get(), found("w1", 7));
    EXPECT_TRUE(bad());
    EXPECT_EQ(stuck().reason,
              "c2 read w1 (rev 5), and c2 read w1 (rev 7), but it was written once");
}

TEST_F(Linearizability, AnUnknownWriteComesBackAfterItWasOverwritten) {
    add_unknown(1, 0, set("w1"));
    add(2, 20, 30, get(), found("w1", 5));
    add(2, 40, 50, set("w2"), rev(6));
    add(2, 60, 70, get(), found("w1", 5));
    EXPECT_TRUE(bad());
}

TEST_F(Linearizability, AnUnknownWriteIsSeenBeforeItBegan) {
    add(2, 0, 10, get(), found("w1", 5));
    add_unknown(1, 20, set("w1"));
    EXPECT_TRUE(bad());
    EXPECT_EQ(stuck().reason, "c2 read w1 (rev 5) before anybody began to write it");
}

TEST_F(Linearizability, AnUnknownWriteMustFindRoomBetweenRevisions) {
    add_unknown(1, 0, set("w1"));
    add(2, 10, 20, set("w2"), rev(5));
    add(2, 30, 60, get(), found("w1", 6));
    add(3, 30, 60, set("w3"), rev(6));
    EXPECT_TRUE(bad());
}

TEST_F(Linearizability, AnUnseenUnknownWriteExplainsThatSomethingWasErased) {
    add_unknown(1, 0, set("w1"));
    add(2, 20, 30, get(), absent());
    add(2, 40, 50, erase(), erased(5));
    EXPECT_TRUE(good());
    add(2, 60, 70, erase(), erased(6));
    EXPECT_TRUE(bad()) << "it can't explain two";
}

TEST_F(Linearizability, AnUnseenUnknownWriteExplainsAFailedCondition) {
    add(2, 0, 10, set("w1"), rev(5));
    add_unknown(1, 20, set("w2"));
    add(2, 30, 40, set("w3", if_revision(5)), failed(6));
    EXPECT_TRUE(good());
    add(2, 50, 60, get(), found("w1", 5));
    EXPECT_TRUE(bad());
}

TEST_F(Linearizability, AnUnknownEraseExplainsAnAbsence) {
    add(2, 0, 10, set("w1"), rev(5));
    add_unknown(1, 20, erase());
    add(2, 30, 40, get(), absent());
    EXPECT_TRUE(good());
    add(2, 50, 60, set("w2"), rev(7));
    add(2, 70, 80, get(), absent());
    EXPECT_TRUE(bad()) << "it can't explain two";
}

TEST_F(Linearizability, AnUnknownConditionalWriteHappensOnlyWhereItsConditionHolds) {
    add(2, 0, 10, set("w1"), rev(5));
    add_unknown(1, 20, set("w2", if_revision(5)));
    add(2, 30, 40, get(), found("w2", 6));
    EXPECT_TRUE(good());
}

TEST_F(Linearizability, AnUnknownConditionalWriteHappensThoughItsConditionIsGone) {
    add(2, 0, 10, set("w1"), rev(5));
    add_unknown(1, 20, set("w3", if_revision(5)));
    add(2, 30, 40, set("w2"), rev(6));
    add(2, 50, 60, get(), found("w2", 6));
    add(2, 70, 80, get(), found("w3", 7));
    EXPECT_TRUE(bad());
}

TEST_F(Linearizability, OneUnknownWriteBuildsOnAnother) {
    add_unknown(1, 0, set("w1"));
    add_unknown(2, 0, set("w2", if_value("w1")));
    add(3, 10, 20, get(), absent());
    add(3, 30, 40, get(), found("w2", 9));
    EXPECT_TRUE(good());
}

TEST_F(Linearizability, AnUnknownWriteOnAnAbsentKeyNeedsItErasedFirst) {
    add(3, 0, 10, set("w1"), rev(5));
    add_unknown(1, 20, set("w2", if_revision(0)));
    add(3, 30, 40, get(), found("w2", 9));
    EXPECT_TRUE(bad());
    add_unknown(2, 20, erase());
    EXPECT_TRUE(good());
}

TEST_F(Linearizability, AReadOfUnknownOutcomeSaysNothing) {
    add_unknown(1, 0, get());
    add(2, 20, 30, set("w1"), rev(5));
    EXPECT_TRUE(good());
}

// ---- the verdict

TEST_F(Linearizability, TheEvidenceIsTheStuckPlaceAlone) {
    for (int i = 0; i < 100; ++i)
        add(1, 10 * i, 10 * i + 5, set("w" + std::to_string(i)), rev(100 + i));
    add(2, 1001, 1004, erase(), nothing_erased(300));
    add(3, 1002, 1005, get(), found("w99", 199));
    for (int i = 0; i < 100; ++i) add(1, 2000 + 10 * i, 2005 + 10 * i, set("x"), rev(400 + i));

    EXPECT_EQ(to_text(check_linearizability(history())),
              "not linearizable: key k: c2 found nothing (c2 erase k), although w99 (rev 199) had "
              "been acknowledged before it began, and nobody erased it\n"
              "  this is in order, and nothing can follow:\n"
              "    c1 set k=w97 -> rev 197 [0.970s .. 0.975s] (op 98)\n"
              "    c1 set k=w98 -> rev 198 [0.980s .. 0.985s] (op 99)\n"
              "    c1 set k=w99 -> rev 199 [0.990s .. 0.995s] (op 100)\n"
              "    c3 get k -> w99 rev 199 [1.002s .. 1.005s] (op 102)\n"
              "  of what was in flight:\n"
              "    c2 erase k -> rev 300 not found [1.001s .. 1.004s] (op 101)");
}

TEST_F(Linearizability, ASearchThatIsTooLongIsGivenUp) {
    for (int i = 0; i < 10; ++i) add(1, 10 * i, 10 * i + 5, set("w"), rev(i + 1));
    EXPECT_TRUE(std::holds_alternative<Undecided>(check_linearizability(history(), 9)));
    EXPECT_TRUE(std::holds_alternative<Linearizable>(check_linearizability(history(), 10)));
}

TEST_F(Linearizability, AViolationCountsMoreThanAnUndecidedKey) {
    for (int i = 0; i < 10; ++i) on("a").add(1, 10 * i, 10 * i + 5, set("w"), rev(i + 1));
    on("b").add(1, 0, 10, get(), found("w1", 1));
    EXPECT_EQ(std::get<NotLinearizable>(check_linearizability(history(), 5)).key, "b");
}

TEST_F(Linearizability, ARecorderThatMixesUpOutcomesIsABug) {
    add(1, 0, 10, get(), rev(5));
    EXPECT_THROW(check_linearizability(history()), CheckFailed);
}

TEST(History, AnOperationOnOneLine) {
    HistoryMaker maker;
    maker.on("k7").add(2, 1204, 1310, set("w41"), rev(118));
    maker.add(3, 1204, 1310, erase({4, "w\n"}), erased(119));
    maker.add_unknown(4, 1300, set("w42"));
    maker.add(1, 0, 1, get(), absent());
    maker.add(1, 0, 1, set("", if_revision(3)), failed(4));
    EXPECT_EQ(to_text(maker.history()[0]), "c2 set k7=w41 -> rev 118 [1.204s .. 1.310s] (op 1)");
    EXPECT_EQ(to_text(maker.history()[1]),
              "c3 erase k7 if rev 4 and value w\\x0a -> rev 119 found [1.204s .. 1.310s] (op 2)");
    EXPECT_EQ(to_text(maker.history()[2]), "c4 set k7=w42 -> unknown [1.300s ..) (op 3)");
    EXPECT_EQ(to_text(maker.history()[3]), "c1 get k7 -> not found [0.000s .. 0.001s] (op 4)");
    EXPECT_EQ(to_text(maker.history()[4]),
              "c1 set k7= if rev 3 -> condition failed: rev 4 stands [0.000s .. 0.001s] (op 5)");
}

}  // namespace
}  // namespace raftbus::sim
