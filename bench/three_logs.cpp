// three_logs: how many bytes a second can three logs on this disk take, if nothing else is done?
//
//   three_logs DIRECTORY VALUE_BYTES GROUP SECONDS WARM_UP
//
// Three threads, one for each node of a cluster, each with a file of its own that was zero-filled
// ahead and wraps. Over and over each writes GROUP values of VALUE_BYTES with one pwrite and waits
// for fdatasync. Nobody waits for another: of the three the second fastest counts, since what two
// logs hold is durable. A latency is that of one group.
//
// Not measured: the network, headers and checksums, the making of the next file. So this is a
// bound for what a replicated log does with the same values in groups of the same size.
//
// Owns: the three files, which it deletes.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/histogram.hpp"

namespace {

using raftbus::bench::Histogram;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kLogBytes = 256 << 20;
constexpr std::size_t kLogs = 3;

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::_Exit(1);
}

class Log {
public:
    explicit Log(const std::string& path)
        : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640)) {
        if (fd_ < 0) die(path.c_str());
        ::unlink(path.c_str());
        const std::string zeros(1 << 20, '\0');
        for (std::uint64_t at = 0; at < kLogBytes; at += zeros.size()) put(zeros, at);
        if (::fsync(fd_) != 0) die("fsync");
    }
    ~Log() { ::close(fd_); }
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    void append(const std::string& bytes) {
        if (at_ + bytes.size() > kLogBytes) at_ = 0;
        put(bytes, at_);
        if (::fdatasync(fd_) != 0) die("fdatasync");
        at_ += bytes.size();
    }

private:
    void put(const std::string& bytes, std::uint64_t at) const {
        const ssize_t wrote = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (wrote != static_cast<ssize_t>(bytes.size())) die("pwrite");
    }

    const int fd_;
    std::uint64_t at_ = 0;
};

// Nothing that a disk could make smaller.
std::string noise(std::size_t bytes) {
    std::string made(bytes, '\0');
    std::uint64_t random = 42;
    for (char& byte : made) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        byte = static_cast<char>(random >> 56);
    }
    return made;
}

struct Writer {
    explicit Writer(const std::string& path) : log(path) {}

    Log log;
    std::uint64_t groups = 0;
    Histogram took;

    void run(const std::string& group, Clock::time_point counts_from, Clock::time_point until) {
        for (Clock::time_point begun = Clock::now(); begun < until;) {
            log.append(group);
            const Clock::time_point now = Clock::now();
            if (begun >= counts_from) {
                ++groups;
                took.add(now - begun);
            }
            begun = now;
        }
    }
};

double microseconds(Histogram::Nanoseconds time) {
    return static_cast<double>(time.count()) / 1e3;
}

// As `raftbus bench -o json` does.
void print(const Writer& writer, std::uint64_t group, std::uint64_t value_bytes, double seconds) {
    const double values = static_cast<double>(writer.groups * group) / seconds;
    const auto part = [&](double p) { return microseconds(writer.took.percentile(p)); };
    std::printf(
        "{\"value_bytes\":%llu,\"group\":%llu,\"per_second\":%.1f,\"latency_us\":{\"p50\":%.1f,"
        "\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f},\"errors\":{}}\n",
        static_cast<unsigned long long>(value_bytes), static_cast<unsigned long long>(group),
        values, part(0.5), part(0.9), part(0.99), microseconds(writer.took.max()));
}

void measure(const std::string& directory, std::uint64_t value_bytes, std::uint64_t group,
             double seconds, double warm_up) {
    std::vector<std::unique_ptr<Writer>> writers;
    for (std::size_t i = 0; i < kLogs; ++i)
        writers.push_back(std::make_unique<Writer>(directory + "/three-logs-" + std::to_string(i)));
    const std::string bytes = noise(value_bytes * group);
    const auto span = [](double s) {
        return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
    };
    const Clock::time_point from = Clock::now() + span(warm_up);
    std::vector<std::thread> threads;
    threads.reserve(kLogs);
    for (const auto& writer : writers)
        threads.emplace_back([&] { writer->run(bytes, from, from + span(seconds)); });
    for (std::thread& thread : threads) thread.join();
    std::sort(writers.begin(), writers.end(),
              [](const auto& a, const auto& b) { return a->groups < b->groups; });
    print(*writers[kLogs / 2], group, value_bytes, seconds);
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t value_bytes = argc == 6 ? std::strtoull(argv[2], nullptr, 10) : 0;
    const std::uint64_t group = argc == 6 ? std::strtoull(argv[3], nullptr, 10) : 0;
    const double seconds = argc == 6 ? std::strtod(argv[4], nullptr) : 0;
    if (value_bytes == 0 || group == 0 || seconds <= 0 || value_bytes * group > kLogBytes) {
        std::fprintf(stderr, "usage: three_logs DIRECTORY VALUE_BYTES GROUP SECONDS WARM_UP\n");
        return 2;
    }
    measure(argv[1], value_bytes, group, seconds, std::strtod(argv[5], nullptr));
    return 0;
}
