// A broker with agencies that send, collect and say things to it; for the tests of what is said of a referral. It is better whole: one
// fixture, of which most parts use each other.
#pragma once

#include <absl/synchronization/notification.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "accord/broker/v1/sharing_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/statement.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_collector.h"
#include "services/broker/delivery/release.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/due.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker {

using namespace type::v1;  // NOLINT: the words of statements.

class ChangeApiTest : public ::testing::Test {
 protected:
  explicit ChangeApiTest(const Clock* clock = nullptr) : world_(clock) { Connect(); }

  void Connect() {
    stubs_.clear();
    for (const char* agency : TestingBroker::kAgencies) {
      stubs_[agency] = v1::ReferralService::NewStub(world_.Channel(std::string("agency/") + agency));
    }
  }
  v1::ReferralService::Stub& Stub(const std::string& agency) { return *stubs_.at(agency); }

  // A stored referral, with what is needed to change it.
  struct Sent {
    v1::SubmitReferralRequest request;
    std::string digest;
    std::vector<TagPart> tags;
    std::map<Category, std::string> sections;  // Their ids.
  };
  Sent Describe(v1::SubmitReferralRequest request) {
    Sent sent;
    for (const Opening& opening : request.submission().openings()) {
      if (opening.label() == "tag") {
        EXPECT_TRUE(sent.tags.emplace_back().ParseFromString(opening.content()));
      }
      if (opening.label() != "section") continue;
      SectionPart part;
      EXPECT_TRUE(part.ParseFromString(opening.content()));
      sent.sections[part.category()] = part.section_id();
    }
    sent.digest = referral::DigestOf(request.submission().header());
    sent.request = std::move(request);
    return sent;
  }
  Sent Send(const TestingReferral& spec) {
    Sent sent = Describe(MakeSubmission(world_, spec));
    EXPECT_EQ(rpc::CallUnary(Stub("police"), &v1::ReferralService::Stub::SubmitReferral, sent.request, kTestTimeout).status(), absl::OkStatus());
    return sent;
  }

  Statement Word(const std::string& agency, StatementKind kind, const std::string& request_id, const std::string& digest,
                 const std::string& previous) {
    Statement statement;
    statement.set_request_id(request_id);
    statement.set_agency(agency);
    statement.mutable_worker()->set_pseudonym("worker-1");
    statement.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
    statement.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
    statement.set_header_digest(digest);
    statement.set_previous_statement(previous);
    statement.set_kind(kind);
    statement.set_acted_at_ms(absl::ToUnixMillis(world_.clock().Now()));
    return statement;
  }
  SignedPayload Sign(const Statement& statement) {
    const auto document = referral::SignStatement(statement, world_.signing(statement.agency()).signing_key());
    EXPECT_EQ(document.status(), absl::OkStatus());
    return document.ok() ? *document : SignedPayload();
  }

  // The tags of `sent`, each with this consent.
  static std::vector<TagPart> With(const Sent& sent, ConfidentialityConsent consent, std::function<void(TagPart&)> alter = nullptr) {
    std::vector<TagPart> tags = sent.tags;
    for (TagPart& tag : tags) {
      tag.set_consent(consent);
      if (alter) alter(tag);
    }
    return tags;
  }
  v1::ChangeConsentRequest MakeChange(const Sent& sent, const std::vector<TagPart>& tags, const std::string& request_id,
                                      const std::string& previous = "", std::function<void(Statement&)> alter = nullptr) {
    Statement statement = Word("police", STATEMENT_KIND_CONSENT_CHANGE, request_id, sent.digest, previous);
    v1::ChangeConsentRequest request;
    request.set_request_id(request_id);
    for (const Opening& opening : referral::CommitToTags(tags, world_.random(), statement)) *request.add_openings() = opening;
    if (alter) alter(statement);
    *request.mutable_statement() = Sign(statement);
    return request;
  }
  absl::StatusOr<v1::ChangeConsentResponse> Change(const v1::ChangeConsentRequest& request, const std::string& by = "police") {
    return rpc::CallUnary(Stub(by), &v1::ReferralService::Stub::ChangeConsent, request, kTestTimeout);
  }
  v1::RecallReferralRequest MakeRecall(const std::string& digest, const std::string& request_id, const std::string& previous = "") {
    Statement statement = Word("police", STATEMENT_KIND_RECALL, request_id, digest, previous);
    statement.set_recall_reason(RECALL_REASON_WRONG_RECIPIENT);
    v1::RecallReferralRequest request;
    request.set_request_id(request_id);
    *request.mutable_statement() = Sign(statement);
    return request;
  }
  absl::StatusOr<v1::RecallReferralResponse> Recall(const v1::RecallReferralRequest& request) {
    return rpc::CallUnary(Stub("police"), &v1::ReferralService::Stub::RecallReferral, request, kTestTimeout);
  }
  absl::StatusOr<v1::RecallReferralResponse> Recall(const std::string& digest, const std::string& request_id, const std::string& previous = "") {
    return Recall(MakeRecall(digest, request_id, previous));
  }
  // A correction of `older` made of `spec`.
  v1::CorrectReferralRequest MakeCorrection(const std::string& older, TestingReferral spec, bool safe_contact, const std::string& previous = "",
                                            std::function<void(Statement&)> alter = nullptr) {
    const auto given = spec.alter;
    spec.alter = [&, given](referral::HeaderParts& parts) {
      parts.core.set_type(REFERRAL_TYPE_CORRECTION);
      parts.core.set_caused_by(older);
      parts.core.set_safe_contact_change(safe_contact);
      if (given) given(parts);
    };
    const auto submission = MakeSubmission(world_, spec);
    Statement statement = Word("police", STATEMENT_KIND_CORRECTION, spec.request_id + ".statement", older, previous);
    statement.set_replaced_by(referral::DigestOf(submission.submission().header()));
    statement.set_safe_contact_change(safe_contact);
    if (alter) alter(statement);
    v1::CorrectReferralRequest request;
    request.set_request_id(spec.request_id);
    *request.mutable_submission() = submission.submission();
    *request.mutable_statement() = Sign(statement);
    return request;
  }
  absl::StatusOr<v1::CorrectReferralResponse> Correct(const v1::CorrectReferralRequest& request) {
    return rpc::CallUnary(Stub("police"), &v1::ReferralService::Stub::CorrectReferral, request, kTestTimeout);
  }
  absl::StatusOr<v1::RespondToReferralResponse> Respond(const Statement& statement) {
    v1::RespondToReferralRequest request;
    request.set_request_id(statement.request_id());
    *request.mutable_statement() = Sign(statement);
    return rpc::CallUnary(Stub(statement.agency()), &v1::ReferralService::Stub::RespondToReferral, request, kTestTimeout);
  }
  absl::StatusOr<v1::RespondToReferralResponse> AnswerChange(const std::string& agency, const std::string& digest, const std::string& change,
                                                             ChangeAnswer answer, const std::string& previous = "",
                                                             Article6Basis kept = ARTICLE6_BASIS_UNSPECIFIED) {
    Statement statement = Word(agency, STATEMENT_KIND_CHANGE_ANSWERED, fmt::format("answer-{:04}", ++answers_), digest, previous);
    statement.set_answers(change);
    statement.set_change_answer(answer);
    statement.set_kept_article6(kept);
    return Respond(statement);
  }

  // Collects the next delivery of an agency and acknowledges it.
  v1::Delivery Take(const std::string& agency) {
    Collector collector(world_, "agency/" + agency, 1);
    v1::Delivery delivery = collector.NextDelivery();
    collector.Ack(delivery);
    return delivery;
  }
  Statement Read(const v1::Delivery& delivery) {
    const auto statement = referral::ParseStatement(delivery.statement());
    EXPECT_EQ(statement.status(), absl::OkStatus());
    return statement.ok() ? *statement : Statement();
  }
  absl::StatusOr<v1::Referral> Get(const std::string& agency, const std::string& digest) {
    v1::GetReferralRequest request;
    request.set_name(referral::ReferralName(digest));
    ACCORD_ASSIGN_OR_RETURN(auto response, rpc::CallUnary(Stub(agency), &v1::ReferralService::Stub::GetReferral, request, kTestTimeout));
    return response.referral();
  }
  ReferralState StateAt(const std::string& agency, const std::string& digest) {
    const auto referral = Get("police", digest);
    EXPECT_EQ(referral.status(), absl::OkStatus());
    if (referral.ok()) {
      for (const auto& row : referral->recipients()) {
        if (row.agency() == agency) return row.state();
      }
    }
    return REFERRAL_STATE_UNSPECIFIED;
  }
  absl::StatusOr<v1::GetHoldersResponse> Holders(const std::string& agency, const std::string& digest) {
    const auto stub = v1::SharingService::NewStub(world_.Channel("agency/" + agency));
    v1::GetHoldersRequest request;
    request.set_referral(referral::ReferralName(digest));
    return rpc::CallUnary(*stub, &v1::SharingService::Stub::GetHolders, request, kTestTimeout);
  }
  size_t Depth(const std::string& agency) { return world_.broker().mailboxes().depth({agency}); }
  template <typename Told>
  static std::vector<std::string> Agencies(const Told& told) {
    std::vector<std::string> agencies;
    for (const auto& row : told) agencies.push_back(row.agency());
    return agencies;
  }
  static std::vector<std::string> List(const google::protobuf::RepeatedPtrField<std::string>& values) { return {values.begin(), values.end()}; }
  Reason Refused(const absl::Status& status) {
    EXPECT_FALSE(status.ok());
    return DetailOf(status).reason;
  }

  // The plan of a release as a worker makes it, and the release itself as the sequencer carries it out.
  struct Leased {
    std::string delivery_id;
    ReleasePlan plan;
  };
  Leased PlanOf(const std::string& agency, const std::string& digest) {
    Broker& broker = world_.broker();
    const auto view = *broker.sequencer().View();
    const auto read = SealedReaderOf(*view);
    const auto read_plain = PlainReaderOf(*view);
    const auto stored = *LoadReferral(read, digest);
    Leased leased;
    leased.delivery_id = FindRecipient(*stored, agency)->delivery_id();
    storage::v1::StoredDelivery delivery;
    EXPECT_TRUE(delivery.ParseFromString(**view->Get(kFamilyDelivery, leased.delivery_id)));
    auto plan = PlanRelease(read, read_plain, *broker.policy().Get(), *broker.directory().Get(), delivery, world_.clock().Now());
    EXPECT_EQ(plan.status(), absl::OkStatus());
    leased.plan = *std::move(plan);
    return leased;
  }
  absl::StatusOr<Released> Release(const std::string& agency, Leased leased) {
    Broker& broker = world_.broker();
    absl::StatusOr<Released> outcome;
    absl::Notification done;
    const Caller caller = {options::v1::CALLER_AGENCY, agency, "agency/" + agency, std::string(32, 'c')};
    broker.sequencer().Submit(std::make_unique<ReleaseCommand>(leased.delivery_id, MailboxId{agency}, caller, std::move(leased.plan), broker.policy(),
                                                               broker.directory(), broker.mailboxes(), [&](absl::StatusOr<Released> released) {
                                                                 outcome = std::move(released);
                                                                 done.Notify();
                                                               }));
    done.WaitForNotification();
    return outcome;
  }
  static std::set<std::string> SectionsOf(const ReleasePlan& plan) {
    std::set<std::string> ids;
    for (const auto& section : plan.sections) ids.insert(section.section_id());
    return ids;
  }
  size_t SectionRows(const std::string& digest) {
    size_t rows = 0;
    const auto view = *world_.broker().sequencer().View();
    EXPECT_EQ(view->Scan(kFamilySection, accord::storage::Prefix(digest), [&](std::string_view, std::string_view) { return ++rows > 0; }), absl::OkStatus());
    return rows;
  }
  size_t DueRows(DueKind kind) {
    size_t rows = 0;
    const auto view = *world_.broker().sequencer().View();
    EXPECT_EQ(view->Scan(kFamilyDue, {}, [&](std::string_view key, std::string_view) {
      rows += key[sizeof(uint64_t)] == static_cast<char>(kind);
      return true;
    }), absl::OkStatus());
    return rows;
  }
  // Events of one type whose entry opens to the agency.
  std::vector<EntryParts> EntriesOpenTo(const std::string& agency, EventType type) {
    std::vector<EntryParts> found;
    const auto view = *world_.broker().sequencer().View();
    const Caller viewer = {options::v1::CALLER_AGENCY, agency, "agency/" + agency, ""};
    for (uint64_t index = 0; index < view->ledger().size(); ++index) {
      const auto entry = ReadEntry(*view, index);
      EXPECT_EQ(entry.status(), absl::OkStatus());
      const auto openings = OpeningsFor(entry->openings, viewer);
      auto parts = ReadParts(openings);
      if (parts.ok() && parts->event.has_value() && parts->event->type() == type) found.push_back(*std::move(parts));
    }
    return found;
  }

  TestingBroker world_;
  std::map<std::string, std::unique_ptr<v1::ReferralService::Stub>> stubs_;
  int answers_ = 0;
};

}  // namespace accord::broker
