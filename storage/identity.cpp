#include "storage/identity.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "messages/check.hpp"
#include "messages/crc32c.hpp"
#include "messages/membership.hpp"
#include "storage/damage.hpp"
#include "storage/log_format.hpp"

namespace raftbus {
namespace {

constexpr const char* kFileName = "identity";
constexpr std::string_view kVersion = "1";
constexpr std::string_view kChecksumKey = "crc32c=";

std::string hex(std::uint32_t value) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (int shift = 28; shift >= 0; shift -= 4) text.push_back(digits[(value >> shift) & 0xf]);
    return text;
}

void check_word(std::string_view word) {
    CHECK(word.find_first_of(" \t\r\n") == std::string_view::npos, "white space parts the fields");
}

std::string to_file(const Identity& identity) {
    check_word(identity.cluster);
    std::string text = "# Whose data this is. Written once, by raftbus.\n";
    text += "format=" + std::string(kVersion) + "\n";
    text += "cluster=" + identity.cluster + "\n";
    text += "node=" + std::to_string(identity.node.value) + "\n";
    if (identity.joining) text += "joining=yes\n";
    if (identity.rejoin_at)
        text += "rejoin=" + std::to_string(identity.rejoin_at.value) + " " +
                std::to_string(identity.rejoin_term.value) + "\n";
    if (identity.disk) text += "disk=" + id_text(identity.disk) + "\n";
    for (const Member& m : identity.members) {
        check_word(m.peer);
        text += "member=" + std::to_string(m.node.value) + (m.voter ? " voter " : " learner ") +
                m.peer + "\n";
    }
    return text + std::string(kChecksumKey) + hex(crc32c(text)) + "\n";
}

// Takes the text up to `separator` off its front, and the separator.
std::string_view take(std::string_view& text, char separator) {
    const std::size_t at = text.find(separator);
    const std::string_view head = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return head;
}

// A number of a family, from 1.
template <class Number>
bool parse_number(std::string_view text, Number& number) {
    const auto [stop, error] =
        std::from_chars(text.data(), text.data() + text.size(), number.value);
    return error == std::errc{} && stop == text.data() + text.size() && number;
}

bool parse_id(std::string_view text, std::uint64_t& id) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
    return error == std::errc{} && stop == text.data() + text.size() && id;
}

bool parse_member(std::string_view text, Member& member) {
    if (!parse_number(take(text, ' '), member.node)) return false;
    const std::string_view kind = take(text, ' ');
    member.voter = kind == "voter";
    member.peer = text;
    return member.voter || kind == "learner";
}

// The error says what is wrong with the text.
Result<Identity> parse(std::string_view text) {
    const std::size_t checked = text.rfind(kChecksumKey);
    if (checked == std::string_view::npos) return Error{"the checksum is missing"};
    std::string_view checksum = text.substr(checked + kChecksumKey.size());
    if (checksum != hex(crc32c(text.substr(0, checked))) + "\n")
        return Error{"the checksum does not match: it was damaged, or edited"};
    Identity identity;
    for (std::string_view rest = text.substr(0, checked); !rest.empty();) {
        std::string_view value = take(rest, '\n');
        if (value.starts_with('#')) continue;
        const std::string_view key = take(value, '=');
        if (key == "format" && value != kVersion)
            return Error{"it has format version " + std::string(value) +
                         ", this program reads version " + std::string(kVersion) +
                         ": it was written by a newer release, so run that one"};
        if (key == "cluster") identity.cluster = value;
        if (key == "joining") identity.joining = value == "yes";
        if (key == "node" && !parse_number(value, identity.node))
            return Error{"the node is no number"};
        if (key == "rejoin" && (!parse_number(take(value, ' '), identity.rejoin_at) ||
                                !parse_number(value, identity.rejoin_term)))
            return Error{"where it is to rejoin could not be read"};
        if (key == "disk" && !parse_id(value, identity.disk))
            return Error{"the id of the directory could not be read"};
        if (key == "member" && !parse_member(value, identity.members.emplace_back()))
            return Error{"a member could not be read"};
    }
    if (!identity.node) return Error{"the node is missing"};
    return identity;
}

}  // namespace

Result<std::optional<Identity>> load_identity(Disk& disk) {
    const std::vector<std::string> names = disk.list();
    if (!std::binary_search(names.begin(), names.end(), kFileName)) {
        const bool in_use = std::any_of(names.begin(), names.end(), [](const auto& name) {
            return segment_number(name).has_value();
        });
        if (in_use) return damage(kFileName, 0, "the file is missing, and there are log segments");
        return std::optional<Identity>{};
    }
    const std::unique_ptr<DiskFile> file = disk.open(kFileName);
    Result<Identity> identity = parse(file->read(0, file->size()));
    if (!identity) return damage(kFileName, 0, identity.error().message);
    return std::optional<Identity>(std::move(identity.value()));
}

bool save_identity(Disk& disk, const Identity& identity) {
    CHECK(bool(identity.node));
    return disk.replace(kFileName, to_file(identity));
}

void forget_identity(Disk& disk) {
    disk.remove(kFileName);
}

std::uint64_t identity_hash(const Identity& identity) {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    const auto mix = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
    for (char c : identity.cluster) mix(static_cast<std::uint8_t>(c));
    for (int shift = 0; shift < 32; shift += 8)
        mix(static_cast<std::uint8_t>(identity.node.value >> shift));
    return hash;
}

}  // namespace raftbus
