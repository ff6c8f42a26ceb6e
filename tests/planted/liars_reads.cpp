// liars_reads: lies about whether a read may be answered.
#include <map>

#include "tests/planted/bug.hpp"
#include "tests/planted/liar.hpp"

namespace raftbus::planted {
namespace {

using sim::Fault;
using sim::SimNode;

// A leader takes itself for the only one, without asking.
class ReadUnconfirmed : public Liar {
    bool on_receive(SimNode& node, Envelope& envelope, AnyMessage& message) override {
        auto* read = std::get_if<ReadIndex>(&message);
        if (!read || !node.replicator().leads()) return true;
        send(node, envelope.to, envelope.from,
             ReadIndexReply{read->read, node.replicator().log().commit(),
                            node.replicator().fence()});
        return false;
    }
};

// All questions of a gateway have one number, so a late answer to an old one answers the newest.
class ReadNumberReused : public Liar {
    bool on_send(SimNode& node, Envelope&, AnyMessage& message) override {
        if (auto* read = std::get_if<ReadIndex>(&message)) newest_[node.id()] = read->read;
        return true;
    }
    bool on_receive(SimNode& node, Envelope&, AnyMessage& message) override {
        if (auto* reply = std::get_if<ReadIndexReply>(&message)) reply->read = newest_[node.id()];
        return true;
    }
    std::map<NodeId, ReadNumber> newest_;
};

// The state machine answers before it has applied what the leader named.
class ReadBeforeApplied : public Liar {
    bool on_send(SimNode&, Envelope&, AnyMessage& message) override {
        if (auto* read = std::get_if<ReadState>(&message)) read->at = LogIndex();
        return true;
    }
};

// Answers to an older term's heartbeats confirm reads of this one.
class OldHeartbeatsCounted : public Liar {
    bool on_receive(SimNode& node, Envelope&, AnyMessage& message) override {
        if (auto* reply = std::get_if<HeartbeatReply>(&message); reply && node.replicator().leads())
            reply->term = node.replicator().fence();
        return true;
    }
};

// All rounds have one number, so a late answer to an old one confirms the newest.
class RoundReused : public Liar {
    bool on_send(SimNode& node, Envelope&, AnyMessage& message) override {
        if (auto* beat = std::get_if<Heartbeat>(&message)) newest_[node.id()] = beat->round;
        return true;
    }
    bool on_receive(SimNode& node, Envelope&, AnyMessage& message) override {
        if (auto* reply = std::get_if<HeartbeatReply>(&message)) reply->round = newest_[node.id()];
        return true;
    }
    std::map<NodeId, Round> newest_;
};

}  // namespace

std::vector<Bug> liars_of_reads() {
    return {
        {"read_unconfirmed",
         "a leader answers reads without asking whether it still leads",
         "message",
         50,
         {},
         make<ReadUnconfirmed>},
        {"read_number_reused", "a late answer to an earlier question answers a later one",
         "message", 100, only({Fault::delay, Fault::clog, Fault::cut}), make<ReadNumberReused>},
        {"round_reused", "a late answer to an old round of heartbeats confirms a new one",
         "message", 400, only({Fault::delay, Fault::clog, Fault::cut, Fault::partition}),
         make<RoundReused>},
        {"old_heartbeats_counted", "answers to an earlier term's heartbeats confirm reads",
         "message", 400,
         only({Fault::delay, Fault::clog, Fault::cut, Fault::partition, Fault::elect}),
         make<OldHeartbeatsCounted>},
        {"read_before_applied",
         "a read is answered before its index is applied",
         "message",
         50,
         {},
         make<ReadBeforeApplied>},
    };
}

}  // namespace raftbus::planted
