#include "cli/output.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/display.hpp"
#include "cli/json.hpp"

namespace raftbus::cli {
namespace {

std::string_view code_of(Colour colour) {
    switch (colour) {
        case Colour::dim:
            return "\x1b[2m";
        case Colour::bold:
            return "\x1b[1m";
        case Colour::red:
            return "\x1b[31m";
        case Colour::green:
            return "\x1b[32m";
        case Colour::yellow:
            return "\x1b[33m";
        case Colour::blue:
            return "\x1b[34m";
        case Colour::magenta:
            return "\x1b[35m";
        case Colour::cyan:
            return "\x1b[36m";
        case Colour::none:
            break;
    }
    return {};
}

std::vector<std::size_t> widths_of(const Records& records) {
    std::vector<std::size_t> widths;
    for (const std::string& column : records.columns) widths.push_back(width(column));
    for (const auto& row : records.rows) {
        for (std::size_t i = 0; i < widths.size() && i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width(cell_text(row[i])));
        }
    }
    return widths;
}

constexpr std::size_t kCellColumnsMin = 8;  // no cell is shortened further

// The widths made so that they add up to `available` at most: the widest give way first.
void fit(std::vector<std::size_t>& widths, std::size_t available) {
    std::size_t sum = 0;
    for (const std::size_t width : widths) sum += width;
    while (sum > available && !widths.empty()) {
        const auto widest = std::max_element(widths.begin(), widths.end());
        if (*widest <= kCellColumnsMin) return;
        --*widest, --sum;
    }
}

// What of `columns` is left for the cells if `between` columns surround each.
std::size_t left_of(std::size_t columns, std::size_t cells, std::size_t between,
                    std::size_t around) {
    const std::size_t taken = cells * between + around;
    return columns > taken ? columns - taken : 0;
}

struct Box {
    std::string_view horizontal, vertical;
    std::string_view top[3], middle[3], bottom[3];  // left, crossing, right
};
constexpr Box kUnicode{"─", "│", {"┌", "┬", "┐"}, {"├", "┼", "┤"}, {"└", "┴", "┘"}};
constexpr Box kAscii{"-", "|", {"+", "+", "+"}, {"+", "+", "+"}, {"+", "+", "+"}};

std::string rule(const Box& box, const std::string_view (&corners)[3],
                 const std::vector<std::size_t>& widths) {
    std::string line(corners[0]);
    for (std::size_t i = 0; i < widths.size(); ++i) {
        if (i > 0) line += corners[1];
        for (std::size_t k = 0; k < widths[i] + 2; ++k) line += box.horizontal;
    }
    return line + std::string(corners[2]) + "\n";
}

std::string boxed_row(const Box& box, const std::vector<std::size_t>& widths,
                      const std::vector<std::string>& cells) {
    std::string line(box.vertical);
    for (std::size_t i = 0; i < widths.size(); ++i) {
        line += fmt::format(
            " {} {}", padded(shortened(i < cells.size() ? cells[i] : "", widths[i]), widths[i]),
            box.vertical);
    }
    return line + "\n";
}

std::vector<std::string> texts_of(const std::vector<Value>& row) {
    std::vector<std::string> texts;
    for (const Value& cell : row) texts.push_back(cell_text(cell));
    return texts;
}

std::string aligned_row(const std::vector<std::size_t>& widths,
                        const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < widths.size() && i < cells.size(); ++i) {
        const bool last = i + 1 == widths.size();
        const std::string cell = shortened(cells[i], widths[i]);
        line += last ? cell : padded(cell, widths[i] + 2);
    }
    return line + "\n";
}

Value::Map as_map(const Records& records, const std::vector<Value>& row) {
    Value::Map fields;
    for (std::size_t i = 0; i < row.size(); ++i) fields.emplace_back(records.columns[i], row[i]);
    return fields;
}

}  // namespace

std::string Output::painted(std::string_view text, Colour wanted) const {
    if (!colour || wanted == Colour::none) return std::string(text);
    return fmt::format("{}{}\x1b[0m", code_of(wanted), text);
}

void Output::note(std::string_view text) const {
    out.flush();
    err << text << std::endl;
}

std::string cell_text(const Value& cell) {
    return std::visit(
        []<class T>(const T& data) -> std::string {
            if constexpr (std::is_same_v<T, std::monostate>)
                return "-";
            else if constexpr (std::is_same_v<T, bool>)
                return data ? "yes" : "no";
            else if constexpr (std::is_same_v<T, Blob>)
                return escaped(data.bytes);
            else if constexpr (std::is_same_v<T, std::string>)
                return data;
            else if constexpr (std::is_arithmetic_v<T>)
                return fmt::format("{}", data);
            else
                return to_json(data);
        },
        cell.data);
}

std::string boxed(const Records& records, bool unicode, std::size_t columns) {
    const Box& box = unicode ? kUnicode : kAscii;
    std::vector<std::size_t> widths = widths_of(records);
    if (columns > 0) fit(widths, left_of(columns, widths.size(), 3, 1));
    std::string text = rule(box, box.top, widths) + boxed_row(box, widths, records.columns) +
                       rule(box, box.middle, widths);
    for (const auto& row : records.rows) text += boxed_row(box, widths, texts_of(row));
    return text + rule(box, box.bottom, widths);
}

std::string aligned(const Records& records, std::size_t columns) {
    std::vector<std::size_t> widths = widths_of(records);
    if (columns > 0 && !widths.empty()) fit(widths, left_of(columns, widths.size() - 1, 2, 0));
    std::string text = aligned_row(widths, records.columns);
    for (const auto& row : records.rows) text += aligned_row(widths, texts_of(row));
    return text;
}

void print_list(const Output& output, const Records& records) {
    switch (output.list_format()) {
        case Format::json: {
            Value::List items;
            for (const auto& row : records.rows) items.push_back(as_map(records, row));
            output.out << to_json(items) << '\n';
            return;
        }
        case Format::table:
            output.out << boxed(records, output.unicode, output.columns);
            return;
        default:
            output.out << aligned(records, output.columns);
    }
}

void print_json(const Output& output, const Value& document) {
    output.out << to_json(document) << '\n';
}

void print_record(const Output& output, const Value::Map& record, std::string_view line) {
    if (output.format == Format::json) {
        output.out << to_json(record) << '\n';
    } else if (output.format == Format::table) {
        Records fields{{"field", "value"}, {}};
        for (const auto& [name, value] : record) fields.rows.push_back({name, value});
        output.out << boxed(fields, output.unicode, output.columns);
    } else {
        output.out << line << '\n';
    }
}

}  // namespace raftbus::cli
