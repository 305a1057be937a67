#include "common/agent/alert_hook.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace accord::agent {
namespace {

constexpr absl::Duration kLookAgain = absl::Milliseconds(20);  // Whether the program has ended.
constexpr const char* kPathDefault = "/usr/local/bin:/usr/bin:/bin";
constexpr const char* kNothing = "/dev/null";

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::string OwnPath() {
  const char* path = std::getenv("PATH");
  return path == nullptr ? kPathDefault : path;
}

// How a program is started: spawned, not forked, because other threads of the service hold locks that a fork would copy.
class Spawning {
 public:
  Spawning() {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&files_);
    // The service's threads block signals, which would be inherited.
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, kNothing, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files_, STDOUT_FILENO, kNothing, O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files_, STDERR_FILENO, kNothing, O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files_, STDERR_FILENO + 1);
  }
  ~Spawning() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&attributes_);
  }
  Spawning(const Spawning&) = delete;

  // 0, or errno.
  int Start(pid_t& pid, const std::vector<std::string>& command, const std::vector<std::string>& environment) {
    return posix_spawn(&pid, command[0].c_str(), &files_, &attributes_, Pointers(command).data(), Pointers(environment).data());
  }

 private:
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t files_;
};

}  // namespace

AlertHook::AlertHook(std::vector<std::string> command, std::string agency, absl::Duration timeout, const Clock& clock)
    : command_(std::move(command)), agency_(std::move(agency)), timeout_(timeout), clock_(clock), path_(OwnPath()) {}

std::vector<std::string> AlertHook::Environment(const AlertCall& call) const {
  const std::string since = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", call.since, absl::UTCTimeZone());
  return {fmt::format("ACCORD_ALERT={}", call.overdue ? "overdue" : "immediate"), "ACCORD_AGENCY=" + agency_,
          fmt::format("ACCORD_WAITING={}", call.waiting), "ACCORD_SINCE=" + since, "PATH=" + path_};
}

HookResult AlertHook::Run(const AlertCall& call) {
  {
    absl::MutexLock lock(&mu_);
    if (stopping_) return {HookResult::End::kStopped, 0};
  }
  const absl::Time end = clock_.Now() + timeout_;
  pid_t pid = 0;
  const int error = Spawning().Start(pid, command_, Environment(call));
  if (error != 0) return {HookResult::End::kNotStarted, error};
  return Await(pid, end);
}

HookResult AlertHook::Await(pid_t pid, absl::Time end) {
  for (;;) {
    int status = 0;
    const pid_t ended = waitpid(pid, &status, WNOHANG);
    if (ended == pid) {
      return WIFEXITED(status) ? HookResult{HookResult::End::kExited, WEXITSTATUS(status)}
                               : HookResult{HookResult::End::kSignalled, WTERMSIG(status)};
    }
    if (ended < 0 && errno != EINTR) return {HookResult::End::kSignalled, 0};  // Somebody else took its status.
    bool stopping = false;
    {
      absl::MutexLock lock(&mu_);
      stopping = mu_.AwaitWithTimeout(absl::Condition(&stopping_), kLookAgain);
    }
    if (!stopping && clock_.Now() < end) continue;
    // Not reaped yet, so that the number is still its own.
    kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return {stopping ? HookResult::End::kStopped : HookResult::End::kTimedOut, SIGKILL};
  }
}

void AlertHook::Stop() {
  absl::MutexLock lock(&mu_);
  stopping_ = true;
}

}  // namespace accord::agent
