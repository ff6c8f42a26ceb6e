#include "cli/bench_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "cli/sim_summary.hpp"

namespace raftbus::cli {
namespace {

using bench::Histogram;
using Nanoseconds = Histogram::Nanoseconds;

constexpr std::array<std::pair<const char*, double>, 4> kParts{
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}}};
constexpr std::size_t kBarColumns = 40;
// A core that is busy with measuring is what is measured.
constexpr double kBusy = 0.9;

std::string time_text(Nanoseconds time) {
    const double us = static_cast<double>(time.count()) / 1e3;
    if (us < 1'000) return fmt::format("{:.0f} us", us);
    if (us < 1'000'000) return fmt::format("{:.2f} ms", us / 1e3);
    return fmt::format("{:.2f} s", us / 1e6);
}

std::string rate_text(std::uint64_t count, double seconds) {
    return grouped(static_cast<std::uint64_t>(std::llround(static_cast<double>(count) / seconds)));
}

std::string latencies_text(const Histogram& histogram) {
    std::string text;
    for (const auto& [name, part] : kParts)
        text += fmt::format("{} {}   ", name, time_text(histogram.percentile(part)));
    return text + "max " + time_text(histogram.max());
}

std::string bar(double part, bool unicode) {
    const double columns = part * static_cast<double>(kBarColumns);
    std::string text;
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c) text += unicode ? "█" : "#";
    const auto eighths = static_cast<std::size_t>((columns - std::floor(columns)) * 8);
    constexpr std::array<const char*, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (unicode) text += kEighths[eighths];
    return text.empty() && part > 0 ? (unicode ? "▏" : ".") : text;
}

// Rows of one, two and five: 100–200 us, 200–500 us, 500 us–1 ms, …
std::string drawn(const Histogram& histogram, bool unicode) {
    struct Row {
        Nanoseconds from, to;
        std::uint64_t count;
    };
    std::vector<Row> rows;
    std::uint64_t most = 0;
    std::int64_t from = 0;
    for (std::int64_t decade = 1'000; from <= histogram.max().count(); decade *= 10) {
        for (const std::int64_t to : {decade, 2 * decade, 5 * decade}) {
            const std::uint64_t count = histogram.between(Nanoseconds(from), Nanoseconds(to));
            if (count > 0 || !rows.empty())
                rows.push_back({Nanoseconds(from), Nanoseconds(to), count});
            most = std::max(most, count);
            from = to;
        }
    }
    while (!rows.empty() && rows.back().count == 0) rows.pop_back();
    std::string text;
    for (const Row& row : rows) {
        const double part = static_cast<double>(row.count) / static_cast<double>(most);
        const double share =
            static_cast<double>(row.count) / static_cast<double>(histogram.count());
        text += fmt::format("  < {:>9}  {:>6.2f} %  {}\n", time_text(row.to), 100 * share,
                            bar(part, unicode));
    }
    return text;
}

double micros(Nanoseconds time) {
    return static_cast<double>(time.count()) / 1e3;
}

Value::Map latencies_json(const Histogram& histogram) {
    Value::Map map{{"mean", micros(histogram.mean())}};
    for (const auto& [name, part] : kParts)
        map.emplace_back(name, micros(histogram.percentile(part)));
    map.emplace_back("max", micros(histogram.max()));
    return map;
}

}  // namespace

std::string mix_text(const bench::LoadOptions& options) {
    const unsigned total = options.mix[0] + options.mix[1] + options.mix[2];
    std::string text;
    for (std::size_t op = 0; op < bench::kOps; ++op) {
        if (options.mix[op] == 0) continue;
        const auto name = to_string(static_cast<bench::Op>(op));
        if (options.mix[op] == total) return std::string(name);
        text +=
            fmt::format("{}{} % {}", text.empty() ? "" : ", ", options.mix[op] * 100 / total, name);
    }
    return text;
}

std::string bench_line(const Histogram& lately, double seconds) {
    return fmt::format("{}/s   p50 {}   p99 {}", rate_text(lately.count(), seconds),
                       time_text(lately.percentile(0.5)), time_text(lately.percentile(0.99)));
}

std::string bench_text(const bench::LoadOptions& options, const bench::LoadResult& result,
                       bool unicode) {
    std::string text =
        fmt::format("{}/s   {} of {} in {:.2f} s\n", rate_text(result.answered, result.seconds),
                    grouped(result.answered), mix_text(options), result.seconds);
    text += "  " + latencies_text(result.all) + "\n";
    const auto kinds = std::count_if(options.mix.begin(), options.mix.end(),
                                     [](unsigned weight) { return weight > 0; });
    for (std::size_t op = 0; kinds > 1 && op < bench::kOps; ++op)
        if (result.by_op[op].count() > 0)
            text += fmt::format("  {:<5} {}\n", to_string(static_cast<bench::Op>(op)),
                                latencies_text(result.by_op[op]));
    for (const auto& [code, count] : result.errors)
        text += fmt::format("  {} times {}\n", grouped(count), code);
    if (result.unanswered > 0)
        text += fmt::format("  {} never answered\n", grouped(result.unanswered));
    if (result.all.count() > 0) text += "\n" + drawn(result.all, unicode);
    text += fmt::format("\n  measured with {:.0f} % of a core{}\n", 100 * result.cores,
                        result.cores > kBusy ? ": the load itself may be what limits" : "");
    return text;
}

Value bench_json(const bench::LoadOptions& options, const bench::LoadResult& result) {
    Value::Map errors;
    for (const auto& [code, count] : result.errors) errors.emplace_back(code, count);
    Value::Map map{
        {"op", mix_text(options)},
        {"clients", std::uint64_t{options.clients}},
        {"in_flight", std::uint64_t{options.clients * options.in_flight}},
        {"keys", options.shape.keys},
        {"value_bytes", options.shape.value_bytes},
        {"seconds", result.seconds},
        {"answered", result.answered},
        {"per_second", static_cast<double>(result.answered) / result.seconds},
        {"latency_us", latencies_json(result.all)},
        {"errors", std::move(errors)},
        {"unanswered", result.unanswered},
        {"load_cores", result.cores},
    };
    if (options.rate > 0) map.emplace_back("rate", options.rate);
    return map;
}

}  // namespace raftbus::cli
