#include "messages/catalog.hpp"

#include <array>
#include <utility>

namespace raftbus {
namespace {

using Put = void (*)(MessageVariant&, void* message);

template <std::size_t I>
void put(MessageVariant& into, void* message) {
    using M = std::variant_alternative_t<I, MessageVariant>;
    into.emplace<I>(std::move(*static_cast<M*>(message)));
}

template <std::size_t... I>
constexpr std::array<Put, sizeof...(I)> all_puts(std::index_sequence<I...>) {
    return {put<I>...};
}

}  // namespace

AnyMessage::AnyMessage(std::size_t index, void* message) {
    static constexpr auto kPuts = all_puts(std::make_index_sequence<kMessageCount>());
    kPuts[index](*this, message);
}

AnyMessage::AnyMessage() = default;
AnyMessage::AnyMessage(const AnyMessage&) = default;
AnyMessage::AnyMessage(AnyMessage&&) noexcept = default;
AnyMessage& AnyMessage::operator=(const AnyMessage&) = default;
AnyMessage& AnyMessage::operator=(AnyMessage&&) noexcept = default;
AnyMessage::~AnyMessage() = default;

bool AnyMessage::operator==(const AnyMessage& other) const {
    return static_cast<const MessageVariant&>(*this) == static_cast<const MessageVariant&>(other);
}

}  // namespace raftbus
