// ExportBundle over the wire of a whole broker, verified by what accord-verify verifies with.
//
// Goal: what comes verifies offline, whoever asked; it is on the record before it goes; a warrant's scope closes rows and hides none;
// what may not be asked is refused; and the limits hold.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <absl/synchronization/notification.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "accord/inspection/v1/trail_service.pb.h"
#include "accord/inspection/v1/warrant_service.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/leaf.h"
#include "common/ledger/tlog_proof.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_collector.h"
#include "services/broker/api/testing_warrants.h"
#include "services/broker/api/testing_wire.h"
#include "services/broker/bundles/export.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/testing_command.h"
#include "services/verify/export_verifier.h"
#include "services/verify/testing_trail.h"

namespace accord::broker {
namespace {

using inspection::v1::ExportBundleRequest;
using inspection::v1::ExportBundleResponse;
using inspection::v1::Warrant;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kCategories = R"("identity", "risk", "narrative")";
const std::string kExport = "/accord.inspection.v1.TrailService/ExportBundle";
const std::string kWarrants = "/accord.inspection.v1.WarrantService/";

class BundleExportTest : public ::testing::Test {
 protected:
  BundleExportTest() {
    for (const char* id : {"ines", "omar"}) {
      admin::v1::Change change;
      change.mutable_put_officer()->set_id(id);
      change.mutable_put_officer()->set_inspector(true);
      change.mutable_put_officer()->set_active(true);
      change.mutable_put_officer()->set_inspectorate("ofsted");
      EXPECT_EQ(world_.Change(change), absl::OkStatus());
    }
    EXPECT_EQ(world_.PutAgreement("agreement-7", kCategories), absl::OkStatus());
    // Two referrals of two cases.
    for (const char* id : {"request-1", "request-2"}) {
      digests_.push_back(Only<v1::SubmitReferralResponse>(
                             Call("agency/police", "/accord.broker.v1.ReferralService/SubmitReferral",
                                  MakeSubmission(world_, {.request_id = id, .recipients = {"idva"}, .victim = id})))
                             .header_digest());
      Collector collector(world_, "agency/idva", 1);
      collector.Ack(collector.NextDelivery());
      cases_.push_back(CaseOf(digests_.back()));
    }
  }

  WireAnswer Call(const std::string& principal, const std::string& method, const google::protobuf::Message& request) {
    auto& channel = channels_[principal];
    if (channel == nullptr) channel = world_.Channel(principal);
    return CallOnce(channel, method, request);
  }
  std::string CaseOf(const std::string& digest) {
    storage::v1::StoredReferral stored;
    const auto view = world_.broker().sequencer().View();
    EXPECT_TRUE(stored.ParseFromString(**(*view)->GetSealed(kFamilyReferral, digest)));
    return stored.cases_size() == 1 ? stored.cases(0) : "";
  }
  ExportBundleRequest Request(const std::vector<std::string>& cases, const std::vector<std::string>& referrals, const std::string& warrant = "") {
    ExportBundleRequest request;
    for (const std::string& one : cases) request.add_case_pseudonyms(one);
    for (const std::string& one : referrals) request.add_referrals(one);
    request.set_warrant(warrant);
    request.set_purpose("review");
    return request;
  }
  // The files; none when it was refused.
  static verify::MemoryFiles FilesOf(const WireAnswer& answer) {
    verify::MemoryFiles files;
    std::string path;
    for (const std::string& message : answer.messages) {
      const auto piece = Parse<ExportBundleResponse>(message);
      if (!piece.path().empty()) path = piece.path();
      files.files[path] += piece.chunk();
    }
    return files;
  }
  verify::ExportReport Verify(verify::MemoryFiles files) {
    return verify::VerifyExport(files, verify::NamesOf(files), *ledger::Vkey::Parse(world_.broker().vkey()));
  }
  static std::string All(const verify::ExportReport& report) {
    std::string text;
    for (const auto& finding : report.findings) text += finding.where + ": " + finding.what + "\n";
    return text;
  }
  // Reason of a refusal, with what is said of it.
  static std::string Refusal(const WireAnswer& answer) {
    EXPECT_TRUE(answer.messages.empty());
    const ErrorDetail detail = DetailOf(rpc::FromGrpc(grpc::Status(answer.code, answer.words, answer.details)));
    std::string told(RowOf(detail.reason).name);
    for (const char* key : {"dimension", "field", "state"}) {
      if (detail.metadata.contains(key)) told += " " + detail.metadata.at(key);
    }
    return told;
  }

  static absl::StatusOr<SuspendedPrincipals> NobodyShutOut(absl::Time) { return SuspendedPrincipals(); }

  // Statutory, in force now, of all cases of the last hour; `change` is made before it is proposed.
  void MakeWarrant(const std::string& id, const std::function<void(Warrant&)>& change) {
    Warrant warrant = StatutoryWarrant(id, clock_.Now());
    change(warrant);
    ActivateWarrant(world_, warrant);
  }

  FakeClock clock_{absl::FromCivil(absl::CivilSecond(2026, 11, 24, 10, 0, 0), absl::UTCTimeZone())};
  TestingBroker world_{&clock_};
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::string> digests_, cases_;
};

TEST_F(BundleExportTest, WhatAnAdministratorExportsVerifiesAndNothingCanBeLeftOut) {
  const WireAnswer answer = Call("admin/alice", kExport, Request(cases_, {digests_[0]}));
  ASSERT_EQ(answer.code, grpc::StatusCode::OK) << answer.words;
  const verify::MemoryFiles files = FilesOf(answer);
  const verify::ExportReport report = Verify(files);
  ASSERT_TRUE(report.ok()) << All(report);
  ASSERT_EQ(report.trails.size(), 3u);
  EXPECT_EQ(report.manifest->purpose, "review");
  for (const auto& trail : report.trails) {
    EXPECT_EQ(trail.rows.front().event, "referral stored");
    EXPECT_EQ(trail.rows.back().event, "bundle exported");
    EXPECT_EQ(trail.rows.back().who, "admin/alice");
  }
  // Whatever kinds of entries there are: each has the parts that it is said to have always.
  EXPECT_EQ(verify::CountOpened(report.trails).in_part, 0u);
  EXPECT_EQ(verify::CountOpened(report.trails).not_opened, 0u);
  EXPECT_THAT(files.files.at(ledger::kDirectoryFile), HasSubstr("\"id\": \"police\""));
  // Who may have it was decided by this agreement: an entry names it, so its text must be there (export_verifier.h), as approved.
  EXPECT_EQ(files.files.at(ledger::PolicyPath("agreement", "agreement-7")), TestingBroker::Agreement("agreement-7", kCategories));
  for (const char* kind : {"emergency", "law", "clocks", "cases"}) {
    EXPECT_TRUE(std::any_of(files.files.begin(), files.files.end(), [&](const auto& file) { return file.first.starts_with(fmt::format("policies/{}/", kind)); })) << kind;
  }
  // The manifest is the last of all.
  EXPECT_EQ(Parse<ExportBundleResponse>(answer.messages.back()).path(), ledger::kManifestFile);

  // Each file in turn.
  for (const auto& [path, bytes] : files.files) {
    verify::MemoryFiles without = files;
    without.files.erase(path);
    EXPECT_THAT(All(Verify(without)), HasSubstr(path)) << path;
    verify::MemoryFiles altered = files;
    altered.files[path][bytes.size() / 2] ^= 1;
    EXPECT_FALSE(Verify(altered).ok()) << path;
  }
}

// An agency that is shut out is active all the same: only who was suspended at a time says whom it could not have reached then.
TEST_F(BundleExportTest, TheDirectoryTellsWhoWasShutOutThenAndNow) {
  const std::string admin = "/accord.admin.v1.AdminService/";
  const auto shut_out = [&](const std::string& principal) {
    clock_.Advance(absl::Seconds(1));
    admin::v1::SuspendPrincipalRequest request;
    request.set_request_id("shut-out-" + principal.substr(principal.find('/') + 1));
    request.set_principal(principal);
    request.set_reason(admin::v1::SUSPENSION_REASON_MISUSE);
    Only<admin::v1::SuspendPrincipalResponse>(Call("admin/alice", admin + "SuspendPrincipal", request));
    clock_.Advance(absl::Seconds(1));
  };
  shut_out("agency/housing");
  const auto stored = Only<v1::SubmitReferralResponse>(Call("agency/police", "/accord.broker.v1.ReferralService/SubmitReferral",
                                                            MakeSubmission(world_, {.request_id = "request-3", .recipients = {"idva"}, .victim = "request-3"})));
  clock_.Advance(absl::Seconds(1));
  admin::v1::ReinstatePrincipalRequest again;
  again.set_request_id("let-in-housing");
  again.set_principal("agency/housing");
  Only<admin::v1::ReinstatePrincipalResponse>(Call("admin/alice", admin + "ReinstatePrincipal", again));
  shut_out("agency/childrens");

  const WireAnswer answer = Call("admin/alice", kExport, Request({}, {stored.header_digest()}));
  ASSERT_EQ(answer.code, grpc::StatusCode::OK) << answer.words;
  const verify::MemoryFiles files = FilesOf(answer);
  const verify::ExportReport report = Verify(files);
  EXPECT_TRUE(report.ok()) << All(report);
  const auto directory = nlohmann::json::parse(files.files.at(ledger::kDirectoryFile));
  const auto suspended = [&](size_t part) {
    std::set<std::string> ids;
    for (const auto& agency : directory["asAt"][part]["agencies"]) {
      EXPECT_TRUE(agency["active"]) << agency;
      if (agency["suspended"].get<bool>()) ids.insert(agency["id"].get<std::string>());
    }
    return ids;
  };
  EXPECT_EQ(suspended(0), std::set<std::string>({"housing"}));
  EXPECT_EQ(suspended(1), std::set<std::string>({"childrens"}));
}

TEST_F(BundleExportTest, AWarrantClosesRowsAndHidesNone) {
  MakeWarrant("jtai-1", [&](Warrant& warrant) {
    warrant.mutable_scope()->add_cases(cases_[0]);
    warrant.mutable_scope()->add_events(type::v1::EVENT_TYPE_REFERRAL_STORED);
  });
  const WireAnswer answer = Call("inspector/ines", kExport, Request({cases_[0]}, {digests_[0]}, "jtai-1"));
  ASSERT_EQ(answer.code, grpc::StatusCode::OK) << answer.words;
  const verify::ExportReport report = Verify(FilesOf(answer));
  ASSERT_TRUE(report.ok()) << All(report);
  EXPECT_EQ(report.manifest->warrant, "jtai-1");
  std::set<std::string> shown;
  size_t closed = 0;
  for (const auto& row : report.trails[0].rows) {
    if (row.event.empty()) {
      ++closed;
      EXPECT_TRUE(row.openings.empty());
      EXPECT_TRUE(row.who.empty());
    } else {
      shown.insert(row.event);
    }
  }
  EXPECT_EQ(shown, (std::set<std::string>{"referral stored", "bundle exported"}));
  EXPECT_GT(closed, 1u);  // Released, delivered: their leaves are there, and the chain has no gap.
  EXPECT_THAT(FilesOf(answer).files.at(ledger::kIndexFile), HasSubstr("(not shown)"));

  // Each party is told that somebody looked; of the referral which it was.
  const auto looks = Only<inspection::v1::ListLooksResponse>(Call("agency/idva", kWarrants + "ListLooks", inspection::v1::ListLooksRequest()));
  ASSERT_EQ(looks.looks_size(), 2);
  for (const auto& look : looks.looks()) EXPECT_EQ(look.event(), type::v1::EVENT_TYPE_BUNDLE_EXPORTED);
  EXPECT_EQ(looks.looks(0).referral().empty() + looks.looks(1).referral().empty(), 1);

  EXPECT_EQ(Refusal(Call("inspector/ines", kExport, Request({cases_[1]}, {}, "jtai-1"))), "WARRANT_SCOPE case");
  EXPECT_EQ(Refusal(Call("inspector/ines", kExport, Request({cases_[0]}, {digests_[1]}, "jtai-1"))), "WARRANT_SCOPE case");
  EXPECT_EQ(Refusal(Call("inspector/ines", kExport, Request({cases_[0]}, {}))), "NOT_PERMITTED");
  EXPECT_EQ(Refusal(Call("inspector/ines", kExport, Request({cases_[0]}, {}, "jtai-2"))), "WARRANT_NOT_FOUND");
  clock_.Advance(absl::Hours(24 * 11));
  EXPECT_EQ(Refusal(Call("inspector/ines", kExport, Request({cases_[0]}, {}, "jtai-1"))), "WARRANT_NOT_ACTIVE WARRANT_STATE_EXPIRED");
}

// The record of an export under a warrant stands on the warrant's chain too. Who holds the bundle writes its manifest anew, which nobody signed, so
// that the rows are that chain's: receipts of it can be made from any copy of the log, and openings need not be there.
TEST_F(BundleExportTest, TheChainOfTheWarrantIsNotPassedOffAsTheReferrals) {
  MakeWarrant("jtai-1", [](Warrant&) {});
  const WireAnswer answer = Call("inspector/ines", kExport, Request({}, {digests_[0]}, "jtai-1"));
  ASSERT_EQ(answer.code, grpc::StatusCode::OK) << answer.words;
  verify::MemoryFiles files = FilesOf(answer);
  const verify::ExportReport honest = Verify(files);
  ASSERT_TRUE(honest.ok()) << All(honest);
  EXPECT_EQ(verify::CountOpened(honest.trails).in_part, 0u);

  ledger::ExportManifest manifest = *honest.manifest;
  ledger::BundleTrail& trail = manifest.trails[0];
  for (const uint64_t row : trail.rows) {
    if (row == trail.query_index) continue;
    for (const std::string& path : {ledger::ReceiptPath(row), ledger::ReceiptPath(row) + ledger::kOpeningsSuffix}) {
      manifest.files.erase(path);
      files.files.erase(path);
    }
  }
  const ledger::Leaf record = *ledger::ParseLeaf(honest.trails[0].rows.back().leaf);
  for (const ledger::Chain& chain : record.chains) {
    if (chain.pseudonym != honest.manifest->trails[0].chain && chain.pseudonym != cases_[0]) trail.chain = chain.pseudonym;
  }
  ASSERT_NE(trail.chain, honest.manifest->trails[0].chain);
  const auto put = [&](const std::string& path, const std::string& bytes) {
    files.files[path] = bytes;
    manifest.files[path] = {bytes.size(), crypto::Sha256(bytes)};
  };
  trail.rows.clear();
  std::map<uint64_t, ledger::IndexRow> said;
  const auto view = *world_.broker().sequencer().View();
  for (uint64_t index = 0; index <= trail.query_index; ++index) {
    const std::string bytes = *view->ledger().Leaf(index);
    const ledger::Leaf leaf = *ledger::ParseLeaf(bytes);
    if (std::none_of(leaf.chains.begin(), leaf.chains.end(), [&](const auto& chain) { return chain.pseudonym == trail.chain; })) continue;
    trail.rows.push_back(index);
    said[index].time_ms = static_cast<int64_t>(leaf.time_ms);
    if (index == trail.query_index) continue;
    put(ledger::ReceiptPath(index), ledger::FormatTlogProof({bytes, index, *view->ledger().InclusionProof(index, manifest.checkpoint_size),
                                                             files.files.at(ledger::kCheckpointFile)}));
    put(ledger::ReceiptPath(index) + ledger::kOpeningsSuffix, ledger::FormatOpenings({}));
  }
  ASSERT_GT(trail.rows.size(), 2u);  // It was proposed and activated before.
  said[trail.query_index].event = "EVENT_TYPE_BUNDLE_EXPORTED";
  said[trail.query_index].who = "inspector/ines";
  put(ledger::kIndexFile, ledger::FormatBundleIndex(manifest, said));
  files.files[ledger::kManifestFile] = ledger::FormatExportManifest(manifest);
  const verify::ExportReport forged = Verify(files);
  EXPECT_THAT(All(forged), HasSubstr("records another request"));
  EXPECT_EQ(forged.findings.size(), 1u) << "nothing else is wrong with it: " << All(forged);
}

TEST_F(BundleExportTest, WhatMayNotBeAskedIsRefusedAndLeavesNoExportOnTheRecord) {
  const std::string nobody(16, 'n'), none(32, 'n');
  EXPECT_EQ(Refusal(Call("agency/police", kExport, Request({}, {digests_[0]}))), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(Refusal(Call("admin/alice", kExport, Request({}, {}))), "FIELD_MISSING case_pseudonyms");
  EXPECT_EQ(Refusal(Call("admin/alice", kExport, Request({nobody}, {}))), "ENTRY_NOT_FOUND");
  EXPECT_EQ(Refusal(Call("admin/alice", kExport, Request({cases_[0]}, {none}))), "REFERRAL_NOT_FOUND");
  EXPECT_EQ(Refusal(Call("admin/alice", kExport, Request({"short"}, {}))), "FIELD_INVALID case_pseudonyms");
  EXPECT_EQ(Refusal(Call("admin/alice", kExport, Request({}, {"short"}))), "FIELD_INVALID referrals");
  EXPECT_EQ(Refusal(Call("admin/alice", kExport, Request({cases_[0], cases_[0]}, {}))), "FIELD_INVALID case_pseudonyms");
  EXPECT_EQ(Refusal(Call("admin/alice", kExport, Request({}, std::vector<std::string>(101, none)))), "FIELD_INVALID referrals");
  EXPECT_EQ(Refusal(Call("admin/alice", kExport, Request(std::vector<std::string>(101, nobody), {}))), "FIELD_INVALID case_pseudonyms");
  EXPECT_EQ(Refusal(Call("admin/alice", kExport, Request({cases_[0]}, {}, "jtai-1"))), "FIELD_INVALID warrant");
  ExportBundleRequest request = Request({cases_[0]}, {});
  request.set_purpose("two words");
  EXPECT_EQ(Refusal(Call("admin/alice", kExport, request)), "FIELD_INVALID purpose");
  // One that is not there among others: none of them is on the record.
  const verify::ExportReport report = Verify(FilesOf(Call("admin/alice", kExport, Request({cases_[0]}, {}))));
  ASSERT_TRUE(report.ok()) << All(report);
  EXPECT_EQ(std::count_if(report.trails[0].rows.begin(), report.trails[0].rows.end(), [](const auto& row) { return row.event == "bundle exported"; }), 1);
}

// The parts below the wire, with limits that a test can reach.
TEST_F(BundleExportTest, TheLimitsOfRowsAndBytesHold) {
  Broker& broker = world_.broker();
  const Caller alice{.kind = options::v1::CALLER_ADMIN, .id = "alice", .principal = "admin/alice", .certificate = std::string(32, 'f')};
  const auto directory = broker.directory().Get();
  const std::vector<TrailAbout> about = {{TrailAbout::What::kCase, cases_[0]}};
  const auto plan = [&](const BundleLimits& limits) {
    const auto view = *broker.sequencer().View();
    return PlanBundle(*view, {alice, kExport, "review", "", *directory, clock_.Now()}, *broker.policy().Get(), NobodyShutOut, "accord.example/test", about,
                      limits);
  };
  const BundleSources sources{*directory, broker.witnesses(), broker.vkey(), clock_.Now()};
  // Every file of it, or why not.
  const auto read = [&](const BundleLimits& limits) -> absl::StatusOr<std::pair<size_t, uint64_t>> {
    ACCORD_ASSIGN_OR_RETURN(BundlePlan made, plan(limits));
    std::vector<uint64_t> indices;
    ACCORD_RETURN_IF_ERROR(RunCommand(broker.sequencer(), [&](CommitContext& context) -> absl::Status {
      RecordBundleCommand command(made.trails, [&](const absl::StatusOr<std::vector<uint64_t>>& told) { indices = *told; });
      ACCORD_RETURN_IF_ERROR(command.Apply(context));
      command.Done(Committed());
      return absl::OkStatus();
    }));
    const auto view = *broker.sequencer().View();
    BundleFiles files(std::move(made), limits);
    ACCORD_RETURN_IF_ERROR(files.Begin(*view, sources, indices));
    std::pair<size_t, uint64_t> all;
    while (true) {
      ACCORD_ASSIGN_OR_RETURN(const auto file, files.Next(*view, sources));
      if (!file.has_value()) return all;
      ++all.first;
      if (file->path != ledger::kManifestFile) all.second += file->bytes.size();
    }
  };
  const auto whole = read({});
  ASSERT_EQ(whole.status(), absl::OkStatus());
  size_t rows = 1;  // The next export's own.
  {
    const auto view = *broker.sequencer().View();
    storage::v1::StoredChain chain;
    ASSERT_TRUE(chain.ParseFromString(**view->Get(kFamilyChain, cases_[0])));
    rows += chain.next_sequence();
  }
  EXPECT_EQ(plan({.rows = rows}).status(), absl::OkStatus());
  const absl::Status many = plan({.rows = rows - 1}).status();
  EXPECT_TRUE(HasReason(many, Reason::kBundleTooLarge)) << many;
  EXPECT_EQ(DetailOf(many).metadata.at("rows"), std::to_string(rows));
  // Each export makes the next one larger by its own entry.
  const auto next = read({});
  ASSERT_EQ(next.status(), absl::OkStatus());
  EXPECT_TRUE(HasReason(read({.bytes = next->second}).status(), Reason::kBundleTooLarge));
  EXPECT_EQ(read({.bytes = 2 * next->second}).status(), absl::OkStatus());
}

TEST_F(BundleExportTest, ASuspensionEndsWhatIsUnderWay) {
  MakeWarrant("jtai-1", [](Warrant&) {});
  Broker& broker = world_.broker();
  const Caller ines{.kind = options::v1::CALLER_INSPECTOR, .id = "ines", .principal = "inspector/ines", .certificate = std::string(32, 'f')};
  const auto directory = broker.directory().Get();
  const BundleSources sources{*directory, broker.witnesses(), broker.vkey(), clock_.Now()};
  auto plan = PlanBundle(**broker.sequencer().View(), {ines, kExport, "review", "jtai-1", *directory, clock_.Now()}, *broker.policy().Get(),
                         NobodyShutOut, "accord.example/test", {{TrailAbout::What::kCase, cases_[0]}}, {});
  ASSERT_EQ(plan.status(), absl::OkStatus());
  std::vector<uint64_t> indices;
  absl::Notification recorded;
  broker.sequencer().Submit(std::make_unique<RecordBundleCommand>(plan->trails, [&](const absl::StatusOr<std::vector<uint64_t>>& told) {
    ASSERT_EQ(told.status(), absl::OkStatus());
    indices = *told;
    recorded.Notify();
  }));
  recorded.WaitForNotification();
  BundleFiles files(*std::move(plan));
  ASSERT_EQ(files.Begin(**broker.sequencer().View(), sources, indices), absl::OkStatus());
  std::string path;
  do {
    const auto file = files.Next(**broker.sequencer().View(), sources);
    ASSERT_EQ(file.status(), absl::OkStatus());
    path = (*file)->path;
  } while (!path.starts_with("receipts/") || !path.ends_with(".json"));
  inspection::v1::ChangeWarrantRequest suspend;
  suspend.set_request_id("suspend-jtai-1");
  suspend.set_id("jtai-1");
  suspend.set_act(inspection::v1::WARRANT_ACT_SUSPEND);
  suspend.set_suspension(inspection::v1::WARRANT_SUSPENSION_COURT_ORDER);
  Only<inspection::v1::ChangeWarrantResponse>(Call("admin/alice", kWarrants + "ChangeWarrant", suspend));
  const auto next = files.Next(**broker.sequencer().View(), sources);
  EXPECT_TRUE(HasReason(next.status(), Reason::kWarrantNotActive)) << next.status();
}

}  // namespace
}  // namespace accord::broker
