// The rules of revisions, one scene each, by number as in revision_order.hpp.
#include "sim/revision_order.hpp"

#include <gtest/gtest.h>

#include "tests/sim/history_maker.hpp"

namespace raftbus::sim {
namespace {

class RevisionOrder : public testing::Test, protected HistoryMaker {
protected:
    std::string broken() const { return check_revisions(history()).value_or("holds"); }
};

TEST_F(RevisionOrder, AHistoryAsItShouldBe) {
    on("a").add(1, 0, 50, set("w1"), rev(6));
    on("b").add(2, 0, 50, set("w2"), rev(5));
    on("a").add_unknown(3, 60, set("w3"));
    on("a").add(1, 70, 80, get(), found("w1", 6));
    on("a").add(1, 90, 100, get(), found("w3", 8));
    on("a").add(1, 110, 120, set("w4", if_revision(6)), failed(8));
    on("a").add(1, 110, 120, erase(), erased(9));
    on("a").add(1, 130, 140, get(), absent());
    on("b").add(2, 130, 140, set("w5", if_revision(5)), rev(10));
    EXPECT_EQ(broken(), "holds");
}

TEST_F(RevisionOrder, Rule1TwoWritesShareARevision) {
    on("a").add(1, 0, 50, set("w1"), rev(5));
    on("b").add(2, 0, 50, set("w2"), rev(5));
    EXPECT_EQ(broken(), "c1 set a=w1 and c2 set b=w2 were both acknowledged as rev 5");
}

TEST_F(RevisionOrder, Rule2ARevisionOfAnotherKey) {
    on("a").add(1, 0, 10, set("w1"), rev(5));
    on("b").add(2, 20, 30, get(), found("w1", 5));
    EXPECT_EQ(broken(), "c2 read w1 (rev 5), but rev 5 is c1 set a=w1");
}

TEST_F(RevisionOrder, Rule2ARevisionThatTwoKeysHave) {
    on("a").add_unknown(1, 0, set("w1"));
    on("b").add_unknown(2, 0, set("w2"));
    on("a").add(3, 20, 30, get(), found("w1", 5));
    on("b").add(3, 20, 30, get(), found("w2", 5));
    EXPECT_EQ(broken(), "c3 read w1 (rev 5) of a, but c3 read w2 (rev 5) of b");
}

TEST_F(RevisionOrder, Rule2AValueNobodyWrote) {
    add(2, 20, 30, get(), found("w1", 5));
    EXPECT_EQ(broken(), "c2 read w1 (rev 5), which nobody ever wrote");
}

TEST_F(RevisionOrder, Rule2ARevisionNobodyCanHaveWritten) {
    add(1, 0, 10, set("w1"), rev(5));
    add(2, 20, 30, set("w2", if_revision(5)), failed(6));
    EXPECT_EQ(broken(), "c2 saw rev 6 (c2 set k=w2 if rev 5), which no write can have got by then");
}

TEST_F(RevisionOrder, Rule2AValueUnderAnotherRevision) {
    add(1, 0, 10, set("w1"), rev(5));
    add(2, 20, 30, get(), found("w1", 7));
    EXPECT_EQ(broken(), "c2 read w1 (rev 7), but it was acknowledged as rev 5");
}

TEST_F(RevisionOrder, Rule3AnUnknownWriteUnderTwoRevisions) {
    add_unknown(1, 0, set("w1"));
    add(2, 20, 30, get(), found("w1", 5));
    add(2, 40, 50, get(), found("w1", 6));
    EXPECT_EQ(broken(), "c2 read w1 (rev 5), and c2 read w1 (rev 6), but it was written once");
}

TEST_F(RevisionOrder, Rule4AWriteToAnotherKeyBeginsLaterAndComesEarlier) {
    on("a").add(1, 0, 10, set("w1"), rev(6));
    on("b").add(2, 20, 30, set("w2"), rev(5));
    EXPECT_EQ(broken(),
              "c2 set b=w2 got rev 5, although w1 (rev 6) had been acknowledged before it began");
}

TEST_F(RevisionOrder, Rule4AReadProvesARevisionToo) {
    on("a").add_unknown(1, 0, set("w1"));
    on("a").add(3, 10, 15, get(), found("w1", 6));
    on("b").add(2, 20, 30, set("w2"), rev(5));
    EXPECT_EQ(
        broken(),
        "c2 set b=w2 got rev 5, although rev 6 had been returned to c3 get a before it began");
}

TEST_F(RevisionOrder, Rule5AStaleRead) {
    add(1, 0, 10, set("w1"), rev(5));
    add(1, 20, 30, set("w2"), rev(6));
    add(2, 40, 50, get(), found("w1", 5));
    EXPECT_EQ(broken(),
              "c2 read w1 (rev 5), although w2 (rev 6) had been acknowledged before it began");
}

TEST_F(RevisionOrder, Rule5AConditionThatFailedOnAnOldState) {
    add(1, 0, 10, set("w1"), rev(5));
    add(1, 20, 30, set("w2"), rev(6));
    add(2, 40, 50, set("w3", if_revision(4)), failed(5));
    EXPECT_EQ(broken(),
              "c2 saw rev 5 (c2 set k=w3 if rev 4), although w2 (rev 6) had been acknowledged "
              "before it began");
}

TEST_F(RevisionOrder, Rule5AnAbsenceThatNobodyMade) {
    add(1, 0, 10, set("w1"), rev(5));
    add(2, 20, 30, get(), absent());
    EXPECT_EQ(broken(),
              "c2 found nothing, although w1 (rev 5) had been acknowledged before it began, and "
              "nobody erased it");
    add_unknown(3, 15, erase());
    EXPECT_EQ(broken(), "holds");
}

TEST_F(RevisionOrder, Rule6TwoWritesReplaceOne) {
    add(1, 0, 10, set("w1"), rev(5));
    add(1, 20, 40, set("w2", if_revision(5)), rev(6));
    add(2, 20, 40, erase(if_revision(5)), erased(7));
    EXPECT_EQ(broken(), "c1 set k=w2 if rev 5 and c2 erase k if rev 5 have both replaced rev 5");
}

TEST_F(RevisionOrder, Rule6AConditionThatHeldAndFailed) {
    add(1, 0, 10, set("w1"), rev(5));
    add(1, 20, 30, erase(if_revision(5)), failed(5));
    EXPECT_EQ(broken(), "c1 erase k if rev 5 failed, although rev 5 stood");
}

}  // namespace
}  // namespace raftbus::sim
