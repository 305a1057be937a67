// Published checkpoints and receipts over the wire: a whole broker, a referral's life, and a tree that is published in between.
//
// Goal: the receipt of every step of a referral can be had at every published size that covers it, verifies there, and tells each
// caller no more than at any other; lists turn by pages; what is not there is refused by its reason.
#include <absl/synchronization/notification.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/ledger/tlog_proof.h"
#include "common/referral/statement.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_collector.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/record_command.h"
#include "services/broker/trails/published.h"

namespace accord::broker::ledger_api_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Keeps what looks like a cosignature: the quorum counts the lines that are kept, which were verified when they were.
class KeepCommand : public Command {
 public:
  KeepCommand(uint64_t size, std::string witness, bool note, absl::Notification& done)
      : size_(size), witness_(std::move(witness)), note_(note), done_(done) {}
  absl::Status Apply(CommitContext& context) override {
    KeepCosignature(context, size_, witness_, fmt::format("\u2014 {}.accord.test {}\n", witness_, ToBase64(std::string(76, 'c'))));
    return note_ ? NoteWitnessed(context, size_) : absl::OkStatus();
  }
  void Done(const absl::StatusOr<Committed>& outcome) override {
    EXPECT_EQ(outcome.status(), absl::OkStatus());
    done_.Notify();
  }

 private:
  const uint64_t size_;
  const std::string witness_;
  const bool note_;
  absl::Notification& done_;
};

class LedgerApiTest : public ::testing::Test {
 protected:
  LedgerApiTest() : world_(&clock_), vkey_(*ledger::Vkey::Parse(world_.broker().vkey())) {
    for (const char* principal : {"agency/police", "agency/idva", "agency/housing", "admin/alice"}) {
      ledger_[principal] = v1::LedgerService::NewStub(world_.Channel(principal));
    }
  }

  uint64_t Size() { return (*world_.broker().sequencer().View())->ledger().size(); }
  // Has the tree as it is published; returns its size.
  uint64_t Publish() {
    clock_.Advance(kPublishInterval);
    const uint64_t size = Size();
    for (;;) {
      world_.broker().sequencer().PublishDue();
      const auto newest = NewestPublished(**world_.broker().sequencer().View());
      EXPECT_EQ(newest.status(), absl::OkStatus());
      if (!newest.ok() || (newest->has_value() && (*newest)->size >= size)) break;
    }
    return size;
  }
  // Has an entry added.
  uint64_t Grow() {
    absl::Notification done;
    EntryDraft draft;
    draft.event.set_type(EVENT_TYPE_PREVIEWED);
    uint64_t at = 0;
    world_.broker().sequencer().Submit(std::make_unique<RecordCommand>("agency/police", draft, [&](const absl::StatusOr<uint64_t>& index) {
      EXPECT_EQ(index.status(), absl::OkStatus());
      at = index.value_or(0);
      done.Notify();
    }));
    done.WaitForNotification();
    return at;
  }
  void Keep(uint64_t size, const std::string& witness, bool note = false) {
    absl::Notification done;
    world_.broker().sequencer().Submit(std::make_unique<KeepCommand>(size, witness, note, done));
    done.WaitForNotification();
  }

  absl::StatusOr<Receipt> Get(const std::string& principal, uint64_t index,
                              v1::CheckpointChoice choice = v1::CHECKPOINT_CHOICE_UNSPECIFIED, uint64_t size = 0) {
    v1::GetReceiptRequest request;
    request.set_index(index);
    request.set_choice(choice);
    request.set_size(size);
    ACCORD_ASSIGN_OR_RETURN(auto response, rpc::CallUnary(*ledger_.at(principal), &v1::LedgerService::Stub::GetReceipt, request, kTestTimeout));
    return response.receipt();
  }
  absl::StatusOr<std::string> Checkpoint(v1::CheckpointChoice choice, uint64_t size = 0) {
    v1::GetCheckpointRequest request;
    request.set_choice(choice);
    request.set_size(size);
    ACCORD_ASSIGN_OR_RETURN(auto response,
                            rpc::CallUnary(*ledger_.at("agency/idva"), &v1::LedgerService::Stub::GetCheckpoint, request, kTestTimeout));
    return response.checkpoint();
  }
  absl::StatusOr<v1::ListCheckpointsResponse> List(int page_size, const std::string& token = "") {
    v1::ListCheckpointsRequest request;
    request.set_page_size(page_size);
    request.set_page_token(token);
    return rpc::CallUnary(*ledger_.at("agency/idva"), &v1::LedgerService::Stub::ListCheckpoints, request, kTestTimeout);
  }
  v1::GetLedgerStatusResponse Status() {
    const auto response = rpc::CallUnary(*ledger_.at("agency/idva"), &v1::LedgerService::Stub::GetLedgerStatus, {}, kTestTimeout);
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.ok() ? *response : v1::GetLedgerStatusResponse();
  }
  static std::vector<std::string> Labels(const Receipt& receipt) {
    std::vector<std::string> labels;
    for (const Opening& opening : receipt.openings()) labels.push_back(opening.label());
    return labels;
  }

  FakeClock clock_{SystemClock().Now()};  // Certificates are made by the machine's clock.
  TestingBroker world_;
  const ledger::Vkey vkey_;
  std::map<std::string, std::unique_ptr<v1::LedgerService::Stub>> ledger_;
};

TEST_F(LedgerApiTest, EveryStepOfAReferralHasAReceiptAtEveryPublishedSize) {
  const auto police = v1::ReferralService::NewStub(world_.Channel("agency/police"));
  const auto idva = v1::ReferralService::NewStub(world_.Channel("agency/idva"));
  std::vector<uint64_t> sizes = {Publish()};
  const auto stored = rpc::CallUnary(*police, &v1::ReferralService::Stub::SubmitReferral,
                                     MakeSubmission(world_, {.request_id = "incident-1", .recipients = {"idva"}}), kTestTimeout);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  sizes.push_back(Publish());
  {
    Collector collector(world_, "agency/idva", 8);
    collector.Ack(collector.NextDelivery());
  }
  sizes.push_back(Publish());
  std::string previous;
  for (const StatementKind kind : {STATEMENT_KIND_OPENED, STATEMENT_KIND_ACCEPTED}) {
    Statement statement;
    statement.set_request_id(fmt::format("statement-{}", static_cast<int>(kind)));
    statement.set_agency("idva");
    statement.mutable_worker()->set_pseudonym("worker-1");
    statement.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
    statement.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
    statement.set_header_digest(stored->header_digest());
    statement.set_previous_statement(previous);
    statement.set_kind(kind);
    statement.set_acted_at_ms(absl::ToUnixMillis(clock_.Now()));
    v1::RespondToReferralRequest request;
    request.set_request_id(statement.request_id());
    *request.mutable_statement() = *referral::SignStatement(statement, world_.signing("idva").signing_key());
    const auto said = rpc::CallUnary(*idva, &v1::ReferralService::Stub::RespondToReferral, request, kTestTimeout);
    ASSERT_EQ(said.status(), absl::OkStatus());
    previous = said->statement_digest();
    sizes.push_back(Publish());
  }

  // Which entry is which, by the sender, who may open all of them.
  std::map<std::string, uint64_t> kinds;
  for (uint64_t index = sizes[0]; index < sizes.back(); ++index) {
    EntryEvent event;
    const auto receipt = Get("agency/police", index);
    ASSERT_EQ(receipt.status(), absl::OkStatus());
    for (const Opening& opening : receipt->openings()) {
      if (opening.label() != "event") continue;
      ASSERT_TRUE(event.ParseFromString(opening.content()));
    }
    if (event.type() == EVENT_TYPE_REFERRAL_STORED) kinds["stored"] = index;
    if (event.type() == EVENT_TYPE_RELEASED) kinds.emplace("released", index);
    if (event.type() == EVENT_TYPE_DELIVERED) kinds.emplace("delivered", index);
    if (event.statement() == STATEMENT_KIND_OPENED) kinds["opened"] = index;
    if (event.statement() == STATEMENT_KIND_ACCEPTED) kinds["accepted"] = index;
  }
  ASSERT_EQ(kinds.size(), 5u);

  for (const auto& [kind, index] : kinds) {
    for (const uint64_t size : sizes) {
      for (const char* principal : {"agency/police", "agency/idva", "agency/housing"}) {
        const auto receipt = Get(principal, index, v1::CHECKPOINT_CHOICE_PUBLISHED, size);
        if (size <= index) {
          EXPECT_TRUE(HasReason(receipt.status(), Reason::kEntryNotFound)) << kind << size;
          continue;
        }
        ASSERT_EQ(receipt.status(), absl::OkStatus()) << kind << " at " << size;
        const auto verified = ledger::VerifyReceipt(receipt->tlog_proof(), vkey_);
        ASSERT_EQ(verified.status(), absl::OkStatus()) << kind << " at " << size;
        EXPECT_EQ(verified->index, index);
        EXPECT_EQ(verified->checkpoint.size, size);
        // What may be opened is the same wherever the receipt is had.
        EXPECT_EQ(Labels(*receipt), Labels(*Get(principal, index))) << principal << kind;
        for (const Opening& opening : receipt->openings()) {
          EXPECT_TRUE(ledger::LeafOpens(verified->leaf, {opening.label(), opening.salt(), opening.content()}));
        }
      }
      if (size <= index) continue;
      EXPECT_THAT(Labels(*Get("agency/housing", index, v1::CHECKPOINT_CHOICE_PUBLISHED, size)), IsEmpty());
    }
  }
  // With no size: the newest published one, which the newest signed has left behind.
  const uint64_t after = Grow();
  EXPECT_EQ(ledger::VerifyReceipt(Get("admin/alice", 0, v1::CHECKPOINT_CHOICE_PUBLISHED)->tlog_proof(), vkey_)->checkpoint.size, sizes.back());
  EXPECT_TRUE(HasReason(Get("admin/alice", after, v1::CHECKPOINT_CHOICE_PUBLISHED).status(), Reason::kEntryNotFound));
  EXPECT_EQ(ledger::VerifyReceipt(Get("admin/alice", after)->tlog_proof(), vkey_)->checkpoint.size, after + 1);
}

// A receipt is no entry of the log: whoever walked them all would have every trail unrecorded. Proofs are for everybody.
TEST_F(LedgerApiTest, AnAdministratorIsGivenTheProofOfAReferralsEntryAndNotWhatItSays) {
  admin::v1::Change approver, bar;
  approver.mutable_put_officer()->set_id("april");
  approver.mutable_put_officer()->set_active(true);
  approver.mutable_put_officer()->add_roles(options::v1::OFFICER_ROLE_APPROVER);
  ASSERT_EQ(world_.Change(approver), absl::OkStatus());
  bar.mutable_put_conflict_list()->set_agency("administrators");
  bar.mutable_put_conflict_list()->add_workers("alice");
  ASSERT_EQ(world_.Change(bar), absl::OkStatus());
  const uint64_t change = Size() - 1;
  const auto police = v1::ReferralService::NewStub(world_.Channel("agency/police"));
  const auto stored = rpc::CallUnary(*police, &v1::ReferralService::Stub::SubmitReferral,
                                     MakeSubmission(world_, {.request_id = "incident-1", .recipients = {"idva"}}), kTestTimeout);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  EXPECT_THAT(Labels(*Get("agency/police", stored->stored_index())), ::testing::SizeIs(4));
  const uint64_t size = Publish();
  for (const std::string principal : {"admin/april", "admin/alice", "admin/bob"}) {
    ledger_[principal] = v1::LedgerService::NewStub(world_.Channel(principal));
    for (const auto choice : {v1::CHECKPOINT_CHOICE_UNSPECIFIED, v1::CHECKPOINT_CHOICE_PUBLISHED}) {
      const auto receipt = Get(principal, stored->stored_index(), choice);
      ASSERT_EQ(receipt.status(), absl::OkStatus()) << principal;
      const auto verified = ledger::VerifyReceipt(receipt->tlog_proof(), vkey_);
      ASSERT_EQ(verified.status(), absl::OkStatus()) << principal;
      EXPECT_EQ(verified->index, stored->stored_index());
      EXPECT_GE(verified->checkpoint.size, size);
      EXPECT_THAT(Labels(*receipt), IsEmpty()) << principal;
    }
    // What they administer they are shown, as in the list of changes.
    EXPECT_THAT(Labels(*Get(principal, change)), ElementsAre("event", "actor")) << principal;
  }
  // Whoever asks for the trail is given it, behind the entry that says so; that entry's receipt opens to who asked.
  inspection::v1::QueryTrailRequest query;
  query.set_referral(stored->header_digest());
  query.set_purpose("audit");
  const auto trail = rpc::CallUnary(*inspection::v1::TrailService::NewStub(world_.Channel("admin/bob")),
                                    &inspection::v1::TrailService::Stub::QueryTrail, query, kTestTimeout);
  ASSERT_EQ(trail.status(), absl::OkStatus());
  EXPECT_EQ(trail->rows(0).openings_size(), 4);
  EXPECT_THAT(Labels(*Get("admin/bob", trail->query_index())), ElementsAre("event", "actor", "referral"));
  EXPECT_THAT(Labels(*Get("admin/april", trail->query_index())), IsEmpty());
}

TEST_F(LedgerApiTest, PublishedCheckpointsAreKeptAndListedByPages) {
  std::vector<uint64_t> sizes;
  for (int i = 0; i < 7; ++i) {
    Grow();
    sizes.push_back(Publish());
  }
  std::string token;
  std::vector<uint64_t> listed;
  int64_t later = INT64_MAX;
  do {
    const auto page = List(3, token);
    ASSERT_EQ(page.status(), absl::OkStatus());
    EXPECT_LE(page->checkpoints_size(), 3);
    for (const auto& row : page->checkpoints()) {
      listed.push_back(row.size());
      EXPECT_LT(row.published_at_ms(), later);
      later = row.published_at_ms();
      EXPECT_FALSE(row.quorum());
      EXPECT_EQ(row.witnesses_size(), 0);
    }
    token = page->next_page_token();
  } while (!token.empty());
  std::reverse(listed.begin(), listed.end());
  ASSERT_GE(listed.size(), sizes.size());
  EXPECT_EQ(std::vector<uint64_t>(listed.end() - static_cast<long>(sizes.size()), listed.end()), sizes);
  for (const uint64_t size : listed) {
    const auto note = Checkpoint(v1::CHECKPOINT_CHOICE_PUBLISHED, size);
    ASSERT_EQ(note.status(), absl::OkStatus());
    EXPECT_EQ(ledger::VerifyCheckpoint(*note, vkey_)->checkpoint.size, size);
  }
  EXPECT_EQ(*Checkpoint(v1::CHECKPOINT_CHOICE_PUBLISHED), *Checkpoint(v1::CHECKPOINT_CHOICE_PUBLISHED, sizes.back()));

  // Opened anew the same are there.
  world_.Stop();
  world_.Start();
  for (auto& [principal, stub] : ledger_) stub = v1::LedgerService::NewStub(world_.Channel(principal));
  const auto again = List(100);
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_EQ(again->checkpoints_size(), static_cast<int>(listed.size()));

  Grow();
  EXPECT_TRUE(HasReason(Checkpoint(v1::CHECKPOINT_CHOICE_PUBLISHED, Size()).status(), Reason::kCheckpointNotFound)) << "signed only";
  EXPECT_TRUE(HasReason(Checkpoint(v1::CHECKPOINT_CHOICE_PUBLISHED, UINT64_MAX).status(), Reason::kCheckpointNotFound));
  EXPECT_TRUE(HasReason(Get("agency/idva", 0, v1::CHECKPOINT_CHOICE_PUBLISHED, Size()).status(), Reason::kCheckpointNotFound));
  EXPECT_TRUE(HasReason(Checkpoint(v1::CHECKPOINT_CHOICE_WITNESSED).status(), Reason::kCheckpointNotFound)) << "no policy";
  EXPECT_TRUE(HasReason(Checkpoint(v1::CHECKPOINT_CHOICE_UNSPECIFIED, 3).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Checkpoint(v1::CHECKPOINT_CHOICE_WITNESSED, 3).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Checkpoint(static_cast<v1::CheckpointChoice>(9)).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(List(501).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(List(3, "00").status(), Reason::kPageTokenInvalid));
}

TEST_F(LedgerApiTest, TheNewestWitnessedCheckpointIsTheNewestThatMeetsTheQuorum) {
  world_.Stop();
  std::string policy = "log " + vkey_.ToString() + "\n";
  for (const std::string name : {"idva", "housing"}) {
    const auto key = *crypto::Ed25519Signer::FromSeed(std::string(32, name[0]));
    policy += fmt::format("witness {} {}\n", name, ledger::Vkey::Make(name + ".accord.test", ledger::kTypeCosignatureV1, key.verifier()).ToString());
  }
  world_.SetWitnessPolicy(policy + "group both all idva housing\nquorum both\n");
  world_.Start();
  for (auto& [principal, stub] : ledger_) stub = v1::LedgerService::NewStub(world_.Channel(principal));

  const uint64_t first = Publish();
  const uint64_t between = Grow();
  const uint64_t second = Publish();
  Grow();
  const uint64_t third = Publish();
  // Nobody, then one of the two, then strangers: not met.
  EXPECT_TRUE(HasReason(Get("agency/idva", 0, v1::CHECKPOINT_CHOICE_WITNESSED).status(), Reason::kCheckpointNotFound));
  Keep(third, "idva");
  Keep(third, "stranger");
  EXPECT_TRUE(HasReason(Checkpoint(v1::CHECKPOINT_CHOICE_WITNESSED).status(), Reason::kCheckpointNotFound));
  Keep(first, "idva");
  Keep(first, "housing", /*note=*/true);
  ASSERT_EQ(Checkpoint(v1::CHECKPOINT_CHOICE_WITNESSED).status(), absl::OkStatus());
  EXPECT_EQ(*Checkpoint(v1::CHECKPOINT_CHOICE_WITNESSED),
            *Checkpoint(v1::CHECKPOINT_CHOICE_PUBLISHED, first));
  EXPECT_THAT(*Checkpoint(v1::CHECKPOINT_CHOICE_WITNESSED), ::testing::HasSubstr("idva.accord.test Y2Nj"));
  EXPECT_EQ(Status().witnessed_size(), first);
  // An entry that it does not cover waits; one that is nowhere is not found.
  EXPECT_EQ(Get("agency/idva", 0, v1::CHECKPOINT_CHOICE_WITNESSED).status(), absl::OkStatus());
  EXPECT_TRUE(HasReason(Get("agency/idva", between, v1::CHECKPOINT_CHOICE_WITNESSED).status(), Reason::kCheckpointNotFound));
  EXPECT_TRUE(HasReason(Get("agency/idva", UINT64_MAX, v1::CHECKPOINT_CHOICE_WITNESSED).status(), Reason::kEntryNotFound));

  Keep(second, "housing");
  Keep(second, "idva", /*note=*/true);
  EXPECT_EQ(Status().witnessed_size(), second);
  EXPECT_EQ(ledger::VerifyReceipt(Get("agency/idva", between, v1::CHECKPOINT_CHOICE_WITNESSED)->tlog_proof(), vkey_)->checkpoint.size, second);
  const auto listed = List(3);
  ASSERT_EQ(listed.status(), absl::OkStatus());
  EXPECT_FALSE(listed->checkpoints(0).quorum());
  EXPECT_TRUE(listed->checkpoints(1).quorum());
  EXPECT_THAT(listed->checkpoints(1).witnesses(), ElementsAre("housing", "idva"));

  // Far behind rows of one witness alone, which no search may wade through, the noted one is found.
  for (int row = 0; row <= kWitnessedRowsMax; ++row) Keep(third, fmt::format("stranger-{}", row));
  EXPECT_EQ(Status().witnessed_size(), second);
}

TEST_F(LedgerApiTest, TheStatusSaysHowTheLogStands) {
  const uint64_t size = Publish();
  Grow();
  const auto status = Status();
  EXPECT_EQ(status.signed_size(), size + 1);
  EXPECT_EQ(status.published_size(), size);
  EXPECT_EQ(status.published_at_ms(), absl::ToUnixMillis(clock_.Now()));
  EXPECT_EQ(status.witnessed_size(), 0u);
  EXPECT_EQ(status.witnesses_size(), 0);
  EXPECT_GE(status.epoch(), 2u);
  EXPECT_EQ(status.scrub().rounds(), 0u);
  // A round comes by itself, once it is due.
  clock_.Advance(kScrubFirstAfter);
  v1::GetLedgerStatusResponse after;
  do {
    after = Status();
  } while (after.scrub().rounds() == 0);
  EXPECT_EQ(after.scrub().size(), Size());
  EXPECT_EQ(after.scrub().next_index(), Size());
  EXPECT_EQ(after.scrub().failures(), 0u);
}

}  // namespace
}  // namespace accord::broker::ledger_api_test
