// kv_scan: how a range of keys is read from one layer or from several.
//
// Owns: the cursor that every layer offers, the merge of layers, and the gathering of an answer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/local.hpp"
#include "storage/kv_gaps.hpp"
#include "storage/work.hpp"

namespace raftbus {

// Walks over the entries of a layer in the order of their keys, by unsigned bytes. All but valid()
// and next() only while valid(); the views are valid until next().
class KvCursor {
public:
    virtual ~KvCursor() = default;
    virtual bool valid() const = 0;
    virtual void next() = 0;
    // To the first entry at `key` or behind it. Does nothing if it stands there or behind already.
    virtual void seek(std::string_view key) = 0;
    // Not valid, but not at the end either: there are more entries to pass over than one step may
    // cost. Stays so.
    virtual bool lost() const { return false; }
    // Entries passed over in the last step and not offered.
    virtual std::uint64_t hidden() const { return 0; }
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
    bool empty() const { return places_.empty(); }
    // The answer ends here, and there may be more.
    void end_early() { more_ = true; }
    ScanAnswer finish();

private:
    struct Place {
        std::size_t offset, key_bytes, value_bytes;
        std::uint64_t revision;
    };
    const ScanQuery& query_;
    std::string bytes_;  // keys and values, one after the other
    std::vector<Place> places_;
    std::uint64_t passed_bytes_ = 0;  // of values that the query counts and does not want
    bool more_ = false;
};

// How far a scan may go in one step.
struct ScanBounds {
    // Of deleted keys that are passed over, so that as many are hopped over in the next step.
    std::uint64_t passed_max = UINT64_MAX;
    // It may end early and say `more` once the work is used up. False: it is to be as full as
    // the query allows, however much work that is.
    bool may_end_early = false;
};

// What became of one step of a scan.
struct ScanStep {
    std::optional<ScanAnswer> answer;  // none: not finished; the gaps know how far it was
    // Not finished, and this layer could not say what comes at this key or behind it. Empty: a step
    // more is enough.
    std::optional<std::string> lost_at;
};

// Scans layers, the newest first: of entries under one key only the newest counts. Hops over gaps,
// but for one that the query begins in, and notes those that it finds. What it costs is spent of `work`: as much as there are entries in
// the range up to the end of the answer, in all layers together, but for those in gaps.
ScanStep scan_layers(const ScanQuery& query, const std::vector<std::unique_ptr<KvCursor>>& layers,
                     KvGaps& gaps, const ScanBounds& bounds, Work& work);

// True if no key can lie in the query's range.
bool empty_range(const ScanQuery& query);

}  // namespace raftbus
