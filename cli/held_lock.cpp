#include "cli/held_lock.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <random>

namespace raftbus::cli {
namespace {

std::uint64_t milliseconds(std::chrono::microseconds time) {
    return static_cast<std::uint64_t>(time / std::chrono::milliseconds(1));
}

std::string describe_holder() {
    char host[256] = "unknown";
    (void)gethostname(host, sizeof host - 1);
    std::random_device random;
    return fmt::format("host={} pid={} id={:08x}{:08x}", host, getpid(), random(), random());
}

}  // namespace

HeldLock::HeldLock(const std::string& name, std::chrono::microseconds ttl)
    : key_("lock/" + name), ttl_(ttl), holder_(describe_holder()) {}

std::optional<std::uint64_t> HeldLock::acquire(Client& client) {
    const auto sent = Clock::now();
    const Reply reply = client.call({{"op", "SET"},
                                     {"key", Blob{key_}},
                                     {"value", Blob{holder_}},
                                     {"if_revision", std::uint64_t{0}},
                                     {"ttl_ms", milliseconds(ttl_)}},
                                    Effect::writes_once);
    if (reply.error() == "CONDITION_FAILED") return reply.body["revision"].number();
    succeeded(reply);
    token_ = reply.body["revision"].number();
    certain_until_ = sent + ttl_;
    return std::nullopt;
}

// The value stays the same, so a renewal may be repeated however it went.
HeldLock::Renewal HeldLock::renew(Client& client) {
    const auto sent = Clock::now();
    try {
        const Reply reply = client.call({{"op", "SET"},
                                         {"key", Blob{key_}},
                                         {"value", Blob{holder_}},
                                         {"if_value", Blob{holder_}},
                                         {"ttl_ms", milliseconds(ttl_)}},
                                        Effect::reads);
        if (reply.error() == "CONDITION_FAILED") return Renewal::lost;
        if (!reply.ok()) return Renewal::not_answered;
    } catch (const Failure&) {
        return Renewal::not_answered;
    }
    certain_until_ = sent + ttl_;
    return Renewal::done;
}

bool HeldLock::release(Client& client) {
    try {
        const Reply reply = client.call(
            {{"op", "DELETE"}, {"key", Blob{key_}}, {"if_value", Blob{holder_}}}, Effect::reads);
        return reply.ok() || reply.error() == "CONDITION_FAILED";
    } catch (const Failure&) {
        return false;
    }
}

}  // namespace raftbus::cli
