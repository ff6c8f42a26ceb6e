#include "messages/check.hpp"

namespace raftbus {

void check_failed(std::string_view file, int line, std::string_view condition,
                  std::string_view why) {
    std::string text = "check failed: " + std::string(condition);
    if (!why.empty()) text += " (" + std::string(why) + ")";
    text += " at " + std::string(file.substr(file.rfind('/') + 1)) + ":" + std::to_string(line);
    throw CheckFailed(text);
}

}  // namespace raftbus
