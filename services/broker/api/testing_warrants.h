// Warrants, who acts under them and referrals to look at, over a TestingBroker: what tests of warrants and of disclosures have in common.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accord/inspection/v1/warrant_service.pb.h"
#include "common/base/status.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_collector.h"
#include "services/broker/api/testing_wire.h"
#include "services/broker/directory/families.h"

namespace accord::broker {

// Of ofsted, from `now` for ten days, over the last hour and the next.
inline inspection::v1::Warrant StatutoryWarrant(const std::string& id, absl::Time now) {
  const int64_t now_ms = absl::ToUnixMillis(now);
  inspection::v1::Warrant warrant;
  warrant.set_id(id);
  warrant.set_kind(inspection::v1::WARRANT_KIND_STATUTORY);
  warrant.set_inspectorate("ofsted");
  warrant.set_purpose("JTAI/2026/7");
  warrant.set_legal_power("CA2004_S20");
  warrant.mutable_scope()->set_from_ms(now_ms - 3'600'000);
  warrant.mutable_scope()->set_until_ms(now_ms + 3'600'000);
  warrant.set_starts_ms(now_ms);
  warrant.set_ends_ms(now_ms + 10 * 86'400'000LL);
  return warrant;
}
// Proposes and activates it, by whom its kind asks for; of ofsted ines and omar, who are the test's to enrol.
inline void ActivateWarrant(TestingBroker& world, const inspection::v1::Warrant& warrant) {
  const std::string service = "/accord.inspection.v1.WarrantService/";
  const bool statutory = warrant.kind() == inspection::v1::WARRANT_KIND_STATUTORY;
  inspection::v1::ProposeWarrantRequest propose;
  propose.set_request_id("propose-" + warrant.id());
  *propose.mutable_warrant() = warrant;
  Only<inspection::v1::ProposeWarrantResponse>(CallOnce(world.Channel(statutory ? "inspector/ines" : "admin/alice"), service + "ProposeWarrant", propose));
  inspection::v1::ActivateWarrantRequest activate;
  activate.set_request_id("activate-" + warrant.id());
  activate.set_id(warrant.id());
  Only<inspection::v1::ActivateWarrantResponse>(CallOnce(world.Channel(statutory ? "inspector/omar" : "admin/bob"), service + "ActivateWarrant", activate));
}

// The police are of kArea, other agencies of none. Officers are the test's to enrol: ines and omar of ofsted for Activated.
class WarrantFixture : public ::testing::Test {
 protected:
  using Warrant = inspection::v1::Warrant;
  static constexpr std::string_view kArea = "E08000012", kOtherArea = "E08000013";
  inline static const std::string kReferrals = "/accord.broker.v1.ReferralService/";
  inline static const std::string kTrails = "/accord.inspection.v1.TrailService/";
  inline static const std::string kWarrants = "/accord.inspection.v1.WarrantService/";

  WarrantFixture() {
    ChangeAgency("police", [](admin::v1::Agency& agency) { agency.add_areas(std::string(kArea)); });
  }
  // An inspector; `certificate`: that things are sealed for, DER, or none.
  void Enrol(const std::string& id, const std::string& inspectorate, const std::string& certificate = "", bool active = true) {
    admin::v1::Change change;
    auto& officer = *change.mutable_put_officer();
    officer.set_id(id);
    officer.set_inspector(true);
    officer.set_active(active);
    officer.set_inspectorate(inspectorate);
    officer.set_sealing_certificate(certificate);
    EXPECT_EQ(world_.Change(change), absl::OkStatus());
  }
  void ChangeAgency(const std::string& id, const std::function<void(admin::v1::Agency&)>& make) {
    admin::v1::Change change;
    auto& agency = *change.mutable_put_agency()->mutable_agency();
    agency = world_.broker().directory().Get()->FindAgency(id)->agency;
    make(agency);
    EXPECT_EQ(world_.Change(change), absl::OkStatus());
  }
  WireAnswer Call(const std::string& principal, const std::string& method, const google::protobuf::Message& request) {
    return CallOnce(world_.Channel(principal), method, request);
  }
  std::string NextId() { return fmt::format("request-{:04}", ++requests_); }

  // A referral of the police, by its header digest; of people of its own unless the victim is named. Delivered to its recipients when `collected`.
  std::string Store(TestingReferral spec, bool collected = true) {
    if (spec.victim == TestingReferral().victim) spec.victim = spec.request_id;
    const auto request = MakeSubmission(world_, spec);
    const std::string digest = Only<v1::SubmitReferralResponse>(Call("agency/police", kReferrals + "SubmitReferral", request)).header_digest();
    submissions_[digest] = request.submission();
    for (const std::string& recipient : collected ? spec.recipients : std::vector<std::string>()) {
      Collector collector(world_, "agency/" + recipient, 1);
      collector.Ack(collector.NextDelivery());
    }
    return digest;
  }
  std::string CaseOf(const std::string& digest) {
    storage::v1::StoredReferral stored;
    const auto view = world_.broker().sequencer().View();
    EXPECT_TRUE(stored.ParseFromString(**(*view)->GetSealed(kFamilyReferral, digest)));
    return stored.cases_size() == 1 ? stored.cases(0) : "";
  }
  // Done once it is decided: what is told from then on is so whatever the eraser has come to.
  void Erase(const std::string& digest) {
    admin::v1::Change erase;
    erase.mutable_erase()->set_header_digest(digest);
    erase.mutable_erase()->set_ground(type::v1::ERASURE_GROUND_ORDER);
    erase.mutable_erase()->set_authority("county-court/7");
    ASSERT_EQ(world_.Change(erase), absl::OkStatus());
  }

  Warrant Make(const std::string& id, const std::function<void(Warrant&)>& change = nullptr) {
    Warrant warrant = StatutoryWarrant(id, clock_.Now());
    if (change) change(warrant);
    return warrant;
  }
  void Activated(const std::string& id, const std::function<void(Warrant&)>& change = nullptr) { ActivateWarrant(world_, Make(id, change)); }
  WireAnswer Change(const std::string& principal, const std::string& id, inspection::v1::WarrantAct act,
                    inspection::v1::WarrantSuspension why = inspection::v1::WARRANT_SUSPENSION_UNSPECIFIED) {
    inspection::v1::ChangeWarrantRequest request;
    request.set_request_id(NextId());
    request.set_id(id);
    request.set_act(act);
    request.set_suspension(why);
    return Call(principal, kWarrants + "ChangeWarrant", request);
  }

  FakeClock clock_{absl::FromCivil(absl::CivilSecond(2026, 11, 24, 10, 0, 0), absl::UTCTimeZone())};
  TestingBroker world_{&clock_};
  std::map<std::string, type::v1::Submission> submissions_;  // By header digest.
  int requests_ = 0;
};

}  // namespace accord::broker
