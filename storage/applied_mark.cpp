#include "storage/applied_mark.hpp"

#include <algorithm>
#include <string>

#include "messages/crc32c.hpp"

namespace raftbus {
namespace {

constexpr const char* kFileName = "applied";

std::string to_file(std::uint64_t identity, EntryId applied) {
    const std::string text =
        "# What the last orderly stop had applied. Written by raftbus.\nlog=" +
        std::to_string(identity) + "\nindex=" + std::to_string(applied.index.value) +
        "\nterm=" + std::to_string(applied.term.value) + "\n";
    return text + "crc32c=" + std::to_string(crc32c(text)) + "\n";
}

// The number behind "\nNAME="; 0 if there is none.
std::uint64_t number_in(const std::string& text, const std::string& name) {
    const std::size_t at = text.find("\n" + name + "=");
    if (at == std::string::npos) return 0;
    std::uint64_t number = 0;
    for (std::size_t i = at + name.size() + 2; i < text.size() && text[i] >= '0' && text[i] <= '9';
         ++i)
        number = number * 10 + static_cast<std::uint64_t>(text[i] - '0');
    return number;
}

}  // namespace

void save_applied_mark(Disk& disk, std::uint64_t identity, EntryId applied) {
    disk.replace(kFileName, to_file(identity, applied));
}

EntryId load_applied_mark(Disk& disk, std::uint64_t identity) {
    const std::vector<std::string> names = disk.list();
    if (!std::binary_search(names.begin(), names.end(), kFileName)) return {};
    const std::unique_ptr<DiskFile> file = disk.open(kFileName);
    const std::string text = file->read(0, file->size());
    const EntryId applied{LogIndex(number_in(text, "index")), Term(number_in(text, "term"))};
    // What is written anew from what was read is the same only if nothing was damaged.
    return text == to_file(identity, applied) ? applied : EntryId();
}

}  // namespace raftbus
