// temp_directory: a directory of a test's own, gone with the object.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace raftbus::testing {

class TempDirectory {
public:
    TempDirectory() {
        path_ = (std::filesystem::temp_directory_path() / "raftbus-test-XXXXXX").string();
        if (!::mkdtemp(path_.data())) throw std::runtime_error("no directory " + path_);
    }
    ~TempDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;

    const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace raftbus::testing
