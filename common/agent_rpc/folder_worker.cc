#include "common/agent_rpc/folder_worker.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/agent_rpc/push.h"
#include "common/base/status.h"
#include "common/telemetry/log.h"

namespace accord::agent_rpc {
namespace {

absl::Status Failed(std::string_view what) { return absl::InternalError(fmt::format("{}: {}", what, std::strerror(errno))); }

}  // namespace

const PushCall* ServicePushes::Find(std::string_view call) const {
  const auto found = std::find_if(calls_.begin(), calls_.end(), [&](const PushCall& one) { return one.name() == call; });
  return found == calls_.end() ? nullptr : &*found;
}

std::unique_ptr<google::protobuf::Message> ServicePushes::NewRequest(std::string_view call) const {
  const PushCall* const found = Find(call);
  return found == nullptr ? nullptr : found->NewRequest();
}

absl::StatusOr<agent::Draft> ServicePushes::ToDraft(std::string_view call, const google::protobuf::Message& request) {
  return MapPush(runtime_, request, *Find(call));
}

absl::Status ServicePushes::Check(std::string_view call, const google::protobuf::Message& request) {
  const PushCall::Whole& whole = Find(call)->whole();
  return whole.check ? whole.check(request) : ToDraft(call, request).status();
}

absl::StatusOr<agency::v1::PushResult> ServicePushes::Push(std::string_view call, const google::protobuf::Message& request) {
  const PushCall::Whole& whole = Find(call)->whole();
  if (whole.take) return whole.take(request);
  ACCORD_ASSIGN_OR_RETURN(agent::Draft draft, ToDraft(call, request));
  return runtime_.Push(std::move(draft));
}

absl::StatusOr<storage::v1::StoredSubmission> ServicePushes::Get(const std::string& request_id) const { return runtime_.outbox().Get(request_id); }

FolderWorker::FolderWorker(AgencyRuntime& runtime, PushCalls calls)
    : pushes_(runtime, std::move(calls)),
      folder_({runtime.config().folder.directory, runtime.config().folder.worker}, runtime.store(), pushes_, runtime.clock()),
      poll_interval_(runtime.config().folder.poll_interval) {}

absl::StatusOr<std::unique_ptr<FolderWorker>> FolderWorker::Start(AgencyRuntime& runtime, PushCalls calls) {
  if (runtime.config().folder.directory.empty()) return std::unique_ptr<FolderWorker>();
  std::unique_ptr<FolderWorker> worker(new FolderWorker(runtime, std::move(calls)));
  ACCORD_RETURN_IF_ERROR(worker->folder_.Open());
  worker->stop_ = eventfd(0, EFD_CLOEXEC);
  if (worker->stop_ < 0) return Failed("eventfd");
  worker->notify_ = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (worker->notify_ < 0) return Failed("inotify");
  if (inotify_add_watch(worker->notify_, worker->folder_.in().c_str(), IN_MOVED_TO | IN_CLOSE_WRITE) < 0) return Failed("watch " + worker->folder_.in());
  worker->thread_ = std::make_unique<Thread>([at = worker.get()] { at->Work(); });
  return worker;
}

FolderWorker::~FolderWorker() {
  if (thread_ != nullptr) {
    folder_.Stop();
    const uint64_t one = 1;
    if (write(stop_, &one, sizeof one) != sizeof one) telemetry::Log(telemetry::Level::kError, "folder.not_stopped");
  }
  thread_.reset();
  if (notify_ >= 0) close(notify_);
  if (stop_ >= 0) close(stop_);
}

void FolderWorker::Work() {
  pollfd waited[] = {{stop_, POLLIN, 0}, {notify_, POLLIN, 0}};
  char events[4096];
  for (;;) {
    // What arrives while it looks is told of after it: nothing waits for longer than one look.
    while (read(notify_, events, sizeof events) > 0) {
    }
    if (const absl::Status taken = folder_.Step(); !taken.ok()) telemetry::Log(telemetry::Level::kWarn, "folder.not_taken", {{"status", taken}});
    poll(waited, 2, static_cast<int>(absl::ToInt64Milliseconds(poll_interval_)));
    if ((waited[0].revents & POLLIN) != 0) return;
  }
}

}  // namespace accord::agent_rpc
