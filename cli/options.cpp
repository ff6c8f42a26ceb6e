#include "cli/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <sstream>

#include "cli/display.hpp"
#include "cli/failure.hpp"
#include "cli/suggest.hpp"

namespace raftbus::cli {
namespace {

namespace po = boost::program_options;

po::options_description described(const std::vector<OptionSpec>& specs) {
    po::options_description description;
    for (const OptionSpec& spec : specs) {
        std::string names(spec.name);
        if (spec.letter != 0) names += fmt::format(",{}", spec.letter);
        if (spec.value.empty()) {
            description.add_options()(names.c_str(), po::bool_switch());
        } else {
            description.add_options()(names.c_str(), po::value<std::string>());
        }
    }
    return description;
}

// Takes "-5" and "-.5" off the front as words, which would otherwise be unknown options.
std::vector<po::option> take_negative_number(std::vector<std::string>& arguments) {
    const std::string& word = arguments.front();
    const bool negative = word.size() > 1 && word[0] == '-' &&
                          word.find_first_not_of("0123456789.", 1) == std::string::npos;
    if (!negative) return {};
    po::option taken;
    taken.value.push_back(word);
    taken.original_tokens.push_back(word);
    taken.position_key = INT_MAX;
    arguments.erase(arguments.begin());
    return {taken};
}

std::vector<std::string> names_of(const std::vector<OptionSpec>& specs, std::string_view prefix) {
    std::vector<std::string> names;
    for (const OptionSpec& spec : specs) names.push_back(fmt::format("{}{}", prefix, spec.name));
    return names;
}

[[noreturn]] void refuse_unknown(const std::string& name, const std::vector<std::string>& known,
                                 const std::string& where) {
    const std::string meant = nearest(name, known);
    throw Failure(Exit::refused, fmt::format("unknown option {}{}", name, where),
                  meant.empty() ? "--help lists the options; after -- everything is a plain word"
                                : fmt::format("did you mean {}?", meant));
}

const OptionSpec& spec_of(const std::vector<OptionSpec>& specs, std::string_view name) {
    return *std::find_if(specs.begin(), specs.end(),
                         [&](const OptionSpec& spec) { return spec.name == name; });
}

// "true" and "false" for whatever a switch's value may be written as.
std::string switch_value(const std::string& value, const std::string& where) {
    for (const char* yes : {"", "true", "yes", "on", "1"}) {
        if (value == yes) return "true";
    }
    for (const char* no : {"false", "no", "off", "0"}) {
        if (value == no) return "false";
    }
    refuse(where, value, "is a switch: true or false");
}

Setting checked(const OptionSpec& spec, std::string value, std::string where) {
    if (spec.value.empty()) value = switch_value(value, where);
    const std::vector<std::string> choices = split(spec.choices, '|');
    if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
        const std::string meant = nearest(value, choices);
        refuse(where, value, fmt::format("is not one of {}", fmt::join(choices, ", ")),
               meant.empty() ? std::string{} : fmt::format("did you mean {}?", meant));
    }
    return {std::move(value), std::move(where)};
}

}  // namespace

Environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr || *value == '\0') return std::nullopt;
        return value;
    };
}

const Setting* Options::find(std::string_view name) const {
    const auto found = settings_.find(name);
    return found == settings_.end() ? nullptr : &found->second;
}

bool Options::on(std::string_view name) const {
    const Setting* setting = find(name);
    return setting != nullptr && setting->value == "true";
}

std::string Options::text(std::string_view name, std::string_view fallback) const {
    const Setting* setting = find(name);
    return setting != nullptr ? setting->value : std::string(fallback);
}

std::optional<std::uint64_t> Options::number(std::string_view name) const {
    const Setting* setting = find(name);
    if (setting == nullptr) return std::nullopt;
    const auto number = number_from(setting->value);
    if (!number) refuse(setting->where, setting->value, "is not a whole number from 0 up");
    return number;
}

std::optional<std::chrono::microseconds> Options::duration(std::string_view name,
                                                           std::chrono::microseconds unit) const {
    const Setting* setting = find(name);
    if (setting == nullptr) return std::nullopt;
    const auto duration = duration_from(setting->value, unit);
    if (!duration) refuse(setting->where, setting->value, "is not a duration", "write 50ms or 5s");
    return duration;
}

std::optional<std::uint64_t> Options::bytes(std::string_view name) const {
    const Setting* setting = find(name);
    if (setting == nullptr) return std::nullopt;
    const auto bytes = bytes_from(setting->value);
    if (!bytes)
        refuse(setting->where, setting->value, "is not a size", "write 4096, 64KiB or 32MiB");
    return bytes;
}

void Options::add(std::string_view name, Setting setting) {
    settings_.emplace(std::string(name), std::move(setting));
}

Options parse_arguments(const std::vector<OptionSpec>& specs,
                        const std::vector<std::string>& arguments) {
    const po::options_description description = described(specs);
    const int style =
        po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    Options options;
    try {
        const po::parsed_options parsed = po::command_line_parser(arguments)
                                              .options(description)
                                              .style(style)
                                              .extra_style_parser(take_negative_number)
                                              .run();
        for (const po::option& option : parsed.options) {
            if (option.string_key.empty()) {
                options.words.insert(options.words.end(), option.value.begin(), option.value.end());
                continue;
            }
            const std::string where = "--" + option.string_key;
            if (options.given(option.string_key)) {
                throw Failure(Exit::refused, where + " is given twice", "give it once");
            }
            options.add(option.string_key,
                        checked(spec_of(specs, option.string_key),
                                option.value.empty() ? "" : option.value.front(), where));
        }
    } catch (const po::unknown_option& unknown) {
        const std::string name = unknown.get_option_name();
        refuse_unknown(name.substr(0, name.find('=')), names_of(specs, "--"), "");
    } catch (const po::error& wrong) {
        throw Failure(Exit::refused, wrong.what());
    }
    return options;
}

void add_environment(Options& options, const std::vector<OptionSpec>& specs,
                     const Environment& environment) {
    for (const OptionSpec& spec : specs) {
        if (!spec.from_surroundings || options.given(spec.name)) continue;
        const std::string name = variable_name(spec.name);
        const std::optional<std::string> value = environment(name);
        if (value && !value->empty()) options.add(spec.name, checked(spec, *value, name));
    }
}

void add_file(Options& options, const std::vector<OptionSpec>& specs, const std::string& path,
              const std::string& content) {
    std::vector<OptionSpec> taken;
    std::copy_if(specs.begin(), specs.end(), std::back_inserter(taken),
                 [](const OptionSpec& spec) { return spec.from_surroundings; });
    std::istringstream stream(content);
    try {
        const po::options_description description = described(taken);
        const po::parsed_options parsed = po::parse_config_file(stream, description);
        for (const po::option& option : parsed.options) {
            if (options.given(option.string_key)) continue;
            options.add(option.string_key,
                        checked(spec_of(taken, option.string_key),
                                option.value.empty() ? "" : option.value.front(),
                                fmt::format("{} in {}", option.string_key, path)));
        }
    } catch (const po::unknown_option& unknown) {
        refuse_unknown(unknown.get_option_name(), names_of(taken, ""), " in " + path);
    } catch (const po::error& wrong) {
        throw Failure(Exit::refused, fmt::format("{}: {}", path, wrong.what()),
                      "the file has lines of the form name = value");
    }
}

std::string variable_name(std::string_view option) {
    std::string name = "RAFTBUS_";
    for (const char c : option) {
        name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return name;
}

void refuse(std::string_view where, std::string_view value, const std::string& reason,
            std::string next) {
    throw Failure(Exit::refused, fmt::format("{} {}: {}", where, escaped(value), reason),
                  std::move(next));
}

std::optional<std::uint64_t> number_from(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<std::chrono::microseconds> duration_from(std::string_view text,
                                                       std::chrono::microseconds unit) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string_view suffix = text.substr(digits);
    double count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + digits, count);
    if (error != std::errc{} || end != text.data() + digits) return std::nullopt;
    double us = static_cast<double>(unit.count());
    if (suffix == "us" || suffix == "µs")
        us = 1;
    else if (suffix == "ms")
        us = 1e3;
    else if (suffix == "s")
        us = 1e6;
    else if (suffix == "m" || suffix == "min")
        us = 60e6;
    else if (suffix == "h")
        us = 3600e6;
    else if (!suffix.empty())
        return std::nullopt;
    if (count * us > 1e15) return std::nullopt;
    return std::chrono::microseconds(static_cast<std::int64_t>(count * us));
}

std::optional<std::uint64_t> bytes_from(std::string_view text) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::string_view suffix = text.substr(digits);
    const auto count = number_from(text.substr(0, digits));
    if (!count || *count >= std::uint64_t(1) << 33) return std::nullopt;
    if (suffix.empty() || suffix == "B") return count;
    if (suffix == "K" || suffix == "KiB") return *count << 10;
    if (suffix == "M" || suffix == "MiB") return *count << 20;
    if (suffix == "G" || suffix == "GiB") return *count << 30;
    return std::nullopt;
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(separator), text.size());
        if (end > 0) parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

}  // namespace raftbus::cli
