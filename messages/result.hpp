// result: a value, or the reason why there is none. For bad input and the state of the world;
// bugs are CHECKs, and a disk that fails ends the process.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "messages/check.hpp"

namespace raftbus {

struct Error {
    std::string message;  // the cause and, where there is one, the next step; no trailing full stop
};

template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::move(value)) {}
    Result(Error error) : state_(std::move(error)) {}

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }
    // CHECKs ok().
    T& value() {
        CHECK(ok(), error_text());
        return std::get<0>(state_);
    }
    const T& value() const {
        CHECK(ok(), error_text());
        return std::get<0>(state_);
    }
    T& operator*() { return value(); }
    const T& operator*() const { return value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    // CHECKs !ok().
    const Error& error() const {
        CHECK(!ok());
        return std::get<1>(state_);
    }

private:
    std::string_view error_text() const {
        return ok() ? std::string_view{} : std::string_view(std::get<1>(state_).message);
    }
    std::variant<T, Error> state_;
};

struct Done {};  // the value of a Result that has nothing else to say
using Status = Result<Done>;

}  // namespace raftbus
