// changes: what happened to keys, told one by one as it happens, or later from the log.
//
// Owns: the form of a change. Must not know: who listens.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "messages/client_replies.hpp"

namespace raftbus {

using client::KeyEvent;

// Views into whatever the teller keeps alive for the time of the call.
struct Change {
    KeyEvent event = KeyEvent::set;
    std::string_view key;
    std::string_view value;      // of a set
    std::uint64_t revision = 0;  // of what is erased or expires: that of the entry that did it
};

class ChangeSink {
public:
    virtual void on_change(const Change& change) = 0;

protected:
    ~ChangeSink() = default;
};

// One that is a function.
template <class Use>
class ChangeSinkOf final : public ChangeSink {
public:
    explicit ChangeSinkOf(Use use) : use_(std::move(use)) {}
    void on_change(const Change& change) override { use_(change); }

private:
    Use use_;
};

}  // namespace raftbus
