// gateway_backups: BACKUP: hands a backup of this node's state out, piece by piece.
//
// Owns: who waits for which piece. Takes BackupRead; sends ReadBackup. Must not know: how a backup
// is made, what is in it.
#pragma once

#include <map>

#include "actors/answers.hpp"
#include "actors/context.hpp"

namespace raftbus {

class GatewayBackups {
public:
    GatewayBackups(Context& context, Answers& answers) : context_(context), answers_(answers) {}

    // Takes a BACKUP request that is in flight.
    void add(RequestKey key, const client::Backup& backup) {
        asked_[++last_ask_] = key;
        context_.send({context_.self().node, ActorName::state_machine},
                      ReadBackup{last_ask_, backup.backup, backup.offset, kPieceBytes});
    }

    void on_read(const BackupRead& read) {
        const auto asked = asked_.extract(read.ask);
        if (!asked) return;
        if (const auto* piece = std::get_if<BackupPiece>(&read.outcome))
            answers_.give(asked.mapped(), client::BackupReply{*piece});
        else
            answers_.give(asked.mapped(), failure(std::get<NoBackup>(read.outcome).why));
    }

private:
    static constexpr std::uint64_t kPieceBytes = 1 << 20;  // as much as the largest value

    static client::Failure failure(BackupFault why) {
        if (why == BackupFault::busy)
            return {client::ErrorCode::busy,
                    "another backup is being read from this node: ask another node, or later",
                    {}};
        if (why == BackupFault::no_room)
            return {client::ErrorCode::no_space,
                    "this node's disk is full: ask another node, or free some space",
                    {}};
        if (why == BackupFault::damaged) return state_damaged();
        return {client::ErrorCode::bad_request,
                "field 'backup': this node does not have that backup any more: begin another one",
                {}};
    }

    Context& context_;
    Answers& answers_;
    std::map<std::uint64_t, RequestKey> asked_;
    std::uint64_t last_ask_ = 0;
};

}  // namespace raftbus
