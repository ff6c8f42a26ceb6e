#include "storage/sessions.hpp"

#include <algorithm>
#include <msgpack/pack.hpp>

#include "messages/msgpack_reader.hpp"
#include "storage/kv_table.hpp"
#include "storage/numbers.hpp"

namespace raftbus {
namespace {

struct Sink {  // what msgpack::packer writes to
    std::string& out;
    void write(const char* bytes, std::size_t size) { out.append(bytes, size); }
};
using Packer = msgpack::packer<Sink>;

void pack_bytes(Packer& packer, std::string_view bytes) {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    packer.pack_bin(size).pack_bin_body(bytes.data(), size);
}

void pack_bool(Packer& packer, bool truth) {
    truth ? packer.pack_true() : packer.pack_false();
}

// ---- outcomes: an array of the kind and its fields. A Written fits into a string without memory
// of its own.

// What a session, and each outcome in it, takes besides its bytes, roughly.
constexpr std::uint64_t kSessionCost = 256;
constexpr std::uint64_t kOutcomeCost = 64;
// A session with more bytes of outcomes loses those before others lose theirs.
constexpr std::uint64_t kHeavyBytes = 64 << 10;

enum OutcomeKind : std::uint8_t { kWritten, kConditionFailed, kTransacted, kAnswerTooLarge };

std::string encode(const CommandOutcome& outcome) {
    std::string bytes;
    Sink sink{bytes};
    Packer packer(sink);
    const auto begin = [&](OutcomeKind kind, std::uint32_t fields) {
        packer.pack_array(fields + 1);
        packer.pack_uint8(kind);
    };
    if (const auto* written = std::get_if<Written>(&outcome)) {
        begin(kWritten, 2);
        packer.pack_uint64(written->revision);
        pack_bool(packer, written->found);
    } else if (const auto* failed = std::get_if<ConditionFailed>(&outcome)) {
        begin(kConditionFailed, 2);
        packer.pack_uint64(failed->revision);
        pack_bool(packer, failed->found);
    } else if (const auto* transacted = std::get_if<Transacted>(&outcome)) {
        begin(kTransacted, 1);
        pack_bytes(packer, transacted->reply.view());
    } else if (const auto* large = std::get_if<AnswerTooLarge>(&outcome)) {
        begin(kAnswerTooLarge, 2);
        packer.pack_uint64(large->bytes).pack_uint64(large->limit);
    } else {
        CHECK(false, "what was not executed is not remembered");
    }
    return bytes;
}

// None if the bytes are no outcome.
std::optional<CommandOutcome> decode(std::string_view bytes) {
    MsgpackReader in(bytes);
    MsgpackValue array, kind, first, second;
    if (!in.enter(array) || array.kind != MsgpackKind::array || array.number < 2) return {};
    if (!in.read(kind) || !in.read(first)) return {};
    if (array.number > 2 && !in.read(second)) return {};
    switch (kind.number) {
        case kWritten:
            return Written{first.number, second.boolean};
        case kConditionFailed:
            return ConditionFailed{second.boolean, first.number};
        case kTransacted:
            return Transacted{SharedBytes::copy(first.bytes)};
        case kAnswerTooLarge:
            return AnswerTooLarge{first.number, second.number};
        default:
            return {};
    }
}

}  // namespace

// ---- life and death

// For one incarnation each step is one to one in the numbers below 2^53, so that two commands get
// the same only where one of them opened a session before there were incarnations.
std::uint64_t Sessions::fresh_id(std::uint64_t incarnation, std::uint64_t index) const {
    constexpr std::uint64_t mask = kIndexEnd - 1;
    std::uint64_t id = index & mask;
    if (incarnation) {
        id = ((id ^ incarnation) * 0x9e3779b97f4a7c15U) & mask;
        id ^= id >> 27;
        id = (id * 0xbf58476d1ce4e5b9U) & mask;
    }
    while (id == 0 || by_id_.contains(id)) id = (id + 1) & mask;
    return id;
}

std::vector<std::uint64_t> Sessions::open(std::uint64_t id, std::uint64_t index, Duration life,
                                          WallTime clock) {
    CHECK(!by_id_.contains(id), "the id is a fresh one");
    std::vector<std::uint64_t> gone;
    if (by_id_.size() >= limits_.sessions_max) {
        gone.push_back(by_use_.front().id);
        erase(by_use_.begin());
    }
    Session& session = by_use_.emplace_back();
    session.id = id;
    session.life = life;
    session.used = clock;
    session.used_at = index;
    by_id_.emplace(id, std::prev(by_use_.end()));
    due_.insert({session.due(), id});
    changed_.insert(id);
    count(session);
    const std::vector<std::uint64_t> more = forget_beyond_all(id);
    gone.insert(gone.end(), more.begin(), more.end());
    return gone;
}

// An entry that comes too early is put where it belongs by now. What goes is told in the order of
// ids, since the order in which it is found depends on when this node was started.
std::vector<std::uint64_t> Sessions::expire(WallTime clock, std::size_t most) {
    std::vector<std::uint64_t> gone;
    while (gone.size() < most && !due_.empty() && due_.begin()->first <= clock) {
        const std::uint64_t id = due_.begin()->second;
        due_.erase(due_.begin());
        const auto found = by_id_.find(id);
        if (found == by_id_.end()) continue;  // it had to go before
        const WallTime due = found->second->due();
        if (due > clock) {
            due_.insert({due, id});
            continue;
        }
        erase(found->second);
        gone.push_back(id);
    }
    std::sort(gone.begin(), gone.end());
    return gone;
}

void Sessions::clear() {
    while (!by_use_.empty()) erase(by_use_.begin());
    due_.clear();
}

void Sessions::erase(Place session) {
    changed_.insert(session->id);
    heavy_.erase({session->used_at, session->id});
    bytes_ -= session->counted;
    by_id_.erase(session->id);
    by_use_.erase(session);
}

void Sessions::touch(Place session, std::uint64_t index, WallTime clock) {
    session->used = clock;
    if (heavy_.erase({session->used_at, session->id})) heavy_.insert({index, session->id});
    session->used_at = index;
    by_use_.splice(by_use_.end(), by_use_, session);
    changed_.insert(session->id);
}

// ---- numbers

Sessions::Verdict Sessions::use(std::uint64_t id, std::uint64_t seq, std::uint64_t index,
                                WallTime clock) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return Unknown{};
    Session& session = *found->second;
    touch(found->second, index, clock);
    if (seq + limits_.numbers_max <= session.newest) return OutcomeForgotten{session.newest};
    const auto outcome = session.outcomes.find(seq);
    if (outcome == session.outcomes.end()) return Fresh{};
    if (outcome->second.empty()) return OutcomeForgotten{session.newest};
    const std::optional<CommandOutcome> remembered = decode(outcome->second);
    CHECK(remembered.has_value(), "what was remembered can be read");
    return *remembered;
}

std::vector<std::uint64_t> Sessions::remember(std::uint64_t id, std::uint64_t seq,
                                              const CommandOutcome& outcome) {
    Session& session = *by_id_.at(id);
    std::string bytes = encode(outcome);
    session.bytes += bytes.size();
    session.newest = std::max(session.newest, seq);
    session.outcomes.emplace(seq, std::move(bytes));
    forget_beyond_limits(session);
    count(session);
    return forget_beyond_all(id);
}

// What it holds has changed.
void Sessions::count(Session& session) {
    bytes_ -= session.counted;
    session.counted = kSessionCost + session.outcomes.size() * kOutcomeCost + session.bytes;
    bytes_ += session.counted;
    if (session.bytes > kHeavyBytes)
        heavy_.insert({session.used_at, session.id});
    else
        heavy_.erase({session.used_at, session.id});
}

// All but what was remembered last. That the numbers were executed is not forgotten.
std::vector<std::uint64_t> Sessions::forget_beyond_all(std::uint64_t kept) {
    std::vector<std::uint64_t> gone;
    while (bounded_ && bytes_ > limits_.bytes_max) {
        if (!heavy_.empty() && heavy_.begin()->second != kept) {
            Session& session = *by_id_.at(heavy_.begin()->second);
            for (auto& [seq, outcome] : session.outcomes) std::string().swap(outcome);
            session.bytes = 0;
            changed_.insert(session.id);
            count(session);
        } else if (by_use_.front().id != kept) {
            gone.push_back(by_use_.front().id);
            erase(by_use_.begin());
        } else {
            break;
        }
    }
    return gone;
}

void Sessions::forget_beyond_limits(Session& session) {
    auto& outcomes = session.outcomes;
    while (outcomes.begin()->first + limits_.numbers_max <= session.newest) {
        session.bytes -= outcomes.begin()->second.size();
        outcomes.erase(outcomes.begin());
    }
    if (session.bytes <= limits_.outcome_bytes_max) return;
    // That the others were executed is not forgotten, so that they never are again.
    for (auto at = outcomes.begin();
         session.bytes > limits_.outcome_bytes_max && at->first != session.newest; ++at) {
        session.bytes -= at->second.size();
        at->second.clear();
        at->second.shrink_to_fit();
    }
}

// ---- the layer beneath

std::string Sessions::content_of(const Session& session) {
    std::string content;
    Sink sink{content};
    Packer packer(sink);
    packer.pack_array(5);
    packer.pack_uint64(static_cast<std::uint64_t>(session.life.count()));
    packer.pack_int64(session.used.value).pack_uint64(session.used_at).pack_uint64(session.newest);
    packer.pack_map(static_cast<std::uint32_t>(session.outcomes.size()));
    for (const auto& [seq, outcome] : session.outcomes) {
        packer.pack_uint64(seq);
        pack_bytes(packer, outcome);
    }
    return content;
}

void Sessions::note_changes(KvTable& table) {
    for (const std::uint64_t id : changed_) {
        std::string name(1, kSpace);
        append_big_endian(name, id);
        const auto found = by_id_.find(id);
        table.note(std::move(name), found == by_id_.end()
                                        ? std::nullopt
                                        : std::optional(content_of(*found->second)));
    }
    changed_.clear();
}

bool Sessions::load(std::string_view name, std::string_view content) {
    if (name.size() != 1 + kBigEndianBytes || name[0] != kSpace) return false;
    MsgpackReader in(content);
    MsgpackValue array, life, used, used_at, newest, outcomes;
    if (!in.enter(array) || array.kind != MsgpackKind::array || array.number != 5) return false;
    if (!in.read(life) || !in.read(used) || !in.read(used_at) || !in.read(newest)) return false;
    if (!in.enter(outcomes) || outcomes.kind != MsgpackKind::map) return false;
    Session session;
    session.id = big_endian_at(name.substr(1));
    session.life = Duration(static_cast<Duration::rep>(life.number));
    session.used = WallTime(static_cast<WallTime::rep>(used.number));
    session.used_at = used_at.number;
    session.newest = newest.number;
    for (std::uint64_t i = 0; i < outcomes.number; ++i) {
        MsgpackValue seq, outcome;
        if (!in.read(seq) || !in.read(outcome)) return false;
        if (!outcome.bytes.empty() && !decode(outcome.bytes)) return false;
        session.bytes += outcome.bytes.size();
        session.outcomes.emplace(seq.number, std::string(outcome.bytes));
    }
    by_use_.push_back(std::move(session));
    return true;
}

void Sessions::loaded() {
    by_use_.sort([](const Session& a, const Session& b) { return a.used_at < b.used_at; });
    for (auto session = by_use_.begin(); session != by_use_.end(); ++session) {
        by_id_.emplace(session->id, session);
        due_.insert({session->due(), session->id});
        count(*session);
    }
}

}  // namespace raftbus
