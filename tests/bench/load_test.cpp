// The load against a server of the test's own, which answers as it is told.
#include "bench/load.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <msgpack.hpp>
#include <set>
#include <thread>
#include <zmq.hpp>

namespace raftbus::bench {
namespace {

using namespace std::chrono_literals;

struct Asked {
    std::string op, key;
    std::string from;
    std::uint64_t nth = 0;  // from 1
};

class Server {
public:
    enum class Answer { ok, busy, none, garbage };

    explicit Server(std::function<Answer(const Asked&)> answer =
                        [](const Asked&) { return Answer::ok; })
        : answer_(std::move(answer)), socket_(context_, ZMQ_ROUTER) {
        socket_.set(zmq::sockopt::rcvtimeo, 5);
        socket_.bind("tcp://127.0.0.1:*");
        endpoint_ = socket_.get(zmq::sockopt::last_endpoint);
        thread_ = std::thread([this] { serve(); });
    }
    ~Server() {
        stop_ = true;
        thread_.join();
    }
    const std::string& endpoint() const { return endpoint_; }

private:
    void serve() {
        std::uint64_t count = 0;
        while (!stop_) {
            zmq::message_t from, empty, body;
            if (!socket_.recv(from)) continue;
            (void)socket_.recv(empty);
            (void)socket_.recv(body);
            const auto object = msgpack::unpack(body.data<char>(), body.size());
            auto fields = object->as<std::map<std::string, msgpack::object>>();
            const msgpack::object& key = fields[fields.contains("key") ? "key" : "start"];
            const Answer answer = answer_({fields["op"].as<std::string>(),
                                           {key.via.bin.ptr, key.via.bin.size},
                                           from.to_string(),
                                           ++count});
            if (answer == Answer::none) continue;
            msgpack::sbuffer out;
            msgpack::packer<msgpack::sbuffer> packer(out);
            packer.pack_map(answer == Answer::busy ? 3 : 2);
            packer.pack("ok"), packer.pack(answer != Answer::busy);
            packer.pack("id"), packer.pack(fields["id"]);
            if (answer == Answer::busy) packer.pack("error"), packer.pack("BUSY");
            if (answer == Answer::garbage) out.clear();
            socket_.send(from, zmq::send_flags::sndmore);
            socket_.send(empty, zmq::send_flags::sndmore);
            socket_.send(zmq::buffer(out.data(), out.size()), zmq::send_flags::none);
        }
    }

    std::function<Answer(const Asked&)> answer_;
    std::atomic<bool> stop_{false};
    zmq::context_t context_;
    zmq::socket_t socket_;
    std::string endpoint_;
    std::thread thread_;
};

LoadResult run(const LoadOptions& options) {
    return Load(options).run([](const Histogram&, double) { return true; });
}

TEST(Load, SendsAsManyAsItIsToldAndCountsThem) {
    std::atomic<int> asked{0};
    std::set<std::string> connections;
    Server server([&](const Asked& a) {
        ++asked;
        connections.insert(a.from);
        return Server::Answer::ok;
    });
    const auto result = run({.endpoints = {server.endpoint()},
                             .clients = 3,
                             .in_flight = 20,
                             .mix = {1, 1, 2},
                             .count = 2'000});
    EXPECT_EQ(result.answered, 2'000u);
    EXPECT_EQ(asked, 2'000);
    EXPECT_EQ(connections.size(), 3u);
    EXPECT_EQ(result.all.count(), 2'000u);
    std::uint64_t sum = 0;
    for (const Histogram& histogram : result.by_op) {
        EXPECT_GT(histogram.count(), 300u) << "of each kind";
        sum += histogram.count();
    }
    EXPECT_EQ(sum, 2'000u);
    EXPECT_GT(result.by_op[2].count(), result.by_op[0].count());
}

TEST(Load, NeverHasMoreOnTheWayThanItMay) {
    // None of the first four is answered, so a fifth would be one too many.
    std::atomic<std::uint64_t> asked{0};
    Server server([&](const Asked& a) {
        asked = a.nth;
        return Server::Answer::none;
    });
    EXPECT_THROW(run({.endpoints = {server.endpoint()},
                      .clients = 2,
                      .in_flight = 2,
                      .count = 100,
                      .patience = 300ms}),
                 LoadFailed);
    EXPECT_EQ(asked, 4u);
}

TEST(Load, GoesThroughTheKeysInOrder) {
    std::set<std::string> keys;
    Server server([&](const Asked& a) {
        keys.insert(a.key);
        return Server::Answer::ok;
    });
    run({.endpoints = {server.endpoint()},
         .in_flight = 10,
         .shape = {.keys = 500},
         .in_order = true,
         .count = 500});
    EXPECT_EQ(keys.size(), 500u);
    EXPECT_EQ(*keys.rbegin(), "key0000000000499");
}

TEST(Load, CountsRefusalsByTheirCode) {
    Server server(
        [](const Asked& a) { return a.nth % 4 == 0 ? Server::Answer::busy : Server::Answer::ok; });
    const auto result = run({.endpoints = {server.endpoint()}, .in_flight = 8, .count = 400});
    EXPECT_EQ(result.answered, 300u);
    EXPECT_EQ(result.errors.at("BUSY"), 100u);
}

TEST(Load, GivesUpWhatIsNotAnswered) {
    Server server(
        [](const Asked& a) { return a.nth == 10 ? Server::Answer::none : Server::Answer::ok; });
    const auto result =
        run({.endpoints = {server.endpoint()}, .in_flight = 4, .count = 100, .patience = 300ms});
    EXPECT_EQ(result.answered, 99u);
    EXPECT_EQ(result.unanswered, 1u);
}

TEST(Load, WithARateAStandstillIsChargedToAllThatWereDueMeanwhile) {
    const auto with_a_pause = [](const Asked& a) {
        if (a.nth == 100) std::this_thread::sleep_for(400ms);
        return Server::Answer::ok;
    };
    Server server(with_a_pause), other(with_a_pause);
    const auto at_rate = run({.endpoints = {server.endpoint()}, .rate = 1'000, .count = 700});
    EXPECT_GE(at_rate.all.between(100ms, 10s), 250u) << "three hundred had to wait that long";
    const auto without = run({.endpoints = {other.endpoint()}, .count = 700});
    EXPECT_GE(without.all.between(100ms, 10s), 1u);
    EXPECT_LT(without.all.between(100ms, 10s), 100u) << "only one was on its way";
}

TEST(Load, WithARateSendsAllThatIsDueHoweverLate) {
    Server server([](const Asked& a) {
        if (a.nth == 10) std::this_thread::sleep_for(300ms);
        return Server::Answer::ok;
    });
    const auto result = run({.endpoints = {server.endpoint()}, .rate = 500, .time = 200ms});
    EXPECT_EQ(result.answered, 100u);
}

TEST(Load, TellsAStrangerFromANode) {
    Server server([](const Asked&) { return Server::Answer::garbage; });
    EXPECT_THROW(run({.endpoints = {server.endpoint()}, .count = 10}), LoadFailed);
}

TEST(Load, EndsWhenItIsTold) {
    Server server;
    int ticks = 0;
    const auto result = Load({.endpoints = {server.endpoint()}, .time = 1h})
                            .run([&](const Histogram& lately, double) {
                                EXPECT_GT(lately.count(), 0u);
                                return ++ticks < 2;
                            });
    EXPECT_EQ(ticks, 2);
    EXPECT_GT(result.answered, 0u);
    EXPECT_LT(result.seconds, 3000);
}

}  // namespace
}  // namespace raftbus::bench
