// A broker in memory for tests of the agency runtime: a real log with a real key, decisions as told, and every lie
// that a dishonest one could tell.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/agent/broker_link.h"
#include "common/agent/fake_log.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/certificate.h"
#include "common/crypto/digest.h"
#include "common/referral/disclosure.h"
#include "common/referral/header.h"
#include "common/referral/states.h"
#include "common/referral/statement.h"

namespace accord::agent {

// Thread-compatible.
class FakeBroker : public BrokerLink {
 public:
  explicit FakeBroker(Random& random) : log(random) {}

  // What it is told to do.
  FakeLog log;
  absl::Status away;                                    // Every call fails with it, unless OK.
  bool lose_answer = false;                             // Submit is carried out, its answer lost.
  std::vector<type::v1::Category> withheld;             // Not permitted to anybody.
  std::vector<std::string> denied;                      // Agencies that are permitted nothing.
  std::map<std::string, std::string> certificates;      // Agency → sealing certificate, DER.
  std::vector<admin::v1::Agency> directory;
  std::vector<broker::v1::ResolvedRecipient> further;   // Resolved by previews beside those that were named.
  std::string published;                                // The newest published checkpoint; empty: none yet.
  std::function<void()> before_proof;                   // Called by ProveConsistency, on its thread.
  std::function<void(const std::string&)> on_cosign;    // Called by Cosign with the note.
  absl::Status refuse_submit;                           // Submit refuses with it, unless OK.
  absl::Status refuse_answer;                           // AnswerHold refuses with it, unless OK.
  absl::Status refuse_act;                              // Acts of a sender on what was stored are refused with it, unless OK.
  absl::Status refuse_respond;                          // Respond refuses with it, unless OK.
  std::vector<std::string> not_told;                    // Of every answer to an act.
  broker::v1::GetHoldersResponse holders;
  std::vector<broker::v1::RecipientStatus> recipients;  // Of every submission that is answered or asked for.
  absl::Status refuse_report;                           // ReportAlert refuses with it, unless OK.
  broker::v1::ListDeadLettersResponse dead_letters;
  std::string other_letter;                             // Receipts of acts on dead letters name it, unless empty.
  broker::v1::ListLinkProposalsResponse links;
  type::v1::LinkAnswer other_answer = type::v1::LINK_ANSWER_UNSPECIFIED;  // Receipts of answers to links say it, unless unspecified.
  bool other_offer = false;                             // The entries of PublishSupport are of another offer.
  std::map<uint64_t, inspection::v1::GetDisclosureResponse> disclosures;  // By number.
  absl::Status refuse_disclosure;                       // AnswerDisclosure refuses with it, unless OK.
  bool other_disclosure = false;                        // Receipts of AnswerDisclosure are of another one.
  int64_t feedback_due_ms = 0;                                      // Answers of Respond.
  std::vector<std::pair<uint32_t, uint64_t>> replayed;  // Answers of ReplayMailbox: how many, and where it goes on.
  // What it saw.
  std::vector<type::v1::SignedPayload> acts;            // Every one that was sent, also again, in order.
  std::vector<type::v1::Opening> act_openings;          // Of the last of them.
  std::map<std::string, std::pair<std::string, uint64_t>> acted;   // Request id → statement digest, index.
  std::vector<broker::v1::AnswerHoldRequest> hold_answers;
  std::vector<inspection::v1::AnswerDisclosureRequest> disclosure_answers;  // Every one that was sent, also again, in order.
  std::vector<admin::v1::SupportOffer> offers;          // Published.
  std::vector<broker::v1::ReplayMailboxRequest> replays;
  std::map<std::string, std::pair<std::string, uint64_t>> stored;  // Request id → header digest, index.
  std::vector<std::string> submitted;                               // Every submission's bytes, in order.
  std::vector<type::v1::Statement> statements;
  std::vector<std::string> cosigned, reported;                      // Notes.
  std::vector<std::string> alerted;                                 // Delivery ids, every report in order.
  broker::v1::ResealReferralRequest resealed;                       // The last one.
  std::map<std::string, std::pair<std::string, std::string>> uploads;  // Digest → request id, bytes: waiting for their submission.
  int uploads_seen = 0;                                             // Every one, also again.
  std::map<std::string, std::string> sections;                      // Section id → what FetchSection gives.
  int fetches_seen = 0;
  int referrals_asked = 0;                                          // Calls of GetReferral.

  absl::StatusOr<broker::v1::PreviewReferralResponse> Preview(const broker::v1::PreviewReferralRequest& request) override {
    ACCORD_RETURN_IF_ERROR(away);
    broker::v1::PreviewReferralResponse response;
    const auto decide = [&](const std::string& agency) {
      for (const auto& section : request.sections()) {
        auto& decision = *response.add_decisions();
        decision.set_section_id(section.section_id());
        decision.set_category(section.category());
        decision.set_recipient(agency);
        const bool no = std::find(withheld.begin(), withheld.end(), section.category()) != withheld.end() ||
                        std::find(denied.begin(), denied.end(), agency) != denied.end();
        decision.set_verdict(no ? type::v1::VERDICT_WITHHOLD : type::v1::VERDICT_PERMIT);
      }
    };
    for (const auto& recipient : request.recipients()) {
      auto& row = *response.add_recipients();
      row.set_agency(recipient.agency());
      row.set_capacity(type::v1::RECIPIENT_CAPACITY_NAMED);
      row.set_sealing_certificate(certificates[recipient.agency()]);
      decide(recipient.agency());
    }
    for (const auto& row : further) {
      *response.add_recipients() = row;
      if (request.with_stand_ins()) decide(row.agency());
    }
    response.set_decision_digest(std::string(32, static_cast<char>('0' + withheld.size())));
    return response;
  }
  absl::StatusOr<broker::v1::SubmitReferralResponse> Submit(const broker::v1::SubmitReferralRequest& request) override {
    ACCORD_RETURN_IF_ERROR(away);
    ACCORD_RETURN_IF_ERROR(refuse_submit);
    submitted.push_back(request.submission().SerializeAsString());
    if (!request.decision_digest().empty() && request.decision_digest() != std::string(32, static_cast<char>('0' + withheld.size()))) {
      return Error(Reason::kDecisionChanged, "preview again");
    }
    const std::string digest = referral::DigestOf(request.submission().header());
    auto known = stored.find(request.request_id());
    if (known == stored.end()) {
      for (const auto& section : request.submission().sections()) {
        const auto upload = uploads.find(section.uploaded());
        const bool there = upload != uploads.end() && upload->second.first == request.request_id();
        if (!section.uploaded().empty() && !there) return Error(Reason::kUploadNotFound, "upload it, then submit again");
      }
      for (const auto& section : request.submission().sections()) uploads.erase(section.uploaded());
      type::v1::EntryEvent event;
      const auto view = referral::ParseHeader(request.submission().header());
      const std::vector<type::v1::Opening> openings(request.submission().openings().begin(), request.submission().openings().end());
      ACCORD_ASSIGN_OR_RETURN(const auto header, referral::OpenHeader(*view, openings));
      event.set_type(referral::StoredEventOf(header.core.part.type()));
      type::v1::EntryReferral about;
      about.set_header_digest(digest);
      about.set_sender(header.core.part.sender());
      about.set_request_id(request.request_id());
      known = stored.emplace(request.request_id(), std::pair(digest, log.Append(event, about))).first;
    } else if (known->second.first != digest) {
      return Error(Reason::kRequestIdReused, "other content",
                   {{"first_digest", ToHex(known->second.first)}, {"first_index", std::to_string(known->second.second)}});
    }
    if (lose_answer) return Error(Reason::kStoreUnavailable, "the answer is lost");
    broker::v1::SubmitReferralResponse response;
    response.set_header_digest(digest);
    response.set_stored_index(known->second.second);
    *response.mutable_receipt() = log.Receipt(known->second.second);
    for (const auto& row : recipients) *response.add_recipients() = row;
    return response;
  }
  absl::Status UploadSection(const std::string& request_id, const std::string& digest, const std::string& cms) override {
    ACCORD_RETURN_IF_ERROR(away);
    ++uploads_seen;
    uploads[digest] = {request_id, cms};
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> FetchSection(const broker::v1::FetchSectionRequest& request) override {
    ACCORD_RETURN_IF_ERROR(away);
    ++fetches_seen;
    const auto found = sections.find(request.section_id());
    if (found == sections.end()) return Error(Reason::kReferralNotFound, "no such section");
    return found->second;
  }
  // An act of the sender: recorded once, and answered the same way when it is sent again.
  template <typename Response, typename Request>
  absl::StatusOr<Response> RecordAct(const Request& request) {
    ACCORD_RETURN_IF_ERROR(away);
    acts.push_back(request.statement());
    act_openings.clear();
    if constexpr (requires { request.openings(); }) act_openings.assign(request.openings().begin(), request.openings().end());
    ACCORD_RETURN_IF_ERROR(refuse_act);
    ACCORD_ASSIGN_OR_RETURN(const auto statement, referral::ParseStatement(request.statement()));
    const std::string digest = referral::DigestOf(request.statement());
    type::v1::EntryEvent event;
    event.set_type(type::v1::EVENT_TYPE_STATEMENT);
    if (!acted.contains(statement.request_id())) {
      acted[statement.request_id()] = {digest, log.Append(event, statement.header_digest())};
    }
    if (acted[statement.request_id()].first != digest) return Error(Reason::kRequestIdReused, "another act");
    if (lose_answer) return Error(Reason::kStoreUnavailable, "the answer is lost");
    Response response;
    response.set_statement_digest(digest);
    response.set_index(acted[statement.request_id()].second);
    if constexpr (requires { response.mutable_receipt(); }) *response.mutable_receipt() = log.Receipt(response.index());
    if constexpr (requires { response.mutable_not_told(); }) response.mutable_not_told()->Assign(not_told.begin(), not_told.end());
    return response;
  }
  absl::StatusOr<broker::v1::ChangeConsentResponse> ChangeConsent(const broker::v1::ChangeConsentRequest& request) override {
    return RecordAct<broker::v1::ChangeConsentResponse>(request);
  }
  absl::StatusOr<broker::v1::RecallReferralResponse> Recall(const broker::v1::RecallReferralRequest& request) override {
    return RecordAct<broker::v1::RecallReferralResponse>(request);
  }
  absl::StatusOr<broker::v1::WithdrawReferralResponse> Withdraw(const broker::v1::WithdrawReferralRequest& request) override {
    return RecordAct<broker::v1::WithdrawReferralResponse>(request);
  }
  absl::StatusOr<broker::v1::ResealReferralResponse> Reseal(const broker::v1::ResealReferralRequest& request) override {
    resealed = request;
    return RecordAct<broker::v1::ResealReferralResponse>(request);
  }
  absl::StatusOr<broker::v1::RegradeReferralResponse> Regrade(const broker::v1::RegradeReferralRequest& request) override {
    ACCORD_ASSIGN_OR_RETURN(auto response, RecordAct<broker::v1::RegradeReferralResponse>(request));
    for (const auto& row : recipients) *response.add_recipients() = row;
    return response;
  }
  absl::StatusOr<broker::v1::RecordReviewResponse> RecordReview(const broker::v1::RecordReviewRequest& request) override {
    const auto statement = referral::ParseStatement(request.statement());
    const bool reviews = statement.ok() && (statement->kind() == type::v1::STATEMENT_KIND_GAP_REVIEWED ||
                                            statement->kind() == type::v1::STATEMENT_KIND_BREACH_ASSESSED);
    if (!reviews) return Error(Reason::kFieldInvalid, "this method does not take a statement of that kind");
    return RecordAct<broker::v1::RecordReviewResponse>(request);
  }
  absl::StatusOr<broker::v1::CorrectReferralResponse> Correct(const broker::v1::CorrectReferralRequest& request) override {
    ACCORD_ASSIGN_OR_RETURN(auto response, RecordAct<broker::v1::CorrectReferralResponse>(request));
    broker::v1::SubmitReferralRequest submit;
    submit.set_request_id(request.request_id());
    *submit.mutable_submission() = request.submission();
    ACCORD_ASSIGN_OR_RETURN(*response.mutable_stored(), Submit(submit));
    return response;
  }
  absl::StatusOr<broker::v1::GetHoldersResponse> GetHolders(const broker::v1::GetHoldersRequest&) override {
    ACCORD_RETURN_IF_ERROR(away);
    return holders;
  }
  template <typename Response, typename Request>
  absl::StatusOr<Response> Record(const Request& request, type::v1::ReferralState state) {
    ACCORD_RETURN_IF_ERROR(away);
    ACCORD_ASSIGN_OR_RETURN(const auto statement, referral::ParseStatement(request.statement()));
    statements.push_back(statement);
    type::v1::EntryEvent event;
    event.set_type(type::v1::EVENT_TYPE_STATEMENT);
    Response response;
    response.set_index(log.Append(event, statement.header_digest()));
    *response.mutable_receipt() = log.Receipt(response.index());
    response.set_state(state);
    if constexpr (requires { response.set_feedback_due_ms(0); }) response.set_feedback_due_ms(feedback_due_ms);
    return response;
  }
  // Where it is said does not matter to this: a kind leads to one state.
  static type::v1::ReferralState StateAfter(const type::v1::Statement& statement) {
    const auto event = referral::EventOf(statement.kind());
    for (const referral::Arrow& arrow : referral::kArrows) {
      if (event == arrow.event) return arrow.to;
    }
    return type::v1::REFERRAL_STATE_UNSPECIFIED;
  }
  absl::StatusOr<broker::v1::RespondToReferralResponse> Respond(const broker::v1::RespondToReferralRequest& request) override {
    ACCORD_RETURN_IF_ERROR(away);
    ACCORD_RETURN_IF_ERROR(refuse_respond);
    const auto statement = referral::ParseStatement(request.statement());
    return Record<broker::v1::RespondToReferralResponse>(request, StateAfter(*statement));
  }
  absl::StatusOr<broker::v1::RecordOutcomeResponse> RecordOutcome(const broker::v1::RecordOutcomeRequest& request) override {
    return Record<broker::v1::RecordOutcomeResponse>(request, StateAfter(*referral::ParseStatement(request.statement())));
  }
  absl::StatusOr<broker::v1::AnswerHoldResponse> AnswerHold(const broker::v1::AnswerHoldRequest& request) override {
    ACCORD_RETURN_IF_ERROR(away);
    ACCORD_RETURN_IF_ERROR(refuse_answer);
    hold_answers.push_back(request);
    type::v1::EntryEvent event;
    event.set_type(type::v1::EVENT_TYPE_HOLD_ANSWERED);
    event.set_hold(request.hold());
    event.set_hold_answer(request.answer());
    broker::v1::AnswerHoldResponse response;
    *response.mutable_receipt() = log.Receipt(log.Append(event, ""));
    return response;
  }
  absl::StatusOr<broker::v1::GetCaseHistoryResponse> GetCaseHistory(const broker::v1::GetCaseHistoryRequest&) override {
    ACCORD_RETURN_IF_ERROR(away);
    return broker::v1::GetCaseHistoryResponse();
  }
  absl::StatusOr<broker::v1::ListLinkProposalsResponse> ListLinkProposals(const broker::v1::ListLinkProposalsRequest&) override {
    ACCORD_RETURN_IF_ERROR(away);
    return links;
  }
  absl::StatusOr<broker::v1::AnswerLinkProposalResponse> AnswerLinkProposal(const broker::v1::AnswerLinkProposalRequest& request) override {
    ACCORD_RETURN_IF_ERROR(away);
    type::v1::EntryEvent event;
    event.set_type(type::v1::EVENT_TYPE_LINK_ANSWERED);
    event.set_link_answer(other_answer == type::v1::LINK_ANSWER_UNSPECIFIED ? request.answer() : other_answer);
    broker::v1::AnswerLinkProposalResponse response;
    *response.mutable_receipt() = log.Receipt(log.Append(event, ""));
    return response;
  }
  absl::StatusOr<broker::v1::ListDeadLettersResponse> ListDeadLetters(const broker::v1::ListDeadLettersRequest&) override {
    ACCORD_RETURN_IF_ERROR(away);
    return dead_letters;
  }
  absl::StatusOr<broker::v1::RequeueDeadLetterResponse> RequeueDeadLetter(const broker::v1::RequeueDeadLetterRequest& request) override {
    return ActOnLetter<broker::v1::RequeueDeadLetterResponse>(request, type::v1::EVENT_TYPE_DEAD_LETTER_REQUEUED);
  }
  absl::StatusOr<broker::v1::DiscardDeadLetterResponse> DiscardDeadLetter(const broker::v1::DiscardDeadLetterRequest& request) override {
    return ActOnLetter<broker::v1::DiscardDeadLetterResponse>(request, type::v1::EVENT_TYPE_DEAD_LETTER_DISCARDED);
  }
  template <typename Response, typename Request>
  absl::StatusOr<Response> ActOnLetter(const Request& request, type::v1::EventType type) {
    ACCORD_RETURN_IF_ERROR(away);
    type::v1::EntryEvent event;
    event.set_type(type);
    type::v1::EntryReferral about;
    about.set_header_digest(std::string(32, 'd'));
    about.set_delivery_id(other_letter.empty() ? request.delivery_id() : other_letter);
    Response response;
    *response.mutable_receipt() = log.Receipt(log.Append(event, about));
    return response;
  }
  // Its pages in turn, one for each call.
  absl::StatusOr<broker::v1::ReplayMailboxResponse> ReplayMailbox(const broker::v1::ReplayMailboxRequest& request) override {
    ACCORD_RETURN_IF_ERROR(away);
    replays.push_back(request);
    type::v1::EntryEvent event;
    event.set_type(type::v1::EVENT_TYPE_MAILBOX_REPLAYED);
    broker::v1::ReplayMailboxResponse response;
    if (replays.size() <= replayed.size()) {
      response.set_queued(replayed[replays.size() - 1].first);
      response.set_next_position(replayed[replays.size() - 1].second);
    }
    *response.mutable_receipt() = log.Receipt(log.Append(event, ""));
    return response;
  }
  absl::StatusOr<broker::v1::GetReferralResponse> GetReferral(const broker::v1::GetReferralRequest& request) override {
    ++referrals_asked;
    ACCORD_RETURN_IF_ERROR(away);
    broker::v1::GetReferralResponse response;
    response.mutable_referral()->set_name(request.name());
    for (const auto& row : recipients) *response.mutable_referral()->add_recipients() = row;
    return response;
  }
  absl::StatusOr<inspection::v1::ListDisclosuresResponse> ListDisclosures(const inspection::v1::ListDisclosuresRequest& request) override {
    ACCORD_RETURN_IF_ERROR(away);
    inspection::v1::ListDisclosuresResponse page;
    for (auto row = disclosures.rbegin(); row != disclosures.rend(); ++row) {
      const auto& one = row->second.disclosure();
      if (!request.page_token().empty() && row->first >= std::stoull(request.page_token())) continue;
      if (request.open_only() && one.answer() != type::v1::DISCLOSURE_ANSWER_UNSPECIFIED) continue;
      if (page.disclosures_size() == request.page_size()) {
        page.set_next_page_token(std::to_string(row->first + 1));
        break;
      }
      *page.add_disclosures() = one;
    }
    return page;
  }
  absl::StatusOr<inspection::v1::GetDisclosureResponse> GetDisclosure(const inspection::v1::GetDisclosureRequest& request) override {
    ACCORD_RETURN_IF_ERROR(away);
    const auto found = disclosures.find(request.number());
    if (found == disclosures.end()) return Error(Reason::kDisclosureNotFound, "no such disclosure");
    return found->second;
  }
  absl::StatusOr<inspection::v1::AnswerDisclosureResponse> AnswerDisclosure(const inspection::v1::AnswerDisclosureRequest& request) override {
    ACCORD_RETURN_IF_ERROR(away);
    disclosure_answers.push_back(request);
    ACCORD_RETURN_IF_ERROR(refuse_disclosure);
    ACCORD_ASSIGN_OR_RETURN(const auto statement, referral::ParseDisclosureStatement(request.statement()));
    for (const auto& part : request.parts()) {
      const auto upload = uploads.find(part.uploaded());
      const bool there = upload != uploads.end() && upload->second.first == request.request_id();
      if (!part.uploaded().empty() && !there) return Error(Reason::kUploadNotFound, "upload it, then answer again");
    }
    auto& disclosure = *disclosures[statement.disclosure()].mutable_disclosure();
    const std::string digest = referral::DigestOf(request.statement());
    if (!acted.contains(request.request_id())) {
      if (disclosure.answer() != type::v1::DISCLOSURE_ANSWER_UNSPECIFIED) return Error(Reason::kTransitionIllegal, "answered", {{"state", "answered"}});
      disclosure.set_answer(statement.answer());
      disclosure.set_ground(statement.ground());
      disclosure.set_parts(static_cast<uint32_t>(statement.parts_size()));
      type::v1::EntryEvent event;
      event.set_type(type::v1::EVENT_TYPE_DISCLOSURE_ANSWERED);
      event.set_disclosure(other_disclosure ? statement.disclosure() + 1 : statement.disclosure());
      event.set_disclosure_answer(statement.answer());
      type::v1::EntryReferral about;
      about.set_header_digest(disclosure.referral());
      about.set_statement_digest(digest);
      acted[request.request_id()] = {digest, log.Append(event, about)};
    }
    if (acted[request.request_id()].first != digest) return Error(Reason::kRequestIdReused, "another answer");
    if (lose_answer) return Error(Reason::kStoreUnavailable, "the answer is lost");
    inspection::v1::AnswerDisclosureResponse response;
    *response.mutable_disclosure() = disclosure;
    *response.mutable_receipt() = log.Receipt(acted[request.request_id()].second);
    return response;
  }
  absl::StatusOr<broker::v1::ReportAlertResponse> ReportAlert(const broker::v1::ReportAlertRequest& request) override {
    ACCORD_RETURN_IF_ERROR(away);
    alerted.push_back(request.delivery_id());
    ACCORD_RETURN_IF_ERROR(refuse_report);
    return broker::v1::ReportAlertResponse();
  }
  absl::StatusOr<type::v1::Receipt> GetReceipt(uint64_t index) override {
    ACCORD_RETURN_IF_ERROR(away);
    if (index >= log.size()) return Error(Reason::kEntryNotFound, "past the end of the log");
    return log.Receipt(index);
  }
  absl::StatusOr<std::string> GetCheckpoint() override {
    ACCORD_RETURN_IF_ERROR(away);
    return log.Checkpoint();
  }
  absl::StatusOr<std::string> GetPublishedCheckpoint() override {
    ACCORD_RETURN_IF_ERROR(away);
    if (published.empty()) return Error(Reason::kCheckpointNotFound, "none was published");
    return published;
  }
  absl::StatusOr<bool> Cosign(const std::string& note) override {
    ACCORD_RETURN_IF_ERROR(away);
    if (on_cosign) on_cosign(note);
    cosigned.push_back(note);
    if (lose_answer) return Error(Reason::kBrokerUnreachable, "the answer is lost");
    return false;
  }
  absl::StatusOr<bool> ReportFork(const std::string& note) override {
    ACCORD_RETURN_IF_ERROR(away);
    reported.push_back(note);
    return true;
  }
  absl::StatusOr<std::vector<std::string>> ProveConsistency(uint64_t old_size, uint64_t new_size) override {
    ACCORD_RETURN_IF_ERROR(away);
    if (before_proof) before_proof();
    return log.Prove(old_size, new_size);
  }
  absl::StatusOr<std::vector<admin::v1::Agency>> ListAgencies() override {
    ACCORD_RETURN_IF_ERROR(away);
    return directory;
  }
  absl::StatusOr<admin::v1::PublishSupportResponse> PublishSupport(const admin::v1::PublishSupportRequest& request) override {
    ACCORD_RETURN_IF_ERROR(away);
    offers.push_back(request.support());
    type::v1::EntryEvent event;
    event.set_type(type::v1::EVENT_TYPE_SUPPORT_PUBLISHED);
    event.set_change_digest(crypto::Sha256(other_offer ? "another" : request.support().SerializeAsString()));
    admin::v1::PublishSupportResponse response;
    response.set_index(log.Append(event, ""));
    *response.mutable_support() = request.support();
    return response;
  }
  absl::StatusOr<std::shared_ptr<Mailbox>> OpenMailbox(type::v1::Desk, uint32_t) override {
    return Error(Reason::kBrokerUnreachable, "deliveries are handed to the inbox by the test");
  }
};

}  // namespace accord::agent
