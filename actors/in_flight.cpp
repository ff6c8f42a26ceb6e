#include "actors/in_flight.hpp"

#include <limits>

#include "messages/check.hpp"
#include "messages/route.hpp"

namespace raftbus {

std::optional<std::string> InFlight::full(std::string_view route, std::uint64_t bytes) const {
    if (size() >= limits_.requests_max)
        return "this node has " + std::to_string(size()) + " requests in flight, its limit";
    if (bytes_ + bytes > limits_.bytes_max)
        return "the requests in flight on this node hold " + std::to_string(bytes_) +
               " bytes of at most " + std::to_string(limits_.bytes_max);
    const auto client = clients_.find(client_of(route));
    if (client != clients_.end() && client->second >= limits_.requests_per_client_max)
        return "this client has " + std::to_string(client->second) +
               " requests in flight, its limit: take replies before sending more";
    return std::nullopt;
}

RequestKey InFlight::add(InFlightRequest request) {
    if (free_.empty()) {
        CHECK(slots_.size() < std::numeric_limits<std::uint32_t>::max());
        free_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    const std::uint32_t place = free_.back();
    free_.pop_back();
    Slot& slot = slots_[place];
    ++slot.generation;
    CHECK(slot.generation % 2 == 1);

    const std::string_view connection = client_of(request.route.view());
    auto client = clients_.find(connection);
    if (client == clients_.end()) client = clients_.emplace(connection, 0).first;
    ++client->second;
    slot.client = &*client;

    const RequestKey key{place, slot.generation};
    bytes_ += request.bytes;
    deadlines_.add(place, request.deadline);
    slot.request = std::move(request);
    return key;
}

const InFlightRequest* InFlight::find(RequestKey key) const {
    if (key.slot >= slots_.size() || slots_[key.slot].generation != key.generation) return nullptr;
    return &slots_[key.slot].request;
}

void InFlight::set_batch(RequestKey key, BatchNumber batch) {
    CHECK(has(key));
    slots_[key.slot].request.batch = batch;
}

std::optional<InFlightRequest> InFlight::take(RequestKey key) {
    if (!has(key)) return std::nullopt;
    Slot& slot = slots_[key.slot];
    InFlightRequest request = std::exchange(slot.request, {});
    ++slot.generation;
    free_.push_back(key.slot);
    deadlines_.remove(key.slot);
    bytes_ -= request.bytes;
    Clients::pointer client = std::exchange(slot.client, nullptr);
    if (--client->second == 0) clients_.erase(clients_.find(client->first));
    return request;
}

std::vector<RequestKey> InFlight::due(Moment now) const {
    std::vector<RequestKey> keys;
    for (const std::uint32_t slot : deadlines_.due(now))
        keys.push_back({slot, slots_[slot].generation});
    return keys;
}

}  // namespace raftbus
