#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/crypto/succession.h"
#include "common/crypto/testing_pki.h"
#include "common/policy/case_text.h"
#include "common/policy/clock_text.h"
#include "common/policy/policy_text.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/changes.h"
#include "services/broker/directory/directory.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/testing_directory.h"
#include "services/broker/directory/validation.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker::directory_test {
namespace {

TEST(FamiliesTest, KeysHaveTheirGoldenBytes) {
  EXPECT_EQ(LeftKey("police"), "left/police");
  EXPECT_EQ(ToHex(RequestKey("agency/a", "req-0001")), "086167656e63792f61" "7265712d30303031");
  EXPECT_EQ(ToHex(PartyKey("idva", 258)), "0469647661" "0000000000000102");
  EXPECT_EQ(ToHex(MailboxKey("idva", type::v1::DESK_CONFIDENTIAL, type::v1::LANE_HIGH, 1)),
            "0469647661" "02" "02" "0000000000000001");
  EXPECT_EQ(ToHex(DeadLetterKey("idva", type::v1::DESK_UNSPECIFIED, 258, std::string(16, '\x11'))),
            "0469647661" "01" "fffffffffffffefd" "11111111111111111111111111111111");
  EXPECT_EQ(ToHex(SettledKey("idva", type::v1::DESK_CONFIDENTIAL, 258)), "0469647661" "02" "0000000000000102");
  EXPECT_EQ(ToHex(SettledPrefix("idva", type::v1::DESK_MAIN)), "0469647661" "01");
  EXPECT_EQ(ReplayKey("idva", type::v1::DESK_MAIN), "replay/\x04idva\x01");
  EXPECT_EQ(ToHex(ChainEntryKey(std::string(16, '\x11'), 7)), "11111111111111111111111111111111" "0000000000000007");
  EXPECT_EQ(SectionKey(std::string(32, 'h'), std::string(16, 's')), std::string(32, 'h') + std::string(16, 's'));
  EXPECT_EQ(StatementKey(std::string(32, 'h'), std::string(32, 's')), std::string(32, 'h') + std::string(32, 's'));
  EXPECT_EQ(ToHex(CaseReferralKey(std::string(16, '\x11'), 7)), "11111111111111111111111111111111" "0000000000000007");
  EXPECT_EQ(ToHex(ErasureKey(258)), "01" "0000000000000102");
  EXPECT_EQ(ToHex(ErasingKey(258)), "02" "0000000000000102");
  EXPECT_EQ(ToHex(ErasingPrefix()), "02");
  EXPECT_EQ(ToHex(RetentionKey(type::v1::REFERRAL_TYPE_REFERRAL, 258)), "00000001" "0000000000000102");
  EXPECT_EQ(RefusedKey(std::string(32, 'h'), 7), std::string(32, 'h') + KeyU64(7));
  EXPECT_EQ(RetentionVersionKey(7), "retention/version/" + KeyU64(7));
  EXPECT_EQ(OfficerKey(false, "alice"), "admin/alice");
  EXPECT_EQ(OfficerKey(true, "ines"), "inspector/ines");
  EXPECT_EQ(PrincipalChainKey("admin/alice"), "chain/admin/alice");
  EXPECT_EQ(AgreementKey("2026-1"), "agreement/version/2026-1");
  EXPECT_EQ(EmergencyKey("emergency-2"), "emergency/version/emergency-2");
  EXPECT_EQ(LawKey("law-2"), "law/version/law-2");
  EXPECT_EQ(ClocksKey("clocks-2"), "clocks/version/clocks-2");
  EXPECT_EQ(CasesKey("cases-2"), "cases/version/cases-2");
  EXPECT_EQ(ForumKey("marac-area"), "forum/marac-area");
  EXPECT_EQ(ConflictListKey("police"), "conflicts/police");
  EXPECT_EQ(BrokerFamilies().size(), 58u);
}

TEST_F(DirectoryTest, AcceptsAWellFormedAgencyAndNamesEachFault) {
  ASSERT_EQ(ValidateAgency(Agency("police"), kTrustDomain), absl::OkStatus());
  const auto field_of = [](const absl::Status& status) { return DetailOf(status).metadata["field"]; };
  auto agency = Agency("police");
  agency.set_id("Police!");
  EXPECT_EQ(field_of(ValidateAgency(agency, kTrustDomain)), "agency.id");
  agency = Agency("police");
  agency.set_kind(type::v1::AGENCY_KIND_UNSPECIFIED);
  EXPECT_TRUE(HasReason(ValidateAgency(agency, kTrustDomain), Reason::kEnumUnknown));
  agency = Agency("police");
  agency.add_areas("Durham");
  EXPECT_EQ(field_of(ValidateAgency(agency, kTrustDomain)), "agency.areas");
  agency = Agency("police");
  agency.clear_signing_certificates();
  EXPECT_TRUE(HasReason(ValidateAgency(agency, kTrustDomain), Reason::kFieldMissing));
  agency = Agency("police");
  agency.set_signing_certificates(0, "not DER");
  EXPECT_EQ(field_of(ValidateAgency(agency, kTrustDomain)), "agency.signing_certificates");
  agency = Agency("police");
  agency.set_signing_certificates(0, agency.sealing_certificate());  // Wrong key usage.
  EXPECT_EQ(field_of(ValidateAgency(agency, kTrustDomain)), "agency.signing_certificates");
  agency = Agency("police");
  agency.set_sealing_certificate(Agency("housing").sealing_certificate());  // Another's name.
  EXPECT_EQ(field_of(ValidateAgency(agency, kTrustDomain)), "agency.sealing_certificate");
  EXPECT_EQ(field_of(ValidateAgency(Agency("police"), "elsewhere.test")), "agency.signing_certificates");
  agency = Agency("police");
  agency.set_confidential_sealing_certificate(agency.sealing_certificate());
  EXPECT_EQ(field_of(ValidateAgency(agency, kTrustDomain)), "agency.confidential_sealing_certificate");
}

TEST_F(DirectoryTest, ASealingKeyIsVouchedForByTheOneBeforeOrByNone) {
  const auto old_key = authority_.IssueSealing("police"), new_key = authority_.IssueSealing("police"), other = authority_.IssueSealing("housing");
  const auto field_of = [](const absl::Status& status) { return DetailOf(status).metadata["field"]; };
  auto agency = Agency("police");
  agency.set_sealing_certificate(new_key.certificate.der());
  agency.set_previous_sealing_certificate(old_key.certificate.der());
  EXPECT_EQ(field_of(ValidateAgency(agency, kTrustDomain)), "agency.sealing_endorsement") << "the one without the other";
  agency.set_sealing_endorsement(*crypto::EndorseSuccessor(old_key.sealing_key(), old_key.certificate, new_key.certificate));
  EXPECT_EQ(ValidateAgency(agency, kTrustDomain), absl::OkStatus());
  auto spoilt = agency;
  spoilt.clear_previous_sealing_certificate();
  EXPECT_EQ(field_of(ValidateAgency(spoilt, kTrustDomain)), "agency.previous_sealing_certificate");
  spoilt = agency;
  spoilt.set_sealing_certificate(authority_.IssueSealing("police").certificate.der());
  EXPECT_EQ(field_of(ValidateAgency(spoilt, kTrustDomain)), "agency.sealing_endorsement") << "it vouches for another";
  spoilt = agency;
  spoilt.set_previous_sealing_certificate(other.certificate.der());
  EXPECT_EQ(field_of(ValidateAgency(spoilt, kTrustDomain)), "agency.previous_sealing_certificate") << "it names somebody else";
  EXPECT_TRUE(HasReason(ValidateAgency(spoilt, kTrustDomain), Reason::kFieldInvalid));
}

TEST_F(DirectoryTest, OpensALogOnceWithItsAdministratorsAndImports) {
  auto police = Agency("police");
  police.set_deputy("idva");  // Named before it comes.
  OpenLog({PutAgency(police), PutAgency(Agency("idva", type::v1::AGENCY_KIND_IDVA))});
  ASSERT_EQ(context_.entries.size(), 3u);
  EXPECT_EQ(context_.entries[0].event.type(), type::v1::EVENT_TYPE_LOG_OPENED);
  EXPECT_EQ(context_.entries[0].event.change(), "alice,bob");
  EXPECT_EQ(context_.entries[1].event.change(), "put_agency");
  EXPECT_NE(holder_.Get()->FindActiveAgency("idva"), nullptr);
  EXPECT_EQ(holder_.Get()->officers().size(), 2u);

  OpenLogCommand again(rules_, "accord.test/broker", "vkey", {"alice", "bob"}, {}, [](const auto&) {});
  EXPECT_FALSE(again.Apply(context_).ok());
}

TEST_F(DirectoryTest, RefusesToOpenALogWithOneAdministratorOrADanglingDeputy) {
  OpenLogCommand one(rules_, "o", "v", {"alice", "alice"}, {}, [](const auto&) {});
  EXPECT_FALSE(one.Apply(context_).ok());
  auto police = Agency("police");
  police.set_deputy("idva");
  MemoryContext other;
  OpenLogCommand dangling(rules_, "o", "v", {"alice", "bob"}, {PutAgency(police)}, [](const auto&) {});
  EXPECT_TRUE(HasReason(dangling.Apply(other), Reason::kFieldInvalid));
}

TEST_F(DirectoryTest, AChangeNeedsTwoPeopleAndMovesTheEpochOnlyOnApproval) {
  OpenLog({});
  const Epochs before = context_.current;
  const auto number = Propose("alice", "request-1", PutAgency(Agency("police")));
  ASSERT_EQ(number.status(), absl::OkStatus());
  EXPECT_EQ(context_.current, before);
  EXPECT_EQ(holder_.Get()->FindAgency("police"), nullptr);
  EXPECT_TRUE(HasReason(Approve("alice", "request-2", *number).status(), Reason::kSelfApproval));
  EXPECT_TRUE(HasReason(Approve("bob", "request-2", 999).status(), Reason::kChangeNotFound));

  const auto approved = Approve("bob", "request-3", *number);
  ASSERT_EQ(approved.status(), absl::OkStatus());
  EXPECT_EQ(context_.current.directory, before.directory + 1);
  EXPECT_NE(holder_.Get()->FindActiveAgency("police"), nullptr);
  EXPECT_TRUE(HasReason(Approve("bob", "request-4", *number).status(), Reason::kTransitionIllegal));

  const auto& entries = context_.entries;
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[1].event.type(), type::v1::EVENT_TYPE_CHANGE_PROPOSED);
  EXPECT_EQ(entries[2].event.type(), type::v1::EVENT_TYPE_CHANGE_APPROVED);
  EXPECT_EQ(entries[1].event.change_digest(), entries[2].event.change_digest());
  EXPECT_EQ(entries[2].actor->principal(), "admin/bob");
  EXPECT_EQ(entries[1].chains, entries[2].chains);
}

TEST_F(DirectoryTest, RepeatsOfARequestGetTheFirstAnswerAndOtherContentIsRefused) {
  OpenLog({});
  const auto change = PutAgency(Agency("police"));
  const auto first = Propose("alice", "request-1", change);
  const size_t entries = context_.entries.size();
  EXPECT_EQ(*Propose("alice", "request-1", change), *first);
  EXPECT_EQ(context_.entries.size(), entries);
  EXPECT_TRUE(HasReason(Propose("alice", "request-1", PutAgency(Agency("idva"))).status(), Reason::kRequestIdReused));
  EXPECT_TRUE(Propose("bob", "request-1", PutAgency(Agency("idva"))).ok());  // Scoped to the administrator.

  ASSERT_TRUE(Approve("bob", "request-9", *first).ok());
  const auto again = Approve("bob", "request-9", *first);
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_TRUE(again->repeated);
  EXPECT_TRUE(HasReason(Approve("bob", "request-9", *first + 1).status(), Reason::kRequestIdReused));
}

TEST_F(DirectoryTest, ChangesAreJudgedAgainWhenApproved) {
  OpenLog({});
  const auto officer = [](const std::string& id, bool active) {
    admin::v1::Change change;
    change.mutable_put_officer()->set_id(id);
    change.mutable_put_officer()->set_active(active);
    return change;
  };
  ASSERT_TRUE(Approve("bob", "request-2", *Propose("alice", "request-1", officer("carol", true))).ok());
  // Each may go by itself, but not both.
  const auto first = Propose("bob", "request-3", officer("alice", false));
  const auto second = Propose("alice", "request-4", officer("carol", false));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE(Approve("carol", "request-5", *first).ok());
  EXPECT_TRUE(HasReason(Approve("bob", "request-6", *second).status(), Reason::kLastAdministrator));
}

TEST_F(DirectoryTest, StandInsAndSealingKeysAreCheckedAmongTheOthers) {
  auto idva = Agency("idva", type::v1::AGENCY_KIND_IDVA);
  OpenLog({PutAgency(idva)});
  auto health = Agency("health", type::v1::AGENCY_KIND_HEALTH);
  health.set_deputy("nobody");
  EXPECT_EQ(DetailOf(Propose("alice", "request-1", PutAgency(health)).status()).metadata["field"], "agency.deputy");
  health.set_deputy("idva");
  EXPECT_TRUE(Propose("alice", "request-1", PutAgency(health)).ok());
  idva.set_deputy("idva");  // It is there, but for itself.
  EXPECT_FALSE(Propose("alice", "request-2", PutAgency(idva)).ok());

  health.clear_deputy();
  auto holder = Agency("holder");
  holder.set_sealing_certificate(health.sealing_certificate());  // As if two certificates had one key.
  context_.Put(kFamilyAgency, "holder", holder.SerializeAsString());
  Publish();
  EXPECT_EQ(DetailOf(Propose("alice", "request-3", PutAgency(health)).status()).metadata["field"],
            "agency.sealing_certificate");
}

TEST_F(DirectoryTest, KeepsTwoAdministrators) {
  OpenLog({});
  admin::v1::Change change;
  change.mutable_put_officer()->set_id("alice");
  change.mutable_put_officer()->set_active(false);
  EXPECT_TRUE(HasReason(Propose("bob", "request-1", change).status(), Reason::kLastAdministrator));
  change.mutable_put_officer()->set_id("carol");
  change.mutable_put_officer()->set_active(true);
  ASSERT_TRUE(Approve("alice", "request-3", *Propose("bob", "request-2", change)).ok());
  change.mutable_put_officer()->set_id("alice");
  change.mutable_put_officer()->set_active(false);
  EXPECT_TRUE(Propose("bob", "request-4", change).ok());
}

// An agreement of police and Idva.
std::string AgreementText(const std::string& version, const std::string& effective_from = "2026-01-01",
                          const std::string& category = "identity", const std::string& id = "area") {
  return fmt::format(R"(
id = "{}"
version = "{}"
parties = ["police", "idva"]
effective_from = "{}"
expires = "2040-01-01"
[[route]]
id = "all"
from_kinds = ["police"]
to_kinds = ["idva"]
purposes = ["support"]
categories = ["{}"]
)", id, version, effective_from, category);
}
admin::v1::Change PutAgreement(const std::string& text) {
  admin::v1::Change change;
  change.mutable_put_agreement()->set_text(text);
  return change;
}

std::string ScheduleText(const std::string& version, const std::string& effective_from, const std::string& category = "risk") {
  return fmt::format("version = \"{}\"\neffective_from = \"{}\"\ncategories = [\"{}\"]\n[[recipient]]\nkind = \"police\"\n", version,
                     effective_from, category);
}
admin::v1::Change PutSchedule(const std::string& text) {
  admin::v1::Change change;
  change.mutable_put_emergency_schedule()->set_text(text);
  return change;
}

std::string RegisterText(const std::string& version, const std::string& effective_from, const std::string& basis = "public_task") {
  return fmt::format("version = \"{}\"\neffective_from = \"{}\"\n[[basis]]\narticle6 = \"{}\"\n", version, effective_from, basis);
}
admin::v1::Change PutRegister(const std::string& text) {
  admin::v1::Change change;
  change.mutable_put_legal_register()->set_text(text);
  return change;
}

std::string ClocksText(const std::string& version, const std::string& effective_from) {
  referral::ClockRules rules = referral::DefaultClockRules();
  rules.version = version;
  return fmt::format("{}# From {}.\n", policy::ClockRulesText(rules), effective_from);
}
admin::v1::Change PutClocks(const std::string& text) {
  admin::v1::Change change;
  change.mutable_put_clock_rules()->set_text(text);
  return change;
}

std::string CasesText(const std::string& version, const std::string& effective_from) {
  referral::CaseRules rules = referral::DefaultCaseRules();
  rules.version = version;
  return fmt::format("{}# From {}.\n", policy::CaseRulesText(rules), effective_from);
}
admin::v1::Change PutCases(const std::string& text) {
  admin::v1::Change change;
  change.mutable_put_case_rules()->set_text(text);
  return change;
}

admin::v1::Change PutForum(const std::string& id, std::vector<std::string> members, const std::string& coordinator) {
  admin::v1::Change change;
  auto& forum = *change.mutable_put_forum()->mutable_forum();
  forum.set_id(id);
  for (std::string& member : members) forum.add_members(std::move(member));
  forum.set_coordinator(coordinator);
  forum.set_active(true);
  return change;
}

TEST_F(DirectoryTest, AVersionMeansOneText) {
  OpenLog({});
  const struct {
    admin::v1::Change first, second, bad;
    Reason reason;
    std::string key, kind;
  } kinds[] = {
      {PutAgreement(AgreementText("v1")), PutAgreement(AgreementText("v1", "2026-01-01", "risk", "other-area")), PutAgreement("bad"),
       Reason::kAgreementMalformed, AgreementKey("v1"), "put_agreement"},
      {PutSchedule(ScheduleText("v1", "2026-01-01")), PutSchedule(ScheduleText("v1", "2026-01-02")), PutSchedule("bad"),
       Reason::kScheduleMalformed, EmergencyKey("v1"), "put_emergency_schedule"},
      {PutRegister(RegisterText("v1", "2026-01-01")), PutRegister(RegisterText("v1", "2026-01-02")), PutRegister("bad"),
       Reason::kLegalRegisterMalformed, LawKey("v1"), "put_legal_register"},
      {PutClocks(ClocksText("v1", "2026-01-01")), PutClocks(ClocksText("v1", "2026-01-02")), PutClocks("bad"), Reason::kFieldInvalid,
       ClocksKey("v1"), "put_clock_rules"},
      {PutCases(CasesText("v1", "2026-01-01")), PutCases(CasesText("v1", "2026-01-02")), PutCases("bad"), Reason::kFieldInvalid,
       CasesKey("v1"), "put_case_rules"},
  };
  for (const auto& kind : kinds) {
    const auto request = [&](int number) { return fmt::format("{}-{:08}", kind.kind, number); };
    const uint64_t epoch = context_.current.agreement;
    EXPECT_TRUE(HasReason(Propose("alice", request(1), kind.bad).status(), kind.reason));
    const auto first = Propose("alice", request(2), kind.first), second = Propose("alice", request(3), kind.second);
    ASSERT_TRUE(first.ok() && second.ok()) << "neither is kept yet" << second.status();
    EXPECT_FALSE(context_.rows.contains({std::string(kFamilyPolicy), kind.key}));
    EXPECT_TRUE(HasReason(Approve("alice", request(4), *first).status(), Reason::kSelfApproval));
    ASSERT_EQ(Approve("bob", request(5), *first).status(), absl::OkStatus());
    EXPECT_EQ(context_.current.agreement, epoch + 1);
    EXPECT_TRUE(context_.rows.contains({std::string(kFamilyPolicy), kind.key}));
    EXPECT_EQ(context_.entries.back().event.change(), kind.kind);
    // Taken by another text: judged again at approval, and at once from now on.
    EXPECT_TRUE(HasReason(Approve("bob", request(6), *second).status(), kind.reason));
    const auto again = Propose("alice", request(7), kind.second);
    EXPECT_TRUE(HasReason(again.status(), kind.reason));
    EXPECT_EQ(DetailOf(again.status()).metadata["version"], "v1");
    EXPECT_EQ(context_.current.agreement, epoch + 1);
    EXPECT_TRUE(Propose("alice", request(8), kind.first).ok()) << "the same text may come again";
  }
}

TEST_F(DirectoryTest, TheBuiltInVersionsAreTaken) {
  OpenLog({});
  EXPECT_TRUE(HasReason(Propose("alice", "request-1", PutSchedule(ScheduleText("emergency-1", "2026-01-01"))).status(), Reason::kScheduleMalformed));
  EXPECT_TRUE(HasReason(Propose("alice", "request-2", PutRegister(RegisterText("law-1", "2026-01-01"))).status(), Reason::kLegalRegisterMalformed));
  EXPECT_TRUE(HasReason(Propose("alice", "request-3", PutClocks(ClocksText("clocks-1", "2026-01-01"))).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Propose("alice", "request-4", PutCases(CasesText("cases-1", "2026-01-01"))).status(), Reason::kFieldInvalid));
}

TEST_F(DirectoryTest, EveryVersionIsKeptInTheOrderOfApproval) {
  OpenLog({});
  const auto approve = [&](const std::string& request, const admin::v1::Change& change) {
    const auto number = Propose("alice", request, change);
    ASSERT_EQ(number.status(), absl::OkStatus());
    ASSERT_EQ(Approve("bob", request, *number).status(), absl::OkStatus());
  };
  approve("request-1", PutAgreement(AgreementText("v1")));
  approve("request-2", PutAgreement(AgreementText("v2", "1970-01-01")));
  approve("request-3", PutSchedule(ScheduleText("v1", "2026-01-01")));
  storage::v1::StoredAgreement first, second;
  storage::v1::StoredPolicyText third;
  ASSERT_TRUE(first.ParseFromString(context_.rows.at({std::string(kFamilyPolicy), AgreementKey("v1")})));
  ASSERT_TRUE(second.ParseFromString(context_.rows.at({std::string(kFamilyPolicy), AgreementKey("v2")})));
  ASSERT_TRUE(third.ParseFromString(context_.rows.at({std::string(kFamilyPolicy), EmergencyKey("v1")})));
  // The clock stood still.
  EXPECT_EQ(first.in_force_ms(), absl::ToUnixMillis(context_.time));
  EXPECT_EQ(second.in_force_ms(), first.in_force_ms() + 1);
  EXPECT_EQ(third.approved_at_ms(), first.in_force_ms() + 2);
  EXPECT_EQ(first.text(), AgreementText("v1"));
  EXPECT_EQ(first.version(), "v1");
  EXPECT_EQ(first.effective_from_ms(), absl::ToUnixMillis(absl::FromCivil(absl::CivilDay(2026, 1, 1), absl::UTCTimeZone())));
  EXPECT_EQ(second.effective_from_ms(), 1) << "0 is of the rows that say nothing of it";
  EXPECT_FALSE(context_.rows.contains({std::string(kFamilyPolicy), std::string(kAgreementCurrentKey)}));
}

// The clock of these tests stands in January 2027.
TEST_F(DirectoryTest, WhatWouldNeverBeInForceIsRefused) {
  OpenLog({});
  const auto day = [](int year, int month) { return absl::FromCivil(absl::CivilDay(year, month, 1), absl::UTCTimeZone()); };
  referral::Agreement live{.id = "area", .version = "live", .effective_from = day(2026, 6)}, coming{.id = "area", .version = "coming", .effective_from = day(2027, 6)};
  sources_.agreements = {live, coming};
  const auto propose = [&](const std::string& request, const admin::v1::Change& change) { return Propose("alice", request, change).status(); };
  const absl::Status earlier = propose("request-1", PutAgreement(AgreementText("new", "2026-05-31")));
  EXPECT_TRUE(HasReason(earlier, Reason::kAgreementMalformed));
  EXPECT_EQ(DetailOf(earlier).metadata["field"], "effective_from");
  EXPECT_EQ(DetailOf(earlier).metadata["version"], "live");
  EXPECT_TRUE(propose("request-2", PutAgreement(AgreementText("new", "2026-06-01"))).ok()) << "of equal times the later approval";
  EXPECT_TRUE(propose("request-3", PutAgreement(AgreementText("new-3", "2027-01-01"))).ok()) << "until the one that is coming";
  EXPECT_TRUE(propose("request-4", PutAgreement(AgreementText("new-4", "2026-01-01", "risk", "other"))).ok()) << "another agreement";
  // At approval too: another came into force meanwhile.
  const auto number = Propose("alice", "request-5", PutAgreement(AgreementText("late", "2026-07-01")));
  ASSERT_TRUE(number.ok());
  sources_.agreements.push_back({.id = "area", .version = "newer", .effective_from = day(2026, 8)});
  EXPECT_TRUE(HasReason(Approve("bob", "request-5", *number).status(), Reason::kAgreementMalformed));

  sources_.schedules = {{.version = "s", .effective_from = day(2026, 6)}};
  EXPECT_TRUE(HasReason(propose("request-6", PutSchedule(ScheduleText("s-2", "2026-05-01"))), Reason::kScheduleMalformed));
  EXPECT_TRUE(propose("request-7", PutSchedule(ScheduleText("s-2", "2026-06-01"))).ok());
  referral::LegalRegister law;
  law.version = "l";
  law.effective_from = day(2026, 6);
  sources_.laws = {law};
  EXPECT_TRUE(HasReason(propose("request-8", PutRegister(RegisterText("l-2", "2026-05-01"))), Reason::kLegalRegisterMalformed));
  EXPECT_TRUE(propose("request-9", PutRegister(RegisterText("l-2", "2026-06-01"))).ok());
}

TEST_F(DirectoryTest, PolicyTextsHaveBounds) {
  OpenLog({});
  const std::string long_text(policy::kPolicyTextBytesMax + 1, '#');
  EXPECT_TRUE(HasReason(Propose("alice", "request-1", PutAgreement(long_text)).status(), Reason::kMessageTooLarge));
  EXPECT_TRUE(HasReason(Propose("alice", "request-2", PutSchedule(long_text)).status(), Reason::kMessageTooLarge));
  EXPECT_TRUE(HasReason(Propose("alice", "request-3", PutRegister(long_text)).status(), Reason::kMessageTooLarge));
  const std::string most = AgreementText("v1") + "#" + std::string(policy::kPolicyTextBytesMax - AgreementText("v1").size() - 1, ' ');
  EXPECT_TRUE(Propose("alice", "request-4", PutAgreement(most)).ok());
  sources_.agreements.resize(kPolicyVersionsMax - 1);
  EXPECT_TRUE(Propose("alice", "request-5", PutAgreement(AgreementText("v2"))).ok());
  sources_.agreements.resize(kPolicyVersionsMax);
  EXPECT_TRUE(HasReason(Propose("alice", "request-6", PutAgreement(AgreementText("v3"))).status(), Reason::kAgreementMalformed));
}

TEST_F(DirectoryTest, AForumIsOfAgenciesAndHasACoordinatorAmongThem) {
  OpenLog({PutAgency(Agency("police")), PutAgency(Agency("idva", type::v1::AGENCY_KIND_IDVA))});
  int requests = 0;
  const auto field_of = [&](const admin::v1::Change& change) {
    return DetailOf(Propose("alice", fmt::format("request-{:04}", ++requests), change).status()).metadata["field"];
  };
  EXPECT_EQ(field_of(PutForum("The Marac", {"police"}, "police")), "forum.id");
  EXPECT_EQ(field_of(PutForum("marac", {}, "police")), "forum.members");
  EXPECT_EQ(field_of(PutForum("marac", {"police", "police"}, "police")), "forum.members");
  EXPECT_EQ(field_of(PutForum("marac", {"police", "Idva!"}, "police")), "forum.members");
  EXPECT_EQ(field_of(PutForum("marac", {"police", "nobody"}, "police")), "forum.members");
  EXPECT_EQ(field_of(PutForum("marac", {"police"}, "")), "forum.coordinator");
  EXPECT_EQ(field_of(PutForum("marac", {"police"}, "idva")), "forum.coordinator");
  auto named = PutForum("marac", {"police", "idva"}, "police");
  named.mutable_put_forum()->mutable_forum()->set_display_name(std::string(kDisplayNameCharsMax + 1, 'n'));
  EXPECT_EQ(field_of(named), "forum.display_name");
  named.mutable_put_forum()->mutable_forum()->set_display_name("\xff");
  EXPECT_TRUE(HasReason(Propose("alice", "request-utf8", named).status(), Reason::kTextNotUtf8));
  named.mutable_put_forum()->mutable_forum()->set_display_name(std::string(kDisplayNameCharsMax, 'n'));
  const auto number = Propose("alice", "request-good", named);
  ASSERT_EQ(number.status(), absl::OkStatus());
  const uint64_t epoch = context_.current.agreement;
  ASSERT_EQ(Approve("bob", "request-good", *number).status(), absl::OkStatus());
  EXPECT_EQ(context_.current.agreement, epoch + 1);
  EXPECT_EQ(context_.entries.back().event.change(), "put_forum");
  EXPECT_EQ(context_.rows.at({std::string(kFamilyPolicy), ForumKey("marac")}), named.put_forum().forum().SerializeAsString());

  admin::v1::Forum forum = named.put_forum().forum();
  for (int i = forum.members_size(); i < kForumMembersMax; ++i) forum.add_members(fmt::format("agency-{}", i));
  EXPECT_EQ(ValidateForum(forum), absl::OkStatus());
  forum.add_members("one-more");
  EXPECT_TRUE(HasReason(ValidateForum(forum), Reason::kFieldInvalid));

  for (size_t i = 0; i < kForumsMax; ++i) sources_.forums[fmt::format("forum-{}", i)];
  EXPECT_EQ(field_of(PutForum("another", {"police"}, "police")), "forum.id");
  EXPECT_TRUE(Propose("alice", "request-again", PutForum("forum-0", {"police"}, "police")).ok()) << "in place of itself";
}

TEST_F(DirectoryTest, ALogOpensWithForumsAndPolicyTexts) {
  OpenLog({PutAgency(Agency("police")), PutForum("marac", {"police"}, "police"), PutAgreement(AgreementText("v1")),
           PutSchedule(ScheduleText("v1", "2026-01-01")), PutRegister(RegisterText("v1", "2026-01-01"))});
  ASSERT_EQ(context_.entries.size(), 6u);
  for (const std::string& key : {ForumKey("marac"), AgreementKey("v1"), EmergencyKey("v1"), LawKey("v1")}) {
    EXPECT_TRUE(context_.rows.contains({std::string(kFamilyPolicy), key})) << key;
  }
  MemoryContext other;
  OpenLogCommand dangling(rules_, "o", "v", {"alice", "bob"}, {PutAgency(Agency("police")), PutForum("marac", {"idva"}, "idva")}, [](const auto&) {});
  const absl::Status refused = dangling.Apply(other);
  EXPECT_EQ(DetailOf(refused).metadata["field"], "forum.members");
  const auto marac = PutForum("marac", {"police"}, "police");
  OpenLogCommand twice(rules_, "o", "v", {"alice", "bob"}, {PutAgency(Agency("police")), marac, marac}, [](const auto&) {});
  EXPECT_EQ(DetailOf(twice.Apply(other)).metadata["field"], "forum.id");
  OpenLogCommand bad(rules_, "o", "v", {"alice", "bob"}, {PutSchedule("bad")}, [](const auto&) {});
  EXPECT_TRUE(HasReason(bad.Apply(other), Reason::kScheduleMalformed));
}

TEST_F(DirectoryTest, SpecialismsAreCodes) {
  auto agency = Agency("health", type::v1::AGENCY_KIND_HEALTH);
  agency.set_works_with_perpetrators(true);
  for (int i = 0; i < kSpecialismsMax - 1; ++i) agency.add_specialisms(fmt::format("emergency_department-{}", i));
  agency.add_specialisms(std::string(kSpecialismCharsMax, 'a'));
  EXPECT_EQ(ValidateAgency(agency, kTrustDomain), absl::OkStatus());
  agency.add_specialisms("one_more");
  EXPECT_EQ(DetailOf(ValidateAgency(agency, kTrustDomain)).metadata["field"], "agency.specialisms");
  for (const std::string& wrong : {std::string(), std::string("Maternity"), std::string("a team"), std::string(kSpecialismCharsMax + 1, 'a')}) {
    agency.clear_specialisms();
    agency.add_specialisms(wrong);
    EXPECT_EQ(DetailOf(ValidateAgency(agency, kTrustDomain)).metadata["field"], "agency.specialisms") << wrong;
  }
}

TEST_F(DirectoryTest, DeniedKeysAreNobodysAndTheirHoldersAreRefused) {
  auto police = Agency("police");
  OpenLog({PutAgency(police)});
  const auto signing = *crypto::Certificate::FromDer(police.signing_certificates(0));
  const auto sealing = *crypto::Certificate::FromDer(police.sealing_certificate());
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  EXPECT_NE(holder_.Get()->FindSigningKey("police", signing.public_key_id(), now), nullptr);
  EXPECT_EQ(holder_.Get()->FindSigningKey("police", signing.public_key_id(), absl::FromUnixSeconds(0)), nullptr);
  EXPECT_EQ(holder_.Get()->FindSealingKeyOwner(sealing.subject_key_id())->agency, "police");

  for (const std::string& digest : {signing.public_key_id(), sealing.fingerprint()}) {
    admin::v1::Change change;
    change.mutable_deny_key()->set_digest(digest);
    const auto number = Propose("alice", "deny-" + ToHex(digest), change);
    ASSERT_TRUE(Approve("bob", "deny-" + ToHex(digest), *number).ok());
  }
  EXPECT_EQ(holder_.Get()->FindSigningKey("police", signing.public_key_id(), now), nullptr);
  EXPECT_EQ(holder_.Get()->FindSealingKeyOwner(sealing.subject_key_id()), nullptr);
  EXPECT_FALSE(holder_.Get()->FindAgency("police")->sealing.has_value());
}

TEST_F(DirectoryTest, PrincipalsMustBeEnrolledActiveFreshAndUndenied) {
  auto police = Agency("police");
  police.set_valid_from_ms(1'000'000);
  OpenLog({PutAgency(police)});
  Principal principal{.kind = options::v1::CALLER_AGENCY, .id = "police", .certificate = std::string(32, 'a'),
                      .public_key_id = std::string(32, 'b'), .not_before = absl::FromUnixMillis(1'000'000)};
  EXPECT_EQ(CheckPrincipal(*holder_.Get(), principal), absl::OkStatus());
  principal.not_before = absl::FromUnixMillis(999'999);
  EXPECT_TRUE(HasReason(CheckPrincipal(*holder_.Get(), principal), Reason::kCertificateDenied));
  principal.not_before = absl::FromUnixMillis(1'000'000);
  principal.id = "nobody";
  EXPECT_TRUE(HasReason(CheckPrincipal(*holder_.Get(), principal), Reason::kPrincipalUnknown));
  EXPECT_FALSE(IsEnrolled(*holder_.Get(), principal));
  principal.kind = options::v1::CALLER_INSPECTOR;
  principal.id = "alice";  // An administrator is no inspector.
  EXPECT_TRUE(HasReason(CheckPrincipal(*holder_.Get(), principal), Reason::kPrincipalUnknown));
  principal.kind = options::v1::CALLER_ADMIN;
  EXPECT_EQ(CheckPrincipal(*holder_.Get(), principal), absl::OkStatus());

  admin::v1::Change change;
  change.mutable_deny_key()->set_digest(principal.public_key_id);
  ASSERT_TRUE(Approve("bob", "request-2", *Propose("alice", "request-1", change)).ok());
  EXPECT_TRUE(HasReason(CheckPrincipal(*holder_.Get(), principal), Reason::kCertificateDenied));
}

TEST(AccessTest, MethodsSayWhoMayCallThem) {
  const std::string propose = "/accord.admin.v1.AdminService/ProposeChange";
  const Roles administrator = {options::v1::OFFICER_ROLE_ADMINISTRATOR}, auditor = {options::v1::OFFICER_ROLE_AUDITOR};
  EXPECT_EQ(CheckMethod(propose, options::v1::CALLER_ADMIN, administrator), absl::OkStatus());
  EXPECT_TRUE(HasReason(CheckMethod(propose, options::v1::CALLER_ADMIN, auditor), Reason::kRoleNotAllowed));
  EXPECT_TRUE(HasReason(CheckMethod(propose, options::v1::CALLER_ADMIN, {}), Reason::kRoleNotAllowed));
  EXPECT_TRUE(HasReason(CheckMethod(propose, options::v1::CALLER_AGENCY, {}), Reason::kRoleNotAllowed));
  EXPECT_TRUE(HasReason(CheckMethod(propose, options::v1::CALLER_UNSPECIFIED, administrator), Reason::kRoleNotAllowed));
  EXPECT_TRUE(HasReason(CheckMethod("/no.Such/Method", options::v1::CALLER_ADMIN, administrator), Reason::kRoleNotAllowed));
}

}  // namespace
}  // namespace accord::broker::directory_test
