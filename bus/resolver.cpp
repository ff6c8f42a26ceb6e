#include "bus/resolver.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "bus/thread.hpp"
#include "bus/wakeup.hpp"

namespace raftbus {
namespace {

constexpr std::size_t kThreadsMax = 8;
constexpr std::size_t kAddressesMax = 16;  // of one name

std::string text_of(const addrinfo& found) {
    char text[INET6_ADDRSTRLEN] = {};
    if (found.ai_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(found.ai_addr);
        return inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text) != nullptr ? text : "";
    }
    if (found.ai_family != AF_INET6) return {};
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(found.ai_addr);
    if (inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text) == nullptr) return {};
    if (v6->sin6_scope_id == 0) return fmt::format("[{}]", text);
    return fmt::format("[{}%{}]", text, v6->sin6_scope_id);
}

}  // namespace

Resolved resolve_host(const std::string& host) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list); error != 0)
        return {{}, gai_strerror(error)};
    Resolved resolved;
    for (const addrinfo* found = list; found != nullptr; found = found->ai_next) {
        const std::string text = text_of(*found);
        const bool fresh = std::ranges::find(resolved.addresses, text) == resolved.addresses.end();
        if (!text.empty() && fresh && resolved.addresses.size() < kAddressesMax)
            resolved.addresses.push_back(text);
    }
    freeaddrinfo(list);
    if (resolved.addresses.empty()) resolved.fault = "it has no address";
    return resolved;
}

Resolved resolve_within(const std::string& host, Duration patience) {
    Resolver resolver([] {});
    resolver.ask(host);
    pollfd answer{resolver.source().fd(), POLLIN, 0};
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(patience).count();
    poll(&answer, 1, static_cast<int>(ms));
    const auto answers = resolver.take();
    const auto found = answers.find(host);
    return found == answers.end() ? Resolved{{}, "no name server answers"} : found->second;
}

struct Resolver::State {
    explicit State(std::function<void()> answered) : wakeup(std::move(answered)) {}

    // What a thread does: one name after the other, until none waits.
    static void run(const std::shared_ptr<State>& state);

    std::mutex mutex;
    std::set<std::string> under_way;  // asked for, and not answered
    std::deque<std::string> waiting;  // of those: in no thread's hands yet
    std::map<std::string, Resolved> answers;
    std::size_t threads = 0;
    Wakeup wakeup;
};

void Resolver::State::run(const std::shared_ptr<State>& state) {
    enter_thread("raftbus-names");
    std::unique_lock lock(state->mutex);
    while (!state->waiting.empty()) {
        const std::string host = std::move(state->waiting.front());
        state->waiting.pop_front();
        lock.unlock();
        Resolved resolved = resolve_host(host);
        lock.lock();
        state->under_way.erase(host);
        state->answers[host] = std::move(resolved);
        state->wakeup.wake();
    }
    --state->threads;
}

Resolver::Resolver(std::function<void()> answered)
    : state_(std::make_shared<State>(std::move(answered))) {}

Resolver::~Resolver() {
    const std::lock_guard lock(state_->mutex);
    state_->waiting.clear();
}

void Resolver::ask(const std::string& host) {
    const std::lock_guard lock(state_->mutex);
    if (!state_->under_way.insert(host).second) return;
    state_->waiting.push_back(host);
    if (state_->threads == kThreadsMax) return;
    try {
        // Nobody waits for it: it may be held by a name server when the node ends.
        std::thread([state = state_] { State::run(state); }).detach();
        ++state_->threads;
    } catch (const std::system_error&) {  // no room for a thread now
        if (state_->threads > 0) return;  // one that runs takes it over
        state_->waiting.clear();
        state_->under_way.clear();
        state_->answers[host] = {{}, "no thread to ask for it"};
        state_->wakeup.wake();
    }
}

std::map<std::string, Resolved> Resolver::take() {
    const std::lock_guard lock(state_->mutex);
    return std::exchange(state_->answers, {});
}

Source& Resolver::source() {
    return state_->wakeup;
}

}  // namespace raftbus
