#include "cli/runner.hpp"

#include <fmt/format.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string_view>

#include "cli/display.hpp"
#include "cli/endpoints.hpp"
#include "cli/files.hpp"
#include "cli/help.hpp"
#include "cli/interrupt.hpp"
#include "cli/suggest.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

// Where the verb stands: the first word that is neither an option nor an option's value.
std::size_t verb_position(const std::vector<std::string>& arguments) {
    const auto takes_value = [](std::string_view argument) {
        for (const OptionSpec& spec : common_options()) {
            const bool by_letter =
                argument.size() == 2 && argument[0] == '-' && argument[1] == spec.letter;
            if (!spec.value.empty() && (by_letter || argument == fmt::format("--{}", spec.name)))
                return true;
        }
        return false;
    };
    std::size_t at = 0;
    while (at < arguments.size() && arguments[at].starts_with('-'))
        at += takes_value(arguments[at]) ? 2 : 1;
    return at;
}

std::string config_path(const Environment& environment) {
    if (const auto config = environment("XDG_CONFIG_HOME")) return *config + "/raftbus/config";
    if (const auto home = environment("HOME")) return *home + "/.config/raftbus/config";
    return {};
}

[[noreturn]] void throw_unknown_verb(const std::string& word) {
    const std::string meant = nearest(word, verb_names());
    throw Failure(Exit::refused, fmt::format("unknown command {}", in_quotes(word)),
                  meant.empty()
                      ? "raftbus help lists the commands"
                      : fmt::format("did you mean {}? raftbus help lists the commands", meant));
}

void check_words(const Verb& verb, const Options& options) {
    const std::size_t count = options.words.size();
    if (count >= verb.words_min && count <= verb.words_max) return;
    const std::string wanted(verb.synopsis.empty() ? "no words" : verb.synopsis);
    std::string next = fmt::format("raftbus {} --help shows how", verb.name);
    if (count > verb.words_max && verb.words_max > 0)
        next += "; put quotes around what has blanks in it";
    throw Failure(Exit::refused,
                  fmt::format("{} takes {}; {} given", verb.name, wanted,
                              count == 0 ? "nothing"
                                         : fmt::format("{} word{}", count, count == 1 ? "" : "s")),
                  std::move(next));
}

Format format_from(std::string_view name) {
    if (name == "json") return Format::json;
    if (name == "table") return Format::table;
    return name == "raw" ? Format::raw : Format::text;
}

// COLUMNS, as a shell or a person sets it, or else what the terminal says.
std::size_t columns_of_stdout() {
    const char* set = std::getenv("COLUMNS");
    const auto wanted = number_from(set == nullptr ? "" : set);
    if (wanted && *wanted > 0 && *wanted < 100'000) return *wanted;
    winsize size{};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace

Terminal process_terminal() {
    const char* no_colour = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    Terminal terminal;
    terminal.in = isatty(STDIN_FILENO) != 0;
    terminal.out = isatty(STDOUT_FILENO) != 0;
    terminal.err = isatty(STDERR_FILENO) != 0;
    terminal.plain = (no_colour != nullptr && *no_colour != '\0') ||
                     (term != nullptr && std::string_view(term) == "dumb");
    if (terminal.out) terminal.columns = columns_of_stdout();
    terminal.utf8 = std::string_view(nl_langinfo(CODESET)) == "UTF-8";
    return terminal;
}

Runner::Runner(std::ostream& out, std::ostream& err, Environment environment, Terminal terminal)
    : out_(out), err_(err), environment_(std::move(environment)), terminal_(terminal) {}

void Runner::enter_shell(const Options& options) {
    in_shell_ = true;
    for (const OptionSpec& spec : common_options()) {
        if (const Setting* setting = options.find(spec.name))
            shell_options_.add(spec.name, *setting);
    }
}

Exit Runner::run(const std::vector<std::string>& arguments) {
    Exit exit = Exit::fatal;
    try {
        exit = dispatch(arguments);
        if (!out_.flush()) throw_unwritten();
        return exit;
    } catch (const Failure& failure) {
        out_.flush();
        err_ << "raftbus: " << failure.what() << '\n';
        if (!failure.next.empty()) err_ << "  " << failure.next << '\n';
        exit = failure.exit;
    } catch (const std::exception& bug) {
        out_.flush();
        err_ << "raftbus: " << bug.what() << '\n';
    }
    err_.flush();
    return exit;
}

// The write that failed may be long past: another one fails for the same reason.
void Runner::throw_unwritten() {
    out_.clear();
    errno = 0;
    out_ << std::endl;
    throw Failure(Exit::refused, with_reason("cannot write the output"));
}

Exit Runner::dispatch(const std::vector<std::string>& arguments) {
    const std::size_t at = verb_position(arguments);
    if (at >= arguments.size()) return run_without_verb(arguments);
    std::vector<std::string> rest = arguments;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(at));
    const Verb* verb = find_verb(arguments[at]);
    if (verb == nullptr) throw_unknown_verb(arguments[at]);
    if (in_shell_ && !verb->in_shell) {
        throw Failure(Exit::refused, fmt::format("{} does not run inside the shell", verb->name),
                      fmt::format("leave it with exit, then type raftbus {}", verb->name));
    }
    return run_verb(*verb, rest);
}

Exit Runner::run_without_verb(const std::vector<std::string>& arguments) {
    std::vector<OptionSpec> specs = common_options();
    specs.insert(specs.end(), universal_options().begin(), universal_options().end());
    const Options options = parse_arguments(specs, arguments);
    if (options.on("version")) {
        out_ << "raftbus " << RAFTBUS_VERSION << '\n';
        return Exit::done;
    }
    if (options.on("help")) {
        out_ << overview();
        return Exit::done;
    }
    if (terminal_.in && terminal_.out && !in_shell_)
        return run_verb(*find_verb("shell"), arguments);
    err_ << overview();
    return Exit::refused;
}

Exit Runner::run_verb(const Verb& verb, const std::vector<std::string>& arguments) {
    Options options = parse_arguments(options_of(verb), arguments);
    if (options.on("help")) {
        out_ << help_for(verb);
        return Exit::done;
    }
    if (options.on("version")) {
        out_ << "raftbus " << RAFTBUS_VERSION << '\n';
        return Exit::done;
    }
    check_words(verb, options);
    if (verb.speaks_to_cluster) resolve_common(options);
    Output output = output_for(options);
    if (output.format == Format::raw && verb.name != "get") {
        throw Failure(Exit::refused, fmt::format("{} has no raw output", verb.name),
                      "use text, json or table");
    }
    Client* client = nullptr;
    if (verb.speaks_to_cluster) {
        watch_interrupts();
        client = &client_for(options);
    }
    Session session{options, output, client, *this};
    return verb.run(session);
}

void Runner::resolve_common(Options& options) const {
    for (const OptionSpec& spec : common_options()) {
        if (const Setting* setting = shell_options_.find(spec.name))
            options.add(spec.name, *setting);
    }
    add_environment(options, common_options(), environment_);
    const std::string path = config_path(environment_);
    std::ifstream file(path);
    if (!path.empty() && file.is_open()) {
        add_file(options, common_options(), path, {std::istreambuf_iterator<char>(file), {}});
    }
}

Output Runner::output_for(const Options& options) const {
    Output output{out_, err_};
    output.format = format_from(options.text("output"));
    output.format_given = options.given("output");
    output.out_terminal = terminal_.out;
    output.err_terminal = terminal_.err;
    output.unicode = terminal_.utf8;
    output.columns = terminal_.columns;
    const std::string when = options.text("color", "auto");
    output.colour = when == "always" || (when == "auto" && terminal_.out && !terminal_.plain);
    return output;
}

Client& Runner::client_for(const Options& options) {
    const auto endpoints = parse_endpoints(options.text("endpoints", kDefaultEndpoints));
    if (!endpoints) {
        const Setting& setting = *options.find("endpoints");
        refuse(setting.where, setting.value, endpoints.error().message,
               "write host:port, commas between");
    }
    const auto timeout = options.duration("timeout", 1s).value_or(5s);
    if (timeout <= 0s)
        refuse(options.find("timeout")->where, options.text("timeout"),
               "must be more than nothing", "write 500ms or 5s");
    for (const auto& client : clients_) {
        if (client->endpoints() == *endpoints && client->timeout() == timeout) return *client;
    }
    return *clients_.emplace_back(std::make_unique<Client>(*endpoints, timeout));
}

}  // namespace raftbus::cli
