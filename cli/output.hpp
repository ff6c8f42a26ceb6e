// output: records on stdout, in the format that was asked for, and what surrounds them on stderr.
//
// Owns: formats, tables, colour. Data goes to `out`, everything else to `err`. Must not know:
// verbs.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/value.hpp"

namespace raftbus::cli {

enum class Format { text, json, table, raw };

enum class Colour { none, dim, bold, red, green, yellow, blue, magenta, cyan };

// Rows under named columns. Cells are numbers, truths, texts or bytes; an empty one shows as "-".
struct Records {
    std::vector<std::string> columns;
    std::vector<std::vector<Value>> rows;
};

struct Output {
    std::ostream& out;
    std::ostream& err;
    Format format = Format::text;
    bool format_given = false;  // somebody asked for `format`
    bool out_terminal = false;
    bool colour = false;   // on `out`
    bool unicode = false;  // the locale can show box-drawing characters
    bool err_terminal = false;
    // Of the terminal that `out` is; 0: it is none, or its width is not known. What is wider is
    // shortened there, and nowhere else.
    std::size_t columns = 0;

    // The format for lists: a table on a terminal, text elsewhere, unless one was asked for.
    Format list_format() const { return !format_given && out_terminal ? Format::table : format; }
    std::string painted(std::string_view text, Colour colour_wanted) const;
    // One line for the person, on stderr.
    void note(std::string_view text) const;
};

// A list of records: text is columns in line under their names, JSON an array of objects.
void print_list(const Output& output, const Records& records);
// One JSON document, whatever the format.
void print_json(const Output& output, const Value& document);
// One record: JSON an object, a table its fields one per line; as text, `line`.
void print_record(const Output& output, const Value::Map& record, std::string_view line);

// A cell as one line of text.
std::string cell_text(const Value& cell);
// Boxed, as wide as its content, or at most `columns` if that is possible: then long cells are
// shortened, and end in "…". 0: however wide.
std::string boxed(const Records& records, bool unicode, std::size_t columns = 0);
// Columns in line, two blanks between, names first; `columns` as above.
std::string aligned(const Records& records, std::size_t columns = 0);

}  // namespace raftbus::cli
