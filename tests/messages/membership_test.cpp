// The membership as a value: majorities, and which changes make sense.

#include "messages/membership.hpp"

#include <gtest/gtest.h>

#include "messages/batch.hpp"
#include "messages/crc32c.hpp"
#include "messages/text.hpp"

namespace raftbus {
namespace {

Member voter(std::uint32_t n) {
    const std::string id = std::to_string(n);
    return {NodeId(n), true, "tcp://host" + id + ":7239", "tcp://host" + id + ":7238"};
}
Member learner(std::uint32_t n) {
    Member member = voter(n);
    member.voter = false;
    return member;
}
MemberChange add(Member member) {
    return {ChangeKind::add, std::move(member)};
}
MemberChange remove(std::uint32_t n) {
    return {ChangeKind::remove, {NodeId(n)}};
}
MemberChange promote(std::uint32_t n) {
    return {ChangeKind::promote, {NodeId(n)}};
}
const Configuration kThree = configuration_of({voter(3), voter(1), voter(2)});

std::string refusal(const Configuration& now, const MemberChange& change) {
    const Result<Configuration> plan = planned(now, change);
    return plan ? "nothing is wrong" : plan.error().message;
}

TEST(Membership, ComesBackFromItsBody) {
    Configuration joint = *planned(kThree, remove(2));
    joint.removed = {NodeId(7), NodeId(9)};
    const auto back = decode_configuration(encode_configuration(joint));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, joint);
}

TEST(Membership, WhatIsNoConfigurationIsRefused) {
    EXPECT_FALSE(decode_configuration("").ok());
    EXPECT_FALSE(decode_configuration("garbage").ok());
    EXPECT_FALSE(decode_configuration(encode_configuration({})).ok()) << "no voters";
    Configuration unordered = kThree;
    std::swap(unordered.members[0], unordered.members[2]);
    EXPECT_FALSE(decode_configuration(encode_configuration(unordered)).ok());
    const std::string body = encode_configuration(kThree);
    for (std::size_t n = 0; n < body.size(); ++n)
        EXPECT_FALSE(decode_configuration(body.substr(0, n)).ok()) << n;
}

TEST(Membership, AConfigBatchIsOneEntryWithABody) {
    Batch batch;
    batch.body = SharedBytes::own(encode_configuration(kThree));
    batch.header = {.kind = BatchKind::config,
                    .first = LogIndex(1),
                    .count = 1,
                    .term = Term(1),
                    .body_crc = crc32c(batch.body.view())};
    EXPECT_TRUE(intact(batch));
    batch.header.count = 2;
    EXPECT_FALSE(intact(batch));
    batch.header.count = 1;
    batch.header.kind = BatchKind::tick;
    EXPECT_FALSE(intact(batch)) << "a tick bears nothing";
}

Configuration formed() {
    Configuration now = kThree;
    now.cluster = 77;
    now.formed = true;
    now.version = 2;
    for (Member& member : now.members)
        if (member.node != NodeId(3)) member.disk = 100 + member.node.value;
    return now;
}

TEST(Identities, AMemberCountsWithTheDirectoryThatItIsBoundTo) {
    const Configuration now = formed();
    EXPECT_TRUE(now.counts(NodeId(1), 101));
    EXPECT_FALSE(now.counts(NodeId(1), 999)) << "emptied";
    EXPECT_FALSE(now.counts(NodeId(3), 103)) << "not bound yet";
    EXPECT_FALSE(now.counts(NodeId(1), 0)) << "no release of version 2 is without one";
    Configuration mixed = now;
    mixed.version = 1;
    EXPECT_TRUE(mixed.counts(NodeId(3), 0)) << "an older release knows no directories";
    EXPECT_FALSE(mixed.counts(NodeId(1), 999));
    EXPECT_TRUE(kThree.counts(NodeId(1), 999)) << "not formed: a first start";
}

TEST(Identities, WhoIsDemotedCountsWithItsOldDirectoryAlone) {
    const Configuration now = formed();
    MemberChange change{ChangeKind::demote, {.node = NodeId(2), .voter = true, .disk = 202}};
    const Configuration joint = *planned(now, change);
    EXPECT_TRUE(joint.counts(NodeId(2), 102)) << "in the half that it leaves";
    EXPECT_FALSE(joint.counts(NodeId(2), 202));
    const Configuration done = completed(joint);
    EXPECT_TRUE(fulfilled(done, change));
    EXPECT_TRUE(done.counts(NodeId(2), 202));
    EXPECT_FALSE(done.counts(NodeId(2), 102));
    change.member.disk = 303;
    EXPECT_FALSE(fulfilled(done, change)) << "repaired once more";
}

TEST(Identities, AreKeptWithTheConfiguration) {
    EXPECT_EQ(*decode_configuration(encode_configuration(formed())), formed());
}

TEST(Identities, AStrangerIsNamed) {
    const Configuration now = formed();
    const auto judged = [&](std::uint32_t node, Credentials credentials) {
        return stranger(now, LogIndex(9), NodeId(node), credentials);
    };
    EXPECT_EQ(judged(1, {77, 101, LogIndex(9)}), Stranger::no);
    EXPECT_EQ(judged(1, {78, 101, LogIndex(9)}), Stranger::another_cluster);
    EXPECT_EQ(judged(1, {0, 999, LogIndex(0)}), Stranger::another_disk);
    EXPECT_EQ(judged(1, {77, 999, LogIndex(9)}), Stranger::another_disk);
    EXPECT_EQ(judged(1, {77, 999, LogIndex(10)}), Stranger::no) << "this node lags behind";
    EXPECT_EQ(judged(3, {0, 999, LogIndex(0)}), Stranger::no) << "its first start";
    EXPECT_EQ(judged(9, {77, 999, LogIndex(0)}), Stranger::no) << "is no matter of directories";
    EXPECT_EQ(judged(1, {0, 0, LogIndex(0)}), Stranger::no) << "an older release";
    EXPECT_EQ(stranger(kThree, LogIndex(0), NodeId(1), {78, 5, LogIndex(3)}), Stranger::no);
}

TEST(Membership, AddingAVoterBeginsWithALearner) {
    const Configuration next = *planned(kThree, add(voter(4)));
    EXPECT_FALSE(next.joint());
    EXPECT_EQ(to_text(next), "[n1, n2, n3] learners=[n4^]");
    EXPECT_TRUE(fulfilled(next, add(voter(4))));
    const Configuration joint = promoted(next, NodeId(4));
    EXPECT_EQ(to_text(joint), "[n1, n2, n3]>[n1, n2, n3, n4]");
    EXPECT_EQ(joint.halves().size(), 2u);
    EXPECT_EQ(to_text(completed(joint)), "[n1, n2, n3, n4]");
    EXPECT_TRUE(completed(joint).removed.empty());
}

TEST(Membership, ALearnerThatIsToStayOneIsNotPromoted) {
    const Configuration next = *planned(kThree, add(learner(4)));
    EXPECT_EQ(to_text(next), "[n1, n2, n3] learners=[n4]");
    EXPECT_FALSE(fulfilled(next, promote(4)));
    const Configuration wanted = *planned(next, promote(4));
    EXPECT_EQ(to_text(wanted), "[n1, n2, n3] learners=[n4^]");
    EXPECT_EQ(*planned(wanted, promote(4)), wanted) << "it comes by itself";
}

TEST(Membership, ADemotedVoterIsALearnerThatComesBackByItself) {
    const MemberChange demote{ChangeKind::demote, {NodeId(2)}};
    const Configuration joint = *planned(kThree, demote);
    EXPECT_EQ(to_text(joint), "[n1, n2, n3]>[n1, n3] learners=[n2^]");
    EXPECT_TRUE(joint.voter(NodeId(2))) << "of the half before";
    const Configuration done = completed(joint);
    EXPECT_EQ(to_text(done), "[n1, n3] learners=[n2^]");
    EXPECT_FALSE(done.was_removed(NodeId(2)));
    EXPECT_TRUE(fulfilled(done, demote));
    EXPECT_FALSE(fulfilled(kThree, demote));
    EXPECT_EQ(to_text(completed(promoted(done, NodeId(2)))), "[n1, n2, n3]");
}

TEST(Membership, ADemotedVoterMayBeToldToStayALearner) {
    const MemberChange demote{ChangeKind::demote, {NodeId(2), false}};
    const Configuration done = completed(*planned(kThree, demote));
    EXPECT_EQ(to_text(done), "[n1, n3] learners=[n2]");
    EXPECT_TRUE(fulfilled(done, demote));
    const MemberChange again{ChangeKind::demote, {NodeId(2)}};
    EXPECT_FALSE(fulfilled(done, again));
    EXPECT_EQ(to_text(*planned(done, again)), "[n1, n3] learners=[n2^]") << "no vote is at stake";
}

// M5: an id is used once.
TEST(Membership, ARemovedVoterIsRememberedForEver) {
    const Configuration joint = *planned(kThree, remove(2));
    EXPECT_EQ(to_text(joint), "[n1, n2, n3]>[n1, n3]");
    EXPECT_TRUE(joint.voter(NodeId(2))) << "of the half before";
    ASSERT_NE(joint.find(NodeId(2)), nullptr);
    EXPECT_EQ(joint.everybody().size(), 3u);
    const Configuration done = completed(joint);
    EXPECT_EQ(to_text(done), "[n1, n3]");
    EXPECT_TRUE(done.was_removed(NodeId(2)));
    EXPECT_TRUE(fulfilled(done, remove(2)));
    EXPECT_NE(refusal(done, add(voter(2))).find("never used again"), std::string::npos);
}

TEST(Membership, ALearnerGoesAtOnce) {
    const Configuration with_it = *planned(kThree, add(learner(4)));
    const Configuration without = *planned(with_it, remove(4));
    EXPECT_FALSE(without.joint());
    EXPECT_TRUE(without.was_removed(NodeId(4)));
}

TEST(Membership, WhatIsSoAlreadyIsFulfilled) {
    EXPECT_TRUE(fulfilled(kThree, add(voter(2))));
    EXPECT_TRUE(fulfilled(kThree, promote(2)));
    EXPECT_FALSE(fulfilled(kThree, remove(2)));
    Member elsewhere = voter(2);
    elsewhere.peer = "tcp://other:1";
    EXPECT_FALSE(fulfilled(kThree, add(elsewhere)));
}

TEST(Membership, NonsenseIsNamed) {
    EXPECT_NE(refusal(kThree, remove(9)).find("not a member"), std::string::npos);
    EXPECT_NE(refusal(kThree, promote(9)).find("not a member"), std::string::npos);
    Member elsewhere = voter(2);
    elsewhere.peer = "tcp://other:1";
    EXPECT_NE(refusal(kThree, add(elsewhere)).find("is a member already"), std::string::npos);
    EXPECT_NE(refusal(kThree, add(learner(2))).find("is a voter already"), std::string::npos);
    Member squatter = voter(4);
    squatter.client = voter(1).peer;
    EXPECT_NE(refusal(kThree, add(squatter)).find("in use by node 1"), std::string::npos);
    EXPECT_NE(refusal(kThree, {ChangeKind::demote, {NodeId(9)}}).find("not a member"),
              std::string::npos);
    const Configuration one = configuration_of({voter(1), learner(2)});
    EXPECT_NE(refusal(one, {ChangeKind::demote, {NodeId(1)}}).find("last voter"),
              std::string::npos);
    EXPECT_NE(refusal(one, remove(1)).find("last voter"), std::string::npos);
    EXPECT_NE(refusal(one, add(voter(2))).find("PROMOTE"), std::string::npos);
}

TEST(Membership, EndpointsThatOthersCannotReachAreNamed) {
    EXPECT_EQ(endpoint_fault("tcp://10.0.0.4:7239"), "");
    EXPECT_EQ(endpoint_fault("tcp://[::1]:7239"), "");
    for (const char* wrong :
         {"", "10.0.0.4:7239", "tcp://10.0.0.4", "tcp://:7239", "tcp://*:7239", "tcp://host:0",
          "tcp://host:99999", "tcp://host:72x", "tcp://ho st:1", "ipc:///tmp/x", "tcp://h:1;g:2"})
        EXPECT_NE(endpoint_fault(wrong), "") << wrong;
    Member nowhere = voter(4);
    nowhere.peer = "tcp://*:7239";
    EXPECT_NE(refusal(kThree, add(nowhere)).find("field 'peer'"), std::string::npos);
}

TEST(Membership, ACompleteClusterIsSaidToBeSo) {
    Configuration now = kThree;
    for (std::uint32_t node = 4; node <= 64; ++node) now = *planned(now, add(learner(node)));
    EXPECT_NE(refusal(now, add(learner(65))).find("64 members and learners, as many as it may"),
              std::string::npos);
    now = *planned(now, remove(64));
    EXPECT_TRUE(planned(now, add(learner(65))));
}

}  // namespace
}  // namespace raftbus
