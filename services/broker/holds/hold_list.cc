#include "services/broker/holds/hold_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"
#include "services/broker/holds/hold_index.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

absl::Status Corrupt(std::string_view what) { return Error(Reason::kStoreCorrupt, what); }

absl::Status AddHolders(const ReadView& view, const std::string& id, admin::v1::Hold& hold, uint64_t& rows) {
  const std::string prefix = HoldPrefix(id);
  bool corrupt = false;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyHoldHolder, storage::Prefix(prefix), [&](std::string_view key, std::string_view value) {
    ++rows;
    storage::v1::StoredHoldHolder stored;
    ByteReader reader(key.substr(prefix.size()));
    std::string_view agency;
    uint8_t desk = 0;
    corrupt = !stored.ParseFromArray(value.data(), static_cast<int>(value.size())) || !reader.Lp8(agency) || !reader.U8(desk);
    if (corrupt) return false;
    auto& holder = *hold.add_holders();
    holder.set_agency(std::string(agency));
    holder.set_desk(static_cast<type::v1::Desk>(desk));
    holder.set_delivered_at_ms(stored.delivered_at_ms());
    holder.set_answer(stored.answer());
    holder.set_answered_at_ms(stored.answered_at_ms());
    holder.set_erased_at_ms(stored.erased_at_ms());
    return true;
  }));
  return corrupt ? Corrupt("a holder of a hold does not parse") : absl::OkStatus();
}

// The cases that the hold covers, named or found.
absl::StatusOr<std::vector<std::string>> CasesOf(const ReadView& view, const std::string& id, uint64_t& rows) {
  const std::string prefix = HoldCoverKey(HoldTarget::kCase, "");
  std::vector<std::string> cases;
  bool corrupt = false;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyHoldCover, storage::Prefix(prefix), [&](std::string_view key, std::string_view value) {
    ++rows;
    storage::v1::StoredHoldCover cover;
    corrupt = !cover.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (corrupt) return false;
    if (std::find(cover.holds().begin(), cover.holds().end(), id) != cover.holds().end()) cases.emplace_back(key.substr(prefix.size()));
    return true;
  }));
  if (corrupt) return Corrupt("a row of the hold index does not parse");
  return cases;
}

// Referrals that are erased: members that no longer open, and what else the covered cases once had.
absl::StatusOr<uint64_t> CountErased(const ReadView& view, const std::string& id, uint64_t& rows) {
  std::set<std::string> gone;  // Header digests whose rows are still there.
  uint64_t erased = 0;
  absl::Status failed;
  const auto look = [&](std::string_view digest) {
    ++rows;
    const auto row = view.GetSealed(kFamilyReferral, digest);
    failed = row.status();
    if (row.ok() && !row->has_value()) gone.emplace(digest);
    return failed.ok();
  };
  const std::string prefix = HoldPrefix(id);
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyHoldReferral, storage::Prefix(prefix), [&](std::string_view key, std::string_view) {
    return look(key.substr(prefix.size()));
  }));
  ACCORD_RETURN_IF_ERROR(failed);
  ACCORD_ASSIGN_OR_RETURN(const std::vector<std::string> cases, CasesOf(view, id, rows));
  for (const std::string& pseudonym : cases) {
    ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Get(kFamilyCase, pseudonym));
    storage::v1::StoredCase stored;
    if (!bytes.has_value() || !stored.ParseFromString(*bytes)) return Corrupt("a case of a hold is not there");
    uint64_t numbered = 0;
    ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyCaseReferral, storage::Prefix(pseudonym), [&](std::string_view, std::string_view digest) {
      ++numbered;
      return look(digest);
    }));
    ACCORD_RETURN_IF_ERROR(failed);
    erased += stored.referrals() - std::min(numbered, stored.referrals());
  }
  return erased + gone.size();
}

absl::StatusOr<admin::v1::Hold> Show(const ReadView& view, const storage::v1::StoredHold& stored, uint64_t& rows) {
  admin::v1::Hold hold;
  *hold.mutable_hold() = stored.hold();
  hold.set_change(fmt::format("changes/{}", stored.change()));
  hold.set_set_at_ms(stored.set_at_ms());
  hold.set_lifted_at_ms(stored.lifted_at_ms());
  hold.set_referrals(stored.referrals());
  hold.set_walking(stored.walk() != storage::v1::HOLD_WALK_UNSPECIFIED);
  ACCORD_RETURN_IF_ERROR(AddHolders(view, stored.hold().id(), hold, rows));
  if (stored.lifted_at_ms() != 0) return hold;  // The rows of what it covered go one by one, and what was covered may go with them.
  ACCORD_ASSIGN_OR_RETURN(const uint64_t erased, CountErased(view, stored.hold().id(), rows));
  hold.set_erased(erased);
  return hold;
}

}  // namespace

absl::StatusOr<HoldPage> ListHolds(const ReadView& view, std::optional<uint64_t> before, int size) {
  HoldPage page;
  std::vector<std::pair<uint64_t, std::string>> set;  // Change number, id.
  uint64_t rows = 0;
  size_t bytes = 0;
  std::optional<uint64_t> last;
  bool more = false, corrupt = false;
  const storage::Range range = {.lower = "", .upper = before.has_value() ? KeyU64(*before) : "", .descending = true};
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyChange, range, [&](std::string_view key, std::string_view value) {
    more = static_cast<int>(set.size()) == size || rows++ >= kHoldRowsLookedAtMax;
    if (more) return false;
    const auto number = U64FromKey(key);
    storage::v1::StoredChange change;
    corrupt = !number.has_value() || !change.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (corrupt) return false;
    last = number;
    if (change.change().has_set_hold()) set.emplace_back(*number, change.change().set_hold().id());
    return true;
  }));
  if (corrupt) return Corrupt("a stored change does not parse");
  const auto read = PlainReaderOf(view);
  for (const auto& [number, id] : set) {
    ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadHold(read, id));
    // Proposed only; or the id was given to another proposal, which was approved.
    if (!stored.has_value() || stored->change() != number) continue;
    ACCORD_ASSIGN_OR_RETURN(admin::v1::Hold hold, Show(view, *stored, rows));
    page.holds.push_back(std::move(hold));
    bytes += page.holds.back().ByteSizeLong();
    if ((rows < kHoldRowsLookedAtMax && bytes < kHoldPageBytesMax) || number == set.back().first) continue;
    page.next = number;
    return page;
  }
  if (more) page.next = last;
  return page;
}

}  // namespace accord::broker
