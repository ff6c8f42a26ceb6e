#include "messages/client.hpp"

namespace raftbus::client {
namespace {

static_assert(std::is_trivially_copyable_v<Operation>, "requests are moved about a lot");

template <class Kind, Op op>
constexpr bool kNumbered =
    std::is_same_v<std::variant_alternative_t<static_cast<std::size_t>(op), Operation>, Kind>;
static_assert(kNumbered<Set, Op::set> && kNumbered<Get, Op::get> && kNumbered<Delete, Op::erase> &&
              kNumbered<NoOp, Op::no_op> && kNumbered<Scan, Op::scan> &&
              kNumbered<Status, Op::status> && kNumbered<Heartbeat, Op::heartbeat> &&
              kNumbered<Log, Op::log> && kNumbered<Elect, Op::elect> &&
              kNumbered<Members, Op::members> && kNumbered<Snapshot, Op::snapshot> &&
              kNumbered<Add, Op::add> && kNumbered<Remove, Op::remove> &&
              kNumbered<Promote, Op::promote> && kNumbered<OpenSession, Op::session> &&
              kNumbered<Txn, Op::txn> && kNumbered<Watch, Op::watch> &&
              kNumbered<Cancel, Op::cancel> && kNumbered<Demote, Op::demote> &&
              kNumbered<Backup, Op::backup>);

struct Line {
    std::string operator()(const Set& set) const {
        return "Set " + printable(set.key) + " (" + std::to_string(set.value.size()) + " B)";
    }
    std::string operator()(const Get& get) const { return "Get " + printable(get.key); }
    std::string operator()(const Delete& erase) const { return "Delete " + printable(erase.key); }
    std::string operator()(const NoOp&) const { return "NoOp"; }
    std::string operator()(const Scan& scan) const {
        if (const auto* prefix = std::get_if<Prefix>(&scan.keys))
            return "Scan " + printable(prefix->prefix) + "*";
        const auto& range = std::get<Range>(scan.keys);
        return "Scan " + printable(range.start) + ".." + printable(range.end);
    }
    std::string operator()(const Status&) const { return "Status"; }
    std::string operator()(const Heartbeat&) const { return "Heartbeat"; }
    std::string operator()(const Log& log) const {
        return "Log from " + std::to_string(log.from.value);
    }
    std::string operator()(const Elect& elect) const {
        return elect.node ? "Elect n" + std::to_string(elect.node->value) : "Elect";
    }
    std::string operator()(const Members&) const { return "Members"; }
    std::string operator()(const Snapshot&) const { return "Snapshot"; }
    std::string operator()(const Add& add) const {
        return "Add n" + std::to_string(add.node.value);
    }
    std::string operator()(const Remove& remove) const {
        return "Remove n" + std::to_string(remove.node.value);
    }
    std::string operator()(const Promote& promote) const {
        return "Promote n" + std::to_string(promote.node.value);
    }
    std::string operator()(const OpenSession&) const { return "Session"; }
    std::string operator()(const Demote& demote) const {
        return "Demote n" + std::to_string(demote.node.value);
    }
    std::string operator()(const Backup& backup) const {
        return backup.backup ? "Backup from " + std::to_string(backup.offset) : "Backup";
    }
    std::string operator()(const Txn& txn) const {
        return "Txn of " + std::to_string(txn.conditions) + " conditions, " +
               std::to_string(txn.then) + " or " + std::to_string(txn.otherwise) + " steps";
    }
    std::string operator()(const Watch& watch) const {
        return "Watch " + printable(watch.key) + (watch.prefix ? "*" : "") +
               (watch.from ? " from " + std::to_string(*watch.from) : "");
    }
    std::string operator()(const Cancel&) const { return "Cancel"; }
};

}  // namespace

std::string_view to_string(ErrorCode code) {
    constexpr std::string_view names[] = {
        "BAD_REQUEST", "TOO_LARGE", "CONDITION_FAILED", "NO_LEADER",       "BUSY",
        "NO_SPACE",    "TIMEOUT",   "UNSUPPORTED",      "SESSION_EXPIRED", "COMPACTED",
        "DAMAGED"};
    return names[static_cast<std::size_t>(code)];
}

std::string to_text(const Operation& operation) {
    return std::visit(Line{}, operation);
}

std::string printable(std::string_view text, std::size_t length_max) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const char c : text.substr(0, length_max)) {
        if (c >= ' ' && c <= '~' && c != '\\') {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
        }
    }
    if (text.size() > length_max) out += "...";
    return out;
}

}  // namespace raftbus::client
