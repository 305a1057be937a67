// What the rules find about the cases of a referral as it is stored (docs/cases.md).
//
// What is found goes on the record and is told to nobody here: it is content of category `case_history`, and whoever asks, or is delivered
// the referral, learns as much of it as a decision lets it (history.h).
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "common/referral/case_rules.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

inline constexpr size_t kBesideCasesMax = 16;   // Of other victims, and with reversed roles: looked at of each.
inline constexpr size_t kBesideReportsMax = 8;  // The newest of each of these.

// Cases of the people of a referral that are not its own.
struct BesideCases {
  std::vector<std::string> other_victims;  // Of the same alleged perpetrator, by strong tokens, and of nobody who is a victim here.
  std::vector<std::string> reversed;       // A victim here is the alleged perpetrator there, and the other way round.
};
// `own`: the referral's cases, with those that they are confirmed to be one with. Errors of `read`. Thread-safe if that is.
absl::StatusOr<BesideCases> CasesBeside(PlainReader read, const CaseLinker& linker, std::span<const type::v1::SubjectPart> subjects,
                                        const std::set<std::string>& own);

// What is written down of a referral that is being stored, whose cases are linked and numbered.
struct CaseToRecord {
  const std::string& header_digest;
  const type::v1::HeaderCore& core;
  type::v1::ReferralType type = type::v1::REFERRAL_TYPE_UNSPECIFIED;  // Of a correction, that of what it corrects.
  std::span<const type::v1::SubjectPart> subjects;
  const storage::v1::StoredReferral& stored;
};
// Puts its row, and an entry CASE_FLAGGED on its chains, with no flag when the rules find nothing. Does nothing without a case. Errors of `context`;
//   RISK_LOWERED  its grade is below the sender's own last of a pair, and may not be (referral::CheckLowered)
absl::Status RecordCase(CommitContext& context, const CaseLinker& linker, const referral::CaseRules& rules, const CaseToRecord& what);

}  // namespace accord::broker
