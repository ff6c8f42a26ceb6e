#include "cli/sim_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "cli/failure.hpp"
#include "cli/suggest.hpp"
#include "cli/trace_filter.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kNodesMax = 15;
constexpr std::uint64_t kClientsMax = 1000;
constexpr std::uint64_t kJobsMax = 1024;
constexpr double kWatchedSpeed = 10;
constexpr auto kInteractiveDuration = 24h;  // as long as a person has patience

std::vector<std::string> fault_names() {
    std::vector<std::string> names;
    for (std::size_t f = 0; f < sim::kFaults; ++f)
        names.emplace_back(to_string(static_cast<sim::Fault>(f)));
    return names;
}

std::optional<std::uint64_t> number_within(const Options& options, std::string_view name,
                                           std::uint64_t least, std::uint64_t most) {
    const auto number = options.number(name);
    if (number && (*number < least || *number > most))
        refuse(options.find(name)->where, options.text(name),
               fmt::format("must be from {} to {}", least, most));
    return number;
}

SeedRange seeds_from(const Setting& setting) {
    const std::string_view text = setting.value;
    const std::size_t dots = text.find("..");
    const auto first = number_from(text.substr(0, dots));
    const auto last =
        dots == std::string_view::npos ? std::nullopt : number_from(text.substr(dots + 2));
    if (!first || !last) refuse(setting.where, text, "is not a range of seeds", "write 1..1000");
    if (*first > *last)
        refuse(setting.where, text, "ends before it begins",
               fmt::format("write {}..{}", *last, *first));
    return {*first, *last};
}

std::vector<std::size_t> strikes_from(const Setting& setting) {
    std::vector<std::size_t> strikes;
    if (setting.value == "none") return strikes;
    for (const std::string& part : split(setting.value, ',')) {
        const auto number = number_from(part);
        if (!number)
            refuse(setting.where, part, "is not the number of a strike", "write 3,7,12 or none");
        strikes.push_back(*number);
    }
    return strikes;
}

double speed_from(const Setting& setting) {
    if (setting.value == "max") return 0;
    const auto speed = duration_from(setting.value, 1s);  // a fraction in the same notation
    const bool plain = setting.value.find_first_not_of("0123456789.") == std::string::npos;
    if (!plain || !speed || *speed <= 0s)
        refuse(setting.where, setting.value, "is not a speed",
               "write virtual seconds a second, 10 or 0.5, or max");
    return std::chrono::duration<double>(*speed).count();
}

sim::RunOptions run_options(const Options& options) {
    sim::RunOptions run;
    if (const auto nodes = number_within(options, "nodes", 1, kNodesMax)) run.nodes = *nodes;
    if (const auto clients = number_within(options, "clients", 0, kClientsMax))
        run.clients = *clients;
    const bool interactive = options.on("interactive");
    if (interactive) run.duration = kInteractiveDuration;
    if (const auto duration = options.duration("duration", 1s)) {
        if (*duration <= 0s)
            refuse(options.find("duration")->where, options.text("duration"),
                   "must be more than nothing");
        run.duration = *duration;
    }
    if (const Setting* faults = options.find("faults")) {
        if (faults->value != "all") run.faults = faults_from(faults->value, faults->where);
    } else if (interactive) {
        run.faults = sim::Faults();
        if (!run.clients) run.clients = 0;
    }
    if (const Setting* without = options.find("without"))
        run.without = faults_from(without->value, without->where);
    if (const Setting* strikes = options.find("strikes")) run.strikes = strikes_from(*strikes);
    return run;
}

void refuse_together(const Options& options, std::string_view one, std::string_view other) {
    if (options.given(one) && options.given(other))
        throw Failure(Exit::refused, fmt::format("--{} and --{} exclude each other", one, other),
                      "give one of them");
}

// They choose among the messages that --trace shows, or `trace on` of the console.
void refuse_without_trace(const Options& options) {
    if (options.on("trace") || options.on("interactive")) return;
    std::vector<std::string_view> choosing{"view"};
    for (const OptionSpec& filter : trace_filter_specs()) choosing.push_back(filter.name);
    for (const std::string_view name : choosing)
        if (options.given(name) && options.text(name) != "false")
            throw Failure(Exit::refused, fmt::format("--{} needs --trace", name),
                          "add --trace, which shows the messages of the run");
}

std::vector<OptionSpec> make_option_specs() {
    static const std::string faults_help = fmt::format(
        "all: the seed's own choice (default); none; or out of {}", fmt::join(fault_names(), ", "));
    std::vector<OptionSpec> specs = {
        {.name = "seed", .value = "N", .help = "play this seed (default: one that is drawn)"},
        {.name = "seeds", .value = "A..B", .help = "play all seeds from A to B"},
        {.name = "nodes", .value = "N", .help = "so many, 1 to 15 (default: drawn from the seed)"},
        {.name = "clients",
         .value = "N",
         .help = "so many (default: drawn from the seed; 0 with --interactive)"},
        {.name = "duration",
         .value = "TIME",
         .help = "of the time under faults, in virtual time (default 60s)"},
        {.name = "faults", .value = "LIST", .help = faults_help},
        {.name = "without", .value = "LIST", .help = "faults to leave out of what is drawn"},
        {.name = "strikes",
         .value = "N,…",
         .help = "only these strikes of the seed's plan, by number"},
        {.name = "jobs",
         .value = "N",
         .help = "so many seeds at a time (default: one per core)",
         .letter = 'j'},
        {.name = "stop-on-failure", .value = "", .help = "begin no seed after one has failed"},
        {.name = "no-shrink", .value = "", .help = "do not look for a smaller run if one fails"},
        {.name = "speed",
         .value = "X",
         .help = "virtual seconds a second, or max (default 10 on a terminal, else max)"},
        {.name = "interactive",
         .value = "",
         .help = "a prompt to step the cluster by hand",
         .letter = 'i'},
        {.name = "verbose", .value = "", .help = "what happens, line by line", .letter = 'v'},
        {.name = "trace", .value = "", .help = "every message; the options below choose"},
        {.name = "view",
         .value = "VIEW",
         .help = "of messages: lines, or a diagram of what goes between nodes",
         .choices = "lines|diagram"},
    };
    const auto& filters = trace_filter_specs();
    specs.insert(specs.end(), filters.begin(), filters.end());
    specs.push_back({.name = "output",
                     .value = "FORMAT",
                     .help = "text, json or table",
                     .letter = 'o',
                     .choices = "text|json|table"});
    specs.push_back({.name = "color",
                     .value = "WHEN",
                     .help = "auto (on terminals, unless NO_COLOR is set), always or never",
                     .choices = "auto|always|never"});
    return specs;
}

}  // namespace

sim::Faults faults_from(std::string_view list, std::string_view where) {
    sim::Faults faults;
    if (list == "none") return faults;
    for (const std::string& name : split(list, ',')) {
        const auto fault = sim::fault_from_text(name);
        if (!fault) {
            const std::string meant = nearest(name, fault_names());
            refuse(where, name, "is not a fault",
                   meant.empty() ? fmt::format("there are {}", fmt::join(fault_names(), ", "))
                                 : fmt::format("did you mean {}?", meant));
        }
        faults.set(static_cast<std::size_t>(*fault));
    }
    if (faults.none()) refuse(where, list, "names no fault", "write none if that is meant");
    return faults;
}

const std::vector<OptionSpec>& sim_option_specs() {
    static const std::vector<OptionSpec> specs = make_option_specs();
    return specs;
}

SimSettings sim_settings(const Options& options, const std::function<std::uint64_t()>& draw_seed,
                         bool watched) {
    refuse_together(options, "seed", "seeds");
    for (const std::string_view single : {"interactive", "trace", "verbose", "speed", "strikes"})
        refuse_together(options, "seeds", single);
    refuse_without_trace(options);
    SimSettings settings;
    settings.run = run_options(options);
    if (const Setting* seeds = options.find("seeds")) {
        settings.seeds = seeds_from(*seeds);
        settings.run.seed = settings.seeds->first;
    } else {
        const auto seed = options.number("seed");
        settings.run.seed = seed ? *seed : draw_seed();
    }
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    settings.jobs =
        static_cast<unsigned>(number_within(options, "jobs", 1, kJobsMax).value_or(cores));
    settings.stop_on_failure = options.on("stop-on-failure");
    settings.interactive = options.on("interactive");
    settings.verbose = options.on("verbose");
    settings.trace = options.on("trace");
    settings.shrink = !options.on("no-shrink");
    if (options.text("view") == "diagram") settings.view = TraceView::diagram;
    if (watched) settings.speed = kWatchedSpeed;
    if (const Setting* speed = options.find("speed")) settings.speed = speed_from(*speed);
    return settings;
}

}  // namespace raftbus::cli
