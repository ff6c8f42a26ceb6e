// peer_links: the connections to all peers, and what is done about those that go wrong.
//
// Owns: who is to be connected, at which numeric address each of them is tried (a name is asked for
// outside, again while there is no connection, and the last answer is kept), and that no address,
// and no want of sockets or files, ends the node: without its link it goes on, says so, and tries
// again. Must not know: what the links carry.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "bus/peer_link.hpp"
#include "bus/post.hpp"
#include "bus/ready_list.hpp"
#include "bus/resolver.hpp"
#include "messages/endpoint.hpp"

namespace raftbus {

class PeerLinks final : public PeerOutlet {
public:
    PeerLinks(Shared& shared, Complaints& complaints, Resolver& resolver, LinkEvents& events);

    void send(NodeId peer, const EncodedMessage& message) override;
    // The same for frames that are made already; frame 0 is room for the preamble.
    void send(NodeId peer, Frames& message);

    // To be called every now and then, and when the resolver has answered. `watched` is where the
    // links are sources. Not while the sources are being visited.
    void check(Moment now, ReadyList& watched);
    void close();
    // Makes links to those among the members who have none, ends the others. Not while the sources
    // are being visited. `configured`: index of the configuration in force.
    void follow(const std::vector<Member>& members, LogIndex configured, Moment now,
                ReadyList& watched);

    // Peers without a working connection, and why, in the order of ids.
    std::vector<UnreachablePeer> unreachable() const;

    // Empty: this node is not to be connected with it.
    std::string endpoint(NodeId peer) const {
        const auto found = wanted_.find(peer);
        return found == wanted_.end() ? std::string() : found->second.member.peer;
    }
    const Member& member(NodeId peer) const { return wanted_.at(peer).member; }
    std::vector<Source*> sources();

private:
    // Somebody to be connected with.
    struct Wanted {
        Member member;
        Endpoint endpoint;                   // of the member
        std::vector<std::string> addresses;  // of its host; empty: not known yet
        std::size_t tried = 0;               // which of them is
        Moment tried_since;
        std::optional<Moment> asked;     // when its name was asked for
        std::unique_ptr<PeerLink> link;  // null: there is none for now
    };

    std::string preamble_for(NodeId peer) const;
    void want(const Member& member, Moment now);
    void ask(Wanted& wanted, Moment now);
    void take_names(Moment now);
    void learn(Wanted& wanted, std::vector<std::string> addresses);
    // Makes the link, if there is an address. True: it is new.
    bool make(Wanted& wanted, Moment now);
    void rebuild(Wanted& wanted, Moment now, ReadyList& watched);
    void complain(const Member& member, std::string_view why, Moment now);

    Shared& shared_;
    Complaints& complaints_;
    Resolver& resolver_;
    LinkEvents& events_;
    LogIndex configured_;
    std::uint64_t links_made_ = 0;
    std::string endpoint_;  // of this node, for peers
    std::map<NodeId, Wanted> wanted_;
    Frames frames_;
};

}  // namespace raftbus
