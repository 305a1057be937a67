// The reading and administering services over a whole broker and real connections.
//
// A referral is planted by a command, so that these tests know every entry of it: from the police, in one
// case, released to idva and housing, not yet to health.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/testing_pki.h"
#include "common/ledger/frontier.h"
#include "common/ledger/tlog_proof.h"
#include "common/rpc/client.h"
#include "common/rpc/server.h"
#include "services/broker/api/paging.h"
#include "services/broker/broker.h"
#include "services/broker/broker_services.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/record_command.h"
#include "services/broker/sequencer/testing_command.h"
#include "services/broker/testing_config.h"
#include "services/broker/trails/receipts.h"
#include "services/broker/trails/trail.h"

namespace accord::broker {
namespace {

using crypto::testing::Issued;
using inspection::v1::QueryTrailRequest;
using inspection::v1::QueryTrailResponse;
using inspection::v1::TrailService;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
namespace fs = std::filesystem;

constexpr absl::Duration kTimeout = absl::Seconds(20);
constexpr std::string_view kQueryTrail = "/accord.inspection.v1.TrailService/QueryTrail";
const std::string kDigest(32, 'h');

// One principal's end.
struct Client {
  std::string fingerprint;  // Of its certificate.
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::LedgerService::Stub> ledger;
  std::unique_ptr<inspection::v1::TrailService::Stub> trails;
  std::unique_ptr<admin::v1::DirectoryService::Stub> directory;
  std::unique_ptr<admin::v1::AdminService::Stub> admin;
};

class QueryApiTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(rpc::EnforceTls13().ok()); }

  QueryApiTest() {
    char name[] = "/tmp/accord-query-api-XXXXXX";
    root_ = mkdtemp(name);
    std::string directory;
    for (const std::string agency : {"health", "housing", "idva", "police"}) {
      Write(agency + ".signing.pem", authority_.IssueSigning(agency).certificate.pem());
      Write(agency + ".sealing.pem", authority_.IssueSealing(agency).certificate.pem());
      directory += DirectoryRow(agency, agency);
    }
    Write("directory.toml", directory);
    Write("roots.pem", authority_.pem());
    const Issued tls = authority_.IssueTls("broker/main");
    Write("tls.pem", tls.certificate.pem());
    Write("tls.key", tls.key_pem);
    config_ = MakeTestingConfig(root_, kTestingDirectory);
    EXPECT_EQ(InitBroker(config_, clock_, random_), absl::OkStatus());
    broker_ = *Broker::Open(config_, clock_, random_, metrics_);
    services_ = std::make_unique<BrokerServices>(*broker_, metrics_);
    auto server = rpc::Server::Start(config_.server, services_->all());
    EXPECT_EQ(server.status(), absl::OkStatus());
    server_ = *std::move(server);
    vkey_.emplace(*ledger::Vkey::Parse(broker_->vkey()));
  }
  ~QueryApiTest() override {
    server_->Shutdown(absl::Seconds(5));
    broker_->Shutdown();
    server_.reset();
    fs::remove_all(root_);
  }

  void Write(const std::string& name, const std::string& text) {
    ASSERT_EQ(WriteFileDurably(root_ + "/" + name, text), absl::OkStatus());
  }

  // The client of `principal`, such as "agency/police".
  Client& As(const std::string& principal) {
    Client& client = clients_[principal];
    if (client.channel != nullptr) return client;
    const std::string name = fmt::format("client{}", clients_.size());
    const Issued issued = authority_.IssueTls(principal);
    client.fingerprint = issued.certificate.fingerprint();
    Write(name + ".pem", issued.certificate.pem());
    Write(name + ".key", issued.key_pem);
    client.channel = *rpc::MakeChannel(
        {.target = fmt::format("127.0.0.1:{}", server_->port()),
         .tls = {root_ + "/" + name + ".pem", root_ + "/" + name + ".key", root_ + "/roots.pem"},
         .server_spiffe_id = crypto::testing::SpiffeId("broker/main"),
         .share_connection = false});
    client.ledger = v1::LedgerService::NewStub(client.channel);
    client.trails = inspection::v1::TrailService::NewStub(client.channel);
    client.directory = admin::v1::DirectoryService::NewStub(client.channel);
    client.admin = admin::v1::AdminService::NewStub(client.channel);
    return client;
  }

  absl::Status Run(std::function<absl::Status(CommitContext&)> apply) {
    return RunCommand(broker_->sequencer(), std::move(apply));
  }

  // Calls.
  std::string Checkpoint(const std::string& principal = "agency/police") {
    const auto response =
        rpc::CallUnary(*As(principal).ledger, &v1::LedgerService::Stub::GetCheckpoint, {}, kTimeout);
    EXPECT_EQ(response.status(), absl::OkStatus()) << principal;
    return response.ok() ? response->checkpoint() : "";
  }
  uint64_t TreeSize() { return ledger::VerifyCheckpoint(Checkpoint(), *vkey_)->checkpoint.size; }
  absl::StatusOr<type::v1::Receipt> Receipt(const std::string& principal, uint64_t index) {
    v1::GetReceiptRequest request;
    request.set_index(index);
    ACCORD_ASSIGN_OR_RETURN(
        const auto response,
        rpc::CallUnary(*As(principal).ledger, &v1::LedgerService::Stub::GetReceipt, request, kTimeout));
    return response.receipt();
  }
  absl::StatusOr<std::vector<ledger::Hash>> Prove(uint64_t old_size, uint64_t new_size) {
    v1::ProveConsistencyRequest request;
    request.set_old_size(old_size);
    request.set_new_size(new_size);
    ACCORD_ASSIGN_OR_RETURN(const auto response,
                            rpc::CallUnary(*As("agency/idva").ledger,
                                           &v1::LedgerService::Stub::ProveConsistency, request, kTimeout));
    std::vector<ledger::Hash> path;
    for (const std::string& hash : response.path()) path.push_back(*ledger::ToHash(hash));
    return path;
  }
  absl::StatusOr<std::vector<std::string>> Stream(uint64_t first, uint64_t end) {
    grpc::ClientContext context;
    rpc::SetTimeout(context, kTimeout);
    v1::StreamEntriesRequest request;
    request.set_first(first);
    request.set_end(end);
    const auto reader = As("inspector/ines").ledger->StreamEntries(&context, request);
    v1::StreamEntriesResponse message;
    std::vector<std::string> leaves;
    while (reader->Read(&message)) {
      EXPECT_EQ(message.first(), first + leaves.size());
      EXPECT_GT(message.leaves_size(), 0);
      EXPECT_LE(message.leaves_size(), 256);
      leaves.insert(leaves.end(), message.leaves().begin(), message.leaves().end());
    }
    const grpc::Status status = reader->Finish();
    if (!status.ok()) return rpc::FromGrpc(status);
    return leaves;
  }
  absl::StatusOr<QueryTrailResponse> Query(const std::string& principal, const QueryTrailRequest& request) {
    return rpc::CallUnary(*As(principal).trails, &TrailService::Stub::QueryTrail, request, kTimeout);
  }
  static QueryTrailRequest About(const std::string& referral) {
    QueryTrailRequest request;
    request.set_referral(referral);
    request.set_purpose("audit");
    return request;
  }
  absl::StatusOr<admin::v1::ProposedChange> Propose(const std::string& principal,
                                                    const std::string& request_id,
                                                    const admin::v1::Change& change) {
    admin::v1::ProposeChangeRequest request;
    request.set_request_id(request_id);
    *request.mutable_change() = change;
    ACCORD_ASSIGN_OR_RETURN(const auto response,
                            rpc::CallUnary(*As(principal).admin,
                                           &admin::v1::AdminService::Stub::ProposeChange, request, kTimeout));
    return response.change();
  }
  absl::StatusOr<admin::v1::ProposedChange> Approve(const std::string& principal,
                                                    const std::string& request_id, const std::string& name) {
    admin::v1::ApproveChangeRequest request;
    request.set_request_id(request_id);
    request.set_name(name);
    ACCORD_ASSIGN_OR_RETURN(const auto response,
                            rpc::CallUnary(*As(principal).admin,
                                           &admin::v1::AdminService::Stub::ApproveChange, request, kTimeout));
    return response.change();
  }
  // Both at once, as alice and bob.
  void Change(const admin::v1::Change& change) {
    const std::string id = fmt::format("request-{}", ++requests_);
    const auto proposed = Propose("admin/alice", id, change);
    ASSERT_EQ(proposed.status(), absl::OkStatus());
    ASSERT_EQ(Approve("admin/bob", id, proposed->name()).status(), absl::OkStatus());
  }
  void EnrolInspector() {
    admin::v1::Change change;
    change.mutable_put_officer()->set_id("ines");
    change.mutable_put_officer()->set_inspector(true);
    change.mutable_put_officer()->set_active(true);
    Change(change);
  }

  // What the log says of the entries from `first` on: "EVENT reason method principal". One entry more is
  // written, behind which all that were queued stand.
  std::vector<std::string> EntriesFrom(uint64_t first) {
    uint64_t end = 0;
    EXPECT_EQ(Run([&](CommitContext& context) -> absl::Status {
                EntryDraft draft;
                draft.event.set_type(type::v1::EVENT_TYPE_PREVIEWED);
                ACCORD_ASSIGN_OR_RETURN(std::string chain, PrincipalChain(context, "broker"));
                draft.chains.push_back(std::move(chain));
                ACCORD_ASSIGN_OR_RETURN(end, context.AddEntry(draft));
                return absl::OkStatus();
              }),
              absl::OkStatus());
    std::vector<std::string> entries;
    const auto view = *broker_->sequencer().View();
    for (uint64_t index = first; index < end; ++index) {
      const StoredEntry entry = *ReadEntry(*view, index);
      const std::vector<type::v1::Opening> openings(entry.openings.openings().begin(),
                                                    entry.openings.openings().end());
      const EntryParts parts = *ReadParts(openings);
      entries.push_back(fmt::format("{} {} {} {}", type::v1::EventType_Name(parts.event->type()).substr(11),
                                    parts.event->reason(),
                                    parts.event->method().substr(parts.event->method().rfind('/') + 1),
                                    parts.actor.has_value() ? parts.actor->principal() : ""));
    }
    return entries;
  }

  // The referral of the police, and its entries at first_ … first_ + 4.
  void Plant() {
    ASSERT_EQ(
        Run([&](CommitContext& context) -> absl::Status {
          ACCORD_ASSIGN_OR_RETURN(const CommitContext::NewChain chain, context.OpenChain());
          ACCORD_ASSIGN_OR_RETURN(const CommitContext::NewChain case_chain, context.OpenChain());
          chain_ = chain.pseudonym, case_ = case_chain.pseudonym;
          context.Put(kFamilyCase, case_, storage::v1::StoredCase().SerializeAsString());
          storage::v1::StoredReferral stored;
          stored.set_chain(chain_);
          stored.add_cases(case_);
          const auto add = [&](type::v1::EventType type, const std::string& actor,
                               const std::string& recipient, std::vector<char> sections,
                               bool decided) -> absl::StatusOr<uint64_t> {
            EntryDraft entry;
            entry.chains = {chain_, case_};
            entry.event.set_type(type);
            entry.actor.emplace().set_principal(actor);
            auto& about = entry.referral.emplace();
            about.set_header_digest(kDigest);
            about.set_sender("police");
            about.set_request_id("request-of-police");
            about.set_recipient(recipient);
            for (const char section : sections) about.add_section_digests(std::string(32, section));
            if (decided) {
              entry.decisions.emplace().set_decision_digest(std::string(32, 'd'));
              for (const char* agency : {"idva", "housing", "health"}) {
                entry.decisions->add_decisions()->set_recipient(agency);
              }
            }
            return context.AddEntry(entry);
          };
          ACCORD_ASSIGN_OR_RETURN(
              first_, add(type::v1::EVENT_TYPE_REFERRAL_STORED, "agency/police", "", {'1', '2', '3'}, true));
          ACCORD_RETURN_IF_ERROR(add(type::v1::EVENT_TYPE_RELEASED, "broker", "idva", {'1', '2'}, true));
          ACCORD_RETURN_IF_ERROR(add(type::v1::EVENT_TYPE_DELIVERED, "agency/idva", "idva", {}, false));
          ACCORD_RETURN_IF_ERROR(add(type::v1::EVENT_TYPE_RELEASED, "broker", "housing", {'3'}, true));
          ACCORD_RETURN_IF_ERROR(add(type::v1::EVENT_TYPE_STATEMENT, "agency/idva", "idva", {}, false));
          stored.set_stored_index(first_);
          char id = 'A';
          for (const char* agency : {"idva", "housing", "health"}) {
            auto& recipient = *stored.add_recipients();
            recipient.set_agency(agency);
            recipient.set_delivery_id(std::string(16, id++));
            storage::v1::StoredDelivery delivery;
            delivery.set_agency(agency);
            if (agency != std::string_view("health")) delivery.set_first_released_ms(1);
            context.Put(kFamilyDelivery, recipient.delivery_id(), delivery.SerializeAsString());
          }
          return context.PutSealed(kFamilyReferral, kDigest, chain.slot, stored.SerializeAsString());
        }),
        absl::OkStatus());
  }

  // Every opening is the leaf's and the fields are what the openings say; the leaf is in the log.
  void CheckRows(const QueryTrailResponse& response) {
    for (const auto& row : response.rows()) {
      const auto leaf = ledger::ParseLeaf(row.leaf());
      ASSERT_EQ(leaf.status(), absl::OkStatus());
      EXPECT_EQ(leaf->time_ms, static_cast<uint64_t>(row.time_ms()));
      for (const auto& opening : row.openings()) {
        EXPECT_TRUE(ledger::LeafOpens(*leaf, {opening.label(), opening.salt(), opening.content()}));
      }
      const std::vector<type::v1::Opening> openings(row.openings().begin(), row.openings().end());
      const EntryParts parts = *ReadParts(openings);
      EXPECT_EQ(row.has_event(), parts.event.has_value());
      EXPECT_EQ(row.has_actor(), parts.actor.has_value());
      EXPECT_EQ(row.has_referral(), parts.referral.has_value());
      EXPECT_EQ(row.has_decisions(), parts.decisions.has_value());
      if (row.has_event()) {
        EXPECT_EQ(row.event().SerializeAsString(), parts.event->SerializeAsString());
      }
      const auto verified = ledger::VerifyReceipt(Receipt("admin/alice", row.index())->tlog_proof(), *vkey_);
      ASSERT_EQ(verified.status(), absl::OkStatus());
      EXPECT_EQ(verified->leaf_bytes, row.leaf());
    }
  }
  // "+0 STORED…" for each row: its index from first_, its event, and which parts it has.
  std::vector<std::string> Rows(const QueryTrailResponse& response) {
    std::vector<std::string> rows;
    for (const auto& row : response.rows()) {
      std::string text = fmt::format("+{} {}", row.index() - first_,
                                     type::v1::EventType_Name(row.event().type()).substr(11));
      for (const auto& opening : row.openings()) text += " " + opening.label().substr(0, 1);
      rows.push_back(text);
    }
    return rows;
  }

  std::string root_;
  const crypto::testing::TestAuthority authority_;
  FakeClock clock_{SystemClock().Now()};  // Certificates are made by the machine's clock.
  SystemRandom random_;
  telemetry::Metrics metrics_;
  BrokerConfig config_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<BrokerServices> services_;
  std::unique_ptr<rpc::Server> server_;
  std::optional<ledger::Vkey> vkey_;
  std::map<std::string, Client> clients_;
  int requests_ = 0;
  std::string chain_, case_;
  uint64_t first_ = 0;
};

TEST_F(QueryApiTest, TheLogIsReadAndProvedByAllWhoAreEnrolled) {
  EnrolInspector();
  for (const char* principal : {"agency/police", "agency/idva/inbox", "admin/alice", "inspector/ines"}) {
    EXPECT_EQ(ledger::VerifyCheckpoint(Checkpoint(principal), *vkey_).status(), absl::OkStatus())
        << principal;
  }
  const auto before = ledger::VerifyCheckpoint(Checkpoint(), *vkey_)->checkpoint;
  Plant();
  const auto after = ledger::VerifyCheckpoint(Checkpoint(), *vkey_)->checkpoint;
  ASSERT_EQ(after.size, before.size + 5);

  for (uint64_t index = 0; index < after.size; ++index) {
    for (const char* principal : {"agency/housing", "admin/alice", "inspector/ines"}) {
      const auto receipt = Receipt(principal, index);
      ASSERT_EQ(receipt.status(), absl::OkStatus());
      const auto verified = ledger::VerifyReceipt(receipt->tlog_proof(), *vkey_);
      ASSERT_EQ(verified.status(), absl::OkStatus());
      EXPECT_EQ(verified->index, index);
      EXPECT_EQ(verified->checkpoint.root, after.root);
      for (const auto& opening : receipt->openings()) {
        EXPECT_TRUE(ledger::LeafOpens(verified->leaf, {opening.label(), opening.salt(), opening.content()}));
      }
      if (std::string_view(principal) == "admin/alice") {
        EXPECT_EQ(receipt->openings_size() > 0, index < first_) << "what is administered, and no referral: " << index;
      } else if (index != first_ + 3) {
        EXPECT_EQ(receipt->openings_size(), 0) << principal << index;
      }
    }
  }
  EXPECT_EQ(Receipt("agency/housing", first_ + 3)->openings_size(),
            2);  // Its own release: event and referral.
  EXPECT_EQ(Receipt("inspector/ines", first_ + 3)->openings_size(), 0);
  EXPECT_TRUE(HasReason(Receipt("admin/alice", after.size).status(), Reason::kEntryNotFound));
  EXPECT_TRUE(HasReason(Receipt("admin/alice", UINT64_MAX).status(), Reason::kEntryNotFound));

  EXPECT_EQ(ledger::VerifyConsistency(before.size, after.size, before.root, after.root,
                                      *Prove(before.size, after.size)),
            absl::OkStatus());
  EXPECT_THAT(*Prove(0, after.size), IsEmpty());
  EXPECT_THAT(*Prove(after.size, after.size), IsEmpty());
  EXPECT_TRUE(HasReason(Prove(before.size, after.size + 1).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Prove(after.size, before.size).status(), Reason::kFieldInvalid));

  // All of it were metrics: no entry, not even of what was refused.
  EXPECT_THAT(EntriesFrom(after.size), IsEmpty());
  EXPECT_THAT(
      metrics_.Text(),
      HasSubstr("method=\"/accord.broker.v1.LedgerService/GetReceipt\",reason=\"ENTRY_NOT_FOUND\"} 2"));
}

TEST_F(QueryApiTest, LeavesAreStreamedInBoundedMessages) {
  EnrolInspector();
  ASSERT_EQ(Run([](CommitContext& context) -> absl::Status {
              EntryDraft draft;
              draft.event.set_type(type::v1::EVENT_TYPE_PREVIEWED);
              ACCORD_ASSIGN_OR_RETURN(std::string chain, PrincipalChain(context, "broker"));
              draft.chains.push_back(std::move(chain));
              for (int i = 0; i < 600; ++i) ACCORD_RETURN_IF_ERROR(context.AddEntry(draft));
              return absl::OkStatus();
            }),
            absl::OkStatus());
  const auto checkpoint = ledger::VerifyCheckpoint(Checkpoint(), *vkey_)->checkpoint;
  const auto leaves = Stream(0, 0);
  ASSERT_EQ(leaves.status(), absl::OkStatus());
  ASSERT_EQ(leaves->size(), checkpoint.size);
  ledger::Frontier frontier;
  for (const std::string& leaf : *leaves) frontier.Append(ledger::LeafHash(leaf));
  EXPECT_EQ(frontier.Root(), checkpoint.root);

  const auto some = Stream(250, 520);
  ASSERT_EQ(some.status(), absl::OkStatus());
  EXPECT_TRUE(std::equal(some->begin(), some->end(), leaves->begin() + 250, leaves->begin() + 520));
  EXPECT_THAT(*Stream(7, 7), IsEmpty());
  EXPECT_THAT(*Stream(checkpoint.size, 0), IsEmpty());
  EXPECT_TRUE(HasReason(Stream(0, checkpoint.size + 1).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Stream(8, 7).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Stream(checkpoint.size + 1, 0).status(), Reason::kFieldInvalid));
}

TEST_F(QueryApiTest, ASenderSeesEveryEntryOfItsReferral) {
  Plant();
  const auto response = Query("agency/police", About(kDigest));
  ASSERT_EQ(response.status(), absl::OkStatus());
  CheckRows(*response);
  EXPECT_THAT(Rows(*response),
              ElementsAre("+0 REFERRAL_STORED e a r d", "+1 RELEASED e a r d", "+2 DELIVERED e a r",
                          "+3 RELEASED e a r d", "+4 STATEMENT e a r", "+5 TRAIL_QUERIED e a r"));
  EXPECT_EQ(response->next_page_token(), "");
  EXPECT_THAT(response->case_pseudonyms(), ElementsAre(case_));

  // The query's own entry attests how many there are, and says why it was asked.
  EXPECT_EQ(response->completeness(), "attested");
  const auto& last = *response->rows().rbegin();
  EXPECT_EQ(last.index(), response->query_index());
  EXPECT_EQ(last.event().purpose(), "audit");
  EXPECT_EQ(last.event().method(), kQueryTrail);
  EXPECT_EQ(last.actor().principal(), "agency/police");
  EXPECT_EQ(last.actor().certificate(), As("agency/police").fingerprint);
  EXPECT_EQ(last.referral().header_digest(), kDigest);
  const auto chains = ledger::ParseLeaf(last.leaf())->chains;
  const auto link = std::find_if(chains.begin(), chains.end(),
                                 [&](const auto& chain) { return chain.pseudonym == chain_; });
  ASSERT_NE(link, chains.end());
  EXPECT_EQ(link->sequence, 5u);
  EXPECT_EQ(link->previous_index, first_ + 4);
}

TEST_F(QueryApiTest, ARecipientSeesWhatConcernsItselfAndNoTraceOfOthers) {
  Plant();
  ASSERT_EQ(Query("agency/police", About(kDigest)).status(), absl::OkStatus());
  const auto idva = Query("agency/idva", About(kDigest));
  ASSERT_EQ(idva.status(), absl::OkStatus());
  CheckRows(*idva);
  EXPECT_THAT(Rows(*idva), ElementsAre("+1 RELEASED e r", "+2 DELIVERED e a r", "+4 STATEMENT e a r",
                                       "+6 TRAIL_QUERIED e a r"));
  EXPECT_THAT(idva->case_pseudonyms(), IsEmpty());
  EXPECT_EQ(idva->query_index(), first_ + 6);
  for (const std::string& trace :
       {std::string("housing"), std::string("health"), std::string(32, '3'), std::string(32, 'd')}) {
    EXPECT_THAT(idva->SerializeAsString(), Not(HasSubstr(trace)));
  }
  const auto housing = Query("agency/housing", About(kDigest));
  ASSERT_EQ(housing.status(), absl::OkStatus());
  EXPECT_THAT(Rows(*housing), ElementsAre("+3 RELEASED e r", "+7 TRAIL_QUERIED e a r"));
  EXPECT_THAT(housing->SerializeAsString(), Not(HasSubstr("idva")));

  // The sender sees who looked.
  const auto rows = Rows(*Query("agency/police", About(kDigest)));
  EXPECT_THAT(rows, ::testing::Contains("+7 TRAIL_QUERIED e a r"));
}

TEST_F(QueryApiTest, NobodyElseLearnsThatAReferralIsThere) {
  EnrolInspector();
  Plant();
  const uint64_t size = TreeSize();
  const absl::Status absent = Query("agency/police", About(std::string(32, 'x'))).status();
  EXPECT_TRUE(HasReason(absent, Reason::kNotPermitted));
  // Health is named, and nothing was released to it.
  EXPECT_EQ(Query("agency/health", About(kDigest)).status(), absent);
  // An inspector without a warrant hears that alone, whether it is there or not.
  EXPECT_TRUE(HasReason(Query("inspector/ines", About(kDigest)).status(), Reason::kNotPermitted));
  QueryTrailRequest request;
  request.set_case_pseudonym(case_);
  EXPECT_EQ(Query("agency/police", request).status(), absent);
  EXPECT_TRUE(HasReason(Query("inspector/ines", request).status(), Reason::kNotPermitted));
  request.set_agency("police");
  EXPECT_EQ(Query("agency/police", request).status(), absent);
  EXPECT_TRUE(
      HasReason(Query("admin/alice", About(std::string(32, 'x'))).status(), Reason::kReferralNotFound));

  EXPECT_THAT(EntriesFrom(size), ElementsAre("REFUSED NOT_PERMITTED QueryTrail agency/police",
                                             "REFUSED NOT_PERMITTED QueryTrail agency/health",
                                             "REFUSED NOT_PERMITTED QueryTrail inspector/ines",
                                             "REFUSED NOT_PERMITTED QueryTrail agency/police",
                                             "REFUSED NOT_PERMITTED QueryTrail inspector/ines",
                                             "REFUSED NOT_PERMITTED QueryTrail agency/police",
                                             "REFUSED REFERRAL_NOT_FOUND QueryTrail admin/alice"));
}

TEST_F(QueryApiTest, AnAdministratorAsksForReferralsCasesAndAgencies) {
  Plant();
  EXPECT_EQ(Query("admin/alice", About(kDigest))->rows_size(), 6);
  QueryTrailRequest request;
  request.set_case_pseudonym(case_);
  const auto by_case = Query("admin/alice", request);
  ASSERT_EQ(by_case.status(), absl::OkStatus());
  CheckRows(*by_case);
  EXPECT_THAT(Rows(*by_case), ElementsAre("+0 REFERRAL_STORED e a r d", "+1 RELEASED e a r d",
                                          "+2 DELIVERED e a r", "+3 RELEASED e a r d", "+4 STATEMENT e a r",
                                          "+5 TRAIL_QUERIED e a r", "+6 TRAIL_QUERIED e a"));
  request.set_case_pseudonym(std::string(16, 'x'));
  EXPECT_TRUE(HasReason(Query("admin/alice", request).status(), Reason::kEntryNotFound));
  request.set_case_pseudonym(chain_);  // A chain, and no case.
  EXPECT_TRUE(HasReason(Query("admin/alice", request).status(), Reason::kEntryNotFound));

  // An agency's own chain, also when it has none yet.
  QueryTrailRequest about_agency;
  about_agency.set_agency("health");
  const auto fresh = Query("admin/alice", about_agency);
  ASSERT_EQ(fresh.status(), absl::OkStatus());
  ASSERT_EQ(fresh->rows_size(), 1);
  EXPECT_EQ(fresh->rows(0).event().type(), type::v1::EVENT_TYPE_TRAIL_QUERIED);
  EXPECT_EQ(fresh->rows(0).index(), fresh->query_index());
  EXPECT_TRUE(HasReason(Query("agency/health", About(kDigest)).status(), Reason::kNotPermitted));
  const auto refused = Query("admin/alice", about_agency);
  ASSERT_EQ(refused.status(), absl::OkStatus());
  ASSERT_EQ(refused->rows_size(), 3);
  EXPECT_EQ(refused->rows(1).event().reason(), "NOT_PERMITTED");
  EXPECT_EQ(refused->rows(1).actor().principal(), "agency/health");
  CheckRows(*refused);
  about_agency.set_agency("nobody");
  EXPECT_TRUE(HasReason(Query("admin/alice", about_agency).status(), Reason::kEntryNotFound));
}

TEST_F(QueryApiTest, ATrailIsTurnedPageByPageUnderOneEntry) {
  Plant();
  QueryTrailRequest request = About(kDigest);
  request.set_page_size(2);
  std::vector<std::string> rows;
  std::vector<std::string> tokens;
  uint64_t query_index = 0;
  do {
    const auto page = Query("agency/police", request);
    ASSERT_EQ(page.status(), absl::OkStatus());
    EXPECT_LE(page->rows_size(), 2);
    if (query_index == 0) query_index = page->query_index();
    EXPECT_EQ(page->query_index(), query_index);
    for (const std::string& row : Rows(*page)) rows.push_back(row.substr(0, 2));
    tokens.push_back(page->next_page_token());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(rows, ElementsAre("+0", "+1", "+2", "+3", "+4", "+5"));
  EXPECT_EQ(TreeSize(), first_ + 6) << "one entry";

  // A token is good for its asker, its trail and its hour, and a forged one leads to no entry of another's.
  const auto refused = [&](const std::string& principal, QueryTrailRequest with, const std::string& token) {
    with.set_page_token(token);
    return HasReason(Query(principal, with).status(), Reason::kPageTokenInvalid);
  };
  EXPECT_TRUE(refused("agency/idva", About(kDigest), tokens[0]));
  EXPECT_TRUE(refused("agency/police", About(std::string(32, 'x')), tokens[0]));
  EXPECT_TRUE(refused("agency/police", About(kDigest), "next"));
  const auto forged = [](const std::string& query, uint64_t index) { return MakePageToken(query, ByteWriter().U64(index).U64(0).bytes()); };
  const std::string idva = PageQuery(kQueryTrail, {"agency/idva", "0", kDigest, ""});
  EXPECT_FALSE(refused("agency/idva", About(kDigest), forged(idva, Query("agency/idva", About(kDigest))->query_index()))) << "this is how one is made";
  for (const uint64_t index : {query_index, first_ + 2, first_ + 4, uint64_t{0}, uint64_t{1} << 40}) {
    EXPECT_TRUE(refused("agency/idva", About(kDigest), forged(idva, index))) << index;
  }
  EXPECT_TRUE(refused("agency/idva", About(kDigest), MakePageToken(idva, "short")));
  QueryTrailRequest about_agency;
  about_agency.set_agency("health");
  const uint64_t other =
      Query("admin/alice", about_agency)->query_index();  // Its own query, of another chain.
  EXPECT_TRUE(refused("admin/alice", About(kDigest), forged(PageQuery(kQueryTrail, {"admin/alice", "0", kDigest, ""}), other)));
  // Nor is the case to be had by a question about its referral, or by a filter, which stand on its chain and are told to others.
  QueryTrailRequest about_case, filtered;
  about_case.set_case_pseudonym(case_);
  filtered.mutable_filter()->add_case_pseudonyms(case_);
  const std::string alices = PageQuery(kQueryTrail, {"admin/alice", "1", case_, ""});
  EXPECT_FALSE(refused("admin/alice", about_case, forged(alices, Query("admin/alice", about_case)->query_index())));
  for (const QueryTrailRequest& another : {About(kDigest), filtered}) {
    EXPECT_TRUE(refused("admin/alice", about_case, forged(alices, Query("admin/alice", another)->query_index()))) << another.ShortDebugString();
  }
  request.set_page_token(tokens[0]);
  EXPECT_EQ(Query("agency/police", request)->rows_size(), 2);
  clock_.Advance(kTrailQueryLife + absl::Seconds(1));
  EXPECT_TRUE(refused("agency/police", About(kDigest), tokens[0]));
}

TEST_F(QueryApiTest, ATrailsQuestionMustBeWellFormed) {
  Plant();
  const auto invalid = [&](const QueryTrailRequest& request, Reason reason, const std::string& field) {
    const absl::Status status = Query("admin/alice", request).status();
    EXPECT_TRUE(HasReason(status, reason)) << status;
    EXPECT_EQ(DetailOf(status).metadata["field"], field);
  };
  invalid({}, Reason::kFieldMissing, "about");
  invalid(About("short"), Reason::kFieldInvalid, "referral");
  QueryTrailRequest request;
  request.set_case_pseudonym("short");
  invalid(request, Reason::kFieldInvalid, "case_pseudonym");
  request.set_agency("No Agency");
  invalid(request, Reason::kFieldInvalid, "agency");
  request = About(kDigest);
  request.set_purpose(std::string(65, 'p'));
  invalid(request, Reason::kFieldInvalid, "purpose");
  request.set_purpose("Jane Doe of 1 High Street");
  invalid(request, Reason::kFieldInvalid, "purpose");
  request.set_purpose(std::string(64, 'p'));
  for (const int size : {-1, 501}) {
    request.set_page_size(size);
    invalid(request, Reason::kFieldInvalid, "page_size");
  }
  request.set_page_size(500);
  EXPECT_EQ(Query("admin/alice", request).status(), absl::OkStatus());
}

TEST_F(QueryApiTest, TheDirectoryIsListedPageByPage) {
  const auto list = [&](int size, const std::string& token, const std::string& principal = "agency/idva") {
    admin::v1::ListAgenciesRequest request;
    request.set_page_size(size);
    request.set_page_token(token);
    return rpc::CallUnary(*As(principal).directory, &admin::v1::DirectoryService::Stub::ListAgencies, request,
                          kTimeout);
  };
  const auto ids = [](const auto& response) {
    std::vector<std::string> found;
    for (const auto& agency : response->agencies()) found.push_back(agency.id());
    return found;
  };
  const auto all = list(0, "");
  ASSERT_EQ(all.status(), absl::OkStatus());
  EXPECT_THAT(ids(all), ElementsAre("health", "housing", "idva", "police"));
  EXPECT_EQ(all->next_page_token(), "");
  EXPECT_EQ(all->directory_epoch(), broker_->directory().Get()->epoch());
  EXPECT_EQ(all->agencies(2).sealing_certificate(),
            broker_->directory().Get()->FindAgency("idva")->agency.sealing_certificate());
  EXPECT_EQ(list(4, "")->next_page_token(), "") << "as many as there are";
  const auto first = list(3, "");
  EXPECT_THAT(ids(first), ElementsAre("health", "housing", "idva"));
  const auto second = list(3, first->next_page_token());
  EXPECT_THAT(ids(second), ElementsAre("police"));
  EXPECT_EQ(second->next_page_token(), "");

  const uint64_t size = TreeSize();
  EXPECT_EQ(list(500, "").status(), absl::OkStatus());
  EXPECT_TRUE(HasReason(list(501, "").status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(list(3, "idva").status(), Reason::kPageTokenInvalid));
  EXPECT_THAT(EntriesFrom(size), ElementsAre("REFUSED FIELD_INVALID ListAgencies agency/idva",
                                             "REFUSED PAGE_TOKEN_INVALID ListAgencies agency/idva"));
}

TEST_F(QueryApiTest, AChangeTakesTwoAdministrators) {
  admin::v1::Change change;
  *change.mutable_put_agency()->mutable_agency() = broker_->directory().Get()->FindAgency("idva")->agency;
  change.mutable_put_agency()->mutable_agency()->set_display_name("Northshire Idva");
  const uint64_t size = TreeSize();
  const auto proposed = Propose("admin/alice", "request-1", change);
  ASSERT_EQ(proposed.status(), absl::OkStatus());
  EXPECT_EQ(proposed->proposed_by(), "alice");
  EXPECT_EQ(proposed->approved_by(), "");
  EXPECT_EQ(proposed->change().SerializeAsString(), change.SerializeAsString());
  EXPECT_EQ(broker_->directory().Get()->FindAgency("idva")->agency.display_name(), "") << "not in force";
  EXPECT_EQ(Propose("admin/alice", "request-1", change)->name(), proposed->name()) << "a repeat";
  EXPECT_TRUE(
      HasReason(Approve("admin/alice", "request-2", proposed->name()).status(), Reason::kSelfApproval));
  const auto approved = Approve("admin/bob", "request-1", proposed->name());
  ASSERT_EQ(approved.status(), absl::OkStatus());
  EXPECT_EQ(approved->approved_by(), "bob");
  EXPECT_EQ(broker_->directory().Get()->FindAgency("idva")->agency.display_name(), "Northshire Idva");
  EXPECT_TRUE(
      HasReason(Approve("admin/bob", "request-2", proposed->name()).status(), Reason::kTransitionIllegal));

  change.mutable_put_agency()->mutable_agency()->set_display_name("Other");
  EXPECT_TRUE(HasReason(Propose("admin/alice", "request-1", change).status(), Reason::kRequestIdReused));
  EXPECT_TRUE(HasReason(Propose("admin/alice", "", change).status(), Reason::kFieldMissing));
  EXPECT_TRUE(HasReason(Propose("admin/alice", "short", change).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Propose("admin/alice", "request-3", {}).status(), Reason::kFieldMissing));
  EXPECT_TRUE(HasReason(Approve("admin/bob", "request-3", "changes/99").status(), Reason::kChangeNotFound));
  for (const char* name : {"", "99", "changes/", "changes/01", "changes/-1", "changes/1x"}) {
    EXPECT_EQ(Approve("admin/bob", "request-3", name).status().code(), absl::StatusCode::kInvalidArgument)
        << name;
  }
  EXPECT_TRUE(HasReason(Propose("agency/idva", "request-1", change).status(), Reason::kRoleNotAllowed));
  EXPECT_TRUE(
      HasReason(Approve("agency/idva", "request-1", proposed->name()).status(), Reason::kRoleNotAllowed));
  const auto entries = EntriesFrom(size);
  EXPECT_THAT(std::vector<std::string>(entries.begin(), entries.begin() + 5),
              ElementsAre("CHANGE_PROPOSED   admin/alice", "REFUSED SELF_APPROVAL ApproveChange admin/alice",
                          "CHANGE_APPROVED   admin/bob", "REFUSED TRANSITION_ILLEGAL ApproveChange admin/bob",
                          "REFUSED REQUEST_ID_REUSED ProposeChange admin/alice"));
  EXPECT_THAT(entries, ::testing::Contains("REFUSED ROLE_NOT_ALLOWED ProposeChange agency/idva"));

  // The newest first, page by page.
  const auto list = [&](int page_size, const std::string& token) {
    admin::v1::ListChangesRequest request;
    request.set_page_size(page_size);
    request.set_page_token(token);
    return rpc::CallUnary(*As("admin/bob").admin, &admin::v1::AdminService::Stub::ListChanges, request,
                          kTimeout);
  };
  std::vector<std::string> names;
  const auto all = list(0, "");
  ASSERT_EQ(all.status(), absl::OkStatus());
  for (const auto& row : all->changes()) names.push_back(row.name());
  ASSERT_GE(names.size(), 1u);
  EXPECT_EQ(names[0], proposed->name());
  EXPECT_EQ(all->changes(0).approved_by(), "bob");
  change.mutable_put_agency()->mutable_agency()->set_display_name("Third");
  const auto next = Propose("admin/bob", "request-9", change);
  const auto first = list(1, "");
  ASSERT_EQ(first->changes_size(), 1);
  EXPECT_EQ(first->changes(0).name(), next->name());
  const auto second = list(1, first->next_page_token());
  ASSERT_EQ(second->changes_size(), 1);
  EXPECT_EQ(second->changes(0).name(), proposed->name());
  EXPECT_TRUE(HasReason(list(501, "").status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(
      list(1, MakePageToken(PageQuery("/accord.admin.v1.AdminService/ListChanges", {}), "x")).status(),
      Reason::kPageTokenInvalid));
}

TEST_F(QueryApiTest, WhoMayNotCallIsToldWhyAndRecorded) {
  EXPECT_NE(Checkpoint("agency/police"), "");
  admin::v1::Change change;
  change.mutable_deny_key()->set_digest(As("agency/police").fingerprint);
  Change(change);
  const uint64_t size = ledger::VerifyCheckpoint(Checkpoint("agency/idva"), *vkey_)->checkpoint.size;
  const auto checkpoint = [&](const std::string& principal) {
    return rpc::CallUnary(*As(principal).ledger, &v1::LedgerService::Stub::GetCheckpoint, {}, kTimeout)
        .status();
  };
  EXPECT_TRUE(HasReason(checkpoint("agency/police"), Reason::kCertificateDenied))
      << "on the connection that was open";
  EXPECT_TRUE(HasReason(checkpoint("agency/stranger"), Reason::kPrincipalUnknown));
  EXPECT_TRUE(HasReason(checkpoint("inspector/idva"), Reason::kPrincipalUnknown));
  EXPECT_TRUE(HasReason(checkpoint("broker/other"), Reason::kPrincipalUnknown));
  EXPECT_TRUE(HasReason(Query("agency/police", About(kDigest)).status(), Reason::kCertificateDenied));
  admin::v1::ListChangesRequest changes;
  EXPECT_TRUE(HasReason(
      rpc::CallUnary(*As("agency/idva").admin, &admin::v1::AdminService::Stub::ListChanges, changes, kTimeout)
          .status(),
      Reason::kRoleNotAllowed));
  grpc::ClientContext context;
  rpc::SetTimeout(context, kTimeout);
  v1::StreamEntriesResponse message;
  const auto reader = As("agency/police").ledger->StreamEntries(&context, {});
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_TRUE(HasReason(rpc::FromGrpc(reader->Finish()), Reason::kCertificateDenied));
  EXPECT_THAT(EntriesFrom(size), ElementsAre("REFUSED CERTIFICATE_DENIED GetCheckpoint agency/police",
                                             "REFUSED PRINCIPAL_UNKNOWN GetCheckpoint unknown",
                                             "REFUSED PRINCIPAL_UNKNOWN GetCheckpoint unknown",
                                             "REFUSED PRINCIPAL_UNKNOWN GetCheckpoint unknown",
                                             "REFUSED CERTIFICATE_DENIED QueryTrail agency/police",
                                             "REFUSED ROLE_NOT_ALLOWED ListChanges agency/idva",
                                             "REFUSED CERTIFICATE_DENIED StreamEntries agency/police"));
}

TEST_F(QueryApiTest, WhatIsForInspectorsIsRefusedToOthersBeforeItIsRead) {
  EnrolInspector();
  for (const auto& [principal, reason] :
       {std::pair("inspector/ines", Reason::kFieldMissing), {"agency/idva", Reason::kRoleNotAllowed}}) {
    grpc::ClientContext context;
    rpc::SetTimeout(context, kTimeout);
    inspection::v1::ExportBundleResponse message;
    const auto reader = As(principal).trails->ExportBundle(&context, {});
    EXPECT_FALSE(reader->Read(&message));
    EXPECT_TRUE(HasReason(rpc::FromGrpc(reader->Finish()), reason)) << principal;
    const absl::Status disclosure = rpc::CallUnary(*As(principal).trails, &TrailService::Stub::RequestDisclosure, {}, kTimeout).status();
    EXPECT_TRUE(HasReason(disclosure, reason)) << principal;
  }
}

}  // namespace
}  // namespace accord::broker
