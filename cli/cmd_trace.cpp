// trace: all nodes' messages, live, in one order.
#include <fmt/format.h>

#include "cli/display.hpp"
#include "cli/interrupt.hpp"
#include "cli/json.hpp"
#include "cli/survey.hpp"
#include "cli/trace_draw.hpp"
#include "cli/trace_filter.hpp"
#include "cli/trace_merge.hpp"
#include "cli/trace_source.hpp"
#include "cli/verb.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kDefaultCount = 1000;
constexpr auto kReorderWindow = 100ms;
constexpr auto kSurveyPatience = 300ms;
constexpr auto kSurveyEvery = 2s;  // while a member's trace is not known

class LiveTrace {
public:
    explicit LiveTrace(Session& session)
        : session_(session), filter_(TraceFilter::from(session.options)), merge_(kReorderWindow) {
        const auto count = session.options.number("count");
        const auto span = session.options.duration("for", 1s);
        most_ = count ? *count : span ? UINT64_MAX : kDefaultCount;
        if (span) deadline_ = Clock::now() + *span;
        say_limits(count.has_value() || span.has_value());
    }

    Exit run() {
        look_for_nodes();
        if (!source_.connected_anywhere()) {
            throw Failure(Exit::refused, "no node publishes a trace",
                          "start nodes with --trace tcp://HOST:PORT");
        }
        while (shown_ < most_ && Clock::now() < deadline_) {
            for (TraceEvent& event : source_.receive(50ms))
                merge_.add(std::move(event), Clock::now());
            show(merge_.take_ready(Clock::now()));
            if (interrupt_pending() != 0) break;
            if (nodes_missing_ && Clock::now() >= next_survey_) look_for_nodes();
        }
        if (shown_ < most_) show(merge_.take_all());
        throw_if_interrupted();
        return Exit::done;
    }

private:
    void say_limits(bool limited) const {
        std::string words;
        if (!limited)
            words =
                fmt::format("ends after {} events or with Ctrl-C; -n and --for change that", most_);
        if (filter_.hides_heartbeats()) {
            words += words.empty() ? "" : "; ";
            words += "heartbeats are left out, --heartbeats shows them";
        }
        if (!words.empty()) session_.output.note(words);
    }

    void look_for_nodes() {
        nodes_missing_ = false;
        next_survey_ = Clock::now() + kSurveyEvery;
        try {
            for (const NodeView& view : survey(*session_.client, kSurveyPatience)) {
                const std::string endpoint = view.trace();
                nodes_missing_ = nodes_missing_ || endpoint.empty();
                source_.connect(endpoint);
            }
        } catch (const Failure& nobody) {
            if (!source_.connected_anywhere() || nobody.exit != Exit::unreachable) throw;
            nodes_missing_ = true;  // a cluster that is down for a moment is worth waiting for
        }
    }

    void show(std::vector<OrderedEvent> events) {
        for (const OrderedEvent& ordered : events) {
            if (ordered.lost_before > 0) {
                session_.output.note(fmt::format("n{}: {} events lost", ordered.event.node.value,
                                                 ordered.lost_before));
            }
            if (!filter_.wants(ordered.event)) continue;
            if (shown_++ == most_) return;
            const bool json = session_.output.format == Format::json;
            session_.output.out << (json ? to_json(event_record(ordered.event))
                                         : event_line(session_.output, ordered.event))
                                << '\n';
        }
        session_.output.out.flush();
    }

    Session& session_;
    TraceFilter filter_;
    TraceMerge merge_;
    TraceSource source_;
    std::uint64_t most_ = kDefaultCount;
    std::uint64_t shown_ = 0;
    Clock::time_point deadline_ = Clock::time_point::max();
    Clock::time_point next_survey_{};
    bool nodes_missing_ = false;
};

Exit run_trace(Session& session) {
    return LiveTrace(session).run();
}

std::vector<OptionSpec> trace_options() {
    std::vector<OptionSpec> options = trace_filter_specs();
    options.push_back({.name = "count",
                       .value = "N",
                       .help = "end after so many events (default 1000)",
                       .letter = 'n'});
    options.push_back({.name = "for", .value = "TIME", .help = "end after this time, 10s"});
    return options;
}

}  // namespace

Verb trace_verb() {
    return {
        .name = "trace",
        .group = "Watching",
        .synopsis = "",
        .summary = "the messages between all actors of all nodes, live and in one order",
        .details =
            "One line per event: time, node, actor, -> sent or <- handled (* an actor's own "
            "remark), the\n"
            "other side, the message, and the request that it serves. Causes come before effects; "
            "clocks\n"
            "decide only among what is unrelated. Keys and values appear as their sizes, but for "
            "the\n"
            "gateway's remarks.",
        .options = trace_options(),
        .examples = {{{"raftbus trace --for 10s", "everything but heartbeats"},
                      {"raftbus trace --type '*Vote*' --actor election",
                       "an election, message by message"},
                      {"raftbus trace --key colour -o json",
                       "what requests about one key cause, for a script"}}},
        .run = run_trace};
}

}  // namespace raftbus::cli
