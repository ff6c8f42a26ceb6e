#include "messages/client_codec.hpp"

#include <limits>

#include "messages/client_fields.hpp"
#include "messages/client_txn.hpp"

namespace raftbus::client {
namespace {

constexpr std::string_view kOps =
    "SET, GET, DELETE, NO-OP, TXN, SESSION, SCAN, STATUS, HEARTBEAT, LOG, ELECT, MEMBERS, ADD, "
    "REMOVE, PROMOTE, DEMOTE, SNAPSHOT, BACKUP, WATCH, CANCEL";
constexpr std::uint64_t kProgressMinMs = 100;
constexpr std::uint64_t kNumbersEnd = std::uint64_t{1} << 53;  // for JavaScript's sake

// Reads the fields of one op. Every function takes what is there and leaves what is wrong in the
// fields' failure(), which is looked at once, at the end.
class Ops {
public:
    // `body` is what the fields were found in.
    Ops(std::string_view body, Fields& fields, const Limits& limits)
        : body_(body), fields_(fields), limits_(limits) {}

    std::optional<Operation> read(std::string_view op) {
        if (op == "SET") return set(op);
        if (op == "GET") return Get{key(op), consistency()};
        if (op == "DELETE") return erase(op);
        if (op == "NO-OP" || op == "NOOP") return NoOp{};
        if (op == "SCAN") return scan();
        if (op == "STATUS") return Status{};
        if (op == "HEARTBEAT") return Heartbeat{};
        if (op == "LOG") return log();
        if (op == "ELECT") return elect();
        if (op == "MEMBERS") return Members{};
        if (op == "SNAPSHOT") return Snapshot{};
        if (op == "ADD") return add();
        if (op == "REMOVE") return Remove{member(op)};
        if (op == "PROMOTE") return Promote{member(op)};
        if (op == "SESSION") return OpenSession{};
        if (op == "TXN") return txn();
        if (op == "WATCH") return watch();
        if (op == "CANCEL") return cancel();
        if (op == "DEMOTE")
            return Demote{member(op), fields_.boolean(Field::learner).value_or(false),
                          fields_.number(Field::disk).value_or(0)};
        if (op == "BACKUP") return backup();
        unknown(op);
        return std::nullopt;
    }

    TxnParts txn_parts() {
        return decode_txn(body_, fields_, limits_, [this](std::string_view map, Fields& fields) {
            const auto op = fields.text(Field::op);
            std::optional<Operation> step;
            if (op == "SET" || op == "DELETE" || op == "GET" || op == "SCAN")
                step = Ops(map, fields, limits_).read(*op);
            else
                fields.fail(ErrorCode::bad_request,
                            "the field 'op' (str) must be SET, DELETE, GET or SCAN");
            if (fields.has(Field::if_revision) || fields.has(Field::if_value))
                fields.fail(ErrorCode::bad_request,
                            "a transaction's conditions stand in its field 'if' alone");
            return step;
        });
    }

    // Of a write.
    std::optional<SessionUse> session() {
        if (!fields_.has(Field::session) && !fields_.has(Field::seq)) return std::nullopt;
        const auto session = fields_.number(Field::session);
        const auto seq = fields_.number(Field::seq);
        if (!seq) bad("a write with the field 'session' needs the field 'seq' (uint), too");
        if (!session) bad("a write with the field 'seq' needs the field 'session' (uint), too");
        if (seq && (*seq == 0 || *seq >= kNumbersEnd))
            bad("field 'seq' must be from 1 and below 2^53");
        return SessionUse{session.value_or(0), seq.value_or(0)};
    }

private:
    Operation set(std::string_view op) {
        Set set{key(op), {}, condition(), ttl()};
        if (const auto value = fields_.bytes(Field::value, limits_.value_bytes_max))
            set.value = *value;
        else
            missing(op, "'value' (bin or str)");
        return set;
    }
    std::optional<std::uint64_t> ttl() {
        const auto ttl_ms = fields_.number(Field::ttl_ms);
        if (ttl_ms && (*ttl_ms == 0 || *ttl_ms >= kNumbersEnd))
            bad("field 'ttl_ms' must be from 1 and below 2^53");
        return ttl_ms;
    }
    Operation erase(std::string_view op) { return Delete{key(op), condition()}; }
    Operation txn() {
        const TxnParts parts = txn_parts();
        return Txn{body_, static_cast<std::uint32_t>(parts.conditions.size()),
                   static_cast<std::uint32_t>(parts.then.size()),
                   static_cast<std::uint32_t>(parts.otherwise.size())};
    }
    Operation scan() {
        Scan scan;
        const auto prefix = fields_.bytes(Field::prefix, limits_.key_bytes_max);
        // A byte more than a key, so that the last key and a zero byte make the next start.
        const auto start = fields_.bytes(Field::start, limits_.key_bytes_max + 1);
        const auto end = fields_.bytes(Field::end, limits_.key_bytes_max + 1);
        if (prefix && (start || end))
            bad("SCAN takes either 'prefix' or 'start' and 'end', not both");
        else if (prefix)
            scan.keys = Prefix{*prefix};
        else if (start && end)
            scan.keys = Range{*start, *end};
        else if (start)
            missing("SCAN", "'end' (bin or str) beside 'start'");
        else if (end)
            missing("SCAN", "'start' (bin or str) beside 'end'");
        else
            missing("SCAN", "'prefix', or 'start' and 'end' (bin or str)");
        scan.limit = limit(scan.limit);
        scan.keys_only = fields_.boolean(Field::keys_only).value_or(false);
        scan.consistency = consistency();
        return scan;
    }
    Operation watch() {
        Watch watch;
        if (!fields_.has(Field::id)) missing("WATCH", "'id': the replies to come bear it");
        const auto key = fields_.bytes(Field::key, limits_.key_bytes_max);
        const auto prefix = fields_.bytes(Field::prefix, limits_.key_bytes_max);
        if (key && prefix)
            bad("WATCH takes either 'key' or 'prefix', not both");
        else if (!key && !prefix)
            missing("WATCH", "'key' or 'prefix' (bin or str)");
        else if (key && key->empty())
            bad("field 'key' must not be empty; an empty 'prefix' watches every key");
        watch.key = key ? *key : prefix.value_or(std::string_view());
        watch.prefix = prefix.has_value();
        watch.from = fields_.number(Field::from);
        if (watch.from && *watch.from >= kNumbersEnd) bad("field 'from' must be below 2^53");
        watch.progress_ms = fields_.number(Field::progress_ms);
        if (watch.progress_ms &&
            (*watch.progress_ms < kProgressMinMs || *watch.progress_ms >= kNumbersEnd))
            bad("field 'progress_ms' must be from 100 and below 2^53");
        return watch;
    }
    Operation cancel() {
        if (!fields_.has(Field::id)) missing("CANCEL", "'id', that of the watch");
        return Cancel{};
    }
    Operation log() {
        Log log;
        log.from = LogIndex(fields_.number(Field::from).value_or(0));
        log.limit = limit(log.limit);
        return log;
    }
    Operation elect() {
        const auto node = fields_.number(Field::node);
        if (!node) return Elect{};
        return Elect{node_id(*node)};
    }
    // What its endpoints are worth, the leader judges with the membership before it.
    Operation add() {
        Add add{.node = member("ADD"), .peer = endpoint(Field::peer)};
        add.client = endpoint(Field::client);
        add.learner = fields_.boolean(Field::learner).value_or(false);
        return add;
    }

    Operation backup() {
        const Backup backup{fields_.number(Field::backup).value_or(0),
                            fields_.number(Field::offset).value_or(0)};
        if (backup.offset >= kNumbersEnd) bad("field 'offset' must be below 2^53");
        if (backup.offset != 0 && backup.backup == 0)
            missing("BACKUP", "'backup' (uint) beside 'offset': which one");
        return backup;
    }

    std::string_view endpoint(Field field) {
        const auto endpoint = fields_.text(field);
        if (!endpoint || endpoint->empty())
            missing("ADD", "'" + std::string(to_string(field)) +
                               "' (str), the node's endpoint: tcp://HOST:PORT");
        return endpoint.value_or(std::string_view());
    }
    NodeId node_id(std::uint64_t number) {
        constexpr std::uint64_t node_max = std::numeric_limits<NodeId::rep>::max();
        if (number > node_max)
            bad("field 'node' must be a node's id, at most " + std::to_string(node_max));
        return NodeId(static_cast<NodeId::rep>(number));
    }
    NodeId member(std::string_view op) {
        const auto number = fields_.number(Field::node);
        if (!number) missing(op, "'node' (uint), the node's id");
        if (number && *number == 0) bad("field 'node' must be a node's id, from 1");
        return node_id(number.value_or(0));
    }

    std::string_view key(std::string_view op) {
        const auto key = fields_.bytes(Field::key, limits_.key_bytes_max);
        if (!key)
            missing(op, "'key' (bin or str)");
        else if (key->empty())
            bad("field 'key' must not be empty");
        return key.value_or(std::string_view());
    }
    Condition condition() {
        return {fields_.number(Field::if_revision),
                fields_.bytes(Field::if_value, limits_.value_bytes_max)};
    }
    std::uint64_t limit(std::uint64_t otherwise) {
        const std::uint64_t limit = fields_.number(Field::limit).value_or(otherwise);
        if (limit == 0) bad("field 'limit' must be at least 1");
        return limit;
    }
    Consistency consistency() {
        const auto name = fields_.text(Field::consistency);
        if (!name || *name == "linearizable") return Consistency::linearizable;
        if (*name == "local") return Consistency::local;
        if (*name != "lease")
            bad("field 'consistency' must be 'linearizable', 'lease' or 'local', not '" +
                printable(*name) + "'");
        else if (!limits_.leases)
            fields_.fail(ErrorCode::unsupported,
                         "consistency 'lease' needs a cluster that runs with leader leases (node "
                         "option lease-duration)");
        return Consistency::lease;
    }

    void bad(std::string message) { fields_.fail(ErrorCode::bad_request, std::move(message)); }
    void missing(std::string_view op, std::string_view what) {
        if (!fields_.failure()) bad(std::string(op) + " needs the field " + std::string(what));
    }
    void unknown(std::string_view op) {
        bad("unknown op '" + printable(op) + "'; the ops, in upper case, are " + std::string(kOps));
    }

    std::string_view body_;
    Fields& fields_;
    const Limits& limits_;
};

bool takes_session(const Operation& operation) {
    const Op op = op_of(operation);
    return op == Op::set || op == Op::erase || op == Op::no_op || op == Op::txn;
}

}  // namespace

Decoded decode_request(std::string_view body, const Limits& limits) {
    Fields fields(body);
    Decoded decoded{fields.id(), Request{}};
    auto& request = std::get<Request>(decoded.outcome);
    if (!fields.failure()) {
        if (const auto op = fields.text(Field::op)) {
            Ops ops(body, fields, limits);
            if (const auto operation = ops.read(*op)) request.operation = *operation;
            if (takes_session(request.operation)) request.session = ops.session();
        } else {
            fields.fail(ErrorCode::bad_request,
                        "the field 'op' (str) is missing; the ops are " + std::string(kOps));
        }
        request.timeout_ms = fields.number(Field::timeout_ms);
        if (request.timeout_ms && *request.timeout_ms == 0)
            fields.fail(ErrorCode::bad_request, "field 'timeout_ms' must be at least 1");
        request.needs_version = fields.number(Field::needs_version);
        request.trace = fields.boolean(Field::trace).value_or(false);
    }
    if (fields.failure()) decoded.outcome = *fields.failure();
    return decoded;
}

TxnParts read_txn(const Txn& txn, const Limits& limits) {
    Fields fields(txn.map);
    return Ops(txn.map, fields, limits).txn_parts();
}

Failure no_body() {
    return {ErrorCode::bad_request,
            "no empty frame before the body, or no body after it: send ['', body], an empty frame "
            "and then one frame with a msgpack map (a REQ socket adds the empty frame itself)",
            {}};
}

}  // namespace raftbus::client
