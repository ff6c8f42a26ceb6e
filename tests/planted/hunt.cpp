#include "tests/planted/hunt.hpp"

#include <cctype>
#include <cstdio>

#include "messages/check.hpp"

namespace raftbus::planted {
namespace {

sim::RunResult play_script(void (*script)(Script&), sim::Tamper* tamper) {
    constexpr std::size_t kNodes = 5;
    sim::RunResult result;
    try {
        Script stage(kNodes, tamper);
        const Moment begin = stage.cluster().now();
        script(stage);
        result.at = stage.cluster().now() - begin;
    } catch (const sim::RuleBroken& broken) {
        result.ending = sim::Ending::wrong;
        result.what = broken.what();
    } catch (const CheckFailed& failed) {
        result.ending = sim::Ending::crashed;
        result.what = failed.what();
    }
    return result;
}

sim::RunResult play(const Bug& bug, std::uint64_t seed, const MakeTamper& make) {
    const std::unique_ptr<sim::Tamper> tamper = make ? make() : nullptr;
    sim::RunOptions options = bug.options;
    options.seed = seed;
    options.tamper = tamper.get();
    return bug.script ? play_script(bug.script, tamper.get()) : sim::simulate(options);
}

bool shows_a_bug(const sim::RunResult& result) {
    return result.failed() && result.ending != sim::Ending::undecided;
}

std::string one_decimal(double number) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", number);
    return text;
}

// What caught it, without the names, numbers and places of the one run that did: a rule of the
// simulator or a check of an actor. What clients saw is long, and differs from run to run.
std::string rule_of(const sim::RunResult& result) {
    std::string rule = result.what;
    if (const auto line_end = rule.find('\n'); line_end != std::string::npos) rule.resize(line_end);
    constexpr std::size_t kMax = 90;
    std::string text;
    for (const char c : rule) {
        const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
        if (digit && text.ends_with('#')) continue;
        if (c == 'x' && text.ends_with('x')) continue;  // the filling of a client's value
        text += digit ? '#' : c == '|' ? '/' : c;
    }
    if (text.size() > kMax) text = text.substr(0, kMax) + " ...";
    return std::string(to_string(result.ending)) + ": " + text;
}

}  // namespace

std::optional<Catch> hunt(const Bug& bug) {
    const auto begin = std::chrono::steady_clock::now();
    Catch caught;
    for (caught.seed = 1; caught.seed <= bug.seeds_max; ++caught.seed) {
        caught.result = play(bug, caught.seed, bug.liar);
        caught.virtual_time += caught.result.at;
        if (!shows_a_bug(caught.result)) continue;
        caught.wall_time = std::chrono::steady_clock::now() - begin;
        return caught;
    }
    return std::nullopt;
}

std::optional<std::string> control(const Bug& bug, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t seed = from; seed <= to; ++seed) {
        const sim::RunResult result = play(bug, seed, {});
        if (shows_a_bug(result))
            return std::string(bug.name) + " is not there, but seed " + std::to_string(seed) +
                   " ends: " + std::string(to_string(result.ending)) + ": " + result.what;
    }
    return std::nullopt;
}

std::string row_of(const Bug& bug, const Catch& caught) {
    const double seconds = std::chrono::duration<double>(caught.virtual_time).count();
    return "| " + std::string(bug.name) + " | " + std::string(bug.what) + " | " +
           std::string(bug.planted) + " | " + std::to_string(caught.seed) + " of " +
           std::to_string(bug.seeds_max) + " | " + one_decimal(seconds) + " s | " +
           one_decimal(caught.wall_time.count()) + " s | " + rule_of(caught.result) + " |";
}

}  // namespace raftbus::planted
