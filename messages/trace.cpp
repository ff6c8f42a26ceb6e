#include "messages/trace.hpp"

#include "messages/msgpack_fields.hpp"

namespace raftbus {
namespace {

// The bytes of all SharedBytes inside a value.
template <class T>
std::uint64_t bytes_in(const T&) {
    return 0;
}
std::uint64_t bytes_in(const SharedBytes& v) {
    return v.size();
}
std::uint64_t bytes_in(const Batch& v) {
    return v.body.size();
}
std::uint64_t bytes_in(const ClientFrame& v) {
    return v.body ? v.body->size() : 0;
}
template <class T>
std::uint64_t bytes_in(const std::vector<T>& v) {
    std::uint64_t sum = 0;
    for (const T& item : v) sum += bytes_in(item);
    return sum;
}

}  // namespace

std::string topic_of(const TraceEvent& event) {
    return std::string(to_string(event.actor)) + "." + event.type;
}

std::string encode_trace(const TraceEvent& event) {
    EncodedMessage out;
    wire::Packer(out).put(event);
    return std::move(out.head);
}

Result<TraceEvent> decode_trace(std::string_view bytes) {
    TraceEvent event;
    const auto error =
        wire::unpack(bytes, {}, {}, [&](wire::Unpacker& unpacker) { unpacker.get(event); });
    if (error) return *error;
    return event;
}

Term term_of(const AnyMessage& message) {
    return std::visit(
        []<class M>(const M& m) {
            if constexpr (requires {
                              { m.term } -> std::convertible_to<Term>;
                          })
                return m.term;
            else
                return Term(0);
        },
        message);
}

std::uint64_t body_bytes(const AnyMessage& message) {
    return std::visit(
        [](const auto& m) {
            return std::apply(
                [](const auto&... field) { return (std::uint64_t(0) + ... + bytes_in(field)); },
                m.fields());
        },
        message);
}

}  // namespace raftbus
