#include "messages/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace raftbus {
namespace {

// Appends values to one line. `name` is the field's; the forms of style.md: "term=7 last=1040/7".
class Line {
public:
    std::string text;

    void value(bool v) { text += v ? "yes" : "no"; }
    template <class T>
    requires std::is_arithmetic_v<T>
    void value(T v) { text += std::to_string(v); }
    template <class T>
    requires requires(const T& t) {
        typename T::rep;
        t.value;
    }
    void value(const T& v) { text += std::to_string(v.value); }
    void value(NodeId v) { text += v ? "n" + std::to_string(v.value) : "none"; }
    void value(Duration v) { text += std::to_string(v.count()) + "us"; }
    void value(const EntryId& v) { text += to_text(v); }
    void value(const Address& v) { text += to_text(v); }
    void value(const RequestId& v) { text += to_text(v); }
    void value(RoleName v) { text += to_string(v); }
    void value(Refusal v) { text += to_string(v); }
    void value(ReadMode v) { text += v == ReadMode::lease ? "lease" : "confirm"; }
    void value(BatchKind v) { text += to_string(v); }
    void value(ChangeKind v) {
        constexpr std::string_view names[] = {"add", "remove", "promote", "demote"};
        text += names[std::min<std::size_t>(static_cast<std::size_t>(v), std::size(names) - 1)];
    }
    void value(BackupFault v) {
        text += v == BackupFault::busy ? "busy" : v == BackupFault::gone ? "gone" : "no_room";
    }
    void value(const Configuration& v) { text += to_text(v); }
    void value(const std::string& v) { text += v.empty() ? "none" : v; }
    void value(const SharedBytes& v) { text += std::to_string(v.size()) + "B"; }
    void value(const Batch& v) {
        const BatchHeader& h = v.header;
        value(h.first);
        if (h.count > 1) text += "..", value(h.last());
        text += "/", value(h.term);
        text += " ";
        if (h.kind != BatchKind::commands)
            value(h.kind);
        else
            value(v.body);
    }
    template <class T>
    void value(const std::optional<T>& v) {
        if (v)
            value(*v);
        else
            text += "none";
    }
    template <class T>
    void value(const std::vector<T>& v) {
        constexpr std::size_t kShown = 4;
        text += '[';
        for (std::size_t i = 0; i < v.size() && i < kShown; ++i) {
            if (i > 0) text += ", ";
            value(v[i]);
        }
        if (v.size() > kShown) text += ", and " + std::to_string(v.size() - kShown) + " more";
        text += ']';
    }
    template <class... T>
    void value(const std::variant<T...>& v) {
        std::visit(
            [&]<class M>(const M& m) {
                text += M::kName;
                text += '(', fields(m), text += ')';
            },
            v);
    }
    template <class T>
    requires requires(const T& t) { t.fields(); }
    void value(const T& v) { text += '{', fields(v), text += '}'; }

    // "name=value name=value", in the order of the fields. Ids of disks are not shown where there
    // are none.
    template <class T>
    void fields(const T& v) {
        std::string_view names = T::kFieldNames;
        bool first = true;
        auto field = [&]<class F>(const F& f) {
            constexpr std::string_view kBetween = ", ";
            const std::size_t end = std::min(names.find(','), names.size());
            const std::string_view name = names.substr(0, end);
            names = names.substr(std::min(end + kBetween.size(), names.size()));
            if constexpr (std::is_same_v<F, std::uint64_t>)
                if (name == "disk" && f == 0) return;
            if (!first) text += ' ';
            first = false;
            text += name;
            text += '=';
            value(f);
        };
        std::apply([&](const auto&... f) { (field(f), ...); }, v.fields());
    }
};

template <std::size_t... I>
constexpr auto make_names(std::index_sequence<I...>) {
    return std::array{std::variant_alternative_t<I, MessageVariant>::kName...};
}
constexpr auto kNames = make_names(std::make_index_sequence<kMessageCount>());

}  // namespace

std::string_view name_of(MessageType type) {
    return kNames.at(type);
}

std::string to_text(const AnyMessage& message) {
    Line line;
    line.text = name_of(message.index());
    std::visit(
        [&]<class M>(const M& m) {
            if (!M::kFieldNames.empty()) line.text += ' ';
            line.fields(m);
        },
        message);
    return std::move(line.text);
}

std::string to_text(NodeId node) {
    return "n" + std::to_string(node.value);
}

std::string to_text(const Address& address) {
    return to_text(address.node) + "." + std::string(to_string(address.actor));
}

std::string to_text(const EntryId& entry) {
    return std::to_string(entry.index.value) + "/" + std::to_string(entry.term.value);
}

std::string to_text(const Configuration& configuration) {
    std::string text;
    const auto list = [&](const std::vector<Member>& members, bool voters) {
        std::string names;
        for (const Member& member : members)
            if (member.voter == voters)
                names += (names.empty() ? "" : ", ") + to_text(member.node) +
                         (member.promote ? "^" : "");
        return "[" + names + "]";
    };
    if (configuration.joint()) text += list(configuration.before, true) + ">";
    text += list(configuration.members, true);
    const std::string learners = list(configuration.members, false);
    return learners == "[]" ? text : text + " learners=" + learners;
}

std::string to_text(const RequestId& request) {
    if (!request) return "none";
    constexpr int kIncarnationShift = 32;
    char incarnation[17];
    const auto end = std::to_chars(incarnation, incarnation + sizeof incarnation,
                                   request.number >> kIncarnationShift, 16);
    return "n" + std::to_string(request.node.value) + "-" + std::string(incarnation, end.ptr) +
           "-" + std::to_string(request.number & 0xffffffffU);
}

std::optional<RequestId> request_from_text(std::string_view text) {
    const char* const end = text.data() + text.size();
    const auto number = [end](const char*& at, char before, int base, auto& value) {
        if (at == end || *at != before) return false;
        const auto [next, error] = std::from_chars(at + 1, end, value, base);
        at = next;
        return error == std::errc();
    };
    const char* at = text.data();
    RequestId request;
    std::uint32_t incarnation = 0;
    std::uint32_t count = 0;
    if (!number(at, 'n', 10, request.node.value) || !number(at, '-', 16, incarnation) ||
        !number(at, '-', 10, count) || at != end)
        return std::nullopt;
    request.number = (std::uint64_t(incarnation) << 32) | count;
    return request;
}

std::string_view to_string(RoleName role) {
    switch (role) {
        case RoleName::follower:
            return "follower";
        case RoleName::pre_candidate:
            return "pre-candidate";
        case RoleName::candidate:
            return "candidate";
        case RoleName::leader:
            return "leader";
    }
    return "unknown";
}

std::string_view to_string(BatchKind kind) {
    switch (kind) {
        case BatchKind::commands:
            return "commands";
        case BatchKind::no_op:
            return "no-op";
        case BatchKind::config:
            return "config";
        case BatchKind::tick:
            return "tick";
    }
    return "unknown";
}

std::string_view to_string(Refusal refusal) {
    switch (refusal) {
        case Refusal::not_leader:
            return "not-leader";
        case Refusal::transferring:
            return "transferring";
        case Refusal::busy:
            return "busy";
        case Refusal::no_space:
            return "no-space";
        case Refusal::unsupported:
            return "unsupported";
        case Refusal::invalid:
            return "invalid";
    }
    return "unknown";
}

std::string hex(std::uint64_t number) {
    constexpr std::size_t kDigits = 16;
    std::string text(kDigits, '0');
    for (std::size_t i = kDigits; i-- > 0; number >>= 4) text[i] = "0123456789abcdef"[number & 0xf];
    return text;
}

}  // namespace raftbus
