// Which clients a support service takes, as it publishes that itself and as the configuration of whoever refers has it, and what is
// recorded when none takes one. A fact that is not known excludes nobody.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"
#include "accord/storage/v1/agent.pb.h"
#include "common/agent/draft.h"

namespace accord::agent {

class Outbox;

inline constexpr size_t kSupportServicesMax = 64;
inline constexpr uint32_t kClientAgeMax = 120;

// A support service and whom it takes; an empty list takes anybody.
struct SupportService {
  std::string agency;
  uint32_t age_from = 0, age_to = kClientAgeMax;  // Both included.
  std::vector<std::string> genders;               // As records have them; letters of either case are one.
  std::vector<std::string> areas;                 // GSS codes.
  std::vector<type::v1::RiskGrade> grades;
  std::vector<std::string> languages;             // One of them, somewhere in the words for the client's language.
  bool takes_new = true;                          // False: it is closed.
  bool has_room = true;                           // False: it has no place left.
};

// What `agency` published, as a row. Pure, thread-safe.
SupportService FromOffer(std::string_view agency, const admin::v1::SupportOffer& offer);

// What an agency has published and what holds now; nothing when it has published nothing.
using PublishedOf = std::function<std::optional<SupportService>(std::string_view agency)>;

// What is known of a client; empty and unspecified: not known.
struct ClientFacts {
  type::v1::AgeBand age = type::v1::AGE_BAND_UNSPECIFIED;
  type::v1::RiskGrade grade = type::v1::RISK_GRADE_UNSPECIFIED;
  std::string gender, area, language;
};

// Why a service does not take a client.
struct WhyNot {
  std::string words;          // Such as `age, grade` or `no room`; empty: it does. Which facts, never what they are.
  bool no_room_only = false;  // It takes such clients, and not one more now.
};

// Why `agency` does not take a client. Its row among `services` and what it published must both take the client; one that is not there takes
// anybody. `services` and `published` may be null. Thread-safe as `published` is.
WhyNot WhyNotEligible(const std::vector<SupportService>* services, std::string_view agency, const ClientFacts& client,
                      const PublishedOf& published = nullptr);

// Advice to whoever pushed that nobody takes the client, or where `for_room` that nobody who does has room. `each`: every service with why not. Pure.
std::string NobodyTakesWarning(bool for_room, std::string_view each);

// The one record, beside `draft`, that it was not shared. Where services take such clients and have no room it is with those, NO_CAPACITY: so each
// push that would have gone but for room counts once. Else with all of `not_eligible`, CRITERIA_NOT_MET. The request id is the
// draft's and `/not-eligible`, or where that is too long a digest of it. Pure. REQUIRES: `not_eligible` is not empty.
Draft NotEligibleRecord(const Draft& draft);

// Takes `draft`, and beside it that record where there is one to make. Durable when OK; idempotent as Outbox::Push, whose errors it has.
// Of a push that is repeated whom it told at first counts, whatever services have published since.
//   FIELD_MISSING  nobody is left who is told: the record alone is durable. For a correction nothing is recorded.
absl::StatusOr<storage::v1::StoredSubmission> PushWithRecord(Outbox& outbox, Draft draft);

}  // namespace accord::agent
