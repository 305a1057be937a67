#include "tests/system/process.h"

#include <absl/synchronization/notification.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/status.h"

namespace accord::tests {
namespace {

constexpr absl::Duration kAskAgain = absl::Milliseconds(10);
// Below the kernel's range for outgoing connections (32768 and up), which would take a free port any time.
constexpr int kPortFirst = 15'000, kPorts = 17'000;
constexpr int kPortTries = 2000;

bool Free(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ACCORD_CHECK(fd >= 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));  // As the servers: TIME_WAIT is no hindrance.
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 && listen(fd, 1) == 0;
  close(fd);
  return free;
}

// -1 when another test holds the name.
int LockPort(int port) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ACCORD_CHECK(fd >= 0);
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  const std::string text = fmt::format("accord-test-port-{}", port);
  std::memcpy(name.sun_path + 1, text.data(), text.size());  // A leading NUL: the abstract namespace.
  if (bind(fd, reinterpret_cast<const sockaddr*>(&name),
           static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size())) == 0) {
    return fd;
  }
  close(fd);
  return -1;
}

// Between fork and exec only what is safe after a fork of a threaded process.
[[noreturn]] void BecomeProgram(char* const* argv, int output, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // It died before the line above.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGXFSZ, SIG_IGN);  // LimitFiles: the write fails, and the program lives.
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execv(argv[0], argv);
  _exit(127);
}

}  // namespace

bool Eventually(absl::Duration within, absl::FunctionRef<bool()> condition) {
  const SystemClock clock;
  const absl::Time end = clock.Now() + within;
  absl::Notification never;
  for (;;) {
    if (condition()) return true;
    const absl::Duration left = end - clock.Now();
    if (left <= absl::ZeroDuration()) return false;
    never.WaitForNotificationWithTimeout(std::min(left, kAskAgain));
  }
}

Process::~Process() { Kill(); }

absl::Status Process::Start() {
  ACCORD_CHECK(!running());
  if (access(command_[0].c_str(), X_OK) != 0) return absl::NotFoundError(command_[0]);
  const int output = open(log_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (output < 0) return absl::InternalError(log_file_);
  std::vector<char*> argv;
  for (const std::string& word : command_) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) BecomeProgram(argv.data(), output, parent);
  close(output);
  if (child < 0) return absl::InternalError("fork");
  setpgid(child, child);  // Also here: a signal may be sent before the child has done it.
  pid_ = child;
  wait_status_.reset();
  return absl::OkStatus();
}

bool Process::running() {
  if (pid_ < 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  wait_status_ = status;
  pid_ = -1;
  return false;
}

void Process::Kill() {
  if (!running()) return;
  kill(-pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  wait_status_ = status;
  pid_ = -1;
}

absl::StatusOr<int> Process::Wait(absl::Duration within) {
  if (running()) {
    const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    if (fd < 0) return absl::InternalError("pidfd_open");
    pollfd ended = {.fd = fd, .events = POLLIN, .revents = 0};
    poll(&ended, 1, static_cast<int>(absl::ToInt64Milliseconds(within)));
    close(fd);
  }
  if (running()) return absl::DeadlineExceededError(command_[0] + " does not end");
  if (!wait_status_.has_value()) return absl::FailedPreconditionError("never started");
  if (!WIFEXITED(*wait_status_)) return absl::UnknownError(fmt::format("{} ended by signal {}", command_[0], WTERMSIG(*wait_status_)));
  return WEXITSTATUS(*wait_status_);
}

void Process::Terminate() {
  if (running()) kill(pid_, SIGTERM);
}

absl::StatusOr<int> Process::Stop(absl::Duration within) {
  Terminate();
  return Wait(within);
}

void Process::Pause() {
  ACCORD_CHECK(running());
  kill(pid_, SIGSTOP);
}

void Process::Resume() {
  ACCORD_CHECK(running());
  kill(pid_, SIGCONT);
}

absl::Status Process::LimitFiles(std::optional<uint64_t> bytes) {
  ACCORD_CHECK(running());
  rlimit limit = {};
  if (prlimit(pid_, RLIMIT_FSIZE, nullptr, &limit) != 0) return absl::InternalError("prlimit");
  limit.rlim_cur = bytes.has_value() ? *bytes : limit.rlim_max;
  return prlimit(pid_, RLIMIT_FSIZE, &limit, nullptr) == 0 ? absl::OkStatus() : absl::InternalError("prlimit");
}

absl::StatusOr<Ran> RunProgram(std::vector<std::string> command, absl::Duration within) {
  char name[] = "/tmp/accord-run-XXXXXX";
  const int fd = mkstemp(name);
  if (fd < 0) return absl::InternalError("mkstemp");
  close(fd);
  Ran ran;
  absl::Status status;
  {
    Process process(std::move(command), name);
    status = process.Start();
    if (status.ok()) {
      const auto ended = process.Wait(within);
      status = ended.status();
      ran.exit_status = ended.value_or(-1);
    }
  }
  auto output = ReadFile(name);
  unlink(name);
  if (output.ok()) ran.output = *std::move(output);
  if (!status.ok()) return absl::Status(status.code(), std::string(status.message()) + "\n" + ran.output);
  return ran;
}

Port::Port() {
  SystemRandom random;
  for (int i = 0; i < kPortTries; ++i) {
    number_ = kPortFirst + static_cast<int>(random.Below(kPorts));
    lock_ = LockPort(number_);
    if (lock_ < 0) continue;
    if (Free(number_)) return;
    close(lock_);
  }
  ACCORD_CHECK(false && "no free port");
}

Port::~Port() { close(lock_); }

uint64_t Seed() {
  static const uint64_t seed = [] {
    const char* given = std::getenv("ACCORD_TEST_SEED");
    const uint64_t chosen = given != nullptr ? std::strtoull(given, nullptr, 10) : SystemRandom().Below(1'000'000'000);
    std::fprintf(stderr, "seed: ACCORD_TEST_SEED=%llu\n", static_cast<unsigned long long>(chosen));
    return chosen;
  }();
  return seed;
}

}  // namespace accord::tests
