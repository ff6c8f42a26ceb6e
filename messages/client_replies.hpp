// client_replies: replies to clients as msgpack maps.
//
// Owns: which fields each reply has and in which order. Keys and values of the store are always
// bin. Must not know: whom the reply goes to.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "messages/client.hpp"

namespace raftbus::client {

// What every reply bears.
struct ReplyHead {
    std::string_view id;       // msgpack, as the request had it; empty: it had none
    std::string_view request;  // the request's name in traces; empty: it did not ask for it
};

// Writes what a transaction's reply says (Transacted::reply) while its steps are carried out: each
// says what it would have answered alone.
class TxnReplyWriter {
public:
    // Exactly `steps` calls of the others follow.
    TxnReplyWriter(bool succeeded, std::uint64_t revision, std::size_t steps);
    void set(std::uint64_t revision);
    void erased(std::uint64_t revision, bool found);
    void got(std::optional<std::string_view> value, std::uint64_t revision);  // none: not found
    void scanned(const ScanAnswer& answer);
    Transacted finish() { return {SharedBytes::own(std::move(bytes_))}; }

private:
    std::string bytes_;
};

// What happened to a key.
enum class KeyEvent : std::uint8_t { set, erase, expire };
// What every watch is told of it (WatchEvent::pairs); `value` counts for a set alone.
void append_event(std::string& out, KeyEvent event, std::string_view key, std::string_view value,
                  std::uint64_t revision);

// Each appends one map to `out`.
void append_reply(std::string& out, const ReplyHead& head, const Failure& failure);
void append_reply(std::string& out, const ReplyHead& head, const WriteReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const SessionReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const TxnReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const GetReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const ScanReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const StatusReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const HeartbeatReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const LogReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const ElectReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const MembersReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const SnapshotReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const WatchingReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const WatchEventReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const ProgressReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const CancelledReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const KeepAliveReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const IncarnateReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const BackupReply& reply);

}  // namespace raftbus::client
