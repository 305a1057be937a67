// Agreements, emergency schedules and legal registers as people write them (docs/agreements.md), and as decisions use them.
//
// All functions are pure and thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "accord/type/v1/vocabulary.pb.h"
#include "common/referral/agreement.h"

namespace accord::policy {

inline constexpr size_t kPolicyTextBytesMax = 256u << 10;  // Of one document.
inline constexpr uint32_t kScoreMax = 1000;                // Of any instrument.

// The kind that a word of docs/agreements.md stands for; nothing for any other word, and for `unspecified`.
std::optional<type::v1::AgencyKind> ParseAgencyKind(std::string_view word);

// AGREEMENT_MALFORMED, saying all that is wrong, each with line and key. `name` is what the errors call the text, such as its
// file; so of the others below.
absl::StatusOr<referral::Agreement> ParseAgreement(std::string_view text, const std::string& name = "agreement");

// SCHEDULE_MALFORMED, likewise.
absl::StatusOr<referral::EmergencySchedule> ParseSchedule(std::string_view text, const std::string& name = "schedule");

// LEGAL_REGISTER_MALFORMED, likewise.
absl::StatusOr<referral::LegalRegister> ParseRegister(std::string_view text, const std::string& name = "register");

// A text that reads back as `schedule`, and as `law`; one in force since ever begins with 1970. For those that the program is
// built with, which nobody wrote.
std::string ScheduleText(const referral::EmergencySchedule& schedule);
std::string RegisterText(const referral::LegalRegister& law);

}  // namespace accord::policy
