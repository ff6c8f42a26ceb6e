#include "bench/requests.hpp"

#include <algorithm>
#include <msgpack.hpp>

#include "messages/msgpack_reader.hpp"

namespace raftbus::bench {
namespace {

constexpr std::size_t kKeyDigits = 13;
constexpr std::string_view kKeyBegin = "key";

struct Appender {
    std::string& out;
    void write(const char* bytes, std::size_t count) { out.append(bytes, count); }
};

}  // namespace

std::string_view to_string(Op op) {
    constexpr std::array<std::string_view, kOps> names{"set", "get", "scan"};
    return names[static_cast<std::size_t>(op)];
}

Requests::Requests(const RequestShape& shape)
    : templates_{make_template(Op::set, shape), make_template(Op::get, shape),
                 make_template(Op::scan, shape)} {}

Requests::Template Requests::make_template(Op op, const RequestShape& shape) {
    Template made;
    Appender appender{made.body};
    msgpack::packer<Appender> packer(appender);
    const auto text = [&](std::string_view bytes) {
        packer.pack_str(static_cast<std::uint32_t>(bytes.size()));
        packer.pack_str_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
    };
    const auto key = [&](std::string_view name) {
        text(name);
        packer.pack_bin(static_cast<std::uint32_t>(kKeyBegin.size() + kKeyDigits));
        made.body += kKeyBegin;
        made.key_at = made.body.size();
        made.body.append(kKeyDigits, '0');
    };
    const bool consistency = op != Op::set && !shape.consistency.empty();
    packer.pack_map(op == Op::set ? 4 : (op == Op::get ? 3 : 5) + consistency);
    text("op");
    text(op == Op::set ? "SET" : op == Op::get ? "GET" : "SCAN");
    text("id");
    packer.pack_fix_uint32(0);
    made.number_at = made.body.size() - 4;
    if (op == Op::scan) {
        text("end");
        text("l");
        text("limit");
        packer.pack(shape.scan_limit);
    }
    key(op == Op::scan ? "start" : "key");
    if (op == Op::set) {
        text("value");
        packer.pack_bin(static_cast<std::uint32_t>(shape.value_bytes));
        if (shape.value_bytes >= 8) made.value_at = made.body.size();
        // Nothing that a compressor makes smaller.
        for (std::uint64_t i = 0, random = 42; i < shape.value_bytes; ++i) {
            random = random * 6364136223846793005ULL + 1442695040888963407ULL;
            made.body += static_cast<char>(random >> 56);
        }
    }
    if (consistency) {
        text("consistency");
        text(shape.consistency);
    }
    return made;
}

std::string_view Requests::make(Op op, std::uint32_t number, std::uint64_t key) {
    Template& of = templates_[static_cast<std::size_t>(op)];
    char* const body = of.body.data();
    for (std::size_t i = 0; i < 4; ++i)
        body[of.number_at + i] = static_cast<char>(number >> (24 - 8 * i));
    for (std::size_t i = kKeyDigits; i-- > 0; key /= 10)
        body[of.key_at + i] = static_cast<char>('0' + key % 10);
    if (of.value_at != 0) {
        ++salt_;
        for (std::size_t i = 0; i < 8; ++i)
            body[of.value_at + i] = static_cast<char>(salt_ * 0x9e3779b97f4a7c15 >> (8 * i));
    }
    return of.body;
}

std::optional<ReplyHead> read_reply(std::string_view body) {
    MsgpackReader reader(body);
    MsgpackValue map, name, value;
    if (!reader.enter(map) || map.kind != MsgpackKind::map) return std::nullopt;
    ReplyHead head;
    bool numbered = false, judged = false;
    for (std::uint64_t left = map.number; left > 0; --left) {
        if (!reader.read(name) || !reader.read(value)) return std::nullopt;
        if (name.bytes == "ok") {
            head.ok = value.boolean;
            judged = true;
        } else if (name.bytes == "id") {
            head.number = static_cast<std::uint32_t>(value.number);
            numbered = value.kind == MsgpackKind::unsigned_integer;
        } else if (name.bytes == "error") {
            head.error = value.bytes;
        }
        if (head.ok && numbered) return head;  // what follows is what was asked for
    }
    if (!numbered || !judged) return std::nullopt;
    return head;
}

}  // namespace raftbus::bench
