#include "bus/preamble.hpp"

#include <fmt/format.h>

#include <msgpack.hpp>
#include <optional>

#include "messages/membership.hpp"

namespace raftbus {
namespace {

constexpr std::string_view kPreambleMagic = "raftbus";
constexpr std::string_view kRefusalMagic = "raftbus-refusal";
constexpr std::size_t kFrameBytesMax = 1024;

// A flat array of numbers and short strings; nothing else is let in.
class FlatArray {
public:
    explicit FlatArray(std::string_view bytes) {
        if (bytes.size() > kFrameBytesMax) return;
        const msgpack::unpack_limit limits(16, 0, kFrameBytesMax, 0, 0, 1);
        try {
            std::size_t offset = 0;
            const msgpack::object object = msgpack::unpack(zone_, bytes.data(), bytes.size(),
                                                           offset, nullptr, nullptr, limits);
            if (object.type == msgpack::type::ARRAY) array_ = object.via.array;
        } catch (const msgpack::unpack_error&) {  // array_ stays empty
        }
    }
    std::optional<std::string_view> text(std::size_t i) const {
        if (i >= array_.size || array_.ptr[i].type != msgpack::type::STR) return std::nullopt;
        return std::string_view(array_.ptr[i].via.str.ptr, array_.ptr[i].via.str.size);
    }
    std::optional<std::uint64_t> number(std::size_t i, std::uint64_t max) const {
        if (i >= array_.size || array_.ptr[i].type != msgpack::type::POSITIVE_INTEGER)
            return std::nullopt;
        const std::uint64_t value = array_.ptr[i].via.u64;
        return value <= max ? std::optional(value) : std::nullopt;
    }

private:
    msgpack::zone zone_;
    msgpack::object_array array_{};
};

// What to do about nodes of which one has to know more. `older`, `newer`: who they are.
std::string next_step(const Versions& a, std::string_view who_a, const Versions& b,
                      std::string_view who_b) {
    return fmt::format("upgrade {}, to a release that knows both its own versions and the other's",
                       a.newest < b.newest ? who_a : who_b);
}

}  // namespace

std::uint64_t cluster_hash(std::string_view cluster) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : cluster) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

std::string encode_preamble(const Preamble& p) {
    msgpack::sbuffer buffer;
    msgpack::pack(buffer, std::make_tuple(kPreambleMagic, p.version, p.cluster, p.from.value,
                                          p.incarnation, p.to.value, p.endpoint, p.configured.value,
                                          p.oldest, p.formed, p.disk));
    return {buffer.data(), buffer.size()};
}

Result<Preamble> decode_preamble(std::string_view bytes) {
    const FlatArray array(bytes);
    if (array.text(0) != kPreambleMagic)
        return Error{"it does not begin as a raftbus node's message"};
    const auto version = array.number(1, UINT32_MAX);
    if (!version) return Error{"its preamble has no version"};
    Preamble preamble{.version = static_cast<std::uint32_t>(*version)};
    preamble.oldest = static_cast<std::uint32_t>(array.number(8, *version).value_or(0));
    const auto cluster = array.number(2, UINT64_MAX);
    const auto from = array.number(3, UINT32_MAX);
    const auto incarnation = array.number(4, UINT64_MAX);
    const auto to = array.number(5, UINT32_MAX);
    if (!cluster || !from || !incarnation || !to) return Error{"its preamble lacks a field"};
    preamble.cluster = *cluster;
    preamble.from = NodeId(static_cast<std::uint32_t>(*from));
    preamble.incarnation = *incarnation;
    preamble.to = NodeId(static_cast<std::uint32_t>(*to));
    preamble.endpoint = array.text(6).value_or(std::string_view());
    preamble.configured = LogIndex(array.number(7, UINT64_MAX).value_or(0));
    preamble.formed = array.number(9, UINT64_MAX).value_or(0);
    preamble.disk = array.number(10, UINT64_MAX).value_or(0);
    return preamble;
}

std::string encode_refusal(const PeerRefusal& r) {
    msgpack::sbuffer buffer;
    msgpack::pack(
        buffer, std::make_tuple(kRefusalMagic, static_cast<std::uint32_t>(r.cause), r.by.value,
                                r.version, r.cluster, r.index.value, r.oldest, r.spoken, r.formed));
    return {buffer.data(), buffer.size()};
}

Result<PeerRefusal> decode_refusal(std::string_view bytes) {
    const FlatArray array(bytes);
    const auto cause = array.number(1, kRefusalCauses - 1);
    const auto by = array.number(2, UINT32_MAX);
    const auto version = array.number(3, UINT32_MAX);
    const auto cluster = array.text(4);
    if (array.text(0) != kRefusalMagic || !cause || !by || !version || !cluster)
        return Error{"not a refusal"};
    return PeerRefusal{static_cast<RefusalCause>(*cause),
                       NodeId(static_cast<std::uint32_t>(*by)),
                       static_cast<std::uint32_t>(*version),
                       std::string(*cluster),
                       LogIndex(array.number(5, UINT64_MAX).value_or(0)),
                       static_cast<std::uint32_t>(array.number(6, *version).value_or(0)),
                       static_cast<std::uint32_t>(array.number(7, UINT32_MAX).value_or(1)),
                       array.number(8, UINT64_MAX).value_or(0)};
}

std::string tell_refused(const PeerRefusal& r, NodeId self, std::string_view cluster, NodeId peer,
                         std::string_view endpoint, const Versions& own) {
    const std::string who = fmt::format("peer {} at {} refuses this node: ", peer.value, endpoint);
    switch (r.cause) {
        case RefusalCause::wrong_version:
            if (own.overlaps(r.versions()))
                return who + fmt::format(
                                 "its cluster speaks version {}, this node {}; install a newer "
                                 "release here",
                                 r.spoken, to_text(own));
            return who + fmt::format("it speaks version {}, this node {}; {}",
                                     to_text(r.versions()), to_text(own),
                                     next_step(own, "this node", r.versions(), "that one"));
        case RefusalCause::wrong_cluster:
            return who + fmt::format(
                             "it belongs to cluster \"{}\", this node to \"{}\"; check --cluster "
                             "and the addresses in --peers",
                             r.cluster, cluster);
        case RefusalCause::wrong_receiver:
            return who + fmt::format(
                             "it is node {}; give its address to node {} in --peers, or check "
                             "its --id",
                             r.by.value, r.by.value);
        case RefusalCause::unknown_sender:
            return who + fmt::format(
                             "node {} is not among the members that it knows; all nodes need the "
                             "same --peers, and a new one has to be added (--join)",
                             self.value);
        case RefusalCause::duplicate_id:
            return who + fmt::format(
                             "another process with node id {} runs in this cluster, started "
                             "later; stop one of them, or give it another --id",
                             self.value);
        case RefusalCause::removed:
            return who +
                   fmt::format("node {} was removed from the cluster; stop it and delete its data",
                               self.value);
        case RefusalCause::another_formation:
            return who +
                   fmt::format(
                       "it belongs to cluster {}, this node's data to another one, formed from the "
                       "same --peers; nothing of either is replaced. Stop the nodes whose data is "
                       "not wanted, move it away, and have them rebuilt: raftbus repair DIR "
                       "--node N",
                       id_text(r.formed));
        case RefusalCause::another_disk:
            return who +
                   fmt::format(
                       "it knows node {} by another data directory than this one, which is new, "
                       "or another node's; put the old one back, or stop this node and run "
                       "raftbus repair DIR --node {}, or start it with --join and a new --id",
                       self.value, self.value);
    }
    return who;
}

std::string tell_refusing(RefusalCause cause, const Preamble& sender, NodeId self,
                          const Versions& own, std::uint32_t spoken) {
    switch (cause) {
        case RefusalCause::wrong_version:
            if (own.overlaps(sender.versions()))
                return fmt::format(
                    "refused node {}, which speaks version {}: the cluster speaks {}; install a "
                    "newer release there",
                    sender.from.value, to_text(sender.versions()), spoken);
            return fmt::format("refused node {}, which speaks version {}: this node speaks {}; {}",
                               sender.from.value, to_text(sender.versions()), to_text(own),
                               next_step(own, "this node", sender.versions(), "that one"));
        case RefusalCause::wrong_cluster:
            return fmt::format(
                "refused node {} of another cluster; its --peers name this node's "
                "address, or its --cluster differs",
                sender.from.value);
        case RefusalCause::wrong_receiver:
            return fmt::format(
                "refused node {}: it takes this node, {}, for node {}; compare --peers "
                "and --id",
                sender.from.value, self.value, sender.to.value);
        case RefusalCause::unknown_sender:
            return fmt::format(
                "refused node {}: it is not among the members that this node knows; all nodes "
                "need the same --peers, and a new one has to be added (--join)",
                sender.from.value);
        case RefusalCause::duplicate_id:
            return fmt::format(
                "two processes run with node id {}: the one that was heard first is "
                "refused; stop one of them, or give it another --id",
                sender.from.value);
        case RefusalCause::removed:
            return fmt::format("refused node {}: it was removed from the cluster",
                               sender.from.value);
        case RefusalCause::another_formation:
            return fmt::format(
                "refused node {}: its data is of cluster {}, formed another time from the same "
                "--peers; nothing of it is taken. If it is not wanted, stop that node and run "
                "raftbus repair --force on its directory",
                sender.from.value, id_text(sender.formed));
        case RefusalCause::another_disk:
            return fmt::format(
                "refused node {}: its data directory {} is not the one that this cluster knows; it "
                "was emptied or exchanged. Put the old one back, or have it rebuilt: raftbus "
                "repair "
                "DIR --node {}",
                sender.from.value, id_text(sender.disk), sender.from.value);
    }
    return {};
}

}  // namespace raftbus
