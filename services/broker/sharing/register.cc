#include "services/broker/sharing/register.h"

#include <algorithm>
#include <array>
#include <limits>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/storage/store.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

using storage::v1::StoredSharing;
using type::v1::SharingClass;

constexpr std::array kClasses = {type::v1::SHARING_CLASS_WITH_CONSENT, type::v1::SHARING_CLASS_WITHOUT_CONSENT,
                                 type::v1::SHARING_CLASS_CONSENT_REFUSED_SHARED, type::v1::SHARING_CLASS_EMERGENCY,
                                 type::v1::SHARING_CLASS_NOT_SHARED, type::v1::SHARING_CLASS_SENT_OUTSIDE};

template <typename List, typename Value>
bool Has(const List& list, const Value& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Whether consent with limits reaches a recipient, as decision.cc reads its scope.
bool Reaches(const type::v1::TagPart& tag, const std::string& agency, type::v1::AgencyKind kind, type::v1::Category category,
             type::v1::Purpose purpose) {
  if (Has(tag.consent_excludes_kinds(), static_cast<int>(kind)) || Has(tag.consent_excludes_agencies(), agency) ||
      Has(tag.consent_excludes_categories(), static_cast<int>(category))) {
    return false;
  }
  const bool any_recipient = tag.consent_kinds().empty() && tag.consent_agencies().empty();
  return (any_recipient || Has(tag.consent_kinds(), static_cast<int>(kind)) || Has(tag.consent_agencies(), agency)) &&
         (tag.consent_categories().empty() || Has(tag.consent_categories(), static_cast<int>(category))) &&
         (tag.consent_purposes().empty() || Has(tag.consent_purposes(), static_cast<int>(purpose)));
}

SharingClass ClassOfTag(const type::v1::TagPart& tag, const std::string& agency, type::v1::AgencyKind kind, type::v1::Category category,
                        type::v1::Purpose purpose) {
  switch (tag.consent()) {
    case type::v1::CONFIDENTIALITY_CONSENT_GIVEN: return type::v1::SHARING_CLASS_WITH_CONSENT;
    case type::v1::CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS:
      return Reaches(tag, agency, kind, category, purpose) ? type::v1::SHARING_CLASS_WITH_CONSENT
                                                           : type::v1::SHARING_CLASS_CONSENT_REFUSED_SHARED;
    case type::v1::CONFIDENTIALITY_CONSENT_REFUSED:
    case type::v1::CONFIDENTIALITY_CONSENT_WITHDRAWN: return type::v1::SHARING_CLASS_CONSENT_REFUSED_SHARED;
    default: return type::v1::SHARING_CLASS_WITHOUT_CONSENT;
  }
}

// The keys of one class that a query asks for.
accord::storage::Range RangeOf(const SharingQuery& query, SharingClass one) {
  const std::string prefix = ByteWriter().Lp8(query.viewer).U8(static_cast<uint8_t>(one)).bytes();
  accord::storage::Range range = accord::storage::Prefix(prefix);
  if (query.from_ms > 0) range.lower = prefix + KeyU64(static_cast<uint64_t>(query.from_ms));
  if (query.until_ms > 0) range.upper = prefix + KeyU64(static_cast<uint64_t>(query.until_ms));
  return range;
}

std::vector<SharingClass> ClassesOf(const SharingQuery& query) {
  if (query.sharing_class != type::v1::SHARING_CLASS_UNSPECIFIED) return {query.sharing_class};
  return {kClasses.begin(), kClasses.end()};
}

// The row itself; nothing when it was erased meanwhile.
absl::StatusOr<std::optional<SharingRow>> ReadRow(const ReadView& view, const SharingQuery& query, SharingClass one,
                                                  const std::string& position, const std::string& value) {
  SharingRow row;
  row.sender = query.viewer.empty() ? value : query.viewer;
  row.index = U64FromKey(std::string_view(position).substr(sizeof(uint64_t), sizeof(uint64_t))).value_or(0);
  const std::string key = ByteWriter().Lp8(row.sender).U8(static_cast<uint8_t>(one)).Raw(position).bytes();
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.GetSealed(kFamilySharing, key));
  if (!bytes.has_value()) return std::optional<SharingRow>();
  if (!row.stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a row of family sharing does not parse");
  return std::optional<SharingRow>(std::move(row));
}

}  // namespace

SharingClass ClassOf(const referral::HeaderParts& parts, std::span<const type::v1::SectionDecision> decisions,
                     const std::string& recipient, type::v1::AgencyKind kind, const std::set<std::string>& section_ids) {
  SharingClass widest = type::v1::SHARING_CLASS_UNSPECIFIED;
  for (const auto& section : parts.sections) {
    if (!section_ids.contains(section.section_id())) continue;
    const auto tag = std::find_if(parts.tags.begin(), parts.tags.end(), [&](const auto& one) { return one.tag_id() == section.tag_id(); });
    ACCORD_CHECK(tag != parts.tags.end());  // ValidateParts.
    widest = std::max(widest, ClassOfTag(*tag, recipient, kind, section.category(), parts.core.purpose()));
  }
  for (const auto& decision : decisions) {
    if (decision.emergency_gap() && decision.recipient() == recipient && section_ids.contains(decision.section_id())) {
      return type::v1::SHARING_CLASS_EMERGENCY;
    }
  }
  return widest;
}

absl::Status EnterSharing(CommitContext& context, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                          const type::v1::HeaderCore& core, const std::vector<SharingMade>& made) {
  ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, SlotOfChain(context, stored.chain()));
  for (const SharingMade& one : made) {
    StoredSharing row;
    row.set_header_digest(std::string(header_digest));
    row.set_worker(core.worker().pseudonym());
    row.set_recipient(one.recipient);
    row.set_sharing_class(one.sharing_class);
    if (one.sharing_class == type::v1::SHARING_CLASS_NOT_SHARED) row.set_not_shared_reason(core.not_shared_reason());
    row.set_stored_at_ms(stored.stored_at_ms());
    const auto key = [&](std::string_view viewer) {
      return SharingKey(viewer, one.sharing_class, static_cast<uint64_t>(stored.stored_at_ms()), stored.stored_index(), one.recipient);
    };
    ACCORD_RETURN_IF_ERROR(context.PutSealed(kFamilySharing, key(core.sender()), slot, row.SerializeAsString()));
    context.Put(kFamilySharing, key(""), core.sender());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> SharingKeysOf(CommitContext& context, const storage::v1::StoredReferral& stored,
                                                       const referral::OpenedHeader& header) {
  std::vector<std::string> keys;
  for (const auto& recipient : header.recipients) {
    for (const SharingClass one : kClasses) {
      for (const std::string& viewer : {header.core.part.sender(), std::string()}) {
        std::string key = SharingKey(viewer, one, static_cast<uint64_t>(stored.stored_at_ms()), stored.stored_index(), recipient.part.agency());
        ACCORD_ASSIGN_OR_RETURN(const auto there, context.Get(kFamilySharing, key));
        if (there.has_value()) keys.push_back(std::move(key));
      }
    }
  }
  return keys;
}

std::optional<std::string> AdministratorsSharingKey(std::string_view senders_key) {
  ByteReader reader(senders_key);
  std::string_view sender;
  if (!reader.Lp8(sender) || sender.empty()) return std::nullopt;
  return ByteWriter().Lp8("").Raw(reader.rest()).bytes();
}

absl::StatusOr<SharingPage> ReadSharing(const ReadView& view, const SharingQuery& query, std::string_view before, size_t rows_max) {
  struct Found {
    std::string position;  // Key from the time on: where it stands among all of a query, whatever their class.
    SharingClass one = type::v1::SHARING_CLASS_UNSPECIFIED;
    std::string value;
  };
  std::vector<Found> found;
  for (const SharingClass one : ClassesOf(query)) {
    accord::storage::Range range = RangeOf(query, one);
    range.descending = true;
    const size_t prefix = 1 + query.viewer.size() + 1;
    if (!before.empty()) range.upper = std::min(range.upper, ByteWriter().Lp8(query.viewer).U8(static_cast<uint8_t>(one)).Raw(before).bytes());
    if (!range.upper.empty() && range.upper <= range.lower) continue;
    size_t count = 0;
    ACCORD_RETURN_IF_ERROR(view.Scan(kFamilySharing, range, [&](std::string_view key, std::string_view value) {
      found.push_back({std::string(key.substr(prefix)), one, query.viewer.empty() ? std::string(value) : std::string()});
      return ++count <= rows_max;  // One more tells of a next page.
    }));
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.position > b.position; });
  SharingPage page;
  if (found.size() > rows_max) {
    found.resize(rows_max);
    page.next = found.back().position;
  }
  for (const Found& one : found) {
    ACCORD_ASSIGN_OR_RETURN(auto row, ReadRow(view, query, one.one, one.position, one.value));
    if (row.has_value()) page.rows.push_back(*std::move(row));
  }
  return page;
}

absl::StatusOr<std::map<SharingClass, uint64_t>> CountSharing(const ReadView& view, const SharingQuery& query) {
  std::map<SharingClass, uint64_t> counts;
  for (const SharingClass one : ClassesOf(query)) {
    const accord::storage::Range range = RangeOf(query, one);
    if (!range.upper.empty() && range.upper <= range.lower) continue;
    uint64_t count = 0;
    ACCORD_RETURN_IF_ERROR(view.Scan(kFamilySharing, range, [&](std::string_view, std::string_view) { return ++count < kSharingCountedMax; }));
    if (count > 0) counts[one] = count;
  }
  return counts;
}

}  // namespace accord::broker
