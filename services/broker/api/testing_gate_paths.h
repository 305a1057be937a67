// Every method of the broker, and how each is asked for what is forbidden; for gate_test.cc, whose walk holds the table to the
// descriptors.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"
#include "accord/admin/v1/audit_service.pb.h"
#include "accord/broker/v1/ledger_service.pb.h"
#include "accord/broker/v1/sharing_service.pb.h"
#include "accord/inspection/v1/trail_service.pb.h"
#include "accord/inspection/v1/warrant_service.pb.h"
#include "common/base/bytes.h"
#include "common/crypto/cms.h"
#include "common/crypto/digest.h"
#include "common/referral/referral_name.h"
#include "common/referral/section.h"
#include "services/broker/api/testing_gate.h"
#include "services/broker/api/testing_gate_asks.h"
#include "services/broker/api/testing_gate_disclosures.h"

namespace accord::broker::gate {

// What the asker sends itself, as if it followed from the referral.
inline referral::HeaderParts OwnParts(const Question& q, const std::string& request_id, const std::string& caused_by) {
  referral::HeaderParts parts;
  parts.core.set_request_id(request_id);
  parts.core.set_sender(q.agency());
  parts.core.mutable_worker()->set_pseudonym("worker-" + q.salt);
  parts.core.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
  parts.core.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
  parts.core.set_type(REFERRAL_TYPE_RESPONSE);
  parts.core.set_purpose(PURPOSE_SAFEGUARDING_ADULT);
  parts.core.set_urgency(URGENCY_ROUTINE);
  parts.core.set_signed_at_ms(absl::ToUnixMillis(q.scene.clock().Now()));
  parts.core.set_caused_by(caused_by);
  auto& recipient = parts.recipients.emplace_back();
  recipient.set_agency(q.agency() == "police" ? "idva" : "police");
  recipient.set_capacity(RECIPIENT_CAPACITY_NAMED);
  TagPart& tag = parts.tags.emplace_back();
  tag.set_tag_id(std::string(16, 't'));
  tag.set_victim_awareness(VICTIM_AWARENESS_INFORMED);
  tag.set_consent(CONFIDENTIALITY_CONSENT_GIVEN);
  tag.set_article6(ARTICLE6_BASIS_PUBLIC_TASK);
  tag.set_article9(ARTICLE9_CONDITION_SAFEGUARDING);
  tag.set_regime(REGIME_UK_GDPR);
  SectionPart& section = parts.sections.emplace_back();
  section.set_section_id(std::string(16, 's'));
  section.set_category(CATEGORY_RISK);
  section.set_tag_id(tag.tag_id());
  return parts;
}
inline Submission OwnSubmission(const Question& q, const std::string& request_id, const std::string& caused_by) {
  Submission submission;
  referral::HeaderParts parts = OwnParts(q, request_id, caused_by);
  SectionPart& part = parts.sections[0];
  const std::string plaintext = *referral::MakePlaintext(
      {q.agency(), request_id, part.section_id(), part.category(), parts.tags[0].SerializeAsString()}, "what the asker says");
  SealedSection& sealed = *submission.add_sections();
  sealed.set_section_id(part.section_id());
  const std::vector<crypto::Certificate> certificates = {q.scene.world().sealing(q.agency()).certificate,
                                                         q.scene.world().sealing(parts.recipients[0].agency()).certificate};
  sealed.set_cms(*crypto::cms::Seal(plaintext, certificates));
  part.set_digest(crypto::cms::Parse(sealed.cms())->digest);
  const auto made = referral::SignHeader(parts, q.scene.world().signing(q.agency()).signing_key(), q.scene.world().random());
  EXPECT_EQ(made.status(), absl::OkStatus());
  *submission.mutable_header() = made->header;
  for (const Opening& opening : made->openings) *submission.add_openings() = opening;
  return submission;
}
inline v1::PreviewReferralRequest OwnPreview(const Question& q, const std::string& digest) {
  const auto parts = OwnParts(q, q.Id("preview"), digest);
  v1::PreviewReferralRequest request;
  *request.mutable_core() = parts.core;
  *request.add_recipients() = parts.recipients[0];
  *request.add_sections() = parts.sections[0];
  *request.add_tags() = parts.tags[0];
  return request;
}
inline v1::SubmitReferralRequest OwnSubmit(const Question& q, const std::string& digest) {
  v1::SubmitReferralRequest request;
  request.set_request_id(q.Id("follows" + ToHex(digest.substr(0, 4))));
  *request.mutable_submission() = OwnSubmission(q, request.request_id(), digest);
  return request;
}
inline v1::CorrectReferralRequest OwnCorrection(const Question& q, const std::string& digest) {
  v1::CorrectReferralRequest request;
  request.set_request_id(q.Id("corrects" + ToHex(digest.substr(0, 4))));
  *request.mutable_submission() = OwnSubmission(q, request.request_id(), digest);
  const std::string replaced_by = referral::DigestOf(request.submission().header());
  *request.mutable_statement() = q.scene.Sign(q.agency(), request.request_id() + ".statement", digest, STATEMENT_KIND_CORRECTION, "",
                                              [&](Statement& statement) { statement.set_replaced_by(replaced_by); });
  return request;
}
inline v1::ChangeConsentRequest OwnConsent(const Question& q, const std::string& digest) {
  v1::ChangeConsentRequest request;
  request.set_request_id(q.Id("consents" + ToHex(digest.substr(0, 4))));
  *request.mutable_statement() =
      q.scene.Sign(q.agency(), request.request_id(), digest, STATEMENT_KIND_CONSENT_CHANGE, "", [&](Statement& statement) {
        const auto parts = OwnParts(q, request.request_id(), "");
        for (const Opening& opening : referral::CommitToTags(parts.tags, q.scene.world().random(), statement))
          *request.add_openings() = opening;
      });
  return request;
}

inline v1::SubmitReferralsRequest OwnBulk(const Question& q, const std::string& digest) {
  v1::SubmitReferralsRequest request;
  *request.mutable_referral() = OwnSubmit(q, digest);
  request.mutable_referral()->set_request_id("bulk-0001");  // Not the one that was signed.
  return request;
}
inline v1::AnswerHoldRequest AnswerToNoHold(const Question& q) {
  v1::AnswerHoldRequest request;
  request.set_request_id(q.Id("hold-none"));
  request.set_hold("never-set");
  request.set_answer(HOLD_ANSWER_HELD);
  request.mutable_worker()->set_pseudonym("worker-1");
  request.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
  request.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
  return request;
}
inline v1::GetReferralRequest ByName(const Question&, const std::string& digest) {
  v1::GetReferralRequest request;
  request.set_name(referral::ReferralName(digest));
  return request;
}
inline v1::GetCaseHistoryRequest HistoryOf(const Question&, const std::string& digest) {
  v1::GetCaseHistoryRequest request;
  request.set_name(referral::ReferralName(digest));
  return request;
}
inline v1::GetHoldersRequest HoldersOf(const Question&, const std::string& digest) {
  v1::GetHoldersRequest request;
  request.set_referral(referral::ReferralName(digest));
  return request;
}
inline v1::ListGapsRequest AllGaps() {
  v1::ListGapsRequest request;
  request.set_with_reviewed(true);
  return request;
}
inline v1::ListBreachesRequest AllBreaches() {
  v1::ListBreachesRequest request;
  request.set_with_assessed(true);
  return request;
}
inline v1::ProveConsistencyRequest FirstEntries() {
  v1::ProveConsistencyRequest request;
  request.set_old_size(1);
  request.set_new_size(2);
  return request;
}
inline admin::v1::GetPolicyDocumentRequest AgreementInForce() {
  admin::v1::GetPolicyDocumentRequest request;
  request.set_kind(admin::v1::POLICY_DOCUMENT_KIND_AGREEMENT);
  request.set_version("2");
  return request;
}

// Every entry's receipt, of the whole log.
inline std::vector<WireAnswer> EveryReceipt(const Question& q, const std::string& method) {
  const std::string status = "/accord.broker.v1.LedgerService/GetLedgerStatus";
  const auto size = Only<v1::GetLedgerStatusResponse>(q.scene.Call(q.principal, status, v1::GetLedgerStatusRequest())).signed_size();
  EXPECT_GT(size, 0u);
  std::vector<WireAnswer> answers;
  for (uint64_t index = 0; index < size; ++index) {
    v1::GetReceiptRequest request;
    request.set_index(index);
    answers.push_back(q.scene.Call(q.principal, method, request));
    EXPECT_EQ(answers.back().code, grpc::StatusCode::OK) << index;
  }
  return answers;
}

// The trail of each referral, page by page; and for whoever may ask so, of its cases and of the agency.
inline std::vector<WireAnswer> EveryTrail(const Question& q, const std::string& method) {
  std::vector<WireAnswer> answers;
  std::set<std::string> cases;
  const auto ask = [&](const inspection::v1::QueryTrailRequest& request) {
    for (WireAnswer& answer : Pages(q, method, request)) {
      for (const std::string& message : answer.messages) {
        const auto response = Parse<inspection::v1::QueryTrailResponse>(message);
        cases.insert(response.case_pseudonyms().begin(), response.case_pseudonyms().end());
      }
      answers.push_back(std::move(answer));
    }
  };
  inspection::v1::QueryTrailRequest request;
  for (const std::string& digest : q.digests) {
    request.set_referral(digest);
    ask(request);
  }
  if (cases.empty()) cases.insert(std::string(16, 'c'));
  for (const std::string& pseudonym : std::set(cases)) {
    request.set_case_pseudonym(pseudonym);
    ask(request);
  }
  request.set_agency("housing");
  ask(request);
  request.mutable_filter()->add_events(type::v1::EVENT_TYPE_REFERRAL_STORED);
  ask(request);
  return answers;
}

// The trail of each referral, and what was stored, ever: as StreamTrail and ExplainTrail ask.
template <typename Request>
std::vector<WireAnswer> EveryFilter(const Question& q, const std::string& method) {
  std::vector<WireAnswer> answers;
  Request request;
  for (const std::string& digest : q.digests) {
    request.mutable_query()->set_referral(digest);
    answers.push_back(q.scene.Call(q.principal, method, request));
  }
  request.mutable_query()->mutable_filter()->add_events(type::v1::EVENT_TYPE_REFERRAL_STORED);
  answers.push_back(q.scene.Call(q.principal, method, request));
  return answers;
}

// A list, counts, and what is asked of each referral.
inline std::vector<WireAnswer> EveryQuestion(const Question& q, const std::string& method) {
  std::vector<WireAnswer> answers;
  for (const uint32_t number : {3u, 7u, 12u, 101u}) {
    inspection::v1::AskQuestionRequest request;
    request.set_question(number);
    request.set_from_ms(absl::ToUnixMillis(q.scene.clock().Now() - absl::Hours(24 * 365)));
    request.set_until_ms(absl::ToUnixMillis(q.scene.clock().Now() + absl::Hours(24 * 365)));
    answers.push_back(q.scene.Call(q.principal, method, request));
  }
  for (const std::string& digest : q.digests) {
    inspection::v1::AskQuestionRequest request;
    request.set_question(1);
    request.set_referral(digest);
    answers.push_back(q.scene.Call(q.principal, method, request));
  }
  return answers;
}

inline std::vector<WireAnswer> EverySample(const Question& q, const std::string& method) {
  inspection::v1::DrawSampleRequest request;
  request.set_size(10);
  request.set_from_ms(absl::ToUnixMillis(q.scene.clock().Now() - absl::Hours(24 * 365)));
  request.set_until_ms(absl::ToUnixMillis(q.scene.clock().Now() + absl::Hours(24 * 365)));
  return {q.scene.Call(q.principal, method, request)};
}

// A bundle of each referral, and of a case that is not there.
inline std::vector<WireAnswer> EveryBundle(const Question& q, const std::string& method) {
  std::vector<WireAnswer> answers;
  inspection::v1::ExportBundleRequest request;
  for (const std::string& digest : q.digests) {
    request.Clear();
    request.add_referrals(digest);
    answers.push_back(q.scene.Call(q.principal, method, request));
  }
  request.Clear();
  request.add_case_pseudonyms(std::string(16, 'c'));
  answers.push_back(q.scene.Call(q.principal, method, request));
  return answers;
}

// Opens the mailbox, takes what there is, and ends it by an ack of something that was never given.
inline std::vector<WireAnswer> TakeMailbox(const Question& q, const std::string& method) {
  WireCall call(q.scene.world().Channel(q.principal), method);
  v1::OpenMailboxRequest request;
  request.mutable_open()->set_credit(8);
  call.Write(request);
  request.mutable_ack()->set_delivery_id(std::string(16, 'x'));
  call.Write(request);
  return {call.Finish()};
}

// What waits, by polling; and what was acknowledged, once more. Each poll is a second after the last, as the quota asks.
inline std::vector<WireAnswer> CollectOnce(const Question& q, const std::string& method) {
  q.scene.clock().Advance(absl::Seconds(1));
  v1::CollectMessagesRequest request;
  request.set_request_id(q.Id("collect"));
  return {q.scene.Call(q.principal, method, request)};
}
inline v1::SettleMessagesRequest SettleOfNothing() {
  v1::SettleMessagesRequest request;
  request.set_request_id("settle-nothing");
  request.add_settlements()->mutable_ack()->set_delivery_id(std::string(16, 'x'));
  return request;
}
inline Worker AWorker() {
  Worker worker;
  worker.set_pseudonym("worker-1");
  worker.set_role(WORKER_ROLE_PRACTITIONER);
  worker.set_authentication(AUTHENTICATION_MULTI_FACTOR);
  return worker;
}
inline std::vector<WireAnswer> ReplayAndCollect(const Question& q, const std::string& method) {
  const std::string service = "/accord.broker.v1.MailboxService/";
  v1::ReplayMailboxRequest replay;
  replay.set_request_id(q.Id("replay"));
  replay.set_position(0);
  *replay.mutable_worker() = AWorker();
  std::vector<WireAnswer> answers = {q.scene.Call(q.principal, method, replay)};
  if (answers[0].messages.empty()) return answers;
  // In one order in every run: what is settled in one call frees the next of its key.
  for (int round = 0; round < 64; ++round) {
    q.scene.clock().Advance(absl::Seconds(1));
    v1::CollectMessagesRequest collect;
    collect.set_request_id(q.Id("collect-again"));
    answers.push_back(q.scene.Call(q.principal, service + "CollectMessages", collect));
    v1::SettleMessagesRequest settle;
    settle.set_request_id(q.Id("settle-again"));
    const auto collected = Only<v1::CollectMessagesResponse>(answers.back());
    for (const auto& delivery : collected.deliveries()) settle.add_settlements()->mutable_ack()->set_delivery_id(delivery.delivery_id());
    if (settle.settlements().empty()) break;
    answers.push_back(q.scene.Call(q.principal, service + "SettleMessages", settle));
  }
  return answers;
}
// A dead letter that is not there.
template <typename Request>
std::vector<WireAnswer> AboutNoLetter(const Question& q, const std::string& method) {
  Request request;
  request.set_request_id(q.Id("letter"));
  request.set_delivery_id(std::string(16, 'x'));
  if constexpr (std::is_same_v<Request, v1::DiscardDeadLetterRequest>) request.set_reason(DISCARD_REASON_NOT_NEEDED);
  *request.mutable_worker() = AWorker();
  return {q.scene.Call(q.principal, method, request)};
}

// As if the asker had sent it, of a section and for a key that it makes up.
inline v1::ResealReferralRequest OwnReseal(const Question& q, const std::string& digest) {
  v1::ResealReferralRequest request;
  request.set_request_id(q.Id("reseal-" + ToHex(digest.substr(0, 4))));
  auto& section = *request.add_sections();
  section.set_section_id(std::string(kIdBytes, 's'));
  section.set_cms(*crypto::cms::Seal("content", std::vector{q.scene.world().sealing(q.agency()).certificate}));
  *request.mutable_statement() = q.scene.Sign(q.agency(), request.request_id(), digest, STATEMENT_KIND_RESEALED, "", [&](Statement& statement) {
    auto& reseal = *statement.mutable_reseal();
    reseal.mutable_recipient()->set_agency(q.agency() == "idva" ? "housing" : "idva");
    reseal.mutable_recipient()->set_capacity(RECIPIENT_CAPACITY_NAMED);
    reseal.set_sealing_certificate_digest(std::string(32, 'c'));
    reseal.set_approver("dpo-1");
    reseal.add_section_ids(section.section_id());
  });
  return request;
}

// Of bytes that it makes up.
inline std::vector<WireAnswer> OwnUpload(const Question& q, const std::string& method) {
  v1::UploadSectionRequest request;
  request.set_request_id(q.Id("upload"));
  request.set_chunk("sealed, says " + request.request_id());
  request.set_digest(crypto::Sha256(request.chunk()));
  return {q.scene.Call(q.principal, method, request)};
}
// Of every section that was made for the referrals, the forbidden among them.
inline std::vector<WireAnswer> FetchEvery(const Question& q, const std::string& method) {
  std::vector<WireAnswer> answers;
  for (const std::string& digest : q.digests) {
    const auto known = q.scene.section_ids.find(digest);
    const std::vector<std::string> ids = known == q.scene.section_ids.end() ? std::vector{std::string(kIdBytes, 'n')} : known->second;
    for (const std::string& id : ids) {
      v1::FetchSectionRequest request;
      request.set_name(referral::ReferralName(digest));
      request.set_section_id(id);
      answers.push_back(q.scene.Call(q.principal, method, request));
    }
  }
  return answers;
}

// The methods by service. One that comes is missed by the walk of gate_test.cc.
inline Methods ReferralPaths() {
  const char* const senders = "the sender's alone: others are refused";
  const auto engaged = [](Statement& statement) { statement.set_outcome_code("engaged"); };
  const auto wrong_person = [](Statement& statement) { statement.set_recall_reason(RECALL_REASON_WRONG_PERSON); };
  const auto higher = [](Statement& statement) {
    statement.mutable_regraded()->set_grade(RISK_GRADE_HIGH);
    statement.mutable_regraded()->set_change_reason(RISK_CHANGE_REASON_NEW_INFORMATION);
  };
  const auto not_wanted = [](Statement& statement) { statement.set_withdraw_reason(WITHDRAW_REASON_NOT_WANTED); };
  return {
      {"PreviewReferral", {What::kReferrals, "", OfEach<v1::PreviewReferralRequest>(OwnPreview)}},
      {"SubmitReferral", {What::kWrite, "decides of what the caller sends", OfEach<v1::SubmitReferralRequest>(OwnSubmit)}},
      {"SubmitReferrals", {What::kWrite, "as SubmitReferral", OfEach<v1::SubmitReferralsRequest>(OwnBulk)}},
      {"GetReferral", {What::kReferrals, "", OfEach<v1::GetReferralRequest>(ByName)}},
      {"ListReferrals", {What::kReferrals, "", PagesOf<v1::ListReferralsRequest>()}},
      {"RespondToReferral",
       {What::kWrite, "answers with the receipt of the caller's own word",
        Statements<v1::RespondToReferralRequest>(STATEMENT_KIND_OPENED)}},
      {"RecordOutcome", {What::kWrite, "as RespondToReferral", Statements<v1::RecordOutcomeRequest>(STATEMENT_KIND_OUTCOME, engaged)}},
      {"ChangeConsent", {What::kWrite, senders, OfEach<v1::ChangeConsentRequest>(OwnConsent)}},
      {"CorrectReferral", {What::kWrite, senders, OfEach<v1::CorrectReferralRequest>(OwnCorrection)}},
      {"RecallReferral", {What::kWrite, senders, Statements<v1::RecallReferralRequest>(STATEMENT_KIND_RECALL, wrong_person)}},
      {"WithdrawReferral", {What::kWrite, senders, Statements<v1::WithdrawReferralRequest>(STATEMENT_KIND_WITHDRAWN, not_wanted)}},
      {"RegradeReferral", {What::kWrite, senders, Statements<v1::RegradeReferralRequest>(STATEMENT_KIND_REGRADED, higher)}},
      {"ResealReferral", {What::kWrite, senders, OfEach<v1::ResealReferralRequest>(OwnReseal)}},
      {"UploadSection", {What::kWrite, "answers with what the caller brought", OwnUpload}},
  };
}
inline v1::ReportAlertRequest AlertOfNoDelivery(const Question& q) {
  v1::ReportAlertRequest request;
  request.set_request_id(q.Id("alert-none"));
  request.set_delivery_id(std::string(kIdBytes, 'n'));
  return request;
}
inline Methods MailboxPaths() {
  const Ask alert = [](const Question& q, const std::string& method) {
    return std::vector{q.scene.Call(q.principal, method, AlertOfNoDelivery(q))};
  };
  const Ask answer = [](const Question& q, const std::string& method) {
    return std::vector{q.scene.Call(q.principal, method, AnswerToNoHold(q))};
  };
  return {
      {"OpenMailbox", {What::kReferrals, "", TakeMailbox}},
      {"CollectMessages", {What::kReferrals, "", CollectOnce}},
      {"SettleMessages", {What::kWrite, "answers with the receipts of the caller's own settlements", Once(SettleOfNothing())}},
      {"ReplayMailbox", {What::kReferrals, "", ReplayAndCollect}},
      {"FetchSection", {What::kReferrals, "", FetchEvery}},
      {"AnswerHold", {What::kWrite, "answers with the receipt of the caller's own answer", answer}},
      {"ReportAlert", {What::kWrite, "answers with nothing", alert}},
      {"ListDeadLetters", {What::kReferrals, "", PagesOf<v1::ListDeadLettersRequest>()}},
      {"RequeueDeadLetter", {What::kWrite, "answers with the receipt of the caller's own act", AboutNoLetter<v1::RequeueDeadLetterRequest>}},
      {"DiscardDeadLetter", {What::kWrite, "as RequeueDeadLetter", AboutNoLetter<v1::DiscardDeadLetterRequest>}},
  };
}
inline Methods SharingPaths() {
  const auto no_risk = [](Statement& statement) { statement.set_breach_assessment(BREACH_ASSESSMENT_NO_RISK); };
  return {
      {"GetHolders", {What::kReferrals, "", OfEach<v1::GetHoldersRequest>(HoldersOf)}},
      {"ListGaps", {What::kReferrals, "", PagesOf(AllGaps())}},
      {"ListBreaches", {What::kReferrals, "", PagesOf(AllBreaches())}},
      {"ListSharing", {What::kReferrals, "", PagesOf<v1::ListSharingRequest>()}},
      {"RecordReview",
       {What::kWrite, "the sender's alone: others are refused",
        Statements<v1::RecordReviewRequest>(STATEMENT_KIND_BREACH_ASSESSED, no_risk)}},
  };
}
// An answer to a link that there is none of.
inline std::vector<WireAnswer> AboutNoLink(const Question& q, const std::string& method) {
  v1::AnswerLinkProposalRequest request;
  request.set_request_id("gate-link");
  request.set_name("links/4711");
  request.set_answer(LINK_ANSWER_CONFIRMED);
  *request.mutable_worker() = AWorker();
  return {q.scene.Call(q.principal, method, request)};
}
inline Methods CasePaths() {
  return {
      {"GetCaseHistory", {What::kReferrals, "", OfEach<v1::GetCaseHistoryRequest>(HistoryOf)}},
      {"ListLinkProposals", {What::kReferrals, "", PagesOf<v1::ListLinkProposalsRequest>()}},
      {"AnswerLinkProposal", {What::kWrite, "refused of what the caller does not hold", AboutNoLink}},
  };
}
inline Methods LedgerPaths() {
  return {
      {"GetCheckpoint", {What::kOther, "", Once<v1::GetCheckpointRequest>()}},
      {"ListCheckpoints", {What::kOther, "", PagesOf<v1::ListCheckpointsRequest>()}},
      {"GetReceipt", {What::kOther, "", EveryReceipt}},  // Of what opens to the asker the twin's are compared by themselves.
      {"ProveConsistency", {What::kOther, "", Once(FirstEntries())}},
      {"StreamEntries", {What::kOther, "", Once<v1::StreamEntriesRequest>()}},
      {"Cosign", {What::kWrite, "says whether a quorum is met", Once<v1::CosignRequest>()}},
      {"ReportFork", {What::kWrite, "says whether the note contradicts the log", Once<v1::ReportForkRequest>()}},
      {"GetLedgerStatus", {What::kOther, "", Once<v1::GetLedgerStatusRequest>()}},
  };
}
inline Methods TrailPaths() {
  return {
      {"QueryTrail", {What::kReferrals, "", EveryTrail}},
      {"StreamTrail", {What::kReferrals, "", EveryFilter<inspection::v1::StreamTrailRequest>}},
      {"ExplainTrail", {What::kOther, "", EveryFilter<inspection::v1::ExplainTrailRequest>}},
      {"ListQuestions", {What::kOther, "", Once<inspection::v1::ListQuestionsRequest>()}},
      {"AskQuestion", {What::kReferrals, "", EveryQuestion}},
      {"DrawSample", {What::kReferrals, "", EverySample}},
      {"ExportBundle", {What::kReferrals, "", EveryBundle}},
      {"RequestDisclosure", {What::kWrite, "answers with what was asked", OfEach<inspection::v1::RequestDisclosureRequest>(AskFor)}},
  };
}
// Every warrant that stands; then the stream, which would go on, is ended.
inline std::vector<WireAnswer> WatchOnce(const Question& q, const std::string& method) {
  const auto listed = q.scene.Call(q.principal, "/accord.inspection.v1.WarrantService/ListWarrants", inspection::v1::ListWarrantsRequest());
  WireCall call(q.scene.world().Channel(q.principal), method);
  call.Write(inspection::v1::WatchWarrantsRequest());
  call.WritesDone();
  if (listed.messages.empty()) return {call.Finish()};
  for (int standing = Only<inspection::v1::ListWarrantsResponse>(listed).warrants_size(); standing > 0 && call.Read().has_value();) --standing;
  return {call.Cancel()};
}
inline Methods WarrantPaths() {
  return {
      {"ProposeWarrant", {What::kWrite, "answers with the warrant that was brought", Once<inspection::v1::ProposeWarrantRequest>()}},
      {"ActivateWarrant", {What::kWrite, "answers with the warrant that was proposed", Once<inspection::v1::ActivateWarrantRequest>()}},
      {"ChangeWarrant", {What::kWrite, "as ActivateWarrant", Once<inspection::v1::ChangeWarrantRequest>()}},
      {"ListWarrants", {What::kOther, "", PagesOf<inspection::v1::ListWarrantsRequest>()}},
      {"WatchWarrants", {What::kOther, "", WatchOnce}},
      {"ListLooks", {What::kReferrals, "", PagesOf<inspection::v1::ListLooksRequest>()}},
  };
}
inline Methods DirectoryPaths() {
  return {
      {"ListAgencies", {What::kOther, "", PagesOf<admin::v1::ListAgenciesRequest>()}},
      {"PublishSupport", {What::kWrite, "answers with the caller's own offer", Once<admin::v1::PublishSupportRequest>()}},
  };
}
inline Methods PolicyPaths() {
  return {
      {"ListPolicyDocuments", {What::kOther, "", PagesOf<admin::v1::ListPolicyDocumentsRequest>()}},
      {"GetPolicyDocument", {What::kOther, "", Once(AgreementInForce())}},
      {"ListForums", {What::kOther, "", PagesOf<admin::v1::ListForumsRequest>()}},
  };
}
// Every audit, of all that there is.
inline std::vector<WireAnswer> EveryAudit(const Question& q, const std::string& method) {
  std::vector<WireAnswer> answers;
  for (int audit = admin::v1::SharingAudit_MIN + 1; audit <= admin::v1::SharingAudit_MAX; ++audit) {
    admin::v1::AuditSharingRequest request;
    request.set_audit(static_cast<admin::v1::SharingAudit>(audit));
    request.set_from_ms(absl::ToUnixMillis(q.scene.clock().Now() - absl::Hours(24 * 365)));
    request.set_until_ms(absl::ToUnixMillis(q.scene.clock().Now() + absl::Hours(24 * 365)));
    answers.push_back(q.scene.Call(q.principal, method, request));
  }
  return answers;
}
// About the agency that may not have all.
template <typename Request>
Ask OfHousing() {
  Request request;
  request.set_agency("housing");
  return Once(request);
}
inline Methods AdminPaths() {
  return {
      {"ProposeChange", {What::kWrite, "answers with the change that was brought", Once<admin::v1::ProposeChangeRequest>()}},
      {"ApproveChange", {What::kWrite, "answers with the change that was proposed", Once<admin::v1::ApproveChangeRequest>()}},
      {"WithdrawChange", {What::kWrite, "answers with the change that was proposed", Once<admin::v1::WithdrawChangeRequest>()}},
      {"GetChange", {What::kOther, "", Once<admin::v1::GetChangeRequest>()}},
      {"SuspendPrincipal", {What::kWrite, "answers with the index of an entry", Once<admin::v1::SuspendPrincipalRequest>()}},
      {"ReinstatePrincipal", {What::kWrite, "answers with the index of an entry", Once<admin::v1::ReinstatePrincipalRequest>()}},
      {"SetMaintenance", {What::kWrite, "answers with the index of an entry", Once<admin::v1::SetMaintenanceRequest>()}},
      {"GetOnboarding", {What::kOther, "", Once<admin::v1::GetOnboardingRequest>()}},
      {"GetLeaving", {What::kOther, "", OfHousing<admin::v1::GetLeavingRequest>()}},
      {"CheckConnection", {What::kOther, "", OfHousing<admin::v1::CheckConnectionRequest>()}},
      {"ListOfficers", {What::kOther, "", PagesOf<admin::v1::ListOfficersRequest>()}},
      {"ListHolds", {What::kOther, "", PagesOf<admin::v1::ListHoldsRequest>()}},
      {"GetErasure", {What::kOther, "", Once<admin::v1::GetErasureRequest>()}},
      {"ListChanges", {What::kOther, "", PagesOf<admin::v1::ListChangesRequest>()}},
      {"ListOverdue", {What::kOther, "", PagesOf<admin::v1::ListOverdueRequest>()}},
  };
}

// Every method, by its name on the wire.
inline const std::map<std::string, Path, std::less<>>& Paths() {
  static const auto* const paths = [] {
    auto* all = new std::map<std::string, Path, std::less<>>;
    const auto add = [all](const std::string& service, const Methods& methods) {
      for (const auto& [name, path] : methods) all->emplace("/accord." + service + "/" + name, path);
    };
    add("broker.v1.ReferralService", ReferralPaths());
    add("broker.v1.MailboxService", MailboxPaths());
    add("broker.v1.SharingService", SharingPaths());
    add("broker.v1.CaseService", CasePaths());
    add("broker.v1.LedgerService", LedgerPaths());
    add("inspection.v1.TrailService", TrailPaths());
    add("inspection.v1.WarrantService", WarrantPaths());
    add("inspection.v1.DisclosureService", DisclosurePaths());
    add("admin.v1.DirectoryService", DirectoryPaths());
    add("admin.v1.PolicyService", PolicyPaths());
    add("admin.v1.AuditService", {{"AuditSharing", {What::kReferrals, "", EveryAudit}}});
    add("admin.v1.AdminService", AdminPaths());
    return all;
  }();
  return *paths;
}
// The answers of one method.
inline std::vector<WireAnswer> AskBy(std::string_view method, const Question& question) {
  return Paths().find(method)->second.ask(question, std::string(method));
}

}  // namespace accord::broker::gate
