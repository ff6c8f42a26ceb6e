#include "cli/trace_draw.hpp"

#include <fmt/format.h>

#include <ctime>

#include "cli/display.hpp"
#include "messages/text.hpp"

namespace raftbus::cli {
namespace {

constexpr std::size_t kActorColumns = 13;
constexpr std::size_t kOtherColumns = 16;

std::string time_of_day(WallTime wall) {
    const std::time_t seconds = wall.value / 1'000'000;
    std::tm local{};
    localtime_r(&seconds, &local);
    return fmt::format("{:02}:{:02}:{:02}.{:06}", local.tm_hour, local.tm_min, local.tm_sec,
                       wall.value % 1'000'000);
}

std::string_view arrow(const Output& output, TraceKind kind) {
    switch (kind) {
        case TraceKind::sent:
            return output.unicode ? "→" : "->";
        case TraceKind::handled:
            return output.unicode ? "←" : "<-";
        case TraceKind::mark:
            break;
    }
    return output.unicode ? "·" : "*";
}

std::string_view kind_name(TraceKind kind) {
    switch (kind) {
        case TraceKind::sent:
            return "sent";
        case TraceKind::handled:
            return "handled";
        case TraceKind::mark:
            break;
    }
    return "mark";
}

std::string message_name(const MessageId& id) {
    return id ? fmt::format("{}#{}", to_text(id.sender), id.number) : std::string{};
}

// Between actors of one node the address needs no node.
std::string other_name(const TraceEvent& event) {
    if (event.kind == TraceKind::mark) return {};
    return event.other.node == event.node ? std::string(to_string(event.other.actor))
                                          : to_text(event.other);
}

}  // namespace

Colour colour_of(ActorName actor) {
    switch (actor) {
        case ActorName::election:
            return Colour::yellow;
        case ActorName::replicator:
            return Colour::green;
        case ActorName::storage:
            return Colour::blue;
        case ActorName::state_machine:
            return Colour::magenta;
        case ActorName::gateway:
            return Colour::cyan;
        case ActorName::bus:
            break;
    }
    return Colour::dim;
}

std::string_view details_of(const TraceEvent& event) {
    std::string_view text = event.text;
    if (text.starts_with(event.type)) text.remove_prefix(event.type.size());
    while (text.starts_with(' ')) text.remove_prefix(1);
    return text;
}

std::string event_line(const Output& output, const TraceEvent& event) {
    return event_line(output, event, time_of_day(event.wall));
}

std::string event_line(const Output& output, const TraceEvent& event, std::string_view time) {
    const std::string actor = padded(to_string(event.actor), kActorColumns);
    std::string line = fmt::format(
        "{} n{} {} {} {}", time, event.node.value, output.painted(actor, colour_of(event.actor)),
        arrow(output, event.kind), padded(other_name(event), kOtherColumns));
    if (event.kind == TraceKind::mark) {
        line += fmt::format(" {}", event.text);
    } else {
        line += fmt::format(" {} {}", output.painted(event.type, Colour::bold), details_of(event));
    }
    if (event.kind == TraceKind::handled) {
        line += output.painted(
            fmt::format("  +{} ms", milliseconds_text(std::chrono::microseconds(event.took_us))),
            Colour::dim);
    }
    if (event.request) line += output.painted("  " + to_text(event.request), Colour::dim);
    return line;
}

Value event_record(const TraceEvent& event) {
    return Value::Map{
        {"node", std::uint64_t(event.node.value)},
        {"sequence", event.sequence},
        {"wall_us", event.wall.value},
        {"steady_us", event.steady_us},
        {"kind", kind_name(event.kind)},
        {"actor", to_string(event.actor)},
        {"other", event.kind == TraceKind::mark ? Value() : Value(to_text(event.other))},
        {"type", event.type},
        {"term", event.term.value},
        {"message", message_name(event.message)},
        {"cause", message_name(event.cause)},
        {"request", event.request ? Value(to_text(event.request)) : Value()},
        {"bytes", event.bytes},
        {"took_us", event.took_us},
        {"text", event.text}};
}

}  // namespace raftbus::cli
