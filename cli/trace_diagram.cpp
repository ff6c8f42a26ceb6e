#include "cli/trace_diagram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "cli/display.hpp"
#include "cli/trace_draw.hpp"

namespace raftbus::cli {
namespace {

struct Strokes {
    std::string_view life, departs_right, departs_left, crosses, line, right, left;
};
constexpr Strokes kUnicode{"│", "├", "┤", "┼", "─", "►", "◄"};
constexpr Strokes kAscii{"|", "|", "|", "+", "-", ">", "<"};

bool is_arrival(const TraceEvent& event) {
    return event.kind == TraceKind::handled && event.other.node != event.node;
}

class Diagram {
public:
    Diagram(const Output& output, const std::vector<TraceEvent>& arrivals)
        : output_(output), strokes_(output.unicode ? kUnicode : kAscii) {
        std::set<NodeId> nodes;
        for (const TraceEvent& event : arrivals) {
            nodes.insert({event.node, event.other.node});
            gap_ = std::max(gap_, event.type.size() + 3);
        }
        for (const NodeId node : nodes) columns_.emplace(node, columns_.size());
    }

    std::string head(std::size_t indent) const {
        std::string text(indent, ' ');
        for (const auto& [node, column] : columns_)
            text += padded(fmt::format("n{}", node.value), gap_ + 1);
        text.erase(text.find_last_not_of(' ') + 1);
        return text + "\n";
    }

    std::string row(const TraceEvent& event) const {
        const std::size_t from = columns_.at(event.other.node), to = columns_.at(event.node);
        std::string text;
        for (std::size_t column = 0; column < columns_.size(); ++column) {
            text += node_stroke(column, from, to);
            if (column + 1 < columns_.size()) text += gap(column, from, to, event.type);
        }
        return fmt::format("{}  {}\n", text, output_.painted(details_of(event), Colour::dim));
    }

private:
    std::string_view node_stroke(std::size_t column, std::size_t from, std::size_t to) const {
        if (column == from) return from < to ? strokes_.departs_right : strokes_.departs_left;
        const bool between = (from < column && column < to) || (to < column && column < from);
        return between ? strokes_.crosses : strokes_.life;
    }

    // What lies between this column and the next: the message's name beside its sender, the arrow's
    // head beside its receiver.
    std::string gap(std::size_t column, std::size_t from, std::size_t to,
                    const std::string& name) const {
        const bool right = from < to;
        if (column < std::min(from, to) || column >= std::max(from, to))
            return std::string(gap_, ' ');
        const bool at_sender = right ? column == from : column + 1 == from;
        const bool at_receiver = right ? column + 1 == to : column == to;
        const std::string label = at_sender ? name : "";
        const std::size_t dashes = gap_ - label.size() - (at_receiver ? 1 : 0);
        const std::string head(!at_receiver ? "" : right ? strokes_.right : strokes_.left);
        if (right) return line(1) + label + line(dashes - 1) + head;
        return head + line(dashes - 1) + label + line(1);
    }

    std::string line(std::size_t length) const {
        std::string text;
        for (std::size_t i = 0; i < length; ++i) text += strokes_.line;
        return text;
    }

    const Output& output_;
    const Strokes& strokes_;
    std::map<NodeId, std::size_t> columns_;
    std::size_t gap_ = 8;  // between two columns
};

}  // namespace

std::string draw_diagram(const Output& output, const std::vector<TraceEvent>& events,
                         const TimeText& time) {
    std::vector<TraceEvent> arrivals;
    std::copy_if(events.begin(), events.end(), std::back_inserter(arrivals), is_arrival);
    if (arrivals.empty()) return {};
    const Diagram diagram(output, arrivals);
    std::string text = diagram.head(width(time(arrivals.front())) + 2);
    for (const TraceEvent& event : arrivals)
        text += fmt::format("{}  {}", time(event), diagram.row(event));
    return text;
}

}  // namespace raftbus::cli
