// Who takes part in a joint inspection, and what they do before the inspectors' first question: the area, its agencies, two administrators and
// two officers of an inspectorate, each with accordctl.
#pragma once

#include <absl/time/time.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/system/ctl.h"
#include "tests/system/inspection_area.h"
#include "tests/system/traffic.h"

namespace accord::tests {

inline constexpr absl::Duration kEmbargo = absl::Seconds(40);  // So long that the first look is before its end on any machine.
inline constexpr const char* kWarrant = "jtai-2026";
inline constexpr const char* kPurpose = "JTAI/2026/7";
inline constexpr const char* kInes = "inspector/ines";
inline constexpr const char* kOmar = "inspector/omar";
// Of the police's own, by the Idva service, the first in order: read, of these accepted, and after those declined for want of room.
inline constexpr size_t kRead = 14, kAccepted = 8, kDeclined = 4;
inline constexpr size_t kDecided = 3;  // Of those with a child, by children's services.

// Single-thread.
class InspectionWeek : public ::testing::Test {
 protected:
  using json = nlohmann::json;

  InspectionWeek() : world_({.agreement = AreaAgreement(), .witnesses = true, .further = FurtherAgencies()}), area_(world_) {}

  // What happened in the area: two thousand cases, most of them not looked at by anybody yet.
  void MakeTheRecord();
  // By two administrators, with the certificates that agencies are to seal for.
  void EnrolOfficers();
  // Proposed by one officer and activated by the other.
  void GrantTheWarrant();

  Ran As(const std::string& who, std::vector<std::string> words) {
    words.insert(words.begin(), {"--as", who});
    return RunCtl(world_, words);
  }
  // As the officer of the agency who answers for what it discloses.
  Ran AsAuthorisingOfficer(const std::string& agency, std::vector<std::string> words) {
    words.insert(words.begin(), {"--worker", "dpo-1", "--role", "authorising_officer"});
    return As(agency, words);
  }
  // What it prints for a program; that it fails fails the test.
  json Told(const std::string& who, std::vector<std::string> words) {
    words.insert(words.begin(), "--json");
    const Ran ran = As(who, words);
    EXPECT_EQ(ran.exit_status, 0) << ran.output;
    return JsonOf(ran);
  }
  void Refused(const std::string& who, const std::vector<std::string>& words, const std::string& reason) {
    const Ran ran = As(who, words);
    EXPECT_EQ(ran.exit_status, 1) << ran.output;
    EXPECT_THAT(ran.output, ::testing::HasSubstr(reason));
  }
  // With what every question and trail of the inspectors is asked.
  static std::vector<std::string> UnderWarrant(std::vector<std::string> words) {
    words.insert(words.end(), {"--warrant", kWarrant, "--purpose", kPurpose});
    return words;
  }
  // Of the area and period of the warrant.
  std::vector<std::string> OfThePeriod(std::vector<std::string> words) const {
    words.insert(words.end(), {"--area", kArea, "--from", from_, "--until", until_});
    return UnderWarrant(std::move(words));
  }

  // The whole area's answer to a question, and that about one case.
  json Ask(int number);
  json AskOfCase(int number, const std::string& pseudonym, std::vector<std::string> more = {});
  // The case that the record has a referral in.
  std::string CaseOf(const std::string& referral);
  // What the first group of the pattern finds in the text, added up.
  static uint64_t SumOf(const std::string& text, const std::string& pattern);
  // Its timeline as a document; `more` is options.
  json Timeline(std::vector<std::string> about);
  // How many entries of the Idva service `trail find` finds with `options`. That it says how complete they are, and proves its own question.
  size_t Found(std::vector<std::string> options);
  // What the agency sees of the inspectors.
  json Looks(const std::string& agency) { return Told(agency, {"looks", "--limit", "20000"})["looks"]; }
  // What accord-verify says of a bundle in the folder `elsewhere`, which has the program, the log's key and the area's witness policy: with nothing of this
  // process's environment, and no network where a test may have none.
  Ran Verify(const std::string& bundle);
  const AreaReferral& Own(size_t i) const { return *area_.Through(AreaReferral::Door::kService).at(i); }

  World world_;
  InspectionArea area_;
  std::string from_, until_;        // Of the warrant, and of what is asked.
  absl::Time before_reading_;       // Everything had been collected, and nothing read.
  absl::Time embargo_until_;
  std::map<int, int> asked_;        // Questions, by number.
  int trails_ = 0;                  // Trails of single cases and referrals, timelines among them, and those by filters.
  int filters_ = 0;                 // Of these by filters that name no case: they are about the whole area, whichever agency they name.
  int acts_ = 0;

 private:
  // An act of a worker of the agency at its own service.
  template <typename Request, typename Response>
  void Act(const std::string& agency, Request& request, const std::string& referral,
           grpc::Status (agency::v1::InboxService::Stub::*method)(grpc::ClientContext*, const Request&, Response*));
  void Read(const std::string& agency, const std::string& referral);
  void WorkTheInbox();
  // An answer says what it rests on, and how complete it is.
  void CheckCoverage(const json& answer, int number);
};

}  // namespace accord::tests
