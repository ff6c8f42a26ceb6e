// connection: one DEALER to one node's client endpoint, and what its monitor says.
//
// Owns: the socket, its options, and whether it is usable. Must not know: which node is best, what
// a request means.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <zmq.hpp>

namespace raftbus::cli {

class Connection {
public:
    enum class State {
        opening,
        ready,   // the handshake is done: what is sent reaches the node
        failed,  // refused, or broken after it was ready; `reason` says which. Does not come back.
    };

    // Starts to connect. `endpoint` is tcp://host:port; a name is looked up first, for two seconds
    // at most.
    Connection(zmq::context_t& context, std::string endpoint);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    const std::string& endpoint() const { return endpoint_; }
    State state() const { return state_; }
    bool ready() const { return state_ == State::ready; }
    bool failed() const { return state_ == State::failed; }
    const std::string& reason() const { return reason_; }

    // Takes in what the monitor has reported. Never waits.
    void update();
    // Sends one body. Must be ready. False if it was not taken: then it was certainly not sent.
    bool send(std::string_view body);
    // The next body that has come in; none: nothing there yet. Never waits.
    std::optional<std::string> receive();

    // What to poll for news of either kind.
    zmq::pollitem_t incoming() { return {dealer_.handle(), 0, ZMQ_POLLIN, 0}; }
    zmq::pollitem_t events() { return {monitor_.handle(), 0, ZMQ_POLLIN, 0}; }

private:
    // How far TCP got.
    enum class Progress { none, asked, connected };

    void fail(std::string reason);
    void connect();
    std::string reason_not_connected() const;

    std::string endpoint_;
    std::vector<std::string> addresses_;  // of it, numeric, those that were not tried yet
    zmq::socket_t dealer_;
    zmq::socket_t monitor_;
    State state_ = State::opening;
    Progress progress_ = Progress::none;
    std::string reason_;
};

}  // namespace raftbus::cli
