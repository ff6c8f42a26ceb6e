#include "bus/job_runner.hpp"

#include <map>
#include <string>

#include "bus/frames.hpp"
#include "bus/thread.hpp"

namespace raftbus {
namespace {

std::string inbox_of(std::size_t worker) {
    return "inproc://control." + std::to_string(worker);
}

// The job itself travels back, so what it holds is let go of in the thread of its actor.
zmq::message_t frame_of(JobRunner::Job job) {
    auto* owner = new JobRunner::Job(std::move(job));
    const auto release = [](void*, void* hint) { delete static_cast<JobRunner::Job*>(hint); };
    return {owner, sizeof *owner, release, owner};
}

}  // namespace

JobRunner::JobRunner(zmq::context_t& context, Failed failed)
    : context_(context), failed_(std::move(failed)) {}

void JobRunner::submit(Job job) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    waiting_.push_back(std::move(job));
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    changed_.notify_one();
}

void JobRunner::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        waiting_.clear();
        changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
}

std::optional<JobRunner::Job> JobRunner::next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return std::nullopt;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    return job;
}

void JobRunner::run() {
    enter_thread("raftbus-jobs");
    std::map<std::size_t, zmq::socket_t> workers;
    while (std::optional<Job> job = next()) {
        try {
            job->work();
        } catch (const std::exception& error) {
            return failed_(job->actor, error);
        }
        auto [it, fresh] = workers.try_emplace(job->worker, context_, zmq::socket_type::push);
        if (fresh) {
            it->second.set(zmq::sockopt::linger, 0);
            it->second.set(zmq::sockopt::sndhwm, 0);
            it->second.connect(inbox_of(job->worker));
        }
        Frames frames;
        frames.push_back(frame_of(*std::move(job)));
        send_frames(it->second, frames);
    }
}

JobInbox::JobInbox(zmq::context_t& context, std::size_t worker, Done done)
    : done_(std::move(done)), socket_(context, zmq::socket_type::pull) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvhwm, 0);
    socket_.bind(inbox_of(worker));
}

bool JobInbox::take(std::size_t bound) {
    Frames frames;
    for (std::size_t i = 0; i < bound; ++i) {
        if (!receive_frames(socket_, frames)) return false;
        const auto& job = *static_cast<const JobRunner::Job*>(frames[0].data());
        done_(job.actor, job.id);
    }
    return true;
}

}  // namespace raftbus
