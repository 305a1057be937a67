// Consent and lawful basis as options of the command line: of `referral consent`, `referral not-shared`, `referral sent-outside` and `gap review`.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "services/accordctl/command_line.h"

namespace accord::accordctl {

// As typed. Every value was checked against its list when the command line was understood. Thread-compatible.
struct BasisOptions {
  std::string awareness, consent, how, by, article6, article9, criminal_offence, schedule8, gateway, approver, decision_maker, not_told;
  std::vector<std::string> not_to, only_to, not_to_agencies, only_to_agencies, not_categories, only_categories, only_for, advice;

  // True when any was given.
  bool Any() const;
  // A usage error when --awareness or --consent is missing.
  absl::StatusOr<agency::v1::SharingBasis> Basis() const;
};

// Adds the options to `verb`; they are filled when the command line is understood.
std::shared_ptr<BasisOptions> AddBasisOptions(Command& verb);

}  // namespace accord::accordctl
