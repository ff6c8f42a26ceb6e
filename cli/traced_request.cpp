#include "cli/traced_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/display.hpp"
#include "cli/survey.hpp"
#include "cli/trace_draw.hpp"
#include "cli/trace_merge.hpp"
#include "cli/trace_path.hpp"
#include "cli/trace_source.hpp"
#include "messages/text.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kSurveyPatience = 300ms;
constexpr auto kSubscribePatience = 1500ms;  // for the subscriptions to take effect
constexpr auto kQuiet = 50ms;                // then nothing more of the request is to be expected
constexpr auto kGatherMost = 1s;

std::vector<NodeView> connect_to_traces(Client& client, TraceSource& source) {
    std::vector<NodeView> views = survey(client, kSurveyPatience);
    std::erase_if(views, [](const NodeView& view) { return view.trace().empty(); });
    if (views.empty()) {
        throw Failure(Exit::refused, "no node publishes a trace",
                      "start nodes with --trace tcp://HOST:PORT");
    }
    for (const NodeView& view : views) source.connect(view.trace());
    return views;
}

// A subscription is not acknowledged, so every node is asked small things until an event of it
// comes.
void wait_until_heard(Session& session, TraceSource& source, const std::vector<NodeView>& views) {
    std::set<std::uint64_t> silent;
    for (const NodeView& view : views) silent.insert(view.node);
    const auto deadline = Clock::now() + kSubscribePatience;
    while (!silent.empty() && Clock::now() < deadline) {
        std::vector<std::string> endpoints;
        for (const NodeView& view : views) {
            if (silent.contains(view.node)) endpoints.push_back(view.client);
        }
        session.client->ask_each(endpoints, {{"op", "STATUS"}}, 100ms);
        for (const TraceEvent& event : source.receive(20ms)) silent.erase(event.node.value);
    }
    for (const std::uint64_t node : silent) {
        session.output.note(
            fmt::format("n{} publishes no events: its part of the path is missing", node));
    }
}

// All events until the request's have come to an end.
std::vector<TraceEvent> gather(TraceSource& source, RequestId request) {
    TraceMerge merge(0ms);
    const auto deadline = Clock::now() + kGatherMost;
    auto last_heard = Clock::now();
    while (Clock::now() < deadline && Clock::now() < last_heard + kQuiet) {
        for (TraceEvent& event : source.receive(10ms)) {
            if (event.request == request) last_heard = Clock::now();
            merge.add(std::move(event), Clock::now());
        }
    }
    std::vector<TraceEvent> events;
    for (OrderedEvent& ordered : merge.take_all()) events.push_back(std::move(ordered.event));
    return events;
}

std::string outcome_text(const Reply& reply) {
    const Value& found = reply.body["found"];
    if (!found.empty() && !found.is_true()) return "not found";
    std::string text = fmt::format("OK revision {}", reply.body["revision"].number());
    if (!reply.body["value"].empty())
        text = in_quotes(shortened(reply.body["value"].text(), 40)) + "  " + text;
    return text;
}

std::string leader_text(const std::vector<NodeView>& views) {
    const auto newest =
        std::max_element(views.begin(), views.end(), [](const auto& a, const auto& b) {
            return (*a.status)["term"].number() < (*b.status)["term"].number();
        });
    return fmt::format("leader n{} term {}", (*newest->status)["leader"].number(),
                       (*newest->status)["term"].number());
}

void print_as_json(const Output& output, const Reply& reply, const TracePath& path) {
    Value::List events;
    for (const TraceEvent& event : path.events) events.push_back(event_record(event));
    print_json(
        output,
        Value::Map{{"reply", reply.body}, {"took_us", reply.took.count()}, {"events", events}});
}

}  // namespace

Reply traced_request(Session& session, Value::Map request, Effect effect) {
    TraceSource source;
    const std::vector<NodeView> views = connect_to_traces(*session.client, source);
    wait_until_heard(session, source, views);
    request.emplace_back("trace", true);
    const Reply reply = session.client->call(std::move(request), effect);
    if (!reply.ok()) return reply;

    const auto id = request_from_text(reply.body["request"].text());
    if (!id) {
        session.output.note("the node did not say under which id the request is traced");
        return reply;
    }
    const TracePath path = trace_path(gather(source, *id), *id);
    if (session.output.format == Format::json) {
        print_as_json(session.output, reply, path);
        return reply;
    }
    session.output.out << fmt::format("{} in {} ms   request {}   {}\n", outcome_text(reply),
                                      milliseconds_text(reply.took), to_text(*id),
                                      leader_text(views))
                       << draw_path(session.output, path);
    return reply;
}

}  // namespace raftbus::cli
