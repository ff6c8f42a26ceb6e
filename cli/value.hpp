// value: what a request and a reply are made of, without a word about their encoding.
//
// Owns: a tree of maps, lists, texts, bytes and numbers, with typed access that never throws: what
// is missing or of another type reads as empty. Must not know: msgpack, JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace raftbus::cli {

// Bytes of the store: a key or a value. Told apart from text, which is always UTF-8.
struct Blob {
    std::string bytes;
    bool operator==(const Blob&) const = default;
};

struct Value {
    using List = std::vector<Value>;
    using Map = std::vector<std::pair<std::string, Value>>;  // in the order written
    using Data = std::variant<std::monostate, bool, std::uint64_t, std::int64_t, double,
                              std::string, Blob, List, Map>;

    Value() = default;
    Value(bool truth) : data(truth) {}
    Value(int number) : data(static_cast<std::int64_t>(number)) {}
    Value(std::uint64_t number) : data(number) {}
    Value(std::int64_t number) : data(number) {}
    Value(double number) : data(number) {}
    Value(std::string text) : data(std::move(text)) {}
    Value(std::string_view text) : data(std::string(text)) {}
    Value(const char* text) : data(std::string(text)) {}
    Value(Blob bytes) : data(std::move(bytes)) {}
    Value(List items) : data(std::move(items)) {}
    Value(Map fields) : data(std::move(fields)) {}

    bool operator==(const Value&) const = default;

    bool empty() const { return std::holds_alternative<std::monostate>(data); }
    bool is_true() const {
        const bool* truth = std::get_if<bool>(&data);
        return truth != nullptr && *truth;
    }
    std::uint64_t number() const {
        if (const auto* u = std::get_if<std::uint64_t>(&data)) return *u;
        const auto* i = std::get_if<std::int64_t>(&data);
        return i != nullptr && *i > 0 ? static_cast<std::uint64_t>(*i) : 0;
    }
    // Of a text or of bytes.
    std::string_view text() const {
        if (const auto* s = std::get_if<std::string>(&data)) return *s;
        const auto* b = std::get_if<Blob>(&data);
        return b != nullptr ? std::string_view(b->bytes) : std::string_view{};
    }
    const List& list() const {
        static const List none;
        const auto* items = std::get_if<List>(&data);
        return items != nullptr ? *items : none;
    }
    // The field of a map.
    const Value& operator[](std::string_view field) const {
        static const Value none;
        if (const auto* fields = std::get_if<Map>(&data)) {
            for (const auto& [name, value] : *fields) {
                if (name == field) return value;
            }
        }
        return none;
    }
    // The n-th item of a list.
    const Value& operator[](std::size_t n) const {
        static const Value none;
        const List& items = list();
        return n < items.size() ? items[n] : none;
    }
    const Value& operator[](int n) const { return (*this)[static_cast<std::size_t>(n)]; }

    Data data;
};

}  // namespace raftbus::cli
