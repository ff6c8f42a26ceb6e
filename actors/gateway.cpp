#include "actors/gateway.hpp"

#include <algorithm>

#include "actors/gateway_txn.hpp"
#include "messages/check.hpp"
#include "storage/sessions.hpp"

namespace raftbus {
namespace {

using client::ErrorCode;
using client::Failure;
using client::Op;

enum GatewayTimer : TimerId {
    kDeadline,
    kRetryWrites,
    kRetryReads,
    kStop,
    kRetryMembers,
    kRetryStreams,
    kProgress
};

// How long requests in flight may go on when the node is told to stop.
constexpr Duration kStopWithin = 500ms;

Command command_of(const client::Set& set) {
    Command command{CommandKind::set, set.key, set.value, set.condition.if_revision,
                    set.condition.if_value};
    command.ttl_ms = set.ttl_ms.value_or(0);
    return command;
}
Command command_of(const client::Delete& erase) {
    return {
        CommandKind::erase, erase.key, {}, erase.condition.if_revision, erase.condition.if_value};
}
Command open_session(std::uint64_t life_ms) {
    Command command;
    command.kind = CommandKind::session;
    command.ttl_ms = life_ms;
    return command;
}

bool is_write(Op op) {
    return op == Op::set || op == Op::erase || op == Op::no_op || op == Op::session ||
           op == Op::txn;
}
bool is_read(Op op) {
    return op == Op::get || op == Op::scan || op == Op::heartbeat;
}

// Answered from the own state.
bool needs_state(Op op) {
    return is_write(op) || op == Op::get || op == Op::scan || op == Op::backup || op == Op::watch;
}

// Its reply may hold much, and can't be put off once it is under way, as reads are.
bool may_be_long(Op op) {
    return op == Op::log || op == Op::txn || op == Op::backup;
}

Failure not_served(const StateJudged& judged) {
    if (judged.damaged) return state_damaged();
    return {ErrorCode::busy,
            "the state of this node differs from the other nodes', so it answers nothing from it: "
            "send the request to another one (the node's log says more; raftbus repair --force is "
            "what helps)",
            {}};
}

bool is_change(Op op) {
    return op == Op::add || op == Op::remove || op == Op::promote || op == Op::demote;
}

MemberChange change_of(const client::Add& add) {
    return {ChangeKind::add,
            {add.node, !add.learner, std::string(add.peer), std::string(add.client)}};
}
MemberChange change_of(const client::Demote& demote) {
    return {ChangeKind::demote, {demote.node, !demote.learner}};
}
MemberChange change_of(ChangeKind kind, NodeId node) {
    return {kind, {node}};
}

template <class... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace

Gateway::Gateway(Context& context, const GatewayOptions& options)
    : context_(context),
      options_(options),
      limits_{options.key_bytes_max, options.value_bytes_max, options.leases},
      versions_(context.self().node, options.versions),
      in_flight_({options.requests_max, options.requests_per_client_max, options.bytes_max}),
      answers_(context, in_flight_,
               {options.unread_bytes_max, options.unread_bytes_per_client_max}),
      writes_(context, options_, in_flight_, answers_, kRetryWrites),
      reads_(context, in_flight_, answers_, kRetryReads),
      reports_(context, options_, in_flight_, answers_, versions_),
      log_(context, options_, in_flight_, answers_),
      elections_(context, in_flight_, answers_),
      snapshots_(context, answers_),
      backups_(context, answers_),
      members_(context, options.incarnation, in_flight_, answers_, kRetryMembers),
      watches_(context, options_, in_flight_, answers_, kRetryStreams, kProgress),
      deadline_(context, kDeadline),
      stop_(context, kStop) {}

// ---- requests

void Gateway::on(const ClientRequests& requests, const Envelope&) {
    for (const ClientFrame& frame : requests.frames) take(frame);
}

// Refuses the request at once, or takes it in flight.
void Gateway::take(const ClientFrame& frame) {
    if (!frame.body) return answers_.refuse(frame.route, {}, client::no_body());
    const client::Decoded decoded = client::decode_request(frame.body->view(), limits_);
    if (const auto* failure = std::get_if<Failure>(&decoded.outcome))
        return answers_.refuse(frame.route, decoded.id, *failure);
    if (stopping_)
        return answers_.refuse(
            frame.route, decoded.id,
            {ErrorCode::busy, "this node is stopping: send the request to another one", {}});
    if (const auto full = in_flight_.full(frame.route.view(), frame.body->size()))
        return answers_.refuse(frame.route, decoded.id, {ErrorCode::busy, *full, {}});

    const auto& request = std::get<client::Request>(decoded.outcome);
    if (request.needs_version)
        if (const auto refusal = versions_.refusal(*request.needs_version))
            return answers_.refuse(frame.route, decoded.id, {ErrorCode::unsupported, *refusal, {}});
    if (may_be_long(client::op_of(request.operation)))
        if (const auto full = answers_.unread().full(frame.route.view()))
            return answers_.refuse(frame.route, decoded.id, {ErrorCode::busy, *full, {}});
    const Op op = client::op_of(request.operation);
    const bool damaged = unserved_ && unserved_->code == ErrorCode::damaged;
    if (unserved_ && (needs_state(op) || (damaged && op == Op::snapshot)))
        return answers_.refuse(frame.route, decoded.id, *unserved_);
    begin(admit(frame, decoded, request), request);
}

RequestKey Gateway::admit(const ClientFrame& frame, const client::Decoded& decoded,
                          const client::Request& request) {
    const auto max = static_cast<std::uint64_t>(options_.timeout_max / 1ms);
    const Duration timeout =
        request.timeout_ms ? Duration(std::chrono::milliseconds(std::min(*request.timeout_ms, max)))
                           : options_.timeout_default;
    const RequestId name = next_request();
    if (context_.traced()) context_.mark(name, client::to_text(request.operation));
    return in_flight_.add({
        .route = frame.route,
        .id = std::string(decoded.id),
        .op = client::op_of(request.operation),
        .trace = request.trace,
        .request = name,
        .bytes = frame.body->size(),
        .deadline = context_.now() + timeout,
    });
}

RequestId Gateway::next_request() {
    ++requests_taken_;
    return {context_.self().node, options_.incarnation << 32 | requests_taken_};
}

// Copies of it what it keeps: the frame may be a part of a whole burst.
void Gateway::begin(RequestKey key, const client::Request& request) {
    const std::uint64_t life_ms = options_.session_life_ms;
    const auto write = [&](Command command) {
        if (request.session) {
            command.session = request.session->session;
            command.seq = request.session->seq;
        }
        writes_.add(key, command);
    };
    std::visit(Overloaded{
                   [&](const client::Set& set) { write(command_of(set)); },
                   [&](const client::Delete& erase) { write(command_of(erase)); },
                   [&](const client::NoOp&) { write(Command{}); },
                   [&](const client::OpenSession&) { write(open_session(life_ms)); },
                   [&](const client::Txn& txn) {
                       const std::string body = pack_transaction(client::read_txn(txn, limits_), options_);
                       Command command{.kind = CommandKind::transaction};
                       command.value = body;
                       write(command);
                   },
                   [&](const client::Get& get) {
                       reads_.add(key, get.consistency, GetQuery{SharedBytes::copy(get.key)});
                   },
                   [&](const client::Scan& scan) { begin_scan(key, scan); },
                   [&](const client::Heartbeat&) { reads_.add_heartbeat(key); },
                   [&](const client::Status&) { reports_.add(key); },
                   [&](const client::Members&) { reports_.add(key); },
                   [&](const client::Log& log) { log_.add(key, log); },
                   [&](const client::Elect& elect) { elections_.add(key, elect); },
                   [&](const client::Snapshot&) { snapshots_.add(key); },
                   [&](const client::Backup& backup) { backups_.add(key, backup); },
                   [&](const client::Demote& demote) { members_.add(key, change_of(demote)); },
                   [&](const client::Add& add) { members_.add(key, change_of(add)); },
                   [&](const client::Remove& remove) {
                       members_.add(key, change_of(ChangeKind::remove, remove.node));
                   },
                   [&](const client::Promote& promote) {
                       members_.add(key, change_of(ChangeKind::promote, promote.node));
                   },
                   [&](const client::Watch& watch) { watches_.add(key, watch); },
                   [&](const client::Cancel&) { watches_.cancel(key); },
               },
               request.operation);
}

void Gateway::begin_scan(RequestKey key, const client::Scan& scan) {
    ScanQuery query;
    if (const auto* prefix = std::get_if<client::Prefix>(&scan.keys)) {
        query.start = SharedBytes::copy(prefix->prefix);
        if (auto end = end_of(prefix->prefix)) query.end = SharedBytes::own(std::move(*end));
    } else {
        const auto& range = std::get<client::Range>(scan.keys);
        query.start = SharedBytes::copy(range.start);
        query.end = SharedBytes::copy(range.end);
    }
    query.limit = std::min(scan.limit, options_.scan_items_max);
    query.bytes_max = options_.scan_bytes_max;
    query.keys_only = scan.keys_only;
    reads_.add(key, scan.consistency, std::move(query));
}

// ---- what the other actors say

void Gateway::on(const LeaderChanged& leader, const Envelope&) {
    if (leader.term < leader_.term || leader == leader_) return;  // nothing new
    leader_ = leader;
    writes_.on_leader_changed(leader);
    reads_.on_leader_changed(leader);
    elections_.on_leader_changed(leader);
    members_.on_leader_changed(leader);
}

void Gateway::on(const ProposeRefused& refused, const Envelope&) {
    writes_.on_refused(refused);
}
void Gateway::on(const OutcomesReady& ready, const Envelope&) {
    writes_.on_outcomes(ready);
    watches_.on_applied(ready.index);
}

void Gateway::on(const ReadIndexReply& reply, const Envelope& envelope) {
    reads_.on_confirmed(reply, envelope);
}
void Gateway::on(const ReadRefused& refused, const Envelope&) {
    reads_.on_refused(refused);
}
void Gateway::on(const StateRead& state, const Envelope&) {
    reads_.on_answers(state);
}

void Gateway::on(const LogRead& read, const Envelope&) {
    log_.on_read(read);
}

void Gateway::on(const ElectionReport& report, const Envelope&) {
    reports_.on_report(report);
}
void Gateway::on(const StateReport& report, const Envelope&) {
    reports_.on_report(report);
}
void Gateway::on(const ReplicatorReport& report, const Envelope&) {
    elections_.on_members(report);
    reports_.on_report(report);
}
void Gateway::on(const CampaignReply& reply, const Envelope& envelope) {
    elections_.on_campaign(reply, envelope.from.node);
}

void Gateway::on(const Introduction& introduction, const Envelope& envelope) {
    reports_.on_introduction(introduction, envelope.from.node);
}
void Gateway::on(const PeerUp& peer, const Envelope&) {
    reports_.on_peer_up(peer.peer);
    writes_.on_peer_up(peer.peer);
    members_.on_peer_up(peer.peer);
}

void Gateway::on(const MembersChanged& changed, const Envelope&) {
    members_.on_changed(changed, reports_.described(changed.members));
}
void Gateway::on(const ChangeRefused& refused, const Envelope&) {
    members_.on_refused(refused);
}

// Nothing follows from it here: whether a proposal reached the log, the log alone will tell, and
// who leads, election.
void Gateway::on(const PeerLost&, const Envelope&) {}

void Gateway::on(const Stop&, const Envelope&) {
    if (stopping_) return;
    stopping_ = true;
    watches_.stop();
    stop_.start(kStopWithin);
}

void Gateway::on(const SnapshotTaken& taken, const Envelope&) {
    snapshots_.on_taken(taken);
}

void Gateway::on(const BackupRead& read, const Envelope&) {
    backups_.on_read(read);
}
void Gateway::on(const Watching& watching, const Envelope&) {
    watches_.on_watching(watching);
}
void Gateway::on(const WatchEvents& events, const Envelope&) {
    watches_.on_events(events);
}
void Gateway::on(const WatchEnded& ended, const Envelope&) {
    watches_.on_ended(ended);
}
void Gateway::on(const StreamsTaken& taken, const Envelope&) {
    watches_.on_taken(taken);
}

// What the state did with writes that are under way may be wrong as well.
void Gateway::on(const StateJudged& judged, const Envelope&) {
    unserved_.reset();
    if (!judged.diverged && !judged.damaged) return;
    unserved_ = not_served(judged);
    for (const RequestKey key : in_flight_.all()) {
        const InFlightRequest* request = in_flight_.find(key);
        if (!needs_state(request->op)) continue;
        const Failure failure = is_write(request->op) ? writes_.expired(*request) : *unserved_;
        answers_.give(key, failure);
    }
    watches_.end_all(*unserved_);
}

void Gateway::on(const Reconfigured& reconfigured, const Envelope&) {
    versions_.cluster_speaks(reconfigured.configuration.version);
}

void Gateway::on(const PeerSpeaks& speaks, const Envelope&) {
    versions_.peer_speaks(speaks.peer, {speaks.oldest, speaks.newest});
}

void Gateway::on(const RepliesTaken& taken, const Envelope&) {
    for (const TakenReplies& of : taken.clients)
        answers_.unread().taken(of.client.view(), of.bytes);
    reads_.on_room();
}

void Gateway::on(const ClientsConnected& connected, const Envelope&) {
    reports_.on_connected(connected);
}

// ---- time

void Gateway::on_timer(TimerId id) {
    if (deadline_.fired(id)) expire(in_flight_.due(context_.now()));
    if (stop_.fired(id)) {
        expire(in_flight_.all());
        watches_.drop();
    }
    writes_.on_timer(id);
    reads_.on_timer(id);
    members_.on_timer(id);
    watches_.on_timer(id);
}

void Gateway::expire(const std::vector<RequestKey>& keys) {
    for (const RequestKey key : keys) {
        const InFlightRequest* request = in_flight_.find(key);
        CHECK(request != nullptr);
        const Failure failure = expired(key, *request);
        answers_.give(key, failure);
    }
    elections_.prune();
}

Failure Gateway::expired(RequestKey key, const InFlightRequest& request) {
    if (is_write(request.op)) return writes_.expired(request);
    if (is_read(request.op)) {
        const Failure failure = reads_.expired();
        const auto full = answers_.unread().full(request.route.view());
        return full ? Failure{ErrorCode::busy, *full, {}} : failure;
    }
    if (is_change(request.op)) return members_.expired(key);
    if (request.op == Op::watch) return watches_.expired(key);
    if (request.op == Op::elect)
        return {ErrorCode::no_leader, "no leader came of the election in time", {}};
    if (request.op == Op::snapshot)
        return {ErrorCode::timeout, "the state is not flushed yet: it goes on without you", {}};
    if (request.op == Op::backup)
        return {ErrorCode::timeout, "the backup is not made yet: give it more time", {}};
    return {ErrorCode::timeout, "this node's own actors did not answer in time", {}};
}

void Gateway::restart_deadlines() {
    const auto next = in_flight_.next_deadline();
    if (!next || (deadline_.running() && deadline_at_ <= *next)) return;
    deadline_at_ = *next;
    deadline_.start(std::max(*next - context_.now(), Duration(0)));
}

void Gateway::on_drained() {
    writes_.send_waiting();
    reads_.send_waiting();
    reports_.send_waiting();
    snapshots_.send_waiting();
    answers_.flush();
    watches_.send_waiting();
    restart_deadlines();
    if (!stopping_ || stopped_ || in_flight_.size() > 0 || !watches_.idle()) return;
    stopped_ = true;
    stop_.stop();
    context_.send({context_.self().node, ActorName::bus}, Stopped{});
}

std::string Gateway::describe() const {
    return "gateway with " + std::to_string(in_flight_.size()) + " requests in flight of " +
           std::to_string(in_flight_.clients()) + " clients";
}

}  // namespace raftbus
