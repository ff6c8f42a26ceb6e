#include "tests/bus/wire.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace raftbus::testing {

Wire::Wire(zmq::socket_type type, const std::string& endpoint) : socket_(context_, type) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvtimeo, 30'000);
    socket_.connect(endpoint);
}

void Wire::send(const std::vector<std::string>& frames) {
    for (std::size_t i = 0; i < frames.size(); ++i)
        socket_.send(zmq::buffer(frames[i]),
                     i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
}

std::optional<std::vector<std::string>> Wire::receive() {
    std::vector<std::string> frames;
    for (;;) {
        zmq::message_t frame;
        if (!socket_.recv(frame)) return std::nullopt;
        frames.push_back(frame.to_string());
        if (!frame.more()) return frames;
    }
}

void write_tcp(std::uint16_t port, std::string_view bytes) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
        while (!bytes.empty()) {
            const ssize_t written = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (written <= 0) break;
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
    close(fd);
}

}  // namespace raftbus::testing
