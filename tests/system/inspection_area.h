// A year's work of an area in one morning, for an inspection to find: two thousand cases and a few beside them, with what a test knows of each.
//
// Two dozen go through the police's own service, so that names are there to be resolved; the others are signed and sealed as an agency does,
// and stream into the broker. What they are is a table of numbers (inspection_area.cc): the same in every run.
#pragma once

#include <absl/status/status.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/system/world.h"

namespace accord::tests {

inline constexpr size_t kAreaCases = 2000;       // Of the area; each a victim and an alleged perpetrator.
inline constexpr size_t kServiceCases = 24;      // Of these, through the police's own service.
inline constexpr size_t kUnansweredCases = 10;   // Of these, asked of a housing service whose computers are off.
inline constexpr size_t kOtherAreaCases = 20;    // Of the area beside it, on top.
inline constexpr const char* kArea = "E08000012";
inline constexpr const char* kOtherArea = "E08000013";

// One referral, and what was said in it.
struct AreaReferral {
  enum class Door { kService, kStream };
  Door door = Door::kStream;
  std::string request_id, sender;
  std::vector<std::string> recipients;
  type::v1::RiskGrade grade = type::v1::RISK_GRADE_STANDARD;
  int days_ago = 0;      // When it happened, before it was pushed.
  bool child = false, voice = false;
  bool refused = false;  // The victim refused consent; shared with a power, a rationale and an approver.
  uint32_t victim = 0, perpetrator = 0;  // Numbers of people (AreaPerson).
  std::string name;      // `referrals/…`, once it is stored.

  bool Asks(const std::string& agency) const;
  bool recorded_later() const { return days_ago > 30; }
  std::string grade_word() const { return type::v1::RiskGrade_Name(grade).substr(std::string_view("RISK_GRADE_").size()); }
  std::pair<uint32_t, uint32_t> pair() const { return {victim, perpetrator}; }
};

// Some of them, counted.
struct AreaCount {
  int reports = 0, recorded_later = 0, voice = 0, child = 0, child_voice = 0, refused = 0;

  void Add(const AreaReferral& one) {
    ++reports;
    recorded_later += one.recorded_later();
    voice += one.voice;
    child += one.child;
    child_voice += one.child && one.voice;
    refused += one.refused;
  }
};

// The person of that number: names and a birthday of their own, and a record number at whoever writes of them.
type::v1::Person AreaPerson(uint32_t number);
// What the police write of what happened.
std::string AreaSummary(const AreaReferral& referral);

// The agencies beside the five, none of which runs: a school's desk, and the police and the Idva service of the other area.
std::vector<AgencyRow> FurtherAgencies();
// Everybody may send everything.
std::string AreaAgreement();

// Single-thread.
class InspectionArea {
 public:
  // `world` must outlive this, runs a broker, police, children's services and an Idva service, and has FurtherAgencies().
  explicit InspectionArea(World& world);

  // Where each agency is, and clocks by which a housing service answers a routine referral within a minute.
  absl::Status Prepare();
  // Pushes what housing will not answer: it is overdue a minute later.
  absl::Status PushUnanswered();
  // Pushes the others, and waits until the broker has all of them.
  absl::Status PushOthers();
  // Waits until the services that run have collected what is for them.
  absl::Status AwaitCollected();

  // All of them; those of the other area last.
  const std::vector<AreaReferral>& referrals() const { return referrals_; }
  // Those of the area.
  std::vector<const AreaReferral*> OfArea() const;
  std::vector<const AreaReferral*> Through(AreaReferral::Door door) const;
  // Null when no referral has that name.
  const AreaReferral* Find(const std::string& name) const;

 private:
  absl::Status PushThroughService(std::vector<AreaReferral*> referrals);
  absl::Status Stream(const std::string& sender, std::vector<AreaReferral*> referrals);

  World& world_;
  std::vector<AreaReferral> referrals_;
};

}  // namespace accord::tests
