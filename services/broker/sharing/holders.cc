#include "services/broker/sharing/holders.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "services/broker/delivery/erased.h"

namespace accord::broker {
namespace {

using storage::v1::StoredReferral;

// A version with its header opened.
struct Version {
  std::string digest;
  StoredReferral stored;
  referral::OpenedHeader header;
};

// Nothing when it is absent or erased.
absl::StatusOr<std::optional<Version>> Load(SealedReader read, std::string_view digest) {
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(read, digest));
  if (!stored.has_value()) return std::optional<Version>();
  ACCORD_ASSIGN_OR_RETURN(auto header, OpenStored(*stored));
  return std::optional<Version>(Version{std::string(digest), *std::move(stored), std::move(header)});
}

absl::StatusOr<std::vector<Holder>> HoldersOf(PlainReader read_plain, const Version& version) {
  ACCORD_ASSIGN_OR_RETURN(const referral::HeaderParts parts, PartsNow(version.stored, version.header));
  std::vector<Holder> holders;
  for (const auto& recipient : version.stored.recipients()) {
    ACCORD_ASSIGN_OR_RETURN(const Holding holding, HoldingOf(read_plain, recipient));
    if (holding.since_ms == 0) continue;
    Holder& holder = holders.emplace_back(Holder{version.digest, recipient, holding.since_ms, {}});
    for (const auto& held : holding.sections) {
      HeldSection& row = holder.sections.emplace_back();
      row.id = held.id;
      row.rule_id = held.rule_id;
      const auto section = std::find_if(parts.sections.begin(), parts.sections.end(), [&](const auto& part) { return part.section_id() == held.id; });
      if (section == parts.sections.end()) return Error(Reason::kStoreCorrupt, "a section was released that the referral does not have");
      row.category = section->category();
      const auto tag = std::find_if(parts.tags.begin(), parts.tags.end(), [&](const auto& part) { return part.tag_id() == section->tag_id(); });
      if (tag == parts.tags.end()) return Error(Reason::kStoreCorrupt, "a section names a tag that the referral does not have");
      row.article6 = tag->article6();
      row.consent = tag->consent();
      row.gateway = tag->gateway();
    }
  }
  return holders;
}

}  // namespace

absl::StatusOr<HoldersOfReferral> FindHolders(SealedReader read, PlainReader read_plain, std::string_view header_digest,
                                              std::string_view agency, type::v1::Desk desk) {
  // Absent, erased and not the caller's are one answer to whoever did not know of it.
  const absl::Status not_permitted = Error(Reason::kNotPermitted, "no such referral, or this agency did not send it");
  ACCORD_ASSIGN_OR_RETURN(auto asked, Load(read, header_digest));
  if (!asked.has_value()) {
    ACCORD_RETURN_IF_ERROR(RefuseIfErased(read_plain, header_digest, agency, desk));
    return not_permitted;
  }
  if (asked->header.core.part.sender() != agency) return not_permitted;

  HoldersOfReferral found;
  std::vector<Version> versions;
  std::string before = asked->header.core.part.caused_by(), version = asked->digest;
  while (!before.empty() && versions.size() < kVersionsMax) {
    ACCORD_ASSIGN_OR_RETURN(auto older, Load(read, before));
    // What it follows is an older version of it only if that says so too.
    if (!older.has_value() || older->stored.replaced_by() != version) break;
    version = before;
    before = older->header.core.part.caused_by();
    versions.insert(versions.begin(), *std::move(older));
  }
  found.asked = asked->stored;
  found.core = asked->header.core.part;
  std::string after = asked->stored.replaced_by();
  versions.push_back(*std::move(asked));
  for (size_t followed = 0; !after.empty() && followed < kVersionsMax; ++followed) {
    ACCORD_ASSIGN_OR_RETURN(auto newer, Load(read, after));
    if (!newer.has_value()) break;
    after = newer->stored.replaced_by();
    versions.push_back(*std::move(newer));
  }
  for (const Version& one : versions) {
    ACCORD_ASSIGN_OR_RETURN(auto holders, HoldersOf(read_plain, one));
    for (Holder& holder : holders) found.holders.push_back(std::move(holder));
  }
  return found;
}

}  // namespace accord::broker
