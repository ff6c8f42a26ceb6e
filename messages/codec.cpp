#include "messages/codec.hpp"

#include "messages/msgpack_fields.hpp"

namespace raftbus {

EncodedMessage encode(const Envelope& envelope, const AnyMessage& message) {
    EncodedMessage out;
    out.head.reserve(128);
    wire::Packer packer(out);
    packer.array(4);
    packer.put(kWireVersion);
    packer.put(message.index());
    packer.put(envelope);
    std::visit([&](const auto& m) { packer.put(m); }, message);
    return out;
}

Result<Delivery> decode(const SharedBytes& head, const std::vector<SharedBytes>& bodies) {
    Delivery delivery;
    const auto error = wire::unpack(head.view(), head, bodies, [&](wire::Unpacker& unpacker) {
        const std::uint64_t count = unpacker.array();
        if (count < 4) throw wire::Malformed{"four parts were expected"};
        std::uint32_t version = 0;
        unpacker.get(version);
        if (version != kWireVersion)
            throw wire::Malformed{"wire version " + std::to_string(version) + ", this is " +
                                  std::to_string(kWireVersion)};
        std::size_t type = 0;
        unpacker.get(type);
        unpacker.get(delivery.envelope);
        unpacker.get_alternative(type, delivery.message);
        unpacker.skip(count - 4);
        if (delivery.envelope.from.actor > ActorName::bus ||
            delivery.envelope.to.actor > ActorName::bus)
            throw wire::Malformed{"no such actor"};
    });
    if (error) return *error;
    return delivery;
}

std::string encode_header(const BatchHeader& header) {
    EncodedMessage out;
    wire::Packer(out).put(header);
    return std::move(out.head);
}

Result<BatchHeader> decode_header(std::string_view bytes) {
    BatchHeader header;
    const auto error =
        wire::unpack(bytes, {}, {}, [&](wire::Unpacker& unpacker) { unpacker.get(header); });
    if (error) return *error;
    return header;
}

}  // namespace raftbus
