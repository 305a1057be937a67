// The agency runtime against a broker that is away, forgets to answer, changes its mind or lies, with the service
// killed between any two steps: each state is reopened from the real store, as after a crash.
#include <gtest/gtest.h>

#include <filesystem>

#include "common/agent/alarm.h"
#include "common/agent/fake_broker.h"
#include "common/agent/inbox.h"
#include "common/agent/log_watch.h"
#include "common/agent/outbox.h"
#include "common/agent/preparer.h"
#include "common/agent/screening.h"
#include "common/agent/testing_service.h"
#include "common/base/clock.h"
#include "common/crypto/testing_pki.h"
#include "common/storage/rocks_store.h"

namespace accord::agent::agent_test {
namespace {

using agency::v1::SUBMISSION_STATE_ACCEPTED;
using agency::v1::SUBMISSION_STATE_NEEDS_PERSON;
using agency::v1::SUBMISSION_STATE_PREPARED;
using agency::v1::SUBMISSION_STATE_SENT;
using agency::v1::SUBMISSION_STATE_SETTLED;
using agency::v1::SUBMISSION_STATE_WITHDRAWN;

TEST_F(AgentTest, GoesThroughItsStatesAndSurvivesAKillInEach) {
  const auto pushed = police.outbox->Push(SomeDraft());
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_ACCEPTED);
  police.Restart();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_ACCEPTED);
  ASSERT_TRUE(police.outbox->Step());
  EXPECT_EQ(police.State(), SUBMISSION_STATE_PREPARED);
  police.Restart();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_PREPARED);
  broker.lose_answer = true;
  ASSERT_TRUE(police.outbox->Step());
  EXPECT_EQ(police.State(), SUBMISSION_STATE_SENT);
  police.Restart();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_SENT);
  broker.lose_answer = false;
  police.Settle();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_SETTLED);
  police.Restart();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(broker.stored.size(), 1u) << "it arrived once";
  ASSERT_EQ(broker.submitted.size(), 2u);
  EXPECT_EQ(broker.submitted[0], broker.submitted[1]) << "a resend is the same bytes";
  EXPECT_FALSE(police.outbox->Step());
}

TEST_F(AgentTest, ARepeatedPushIsOneSubmissionAndOtherContentIsRefused) {
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  EXPECT_TRUE(police.outbox->Push(SomeDraft()).ok());
  Draft other = SomeDraft();
  other.sections[1].content.mutable_text()->set_text("something else");
  EXPECT_TRUE(HasReason(police.outbox->Push(other).status(), Reason::kRequestIdReused));
  EXPECT_EQ(police.outbox->waiting(), 1u);
}

TEST_F(AgentTest, WaitsForABrokerThatIsAwayAndSaysWhy) {
  broker.away = Error(Reason::kBrokerUnreachable, "no answer");
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  ASSERT_TRUE(police.outbox->Step());
  EXPECT_FALSE(police.outbox->Step()) << "it waits before the next try";
  EXPECT_EQ(police.State(), SUBMISSION_STATE_ACCEPTED);
  EXPECT_NE(police.outbox->Get("request-1")->waiting_for().find("BROKER_UNREACHABLE"), std::string::npos);
  broker.away = absl::OkStatus();
  clock.Advance(kRetryDelayMax);
  police.Settle();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_SETTLED);
}

TEST_F(AgentTest, ANarrowerPolicyIsFollowedByItselfAndAWiderOneAsksAPerson) {
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  ASSERT_TRUE(police.outbox->Step());
  broker.withheld = {type::v1::CATEGORY_NARRATIVE};  // The policy changed while it was on its way.
  police.Settle();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_SETTLED);

  broker.withheld = {type::v1::CATEGORY_NARRATIVE};
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-2")).ok());
  ASSERT_TRUE(police.outbox->Step());
  broker.withheld = {};
  police.Settle();
  EXPECT_EQ(police.State("request-2"), SUBMISSION_STATE_NEEDS_PERSON);
  ASSERT_TRUE(police.outbox->Resolve("request-2", true).ok());
  police.Settle();
  EXPECT_EQ(police.State("request-2"), SUBMISSION_STATE_SETTLED);
  EXPECT_TRUE(HasReason(police.outbox->Resolve("request-2", true).status(), Reason::kTransitionIllegal));
}

TEST_F(AgentTest, APersonApprovesWhatTheySawAndNoMore) {
  broker.withheld = {type::v1::CATEGORY_NARRATIVE, type::v1::CATEGORY_IDENTITY};
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  police.Settle();
  ASSERT_EQ(police.State(), SUBMISSION_STATE_NEEDS_PERSON);
  broker.withheld = {};  // After the person looked, and before their answer is carried out.
  ASSERT_TRUE(police.outbox->Resolve("request-1", true).ok());
  police.Restart();
  police.Settle();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_NEEDS_PERSON) << "it would share what they never saw";
  EXPECT_TRUE(broker.submitted.empty());
  EXPECT_EQ(police.outbox->Get("request-1")->decisions(0).verdict(), type::v1::VERDICT_PERMIT) << "now they see it";
  ASSERT_TRUE(police.outbox->Resolve("request-1", true).ok());
  police.Settle();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_SETTLED);
}

// The store was put back from a backup: the broker holds the id for a header that this store no longer knows.
TEST_F(AgentTest, ARequestIdThatTheBrokerHoldsIsSettledWithWhatItHolds) {
  const auto hold = [&](const std::string& sender, const std::string& request_id) {
    type::v1::EntryEvent event;
    event.set_type(type::v1::EVENT_TYPE_REFERRAL_STORED);
    type::v1::EntryReferral referral;
    referral.set_header_digest(std::string(32, 'f'));
    referral.set_sender(sender);
    referral.set_request_id(request_id);
    type::v1::EntryDecisions decisions;
    decisions.add_decisions()->set_recipient("idva");
    return broker.log.Append(event, referral, decisions);
  };
  broker.stored["request-1"] = {std::string(32, 'f'), hold("police", "request-1")};
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  police.Settle();
  const auto settled = *police.outbox->Get("request-1");
  EXPECT_EQ(settled.state(), SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(settled.header_digest(), std::string(32, 'f'));
  EXPECT_EQ(settled.stored_index(), 0u);
  EXPECT_FALSE(settled.receipt().tlog_proof().empty());
  EXPECT_FALSE(settled.has_prepared()) << "those bytes were never stored";
  ASSERT_EQ(settled.decisions_size(), 1) << "the first decisions";
  EXPECT_EQ(settled.warnings_size(), 1) << "whoever pushed is told";

  // A broker that lies of it is caught.
  for (const auto& [sender, request_id] : {std::pair("police", "request-9"), std::pair("idva", "request-2")}) {
    broker.stored["request-2"] = {std::string(32, 'f'), hold(sender, request_id)};
    ASSERT_TRUE(police.outbox->Push(SomeDraft("request-2")).ok());
    clock.Advance(kRetryDelayMax);
    police.Settle();
    EXPECT_EQ(police.State("request-2"), SUBMISSION_STATE_SENT);
    EXPECT_TRUE(HasReason(police.alarm->Check(), Reason::kReceiptInvalid)) << sender << request_id;
    ASSERT_TRUE(police.alarm->Clear().ok());
  }
}

// All acts of an agency share their ids at the broker.
TEST_F(AgentTest, ARequestIdThatStandsForAnActOfAWorkerWaitsForAPerson) {
  type::v1::EntryEvent opened;
  opened.set_type(type::v1::EVENT_TYPE_STATEMENT);
  broker.stored["request-1"] = {std::string(32, 's'), broker.log.Append(opened, std::string(32, 'f'))};
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  police.Settle();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_NEEDS_PERSON);
  EXPECT_TRUE(police.outbox->Get("request-1")->waiting_for().starts_with("REQUEST_ID_REUSED")) << police.outbox->Get("request-1")->waiting_for();
  EXPECT_EQ(police.alarm->Check(), absl::OkStatus());
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-2")).ok());
  police.Settle();
  EXPECT_EQ(police.State("request-2"), SUBMISSION_STATE_SETTLED) << "the next ones go";
}

TEST_F(AgentTest, DangerNowOvertakesABacklogAndTheRestGoInOrder) {
  broker.away = Error(Reason::kBrokerUnreachable, "no answer");
  for (const char* id : {"request-3", "request-2", "request-1"}) ASSERT_TRUE(police.outbox->Push(SomeDraft(id)).ok());
  Draft high = SomeDraft("request-high");
  high.core.mutable_risk()->set_grade(type::v1::RISK_GRADE_HIGH);
  high.core.mutable_risk()->set_instrument(type::v1::INSTRUMENT_DARA);
  high.core.mutable_risk()->set_subject(type::v1::SUBJECT_ROLE_VICTIM);
  ASSERT_TRUE(police.outbox->Push(high).ok());
  Draft danger = SomeDraft("request-danger");
  danger.options.set_immediate(true);
  ASSERT_TRUE(police.outbox->Push(danger).ok());
  police.Settle();
  police.Restart();
  broker.away = absl::OkStatus();
  std::vector<std::string> order;
  while (police.outbox->Step()) {
    for (const char* id : {"request-1", "request-2", "request-3", "request-high", "request-danger"}) {
      if (police.State(id) == SUBMISSION_STATE_SETTLED && std::find(order.begin(), order.end(), id) == order.end()) order.push_back(id);
    }
  }
  EXPECT_EQ(order, (std::vector<std::string>{"request-danger", "request-high", "request-3", "request-2", "request-1"}));
}

TEST_F(AgentTest, DangerNowWaitsForTheOneCallUnderWayHoweverMuchIsBeforeIt) {
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(police.outbox->Push(SomeDraft(fmt::format("backlog-{}", i))).ok());
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(police.outbox->Step());  // Three are settled, and one is under way.
  const size_t before = broker.submitted.size();
  Draft danger = SomeDraft("request-danger");
  danger.options.set_immediate(true);
  ASSERT_TRUE(police.outbox->Push(danger).ok());
  for (int steps = 0; police.State("request-danger") != SUBMISSION_STATE_SETTLED; ++steps) {
    ASSERT_LT(steps, 2) << "to prepare it, and to send it";
    ASSERT_TRUE(police.outbox->Step());
  }
  EXPECT_EQ(broker.submitted.size(), before + 1) << "nothing of the backlog went before it";
}

TEST_F(AgentTest, WhatIsDerivedFromTheDayAndTheConfigurationIsNoPartOfAPush) {
  Draft draft = SomeDraft();
  draft.subjects.emplace_back().part.set_role(type::v1::SUBJECT_ROLE_VICTIM);
  draft.subjects[0].part.set_age_band(type::v1::AGE_BAND_16_17);
  ASSERT_TRUE(police.outbox->Push(draft).ok());
  draft.recipients = {"idva", "childrens"};  // The routing was changed, and the victim had a birthday.
  draft.core.set_purpose(type::v1::PURPOSE_SAFEGUARDING_ADULT);
  draft.subjects[0].part.set_age_band(type::v1::AGE_BAND_ADULT);
  draft.warnings = {"some advice"};
  EXPECT_TRUE(police.outbox->Push(draft).ok());
  draft.options.add_recipients("childrens");
  EXPECT_TRUE(HasReason(police.outbox->Push(draft).status(), Reason::kRequestIdReused)) << "that was pushed otherwise";
}

TEST_F(AgentTest, SealsForNobodyWhomTheDraftDoesNotNameOrExcludes) {
  SignWithKnownCertificate();
  const auto stranger = authority.IssueSealing("stranger"), deputy = authority.IssueSealing("deputy");
  const auto resolve = [&](const std::string& agency, const crypto::Certificate& certificate, const std::string& for_whom) {
    auto& row = broker.further.emplace_back();
    row.set_agency(agency);
    row.set_kind(type::v1::AGENCY_KIND_HOUSING);
    row.set_capacity(for_whom.empty() ? type::v1::RECIPIENT_CAPACITY_NAMED : type::v1::RECIPIENT_CAPACITY_DEPUTY);
    row.set_on_behalf_of(for_whom);
    row.set_sealing_certificate(certificate.der());
  };
  resolve("stranger", stranger.certificate, "");
  resolve("deputy", deputy.certificate, "idva");
  const auto sealed_for = [&](const std::string& request_id, const Draft& draft) {
    EXPECT_TRUE(police.outbox->Push(draft).ok());
    police.Settle();
    std::set<std::string> keys;
    const auto submission = police.outbox->Get(request_id);
    for (const auto& section : submission->prepared().sections()) {
      const auto parsed = crypto::cms::Parse(section.cms());
      for (const auto& recipient : parsed->recipients) keys.insert(recipient.subject_key_id);
    }
    EXPECT_TRUE(keys.contains(idva.keys.sealing_certificate.subject_key_id()));
    EXPECT_FALSE(keys.contains(stranger.certificate.subject_key_id()));
    return keys.contains(deputy.certificate.subject_key_id());
  };
  EXPECT_TRUE(sealed_for("request-1", SomeDraft())) << "the registered deputy";
  Draft by_id = SomeDraft("request-2"), by_kind = SomeDraft("request-3"), own_staff = SomeDraft("request-4");
  for (Draft* draft : {&by_id, &by_kind, &own_staff}) draft->subjects.emplace_back().part.set_role(type::v1::SUBJECT_ROLE_VICTIM);
  by_id.subjects[0].part.add_exclusions()->set_agency("deputy");
  by_kind.subjects[0].part.add_exclusions()->set_kind(type::v1::AGENCY_KIND_HOUSING);
  own_staff.subjects[0].part.set_works_at("deputy");
  EXPECT_FALSE(sealed_for("request-2", by_id));
  EXPECT_FALSE(sealed_for("request-3", by_kind));
  EXPECT_FALSE(sealed_for("request-4", own_staff));
}

TEST_F(AgentTest, WhatAWorkerRecordsOfConsentAndBasisIsTheTagWord) {
  using namespace type::v1;  // NOLINT: the words of the field.
  const auto sent = [&](const Draft& draft) {
    EXPECT_TRUE(police.outbox->Push(draft).ok());
    police.Settle();
    std::pair<HeaderCore, TagPart> parts;
    const auto submission = police.outbox->Get(draft.options.request_id());
    for (const auto& opening : submission->prepared().openings()) {
      if (opening.label() == "core") parts.first.ParseFromString(opening.content());
      if (opening.label() == "tag") parts.second.ParseFromString(opening.content());
    }
    return parts;
  };
  const auto [plain_core, plain] = sent(SomeDraft());
  EXPECT_EQ(plain.consent(), CONFIDENTIALITY_CONSENT_GIVEN);
  EXPECT_EQ(plain.consent_by(), SUBJECT_ROLE_VICTIM);
  EXPECT_EQ(plain.consent_at_ms(), absl::ToUnixMillis(clock.Now()));
  EXPECT_EQ(plain.decided_at_ms(), absl::ToUnixMillis(clock.Now()));
  EXPECT_EQ(plain.decision_maker(), "w-1");
  EXPECT_EQ(plain_core.jurisdiction(), JURISDICTION_UNSPECIFIED);

  Draft draft = SomeDraft("request-2");
  auto& basis = *draft.options.mutable_basis();
  basis.add_only_to(AGENCY_KIND_IDVA);
  basis.add_only_to_agencies("idva");
  basis.add_not_to(AGENCY_KIND_HOUSING);
  basis.add_not_to_agencies("health");
  basis.add_only_categories(CATEGORY_IDENTITY);
  basis.add_not_categories(CATEGORY_HEALTH);
  basis.add_only_for(PURPOSE_SUPPORT);
  basis.set_consent_by(SUBJECT_ROLE_OTHER);
  basis.set_consent_at_ms(11);
  basis.set_consent_how(CONSENT_METHOD_BY_TELEPHONE);
  basis.set_consent_review_ms(12);
  basis.set_criminal_offence(ARTICLE9_CONDITION_UNLAWFUL_ACTS);
  basis.set_schedule8(SCHEDULE8_CONDITION_SAFEGUARDING);
  basis.add_advice(ADVICE_TAKEN_SUPERVISOR);
  basis.set_not_told_reason(NOT_TOLD_REASON_DELAY);
  basis.set_decision_maker("sgt-2");
  basis.set_decided_at_ms(13);
  basis.set_jurisdiction(JURISDICTION_WALES);
  const auto [core, tag] = sent(draft);
  EXPECT_EQ(core.jurisdiction(), JURISDICTION_WALES);
  EXPECT_EQ(tag.consent(), CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS);
  EXPECT_EQ(tag.consent_kinds(0), AGENCY_KIND_IDVA);
  EXPECT_EQ(tag.consent_excludes_kinds(0), AGENCY_KIND_HOUSING);
  EXPECT_EQ(tag.consent_agencies(0), "idva");
  EXPECT_EQ(tag.consent_excludes_agencies(0), "health");
  EXPECT_EQ(tag.consent_categories(0), CATEGORY_IDENTITY);
  EXPECT_EQ(tag.consent_excludes_categories(0), CATEGORY_HEALTH);
  EXPECT_EQ(tag.consent_purposes(0), PURPOSE_SUPPORT);
  EXPECT_EQ(tag.consent_by(), SUBJECT_ROLE_OTHER);
  EXPECT_EQ(tag.consent_at_ms(), 11);
  EXPECT_EQ(tag.consent_how(), CONSENT_METHOD_BY_TELEPHONE);
  EXPECT_EQ(tag.consent_review_ms(), 12);
  EXPECT_EQ(tag.criminal_offence(), ARTICLE9_CONDITION_UNLAWFUL_ACTS);
  EXPECT_EQ(tag.schedule8(), SCHEDULE8_CONDITION_SAFEGUARDING);
  EXPECT_EQ(tag.advice(0), ADVICE_TAKEN_SUPERVISOR);
  EXPECT_EQ(tag.not_told_reason(), NOT_TOLD_REASON_DELAY);
  EXPECT_EQ(tag.decision_maker(), "sgt-2");
  EXPECT_EQ(tag.decided_at_ms(), 13);
}

TEST_F(AgentTest, NothingPermittedAsksAPersonWhoMayWithdraw) {
  broker.withheld = {type::v1::CATEGORY_NARRATIVE, type::v1::CATEGORY_IDENTITY};
  Draft draft = SomeDraft();
  draft.warnings = {"What the mapping advises."};
  ASSERT_TRUE(police.outbox->Push(draft).ok());
  police.Settle();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_NEEDS_PERSON);
  EXPECT_EQ(police.outbox->Get("request-1")->decisions_size(), 2);
  ASSERT_EQ(police.outbox->Get("request-1")->warnings_size(), 1) << "who has to settle it reads the advice";
  EXPECT_EQ(police.outbox->Get("request-1")->warnings(0), draft.warnings[0]);
  ASSERT_TRUE(police.outbox->Resolve("request-1", false).ok());
  EXPECT_EQ(police.State(), SUBMISSION_STATE_WITHDRAWN);
  EXPECT_TRUE(broker.submitted.empty());
}

TEST_F(AgentTest, AForkIsCaughtStopsSendingAndOutlivesARestart) {
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  police.Settle();
  ASSERT_TRUE(police.alarm->Check().ok());
  // The broker begins another history of the same length and more.
  FakeLog other(random);
  type::v1::EntryEvent event;
  event.set_type(type::v1::EVENT_TYPE_PREVIEWED);
  for (int i = 0; i < 3; ++i) other.Append(event, "");
  std::swap(broker.log, other);
  EXPECT_TRUE(HasReason(police.log->Poll(), Reason::kLogForked));
  EXPECT_FALSE(police.alarm->Check().ok());
  police.Restart();
  EXPECT_TRUE(HasReason(police.alarm->Check(), Reason::kLogForked));
  EXPECT_GE(police.alarm->standing()->evidence_size(), 2);
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-2")).ok()) << "what is pushed is kept";
  police.Settle();
  EXPECT_EQ(police.State("request-2"), SUBMISSION_STATE_ACCEPTED) << "and not sent";
  ASSERT_TRUE(police.alarm->Clear().ok());
  EXPECT_TRUE(police.alarm->Check().ok());
}

TEST_F(AgentTest, ALogThatWasCutIsCaught) {
  type::v1::EntryEvent event;
  event.set_type(type::v1::EVENT_TYPE_PREVIEWED);
  for (int i = 0; i < 5; ++i) broker.log.Append(event, "");
  ASSERT_TRUE(police.log->Poll().ok());
  FakeLog cut(random);
  for (int i = 0; i < 3; ++i) cut.Append(event, "");
  std::swap(broker.log, cut);
  EXPECT_TRUE(HasReason(police.log->Poll(), Reason::kLogForked));
}

TEST_F(AgentTest, AnOlderCheckpointOfTheSameLogIsNoFork) {
  type::v1::EntryEvent event;
  event.set_type(type::v1::EVENT_TYPE_REFERRAL_STORED);
  const uint64_t index = broker.log.Append(event, std::string(32, 'h'));
  const type::v1::Receipt old = broker.log.Receipt(index);
  for (int i = 0; i < 5; ++i) broker.log.Append(event, "");
  ASSERT_TRUE(police.log->Poll().ok());
  const auto verified = police.log->Verify(old, type::v1::EVENT_TYPE_REFERRAL_STORED, std::string(32, 'h'));
  EXPECT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(police.log->size(), 6u);
}

TEST_F(AgentTest, AReceiptOfSomethingElseRaisesTheAlarm) {
  type::v1::EntryEvent event;
  event.set_type(type::v1::EVENT_TYPE_REFERRAL_STORED);
  const type::v1::Receipt receipt = broker.log.Receipt(broker.log.Append(event, std::string(32, 'h')));
  EXPECT_TRUE(HasReason(police.log->Verify(receipt, type::v1::EVENT_TYPE_REFERRAL_STORED, std::string(32, 'x')).status(), Reason::kReceiptInvalid));
  EXPECT_FALSE(police.alarm->Check().ok());
  EXPECT_FALSE(idva.log->Verify(receipt, type::v1::EVENT_TYPE_RELEASED, std::string(32, 'h')).ok());
}

TEST_F(AgentTest, AnExpiredCertificateIsNoSwappedKeyAndStopsNobodyElse) {
  crypto::testing::CertificateSpec expired;
  expired.uris = {crypto::testing::SpiffeId("agency/idva/sealing")};
  expired.key_usage = crypto::kKeyAgreement;
  expired.not_after = clock.Now() - absl::Hours(1);
  broker.certificates["idva"] = authority.Issue(expired).certificate.der();
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  police.Settle();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_NEEDS_PERSON);
  EXPECT_NE(police.outbox->Get("request-1")->waiting_for().find("expired"), std::string::npos);
  EXPECT_TRUE(broker.submitted.empty());
  EXPECT_TRUE(police.alarm->Check().ok());
  // Expired and of another authority: swapped all the same.
  broker.certificates["idva"] = crypto::testing::TestAuthority("Another").Issue(expired).certificate.der();
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-2")).ok());
  police.Settle();
  EXPECT_TRUE(HasReason(police.alarm->Check(), Reason::kSealingKeyUntrusted));
}

TEST_F(AgentTest, WhatWasSignedWithARetiredKeyIsSignedAnewAndAKeyNotYetEnrolledWaits) {
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  ASSERT_TRUE(police.outbox->Step());
  const std::string retired = police.outbox->Get("request-1")->prepared().header().key_id();
  SignWithKnownCertificate();  // The agency has a new signing key.
  broker.refuse_submit = Error(Reason::kSigningKeyUnknown, "the directory does not have it");
  ASSERT_TRUE(police.outbox->Step());
  EXPECT_EQ(police.State(), SUBMISSION_STATE_ACCEPTED) << "refused, and to be prepared again";
  police.Settle();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_SENT) << "the new key is not enrolled either: nobody here can help, it waits";
  EXPECT_NE(police.outbox->Get("request-1")->prepared().header().key_id(), retired);
  broker.refuse_submit = absl::OkStatus();
  clock.Advance(kRetryDelayMax);
  police.Settle();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_SETTLED);
}

TEST_F(AgentTest, ASwappedSealingKeyIsCaughtBeforeAnythingIsSealed) {
  for (const auto& certificate : {crypto::testing::TestAuthority("Another").IssueSealing("idva").certificate,  // Not our authority's.
                                  authority.IssueSealing("somebody-else").certificate,                         // Another name.
                                  authority.IssueSigning("idva").certificate}) {                                // Another use.
    broker.certificates["idva"] = certificate.der();
    const std::string id = "request-" + ToHex(random.Bytes(4));
    ASSERT_TRUE(police.outbox->Push(SomeDraft(id)).ok());
    police.Settle();
    EXPECT_TRUE(HasReason(police.alarm->Check(), Reason::kSealingKeyUntrusted));
    EXPECT_TRUE(broker.submitted.empty());
    ASSERT_TRUE(police.alarm->Clear().ok());
  }
}

TEST_F(AgentTest, ReceivesOnceOpensAndSignsWhatItsWorkersDo) {
  const std::string digest = DeliverOne();
  EXPECT_EQ(idva.inbox->List(0, 10)->size(), 1u);
  const auto sections = idva.inbox->Read("read-0001", digest, SomeWorker());
  ASSERT_TRUE(sections.ok()) << sections.status();
  ASSERT_EQ(sections->size(), 2u);
  EXPECT_EQ((*sections)[0].content().identity().victim().family_name(), "Ashdown");
  // With each section comes what we must keep to.
  for (const auto& section : *sections) {
    EXPECT_EQ(section.obligations().retention_days(), 365u);
    EXPECT_EQ(section.obligations().onward(), type::v1::ONWARD_SHARING_NEVER);
    EXPECT_EQ(section.regime(), type::v1::REGIME_UK_GDPR);
  }
  ASSERT_TRUE(idva.inbox->Read("read-0002", digest, SomeWorker()).ok());
  ASSERT_EQ(broker.statements.size(), 1u) << "opened once";
  const auto accepted = idva.inbox->Act("accept-01", digest, SomeWorker(), type::v1::STATEMENT_KIND_ACCEPTED, [](auto&) {});
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  EXPECT_EQ(accepted->stored.state(), type::v1::REFERRAL_STATE_ACCEPTED);
  EXPECT_FALSE(broker.statements[1].previous_statement().empty()) << "statements are chained";
  EXPECT_TRUE(idva.inbox->Act("accept-01", digest, SomeWorker(), type::v1::STATEMENT_KIND_ACCEPTED, [](auto&) {}).ok()) << "the same act again";
  EXPECT_EQ(broker.statements.size(), 2u);
  EXPECT_TRUE(HasReason(idva.inbox->Act("decide-01", digest, SomeWorker(), type::v1::STATEMENT_KIND_DECIDED,
                                        [](auto& s) { s.set_decision(type::v1::CONTACT_DECISION_SECTION_47); }).status(),
                        Reason::kTransitionIllegal)) << "only children's services decide";
}

TEST_F(AgentTest, HousingReceivesADutyToReferAndAVoluntaryReferral) {
  Service housing(authority, "housing", type::v1::AGENCY_KIND_HOUSING, broker, clock);
  broker.certificates["housing"] = housing.keys.sealing_certificate.der();
  SignWithKnownCertificate();
  const auto receive = [&](const std::string& id, type::v1::Purpose purpose) {
    Draft draft = SomeDraft(id);
    draft.recipients = {"housing"};
    draft.core.set_purpose(purpose);
    EXPECT_TRUE(police.outbox->Push(draft).ok());
    police.Settle();
    const auto delivery = DeliveryFor(housing);
    EXPECT_EQ(housing.inbox->Receive(delivery), absl::OkStatus());
    return referral::DigestOf(delivery.referral().header());
  };
  const std::string duty = receive("duty-0001", type::v1::PURPOSE_HOUSING_DUTY_TO_REFER);
  const std::string voluntary = receive("voluntary-1", type::v1::PURPOSE_HOUSING_SUPPORT);
  const auto items = *housing.inbox->List(0, 10);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].header.core.part.purpose(), type::v1::PURPOSE_HOUSING_SUPPORT) << "the newest first, each told apart";
  EXPECT_EQ(items[1].header.core.part.purpose(), type::v1::PURPOSE_HOUSING_DUTY_TO_REFER);

  const auto act = [&](const std::string& id, const std::string& digest, type::v1::StatementKind kind) {
    return housing.inbox->Act(id, digest, SomeWorker(), kind, [&](type::v1::Statement& s) {
      if (kind == type::v1::STATEMENT_KIND_DECLINED) s.set_decline_reason(type::v1::DECLINE_REASON_NO_CAPACITY);
      if (kind == type::v1::STATEMENT_KIND_OUTCOME) s.set_outcome_code("priority-need");
    });
  };
  EXPECT_TRUE(HasReason(act("accept-01", duty, type::v1::STATEMENT_KIND_ACCEPTED).status(), Reason::kTransitionIllegal)) << "nobody read it";
  ASSERT_TRUE(housing.inbox->Read("read-0001", duty, SomeWorker()).ok());
  ASSERT_TRUE(housing.inbox->Read("read-0002", voluntary, SomeWorker()).ok());
  ASSERT_TRUE(act("accept-01", duty, type::v1::STATEMENT_KIND_ACCEPTED).ok());
  EXPECT_EQ(act("outcome-1", duty, type::v1::STATEMENT_KIND_OUTCOME)->stored.state(), type::v1::REFERRAL_STATE_OUTCOME_RECORDED);
  EXPECT_EQ(act("decline-1", voluntary, type::v1::STATEMENT_KIND_DECLINED)->stored.state(), type::v1::REFERRAL_STATE_DECLINED);
}

TEST_F(AgentTest, ARequestIdStandsForOneActOnly) {
  const std::string digest = DeliverOne();
  ASSERT_TRUE(idva.inbox->Read("act-00001", digest, SomeWorker()).ok());
  const auto act = [&](const std::string& id, type::v1::StatementKind kind, const std::string& code = "") {
    return idva.inbox->Act(id, digest, SomeWorker(), kind, [&](auto& s) { s.set_outcome_code(code); }).status();
  };
  EXPECT_TRUE(HasReason(act("act-00001", type::v1::STATEMENT_KIND_ACCEPTED), Reason::kRequestIdReused)) << "it stands for the reading";
  EXPECT_EQ(idva.inbox->Get(digest)->stored.state(), type::v1::REFERRAL_STATE_OPENED);
  ASSERT_TRUE(act("act-00002", type::v1::STATEMENT_KIND_ACCEPTED).ok());
  // Also while it waits for the broker, and over a restart.
  broker.away = Error(Reason::kBrokerUnreachable, "no answer");
  EXPECT_TRUE(HasReason(act("act-00003", type::v1::STATEMENT_KIND_OUTCOME, "safe"), Reason::kBrokerUnreachable));
  EXPECT_TRUE(HasReason(act("act-00003", type::v1::STATEMENT_KIND_OUTCOME, "moved"), Reason::kRequestIdReused));
  idva.Restart();
  broker.away = absl::OkStatus();
  clock.Advance(absl::Minutes(1));
  EXPECT_TRUE(act("act-00003", type::v1::STATEMENT_KIND_OUTCOME, "safe").ok());
  EXPECT_TRUE(act("act-00003", type::v1::STATEMENT_KIND_OUTCOME, "safe").ok());
  EXPECT_TRUE(HasReason(act("act-00003", type::v1::STATEMENT_KIND_OUTCOME, "moved"), Reason::kRequestIdReused));
  EXPECT_EQ(broker.statements.size(), 3u);
  EXPECT_EQ(broker.statements.back().outcome_code(), "safe");
}

TEST_F(AgentTest, ReadsWhileTheBrokerIsAwayAndTellsItLater) {
  const std::string digest = DeliverOne();
  broker.away = Error(Reason::kBrokerUnreachable, "no answer");
  EXPECT_TRUE(idva.inbox->Read("read-0001", digest, SomeWorker()).ok());
  EXPECT_FALSE(idva.inbox->Act("accept-01", digest, SomeWorker(), type::v1::STATEMENT_KIND_ACCEPTED, [](auto&) {}).ok());
  idva.Restart();
  broker.away = absl::OkStatus();
  idva.inbox->ResendPending();
  EXPECT_EQ(idva.inbox->Get(digest)->stored.state(), type::v1::REFERRAL_STATE_OPENED);
  EXPECT_EQ(broker.statements.size(), 1u);
}

TEST_F(AgentTest, CaseHistoryIsKeptAsItWasDelivered) {
  SignWithKnownCertificate();
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  police.Settle();
  auto delivery = DeliveryFor(idva);
  delivery.mutable_referral()->mutable_case_history()->set_events_at_least(3);
  delivery.mutable_referral()->mutable_case_history()->add_flags(type::v1::CASE_FLAG_ESCALATION);
  ASSERT_EQ(idva.inbox->Receive(delivery), absl::OkStatus());
  idva.Restart();
  const auto listed = idva.inbox->List(0, 10);
  ASSERT_TRUE(listed.ok() && listed->size() == 1);
  EXPECT_EQ((*listed)[0].stored.case_history().events_at_least(), 3u);
  EXPECT_EQ((*listed)[0].stored.case_history().flags(0), type::v1::CASE_FLAG_ESCALATION);
}

TEST_F(AgentTest, ADeliveryThatWasAlteredIsNotTaken) {
  SignWithKnownCertificate();
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  police.Settle();
  const auto good = DeliveryFor(idva);
  const auto refused = [&](void (*alter)(broker::v1::Delivery&)) {
    broker::v1::Delivery delivery = good;
    alter(delivery);
    const absl::Status status = idva.inbox->Receive(delivery);
    EXPECT_TRUE(idva.inbox->List(0, 10)->empty());
    return DetailOf(status).reason;
  };
  EXPECT_EQ(refused([](auto& d) { d.mutable_referral()->mutable_header()->mutable_signature()->back() ^= 1; }), Reason::kSignatureInvalid);
  EXPECT_EQ(refused([](auto& d) { d.mutable_referral()->mutable_openings(0)->mutable_salt()->back() ^= 1; }), Reason::kOpeningMismatch);
  EXPECT_EQ(refused([](auto& d) { d.mutable_referral()->mutable_sections()->RemoveLast(); }), Reason::kSectionMalformed);
  EXPECT_EQ(refused([](auto& d) { d.mutable_referral()->mutable_sections(0)->mutable_cms()->back() ^= 1; }), Reason::kSectionDigestMismatch);
  EXPECT_EQ(refused([](auto& d) { std::swap(*d.mutable_referral()->mutable_sections(0)->mutable_cms(), *d.mutable_referral()->mutable_sections(1)->mutable_cms()); }),
            Reason::kSectionDigestMismatch);
  EXPECT_EQ(refused([](auto& d) { d.mutable_referral()->set_sender_certificate("none"); }), Reason::kSealingKeyUntrusted);
  EXPECT_EQ(refused([](auto& d) { d.clear_delivery_id(); }), Reason::kFieldInvalid);
  EXPECT_TRUE(idva.alarm->Check().ok());
  EXPECT_TRUE(idva.inbox->Receive(good).ok());
  EXPECT_TRUE(idva.inbox->Receive(good).ok()) << "again, and nothing changes";
  EXPECT_EQ(idva.inbox->List(0, 10)->size(), 1u);
}

TEST_F(AgentTest, TheStoreHoldsNoNameInClear) {
  DeliverOne();
  for (const auto family : {kFamilyOutbox, kFamilyInbox}) {
    for (Service* service : {&police, &idva}) {
      ASSERT_TRUE(service->store->raw().Scan(family, {}, [](std::string_view, std::string_view value) {
        EXPECT_EQ(value.find("Ashdown"), std::string_view::npos);
        return true;
      }).ok());
    }
  }
}

TEST(ScreeningTest, LeavesOutConfidentialAddressesAlsoInText) {
  Draft draft = SomeDraft();
  auto& victim = *draft.sections[0].content.mutable_identity()->mutable_victim();
  victim.set_address("12 Safe Street, Northfield");
  victim.set_confidential_address(true);
  draft.sections[1].content.mutable_text()->set_text("She is now at 12 safe street Northfield and well.");
  Screen(draft);
  for (const auto& section : draft.sections) {
    EXPECT_EQ(section.content.DebugString().find("afe "), std::string::npos) << section.content.DebugString();
  }
  EXPECT_EQ(draft.warnings.size(), 2u);
}

TEST_F(AgentTest, TheRationaleIsScreenedTooBeforeItIsSealed) {
  SignWithKnownCertificate();
  Draft draft = SomeDraft();
  auto& victim = *draft.sections[0].content.mutable_identity()->mutable_victim();
  victim.set_address("12 Safe Street, Northfield");
  victim.set_confidential_address(true);
  draft.options.mutable_basis()->set_rationale("She fled to 12 Safe Street, Northfield; he must not know.");
  ASSERT_TRUE(police.outbox->Push(draft).ok());
  police.Settle();
  const auto delivery = DeliveryFor(idva);
  ASSERT_TRUE(idva.inbox->Receive(delivery).ok());
  const auto sections = idva.inbox->Read("read-0001", referral::DigestOf(delivery.referral().header()), SomeWorker());
  ASSERT_TRUE(sections.ok());
  ASSERT_EQ(sections->size(), 3u);
  for (const auto& section : *sections) EXPECT_EQ(section.content().DebugString().find("Safe Street"), std::string::npos);
}

TEST(ScreeningTest, QuarantinesAWrongNhsNumberAndWarnsWithoutNamingIt) {
  Draft draft = SomeDraft();
  auto& identifier = *draft.sections[0].content.mutable_identity()->mutable_victim()->add_identifiers();
  identifier.set_scheme("nhs_number");
  identifier.set_value("9434765918");
  Screen(draft);
  EXPECT_TRUE(draft.sections[0].content.identity().victim().identifiers(0).quarantined());
  ASSERT_EQ(draft.warnings.size(), 1u);
  EXPECT_EQ(draft.warnings[0].find("9434765918"), std::string::npos);
}

TEST(ScreeningTest, SwitchesOffMessagesToASharedTelephone) {
  Draft draft = SomeDraft();
  DraftSection contact;
  contact.category = type::v1::CATEGORY_SAFE_CONTACT;
  contact.content.mutable_safe_contact()->set_phone("07700 900101");
  contact.content.mutable_safe_contact()->set_text_ok(true);
  contact.content.mutable_safe_contact()->set_voicemail_ok(true);
  draft.sections.push_back(contact);
  DraftSection perpetrator;
  perpetrator.category = type::v1::CATEGORY_ALLEGED_PERPETRATOR;
  perpetrator.content.mutable_alleged_perpetrators()->add_alleged_perpetrators()->set_warnings("answers on 07700900101");
  draft.sections.push_back(perpetrator);
  Screen(draft);
  EXPECT_FALSE(draft.sections[2].content.safe_contact().text_ok());
  EXPECT_FALSE(draft.sections[2].content.safe_contact().voicemail_ok());
  EXPECT_EQ(draft.warnings.size(), 1u);
}

void AddPerpetratorAt(Draft& draft, std::string_view address) {
  DraftSection& section = draft.sections.emplace_back();
  section.category = type::v1::CATEGORY_ALLEGED_PERPETRATOR;
  section.content.mutable_alleged_perpetrators()->add_alleged_perpetrators()->mutable_person()->set_address(std::string(address));
}

TEST(ScreeningTest, WarnsOfASharedHouseholdInWhateverSpelling) {
  Draft draft = SomeDraft();
  draft.sections[0].content.mutable_identity()->mutable_victim()->set_address("12 Mill Lane, Northfield");
  AddPerpetratorAt(draft, "12 MILL LANE Northfield NO1 2AB");
  Screen(draft);
  ASSERT_EQ(draft.warnings.size(), 1u);
  EXPECT_NE(draft.warnings[0].find("at one address"), std::string::npos);
  EXPECT_EQ(draft.warnings[0].find("Mill"), std::string::npos);
  EXPECT_EQ(draft.sections[0].content.identity().victim().address(), "12 Mill Lane, Northfield");
}

TEST(ScreeningTest, WarnsThatAConfidentialAddressStandsWithAnAllegedPerpetrator) {
  Draft draft = SomeDraft();
  auto& victim = *draft.sections[0].content.mutable_identity()->mutable_victim();
  victim.set_address("12 Mill Lane, Northfield");
  victim.set_confidential_address(true);
  AddPerpetratorAt(draft, "12 Mill Lane, Northfield");
  Screen(draft);
  ASSERT_FALSE(draft.warnings.empty());
  EXPECT_NE(draft.warnings[0].find("they may know it"), std::string::npos);
  EXPECT_TRUE(draft.sections[0].content.identity().victim().address().empty());
}

TEST(ScreeningTest, WarnsOfAPortalOfAChildThatAnAllegedPerpetratorCanReadAndNamesNeither) {
  Draft draft = SomeDraft();
  DraftSection& children = draft.sections.emplace_back();
  children.category = type::v1::CATEGORY_CHILDREN;
  auto& child = *children.content.mutable_children()->add_children();
  child.mutable_person()->set_family_name("Ashdown");
  Screen(draft);
  EXPECT_TRUE(draft.warnings.empty());
  child.add_portals_read_by_perpetrator("Hillside school portal");
  Screen(draft);
  ASSERT_EQ(draft.warnings.size(), 1u);
  EXPECT_EQ(draft.warnings[0].find("Hillside"), std::string::npos);
  EXPECT_EQ(draft.warnings[0].find("Ashdown"), std::string::npos);
  EXPECT_EQ(child.portals_read_by_perpetrator_size(), 1) << "recipients are told";
}

TEST(ScreeningTest, SaysNothingOfNeighboursAndOfUnknownAddresses) {
  Draft draft = SomeDraft();
  auto& victim = *draft.sections[0].content.mutable_identity()->mutable_victim();
  victim.set_address("1 High Street");
  AddPerpetratorAt(draft, "11 High Street");
  AddPerpetratorAt(draft, "");
  Screen(draft);
  EXPECT_TRUE(draft.warnings.empty());
  victim.clear_address();
  Screen(draft);
  EXPECT_TRUE(draft.warnings.empty());
}

}  // namespace
}  // namespace accord::agent::agent_test
