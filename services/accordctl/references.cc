#include "services/accordctl/references.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"

namespace accord::accordctl {
namespace {

using agency::v1::InboxService;
using agency::v1::OutboxService;

constexpr std::string_view kPrefix = "referrals/";
constexpr size_t kDigits = 64;
constexpr int kPageSize = 500;

absl::Status NotFound(const std::string& id) {
  return Error(Reason::kReferralNotFound, fmt::format("nothing here is called {}", id));
}

// Looks through the pages that `next` gives, `name_of` naming each row, for the one whose name begins with `digits`.
template <typename Row, typename Next, typename NameOf>
absl::StatusOr<Row> Scan(const std::string& id, const std::string& digits, Next next, NameOf name_of) {
  std::optional<Row> found;
  std::string token;
  for (size_t scanned = 0; scanned < kRowsScannedMax;) {
    ACCORD_ASSIGN_OR_RETURN(auto page, next(token));
    for (Row& row : page.first) {
      if (!name_of(row).starts_with(std::string(kPrefix) + digits)) continue;
      if (digits.size() == kDigits) return std::move(row);
      if (found.has_value()) return UsageError(fmt::format("several referrals begin with {}: give more of it", id));
      found = std::move(row);
    }
    scanned += static_cast<size_t>(kPageSize);
    token = page.second;
    if (token.empty()) break;
  }
  if (!found.has_value()) return NotFound(id);
  return *std::move(found);
}

}  // namespace

std::optional<std::string> ReferralDigits(std::string_view id) {
  if (id.starts_with(kPrefix)) id.remove_prefix(kPrefix.size());
  if (id.size() < kPrefixDigitsMin || id.size() > kDigits) return std::nullopt;
  std::string digits(id);
  for (char& c : digits) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
  }
  return digits;
}

std::string ShortName(const std::string& name) {
  return name.size() == kPrefix.size() + kDigits ? name.substr(kPrefix.size(), kDigitsShown) : name;
}

absl::StatusOr<agency::v1::Submission> FindSubmission(const Endpoint& service, const std::string& id) {
  if (IsRequestId(id)) {
    agency::v1::GetSubmissionRequest request;
    request.set_request_id(id);
    auto response = Ask(service, &OutboxService::Stub::GetSubmission, request);
    if (response.ok()) return std::move(*response->mutable_submission());
    if (!absl::IsNotFound(response.status())) return response.status();
  }
  const auto digits = ReferralDigits(id);
  if (!digits.has_value()) return NotFound(id);
  ACCORD_ASSIGN_OR_RETURN(const auto found, Scan<agency::v1::Submission>(
      id, *digits,
      [&](const std::string& token) -> absl::StatusOr<std::pair<std::vector<agency::v1::Submission>, std::string>> {
        agency::v1::ListSubmissionsRequest request;
        request.set_page_size(kPageSize);
        request.set_page_token(token);
        ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(service, &OutboxService::Stub::ListSubmissions, request));
        return std::pair(std::vector(page.submissions().begin(), page.submissions().end()), page.next_page_token());
      },
      [](const agency::v1::Submission& submission) { return submission.referral(); }));
  // Listed rows tell what the service knows; asked for one it finds out how its recipients stand now.
  agency::v1::GetSubmissionRequest request;
  request.set_request_id(found.request_id());
  ACCORD_ASSIGN_OR_RETURN(auto response, Ask(service, &OutboxService::Stub::GetSubmission, request));
  return std::move(*response.mutable_submission());
}

absl::StatusOr<std::string> FindInInbox(const Endpoint& service, const std::string& id) {
  const auto digits = ReferralDigits(id);
  if (!digits.has_value())
    return UsageError(
        fmt::format("{} names no received referral: give {} or more of its digits", id, kPrefixDigitsMin));
  if (digits->size() == kDigits) return std::string(kPrefix) + *digits;
  ACCORD_ASSIGN_OR_RETURN(
      const auto item,
      Scan<agency::v1::InboxItem>(
          id, *digits,
          [&](const std::string& token) -> absl::StatusOr<std::pair<std::vector<agency::v1::InboxItem>, std::string>> {
            agency::v1::ListInboxRequest request;
            request.set_page_size(kPageSize);
            request.set_page_token(token);
            ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(service, &InboxService::Stub::ListInbox, request));
            return std::pair(std::vector(page.items().begin(), page.items().end()), page.next_page_token());
          },
          [](const agency::v1::InboxItem& row) { return row.referral(); }));
  return item.referral();
}

absl::StatusOr<std::string> FindHeaderDigest(Session& session, const std::string& id) {
  auto digits = ReferralDigits(id);
  if (!digits.has_value() || digits->size() != kDigits) {
    const auto agency = session.Agency();
    if (!agency.ok()) return UsageError(fmt::format("{}: a referral is named by all its {} digits; who knows it by less is an agency's service, --as AGENCY", id, kDigits));
    ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(**agency));
    const auto submission = FindSubmission(service, id);
    std::string name = submission.ok() ? submission->referral() : "";
    if (!submission.ok()) {
      if (!digits.has_value() || !absl::IsNotFound(submission.status())) return submission.status();
      ACCORD_ASSIGN_OR_RETURN(name, FindInInbox(service, id));
    }
    digits = ReferralDigits(name);
  }
  const auto digest = digits.has_value() ? FromHex(*digits) : std::nullopt;
  if (!digest.has_value()) return Error(Reason::kReferralNotFound, fmt::format("{} is not sealed yet: there is no record of it at the broker", id));
  return *digest;
}

absl::StatusOr<type::v1::SubjectToken> SubjectOf(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream rest(text);
  for (std::string part; std::getline(rest, part, ':');) parts.push_back(part);
  type::v1::SubjectToken token;
  if (std::count(text.begin(), text.end(), ':') != 3) parts.clear();
  const auto bytes = parts.size() == 4 ? FromHex(parts[3]) : std::nullopt;
  uint32_t recipe = 0;
  std::istringstream number(parts.size() == 4 ? parts[2] : "");
  if (!bytes.has_value() || !(number >> recipe) || !number.eof()) {
    return UsageError("--subject: DOMAIN:KEY:RECIPE:TOKEN is needed, the token in hex");
  }
  token.set_domain(parts[0]);
  token.set_token_key(parts[1]);
  token.set_recipe(recipe);
  token.set_token(*bytes);
  return token;
}

}  // namespace accord::accordctl
