// kv_forgetful: a state that does not do what it is told: fault injection, for tests of what finds
// and tells it (docs/hacking.md).
//
// Owns: nothing but its own forgetfulness; everything else is the state beneath.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/command.hpp"
#include "storage/kv_forwarding.hpp"

namespace raftbus {

class KvForgetful : public KvForwarding {
public:
    // True of a batch of commands: they are counted, and not carried out.
    using Forgets = std::function<bool(const Batch&)>;
    KvForgetful(std::unique_ptr<KvState> state, Forgets forgets)
        : KvForwarding(std::move(state)), forgets_(std::move(forgets)) {}

    void apply(const Batch& batch, std::vector<CommandOutcome>* outcomes) override {
        const bool forgotten = batch.header.kind == BatchKind::commands && forgets_(batch);
        KvForwarding::apply(forgotten ? without_commands(batch) : batch, outcomes);
    }

private:
    static Batch without_commands(const Batch& batch) {
        std::string body;
        for (std::uint32_t i = 0; i < batch.header.count; ++i) append_command(body, Command{});
        return {batch.header, SharedBytes::own(std::move(body))};
    }

    const Forgets forgets_;
};

}  // namespace raftbus
