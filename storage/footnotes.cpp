#include "storage/footnotes.hpp"

#include <algorithm>
#include <utility>

#include "messages/check.hpp"
#include "storage/kv_table.hpp"
#include "storage/numbers.hpp"

namespace raftbus {
namespace {

// ---- a page: for each note how much its index is above the one before, with the kind in the two
// lowest bits, and what belongs to the kind. Numbers are of 7 bits a byte, the lowest first.

constexpr unsigned kKindBits = 2;
constexpr std::uint64_t kKindMask = (1U << kKindBits) - 1;

void append_number(std::string& out, std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
    out += static_cast<char>(number);
}

// Every member: false if the bytes end too early.
class PageReader {
public:
    explicit PageReader(std::string_view bytes) : rest_(bytes) {}
    bool done() const { return rest_.empty(); }

    // `index` is the note's before.
    bool next(Footnote& note) {
        std::uint64_t head;
        if (!number(head)) return false;
        const std::uint64_t kind = head & kKindMask;
        if (kind > static_cast<std::uint64_t>(Footnote::Kind::transaction)) return false;
        note = {note.index + (head >> kKindBits), static_cast<Footnote::Kind>(kind), {}, false, {}};
        if (note.kind == Footnote::Kind::expired) return text(note.key);
        return note.kind != Footnote::Kind::transaction || transaction(note);
    }

private:
    bool number(std::uint64_t& number) {
        number = 0;
        for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
            const auto byte = static_cast<std::uint8_t>(rest_.front());
            rest_.remove_prefix(1);
            number |= std::uint64_t{byte & 0x7fU} << shift;
            if (byte < 0x80) return true;
        }
        return false;
    }
    bool text(std::string& text) {
        std::uint64_t size;
        if (!number(size) || size > rest_.size()) return false;
        text = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
    }
    bool transaction(Footnote& note) {
        std::uint64_t head;
        if (!number(head)) return false;
        note.otherwise = head & 1;
        if (head >> 1 > rest_.size()) return false;
        for (std::uint64_t i = 0; i < head >> 1; ++i) {
            std::uint64_t missed;
            if (!number(missed)) return false;
            note.missed.push_back(static_cast<std::uint32_t>(missed));
        }
        return true;
    }

    std::string_view rest_;
};

void append_note(std::string& page, const Footnote& note, std::uint64_t before) {
    append_number(page, (note.index - before) << kKindBits | static_cast<std::uint64_t>(note.kind));
    if (note.kind == Footnote::Kind::expired) {
        append_number(page, note.key.size());
        page += note.key;
    } else if (note.kind == Footnote::Kind::transaction) {
        append_number(page, note.missed.size() << 1 | std::uint64_t{note.otherwise});
        for (const std::uint32_t missed : note.missed) append_number(page, missed);
    }
}

std::string name_of_page(std::uint64_t first) {
    std::string name(1, Footnotes::kSpace);
    append_big_endian(name, first);
    return name;
}

}  // namespace

// A page is named by its first index, so the notes of one index are never parted.
void Footnotes::add(const Footnote& note) {
    const bool full = !pages_.empty() && pages_.back().bytes.size() >= limits_.page_bytes &&
                      pages_.back().last < note.index;
    if (pages_.empty() || full) pages_.push_back({note.index, note.index, {}});
    Page& page = pages_.back();
    CHECK(note.index >= page.last, "indexes never fall");
    const std::size_t before = page.bytes.size();
    append_note(page.bytes, note, page.last);
    page.last = note.index;
    bytes_ += page.bytes.size() - before;
    changed_.insert(page.first);
    while (bytes_ > limits_.bytes_max && pages_.size() > 1) {
        first_ = LogIndex(pages_.front().last).next();
        first_changed_ = true;
        drop_first_page();
    }
}

std::vector<Footnote> Footnotes::between(LogIndex first, LogIndex last) const {
    std::vector<Footnote> notes;
    auto page =
        std::lower_bound(pages_.begin(), pages_.end(), first.value,
                         [](const Page& page, std::uint64_t index) { return page.last < index; });
    for (; page != pages_.end() && page->first <= last.value; ++page) {
        PageReader reader(page->bytes);
        Footnote note{.index = page->first};
        while (!reader.done()) {
            CHECK(reader.next(note), "what was noted can be read");
            if (note.index > last.value) return notes;
            if (note.index >= first.value) notes.push_back(note);
        }
    }
    return notes;
}

void Footnotes::cut_before(LogIndex first) {
    if (first <= first_) return;
    first_ = first;
    first_changed_ = true;
    while (!pages_.empty() && pages_.front().last < first.value) drop_first_page();
}

void Footnotes::drop_first_page() {
    changed_.insert(pages_.front().first);
    bytes_ -= pages_.front().bytes.size();
    pages_.pop_front();
}

// ---- the layer beneath

void Footnotes::note_changes(KvTable& table) {
    for (const std::uint64_t first : changed_) {
        const auto page =
            std::lower_bound(pages_.begin(), pages_.end(), first,
                             [](const Page& page, std::uint64_t at) { return page.first < at; });
        const bool there = page != pages_.end() && page->first == first;
        table.note(name_of_page(first), there ? std::optional(page->bytes) : std::nullopt);
    }
    changed_.clear();
    if (!std::exchange(first_changed_, false)) return;
    std::string content;
    append_big_endian(content, first_.value);
    table.note(std::string(1, kSpace), std::move(content));
}

bool Footnotes::load(std::string_view name, std::string_view content) {
    if (name.empty() || name[0] != kSpace) return false;
    if (name.size() == 1) {
        if (content.size() != kBigEndianBytes) return false;
        first_ = LogIndex(big_endian_at(content));
        first_known_ = true;
        return true;
    }
    if (name.size() != 1 + kBigEndianBytes) return false;
    Page page{big_endian_at(name.substr(1)), 0, std::string(content)};
    PageReader reader(content);
    Footnote note{.index = page.first};
    while (!reader.done())
        if (!reader.next(note)) return false;
    page.last = note.index;
    if (!pages_.empty() && page.first <= pages_.back().last) return false;
    bytes_ += page.bytes.size();
    pages_.push_back(std::move(page));
    return true;
}

// A state that was written by a version without footnotes has none of what it holds.
void Footnotes::loaded(LogIndex applied) {
    first_changed_ = !first_known_;
    if (!first_known_) first_ = applied.next();
}

}  // namespace raftbus
