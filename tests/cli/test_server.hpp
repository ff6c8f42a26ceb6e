// test_server: a program that speaks the client protocol and answers as a test wants it to.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "cli/value.hpp"

namespace raftbus::cli {

// What the server does with a request.
struct Reaction {
    std::vector<Value::Map> replies;  // each with the request's id, unless it has one of its own
    bool hang_up = false;             // then close the socket, for good
};
Reaction reply(Value::Map fields);
Reaction refuse_with(const std::string& code, const std::string& executed = "no");
Reaction silence();
Reaction hang_up();

class TestServer {
public:
    using Handler = std::function<Reaction(const Value& request)>;

    // Listens at a port of loopback that the system chooses. `handler` is called in a thread of the
    // server's own.
    explicit TestServer(Handler handler);
    ~TestServer();

    const std::string& endpoint() const { return endpoint_; }
    // The `op`s of all requests so far.
    std::vector<std::string> ops() const;

private:
    void serve();
    bool answer();

    zmq::context_t context_;
    zmq::socket_t router_;
    std::string endpoint_;
    Handler handler_;
    mutable std::mutex mutex_;
    std::vector<std::string> ops_;
    std::atomic<bool> ends_{false};
    std::thread thread_;
};

// An endpoint where connections are refused for as long as this lives.
class DeadEndpoint {
public:
    DeadEndpoint();
    ~DeadEndpoint();
    DeadEndpoint(const DeadEndpoint&) = delete;
    DeadEndpoint& operator=(const DeadEndpoint&) = delete;
    const std::string& endpoint() const { return endpoint_; }

private:
    int socket_;
    std::string endpoint_;
};

}  // namespace raftbus::cli
