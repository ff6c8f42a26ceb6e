#include "sim/mail.hpp"

#include <cstring>

namespace raftbus::sim {
namespace {

std::uint64_t mixed(std::uint64_t hash, std::string_view bytes) {
    while (bytes.size() >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), 8);
        hash = (hash ^ word) * 0x9fb21c651e98df25;
        hash ^= hash >> 32;
        bytes.remove_prefix(8);
    }
    std::uint64_t rest = bytes.size();
    std::memcpy(&rest, bytes.data(), bytes.size());
    return splitmix(hash ^ rest);
}

}  // namespace

Mail::Mail(std::size_t nodes) : places_(nodes * kActorCount), pipes_(places_ * places_) {}

Mail::PipeNumber Mail::pipe(Address from, Address to) const {
    const std::uint64_t number = place(from) * places_ + place(to);
    CHECK(number < pipes_.size(), "an address of this cluster");
    return number;
}

namespace {
Address address_at(std::uint64_t place) {
    return {NodeId(static_cast<std::uint32_t>(place / kActorCount + 1)),
            static_cast<ActorName>(place % kActorCount)};
}
}  // namespace

Address Mail::receiver(PipeNumber pipe) const {
    return address_at(pipe % places_);
}

Address Mail::sender(PipeNumber pipe) const {
    return address_at(pipe / places_);
}

Letter Mail::seal(const Envelope& envelope, const AnyMessage& message, Moment sent) {
    EncodedMessage encoded = encode(envelope, message);
    return {sent, sent, SharedBytes::own(std::move(encoded.head)), std::move(encoded.bodies)};
}

Moment Mail::put(PipeNumber number, Letter letter) {
    Pipe& pipe = pipes_[number];
    pipe.last_due = letter.due = std::max(letter.due, pipe.last_due);
    pipe.letters.push_back(std::move(letter));
    return pipe.last_due;
}

std::uint64_t Mail::put_stray(PipeNumber pipe, Letter letter) {
    strays_.emplace(++last_stray_, std::pair(pipe, std::move(letter)));
    return last_stray_;
}

bool Mail::empty(PipeNumber number) const {
    return pipes_[number].letters.empty();
}

Opened Mail::open(const Letter& letter) {
    std::uint64_t hash = mixed(0, letter.head.view());
    for (const SharedBytes& body : letter.bodies) hash = mixed(hash, body.view());
    Result<Delivery> delivery = decode(letter.head, letter.bodies);
    CHECK(delivery.ok(), "what was encoded can be decoded");
    return {std::move(*delivery), letter.sent, hash};
}

std::optional<Opened> Mail::take(PipeNumber number, Moment now) {
    Pipe& pipe = pipes_[number];
    if (pipe.letters.empty() || pipe.letters[pipe.first].due > now) return std::nullopt;
    Opened opened = open(pipe.letters[pipe.first]);
    pipe.letters[pipe.first] = {};
    if (++pipe.first == pipe.letters.size()) {
        pipe.letters.clear();
        pipe.first = 0;
    }
    return opened;
}

Opened Mail::peek(PipeNumber number) const {
    const Pipe& pipe = pipes_[number];
    CHECK(!pipe.letters.empty());
    return open(pipe.letters[pipe.first]);
}

std::pair<Mail::PipeNumber, std::optional<Opened>> Mail::take_stray(std::uint64_t number) {
    const auto found = strays_.find(number);
    if (found == strays_.end()) return {0, std::nullopt};
    const auto [pipe, letter] = std::move(found->second);
    strays_.erase(found);
    return {pipe, open(letter)};
}

void Mail::drop(NodeId from, NodeId to) {
    for (std::size_t a = 0; a < kActorCount; ++a)
        for (std::size_t b = 0; b < kActorCount; ++b) {
            const Address sender{from, static_cast<ActorName>(a)};
            Pipe& pipe = pipes_[this->pipe(sender, {to, static_cast<ActorName>(b)})];
            pipe.letters.clear();
            pipe.first = 0;
        }
}

std::vector<Mail::PipeNumber> Mail::in_use() const {
    std::vector<PipeNumber> found;
    for (PipeNumber number = 0; number < pipes_.size(); ++number)
        if (!pipes_[number].letters.empty()) found.push_back(number);
    return found;
}

}  // namespace raftbus::sim
