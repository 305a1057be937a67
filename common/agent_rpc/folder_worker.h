// The watched folder of one agency at work: the thread that waits for files, and the pushes of the service that take their records.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>

#include "common/agent/folder.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/agent_rpc/push_call.h"
#include "common/base/executor.h"

namespace accord::agent_rpc {

// The pushes of a service as a call of it makes them: through the gate of work.h, mapped, and taken by the runtime. Thread-safe.
class ServicePushes : public agent::FolderPushes {
 public:
  // `runtime` must outlive this.
  ServicePushes(AgencyRuntime& runtime, PushCalls calls) : runtime_(runtime), calls_(std::move(calls)) {}

  std::unique_ptr<google::protobuf::Message> NewRequest(std::string_view call) const override;
  absl::Status Check(std::string_view call, const google::protobuf::Message& request) override;
  absl::StatusOr<agency::v1::PushResult> Push(std::string_view call, const google::protobuf::Message& request) override;
  absl::StatusOr<storage::v1::StoredSubmission> Get(const std::string& request_id) const override;

 private:
  const PushCall* Find(std::string_view call) const;
  absl::StatusOr<agent::Draft> ToDraft(std::string_view call, const google::protobuf::Message& request);

  AgencyRuntime& runtime_;
  const PushCalls calls_;
};

// Takes what is renamed into the folder at once, told by the kernel, and looks by itself every `[folder] poll_interval`: for what was there
// before, and for receipts.
class FolderWorker {
 public:
  // Null when the configuration has no [folder]. `runtime` must outlive the result. Errors of Folder::Open, and of the kernel when it has
  // no watch left to give.
  static absl::StatusOr<std::unique_ptr<FolderWorker>> Start(AgencyRuntime& runtime, PushCalls calls);
  // Ends the thread after the record that is being pushed; what is left is taken after the next start.
  ~FolderWorker();

 private:
  explicit FolderWorker(AgencyRuntime& runtime, PushCalls calls);
  void Work();

  ServicePushes pushes_;
  agent::Folder folder_;
  const absl::Duration poll_interval_;
  int notify_ = -1;  // inotify's.
  int stop_ = -1;    // An eventfd that the destructor writes to.
  std::unique_ptr<Thread> thread_;  // Last: joined first.
};

}  // namespace accord::agent_rpc
