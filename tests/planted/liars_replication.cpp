// liars_replication: lies about entries and their acknowledgements.
#include <algorithm>
#include <deque>
#include <iterator>
#include <map>

#include "tests/planted/bug.hpp"
#include "tests/planted/liar.hpp"

namespace raftbus::planted {
namespace {

using sim::Fault;
using sim::SimNode;

// The replicator hears that entries are durable when they have only been sent to storage.
class AckBeforeSync : public Liar {
    bool on_send(SimNode& node, Envelope&, AnyMessage& message) override {
        if (auto* append = std::get_if<Append>(&message))
            forge(node, ActorName::storage, ActorName::replicator, Appended{append->request});
        return true;
    }
    bool on_receive(SimNode&, Envelope& envelope, AnyMessage& message) override {
        const bool answer = std::get_if<Appended>(&message) || std::get_if<AppendRefused>(&message);
        return !answer || forged(envelope);
    }
};

// A follower acknowledges its whole log instead of what it was sent.
class WholeLogAcked : public Liar {
    bool on_send(SimNode& node, Envelope&, AnyMessage& message) override {
        if (auto* reply = std::get_if<AppendEntriesReply>(&message)) {
            if (auto* matched = std::get_if<Matched>(&reply->outcome))
                matched->index = node.replicator().log().durable();
        } else if (auto* beat = std::get_if<HeartbeatReply>(&message)) {
            beat->matched = node.replicator().log().durable();
        }
        return true;
    }
};

// What a heartbeat's answer says of the log is not looked at, so an acknowledgement that was lost
// is never made up for.
class LostAckNotRepeated : public Liar {
    bool on_receive(SimNode&, Envelope&, AnyMessage& message) override {
        if (auto* reply = std::get_if<HeartbeatReply>(&message)) reply->matched = LogIndex();
        return true;
    }
};

// What did not fit on the disk is acknowledged.
class FullDiskAcked : public Liar {
    bool on_send(SimNode&, Envelope&, AnyMessage& message) override {
        if (auto* refused = std::get_if<AppendRefused>(&message))
            message = Appended{refused->request};
        return true;
    }
};

// A message with many batches lacks one in the middle.
class GapInAppend : public Liar {
    bool on_send(SimNode&, Envelope&, AnyMessage& message) override {
        auto* append = std::get_if<AppendEntries>(&message);
        if (append && append->batches.size() >= 3)
            append->batches.erase(append->batches.begin() + 1);
        return true;
    }
};

// Storage's answers are taken for the entry that they were asked about, whichever request wrote it:
// what was cut since and came back with the same index and term counts as durable too early.
class AckedByEntry : public Liar {
    struct Asked {
        StorageRequest request;
        EntryId entry;
    };
    bool on_send(SimNode& node, Envelope&, AnyMessage& message) override {
        if (auto* append = std::get_if<Append>(&message))
            asked_[node.id()].push_back({append->request, append->batches.empty()
                                                              ? EntryId{}
                                                              : append->batches.back().last()});
        return true;
    }
    bool on_receive(SimNode& node, Envelope& envelope, AnyMessage& message) override {
        auto* appended = std::get_if<Appended>(&message);
        if (!appended || forged(envelope)) return true;
        std::deque<Asked>& asked = asked_[node.id()];
        if (asked.empty() || asked.front().request != appended->request) return false;
        const EntryId entry = asked.front().entry;
        asked.pop_front();
        const auto same = std::find_if(asked.rbegin(), asked.rend(), [&](const Asked& later) {
            return entry.index && later.entry == entry;
        });
        for (auto left = std::distance(same, asked.rend()); left > 0; --left) {
            forge(node, ActorName::storage, ActorName::replicator, Appended{asked.front().request});
            asked.pop_front();
        }
        return true;
    }
    std::map<NodeId, std::deque<Asked>> asked_;  // and not answered, oldest first
};

// Entry 1 of term 1 is written by node 3, cut by the leader of term 2, and comes back with the
// leader of term 3, while node 3's storage still has the cut and the entry of term 2 on its disk.
// Now the very first answer arrives.
void entry_comes_back(Script& script) {
    script.hold(storage(3), replicator(3));
    script.hold_entries(1, {2, 4, 5});
    script.time_out(1);
    script.settle();
    script.hold_entries(2, {1, 4, 5});
    script.time_out(2);
    script.settle();
    script.hold(replicator(3), storage(3));
    script.time_out(1);
    script.settle();
    constexpr int kAnswers = 8;  // more than there are
    for (int i = 0; i < kAnswers; ++i) script.deliver(storage(3), replicator(3));
}

// Acknowledgements of an earlier leadership of this node count in the present one.
class OldAcksCounted : public Liar {
    bool on_receive(SimNode& node, Envelope&, AnyMessage& message) override {
        auto* reply = std::get_if<AppendEntriesReply>(&message);
        if (reply && std::get_if<Matched>(&reply->outcome) && node.replicator().leads())
            reply->term = node.replicator().fence();
        return true;
    }
};

}  // namespace

std::vector<Bug> liars_of_replication() {
    return {
        {"ack_before_sync",
         "entries are acknowledged, and counted, before they are durable",
         "message",
         50,
         {},
         make<AckBeforeSync>},
        {"acked_by_entry",
         "an answer of storage is known by index and term, not by its request",
         "message, by script",
         1,
         {},
         make<AckedByEntry>,
         entry_comes_back},
        {"whole_log_acked",
         "a follower acknowledges its whole log, not what was matched",
         "message",
         400,
         {},
         make<WholeLogAcked>},
        {"lost_ack_not_repeated", "an acknowledgement that was lost is never repeated", "message",
         100, only({Fault::loss, Fault::cut, Fault::disconnect}), make<LostAckNotRepeated>},
        {"full_disk_acked", "what found no room on the disk is acknowledged", "message", 200,
         only({Fault::full_disk, Fault::power}), make<FullDiskAcked>},
        {"gap_in_append",
         "a message of many batches lacks one in the middle",
         "message",
         50,
         {},
         make<GapInAppend>},
        {"old_acks_counted", "acknowledgements of an earlier leadership of a node count again",
         "message", 1200,
         only({Fault::delay, Fault::reorder, Fault::duplicate, Fault::elect, Fault::cut,
               Fault::partition}),
         make<OldAcksCounted>},
    };
}

}  // namespace raftbus::planted
