#include "bus/node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "messages/text.hpp"

namespace raftbus {
namespace {

constexpr std::size_t kLinesOfFailure = 30;
constexpr int kFatalStatus = 70;  // EX_SOFTWARE of sysexits.h
constexpr std::uint64_t kIncarnationMask = (std::uint64_t(1) << 53) - 1;

std::uint64_t draw() {
    std::random_device device;
    return std::uint64_t(device()) << 32 | device();
}

Status check_config(const NodeConfig& config) {
    if (!config.id) return Error{"a node's id is a number from 1; pass --id"};
    if (config.layout.empty()) return Error{"the layout has no worker"};
    const auto self = std::ranges::find(config.members, config.id, &Member::node);
    if (self == config.members.end())
        return Error{
            fmt::format("node {} is not among its own peers; --peers lists all nodes, this one "
                        "included",
                        config.id.value)};
    for (const Member& member : config.members) {
        if (std::ranges::count(config.members, member.node, &Member::node) > 1)
            return Error{fmt::format("node {} stands twice in --peers", member.node.value)};
        if (member.node != config.id && member.peer.empty())
            return Error{fmt::format("node {} has no endpoint in --peers", member.node.value)};
    }
    return Done{};
}

}  // namespace

Result<std::unique_ptr<Node>> Node::open(NodeConfig config, const ActorFactory& make) {
    if (auto fine = check_config(config); !fine) return fine.error();
    const std::uint64_t seed = config.seed.value_or(draw());
    const std::uint64_t incarnation =
        config.incarnation.value_or(std::max<std::uint64_t>(draw() & kIncarnationMask, 1));
    std::unique_ptr<Node> node(new Node(std::move(config), seed, incarnation));
    if (auto fine = node->assemble(make); !fine) return fine.error();
    return node;
}

Node::Node(NodeConfig config, std::uint64_t seed, std::uint64_t incarnation)
    : shared_(std::move(config), seed, incarnation,
              [this](const Failure& failure) { fail(failure); }) {}

Status Node::assemble(const ActorFactory& make) {
    const WorkerLayout& layout = shared_.config.layout;
    std::vector<std::pair<ActorName, Context*>> contexts;
    for (std::size_t i = 0; i < layout.size(); ++i) {
        workers_.push_back(std::make_unique<Worker>(shared_, i, layout[i]));
        for (const ActorName actor : layout[i].actors)
            contexts.emplace_back(actor, &workers_[i]->prepare(actor));
    }
    Context& bus_context = network_worker().prepare(ActorName::bus);
    for (const auto& worker : workers_) worker->open_post();

    auto bus = std::make_unique<Bus>(shared_, network_worker(), bus_context,
                                     [this] { network_worker().end(); });
    bus_ = bus.get();
    network_worker().adopt(ActorName::bus, std::move(bus));
    network_worker().on_wake([this] { on_woken(); });
    if (auto bound = bus_->open(); !bound) return bound;

    for (std::size_t i = 1; i < workers_.size(); ++i) {
        peer_outlets_.push_back(std::make_unique<PeerPush>(shared_.zmq));
        workers_[i]->post().set_peers(*peer_outlets_.back());
        trace_outlets_.push_back(std::make_unique<TracePush>(shared_.zmq));
        workers_[i]->set_trace(*trace_outlets_.back());
    }
    std::size_t next = 0;
    for (const auto& worker : workers_)
        for (const ActorName actor : layout[next++].actors) {
            const auto it = std::ranges::find(contexts, actor, [](auto& c) { return c.first; });
            worker->adopt(actor, make(actor, *it->second));
        }
    return Done{};
}

Node::~Node() {
    end_workers();
    wait();
}

void Node::start() {
    for (const auto& worker : workers_) worker->start();
}

bool Node::wait() {
    if (!joined_ && !workers_.empty()) {
        joined_ = true;
        // The network first, so that peers learn of it at once; storage may still be writing.
        network_worker().join();
        if (bus_ != nullptr) bus_->close();
        end_workers();
        for (const auto& worker : workers_) worker->join();
        shared_.jobs.stop();
    }
    return !shared_.failed.load(std::memory_order_acquire);
}

void Node::stop() noexcept {
    stop_asked_.store(true, std::memory_order_release);
    network_worker().wake();
}

void Node::dump_recent() noexcept {
    dump_asked_.store(true, std::memory_order_release);
    network_worker().wake();
}

void Node::on_woken() {
    if (dump_asked_.exchange(false, std::memory_order_acq_rel)) log_recent(SIZE_MAX);
    if (stop_asked_.exchange(false, std::memory_order_acq_rel)) bus_->stop();
}

void Node::end_workers() noexcept {
    for (const auto& worker : workers_) worker->end();
}

std::vector<std::string> Node::recent() const {
    std::vector<FlightEvent> events;
    for (const auto& worker : workers_) {
        const auto more = worker->recorder().recent();
        events.insert(events.end(), more.begin(), more.end());
    }
    std::ranges::stable_sort(events, {}, &FlightEvent::when);
    std::vector<std::string> lines;
    lines.reserve(events.size());
    for (const FlightEvent& event : events) lines.push_back(to_text(shared_.config.id, event));
    return lines;
}

void Node::log_recent(std::size_t lines_max) const {
    const std::vector<std::string> lines = recent();
    const std::size_t first = lines.size() > lines_max ? lines.size() - lines_max : 0;
    for (std::size_t i = first; i < lines.size(); ++i)
        shared_.log.write(LogLevel::info, ActorName::bus, "recent: " + lines[i]);
}

void Node::fail(const Failure& failure) {
    if (shared_.failed.exchange(true, std::memory_order_acq_rel)) return;
    const std::string text =
        fmt::format("fatal: node {} {}{}: {}", shared_.config.id.value, to_string(failure.actor),
                    failure.state.empty() ? "" : " (" + failure.state + ")", failure.what);
    shared_.log.write(LogLevel::error, failure.actor, text);
    log_recent(kLinesOfFailure);
    shared_.log.flush();
    if (!shared_.config.on_fatal) std::_Exit(kFatalStatus);
    shared_.config.on_fatal(text);
    end_workers();
}

}  // namespace raftbus
