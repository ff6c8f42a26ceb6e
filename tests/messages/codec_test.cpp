#include "messages/codec.hpp"

#include <gtest/gtest.h>

#include "messages/crc32c.hpp"
#include "messages/random.hpp"
#include "messages/text.hpp"
#include "messages/trace.hpp"

namespace raftbus {
namespace {

const Envelope kEnvelope{.from = {NodeId(1), ActorName::replicator},
                         .to = {NodeId(2), ActorName::replicator},
                         .number = 881,
                         .cause = {{NodeId(1), ActorName::gateway}, 7},
                         .request = {NodeId(1), (0x7f3aULL << 32) | 42},
                         .sent = WallTime(1'700'000'000'000'000)};

Batch batch(std::uint64_t first, std::uint32_t count, std::uint64_t term, std::string body) {
    Batch b;
    b.header = {.first = LogIndex(first),
                .count = count,
                .term = Term(term),
                .leader = NodeId(1),
                .time = WallTime(5),
                .origin = NodeId(3),
                .proposal = ProposalNumber(9),
                .body_crc = crc32c(body)};
    b.body = SharedBytes::own(std::move(body));
    return b;
}

Delivery round_trip(const AnyMessage& message) {
    EncodedMessage encoded = encode(kEnvelope, message);
    auto decoded = decode(SharedBytes::own(encoded.head), encoded.bodies);
    EXPECT_TRUE(decoded.ok());
    return decoded.value();
}

// One of each kind, with its defaults.
template <std::size_t... I>
std::vector<AnyMessage> one_of_each(std::index_sequence<I...>) {
    return {AnyMessage(std::in_place_index<I>)...};
}

TEST(Codec, EveryMessageComesBack) {
    for (const AnyMessage& message : one_of_each(std::make_index_sequence<kMessageCount>())) {
        const Delivery delivery = round_trip(message);
        EXPECT_EQ(delivery.envelope, kEnvelope);
        EXPECT_EQ(delivery.message, message) << to_text(message);
    }
}

TEST(Codec, FilledMessagesComeBack) {
    const AnyMessage messages[] = {
        AppendEntries{Term(7),
                      {LogIndex(9), Term(6)},
                      LogIndex(8),
                      {batch(10, 3, 7, "short"), batch(13, 1, 7, std::string(5000, 'x'))}},
        AppendEntriesReply{Term(7), Conflict{LogIndex(9), {LogIndex(4), Term(2)}}},
        Fenced{Term(3), Standing{{LogIndex(1), Term(1)},
                                 configuration_of({{NodeId(1)}, {NodeId(2), false}}),
                                 Duration(77),
                                 false}},
        Fenced{Term(3), Promised{Duration(5)}},
        OutcomesReady{LogIndex(5),
                      Term(2),
                      {{ProposalNumber(4), {Written{5, true}, ConditionFailed{true, 3}}}}},
        ReadState{ReadNumber(1),
                  LogIndex(2),
                  {GetQuery{SharedBytes::copy("k")},
                   ScanQuery{SharedBytes::copy("a"), SharedBytes::copy("b"), 10, 20, true}}},
        StateRead{ReadNumber(1),
                  LogIndex(2),
                  {GetAnswer{Item{{}, SharedBytes::copy(std::string(3000, 'v')), 2}}, GetAnswer{},
                   ScanAnswer{{}, true}}},
    };
    for (const AnyMessage& message : messages) EXPECT_EQ(round_trip(message).message, message);
}

TEST(Codec, ALongBodyTravelsByReference) {
    const Batch big = batch(1, 1, 1, std::string(kInlineBytesMax, 'x'));
    const EncodedMessage encoded = encode(kEnvelope, Append{StorageRequest(1), {}, {big}});
    ASSERT_EQ(encoded.bodies.size(), 1u);
    EXPECT_EQ(encoded.bodies[0].data(), big.body.data());
    EXPECT_LT(encoded.head.size(), 200u);
    const auto decoded = decode(SharedBytes::own(encoded.head), encoded.bodies);
    EXPECT_EQ(std::get<Append>(decoded->message).batches[0].body.data(), big.body.data());
}

TEST(Codec, AShortBodyPointsIntoTheHead) {
    const EncodedMessage encoded =
        encode(kEnvelope, Append{StorageRequest(1), {}, {batch(1, 1, 1, "short")}});
    EXPECT_TRUE(encoded.bodies.empty());
    const SharedBytes head = SharedBytes::own(encoded.head);
    const auto decoded = decode(head, {});
    const char* const body = std::get<Append>(decoded->message).batches[0].body.data();
    EXPECT_GE(body, head.data());
    EXPECT_LT(body, head.data() + head.size());
}

TEST(Codec, TruncatedAtEveryByteIsRefused) {
    const EncodedMessage encoded =
        encode(kEnvelope, AppendEntries{Term(7), {}, {}, {batch(1, 3, 7, "body")}});
    for (std::size_t n = 0; n < encoded.head.size(); ++n)
        EXPECT_FALSE(decode(SharedBytes::own(encoded.head.substr(0, n)), encoded.bodies).ok()) << n;
}

TEST(Codec, AMissingFrameIsRefused) {
    const EncodedMessage encoded =
        encode(kEnvelope, Append{StorageRequest(1), {}, {batch(1, 1, 1, std::string(2000, 'x'))}});
    EXPECT_FALSE(decode(SharedBytes::own(encoded.head), {}).ok());
}

TEST(Codec, HostileBytesAreRefusedCheaply) {
    const std::string claims_much{"\xdd\xff\xff\xff\xff", 5};  // an array of 4 G items
    const std::string nested(100'000, '\x91');                 // arrays in arrays
    const std::string long_bin{"\xc6\x7f\xff\xff\xff", 5};
    for (const std::string& bytes :
         {std::string(), claims_much, nested, long_bin, std::string("\xc1")})
        EXPECT_FALSE(decode(SharedBytes::copy(bytes), {}).ok());
}

TEST(Codec, AnotherWireVersionIsNamed) {
    EncodedMessage encoded = encode(kEnvelope, Heartbeat{});
    encoded.head[1] = 99;
    const auto decoded = decode(SharedBytes::own(encoded.head), {});
    ASSERT_FALSE(decoded.ok());
    EXPECT_NE(decoded.error().message.find("wire version 99"), std::string::npos);
}

TEST(Codec, FlippedBitsNeverCrash) {
    const EncodedMessage encoded =
        encode(kEnvelope, AppendEntries{Term(7), {}, {}, {batch(1, 3, 7, "body")}});
    for (std::size_t bit = 0; bit < encoded.head.size() * 8; ++bit) {
        std::string head = encoded.head;
        head[bit / 8] = static_cast<char>(head[bit / 8] ^ (1 << (bit % 8)));
        const auto decoded = decode(SharedBytes::own(head), encoded.bodies);
        if (decoded.ok()) to_text(decoded->message);
    }
}

TEST(Codec, BatchHeadersComeBack) {
    const Batch b = batch(10, 3, 7, "x");
    EXPECT_EQ(decode_header(encode_header(b.header)).value(), b.header);
}

TEST(Batches, ContiguousMeansNoGapAndNoFallingTerm) {
    EXPECT_TRUE(contiguous({}, LogIndex(5)));
    EXPECT_TRUE(contiguous({batch(5, 3, 1, ""), batch(8, 1, 2, "")}, LogIndex(5)));
    EXPECT_FALSE(contiguous({batch(5, 3, 1, ""), batch(9, 1, 2, "")}, LogIndex(5)));
    EXPECT_FALSE(contiguous({batch(5, 3, 2, ""), batch(8, 1, 1, "")}, LogIndex(5)));
    EXPECT_FALSE(contiguous({batch(5, 3, 1, "")}, LogIndex(4)));
}

TEST(Batches, IntactMeansTheBodyThatWasPacked) {
    Batch b = batch(1, 1, 1, "body");
    EXPECT_TRUE(intact(b));
    b.body = SharedBytes::copy("bodx");
    EXPECT_FALSE(intact(b));
}

TEST(Batches, WhatHasNoCommandsIsOneEntryUnlessItIsAGap) {
    for (const BatchKind kind : {BatchKind::no_op, BatchKind::tick, BatchKind::config}) {
        Batch b = batch(1, 1, 1, "");
        b.header.kind = kind;
        EXPECT_TRUE(intact(b)) << to_string(kind);
        b.header.count = 2;  // a tick may stand for a gap in the indexes
        EXPECT_EQ(intact(b), kind == BatchKind::tick) << to_string(kind);
        Batch with_body = batch(1, 1, 1, "body");
        with_body.header.kind = kind;
        EXPECT_EQ(intact(with_body), kind == BatchKind::config) << to_string(kind);
    }
    Batch unknown = batch(1, 1, 1, "");
    unknown.header.kind = static_cast<BatchKind>(4);
    EXPECT_FALSE(intact(unknown));
}

TEST(Crc32c, KnownValueAndBothFormsAgree) {
    EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
    EXPECT_EQ(crc32c_portable("123456789"), 0xe3069283u);
    std::string bytes;
    for (int n = 0; n < 100; ++n) {
        EXPECT_EQ(crc32c(bytes), crc32c_portable(bytes));
        const std::size_t half = bytes.size() / 2;
        EXPECT_EQ(crc32c(bytes.substr(half), crc32c(bytes.substr(0, half))), crc32c(bytes));
        bytes += static_cast<char>(n * 37);
    }
}

// What is long is taken in three strides at a time.
TEST(Crc32c, BothFormsAgreeOnWhatIsLong) {
    std::string bytes;
    for (Random random(1); bytes.size() < 5'000;) bytes += static_cast<char>(random.below(256));
    for (std::size_t size = 1'500; size <= bytes.size(); size += 7) {
        const std::string_view part(bytes.data() + size % 11, size - size % 11);
        ASSERT_EQ(crc32c(part, 12'345), crc32c_portable(part, 12'345)) << size;
    }
}

TEST(Text, OneLinePerMessage) {
    EXPECT_EQ(to_text(RequestVote{Term(7), {LogIndex(1040), Term(6)}, false}),
              "RequestVote term=7 last=1040/6 forced=no");
    EXPECT_EQ(to_text(AppendEntries{
                  Term(7), {LogIndex(9), Term(6)}, LogIndex(9), {batch(10, 3, 7, "12345")}}),
              "AppendEntries term=7 previous=9/6 commit=9 batches=[10..12/7 5B]");
    EXPECT_EQ(to_text(AppendEntriesReply{Term(7), Matched{LogIndex(12)}}),
              "AppendEntriesReply term=7 outcome=Matched(index=12)");
    EXPECT_EQ(to_text(Stop{}), "Stop");
    EXPECT_EQ(to_text(Address{NodeId(2), ActorName::state_machine}), "n2.state_machine");
}

TEST(Text, NoKeyOrValueIsShown) {
    const std::string secret = "s3cret";
    const std::string line =
        to_text(ReadState{ReadNumber(1), {}, {GetQuery{SharedBytes::copy(secret)}}});
    EXPECT_EQ(line.find(secret), std::string::npos) << line;
}

TEST(Text, RequestIdsComeBack) {
    const RequestId id{NodeId(1), (0x7f3aULL << 32) | 42};
    EXPECT_EQ(to_text(id), "n1-7f3a-42");
    EXPECT_EQ(request_from_text("n1-7f3a-42"), id);
    for (const char* bad :
         {"", "n", "n1", "n1-", "n1-7f3a", "n1-7f3a-", "n1-7f3a-42x", "1-7f3a-42", "n1-xyz-1"})
        EXPECT_FALSE(request_from_text(bad)) << bad;
}

TEST(Trace, EventsComeBack) {
    TraceEvent event{.node = NodeId(2),
                     .sequence = 5,
                     .wall = WallTime(11),
                     .steady_us = 12,
                     .kind = TraceKind::handled,
                     .actor = ActorName::replicator,
                     .other = kEnvelope.from,
                     .type = "AppendEntries",
                     .term = Term(7),
                     .message = kEnvelope.id(),
                     .cause = kEnvelope.cause,
                     .request = kEnvelope.request,
                     .bytes = 412,
                     .took_us = 33,
                     .text = "AppendEntries term=7"};
    EXPECT_EQ(decode_trace(encode_trace(event)).value(), event);
    EXPECT_EQ(topic_of(event), "replicator.AppendEntries");
    EXPECT_FALSE(decode_trace("junk").ok());
}

TEST(Trace, TermAndSizeAreReadOffTheMessage) {
    const AppendEntries append{Term(7), {}, {}, {batch(1, 1, 7, "12345"), batch(2, 1, 7, "123")}};
    EXPECT_EQ(term_of(append), Term(7));
    EXPECT_EQ(term_of(Stop{}), Term(0));
    EXPECT_EQ(body_bytes(append), 8u);
}

}  // namespace
}  // namespace raftbus
