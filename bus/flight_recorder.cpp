#include "bus/flight_recorder.hpp"

#include <fmt/format.h>

#include "messages/text.hpp"

namespace raftbus {
namespace {

// An address takes the low 40 bits of a word.
constexpr int kAddressBits = 40;
constexpr std::uint64_t kAddressMask = (std::uint64_t(1) << kAddressBits) - 1;
constexpr int kKindShift = kAddressBits + 8;

std::uint64_t pack(const Address& a) {
    return std::uint64_t(a.node.value) << 8 | std::uint8_t(a.actor);
}
Address unpack(std::uint64_t word) {
    word &= kAddressMask;
    return {NodeId(static_cast<std::uint32_t>(word >> 8)), static_cast<ActorName>(word & 0xff)};
}

}  // namespace

void FlightRecorder::record(const FlightEvent& e) {
    const std::uint64_t n = count_.load(std::memory_order_relaxed);
    Slot& slot = (*slots_)[n % kEvents];
    const std::array<std::uint64_t, kWords> words = {
        static_cast<std::uint64_t>(e.when.time_since_epoch().count()),
        pack(e.other) | std::uint64_t(e.actor) << kAddressBits |
            std::uint64_t(e.kind) << kKindShift,
        pack(e.cause.sender) | std::uint64_t(e.type) << kAddressBits,
        e.term.value,
        e.number,
        e.cause.number,
        e.request};
    slot.stamp.store(2 * n + 1, std::memory_order_relaxed);
    // Release: whoever sees a new word sees the odd stamp, too.
    for (std::size_t i = 0; i < kWords; ++i)
        slot.words[i].store(words[i], std::memory_order_release);
    slot.stamp.store(2 * n + 2, std::memory_order_release);
    count_.store(n + 1, std::memory_order_release);
}

std::optional<FlightEvent> FlightRecorder::read(std::uint64_t n) const {
    const Slot& slot = (*slots_)[n % kEvents];
    if (slot.stamp.load(std::memory_order_acquire) != 2 * n + 2) return std::nullopt;
    std::array<std::uint64_t, kWords> words{};
    for (std::size_t i = 0; i < kWords; ++i)
        words[i] = slot.words[i].load(std::memory_order_acquire);
    if (slot.stamp.load(std::memory_order_relaxed) != 2 * n + 2) return std::nullopt;

    FlightEvent e;
    e.when = Moment(Duration(static_cast<std::int64_t>(words[0])));
    e.kind = static_cast<FlightKind>(words[1] >> kKindShift);
    e.actor = static_cast<ActorName>(words[1] >> kAddressBits & 0xff);
    e.other = unpack(words[1]);
    e.type = static_cast<std::uint32_t>(words[2] >> kAddressBits);
    e.term = Term(words[3]);
    e.number = words[4];
    e.cause = {unpack(words[2]), words[5]};
    e.request = words[6];
    return e;
}

std::vector<FlightEvent> FlightRecorder::recent() const {
    const std::uint64_t end = count_.load(std::memory_order_acquire);
    std::vector<FlightEvent> events;
    for (std::uint64_t n = end > kEvents ? end - kEvents : 0; n < end; ++n)
        if (auto event = read(n)) events.push_back(*event);
    return events;
}

std::string to_text(NodeId node, const FlightEvent& e) {
    const std::int64_t us = e.when.time_since_epoch().count();
    const std::string head =
        fmt::format("{}.{:06} {}", us / 1'000'000, us % 1'000'000, to_text(Address{node, e.actor}));
    if (e.kind == FlightKind::timer) return head + fmt::format(" timer {}", e.type);
    if (e.kind == FlightKind::job) return head + fmt::format(" job {} done", e.type);
    std::string text = head + fmt::format(" {} {} {}", e.kind == FlightKind::sent ? "->" : "<-",
                                          to_text(e.other), name_of(e.type));
    if (e.term) text += fmt::format(" term={}", e.term.value);
    text += fmt::format(" #{}", e.number);
    if (e.kind == FlightKind::sent && e.cause)
        text += fmt::format(" because of {} #{}", to_text(e.cause.sender), e.cause.number);
    if (e.request != 0) text += fmt::format(" request={:x}", e.request);
    return text;
}

}  // namespace raftbus
