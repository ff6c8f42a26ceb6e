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

    const Member& member(NodeId peer) const { return links_.at(peer)->peer(); }
    std::vector<Source*> sources();

private:
    Shared& shared_;
    std::map<NodeId, std::unique_ptr<PeerLink>> links_;
    Frames frames_;
};

}  // namespace raftbus
