// A broker with all its principals and the story of one referral, of which one section is forbidden to one recipient; for gate_test.cc.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accord/broker/v1/mailbox_service.pb.h"
#include "accord/broker/v1/referral_service.pb.h"
#include "accord/inspection/v1/disclosure_service.pb.h"
#include "accord/inspection/v1/trail_service.pb.h"
#include "accord/inspection/v1/warrant_service.pb.h"
#include "common/base/ids.h"
#include "common/referral/disclosure.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_forbidden.h"
#include "services/broker/api/testing_warrants.h"
#include "services/broker/api/testing_wire.h"

namespace accord::broker::gate {

using namespace type::v1;  // NOLINT

inline const absl::Time kTuesday = absl::FromCivil(absl::CivilSecond(2026, 11, 24, 10, 0, 0), absl::UTCTimeZone());
inline constexpr Category kForbidden = CATEGORY_NARRATIVE;

// What the forbidden section is forbidden to; the one who has it; one who has no part in the referral.
inline const std::string kB = "agency/housing", kA = "agency/idva", kStranger = "agency/childrens", kSender = "agency/police";
inline const std::string kAdministrator = "admin/alice", kInspector = "inspector/ines", kColleague = "inspector/omar";
inline constexpr std::string_view kWarrant = "jtai-1";

inline std::string IdOf(const std::string& principal) { return principal.substr(principal.find('/') + 1); }
inline bool IsAgency(const std::string& principal) { return principal.starts_with("agency/"); }

// Housing has identity and risk, idva the narrative too.
inline std::string AgreementOf(const std::string& version, const std::string& housing_categories) {
  return fmt::format(R"(
version = "{}"
parties = ["police", "childrens", "idva", "housing"]
effective_from = "2020-01-01"
expires = "2040-01-01"
[[route]]
id = "all"
from_kinds = ["police"]
to_kinds = ["childrens_services", "idva"]
purposes = ["safeguarding_adult", "support"]
categories = ["identity", "risk", "narrative"]
[[route]]
id = "housing"
from_kinds = ["police"]
to_kinds = ["housing"]
purposes = ["safeguarding_adult", "support", "victim_information_request"]
categories = [{}]
[[route]]
id = "back"
from_kinds = ["housing", "childrens_services", "idva"]
to_kinds = ["police"]
purposes = ["safeguarding_adult", "support"]
categories = ["identity", "risk"]
)",
                     version, housing_categories);
}

// A broker with all its principals, and what they say.
class Scene {
 public:
  Scene() {
    for (const std::string& inspector : {kInspector, kColleague}) Enrol(IdOf(inspector));
    PutAgreement("2", R"("identity", "risk")");
  }

  void PutAgreement(const std::string& version, const std::string& housing_categories) {
    admin::v1::Change change;
    change.mutable_put_agreement()->set_text(AgreementOf(version, housing_categories));
    EXPECT_EQ(world_.Change(change), absl::OkStatus());
  }
  TestingBroker& world() { return world_; }
  FakeClock& clock() { return clock_; }
  WireAnswer Call(const std::string& principal, std::string_view method, const google::protobuf::Message& request) {
    return CallOnce(world_.Channel(principal), method, request);
  }
  // The ids of sections that were made for a referral, also of one that a twin then leaves out.
  std::map<std::string, std::vector<std::string>> section_ids;
  // Numbers of what an inspector asked for.
  std::vector<uint64_t> disclosures;

  // A statement of the agency, to which `fill` adds what its kind needs.
  SignedPayload Sign(const std::string& agency, const std::string& request_id, std::string_view header_digest, StatementKind kind,
                     std::string_view previous = "", const std::function<void(Statement&)>& fill = nullptr) {
    Statement statement;
    statement.set_request_id(request_id);
    statement.set_agency(agency);
    statement.mutable_worker()->set_pseudonym("worker-1");
    statement.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
    statement.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
    statement.set_header_digest(std::string(header_digest));
    statement.set_previous_statement(std::string(previous));
    statement.set_kind(kind);
    statement.set_acted_at_ms(absl::ToUnixMillis(clock_.Now()));
    if (fill) fill(statement);
    const auto document = referral::SignStatement(statement, world_.signing(agency).signing_key());
    EXPECT_EQ(document.status(), absl::OkStatus());
    return document.value_or(SignedPayload());
  }
  // An answer of the agency to a disclosure: no.
  inspection::v1::AnswerDisclosureRequest Refusing(const std::string& request_id, const std::string& agency, uint64_t disclosure) {
    DisclosureStatement statement;
    statement.set_request_id(request_id);
    statement.set_disclosure(disclosure);
    statement.set_agency(agency);
    statement.set_warrant(std::string(kWarrant));
    statement.set_inspector(IdOf(kInspector));
    statement.set_kind(DISCLOSURE_KIND_SECTIONS);
    statement.set_answer(DISCLOSURE_ANSWER_REFUSED);
    statement.set_ground(DISCLOSURE_GROUND_LEGAL_PRIVILEGE);
    statement.mutable_worker()->set_pseudonym("dpo-1");
    statement.mutable_worker()->set_role(WORKER_ROLE_AUTHORISING_OFFICER);
    statement.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
    statement.set_signed_at_ms(absl::ToUnixMillis(clock_.Now()));
    inspection::v1::AnswerDisclosureRequest request;
    request.set_request_id(request_id);
    *request.mutable_statement() = *referral::SignDisclosureStatement(statement, world_.signing(agency).signing_key());
    return request;
  }
  template <typename Request>
  WireAnswer Say(const std::string& principal, std::string_view method, const std::string& request_id, const SignedPayload& statement,
                 Request request = {}) {
    request.set_request_id(request_id);
    *request.mutable_statement() = statement;
    return Call(principal, method, request);
  }

 private:
  // With a certificate that what is disclosed to them is sealed for.
  void Enrol(const std::string& id) {
    const std::string uri = crypto::testing::SpiffeId(fmt::format("inspector/{}/sealing", id));
    admin::v1::Change change;
    auto& officer = *change.mutable_put_officer();
    officer.set_id(id);
    officer.set_inspector(true);
    officer.set_active(true);
    officer.set_inspectorate("ofsted");
    officer.set_sealing_certificate(
        world_.authority().Issue({.common_name = id, .uris = {uri}, .key_usage = crypto::kKeyAgreement}).certificate.der());
    EXPECT_EQ(world_.Change(change), absl::OkStatus());
  }

  FakeClock clock_{kTuesday};
  TestingBroker world_{&clock_};
};

inline constexpr std::string_view kSubmit = "/accord.broker.v1.ReferralService/SubmitReferral";
inline constexpr std::string_view kPreview = "/accord.broker.v1.ReferralService/PreviewReferral";
inline constexpr std::string_view kGet = "/accord.broker.v1.ReferralService/GetReferral";
inline constexpr std::string_view kList = "/accord.broker.v1.ReferralService/ListReferrals";
inline constexpr std::string_view kRespond = "/accord.broker.v1.ReferralService/RespondToReferral";
inline constexpr std::string_view kOutcome = "/accord.broker.v1.ReferralService/RecordOutcome";
inline constexpr std::string_view kChangeConsent = "/accord.broker.v1.ReferralService/ChangeConsent";
inline constexpr std::string_view kCorrect = "/accord.broker.v1.ReferralService/CorrectReferral";
inline constexpr std::string_view kRecall = "/accord.broker.v1.ReferralService/RecallReferral";
inline constexpr std::string_view kWithdraw = "/accord.broker.v1.ReferralService/WithdrawReferral";
inline constexpr std::string_view kOpen = "/accord.broker.v1.MailboxService/OpenMailbox";
inline constexpr std::string_view kAnswerHold = "/accord.broker.v1.MailboxService/AnswerHold";
inline constexpr std::string_view kHolders = "/accord.broker.v1.SharingService/GetHolders";
inline constexpr std::string_view kReview = "/accord.broker.v1.SharingService/RecordReview";
inline constexpr std::string_view kReceipt = "/accord.broker.v1.LedgerService/GetReceipt";
inline constexpr std::string_view kTrail = "/accord.inspection.v1.TrailService/QueryTrail";
inline const std::string kWarrants = "/accord.inspection.v1.WarrantService/", kDisclosureService = "/accord.inspection.v1.DisclosureService/";

// A mailbox of the desk that is open, of one credit.
class OpenMailbox {
 public:
  OpenMailbox(Scene& scene, const std::string& principal) : call_(scene.world().Channel(principal), kOpen) {
    v1::OpenMailboxRequest request;
    request.mutable_open()->set_credit(1);
    call_.Write(request);
  }
  v1::Delivery Next() {
    const auto message = call_.Read();
    EXPECT_TRUE(message.has_value()) << call_.Finish().words;
    return message.has_value() ? Parse<v1::OpenMailboxResponse>(*message).delivery() : v1::Delivery();
  }
  void Ack(const v1::Delivery& delivery) {
    v1::OpenMailboxRequest request;
    request.mutable_ack()->set_delivery_id(delivery.delivery_id());
    Settle(request);
  }
  void Nack(const v1::Delivery& delivery) {
    v1::OpenMailboxRequest request;
    request.mutable_nack()->set_delivery_id(delivery.delivery_id());
    Settle(request);
  }
  // All that it was sent. Says no more: what is not acknowledged is given again.
  WireAnswer Close() {
    call_.WritesDone();
    return call_.Finish();
  }

 private:
  void Settle(const v1::OpenMailboxRequest& request) {
    call_.Write(request);
    const auto message = call_.Read();
    EXPECT_TRUE(message.has_value() && Parse<v1::OpenMailboxResponse>(*message).has_settled());
  }
  WireCall call_;
};

// The story of one referral, with the forbidden section or, for the twin, without.
class Story : public Scene {
 public:
  explicit Story(bool with_forbidden) : with_forbidden_(with_forbidden) {}

  // Every version of it, the oldest first.
  const std::vector<std::string>& digests() const { return digests_; }
  // What the one whom it is forbidden to was sent outside of the table below.
  const std::vector<WireAnswer>& heard() const { return heard_; }
  // The same of the one who has it.
  const std::vector<WireAnswer>& permitted() const { return permitted_; }
  const Forbidden& forbidden() const { return forbidden_; }
  const Opening& forbidden_opening() const { return forbidden_opening_; }

  void Tell() {
    Pushed(Submit("incident-1", ""));
    Redelivered();
    Answered();
    ConsentChanged();
    Corrected();
    Recalled();
    Held();
    Disclosed();
    heard_.push_back(mailboxes_[kB]->Close());
    permitted_.push_back(mailboxes_[kA]->Close());
    mailboxes_.clear();
  }

 private:
  v1::SubmitReferralRequest Submit(const std::string& request_id, const std::string& corrects) {
    TestingReferral spec{.request_id = request_id, .sealed_for = {{CATEGORY_RISK, {"idva", "housing"}}, {kForbidden, {"idva"}}}};
    spec.alter = [&](referral::HeaderParts& parts) {
      if (!corrects.empty()) {
        parts.core.set_type(REFERRAL_TYPE_CORRECTION);
        parts.core.set_caused_by(corrects);
      }
      // The forbidden section stands under a tag of its own, so that the tag is as forbidden.
      TagPart tag = parts.tags[0];
      tag.set_tag_id(NewId(world().random()));
      if (with_forbidden_) {
        parts.sections[2].set_tag_id(tag.tag_id());
        parts.tags.push_back(tag);
      } else {
        parts.sections.pop_back();
      }
      tags_ = parts.tags;
    };
    v1::SubmitReferralRequest request = MakeSubmission(world(), spec);
    for (const SealedSection& sealed : request.submission().sections()) {
      section_ids[referral::DigestOf(request.submission().header())].push_back(sealed.section_id());
    }
    if (with_forbidden_) {
      Forbid(request.submission());
    } else {
      request.mutable_submission()->mutable_sections()->RemoveLast();
    }
    digests_.push_back(referral::DigestOf(request.submission().header()));
    return request;
  }

  // All that is open to others, and none of what housing is given.
  void Forbid(const Submission& submission) {
    std::string forbidden_id, forbidden_tag;
    for (const Opening& opening : submission.openings()) {
      if (opening.label() != "section") continue;
      const auto part = Parse<SectionPart>(opening.content());
      if (part.category() != kForbidden) continue;
      forbidden_opening_ = opening;
      forbidden_id = part.section_id();
      forbidden_tag = part.tag_id();
      forbidden_.Add(Forbidden::Kind::kTrace, "the section's id", part.section_id());
      forbidden_.Add(Forbidden::Kind::kTrace, "the section's digest", part.digest());
    }
    for (const Opening& opening : submission.openings()) {
      const bool tag = opening.label() == "tag" && Parse<TagPart>(opening.content()).tag_id() == forbidden_tag;
      const bool other = opening.label() == "recipient" && Parse<RecipientPart>(opening.content()).agency() != "housing";
      const bool section = opening.salt() == forbidden_opening_.salt();
      if (!tag && !other && !section && opening.label() != "subject") continue;
      const std::string what = fmt::format("the opening of a part `{}`", opening.label());
      forbidden_.Add(Forbidden::Kind::kContent, what + ": its salt", opening.salt());
      if (tag) forbidden_.Add(Forbidden::Kind::kContent, "the tag's id", forbidden_tag);
      if (opening.content().size() >= 32) forbidden_.Add(Forbidden::Kind::kContent, what + ": the part", opening.content());
    }
    std::vector<std::string> others;
    for (const SealedSection& sealed : submission.sections()) {
      if (sealed.section_id() != forbidden_id) others.push_back(sealed.cms());
    }
    for (const SealedSection& sealed : submission.sections()) {
      if (sealed.section_id() == forbidden_id) forbidden_.AddWindows("the sealed section", sealed.cms(), others);
    }
    forbidden_.AddCategory(kForbidden);
  }

  void Pushed(const v1::SubmitReferralRequest& request) {
    const auto response = Only<v1::SubmitReferralResponse>(Call(kSender, kSubmit, request));
    EXPECT_EQ(response.header_digest(), digests_.back());
  }
  // Lost with its stream, given again, returned, given again.
  void Redelivered() {
    OpenMailbox first(*this, kB);
    EXPECT_EQ(first.Next().referral().sections_size(), 2);
    heard_.push_back(first.Close());
    mailboxes_[kB] = std::make_unique<OpenMailbox>(*this, kB);
    const auto delivery = mailboxes_[kB]->Next();
    EXPECT_EQ(delivery.attempt(), 2u);
    mailboxes_[kB]->Nack(delivery);
    clock().Advance(absl::Minutes(5));
    const auto again = mailboxes_[kB]->Next();
    EXPECT_EQ(again.attempt(), 3u);
    mailboxes_[kB]->Ack(again);
    mailboxes_[kA] = std::make_unique<OpenMailbox>(*this, kA);  // No lease of it is over by then.
    const auto others = mailboxes_[kA]->Next();
    EXPECT_EQ(others.referral().sections_size(), with_forbidden_ ? 3 : 2);
    mailboxes_[kA]->Ack(others);
  }
  // By both recipients; each hears of its own alone.
  void Answered() {
    for (const std::string& principal : {kA, kB}) {
      const std::string agency = IdOf(principal);
      auto& answers = principal == kB ? heard_ : permitted_;
      std::string& previous = said_[agency];
      const auto say = [&](std::string_view method, const std::string& id, StatementKind kind,
                           const std::function<void(Statement&)>& fill = nullptr) {
        const auto document = Sign(agency, id, digests_[0], kind, previous, fill);
        answers.push_back(Say<v1::RespondToReferralRequest>(principal, method, id, document));
        EXPECT_EQ(answers.back().code, grpc::StatusCode::OK) << answers.back().words;
        previous = referral::DigestOf(document);
      };
      say(kRespond, "opened-1", STATEMENT_KIND_OPENED);
      say(kRespond, "accepted-1", STATEMENT_KIND_ACCEPTED);
      say(kOutcome, "outcome-1", STATEMENT_KIND_OUTCOME, [](Statement& statement) { statement.set_outcome_code("engaged"); });
    }
  }
  // Of every tag of it.
  void ConsentChanged() {
    for (TagPart& tag : tags_) tag.set_consent_review_ms(absl::ToUnixMillis(clock().Now() + absl::Hours(24)));
    v1::ChangeConsentRequest request;
    const auto document = Sign("police", "consent-1", digests_[0], STATEMENT_KIND_CONSENT_CHANGE, "", [&](Statement& statement) {
      for (const Opening& opening : referral::CommitToTags(tags_, world().random(), statement)) *request.add_openings() = opening;
    });
    if (with_forbidden_) {
      forbidden_.Add(Forbidden::Kind::kContent, "the changed tag's salt", request.openings(1).salt());
      forbidden_.Add(Forbidden::Kind::kContent, "the changed tag", request.openings(1).content());
    }
    sender_said_ = referral::DigestOf(document);
    EXPECT_EQ(Say(kSender, kChangeConsent, "consent-1", document, request).code, grpc::StatusCode::OK);
    Told(sender_said_);
    AnswersTo(sender_said_, CHANGE_ANSWER_STOPPED, digests_[0]);
  }
  void Corrected() {
    v1::CorrectReferralRequest request;
    *request.mutable_submission() = Submit("correction-1", digests_[0]).submission();
    const auto document = Sign("police", "correction-1.statement", digests_[0], STATEMENT_KIND_CORRECTION, sender_said_,
                               [&](Statement& statement) { statement.set_replaced_by(digests_[1]); });
    EXPECT_EQ(Say(kSender, kCorrect, "correction-1", document, request).code, grpc::StatusCode::OK);
    Told(referral::DigestOf(document));
    for (const std::string& principal : {kA, kB}) {
      const auto delivery = mailboxes_[principal]->Next();
      EXPECT_EQ(delivery.referral().sections_size(), with_forbidden_ && principal == kA ? 3 : 2);
      mailboxes_[principal]->Ack(delivery);
    }
    AnswersTo(referral::DigestOf(document), CHANGE_ANSWER_CONFIRMED, digests_[0]);
  }
  void Recalled() {
    const auto document = Sign("police", "recall-1", digests_[1], STATEMENT_KIND_RECALL, "",
                               [](Statement& statement) { statement.set_recall_reason(RECALL_REASON_WRONG_CONTENT); });
    EXPECT_EQ((Say<v1::RecallReferralRequest>(kSender, kRecall, "recall-1", document)).code, grpc::StatusCode::OK);
    said_.clear();  // Of the newer version nobody has said anything.
    Told(referral::DigestOf(document));
    AnswersTo(referral::DigestOf(document), CHANGE_ANSWER_DESTROYED, digests_[1]);
  }
  void Held() {
    admin::v1::Change change;
    auto& hold = *change.mutable_set_hold();
    hold.set_id("inquest-1");
    hold.set_ground(HOLD_GROUND_INQUEST);
    hold.set_authority("coroner/7");
    hold.set_review_at_ms(absl::ToUnixMillis(clock().Now() + absl::Hours(24 * 30)));
    hold.add_header_digests(digests_[0]);
    EXPECT_EQ(world().Change(change), absl::OkStatus());
    for (const std::string& principal : {kA, kB}) {
      const auto delivery = mailboxes_[principal]->Next();
      EXPECT_EQ(delivery.hold().header_digests_size(), 1);
      mailboxes_[principal]->Ack(delivery);
    }
    v1::AnswerHoldRequest request;
    request.set_request_id("hold-answer-1");
    request.set_hold("inquest-1");
    request.set_answer(HOLD_ANSWER_HELD);
    request.mutable_worker()->set_pseudonym("worker-1");
    request.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
    request.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
    heard_.push_back(Call(kB, kAnswerHold, request));
    EXPECT_EQ(heard_.back().code, grpc::StatusCode::OK) << heard_.back().words;
  }
  // An inspector asks housing for all that it has of the first; housing looks, and refuses.
  void Disclosed() {
    const int64_t now = absl::ToUnixMillis(clock().Now());
    inspection::v1::ProposeWarrantRequest propose;
    propose.set_request_id("propose-1");
    auto& warrant = *propose.mutable_warrant();
    warrant = StatutoryWarrant(std::string(kWarrant), clock().Now());
    warrant.mutable_scope()->set_from_ms(now - 86'400'000);
    warrant.mutable_scope()->set_until_ms(now + 86'400'000);
    warrant.set_ends_ms(now + 30 * 86'400'000LL);
    EXPECT_EQ(Call(kInspector, kWarrants + "ProposeWarrant", propose).code, grpc::StatusCode::OK);
    inspection::v1::ActivateWarrantRequest activate;
    activate.set_request_id("activate-1");
    activate.set_id(std::string(kWarrant));
    EXPECT_EQ(Call(kColleague, kWarrants + "ActivateWarrant", activate).code, grpc::StatusCode::OK);
    inspection::v1::RequestDisclosureRequest ask;
    ask.set_request_id("ask-00001");
    ask.set_referral(digests_[0]);
    ask.set_agency("housing");
    ask.set_warrant(std::string(kWarrant));
    const auto asked = Only<inspection::v1::RequestDisclosureResponse>(Call(kInspector, "/accord.inspection.v1.TrailService/RequestDisclosure", ask));
    disclosures.push_back(asked.disclosure().number());
    inspection::v1::GetDisclosureRequest get;
    get.set_number(disclosures[0]);
    heard_.push_back(Call(kB, kDisclosureService + "GetDisclosure", get));
    EXPECT_EQ(heard_.back().code, grpc::StatusCode::OK) << heard_.back().words;
    heard_.push_back(Call(kB, kDisclosureService + "AnswerDisclosure", Refusing("refuse-1", "housing", disclosures[0])));
    EXPECT_EQ(heard_.back().code, grpc::StatusCode::OK) << heard_.back().words;
  }
  // Both holders are told what the sender says.
  void Told(const std::string& change) {
    for (const std::string& principal : {kA, kB}) {
      const auto delivery = mailboxes_[principal]->Next();
      EXPECT_EQ(referral::DigestOf(delivery.statement()), change);
      mailboxes_[principal]->Ack(delivery);
    }
  }
  // And answer; once they have taken whatever follows it, for that leaves by itself, sooner or later.
  void AnswersTo(const std::string& change, ChangeAnswer answer, const std::string& about) {
    for (const std::string& principal : {kA, kB}) {
      const std::string agency = IdOf(principal);
      auto& answers = principal == kB ? heard_ : permitted_;
      const std::string id = fmt::format("answer-{}", ++answers_);
      const auto document = Sign(agency, id, about, STATEMENT_KIND_CHANGE_ANSWERED, said_[agency], [&](Statement& statement) {
        statement.set_answers(change);
        statement.set_change_answer(answer);
      });
      answers.push_back(Say<v1::RespondToReferralRequest>(principal, kRespond, id, document));
      EXPECT_EQ(answers.back().code, grpc::StatusCode::OK) << answers.back().words;
      said_[agency] = referral::DigestOf(document);
    }
  }

  const bool with_forbidden_;
  std::vector<std::string> digests_;
  std::vector<TagPart> tags_;  // Of the newest version.
  std::vector<WireAnswer> heard_, permitted_;
  std::map<std::string, std::unique_ptr<OpenMailbox>> mailboxes_;  // One for each holder: with one credit, in one order in every run.
  std::map<std::string, std::string> said_;                        // By agency, its last statement on the version at hand.
  std::string sender_said_;
  int answers_ = 0;
  Forbidden forbidden_;
  Opening forbidden_opening_;
};

}  // namespace accord::broker::gate
