// The commands of the simulator's prompt: see sim_console.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "cli/display.hpp"
#include "cli/failure.hpp"
#include "cli/interrupt.hpp"
#include "cli/sim_console.hpp"
#include "cli/sim_picture.hpp"
#include "cli/sim_replay.hpp"
#include "cli/sim_summary.hpp"
#include "cli/sim_words.hpp"
#include "cli/trace_draw.hpp"
#include "storage/command.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 10s;  // virtual, for an answer or an effect
constexpr std::size_t kEntriesShown = 20;

std::string text_of(const Command& command) {
    switch (command.kind) {
        case CommandKind::set:
            return fmt::format("set {} = {}", escaped(command.key), escaped(command.value));
        case CommandKind::erase:
            return fmt::format("delete {}", escaped(command.key));
        case CommandKind::session:
            return "session";
        case CommandKind::transaction:
            return "txn";
        case CommandKind::no_op:
            break;
    }
    return "no-op";
}

void add_entries(Records& records, const Batch& batch) {
    const BatchHeader& header = batch.header;
    CommandReader reader(batch.body.view());
    for (LogIndex index = header.first; index <= header.last(); index = index.next()) {
        std::string text(to_string(header.kind));
        if (header.kind == BatchKind::commands) {
            const Result<Command> command = reader.next();
            text = command ? text_of(*command) : "damaged";
        }
        records.rows.push_back({index.value, header.term.value, std::move(text)});
    }
}

struct AnswerText {
    Exit* exit;
    std::string operator()(const sim::Unknown&) const { return {}; }
    std::string operator()(const Written& written) const {
        return fmt::format("OK revision {}", written.revision);
    }
    std::string operator()(const sim::Found& found) const { return escaped(found.value); }
    std::string operator()(const sim::Absent&) const {
        *exit = Exit::answered_no;
        return "not found";
    }
    std::string operator()(const ConditionFailed&) const {
        *exit = Exit::answered_no;
        return "condition failed";
    }
};

Duration time_from(const std::string& word) {
    const auto time = duration_from(word, 1s);
    if (!time || *time <= 0s)
        throw Failure(Exit::refused, fmt::format("{} is not a time", in_quotes(word)),
                      "write 500ms, 2s or 1m");
    return *time;
}

}  // namespace

const std::vector<SimConsole::Command>& SimConsole::commands() {
    static const std::vector<Command> all = {
        {"run", "TIME", "let time pass: run 2s", 1, 1, &SimConsole::run_for},
        {"step", "[N]", "until an actor has taken a message, or N of them", 0, 1,
         &SimConsole::step},
        {"set", "KEY VALUE", "as a client; runs until it is answered", 2, 2, &SimConsole::set},
        {"get", "KEY", "the same", 1, 1, &SimConsole::get},
        {"delete", "KEY", "the same", 1, 1, &SimConsole::erase},
        {"kill", "N", "the process dies", 1, 1, &SimConsole::kill},
        {"crash", "N", "the machine loses power, and what was not synced", 1, 1,
         &SimConsole::crash},
        {"start", "N", "the process starts again", 1, 1, &SimConsole::start},
        {"stop", "N", "the process stops in good order", 1, 1, &SimConsole::stop},
        {"pause", "N", "the process stands still", 1, 1, &SimConsole::pause},
        {"resume", "N", "and goes on", 1, 1, &SimConsole::resume},
        {"elect", "N", "tell a node to campaign", 1, 1, &SimConsole::elect},
        {"add", "N", "the next node joins, as a learner first", 1, 1, &SimConsole::add},
        {"remove", "N", "it is a member no more", 1, 1, &SimConsole::remove},
        {"cut", "1,2|3", "cut the links between groups; 1>3: one way", 1, 1, &SimConsole::cut},
        {"heal", "", "mend all links", 0, 0, &SimConsole::heal},
        {"disconnect", "A B", "break the connections between two nodes", 2, 2,
         &SimConsole::disconnect},
        {"full", "N", "its disk takes nothing more", 1, 1, &SimConsole::full},
        {"room", "N", "its disk has room again", 1, 1, &SimConsole::room},
        {"show", "", "the cluster, a row per node", 0, 0, &SimConsole::show},
        {"log", "N", "the newest entries of a node's log", 1, 1, &SimConsole::log},
        {"trace", "on|off", "show every message", 1, 1, &SimConsole::trace},
        {"finish", "", "heal everything, and judge what clients were told", 0, 0,
         &SimConsole::finish},
        {"seed", "", "what this run was drawn from", 0, 0, &SimConsole::seed},
        {"help", "", "this list", 0, 0, &SimConsole::show_help},
    };
    return all;
}

// ---- time

Exit SimConsole::run_for(const Words& words) {
    const Duration time = time_from(words.front());
    act([] {});
    run_until([] { return false; }, time);
    return Exit::done;
}

Exit SimConsole::step(const Words& words) {
    const auto count = words.empty() ? std::optional<std::uint64_t>(1) : number_from(words.front());
    if (!count || *count == 0)
        throw Failure(Exit::refused, fmt::format("{} is not a number of messages", words.front()),
                      "write step or step 10");
    const bool traced = listener_.messages != nullptr;
    if (!traced)
        listener_.messages = [this](const TraceEvent& event) {
            if (event.kind == TraceKind::handled) print_message(event);
        };
    sim::Cluster& cluster = simulation_.cluster();
    const std::uint64_t goal = cluster.messages() + *count;
    act([&] {
        while (cluster.messages() < goal && cluster.events().due(Moment::max()))
            cluster.events().step();
    });
    if (!traced) listener_.messages = nullptr;
    return Exit::done;
}

Exit SimConsole::finish(const Words&) {
    act([] {});
    simulation_.end_faults_now();
    while (!simulation_.done() && interrupt_pending() == 0) simulation_.advance(1s);
    return simulation_.done() ? exit_of(simulation_.result().ending) : Exit::interrupted;
}

// ---- clients

Exit SimConsole::set(const Words& words) {
    return ask(sim::Set{words[1], {}}, words[0]);
}
Exit SimConsole::get(const Words& words) {
    return ask(sim::Get{}, words[0]);
}
Exit SimConsole::erase(const Words& words) {
    return ask(sim::Erase{}, words[0]);
}

Exit SimConsole::ask(sim::Ask ask, const std::string& key) {
    std::uint32_t client = 0;
    act([&] { client = simulation_.workload().add(std::move(ask), key); });
    std::optional<sim::Operation> answer;
    run_until(
        [&] {
            answer = answer_to(client);
            return answer.has_value();
        },
        kPatience);
    if (simulation_.done()) return exit_of(simulation_.result().ending);
    if (!answer)
        throw Failure(Exit::unknown,
                      "no answer within 10 virtual seconds; this client goes on asking",
                      "show tells who leads; heal, start N or run 5s may help");
    print_news();
    Exit exit = Exit::done;
    output_.out << std::visit(AnswerText{&exit}, answer->outcome) << '\n';
    return exit;
}

// Attempts of the same client whose outcome is unknown are no answer.
std::optional<sim::Operation> SimConsole::answer_to(std::uint32_t client) const {
    for (const sim::Operation& operation : simulation_.workload().history())
        if (operation.client == client && !operation.is_unknown()) return operation;
    return std::nullopt;
}

// ---- processes

Exit SimConsole::kill(const Words& words) {
    const std::uint32_t node = alive_node_in(words);
    act([&] { simulation_.cluster().kill(node); });
    return Exit::done;
}

Exit SimConsole::crash(const Words& words) {
    const std::uint32_t node = alive_node_in(words);
    act([&] { simulation_.cluster().crash(node); });
    return Exit::done;
}

Exit SimConsole::start(const Words& words) {
    const std::uint32_t number = node_in(words);
    sim::SimNode& node = simulation_.cluster().node(number);
    if (node.alive())
        throw Failure(Exit::refused, fmt::format("node {} runs already", number),
                      fmt::format("kill {} ends it", number));
    act([&] { node.boot(); });
    run_until([&] { return node.state() != sim::SimNode::State::starting; }, kPatience);
    if (node.runs()) return Exit::done;
    throw Failure(Exit::refused, fmt::format("node {} does not start: {}", number, node.refusal()));
}

Exit SimConsole::stop(const Words& words) {
    const std::uint32_t node = alive_node_in(words);
    sim::Cluster& cluster = simulation_.cluster();
    act([&] { cluster.stop(node); });
    if (run_until([&] { return !cluster.node(node).alive(); }, kPatience)) return Exit::done;
    throw Failure(Exit::not_executed, fmt::format("node {} has not stopped yet", node),
                  fmt::format("kill {} does not wait", node));
}

Exit SimConsole::pause(const Words& words) {
    const std::uint32_t node = alive_node_in(words);
    act([&] { simulation_.cluster().pause(node); });
    return Exit::done;
}

Exit SimConsole::resume(const Words& words) {
    const std::uint32_t node = alive_node_in(words);
    act([&] { simulation_.cluster().resume(node); });
    return Exit::done;
}

Exit SimConsole::elect(const Words& words) {
    const NodeId node(alive_node_in(words));
    sim::Cluster& cluster = simulation_.cluster();
    act([&] { cluster.send({node, ActorName::bus}, {node, ActorName::election}, Campaign{}); });
    if (run_until([&] { return cluster.leader() == node; }, kPatience)) return Exit::done;
    throw Failure(Exit::not_executed, fmt::format("node {} does not lead", node.value),
                  "show tells who does; its log must be as good as a majority's");
}

// ---- links and disks

Exit SimConsole::cut(const Words& words) {
    const SimCuts cuts = sim_cuts_from(words.front(), nodes());
    act([&] {
        for (const auto& [from, to] : cuts) simulation_.cluster().cut_one_way(from, to);
    });
    return Exit::done;
}

Exit SimConsole::heal(const Words&) {
    act([&] { simulation_.cluster().heal(); });
    return Exit::done;
}

Exit SimConsole::disconnect(const Words& words) {
    const NodeId a(sim_node_from(words[0], nodes())), b(sim_node_from(words[1], nodes()));
    if (a == b) throw Failure(Exit::refused, "these are one node", "name two");
    act([&] {
        simulation_.cluster().network().disconnect(a, b);
        simulation_.cluster().network().disconnect(b, a);
    });
    return Exit::done;
}

Exit SimConsole::full(const Words& words) {
    const std::uint32_t node = node_in(words);
    act([&] { simulation_.cluster().node(node).disk().set_room(0); });
    return Exit::done;
}

Exit SimConsole::room(const Words& words) {
    const std::uint32_t node = node_in(words);
    act([&] { simulation_.cluster().node(node).disk().set_room(UINT64_MAX); });
    return Exit::done;
}

// ---- looking

Exit SimConsole::show(const Words&) {
    output_.out << aligned(picture_of(simulation_.cluster(), output_.unicode));
    return Exit::done;
}

Exit SimConsole::log(const Words& words) {
    sim::SimNode& node = simulation_.cluster().node(alive_node_in(words));
    Records records{{"index", "term", "entry"}, {}};
    const Log& log = node.log();
    if (log.first() <= log.last().index)
        for (const Batch& batch : node.log().read(log.first(), UINT64_MAX))
            add_entries(records, batch);
    const std::size_t earlier = records.rows.size() - std::min(records.rows.size(), kEntriesShown);
    records.rows.erase(records.rows.begin(),
                       records.rows.begin() + static_cast<std::ptrdiff_t>(earlier));
    output_.out << aligned(records);
    if (earlier > 0) output_.out << fmt::format("{} earlier ones\n", grouped(earlier));
    return Exit::done;
}

Exit SimConsole::trace(const Words& words) {
    if (words.front() == "on")
        listener_.messages = [this](const TraceEvent& event) { print_message(event); };
    else if (words.front() == "off")
        listener_.messages = nullptr;
    else
        throw Failure(Exit::refused, fmt::format("trace {}?", words.front()),
                      "write trace on or trace off");
    return Exit::done;
}

void SimConsole::print_message(const TraceEvent& event) {
    if (filter_.wants(event))
        output_.out << event_line(output_, event, message_time(event)) << '\n';
}

Exit SimConsole::seed(const Words&) {
    output_.out << replay_command(settings_.run) << " --interactive\n";
    return Exit::done;
}

Exit SimConsole::show_help(const Words&) {
    output_.out << help();
    return Exit::done;
}

}  // namespace raftbus::cli
