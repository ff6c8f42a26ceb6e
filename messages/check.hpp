// check: what must hold if the program is right.
//
// CHECK is on in every build. A check that fails is a bug, never bad input: it throws CheckFailed,
// which nothing catches but the outermost loop. The bus ends the process there with node, role and
// term; the simulator reports the seed.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace raftbus {

class CheckFailed : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

[[noreturn]] void check_failed(std::string_view file, int line, std::string_view condition,
                               std::string_view why);

}  // namespace raftbus

// CHECK(condition) or CHECK(condition, "why it must hold").
#define CHECK(condition, ...)                                         \
    do {                                                              \
        if (!(condition)) [[unlikely]]                                \
            ::raftbus::check_failed(__FILE__, __LINE__, #condition,   \
                                    ::std::string_view{__VA_ARGS__}); \
    } while (false)
