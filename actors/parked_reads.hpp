// parked_reads: reads of clients that have let too much lie unread: nothing is read from the state
// for them until they take what they have.
//
// Owns: those reads, by connection. They are requests in flight like any others, with their limits
// and deadlines; what is answered meanwhile is dropped when it is come across, or when the dead
// outnumber the living. Must not know: what is unread, who answers.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/in_flight.hpp"
#include "messages/local.hpp"
#include "messages/route.hpp"

namespace raftbus {

class ParkedReads {
public:
    struct Parked {
        RequestKey key;
        Query query;
        LogIndex at;  // answered once this is applied
        bool local = false;
    };

    explicit ParkedReads(const InFlight& in_flight) : in_flight_(in_flight) {}

    // The request is in flight.
    void park(std::string_view route, Parked read) {
        if (++size_ > prune_at_) prune();
        clients_[std::string(client_of(route))].push_back(std::move(read));
    }
    // Takes a few reads of each client for whom `may(client)` is true, those that came first.
    template <class May>
    std::vector<Parked> take(May may) {
        std::vector<Parked> taken;
        for (auto it = clients_.begin(); it != clients_.end();) {
            auto& [client, reads] = *it;
            if (may(client)) take(reads, taken);
            it = reads.empty() ? clients_.erase(it) : std::next(it);
        }
        return taken;
    }
    std::size_t size() const { return size_; }

private:
    static constexpr std::size_t kFew = 64;
    static constexpr std::size_t kPruneAt = 1'024;

    void take(std::deque<Parked>& reads, std::vector<Parked>& taken) {
        for (std::size_t count = 0; count < kFew && !reads.empty(); --size_) {
            if (in_flight_.has(reads.front().key)) {
                taken.push_back(std::move(reads.front()));
                ++count;
            }
            reads.pop_front();
        }
    }
    void prune() {
        size_ = 1;  // the one that comes
        for (auto& [client, reads] : clients_) {
            std::erase_if(reads, [&](const Parked& read) { return !in_flight_.has(read.key); });
            size_ += reads.size();
        }
        std::erase_if(clients_, [](const auto& client) { return client.second.empty(); });
        prune_at_ = std::max(kPruneAt, 2 * size_);
    }

    const InFlight& in_flight_;
    std::map<std::string, std::deque<Parked>, std::less<>> clients_;
    std::size_t size_ = 0;
    std::size_t prune_at_ = kPruneAt;
};

}  // namespace raftbus
