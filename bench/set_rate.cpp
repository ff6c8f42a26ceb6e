// set_rate: how many durable SETs (or linearizable GETs) a second a cluster answers, and how fast.
// One DEALER with a fixed number of requests in flight; 16-byte keys out of 100,000, 64-byte
// values.
//
//   set_rate [--get] ENDPOINT IN_FLIGHT SECONDS
//
// Prints one line: requests a second, median and 99th percentile in microseconds, failures.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <msgpack.hpp>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace {

using Clock = std::chrono::steady_clock;

std::string request(bool get, std::uint64_t id, std::uint64_t key) {
    char name[17];
    std::snprintf(name, sizeof name, "key%013llu", static_cast<unsigned long long>(key));
    msgpack::sbuffer out;
    msgpack::packer<msgpack::sbuffer> pack(out);
    pack.pack_map(get ? 3 : 4);
    pack.pack("op"), pack.pack(get ? "GET" : "SET");
    pack.pack("id"), pack.pack(id);
    pack.pack("key"), pack.pack(name);
    if (!get) pack.pack("value"), pack.pack(std::string(64, static_cast<char>('a' + id % 26)));
    return {out.data(), out.size()};
}

class Load {
public:
    Load(const std::string& endpoint, bool get) : socket_(context_, ZMQ_DEALER), get_(get) {
        socket_.set(zmq::sockopt::linger, 0);
        socket_.set(zmq::sockopt::sndhwm, 0);
        socket_.set(zmq::sockopt::rcvhwm, 0);
        socket_.set(zmq::sockopt::rcvtimeo, 10'000);
        socket_.connect(endpoint);
    }

    void run(std::size_t in_flight, std::chrono::seconds time) {
        started_.resize(in_flight);
        for (std::size_t slot = 0; slot < in_flight; ++slot) send(slot);
        const auto begin = Clock::now();
        const auto warm = begin + std::chrono::seconds(1);
        const auto end = warm + time;
        for (auto now = begin; now < end; now = Clock::now()) {
            const std::size_t slot = receive(now >= warm);
            send(slot);
        }
        report(std::chrono::duration<double>(time).count());
    }

private:
    void send(std::size_t slot) {
        random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
        const std::string body = request(get_, slot, (random_ >> 33) % 100'000);
        socket_.send(zmq::message_t(), zmq::send_flags::sndmore);
        socket_.send(zmq::buffer(body), zmq::send_flags::none);
        started_[slot] = Clock::now();
    }

    // Takes one reply; returns whose it is.
    std::size_t receive(bool counted) {
        zmq::message_t frame;
        do {
            if (!socket_.recv(frame)) {
                std::fprintf(stderr, "set_rate: no reply for 10 s\n");
                std::exit(1);
            }
        } while (frame.more());
        const auto object = msgpack::unpack(frame.data<char>(), frame.size());
        std::size_t slot = 0;
        bool ok = false;
        for (const auto& [key, value] : object->as<std::map<std::string, msgpack::object>>()) {
            if (key == "id") slot = value.as<std::size_t>();
            if (key == "ok") ok = value.as<bool>();
        }
        if (counted) {
            ok ? latencies_.push_back(Clock::now() - started_.at(slot)) : void(++failures_);
        }
        return slot;
    }

    void report(double seconds) {
        std::sort(latencies_.begin(), latencies_.end());
        const auto at = [&](double part) {
            if (latencies_.empty()) return 0.0;
            const auto i =
                static_cast<std::size_t>(part * static_cast<double>(latencies_.size() - 1));
            return std::chrono::duration<double, std::micro>(latencies_[i]).count();
        };
        std::printf("%.0f/s  median %.0f us  p99 %.0f us  failures %zu\n",
                    static_cast<double>(latencies_.size()) / seconds, at(0.5), at(0.99), failures_);
    }

    zmq::context_t context_;
    zmq::socket_t socket_;
    const bool get_;
    std::uint64_t random_ = 42;
    std::vector<Clock::time_point> started_;
    std::vector<Clock::duration> latencies_;
    std::size_t failures_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    const bool get = argc > 1 && std::strcmp(argv[1], "--get") == 0;
    if (argc != (get ? 5 : 4)) {
        std::fprintf(stderr, "usage: set_rate [--get] ENDPOINT IN_FLIGHT SECONDS\n");
        return 2;
    }
    char** const args = argv + (get ? 2 : 1);
    Load(args[0], get).run(std::stoul(args[1]), std::chrono::seconds(std::stoul(args[2])));
}
