// Disclosures as they are listed and shown: an inspector's those of the warrants that it may use, an agency's those asked of the caller's desk,
// an administrator's all.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accord/inspection/v1/disclosure_service.pb.h"
#include "services/broker/directory/access.h"
#include "services/broker/disclosures/disclosure_store.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

inline constexpr int kDisclosuresLookedAtMax = 2000;          // For one page, listed or not: a page may have fewer rows, and yet not be the last.
inline constexpr size_t kDisclosureBytesLookedAtMax = 16u << 20;  // Likewise, with what is sealed in them.
inline constexpr size_t kDisclosurePageBytesMax = 1u << 20;   // A page ends early once its disclosures have these.

// One page, the newest first.
struct DisclosurePage {
  std::vector<inspection::v1::Disclosure> disclosures;  // Without `sealing_certificate` and `cases`.
  std::optional<uint64_t> next;                         // Number before which the next page begins; absent on the last.
};

// Up to `size` disclosures with a number before `before`, absent for the first page; `open_only`: those that can still be answered at `now`. What went
// with its referral is left out. DATA_LOSS when a row does not parse. Thread-safe.
absl::StatusOr<DisclosurePage> ListDisclosures(const ReadView& view, const Caller& caller, std::optional<uint64_t> before, bool open_only, int size,
                                               absl::Time now);

// What the desk that was asked is shown, to answer it.
//   DISCLOSURE_NOT_FOUND  none of that number was asked of the caller's desk
//   ERASED                it went with its referral
// Thread-safe.
absl::StatusOr<inspection::v1::GetDisclosureResponse> GetDisclosure(const ReadView& view, const Caller& agency, uint64_t number);

}  // namespace accord::broker
