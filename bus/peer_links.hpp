// peer_links: the connections to all peers, and what is done about those that go wrong.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "bus/peer_link.hpp"
#include "bus/post.hpp"
#include "bus/ready_list.hpp"

namespace raftbus {

class PeerLinks final : public PeerOutlet {
public:
    PeerLinks(Shared& shared, LinkEvents& events);

    void send(NodeId peer, const EncodedMessage& message) override;
    // The same for frames that are made already; frame 0 is room for the preamble.
    void send(NodeId peer, Frames& message);

    // To be called every now and then. `watched` is where the links are sources.
    void check(Moment now, ReadyList& watched);
    void close();
    // Makes links to those among the members who have none, ends the others. Not while the sources
    // are being visited. `configured`: index of the configuration in force.
    void follow(const std::vector<Member>& members, LogIndex configured, std::uint64_t formed,
                ReadyList& watched);

    const Member& member(NodeId peer) const { return links_.at(peer)->peer(); }
    std::vector<Source*> sources();

private:
    std::string preamble_for(NodeId peer) const;
    PeerLink& make(const Member& member);

    Shared& shared_;
    LinkEvents& events_;
    LogIndex configured_;
    std::uint64_t formed_ = 0;  // the id of this node's cluster; 0: not formed
    std::uint64_t links_made_ = 0;
    std::string endpoint_;  // of this node, for peers
    std::map<NodeId, std::unique_ptr<PeerLink>> links_;
    Frames frames_;
};

}  // namespace raftbus
