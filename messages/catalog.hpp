// catalog: the closed list of all messages. A message's number on the wire is its place here:
// append at the end of its list, and raise kWireVersion when that is not possible.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "messages/backup.hpp"
#include "messages/envelope.hpp"
#include "messages/local.hpp"
#include "messages/raft.hpp"
#include "messages/watching.hpp"

namespace raftbus {

inline constexpr std::uint32_t kWireVersion = 1;

// Taken from peers and neighbours alike.
using PeerMessage =
    std::variant<PreVote, PreVoteReply, RequestVote, RequestVoteReply, TimeoutNow, Campaign,
                 CampaignReply, AppendEntries, AppendEntriesReply, Heartbeat, HeartbeatReply,
                 NewerTerm, TransferLeadership, Introduction, Propose, ProposeRefused, ReadIndex,
                 ReadIndexReply, ReadRefused, InstallSnapshot, InstallSnapshotReply, ChangeMembers,
                 MembersChanged, ChangeRefused, CompareDigest, CompareDigestReply, DigestVerdict>;

// Taken from the same node alone.
using LocalMessage = std::variant<
    Fence, Fenced, TermSaved, Lead, TermSeen, LeaderHeard, QuorumLost, SaveHardState,
    HardStateSaved, Append, Appended, AppendRefused, ReadLog, LogRead, Apply, Applied,
    OutcomesReady, ReadState, StateRead, LeaderChanged, AskReport, ElectionReport, ReplicatorReport,
    StateReport, PeerUp, PeerLost, Stop, Stopped, ClientRequests, ClientReplies, TakeSnapshot,
    Flushed, Compact, Compacted, SnapshotTaken, ReadSnapshot, SnapshotRead, WriteSnapshot,
    SnapshotWritten, InstallState, StateInstalled, RestartLog, Reconfigured, RemovalTold, Resign,
    Watch, Unwatch, WatchOn, Watching, WatchEvents, WatchEnded, LogCut, StreamReplies, StreamsTaken,
    ReadBackup, BackupRead, StateJudged, RepliesTaken, ClientsConnected, PeerSpeaks, KeptOut>;

namespace detail {
template <class... Variants>
struct Joined;
template <class... A, class... B>
struct Joined<std::variant<A...>, std::variant<B...>> {
    using type = std::variant<A..., B...>;
};
}  // namespace detail

using MessageVariant = detail::Joined<PeerMessage, LocalMessage>::type;

namespace detail {
// The number of alternatives if it is none of them.
template <class M, class... Messages>
constexpr std::size_t place_in(const std::variant<Messages...>*) {
    constexpr bool same[] = {std::is_same_v<M, Messages>...};
    std::size_t place = 0;
    while (place < sizeof...(Messages) && !same[place]) ++place;
    return place;
}
template <class M>
inline constexpr std::size_t kPlace = place_in<M>(static_cast<const MessageVariant*>(nullptr));
}  // namespace detail

// Any one message. A variant in everything but that what every variant needs, to be made, copied,
// moved, compared and destroyed, is compiled once and not in each file that sends a message.
struct AnyMessage : MessageVariant {
    template <class M>
    requires(detail::kPlace<M> < std::variant_size_v<MessageVariant>) AnyMessage(M message)
        : AnyMessage(detail::kPlace<M>, &message) {}
    template <std::size_t I>
    explicit AnyMessage(std::in_place_index_t<I> kind) : MessageVariant(kind) {}
    AnyMessage();
    AnyMessage(const AnyMessage&);
    AnyMessage(AnyMessage&&) noexcept;
    AnyMessage& operator=(const AnyMessage&);
    AnyMessage& operator=(AnyMessage&&) noexcept;
    ~AnyMessage();
    bool operator==(const AnyMessage&) const;

private:
    // Takes what `message` points at, which is the alternative of that index.
    AnyMessage(std::size_t index, void* message);
};

// A message's number: its index in AnyMessage. Peers' come first.
using MessageType = std::size_t;
inline constexpr MessageType kPeerMessageCount = std::variant_size_v<PeerMessage>;
inline constexpr MessageType kMessageCount = std::variant_size_v<MessageVariant>;
constexpr bool from_peers_too(MessageType type) {
    return type < kPeerMessageCount;
}

// The message's name as in its struct, "RequestVote". `type` must be below kMessageCount.
std::string_view name_of(MessageType type);

// What one delivery is: the outside and the inside.
struct Delivery {
    Envelope envelope;
    AnyMessage message;
};

}  // namespace raftbus
