// floor: the least program that replicates durably over ZeroMQ: how far from that is a Raft?
//
// A leader takes requests as a raftbus node does, sends them on to two followers in batches, syncs
// its own log meanwhile, and answers when its own log and one follower's are synced. Reads wait for
// a round to one follower. There are no terms, no indexes, no checksums, no state, no second
// chances: whatever is faster than this is not durable, or not over ZeroMQ.
//
//   floor follower ENDPOINT FILE
//   floor leader CLIENTS ENDPOINT ENDPOINT FILE
//
// Owns: all of it. The log is zero-filled ahead and wraps.

#include <fcntl.h>
#include <sched.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "messages/msgpack_reader.hpp"

namespace {

constexpr std::uint64_t kLogBytes = 256 << 20;
constexpr std::size_t kBatchesInFlight = 2;
constexpr int kBurst = 4'096;

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::exit(1);
}

class Log {
public:
    explicit Log(const char* path) : fd_(::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640)) {
        if (fd_ < 0) die(path);
        const std::string zeros(1 << 20, '\0');
        for (std::uint64_t at = 0; at < kLogBytes; at += zeros.size())
            if (::pwrite(fd_, zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0) die(path);
        if (::fsync(fd_) != 0) die(path);
    }
    void write(std::string_view bytes) {
        if (at_ + bytes.size() > kLogBytes) at_ = 0;
        if (::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at_)) < 0) die("pwrite");
        at_ += bytes.size();
    }
    void sync() {
        if (::fdatasync(fd_) != 0) die("fdatasync");
    }

private:
    const int fd_;
    std::uint64_t at_ = 0;
};

std::string_view view(const zmq::message_t& message) {
    return {message.data<char>(), message.size()};
}
std::uint64_t number_of(const zmq::message_t& message) {
    std::uint64_t number = 0;
    std::memcpy(&number, message.data(), std::min(message.size(), sizeof number));
    return number;
}
zmq::message_t message_of(std::uint64_t number) {
    return {&number, sizeof number};
}
zmq::socket_t socket_of(zmq::context_t& context, zmq::socket_type type) {
    zmq::socket_t socket(context, type);
    socket.set(zmq::sockopt::sndhwm, 0);
    socket.set(zmq::sockopt::rcvhwm, 0);
    socket.set(zmq::sockopt::linger, 0);
    return socket;
}

// Messages to a follower: [number, batch], answered by [number] when it is synced; [number] alone
// is a round, answered at once by [number, nothing].
int follow(const char* endpoint, const char* path) {
    Log log(path);
    zmq::context_t context;
    zmq::socket_t leader = socket_of(context, zmq::socket_type::pair);
    leader.bind(endpoint);
    for (;;) {
        std::optional<std::uint64_t> written;
        zmq::message_t number, batch;
        auto flags = zmq::recv_flags::none;
        for (; leader.recv(number, flags); flags = zmq::recv_flags::dontwait) {
            if (!number.more()) {
                leader.send(number, zmq::send_flags::sndmore);
                leader.send(zmq::message_t(), zmq::send_flags::none);
                continue;
            }
            (void)leader.recv(batch);
            log.write(view(batch));
            written = number_of(number);
        }
        if (!written) continue;
        log.sync();
        leader.send(message_of(*written), zmq::send_flags::none);
    }
}

// Syncs what it is given, and says up to which batch.
void sync_in_background(zmq::context_t& context, const char* path) {
    Log log(path);
    zmq::socket_t main = socket_of(context, zmq::socket_type::pair);
    main.connect("inproc://log");
    main.send(zmq::message_t(), zmq::send_flags::none);
    for (;;) {
        zmq::message_t number, batch;
        auto flags = zmq::recv_flags::none;
        std::uint64_t last = 0;
        for (; main.recv(number, flags); flags = zmq::recv_flags::dontwait) {
            (void)main.recv(batch);
            log.write(view(batch));
            last = number_of(number);
        }
        log.sync();
        main.send(message_of(last), zmq::send_flags::none);
    }
}

struct Request {
    zmq::message_t client;
    std::uint32_t id = 0;
};

class Leader {
public:
    Leader(const char* clients, const char* one, const char* other, const char* path)
        : clients_(socket_of(context_, zmq::socket_type::router)),
          log_(socket_of(context_, zmq::socket_type::pair)),
          followers_{socket_of(context_, zmq::socket_type::pair),
                     socket_of(context_, zmq::socket_type::pair)} {
        log_.bind("inproc://log");
        std::thread([this, path] { sync_in_background(context_, path); }).detach();
        zmq::message_t ready;
        (void)log_.recv(ready);
        followers_[0].connect(one);
        followers_[1].connect(other);
        clients_.bind(clients);
    }

    [[noreturn]] void run() {
        std::array<zmq::pollitem_t, 4> items{{{clients_.handle(), 0, ZMQ_POLLIN, 0},
                                              {log_.handle(), 0, ZMQ_POLLIN, 0},
                                              {followers_[0].handle(), 0, ZMQ_POLLIN, 0},
                                              {followers_[1].handle(), 0, ZMQ_POLLIN, 0}}};
        for (;;) {
            zmq::poll(items.data(), items.size());
            take_requests();
            take_numbers(log_, own_);
            for (std::size_t f = 0; f < 2; ++f) take_numbers(followers_[f], acked_[f]);
            answer();
            send_batch();
            send_round();
        }
    }

private:
    struct Group {
        std::uint64_t number = 0;
        std::vector<Request> requests;
    };

    void take_requests() {
        zmq::message_t client, empty, body;
        for (int i = 0; i < kBurst; ++i) {
            if (!clients_.recv(client, zmq::recv_flags::dontwait)) return;
            (void)clients_.recv(empty);
            (void)clients_.recv(body);
            bool read = false;
            Request request{std::move(client), id_of(view(body), read)};
            if (read) {
                reads_.push_back(std::move(request));
            } else {
                batch_ += view(body);
                writes_.push_back(std::move(request));
            }
        }
    }

    static std::uint32_t id_of(std::string_view body, bool& read) {
        raftbus::MsgpackReader reader(body);
        raftbus::MsgpackValue map, name, value;
        if (!reader.enter(map)) return 0;
        for (std::uint64_t left = map.number; left > 0; --left) {
            if (!reader.read(name) || !reader.read(value)) return 0;
            if (name.bytes == "op") read = value.bytes != "SET";
            if (name.bytes == "id") return static_cast<std::uint32_t>(value.number);
        }
        return 0;
    }

    void take_numbers(zmq::socket_t& socket, std::uint64_t& synced) {
        zmq::message_t number, nothing;
        while (socket.recv(number, zmq::recv_flags::dontwait)) {
            std::uint64_t& newest = number.more() ? round_answered_ : synced;
            if (number.more()) (void)socket.recv(nothing);
            newest = std::max(newest, number_of(number));
        }
    }

    void send_batch() {
        while (!writes_.empty() && batches_.size() < kBatchesInFlight) {
            batches_.push_back({++last_, std::move(writes_)});
            writes_.clear();
            zmq::message_t bytes(batch_.data(), batch_.size());
            batch_.clear();
            for (zmq::socket_t* to : {&followers_[0], &followers_[1], &log_}) {
                zmq::message_t copy;
                copy.copy(bytes);
                to->send(message_of(last_), zmq::send_flags::sndmore);
                to->send(copy, zmq::send_flags::none);
            }
        }
    }

    void send_round() {
        if (reads_.empty() || !rounds_.empty()) return;
        rounds_.push_back({++last_, std::move(reads_)});
        reads_.clear();
        followers_[0].send(message_of(last_), zmq::send_flags::none);
    }

    void answer() {
        const std::uint64_t synced = std::min(own_, std::max(acked_[0], acked_[1]));
        while (!batches_.empty() && batches_.front().number <= synced) {
            for (Request& request : batches_.front().requests) reply(request, false);
            batches_.pop_front();
        }
        while (!rounds_.empty() && rounds_.front().number <= round_answered_) {
            for (Request& request : rounds_.front().requests) reply(request, true);
            rounds_.pop_front();
        }
    }

    // As a node's: {"ok": true, "id": …, "revision": …}, of a read with a value.
    void reply(Request& request, bool read) {
        body_.assign(read ? "\x84" : "\x83");
        body_ += "\xa2ok\xc3\xa2id\xce";
        for (int shift = 24; shift >= 0; shift -= 8)
            body_ += static_cast<char>(request.id >> shift);
        body_ += "\xa8revision\x01";
        if (read) body_ += "\xa5value\xc4\x40" + std::string(64, 'v');
        clients_.send(request.client, zmq::send_flags::sndmore);
        clients_.send(zmq::message_t(), zmq::send_flags::sndmore);
        clients_.send(zmq::buffer(body_), zmq::send_flags::none);
    }

    zmq::context_t context_;
    zmq::socket_t clients_, log_;
    std::array<zmq::socket_t, 2> followers_;
    std::string batch_, body_;
    std::vector<Request> writes_, reads_;
    std::deque<Group> batches_, rounds_;
    std::uint64_t last_ = 0, own_ = 0, round_answered_ = 0;
    std::array<std::uint64_t, 2> acked_{};
};

}  // namespace

int main(int argc, char** argv) {
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_BATCH, &none);  // as a node does
    const std::string_view role = argc > 1 ? argv[1] : "";
    if (role == "follower" && argc == 4) return follow(argv[2], argv[3]);
    if (role == "leader" && argc == 6) Leader(argv[2], argv[3], argv[4], argv[5]).run();
    std::fprintf(stderr,
                 "usage: floor follower ENDPOINT FILE\n"
                 "       floor leader CLIENTS ENDPOINT ENDPOINT FILE\n");
    return 2;
}
