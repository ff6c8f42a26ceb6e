// client_bodies: request bodies as msgpack-c writes them, and what becomes of them.
#pragma once

#include <gtest/gtest.h>

#include <msgpack.hpp>
#include <sstream>
#include <string>
#include <string_view>

#include "messages/client_codec.hpp"

namespace raftbus::client {

inline std::string packed(const auto& value) {
    std::stringstream bytes;
    msgpack::pack(bytes, value);
    return bytes.str();
}

// A request body, field by field.
class Body {
public:
    Body& field(std::string_view name, const auto& value) { return raw(name, packed(value)); }
    Body& raw(std::string_view name, std::string_view msgpack) {
        ++count_;
        fields_ += packed(std::string(name));
        fields_ += msgpack;
        return *this;
    }
    operator std::string() const { return static_cast<char>(0x80 + count_) + fields_; }

private:
    int count_ = 0;  // at most 15
    std::string fields_;
};

inline Body op(const std::string& name) {
    return std::move(Body().field("op", name));
}

inline constexpr Limits kLimits{.key_bytes_max = 8, .value_bytes_max = 16, .leases = false};

// The operation that the body is; fails the test if it is none.
template <class Kind>
Kind taken(const std::string& body, const Limits& limits = kLimits) {
    const Decoded decoded = decode_request(body, limits);
    if (const auto* failure = std::get_if<Failure>(&decoded.outcome)) {
        ADD_FAILURE() << failure->message;
        return {};
    }
    return std::get<Kind>(std::get<Request>(decoded.outcome).operation);
}

// Why the body is refused, as "CODE message"; "taken" if it is not.
inline std::string refusal(const std::string& body, const Limits& limits = kLimits) {
    const Decoded decoded = decode_request(body, limits);
    const auto* failure = std::get_if<Failure>(&decoded.outcome);
    return failure ? std::string(to_string(failure->code)) + " " + failure->message : "taken";
}

inline void expect_refused(const std::string& body, std::string_view beginning,
                           std::string_view naming = "") {
    const std::string why = refusal(body);
    EXPECT_TRUE(why.starts_with(beginning)) << why;
    EXPECT_NE(why.find(naming), std::string::npos) << why;
}

}  // namespace raftbus::client
