// Who receives which sections, why not the others, and what would change that. Pure. Thread-safe.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <string>
#include <vector>

#include "accord/type/v1/referral.pb.h"

namespace accord::accordctl {

using Decisions = google::protobuf::RepeatedPtrField<type::v1::SectionDecision>;

// What was decided for one recipient.
struct RecipientShare {
  std::string recipient;
  std::vector<std::string> gets, does_not_get;  // Sections by category in words, in the order decided.
};

// One for each recipient, in the order in which they first appear. Two sections of one category are told apart by a
// number.
std::vector<RecipientShare> SharesOf(const Decisions& decisions);

// A matrix of sections by recipients, each verdict that has a reason with its number; below it the reasons in that order, each
// once, with whom and what it is about and what would change it: alternatives, each of all its changes. What is shared under the emergency schedule alone has its
// reason too. `colour`: verdicts are green, yellow and red besides; the words say the same.
std::string DecisionText(const Decisions& decisions, size_t width, bool colour);

}  // namespace accord::accordctl
