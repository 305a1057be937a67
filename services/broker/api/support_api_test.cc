// Goal: what an agency publishes of whom it takes is read by everybody in the directory, by nobody once it is past or the agency is
// suspended, survives a restart, and decides nothing.
#include <gmock/gmock.h>

#include <set>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "services/broker/api/testing_broker.h"

namespace accord::broker::support_api_test {
namespace {

using namespace admin::v1;  // NOLINT
using Stub = admin::v1::DirectoryService::Stub;

const absl::Time kTuesday = absl::FromCivil(absl::CivilSecond(2026, 11, 24, 10, 0, 0), absl::UTCTimeZone());

class SupportApiTest : public ::testing::Test {
 protected:
  absl::StatusOr<PublishSupportResponse> Publish(const std::string& principal, const std::string& request_id, const SupportOffer& offer) {
    PublishSupportRequest request;
    request.set_request_id(request_id);
    *request.mutable_support() = offer;
    request.mutable_worker()->set_pseudonym("idva-03");
    request.mutable_worker()->set_role(type::v1::WORKER_ROLE_SUPERVISOR);
    request.mutable_worker()->set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
    return rpc::CallUnary(*DirectoryService::NewStub(world_.Channel(principal)), &Stub::PublishSupport, request, kTestTimeout);
  }
  absl::StatusOr<ListAgenciesResponse> List(const std::string& principal = "agency/police") {
    return rpc::CallUnary(*DirectoryService::NewStub(world_.Channel(principal)), &Stub::ListAgencies, ListAgenciesRequest(), kTestTimeout);
  }
  // The idva's row as `principal` is shown it.
  Agency Row(const std::string& principal = "agency/police") {
    const auto listed = List(principal);
    EXPECT_EQ(listed.status(), absl::OkStatus());
    if (!listed.ok()) return Agency();
    for (const auto& row : listed->agencies()) {
      if (row.id() == "idva") return row;
    }
    return Agency();
  }
  // How many parts of entry `index` open to `principal`.
  int Openings(const std::string& principal, uint64_t index) {
    v1::GetReceiptRequest request;
    request.set_index(index);
    const auto response = rpc::CallUnary(*v1::LedgerService::NewStub(world_.Channel(principal)), &v1::LedgerService::Stub::GetReceipt, request, kTestTimeout);
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.ok() ? response->receipt().openings_size() : -1;
  }
  absl::Status PutIdva(bool active) {
    Change change;
    *change.mutable_put_agency()->mutable_agency() = world_.broker().directory().Get()->FindAgency("idva")->agency;
    change.mutable_put_agency()->mutable_agency()->set_active(active);
    return world_.Change(change);
  }

  FakeClock clock_{kTuesday};
  TestingBroker world_{&clock_};
};

TEST_F(SupportApiTest, IsShownToEverybodyWhileItHolds) {
  SupportOffer offer;
  offer.set_age_from(16);
  offer.add_areas("E06000047");
  offer.set_places(3);
  offer.set_valid_until_ms(absl::ToUnixMillis(kTuesday + absl::Hours(1)));
  const uint64_t epoch = List()->directory_epoch();
  EXPECT_FALSE(Row().has_support());
  const auto published = Publish("agency/idva", "support-0001", offer);
  ASSERT_EQ(published.status(), absl::OkStatus());
  EXPECT_EQ(List()->directory_epoch(), epoch) << "no decision is taken by it";
  for (const char* principal : {"agency/police", "agency/idva", "admin/alice"}) {
    const Agency row = Row(principal);
    EXPECT_EQ(row.support().SerializeAsString(), published->support().SerializeAsString()) << principal;
    EXPECT_EQ(row.support().places(), 3u);
  }
  EXPECT_EQ(Openings("agency/idva", published->index()), 2) << "event and actor";
  EXPECT_EQ(Openings("agency/police", published->index()), 0) << "who published it there is the agency's own to know";

  world_.Stop();
  world_.Start();
  EXPECT_TRUE(Row().has_support()) << "durable";
  EXPECT_EQ(Publish("agency/idva", "support-0001", offer)->index(), published->index());

  ASSERT_EQ(PutIdva(false), absl::OkStatus());
  EXPECT_FALSE(Row().has_support()) << "suspended";
  EXPECT_TRUE(HasReason(Publish("agency/idva", "support-0002", offer).status(), Reason::kPrincipalUnknown));
  ASSERT_EQ(PutIdva(true), absl::OkStatus());
  EXPECT_TRUE(Row().has_support());
  clock_.Advance(absl::Hours(1));
  EXPECT_FALSE(Row().has_support()) << "past";
}

TEST_F(SupportApiTest, OnlyAgenciesPublishAndOnlyOfThemselves) {
  SupportOffer offer;
  offer.set_places(3);
  EXPECT_TRUE(HasReason(Publish("admin/alice", "support-0001", offer).status(), Reason::kRoleNotAllowed));
  PublishSupportRequest nothing;
  const auto missing = rpc::CallUnary(*DirectoryService::NewStub(world_.Channel("agency/idva")), &Stub::PublishSupport, nothing, kTestTimeout).status();
  EXPECT_TRUE(HasReason(missing, Reason::kFieldMissing)) << missing;
  Change change;
  *change.mutable_put_agency()->mutable_agency() = world_.broker().directory().Get()->FindAgency("idva")->agency;
  *change.mutable_put_agency()->mutable_agency()->mutable_support() = offer;
  const absl::Status put = world_.Change(change);
  EXPECT_EQ(DetailOf(put).metadata["field"], "agency.support") << put;
  EXPECT_FALSE(Row().has_support());
}

TEST_F(SupportApiTest, AnOfferPermitsNothing) {
  // Recipient, category and verdict of each decision on a referral to idva and housing.
  const auto decided = [&](const std::string& request_id) {
    const auto submitted = rpc::CallUnary(*v1::ReferralService::NewStub(world_.Channel("agency/police")), &v1::ReferralService::Stub::SubmitReferral,
                                          MakeSubmission(world_, {.request_id = request_id, .victim = request_id}), kTestTimeout);
    EXPECT_EQ(submitted.status(), absl::OkStatus());
    std::multiset<std::string> rows;
    if (!submitted.ok()) return rows;
    for (const auto& decision : submitted->decisions()) {
      rows.insert(decision.recipient() + " " + type::v1::Category_Name(decision.category()) + " " + type::v1::Verdict_Name(decision.verdict()));
    }
    return rows;
  };
  const auto before = decided("referral-0001");
  EXPECT_THAT(before, ::testing::Contains("housing CATEGORY_NARRATIVE VERDICT_WITHHOLD"));
  SupportOffer offer;
  offer.set_places(9);
  ASSERT_EQ(Publish("agency/housing", "support-0001", offer).status(), absl::OkStatus());
  EXPECT_EQ(decided("referral-0002"), before);
}

}  // namespace
}  // namespace accord::broker::support_api_test
