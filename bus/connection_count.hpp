// connection_count: how many clients are connected, and whether one more may be. Takes values,
// returns verdicts; no socket, no clock.
//
// libzmq tells of connections by their descriptors when they are accepted and when they are closed,
// and asks (ZAP) in between whether one may come in, without saying which. So a permission counts
// by itself until the connection that has it is known: by a first message, which bears the
// descriptor, or by its age, since one without permission is closed when its handshake takes too
// long.
#pragma once

#include <cstddef>
#include <deque>
#include <map>

#include "messages/types.hpp"

namespace raftbus {

class ConnectionCount {
public:
    // `settled`: so old, a connection has permission; more than a handshake may take.
    ConnectionCount(std::size_t connections_max, Duration settled)
        : max_(connections_max), settled_(settled) {}

    void accepted(int fd, Moment now) {
        closed(fd);  // its end was missed
        open_[fd] = false;
        young_.push_back({fd, now});
    }
    void closed(int fd) {
        const auto found = open_.find(fd);
        if (found == open_.end()) return;
        if (found->second) --served_;
        open_.erase(found);
        std::erase_if(young_, [&](const Young& young) { return young.fd == fd; });
    }
    // A message came by it.
    void heard(int fd) {
        const auto found = open_.find(fd);
        if (found != open_.end()) serve(found->second);
    }
    // A connection asks to be let in. True: it is, and counts.
    bool admit(Moment now) {
        settle(now);
        if (connected() >= max_) {
            ++refused_;
            return false;
        }
        permissions_.push_back(now);
        return true;
    }
    // To be called from time to time.
    void settle(Moment now) {
        while (!young_.empty() && now - young_.front().since >= settled_) {
            serve(open_.at(young_.front().fd));
            young_.pop_front();
        }
        // Whoever had it went without a word.
        while (!permissions_.empty() && now - permissions_.front() >= settled_)
            permissions_.pop_front();
    }

    // Some are not known yet to be served: heard() helps.
    bool wonders() const { return !young_.empty(); }
    std::size_t accepted() const { return open_.size(); }  // served, or not yet refused
    std::size_t all_served() const { return served_; }
    bool served(int fd) const {
        const auto found = open_.find(fd);
        return found != open_.end() && found->second;
    }
    std::size_t connected() const { return served_ + permissions_.size(); }
    std::size_t refused() const { return refused_; }  // since the start

private:
    struct Young {
        int fd;
        Moment since;
    };
    void serve(bool& served) {
        if (served) return;
        served = true;
        ++served_;
        if (!permissions_.empty()) permissions_.pop_front();
    }

    const std::size_t max_;
    const Duration settled_;
    std::map<int, bool> open_;        // by descriptor: known to be served
    std::deque<Young> young_;         // of open_, by age
    std::deque<Moment> permissions_;  // given, and not known yet to whom
    std::size_t served_ = 0;
    std::size_t refused_ = 0;
};

}  // namespace raftbus
