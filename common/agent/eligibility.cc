#include "common/agent/eligibility.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/agent/outbox.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"

namespace accord::agent {
namespace {

using namespace type::v1;  // NOLINT: rules in the field's own words.

constexpr std::string_view kRecordSuffix = "/not-eligible";

// Whether somebody of that band can be of an age from `from` to `to`.
bool MayBe(AgeBand band, uint32_t from, uint32_t to) {
  switch (band) {
    case AGE_BAND_UNBORN: return from == 0;
    case AGE_BAND_UNDER_16: return from < 16;
    case AGE_BAND_16_17: return from < 18 && to >= 16;
    case AGE_BAND_ADULT: return to >= 18;
    default: return true;
  }
}

bool IsOneOf(const std::vector<std::string>& list, const std::string& value) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& one) { return absl::EqualsIgnoreCase(one, value); });
}

bool Speaks(const std::vector<std::string>& languages, const std::string& words) {
  const std::string lower = absl::AsciiStrToLower(words);
  return std::any_of(languages.begin(), languages.end(), [&](const std::string& one) { return absl::StrContains(lower, absl::AsciiStrToLower(one)); });
}

absl::Status NobodyTakes(const Draft& draft) {
  std::string services;
  for (const std::string& agency : draft.not_eligible) services += (services.empty() ? "" : ", ") + agency;
  return Error(Reason::kFieldMissing,
               fmt::format("options.recipients names nobody, and none of the support services of the routing takes this client ({}): name the one that agrees", services),
               {{"field", "options.recipients"}, {"not_eligible", services}});
}

}  // namespace

std::string WhyNotEligible(const std::vector<SupportService>* services, std::string_view agency, const ClientFacts& client) {
  if (services == nullptr) return "";
  const auto service = std::find_if(services->begin(), services->end(), [&](const SupportService& one) { return one.agency == agency; });
  if (service == services->end()) return "";
  std::string why;
  const auto unless = [&](bool fits, std::string_view word) {
    if (!fits) why += fmt::format("{}{}", why.empty() ? "" : ", ", word);
  };
  unless(service->takes_new, "takes nobody new");
  unless(MayBe(client.age, service->age_from, service->age_to), "age");
  unless(client.gender.empty() || service->genders.empty() || IsOneOf(service->genders, client.gender), "gender");
  unless(client.area.empty() || service->areas.empty() || IsOneOf(service->areas, client.area), "area");
  unless(client.grade == RISK_GRADE_UNSPECIFIED || service->grades.empty() ||
             std::find(service->grades.begin(), service->grades.end(), client.grade) != service->grades.end(), "grade");
  unless(client.language.empty() || service->languages.empty() || Speaks(service->languages, client.language), "language");
  return why;
}

Draft NotEligibleRecord(const Draft& draft) {
  Draft record;
  record.method = "RecordNotShared";
  std::string id = draft.options.request_id() + std::string(kRecordSuffix);
  if (id.size() > kRequestIdCharsMax) id = fmt::format("{}{}", ToHex(crypto::Sha256(draft.options.request_id())), kRecordSuffix);
  record.options.set_request_id(id);
  *record.options.mutable_worker() = draft.options.worker();
  *record.options.mutable_basis() = draft.options.basis();
  for (const std::string& agency : draft.not_eligible) record.options.add_recipients(agency);
  record.recipients = draft.not_eligible;
  record.core.set_type(REFERRAL_TYPE_NOT_SHARED);
  record.core.set_purpose(draft.core.purpose());
  record.core.set_not_shared_reason(NOT_SHARED_REASON_CRITERIA_NOT_MET);
  record.subjects = draft.subjects;
  return record;
}

absl::StatusOr<storage::v1::StoredSubmission> PushWithRecord(Outbox& outbox, Draft draft) {
  const bool nobody = draft.recipients.empty() && !draft.not_eligible.empty();
  const bool recorded_too = !draft.not_eligible.empty() && draft.options.corrects().empty();
  Draft record = recorded_too ? NotEligibleRecord(draft) : Draft();
  absl::StatusOr<storage::v1::StoredSubmission> pushed = nobody ? NobodyTakes(draft) : outbox.Push(std::move(draft));
  if (!recorded_too || (!pushed.ok() && !nobody)) return pushed;
  const absl::Status recorded = outbox.Push(std::move(record)).status();
  // Reused: a repeat after the configuration had changed. What was so at first is on the record.
  if (!recorded.ok() && !HasReason(recorded, Reason::kRequestIdReused)) return recorded;
  return pushed;
}

}  // namespace accord::agent
