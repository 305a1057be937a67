// How a person names a referral: `referrals/{hex}`, its digest in hex or the beginning of it, or the sender's request id; and how somebody
// whom a referral is about, by token.
#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>

#include "accord/agency/v1/agency_service.pb.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

inline constexpr size_t kPrefixDigitsMin = 8;
inline constexpr size_t kDigitsShown = 16;     // Of a digest, in a list.
inline constexpr size_t kRowsScannedMax = 20'000;  // Of an outbox or inbox, to find a referral.

// The digits that `id` gives, in lower case: 8 to 64 of them, with or without `referrals/`. Pure. Thread-safe.
std::optional<std::string> ReferralDigits(std::string_view id);

// `referrals/0123456789abcdef` of a full name; what it is given, when that is no full name. Pure. Thread-safe.
std::string ShortName(const std::string& name);

// The submission that `id` names: by its request id, else by its digits. REFERRAL_NOT_FOUND; a usage error when the
// digits fit several.
absl::StatusOr<agency::v1::Submission> FindSubmission(const Endpoint& service, const std::string& id);

// The full name of the received referral that `id` names. As FindSubmission.
absl::StatusOr<std::string> FindInInbox(const Endpoint& service, const std::string& id);

// The header digest that `id` names: its 64 digits, else what the chosen agency's outbox or inbox knows by it. Errors of both; a usage error
// of what is not all its digits when no agency is chosen, for the broker knows no referral by less.
absl::StatusOr<std::string> FindHeaderDigest(Session& session, const std::string& id);

// DOMAIN:KEY:RECIPE:TOKEN, the token in hex. A usage error. Pure. Thread-safe.
absl::StatusOr<type::v1::SubjectToken> SubjectOf(const std::string& text);

}  // namespace accord::accordctl
