// toy_node: a node whose actors are the test's own, and what happened in it.
//
// A toy takes every message, remembers it, and does what its script says. Waiting is bounded: what
// has not come within half a minute fails the test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bus/node.hpp"

namespace raftbus::testing {

inline constexpr auto kPatience = std::chrono::seconds(30);

// A TCP port of 127.0.0.1 that nobody uses, below those that the kernel gives to connections.
std::uint16_t free_port();
std::string loopback(std::uint16_t port);

// Things that happened in other threads, waited for in this one.
template <class T>
class Happened {
public:
    void add(T thing) {
        const std::lock_guard lock(mutex_);
        things_.push_back(std::move(thing));
        changed_.notify_all();
    }
    // Takes out the first thing that `wanted` accepts, once there is one; none if it does not come.
    std::optional<T> take(const std::function<bool(const T&)>& wanted) {
        std::unique_lock lock(mutex_);
        std::optional<T> found;
        changed_.wait_for(lock, kPatience, [&] {
            for (auto it = things_.begin(); it != things_.end(); ++it) {
                if (!wanted(*it)) continue;
                found = std::move(*it);
                things_.erase(it);
                return true;
            }
            return false;
        });
        return found;
    }
    std::size_t count(const std::function<bool(const T&)>& wanted) const {
        const std::lock_guard lock(mutex_);
        return static_cast<std::size_t>(std::count_if(things_.begin(), things_.end(), wanted));
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<T> things_;
};

struct Received {
    ActorName by;
    Envelope envelope;
    AnyMessage message;
};

// What a toy does. Every part may be left out.
struct Script {
    std::function<void(Context&)> start;
    std::function<void(Context&, const Envelope&, const AnyMessage&)> receive;
    std::function<void(Context&, TimerId)> timer;
    std::function<void(Context&, JobId)> job_done;
    std::function<void(Context&)> drained;
    std::function<bool(const AnyMessage&)> takes;  // left out: everything
};

class ToyNode {
public:
    // Node `id` of as many members as there are ports.
    ToyNode(std::uint32_t id, std::vector<std::uint16_t> peer_ports);

    NodeConfig config;
    std::map<ActorName, Script> scripts;

    // Opens and starts it; fails the test if that fails.
    void start();
    Node& node() { return *node_; }
    // Without a stop: its threads end and its sockets close.
    void kill() { node_.reset(); }

    Address at(ActorName actor) const { return {config.id, actor}; }

    // The next message of type M that this actor was given.
    template <class M>
    std::pair<Envelope, M> received(ActorName by) {
        auto found = received_->take(
            [&](const Received& r) { return r.by == by && std::holds_alternative<M>(r.message); });
        if (!found) ADD_FAILURE() << to_string(by) << " was given no " << M::kName;
        if (!found) return {};
        return {found->envelope, std::get<M>(found->message)};
    }
    template <class M>
    std::size_t count(ActorName by) const {
        return received_->count(
            [&](const Received& r) { return r.by == by && std::holds_alternative<M>(r.message); });
    }
    // The next line of the log that holds `part`; empty, and a failure, if none comes.
    std::string logged(const std::string& part);
    // Texts that on_fatal was called with.
    std::string fatal();

private:
    std::shared_ptr<Happened<Received>> received_ = std::make_shared<Happened<Received>>();
    std::shared_ptr<Happened<std::string>> lines_ = std::make_shared<Happened<std::string>>();
    std::shared_ptr<Happened<std::string>> fatals_ = std::make_shared<Happened<std::string>>();
    std::unique_ptr<Node> node_;
};

}  // namespace raftbus::testing
