#include "services/bench/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace accord::bench {
namespace {

constexpr absl::Duration kStopGrace = absl::Seconds(20);

}  // namespace

absl::StatusOr<std::unique_ptr<Process>> Process::Start(const std::vector<std::string>& arguments,
                                                        const std::string& output_file) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const int output = open(output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (output < 0) return absl::UnavailableError(fmt::format("{}: {}", output_file, std::strerror(errno)));
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    // Only what is safe between fork and exec. The parent may have ended before prctl.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) _exit(127);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);  // Ours may block what should end the child.
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  const int cause = errno;
  close(output);
  if (pid < 0) return absl::UnavailableError(fmt::format("{}: {}", arguments[0], std::strerror(cause)));
  return std::unique_ptr<Process>(new Process(pid));
}

Process::~Process() { Stop(); }

absl::Status Process::Wait(absl::Duration timeout) {
  if (pid_ == 0) return absl::OkStatus();
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (fd < 0) return absl::UnavailableError(fmt::format("pidfd_open: {}", std::strerror(errno)));
  pollfd ended = {fd, POLLIN, 0};
  const int found = poll(&ended, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
  close(fd);
  if (found <= 0) return absl::DeadlineExceededError(fmt::format("process {} still runs", pid_));
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  if (WIFEXITED(status)) return absl::UnavailableError(fmt::format("ended with status {}", WEXITSTATUS(status)));
  return absl::UnavailableError(fmt::format("ended by signal {}", WTERMSIG(status)));
}

void Process::Stop() {
  if (pid_ == 0) return;
  kill(pid_, SIGTERM);
  if (Wait(kStopGrace).code() != absl::StatusCode::kDeadlineExceeded) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

absl::Duration Process::Cpu() const {
  std::ifstream file(fmt::format("/proc/{}/stat", pid_));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  // Fields 14 and 15; the second, the program's name in brackets, may hold anything.
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  int64_t user = 0, system = 0;
  fields >> user >> system;
  return absl::Seconds(1) * (user + system) / sysconf(_SC_CLK_TCK);
}

uint64_t Process::DiskBytes() const {
  std::ifstream file(fmt::format("/proc/{}/io", pid_));
  std::string name;
  uint64_t value = 0;
  while (file >> name >> value) {
    if (name == "write_bytes:") return value;
  }
  return 0;
}

}  // namespace accord::bench
