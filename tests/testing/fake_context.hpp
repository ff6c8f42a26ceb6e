// fake_context: an actor's world in a test's hands. What the actor sends is gathered in `sent`;
// time moves only when the test moves it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "actors/actor.hpp"
#include "actors/context.hpp"

namespace raftbus::testing {

struct Sent {
    Address to;
    AnyMessage message;
};

class FakeContext : public Context {
public:
    explicit FakeContext(Address self) : self_(self) {}

    Address self() const override { return self_; }
    void send(Address to, AnyMessage message) override { sent.push_back({to, std::move(message)}); }
    void set_timer(TimerId id, Duration after) override { timers[id] = now_ + after; }
    void cancel_timer(TimerId id) override { timers.erase(id); }
    Moment now() const override { return now_; }
    WallTime wall_time() const override { return WallTime(now_.time_since_epoch().count()); }
    std::uint64_t random(std::uint64_t bound) override { return next_random % bound; }
    void run_in_background(JobId id, std::function<void()> work) override {
        jobs.emplace_back(id, std::move(work));
    }
    void log(LogLevel, std::string_view text) override { logged.emplace_back(text); }
    bool traced() const override { return false; }
    void mark(RequestId, std::string_view) override {}
    void serve(RequestId) override {}
    void answering(const Envelope&) override {}

    // Lets `step` pass without firing timers.
    void pass(Duration step) { now_ += step; }
    // Lets `step` pass and fires, in order of time, every timer that falls into it.
    void run(Actor& actor, Duration step) {
        const Moment end = now_ + step;
        for (;;) {
            auto due = timers.end();
            for (auto it = timers.begin(); it != timers.end(); ++it)
                if (it->second <= end && (due == timers.end() || it->second < due->second))
                    due = it;
            if (due == timers.end()) break;
            const TimerId id = due->first;
            now_ = std::max(now_, due->second);
            timers.erase(due);
            actor.on_timer(id);
            actor.on_drained();
        }
        now_ = end;
    }
    // Runs the oldest background job to its end.
    void finish_job(Actor& actor) {
        auto [id, work] = std::move(jobs.front());
        jobs.pop_front();
        work();
        actor.on_job_done(id);
        actor.on_drained();
    }
    // Takes all messages of one type out of `sent`.
    template <class M>
    std::vector<M> take() {
        std::vector<M> found;
        std::vector<Sent> rest;
        for (Sent& s : sent) {
            if (auto* m = std::get_if<M>(&s.message))
                found.push_back(std::move(*m));
            else
                rest.push_back(std::move(s));
        }
        sent = std::move(rest);
        return found;
    }

    std::vector<Sent> sent;
    std::map<TimerId, Moment> timers;
    std::deque<std::pair<JobId, std::function<void()>>> jobs;
    std::vector<std::string> logged;
    std::uint64_t next_random = 0;

private:
    Address self_;
    Moment now_{Duration(1'000'000'000)};
};

}  // namespace raftbus::testing
