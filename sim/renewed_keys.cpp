#include "sim/renewed_keys.hpp"

namespace raftbus::sim {

RenewedKeys::Plan RenewedKeys::next(std::size_t client, Random& random, const std::string& value,
                                    Moment now) {
    std::string& name = of_client_[client];
    if (name.empty()) {
        name = std::string(kPrefix) + std::to_string(client) + "/" + std::to_string(keys_.size());
        keys_[name];
    }
    Key& key = keys_.at(name);
    Plan plan{name};
    const std::uint64_t drawn = random.below(8);
    plan.erases = drawn == 0;
    if (drawn > 3) plan.ttl_ms = kTtlMinMs + random.below(kTtlMaxMs - kTtlMinMs + 1);
    const Is is = plan.erases ? Is::absent : plan.ttl_ms != 0 ? Is::timed : Is::kept;
    key.wanted = Stands{is, value, plan.ttl_ms, now};
    return plan;
}

std::optional<std::string> RenewedKeys::answered(const std::string& name, bool found, Moment now) {
    Key& key = keys_.at(name);
    std::optional<std::string> wrong;
    if (key.wanted->is == Is::absent) {
        if (!found) wrong = absent(name, key, now);
        if (found && key.stands.is == Is::absent) wrong = "is deleted, and was not there: " + name;
    }
    key.stands = std::move(*key.wanted);
    key.wanted.reset();
    key.gone.reset();
    ++key.version;
    return wrong;
}

void RenewedKeys::refused(const std::string& name) {
    keys_.at(name).wanted.reset();
}

void RenewedKeys::lost(const std::string& name) {
    Key& key = keys_.at(name);
    key.stands = {Is::unknown, {}, 0, {}};
    key.wanted.reset();
    for (auto& [client, its] : of_client_)
        if (its == name) its.clear();
}

std::optional<std::string> RenewedKeys::some(Random& random) const {
    std::vector<const std::string*> known;
    for (const auto& [client, name] : of_client_)
        if (!name.empty()) known.push_back(&name);
    if (known.empty()) return std::nullopt;
    return *known[random.below(known.size())];
}

std::uint64_t RenewedKeys::version(const std::string& name) const {
    const Key& key = keys_.at(name);
    return key.wanted || key.stands.is == Is::unknown ? 0 : key.version;
}

// It is not there: may that be?
std::optional<std::string> RenewedKeys::absent(const std::string& name, Key& key,
                                               Moment now) const {
    const Stands& stands = key.stands;
    if (stands.is == Is::unknown || stands.is == Is::absent) return std::nullopt;
    if (stands.is == Is::kept) return "is gone, and was set without one: " + name;
    const auto passed_us = (now - stands.asked).count() * fastest_ / 1'000'000;
    if (passed_us < static_cast<std::int64_t>(stands.ttl_ms) * 1'000)
        return "that was set again is gone early: " + name + ", after " +
               std::to_string((now - stands.asked).count()) + " us of " +
               std::to_string(stands.ttl_ms) + " ms";
    if (!key.gone) key.gone = now;
    return std::nullopt;
}

std::optional<std::string> RenewedKeys::read(const std::string& name, std::uint64_t version,
                                             const std::optional<std::string>& value, Moment begin,
                                             Moment now) {
    if (version == 0 || version != this->version(name)) return std::nullopt;
    Key& key = keys_.at(name);
    if (!value) return absent(name, key, now);
    if (key.stands.is == Is::absent) return "was deleted, and is there: " + name;
    if (*value != key.stands.value) return "has another value than it was set to: " + name;
    if (key.gone && *key.gone < begin) return "has come back: " + name;
    return std::nullopt;
}

std::optional<std::string> RenewedKeys::outlasted(
    const std::function<bool(const std::string& name)>& there) const {
    for (const auto& [name, key] : keys_) {
        if (key.stands.is == Is::unknown || key.wanted) continue;
        if (there(name) == (key.stands.is == Is::kept)) continue;
        return key.stands.is == Is::kept    ? "is gone, and was set without one: " + name
               : key.stands.is == Is::timed ? "outlives it: " + name
                                            : "was deleted, and is there: " + name;
    }
    return std::nullopt;
}

}  // namespace raftbus::sim
