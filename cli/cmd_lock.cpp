// lock: a command that runs on one machine of many at a time.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>

#include "cli/display.hpp"
#include "cli/guarded_command.hpp"
#include "cli/held_lock.hpp"
#include "cli/interrupt.hpp"
#include "cli/verb.hpp"
#include "cli/watch_feed.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kTtlDefault = 10s;
constexpr auto kTtlMin = 2s;           // a renewal takes its time, and so does the end of a command
constexpr auto kAgainAfter = 100ms;    // after a renewal that was not answered
constexpr auto kTermPatience = 5s;     // from SIGTERM to SIGKILL when the lock is gone already
constexpr auto kReleasePatience = 2s;  // then it expires
constexpr int kReleaseAttempts = 3;    // if signals interrupt them

std::chrono::microseconds ttl_from(const Options& options) {
    const auto ttl = options.duration("ttl", 1s).value_or(kTtlDefault);
    if (ttl < kTtlMin)
        throw Failure(Exit::refused,
                      fmt::format("--ttl {} is too short: 2s at least", options.text("ttl")),
                      "the lock is renewed all the while; 10s is the default");
    return ttl;
}

Clock::time_point deadline_from(const Options& options) {
    if (options.on("no-wait")) return Clock::now();
    const auto wait = options.duration("wait", 1s);
    return wait ? Clock::now() + *wait : Clock::time_point::max();
}

class LockedRun {
public:
    explicit LockedRun(Session& session)
        : session_(session),
          ttl_(ttl_from(session.options)),
          deadline_(deadline_from(session.options)),
          words_(session.options.words.begin() + 1, session.options.words.end()),
          renewing_(session.client->endpoints(), ttl_ / 8),
          releasing_(session.client->endpoints(), kReleasePatience),
          lock_(session.options.words[0], ttl_) {}

    Exit run() {
        while (const auto held = acquire())
            if (!wait_until_free(*held)) return refuse();
        try {
            GuardedCommand command(words_,
                                   {{"RAFTBUS_LOCK", session_.options.words[0]},
                                    {"RAFTBUS_FENCING_TOKEN", std::to_string(lock_.token())}});
            const int status = guard(command);
            release();
            return static_cast<Exit>(status);
        } catch (const Failure& failure) {
            if (failure.exit != Exit::lock_lost) release();
            throw;
        }
    }

private:
    // As HeldLock::acquire. If it fails, the lock may have been taken all the same.
    std::optional<std::uint64_t> acquire() {
        try {
            return lock_.acquire(*session_.client);
        } catch (const Failure& failure) {
            if (failure.exit == Exit::unknown || interrupt_pending() != 0) release();
            throw;
        }
    }

    // False: the time to wait is over.
    bool wait_until_free(std::uint64_t held) {
        if (Clock::now() >= deadline_) return false;
        WatchFeed feed(session_.client->endpoints(), session_.client->timeout(),
                       {lock_.key(), false, held + 1},
                       [&](std::string_view text) { session_.output.note(text); });
        try {
            while (const auto change = feed.next(deadline_))
                if ((*change)["event"].text() != "set") return true;
        } catch (const Failure& failure) {
            // The log was cut: whether it is free tells the next attempt.
            if (failure.exit != Exit::refused) throw;
            return true;
        }
        return false;
    }

    Exit refuse() {
        const Reply held =
            session_.client->call({{"op", "GET"}, {"key", Blob{lock_.key()}}}, Effect::reads);
        session_.output.note(fmt::format(
            "the lock {} is held{}; nothing was run", in_quotes(session_.options.words[0]),
            held.body["found"].is_true() ? " by " + escaped(held.body["value"].text()) : ""));
        return Exit::not_executed;
    }

    // The status of the command, which has ended. Throws lock_lost.
    int guard(GuardedCommand& command) {
        auto renewal = Clock::now() + ttl_ / 3;
        for (;;) {
            const auto give_up = lock_.certain_until() - ttl_ / 3;
            // Signals that come just before the wait are seen after it.
            const auto soon = Clock::now() + 200ms;
            if (const auto status = command.wait(std::min({soon, renewal, give_up})))
                return *status;
            forward_signals(command);
            if (Clock::now() >= give_up)
                end(command, lock_.certain_until(), "it could not be renewed in time");
            if (Clock::now() < renewal) continue;
            const auto renewed = lock_.renew(renewing_);
            if (renewed == HeldLock::Renewal::lost)
                end(command, Clock::now() + kTermPatience, "its key is gone, or somebody else's");
            const bool done = renewed == HeldLock::Renewal::done;
            renewal = Clock::now() + (done ? ttl_ / 3 : kAgainAfter);
        }
    }

    void forward_signals(GuardedCommand& command) {
        if (interrupt_pending() == 0) return;
        clear_interrupt();
        while (const int signal = take_signal_to_forward()) command.send(signal);
    }

    [[noreturn]] void end(GuardedCommand& command, Clock::time_point at_most, const char* why) {
        command.send(SIGTERM);
        while (!command.wait(at_most) && Clock::now() < at_most) {
        }
        command.send(SIGKILL);
        while (!command.wait(Clock::time_point::max())) {
        }
        throw Failure(Exit::lock_lost,
                      fmt::format("the lock {} was lost: {}; the command was ended",
                                  in_quotes(session_.options.words[0]), why),
                      "see `raftbus status`; a longer --ttl bears longer outages");
    }

    void release() {
        // A signal that comes meanwhile must not leave the key behind.
        for (int attempt = 0; attempt < kReleaseAttempts; ++attempt) {
            clear_interrupt();
            if (lock_.release(releasing_)) return;
            if (interrupt_pending() == 0) break;
        }
        session_.output.note(
            fmt::format("the lock could not be given back: its key lock/{} expires within {}",
                        session_.options.words[0], duration_text(ttl_)));
    }

    Session& session_;
    const std::chrono::microseconds ttl_;
    const Clock::time_point deadline_;
    const std::vector<std::string> words_;
    Client renewing_;  // that gives up early enough for another attempt
    Client releasing_;
    HeldLock lock_;
};

Exit run_lock(Session& session) {
    if (session.options.words[0].empty()) throw Failure(Exit::refused, "a lock needs a name");
    if (session.options.on("no-wait") && session.options.given("wait"))
        throw Failure(Exit::refused, "--wait and --no-wait exclude each other");
    watch_signals_to_forward();
    return LockedRun(session).run();
}

}  // namespace

Verb lock_verb() {
    return {.name = "lock",
            .group = "Data",
            .synopsis = "NAME -- COMMAND [ARGUMENT...]",
            .summary = "run a command while holding an exclusive lock",
            .details =
                "Waits until nobody holds the lock, runs the command, and gives the lock back. The "
                "lock is the\n"
                "key lock/NAME, whose value tells the holder; it is renewed while the command "
                "runs, and goes\n"
                "after --ttl if this process dies, which kills the command. Whoever holds it "
                "leads: `raftbus\n"
                "get lock/NAME` tells who.\n"
                "\n"
                "RAFTBUS_FENCING_TOKEN is a number greater than that of every earlier holder. A "
                "resource that\n"
                "refuses what comes with a smaller token than it has seen is safe even from a "
                "holder that was\n"
                "stopped for longer than --ttl and goes on.\n"
                "\n"
                "Signals that come to this process are passed on to the command: HUP, INT, QUIT, "
                "TERM, USR1, USR2\n"
                "and others that would end it. While it waits for the lock they end it.\n"
                "\n"
                "Exit: that of the command, 128 + the signal's number if one ended it. 4: the lock "
                "was held, nothing\n"
                "was run. 74: the lock was lost, and the command ended, by SIGTERM and then "
                "SIGKILL. 126, 127: it\n"
                "cannot be executed, or found.",
            .options = {{.name = "ttl",
                         .value = "TIME",
                         .help = "the lock outlives its holder for so long (default 10s, at "
                                 "least 2s)"},
                        {.name = "wait",
                         .value = "TIME",
                         .help = "wait for the lock at most so long (default: for ever)"},
                        {.name = "no-wait", .value = "", .help = "do not wait"}},
            .examples = {{{"raftbus lock nightly -- ./backup.sh", "one backup at a time"},
                          {"raftbus lock leader --ttl 5s -- ./serve",
                           "an election: one serves, the others wait their turn"},
                          {"raftbus lock nightly --no-wait -- ./backup.sh",
                           "or not at all: exit 4 if it is held"}}},
            .words_min = 2,
            .words_max = 10'000,
            .in_shell = false,
            .run = run_lock};
}

}  // namespace raftbus::cli
