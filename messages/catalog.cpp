#include "messages/catalog.hpp"

namespace raftbus {

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
