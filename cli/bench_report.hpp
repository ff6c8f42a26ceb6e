// bench_report: what a load has measured, for people and for programs.
//
// Owns: the words, the drawn histogram, the JSON. Must not know: how it was measured.
#pragma once

#include <string>

#include "bench/load.hpp"
#include "cli/output.hpp"

namespace raftbus::cli {

// "set" or "70 % get, 30 % set"
std::string mix_text(const bench::LoadOptions& options);
// One line while it runs: "41,203/s   p50 0.61 ms   p99 1.92 ms"
std::string bench_line(const bench::Histogram& lately, double seconds);
// Throughput, latencies, errors, and how they are spread.
std::string bench_text(const bench::LoadOptions& options, const bench::LoadResult& result,
                       bool unicode);
Value bench_json(const bench::LoadOptions& options, const bench::LoadResult& result);

}  // namespace raftbus::cli
