#include "services/broker/trails/looks.h"

#include <algorithm>
#include <map>
#include <utility>

#include "accord/storage/v1/inspection.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "services/broker/directory/families.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker {
namespace {

using inspection::v1::Look;
using storage::v1::StoredLook;
using storage::v1::StoredReferral;

constexpr size_t kLookPositionBytes = 16;  // u64 time in ms from which it is visible ‖ u64 leaf index.

struct LookRow {
  std::string position;
  StoredLook look;
};

// Up to `count` rows under `prefix` before the position, the last first.
absl::StatusOr<std::vector<LookRow>> ReadLooks(const ReadView& view, const std::string& prefix, const std::string& before, int count) {
  std::vector<LookRow> rows;
  bool corrupt = false;
  const storage::Range range = {.lower = prefix, .upper = prefix + before, .descending = true};
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyWarrantIndex, range, [&](std::string_view key, std::string_view value) {
    LookRow& row = rows.emplace_back();
    row.position = key.substr(prefix.size());
    corrupt = row.position.size() != kLookPositionBytes || !row.look.ParseFromArray(value.data(), static_cast<int>(value.size()));
    return !corrupt && static_cast<int>(rows.size()) < count;
  }));
  if (corrupt) return Error(Reason::kStoreCorrupt, "a stored look does not parse");
  return rows;
}

// Which referral the query at `index` was about; nothing once that was erased.
absl::StatusOr<std::string> ReferralLookedAt(const ReadView& view, uint64_t index) {
  const auto entry = ReadEntry(view, index);
  if (HasReason(entry.status(), Reason::kEntryNotFound)) return std::string();  // Not under a checkpoint yet.
  ACCORD_RETURN_IF_ERROR(entry);
  const EntryParts& parts = entry->parts;
  if (!parts.referral.has_value() || parts.referral->header_digest().empty()) return std::string();
  return referral::ReferralName(parts.referral->header_digest());
}

absl::StatusOr<Look> ShowLook(const ReadView& view, const LookRow& row, std::map<std::string, storage::v1::StoredWarrant>& warrants) {
  const auto [found, is_new] = warrants.try_emplace(row.look.warrant());
  if (is_new) {
    ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Get(kFamilyWarrant, row.look.warrant()));
    if (!bytes.has_value() || !found->second.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "the warrant of a look is not there");
  }
  Look look;
  look.set_warrant(row.look.warrant());
  look.set_inspectorate(found->second.warrant().inspectorate());
  look.set_legal_power(found->second.warrant().legal_power());
  look.set_event(row.look.event());
  look.set_question(row.look.question());
  look.set_time_ms(row.look.time_ms());
  look.set_index(U64FromKey(std::string_view(row.position).substr(8)).value_or(0));
  if (row.look.party()) {
    ACCORD_ASSIGN_OR_RETURN(*look.mutable_referral(), ReferralLookedAt(view, look.index()));
  }
  return look;
}

}  // namespace

absl::StatusOr<bool> WasReleased(PlainReader read, const storage::v1::StoredRecipient& recipient) {
  if (recipient.delivery_id().empty()) return false;
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(kFamilyDelivery, recipient.delivery_id()));
  storage::v1::StoredDelivery delivery;
  if (!bytes.has_value() || !delivery.ParseFromString(*bytes)) {
    return Error(Reason::kStoreCorrupt, "a referral names a delivery that is not there");
  }
  return delivery.first_released_ms() > 0;
}

absl::StatusOr<bool> WasReleased(const ReadView& view, const storage::v1::StoredRecipient& recipient) {
  return WasReleased(PlainReaderOf(view), recipient);
}

absl::StatusOr<std::set<LookedAt>> PartiesOf(PlainReader read, const std::string& sender, const StoredReferral& referral) {
  std::set<LookedAt> parties = {{.agency = sender, .desk = type::v1::DESK_MAIN, .party = true}};
  for (const auto& recipient : referral.recipients()) {
    ACCORD_ASSIGN_OR_RETURN(const bool released, WasReleased(read, recipient));
    const bool confidential = recipient.desk() == type::v1::DESK_CONFIDENTIAL;
    if (released) {
      parties.insert({.agency = recipient.agency(), .desk = confidential ? type::v1::DESK_CONFIDENTIAL : type::v1::DESK_MAIN, .party = true});
    }
  }
  return parties;
}

absl::StatusOr<std::set<LookedAt>> PartiesOf(const ReadView& view, const std::string& sender, const StoredReferral& referral) {
  return PartiesOf(PlainReaderOf(view), sender, referral);
}

absl::StatusOr<std::set<LookedAt>> PartiesOfCase(const ReadView& view, std::string_view pseudonym) {
  std::vector<std::string> digests;
  storage::Range range = storage::Prefix(pseudonym);
  range.descending = true;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyCaseReferral, range, [&](std::string_view, std::string_view digest) {
    digests.emplace_back(digest);
    return static_cast<int>(digests.size()) < kCaseReferralsLookedAtMax;
  }));
  std::set<LookedAt> parties;
  for (const std::string& digest : digests) {
    ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.GetSealed(kFamilyReferral, digest));
    if (!bytes.has_value()) continue;  // Erased.
    StoredReferral stored;
    if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored referral does not parse");
    const auto entry = ReadEntry(view, stored.stored_index());
    if (HasReason(entry.status(), Reason::kEntryNotFound)) continue;
    ACCORD_RETURN_IF_ERROR(entry);
    const EntryParts& parts = entry->parts;
    if (!parts.referral.has_value()) continue;
    ACCORD_ASSIGN_OR_RETURN(const std::set<LookedAt> of_one, PartiesOf(view, parts.referral->sender(), stored));
    for (LookedAt party : of_one) {
      party.party = false;
      parties.insert(std::move(party));
    }
  }
  return parties;
}

absl::StatusOr<LookPage> ListLooks(const ReadView& view, const Caller& agency, std::string_view after, int size, absl::Time now) {
  if (!after.empty() && after.size() != kLookPositionBytes) return Error(Reason::kPageTokenInvalid, "it is no position of a look", {{"field", "page_token"}});
  // Whatever comes out later than now lies beyond it, whether there is any or not.
  const std::string open_until = KeyU64(static_cast<uint64_t>(absl::ToUnixMillis(now)) + 1);
  const std::string before = after.empty() ? open_until : std::min(std::string(after), open_until);
  ACCORD_ASSIGN_OR_RETURN(std::vector<LookRow> rows, ReadLooks(view, LookPrefix(agency.id, agency.desk), before, size + 1));
  if (agency.desk != type::v1::DESK_CONFIDENTIAL) {
    ACCORD_ASSIGN_OR_RETURN(const std::vector<LookRow> of_all, ReadLooks(view, LookPrefix("", agency.desk), before, size + 1));
    rows.insert(rows.end(), of_all.begin(), of_all.end());
  }
  std::sort(rows.begin(), rows.end(), [](const LookRow& a, const LookRow& b) { return a.position > b.position; });
  LookPage page;
  std::map<std::string, storage::v1::StoredWarrant> warrants;
  for (const LookRow& row : rows) {
    if (static_cast<int>(page.looks.size()) == size) {
      page.next = rows[static_cast<size_t>(size) - 1].position;
      break;
    }
    ACCORD_ASSIGN_OR_RETURN(Look look, ShowLook(view, row, warrants));
    page.looks.push_back(std::move(look));
  }
  return page;
}

}  // namespace accord::broker
