// Programs under test as real processes, and the ports they listen on.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace accord::tests {

// Asks `condition` again and again until it holds or `within` has passed; returns whether it held. The one place of
// these tests where time passes: everything else waits for something.
bool Eventually(absl::Duration within, absl::FunctionRef<bool()> condition);

// One program. It has its own process group, and dies with the thread that started it, so that nothing is left
// when a test is killed. Single-thread: used by the test's main thread.
class Process {
 public:
  // `command[0]` is the program's path. Standard output and error are appended to `log_file`.
  Process(std::vector<std::string> command, std::string log_file)
      : command_(std::move(command)), log_file_(std::move(log_file)) {}
  // Kill().
  ~Process();
  Process(const Process&) = delete;

  // Runs the program. NOT_FOUND when there is none. REQUIRES: not running.
  absl::Status Start();
  // SIGKILL, and waits for the end. No effect when it is not running.
  void Kill();
  // SIGTERM, which asks it to end.
  void Terminate();
  // Waits for the program to end by itself; its exit status. DEADLINE_EXCEEDED when it does not end, UNKNOWN when a
  // signal ended it.
  absl::StatusOr<int> Wait(absl::Duration within);
  // Both.
  absl::StatusOr<int> Stop(absl::Duration within);
  // SIGSTOP and SIGCONT: a machine that does not answer and is not gone.
  void Pause();
  void Resume();
  // From now on a file of the program may not be written at or beyond `bytes` (EFBIG), as on a disk that is
  // full; nullopt lifts it.
  absl::Status LimitFiles(std::optional<uint64_t> bytes);

  bool running();  // Reaps it when it has ended.
  pid_t pid() const { return pid_; }
  const std::string& log_file() const { return log_file_; }

 private:
  const std::vector<std::string> command_;
  const std::string log_file_;
  pid_t pid_ = -1;
  std::optional<int> wait_status_;  // Of the run that ended.
};

// Runs a command to its end. The output is standard output and error together.
struct Ran {
  int exit_status = -1;
  std::string output;
};
absl::StatusOr<Ran> RunProgram(std::vector<std::string> command, absl::Duration within);

// A free TCP port of loopback, which no other test of this machine is given while this lives.
class Port {
 public:
  Port();
  ~Port();
  Port(const Port&) = delete;
  int number() const { return number_; }

 private:
  int number_ = 0;
  int lock_ = -1;  // A socket bound to an abstract name: gone with the process, and no file is left.
};

// The seed of this run: ACCORD_TEST_SEED, or a new one. Printed, so that a failure can be repeated.
uint64_t Seed();

}  // namespace accord::tests
