#include "bench/load.hpp"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <zmq.hpp>

namespace raftbus::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kTickEvery = 1s;
constexpr int kEventsMax = 256;
constexpr std::uint32_t kSlotBits = 20;
constexpr std::uint32_t kSlotMask = (1U << kSlotBits) - 1;
constexpr int kReceiveBurst = 256;  // of one connection, before another is looked at

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t below(std::uint64_t end) {
        state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
        return (state_ >> 24) % end;
    }

private:
    std::uint64_t state_;
};

}  // namespace

class Load::Driver {
public:
    explicit Driver(const LoadOptions& options)
        : options_(options),
          requests_(options.shape),
          random_(options.seed),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        context_.set(zmq::ctxopt::max_sockets, static_cast<int>(options.clients + 16));
        for (std::size_t c = 0; c < options.clients; ++c) connect(c);
        slots_.resize(options.clients * options.in_flight);
        for (std::size_t i = slots_.size(); i-- > 0;) {
            slots_[i].client = i % options.clients;
            free_.push_back(static_cast<std::uint32_t>(i));
        }
    }
    ~Driver() { ::close(epoll_); }

    LoadResult run(const Tick& tick) {
        start_ = last_tick_ = heard_ = Clock::now();
        counted_from_ = start_ + options_.warm_up;
        if (options_.time.count() > 0) end_ = counted_from_ + options_.time;
        double cpu = cpu_seconds();
        bool counting = false, go_on = true;
        for (auto now = start_; go_on; now = Clock::now()) {
            if (!counting && now >= counted_from_) {
                counting = true;
                cpu = cpu_seconds();
            }
            send_due(now);
            if (finished()) break;
            wait(now);
            receive_all();
            if (now - last_tick_ >= kTickEvery) go_on = on_tick(now, tick);
        }
        const auto end = Clock::now();
        result_.seconds =
            std::max(1e-9, std::chrono::duration<double>(end - counted_from_).count());
        result_.cores = (cpu_seconds() - cpu) / result_.seconds;
        return std::move(result_);
    }

private:
    struct Connection {
        zmq::socket_t socket;
        int fd = -1;
        bool to_look_at = false;  // sending may have swallowed the sign that something came in
    };
    struct Slot {
        std::size_t client = 0;
        std::uint32_t generation = 0;
        bool busy = false;
        Op op = Op::set;
        Clock::time_point since;  // due, or sent
        Clock::time_point sent;
    };

    void connect(std::size_t number) {
        Connection& made = connections_.emplace_back();
        made.socket = zmq::socket_t(context_, ZMQ_DEALER);
        made.socket.set(zmq::sockopt::linger, 0);
        made.socket.set(zmq::sockopt::sndhwm, 0);
        made.socket.set(zmq::sockopt::rcvhwm, 0);
        made.socket.connect(options_.endpoints[number % options_.endpoints.size()]);
        made.fd = made.socket.get(zmq::sockopt::fd);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = number;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, made.fd, &event) != 0)
            throw LoadFailed(
                "too many connections for this process: raise the limit of open "
                "files, ulimit -n");
    }

    // ---- sending

    bool all_sent(Clock::time_point now) const {
        if (options_.count > 0 && sent_ >= options_.count) return true;
        if (end_ == Clock::time_point()) return false;
        return (options_.rate > 0 ? due() : now) >= end_;  // what was due is sent, however late
    }
    bool finished() const { return all_sent(Clock::now()) && free_.size() == slots_.size(); }

    // When the next request is to go out, whether somebody is free to send it or not.
    Clock::time_point due() const {
        return start_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
                            static_cast<double>(sent_) / options_.rate));
    }

    void send_due(Clock::time_point now) {
        while (!free_.empty() && !all_sent(now)) {
            Clock::time_point since = now;
            if (options_.rate > 0) {
                since = due();
                if (since > now) return;
            }
            const std::uint32_t slot = free_.back();
            free_.pop_back();
            send(slot, since);
        }
    }

    Op draw_op() {
        const unsigned total = options_.mix[0] + options_.mix[1] + options_.mix[2];
        auto drawn = random_.below(total);
        std::size_t op = 0;
        while (drawn >= options_.mix[op]) drawn -= options_.mix[op++];
        return static_cast<Op>(op);
    }

    void send(std::uint32_t number, Clock::time_point since) {
        Slot& slot = slots_[number];
        slot.busy = true;
        slot.op = draw_op();
        slot.since = since;
        slot.sent = Clock::now();
        const std::uint64_t key =
            options_.in_order ? sent_ % options_.shape.keys : random_.below(options_.shape.keys);
        const std::string_view body =
            requests_.make(slot.op, number | slot.generation << kSlotBits, key);
        Connection& connection = connections_[slot.client];
        connection.socket.send(zmq::const_buffer("", 0), zmq::send_flags::sndmore);
        connection.socket.send(zmq::buffer(body), zmq::send_flags::none);
        ++sent_;
        look_at(slot.client);
    }

    void look_at(std::size_t client) {
        if (std::exchange(connections_[client].to_look_at, true)) return;
        to_look_at_.push_back(client);
    }

    // ---- receiving

    // Until something comes, or the next request is due: to the microsecond, and asleep, for
    // whoever shares the processors is what is measured.
    void wait(Clock::time_point now) {
        std::chrono::nanoseconds limit = std::chrono::milliseconds(100);
        if (!to_look_at_.empty()) limit = limit.zero();
        if (options_.rate > 0 && !free_.empty())
            limit = std::clamp<std::chrono::nanoseconds>(due() - now, limit.zero(), limit);
        const timespec timeout{0, limit.count()};
        epoll_event events[kEventsMax];
        int count = ::epoll_pwait2(epoll_, events, kEventsMax, &timeout, nullptr);
        if (count < 0 && errno == ENOSYS)  // Linux before 5.11
            count = ::epoll_wait(epoll_, events, kEventsMax,
                                 static_cast<int>(limit.count() / 1'000'000));
        for (int i = 0; i < count; ++i) look_at(events[i].data.u64);
    }

    void receive_all() {
        for (const std::size_t client : std::exchange(to_look_at_, {})) {
            connections_[client].to_look_at = false;
            for (int left = kReceiveBurst; receive(connections_[client]);)
                if (--left == 0) {
                    look_at(client);
                    break;
                }
        }
    }

    // False: nothing is there.
    bool receive(Connection& connection) {
        if (!connection.socket.recv(frame_, zmq::recv_flags::dontwait)) return false;
        while (frame_.more())
            if (!connection.socket.recv(frame_, zmq::recv_flags::none)) return false;
        const auto reply = read_reply({static_cast<const char*>(frame_.data()), frame_.size()});
        if (!reply || (reply->number & kSlotMask) >= slots_.size())
            throw LoadFailed("an answer that is none to what was asked: is this a raftbus node?");
        Slot& slot = slots_[reply->number & kSlotMask];
        const bool expected = slot.busy && slot.generation == reply->number >> kSlotBits;
        if (expected) answered(reply->number & kSlotMask, *reply);
        return true;
    }

    void answered(std::uint32_t number, const ReplyHead& reply) {
        const Slot& slot = slots_[number];
        const auto now = heard_ = Clock::now();
        if (now >= counted_from_) {
            if (reply.ok) {
                const auto took = now - slot.since;
                ++result_.answered;
                result_.all.add(took);
                result_.by_op[static_cast<std::size_t>(slot.op)].add(took);
                lately_.add(took);
            } else {
                auto [count, fresh] = result_.errors.try_emplace(std::string(reply.error), 0);
                ++count->second;
            }
        }
        release(number);
    }

    void release(std::uint32_t number) {
        Slot& slot = slots_[number];
        slot.busy = false;
        slot.generation = (slot.generation + 1) & (UINT32_MAX >> kSlotBits);
        free_.push_back(number);
    }

    // ---- once a second

    bool on_tick(Clock::time_point now, const Tick& tick) {
        if (heard_ == start_ && now - start_ >= options_.patience)
            throw LoadFailed("no answer within " + std::to_string(options_.patience.count()) +
                             " ms");
        give_up(now);
        const double seconds = std::chrono::duration<double>(now - last_tick_).count();
        const bool go_on = tick(lately_, seconds);
        lately_ = Histogram();
        last_tick_ = now;
        return go_on;
    }

    // What went to a node that is gone is answered by nobody.
    void give_up(Clock::time_point now) {
        for (std::uint32_t i = 0; i < slots_.size(); ++i) {
            if (!slots_[i].busy || now - slots_[i].sent < options_.patience) continue;
            ++result_.unanswered;
            release(i);
        }
    }

    const LoadOptions options_;
    Requests requests_;
    Random random_;
    zmq::context_t context_{1};
    std::vector<Connection> connections_;
    int epoll_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
    std::vector<std::size_t> to_look_at_;
    zmq::message_t frame_;
    std::uint64_t sent_ = 0;
    Clock::time_point start_, counted_from_, end_, last_tick_;
    Clock::time_point heard_;  // the last answer
    Histogram lately_;
    LoadResult result_;
};

Load::Load(const LoadOptions& options) : driver_(std::make_unique<Driver>(options)) {}
Load::~Load() = default;

LoadResult Load::run(const Tick& tick) {
    return driver_->run(tick);
}

}  // namespace raftbus::bench
