// The watched folder over a real directory and a real store. What it pushes goes into an outbox over a fake broker; a crash is an exception
// between two of its steps, after which everything is opened anew.
#include "common/agent/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/agent/testing_service.h"
#include "common/base/file.h"

namespace accord::agent::folder_test {
namespace {

namespace fs = std::filesystem;
using agency::v1::RequestChecksRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Crash {};

// Pushes into an outbox; a question becomes the narrative. `question` must not be "refuse".
class OutboxPushes : public FolderPushes {
 public:
  explicit OutboxPushes(Service& service) : service_(service) {}

  std::unique_ptr<google::protobuf::Message> NewRequest(std::string_view call) const override {
    return call == "RequestChecks" ? std::make_unique<RequestChecksRequest>() : nullptr;
  }
  absl::Status Check(std::string_view, const google::protobuf::Message& request) override {
    ++checked;
    return Map(request).status();
  }
  absl::StatusOr<agency::v1::PushResult> Push(std::string_view, const google::protobuf::Message& request) override {
    if (crash_before_push-- == 0) throw Crash();
    ACCORD_RETURN_IF_ERROR(refuse_push);
    ACCORD_ASSIGN_OR_RETURN(const Draft draft, Map(request));
    pushed.push_back(draft.options.request_id());
    ACCORD_ASSIGN_OR_RETURN(const auto stored, service_.outbox->Push(draft));
    if (crash_after_push-- == 0) throw Crash();
    agency::v1::PushResult result;
    result.set_state(stored.state());
    return result;
  }
  absl::StatusOr<storage::v1::StoredSubmission> Get(const std::string& request_id) const override {
    if (crash_at_get-- == 0) throw Crash();
    return service_.outbox->Get(request_id);
  }

  int checked = 0;
  int crash_before_push = -1, crash_after_push = -1;  // At the push after so many.
  mutable int crash_at_get = -1;
  absl::Status refuse_push;
  std::vector<std::string> pushed;  // Request ids, every push in order.

 private:
  static absl::StatusOr<Draft> Map(const google::protobuf::Message& message) {
    const auto& request = static_cast<const RequestChecksRequest&>(message);
    if (request.question() == "refuse") return Error(Reason::kFieldInvalid, "question must be another", {{"field", "question"}});
    if (!request.options().has_worker()) return Error(Reason::kFieldMissing, "options.worker is missing", {{"field", "options.worker"}});
    Draft draft = SomeDraft(request.options().request_id());
    *draft.options.mutable_worker() = request.options().worker();
    draft.sections[1].content.mutable_text()->set_text(request.question());
    return draft;
  }
  Service& service_;
};

class FolderTest : public AgentTest {
 protected:
  FolderTest() : directory_(::testing::TempDir() + "/accord_folder_" + ToHex(SystemRandom().Bytes(6))) { Reopen(); }
  ~FolderTest() override { fs::remove_all(directory_); }

  // What a crash leaves, opened.
  void Reopen() {
    folder.reset();
    pushes.reset();
    police.Restart();
    pushes = std::make_unique<OutboxPushes>(police);
    folder = std::make_unique<Folder>(FolderOptions{directory_, SomeWorker()}, *police.store, *pushes, clock);
    ASSERT_EQ(folder->Open(), absl::OkStatus());
  }
  std::string At(std::string_view path) const { return fmt::format("{}/{}", directory_, path); }
  // As docs/files.md says: written elsewhere, then renamed.
  void Drop(const std::string& name, std::string_view text) {
    std::ofstream(At("writing")) << text;
    fs::rename(At("writing"), At("in/" + name));
  }
  static std::string Csv(const std::vector<std::string>& questions) {
    std::string text = "options.request_id,question\n";
    for (size_t i = 0; i < questions.size(); ++i) text += fmt::format("checks-{:03},{}\n", i + 1, questions[i]);
    return text;
  }
  std::vector<std::string> In(std::string_view folder_name) const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(At(folder_name))) names.insert(entry.path().filename());
    return {names.begin(), names.end()};
  }
  nlohmann::json Result(std::string_view path) const {
    std::ifstream file(At(path) + ".result.json");
    return nlohmann::json::parse(file, nullptr, false);
  }
  static std::vector<std::string> States(const nlohmann::json& result) {
    std::vector<std::string> states;
    for (const auto& record : result.at("records")) states.push_back(record.at("state"));
    return states;
  }
  size_t RowsKept() const {
    size_t rows = 0;
    EXPECT_TRUE(police.store->raw().Scan(kFamilyImport, {}, [&](std::string_view, std::string_view) { return ++rows, true; }).ok());
    return rows;
  }
  size_t Submissions() const { return police.outbox->List(0, 500)->size(); }

  std::string directory_;
  std::unique_ptr<OutboxPushes> pushes;
  std::unique_ptr<Folder> folder;
};

constexpr char kName[] = "RequestChecks.today.csv";

TEST_F(FolderTest, AFileIsPushedOnceAndMovesToDoneWithItsReceipts) {
  for (const char* made : {"in", "done", "rejected"}) {
    struct stat facts {};
    ASSERT_EQ(stat(At(made).c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0700u) << made;
  }
  Drop(kName, Csv({"what is known?", "and of him?"}));
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_THAT(In("in"), IsEmpty());
  EXPECT_THAT(In("done"), ElementsAre(kName, std::string(kName) + ".result.json"));
  EXPECT_THAT(States(Result("done/" + std::string(kName))), ElementsAre("ACCEPTED", "ACCEPTED"));
  struct stat facts {};
  ASSERT_EQ(stat((At("done/") + kName + ".result.json").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);

  police.Settle();
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  const auto result = Result("done/" + std::string(kName));
  EXPECT_EQ(result.at("state"), "DONE");
  EXPECT_THAT(States(result), ElementsAre("SETTLED", "SETTLED"));
  const auto& record = result.at("records").at(1);
  EXPECT_EQ(record.at("number"), 2);
  EXPECT_EQ(record.at("line"), 3);
  EXPECT_EQ(record.at("request_id"), "checks-002");
  const auto stored = police.outbox->Get("checks-002");
  EXPECT_EQ(record.at("receipt").at("stored_index"), stored->stored_index());
  EXPECT_EQ(record.at("receipt").at("tlog_proof"), stored->receipt().tlog_proof());
  EXPECT_EQ(record.at("referral"), "referrals/" + ToHex(stored->header_digest()));
  EXPECT_EQ(folder->followed(), 0u);
  EXPECT_EQ(RowsKept(), 0u) << "nothing is left to be done";
  EXPECT_EQ(pushes->pushed.size(), 2u);
}

TEST_F(FolderTest, OneWrongRecordAndNothingOfTheFileIsPushed) {
  Drop(kName, Csv({"fine", "refuse"}) + "checks-003\n");
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_THAT(pushes->pushed, IsEmpty());
  EXPECT_EQ(Submissions(), 0u);
  EXPECT_THAT(In("rejected"), ElementsAre(kName, std::string(kName) + ".result.json"));
  const auto result = Result("rejected/" + std::string(kName));
  EXPECT_EQ(result.at("state"), "REJECTED");
  EXPECT_THAT(States(result), ElementsAre("NOT_PUSHED", "REFUSED", "REFUSED"));
  EXPECT_EQ(result.at("records").at(1).at("field"), "question");
  EXPECT_EQ(result.at("records").at(1).at("line"), 3);
  EXPECT_EQ(result.at("records").at(1).at("reason"), "FIELD_INVALID");
  EXPECT_EQ(result.at("records").at(2).at("line"), 4);
  EXPECT_EQ(RowsKept(), 0u);

  // Corrected and dropped again.
  Drop(kName, Csv({"fine", "better"}));
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_THAT(pushes->pushed, ElementsAre("checks-001", "checks-002"));
  EXPECT_THAT(States(Result("done/" + std::string(kName))), ElementsAre("ACCEPTED", "ACCEPTED"));
}

TEST_F(FolderTest, AFileThatIsNoneOfRecordsIsRejectedAsAWhole) {
  Drop("RequestChecks.csv", "options.request_id,question\nchecks-001,Ren\xE9\n");
  Drop("notes.txt", "hello");
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_EQ(In("rejected").size(), 4u);
  const auto latin = Result("rejected/RequestChecks.csv");
  EXPECT_EQ(latin.at("reason"), "TEXT_NOT_UTF8");
  EXPECT_EQ(latin.at("line"), 2);
  EXPECT_THAT(latin.at("records"), IsEmpty());
  EXPECT_EQ(Result("rejected/notes.txt").at("reason"), "FIELD_INVALID");
}

TEST_F(FolderTest, WhatIsUnfinishedIsLeftAlone) {
  for (const char* name : {".hidden.csv", "RequestChecks.csv.tmp", "RequestChecks.csv.part", "RequestChecks.csv.result.json"}) Drop(name, Csv({"why"}));
  fs::create_directory(At("in/RequestChecks.folder.csv"));
  std::ofstream(At("elsewhere.csv")) << Csv({"why"});
  fs::create_symlink(At("elsewhere.csv"), At("in/RequestChecks.link.csv"));
  ASSERT_EQ(mkfifo(At("in/RequestChecks.pipe.csv").c_str(), 0600), 0);
  Drop(std::string(kFolderNameBytesMax + 1 - 4, 'n') + ".csv", Csv({"why"}));
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_THAT(pushes->pushed, IsEmpty());
  EXPECT_EQ(In("in").size(), 8u);
  EXPECT_THAT(In("rejected"), IsEmpty());
  Drop(std::string(kFolderNameBytesMax - 4, 'n') + ".csv", "call,options.request_id,question\nRequestChecks,checks-001,why\n");
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_EQ(pushes->pushed.size(), 1u);
}

TEST_F(FolderTest, AFileIsTakenOnceWhoWroteItHasClosedIt) {
  const int writer = open((At("in/") + kName).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(writer, 0);
  const std::string text = Csv({"whole"}), half = text.substr(0, text.size() / 2);
  ASSERT_EQ(write(writer, half.data(), half.size()), static_cast<ssize_t>(half.size()));
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_THAT(In("in"), ElementsAre(kName));
  ASSERT_EQ(write(writer, text.data() + half.size(), text.size() - half.size()), static_cast<ssize_t>(text.size() - half.size()));
  ASSERT_EQ(close(writer), 0);
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_THAT(pushes->pushed, ElementsAre("checks-001"));
}

TEST_F(FolderTest, WhatMayPassLeavesTheFileAndWhatWasPushedCounts) {
  Drop(kName, Csv({"one", "two"}));
  pushes->refuse_push = Error(Reason::kQueueFull, "too many wait");
  EXPECT_TRUE(HasReason(folder->Step(), Reason::kQueueFull));
  EXPECT_THAT(In("in"), ElementsAre(kName));
  pushes->refuse_push = absl::OkStatus();
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_THAT(pushes->pushed, ElementsAre("checks-001", "checks-002"));
  EXPECT_EQ(In("done").size(), 2u);
}

TEST_F(FolderTest, ARefusalOfThePushItselfRejectsTheFileAndSaysWhatWasPushed) {
  Draft other = SomeDraft("checks-002");
  ASSERT_TRUE(police.outbox->Push(other).ok());
  Drop(kName, Csv({"one", "two", "three"}));
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  const auto result = Result("rejected/" + std::string(kName));
  EXPECT_THAT(States(result), ElementsAre("ACCEPTED", "REFUSED", "ACCEPTED"));
  EXPECT_EQ(result.at("records").at(1).at("reason"), "REQUEST_ID_REUSED");
}

TEST_F(FolderTest, AnEarlierFileOfTheSameNameIsKept) {
  for (int i = 0; i < 3; ++i) {
    Drop(kName, Csv({"the same"}));
    ASSERT_EQ(folder->Step(), absl::OkStatus());
  }
  EXPECT_THAT(In("done"), ElementsAre("RequestChecks.today.2.csv", "RequestChecks.today.2.csv.result.json", "RequestChecks.today.3.csv",
                                      "RequestChecks.today.3.csv.result.json", kName, std::string(kName) + ".result.json"));
  EXPECT_EQ(Submissions(), 1u);
  EXPECT_EQ(Result("done/RequestChecks.today.2.csv").at("file"), "RequestChecks.today.2.csv");
}

// Wherever it ends, everything that was in the file is in the outbox once, and the file is done with a whole result.
TEST_F(FolderTest, ACrashAtAnyPointLosesNothingAndRepeatsNothing) {
  int points = 0;
  const auto crash_at = [&](const std::function<void(OutboxPushes&)>& arm) {
    const std::string name = fmt::format("RequestChecks.{}.csv", ++points);
    const std::string text = fmt::format("options.request_id,question\ncrash-{0}-001,one\ncrash-{0}-002,two\ncrash-{0}-003,three\n", points);
    Drop(name, text);
    arm(*pushes);
    bool crashed = false;
    try {
      (void)folder->Step();
    } catch (const Crash&) {
      crashed = true;
    }
    EXPECT_TRUE(crashed) << points;
    Reopen();
    ASSERT_EQ(folder->Step(), absl::OkStatus()) << points;
    EXPECT_THAT(In("in"), IsEmpty()) << points;
    police.Settle();
    ASSERT_EQ(folder->Step(), absl::OkStatus()) << points;
    EXPECT_THAT(States(Result("done/" + name)), ElementsAre("SETTLED", "SETTLED", "SETTLED")) << points;
    EXPECT_EQ(Submissions(), static_cast<size_t>(3 * points));
    EXPECT_EQ(broker.stored.size(), static_cast<size_t>(3 * points)) << "each is stored by the broker once";
    EXPECT_EQ(RowsKept(), 0u) << points;
  };
  for (int at = 0; at < 3; ++at) crash_at([at](OutboxPushes& armed) { armed.crash_before_push = at; });
  for (int at = 0; at < 3; ++at) crash_at([at](OutboxPushes& armed) { armed.crash_after_push = at; });
  for (int at = 0; at < 3; ++at) crash_at([at](OutboxPushes& armed) { armed.crash_at_get = at; });  // While the result is made.
}

// Between the result and the move, and between the move and its note: a directory that refuses stands for the crash.
TEST_F(FolderTest, ItGoesOnFromWhereTheMoveEnded) {
  Drop(kName, Csv({"one"}));
  fs::remove(At("done"));
  std::ofstream(At("done")) << "no folder";
  EXPECT_FALSE(folder->Step().ok());
  EXPECT_THAT(In("in"), ElementsAre(kName));
  fs::remove(At("done"));
  Reopen();
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_EQ(In("done").size(), 2u);
  EXPECT_EQ(Submissions(), 1u);

  // Its result written and the file moved, and that not noted any more.
  const std::string second = "RequestChecks.2.csv", text = "options.request_id,question\nmoved-001,one\n";
  Drop(second, text);
  pushes->crash_at_get = 0;
  EXPECT_THROW((void)folder->Step(), Crash);
  std::ofstream(At("done/" + second + ".result.json")) << "{}";
  fs::rename(At("in/" + second), At("done/" + second));
  Drop(second, text);  // And the same once more: that is another file.
  Reopen();
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  police.Settle();
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_THAT(States(Result("done/" + second)), ElementsAre("SETTLED"));
  EXPECT_THAT(States(Result("done/RequestChecks.2.2.csv")), ElementsAre("SETTLED"));
  EXPECT_EQ(Submissions(), 2u);
  EXPECT_EQ(RowsKept(), 0u);
}

TEST_F(FolderTest, AFileThatIsTakenAwayHalfwayLeavesAResultOfWhatWasPushed) {
  Drop(kName, Csv({"one", "two"}));
  pushes->crash_before_push = 1;
  EXPECT_THROW((void)folder->Step(), Crash);
  fs::remove(At("in/") + kName);
  Reopen();
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  const auto result = Result("rejected/" + std::string(kName));
  EXPECT_THAT(States(result), ElementsAre("ACCEPTED"));
  EXPECT_THAT(result.at("words").get<std::string>(), HasSubstr("taken away"));
  police.Settle();
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_THAT(States(Result("rejected/" + std::string(kName))), ElementsAre("SETTLED"));
  EXPECT_EQ(RowsKept(), 0u);
}

TEST_F(FolderTest, ReceiptsAreToldAfterARestartAndNotOfAResultThatWasTakenAway) {
  Drop(kName, Csv({"one", "two"}));
  Drop("RequestChecks.gone.csv", "options.request_id,question\ngone-0001,one\n");
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_EQ(folder->followed(), 2u);
  fs::remove(At("done/RequestChecks.gone.csv.result.json"));
  Reopen();
  EXPECT_EQ(folder->followed(), 2u);
  police.Settle();
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_THAT(States(Result("done/" + std::string(kName))), ElementsAre("SETTLED", "SETTLED"));
  EXPECT_THAT(In("done"), ElementsAre("RequestChecks.gone.csv", kName, std::string(kName) + ".result.json"));
  EXPECT_EQ(folder->followed(), 0u);
}

TEST_F(FolderTest, OfAFileThatSettlesPieceByPieceTheResultIsWrittenOnceAMinute) {
  broker.withheld = {type::v1::CATEGORY_NARRATIVE, type::v1::CATEGORY_IDENTITY, type::v1::CATEGORY_RATIONALE};  // Waits for a person.
  Drop(kName, Csv({"one"}));
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  police.Settle();
  ASSERT_EQ(police.State("checks-001"), agency::v1::SUBMISSION_STATE_NEEDS_PERSON);
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_THAT(States(Result("done/" + std::string(kName))), ElementsAre("ACCEPTED"));
  clock.Advance(kResultEvery);
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  const auto result = Result("done/" + std::string(kName));
  EXPECT_THAT(States(result), ElementsAre("NEEDS_PERSON"));
  EXPECT_FALSE(result.at("records").at(0).at("waiting_for").get<std::string>().empty());
  clock.Advance(kImportFollowedFor);
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_EQ(folder->followed(), 0u) << "a week is the limit";
  EXPECT_EQ(RowsKept(), 0u);
}

TEST_F(FolderTest, TheConfiguredWorkerActsForRecordsThatNameNone) {
  Drop(kName, "options.request_id,question,options.worker.pseudonym,options.worker.role,options.worker.authentication\nchecks-001,why,,,\nchecks-002,why,w-77,supervisor,multi-factor\n");
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_EQ(police.outbox->Get("checks-001")->draft().options().worker().pseudonym(), SomeWorker().pseudonym());
  EXPECT_EQ(police.outbox->Get("checks-002")->draft().options().worker().pseudonym(), "w-77");
  folder = std::make_unique<Folder>(FolderOptions{directory_, {}}, *police.store, *pushes, clock);
  ASSERT_EQ(folder->Open(), absl::OkStatus());
  Drop("RequestChecks.3.csv", "options.request_id,question\nchecks-003,why\n");
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_EQ(Result("rejected/RequestChecks.3.csv").at("records").at(0).at("field"), "options.worker");
}

TEST_F(FolderTest, APreviewHasNobodyToShowTo) {
  Drop(kName, "options.request_id,question,options.preview_only\nchecks-001,why,yes\n");
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_EQ(Result("rejected/" + std::string(kName)).at("records").at(0).at("field"), "options.preview_only");
}

TEST_F(FolderTest, WhenTheServiceStopsTheRestWaitsForTheNextStart) {
  Drop(kName, Csv({"one"}));
  folder->Stop();
  (void)folder->Step();
  EXPECT_THAT(pushes->pushed, IsEmpty());
  Reopen();
  ASSERT_EQ(folder->Step(), absl::OkStatus());
  EXPECT_EQ(pushes->pushed.size(), 1u);
}

}  // namespace
}  // namespace accord::agent::folder_test
