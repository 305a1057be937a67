// What a desk holds of a referral, and whether it may be told what the sender says of that (docs/sharing.md).
//
// A change of consent, a correction, a recall, and that an answer to one is overdue, reach whoever holds something of the referral,
// unless a protective rule applies to it by now: no notice may reach the person whom it would endanger. Then a person at the sender
// has to see to it.
//
// All functions are thread-safe as far as what they read from is.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "common/referral/header.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/policy/policy_holder.h"

namespace accord::broker {

inline constexpr size_t kVersionsMax = 64;  // Versions of a referral that are followed from one, in each direction.

// What was released to a desk, all attempts together. Nothing was when `since_ms` is 0.
struct Holding {
  struct Section {
    std::string id;
    std::string rule_id;  // Of its last release; empty when that was before rules were kept.
  };
  int64_t since_ms = 0;
  std::vector<Section> sections;
};

// DATA_LOSS when its delivery does not parse; errors of `read`.
absl::StatusOr<Holding> HoldingOf(PlainReader read, const storage::v1::StoredRecipient& recipient);

// The parts by which telling the holders of `stored` is judged: its own as they stand now, and the people of the versions that have
// replaced it, for who is in danger, and from whom, may have become known since. Errors of `read`; DATA_LOSS, also when there are
// more than kVersionsMax.
absl::StatusOr<referral::HeaderParts> PartsForTelling(SealedReader read, const storage::v1::StoredReferral& stored,
                                                      const referral::OpenedHeader& header);

// May the desk, which holds `holding`, be told? Not when it, or what it holds, is on a protective list, when somebody concerned works
// there and it is not the confidential desk, or when it is no active desk any more. Who acted at the sender plays no part: a holder is
// told even if that worker is in conflict by now.
bool MayTell(const Policy& policy, referral::HeaderParts parts, std::string_view agency, type::v1::Desk desk, const Holding& holding,
             absl::Time now);

}  // namespace accord::broker
