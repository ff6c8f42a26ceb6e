// byte_window: how many bytes of the log lie between two moving ends: sent and not acknowledged,
// handed over and not applied, appended and not committed. A value; the base of every credit.
#pragma once

#include <deque>

#include "messages/types.hpp"

namespace raftbus {

class ByteWindow {
public:
    // Entries up to `last` enter, that many bytes. `last` ascends.
    void add(LogIndex last, std::uint64_t bytes) {
        parts_.push_back({last, bytes});
        bytes_ += bytes;
    }
    // Everything up to `index` leaves at the front.
    void release_to(LogIndex index) {
        while (!parts_.empty() && parts_.front().last <= index) {
            bytes_ -= parts_.front().bytes;
            parts_.pop_front();
        }
    }
    // Everything that reaches `index` or beyond leaves at the back.
    void cut_from(LogIndex index) {
        while (!parts_.empty() && parts_.back().last >= index) {
            bytes_ -= parts_.back().bytes;
            parts_.pop_back();
        }
    }
    void clear() { *this = ByteWindow(); }
    std::uint64_t bytes() const { return bytes_; }

private:
    struct Part {
        LogIndex last;
        std::uint64_t bytes;
    };
    std::deque<Part> parts_;
    std::uint64_t bytes_ = 0;
};

}  // namespace raftbus
