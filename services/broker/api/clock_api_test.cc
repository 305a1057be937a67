// Clocks and duty over the wire: a whole broker with TLS, a real store and a real log, and a clock that the test moves.
//
// Goal: what docs/clocks.md promises: both ends know by when; a person alone ends pick-up; who is late is told in order, and nobody learns
// by it of what he has not been given; a sender of what cannot wait knows whether somebody is there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/working_days.h"
#include "services/broker/api/testing_change.h"

namespace accord::broker::clock_api_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kMinute = absl::Minutes(1);

class ClockApiTest : public ChangeApiTest {
 protected:
  ClockApiTest() : ChangeApiTest(&Clock()) {}
  static FakeClock& Clock() {
    static FakeClock clock(SystemClock().Now());
    return clock;
  }
  static absl::Time Now() { return Clock().Now(); }

  static TestingReferral Immediate(const std::string& request_id, std::vector<std::string> recipients = {"idva"}) {
    return {.request_id = request_id, .recipients = std::move(recipients), .urgency = URGENCY_IMMEDIATE};
  }
  v1::SubmitReferralResponse Submit(const TestingReferral& spec) {
    const auto response = rpc::CallUnary(Stub("police"), &v1::ReferralService::Stub::SubmitReferral, MakeSubmission(world_, spec), kTestTimeout);
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.value_or(v1::SubmitReferralResponse());
  }
  v1::RecipientStatus StatusOf(const std::string& digest, const std::string& agency, const std::string& asks = "police") {
    const auto referral = Get(asks, digest);
    EXPECT_EQ(referral.status(), absl::OkStatus());
    for (const auto& row : referral->recipients()) {
      if (row.agency() == agency) return row;
    }
    return {};
  }
  v1::SharingNotice Notice(const std::string& agency) {
    const v1::Delivery delivery = Take(agency);
    EXPECT_TRUE(delivery.has_notice());
    return delivery.notice();
  }
  absl::Status Open(const std::string& agency, const std::string& digest, bool by_software, const std::string& previous = "") {
    Statement opened = Word(agency, STATEMENT_KIND_OPENED, fmt::format("opened-{:04}", ++said_), digest, previous);
    if (by_software) {
      opened.mutable_worker()->set_role(WORKER_ROLE_SYSTEM);
      opened.mutable_worker()->set_authentication(AUTHENTICATION_AUTOMATIC);
    }
    const auto answer = Respond(opened);
    if (answer.ok()) last_ = answer->statement_digest();
    return answer.status();
  }
  absl::Status Accept(const std::string& agency, const std::string& digest) {
    Statement accepted = Word(agency, STATEMENT_KIND_ACCEPTED, fmt::format("accepted-{:04}", ++said_), digest, last_);
    return Respond(accepted).status();
  }
  absl::Status Alert(const std::string& agency, const std::string& delivery_id) {
    const auto stub = v1::MailboxService::NewStub(world_.Channel("agency/" + agency));
    v1::ReportAlertRequest request;
    request.set_request_id(fmt::format("alert-{:04}", ++said_));
    request.set_delivery_id(delivery_id);
    return rpc::CallUnary(*stub, &v1::MailboxService::Stub::ReportAlert, request, kTestTimeout).status();
  }
  void PutDuty(const std::string& agency, bool on_duty) {
    admin::v1::Change change;
    auto& row = *change.mutable_put_agency()->mutable_agency();
    row = world_.broker().directory().Get()->FindAgency(agency)->agency;
    row.set_duty_telephone("01632 960123");
    row.clear_duty_hours();
    if (on_duty) {
      auto& hours = *row.add_duty_hours();
      hours.set_first_day(1);
      hours.set_last_day(7);
    }
    ASSERT_EQ(world_.Change(change), absl::OkStatus());
  }
  // All but the reminder so many minutes late.
  static std::string Rules(const std::string& version, int minutes) {
    return fmt::format(R"(
version = "{0}"
effective_from = "2020-01-01"
[[pick_up]]
lane = "medium"
working_days = 2
[[pick_up]]
lane = "standard"
hours = 48
[[response]]
hours = 24
[escalation]
managers_percent = 0
deputy_percent = 0
sender_percent = 0
[escalation_immediate]
managers_minutes = {1}
deputy_minutes = {1}
sender_minutes = {1}
)",
                       version, minutes);
  }
  absl::Status PutRules(const std::string& text) {
    admin::v1::Change change;
    change.mutable_put_clock_rules()->set_text(text);
    return world_.Change(change);
  }

  int said_ = 0;
  std::string last_;  // Digest of the last statement of Open.
};

TEST_F(ClockApiTest, BothEndsAreToldByWhen) {
  const auto stored = Submit({.request_id = "incident-1", .recipients = {"idva", "childrens"}});
  const absl::Time at = Now();
  ASSERT_EQ(stored.recipients_size(), 2);
  EXPECT_EQ(stored.recipients(0).agency(), "idva");
  EXPECT_EQ(stored.recipients(0).state(), REFERRAL_STATE_STORED);
  EXPECT_EQ(stored.recipients(0).pick_up_due_ms(), absl::ToUnixMillis(at + absl::Hours(24)));
  EXPECT_EQ(stored.recipients(0).response_due_ms(), absl::ToUnixMillis(at + absl::Hours(72)));
  EXPECT_EQ(stored.recipients(1).response_due_ms(), absl::ToUnixMillis(std::min(at + absl::Hours(72), EndOfNextWorkingDay(at))));
  EXPECT_EQ(stored.recipients(0).duty(), DUTY_STATE_UNSPECIFIED) << "it is not IMMEDIATE";
  EXPECT_EQ(stored.recipients(0).duty_telephone(), "");
  const v1::Delivery delivery = Take("idva");
  EXPECT_EQ(delivery.referral().pick_up_due_ms(), stored.recipients(0).pick_up_due_ms());
  EXPECT_EQ(delivery.referral().response_due_ms(), stored.recipients(0).response_due_ms());
  for (const char* asks : {"police", "idva"}) {
    EXPECT_EQ(StatusOf(stored.header_digest(), "idva", asks).pick_up_due_ms(), stored.recipients(0).pick_up_due_ms());
    EXPECT_EQ(StatusOf(stored.header_digest(), "idva", asks).response_due_ms(), stored.recipients(0).response_due_ms());
  }
  // A repeat is told how it stands now.
  const auto again = Submit({.request_id = "incident-2", .recipients = {"idva"}, .grade = RISK_GRADE_STANDARD});
  EXPECT_EQ(again.recipients(0).pick_up_due_ms(), absl::ToUnixMillis(*referral::PickUpDue(
      referral::DefaultClockRules(), {REFERRAL_TYPE_REFERRAL, LANE_STANDARD, AGENCY_KIND_IDVA, referral::HolidaysOf(referral::DefaultClockRules(), {}), at})));
}

TEST_F(ClockApiTest, WhatNobodyHasToAnswerHasNoClock) {
  TestingReferral spec = {.request_id = "notice-1", .recipients = {"idva"}, .grade = RISK_GRADE_STANDARD};
  spec.alter = [](referral::HeaderParts& parts) { parts.core.set_type(REFERRAL_TYPE_NOTIFICATION); };
  const auto stored = Submit(spec);
  EXPECT_EQ(stored.recipients(0).pick_up_due_ms(), 0);
  EXPECT_EQ(stored.recipients(0).response_due_ms(), 0);
  EXPECT_EQ(DueRows(DueKind::kPickUp) + DueRows(DueKind::kResponse), 0u);
}

TEST_F(ClockApiTest, OpenedBySoftwareAloneStopsNoClock) {
  const std::string digest = Submit({.request_id = "incident-1", .recipients = {"idva"}}).header_digest();
  Take("idva");
  ASSERT_EQ(Open("idva", digest, /*by_software=*/true), absl::OkStatus());
  EXPECT_EQ(StateAt("idva", digest), REFERRAL_STATE_OPENED);
  EXPECT_GT(StatusOf(digest, "idva").pick_up_due_ms(), 0);
  EXPECT_EQ(DueRows(DueKind::kPickUp), 1u);
  ASSERT_EQ(Open("idva", digest, false, last_), absl::OkStatus()) << "a person opens it then";
  EXPECT_EQ(StatusOf(digest, "idva").pick_up_due_ms(), 0);
  EXPECT_EQ(DueRows(DueKind::kPickUp), 0u);
  EXPECT_EQ(Refused(Open("idva", digest, false, last_)), Reason::kTransitionIllegal) << "once";
  EXPECT_GT(StatusOf(digest, "idva").response_due_ms(), 0) << "to open is not to answer";
  ASSERT_EQ(Accept("idva", digest), absl::OkStatus());
  EXPECT_EQ(StatusOf(digest, "idva").response_due_ms(), 0);
  EXPECT_EQ(DueRows(DueKind::kResponse), 0u);
}

TEST_F(ClockApiTest, WhoIsLateIsTalkedToInOrderAndTheSenderLast) {
  const std::string digest = Submit(Immediate("incident-1", {"idva", "childrens"})).header_digest();
  const absl::Time due = Now() + 30 * kMinute;
  Take("idva");  // Children's services collect nothing.
  Clock().Advance(30 * kMinute);
  auto notice = Notice("idva");
  EXPECT_EQ(notice.kind(), NOTICE_KIND_PICK_UP_OVERDUE);
  EXPECT_EQ(notice.step(), ESCALATION_STEP_REMINDER);
  EXPECT_EQ(notice.agency(), "idva");
  EXPECT_EQ(notice.header_digest(), digest);
  EXPECT_EQ(notice.due_at_ms(), absl::ToUnixMillis(due));
  Clock().Advance(5 * kMinute);
  EXPECT_EQ(Notice("idva").step(), ESCALATION_STEP_MANAGERS);
  EXPECT_EQ(Depth("police"), 0u);
  Clock().Advance(10 * kMinute);
  std::vector<std::string> late;
  for (int i = 0; i < 2; ++i) {
    notice = Notice("police");
    EXPECT_EQ(notice.step(), ESCALATION_STEP_SENDER);
    late.push_back(notice.agency());
  }
  EXPECT_THAT(late, ::testing::UnorderedElementsAre("idva", "childrens"));
  EXPECT_EQ(Depth("childrens"), 1u) << "the referral alone: no notice tells of what it was not given";
  EXPECT_EQ(Depth("idva"), 0u);
  EXPECT_EQ(StatusOf(digest, "idva").escalated(), ESCALATION_STEP_SENDER);

  std::vector<EscalationStep> steps;
  for (const auto& entry : EntriesOpenTo("police", EVENT_TYPE_PICK_UP_OVERDUE)) {
    if (entry.referral->recipient() != "idva") continue;
    steps.push_back(entry.event->step());
    EXPECT_EQ(entry.event->clock_version(), "clocks-1.2");
    EXPECT_EQ(entry.event->due_at_ms(), absl::ToUnixMillis(due));
    EXPECT_EQ(entry.actor->principal(), "broker");
  }
  EXPECT_THAT(steps, ElementsAre(ESCALATION_STEP_REMINDER, ESCALATION_STEP_MANAGERS, ESCALATION_STEP_DEPUTY, ESCALATION_STEP_SENDER));
  EXPECT_THAT(EntriesOpenTo("idva", EVENT_TYPE_PICK_UP_OVERDUE), IsEmpty());

  ASSERT_EQ(Open("idva", digest, false), absl::OkStatus());
  Take("police");
  Clock().Advance(absl::Hours(23));
  EXPECT_EQ(Depth("idva"), 0u) << "it has opened it, and there is time to answer";

  // The entry of what ends a clock says when that was due, met or missed.
  const int64_t answer_due = StatusOf(digest, "idva").response_due_ms();
  ASSERT_GT(answer_due, 0);
  ASSERT_EQ(Accept("idva", digest), absl::OkStatus());
  std::vector<std::string> ended;
  for (const auto& entry : EntriesOpenTo("police", EVENT_TYPE_STATEMENT)) {
    ended.push_back(fmt::format("{} {} {}", StatementKind_Name(entry.event->statement()), entry.event->due_at_ms(), entry.event->clock_version()));
  }
  EXPECT_THAT(ended, ElementsAre(fmt::format("STATEMENT_KIND_OPENED {} clocks-1.2", absl::ToUnixMillis(due)),
                                 fmt::format("STATEMENT_KIND_ACCEPTED {} clocks-1.2", answer_due)));
}

TEST_F(ClockApiTest, ADeadLetterKeepsItsClock) {
  const std::string digest = Submit(Immediate("incident-1")).header_digest();
  std::string id;
  {
    Collector idva(world_, "agency/idva", 1);
    v1::OpenMailboxRequest reject;
    id = idva.NextDelivery().delivery_id();
    reject.mutable_reject()->set_delivery_id(id);
    reject.mutable_reject()->set_reason("SIGNATURE_INVALID");
    idva.Say(reject);
    idva.Settled();
  }
  EXPECT_EQ(StateAt("idva", digest), REFERRAL_STATE_DEAD_LETTER);
  EXPECT_EQ(DueRows(DueKind::kPickUp), 1u);
  EXPECT_GT(StatusOf(digest, "idva").pick_up_due_ms(), 0);
  Take("police");  // That it is one.
  Clock().Advance(45 * kMinute);
  EXPECT_EQ(Notice("police").step(), ESCALATION_STEP_SENDER) << "and nobody has opened it";
  // Until it is given up: then nobody can.
  v1::DiscardDeadLetterRequest discard;
  discard.set_request_id("discard-0001");
  discard.set_delivery_id(id);
  discard.set_reason(DISCARD_REASON_TOLD_OTHERWISE);
  discard.mutable_worker()->set_pseudonym("pc-1");
  discard.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
  discard.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
  const auto mailboxes = v1::MailboxService::NewStub(world_.Channel("agency/police"));
  ASSERT_EQ(rpc::CallUnary(*mailboxes, &v1::MailboxService::Stub::DiscardDeadLetter, discard, kTestTimeout).status(), absl::OkStatus());
  EXPECT_EQ(DueRows(DueKind::kPickUp) + DueRows(DueKind::kResponse), 0u);
  EXPECT_EQ(StatusOf(digest, "idva").pick_up_due_ms(), 0);
}

TEST_F(ClockApiTest, WhatIsTakenBackOrReplacedHasNoClockAnyMore) {
  const Sent recalled = Send(Immediate("incident-1", {"idva", "childrens"}));
  Take("idva");
  ASSERT_EQ(Recall(recalled.digest, "recalled-01").status(), absl::OkStatus());
  EXPECT_EQ(DueRows(DueKind::kPickUp) + DueRows(DueKind::kResponse), 0u);
  EXPECT_EQ(StatusOf(recalled.digest, "childrens").pick_up_due_ms(), 0);
  EXPECT_EQ(StatusOf(recalled.digest, "childrens").duty(), DUTY_STATE_UNSPECIFIED);

  const Sent stopped = Send({.request_id = "incident-2", .recipients = {"idva", "childrens"}});
  ASSERT_TRUE(Take("idva").has_statement());
  Take("idva");
  ASSERT_EQ(Change(MakeChange(stopped, With(stopped, CONFIDENTIALITY_CONSENT_WITHDRAWN), "withdrawn-1")).status(), absl::OkStatus());
  EXPECT_EQ(StatusOf(stopped.digest, "childrens").pick_up_due_ms(), 0) << "its copy was stopped";
  EXPECT_GT(StatusOf(stopped.digest, "idva").pick_up_due_ms(), 0) << "it holds one";

  const Sent first = Send({.request_id = "incident-3", .recipients = {"childrens"}});
  const size_t before = DueRows(DueKind::kPickUp);
  Clock().Advance(absl::Hours(1));
  const auto corrected = Correct(MakeCorrection(first.digest, {.request_id = "incident-3-corrected", .recipients = {"childrens"}}, false));
  ASSERT_EQ(corrected.status(), absl::OkStatus());
  EXPECT_EQ(StatusOf(first.digest, "childrens").pick_up_due_ms(), 0);
  EXPECT_EQ(DueRows(DueKind::kPickUp), before);
  EXPECT_EQ(corrected->stored().recipients(0).pick_up_due_ms(), absl::ToUnixMillis(Now() + absl::Hours(24)));
  EXPECT_GT(corrected->stored().recipients(0).response_due_ms(), 0) << "it counts as what it corrects: a referral is answered";

  // Also of whom the older version reached; and a notice that is corrected is still not answered.
  TestingReferral spec = {.request_id = "notice-1", .recipients = {"housing"}};
  spec.alter = [](referral::HeaderParts& parts) { parts.core.set_type(REFERRAL_TYPE_NOTIFICATION); };
  const Sent notice = Send(spec);
  Take("housing");
  EXPECT_GT(StatusOf(notice.digest, "housing").pick_up_due_ms(), 0) << "it is of high risk";
  const auto further = Correct(MakeCorrection(notice.digest, {.request_id = "notice-1-corrected", .recipients = {"housing"}}, false));
  ASSERT_EQ(further.status(), absl::OkStatus());
  EXPECT_EQ(StatusOf(notice.digest, "housing").pick_up_due_ms(), 0);
  EXPECT_GT(further->stored().recipients(0).pick_up_due_ms(), 0);
  EXPECT_EQ(further->stored().recipients(0).response_due_ms(), 0);
}

TEST_F(ClockApiTest, ErasureTakesTheClocksToo) {
  absl::Notification purged;
  world_.Stop();
  world_.Start([&](EraserStep step) {
    if (step == EraserStep::kPurgeRecorded) purged.Notify();
  });
  Connect();
  const std::string digest = Submit(Immediate("incident-1", {"idva", "childrens"})).header_digest();
  EXPECT_EQ(DueRows(DueKind::kPickUp) + DueRows(DueKind::kResponse), 4u);
  admin::v1::Change erase;
  erase.mutable_erase()->set_header_digest(digest);
  erase.mutable_erase()->set_ground(ERASURE_GROUND_SUBJECT_REQUEST);
  erase.mutable_erase()->set_authority("dpo:2026/17");
  ASSERT_EQ(world_.Change(erase), absl::OkStatus());
  purged.WaitForNotification();
  EXPECT_EQ(DueRows(DueKind::kPickUp) + DueRows(DueKind::kResponse), 0u);
}

TEST_F(ClockApiTest, ADeputyIsGivenItOnAMissedClockAlone) {
  TestingReferral spec = Immediate("incident-1", {"idva", "childrens"});
  spec.alter = [](referral::HeaderParts& parts) {
    parts.recipients[1].set_capacity(RECIPIENT_CAPACITY_DEPUTY);
    parts.recipients[1].set_on_behalf_of("idva");
  };
  const auto stored = Submit(spec);
  ASSERT_EQ(stored.recipients_size(), 1);
  EXPECT_EQ(Depth("childrens"), 0u);
  EXPECT_EQ(Get("childrens", stored.header_digest()).status().code(), absl::StatusCode::kPermissionDenied);
  Clock().Advance(39 * kMinute);
  Take("idva");
  Clock().Advance(kMinute);
  const v1::Delivery given = Take("childrens");
  ASSERT_TRUE(given.has_referral());
  EXPECT_EQ(given.lane(), LANE_IMMEDIATE);
  EXPECT_EQ(given.referral().sections_size(), 3);
  EXPECT_EQ(given.referral().pick_up_due_ms(), 0);
  ASSERT_EQ(Open("childrens", stored.header_digest(), false), absl::OkStatus());
  EXPECT_EQ(StatusOf(stored.header_digest(), "idva").pick_up_due_ms(), 0) << "somebody has it";
}

TEST_F(ClockApiTest, ASenderOfWhatCannotWaitKnowsWhetherSomebodyIsThere) {
  PutDuty("idva", true);
  const auto stored = Submit(Immediate("incident-1", {"idva", "childrens"}));
  const std::string& digest = stored.header_digest();
  EXPECT_EQ(stored.recipients(0).duty(), DUTY_STATE_QUEUED);
  EXPECT_EQ(stored.recipients(0).duty_telephone(), "01632 960123");
  EXPECT_EQ(stored.recipients(1).duty(), DUTY_STATE_NO_ONE_ON_DUTY) << "it has registered no hours";
  EXPECT_EQ(stored.recipients(1).duty_telephone(), "");
  PutDuty("idva", false);
  EXPECT_EQ(StatusOf(digest, "idva").duty(), DUTY_STATE_NO_ONE_ON_DUTY);
  const std::string delivery_id = Take("idva").delivery_id();
  EXPECT_EQ(StatusOf(digest, "idva").duty(), DUTY_STATE_NO_ONE_ON_DUTY) << "delivered is not alerted";
  ASSERT_EQ(Alert("idva", delivery_id), absl::OkStatus());
  EXPECT_EQ(StatusOf(digest, "idva").duty(), DUTY_STATE_ALERTED);
  ASSERT_EQ(Alert("idva", delivery_id), absl::OkStatus());
  EXPECT_EQ(EntriesOpenTo("police", EVENT_TYPE_DUTY_ALERTED).size(), 1u);
  EXPECT_EQ(EntriesOpenTo("idva", EVENT_TYPE_DUTY_ALERTED).size(), 1u);
  EXPECT_THAT(EntriesOpenTo("childrens", EVENT_TYPE_DUTY_ALERTED), IsEmpty());
  EXPECT_EQ(StatusOf(digest, "idva", "idva").duty(), DUTY_STATE_UNSPECIFIED) << "that is for the sender";
  EXPECT_EQ(StatusOf(digest, "idva", "idva").duty_telephone(), "");
  world_.Stop();
  world_.Start();
  Connect();
  EXPECT_EQ(StatusOf(digest, "idva").duty(), DUTY_STATE_ALERTED);
  ASSERT_EQ(Open("idva", digest, /*by_software=*/true), absl::OkStatus());
  EXPECT_EQ(StatusOf(digest, "idva").duty(), DUTY_STATE_ALERTED);
  ASSERT_EQ(Open("idva", digest, false, last_), absl::OkStatus());
  EXPECT_EQ(StatusOf(digest, "idva").duty(), DUTY_STATE_OPENED);
}

TEST_F(ClockApiTest, AnAlertIsOfAnImmediateDeliveryOfTheCallersOwn) {
  EXPECT_EQ(Refused(Alert("idva", std::string(16, 'n'))), Reason::kDeliveryNotFound);
  EXPECT_EQ(Refused(Alert("idva", "short")), Reason::kFieldInvalid);
  Submit(Immediate("incident-1"));
  std::string id;
  const auto view = *world_.broker().sequencer().View();
  ASSERT_EQ(view->Scan(kFamilyDelivery, {}, [&](std::string_view key, std::string_view) {
    id = key;
    return false;
  }), absl::OkStatus());
  EXPECT_EQ(Refused(Alert("idva", id)), Reason::kDeliveryNotFound) << "not released";
  EXPECT_EQ(Take("idva").delivery_id(), id);
  EXPECT_EQ(Refused(Alert("childrens", id)), Reason::kDeliveryNotFound);
  EXPECT_EQ(Alert("idva", id), absl::OkStatus());
  Submit({.request_id = "incident-2", .recipients = {"childrens"}});
  EXPECT_EQ(Refused(Alert("childrens", Take("childrens").delivery_id())), Reason::kDeliveryNotFound) << "not IMMEDIATE";
}

TEST_F(ClockApiTest, RulesAreApprovedByTwoAndAClockKeepsItsOwn) {
  EXPECT_EQ(Refused(PutRules("version = \"x\"")), Reason::kFieldInvalid);
  EXPECT_EQ(Refused(PutRules(Rules("clocks-1", 15))), Reason::kFieldInvalid) << "the version is taken by what the program is built with";
  Submit(Immediate("incident-1"));
  ASSERT_EQ(PutRules(Rules("local-1", 60)), absl::OkStatus());
  EXPECT_EQ(Refused(PutRules(Rules("local-1", 61))), Reason::kFieldInvalid) << "one version, one text";
  const auto after = Submit({.request_id = "incident-2", .recipients = {"childrens"}, .grade = RISK_GRADE_STANDARD});
  EXPECT_EQ(after.recipients(0).pick_up_due_ms(), absl::ToUnixMillis(Now() + absl::Hours(48)));
  EXPECT_EQ(after.recipients(0).response_due_ms(), absl::ToUnixMillis(Now() + absl::Hours(24)));
  world_.Stop();
  world_.Start();
  Connect();
  Take("idva");
  Clock().Advance(30 * kMinute);
  EXPECT_EQ(Notice("idva").step(), ESCALATION_STEP_REMINDER);
  Clock().Advance(5 * kMinute);
  EXPECT_EQ(Notice("idva").step(), ESCALATION_STEP_MANAGERS) << "five minutes later, as in the rules by which it was started";
  Clock().Advance(10 * kMinute);
  EXPECT_EQ(Notice("police").step(), ESCALATION_STEP_SENDER);
  for (const auto& entry : EntriesOpenTo("police", EVENT_TYPE_PICK_UP_OVERDUE)) EXPECT_EQ(entry.event->clock_version(), "clocks-1.2");
}

TEST_F(ClockApiTest, AChildNoticeOfAFridayNightIsOpenedBeforeSchoolBegins) {
  // The schools' desk of an area where the next term begins on Wednesday; children's services of one where no holidays are.
  const absl::CivilDay friday = absl::NextWeekday(LondonDay(Now()), absl::Weekday::friday);
  const auto put = [&](const char* agency, AgencyKind kind, const char* area) {
    admin::v1::Change change;
    auto& row = *change.mutable_put_agency()->mutable_agency();
    row = world_.broker().directory().Get()->FindAgency(agency)->agency;
    row.set_kind(kind);
    row.clear_areas();
    row.add_areas(area);
    ASSERT_EQ(world_.Change(change), absl::OkStatus());
  };
  put("housing", AGENCY_KIND_EDUCATION, "E06000052");
  put("childrens", AGENCY_KIND_CHILDRENS_SERVICES, "E06000047");
  admin::v1::Change agreement;
  const auto route = [](const char* id, const char* kind, const char* categories) {
    return fmt::format("[[route]]\nid = \"{0}\"\nfrom_kinds = [\"police\"]\nto_kinds = [\"{1}\"]\npurposes = [\"safeguarding_child\"]\ncategories = [{2}]\n",
                       id, kind, categories);
  };
  agreement.mutable_put_agreement()->set_text(
      "id = \"notices\"\nversion = \"notices-1\"\nparties = [\"police\", \"childrens\", \"housing\"]\neffective_from = \"2020-01-01\"\nexpires = \"2099-01-01\"\n" +
      route("childrens", "childrens_services", "\"identity\", \"risk\", \"narrative\"") + route("schools", "education", "\"identity\""));
  ASSERT_EQ(world_.Change(agreement), absl::OkStatus());
  const auto term = [](const char* area, absl::CivilDay first, absl::CivilDay last) {
    return fmt::format("[[school_terms]]\nareas = [\"{}\"]\nfirst_day = \"{}\"\nlast_day = \"{}\"\n", area, absl::FormatCivilTime(first),
                       absl::FormatCivilTime(last));
  };
  ASSERT_EQ(PutRules(Rules("schools-1", 15) + "[[before_school]]\npurposes = [\"safeguarding_child\"]\n" + term("E06000052", friday - 10, friday) +
                     term("E06000052", friday + 5, friday + 20) + term("E06000047", friday - 10, friday + 20)),
            absl::OkStatus());
  Clock().Advance(StartOfLondonDay(friday) + absl::Hours(22) - Now());
  TestingReferral spec = {.request_id = "notice-1", .recipients = {"childrens", "housing"}, .grade = RISK_GRADE_MEDIUM};
  spec.alter = [](referral::HeaderParts& parts) {
    parts.core.set_type(REFERRAL_TYPE_NOTIFICATION);
    parts.core.set_purpose(PURPOSE_SAFEGUARDING_CHILD);
  };
  const auto stored = Submit(spec);
  const absl::Time monday = StartOfLondonDay(friday + 3) + absl::Hours(8) + 45 * kMinute, wednesday = StartOfLondonDay(friday + 5) + absl::Hours(8) + 45 * kMinute;
  ASSERT_EQ(stored.recipients_size(), 2);
  EXPECT_EQ(stored.recipients(0).pick_up_due_ms(), absl::ToUnixMillis(monday));
  EXPECT_EQ(stored.recipients(1).pick_up_due_ms(), absl::ToUnixMillis(wednesday)) << "the first day of term";
  EXPECT_EQ(stored.recipients(1).response_due_ms(), 0);
  EXPECT_EQ(Take("childrens").referral().pick_up_due_ms(), absl::ToUnixMillis(monday)) << "the recipient knows by when";
  Take("housing");
  world_.Stop();
  world_.Start();
  Connect();
  Clock().Advance(monday - kMinute - Now());
  EXPECT_THAT(EntriesOpenTo("police", EVENT_TYPE_PICK_UP_OVERDUE), IsEmpty());
  Clock().Advance(kMinute);
  const auto notice = Notice("childrens");
  EXPECT_EQ(notice.kind(), NOTICE_KIND_PICK_UP_OVERDUE);
  EXPECT_EQ(notice.due_at_ms(), absl::ToUnixMillis(monday));
  EXPECT_EQ(Notice("police").step(), ESCALATION_STEP_SENDER);
  for (const auto& entry : EntriesOpenTo("police", EVENT_TYPE_PICK_UP_OVERDUE)) {
    EXPECT_EQ(entry.referral->recipient(), "childrens");
    EXPECT_EQ(entry.event->due_at_ms(), absl::ToUnixMillis(monday));
    EXPECT_EQ(entry.event->clock_version(), "schools-1");
  }
  ASSERT_EQ(Open("housing", stored.header_digest(), false), absl::OkStatus());
  EXPECT_EQ(StatusOf(stored.header_digest(), "housing").pick_up_due_ms(), 0) << "a person there has opened it in time";
}

TEST_F(ClockApiTest, DutyThatMakesNoSenseIsRefused) {
  const auto put = [&](std::function<void(admin::v1::Agency&)> alter) {
    admin::v1::Change change;
    auto& row = *change.mutable_put_agency()->mutable_agency();
    row = world_.broker().directory().Get()->FindAgency("idva")->agency;
    auto& hours = *row.add_duty_hours();
    hours.set_first_day(1);
    hours.set_last_day(5);
    hours.set_from_minute(1320);
    hours.set_to_minute(1440);
    row.set_duty_telephone("+44 (0)1632 960-123");
    if (alter) alter(row);
    return world_.Change(change);
  };
  EXPECT_EQ(put(nullptr), absl::OkStatus());
  EXPECT_EQ(put([](auto& row) { row.set_duty_telephone(std::string(32, '1')); }), absl::OkStatus());
  EXPECT_EQ(put([](auto& row) { while (row.duty_hours_size() < 32) *row.add_duty_hours() = row.duty_hours(0); }), absl::OkStatus());
  for (const auto& [field, alter] : std::vector<std::pair<std::string, std::function<void(admin::v1::Agency&)>>>{
           {"agency.duty_telephone", [](auto& row) { row.set_duty_telephone(std::string(33, '1')); }},
           {"agency.duty_telephone", [](auto& row) { row.set_duty_telephone("ask for Jo"); }},
           {"agency.duty_telephone", [](auto& row) { row.set_duty_telephone("+"); }},
           {"agency.duty_hours", [](auto& row) { while (row.duty_hours_size() < 33) *row.add_duty_hours() = row.duty_hours(0); }},
           {"agency.duty_hours", [](auto& row) { row.mutable_duty_hours(0)->set_first_day(0); }},
           {"agency.duty_hours", [](auto& row) { row.mutable_duty_hours(0)->set_last_day(8); }},
           {"agency.duty_hours", [](auto& row) { row.mutable_duty_hours(0)->set_first_day(6); }},
           {"agency.duty_hours", [](auto& row) { row.mutable_duty_hours(0)->set_from_minute(1441); }},
           {"agency.duty_hours", [](auto& row) { row.mutable_duty_hours(0)->set_to_minute(1441); }}}) {
    const absl::Status refused = put(alter);
    EXPECT_TRUE(HasReason(refused, Reason::kFieldInvalid)) << field;
    EXPECT_EQ(DetailOf(refused).metadata["field"], field);
  }
}

}  // namespace
}  // namespace accord::broker::clock_api_test
