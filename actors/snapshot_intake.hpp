// snapshot_intake: a snapshot that is coming in.
//
// Owns: what has been received of it, in order and without gaps. A value with a door to the state's
// own store of bytes. Must not know: who sends it, when it is installed.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "actors/context.hpp"
#include "messages/crc32c.hpp"
#include "storage/snapshot.hpp"

namespace raftbus {

class SnapshotIntake {
public:
    using Receive = std::function<std::unique_ptr<IncomingSnapshot>()>;

    SnapshotIntake(Context& context, Receive receive)
        : context_(context), receive_(std::move(receive)) {}

    // Takes the piece if it is the next one of the snapshot that is coming in, or the first one of
    // another. Returns how much of the piece's snapshot is here.
    std::uint64_t take(const WriteSnapshot& piece) {
        if (crc32c(piece.bytes.view()) != piece.crc) {
            context_.log(LogLevel::error, "dropped a damaged piece of a snapshot");
            return received_of(piece.snapshot);
        }
        if (name_ != piece.snapshot && piece.offset == 0) begin(piece.snapshot);
        if (!incoming_ || name_ != piece.snapshot || piece.offset != received_)
            return received_of(piece.snapshot);
        if (piece.bytes.size() > name_.size - received_) return received_;
        if (incoming_->append(piece.bytes.view())) return received_ += piece.bytes.size();
        context_.log(LogLevel::error, "no room on the disk for the snapshot that is coming in");
        drop();
        return 0;
    }

    // Hands over the snapshot if all of it is here; null: it is not.
    std::unique_ptr<IncomingSnapshot> hand_over(const SnapshotName& snapshot) {
        if (name_ != snapshot || received_ != snapshot.size) return nullptr;
        auto whole = std::move(incoming_);
        drop();
        return whole;
    }

private:
    std::uint64_t received_of(const SnapshotName& snapshot) const {
        return incoming_ && name_ == snapshot ? received_ : 0;
    }
    void begin(const SnapshotName& snapshot) {
        drop();  // before the next one uses its place
        name_ = snapshot;
        incoming_ = receive_();
    }
    void drop() {
        incoming_.reset();
        name_ = {};
        received_ = 0;
    }

    Context& context_;
    const Receive receive_;
    SnapshotName name_;
    std::unique_ptr<IncomingSnapshot> incoming_;  // null: nothing is coming in
    std::uint64_t received_ = 0;
};

}  // namespace raftbus
