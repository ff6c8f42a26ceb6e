// bytes: immutable bytes shared by reference.
//
// Owns: one reference-counted view. A batch's body is made once, and from then on every queue,
// every frame to every peer, and the log's write all point at the same memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace raftbus {

class SharedBytes {
public:
    SharedBytes() = default;
    // Views `bytes`, which `owner` keeps alive for as long as any copy of this object lives.
    SharedBytes(std::shared_ptr<const void> owner, std::string_view bytes)
        : owner_(std::move(owner)), bytes_(bytes) {}

    // Takes the string over.
    static SharedBytes own(std::string bytes) {
        auto owner = std::make_shared<const std::string>(std::move(bytes));
        std::string_view view = *owner;
        return {std::move(owner), view};
    }
    static SharedBytes copy(std::string_view bytes) {
        const auto owner = std::make_shared_for_overwrite<char[]>(bytes.size());
        bytes.copy(owner.get(), bytes.size());
        const std::string_view view(owner.get(), bytes.size());
        return {owner, view};
    }

    std::string_view view() const { return bytes_; }
    const char* data() const { return bytes_.data(); }
    std::size_t size() const { return bytes_.size(); }
    bool empty() const { return bytes_.empty(); }
    // A part of these bytes that shares their ownership.
    SharedBytes part(std::string_view inside) const { return {owner_, inside}; }

    bool operator==(const SharedBytes& other) const { return bytes_ == other.bytes_; }

private:
    std::shared_ptr<const void> owner_;
    std::string_view bytes_;
};

}  // namespace raftbus
