// gateway_members: ADD, REMOVE and PROMOTE: takes a change to whoever leads, until it is done.
//
// Owns: the requests for changes. Takes MembersChanged, ChangeRefused, LeaderChanged, PeerUp; sends
// ChangeMembers. Must not know: which changes make sense.
//
// To ask for what is so already succeeds, so a change is asked again whenever the last time may
// have been lost. A refusal is final only if no earlier try may have been taken.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/answers.hpp"
#include "actors/context.hpp"
#include "actors/in_flight.hpp"
#include "actors/timer.hpp"

namespace raftbus {

class GatewayMembers {
public:
    // `incarnation` tells the numbers of two lives of the node apart.
    GatewayMembers(Context& context, std::uint64_t incarnation, const InFlight& in_flight,
                   Answers& answers, TimerId retry_timer)
        : context_(context),
          in_flight_(in_flight),
          answers_(answers),
          last_change_(incarnation << 32),
          retry_(context, retry_timer) {}

    // Takes the change of a request that is in flight.
    void add(RequestKey key, MemberChange wanted);

    void on_leader_changed(const LeaderChanged& leader);
    void on_peer_up(NodeId peer);
    // `members`: those of `changed`, as clients are told of them.
    void on_changed(const MembersChanged& changed, const std::vector<client::MemberInfo>& members);
    void on_refused(const ChangeRefused& refused);
    void on_timer(TimerId id);

    // The change's deadline has passed: what to tell its client, who is answered next.
    client::Failure expired(RequestKey key);

private:
    struct Wanted {
        RequestKey key;
        MemberChange change;
        ChangeNumber asked;       // the last time; 0: not yet, or refused
        bool may_happen = false;  // an earlier try may have been taken
        std::string obstacle;     // that was named last
    };

    void ask(Wanted& wanted);
    void ask_all();
    Wanted* find(ChangeNumber change);
    client::Failure unknown(const std::string& why) const;
    void prune();

    Context& context_;
    const InFlight& in_flight_;
    Answers& answers_;
    std::vector<Wanted> wanted_;
    ChangeNumber last_change_;
    LeaderChanged leader_;
    Timer retry_;  // runs while something is wanted
};

}  // namespace raftbus
