#include "sim/client_frames.hpp"

#include <msgpack.hpp>

#include "messages/msgpack_reader.hpp"

namespace raftbus::sim {
namespace {

struct Bytes {
    std::string text;
    void write(const char* bytes, std::size_t count) { text.append(bytes, count); }
};

class MapPacker {
public:
    explicit MapPacker(std::uint32_t fields) { packer().pack_map(fields); }
    MapPacker& put(std::string_view name, std::string_view value) {
        pack(name);
        pack(value);
        return *this;
    }
    MapPacker& put(std::string_view name, std::uint64_t value) {
        pack(name);
        packer().pack(value);
        return *this;
    }
    MapPacker& put(std::string_view name, bool value) {
        pack(name);
        packer().pack(value);
        return *this;
    }
    MapPacker& put(std::string_view name, const char* value) {
        return put(name, std::string_view(value));
    }
    // The next elements of the map are `maps`.
    MapPacker& put_list(std::string_view name, const std::vector<std::string>& maps) {
        pack(name);
        packer().pack_array(static_cast<std::uint32_t>(maps.size()));
        for (const std::string& map : maps) bytes_.text += map;
        return *this;
    }
    std::string take() { return std::move(bytes_.text); }

private:
    void pack(std::string_view text) {
        packer().pack_str(static_cast<std::uint32_t>(text.size()));
        packer().pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
    }
    msgpack::packer<Bytes> packer() { return msgpack::packer<Bytes>(bytes_); }

    Bytes bytes_;
};

template <class... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

std::string_view name_of(Reading reading) {
    switch (reading) {
        case Reading::linearizable:
            return "linearizable";
        case Reading::lease:
            return "lease";
        case Reading::local:
            return "local";
    }
    return {};
}

constexpr std::uint32_t kCommonFields = 3;  // op, id, timeout_ms

}  // namespace

Member simulated_member(NodeId node, bool voter) {
    const std::string host = "tcp://machine-" + std::to_string(node.value);
    return {node, voter, host + ":7239", host + ":7238"};
}

namespace {

std::string read_step(std::string_view key) {
    return MapPacker(2).put("op", "GET").put("key", key).take();
}
std::string set_step(std::string_view key, std::string_view value, std::uint64_t ttl_ms = 0) {
    MapPacker map(ttl_ms ? 4 : 3);
    map.put("op", "SET").put("key", key).put("value", value);
    if (ttl_ms) map.put("ttl_ms", ttl_ms);
    return map.take();
}

// One condition for each that is given.
std::vector<std::string> conditions_of(std::string_view key, const Condition& condition) {
    std::vector<std::string> all;
    if (condition.if_revision)
        all.push_back(MapPacker(2).put("key", key).put("revision", *condition.if_revision).take());
    if (condition.if_value)
        all.push_back(MapPacker(2).put("key", key).put("value", *condition.if_value).take());
    return all;
}

}  // namespace

std::string pack_request(std::uint64_t id, const Ask& ask, std::string_view key, Reading reading,
                         Duration timeout, const Manner& manner) {
    const auto begin = [&](std::string_view op, std::uint32_t fields) {
        MapPacker map(kCommonFields + fields + (manner.session ? 2 : 0));
        map.put("op", op).put("id", id).put(
            "timeout_ms", static_cast<std::uint64_t>(timeout / std::chrono::milliseconds(1)));
        if (manner.session)
            map.put("session", manner.session->session).put("seq", manner.session->seq);
        return map;
    };
    const auto conditions = [](const Condition& condition) -> std::uint32_t {
        return condition.if_revision.has_value() + condition.if_value.has_value();
    };
    const auto put_conditions = [](MapPacker& map, const Condition& condition) {
        if (condition.if_revision) map.put("if_revision", *condition.if_revision);
        if (condition.if_value) map.put("if_value", *condition.if_value);
    };
    const auto transaction = [&](const Set& set) {
        std::vector<std::string> then{set_step(key, set.value, manner.ttl_ms), read_step(key)};
        for (const std::string_view half : kPair) then.push_back(set_step(half, set.value));
        for (const std::string_view half : kPair) then.push_back(read_step(half));
        return begin("TXN", 3)
            .put_list("if", conditions_of(key, set.condition))
            .put_list("then", then)
            .put_list("else", {read_step(key)})
            .take();
    };
    return std::visit(
        Overloaded{
            [&](const Get&) {
                return begin("GET", 2).put("key", key).put("consistency", name_of(reading)).take();
            },
            [&](const Set& set) {
                if (manner.as_transaction) return transaction(set);
                MapPacker map =
                    begin("SET", 2 + conditions(set.condition) + (manner.ttl_ms ? 1 : 0));
                map.put("key", key).put("value", set.value);
                if (manner.ttl_ms) map.put("ttl_ms", manner.ttl_ms);
                put_conditions(map, set.condition);
                return map.take();
            },
            [&](const Erase& erase) {
                MapPacker map = begin("DELETE", 1 + conditions(erase.condition));
                map.put("key", key);
                put_conditions(map, erase.condition);
                return map.take();
            },
            [&](const ScanAll&) {
                return begin("SCAN", 2)
                    .put("prefix", "")
                    .put("consistency", name_of(reading))
                    .take();
            },
            [&](const NoOperation&) { return begin("NO-OP", 0).take(); },
            [&](const AskStatus&) { return begin("STATUS", 0).take(); },
            [&](const AskLog& log) { return begin("LOG", 1).put("from", log.from).take(); },
            [&](const AskHeartbeat&) { return begin("HEARTBEAT", 0).take(); },
            [&](const AskElection& elect) {
                return begin("ELECT", 1).put("node", std::uint64_t(elect.node.value)).take();
            },
            [&](const AskToAdd& add) {
                const Member member = simulated_member(add.node, true);
                MapPacker map = begin("ADD", 3 + add.learner);
                map.put("node", std::uint64_t(add.node.value));
                map.put("peer", member.peer).put("client", member.client);
                if (add.learner) map.put("learner", true);
                return map.take();
            },
            [&](const AskToRemove& remove) {
                return begin("REMOVE", 1).put("node", std::uint64_t(remove.node.value)).take();
            },
            [&](const AskToPromote& promote) {
                return begin("PROMOTE", 1).put("node", std::uint64_t(promote.node.value)).take();
            },
            [&](const AskToDemote& demote) {
                return begin("DEMOTE", 1).put("node", std::uint64_t(demote.node.value)).take();
            },
            [&](const AskSession&) { return begin("SESSION", 0).take(); },
            [&](const AskWatch& watch) {
                MapPacker map = begin("WATCH", 2 + (watch.from ? 1 : 0));
                map.put(watch.prefix ? "prefix" : "key", key);
                map.put("progress_ms", watch.progress_ms);
                if (watch.from) map.put("from", watch.from);
                return map.take();
            },
            [&](const AskPair&) {
                return begin("TXN", 1)
                    .put_list("then", {read_step(kPair[0]), read_step(kPair[1])})
                    .take();
            },
        },
        ask);
}

namespace {

template <class Field>
bool each_field(MsgpackReader& reader, Field field) {
    MsgpackValue map;
    if (!reader.enter(map) || map.kind != MsgpackKind::map) return false;
    for (std::uint64_t i = 0; i < map.number; ++i) {
        MsgpackValue name, value;
        if (!reader.read(name) || !reader.read(value)) return false;
        field(name.bytes, value);
    }
    return true;
}

// An array of [key, value, revision].
std::vector<ReplyItem> unpack_items(std::string_view raw) {
    std::vector<ReplyItem> items;
    MsgpackReader reader(raw);
    MsgpackValue array, item, key, value, revision;
    if (!reader.enter(array) || array.kind != MsgpackKind::array) return items;
    for (std::uint64_t i = 0; i < array.number; ++i)
        if (reader.enter(item) && reader.read(key) && reader.read(value) && reader.read(revision))
            items.push_back({std::string(key.bytes), std::string(value.bytes), revision.number});
    return items;
}

std::vector<ReplyFields> unpack_results(std::string_view raw) {
    std::vector<ReplyFields> results;
    MsgpackReader reader(raw);
    MsgpackValue array, map;
    if (!reader.enter(array) || array.kind != MsgpackKind::array) return results;
    for (std::uint64_t i = 0; i < array.number; ++i)
        if (reader.read(map)) results.push_back(unpack_reply(map.raw).value_or(ReplyFields()));
    return results;
}

}  // namespace

std::optional<ReplyFields> unpack_reply(std::string_view body) {
    ReplyFields reply;
    MsgpackReader reader(body);
    const bool whole = each_field(reader, [&](std::string_view name, const MsgpackValue& value) {
        if (name == "id") reply.id = value.number;
        if (name == "ok") reply.ok = value.boolean;
        if (name == "error") reply.error = value.bytes;
        if (name == "message") reply.message = value.bytes;
        if (name == "revision") reply.revision = value.number;
        if (name == "found") reply.found = value.boolean;
        if (name == "value") reply.value = value.bytes;
        if (name == "member") reply.member = value.boolean;
        if (name == "items") reply.items = unpack_items(value.raw);
        if (name == "session") reply.session = value.number;
        if (name == "succeeded") reply.succeeded = value.boolean;
        if (name == "watching") reply.watching = value.boolean;
        if (name == "progress") reply.progress = value.boolean;
        if (name == "more") reply.more = value.boolean;
        if (name == "event") reply.event = value.bytes;
        if (name == "key") reply.key = value.bytes;
        if (name == "first") reply.first = value.number;
        if (name == "results") reply.results = unpack_results(value.raw);
    });
    if (!whole) return std::nullopt;
    return reply;
}

}  // namespace raftbus::sim
