// proposals: a gateway's writes between their arrival and their outcome.
//
// Owns: the bodies that gather, those that wait to be proposed, and those that were proposed and
// whose outcome is not known yet. The rule that makes failover seamless lives here: a proposal
// names its term, and the terms in a log never fall, so once this node has applied an entry of a
// later term, a proposal without an outcome is certainly not in the log, and waits again. Must not
// know: who leads, clients, timers, how a message is sent.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/in_flight.hpp"
#include "messages/local.hpp"
#include "messages/raft.hpp"
#include "storage/command.hpp"

namespace raftbus {

class Proposals {
public:
    // Reads from `in_flight` which clients still wait. A body holds at most `batch_bytes_max`, or
    // one command. Numbers its proposals from above `before`, which must be drawn anew in every
    // life of the process: outcomes and refusals of an earlier life's proposals can still come in.
    Proposals(const InFlight& in_flight, std::uint64_t batch_bytes_max, ProposalNumber before)
        : in_flight_(in_flight), batch_bytes_max_(batch_bytes_max), last_proposal_(before) {}

    // Adds a request's command to the body that gathers. Copies the command's bytes. Returns the
    // batch that it went into, by which expired() and proposed() know it.
    BatchNumber add(RequestKey key, const Command& command);

    struct Outgoing {
        Propose message;
        RequestId request;  // the request in it that traces are to follow
    };
    // The oldest batch that waits, as a proposal of `term` under a number of its own; none if
    // nothing waits. Commands whose clients have been answered meanwhile are left out. CHECKs that
    // `term` is not below that of an earlier call.
    std::optional<Outgoing> propose(Term term);

    // All proposals of `term` whose fate is not known, oldest first, under the numbers they have:
    // the leader answers each of them once, however often it comes.
    std::vector<Outgoing> repeat(Term term);
    std::size_t outstanding_count() const { return proposed_.size(); }

    // The proposal was refused: it waits again. Numbers that are not known (any more) do nothing.
    void wait_again(ProposalNumber proposal);
    // The proposal was refused for good: forgets it, and returns its requests.
    std::vector<RequestKey> give_up(ProposalNumber proposal);

    // What the state machine has applied: returns each request with what became of it, which lies
    // in `ready`, and lets wait again what is certainly not in the log.
    std::vector<std::pair<RequestKey, const CommandOutcome*>> applied(const OutcomesReady& ready);

    // A snapshot took the place of all entries of terms up to `term`, and of their outcomes: forgets
    // what was proposed in them, and returns its requests.
    std::vector<RequestKey> lose(Term term);

    // True if the batch may be in the log: it was proposed, and nothing says that it was lost.
    bool proposed(BatchNumber batch) const;
    // One of the batch's requests was answered without an outcome. A batch that nobody waits for is
    // forgotten.
    void expired(BatchNumber batch);

private:
    struct Entry {
        RequestKey key;
        std::size_t end;  // of its command in the body
    };
    struct Batch {
        std::vector<Entry> commands;
        SharedBytes body;
        std::uint32_t body_crc = 0;
        std::size_t unanswered = 0;  // clients who still wait
        RequestId request;           // the first one that asked for a trace, else the last one
        bool traced = false;         // it asked for it
        Term term;                   // of the proposal
        ProposalNumber proposal;     // 0: it waits
    };

    void seal();
    void rebuild(Batch& batch) const;
    static Outgoing outgoing(const Batch& batch);
    std::optional<Batch> take(ProposalNumber proposal);

    const InFlight& in_flight_;
    std::uint64_t batch_bytes_max_;

    BatchNumber gathering_number_{1};
    Batch gathering_;  // its body is still being written:
    std::string gathering_body_;

    std::map<BatchNumber, Batch> batches_;            // waiting and proposed ones
    std::set<BatchNumber> waiting_;                   // oldest first
    std::map<ProposalNumber, BatchNumber> proposed_;  // their terms never fall
    ProposalNumber last_proposal_;
    Term last_term_;
};

}  // namespace raftbus
