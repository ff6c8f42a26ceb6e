// fields: how a struct tells the codec and the text renderer what it is made of.
//
// RAFTBUS_FIELDS(Name, a, b, c) is written once in each struct that travels. From it come the
// msgpack form (an array in the order written), the one-line text, equality, and the check of docs/
// against the code. Missing trailing fields keep their defaults when decoded; surplus ones are
// ignored.
#pragma once

#include <string_view>
#include <tuple>

#define RAFTBUS_FIELDS(Name, ...)                                 \
    static constexpr std::string_view kName = #Name;              \
    static constexpr std::string_view kFieldNames = #__VA_ARGS__; \
    auto fields() {                                               \
        return std::tie(__VA_ARGS__);                             \
    }                                                             \
    auto fields() const {                                         \
        return std::tie(__VA_ARGS__);                             \
    }                                                             \
    bool operator==(const Name&) const = default
