// Goal: a warrant opens what each of its dimensions covers and nothing one step beyond any of them.
#include "services/broker/warrants/scope.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "accord/storage/v1/inspection.pb.h"
#include "common/base/status.h"
#include "services/broker/warrants/testing_warrant.h"
#include "services/broker/warrants/warrant_states.h"

namespace accord::broker::scope_test {
namespace {

using inspection::v1::Warrant;
using storage::v1::StoredWarrant;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
const std::string kCase(16, 'c'), kOtherCase(16, 'd');

// In the middle of everything that TestingWarrant covers.
ScopeFacts Covered() {
  return {.time_ms = absl::ToUnixMillis(kNow - absl::Hours(1)),
          .event = type::v1::EVENT_TYPE_RELEASED,
          .agencies = {"police", "idva"},
          .areas = {"E08000012", "E08000013"},
          .cases = {kCase, std::string(16, 'r')}};
}

TEST(ScopeTest, EveryDimensionEndsWhereItSays) {
  const Warrant warrant = TestingWarrant(kNow);
  const Scope scope = Scope::Of(warrant, {});
  const std::vector<std::pair<std::function<void(ScopeFacts&)>, std::string>> table = {
      {[](ScopeFacts&) {}, ""},
      {[&](ScopeFacts& f) { f.time_ms = warrant.scope().from_ms(); }, ""},
      {[&](ScopeFacts& f) { f.time_ms = warrant.scope().from_ms() - 1; }, "period"},
      {[&](ScopeFacts& f) { f.time_ms = warrant.scope().until_ms() - 1; }, ""},
      {[&](ScopeFacts& f) { f.time_ms = warrant.scope().until_ms(); }, "period"},
      {[](ScopeFacts& f) { f.event = type::v1::EVENT_TYPE_DELIVERED; }, "event"},
      {[](ScopeFacts& f) { f.event = type::v1::EVENT_TYPE_UNSPECIFIED; }, "event"},
      {[](ScopeFacts& f) { f.agencies = {"police"}; }, ""},
      {[](ScopeFacts& f) { f.agencies = {"idva"}; }, "agency"},
      {[](ScopeFacts& f) { f.agencies.clear(); }, "agency"},
      {[](ScopeFacts& f) { f.areas = {"E08000012"}; }, ""},
      {[](ScopeFacts& f) { f.areas = {"E08000013"}; }, "area"},
      {[](ScopeFacts& f) { f.areas.clear(); }, "area"},
      {[](ScopeFacts& f) { f.cases = {kCase}; }, ""},
      {[](ScopeFacts& f) { f.cases = {kOtherCase}; }, "case"},
      {[](ScopeFacts& f) { f.cases.clear(); }, "case"},
  };
  for (size_t i = 0; i < table.size(); ++i) {
    ScopeFacts facts = Covered();
    table[i].first(facts);
    EXPECT_EQ(scope.Uncovered(facts), table[i].second) << i;
    EXPECT_EQ(scope.Covers(facts), table[i].second.empty()) << i;
    const bool of_subject = table[i].second != "period" && table[i].second != "event";
    EXPECT_EQ(scope.UncoveredSubject(facts), of_subject ? table[i].second : "") << i;
    EXPECT_EQ(scope.UncoveredCase(facts), table[i].second == "case" ? "case" : "") << i;
    EXPECT_TRUE(Scope::All().Covers(facts)) << i;
    EXPECT_FALSE(Scope().Covers(facts)) << "what nobody opened covers nothing: " << i;
  }
}

TEST(ScopeTest, AnEmptyListCoversAllAndTheOthersStillCount) {
  const ScopeFacts bare{.time_ms = Covered().time_ms, .event = type::v1::EVENT_TYPE_LOG_OPENED, .agencies = {}, .areas = {}, .cases = {}};
  Warrant warrant = TestingWarrant(kNow);
  auto& scope = *warrant.mutable_scope();
  const std::vector<std::pair<std::function<void()>, std::string>> table = {{[&] { scope.clear_events(); }, "agency"},
                                                                            {[&] { scope.clear_agencies(); }, "area"},
                                                                            {[&] { scope.clear_areas(); }, "case"},
                                                                            {[&] { scope.clear_cases(); }, ""}};
  for (const auto& [clear, expected] : table) {
    clear();
    EXPECT_EQ(Scope::Of(warrant, {}).Uncovered(bare), expected);
  }
}

TEST(ScopeTest, LimitedToSamplesItCoversWhatWasDrawnAndNothingBefore) {
  Warrant warrant = TestingWarrant(kNow);
  warrant.mutable_scope()->clear_cases();
  EXPECT_TRUE(Scope::Of(warrant, {}).Covers(Covered()));
  warrant.mutable_scope()->set_sample_cases_max(10);
  EXPECT_EQ(Scope::Of(warrant, {}).Uncovered(Covered()), "case");
  EXPECT_EQ(Scope::Of(warrant, {kOtherCase}).Uncovered(Covered()), "case");
  EXPECT_EQ(Scope::Of(warrant, {kOtherCase, kCase}).Uncovered(Covered()), "");
}

TEST(ScopeTest, WhatAKindMayBeShown) {
  struct Row {
    inspection::v1::WarrantKind kind;
    bool identities, rows, small_counts;
  };
  for (const Row& row : {Row{inspection::v1::WARRANT_KIND_STATUTORY, true, true, true}, Row{inspection::v1::WARRANT_KIND_DEATH_REVIEW, true, true, false},
                         Row{inspection::v1::WARRANT_KIND_SCRUTINY_PANEL, false, true, false},
                         Row{inspection::v1::WARRANT_KIND_COMMISSIONER, false, false, false}}) {
    Warrant warrant = TestingWarrant(kNow);
    warrant.set_kind(row.kind);
    const Scope scope = Scope::Of(warrant, {});
    EXPECT_EQ(scope.identities(), row.identities) << row.kind;
    EXPECT_EQ(scope.rows(), row.rows) << row.kind;
    EXPECT_EQ(scope.small_counts(), row.small_counts) << row.kind;
  }
}

class OpenScopeTest : public ::testing::Test {
 protected:
  OpenScopeTest() {
    stored_.mutable_warrant()->CopyFrom(TestingWarrant(kNow));
    stored_.mutable_warrant()->set_state(inspection::v1::WARRANT_STATE_ACTIVE);
    stored_.mutable_warrant()->add_officers("ines");
    stored_.set_proposed_at_ms(absl::ToUnixMillis(kNow));
    stored_.add_sampled(kOtherCase);
    PutTestingOfficer(context_, "ines", "ofsted");
    PutTestingOfficer(context_, "omar", "ofsted");
    PutTestingOfficer(context_, "carl", "cqc");
  }
  std::string Open(const Caller& caller, const std::string& warrant, absl::Time at) {
    context_.Put(kFamilyWarrant, "jtai-1", stored_.SerializeAsString());
    const auto scope = OpenScope(PlainReaderOf(context_), caller, warrant, at);
    if (scope.ok()) return scope->warrant_id().empty() ? "all" : scope->warrant_id();
    const ErrorDetail detail = DetailOf(scope.status());
    std::string told(RowOf(detail.reason).name);
    for (const char* key : {"state", "reason", "at"}) {
      if (detail.metadata.contains(key)) told += " " + detail.metadata.at(key);
    }
    return told;
  }

  const absl::Time inside_ = kNow + absl::Hours(48);
  StoredWarrant stored_;
  MemoryContext context_;
};

TEST_F(OpenScopeTest, OnlyItsOfficersOpenIt) {
  const Caller ines = TestingInspector("ines");
  EXPECT_EQ(Open(ines, "jtai-1", inside_), "jtai-1");
  EXPECT_EQ(Open(ines, "", inside_), "NOT_PERMITTED");
  EXPECT_EQ(Open(ines, "jtai-2", inside_), "WARRANT_NOT_FOUND");
  EXPECT_EQ(Open(TestingInspector("omar"), "jtai-1", inside_), "WARRANT_NOT_FOUND") << "of the body, and not named";
  EXPECT_EQ(Open(TestingInspector("carl"), "jtai-1", inside_), "WARRANT_NOT_FOUND") << "of another body";
  EXPECT_EQ(Open(TestingInspector("nobody"), "jtai-1", inside_), "WARRANT_NOT_FOUND");
  EXPECT_EQ(Open(TestingOfficer(options::v1::CALLER_AGENCY, "police"), "jtai-1", inside_), "NOT_PERMITTED");
  EXPECT_EQ(Open(TestingOfficer(options::v1::CALLER_AGENCY, "police"), "", inside_), "NOT_PERMITTED");
  EXPECT_EQ(Open(TestingAdministrator("alice"), "", inside_), "all");
  EXPECT_EQ(Open(TestingAdministrator("alice"), "jtai-1", inside_), "FIELD_INVALID");
  stored_.mutable_warrant()->clear_officers();
  EXPECT_EQ(Open(TestingInspector("omar"), "jtai-1", inside_), "jtai-1") << "all of the body";
  EXPECT_EQ(Open(TestingInspector("carl"), "jtai-1", inside_), "WARRANT_NOT_FOUND");
  stored_.mutable_warrant()->clear_inspectorate();
  EXPECT_EQ(Open(TestingInspector("nobody"), "jtai-1", inside_), "WARRANT_NOT_FOUND") << "no body is nobody's";
}

TEST_F(OpenScopeTest, ItIsInForceFromItsFirstMillisecondToBeforeItsLast) {
  const Caller ines = TestingInspector("ines");
  const absl::Time starts = absl::FromUnixMillis(stored_.warrant().starts_ms()), ends = absl::FromUnixMillis(stored_.warrant().ends_ms());
  EXPECT_EQ(Open(ines, "jtai-1", starts - absl::Milliseconds(1)), "WARRANT_NOT_ACTIVE WARRANT_STATE_ACTIVE 2027-01-16T08:00:00Z");
  EXPECT_EQ(Open(ines, "jtai-1", starts), "jtai-1");
  EXPECT_EQ(Open(ines, "jtai-1", ends - absl::Milliseconds(1)), "jtai-1");
  EXPECT_EQ(Open(ines, "jtai-1", ends), "WARRANT_NOT_ACTIVE WARRANT_STATE_EXPIRED 2027-02-15T08:00:00Z");
}

TEST_F(OpenScopeTest, InNoOtherStateItOpensAnything) {
  const Caller ines = TestingInspector("ines");
  stored_.mutable_warrant()->set_state(inspection::v1::WARRANT_STATE_PROPOSED);
  EXPECT_EQ(Open(ines, "jtai-1", inside_), "WARRANT_NOT_ACTIVE WARRANT_STATE_PROPOSED 2027-01-15T08:00:00Z");
  EXPECT_EQ(Open(ines, "jtai-1", kNow + kWarrantProposalLife), "WARRANT_NOT_ACTIVE WARRANT_STATE_EXPIRED 2027-02-14T08:00:00Z");
  stored_.mutable_warrant()->set_state(inspection::v1::WARRANT_STATE_SUSPENDED);
  stored_.mutable_warrant()->set_suspension(inspection::v1::WARRANT_SUSPENSION_COURT_ORDER);
  stored_.mutable_warrant()->set_suspended_at_ms(absl::ToUnixMillis(kNow));
  EXPECT_EQ(Open(ines, "jtai-1", inside_), "WARRANT_NOT_ACTIVE WARRANT_STATE_SUSPENDED WARRANT_SUSPENSION_COURT_ORDER 2027-01-15T08:00:00Z");
  stored_.mutable_warrant()->set_state(inspection::v1::WARRANT_STATE_ENDED);
  stored_.set_ended_at_ms(absl::ToUnixMillis(kNow));
  EXPECT_EQ(Open(ines, "jtai-1", inside_), "WARRANT_NOT_ACTIVE WARRANT_STATE_ENDED 2027-01-15T08:00:00Z");
}

}  // namespace
}  // namespace accord::broker::scope_test
