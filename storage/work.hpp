// work: what is done in one turn, in units that are the same on every machine: some tenth of a
// microsecond each. Code that does a part spends units, and stops where none are left, to go on in a
// later turn. A value. Must not know: time.
#pragma once

#include <cstdint>

namespace raftbus {

class Work {
public:
    explicit Work(std::uint64_t budget = UINT64_MAX) : budget_(budget) {}

    void spend(std::uint64_t units) { spent_ += units; }
    // Of one look at a place that may be on the disk, and of the bytes that were found there.
    void spend_find(std::uint64_t bytes) { spend(kFind + bytes / kBytes); }
    bool left() const { return spent_ < budget_; }
    std::uint64_t spent() const { return spent_; }

    static constexpr std::uint64_t kCommand = 8;  // a small write
    static constexpr std::uint64_t kFind = 16;    // the look-up of a key
    static constexpr std::uint64_t kItem = 3;     // an item of a scan
    static constexpr std::uint64_t kBytes = 128;  // so many bytes are one unit

private:
    std::uint64_t budget_;
    std::uint64_t spent_ = 0;
};

}  // namespace raftbus
