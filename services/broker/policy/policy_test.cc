#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/status.h"
#include "common/crypto/testing_pki.h"
#include "common/policy/case_text.h"
#include "common/policy/clock_text.h"
#include "services/broker/directory/families.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker::policy_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

absl::Time Day(int year, int month, int day = 1) { return absl::FromCivil(absl::CivilDay(year, month, day), absl::UTCTimeZone()); }

std::string AgreementText(const std::string& version, const std::string& effective_from = "2026-11-01", const std::string& id = "agreement") {
  return fmt::format(R"(
id = "{}"
version = "{}"
parties = ["police", "idva"]
effective_from = "{}"
expires = "2027-11-01"
[[route]]
id = "support"
from_kinds = ["police"]
to_agencies = ["idva"]
purposes = ["support"]
categories = ["identity"]
)", id, version, effective_from);
}

// A row as an approval leaves it; without effective-from as one left it when each ended the one before.
void Keep(MemoryContext& state, const std::string& text, const std::string& version, int64_t approved_at_ms, int64_t effective_from_ms = 1) {
  storage::v1::StoredAgreement stored;
  stored.set_text(text);
  stored.set_version(version);
  stored.set_in_force_ms(approved_at_ms);
  stored.set_effective_from_ms(effective_from_ms);
  state.Put(kFamilyPolicy, AgreementKey(version), stored.SerializeAsString());
}
void KeepText(MemoryContext& state, const std::string& key, const std::string& text, int64_t approved_at_ms) {
  storage::v1::StoredPolicyText stored;
  stored.set_text(text);
  stored.set_approved_at_ms(approved_at_ms);
  state.Put(kFamilyPolicy, key, stored.SerializeAsString());
}

absl::StatusOr<std::shared_ptr<const Policy>> Load(MemoryContext& state) { return LoadPolicy(state, **DirectorySnapshot::Load(state, 1), {}); }

std::vector<std::string> LiveAt(const Policy& policy, absl::Time now) {
  std::vector<std::string> versions;
  for (const auto* agreement : policy.compiled.LiveAgreements(now)) versions.push_back(agreement->version);
  return versions;
}
std::vector<std::string> Listed(const Policy& policy, absl::Time now) {
  std::vector<std::string> rows;
  for (const PolicyDocument& document : policy.documents) {
    rows.push_back(fmt::format("{} {}{}{}", static_cast<int>(document.kind), document.version,
                               IsLive(document, policy.compiled, now) ? " live" : "", document.replaced ? " replaced" : ""));
  }
  return rows;
}

TEST(PolicyTest, IsReadFromWhatIsStored) {
  MemoryContext state;
  const crypto::testing::TestAuthority authority;
  admin::v1::Agency agency;
  agency.set_id("idva");
  agency.set_kind(type::v1::AGENCY_KIND_IDVA);
  agency.set_active(true);
  for (const char* area : {"W06000015", "E07000123"}) agency.add_areas(area);
  agency.add_specialisms("outreach");
  agency.set_works_with_perpetrators(true);
  agency.add_signing_certificates(authority.IssueSigning("idva").certificate.der());
  agency.set_sealing_certificate(authority.IssueSealing("idva").certificate.der());
  state.Put(kFamilyAgency, "idva", agency.SerializeAsString());
  storage::v1::StoredConflictList conflicts;
  conflicts.add_workers("officer-1");
  state.Put(kFamilyPolicy, ConflictListKey("police"), conflicts.SerializeAsString());

  admin::v1::Forum forum;
  forum.set_id("marac");
  forum.add_members("idva");
  forum.set_coordinator("idva");
  forum.set_active(true);
  state.Put(kFamilyPolicy, ForumKey("marac"), forum.SerializeAsString());
  forum.set_active(false);
  state.Put(kFamilyPolicy, ForumKey("former"), forum.SerializeAsString());

  auto directory = *DirectorySnapshot::Load(state, 1);
  auto policy = LoadPolicy(state, *directory, {1, 2, 3});
  ASSERT_EQ(policy.status(), absl::OkStatus());
  EXPECT_EQ((*policy)->epochs, (Epochs{1, 2, 3}));
  const referral::PolicySources& sources = (*policy)->compiled.sources();
  EXPECT_THAT(sources.agreements, IsEmpty());
  const referral::PolicyAgency& idva = sources.agencies.at("idva");
  EXPECT_TRUE(idva.active);
  EXPECT_FALSE(idva.has_confidential_desk);
  EXPECT_THAT(idva.areas, ElementsAre("E07000123", "W06000015"));
  EXPECT_THAT(idva.specialisms, ElementsAre("outreach"));
  EXPECT_TRUE(idva.works_with_perpetrators);
  EXPECT_THAT(sources.conflicts.at("police"), ElementsAre("officer-1"));
  ASSERT_EQ(sources.forums.size(), 1u) << "one that does not sit has no members";
  EXPECT_THAT(sources.forums.at("marac").members, ElementsAre("idva"));

  // Nothing can be sealed to an agency whose only sealing certificate is denied.
  state.Put(kFamilyDeny, (*crypto::Certificate::FromDer(agency.sealing_certificate())).fingerprint(), "");
  directory = *DirectorySnapshot::Load(state, 2);
  policy = LoadPolicy(state, *directory, {2, 2, 3});
  ASSERT_EQ(policy.status(), absl::OkStatus());
  EXPECT_FALSE((*policy)->compiled.sources().agencies.at("idva").active);

  state.Put(kFamilyPolicy, ForumKey("marac"), "\xff");
  EXPECT_TRUE(HasReason(LoadPolicy(state, *directory, {}).status(), Reason::kStoreCorrupt));
}

TEST(PolicyTest, OneForTheFutureDoesNotEndTheOneInForce) {
  MemoryContext state;
  Keep(state, AgreementText("2"), "2", 100);
  Keep(state, AgreementText("3", "2027-03-01"), "3", 200);
  Keep(state, AgreementText("other", "2026-12-01", "other-area"), "other", 300);
  const auto policy = Load(state);
  ASSERT_EQ(policy.status(), absl::OkStatus());
  EXPECT_THAT(LiveAt(**policy, Day(2026, 10)), IsEmpty());
  EXPECT_THAT(LiveAt(**policy, Day(2026, 11)), ElementsAre("2"));
  EXPECT_THAT(LiveAt(**policy, Day(2026, 12)), ::testing::UnorderedElementsAre("2", "other"));
  EXPECT_THAT(LiveAt(**policy, Day(2027, 3)), ::testing::UnorderedElementsAre("3", "other"));
  EXPECT_THAT(LiveAt(**policy, Day(2027, 11)), IsEmpty());
  EXPECT_THAT(Listed(**policy, Day(2026, 12)), ElementsAre("0 other live", "0 3", "0 2 live", "1 emergency-1 live", "2 law-1 live", "3 clocks-1.2 live", "3 clocks-1", "3 clocks-1.1", "4 cases-1 live"));
  const PolicyDocument& document = (*policy)->documents[1];
  EXPECT_EQ(document.id, "agreement");
  EXPECT_EQ(document.effective_from, Day(2027, 3));
  EXPECT_EQ(document.expires, Day(2027, 11));
  EXPECT_EQ(document.approved_at_ms, 200);
}

TEST(PolicyTest, OfEqualTimesTheLaterApprovalCounts) {
  MemoryContext state;
  Keep(state, AgreementText("9"), "9", 100);
  Keep(state, AgreementText("10"), "10", 101);  // Its key is the smaller one.
  EXPECT_THAT(LiveAt(**Load(state), Day(2026, 12)), ElementsAre("10"));
  Keep(state, AgreementText("9"), "9", 102);
  EXPECT_THAT(LiveAt(**Load(state), Day(2026, 12)), ElementsAre("9"));
}

// A store from when each approval ended the agreement before it: what was ended stays ended.
TEST(PolicyTest, AnOlderStoreKeepsItsOneAgreement) {
  MemoryContext state;
  Keep(state, AgreementText("1", "2026-11-20"), "1", 100, /*effective_from_ms=*/0);
  Keep(state, AgreementText("2"), "2", 200, /*effective_from_ms=*/0);
  Keep(state, "what was once an agreement", "0", 50, /*effective_from_ms=*/0);
  storage::v1::StoredAgreement current;
  current.set_text(AgreementText("2"));
  current.set_version("2");
  current.set_in_force_ms(200);
  state.Put(kFamilyPolicy, kAgreementCurrentKey, current.SerializeAsString());
  auto policy = Load(state);
  ASSERT_EQ(policy.status(), absl::OkStatus());
  EXPECT_THAT(LiveAt(**policy, Day(2026, 12)), ElementsAre("2"));
  EXPECT_THAT(Listed(**policy, Day(2026, 12)),
              ElementsAre("0 2 live", "0 1 replaced", "0 0 replaced", "1 emergency-1 live", "2 law-1 live", "3 clocks-1.2 live", "3 clocks-1", "3 clocks-1.1", "4 cases-1 live"));

  // The next one is approved under the new rule, for later: the old one goes on until then.
  Keep(state, AgreementText("3", "2027-01-01"), "3", 300);
  policy = Load(state);
  EXPECT_THAT(LiveAt(**policy, Day(2026, 12)), ElementsAre("2"));
  EXPECT_THAT(LiveAt(**policy, Day(2027, 1)), ElementsAre("3"));

  current.set_text("nonsense");
  Keep(state, "nonsense", "2", 200, /*effective_from_ms=*/0);
  state.Put(kFamilyPolicy, kAgreementCurrentKey, current.SerializeAsString());
  EXPECT_TRUE(HasReason(Load(state).status(), Reason::kStoreCorrupt));
  state.Put(kFamilyPolicy, kAgreementCurrentKey, "\xff");
  EXPECT_TRUE(HasReason(Load(state).status(), Reason::kStoreCorrupt));
}

TEST(PolicyTest, SchedulesAndRegistersFollowTheBuiltInOnes) {
  MemoryContext state;
  const std::string schedule = "version = \"emergency-2\"\neffective_from = \"2026-12-01\"\ncategories = [\"risk\"]\n[[recipient]]\nkind = \"police\"\n";
  const std::string law = "version = \"law-2\"\neffective_from = \"2027-01-01\"\n[[basis]]\narticle6 = \"public_task\"\n";
  KeepText(state, EmergencyKey("emergency-2"), schedule, 100);
  KeepText(state, LawKey("law-2"), law, 200);
  auto policy = Load(state);
  ASSERT_EQ(policy.status(), absl::OkStatus());
  const auto in_force = [&](absl::Time now) {
    return (*policy)->compiled.Schedule(now).version + " " + (*policy)->compiled.Law(now).version;
  };
  EXPECT_EQ(in_force(Day(2026, 11)), "emergency-1 law-1");
  EXPECT_EQ(in_force(Day(2026, 12)), "emergency-2 law-1");
  EXPECT_EQ(in_force(Day(2027, 1)), "emergency-2 law-2");
  EXPECT_THAT(Listed(**policy, Day(2026, 12)), ElementsAre("2 law-2", "1 emergency-2 live", "1 emergency-1", "2 law-1 live", "3 clocks-1.2 live", "3 clocks-1", "3 clocks-1.1", "4 cases-1 live"));

  EXPECT_EQ(*PolicyText(state, PolicyKind::kSchedule, "emergency-2"), schedule);
  EXPECT_EQ(*PolicyText(state, PolicyKind::kRegister, "law-2"), law);
  EXPECT_TRUE(PolicyText(state, PolicyKind::kSchedule, "emergency-1")->starts_with("version = \"emergency-1\""));
  EXPECT_TRUE(PolicyText(state, PolicyKind::kRegister, "law-1")->starts_with("version = \"law-1\""));
  EXPECT_TRUE(HasReason(PolicyText(state, PolicyKind::kAgreement, "law-2").status(), Reason::kPolicyDocumentNotFound));
  EXPECT_TRUE(HasReason(PolicyText(state, PolicyKind::kRegister, "law-3").status(), Reason::kPolicyDocumentNotFound));

  KeepText(state, LawKey("law-2"), "nonsense", 200);
  EXPECT_TRUE(HasReason(Load(state).status(), Reason::kStoreCorrupt));
  state.Put(kFamilyPolicy, LawKey("law-2"), "\xff");
  EXPECT_TRUE(HasReason(Load(state).status(), Reason::kStoreCorrupt));
}

TEST(PolicyTest, ClockRulesFollowTheBuiltInOnesAndEachStaysKnown) {
  MemoryContext state;
  referral::ClockRules rules = referral::DefaultClockRules();
  rules.version = "clocks-2";
  rules.effective_from = Day(2027, 1);
  const std::string text = policy::ClockRulesText(rules);
  KeepText(state, ClocksKey("clocks-2"), text, 100);
  const auto policy = Load(state);
  ASSERT_EQ(policy.status(), absl::OkStatus());
  EXPECT_EQ((*policy)->compiled.Clocks(Day(2026, 12)).version, "clocks-1.2");
  EXPECT_EQ((*policy)->compiled.Clocks(Day(2027, 1)).version, "clocks-2");
  EXPECT_EQ((*policy)->compiled.ClocksOf("clocks-1", Day(2027, 1)).version, "clocks-1");
  EXPECT_EQ(*PolicyText(state, PolicyKind::kClocks, "clocks-2"), text);
  EXPECT_TRUE(PolicyText(state, PolicyKind::kClocks, "clocks-1")->starts_with("version = \"clocks-1\""));
  EXPECT_TRUE(HasReason(PolicyText(state, PolicyKind::kClocks, "law-1").status(), Reason::kPolicyDocumentNotFound));
  KeepText(state, ClocksKey("clocks-2"), "nonsense", 100);
  EXPECT_TRUE(HasReason(Load(state).status(), Reason::kStoreCorrupt));
}

TEST(PolicyTest, CaseRulesFollowTheBuiltInOnes) {
  MemoryContext state;
  referral::CaseRules rules = referral::DefaultCaseRules();
  rules.version = "cases-2";
  const std::string text = policy::CaseRulesText(rules);
  std::string later = text;
  later.replace(later.find("1970-01-01"), 10, "2027-01-01");
  KeepText(state, CasesKey("cases-2"), later, 100);
  const auto policy = Load(state);
  ASSERT_EQ(policy.status(), absl::OkStatus());
  EXPECT_EQ((*policy)->compiled.CaseRules(Day(2026, 12)).version, "cases-1");
  EXPECT_EQ((*policy)->compiled.CaseRules(Day(2027, 1)).version, "cases-2");
  EXPECT_EQ(*PolicyText(state, PolicyKind::kCases, "cases-2"), later);
  EXPECT_TRUE(PolicyText(state, PolicyKind::kCases, "cases-1")->starts_with("version = \"cases-1\""));
  EXPECT_TRUE(HasReason(PolicyText(state, PolicyKind::kCases, "clocks-1").status(), Reason::kPolicyDocumentNotFound));
  KeepText(state, CasesKey("cases-2"), "nonsense", 100);
  EXPECT_TRUE(HasReason(Load(state).status(), Reason::kStoreCorrupt));
}

}  // namespace
}  // namespace accord::broker::policy_test
