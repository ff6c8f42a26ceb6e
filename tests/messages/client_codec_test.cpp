// The client protocol's requests and replies as bytes. Bodies are written by msgpack-c, or by hand
// where msgpack-c would not write them; docs/protocol-vectors.json holds those that every client's
// author can check against.
#include "messages/client_codec.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <msgpack.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "messages/client_fields.hpp"
#include "messages/client_replies.hpp"
#include "tests/messages/client_bodies.hpp"

namespace raftbus::client {
namespace {

TEST(ClientRequest, KeysAndValuesAreTakenAsStrAndAsBin) {
    const std::vector<char> bin{'r', '\0', '\xff'};
    const std::string body = op("SET").field("key", std::string("colour")).field("value", bin);
    const Set set = taken<Set>(body);
    EXPECT_EQ(set.key, "colour");
    EXPECT_EQ(set.value, std::string_view("r\0\xff", 3));
    EXPECT_EQ(set.condition, Condition{});
}

TEST(ClientRequest, ConditionsAreRead) {
    const std::string body = op("SET")
                                 .field("key", "k")
                                 .field("value", "")
                                 .field("if_revision", 0)
                                 .field("if_value", "old");
    EXPECT_EQ(taken<Set>(body).condition, (Condition{0, "old"}));
    const std::string erase = op("DELETE").field("key", "k").field("if_revision", 1ULL << 40);
    EXPECT_EQ(taken<Delete>(erase).condition, (Condition{1ULL << 40, std::nullopt}));
}

TEST(ClientRequest, DefaultsStandWhereNothingIsGiven) {
    const std::string get = op("GET").field("key", "k");
    EXPECT_EQ(taken<Get>(get).consistency, Consistency::linearizable);
    const std::string scan = op("SCAN").field("prefix", "");
    EXPECT_EQ(taken<Scan>(scan).limit, 1000u);
    EXPECT_FALSE(taken<Scan>(scan).keys_only);
    EXPECT_EQ(taken<Log>(op("LOG")).limit, 1000u);
    EXPECT_EQ(taken<Log>(op("LOG")).from, LogIndex(0));
    EXPECT_EQ(taken<Elect>(op("ELECT")).node, std::nullopt);
    const Decoded decoded = decode_request(std::string(op("STATUS")), kLimits);
    EXPECT_EQ(std::get<Request>(decoded.outcome).timeout_ms, std::nullopt);
    EXPECT_FALSE(std::get<Request>(decoded.outcome).trace);
}

TEST(ClientRequest, ManyFieldsStandThereInAnyOrder) {
    const auto all = op("SET")
                         .field("if_value", "old")
                         .field("if_revision", 3)
                         .field("ttl_ms", 5)
                         .field("session", 7)
                         .field("seq", 8)
                         .field("timeout_ms", 9)
                         .field("value", "v")
                         .field("key", "k")
                         .field("id", 1);
    const std::string body = all;
    const Decoded decoded = decode_request(body, kLimits);
    EXPECT_EQ(decoded.id, "\x01");
    const auto& request = std::get<Request>(decoded.outcome);
    const auto& set = std::get<Set>(request.operation);
    EXPECT_EQ(set.key, "k");
    EXPECT_EQ(set.value, "v");
    EXPECT_EQ(set.condition, (Condition{3, "old"}));
    EXPECT_EQ(set.ttl_ms, 5u);
    EXPECT_EQ(request.timeout_ms, 9u);
    ASSERT_TRUE(request.session);
    EXPECT_EQ(request.session->seq, 8u);
}

TEST(ClientRequest, NilIsAsGoodAsNothing) {
    const msgpack::type::nil_t nil;
    const std::string body = op("SET")
                                 .field("key", "k")
                                 .field("value", "v")
                                 .field("if_revision", nil)
                                 .field("timeout_ms", nil)
                                 .field("session", nil)
                                 .field("ttl_ms", nil);
    EXPECT_EQ(taken<Set>(body).condition, Condition{});
    expect_refused(op("GET").field("key", nil), "BAD_REQUEST", "'key'");
}

TEST(ClientRequest, BothSpellingsOfNoOpAreOne) {
    taken<NoOp>(op("NO-OP"));
    taken<NoOp>(op("NOOP"));
}

TEST(ClientRequest, ScanTakesAPrefixOrARange) {
    const std::string range = op("SCAN").field("start", "a").field("end", "b");
    EXPECT_EQ(std::get<Range>(taken<Scan>(range).keys).end, "b");
    expect_refused(op("SCAN"), "BAD_REQUEST", "'prefix'");
    expect_refused(op("SCAN").field("start", "a"), "BAD_REQUEST", "'end'");
    expect_refused(op("SCAN").field("end", "a"), "BAD_REQUEST", "'start'");
    expect_refused(op("SCAN").field("prefix", "a").field("start", "a").field("end", "b"),
                   "BAD_REQUEST", "either");
    expect_refused(op("SCAN").field("prefix", "a").field("limit", 0), "BAD_REQUEST", "'limit'");
}

TEST(ClientRequest, AMissingOrMistypedFieldIsNamedWithWhatItMustBe) {
    expect_refused(op("GET"), "BAD_REQUEST", "'key' (bin or str)");
    expect_refused(op("SET").field("key", "k"), "BAD_REQUEST", "'value' (bin or str)");
    expect_refused(op("GET").field("key", 5), "BAD_REQUEST",
                   "'key' must be bin or str, not an unsigned integer");
    expect_refused(op("GET").field("key", ""), "BAD_REQUEST", "'key' must not be empty");
    expect_refused(op("GET").field("key", "k").field("timeout_ms", -1), "BAD_REQUEST",
                   "'timeout_ms' must be an unsigned integer, not a negative integer");
    expect_refused(op("GET").field("key", "k").field("timeout_ms", 0), "BAD_REQUEST",
                   "'timeout_ms'");
    expect_refused(op("GET").field("key", "k").field("timeout_ms", 1.5), "BAD_REQUEST", "a float");
    expect_refused(op("GET").field("key", "k").field("consistency", "eventual"), "BAD_REQUEST",
                   "'linearizable', 'lease' or 'local', not 'eventual'");
    expect_refused(op("SCAN").field("prefix", "").field("keys_only", 1), "BAD_REQUEST",
                   "'keys_only' must be a boolean");
    expect_refused(op("ELECT").field("node", 1ULL << 32), "BAD_REQUEST", "'node'");
    expect_refused(op("STATUS").field("trace", "yes"), "BAD_REQUEST", "'trace'");
}

TEST(ClientRequest, AnUnknownOpIsNamedAndTheOpsAreListed) {
    expect_refused(op("get").field("key", "k"), "BAD_REQUEST unknown op 'get'", "GET, DELETE");
    expect_refused(op("\xff\n"), "BAD_REQUEST unknown op '\\xff\\x0a'");
    expect_refused(Body(), "BAD_REQUEST", "'op' (str) is missing");
    expect_refused(Body().field("op", 5), "BAD_REQUEST", "'op' must be str");
}

TEST(ClientRequest, AWatchNamesAKeyOrAPrefixAndBearsAnId) {
    const std::string of_a_key = op("WATCH").field("id", 1).field("key", "k");
    const Watch key = taken<Watch>(of_a_key);
    EXPECT_EQ(key.key, "k");
    EXPECT_FALSE(key.prefix || key.from || key.progress_ms);
    const std::string of_all =
        op("WATCH").field("id", "x").field("prefix", "").field("from", 7).field("progress_ms", 100);
    const Watch prefix = taken<Watch>(of_all);
    EXPECT_TRUE(prefix.prefix && prefix.key.empty());
    EXPECT_EQ(prefix.from, 7U);
    EXPECT_EQ(prefix.progress_ms, 100U);
    expect_refused(op("WATCH").field("key", "k"), "BAD_REQUEST", "'id'");
    expect_refused(op("WATCH").field("id", 1), "BAD_REQUEST", "'key' or 'prefix'");
    expect_refused(op("WATCH").field("id", 1).field("key", ""), "BAD_REQUEST", "'prefix'");
    expect_refused(op("WATCH").field("id", 1).field("key", "k").field("prefix", "k"), "BAD_REQUEST",
                   "not both");
    expect_refused(op("WATCH").field("id", 1).field("key", "k").field("progress_ms", 99),
                   "BAD_REQUEST", "'progress_ms'");
    taken<Cancel>(op("CANCEL").field("id", 1));
    expect_refused(op("CANCEL"), "BAD_REQUEST", "'id'");
}

TEST(ClientRequest, ChangesNameTheNode) {
    const Body add = op("ADD").field("node", 4).field("peer", "tcp://h:1");
    expect_refused(Body(add), "BAD_REQUEST", "'client'");
    const std::string whole = Body(add).field("client", "tcp://h:2").field("learner", true);
    EXPECT_EQ(taken<Add>(whole).node, NodeId(4));
    EXPECT_EQ(taken<Add>(whole).peer, "tcp://h:1");
    EXPECT_EQ(taken<Add>(whole).client, "tcp://h:2");
    EXPECT_TRUE(taken<Add>(whole).learner);
    for (const char* name : {"ADD", "REMOVE", "PROMOTE", "DEMOTE"}) {
        expect_refused(op(name), "BAD_REQUEST", "'node'");
        expect_refused(op(name).field("node", 0), "BAD_REQUEST", "'node'");
        expect_refused(op(name).field("node", 1ULL << 32), "BAD_REQUEST", "'node'");
    }
    EXPECT_EQ(taken<Remove>(op("REMOVE").field("node", 2)).node, NodeId(2));
    EXPECT_EQ(taken<Promote>(op("PROMOTE").field("node", 2)).node, NodeId(2));
    const Demote demote = taken<Demote>(op("DEMOTE").field("node", 2));
    EXPECT_EQ(demote.node, NodeId(2));
    EXPECT_FALSE(demote.learner);
    EXPECT_TRUE(taken<Demote>(op("DEMOTE").field("node", 2).field("learner", true)).learner);
}

TEST(ClientRequest, ABackupBeginsOrGoesOn) {
    EXPECT_EQ(taken<Backup>(op("BACKUP")).backup, 0u);
    const Backup next = taken<Backup>(op("BACKUP").field("backup", 7).field("offset", 9));
    EXPECT_EQ(next.backup, 7u);
    EXPECT_EQ(next.offset, 9u);
    expect_refused(op("BACKUP").field("offset", 9), "BAD_REQUEST", "'backup'");
}

TEST(ClientRequest, LeaseReadsNeedLeases) {
    const std::string body = op("GET").field("key", "k").field("consistency", "lease");
    expect_refused(body, "UNSUPPORTED", "lease");
    EXPECT_EQ(taken<Get>(body, {.leases = true}).consistency, Consistency::lease);
}

TEST(ClientRequest, LimitsAreNamedWithTheSize) {
    taken<Get>(op("GET").field("key", "12345678"));
    expect_refused(op("GET").field("key", "123456789"), "TOO_LARGE",
                   "'key' is 9 bytes long; the limit is 8");
    expect_refused(op("SET").field("key", "k").field("value", std::string(17, 'x')), "TOO_LARGE",
                   "'value' is 17 bytes long; the limit is 16");
    expect_refused(op("DELETE").field("key", "k").field("if_value", std::string(17, 'x')),
                   "TOO_LARGE", "'if_value'");
    expect_refused(op("SCAN").field("prefix", "123456789"), "TOO_LARGE", "'prefix'");
    taken<Scan>(op("SCAN").field("start", "123456789").field("end", "9"));
}

TEST(ClientRequest, UnknownFieldsAreIgnoredAndDoubleOnesAreNot) {
    taken<Get>(op("GET").field("key", "k").field("colour", std::vector<int>{1, 2}));
    expect_refused(op("GET").field("key", "a").field("key", "b"), "BAD_REQUEST",
                   "'key' stands there twice");
}

TEST(ClientRequest, TheIdIsKeptByteForByteEvenIfTheRestIsWrong) {
    const std::vector<std::string> ids{
        std::string("\x07"),
        std::string("\xd3\0\0\0\0\0\0\0\x07", 9),  // 7 too, in nine bytes
        std::string("\xc0"),
        std::string("\x82\xa1k\x93\x01\x02\xc4\x01\xff\x00\xca\0\0\0\0", 15),
        std::string("\xd6\x05"
                    "abcd"),
        std::string("\xa0"),
    };
    for (const std::string& id : ids) {
        const std::string good = op("STATUS").raw("id", id);
        EXPECT_EQ(decode_request(good, kLimits).id, id);
        const std::string unknown = Body().raw("id", id).field("op", "NOPE");
        EXPECT_EQ(decode_request(unknown, kLimits).id, id);
        const std::string cut = std::string(Body().raw("id", id).field("op", "STATUS"));
        const Decoded decoded =
            decode_request(std::string_view(cut).substr(0, cut.size() - 1), kLimits);
        EXPECT_EQ(decoded.id, id);
        EXPECT_TRUE(std::holds_alternative<Failure>(decoded.outcome));
    }
}

TEST(ClientRequest, WhatIsNotOneMapIsRefused) {
    expect_refused("", "BAD_REQUEST", "empty");
    expect_refused("\xc1", "BAD_REQUEST");
    expect_refused("\x81", "BAD_REQUEST");
    expect_refused("\x90", "BAD_REQUEST", "an array");
    expect_refused("{\"op\": \"GET\"}", "BAD_REQUEST", "JSON");
    expect_refused(std::string(op("STATUS")) + '\0', "BAD_REQUEST", "1 bytes follow");
    expect_refused("\x81\x01\x02", "BAD_REQUEST", "str");
}

TEST(ClientRequest, ClaimsOfSizeAndDepthCostNothing) {
    expect_refused("\xdf\xff\xff\xff\xff", "BAD_REQUEST");
    expect_refused("\x81\xa2op\xdd\xff\xff\xff\xff", "BAD_REQUEST");
    expect_refused("\x81\xa2op\xdb\xff\xff\xff\xff", "BAD_REQUEST");
    expect_refused("\x81\xa2op" + std::string(1 << 20, '\x91') + "\xc0", "BAD_REQUEST", "'op'");
    expect_refused("\x81\xa2op" + std::string(1 << 20, '\x91'), "BAD_REQUEST");
}

// Every beginning of a request, and every request with one byte changed, is answered one way or the
// other, and no byte outside of it is touched (which the sanitizers watch).
TEST(ClientRequest, NoBytesAreTooStrange) {
    const std::string body = op("SET")
                                 .field("key", "k")
                                 .field("value", std::vector<char>{'v'})
                                 .field("if_revision", 70000)
                                 .field("id", std::vector<double>{1.5})
                                 .field("timeout_ms", 100);
    for (std::size_t length = 0; length < body.size(); ++length)
        expect_refused(std::string(body.data(), length), "BAD_REQUEST");
    for (std::size_t place = 0; place < body.size(); ++place) {
        for (int byte = 0; byte < 256; ++byte) {
            std::string changed = body;
            changed[place] = static_cast<char>(byte);
            const std::unique_ptr<char[]> exact(new char[changed.size()]);
            std::copy(changed.begin(), changed.end(), exact.get());
            decode_request({exact.get(), changed.size()}, kLimits);
        }
    }
}

// ---- replies

msgpack::object_handle unpacked(const std::string& bytes) {
    return msgpack::unpack(bytes.data(), bytes.size());
}

template <class Reply>
std::map<std::string, msgpack::object> fields(const Reply& reply, msgpack::object_handle& handle,
                                              ReplyHead head = {}) {
    std::string bytes;
    append_reply(bytes, head, reply);
    handle = unpacked(bytes);
    return handle.get().as<std::map<std::string, msgpack::object>>();
}

TEST(ClientReply, FailuresSayWhetherTheRequestMayHaveBeenExecuted) {
    msgpack::object_handle handle;
    auto no = fields(Failure{ErrorCode::busy, "full", {}}, handle, {"\x05", {}});
    EXPECT_EQ(no.at("ok").as<bool>(), false);
    EXPECT_EQ(no.at("id").as<int>(), 5);
    EXPECT_EQ(no.at("error").as<std::string>(), "BUSY");
    EXPECT_EQ(no.at("message").as<std::string>(), "full");
    EXPECT_EQ(no.at("executed").as<std::string>(), "no");
    auto unknown = fields(Failure{ErrorCode::timeout, "late", {}}, handle);
    EXPECT_EQ(unknown.at("executed").as<std::string>(), "unknown");
    EXPECT_FALSE(unknown.contains("id"));
}

TEST(ClientReply, AFailedConditionTellsWhatStands) {
    msgpack::object_handle handle;
    auto map = fields(Failure{ErrorCode::condition_failed, "no", ConditionFailed{true, 7}}, handle);
    EXPECT_EQ(map.at("revision").as<int>(), 7);
    EXPECT_EQ(map.at("found").as<bool>(), true);
}

TEST(ClientReply, ValuesAreBinAndAbsentOnesNil) {
    msgpack::object_handle handle;
    const GetAnswer there{Item{{}, SharedBytes::copy("red"), 9}};
    auto found = fields(GetReply{there, std::nullopt}, handle);
    EXPECT_EQ(found.at("value").type, msgpack::type::BIN);
    EXPECT_EQ(found.at("revision").as<int>(), 9);
    EXPECT_FALSE(found.contains("applied"));
    auto absent = fields(GetReply{GetAnswer{}, LogIndex(4)}, handle);
    EXPECT_EQ(absent.at("found").as<bool>(), false);
    EXPECT_TRUE(absent.at("value").is_nil());
    EXPECT_EQ(absent.at("applied").as<int>(), 4);
}

TEST(ClientReply, TheDigestIsSixteenHexDigits) {
    msgpack::object_handle handle;
    auto map = fields(StatusReply{.digest = 0xabc, .members = {}}, handle, {{}, "n1-7f3a-42"});
    EXPECT_EQ(map.at("digest").as<std::string>(), "0000000000000abc");
    EXPECT_EQ(map.at("request").as<std::string>(), "n1-7f3a-42");
}

TEST(ClientReply, AFailureMayBeUnknownWhateverItsCode) {
    msgpack::object_handle handle;
    auto map = fields(Failure{ErrorCode::bad_request, "old", {}, true}, handle);
    EXPECT_EQ(map.at("executed").as<std::string>(), "unknown");
    EXPECT_EQ(map.at("error").as<std::string>(), "BAD_REQUEST");
}

// ---- docs/protocol-vectors.json

std::string from_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
}
std::string to_hex(std::string_view bytes) {
    std::string hex;
    for (const unsigned char byte : bytes) {
        constexpr char digits[] = "0123456789abcdef";
        hex += {digits[byte >> 4], digits[byte & 15]};
    }
    return hex;
}

nlohmann::json vectors(const char* part) {
    std::ifstream file(RAFTBUS_SOURCE_DIR "/docs/protocol-vectors.json");
    return nlohmann::json::parse(file).at(part);
}

TEST(ProtocolVectors, RequestsAreReadAsWritten) {
    const nlohmann::json all = vectors("requests");
    ASSERT_GT(all.size(), 20u);
    for (const auto& vector : all) {
        const std::string body = from_hex(vector.at("hex"));
        const Decoded decoded = decode_request(body, {});
        EXPECT_EQ(to_hex(decoded.id), vector.value("id_hex", "")) << vector;
        if (vector.contains("error")) {
            const auto* failure = std::get_if<Failure>(&decoded.outcome);
            ASSERT_NE(failure, nullptr) << vector;
            EXPECT_EQ(to_string(failure->code), vector.at("error").get<std::string>()) << vector;
            EXPECT_NE(failure->message.find(vector.at("names")), std::string::npos)
                << vector << failure->message;
        } else {
            const auto* request = std::get_if<Request>(&decoded.outcome);
            ASSERT_NE(request, nullptr) << vector;
            EXPECT_EQ(to_text(request->operation), vector.at("reads")) << vector;
        }
    }
}

// The reply that a vector describes.
std::string reply_of(const nlohmann::json& vector) {
    const std::string id = from_hex(vector.value("id_hex", ""));
    const ReplyHead head{id, {}};
    const nlohmann::json& reply = vector.at("reply");
    const std::string kind = vector.at("kind");
    std::string bytes;
    if (kind == "write") {
        WriteReply write{reply.at("revision"), std::nullopt};
        if (reply.contains("found")) write.found = reply.at("found").get<bool>();
        append_reply(bytes, head, write);
    } else if (kind == "get") {
        GetAnswer answer;
        if (reply.at("found"))
            answer.item =
                Item{{}, SharedBytes::own(from_hex(reply.at("value_hex"))), reply.at("revision")};
        append_reply(bytes, head, GetReply{answer, std::nullopt});
    } else if (kind == "scan") {
        ScanAnswer answer{{}, reply.at("more")};
        for (const auto& item : reply.at("items_hex"))
            answer.items.push_back({SharedBytes::own(from_hex(item.at(0))),
                                    SharedBytes::own(from_hex(item.at(1))), item.at(2)});
        append_reply(bytes, head, ScanReply{answer, std::nullopt});
    } else if (kind == "heartbeat") {
        append_reply(bytes, head,
                     HeartbeatReply{NodeId(reply.at("leader")), Term(reply.at("term")),
                                    reply.at("round_trip_us")});
    } else if (kind == "watching") {
        append_reply(bytes, head, WatchingReply{LogIndex(reply.at("revision")), reply.at("incarnation")});
    } else if (kind == "event") {
        WatchEvent event{reply.at("revision"), {}};
        std::string pairs;
        append_event(pairs, KeyEvent::set, reply.at("key").get<std::string>(),
                     reply.at("value").get<std::string>(), event.revision);
        event.pairs = SharedBytes::own(std::move(pairs));
        append_reply(bytes, head, WatchEventReply{event});
    } else if (kind == "session") {
        append_reply(bytes, head, SessionReply{reply.at("session")});
    } else if (kind == "txn") {
        TxnReplyWriter writer(true, reply.at("revision"), 2);
        writer.set(reply.at("revision"));
        writer.got("12", 7);
        append_reply(bytes, head, TxnReply{writer.finish()});
    } else if (kind == "failure") {
        Failure failure{ErrorCode::bad_request, reply.at("message"), {}};
        for (int code = 0; to_string(failure.code) != reply.at("error");)
            failure.code = static_cast<ErrorCode>(++code);
        if (reply.contains("revision"))
            failure.stands = ConditionFailed{reply.at("found"), reply.at("revision")};
        append_reply(bytes, head, failure);
    }
    return bytes;
}

TEST(ProtocolVectors, RepliesAreWrittenAsTheySay) {
    const nlohmann::json all = vectors("replies");
    ASSERT_GT(all.size(), 5u);
    for (const auto& vector : all)
        EXPECT_EQ(to_hex(reply_of(vector)), vector.at("hex").get<std::string>()) << vector;
}

// ---- docs/protocol.md

std::string page() {
    std::ifstream file(RAFTBUS_SOURCE_DIR "/docs/protocol.md");
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ProtocolPage, NamesEveryFieldOfRequestsAndEveryError) {
    const std::string text = page();
    for (std::size_t i = 0; i < kFieldCount; ++i) {
        const std::string name = '`' + std::string(to_string(static_cast<Field>(i))) + '`';
        EXPECT_NE(text.find(name), std::string::npos) << name;
    }
    for (int i = 0; i <= static_cast<int>(ErrorCode::bad_revision); ++i) {
        const auto code = static_cast<ErrorCode>(i);
        const std::size_t row = text.find("\n| `" + std::string(to_string(code)) + "` |");
        ASSERT_NE(row, std::string::npos) << to_string(code);
        const std::string line = text.substr(row + 1, text.find('\n', row + 1) - row - 1);
        const char* executed = may_be_executed(code) ? "| unknown |" : "| no |";
        EXPECT_NE(line.find(executed), std::string::npos) << line;
    }
}

TEST(ProtocolPage, EveryHexDumpIsATestVector) {
    std::set<std::string> known;
    for (const char* part : {"requests", "replies"})
        for (const auto& vector : vectors(part)) known.insert(vector.at("hex"));
    std::istringstream lines(page());
    std::size_t dumps = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line != "```hex") continue;
        std::string hex;
        while (std::getline(lines, line) && line != "```")
            for (const char c : line.substr(0, line.find('|')))
                if (c != ' ') hex += c;
        EXPECT_TRUE(known.contains(hex)) << hex;
        ++dumps;
    }
    EXPECT_GT(dumps, 10u);
}

}  // namespace
}  // namespace raftbus::client
