// table_key: a key as a table's nodes hold it. A search compares keys all the way down the tree,
// and each byte that lies elsewhere costs a cache miss, so a short key is kept whole and of a
// longer one the first bytes.
//
// Owns: nothing; a key longer than kInside is viewed.
#pragma once

#include <absl/types/compare.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "messages/check.hpp"

namespace raftbus {

class TableKey {
public:
    static constexpr std::size_t kInside = 20;  // bytes

    // The bytes must stay where they are unless they fit inside.
    explicit TableKey(std::string_view bytes) : size_(static_cast<std::uint32_t>(bytes.size())) {
        CHECK(bytes.size() <= std::numeric_limits<std::uint32_t>::max());
        if (inside()) {
            bytes.copy(bytes_, kInside);
        } else {
            const char* elsewhere = bytes.data();
            std::memcpy(bytes_, elsewhere, kHead);
            std::memcpy(bytes_ + kHead, &elsewhere, sizeof elsewhere);
        }
    }

    bool inside() const { return size_ <= kInside; }
    // Valid as long as this object, too.
    std::string_view view() const {
        if (inside()) return {bytes_, size_};
        const char* elsewhere;
        std::memcpy(&elsewhere, bytes_ + kHead, sizeof elsewhere);
        return {elsewhere, size_};
    }

    // Below, at or above 0 as `a` is before, at or after `b` by unsigned bytes. Zeros stand behind
    // a short key: if that decides, the other key goes on where this one ends, and comes after it.
    static int compare(const TableKey& a, const TableKey& b) {
        const bool both_inside = a.inside() && b.inside();
        const int order = std::memcmp(a.bytes_, b.bytes_, both_inside ? kInside : kHead);
        if (order != 0) return order;
        if (both_inside) return a.size_ < b.size_ ? -1 : a.size_ > b.size_;
        return a.view().compare(b.view());
    }

private:
    static constexpr std::size_t kHead = kInside - sizeof(const char*);

    std::uint32_t size_;
    char bytes_[kInside] = {};  // the key; or its head, and where all of it lies
};
static_assert(sizeof(TableKey) == 24);

// For absl's B-trees: one comparison tells less, equal and greater.
struct TableKeyOrder {
    absl::weak_ordering operator()(const TableKey& a, const TableKey& b) const {
        const int order = TableKey::compare(a, b);
        if (order == 0) return absl::weak_ordering::equivalent;
        return order < 0 ? absl::weak_ordering::less : absl::weak_ordering::greater;
    }
};

}  // namespace raftbus
