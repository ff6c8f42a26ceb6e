// job_runner: the node's one thread for long work. Started with the first job.
//
// A job's end comes back to the actor's worker as a message in that worker's control mailbox.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "actors/context.hpp"
#include "bus/source.hpp"

namespace raftbus {

class JobRunner {
public:
    struct Job {
        std::size_t worker = 0;  // on which the actor lives
        ActorName actor = ActorName::bus;
        JobId id = 0;
        std::function<void()> work;
    };
    // `failed` is told, in the job's thread, of an exception that a job lets out.
    using Failed = std::function<void(ActorName, const std::exception&)>;
    JobRunner(zmq::context_t& context, Failed failed);
    ~JobRunner() { stop(); }

    // From any thread. Jobs run one after the other, in this order.
    void submit(Job job);
    // Waits for the job that is running; those behind it are dropped.
    void stop();

private:
    void run();
    std::optional<Job> next();

    zmq::context_t& context_;
    Failed failed_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> waiting_;
    bool stopping_ = false;
    std::thread thread_;
};

// A worker's control mailbox: hears of its actors' finished jobs.
class JobInbox final : public Source {
public:
    using Done = std::function<void(ActorName, JobId)>;
    JobInbox(zmq::context_t& context, std::size_t worker, Done done);
    int fd() const override { return socket_.get(zmq::sockopt::fd); }
    bool take(std::size_t bound) override;

private:
    Done done_;
    zmq::socket_t socket_;
};

}  // namespace raftbus
