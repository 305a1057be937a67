// `referral submit` and `referral preview`: sends samples to their agencies' services and shows what came of each.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

inline constexpr int kWaitSecondsMax = 30;  // Of PushOptions.wait_ms.
inline constexpr absl::Duration kAnswerMargin = absl::Seconds(15);  // What a push may take beside the wait that it asks for.

struct SubmitArguments {
  std::vector<std::string> paths;
  int wait_s = 10;
  bool preview = false;
  bool strict = false;  // What is not settled when the wait is over counts as failed.
  // Of a correction, which is one file: the submission that it corrects, as a person names it; empty otherwise.
  std::string corrects;
  bool safe_contact_change = false;
  // The received referral that it follows, as a person names it; empty: it follows none.
  std::string caused_by;
  // Of one file: files that go with it, which are uploaded first.
  std::vector<std::string> attach;
  // Of one file: the agency that its material came from, and what that answered, in words; empty: it is our own.
  std::string originator, originator_agreement;
};

// Reads every file before it sends the first. The exit status: kFailed when one of them failed.
absl::StatusOr<int> Submit(Session& session, const SubmitArguments& arguments);

// What a push led to, without decisions: where it stands and what is advised.
std::string PushResultText(const agency::v1::PushResult& result);

// A submission as far as it got, for people; `waiting_for` may be empty.
std::string SubmissionText(const agency::v1::Submission& submission);

}  // namespace accord::accordctl
