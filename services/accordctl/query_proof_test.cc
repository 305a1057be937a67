// Goal: an answer is printed only when its question is an entry of the log that the configured key signs; the connection of an agency is tested
// and not only looked at; who is shut out is told.
//
// Method: accordctl is run whole against a broker in this process that keeps a log of its own and lies as it is told to.
#include "services/accordctl/query_proof.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "accord/admin/v1/audit_service.grpc.pb.h"
#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "accord/inspection/v1/warrant_service.grpc.pb.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/frontier.h"
#include "common/ledger/merkle.h"
#include "common/ledger/tlog_proof.h"
#include "services/accordctl/program.h"

namespace accord::accordctl::query_proof_test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using type::v1::EntryEvent;

constexpr char kOrigin[] = "accord.example/test";

constexpr int64_t kLaterMs = 4'000'000'000'000, kBeforeMs = 1'700'000'000'000;  // Than any run of this test.

// Entries with two openings each, event and actor.
class TestLog {
 public:
  uint64_t Append(const EntryEvent& event, const std::string& principal, int64_t time_ms = kLaterMs) {
    const uint64_t index = leaves_.size();
    type::v1::EntryActor actor;
    actor.set_principal(principal);
    const std::vector<crypto::Opening> openings = {crypto::MakeOpening(random_, "event", event.SerializeAsString()),
                                                   crypto::MakeOpening(random_, "actor", actor.SerializeAsString())};
    leaves_.push_back(ledger::EncodeLeaf(
        ledger::MakeLeaf(kOrigin, static_cast<uint64_t>(time_ms), {{std::string(16, 'p'), index, index == 0 ? ledger::kNoPreviousIndex : index - 1}}, openings, random_)));
    times_.push_back(time_ms);
    auto& all = openings_.emplace_back();
    for (const crypto::Opening& opening : openings) {
      auto& kept = all.emplace_back();
      kept.set_label(opening.label);
      kept.set_salt(opening.salt);
      kept.set_content(opening.content);
    }
    return index;
  }
  void TakeLastBack() {
    leaves_.pop_back();
    times_.pop_back();
    openings_.pop_back();
  }
  uint64_t size() const { return leaves_.size(); }
  std::string Checkpoint(uint64_t of) const {
    ledger::Frontier frontier;
    for (uint64_t index = 0; index < of; ++index) frontier.Append(ledger::LeafHash(leaves_[index]));
    return ledger::SignCheckpoint({kOrigin, of, frontier.Root()}, foreign_key ? stranger_ : signer_);
  }
  // Of another log of this size.
  std::string ForkedCheckpoint() const { return ledger::SignCheckpoint({kOrigin, size(), ledger::LeafHash("another")}, signer_); }
  absl::StatusOr<ledger::Hash> Node(int level, uint64_t at) const {
    if (level == 0) return ledger::LeafHash(leaves_[at]);
    return ledger::NodeHash(*Node(level - 1, 2 * at), *Node(level - 1, 2 * at + 1));
  }
  ledger::Path Consistency(uint64_t old_size, uint64_t new_size) const {
    return *ledger::ProveConsistency(old_size, new_size, [this](int level, uint64_t at) { return Node(level, at); });
  }
  type::v1::Receipt Receipt(uint64_t index) const {
    type::v1::Receipt receipt;
    const auto path = ledger::ProveInclusion(index, size(), [this](int level, uint64_t at) { return Node(level, at); });
    receipt.set_tlog_proof(ledger::FormatTlogProof({leaves_.at(index), index, *path, Checkpoint(size())}));
    if (opens) receipt.mutable_openings()->Assign(openings_.at(index).begin(), openings_.at(index).end());
    return receipt;
  }
  inspection::v1::TrailRow Row(uint64_t index) const {
    inspection::v1::TrailRow row;
    row.set_index(index);
    row.set_leaf(leaves_.at(index));
    row.set_time_ms(times_.at(index));
    if (opens) row.mutable_openings()->Assign(openings_.at(index).begin(), openings_.at(index).end());
    return row;
  }
  std::string vkey() const { return ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, signer_.verifier()).ToString(); }

  bool opens = true;         // Receipts and rows have the openings.
  bool foreign_key = false;  // Checkpoints are signed by somebody else's key.

 private:
  FakeRandom random_{5};
  const crypto::Ed25519Signer signer_ = *crypto::Ed25519Signer::FromSeed(std::string(32, 's'));
  const crypto::Ed25519Signer stranger_ = *crypto::Ed25519Signer::FromSeed(std::string(32, 't'));
  std::vector<std::string> leaves_;
  std::vector<int64_t> times_;
  std::vector<std::vector<type::v1::Opening>> openings_;
};

// kOldCheckpoint: the log of before is shown as it was before the same question was asked the last time. kForked: it was another log.
enum class Lie { kNone, kOlderEntry, kOldCheckpoint, kOtherRequest, kOtherEvent, kOtherCaller, kBeyondTheLog, kForked };

// What the services have in common.
struct TestBroker {
  TestBroker() {
    for (uint64_t i = 0; i < kBegun; ++i) log.Append(EntryEvent(), "broker");
  }
  // The entry that the answer names.
  template <typename Request>
  uint64_t Record(type::v1::EventType type, Request request) {
    if constexpr (requires { request.clear_page_size(); }) {
      request.clear_page_size();
      request.clear_page_token();
    }
    EntryEvent event;
    event.set_type(lie == Lie::kOtherEvent ? type::v1::EVENT_TYPE_REFERRAL_READ : type);
    bool of_one_thing = false;  // A trail, whose chain says what of.
    if constexpr (requires { request.has_filter(); }) of_one_thing = !request.has_filter();
    if (!of_one_thing) event.set_query_digest(crypto::Sha256(lie == Lie::kOtherRequest ? "another" : request.SerializeAsString()));
    if (lie == Lie::kOlderEntry || lie == Lie::kOldCheckpoint) {
      if (older == 0) older = log.Append(event, kCaller, lie == Lie::kOldCheckpoint ? kBeforeMs : kLaterMs);
      return older;
    }
    const uint64_t index = log.Append(event, lie == Lie::kOtherCaller ? "admin/bob" : kCaller);
    return lie == Lie::kBeyondTheLog ? index + 1 : index;
  }
  void Answer(uint64_t index, inspection::v1::Table& table) {
    table.set_title("What was asked");
    table.add_columns()->set_name("agency");
    table.add_rows()->add_cells("the-row-itself");
    table.set_completeness("attested");
    table.set_query_index(index);
    table.set_tree_size(index);
  }
  static constexpr uint64_t kBegun = 5;
  static constexpr char kCaller[] = "admin/alice";
  TestLog log;
  Lie lie = Lie::kNone;
  uint64_t older = 0;  // Of the same question, asked before.
  uint64_t receipts = 0;  // Given.
  bool grows = false;     // By an entry before each of them.
  bool forks = false;     // Each is under a tree of its own, all of one size: they end with another entry.
  bool forked = false;    // It was, of this question.
  std::map<uint64_t, uint64_t> linked;  // By the size of a tree, that of the one last shown to be its beginning.
};

struct TestLedger final : broker::v1::LedgerService::Service {
  explicit TestLedger(TestBroker& broker) : broker(broker) {}
  grpc::Status GetCheckpoint(grpc::ServerContext*, const broker::v1::GetCheckpointRequest*, broker::v1::GetCheckpointResponse* response) override {
    response->set_checkpoint(broker.lie == Lie::kForked ? broker.log.ForkedCheckpoint()
                                                        : broker.log.Checkpoint(broker.lie == Lie::kOldCheckpoint ? TestBroker::kBegun : broker.log.size()));
    return grpc::Status::OK;
  }
  grpc::Status ProveConsistency(grpc::ServerContext*, const broker::v1::ProveConsistencyRequest* request, broker::v1::ProveConsistencyResponse* response) override {
    broker.linked[request->new_size()] = request->old_size();
    for (const ledger::Hash& hash : broker.log.Consistency(request->old_size(), request->new_size())) response->add_path(std::string(ledger::View(hash)));
    return grpc::Status::OK;
  }
  grpc::Status GetReceipt(grpc::ServerContext*, const broker::v1::GetReceiptRequest* request, broker::v1::GetReceiptResponse* response) override {
    if (request->index() >= broker.log.size()) return {grpc::StatusCode::NOT_FOUND, "no such entry"};
    ++broker.receipts;
    if (broker.grows) broker.log.Append(EntryEvent(), "broker");
    if (broker.forks) {
      if (std::exchange(broker.forked, true)) broker.log.TakeLastBack();
      EntryEvent after;
      after.set_purpose(std::to_string(request->index()));
      broker.log.Append(after, "broker");
    }
    *response->mutable_receipt() = broker.log.Receipt(request->index());
    return grpc::Status::OK;
  }
  TestBroker& broker;
};

struct TestTrails final : inspection::v1::TrailService::Service {
  explicit TestTrails(TestBroker& broker) : broker(broker) {}
  grpc::Status AskQuestion(grpc::ServerContext*, const inspection::v1::AskQuestionRequest* request, inspection::v1::AskQuestionResponse* response) override {
    broker.Answer(broker.Record(type::v1::EVENT_TYPE_QUESTION_ASKED, *request), *response->mutable_table());
    return grpc::Status::OK;
  }
  grpc::Status DrawSample(grpc::ServerContext*, const inspection::v1::DrawSampleRequest* request, inspection::v1::DrawSampleResponse* response) override {
    drawn = *request;
    response->set_query_index(broker.Record(type::v1::EVENT_TYPE_SAMPLE_DRAWN, *request));
    broker.Answer(response->query_index(), *response->mutable_table());
    return grpc::Status::OK;
  }
  grpc::Status QueryTrail(grpc::ServerContext*, const inspection::v1::QueryTrailRequest* request, inspection::v1::QueryTrailResponse* response) override {
    const uint64_t index = broker.Record(type::v1::EVENT_TYPE_TRAIL_QUERIED, *request);
    response->set_completeness("attested");
    response->set_query_index(index);
    *response->add_rows() = broker.log.Row(2);
    *response->add_rows() = broker.log.Row(3);
    if (index < broker.log.size()) *response->add_rows() = broker.log.Row(index);
    return grpc::Status::OK;
  }
  TestBroker& broker;
  inspection::v1::DrawSampleRequest drawn;
};

struct TestAudits final : admin::v1::AuditService::Service {
  explicit TestAudits(TestBroker& broker) : broker(broker) {}
  grpc::Status AuditSharing(grpc::ServerContext*, const admin::v1::AuditSharingRequest* request, admin::v1::AuditSharingResponse* response) override {
    broker.Answer(broker.Record(type::v1::EVENT_TYPE_SHARING_AUDITED, *request), *response->mutable_table());
    return grpc::Status::OK;
  }
  TestBroker& broker;
};

// An agency that calls at the look numbered `calls_at`.
struct TestAdmin final : admin::v1::AdminService::Service {
  grpc::Status CheckConnection(grpc::ServerContext*, const admin::v1::CheckConnectionRequest*, admin::v1::CheckConnectionResponse* response) override {
    response->set_last_call_ms(++looks < calls_at ? 1'800'000'000'000 : 1'800'000'001'000);
    return grpc::Status::OK;
  }
  grpc::Status ListOfficers(grpc::ServerContext*, const admin::v1::ListOfficersRequest* request, admin::v1::ListOfficersResponse* response) override {
    officers_as_at_ms = request->as_at_ms();
    for (const char* id : {"audrey", "bob"}) {
      auto& officer = *response->add_officers();
      officer.set_id(id);
      officer.set_suspended(officer.id() == "audrey");
    }
    return grpc::Status::OK;
  }
  int looks = 0, calls_at = 1'000;
  int64_t officers_as_at_ms = 0;
};

struct TestAgencies final : admin::v1::DirectoryService::Service {
  grpc::Status ListAgencies(grpc::ServerContext*, const admin::v1::ListAgenciesRequest*, admin::v1::ListAgenciesResponse* response) override {
    for (const char* id : {"housing", "police"}) {
      auto& agency = *response->add_agencies();
      agency.set_id(id);
      agency.set_active(true);
      agency.set_suspended(agency.id() == "housing");
    }
    return grpc::Status::OK;
  }
};

// A warrant as it stands, then an officer who is shut out.
struct TestWarrants final : inspection::v1::WarrantService::Service {
  grpc::Status WatchWarrants(grpc::ServerContext*, const inspection::v1::WatchWarrantsRequest*, grpc::ServerWriter<inspection::v1::WatchWarrantsResponse>* writer) override {
    if (++streams == ends_for_good_at) return {grpc::StatusCode::UNAUTHENTICATED, "shut out"};
    inspection::v1::WatchWarrantsResponse response;
    response.mutable_warrant()->set_id("jtai-1");
    writer->Write(response);
    response.Clear();
    response.mutable_shut_out()->set_officer("omar");
    response.mutable_shut_out()->set_suspended(true);
    response.mutable_shut_out()->set_reason("SUSPENSION_REASON_MISUSE");
    writer->Write(response);
    return ends_for_good_at == 0 ? grpc::Status::OK : grpc::Status(grpc::StatusCode::UNAVAILABLE, "going down");
  }
  int streams = 0, ends_for_good_at = 0;
};

class QueryProofTest : public ::testing::Test {
 protected:
  QueryProofTest() {
    std::string name = (fs::temp_directory_path() / "accordctl-proof-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    std::ofstream(directory_ / "tls") << "-";
    std::ofstream(directory_ / "vkey") << broker_.log.vkey() << "\n";
    const std::string officer = "certificate = \"tls\"\nprivate_key = \"tls\"\nroots = \"tls\"\n";
    std::ofstream(directory_ / "accordctl.toml") << "[broker]\naddress = \"127.0.0.1:1\"\nspiffe_id = \"spiffe://accord.test/broker/x\"\nlog_vkey = \"vkey\"\n"
                                                 << "[[admin]]\nid = \"alice\"\n" << officer << "[[inspector]]\nid = \"ines\"\n" << officer;
    grpc::ServerBuilder builder;
    for (grpc::Service* service : std::vector<grpc::Service*>{&ledger_, &trails_, &audits_, &admin_, &agencies_, &warrants_}) builder.RegisterService(service);
    server_ = builder.BuildAndStart();
  }
  ~QueryProofTest() override {
    server_->Shutdown();
    fs::remove_all(directory_);
  }

  int Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--config", (directory_ / "accordctl.toml").string()});
    std::vector<const char*> argv = {"accordctl"};
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    FakeRandom random(1);
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int status = RunAccordctl(static_cast<int>(argv.size()), argv.data(), random,
                                    [this](const rpc::ChannelOptions&) { return server_->InProcessChannel(grpc::ChannelArguments()); });
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return status;
  }
  nlohmann::json Told(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    EXPECT_EQ(Run(arguments), kDone) << err_;
    return nlohmann::json::parse(out_, nullptr, false);
  }

  // Everything that is answered with a table or rows, and whose question is an entry.
  const std::vector<std::vector<std::string>> recorded_ = {
      {"--as", "admin/alice", "question", "ask", "7", "--from", "2026-01-01", "--until", "2027-01-01"},
      {"--as", "admin/alice", "sample", "draw", "--size", "3", "--from", "2026-01-01", "--until", "2027-01-01"},
      {"--as", "admin/alice", "audit", "probing", "--from", "2026-01-01", "--until", "2027-01-01"},
      {"--as", "admin/alice", "trail", "find", "--agency", "idva"},
  };
  fs::path directory_;
  TestBroker broker_;
  TestLedger ledger_{broker_};
  TestTrails trails_{broker_};
  TestAudits audits_{broker_};
  TestAdmin admin_;
  TestAgencies agencies_;
  TestWarrants warrants_;
  std::unique_ptr<grpc::Server> server_;
  std::string out_, err_;
};

TEST_F(QueryProofTest, AnAnswerSaysWhereItsQuestionIsInTheLog) {
  for (const auto& line : recorded_) {
    const nlohmann::json document = Told(line);
    EXPECT_EQ(document["completeness"], "attested") << line[2];
    const nlohmann::json& proof = document["proof"];
    EXPECT_EQ(proof["origin"], kOrigin);
    EXPECT_EQ(proof["queryIndex"], broker_.log.size() - 1) << line[2];
    EXPECT_EQ(proof["checkpointSize"], broker_.log.size()) << line[2];
    EXPECT_EQ(proof["root"].get<std::string>().size(), 64u) << line[2];
    ASSERT_EQ(Run(line), kDone) << err_;
    std::replace(out_.begin(), out_.end(), '\n', ' ');
    EXPECT_THAT(out_, AllOf(HasSubstr("ompleteness: attested"), HasSubstr("was proved to be in the log of " + std::to_string(broker_.log.size()) + " entries with root "),
                            HasSubstr("the record of this very question")));
  }
}

TEST_F(QueryProofTest, AnAnswerWhoseQuestionIsNotInTheLogIsNotPrinted) {
  const std::map<Lie, std::string> told = {{Lie::kOlderEntry, "before it was asked"},    {Lie::kOldCheckpoint, "was made before"}, {Lie::kOtherRequest, "of another request"},
                                           {Lie::kOtherEvent, "something else happened"}, {Lie::kOtherCaller, "somebody else"},     {Lie::kBeyondTheLog, "no such entry"},
                                           {Lie::kForked, "LOG_FORKED"}};
  for (const auto& line : recorded_) {
    const bool find = line[2] == "trail";
    for (const auto& [lie, why] : told) {
      broker_.older = 0;
      broker_.lie = lie;
      if (lie == Lie::kOlderEntry || lie == Lie::kOldCheckpoint) Run(line);  // Asked before, and recorded.
      EXPECT_EQ(Run(line), kFailed) << line[2] << static_cast<int>(lie);
      EXPECT_EQ(out_, "") << line[2] << static_cast<int>(lie);
      std::replace(err_.begin(), err_.end(), '\n', ' ');
      EXPECT_THAT(err_, HasSubstr(find && lie == Lie::kBeyondTheLog ? "ends without the record of this question" : why)) << line[2] << static_cast<int>(lie);
    }
    broker_.lie = Lie::kNone;
    broker_.log.opens = false;
    EXPECT_EQ(Run(line), kFailed) << line[2] << ": an entry that does not open could be anybody's";
    EXPECT_THAT(err_, HasSubstr("not opened"));
    EXPECT_EQ(out_, "");
    broker_.log.opens = true;
    broker_.log.foreign_key = true;
    EXPECT_EQ(Run(line), kFailed);
    EXPECT_THAT(err_, HasSubstr("RECEIPT_INVALID"));
    broker_.log.foreign_key = false;
  }
}

TEST_F(QueryProofTest, FindWithoutProofsStillJudgesTheQuestionAndSaysWhatItDidNotProve) {
  const std::vector<std::string> line = {"--as", "admin/alice", "trail", "find", "--no-proofs"};
  const nlohmann::json document = Told(line);
  EXPECT_EQ(document["leavesProved"], false);
  EXPECT_EQ(document["proof"]["queryIndex"], broker_.log.size() - 1) << "the question's own entry is proved as that of a trail is";
  EXPECT_EQ(document["completeness"], "attested");
  EXPECT_EQ(document["all"], true);
  broker_.receipts = 0;
  ASSERT_EQ(Run(line), kDone) << err_;
  EXPECT_EQ(broker_.receipts, 1u) << "of the question's own entry, once";
  EXPECT_THAT(out_, AllOf(HasSubstr("that of this very question alone was proved to be in the log"), HasSubstr("was proved to be in the log of ")));
  ASSERT_EQ(Run({"--as", "admin/alice", "trail", "find"}), kDone) << err_;
  EXPECT_EQ(broker_.receipts, 4u) << "of every row, and of no other";
  for (const Lie lie : {Lie::kOtherRequest, Lie::kForked}) {
    broker_.lie = lie;
    EXPECT_EQ(Run(line), kFailed) << static_cast<int>(lie);
  }
  broker_.lie = Lie::kNone;
  EXPECT_EQ(Told({"--as", "admin/alice", "trail", "find", "--rows", "2"})["rows"].size(), 2u) << "as --limit was called";
  ASSERT_EQ(Run({"--as", "admin/alice", "trail", "find", "--limit", "2"}), kDone) << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("Completeness: attested."), HasSubstr("first entries alone"), Not(HasSubstr("convicts"))));
  broker_.lie = Lie::kOtherRequest;
  EXPECT_EQ(Run({"--as", "admin/alice", "trail", "find", "--limit", "2"}), kFailed) << "the question's own is proved though it is not among the rows";
  broker_.lie = Lie::kNone;
  broker_.grows = true;
  ASSERT_EQ(Run({"--as", "admin/alice", "trail", "find", "--limit", "2"}), kDone) << err_;
  EXPECT_EQ(broker_.linked[broker_.log.size()], broker_.log.size() - 1) << "the question's tree to that of the rows, not only to that of before";
}

TEST_F(QueryProofTest, TwoTreesOfOneSizeAreAFork) {
  broker_.forks = true;
  for (const std::vector<std::string>& line : std::vector<std::vector<std::string>>{{"--as", "admin/alice", "trail", "find"}, {"--as", "admin/alice", "trail", "find", "--limit", "1"}}) {
    broker_.forked = false;
    EXPECT_EQ(Run(line), kFailed);
    std::replace(err_.begin(), err_.end(), '\n', ' ');
    EXPECT_THAT(err_, AllOf(HasSubstr("LOG_FORKED"), HasSubstr("signed two trees of")));
    EXPECT_EQ(out_, "");
  }
}

TEST_F(QueryProofTest, ADecisionIsExplainedOnlyFromAnAnswerToThisVeryQuestion) {
  std::string referral;
  while (referral.size() < 64) referral += "ab";
  const std::map<Lie, std::string> told = {{Lie::kOtherEvent, "something else happened"}, {Lie::kOtherCaller, "somebody else"}, {Lie::kNone, "a question about something else"}};
  for (const auto& [lie, why] : told) {
    broker_.lie = lie;
    EXPECT_EQ(Run({"--as", "admin/alice", "policy", "explain", referral}), kFailed) << static_cast<int>(lie);
    EXPECT_EQ(out_, "") << static_cast<int>(lie);
    std::replace(err_.begin(), err_.end(), '\n', ' ');
    EXPECT_THAT(err_, HasSubstr(why)) << static_cast<int>(lie);
  }
}

TEST_F(QueryProofTest, ATrailWithoutProofsOrAsABundleIsStillOfALogThatExtendsTheOneOfBefore) {
  const std::string bundle = (directory_ / "bundle").string();
  std::string pseudonym;  // Of sixteen 'p'.
  while (pseudonym.size() < 32) pseudonym += "70";
  for (const std::vector<std::string>& line : std::vector<std::vector<std::string>>{{"--as", "admin/alice", "trail", "case", pseudonym, "--no-proofs"},
                                                                                   {"--as", "admin/alice", "case", "timeline", pseudonym, "--no-proofs"},
                                                                                   {"--as", "admin/alice", "trail", "case", pseudonym, "--bundle", bundle}}) {
    const bool bundled = line.back() == bundle;
    broker_.receipts = 0;
    ASSERT_EQ(Run(line), kDone) << err_;
    EXPECT_EQ(broker_.receipts, bundled ? 3u : 1u) << "of the question alone, unless all of them are written";
    std::replace(out_.begin(), out_.end(), '\n', ' ');
    EXPECT_THAT(out_, HasSubstr(bundled ? "entries" : "that of this very question alone was proved to be in the log"));
    EXPECT_EQ(fs::exists(bundle), bundled);
    fs::remove_all(bundle);
    broker_.lie = Lie::kForked;
    EXPECT_EQ(Run(line), kFailed) << line[3];
    EXPECT_THAT(err_, HasSubstr("LOG_FORKED"));
    EXPECT_EQ(out_, "");
    EXPECT_FALSE(fs::exists(bundle)) << "nothing is kept";
    broker_.lie = Lie::kNone;
  }
  // What would refuse the directory refuses the question, which would be on the record for nothing.
  const uint64_t asked = broker_.log.size();
  for (const char* there : {"bundle", "bundle.incoming"}) {
    fs::create_directories(directory_ / there / "photographs");
    EXPECT_EQ(Run({"--as", "admin/alice", "trail", "case", pseudonym, "--bundle", bundle}), kWrongUse) << there;
    fs::remove_all(directory_ / there);
  }
  EXPECT_EQ(broker_.log.size(), asked);
}

TEST_F(QueryProofTest, AReceiptMakesRoomForOneOfTheSameLogAlone) {
  const std::string file = (directory_ / "receipt").string(), openings = file + ".openings.json", letter = (directory_ / "letter").string();
  const auto get = [&](const char* entry) { return Run({"--as", "admin/alice", "receipt", "get", entry, "--out", file}); };
  const auto upgrade = [&](const std::string& out) { return Run({"--as", "admin/alice", "receipt", "upgrade", file, "--out", out}); };
  const auto put = [](const std::string& path, const std::string& text) { std::ofstream(path) << text; };
  const auto text_of = [](const std::string& path) {
    std::ifstream stream(path);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  };
  ASSERT_EQ(get("2"), kDone) << err_;
  const std::string openings_of_2 = text_of(openings);
  ASSERT_EQ(get("2"), kDone) << err_;
  broker_.log.Append(EntryEvent(), "broker");
  ASSERT_EQ(get("3"), kDone) << err_;  // Of another entry of the same log, which has grown.
  // Openings of neither the receipt that is there nor the one that comes are of something that is to be kept.
  put(openings, openings_of_2);
  EXPECT_EQ(get("4"), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("receipt.openings.json is there already and is of another entry"));
  EXPECT_EQ(text_of(openings), openings_of_2);
  ASSERT_EQ(get("2"), kDone) << "as when a run was interrupted between the two files: " << err_;
  for (int i = 0; i < 2; ++i) ASSERT_EQ(upgrade(file + ".witnessed"), kDone) << err_;
  put(letter, "Dear");
  EXPECT_EQ(upgrade(letter), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("letter is there already and is no receipt of this log"));
  EXPECT_EQ(text_of(letter), "Dear");
  // A receipt by the same key, of another log: the proof that the log forked.
  TestLog fork;
  for (int i = 0; i < 4; ++i) fork.Append(EntryEvent(), "another");
  const std::string proof = fork.Receipt(2).tlog_proof();
  put(letter, proof);
  EXPECT_EQ(upgrade(letter), kFailed);
  EXPECT_THAT(err_, AllOf(HasSubstr("LOG_FORKED"), HasSubstr("letter is not written over")));
  EXPECT_EQ(text_of(letter), proof);
  put(file, proof);
  EXPECT_EQ(get("2"), kFailed);
  EXPECT_THAT(err_, AllOf(HasSubstr("LOG_FORKED"), HasSubstr("receipt is not written over")));
  EXPECT_EQ(text_of(file), proof);
}

TEST_F(QueryProofTest, ASampleIsDrawnOfAgeBandsAndGrades) {
  ASSERT_EQ(Run({"--as", "admin/alice", "sample", "draw", "--size", "3", "--age-band", "unborn", "--age-band", "under-16", "--grade", "high"}), kDone) << err_;
  EXPECT_THAT(trails_.drawn.age_bands(), ElementsAre(type::v1::AGE_BAND_UNBORN, type::v1::AGE_BAND_UNDER_16));
  EXPECT_THAT(trails_.drawn.grades(), ElementsAre(type::v1::RISK_GRADE_HIGH));
}

TEST_F(QueryProofTest, AConnectionIsTestedUntilTheAgencyCalls) {
  ASSERT_EQ(Run({"admin", "connection", "housing"}), kDone) << "it has called, once: " << err_;
  EXPECT_EQ(admin_.looks, 1);
  admin_.looks = 0;
  admin_.calls_at = 2;
  EXPECT_EQ(Told({"admin", "connection", "housing", "--wait", "60"})["calledJustNow"], true);
  EXPECT_EQ(admin_.looks, 2) << "it ends with the call";
  admin_.looks = 0;
  admin_.calls_at = 1'000;
  EXPECT_EQ(Run({"admin", "connection", "housing", "--wait", "1"}), kFailed);
  EXPECT_GT(admin_.looks, 1);
  EXPECT_THAT(out_, HasSubstr("NO"));
  EXPECT_THAT(err_, AllOf(HasSubstr("has not called within 1 seconds"), HasSubstr("accordctl status --as housing")));
}

TEST_F(QueryProofTest, TheDirectoryIsToldAsAtATimeAndWithWhoIsShutOut) {
  ASSERT_EQ(Run({"admin", "officers", "--as-at", "2026-11-01T09:30:00Z"}), kDone) << err_;
  EXPECT_EQ(admin_.officers_as_at_ms, 1'793'525'400'000);
  ASSERT_EQ(Run({"admin", "officers"}), kDone) << err_;
  EXPECT_EQ(admin_.officers_as_at_ms, 0);
  EXPECT_THAT(out_, ::testing::ContainsRegex("audrey +SUSPENDED"));
  EXPECT_THAT(out_, ::testing::ContainsRegex("bob +no"));
  EXPECT_EQ(Told({"admin", "officers"})["officers"][0]["suspended"], true);
  ASSERT_EQ(Run({"admin", "agencies"}), kDone) << err_;
  EXPECT_THAT(out_, ::testing::ContainsRegex("housing .*SUSPENDED"));
  EXPECT_THAT(out_, Not(::testing::ContainsRegex("police .*SUSPENDED")));
  EXPECT_EQ(Told({"admin", "agencies"})["agencies"][0]["suspended"], true);
}

TEST_F(QueryProofTest, AWatchTellsWhoIsShutOut) {
  ASSERT_EQ(Run({"warrant", "watch", "--limit", "2"}), kDone) << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("  jtai-1  "), HasSubstr("  officer omar of your body was SHUT OUT by an administrator"), HasSubstr("misuse")));
  const nlohmann::json document = Told({"warrant", "watch", "--limit", "2"});
  EXPECT_EQ(document["warrants"].size(), 1u);
  ASSERT_EQ(document["shutOut"].size(), 1u) << document;
  EXPECT_EQ(document["shutOut"][0]["officer"], "omar");
}

TEST_F(QueryProofTest, AWatchGoesOnWhenItsConnectionEndsAndNotWhenItIsRefused) {
  warrants_.ends_for_good_at = 3;
  EXPECT_EQ(Run({"warrant", "watch"}), kFailed);
  EXPECT_EQ(warrants_.streams, 3);
  EXPECT_NE(out_.find("jtai-1"), out_.rfind("jtai-1")) << "the second stream says again how things stand";
  EXPECT_THAT(err_, AllOf(HasSubstr("going down"), HasSubstr("trying again"), HasSubstr("shut out")));
}

}  // namespace
}  // namespace accord::accordctl::query_proof_test
