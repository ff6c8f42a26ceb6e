#include "tests/cli/test_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "cli/wire.hpp"

namespace raftbus::cli {

Reaction reply(Value::Map fields) {
    return {{std::move(fields)}};
}
Reaction refuse_with(const std::string& code, const std::string& executed) {
    return reply({{"ok", false}, {"error", code}, {"message", "because"}, {"executed", executed}});
}
Reaction silence() {
    return {};
}
Reaction hang_up() {
    return {{}, true};
}

TestServer::TestServer(Handler handler)
    : router_(context_, zmq::socket_type::router), handler_(std::move(handler)) {
    router_.set(zmq::sockopt::linger, 0);
    router_.bind("tcp://127.0.0.1:*");
    endpoint_ = router_.get(zmq::sockopt::last_endpoint);
    thread_ = std::thread([this] { serve(); });
}

TestServer::~TestServer() {
    ends_ = true;
    thread_.join();
}

std::vector<std::string> TestServer::ops() const {
    const std::lock_guard lock(mutex_);
    return ops_;
}

void TestServer::serve() {
    constexpr auto kLook = std::chrono::milliseconds(5);
    while (!ends_) {
        zmq::pollitem_t item{router_.handle(), 0, ZMQ_POLLIN, 0};
        zmq::poll(&item, 1, kLook);
        if ((item.revents & ZMQ_POLLIN) != 0 && !answer()) break;
    }
    router_.close();
}

bool TestServer::answer() {
    zmq::message_t identity, empty, body;
    (void)router_.recv(identity);
    (void)router_.recv(empty);
    (void)router_.recv(body);
    const Value request = *unpack(body.to_string_view());
    {
        const std::lock_guard lock(mutex_);
        ops_.emplace_back(request["op"].text());
    }
    Reaction reaction = handler_(request);
    for (Value::Map& fields : reaction.replies) {
        const bool has_id = std::any_of(fields.begin(), fields.end(),
                                        [](const auto& field) { return field.first == "id"; });
        if (!has_id) fields.emplace_back("id", request["id"]);
        const std::string packed = pack(fields);
        router_.send(zmq::buffer(identity.data(), identity.size()), zmq::send_flags::sndmore);
        router_.send(zmq::message_t(), zmq::send_flags::sndmore);
        router_.send(zmq::buffer(packed), zmq::send_flags::none);
    }
    return !reaction.hang_up;
}

DeadEndpoint::DeadEndpoint() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    (void)bind(socket_, reinterpret_cast<sockaddr*>(&address), length);
    (void)getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length);
    endpoint_ = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

DeadEndpoint::~DeadEndpoint() {
    close(socket_);
}

}  // namespace raftbus::cli
