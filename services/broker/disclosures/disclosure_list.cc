#include "services/broker/disclosures/disclosure_list.h"

#include <map>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"
#include "services/broker/disclosures/held.h"

namespace accord::broker {
namespace {

using inspection::v1::Disclosure;
using storage::v1::StoredWarrant;

// Whose list the caller reads; nothing of an inspector of no body.
absl::StatusOr<std::optional<DisclosureViewer>> ViewerOf(const ReadView& view, const Caller& caller) {
  switch (caller.kind) {
    case options::v1::CALLER_ADMIN: return DisclosureViewer{DisclosureViewerKind::kAdministrators, ""};
    case options::v1::CALLER_AGENCY: return DisclosureViewer{DisclosureViewerKind::kAgency, caller.id, caller.desk};
    case options::v1::CALLER_INSPECTOR: break;
    default: return std::nullopt;
  }
  const auto read = PlainReaderOf(view);
  ACCORD_ASSIGN_OR_RETURN(const std::string body, BodyOfInspector(read, caller));
  if (body.empty()) return std::nullopt;
  return DisclosureViewer{DisclosureViewerKind::kInspectorate, body};
}

// Judges one disclosure after another for a page.
class PageJudge {
 public:
  PageJudge(const ReadView& view, const Caller& caller, bool open_only, absl::Time now)
      : view_(view), caller_(caller), open_only_(open_only), now_(now) {}

  // As it is listed; nothing when it is not for this page.
  absl::StatusOr<std::optional<Disclosure>> Read(uint64_t number) {
    const auto sealed = SealedReaderOf(view_);
    ACCORD_ASSIGN_OR_RETURN(auto stored, LoadDisclosure(sealed, number));
    if (!stored.has_value()) return std::nullopt;  // It went with its referral.
    bytes_ += stored->ByteSizeLong();
    Disclosure& disclosure = *stored->mutable_disclosure();
    ACCORD_ASSIGN_OR_RETURN(const StoredWarrant* warrant, WarrantOf(disclosure));
    if (caller_.kind == options::v1::CALLER_INSPECTOR && !NamesOfficer(warrant->warrant(), caller_.id)) return std::nullopt;
    if (open_only_ && (disclosure.answer() != type::v1::DISCLOSURE_ANSWER_UNSPECIFIED || IsWarrantOver(*warrant, now_))) return std::nullopt;
    disclosure.clear_sealing_certificate();
    disclosure.clear_cases();
    return std::move(disclosure);
  }
  // Of all that it read.
  size_t bytes() const { return bytes_; }

 private:
  absl::StatusOr<const StoredWarrant*> WarrantOf(const Disclosure& disclosure) {
    auto known = warrants_.find(disclosure.warrant());
    if (known == warrants_.end()) {
      const auto read = PlainReaderOf(view_);
      ACCORD_ASSIGN_OR_RETURN(StoredWarrant warrant, WarrantOfDisclosure(read, disclosure));
      known = warrants_.emplace(disclosure.warrant(), std::move(warrant)).first;
    }
    return &known->second;
  }
  const ReadView& view_;
  const Caller& caller_;
  const bool open_only_;
  const absl::Time now_;
  size_t bytes_ = 0;
  std::map<std::string, StoredWarrant> warrants_;
};

}  // namespace

absl::StatusOr<DisclosurePage> ListDisclosures(const ReadView& view, const Caller& caller, std::optional<uint64_t> before, bool open_only, int size,
                                               absl::Time now) {
  DisclosurePage page;
  ACCORD_ASSIGN_OR_RETURN(const auto viewer, ViewerOf(view, caller));
  if (!viewer.has_value()) return page;
  const std::string prefix = DisclosureListPrefix(open_only ? DisclosureList::kOpen : DisclosureList::kAll, *viewer);
  storage::Range range = storage::Prefix(prefix);
  if (before.has_value()) range.upper = prefix + KeyU64(*before);
  range.descending = true;
  PageJudge judge(view, caller, open_only, now);
  std::optional<uint64_t> last;
  absl::Status failed;
  int looked_at = 0;
  size_t listed_bytes = 0;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyDisclosure, range, [&](std::string_view key, std::string_view) {
    const bool full = static_cast<int>(page.disclosures.size()) == size || listed_bytes >= kDisclosurePageBytesMax;
    if (full || looked_at++ == kDisclosuresLookedAtMax || judge.bytes() >= kDisclosureBytesLookedAtMax) {
      page.next = last;
      return false;
    }
    last = U64FromKey(key.substr(prefix.size()));
    auto disclosure = judge.Read(last.value_or(0));
    failed = last.has_value() ? disclosure.status() : Error(Reason::kStoreCorrupt, "a row of the lists of disclosures does not parse");
    if (!failed.ok()) return false;
    if (!disclosure->has_value()) return true;
    listed_bytes += (*disclosure)->ByteSizeLong();
    page.disclosures.push_back(**std::move(disclosure));
    return true;
  }));
  ACCORD_RETURN_IF_ERROR(failed);
  return page;
}

absl::StatusOr<inspection::v1::GetDisclosureResponse> GetDisclosure(const ReadView& view, const Caller& agency, uint64_t number) {
  if (agency.kind != options::v1::CALLER_AGENCY) return NoSuchDisclosure();
  const DisclosureViewer viewer{DisclosureViewerKind::kAgency, agency.id, agency.desk};
  ACCORD_ASSIGN_OR_RETURN(const auto listed, view.Get(kFamilyDisclosure, DisclosureListKey(DisclosureList::kAll, viewer, number)));
  if (!listed.has_value()) return NoSuchDisclosure();
  const auto sealed = SealedReaderOf(view);
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadDisclosure(sealed, number));
  if (!stored.has_value()) {
    const auto read = PlainReaderOf(view);
    return DisclosureGone(read, number);
  }
  inspection::v1::GetDisclosureResponse response;
  *response.mutable_disclosure() = std::move(*stored->mutable_disclosure());
  response.mutable_disclosure()->clear_cases();
  response.set_persons(stored->persons());
  response.set_asked_request_id(stored->asked_request_id());
  return response;
}

}  // namespace accord::broker
