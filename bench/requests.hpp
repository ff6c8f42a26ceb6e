// requests: the bodies that a load sends, and what it reads of the replies.
//
// Owns: both forms, by docs/protocol.md. A body is made once and then only changed in its number,
// key and value, so that sending costs next to nothing. Must not know: sockets, time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace raftbus::bench {

enum class Op : std::uint8_t { set, get, scan };
inline constexpr std::size_t kOps = 3;
std::string_view to_string(Op op);

struct RequestShape {
    std::uint64_t keys = 100'000;  // from 1; all are 16 bytes long
    std::uint64_t value_bytes = 64;
    std::uint64_t scan_limit = 100;  // keys
    std::string consistency;         // of reads; empty: not said
};

class Requests {
public:
    explicit Requests(const RequestShape& shape);

    // The body of a request with that number (`id`) for a key below `keys`. Good until the next
    // call.
    std::string_view make(Op op, std::uint32_t number, std::uint64_t key);

private:
    struct Template {
        std::string body;
        std::size_t number_at = 0;  // 4 bytes, big-endian
        std::size_t key_at = 0;     // kKeyDigits digits
        std::size_t value_at = 0;   // 8 bytes that differ from request to request; 0: none
    };
    static Template make_template(Op op, const RequestShape& shape);

    std::array<Template, kOps> templates_;
    std::uint64_t salt_ = 0;
};

struct ReplyHead {
    std::uint32_t number = 0;
    bool ok = false;
    std::string_view error;  // code; in the body
};
// None: it is no reply to one of these requests.
std::optional<ReplyHead> read_reply(std::string_view body);

}  // namespace raftbus::bench
