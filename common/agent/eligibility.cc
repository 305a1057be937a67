#include "common/agent/eligibility.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_join.h>
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

constexpr std::string_view kTakesNobodyNew = "takes nobody new", kNoRoom = "no room";

// Adds the facts for which `service` does not take the client, each once.
void AddWhyNot(const SupportService& service, const ClientFacts& client, std::vector<std::string_view>& why) {
  const auto unless = [&](bool fits, std::string_view word) {
    if (!fits && std::find(why.begin(), why.end(), word) == why.end()) why.push_back(word);
  };
  unless(service.takes_new, kTakesNobodyNew);
  unless(service.has_room || !service.takes_new, kNoRoom);
  unless(MayBe(client.age, service.age_from, service.age_to), "age");
  unless(client.gender.empty() || service.genders.empty() || IsOneOf(service.genders, client.gender), "gender");
  unless(client.area.empty() || service.areas.empty() || IsOneOf(service.areas, client.area), "area");
  unless(client.grade == RISK_GRADE_UNSPECIFIED || service.grades.empty() ||
             std::find(service.grades.begin(), service.grades.end(), client.grade) != service.grades.end(), "grade");
  unless(client.language.empty() || service.languages.empty() || Speaks(service.languages, client.language), "language");
}

bool Told(const storage::v1::StoredSubmission& push, const std::vector<std::string>& agencies) {
  const auto& told = push.draft().recipients();
  return std::any_of(told.begin(), told.end(), [&](const std::string& one) { return std::find(agencies.begin(), agencies.end(), one) != agencies.end(); });
}

absl::Status NobodyTakes(const Draft& draft) {
  std::string services;
  for (const std::string& agency : draft.not_eligible) services += (services.empty() ? "" : ", ") + agency;
  const std::string_view why = draft.no_room.empty() ? "takes this client" : "takes this client and has room";
  return Error(Reason::kFieldMissing,
               fmt::format("options.recipients names nobody, and none of the support services of the routing {} ({}): name the one that agrees", why, services),
               {{"field", "options.recipients"}, {"not_eligible", services}});
}

}  // namespace

SupportService FromOffer(std::string_view agency, const admin::v1::SupportOffer& offer) {
  SupportService service;
  service.agency = std::string(agency);
  service.age_from = offer.age_from();
  if (offer.age_to() != 0) service.age_to = offer.age_to();
  service.genders.assign(offer.genders().begin(), offer.genders().end());
  service.areas.assign(offer.areas().begin(), offer.areas().end());
  for (const int grade : offer.grades()) service.grades.push_back(static_cast<RiskGrade>(grade));
  service.languages.assign(offer.languages().begin(), offer.languages().end());
  service.takes_new = !offer.closed();
  service.has_room = offer.places_not_counted() || offer.places() > 0;
  return service;
}

WhyNot WhyNotEligible(const std::vector<SupportService>* services, std::string_view agency, const ClientFacts& client,
                      const PublishedOf& published) {
  std::vector<std::string_view> why;
  if (services != nullptr) {
    const auto row = std::find_if(services->begin(), services->end(), [&](const SupportService& one) { return one.agency == agency; });
    if (row != services->end()) AddWhyNot(*row, client, why);
  }
  if (const auto offer = published ? published(agency) : std::nullopt; offer.has_value()) AddWhyNot(*offer, client, why);
  WhyNot answer;
  answer.words = absl::StrJoin(why, ", ", [](std::string* text, std::string_view word) { text->append(word); });
  answer.no_room_only = !why.empty() && std::all_of(why.begin(), why.end(), [](std::string_view word) { return word == kTakesNobodyNew || word == kNoRoom; });
  return answer;
}

std::string NobodyTakesWarning(bool for_room, std::string_view each) {
  return fmt::format("No support service {}: {}. None is told, and that is recorded. Speak to them, and name the one that agrees.",
                     for_room ? "that takes this client has room" : "takes this client", each);
}

Draft NotEligibleRecord(const Draft& draft) {
  Draft record;
  record.method = "RecordNotShared";
  std::string id = draft.options.request_id() + std::string(kRecordSuffix);
  if (id.size() > kRequestIdCharsMax) id = fmt::format("{}{}", ToHex(crypto::Sha256(draft.options.request_id())), kRecordSuffix);
  record.options.set_request_id(id);
  *record.options.mutable_worker() = draft.options.worker();
  *record.options.mutable_basis() = draft.options.basis();
  record.recipients = draft.no_room.empty() ? draft.not_eligible : draft.no_room;
  for (const std::string& agency : record.recipients) record.options.add_recipients(agency);
  record.core.set_type(REFERRAL_TYPE_NOT_SHARED);
  record.core.set_purpose(draft.core.purpose());
  record.core.set_not_shared_reason(draft.no_room.empty() ? NOT_SHARED_REASON_CRITERIA_NOT_MET : NOT_SHARED_REASON_NO_CAPACITY);
  record.subjects = draft.subjects;
  return record;
}

absl::StatusOr<storage::v1::StoredSubmission> PushWithRecord(Outbox& outbox, Draft draft) {
  if (!draft.request_digest.empty() && !draft.not_eligible.empty()) {
    auto earlier = outbox.Get(draft.options.request_id());
    const bool repeated = earlier.ok() && earlier->request_digest() == draft.request_digest;
    // Told then, and full or closed by now: it was shared with them, and that is on the record.
    if (repeated && Told(*earlier, draft.not_eligible)) return earlier;
  }
  const bool nobody = draft.recipients.empty() && !draft.not_eligible.empty();
  const bool recorded_too = !draft.not_eligible.empty() && draft.options.corrects().empty();
  Draft record = recorded_too ? NotEligibleRecord(draft) : Draft();
  absl::StatusOr<storage::v1::StoredSubmission> pushed = nobody ? NobodyTakes(draft) : outbox.Push(std::move(draft));
  if (!recorded_too || (!pushed.ok() && !nobody)) return pushed;
  const absl::Status recorded = outbox.Push(std::move(record)).status();
  // Reused: a repeat after the configuration, or what is published, had changed. What was so at first is on the record.
  if (!recorded.ok() && !HasReason(recorded, Reason::kRequestIdReused)) return recorded;
  return pushed;
}

}  // namespace accord::agent
