#include "cli/files.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "cli/display.hpp"
#include "cli/failure.hpp"

namespace raftbus::cli {

std::string read_all(std::istream& stream, std::size_t most) {
    std::string bytes;
    char buffer[64 << 10];
    while (bytes.size() <= most && stream) {
        stream.read(buffer, sizeof buffer);
        bytes.append(buffer, static_cast<std::size_t>(stream.gcount()));
    }
    return bytes;
}

std::string read_file(const std::string& path, std::string_view what, std::size_t most,
                      std::string next) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string bytes = read_all(file, most);
    if (!file.is_open() || file.bad())
        throw Failure(Exit::refused,
                      with_reason(fmt::format("cannot read {} from {}", what, in_quotes(path))),
                      std::move(next));
    return bytes;
}

std::string with_reason(std::string what) {
    const int error = errno;
    return error == 0 ? what : what + ": " + std::strerror(error);
}

}  // namespace raftbus::cli
