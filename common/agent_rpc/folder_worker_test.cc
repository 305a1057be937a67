// The watched folder in a service that has no broker: told by the kernel, through the gate, into the outbox.
#include "common/agent_rpc/folder_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/agent/testing_service.h"
#include "common/agent_rpc/checks_service.h"
#include "common/agent_rpc/testing_agency_files.h"
#include "common/base/file.h"
#include "common/rpc/tls.h"

namespace accord::agent_rpc::folder_worker_test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

constexpr int kLongMs = 60'000;

class FolderWorkerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(rpc::EnforceTls13().ok()); }

  void SetUp() override {
    AgencyConfig config = files_.Config(authority_, "idva", authority_.IssueSealing("idva"));
    config.folder.directory = files_.directory() + "/folder";
    config.folder.worker = agent::SomeWorker();
    config.folder.poll_interval = absl::Hours(1);  // Only the kernel's word wakes it.
    auto runtime = AgencyRuntime::Open(config, type::v1::AGENCY_KIND_IDVA, clock_, random_, metrics_);
    ASSERT_TRUE(runtime.ok()) << runtime.status();
    runtime_ = *std::move(runtime);
  }
  void TearDown() override {
    worker_.reset();
    runtime_.reset();
  }
  void StartFolder(PushCalls calls = ChecksService::Pushes()) {
    auto worker = FolderWorker::Start(*runtime_, std::move(calls));
    ASSERT_TRUE(worker.ok()) << worker.status();
    worker_ = *std::move(worker);
    ASSERT_NE(worker_, nullptr);
  }
  // Drops a file, and waits until it is in `folder`; its result.
  nlohmann::json DropInto(const std::string& name, const std::string& text, const std::string& folder) {
    const int notify = inotify_init1(IN_CLOEXEC);
    EXPECT_GE(inotify_add_watch(notify, (files_.directory() + "/folder/" + folder).c_str(), IN_MOVED_TO), 0);
    files_.File("folder/in/" + name, text);  // Written under another name, and renamed.
    pollfd waited{notify, POLLIN, 0};
    char events[4096];
    while (!fs::exists(files_.directory() + "/folder/" + folder + "/" + name)) {
      if (poll(&waited, 1, kLongMs) <= 0 || read(notify, events, sizeof events) <= 0) break;
    }
    close(notify);
    std::ifstream result(files_.directory() + "/folder/" + folder + "/" + name + ".result.json");
    return nlohmann::json::parse(result, nullptr, false);
  }
  static std::string Checks(const std::string& id, const std::string& worker = "") {
    return "options.request_id,options.recipients[0],options.basis.victim_awareness,options.basis.consent,options.basis.article6,victim.family_name,purpose,question,"
           "options.worker.pseudonym,options.worker.role,options.worker.authentication\n" +
           id + ",police,informed,given,public-task,Ashdown,safeguarding-adult,What is known?," + worker + (worker.empty() ? ",,\n" : ",practitioner,multi-factor\n");
  }

  const crypto::testing::TestAuthority authority_{"Folder Test Authority"};
  SystemRandom random_;
  SystemClock clock_;
  telemetry::Metrics metrics_;
  AgencyFiles files_;
  std::unique_ptr<AgencyRuntime> runtime_;
  std::unique_ptr<FolderWorker> worker_;
};

TEST_F(FolderWorkerTest, WhatIsRenamedIntoInIsPushedAtOnceAlsoWithoutABroker) {
  StartFolder();
  const auto result = DropInto("RequestChecks.1.csv", Checks("checks-001"), "done");
  ASSERT_TRUE(result.is_object());
  EXPECT_EQ(result.at("records").at(0).at("state"), "ACCEPTED");
  const auto stored = runtime_->outbox().Get("checks-001");
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_TRUE(stored->draft().core().checks()) << "mapped as the call of the service maps it";
  EXPECT_FALSE(stored->request_digest().empty()) << "a call with the same request is the same push";
}

TEST_F(FolderWorkerTest, WhatWasThereBeforeTheStartIsTaken) {
  fs::create_directories(files_.directory() + "/folder/in");
  files_.File("folder/in/RequestChecks.1.csv", Checks("checks-001"));
  StartFolder();
  DropInto("RequestChecks.2.csv", Checks("checks-002"), "done");
  EXPECT_TRUE(runtime_->outbox().Get("checks-001").ok());
  EXPECT_TRUE(runtime_->outbox().Get("checks-002").ok());
}

TEST_F(FolderWorkerTest, ItPassesTheGateOfWorkers) {
  agency::v1::WorkerRecord record;
  record.set_pseudonym("w-known");
  ASSERT_TRUE(runtime_->workers().Put("enrol-0001", record, agent::SomeWorker(), [this](std::string_view digest) { return runtime_->inbox().People(digest); }).ok());
  StartFolder();
  const auto unknown = DropInto("RequestChecks.1.csv", Checks("checks-001", "w-unknown"), "rejected");
  ASSERT_TRUE(unknown.is_object());
  EXPECT_EQ(unknown.at("records").at(0).at("reason"), "WORKER_NOT_KNOWN");
  EXPECT_FALSE(runtime_->outbox().Get("checks-001").ok());
  const auto known = DropInto("RequestChecks.2.csv", Checks("checks-001", "w-known"), "done");
  EXPECT_EQ(known.at("records").at(0).at("state"), "ACCEPTED");
}

TEST_F(FolderWorkerTest, ACallThatIsMoreThanOneDraftIsCheckedAndThenTakenWhole) {
  const auto id_of = [](const google::protobuf::Message& request) { return static_cast<const agency::v1::RequestChecksRequest&>(request).options().request_id(); };
  std::vector<std::string> checked, taken;
  StartFolder({PushCall("/accord.agency.v1.ChecksService/RequestChecks", agency::v1::RequestChecksRequest::default_instance(),
                        {[&](const google::protobuf::Message& request) {
                           checked.push_back(id_of(request));
                           return checked.back() == "checks-bad" ? Error(Reason::kTransitionIllegal, "not now") : absl::OkStatus();
                         },
                         [&](const google::protobuf::Message& request) -> absl::StatusOr<agency::v1::PushResult> {
                           taken.push_back(id_of(request));
                           agency::v1::PushResult result;
                           result.set_state(agency::v1::SUBMISSION_STATE_SETTLED);
                           return result;
                         }})});
  const auto refused = DropInto("RequestChecks.1.csv", Checks("checks-bad"), "rejected");
  ASSERT_TRUE(refused.is_object());
  EXPECT_EQ(refused.at("records").at(0).at("reason"), "TRANSITION_ILLEGAL");
  const auto done = DropInto("RequestChecks.2.csv", Checks("checks-001"), "done");
  ASSERT_TRUE(done.is_object());
  EXPECT_EQ(done.at("records").at(0).at("state"), "SETTLED") << "as it was told, though the outbox knows nothing of it";
  worker_.reset();
  EXPECT_THAT(checked, ElementsAre("checks-bad", "checks-001"));
  EXPECT_THAT(taken, ElementsAre("checks-001"));
}

TEST_F(FolderWorkerTest, ACallThatTheServiceDoesNotHaveIsToldOf) {
  StartFolder();
  const auto result = DropInto("ReportIncident.1.csv", "reference\n1\n", "rejected");
  ASSERT_TRUE(result.is_object());
  EXPECT_EQ(result.at("records").at(0).at("field"), "call");
}

}  // namespace
}  // namespace accord::agent_rpc::folder_worker_test
