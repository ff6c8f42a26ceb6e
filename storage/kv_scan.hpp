// kv_scan: how a range of keys is read from one layer or from several.
//
// Owns: the cursor that every layer offers, the merge of layers, and the gathering of an answer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "messages/local.hpp"

namespace raftbus {

// Walks over the entries of a layer in the order of their keys, by unsigned bytes. All but valid()
// and next() only while valid(); the views are valid until next().
class KvCursor {
public:
    virtual ~KvCursor() = default;
    virtual bool valid() const = 0;
    virtual void next() = 0;
    virtual std::string_view key() const = 0;
    // True: the key is not there, whatever older layers say; it has no value and no revision.
    virtual bool erased() const = 0;
    virtual std::string_view value() const = 0;
    virtual std::uint64_t revision() const = 0;
};

// Gathers the answer to one query. All its items share one piece of memory.
class ScanCollector {
public:
    // `query` must outlive the collector.
    explicit ScanCollector(const ScanQuery& query) : query_(query) {}

    // Takes the next item in order. False, and nothing is taken: the answer is full, and there is
    // more.
    bool add(std::string_view key, std::string_view value, std::uint64_t revision);
    ScanAnswer finish();

private:
    struct Place {
        std::size_t offset, key_bytes, value_bytes;
        std::uint64_t revision;
    };
    const ScanQuery& query_;
    std::string bytes_;  // keys and values, one after the other
    std::vector<Place> places_;
    bool more_ = false;
};

// Scans layers, the newest first: of entries under one key only the newest counts. Costs as much as
// there are entries in the range up to the end of the answer, in all layers together.
ScanAnswer scan_layers(const ScanQuery& query, std::vector<std::unique_ptr<KvCursor>> layers);

// True if no key can lie in the query's range.
bool empty_range(const ScanQuery& query);

}  // namespace raftbus
