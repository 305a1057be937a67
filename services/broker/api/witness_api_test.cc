// Witnessing over the wire: a whole broker with TLS, a real store and a real log.
//
// Goal: a cosignature is kept if and only if it is the caller's own and verifies, the quorum is shown as the policy says, and a
// fork that anybody shows stands in the log and ends it, for good. Method: raw stubs of single agencies, whose notes can say
// anything; the log's own key, to show a fork that is one.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/ledger/policy.h"
#include "common/ledger/tlog_proof.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/directory/families.h"
#include "services/broker/trails/published.h"
#include "services/broker/witness/cosign.h"

namespace accord::broker::witness_api_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

crypto::Ed25519Signer WitnessSigner(const std::string& agency) { return *crypto::Ed25519Signer::FromSeed(std::string(32, agency[0])); }
std::string KeyName(const std::string& agency) { return agency + ".accord.test"; }

class WitnessApiTest : public ::testing::Test {
 protected:
  WitnessApiTest() : world_(&clock_) {
    // Police, idva and housing witness; two of them are enough. Childrens does not.
    world_.Stop();
    std::string policy = fmt::format("log {}\n", *LogVkey());
    for (const std::string agency : {"police", "idva", "housing"}) {
      policy += fmt::format("witness {} {}\n", agency,
                            ledger::Vkey::Make(KeyName(agency), ledger::kTypeCosignatureV1, WitnessSigner(agency).verifier()).ToString());
    }
    policy_text_ = policy + "group any-two 2 police idva housing\nquorum any-two\n";
    world_.SetWitnessPolicy(policy_text_);
    world_.Start();
    for (const std::string agency : TestingBroker::kAgencies) {
      stubs_[agency] = v1::LedgerService::NewStub(world_.Channel("agency/" + agency));
    }
    alice_ = v1::LedgerService::NewStub(world_.Channel("admin/alice"));
  }
  absl::StatusOr<std::string> LogVkey() {
    ACCORD_ASSIGN_OR_RETURN(const auto key, crypto::Ed25519Signer::FromPemFile(world_.config().log_key));
    return ledger::Vkey::Make(world_.config().origin, ledger::kTypeEd25519, key.verifier()).ToString();
  }
  crypto::Ed25519Signer LogSigner() { return *crypto::Ed25519Signer::FromPemFile(world_.config().log_key); }
  uint64_t Size() { return (*world_.broker().sequencer().View())->ledger().size(); }

  // Appends something and has it published; its note, with what cosignatures it has.
  std::string Publish() {
    EXPECT_EQ(world_.PutAgreement(fmt::format("{}", ++agreements_ + 1), R"("identity")"), absl::OkStatus());
    clock_.Advance(kPublishInterval);
    std::string note;
    uint64_t size = 0;
    do {
      world_.broker().sequencer().PublishDue();
      note = Published();
      if (!note.empty()) size = ledger::ParseCheckpoint(ledger::ParseNote(note)->text)->size;
    } while (size != Size());
    return note;
  }
  std::string Published(v1::CheckpointChoice choice = v1::CHECKPOINT_CHOICE_PUBLISHED) {
    v1::GetCheckpointRequest request;
    request.set_choice(choice);
    const auto response = rpc::CallUnary(*alice_, &v1::LedgerService::Stub::GetCheckpoint, request, kTestTimeout);
    EXPECT_TRUE(response.ok() || HasReason(response.status(), Reason::kCheckpointNotFound)) << response.status();
    return response.ok() ? response->checkpoint() : "";
  }
  uint64_t Now() { return static_cast<uint64_t>(absl::ToUnixSeconds(clock_.Now())); }
  std::string Line(const std::string& note, const std::string& agency, uint64_t time_s) {
    return ledger::CosignatureLine(ledger::ParseNote(note)->text, KeyName(agency), time_s, WitnessSigner(agency));
  }
  absl::StatusOr<bool> Send(const std::string& agency, const std::string& note) {
    v1::CosignRequest request;
    request.set_request_id("cosign-1");
    request.set_checkpoint(note);
    ACCORD_ASSIGN_OR_RETURN(const auto response, rpc::CallUnary(*stubs_.at(agency), &v1::LedgerService::Stub::Cosign, request, kTestTimeout));
    return response.quorum();
  }
  absl::StatusOr<bool> Cosign(const std::string& agency, const std::string& note) { return Send(agency, note + Line(note, agency, Now())); }
  absl::StatusOr<v1::ReportForkResponse> Report(v1::LedgerService::Stub& stub, const std::string& note) {
    v1::ReportForkRequest request;
    request.set_request_id("report-1");
    request.set_checkpoint(note);
    return rpc::CallUnary(stub, &v1::LedgerService::Stub::ReportFork, request, kTestTimeout);
  }
  v1::GetLedgerStatusResponse Status() {
    const auto response = rpc::CallUnary(*alice_, &v1::LedgerService::Stub::GetLedgerStatus, {}, kTestTimeout);
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.value_or(v1::GetLedgerStatusResponse());
  }
  std::vector<std::string> Behind() {
    std::vector<std::string> names;
    const auto status = Status();
    for (const auto& row : status.witnesses()) {
      if (row.behind()) names.push_back(row.name());
    }
    return names;
  }
  std::vector<std::string> KeptBy(const std::string& note) {
    std::vector<std::string> names;
    const auto parsed = ledger::ParseNote(note);
    for (const auto& signature : parsed->signatures) names.push_back(signature.name);
    return names;
  }
  // A checkpoint of the log's own key that is none of its own.
  std::string Fork(uint64_t size) {
    return ledger::SignCheckpoint({world_.config().origin, size, ledger::LeafHash("another history")}, LogSigner());
  }
  // What nobody can any more, once the log has ended with the entry at `index`.
  void ExpectEnded(uint64_t index) {
    EXPECT_FALSE(world_.broker().sequencer().serving());
    const auto referrals = v1::ReferralService::NewStub(world_.Channel("agency/police"));
    const auto refused = rpc::CallUnary(*referrals, &v1::ReferralService::Stub::SubmitReferral,
                                        MakeSubmission(world_, {.request_id = "after-the-fork"}), kTestTimeout);
    EXPECT_TRUE(HasReason(refused.status(), Reason::kLogForked)) << refused.status();
    EXPECT_EQ(Size(), index + 1);
    // Reading goes on: the entry verifies under the last checkpoint, and the leaves up to it are all there.
    v1::GetReceiptRequest of;
    of.set_index(index);
    const auto receipt = rpc::CallUnary(*alice_, &v1::LedgerService::Stub::GetReceipt, of, kTestTimeout);
    ASSERT_EQ(receipt.status(), absl::OkStatus());
    const auto verified = ledger::VerifyReceipt(receipt->receipt().tlog_proof(), *ledger::Vkey::Parse(*LogVkey()));
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_EQ(verified->checkpoint.size, index + 1);
    EntryEvent event;
    for (const Opening& opening : receipt->receipt().openings()) {
      EXPECT_TRUE(opening.label() != "event" || event.ParseFromString(opening.content()));
    }
    EXPECT_EQ(event.type(), EVENT_TYPE_FORK_SHOWN);
    grpc::ClientContext context;
    const auto stream = alice_->StreamEntries(&context, v1::StreamEntriesRequest());
    v1::StreamEntriesResponse entries;
    uint64_t count = 0;
    while (stream->Read(&entries)) count += static_cast<uint64_t>(entries.leaves_size());
    EXPECT_TRUE(stream->Finish().ok());
    EXPECT_EQ(count, index + 1);
  }
  void ExpectDoesNotOpen() {
    world_.Stop();
    telemetry::Metrics metrics;
    const auto opened = Broker::Open(world_.config(), clock_, world_.random(), metrics);
    ASSERT_FALSE(opened.ok());
    EXPECT_TRUE(HasReason(opened.status(), Reason::kLogForked)) << opened.status();
    EXPECT_THAT(std::string(opened.status().message()), HasSubstr("runbooks/fork.md"));
  }

  FakeClock clock_;
  TestingBroker world_;
  std::string policy_text_;
  std::map<std::string, std::unique_ptr<v1::LedgerService::Stub>> stubs_;
  std::unique_ptr<v1::LedgerService::Stub> alice_;
  int agreements_ = 0;
};

TEST_F(WitnessApiTest, CosignaturesAreCollectedToTheQuorum) {
  const std::string note = Publish();
  const uint64_t size = Size();
  EXPECT_EQ(Published(v1::CHECKPOINT_CHOICE_WITNESSED), "");
  auto met = Cosign("police", note);
  ASSERT_EQ(met.status(), absl::OkStatus());
  EXPECT_FALSE(*met);
  EXPECT_EQ(Published(v1::CHECKPOINT_CHOICE_WITNESSED), "");
  met = Cosign("housing", note);
  ASSERT_EQ(met.status(), absl::OkStatus());
  EXPECT_TRUE(*met);
  // Whoever holds the policy can tell so, without the broker.
  const auto judged = ledger::VerifyWitnessed(Published(v1::CHECKPOINT_CHOICE_WITNESSED), *ledger::WitnessPolicy::Parse(policy_text_));
  ASSERT_TRUE(judged.ok()) << judged.status();
  EXPECT_TRUE(judged->quorum);
  EXPECT_EQ(judged->checkpoint.size, size);
  EXPECT_THAT(judged->witnesses, UnorderedElementsAre("police", "housing"));
  EXPECT_EQ(Size(), size);  // And nothing of it is an entry.
  const auto status = Status();
  EXPECT_EQ(status.witnessed_size(), size);
  EXPECT_EQ(status.witnesses_size(), 3);
}

TEST_F(WitnessApiTest, WhoHasNotCosignedForAMinuteIsBehind) {
  std::string note = Publish();
  for (const std::string agency : {"police", "idva", "housing"}) ASSERT_EQ(Cosign(agency, note).status(), absl::OkStatus());
  EXPECT_THAT(Behind(), UnorderedElementsAre());
  note = Publish();
  ASSERT_EQ(Cosign("police", note).status(), absl::OkStatus());
  ASSERT_EQ(Cosign("idva", note).status(), absl::OkStatus());
  EXPECT_THAT(Behind(), UnorderedElementsAre());
  clock_.Advance(absl::Minutes(2));
  EXPECT_THAT(Behind(), UnorderedElementsAre("housing"));
  const auto status = Status();
  for (const auto& row : status.witnesses()) {
    EXPECT_EQ(row.checkpoints_behind(), row.name() == "housing" ? 1u : 0u);
    EXPECT_EQ(row.cosigned_size() == Size(), row.name() != "housing");
  }
  ASSERT_EQ(Cosign("housing", note).status(), absl::OkStatus());
  EXPECT_THAT(Behind(), UnorderedElementsAre());
  // An idle log is cosigned again: who no longer does is behind too.
  clock_.Advance(kRepublishInterval);
  ASSERT_EQ(Cosign("police", note).status(), absl::OkStatus());
  clock_.Advance(absl::Minutes(2));
  EXPECT_THAT(Behind(), UnorderedElementsAre("idva", "housing"));
}

// sunlight's TestForgedWitnessSigLineDoesNotPoisonState: a line that nobody verified must never reach the store.
TEST_F(WitnessApiTest, ForgedAndUnknownLinesAreNeverKept) {
  const std::string note = Publish();
  const std::string text = ledger::ParseNote(note)->text;
  const auto stranger = *crypto::Ed25519Signer::FromSeed(std::string(32, 'S'));
  // In the name and with the key id of others: idva's key over another text, and bytes of nothing.
  const auto forged = ledger::ParseNote("x\n\n" + ledger::CosignatureLine("x\n", KeyName("idva"), Now(), WitnessSigner("idva")));
  ledger::Note all = *ledger::ParseNote(note + Line(note, "police", Now()) + ledger::CosignatureLine(text, "stranger.test", Now(), stranger) +
                                        ledger::CosignatureLine(text, KeyName("police"), Now(), stranger) + "\u2014 grease.test AAAAAQAB\n");
  all.signatures.insert(all.signatures.begin(), forged->signatures[0]);
  ASSERT_EQ(Send("police", ledger::FormatNote(all)).status(), absl::OkStatus());
  EXPECT_THAT(KeptBy(Published()), UnorderedElementsAre(world_.config().origin, KeyName("police")));
  const auto judged = ledger::VerifyWitnessed(Published(), *ledger::WitnessPolicy::Parse(policy_text_));
  ASSERT_TRUE(judged.ok()) << judged.status();
  // A forged line of the caller's own key is refused with all that is beside it, and the right one is taken after it.
  ledger::Note poisoned = *ledger::ParseNote(note + Line(note, "idva", Now()));
  poisoned.signatures.push_back(forged->signatures[0]);
  EXPECT_TRUE(HasReason(Send("idva", ledger::FormatNote(poisoned)).status(), Reason::kCosignatureInvalid));
  EXPECT_THAT(KeptBy(Published()), UnorderedElementsAre(world_.config().origin, KeyName("police")));
  ASSERT_EQ(Cosign("idva", note).status(), absl::OkStatus());
  EXPECT_THAT(KeptBy(Published()), UnorderedElementsAre(world_.config().origin, KeyName("police"), KeyName("idva")));
}

TEST_F(WitnessApiTest, OnlyTheCallersOwnCosignatureOfWhatIsPublishedIsTaken) {
  const std::string note = Publish();
  EXPECT_TRUE(HasReason(Cosign("childrens", note).status(), Reason::kWitnessUnknown));
  EXPECT_TRUE(HasReason(Send("police", note + Line(note, "idva", Now())).status(), Reason::kCosignatureInvalid));
  EXPECT_TRUE(HasReason(Send("police", note).status(), Reason::kCosignatureInvalid));
  EXPECT_TRUE(HasReason(Send("police", "not a note").status(), Reason::kCosignatureInvalid));
  const uint64_t skew = static_cast<uint64_t>(absl::ToInt64Seconds(kCosignatureSkewMax));
  EXPECT_TRUE(HasReason(Send("police", note + Line(note, "police", Now() + skew + 1)).status(), Reason::kCosignatureInvalid));
  EXPECT_TRUE(HasReason(Send("police", note + Line(note, "police", (uint64_t{1} << 63) - 1)).status(), Reason::kCosignatureInvalid));
  // Signed, but never published: nobody else cosigns that size.
  ASSERT_EQ(world_.PutAgreement("unpublished", R"("identity")"), absl::OkStatus());
  const std::string newest = Published(v1::CHECKPOINT_CHOICE_UNSPECIFIED);
  EXPECT_TRUE(HasReason(Cosign("police", newest).status(), Reason::kCheckpointNotFound));
  EXPECT_THAT(KeptBy(Published()), UnorderedElementsAre(world_.config().origin));
  // At the edge of the skew it is taken.
  EXPECT_EQ(Send("police", note + Line(note, "police", Now() + skew)).status(), absl::OkStatus());
}

TEST_F(WitnessApiTest, AForkThatIsShownStandsInTheLogAndEndsIt) {
  Publish();
  // What proves nothing: another's signature, an unsigned number, a checkpoint of ours.
  const auto other = *crypto::Ed25519Signer::FromSeed(std::string(32, 'O'));
  EXPECT_TRUE(HasReason(Report(*alice_, ledger::SignCheckpoint({world_.config().origin, 1000, ledger::LeafHash("x")}, other)).status(),
                        Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Report(*alice_, "1000").status(), Reason::kFieldInvalid));
  auto answer = Report(*alice_, Published());
  ASSERT_EQ(answer.status(), absl::OkStatus());
  EXPECT_FALSE(answer->forked());
  EXPECT_TRUE(world_.broker().sequencer().serving());

  const uint64_t size = Size();
  answer = Report(*stubs_.at("childrens"), Fork(size + 100));  // Any agency may, witness or not.
  ASSERT_EQ(answer.status(), absl::OkStatus());
  EXPECT_TRUE(answer->forked());
  EXPECT_EQ(answer->index(), size);
  ExpectEnded(size);
  // Shown again, by another: the same entry. And what is no fork still is none.
  const auto again = Report(*alice_, Fork(2));
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_TRUE(again->forked());
  EXPECT_EQ(again->index(), size);
  EXPECT_TRUE(HasReason(Cosign("police", Published()).status(), Reason::kLogForked));
  ExpectDoesNotOpen();
}

TEST_F(WitnessApiTest, AForkThatIsCosignedIsTakenAsShown) {
  Publish();
  const uint64_t size = Size();
  const std::string fork = Fork(size);  // As long as ours, another root.
  EXPECT_TRUE(HasReason(Cosign("childrens", fork).status(), Reason::kWitnessUnknown));
  EXPECT_TRUE(world_.broker().sequencer().serving());
  EXPECT_TRUE(HasReason(Cosign("idva", fork).status(), Reason::kLogForked));
  ExpectEnded(size);
  ExpectDoesNotOpen();
}

}  // namespace
}  // namespace accord::broker::witness_api_test
