// makers: short ways to say what tests need often.
#pragma once

#include <string>

#include "messages/batch.hpp"
#include "messages/crc32c.hpp"
#include "messages/envelope.hpp"

namespace raftbus::testing {

// `count` commands from index `first` on, in `term`.
inline Batch batch(std::uint64_t first, std::uint32_t count, std::uint64_t term,
                   std::string body = "body") {
    if (body.size() < count) body.resize(count, '.');  // a command takes a byte at least
    Batch b;
    b.header.kind = BatchKind::commands;
    b.header.first = LogIndex(first);
    b.header.count = count;
    b.header.term = Term(term);
    b.header.leader = NodeId(1);
    b.header.origin = NodeId(1);
    b.header.body_crc = crc32c(body);
    b.body = SharedBytes::own(std::move(body));
    return b;
}

inline EntryId entry(std::uint64_t index, std::uint64_t term) {
    return {LogIndex(index), Term(term)};
}

inline Envelope from(Address sender) {
    Envelope envelope;
    envelope.from = sender;
    return envelope;
}

}  // namespace raftbus::testing
