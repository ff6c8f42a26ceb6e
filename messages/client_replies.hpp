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

// Each appends one map to `out`.
void append_reply(std::string& out, const ReplyHead& head, const Failure& failure);
void append_reply(std::string& out, const ReplyHead& head, const WriteReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const GetReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const ScanReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const StatusReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const HeartbeatReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const LogReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const ElectReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const MembersReply& reply);
void append_reply(std::string& out, const ReplyHead& head, const SnapshotReply& reply);

}  // namespace raftbus::client
