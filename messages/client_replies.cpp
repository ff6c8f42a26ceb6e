#include "messages/client_replies.hpp"

#include <msgpack.hpp>

#include "messages/text.hpp"

namespace raftbus::client {
namespace {

struct Appender {
    std::string& out;
    void write(const char* bytes, std::size_t count) { out.append(bytes, count); }
};

constexpr std::uint32_t kTxnReplyFields = 3;  // succeeded, revision, results
constexpr std::uint32_t kEventFields = 4;     // event, key, value, revision

struct Binary {
    std::string_view bytes;
};
struct Nil {};
struct Versions {  // [oldest, newest]; none of them: not known
    std::uint64_t oldest, newest;
};

// Writes one map, whose size has to be known before its first field.
class MapWriter {
public:
    MapWriter(std::string& out, std::uint32_t size) : appender_{out}, packer_(appender_) {
        packer_.pack_map(size);
    }
    // Pairs of a map whose head somebody else writes.
    explicit MapWriter(std::string& out) : appender_{out}, packer_(appender_) {}
    // A reply with `fields` fields of its own.
    MapWriter(std::string& out, const ReplyHead& head, bool ok, std::uint32_t fields)
        : MapWriter(out, fields + 1 + !head.id.empty() + !head.request.empty()) {
        field("ok", ok);
        if (!head.id.empty()) raw("id", head.id);
        if (!head.request.empty()) field("request", head.request);
    }
    MapWriter(const MapWriter&) = delete;
    MapWriter& operator=(const MapWriter&) = delete;

    template <class Value>
    MapWriter& field(std::string_view name, const Value& value) {
        write(name);
        write(value);
        return *this;
    }
    MapWriter& raw(std::string_view name, std::string_view msgpack) {
        write(name);
        appender_.out += msgpack;
        return *this;
    }

    // Its `size` elements follow.
    void array(std::string_view name, std::size_t size) {
        write(name);
        packer_.pack_array(static_cast<std::uint32_t>(size));
    }
    // Pairs that are written already.
    void pairs(std::string_view msgpack) { appender_.out += msgpack; }

    void write(bool value) { value ? packer_.pack_true() : packer_.pack_false(); }
    void write(std::uint64_t value) { packer_.pack_uint64(value); }
    template <class Tag, class Rep>
    void write(Strong<Tag, Rep> value) {
        packer_.pack_uint64(value.value);
    }
    void write(const Versions& versions) {
        packer_.pack_array(versions.newest ? 2 : 0);
        if (!versions.newest) return;
        write(versions.oldest);
        write(versions.newest);
    }
    void write(const Divergence& diverged) {
        MapWriter(appender_.out, 4)
            .field("index", diverged.index)
            .field("digest", std::string_view(hex(diverged.digest)))
            .field("expected", std::string_view(hex(diverged.expected)))
            .field("by_majority", diverged.by_majority);
    }
    void write(Nil) { packer_.pack_nil(); }
    void write(std::string_view value) {
        const auto size = static_cast<std::uint32_t>(value.size());
        packer_.pack_str(size).pack_str_body(value.data(), size);
    }
    void write(Binary value) {
        const auto size = static_cast<std::uint32_t>(value.bytes.size());
        packer_.pack_bin(size).pack_bin_body(value.bytes.data(), size);
    }
    void write(const std::optional<std::string_view>& bytes) {
        bytes ? write(Binary{*bytes}) : write(Nil{});
    }
    void write(const Item& item) {
        packer_.pack_array(3);
        write(Binary{item.key.view()});
        write(Binary{item.value.view()});
        write(item.revision);
    }
    void write(const MemberInfo& info) {
        MapWriter(appender_.out, 7)
            .field("node", info.member.node)
            .field("kind", std::string_view(info.member.voter ? "voter" : "learner"))
            .field("peer", std::string_view(info.member.peer))
            .field("client", std::string_view(info.member.client))
            .field("trace", std::string_view(info.trace))
            .field("promote", info.member.promote)
            .field("speaks", Versions{info.oldest, info.newest});
    }
    void write(const LogEntry& entry) {
        MapWriter(appender_.out, 6)
            .field("index", entry.index)
            .field("term", entry.term)
            .field("leader", entry.leader)
            .field("kind", entry.kind)
            .field("key", entry.key)
            .field("value", entry.value);
    }
    template <class Element>
    void write(const std::vector<Element>& elements) {
        packer_.pack_array(static_cast<std::uint32_t>(elements.size()));
        for (const Element& element : elements) write(element);
    }

private:
    Appender appender_;
    msgpack::packer<Appender> packer_;
};

}  // namespace

void append_reply(std::string& out, const ReplyHead& head, const Failure& failure) {
    MapWriter map(
        out, head, false,
        3 + (failure.stands ? 2 : 0) + failure.first.has_value() + failure.told.has_value());
    map.field("error", to_string(failure.code))
        .field("message", std::string_view(failure.message))
        .field(
            "executed",
            std::string_view(may_be_executed(failure.code) || failure.unknown ? "unknown" : "no"));
    if (failure.stands)
        map.field("revision", failure.stands->revision).field("found", failure.stands->found);
    if (failure.first) map.field("first", *failure.first);
    if (failure.told) map.field("revision", *failure.told);
}

void append_reply(std::string& out, const ReplyHead& head, const WriteReply& reply) {
    MapWriter map(out, head, true, reply.found ? 2 : 1);
    map.field("revision", reply.revision);
    if (reply.found) map.field("found", *reply.found);
}

void append_reply(std::string& out, const ReplyHead& head, const SessionReply& reply) {
    MapWriter(out, head, true, 1).field("session", reply.session);
}

void append_reply(std::string& out, const ReplyHead& head, const TxnReply& reply) {
    MapWriter(out, head, true, kTxnReplyFields).pairs(reply.answer.reply.view());
}

TxnReplyWriter::TxnReplyWriter(bool succeeded, std::uint64_t revision, std::size_t steps) {
    MapWriter map(bytes_);
    map.field("succeeded", succeeded).field("revision", revision);
    map.array("results", steps);
}

void TxnReplyWriter::set(std::uint64_t revision) {
    MapWriter(bytes_, 1).field("revision", revision);
}

void TxnReplyWriter::erased(std::uint64_t revision, bool found) {
    MapWriter(bytes_, 2).field("revision", revision).field("found", found);
}

void TxnReplyWriter::got(std::optional<std::string_view> value, std::uint64_t revision) {
    MapWriter(bytes_, 3)
        .field("found", value.has_value())
        .field("value", value)
        .field("revision", revision);
}

void TxnReplyWriter::scanned(const ScanAnswer& answer) {
    MapWriter(bytes_, 2).field("items", answer.items).field("more", answer.more);
}

void append_reply(std::string& out, const ReplyHead& head, const GetReply& reply) {
    const std::optional<Item>& item = reply.answer.item;
    MapWriter map(out, head, true, reply.applied ? 4 : 3);
    map.field("found", item.has_value());
    if (item)
        map.field("value", Binary{item->value.view()}).field("revision", item->revision);
    else
        map.field("value", Nil{}).field("revision", std::uint64_t{0});
    if (reply.applied) map.field("applied", *reply.applied);
}

void append_reply(std::string& out, const ReplyHead& head, const ScanReply& reply) {
    MapWriter map(out, head, true, reply.applied ? 3 : 2);
    map.field("items", reply.answer.items).field("more", reply.answer.more);
    if (reply.applied) map.field("applied", *reply.applied);
}

void append_reply(std::string& out, const ReplyHead& head, const StatusReply& reply) {
    const std::uint32_t optional = (reply.diverged ? 1 : 0) + (reply.damaged.empty() ? 0 : 1);
    MapWriter map(out, head, true, 25 + optional);
    map.field("node", reply.node)
        .field("cluster", reply.cluster)
        .field("role", reply.role)
        .field("term", reply.term)
        .field("leader", reply.leader)
        .field("first", reply.first)
        .field("last", reply.last)
        .field("commit", reply.commit)
        .field("applied", reply.applied)
        .field("digest", std::string_view(hex(reply.digest)))
        .field("members", reply.members)
        .field("version", reply.version)
        .field("uptime_ms", reply.uptime_ms)
        .field("client", reply.client)
        .field("trace", reply.trace)
        .field("storage_answers", reply.storage_answers)
        .field("keys", reply.keys)
        .field("member", reply.member)
        .field("in_flight", reply.in_flight)
        .field("in_flight_bytes", reply.in_flight_bytes)
        .field("unread_bytes", reply.unread_bytes)
        .field("clients", reply.clients)
        .field("clients_refused", reply.clients_refused)
        .field("cluster_version", std::uint64_t{reply.cluster_version})
        .field("speaks", Versions{reply.oldest, reply.newest});
    if (reply.diverged) map.field("diverged", *reply.diverged);
    if (!reply.damaged.empty()) map.field("damaged", reply.damaged);
}

void append_reply(std::string& out, const ReplyHead& head, const HeartbeatReply& reply) {
    MapWriter(out, head, true, 3)
        .field("leader", reply.leader)
        .field("term", reply.term)
        .field("round_trip_us", reply.round_trip_us);
}

void append_reply(std::string& out, const ReplyHead& head, const LogReply& reply) {
    MapWriter(out, head, true, 4)
        .field("entries", reply.entries)
        .field("first", reply.first)
        .field("last", reply.last)
        .field("more", reply.more);
}

void append_reply(std::string& out, const ReplyHead& head, const ElectReply& reply) {
    MapWriter(out, head, true, 2).field("leader", reply.leader).field("term", reply.term);
}

void append_reply(std::string& out, const ReplyHead& head, const MembersReply& reply) {
    MapWriter(out, head, true, 1).field("members", reply.members);
}

void append_reply(std::string& out, const ReplyHead& head, const SnapshotReply& reply) {
    MapWriter(out, head, true, 1).field("index", reply.index);
}

void append_event(std::string& out, KeyEvent event, std::string_view key, std::string_view value,
                  std::uint64_t revision) {
    constexpr std::string_view names[] = {"set", "delete", "expire"};
    MapWriter map(out);
    map.field("event", names[static_cast<std::size_t>(event)]).field("key", Binary{key});
    if (event == KeyEvent::set)
        map.field("value", Binary{value});
    else
        map.field("value", Nil{});
    map.field("revision", revision);
}

void append_reply(std::string& out, const ReplyHead& head, const WatchingReply& reply) {
    MapWriter(out, head, true, 2).field("watching", true).field("revision", reply.revision);
}

void append_reply(std::string& out, const ReplyHead& head, const WatchEventReply& reply) {
    MapWriter map(out, head, true, kEventFields + reply.more);
    map.pairs(reply.event.pairs.view());
    if (reply.more) map.field("more", true);
}

void append_reply(std::string& out, const ReplyHead& head, const ProgressReply& reply) {
    MapWriter(out, head, true, 2).field("progress", true).field("revision", reply.revision);
}

void append_reply(std::string& out, const ReplyHead& head, const CancelledReply&) {
    MapWriter(out, head, true, 1).field("cancelled", true);
}

void append_reply(std::string& out, const ReplyHead& head, const BackupReply& reply) {
    const BackupPiece& piece = reply.piece;
    MapWriter(out, head, true, 9)
        .field("backup", piece.snapshot.id)
        .field("revision", piece.snapshot.last.index)
        .field("term", piece.snapshot.last.term)
        .field("digest", std::string_view(hex(piece.digest)))
        .field("time_us", static_cast<std::uint64_t>(piece.clock.value))
        .field("size", piece.snapshot.size)
        .field("offset", piece.offset)
        .field("crc", std::uint64_t{piece.crc})
        .field("bytes", Binary{piece.bytes.view()});
}

}  // namespace raftbus::client
