#include "bus/ready_list.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <system_error>

#include "messages/check.hpp"

namespace raftbus {
namespace {

// Milliseconds, rounded up, so that a timer is due when the sleep ends.
int wait_ms(std::optional<Duration> limit) {
    if (!limit) return -1;
    const std::int64_t us = std::max<std::int64_t>(limit->count(), 0);
    return static_cast<int>(
        std::min<std::int64_t>((us + 999) / 1000, std::numeric_limits<int>::max()));
}

}  // namespace

ReadyList::ReadyList() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

ReadyList::~ReadyList() {
    close(epoll_);
}

ReadyList::Entry& ReadyList::add(Source& source, int rank, std::optional<ActorName> actor) {
    const auto after =
        std::ranges::upper_bound(entries_, rank, {}, [](auto& e) { return e->rank; });
    Entry& entry = **entries_.insert(
        after, std::make_unique<Entry>(Entry{.source = &source, .rank = rank, .actor = actor}));
    watch(source);
    return entry;
}

void ReadyList::remove(Source& source) {
    unwatch(source);
    forget(source);
}

void ReadyList::forget(Source& source) {
    std::erase_if(entries_, [&](const auto& entry) { return entry->source == &source; });
}

ReadyList::Entry& ReadyList::entry_of(Source& source) {
    const auto it = std::ranges::find(entries_, &source, [](auto& e) { return e->source; });
    CHECK(it != entries_.end());
    return **it;
}

void ReadyList::unwatch(Source& source) {
    Entry& entry = entry_of(source);
    CHECK(epoll_ctl(epoll_, EPOLL_CTL_DEL, entry.fd, nullptr) == 0);
    entry.fd = -1;
}

void ReadyList::watch(Source& source) {
    Entry& entry = entry_of(source);
    entry.fd = source.fd();
    source.set_ready(true);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &entry}};
    CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, entry.fd, &event) == 0);
}

bool ReadyList::any_ready() const {
    return std::ranges::any_of(entries_, [](auto& e) { return e->source->ready(); });
}

bool ReadyList::wait(std::optional<Duration> limit) {
    std::array<epoll_event, 32> events;
    const int count =
        epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms(limit));
    for (int i = 0; i < count; ++i)
        static_cast<Entry*>(events[i].data.ptr)->source->set_ready(true);
    return count > 0;
}

}  // namespace raftbus
