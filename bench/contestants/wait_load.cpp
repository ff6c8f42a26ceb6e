// wait_load: durable and replicated writes at Redis, which redis-benchmark cannot send.
//
//   wait_load PORT CONNECTIONS VALUE_BYTES KEYS SECONDS WARM_UP
//
// Each connection sends SET and WAIT 1 in one go, and again when both are answered. A write whose
// WAIT tells of no replica within a second counts as an error. Prints what `raftbus bench -o json`
// does.
//
// Owns: the connections. Must not know: who started the server.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "bench/histogram.hpp"

namespace {

using raftbus::bench::Histogram;
using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::exit(1);
}

struct Plan {
    std::uint16_t port = 0;
    std::size_t connections = 0;
    std::size_t value_bytes = 0;
    std::uint64_t keys = 0;
    double seconds = 0, warm_up = 0;
};

struct Connection {
    int fd = -1;
    Clock::time_point sent;
    std::string answer;
};

class Load {
public:
    explicit Load(const Plan& plan)
        : plan_(plan), value_(plan.value_bytes, 'v'), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        if (epoll_ < 0) die("epoll_create1");
        connections_.resize(plan.connections);
        for (Connection& connection : connections_) connect(connection);
    }

    void run() {
        const auto span = [](double s) {
            return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
        };
        counts_from_ = Clock::now() + span(plan_.warm_up);
        until_ = counts_from_ + span(plan_.seconds);
        for (Connection& connection : connections_) send(connection);
        std::array<epoll_event, 256> events{};
        while (Clock::now() < until_) {
            const int ready = ::epoll_wait(epoll_, events.data(), events.size(), 1'000);
            for (int i = 0; i < ready; ++i)
                receive(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
        }
    }

    void print() const {
        const auto us = [](Histogram::Nanoseconds time) {
            return static_cast<double>(time.count()) / 1e3;
        };
        std::string errors;
        for (const auto& [what, count] : errors_)
            errors += (errors.empty() ? "\"" : ",\"") + what + "\":" + std::to_string(count);
        std::printf(
            "{\"per_second\":%.1f,\"latency_us\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,"
            "\"max\":%.1f},\"errors\":{%s}}\n",
            static_cast<double>(took_.count()) / plan_.seconds, us(took_.percentile(0.5)),
            us(took_.percentile(0.9)), us(took_.percentile(0.99)), us(took_.max()), errors.c_str());
    }

private:
    void connect(Connection& connection) {
        connection.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(plan_.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(connection.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            die("connect");
        const int on = 1;
        ::setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &connection;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) != 0) die("epoll_ctl");
    }

    void send(Connection& connection) {
        random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
        std::array<char, 32> key{};
        std::snprintf(key.data(), key.size(), "key:%012llu",
                      static_cast<unsigned long long>((random_ >> 20) % plan_.keys));
        request_ = "*3\r\n$3\r\nSET\r\n$16\r\n";
        request_ += key.data();
        request_ += "\r\n$" + std::to_string(value_.size()) + "\r\n";
        request_ += value_ + "\r\n*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$4\r\n1000\r\n";
        connection.sent = Clock::now();
        const char* left = request_.data();
        std::size_t size = request_.size();
        while (size > 0) {  // blocks, but the server reads all the time
            const ssize_t sent = ::send(connection.fd, left, size, MSG_NOSIGNAL);
            if (sent <= 0) die("send");
            left += sent;
            size -= static_cast<std::size_t>(sent);
        }
    }

    // Two lines are the answer: "+OK", and ":" with the number of replicas.
    void receive(Connection& connection) {
        std::array<char, 512> buffer{};
        const ssize_t got = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
        if (got <= 0) die("the server closed a connection");
        connection.answer.append(buffer.data(), static_cast<std::size_t>(got));
        const std::size_t first = connection.answer.find("\r\n");
        if (first == std::string::npos) return;
        const std::size_t second = connection.answer.find("\r\n", first + 2);
        if (second == std::string::npos) return;
        const Clock::time_point now = Clock::now();
        if (connection.sent >= counts_from_ && now < until_)
            count(connection.answer, connection.answer.substr(first + 2, second - first - 2),
                  now - connection.sent);
        connection.answer.erase(0, second + 2);
        send(connection);
    }

    void count(const std::string& set, const std::string& wait, Clock::duration took) {
        if (!set.starts_with("+OK"))
            ++errors_["set refused"];
        else if (wait == ":1" || wait == ":2")
            took_.add(took);
        else
            ++errors_["no replica"];
    }

    const Plan plan_;
    const std::string value_;
    const int epoll_;
    std::vector<Connection> connections_;
    std::string request_;
    std::uint64_t random_ = 42;
    Clock::time_point counts_from_, until_;
    Histogram took_;
    std::map<std::string, std::uint64_t> errors_;
};

}  // namespace

int main(int argc, char** argv) {
    Plan plan;
    if (argc == 7) {
        plan.port = static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10));
        plan.connections = std::strtoul(argv[2], nullptr, 10);
        plan.value_bytes = std::strtoul(argv[3], nullptr, 10);
        plan.keys = std::strtoull(argv[4], nullptr, 10);
        plan.seconds = std::strtod(argv[5], nullptr);
        plan.warm_up = std::strtod(argv[6], nullptr);
    }
    if (plan.port == 0 || plan.connections == 0 || plan.keys == 0 || plan.seconds <= 0) {
        std::fprintf(stderr,
                     "usage: wait_load PORT CONNECTIONS VALUE_BYTES KEYS SECONDS WARM_UP\n");
        return 2;
    }
    Load load(plan);
    load.run();
    load.print();
    return 0;
}
