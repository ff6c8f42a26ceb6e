// options: from words on a command line, the environment and a file to settings.
//
// Owns: what an option is, how it is parsed (Boost.Program_options), and which source wins:
// flag > RAFTBUS_… > file. Must not know: which options there are.
//
// Everything that is wrong throws Failure{Exit::refused}, naming the option, what was given, why it
// is refused, and where it came from.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace raftbus::cli {

struct OptionSpec {
    std::string_view name;   // "endpoints"
    std::string_view value;  // what stands for its value in help, "HOST:PORT,…"; empty: a switch
    std::string_view help;
    char letter = 0;                 // 'e'; 0: none
    std::string_view choices{};      // "text|json": the values it takes; empty: any
    bool from_surroundings = false;  // may also come from RAFTBUS_… and a file
};

// Where a setting came from and how it reads there.
struct Setting {
    std::string value;  // "true" or "false" for a switch
    std::string where;  // "--id", "RAFTBUS_ID", "id in /etc/raftbus/raftbus.conf"
};

// What the environment says about a variable; none: not set.
using Environment = std::function<std::optional<std::string>(const std::string&)>;
Environment process_environment();

class Options {
public:
    std::vector<std::string> words;  // what is not an option, in order

    const Setting* find(std::string_view name) const;
    bool given(std::string_view name) const { return find(name) != nullptr; }
    bool on(std::string_view name) const;
    std::string text(std::string_view name, std::string_view fallback = {}) const;
    std::optional<std::uint64_t> number(std::string_view name) const;
    // "50ms", "5s", "2m", or a plain number of `unit`.
    std::optional<std::chrono::microseconds> duration(std::string_view name,
                                                      std::chrono::microseconds unit) const;
    // A size: "64M", "32MiB", "4096".
    std::optional<std::uint64_t> bytes(std::string_view name) const;

    // Keeps what is already known: call it for the strongest source first.
    void add(std::string_view name, Setting setting);

private:
    std::map<std::string, Setting, std::less<>> settings_;
};

// Parses `arguments`. Words and options may be mixed; after "--" all are words; "-5" is a word.
Options parse_arguments(const std::vector<OptionSpec>& specs,
                        const std::vector<std::string>& arguments);

// Adds what RAFTBUS_<NAME> says, for options that take it. An empty variable counts as not set.
void add_environment(Options& options, const std::vector<OptionSpec>& specs,
                     const Environment& environment);

// Adds what an INI file of `name = value` lines says. `path` is for messages.
void add_file(Options& options, const std::vector<OptionSpec>& specs, const std::string& path,
              const std::string& content);

// "RAFTBUS_KEY_BYTES_MAX"
std::string variable_name(std::string_view option);

// The refusal of one setting: "--heartbeat 700ms: <reason>".
[[noreturn]] void refuse(std::string_view where, std::string_view value, const std::string& reason,
                         std::string next = {});

// Values by themselves; none if the text is not one.
std::optional<std::uint64_t> number_from(std::string_view text);
std::optional<std::chrono::microseconds> duration_from(std::string_view text,
                                                       std::chrono::microseconds unit);
std::optional<std::uint64_t> bytes_from(std::string_view text);

// "a|b|c" and "a,b,c" to their parts; empty parts are left out.
std::vector<std::string> split(std::string_view text, char separator);

}  // namespace raftbus::cli
