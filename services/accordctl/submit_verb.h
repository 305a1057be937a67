// `referral submit` and `referral preview`: sends samples to their agencies' services and shows what came of each.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

inline constexpr int kWaitSecondsMax = 30;  // Of PushOptions.wait_ms.

struct SubmitArguments {
  std::vector<std::string> paths;
  int wait_s = 10;
  bool preview = false;
  bool strict = false;  // What is not settled when the wait is over counts as failed.
};

// Reads every file before it sends the first. The exit status: kFailed when one of them failed.
absl::StatusOr<int> Submit(Session& session, const SubmitArguments& arguments);

// A submission as far as it got, for people; `waiting_for` may be empty.
std::string SubmissionText(const agency::v1::Submission& submission);

}  // namespace accord::accordctl
