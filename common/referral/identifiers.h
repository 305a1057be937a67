// Check characters of people's identifiers (domain.md §5). A bad one quarantines the identifier, never the referral.
// Pure. Thread-safe.
#pragma once

#include <string_view>

namespace accord::referral {

// Ten digits, spaces allowed, with the right modulo-11 check digit; not ten times the same, which passes the check but is
// a placeholder, and would link strangers.
bool IsNhsNumber(std::string_view value);
// A unique pupil number, permanent or temporary, with the right check letter.
bool IsUpn(std::string_view value);

}  // namespace accord::referral
