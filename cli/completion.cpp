#include "cli/completion.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/verb.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kKeysShown = 50;
constexpr auto kPatience = 300ms;

// The first good answer among all endpoints.
Value ask_anyone(Client& client, const Value::Map& request) {
    std::vector<std::string> first = {client.preferred()};
    for (const auto& endpoints : {first, client.endpoints()}) {
        for (const Answer& answer : client.ask_each(endpoints, request, kPatience)) {
            if (answer.reply && answer.reply->ok()) return answer.reply->body;
        }
    }
    return {};
}

std::vector<std::string> keys_with(Client& client, const std::string& prefix) {
    std::vector<std::string> keys;
    const Value reply = ask_anyone(client, {{"op", "SCAN"},
                                            {"prefix", Blob{prefix}},
                                            {"limit", kKeysShown},
                                            {"keys_only", true},
                                            {"consistency", "local"}});
    for (const Value& item : reply["items"].list()) keys.emplace_back(item[0].text());
    return keys;
}

std::vector<std::string> nodes_of(Client& client) {
    std::vector<std::string> nodes;
    const Value reply = ask_anyone(client, {{"op", "STATUS"}});
    for (const Value& member : reply["members"].list()) {
        nodes.push_back(fmt::format("{}", member["node"].number()));
    }
    return nodes;
}

// The option that `previous` is, if its value comes next.
const OptionSpec* awaiting_value(const std::vector<OptionSpec>& specs,
                                 const std::string& previous) {
    const auto found = std::find_if(specs.begin(), specs.end(), [&](const OptionSpec& spec) {
        if (spec.value.empty()) return false;
        return previous == fmt::format("--{}", spec.name) ||
               (spec.letter != 0 && previous == fmt::format("-{}", spec.letter));
    });
    return found == specs.end() ? nullptr : &*found;
}

std::vector<std::string> words_for(const Verb& verb, std::size_t place, const std::string& word,
                                   Client* client) {
    if (place > 0) return {};
    switch (verb.words) {
        case Words::keys:
            return client != nullptr ? keys_with(*client, word) : std::vector<std::string>{};
        case Words::nodes:
            return client != nullptr ? nodes_of(*client) : std::vector<std::string>{};
        case Words::verbs:
            return verb_names();
        case Words::shells:
            return {"bash", "zsh", "fish"};
        case Words::none:
            break;
    }
    return {};
}

std::vector<std::string> candidates(const std::vector<std::string>& before, const std::string& word,
                                    Client* client) {
    const auto is_verb = [](const std::string& w) { return find_verb(w) != nullptr; };
    const auto at = std::find_if(before.begin(), before.end(), is_verb);
    if (at == before.end()) return verb_names();
    const Verb& verb = *find_verb(*at);
    const std::vector<OptionSpec> specs = options_of(verb);
    if (const OptionSpec* option = awaiting_value(specs, before.back()))
        return split(option->choices, '|');
    if (word.starts_with('-')) {
        std::vector<std::string> names;
        for (const OptionSpec& spec : specs) names.push_back(fmt::format("--{}", spec.name));
        return names;
    }
    std::size_t place = 0;
    for (auto i = at + 1; i != before.end(); ++i) {
        const bool option = i->starts_with('-') && i->size() > 1;
        const bool value = awaiting_value(specs, *(i - 1)) != nullptr;
        place += option || value ? 0 : 1;
    }
    return words_for(verb, place, word, client);
}

}  // namespace

std::vector<std::string> completions(const std::vector<std::string>& before,
                                     const std::string& word, Client* client) {
    std::vector<std::string> fitting = candidates(before, word, client);
    std::erase_if(fitting,
                  [&](const std::string& candidate) { return !candidate.starts_with(word); });
    std::sort(fitting.begin(), fitting.end());
    return fitting;
}

}  // namespace raftbus::cli
