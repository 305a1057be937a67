// A clock that is missed: each step once and in order, whatever the clock on the wall does and whenever the broker stops. Over a real
// sequencer and store, and a clock that the test moves.
#include "services/broker/clocks/escalate.h"

#include <absl/synchronization/notification.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/merkle.h"
#include "common/referral/testing_parts.h"
#include "common/storage/rocks_store.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/clocks/overdue.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker::escalate_test {
namespace {

using namespace type::v1;  // NOLINT
using referral::testing::kNow;
using referral::testing::SampleParts;
using referral::testing::SamplePolicy;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kOrigin = "accord.test/broker";

class RunCommand : public Command {
 public:
  RunCommand(std::function<absl::Status(CommitContext&)> apply, absl::Notification& done, absl::Status& status)
      : apply_(std::move(apply)), done_(done), status_(status) {}
  absl::Status Apply(CommitContext& context) override { return apply_(context); }
  void Done(const absl::StatusOr<Committed>& outcome) override {
    status_ = outcome.status();
    done_.Notify();
  }

 private:
  const std::function<absl::Status(CommitContext&)> apply_;
  absl::Notification& done_;
  absl::Status& status_;
};

// What the handler did: which step, for when, to whom, and under which number.
struct Step {
  EscalationStep step;
  absl::Time due;
  std::vector<std::string> told;
  bool operator==(const Step&) const = default;
};
void PrintTo(const Step& step, std::ostream* out) {
  *out << EscalationStep_Name(step.step) << " at " << step.due - kNow << " to";
  for (const auto& one : step.told) *out << " " << one;
}

class EscalateTest : public ::testing::Test {
 protected:
  EscalateTest() {
    char name[] = "/tmp/accord-escalate-XXXXXX";
    root_ = mkdtemp(name);
    ACCORD_CHECK(Guard::Create(root_ + "/guard", {0, std::string(ledger::View(ledger::EmptyRoot()))}).ok());
    ACCORD_CHECK(storage::RocksStore::Open(root_ + "/store", BrokerFamilies(), {.create = true}).ok());
    auto sources = SamplePolicy();
    sources.agreements[0].expires = kNow + absl::Hours(24 * 365);
    policy_.compiled = referral::CompiledPolicy(sources);
    Start();
  }
  ~EscalateTest() override {
    sequencer_.reset();
    executor_.Shutdown();
    std::filesystem::remove_all(root_);
  }

  void Start() {
    due_.reset();
    sequencer_.reset();
    const StoreOpener opener = [this]() -> absl::StatusOr<std::unique_ptr<StoreSession>> {
      auto session = std::make_unique<StoreSession>();
      ACCORD_ASSIGN_OR_RETURN(auto store, storage::RocksStore::Open(root_ + "/store", BrokerFamilies(), {}));
      ACCORD_ASSIGN_OR_RETURN(session->log, storage::RocksCommitLog::Open(*store, [](std::string_view bytes) { return crypto::Sha256(bytes); }));
      session->store = std::move(store);
      const std::string slots = root_ + "/slots";
      ACCORD_ASSIGN_OR_RETURN(session->slots, KeySlots::Open(slots, crypto::SecretBytes(std::string(32, 'm')), random_, executor_,
                                                             !std::filesystem::exists(slots)));
      ACCORD_ASSIGN_OR_RETURN(auto guard, Guard::Open(root_ + "/guard"));
      ACCORD_ASSIGN_OR_RETURN(session->signer, CheckpointSigner::Open(*session->store, std::move(guard), key_, std::string(kOrigin)));
      ACCORD_ASSIGN_OR_RETURN(session->ledger, LedgerWriter::Open(*session->store, std::string(kOrigin)));
      return session;
    };
    auto started = Sequencer::Start(opener, {}, executor_, clock_, random_, metrics_);
    ASSERT_EQ(started.status(), absl::OkStatus());
    sequencer_ = *std::move(started);
    const auto handler = [this](CommitContext& context, const Due& due, NewDeliveries& queued) { return Handle(context, due, queued); };
    due_ = std::make_unique<DueClock>(*sequencer_, mailboxes_, clock_, DueHandlers{{DueKind::kPickUp, handler}, {DueKind::kResponse, handler}});
  }
  absl::Status Handle(CommitContext& context, const Due& due, NewDeliveries& queued) {
    ACCORD_RETURN_IF_ERROR(EscalateClock(context, policy_, EscalationSteps(metrics_), due, queued));
    if (failing_) return Error(Reason::kStoreCorrupt, "as the test asks");
    const auto stored = LoadReferral(context, due.header_digest);
    const auto& row = *FindRecipient(**stored, due.agency);
    Step step{due.kind == DueKind::kPickUp ? row.pick_up_step() : row.response_step(), due.when, {}};
    for (const auto& [mailbox, waiting] : queued) step.told.push_back(mailbox.agency);
    (due.kind == DueKind::kPickUp ? picked_ : answered_).push_back(step);
    return absl::OkStatus();
  }
  void Run(std::function<absl::Status(CommitContext&)> apply) {
    absl::Status status;
    absl::Notification done;
    sequencer_->Submit(std::make_unique<RunCommand>(std::move(apply), done, status));
    done.WaitForNotification();
    ASSERT_EQ(status, absl::OkStatus());
  }
  // Ticks until nothing more happens at this time.
  void Tick() {
    for (size_t before = SIZE_MAX; before != picked_.size() + answered_.size();) {
      before = picked_.size() + answered_.size();
      due_->Tick();
      while (due_->under_way()) Run([](CommitContext&) { return absl::OkStatus(); });
    }
  }
  void At(absl::Time time) {
    clock_.Advance(time - clock_.Now());
    Tick();
  }

  // A referral of the sample to the Idva service alone, stored now with its clocks started.
  std::string Store(Urgency urgency, bool released, std::function<void(referral::HeaderParts&)> alter = nullptr) {
    referral::HeaderParts parts = SampleParts();
    parts.core.set_request_id(fmt::format("request-{}", ++stored_));
    parts.core.set_urgency(urgency);
    parts.recipients.pop_back();
    if (alter) alter(parts);
    const auto header = referral::SignHeader(parts, signer_, random_);
    EXPECT_EQ(header.status(), absl::OkStatus());
    const std::string digest = referral::DigestOf(header->header);
    Run([&](CommitContext& context) -> absl::Status {
      ACCORD_ASSIGN_OR_RETURN(const auto chain, context.OpenChain());
      storage::v1::StoredReferral stored;
      *stored.mutable_header() = header->header;
      for (const auto& opening : header->openings) *stored.add_openings() = opening;
      stored.set_chain(chain.pseudonym);
      stored.set_stored_at_ms(absl::ToUnixMillis(context.now()));
      EntryDraft entry;
      entry.chains = {chain.pseudonym};
      entry.event.set_type(EVENT_TYPE_REFERRAL_STORED);
      ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(entry));
      stored.set_stored_index(index);
      auto& recipient = *stored.add_recipients();
      recipient.set_agency("idva");
      recipient.set_desk(DESK_MAIN);
      recipient.set_state(released ? REFERRAL_STATE_DELIVERED : REFERRAL_STATE_STORED);
      recipient.set_delivery_id(context.RandomBytes(16));
      if (released) recipient.set_first_released_ms(1);
      storage::v1::StoredDelivery delivery;
      delivery.set_agency("idva");
      delivery.set_desk(DESK_MAIN);
      delivery.set_header_digest(digest);
      delivery.set_lane(LANE_IMMEDIATE);
      delivery.set_ordering_key(chain.pseudonym);
      NewDeliveries queued;
      ACCORD_RETURN_IF_ERROR(PutDelivery(context, recipient.delivery_id(), std::move(delivery), index, queued));
      const auto read = SealedReaderOf(context);
      ACCORD_ASSIGN_OR_RETURN(const auto clocked, ClockedOf(read, parts.core, context.now()));
      const auto directory = DirectorySnapshot::Load((*sequencer_->View())->store(), 1);
      ACCORD_RETURN_IF_ERROR(StartClocks(context, policy_.compiled.Clocks(context.now()), **directory, clocked, digest, recipient));
      return context.PutSealed(kFamilyReferral, digest, chain.slot, stored.SerializeAsString());
    });
    return digest;
  }
  storage::v1::StoredReferral Load(const std::string& digest) {
    const auto view = *sequencer_->View();
    return **LoadReferral(SealedReaderOf(*view), digest);
  }
  uint64_t Entries() { return (*sequencer_->View())->ledger().size(); }

  std::string root_;
  FakeClock clock_{kNow};
  SystemRandom random_;
  telemetry::Metrics metrics_;
  const crypto::Ed25519Signer key_ = crypto::Ed25519Signer::Generate();
  const crypto::SigningKey signer_ = crypto::SigningKey::Generate();
  Executor executor_{2, 1024};
  Mailboxes mailboxes_;
  Policy policy_;
  int stored_ = 0;
  bool failing_ = false;
  std::vector<Step> picked_, answered_;
  std::unique_ptr<Sequencer> sequencer_;
  std::unique_ptr<DueClock> due_;
};

const absl::Time kImmediateDue = kNow + absl::Minutes(30);
std::vector<Step> AllSteps(bool released = true) {
  const std::vector<std::string> recipient = released ? std::vector<std::string>{"idva"} : std::vector<std::string>{};
  return {{ESCALATION_STEP_REMINDER, kImmediateDue, recipient},
          {ESCALATION_STEP_MANAGERS, kImmediateDue + absl::Minutes(5), recipient},
          {ESCALATION_STEP_DEPUTY, kImmediateDue + absl::Minutes(10), {}},
          {ESCALATION_STEP_SENDER, kImmediateDue + absl::Minutes(15), {"police"}}};
}

TEST_F(EscalateTest, EachStepAtItsTimeAndNotBefore) {
  const std::string digest = Store(URGENCY_IMMEDIATE, /*released=*/true);
  EXPECT_EQ(Load(digest).recipients(0).pick_up_due_ms(), absl::ToUnixMillis(kImmediateDue));
  EXPECT_EQ(Load(digest).recipients(0).clock_version(), "clocks-1.2");
  const std::vector<Step> all = AllSteps();
  for (size_t i = 0; i < all.size(); ++i) {
    At(all[i].due - absl::Milliseconds(1));
    EXPECT_EQ(picked_.size(), i);
    At(all[i].due);
    ASSERT_EQ(picked_.size(), i + 1);
    EXPECT_EQ(picked_[i], all[i]);
    EXPECT_EQ(Entries(), i + 2) << "each is an entry";
  }
  EXPECT_EQ(Load(digest).recipients(0).pick_up_step(), ESCALATION_STEP_SENDER);
  EXPECT_THAT(answered_, IsEmpty()) << "there are 24 hours to answer";
  EXPECT_EQ(EscalationSteps(metrics_).With({"pick_up", "sender"}).value(), 1);
}

TEST_F(EscalateTest, WhoHasNothingOfItIsToldNothing) {
  Store(URGENCY_IMMEDIATE, /*released=*/false);
  At(kImmediateDue + absl::Hours(1));
  EXPECT_EQ(picked_, AllSteps(/*released=*/false));
}

TEST_F(EscalateTest, AClockThatJumpsForwardAnHourTakesEachStepOnceInOrder) {
  Store(URGENCY_IMMEDIATE, true);
  At(kImmediateDue - absl::Minutes(1) + absl::Hours(1));
  EXPECT_EQ(picked_, AllSteps());
  At(kImmediateDue - absl::Minutes(1));  // Put right: none comes again when its time really comes.
  for (int minute = 0; minute < 40; ++minute) At(clock_.Now() + absl::Minutes(1));
  EXPECT_EQ(picked_, AllSteps());
}

TEST_F(EscalateTest, AClockThatJumpsBackAnHourDelaysAndRepeatsNothing) {
  Store(URGENCY_IMMEDIATE, true);
  At(kImmediateDue + absl::Minutes(7));
  EXPECT_EQ(picked_.size(), 2u);
  At(clock_.Now() - absl::Hours(1));
  EXPECT_EQ(picked_.size(), 2u);
  for (int minute = 0; minute < 90; ++minute) At(clock_.Now() + absl::Minutes(1));
  EXPECT_EQ(picked_, AllSteps());
}

TEST_F(EscalateTest, ARestartBetweenStepsLosesAndRepeatsNone) {
  const std::string digest = Store(URGENCY_IMMEDIATE, true);
  for (const Step& step : AllSteps()) {
    Start();
    At(step.due);
    Start();
    Tick();
  }
  EXPECT_EQ(picked_, AllSteps());
  EXPECT_EQ(Load(digest).recipients(0).pick_up_step(), ESCALATION_STEP_SENDER);
}

TEST_F(EscalateTest, StepsThatFellDueWhileTheBrokerWasDownComeOneByOne) {
  Store(URGENCY_IMMEDIATE, true);
  At(kImmediateDue);
  const uint64_t before = Entries();
  clock_.Advance(absl::Hours(3));
  Start();
  Tick();
  EXPECT_EQ(picked_, AllSteps());
  EXPECT_EQ(Entries(), before + 3);
}

TEST_F(EscalateTest, AStepThatFailsIsNotTaken) {
  const std::string digest = Store(URGENCY_IMMEDIATE, true);
  failing_ = true;
  At(kImmediateDue);
  EXPECT_EQ(Load(digest).recipients(0).pick_up_step(), ESCALATION_STEP_UNSPECIFIED);
  EXPECT_EQ(Entries(), 1u);
  failing_ = false;
  At(kImmediateDue + kDueRetry);
  ASSERT_EQ(picked_.size(), 4u) << "and is made up for, with those after it";
  EXPECT_EQ(picked_[0].step, ESCALATION_STEP_REMINDER);
  EXPECT_EQ(picked_[3].step, ESCALATION_STEP_SENDER);
}

TEST_F(EscalateTest, TheSenderIsToldAgainEveryDayWithTheNumberCountingOn) {
  const std::string digest = Store(URGENCY_IMMEDIATE, true);
  const absl::Time sender = kImmediateDue + absl::Minutes(15);
  At(sender);
  At(sender + absl::Hours(24) - absl::Milliseconds(1));
  EXPECT_EQ(picked_.size(), 4u);
  At(sender + absl::Hours(24));
  ASSERT_EQ(picked_.size(), 5u);
  EXPECT_EQ(picked_[4], (Step{ESCALATION_STEP_SENDER, sender + absl::Hours(24), {"police"}}));
  At(sender + absl::Hours(24 * 4 + 1));  // Down for two: they are not made up for.
  ASSERT_EQ(picked_.size(), 6u);
  At(sender + absl::Hours(24 * 5));
  ASSERT_EQ(picked_.size(), 7u);
  std::vector<uint32_t> numbers;
  const auto view = *sequencer_->View();
  EXPECT_EQ(view->Scan(kFamilyDelivery, {}, [&](std::string_view, std::string_view bytes) {
    storage::v1::StoredDelivery delivery;
    EXPECT_TRUE(delivery.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    if (delivery.notice() == NOTICE_KIND_PICK_UP_OVERDUE && delivery.agency() == "police") {
      numbers.push_back(delivery.notice_reminder());
      EXPECT_EQ(delivery.notice_step(), ESCALATION_STEP_SENDER);
      EXPECT_EQ(delivery.notice_due_ms(), absl::ToUnixMillis(kImmediateDue));
    }
    return true;
  }), absl::OkStatus());
  EXPECT_THAT(numbers, ::testing::UnorderedElementsAre(4u, 5u, 6u, 9u));
}

TEST_F(EscalateTest, AfterFourWeeksTheSenderIsToldEveryWeekForEver) {
  const std::string digest = Store(URGENCY_IMMEDIATE, true);
  const absl::Time sender = kImmediateDue + absl::Minutes(15);
  At(sender);
  At(sender + (kDailyChasesMax - 1) * kChaseEvery);
  const absl::Time last = sender + kDailyChasesMax * kChaseEvery;
  At(last);
  EXPECT_EQ(picked_.size(), 6u);
  At(last + kLaterChaseEvery - absl::Milliseconds(1));
  EXPECT_EQ(picked_.size(), 6u);
  At(last + kLaterChaseEvery);
  EXPECT_EQ(picked_.size(), 7u);
  At(last + 500 * kLaterChaseEvery);  // Nearly ten years. What was missed while the broker was down is not made up for.
  EXPECT_EQ(picked_.size(), 8u);
  At(last + 501 * kLaterChaseEvery);
  EXPECT_EQ(picked_.size(), 9u);
  EXPECT_THAT(picked_.back().told, ElementsAre("police"));
  EXPECT_EQ(Load(digest).recipients(0).pick_up_due_ms(), absl::ToUnixMillis(kImmediateDue)) << "it stands as overdue";
}

TEST_F(EscalateTest, AdministratorsFindWhatReachedTheSenderTheLongestDueFirst) {
  const auto overdue = [this](std::string_view after = "", size_t rows = 10) { return *ReadOverdue(**sequencer_->View(), after, rows); };
  const std::string digest = Store(URGENCY_IMMEDIATE, true);
  At(kImmediateDue + absl::Minutes(15) - absl::Milliseconds(1));
  EXPECT_THAT(overdue().rows, IsEmpty()) << "its sender was not told yet";
  At(kImmediateDue + absl::Minutes(15));
  ASSERT_EQ(overdue().rows.size(), 1u);
  const OverdueClock first = overdue().rows[0];
  EXPECT_EQ(first.agency, "idva");
  EXPECT_EQ(first.sender, "police");
  EXPECT_TRUE(first.pick_up);
  EXPECT_EQ(first.lane, LANE_IMMEDIATE);
  EXPECT_EQ(first.due_at_ms, absl::ToUnixMillis(kImmediateDue));
  EXPECT_EQ(first.stored_index, Load(digest).stored_index());
  At(kNow + absl::Hours(60));  // The answer's clock too, and a chase of the first.
  ASSERT_EQ(overdue().rows.size(), 2u);
  EXPECT_TRUE(overdue().rows[0].pick_up);
  EXPECT_FALSE(overdue().rows[1].pick_up);
  const OverduePage page = overdue("", 1);
  ASSERT_EQ(page.rows.size(), 1u);
  EXPECT_TRUE(page.rows[0].pick_up);
  ASSERT_FALSE(page.next.empty());
  const OverduePage last = overdue(page.next, 1);
  ASSERT_EQ(last.rows.size(), 1u);
  EXPECT_FALSE(last.rows[0].pick_up);
  EXPECT_TRUE(last.next.empty());
  Run([&](CommitContext& context) -> absl::Status {
    auto stored = **LoadReferral(context, digest);
    ACCORD_RETURN_IF_ERROR(StopClocks(context, digest, *stored.mutable_recipients(0)));
    return SaveReferral(context, digest, stored);
  });
  EXPECT_THAT(overdue().rows, IsEmpty());
}

TEST_F(EscalateTest, WhatIsStoppedStaysQuiet) {
  const std::string digest = Store(URGENCY_IMMEDIATE, true);
  At(kImmediateDue);
  Run([&](CommitContext& context) -> absl::Status {
    auto stored = **LoadReferral(context, digest);
    ACCORD_RETURN_IF_ERROR(StopClocks(context, digest, *stored.mutable_recipients(0)));
    return SaveReferral(context, digest, stored);
  });
  At(kNow + absl::Hours(24 * 30));
  EXPECT_EQ(picked_.size(), 1u);
  EXPECT_THAT(answered_, IsEmpty());
  EXPECT_EQ(Load(digest).recipients(0).pick_up_step(), ESCALATION_STEP_REMINDER) << "what was, is kept";
}

TEST_F(EscalateTest, TheAnswerHasAClockOfItsOwn) {
  Store(URGENCY_IMMEDIATE, true);
  At(kNow + absl::Hours(24));
  ASSERT_EQ(answered_.size(), 1u);
  EXPECT_EQ(answered_[0].due, kNow + absl::Hours(24));
  At(kNow + absl::Hours(24) + absl::Minutes(15));
  EXPECT_EQ(answered_.size(), 4u);
}

TEST_F(EscalateTest, ADeputyIsGivenWhatItMayHaveAtItsStepAndOnce) {
  const auto stand_in = [](const char* agency) {
    return [agency](referral::HeaderParts& parts) {
      auto& deputy = parts.recipients.emplace_back();
      deputy.set_agency(agency);
      deputy.set_capacity(RECIPIENT_CAPACITY_DEPUTY);
      deputy.set_on_behalf_of("idva");
    };
  };
  const std::string digest = Store(URGENCY_IMMEDIATE, true, stand_in("housing"));
  const std::string barred = Store(URGENCY_IMMEDIATE, true, [&](referral::HeaderParts& parts) {
    stand_in("health")(parts);
    parts.subjects[0].add_exclusions()->set_agency("health");  // The person is not to be found there.
  });
  At(kImmediateDue + absl::Minutes(9));
  EXPECT_EQ(Load(digest).recipients_size(), 1);
  At(kImmediateDue + absl::Minutes(10));
  const auto stored = Load(digest);
  ASSERT_EQ(stored.recipients_size(), 2);
  EXPECT_EQ(stored.recipients(1).agency(), "housing");
  EXPECT_EQ(stored.recipients(1).state(), REFERRAL_STATE_STORED);
  EXPECT_EQ(stored.recipients(1).pick_up_due_ms(), 0) << "the clock is the principal's";
  EXPECT_EQ(mailboxes_.depth({"housing"}), 1u);
  EXPECT_EQ(Load(barred).recipients_size(), 1);
  EXPECT_EQ(mailboxes_.depth({"health"}), 0u);
  At(kNow + absl::Hours(30));  // The other clock's steps.
  EXPECT_EQ(Load(digest).recipients_size(), 2);
  EXPECT_EQ(mailboxes_.depth({"housing"}), 1u);

  // A person there opens it: the clock of whom it stands in for ends with it; an answer ends the other.
  const auto said = [&](StatementKind kind) {
    Run([&](CommitContext& context) -> absl::Status {
      Statement statement;
      statement.set_kind(kind);
      statement.set_agency("housing");
      statement.set_header_digest(digest);
      statement.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
      statement.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
      auto now = **LoadReferral(context, digest);
      ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(now));
      ACCORD_RETURN_IF_ERROR(NoteStatement(context, statement, header, now));
      return SaveReferral(context, digest, now);
    });
  };
  said(STATEMENT_KIND_OPENED);
  EXPECT_EQ(Load(digest).recipients(0).pick_up_due_ms(), 0);
  EXPECT_GT(Load(digest).recipients(0).response_due_ms(), 0);
  said(STATEMENT_KIND_ACCEPTED);
  EXPECT_EQ(Load(digest).recipients(0).response_due_ms(), 0);
}

}  // namespace
}  // namespace accord::broker::escalate_test
