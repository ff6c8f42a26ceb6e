#include "bus/scheduling.hpp"

#include <dirent.h>
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

namespace raftbus {
namespace {

// Of thread 0, the calling one. What an operator has chosen for the process, such as SCHED_FIFO,
// stays.
bool set_policy(pid_t thread, Scheduling how) {
    const int before = sched_getscheduler(thread);
    if (before != SCHED_OTHER && before != SCHED_BATCH) return true;
    const sched_param none{};
    return sched_setscheduler(thread, how == Scheduling::normal ? SCHED_OTHER : SCHED_BATCH,
                              &none) == 0;
}

// One that ends meanwhile is none that is missed.
void set_policy_of_all(Scheduling how) {
    const std::unique_ptr<DIR, int (*)(DIR*)> threads(::opendir("/proc/self/task"), ::closedir);
    if (!threads) return;
    while (const dirent* entry = ::readdir(threads.get()))
        if (const int thread = std::atoi(entry->d_name)) set_policy(thread, how);
}

// Of the calling thread since it began; none: this kernel does not count.
std::optional<Turns> turns_so_far() {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen("/proc/thread-self/schedstat", "re"), std::fclose);
    unsigned long long ran = 0, waited = 0, count = 0;
    if (!file || std::fscanf(file.get(), "%llu %llu %llu", &ran, &waited, &count) != 3)
        return std::nullopt;
    return Turns{count, std::chrono::nanoseconds(waited)};
}

}  // namespace

Scheduling SchedulingRule::next(const Turns& turns, Moment now) {
    if (!since_) since_ = now;
    const Duration held = now - *since_;
    if (now_ == Scheduling::normal) {
        if (held < normal_for_) return now_;
        normal_for_ = std::min(2 * normal_for_, kNormalMax);
        since_ = now;
        return now_ = Scheduling::batch;
    }
    if (held >= kGood) normal_for_ = kNormalMin;
    const bool waits = turns.count >= kTurnsMin && turns.waited > turns.count * kWaitMax;
    if (!waits) return now_;
    since_ = now;
    return now_ = Scheduling::normal;
}

bool ThreadScheduling::begin() {
    return how_ == Scheduling::normal || set_policy(0, how_);
}

void ThreadScheduling::look(Moment now) {
    if (how_ != Scheduling::automatic) return;
    const std::optional<Turns> turns = turns_so_far();
    const std::optional<Turns> before = std::exchange(before_, turns);
    if (!turns || !before) return;
    const Scheduling next =
        rule_.next({turns->count - before->count, turns->waited - before->waited}, now);
    if (next != std::exchange(applied_, next)) set_policy_of_all(next);
}

}  // namespace raftbus
