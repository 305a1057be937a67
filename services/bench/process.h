// A server as a child process, so that its processor time is its own.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace accord::bench {

// Single-thread. Start children before this process has threads: they are forked.
class Process {
 public:
  // Runs `arguments`, the first of which is the program's path, with output and errors appended to
  // `output_file`. The child ends with this process however that ends. UNAVAILABLE when it cannot be started.
  static absl::StatusOr<std::unique_ptr<Process>> Start(const std::vector<std::string>& arguments,
                                                        const std::string& output_file);
  // Stop().
  ~Process();

  // Waits for the end, at most `timeout`. OK: it ended with status 0. Otherwise UNAVAILABLE, with how it
  // ended, or DEADLINE_EXCEEDED.
  absl::Status Wait(absl::Duration timeout);
  // SIGTERM, and SIGKILL if that is not heeded within 20 seconds. Idempotent.
  void Stop();

  // Processor time of all its threads so far, in steps of 10 ms; zero when it has ended.
  absl::Duration Cpu() const;
  // Bytes it caused to be written to disks so far; zero where the kernel does not tell.
  uint64_t DiskBytes() const;

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  pid_t pid_;  // 0 once reaped.
};

}  // namespace accord::bench
