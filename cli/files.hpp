// files: what commands read as a whole, and why a file could not be read or written.
//
// Owns: the words for a failed system call. Must not know: what is in the files.
#pragma once

#include <cstddef>
#include <istream>
#include <string>
#include <string_view>

namespace raftbus::cli {

// All that is left in the stream, but no more than `most` and a little: a stream may have no end.
std::string read_all(std::istream& stream, std::size_t most);
// The content of a file. Throws Failure{refused}: "cannot read WHAT from "FILE": No such file or
// directory"; `next` as in Failure.
std::string read_file(const std::string& path, std::string_view what, std::size_t most,
                      std::string next = {});

// "cannot write x: No space left on device": with the reason why the last system call failed. For
// use right after it; set errno to 0 before what may fail without one.
std::string with_reason(std::string what);

}  // namespace raftbus::cli
