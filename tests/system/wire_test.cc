// A recipient of some sections finds no trace of the others: not the bytes, the category, the recipient or the count.
//
// Method: a referral of seven sections goes to three recipients, each of which may have other sections. All that the
// broker sends to one of them, over every call it may make, is searched for what only others may have. That the search can find
// it is shown on what the sender sent.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "tests/system/raw_agency.h"
#include "tests/system/traffic.h"

namespace accord::tests::wire_test {
namespace {

using broker::v1::LedgerService;
using broker::v1::ReferralService;

// What the Idva may have, what housing may have, what health may have; orders nobody.
constexpr const char* kAgreement = R"(version = "wire-1"
parties = ["police", "childrens", "housing", "health", "idva"]
effective_from = "2020-01-01"
expires = "2099-01-01"
[[route]]
id = "to-idva"
from_kinds = ["police"]
to_kinds = ["idva"]
purposes = ["support"]
categories = ["identity", "safe_contact", "risk"]
[[route]]
id = "to-housing"
from_kinds = ["police"]
to_kinds = ["housing"]
purposes = ["support"]
categories = ["identity", "housing"]
[[route]]
id = "to-health"
from_kinds = ["police"]
to_kinds = ["health"]
purposes = ["support"]
categories = ["identity", "health", "incident"]
)";
const std::set<type::v1::Category> kIdvaMayHave = {type::v1::CATEGORY_IDENTITY, type::v1::CATEGORY_SAFE_CONTACT,
                                                   type::v1::CATEGORY_RISK};

// Bytes that must not be found, each with what it is.
using Needles = std::vector<std::pair<std::string, std::string>>;

void ExpectNoTrace(const std::string& bytes, const Needles& needles, const std::string& where) {
  for (const auto& [what, needle] : needles) {
    EXPECT_EQ(bytes.find(needle), std::string::npos) << where << " has " << what;
  }
}

// The openings of a label, parsed.
template <typename Part>
std::vector<std::pair<Part, type::v1::Opening>> PartsOf(const type::v1::Submission& submission, std::string_view label) {
  std::vector<std::pair<Part, type::v1::Opening>> parts;
  for (const auto& opening : submission.openings()) {
    if (opening.label() != label) continue;
    Part part;
    EXPECT_TRUE(part.ParseFromString(opening.content()));
    parts.emplace_back(part, opening);
  }
  return parts;
}

// Everything in `submission` that is none of the Idva's business. Keys of agencies are named in the sealed bytes.
Needles NotForTheIdva(World& world, const type::v1::Submission& submission) {
  Needles needles;
  std::set<std::string> withheld_ids;
  for (const auto& [part, opening] : PartsOf<type::v1::SectionPart>(submission, "section")) {
    if (kIdvaMayHave.contains(part.category())) continue;
    const std::string name = type::v1::Category_Name(part.category());
    withheld_ids.insert(part.section_id());
    needles.emplace_back("the id of section " + name, part.section_id());
    needles.emplace_back("the digest of section " + name, part.digest());
    needles.emplace_back("the salt of section " + name, opening.salt());
  }
  for (const auto& section : submission.sections()) {
    if (!withheld_ids.contains(section.section_id())) continue;
    // The last kilobyte is ciphertext and mac; any piece of it would be a trace.
    const std::string& cms = section.cms();
    for (size_t at = cms.size() - 1024; at + 16 <= cms.size(); at += 16) needles.emplace_back("a piece of a sealed section", cms.substr(at, 16));
  }
  for (const auto& [part, opening] : PartsOf<type::v1::RecipientPart>(submission, "recipient")) {
    if (part.agency() == "idva") continue;
    needles.emplace_back("the name of recipient " + part.agency(), part.agency());
    needles.emplace_back("the salt of recipient " + part.agency(), opening.salt());
    needles.emplace_back("the key of recipient " + part.agency(), world.keys(part.agency()).sealing_certificate.subject_key_id());
  }
  for (const auto& [part, opening] : PartsOf<type::v1::SubjectPart>(submission, "subject")) {
    needles.emplace_back("the id of a subject", part.subject_id());
    needles.emplace_back("the salt of a subject", opening.salt());
  }
  // A section that the Idva has as well is sealed for others and for the sender too: it is handed its own info alone.
  needles.emplace_back("the sender's own key", world.keys("police").sealing_certificate.subject_key_id());
  return needles;
}

RawSpec Wide(const std::string& request_id) {
  return {.request_id = request_id,
          .recipients = {"idva", "housing", "health"},
          .categories = {type::v1::CATEGORY_IDENTITY, type::v1::CATEGORY_SAFE_CONTACT, type::v1::CATEGORY_RISK, type::v1::CATEGORY_HOUSING,
                         type::v1::CATEGORY_HEALTH, type::v1::CATEGORY_INCIDENT, type::v1::CATEGORY_ORDERS_AND_BAIL}};
}

class WireTest : public ::testing::Test {
 protected:
  WireTest() : world_({.agreement = kAgreement}), police_(world_, "police"), idva_(world_, "idva") {}
  void SetUp() override { ASSERT_EQ(world_.Start(kBroker), absl::OkStatus()); }

  World world_;
  RawAgency police_, idva_;
};

TEST_F(WireTest, TheSearchFindsWhatIsThere) {
  const auto request = police_.Make(Wide("wire-0001"));
  ASSERT_EQ(request.status(), absl::OkStatus());
  const std::string bytes = request->SerializeAsString();
  const Needles needles = NotForTheIdva(world_, request->submission());
  EXPECT_GT(needles.size(), 250u);
  for (const auto& [what, needle] : needles) EXPECT_NE(bytes.find(needle), std::string::npos) << what;
}

TEST_F(WireTest, ADeliveryHasNoTraceOfWhatOthersReceive) {
  const auto request = police_.Make(Wide("wire-0002"));
  ASSERT_EQ(request.status(), absl::OkStatus());
  const auto stored = police_.Submit(*request);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  // The others collect first: what they leave behind on the record must not show either.
  for (const std::string other : {"housing", "health"}) {
    ASSERT_EQ(RawAgency(world_, other).Collect(1, /*ack=*/true).status(), absl::OkStatus()) << other;
  }
  const auto collected = idva_.Collect(1, /*ack=*/true);
  ASSERT_EQ(collected.status(), absl::OkStatus());
  const RawDelivery& got = collected->front();
  const auto& referral = got.delivery.referral();

  // It has what it may have, and can open it.
  ASSERT_EQ(referral.sections_size(), 3);
  std::set<type::v1::Category> categories;
  int recipients = 0;
  for (const auto& opening : referral.openings()) {
    if (opening.label() == "section") {
      type::v1::SectionPart part;
      ASSERT_TRUE(part.ParseFromString(opening.content()));
      categories.insert(part.category());
    }
    if (opening.label() == "recipient") ++recipients;
    EXPECT_NE(opening.label(), "subject");
  }
  EXPECT_EQ(categories, kIdvaMayHave);
  EXPECT_EQ(recipients, 1);
  for (const auto& section : referral.sections()) {
    EXPECT_EQ(crypto::cms::Open(section.cms(), idva_.keys().sealing_key, idva_.keys().sealing_certificate).status(), absl::OkStatus());
    EXPECT_EQ(crypto::cms::Parse(section.cms())->recipients.size(), 1u);
  }

  // And nothing else, in whatever it may ask.
  const Needles needles = NotForTheIdva(world_, request->submission());
  ExpectNoTrace(got.bytes, needles, "the delivery");
  const std::string name = "referrals/" + ToHex(stored->header_digest());
  broker::v1::GetReferralRequest get;
  get.set_name(name);
  const auto read = rpc::CallUnary(idva_.referrals(), &ReferralService::Stub::GetReferral, get, kCallTime);
  ASSERT_EQ(read.status(), absl::OkStatus());
  ExpectNoTrace(read->SerializeAsString(), needles, "GetReferral");
  ASSERT_EQ(read->referral().recipients_size(), 1);
  EXPECT_EQ(read->referral().recipients(0).agency(), "idva");
  const auto listed = rpc::CallUnary(idva_.referrals(), &ReferralService::Stub::ListReferrals, {}, kCallTime);
  ASSERT_EQ(listed.status(), absl::OkStatus());
  EXPECT_EQ(listed->referrals_size(), 1);
  ExpectNoTrace(listed->SerializeAsString(), needles, "ListReferrals");

  inspection::v1::QueryTrailRequest query;
  query.set_referral(stored->header_digest());
  query.set_purpose("test");
  const auto trail = rpc::CallUnary(*world_.Stub<inspection::v1::TrailService>(kBroker, idva_.principal()),
                                    &inspection::v1::TrailService::Stub::QueryTrail, query, kCallTime);
  ASSERT_EQ(trail.status(), absl::OkStatus());
  EXPECT_GE(trail->rows_size(), 2);  // Its release, its acknowledgement.
  ExpectNoTrace(trail->SerializeAsString(), needles, "QueryTrail");

  // Every receipt of the log, whosever entry it is.
  const auto newest = GetCheckpoint(world_);
  ASSERT_EQ(newest.status(), absl::OkStatus());
  const auto ledger = world_.Stub<LedgerService>(kBroker, idva_.principal());
  int opened = 0;
  for (uint64_t index = 0; index < newest->checkpoint.size; ++index) {
    broker::v1::GetReceiptRequest ask;
    ask.set_index(index);
    const auto receipt = rpc::CallUnary(*ledger, &LedgerService::Stub::GetReceipt, ask, kCallTime);
    ASSERT_EQ(receipt.status(), absl::OkStatus()) << index;
    ExpectNoTrace(receipt->SerializeAsString(), needles, fmt::format("the receipt of entry {}", index));
    if (receipt->receipt().openings_size() > 0) ++opened;
  }
  EXPECT_GE(opened, 2);
}

TEST_F(WireTest, TheCountOfSectionsAndRecipientsDoesNotShow) {
  const auto narrow = police_.Make({.request_id = "wire-0003",
                                    .recipients = {"idva"},
                                    .categories = {type::v1::CATEGORY_IDENTITY, type::v1::CATEGORY_SAFE_CONTACT, type::v1::CATEGORY_RISK}});
  ASSERT_EQ(narrow.status(), absl::OkStatus());
  const auto wide = police_.Make(Wide("wire-0004"));
  ASSERT_EQ(wide.status(), absl::OkStatus());
  ASSERT_LT(narrow->submission().openings_size(), wide->submission().openings_size());
  for (const auto& request : {*narrow, *wide}) ASSERT_EQ(police_.Submit(request).status(), absl::OkStatus());
  const auto collected = idva_.Collect(2, /*ack=*/true);
  ASSERT_EQ(collected.status(), absl::OkStatus());
  const auto& first = (*collected)[0].delivery.referral();
  const auto& second = (*collected)[1].delivery.referral();
  const auto view_of = [](const auto& referral) { return *referral::ParseHeader(referral.header()); };
  EXPECT_EQ(view_of(first).commitments.size() % referral::kHeaderCommitmentsStep, 0u);
  EXPECT_EQ(view_of(first).commitments.size(), view_of(second).commitments.size());
  EXPECT_EQ(first.header().payload().size(), second.header().payload().size());
  EXPECT_EQ(first.openings_size(), second.openings_size());
  EXPECT_EQ(first.sections_size(), second.sections_size());
  const auto sizes_of = [](const auto& referral) {
    std::multiset<size_t> sizes;
    for (const auto& section : referral.sections()) sizes.insert(crypto::cms::Parse(section.cms())->encrypted_bytes);
    return sizes;
  };
  EXPECT_EQ(sizes_of(first), sizes_of(second));
}

TEST_F(WireTest, WhoReceivesNothingIsToldNothing) {
  // Orders go to nobody: housing alone would receive its two sections, health is not named.
  auto spec = Wide("wire-0005");
  spec.recipients = {"idva", "housing"};
  const auto request = police_.Make(spec);
  ASSERT_EQ(request.status(), absl::OkStatus());
  const auto stored = police_.Submit(*request);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  RawAgency health(world_, "health");
  EXPECT_FALSE(health.Collect(1, false, absl::Seconds(1)).ok());
  broker::v1::GetReferralRequest get;
  get.set_name("referrals/" + ToHex(stored->header_digest()));
  const auto refused = rpc::CallUnary(health.referrals(), &ReferralService::Stub::GetReferral, get, kCallTime);
  EXPECT_TRUE(HasReason(refused.status(), Reason::kNotPermitted)) << refused.status();
  get.set_name("referrals/" + ToHex(std::string(32, 'x')));
  const auto absent = rpc::CallUnary(health.referrals(), &ReferralService::Stub::GetReferral, get, kCallTime);
  EXPECT_EQ(absent.status(), refused.status());  // One answer for "not yours" and "not there".
  EXPECT_TRUE(HasReason(TrailOfReferral(world_, health.principal(), stored->header_digest()).status(), Reason::kNotPermitted));
}

}  // namespace
}  // namespace accord::tests::wire_test
