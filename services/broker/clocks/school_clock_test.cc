// The pick-up clock of a child notice, before the next school day: of whom it runs, what a change of the grade and a redirection make of it.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/memory_context.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/due.h"

namespace accord::broker::school_clock_test {
namespace {

using namespace type::v1;  // NOLINT

absl::Time At(int month, int day, int hour, int minute = 0) {
  return absl::FromCivil(absl::CivilSecond(2026, month, day, hour, minute, 0), absl::UTCTimeZone());
}
const absl::Time kFridayNight = At(11, 27, 23, 10), kMonday = At(11, 30, 8, 45), kTuesday = At(12, 1, 8, 45);

class SchoolClockTest : public ::testing::Test {
 protected:
  SchoolClockTest() {
    context_.time = kFridayNight;
    Enrol("police", AGENCY_KIND_POLICE, "E23000013");
    Enrol("childrens", AGENCY_KIND_CHILDRENS_SERVICES, "E06000047");
    Enrol("schools", AGENCY_KIND_EDUCATION, "E06000052");
    Enrol("idva", AGENCY_KIND_IDVA, "E06000047");
    directory_ = *DirectorySnapshot::Load(context_, 1);
    auto rules = referral::DefaultClockRules();
    rules.version = "schools-1";
    // Where the schools are, Monday is an INSET day.
    rules.school_terms = {{.areas = {"E06000052"},
                           .first = absl::CivilDay(2026, 9, 1),
                           .last = absl::CivilDay(2026, 12, 18),
                           .closed = {absl::CivilDay(2026, 11, 30)}}};
    referral::PolicySources sources;
    sources.clocks = referral::BuiltInClockRules();
    sources.clocks.push_back(std::move(rules));
    policy_.compiled = referral::CompiledPolicy(std::move(sources));
    core_.set_sender("police");
    core_.set_type(REFERRAL_TYPE_NOTIFICATION);
    core_.set_purpose(PURPOSE_SAFEGUARDING_CHILD);
    core_.set_urgency(URGENCY_ROUTINE);
    core_.mutable_risk()->set_grade(RISK_GRADE_MEDIUM);
  }
  void Enrol(const std::string& id, AgencyKind kind, const std::string& area) {
    admin::v1::Agency agency;
    agency.set_id(id);
    agency.set_kind(kind);
    agency.set_active(true);
    agency.add_areas(area);
    context_.Put(kFamilyAgency, id, agency.SerializeAsString());
  }
  referral::Clocked What(RiskGrade grade) {
    core_.mutable_risk()->set_grade(grade);
    const auto what = ClockedOf(SealedReaderOf(context_), core_, stored_at_);
    EXPECT_EQ(what.status(), absl::OkStatus());
    return what.value_or(referral::Clocked());
  }
  storage::v1::StoredRecipient Start(const std::string& agency, RiskGrade grade = RISK_GRADE_MEDIUM) {
    storage::v1::StoredRecipient recipient;
    recipient.set_agency(agency);
    recipient.set_desk(DESK_MAIN);
    recipient.set_state(REFERRAL_STATE_STORED);
    EXPECT_EQ(StartClocks(context_, policy_.compiled.Clocks(context_.now()), *directory_, What(grade), digest_, recipient), absl::OkStatus());
    return recipient;
  }
  void Regrade(storage::v1::StoredRecipient& recipient, RiskGrade grade) {
    EXPECT_EQ(RestartClocks(context_, policy_, *directory_, What(grade), digest_, recipient), absl::OkStatus());
  }
  static absl::Time Due(const storage::v1::StoredRecipient& recipient) { return absl::FromUnixMillis(recipient.pick_up_due_ms()); }
  // When something falls due next, of whatever recipient.
  std::vector<absl::Time> Rows() {
    std::vector<absl::Time> rows;
    EXPECT_EQ(context_.Scan(kFamilyDue, {}, [&](std::string_view key, std::string_view) {
      rows.push_back(absl::FromUnixMillis(static_cast<int64_t>(*U64FromKey(key.substr(0, 8)))));
      return true;
    }, nullptr), absl::OkStatus());
    return rows;
  }

  MemoryContext context_;
  std::shared_ptr<const DirectorySnapshot> directory_;
  Policy policy_;
  HeaderCore core_;
  absl::Time stored_at_ = kFridayNight;
  const std::string digest_ = std::string(32, 'd');
};

TEST_F(SchoolClockTest, ItRunsToTheBeginningOfSchoolWhereTheRecipientIs) {
  const auto schools = Start("schools");
  EXPECT_EQ(Due(schools), kTuesday);
  EXPECT_EQ(schools.clock_version(), "schools-1");
  EXPECT_EQ(schools.response_due_ms(), 0) << "nobody has to answer it";
  EXPECT_EQ(Due(Start("childrens")), kMonday) << "no term is known there";
  EXPECT_EQ(Rows(), (std::vector{kMonday, kTuesday}));
  EXPECT_EQ(Start("idva").pick_up_due_ms(), 0);
  EXPECT_EQ(Start("nobody").pick_up_due_ms(), 0);
  core_.set_sender("idva");
  EXPECT_EQ(Start("schools").pick_up_due_ms(), 0) << "not of the police";
}

TEST_F(SchoolClockTest, AChangeOfTheGradeMovesItAndNeverBeyondSchool) {
  auto schools = Start("schools");
  context_.time += absl::Hours(1);
  Regrade(schools, RISK_GRADE_HIGH);
  EXPECT_EQ(Due(schools), kFridayNight + absl::Hours(24));
  Regrade(schools, RISK_GRADE_STANDARD);
  EXPECT_EQ(Due(schools), kTuesday) << "not ended, as that of another notice is";
  EXPECT_EQ(Rows(), std::vector{kTuesday});
  context_.time = kTuesday;
  Regrade(schools, RISK_GRADE_HIGH);
  EXPECT_EQ(Due(schools), kTuesday) << "what was missed stays missed";
}

TEST_F(SchoolClockTest, ItRunsByTheRulesThatItWasStartedBy) {
  auto schools = Start("schools");
  auto sources = policy_.compiled.sources();
  sources.clocks.push_back(sources.clocks.back());
  sources.clocks.back().version = "schools-2";
  sources.clocks.back().school_terms[0].closed = {absl::CivilDay(2026, 11, 30), absl::CivilDay(2026, 12, 1)};
  policy_.compiled = referral::CompiledPolicy(std::move(sources));
  Regrade(schools, RISK_GRADE_STANDARD);
  EXPECT_EQ(Due(schools), kTuesday);
  EXPECT_EQ(schools.clock_version(), "schools-1");
  EXPECT_EQ(Due(Start("schools")), kTuesday + absl::Hours(24));
}

TEST_F(SchoolClockTest, WhoeverItIsRedirectedToHasUntilSchoolBeginsAfterThat) {
  stored_at_ = context_.time = kTuesday;  // As redirect.cc and reseal.cc start them.
  EXPECT_EQ(Due(Start("schools")), kTuesday + absl::Hours(24));
  stored_at_ = context_.time = kTuesday - absl::Milliseconds(1);
  EXPECT_EQ(Due(Start("schools")), kTuesday);
}

TEST_F(SchoolClockTest, HighIsOfHoursAndOnlyEverEarlier) {
  EXPECT_EQ(Due(Start("schools", RISK_GRADE_HIGH)), kFridayNight + absl::Hours(24));
  stored_at_ = context_.time = kTuesday - absl::Minutes(20);
  EXPECT_EQ(Due(Start("schools", RISK_GRADE_HIGH)), kTuesday);
  core_.set_urgency(URGENCY_IMMEDIATE);
  EXPECT_EQ(Due(Start("schools", RISK_GRADE_HIGH)), kTuesday) << "not 30 minutes";
}

}  // namespace
}  // namespace accord::broker::school_clock_test
