#include "tests/bus/toy_node.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <set>

namespace raftbus::testing {
namespace {

bool can_bind(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    return bound;
}

class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit LineSink(std::shared_ptr<Happened<std::string>> lines) : lines_(std::move(lines)) {}

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        lines_->add(std::string(spdlog::level::to_string_view(message.level).data()) + " " +
                    std::string(message.payload.data(), message.payload.size()));
    }
    void flush_() override {}
    std::shared_ptr<Happened<std::string>> lines_;
};

class Toy final : public Actor {
public:
    Toy(ActorName name, Context& context, Script script,
        std::shared_ptr<Happened<Received>> received)
        : name_(name),
          context_(context),
          script_(std::move(script)),
          received_(std::move(received)) {}

    void start() override {
        if (script_.start) script_.start(context_);
    }
    bool receive(const Envelope& envelope, const AnyMessage& message) override {
        if (script_.takes && !script_.takes(message)) return false;
        if (script_.receive) script_.receive(context_, envelope, message);
        received_->add({name_, envelope, message});
        return true;
    }
    void on_timer(TimerId id) override {
        if (script_.timer) script_.timer(context_, id);
    }
    void on_job_done(JobId id) override {
        if (script_.job_done) script_.job_done(context_, id);
    }
    void on_drained() override {
        if (script_.drained) script_.drained(context_);
    }
    std::string describe() const override { return "a toy"; }

private:
    ActorName name_;
    Context& context_;
    Script script_;
    std::shared_ptr<Happened<Received>> received_;
};

}  // namespace

std::uint16_t free_port() {
    static std::mt19937 random{std::random_device{}()};
    static std::set<std::uint16_t> given;  // not bound yet, perhaps
    for (;;) {
        const auto port = static_cast<std::uint16_t>(12'000 + random() % 20'000);
        if (can_bind(port) && given.insert(port).second) return port;
    }
}

std::string loopback(std::uint16_t port) {
    return "tcp://127.0.0.1:" + std::to_string(port);
}

ToyNode::ToyNode(std::uint32_t id, std::vector<std::uint16_t> peer_ports) {
    config.id = NodeId(id);
    config.cluster = "toys";
    for (std::uint32_t i = 0; i < peer_ports.size(); ++i)
        config.members.push_back({.node = NodeId(i + 1), .peer = loopback(peer_ports[i])});
    config.peer_bind = loopback(peer_ports[id - 1]);
    config.client_bind = loopback(free_port());
    config.logger = std::make_shared<spdlog::logger>("toys", std::make_shared<LineSink>(lines_));
    config.on_fatal = [fatals = fatals_](const std::string& text) { fatals->add(text); };
}

void ToyNode::start() {
    auto node = Node::open(config, [this](ActorName name, Context& context) {
        return std::make_unique<Toy>(name, context, scripts[name], received_);
    });
    ASSERT_TRUE(node.ok()) << node.error().message;
    node_ = std::move(*node);
    node_->start();
}

std::string ToyNode::logged(const std::string& part) {
    const auto line =
        lines_->take([&](const std::string& l) { return l.find(part) != std::string::npos; });
    if (!line) ADD_FAILURE() << "no line in the log holds: " << part;
    return line.value_or("");
}

std::string ToyNode::fatal() {
    const auto text = fatals_->take([](const std::string&) { return true; });
    if (!text) ADD_FAILURE() << "the node did not fail";
    return text.value_or("");
}

}  // namespace raftbus::testing
