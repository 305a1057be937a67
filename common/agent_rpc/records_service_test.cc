// An agency's records, its case packs, what waits in it and what inspectors ask, as they come over the wire from a service that has no broker.
#include "common/agent_rpc/records_service.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "accord/agency/v1/disclosure_service.grpc.pb.h"
#include "common/agent/testing_service.h"
#include "common/agent_rpc/agency_services.h"
#include "common/agent_rpc/testing_agency_files.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/referral/disclosure.h"
#include "common/rpc/client.h"
#include "common/rpc/server.h"
#include "common/rpc/tls.h"

namespace accord::agent_rpc::records_service_test {
namespace {

using agency::v1::BuildCasePackRequest;
using agency::v1::BuildCasePackResponse;
using agency::v1::ExportRecordsRequest;
using agency::v1::ExportRecordsResponse;
using agent::SomeDraft;
using agent::SomeWorker;

class RecordsServiceTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(rpc::EnforceTls13().ok()); }

  void SetUp() override {
    const AgencyConfig config = files_.Config(authority_, "idva", authority_.IssueSealing("idva"));
    tls_until_ = crypto::Certificate::FromPem(*ReadFile(config.server.tls.certificate))->not_after();
    auto runtime = AgencyRuntime::Open(config, type::v1::AGENCY_KIND_IDVA, clock_, random_, metrics_);
    ASSERT_TRUE(runtime.ok()) << runtime.status();
    runtime_ = *std::move(runtime);
    services_ = MakeAgencyServices(*runtime_);
    std::vector<grpc::Service*> services;
    for (const auto& service : services_) services.push_back(service.get());
    auto server = rpc::Server::Start(config.server, services);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    auto channel = rpc::MakeChannel({.target = "127.0.0.1:" + std::to_string(server_->port()),
                                     .tls = config.server.tls,
                                     .server_spiffe_id = crypto::testing::SpiffeId("agency/idva"),
                                     .share_connection = false});
    ASSERT_TRUE(channel.ok()) << channel.status();
    channel_ = *std::move(channel);
  }
  void TearDown() override {
    channel_.reset();
    if (server_ != nullptr) server_->Shutdown(absl::Seconds(5));
    server_.reset();
    if (runtime_ != nullptr) runtime_->Stop();
    services_.clear();
    runtime_.reset();
  }
  void Push(const std::string& request_id) {
    agent::Draft draft = SomeDraft(request_id);
    draft.recipients = {"police"};
    draft.sections[0].content.mutable_identity()->mutable_victim()->add_dates_of_birth("1990-05-17");
    ASSERT_TRUE(runtime_->outbox().Push(draft).ok());
    clock_.Advance(absl::Seconds(1));
  }

  template <typename Response, typename Request>
  absl::StatusOr<std::vector<Response>> Read(const Request& request, size_t at_most = 1000) {
    agency::v1::RecordsService::Stub stub(channel_);
    grpc::ClientContext context;
    rpc::SetTimeout(context, absl::Seconds(20));
    const auto reader = [&] {
      if constexpr (std::is_same_v<Request, ExportRecordsRequest>) {
        return stub.ExportRecords(&context, request);
      } else {
        return stub.BuildCasePack(&context, request);
      }
    }();
    std::vector<Response> rows;
    Response row;
    while (rows.size() < at_most && reader->Read(&row)) rows.push_back(row);
    if (rows.size() == at_most) {
      context.TryCancel();
      (void)reader->Finish();
      return rows;
    }
    const absl::Status ended = rpc::FromGrpc(reader->Finish());
    if (!ended.ok()) return ended;
    return rows;
  }
  auto Export(const ExportRecordsRequest& request, size_t at_most = 1000) { return Read<ExportRecordsResponse>(request, at_most); }
  auto Pack(const BuildCasePackRequest& request) { return Read<BuildCasePackResponse>(request); }

  static ExportRecordsRequest ExportRequest(const std::string& after = "") {
    ExportRecordsRequest request;
    *request.mutable_worker() = SomeWorker();
    request.set_after(after);
    return request;
  }
  static BuildCasePackRequest PackRequest() {
    BuildCasePackRequest request;
    request.set_request_id("pack-00001");
    *request.mutable_worker() = SomeWorker();
    request.mutable_person()->set_family_name("Ashdown");
    request.mutable_person()->set_given_names("Miriam");
    request.mutable_person()->add_dates_of_birth("1990-05-17");
    request.set_ground(agency::v1::CASE_PACK_GROUND_COURT_ORDER);
    request.set_authority("FD26P00001");
    return request;
  }
  // Without what was pushed.
  std::vector<agency::v1::JournalEntry> Journal() {
    auto entries = runtime_->journal().List(0, 100, "", "")->entries;
    std::erase_if(entries, [](const agency::v1::JournalEntry& entry) { return entry.act() == agency::v1::JOURNAL_ACT_PUSHED; });
    return entries;
  }

  FakeClock clock_;
  SystemRandom random_;
  telemetry::Metrics metrics_;
  crypto::testing::TestAuthority authority_;
  absl::Time tls_until_;
  AgencyFiles files_;
  std::unique_ptr<AgencyRuntime> runtime_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<rpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(RecordsServiceTest, AnExportIsInTheJournalBeforeItsFirstRowAndGoesOn) {
  for (const char* id : {"request-1", "request-2", "request-3"}) Push(id);
  const auto first = Export(ExportRequest(), 2);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->size(), 2u);
  EXPECT_EQ((*first)[0].total(), 7u) << "three sent, each noted as pushed, and this export's own entry";
  EXPECT_EQ((*first)[1].total(), 0u);
  ASSERT_EQ(Journal().size(), 1u);
  EXPECT_EQ(Journal()[0].act(), agency::v1::JOURNAL_ACT_EXPORTED);
  EXPECT_EQ(Journal()[0].worker().pseudonym(), "w-1");
  const auto& sent = (*first)[0].record().sent();
  EXPECT_EQ(sent.submission().request_id(), "request-1");
  EXPECT_EQ(sent.sections(1).content().text().text(), "what happened");
  const auto rest = Export(ExportRequest((*first)[1].position()));
  ASSERT_TRUE(rest.ok()) << rest.status();
  ASSERT_EQ(rest->size(), 6u) << "the other two, each noted, and both exports";
  EXPECT_EQ((*rest)[0].record().sent().submission().request_id(), "request-2");
  EXPECT_EQ((*rest)[5].record().journal().act(), agency::v1::JOURNAL_ACT_EXPORTED);
}

TEST_F(RecordsServiceTest, TimesContentAndWrongAsksOfAnExport) {
  Push("request-1");
  const int64_t then = absl::ToUnixMillis(clock_.Now());
  Push("request-2");
  auto request = ExportRequest();
  request.set_from_ms(then);
  request.set_without_content(true);
  auto rows = Export(request);
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->size(), 3u) << "it, that it was pushed, and this export";
  EXPECT_EQ((*rows)[0].record().sent().submission().request_id(), "request-2");
  EXPECT_EQ((*rows)[0].record().sent().sections_size(), 0);
  request.set_from_ms(0);
  request.set_until_ms(then);
  EXPECT_EQ(Export(request)->size(), 2u) << "before, and not at";
  EXPECT_TRUE(HasReason(Export(ExportRequest("later")).status(), Reason::kFieldInvalid));
  const size_t noted = Journal().size();
  auto nobody = ExportRequest();
  nobody.clear_worker();
  EXPECT_TRUE(HasReason(Export(nobody).status(), Reason::kFieldMissing));
  EXPECT_EQ(Journal().size(), noted) << "what was not begun is no export";
}

TEST_F(RecordsServiceTest, AWorkerWhoMayNotKnowOfSomebodyExportsNothing) {
  agency::v1::WorkerRecord record;
  record.set_pseudonym("w-1");
  record.mutable_conflicts()->Add()->CopyFrom(PackRequest().person());
  ASSERT_TRUE(runtime_->workers().Put("put-00001", record, SomeWorker(), [&](std::string_view digest) { return runtime_->inbox().People(digest); }).ok());
  EXPECT_TRUE(HasReason(Export(ExportRequest()).status(), Reason::kWorkerBarred));
  EXPECT_TRUE(HasReason(Pack(PackRequest()).status(), Reason::kWorkerBarred)) << "there is nothing of hers here, and it does not tell";
  auto other = PackRequest();
  other.mutable_person()->set_family_name("Clarke");
  EXPECT_TRUE(HasReason(Pack(other).status(), Reason::kWorkerBarred));
  EXPECT_TRUE(Journal().empty() || Journal().back().act() == agency::v1::JOURNAL_ACT_WORKER_PUT);
}

TEST_F(RecordsServiceTest, APackIsMadeUnderANumberAndSaysWhatItFound) {
  Push("request-1");
  const auto pack = Pack(PackRequest());
  ASSERT_TRUE(pack.ok()) << pack.status();
  ASSERT_EQ(pack->size(), 2u) << "it, and that it was pushed";
  EXPECT_EQ((*pack)[0].strength(), type::v1::MATCH_STRENGTH_STRONG);
  ASSERT_EQ(Journal().size(), 1u);
  EXPECT_EQ(Journal()[0].act(), agency::v1::JOURNAL_ACT_CASE_PACK);
  EXPECT_EQ(Journal()[0].about(), "FD26P00001");
  auto wrong = PackRequest();
  wrong.set_authority(std::string(65, '1'));
  EXPECT_TRUE(HasReason(Pack(wrong).status(), Reason::kFieldInvalid));
  wrong.set_authority("the court's order");
  EXPECT_TRUE(HasReason(Pack(wrong).status(), Reason::kFieldInvalid));
  wrong = PackRequest();
  wrong.clear_ground();
  EXPECT_TRUE(HasReason(Pack(wrong).status(), Reason::kFieldMissing));
  wrong = PackRequest();
  wrong.set_request_id("short");
  EXPECT_TRUE(HasReason(Pack(wrong).status(), Reason::kFieldInvalid));
  EXPECT_EQ(Journal().size(), 1u);
  auto longest = PackRequest();
  longest.set_authority(std::string(64, '1'));
  EXPECT_TRUE(Pack(longest).ok());
}

TEST_F(RecordsServiceTest, WhatWaitsComesInPagesTheOldestFirst) {
  std::set<std::string> pushed;
  for (int i = 0; i < 5; ++i) {
    const std::string id = "request-" + std::to_string(9 - i);
    Push(id);
    pushed.insert(id);
  }
  agency::v1::OutboxService::Stub stub(channel_);
  agency::v1::ListWaitingRequest request;
  request.set_page_size(2);
  std::vector<std::string> listed;
  int pages = 0;
  do {
    const auto page = rpc::CallUnary(stub, &agency::v1::OutboxService::Stub::ListWaiting, request, absl::Seconds(20));
    ASSERT_TRUE(page.ok()) << page.status();
    for (const auto& item : page->items()) listed.push_back(item.about());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty() && ++pages < 10);
  EXPECT_EQ(listed, (std::vector<std::string>{"request-9", "request-8", "request-7", "request-6", "request-5"}));
  request.set_page_token("no token");
  EXPECT_TRUE(HasReason(rpc::CallUnary(stub, &agency::v1::OutboxService::Stub::ListWaiting, request, absl::Seconds(20)).status(), Reason::kPageTokenInvalid));

  const auto status = rpc::CallUnary(stub, &agency::v1::OutboxService::Stub::GetServiceStatus, {}, absl::Seconds(20));
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->outbox_waiting(), 5u);
  EXPECT_EQ(status->waiting_for(), "") << "none was tried yet";
  EXPECT_EQ(status->certificate_until_ms(), absl::ToUnixMillis(tls_until_));
  EXPECT_GT(status->store_bytes_free(), 0u);
  EXPECT_EQ(status->away_since_ms(), 0);
}

TEST_F(RecordsServiceTest, WhatInspectorsAskIsServedAndItsBrokerBeingAwayTakesNothingFromToday) {
  agency::v1::DisclosureService::Stub stub(channel_);
  EXPECT_TRUE(HasReason(rpc::CallUnary(stub, &agency::v1::DisclosureService::Stub::ListDisclosures, {}, absl::Seconds(20)).status(), Reason::kBrokerUnreachable));
  agency::v1::ReadDisclosureRequest read;
  read.set_request_id("read-00001");
  read.set_number(41);
  *read.mutable_worker() = SomeWorker();
  EXPECT_TRUE(HasReason(rpc::CallUnary(stub, &agency::v1::DisclosureService::Stub::ReadDisclosure, read, absl::Seconds(20)).status(), Reason::kRoleNotAllowed));
  read.mutable_worker()->set_role(type::v1::WORKER_ROLE_AUTHORISING_OFFICER);
  EXPECT_TRUE(HasReason(rpc::CallUnary(stub, &agency::v1::DisclosureService::Stub::ReadDisclosure, read, absl::Seconds(20)).status(), Reason::kBrokerUnreachable));
  agency::v1::AnswerDisclosureRequest answer;
  answer.set_request_id("answer-001");
  answer.set_number(41);
  *answer.mutable_worker() = SomeWorker();
  answer.mutable_worker()->set_role(type::v1::WORKER_ROLE_AUTHORISING_OFFICER);
  answer.set_answer(type::v1::DISCLOSURE_ANSWER_REFUSED);
  answer.set_ground(type::v1::DISCLOSURE_GROUND_NOT_HELD);
  EXPECT_TRUE(HasReason(rpc::CallUnary(stub, &agency::v1::DisclosureService::Stub::AnswerDisclosure, answer, absl::Seconds(20)).status(), Reason::kBrokerUnreachable));
  agency::v1::InboxService::Stub inbox(channel_);
  const auto today = rpc::CallUnary(inbox, &agency::v1::InboxService::Stub::ListToday, {}, absl::Seconds(20));
  EXPECT_TRUE(today.ok()) << today.status();
  // The same is said of all else that the broker alone can answer.
  agency::v1::CasesService::Stub cases(channel_);
  EXPECT_TRUE(HasReason(rpc::CallUnary(cases, &agency::v1::CasesService::Stub::ListCaseLinks, {}, absl::Seconds(20)).status(), Reason::kBrokerUnreachable));
  agency::v1::DeliveryService::Stub deliveries(channel_);
  EXPECT_TRUE(HasReason(rpc::CallUnary(deliveries, &agency::v1::DeliveryService::Stub::ListAgencyDeadLetters, {}, absl::Seconds(20)).status(), Reason::kBrokerUnreachable));
}

TEST_F(RecordsServiceTest, AnAnswerToAnInspectorThatTheBrokerDoesNotHaveIsAmongWhatWaits) {
  type::v1::DisclosureStatement statement;
  statement.set_request_id("answer-001");
  statement.set_disclosure(41);
  statement.set_agency("idva");
  statement.set_warrant("jtai-north");
  statement.set_inspector("ines");
  statement.set_kind(type::v1::DISCLOSURE_KIND_PERSONS);
  statement.set_answer(type::v1::DISCLOSURE_ANSWER_REFUSED);
  statement.set_ground(type::v1::DISCLOSURE_GROUND_NOT_HELD);
  *statement.mutable_worker() = SomeWorker();
  statement.set_signed_at_ms(absl::ToUnixMillis(clock_.Now()));
  storage::v1::StoredDisclosureAnswer row;
  row.set_request_id(statement.request_id());
  row.mutable_pending()->set_request_id(statement.request_id());
  const auto document = referral::SignDisclosureStatement(statement, runtime_->keys().signing_key);
  ASSERT_TRUE(document.ok()) << document.status();
  *row.mutable_pending()->mutable_statement() = *document;
  storage::Batch batch;
  runtime_->store().Put(batch, agent::kFamilyDisclosure, KeyU64(41), row);
  ASSERT_TRUE(runtime_->store().Commit(batch).ok());
  ASSERT_TRUE(runtime_->disclosures().Load().ok());  // As at a start.
  clock_.Advance(absl::Seconds(1));
  Push("request-1");
  EXPECT_FALSE(runtime_->disclosures().Step().ok());

  agency::v1::OutboxService::Stub stub(channel_);
  const auto page = rpc::CallUnary(stub, &agency::v1::OutboxService::Stub::ListWaiting, {}, absl::Seconds(20));
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->items_size(), 2);
  EXPECT_EQ(page->items(0).kind(), agency::v1::WAITING_KIND_DISCLOSURE_ANSWER);
  EXPECT_EQ(page->items(0).about(), "41");
  EXPECT_EQ(page->items(0).since_ms(), statement.signed_at_ms());
  EXPECT_EQ(page->items(0).reason(), "BROKER_UNREACHABLE");
  EXPECT_EQ(page->items(1).about(), "request-1");
  const auto status = rpc::CallUnary(stub, &agency::v1::OutboxService::Stub::GetServiceStatus, {}, absl::Seconds(20));
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->outbox_waiting(), 1u) << "submissions alone";
  EXPECT_EQ(status->waiting_for().substr(0, 19), "BROKER_UNREACHABLE:");
}

}  // namespace
}  // namespace accord::agent_rpc::records_service_test
