// The clocks and registers of sharing over the wire: gaps, breaches, decisions not to share, the register, the preview quota.
//
// Goal: what is shared under the emergency schedule alone is seen to by somebody else, and nothing but that ends its clock; what is
// due survives a restart and a clock that jumps; who may not know of a thing is told nothing.
// Method: a whole broker whose clock the test moves, and raw stubs of single agencies.
#include <absl/synchronization/notification.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "accord/broker/v1/sharing_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/working_days.h"
#include "common/referral/referral_name.h"
#include "common/referral/statement.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_collector.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/breach.h"
#include "services/broker/sharing/gap.h"

namespace accord::broker::sharing_api_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A Tuesday, 10:00 in London.
const absl::Time kTuesday = absl::FromCivil(absl::CivilSecond(2026, 11, 24, 10, 0, 0), absl::UTCTimeZone());

// How a review is said.
struct Spoken {
  std::string agency = "police";
  std::string worker = "sgt-2";
  std::string previous = {};
  std::vector<TagPart> tags = {};
  bool send_openings = true;
};
class SharingApiTest : public ::testing::Test {
 protected:
  SharingApiTest() : world_(&clock_) { Connect(); }

  void Connect() {
    referrals_ = v1::ReferralService::NewStub(world_.Channel("agency/police"));
    for (const std::string agency : TestingBroker::kAgencies) {
      sharing_[agency] = v1::SharingService::NewStub(world_.Channel("agency/" + agency));
    }
    sharing_["admin"] = v1::SharingService::NewStub(world_.Channel("admin/alice"));
  }
  void Restart() {
    world_.Stop();
    world_.Start();
    Connect();
  }

  v1::SubmitReferralResponse Stored(const TestingReferral& spec) {
    const auto response =
        rpc::CallUnary(*referrals_, &v1::ReferralService::Stub::SubmitReferral, MakeSubmission(world_, spec), kTestTimeout);
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.ok() ? *response : v1::SubmitReferralResponse();
  }
  // What goes to the Idva service under the emergency schedule alone: identity and risk. The narrative stays with the police.
  static TestingReferral Urgent(const std::string& request_id) {
    return {.request_id = request_id, .recipients = {"idva"}, .urgency = URGENCY_IMMEDIATE, .consent = CONFIDENTIALITY_CONSENT_REFUSED,
            .sealed_for = {{CATEGORY_NARRATIVE, {}}}};
  }
  v1::ListGapsResponse Gaps(const std::string& who, const v1::ListGapsRequest& request = {}) {
    const auto response = rpc::CallUnary(*sharing_.at(who), &v1::SharingService::Stub::ListGaps, request, kTestTimeout);
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.value_or(v1::ListGapsResponse());
  }
  v1::ListBreachesResponse Breaches(const std::string& who, bool with_assessed = false) {
    v1::ListBreachesRequest request;
    request.set_with_assessed(with_assessed);
    const auto response = rpc::CallUnary(*sharing_.at(who), &v1::SharingService::Stub::ListBreaches, request, kTestTimeout);
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.value_or(v1::ListBreachesResponse());
  }
  absl::StatusOr<v1::ListSharingResponse> Sharing(const std::string& who, const v1::ListSharingRequest& request = {}) {
    return rpc::CallUnary(*sharing_.at(who), &v1::SharingService::Stub::ListSharing, request, kTestTimeout);
  }
  static std::map<SharingClass, uint64_t> Counts(const v1::ListSharingResponse& response) {
    std::map<SharingClass, uint64_t> counts;
    for (const auto& row : response.counts()) counts[row.sharing_class()] = row.count();
    return counts;
  }

  absl::StatusOr<v1::RecordReviewResponse> Say(const std::string& request_id, std::string_view header_digest,
                                               const std::function<void(Statement&)>& fill, const Spoken& said) {
    Statement statement;
    statement.set_request_id(request_id);
    statement.set_agency(said.agency);
    statement.mutable_worker()->set_pseudonym(said.worker);
    statement.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
    statement.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
    statement.set_header_digest(std::string(header_digest));
    statement.set_previous_statement(said.previous);
    statement.set_acted_at_ms(absl::ToUnixMillis(clock_.Now()));
    fill(statement);
    const auto openings = referral::CommitToTags(said.tags, world_.random(), statement);
    v1::RecordReviewRequest request;
    request.set_request_id(request_id);
    ACCORD_ASSIGN_OR_RETURN(*request.mutable_statement(), referral::SignStatement(statement, world_.signing(said.agency).signing_key()));
    for (const Opening& opening : openings) {
      if (said.send_openings) *request.add_openings() = opening;
    }
    return rpc::CallUnary(*sharing_.at(said.agency), &v1::SharingService::Stub::RecordReview, request, kTestTimeout);
  }
  absl::StatusOr<v1::RecordReviewResponse> Review(const std::string& request_id, std::string_view header_digest, GapReview review,
                                                  const Spoken& said = {}) {
    return Say(request_id, header_digest, [&](Statement& statement) {
      statement.set_kind(STATEMENT_KIND_GAP_REVIEWED);
      statement.set_gap_review(review);
    }, said);
  }
  absl::StatusOr<v1::RecordReviewResponse> Assess(const std::string& request_id, std::string_view header_digest, const Spoken& said) {
    return Say(request_id, header_digest, [](Statement& statement) {
      statement.set_kind(STATEMENT_KIND_BREACH_ASSESSED);
      statement.set_breach_assessment(BREACH_ASSESSMENT_NO_RISK);
    }, said);
  }

  // When what is in family `due` falls due, in order.
  // But for the clocks of the referrals themselves (clock_api_test.cc).
  std::vector<absl::Time> DueTimes() {
    std::vector<absl::Time> times;
    const auto view = *world_.broker().sequencer().View();
    EXPECT_EQ(view->Scan(kFamilyDue, {}, [&](std::string_view key, std::string_view) {
      const auto kind = static_cast<DueKind>(key[sizeof(uint64_t)]);
      if (kind == DueKind::kPickUp || kind == DueKind::kResponse) return true;
      times.push_back(absl::FromUnixMillis(static_cast<int64_t>(*U64FromKey(key.substr(0, sizeof(uint64_t))))));
      return true;
    }), absl::OkStatus());
    return times;
  }
  size_t Rows(std::string_view family) {
    size_t rows = 0;
    const auto view = *world_.broker().sequencer().View();
    EXPECT_EQ(view->Scan(family, {}, [&](std::string_view, std::string_view) { return ++rows > 0; }), absl::OkStatus());
    return rows;
  }
  void ClockTo(absl::Time time) { clock_.Advance(time - clock_.Now()); }
  // Takes and acknowledges the next delivery, which is a notice.
  static v1::SharingNotice NextNotice(Collector& collector) {
    for (;;) {
      const auto delivery = collector.NextDelivery();
      EXPECT_TRUE(delivery.has_notice());
      EXPECT_EQ(delivery.lane(), LANE_HIGH);
      collector.Ack(delivery);
      const auto kind = delivery.notice().kind();
      if (kind != NOTICE_KIND_PICK_UP_OVERDUE && kind != NOTICE_KIND_RESPONSE_OVERDUE) return delivery.notice();
    }
  }

  FakeClock clock_{kTuesday};
  TestingBroker world_;
  std::unique_ptr<v1::ReferralService::Stub> referrals_;
  std::map<std::string, std::unique_ptr<v1::SharingService::Stub>> sharing_;
};

absl::Time Utc(int month, int day, int hour = 0) {
  return absl::FromCivil(absl::CivilSecond(2026, month, day, hour, 0, 0), absl::UTCTimeZone());
}

TEST_F(SharingApiTest, WhatStandsOnAnAgreementLeavesNoGap) {
  Stored({.request_id = "incident-1", .urgency = URGENCY_IMMEDIATE});
  EXPECT_THAT(Gaps("admin").gaps(), IsEmpty());
  EXPECT_THAT(DueTimes(), IsEmpty());
}

TEST_F(SharingApiTest, AGapIsChasedAtBothEndsUntilSomebodyElseReviewsIt) {
  const std::string digest = Stored(Urgent("incident-1")).header_digest();
  const auto gaps = Gaps("admin");
  ASSERT_EQ(gaps.gaps_size(), 1);
  EXPECT_EQ(gaps.gaps(0).referral(), referral::ReferralName(digest));
  EXPECT_EQ(gaps.gaps(0).sender(), "police");
  EXPECT_EQ(gaps.gaps(0).worker(), "pc-1");
  EXPECT_THAT(gaps.gaps(0).recipients(), ElementsAre("idva"));
  EXPECT_EQ(gaps.gaps(0).sections(), 2u);
  EXPECT_EQ(absl::FromUnixMillis(gaps.gaps(0).due_at_ms()), Utc(11, 26));  // The end of Wednesday.
  EXPECT_EQ(Gaps("police").gaps_size(), 1);
  // Nobody else knows, the recipient not before something has left for it.
  EXPECT_THAT(Gaps("housing").gaps(), IsEmpty());
  EXPECT_THAT(Gaps("idva").gaps(), IsEmpty());
  EXPECT_THAT(Gaps("idva").workers(), IsEmpty());

  Collector idva(world_, "agency/idva", 8), police(world_, "agency/police", 8);
  idva.Ack(idva.NextDelivery());
  const auto seen = Gaps("idva");
  ASSERT_EQ(seen.gaps_size(), 1);
  EXPECT_EQ(seen.gaps(0).worker(), "");
  EXPECT_EQ(seen.gaps(0).sections(), 0u);
  ASSERT_EQ(seen.workers_size(), 1);
  EXPECT_EQ(seen.workers(0).worker(), "");

  // Wednesday, Thursday and Friday end; the weekend is nobody's.
  const absl::Time reminders[] = {Utc(11, 26), Utc(11, 27), Utc(11, 28)};
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_THAT(DueTimes(), ElementsAre(reminders[i]));
    ClockTo(reminders[i]);
    for (Collector* end : {&police, &idva}) {
      const auto notice = NextNotice(*end);
      EXPECT_EQ(notice.kind(), NOTICE_KIND_GAP_OVERDUE);
      EXPECT_EQ(notice.header_digest(), digest);
      EXPECT_EQ(notice.agency(), "police");
      EXPECT_EQ(absl::FromUnixMillis(notice.due_at_ms()), Utc(11, 26));
      EXPECT_EQ(notice.reminder(), i + 1);
    }
  }
  EXPECT_THAT(DueTimes(), ElementsAre(Utc(12, 1)));  // The end of Monday.
  const auto overdue = Gaps("admin");
  EXPECT_EQ(overdue.gaps(0).reminders(), 3u);
  ASSERT_EQ(overdue.workers_size(), 1);
  EXPECT_EQ(overdue.workers(0).worker(), "pc-1");
  EXPECT_EQ(overdue.workers(0).open(), 1u);
  EXPECT_EQ(overdue.workers(0).overdue(), 1u);

  EXPECT_TRUE(HasReason(Review("review-001", digest, GAP_REVIEW_JUSTIFIED_AS_IT_STANDS, {.worker = "pc-1"}).status(), Reason::kSelfReview));
  EXPECT_TRUE(HasReason(Review("review-002", digest, GAP_REVIEW_JUSTIFIED_AS_IT_STANDS, {.agency = "idva"}).status(), Reason::kNotPermitted));
  EXPECT_TRUE(HasReason(Review("review-003", std::string(32, 'n'), GAP_REVIEW_JUSTIFIED_AS_IT_STANDS).status(), Reason::kNotPermitted));
  EXPECT_EQ(Gaps("admin").gaps_size(), 1);
  const auto reviewed = Review("review-004", digest, GAP_REVIEW_JUSTIFIED_AS_IT_STANDS);
  ASSERT_EQ(reviewed.status(), absl::OkStatus());
  EXPECT_THAT(DueTimes(), IsEmpty());
  EXPECT_THAT(Gaps("admin").gaps(), IsEmpty());
  v1::ListGapsRequest all;
  all.set_with_reviewed(true);
  ASSERT_EQ(Gaps("admin", all).gaps_size(), 1);
  EXPECT_EQ(Gaps("admin", all).gaps(0).reviewer(), "sgt-2");
  EXPECT_EQ(Gaps("admin", all).gaps(0).review(), GAP_REVIEW_JUSTIFIED_AS_IT_STANDS);
  EXPECT_EQ(Gaps("idva", all).gaps(0).reviewer(), "");
  EXPECT_EQ(Gaps("admin", all).workers(0).reviewed(), 1u);
  EXPECT_EQ(Gaps("admin", all).workers(0).open(), 0u);
  EXPECT_THAT(Breaches("admin").breaches(), IsEmpty());

  // Once is for all.
  EXPECT_TRUE(HasReason(Review("review-005", digest, GAP_REVIEW_NOT_JUSTIFIED, {.previous = reviewed->statement_digest()}).status(),
                        Reason::kTransitionIllegal));
}

TEST_F(SharingApiTest, WhatTheAgreementNoLongerCarriesAtReleaseIsAGapToo) {
  const std::string digest = Stored({.request_id = "incident-1", .recipients = {"idva"}, .urgency = URGENCY_IMMEDIATE}).header_digest();
  EXPECT_THAT(Gaps("admin").gaps(), IsEmpty());
  ASSERT_EQ(world_.PutAgreement("2", R"("safety_plan")"), absl::OkStatus());
  clock_.Advance(absl::Hours(24));
  Collector idva(world_, "agency/idva", 8);
  const auto delivery = idva.NextDelivery();
  EXPECT_EQ(delivery.referral().sections_size(), 2);  // Identity and risk; the narrative is not in the schedule.
  const auto gaps = Gaps("admin");
  ASSERT_EQ(gaps.gaps_size(), 1);
  EXPECT_EQ(gaps.gaps(0).referral(), referral::ReferralName(digest));
  EXPECT_EQ(gaps.gaps(0).worker(), "pc-1");
  EXPECT_THAT(gaps.gaps(0).recipients(), ElementsAre("idva"));
  EXPECT_EQ(gaps.gaps(0).sections(), 2u);
  EXPECT_EQ(absl::FromUnixMillis(gaps.gaps(0).due_at_ms()), Utc(11, 27));
  EXPECT_EQ(Gaps("idva").gaps_size(), 1);
}

TEST_F(SharingApiTest, AReviewIsIdempotentPerRequestId) {
  const std::string digest = Stored(Urgent("incident-1")).header_digest();
  const auto first = Review("review-001", digest, GAP_REVIEW_JUSTIFIED_AS_IT_STANDS);
  ASSERT_EQ(first.status(), absl::OkStatus());
  // The same bytes: nothing in the statement is random.
  const auto again = Review("review-001", digest, GAP_REVIEW_JUSTIFIED_AS_IT_STANDS);
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_EQ(again->index(), first->index());
  EXPECT_TRUE(HasReason(Review("review-001", digest, GAP_REVIEW_NOT_JUSTIFIED).status(), Reason::kRequestIdReused));
}

TEST_F(SharingApiTest, WhatFellDueWhileTheBrokerWasDownIsToldOnce) {
  Stored(Urgent("incident-1"));
  world_.Stop();
  ClockTo(Utc(11, 30, 10));  // Monday: two reminders were missed.
  world_.Start();
  Connect();
  Collector police(world_, "agency/police", 8);
  EXPECT_EQ(NextNotice(police).reminder(), 1u);
  EXPECT_THAT(DueTimes(), ElementsAre(Utc(12, 1)));
  EXPECT_EQ(Gaps("admin").gaps(0).reminders(), 1u);
  // A clock put back an hour after the fact does not tell it again.
  clock_.Advance(-absl::Hours(1));
  Restart();
  EXPECT_EQ(Gaps("admin").gaps(0).reminders(), 1u);
  EXPECT_THAT(DueTimes(), ElementsAre(Utc(12, 1)));
}

TEST_F(SharingApiTest, ARecipientThatHasNothingOfItIsToldNothing) {
  Stored(Urgent("incident-1"));
  ClockTo(Utc(11, 26));
  Collector police(world_, "agency/police", 8);
  EXPECT_EQ(NextNotice(police).reminder(), 1u);
  EXPECT_EQ(world_.broker().mailboxes().depth({"idva"}), 1u);  // The referral alone.
}

TEST_F(SharingApiTest, GapsAreListedByWorkerAndInPages) {
  Stored(Urgent("incident-1"));
  clock_.Advance(absl::Hours(24));
  for (int i = 2; i <= 4; ++i) {
    auto spec = Urgent(fmt::format("incident-{}", i));
    if (i == 4) spec.alter = [](referral::HeaderParts& parts) { parts.core.mutable_worker()->set_pseudonym("pc-9"); };
    Stored(spec);
  }
  v1::ListGapsRequest request;
  request.set_page_size(3);
  const auto first = Gaps("police", request);
  ASSERT_EQ(first.gaps_size(), 3);
  EXPECT_EQ(absl::FromUnixMillis(first.gaps(0).due_at_ms()), Utc(11, 26));  // The longest due first.
  EXPECT_EQ(absl::FromUnixMillis(first.gaps(1).due_at_ms()), Utc(11, 27));
  ASSERT_EQ(first.workers_size(), 2);
  EXPECT_EQ(first.workers(0).open(), 3u);
  EXPECT_EQ(first.workers(1).worker(), "pc-9");
  request.set_page_token(first.next_page_token());
  const auto second = Gaps("police", request);
  EXPECT_EQ(second.gaps_size(), 1);
  EXPECT_EQ(second.next_page_token(), "");
  EXPECT_THAT(second.workers(), IsEmpty());

  v1::ListGapsRequest by_worker;
  by_worker.set_worker("pc-9");
  EXPECT_EQ(Gaps("police", by_worker).gaps_size(), 1);
  const auto without = rpc::CallUnary(*sharing_.at("admin"), &v1::SharingService::Stub::ListGaps, by_worker, kTestTimeout);
  EXPECT_TRUE(HasReason(without.status(), Reason::kFieldMissing));
  by_worker.set_sender("police");
  EXPECT_EQ(Gaps("admin", by_worker).gaps_size(), 1);
  // A recipient cannot find out a worker by asking for one.
  Collector idva(world_, "agency/idva", 8);
  for (int i = 0; i < 4; ++i) idva.Ack(idva.NextDelivery());
  EXPECT_EQ(Gaps("idva").gaps_size(), 4);
  EXPECT_THAT(Gaps("idva", by_worker).gaps(), IsEmpty());
  EXPECT_THAT(Gaps("idva", by_worker).workers(), IsEmpty());
}

TEST_F(SharingApiTest, AReviewThatFindsABreachStartsItsSeventyTwoHours) {
  const std::string digest = Stored(Urgent("incident-1")).header_digest();
  Collector idva(world_, "agency/idva", 8), police(world_, "agency/police", 8);
  idva.Ack(idva.NextDelivery());
  EXPECT_TRUE(HasReason(Assess("assess-000", digest, {}).status(), Reason::kTransitionIllegal));  // There is none yet.
  const auto reviewed = Review("review-001", digest, GAP_REVIEW_NOT_JUSTIFIED);
  ASSERT_EQ(reviewed.status(), absl::OkStatus());
  for (const std::string who : {"police", "admin"}) {
    const auto breaches = Breaches(who);
    ASSERT_EQ(breaches.breaches_size(), 1) << who;
    EXPECT_EQ(breaches.breaches(0).agency(), "police");
    EXPECT_EQ(breaches.breaches(0).reason(), RECALL_REASON_UNSPECIFIED);
    EXPECT_EQ(absl::FromUnixMillis(breaches.breaches(0).due_at_ms()), kTuesday + absl::Hours(72));
  }
  EXPECT_THAT(Breaches("idva").breaches(), IsEmpty());
  EXPECT_EQ(Gaps("admin", [] { v1::ListGapsRequest all; all.set_with_reviewed(true); return all; }()).workers(0).not_justified(), 1u);

  for (const int hours : {48, 72, 96}) {
    EXPECT_THAT(DueTimes(), ElementsAre(kTuesday + absl::Hours(hours)));
    ClockTo(kTuesday + absl::Hours(hours));
    const auto notice = NextNotice(police);
    EXPECT_EQ(notice.kind(), NOTICE_KIND_BREACH_OVERDUE);
    EXPECT_EQ(absl::FromUnixMillis(notice.due_at_ms()), kTuesday + absl::Hours(72));
    EXPECT_EQ(notice.reminder(), static_cast<uint32_t>(hours / 24 - 1));
  }
  EXPECT_EQ(world_.broker().mailboxes().depth({"idva"}), 4u) << "two steps of each of its own clocks, and nothing of the breach";

  EXPECT_TRUE(HasReason(Assess("assess-001", digest, {.worker = "pc-1", .previous = reviewed->statement_digest()}).status(), Reason::kSelfReview));
  const auto unlinked = Assess("assess-002", digest, {});
  EXPECT_TRUE(HasReason(unlinked.status(), Reason::kTransitionIllegal));
  EXPECT_EQ(DetailOf(unlinked.status()).metadata.at("last_statement"), ToHex(reviewed->statement_digest()));
  ASSERT_EQ(Assess("assess-003", digest, {.previous = reviewed->statement_digest()}).status(), absl::OkStatus());
  EXPECT_THAT(Breaches("police").breaches(), IsEmpty());
  ASSERT_EQ(Breaches("police", true).breaches_size(), 1);
  EXPECT_EQ(Breaches("police", true).breaches(0).assessment(), BREACH_ASSESSMENT_NO_RISK);
  EXPECT_EQ(Breaches("police", true).breaches(0).reminders(), 3u);
  EXPECT_THAT(DueTimes(), IsEmpty());
}

TEST_F(SharingApiTest, CompletedNeedsTagsThatWouldPermitItWithoutTheSchedule) {
  TagPart tag;
  auto spec = Urgent("incident-1");
  spec.alter = [&](referral::HeaderParts& parts) { tag = parts.tags[0]; };
  const std::string digest = Stored(spec).header_digest();
  EXPECT_TRUE(HasReason(Review("review-001", digest, GAP_REVIEW_COMPLETED).status(), Reason::kFieldMissing));
  EXPECT_TRUE(HasReason(Review("review-002", digest, GAP_REVIEW_COMPLETED, {.tags = {tag}}).status(), Reason::kGapNotCompleted));
  tag.set_consent(CONFIDENTIALITY_CONSENT_GIVEN);
  EXPECT_TRUE(HasReason(Review("review-003", digest, GAP_REVIEW_COMPLETED, {.tags = {tag}, .send_openings = false}).status(), Reason::kOpeningMismatch));
  TagPart other = tag;
  other.set_tag_id(std::string(16, 'o'));
  EXPECT_TRUE(HasReason(Review("review-004", digest, GAP_REVIEW_COMPLETED, {.tags = {other}}).status(), Reason::kFieldInvalid));
  EXPECT_EQ(Gaps("admin").gaps_size(), 1);
  const auto stored = [&] {
    const auto view = *world_.broker().sequencer().View();
    return **LoadReferral(SealedReaderOf(*view), digest);
  };
  EXPECT_THAT(stored().changed_tags(), IsEmpty());  // What was refused changed nothing.
  ASSERT_EQ(Review("review-005", digest, GAP_REVIEW_COMPLETED, {.tags = {tag}}).status(), absl::OkStatus());
  EXPECT_THAT(Gaps("admin").gaps(), IsEmpty());
  ASSERT_EQ(stored().changed_tags_size(), 1);
  TagPart now;
  ASSERT_TRUE(now.ParseFromString(stored().changed_tags(0).content()));
  EXPECT_EQ(now.consent(), CONFIDENTIALITY_CONSENT_GIVEN);
}

// A decision of the police not to share with the Idva service and housing.
v1::SubmitReferralRequest NotShared(TestingBroker& world, const std::string& request_id) {
  auto request = MakeSubmission(world, {.request_id = request_id, .alter = [](referral::HeaderParts& parts) {
                                          parts.core.set_type(REFERRAL_TYPE_NOT_SHARED);
                                          parts.core.set_not_shared_reason(NOT_SHARED_REASON_RAISES_RISK);
                                          parts.sections.clear();
                                        }});
  request.mutable_submission()->clear_sections();
  return request;
}

TEST_F(SharingApiTest, ADecisionNotToShareIsOnTheRecordAndReachesNobody) {
  const auto request = NotShared(world_, "incident-1");
  const auto stored = rpc::CallUnary(*referrals_, &v1::ReferralService::Stub::SubmitReferral, request, kTestTimeout);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  EXPECT_THAT(stored->decisions(), IsEmpty());
  EntryEvent event;
  for (const Opening& opening : stored->receipt().openings()) {
    if (opening.label() != "event") continue;
    ASSERT_TRUE(event.ParseFromString(opening.content()));
  }
  EXPECT_EQ(event.type(), EVENT_TYPE_NOT_SHARED_RECORDED);
  const auto again = rpc::CallUnary(*referrals_, &v1::ReferralService::Stub::SubmitReferral, request, kTestTimeout);
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_TRUE(again->repeated_request());
  EXPECT_EQ(again->stored_index(), stored->stored_index());

  v1::GetReferralRequest get;
  get.set_name(referral::ReferralName(stored->header_digest()));
  EXPECT_EQ(rpc::CallUnary(*referrals_, &v1::ReferralService::Stub::GetReferral, get, kTestTimeout).status(), absl::OkStatus());
  const auto listed = rpc::CallUnary(*referrals_, &v1::ReferralService::Stub::ListReferrals, {}, kTestTimeout);
  ASSERT_EQ(listed.status(), absl::OkStatus());
  EXPECT_EQ(listed->referrals_size(), 1);
  EXPECT_EQ(Rows(kFamilyCase), 1u);

  const auto idva = v1::ReferralService::NewStub(world_.Channel("agency/idva"));
  EXPECT_TRUE(HasReason(rpc::CallUnary(*idva, &v1::ReferralService::Stub::GetReferral, get, kTestTimeout).status(), Reason::kNotPermitted));
  EXPECT_THAT(rpc::CallUnary(*idva, &v1::ReferralService::Stub::ListReferrals, {}, kTestTimeout)->referrals(), IsEmpty());
  EXPECT_THAT(Sharing("idva")->sharing(), IsEmpty());
  EXPECT_EQ(Rows(kFamilyDelivery), 0u);
  EXPECT_EQ(Rows(kFamilyMailbox), 0u);
  EXPECT_EQ(Rows(kFamilyParty), 1u);  // Its sender's.
  EXPECT_EQ(Rows(kFamilyGap), 0u);

  const auto sharing = Sharing("police");
  ASSERT_EQ(sharing.status(), absl::OkStatus());
  ASSERT_EQ(sharing->sharing_size(), 2);
  EXPECT_EQ(Counts(*sharing), (std::map<SharingClass, uint64_t>{{SHARING_CLASS_NOT_SHARED, 2}}));
  EXPECT_EQ(sharing->sharing(0).not_shared_reason(), NOT_SHARED_REASON_RAISES_RISK);
  EXPECT_EQ(sharing->sharing(0).index(), stored->stored_index());
}

TEST_F(SharingApiTest, ADecisionNotToShareHasAFormOfItsOwn) {
  const auto reason_of = [&](const std::function<void(referral::HeaderParts&)>& alter) {
    Reason reason = Reason::kInternal;
    MakeSubmission(world_, {.request_id = "incident-1", .alter = [&](referral::HeaderParts& parts) {
      auto made = parts;
      made.core.set_type(REFERRAL_TYPE_NOT_SHARED);
      made.core.set_not_shared_reason(NOT_SHARED_REASON_PROTECTIVE);
      made.sections.clear();
      alter(made);
      const absl::Status valid = referral::ValidateParts(made, true);
      reason = valid.ok() ? Reason::kInternal : DetailOf(valid).reason;
    }});
    return reason;
  };
  EXPECT_EQ(reason_of([](referral::HeaderParts&) {}), Reason::kInternal);  // As it should be.
  EXPECT_EQ(reason_of([](referral::HeaderParts& parts) { parts.core.clear_not_shared_reason(); }), Reason::kFieldMissing);
  EXPECT_EQ(reason_of([](referral::HeaderParts& parts) { parts.tags.clear(); }), Reason::kFieldMissing);
  EXPECT_EQ(reason_of([](referral::HeaderParts& parts) { parts.recipients.clear(); }), Reason::kFieldMissing);
  EXPECT_EQ(reason_of([](referral::HeaderParts& parts) { parts.tags[0].set_rationale_present(true); }), Reason::kFieldInvalid);
  EXPECT_EQ(reason_of([](referral::HeaderParts& parts) {
    SectionPart& section = parts.sections.emplace_back();
    section.set_section_id(std::string(16, 's'));
    section.set_category(CATEGORY_IDENTITY);
    section.set_tag_id(parts.tags[0].tag_id());
    section.set_digest(std::string(32, 'd'));
  }), Reason::kFieldInvalid);
  // Of any other type sections are needed, and the reason is none.
  EXPECT_EQ(reason_of([](referral::HeaderParts& parts) {
    parts.core.set_type(REFERRAL_TYPE_REFERRAL);
    parts.core.clear_not_shared_reason();
  }), Reason::kFieldMissing);
}

// The police told the Idva service and a school, which is in no directory, of a referral `told_of`, by telephone, at `told_at`.
v1::SubmitReferralRequest SentOutside(TestingBroker& world, const std::string& request_id, absl::Time told_at, const std::string& told_of = "") {
  auto request = MakeSubmission(world, {.request_id = request_id, .alter = [&](referral::HeaderParts& parts) {
                                          parts.core.set_type(REFERRAL_TYPE_SENT_OUTSIDE);
                                          parts.core.set_outside_channel(OUTSIDE_CHANNEL_TELEPHONE);
                                          parts.core.mutable_happened()->set_earliest_ms(absl::ToUnixMillis(told_at));
                                          parts.core.mutable_happened()->set_latest_ms(absl::ToUnixMillis(told_at));
                                          parts.core.set_caused_by(told_of);
                                          parts.recipients[1].set_agency("st-jude-school");
                                          parts.sections.clear();
                                        }});
  request.mutable_submission()->clear_sections();
  return request;
}

TEST_F(SharingApiTest, WhatWasToldOutsideIsOnTheRecordAndIsNotDelivered) {
  const std::string told_of = Stored({.request_id = "incident-1"}).header_digest();
  const size_t deliveries = Rows(kFamilyDelivery), parties = Rows(kFamilyParty);
  const auto request = SentOutside(world_, "told-0001", clock_.Now() - absl::Hours(1), told_of);
  const auto stored = rpc::CallUnary(*referrals_, &v1::ReferralService::Stub::SubmitReferral, request, kTestTimeout);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  EXPECT_THAT(stored->decisions(), IsEmpty());
  EXPECT_THAT(stored->recipients(), IsEmpty());
  EntryEvent event;
  for (const Opening& opening : stored->receipt().openings()) {
    if (opening.label() != "event") continue;
    ASSERT_TRUE(event.ParseFromString(opening.content()));
  }
  EXPECT_EQ(event.type(), EVENT_TYPE_SENT_OUTSIDE_RECORDED);
  EXPECT_EQ(Rows(kFamilyDelivery), deliveries);
  EXPECT_EQ(Rows(kFamilyParty), parties + 1) << "its sender's";
  EXPECT_EQ(Rows(kFamilyCase), 1u) << "it stands on the case of what was told of";
  EXPECT_EQ(Rows(kFamilyCaseReferral), 2u);
  v1::GetReferralRequest get;
  get.set_name(referral::ReferralName(stored->header_digest()));
  const auto idva = v1::ReferralService::NewStub(world_.Channel("agency/idva"));
  EXPECT_TRUE(HasReason(rpc::CallUnary(*idva, &v1::ReferralService::Stub::GetReferral, get, kTestTimeout).status(), Reason::kNotPermitted));

  const auto sharing = Sharing("police");
  ASSERT_EQ(sharing.status(), absl::OkStatus());
  EXPECT_EQ(Counts(*sharing), (std::map<SharingClass, uint64_t>{{SHARING_CLASS_WITH_CONSENT, 2}, {SHARING_CLASS_SENT_OUTSIDE, 2}}));
  EXPECT_EQ(sharing->sharing(0).index(), stored->stored_index());
  EXPECT_THAT(Sharing("idva")->sharing(), IsEmpty());
}

TEST_F(SharingApiTest, WhatWasToldOutsideWasNotToldInTheFuture) {
  const auto submit = [&](const std::string& request_id, absl::Time told_at) {
    return rpc::CallUnary(*referrals_, &v1::ReferralService::Stub::SubmitReferral, SentOutside(world_, request_id, told_at), kTestTimeout).status();
  };
  const absl::Status refused = submit("told-0001", clock_.Now() + kToldAheadMax + absl::Milliseconds(1));
  EXPECT_TRUE(HasReason(refused, Reason::kFieldInvalid)) << refused;
  EXPECT_EQ(DetailOf(refused).metadata["field"], "core.happened");
  EXPECT_EQ(submit("told-0001", clock_.Now() + kToldAheadMax), absl::OkStatus());
}

TEST_F(SharingApiTest, TheRegisterCountsHowThingsWereShared) {
  Stored({.request_id = "incident-1"});  // To the Idva service and housing, with consent.
  clock_.Advance(absl::Hours(1));
  Stored(Urgent("incident-2"));
  clock_.Advance(absl::Hours(1));
  const auto without_consent = [&](const std::string& request_id, ConfidentialityConsent consent) {
    Stored({.request_id = request_id, .recipients = {"idva"}, .consent = consent, .sealed_for = {{CATEGORY_NARRATIVE, {}}},
            .alter = [](referral::HeaderParts& parts) {
              parts.tags[0].set_gateway(GATEWAY_CDA1998_S115);
              parts.tags[0].set_approver("sgt-1");
              parts.tags[0].set_rationale_present(true);
              parts.sections[2].set_category(CATEGORY_RATIONALE);
            }});
  };
  without_consent("incident-3", CONFIDENTIALITY_CONSENT_REFUSED);
  without_consent("incident-4", CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE);
  ASSERT_EQ(rpc::CallUnary(*referrals_, &v1::ReferralService::Stub::SubmitReferral, NotShared(world_, "incident-5"), kTestTimeout).status(),
            absl::OkStatus());
  const std::map<SharingClass, uint64_t> expected = {{SHARING_CLASS_WITH_CONSENT, 2}, {SHARING_CLASS_EMERGENCY, 1},
                                                     {SHARING_CLASS_CONSENT_REFUSED_SHARED, 1}, {SHARING_CLASS_WITHOUT_CONSENT, 1},
                                                     {SHARING_CLASS_NOT_SHARED, 2}};
  for (const std::string who : {"police", "admin"}) {
    const auto all = Sharing(who);
    ASSERT_EQ(all.status(), absl::OkStatus());
    EXPECT_EQ(Counts(*all), expected) << who;
    ASSERT_EQ(all->sharing_size(), 7);
    EXPECT_TRUE(std::is_sorted(all->sharing().begin(), all->sharing().end(), [](const auto& a, const auto& b) { return a.index() > b.index(); }));
    EXPECT_EQ(all->sharing(6).sender(), "police");
    EXPECT_EQ(all->sharing(6).worker(), "pc-1");
  }
  EXPECT_THAT(Sharing("idva")->sharing(), IsEmpty());  // What it received it did not share.
  EXPECT_THAT(Sharing("idva")->counts(), IsEmpty());

  v1::ListSharingRequest request;
  request.set_sharing_class(SHARING_CLASS_CONSENT_REFUSED_SHARED);
  auto some = Sharing("police", request);
  ASSERT_EQ(some->sharing_size(), 1);
  EXPECT_EQ(some->sharing(0).recipient(), "idva");
  EXPECT_EQ(Counts(*some), (std::map<SharingClass, uint64_t>{{SHARING_CLASS_CONSENT_REFUSED_SHARED, 1}}));

  request.Clear();  // From the second hour up to the third: the border belongs to what comes after.
  request.set_from_ms(absl::ToUnixMillis(kTuesday + absl::Hours(1)));
  request.set_until_ms(absl::ToUnixMillis(kTuesday + absl::Hours(2)));
  EXPECT_EQ(Counts(*Sharing("police", request)), (std::map<SharingClass, uint64_t>{{SHARING_CLASS_EMERGENCY, 1}}));
  request.set_until_ms(request.from_ms());
  EXPECT_THAT(Sharing("police", request)->sharing(), IsEmpty());
  request.set_from_ms(-1);
  EXPECT_TRUE(HasReason(Sharing("police", request).status(), Reason::kFieldInvalid));

  request.Clear();
  request.set_sender("police");
  EXPECT_EQ(Counts(*Sharing("admin", request)), expected);
  EXPECT_TRUE(HasReason(Sharing("idva", request).status(), Reason::kNotPermitted));
  request.set_sender("idva");
  EXPECT_THAT(Sharing("admin", request)->sharing(), IsEmpty());

  // In pages of three, across classes, nothing is missed and nothing comes twice.
  for (const std::string who : {"police", "admin"}) {
    request.Clear();
    request.set_page_size(3);
    std::set<std::pair<uint64_t, std::string>> seen;
    std::vector<int> sizes;
    do {
      const auto page = Sharing(who, request);
      ASSERT_EQ(page.status(), absl::OkStatus());
      EXPECT_EQ(page->counts().empty(), !request.page_token().empty());
      sizes.push_back(page->sharing_size());
      for (const auto& row : page->sharing()) EXPECT_TRUE(seen.emplace(row.index(), row.recipient()).second);
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_THAT(sizes, ElementsAre(3, 3, 1));
  }
  request.set_page_token(Sharing("police", [] { v1::ListSharingRequest one; one.set_page_size(1); return one; }())->next_page_token());
  request.set_sharing_class(SHARING_CLASS_EMERGENCY);  // A token of another query.
  EXPECT_TRUE(HasReason(Sharing("police", request).status(), Reason::kPageTokenInvalid));
}

TEST_F(SharingApiTest, AnAdministratorWithAConflictIsRefused) {
  EXPECT_EQ(Sharing("admin").status(), absl::OkStatus());
  admin::v1::Change bar;
  bar.mutable_put_conflict_list()->set_agency("administrators");
  bar.mutable_put_conflict_list()->add_workers("alice");
  ASSERT_EQ(world_.Change(bar), absl::OkStatus());
  EXPECT_TRUE(HasReason(Sharing("admin").status(), Reason::kNotPermitted));
  EXPECT_EQ(Sharing("police").status(), absl::OkStatus());
}

TEST_F(SharingApiTest, ErasureTakesEveryRowAboutIt) {
  absl::Notification first_purged, second_purged;
  world_.Stop();
  world_.Start([&](EraserStep step) {
    if (step == EraserStep::kPurgeRecorded) (first_purged.HasBeenNotified() ? second_purged : first_purged).Notify();
  });
  Connect();
  const std::string digest = Stored(Urgent("incident-1")).header_digest();
  const std::string other = Stored(Urgent("incident-2")).header_digest();
  Collector police(world_, "agency/police", 8);
  ASSERT_EQ(Review("review-001", digest, GAP_REVIEW_NOT_JUSTIFIED).status(), absl::OkStatus());
  ClockTo(Utc(11, 26));
  const auto waiting = police.NextDelivery();  // That of the other referral, not acknowledged.
  EXPECT_EQ(waiting.notice().header_digest(), other);
  ClockTo(kTuesday + absl::Hours(48));
  for (std::string_view family : {kFamilyDue, kFamilyDueAt}) EXPECT_EQ(Rows(family), 2u + 4u) << family;  // And the clocks of both.
  EXPECT_EQ(Rows(kFamilyGap), 2u);
  EXPECT_EQ(Rows(kFamilySharing), 4u);
  const auto erase = [&](const std::string& one) {
    admin::v1::Change change;
    change.mutable_erase()->set_header_digest(one);
    change.mutable_erase()->set_ground(ERASURE_GROUND_SUBJECT_REQUEST);
    change.mutable_erase()->set_authority("dpo:2026/17");
    return world_.Change(change);
  };
  ASSERT_EQ(erase(digest), absl::OkStatus());
  first_purged.WaitForNotification();
  EXPECT_EQ(Rows(kFamilyGap), 1u);
  EXPECT_EQ(Rows(kFamilyBreach), 0u);
  EXPECT_EQ(Rows(kFamilyDue), 1u + 2u);
  ASSERT_EQ(erase(other), absl::OkStatus());
  second_purged.WaitForNotification();
  for (std::string_view family : {kFamilyDue, kFamilyDueAt, kFamilyGap, kFamilyBreach, kFamilyReview, kFamilySharing, kFamilyDelivery,
                                  kFamilyMailbox}) {
    EXPECT_EQ(Rows(family), 0u) << family;
  }
  v1::ListGapsRequest all;
  all.set_with_reviewed(true);
  EXPECT_THAT(Gaps("admin", all).gaps(), IsEmpty());
  EXPECT_THAT(Sharing("admin")->sharing(), IsEmpty());
  EXPECT_TRUE(HasReason(Review("review-002", digest, GAP_REVIEW_JUSTIFIED_AS_IT_STANDS).status(), Reason::kErased));
}

TEST_F(SharingApiTest, PreviewsHaveAQuotaByWorker) {
  v1::PreviewReferralRequest request;
  MakeSubmission(world_, {.request_id = "incident-1", .alter = [&](referral::HeaderParts& parts) {
    *request.mutable_core() = parts.core;
    for (const auto& recipient : parts.recipients) *request.add_recipients() = recipient;
    for (const auto& tag : parts.tags) *request.add_tags() = tag;
    for (const auto& section : parts.sections) *request.add_sections() = section;
  }});
  const auto preview = [&] {
    return rpc::CallUnary(*referrals_, &v1::ReferralService::Stub::PreviewReferral, request, kTestTimeout).status();
  };
  for (int i = 0; i < 60; ++i) ASSERT_EQ(preview(), absl::OkStatus()) << i;
  const absl::Status refused = preview();
  EXPECT_TRUE(HasReason(refused, Reason::kPreviewQuota));
  EXPECT_EQ(DetailOf(refused).metadata.at("retry_after_ms"), "1000");
  EXPECT_TRUE(IsRefusal(refused));  // It is on the record.
  request.mutable_core()->mutable_worker()->set_pseudonym("pc-2");
  EXPECT_EQ(preview(), absl::OkStatus());
  request.mutable_core()->mutable_worker()->set_pseudonym("pc-1");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(preview(), absl::OkStatus());
  EXPECT_TRUE(HasReason(preview(), Reason::kPreviewQuota));
}

}  // namespace
}  // namespace accord::broker::sharing_api_test
