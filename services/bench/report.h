// What was measured, as medians over rounds, for people and as JSON.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <vector>

#include "services/bench/load.h"

namespace accord::bench {

// docs/performance.md says why these.
inline constexpr double kGoalUnary = 0.4;
inline constexpr double kGoalStreamed = 0.3;

// One window.
struct Sample {
  double per_second = 0;
  double p50_ms = 0, p99_ms = 0;
  double server_cpu_us = 0, client_cpu_us = 0;  // For each operation.
  double disk_bytes = 0;                        // Written by the server, for each operation.
};
// REQUIRES: `sent` has answers. The durations and bytes are those of the window.
Sample MakeSample(const Sent& sent, absl::Duration server_cpu, absl::Duration client_cpu, uint64_t disk_bytes);

// The windows of one server in one mode, one for each round.
struct Series {
  std::vector<Sample> samples;
  size_t operations = 0;
};

struct Report {
  size_t rounds = 0, outstanding = 0;
  double request_bytes = 0;  // Medians.
  double answer_bytes = 0;   // Accord's.
  size_t receipts_verified = 0;
  bool on_memory = false;  // The directory is on a file system without a disk: fsync costs nothing there.
  Series ceiling[2], accord[2];  // By Mode.
};

// Either server may have no samples; then there are no ratios.
std::string ToJson(const Report& report);
std::string ToText(const Report& report);

}  // namespace accord::bench
