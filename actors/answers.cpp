#include "actors/answers.hpp"

#include <algorithm>
#include <utility>

namespace raftbus {
namespace {
constexpr std::size_t kRoomMax = 64 << 10;
}

client::Failure state_damaged() {
    return {client::ErrorCode::damaged,
            "a part of this node's state can not be read, so it answers nothing from it: send the "
            "request to another node (this node's log says what is damaged and what helps)",
            {}};
}

void Answers::refuse(const SharedBytes& route, std::string_view id,
                     const client::Failure& failure) {
    frames_.push_back({route, bytes_.size()});
    client::append_reply(bytes_, {id, {}}, failure);
}

void Answers::flush() {
    if (frames_.empty()) return;
    const std::size_t size = bytes_.size();
    const SharedBytes all = SharedBytes::own(std::exchange(bytes_, {}));
    bytes_.reserve(std::min(size, kRoomMax));  // the next ones are about as many
    ClientReplies replies;
    replies.frames.reserve(frames_.size());
    std::size_t end = all.size();
    for (std::size_t i = 0; i < frames_.size(); ++i) {
        const std::size_t begin = frames_[i].begin;
        end = i + 1 < frames_.size() ? frames_[i + 1].begin : all.size();
        replies.frames.push_back(
            {std::move(frames_[i].route), all.part(all.view().substr(begin, end - begin))});
    }
    frames_.clear();
    context_.serve({});  // the message is many clients' at once
    context_.send({context_.self().node, ActorName::bus}, std::move(replies));
}

}  // namespace raftbus
