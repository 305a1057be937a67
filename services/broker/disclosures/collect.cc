#include "services/broker/disclosures/collect.h"

#include <set>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/header.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/disclosures/held.h"
#include "services/broker/disclosures/sealed_for.h"

namespace accord::broker {
namespace {

using storage::v1::StoredDisclosure;

absl::Status ContentGone() { return Error(Reason::kErased, "what was released was deleted, as the warrant is long over"); }

absl::Status NothingReleased(const StoredDisclosure& stored) {
  return Error(Reason::kTransitionIllegal, "nothing was released",
               {{"state", type::v1::DisclosureAnswer_Name(stored.disclosure().answer())}});
}

}  // namespace

absl::StatusOr<std::set<LookedAt>> OthersOfCollection(const ReadView& view, const Caller& caller, uint64_t number) {
  const auto sealed = SealedReaderOf(view);
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadDisclosure(sealed, number));
  // Of what is not the caller's nothing more is read: how long that took would tell of it.
  if (!stored.has_value() || stored->disclosure().inspector() != caller.id) return std::set<LookedAt>();
  const auto& disclosure = stored->disclosure();
  std::vector<std::string> cases;
  for (const auto& of_case : disclosure.cases()) cases.push_back(of_case.case_pseudonym());
  return OthersOfCases(view, cases, {.agency = disclosure.agency(), .desk = disclosure.desk()});
}

absl::Status ReadDisclosureCommand::Load(CommitContext& context) {
  const auto read = PlainReaderOf(context);
  const auto sealed = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const std::string body, BodyOfInspector(read, caller_));
  const DisclosureViewer viewer{DisclosureViewerKind::kInspectorate, body};
  ACCORD_ASSIGN_OR_RETURN(const auto listed, context.Get(kFamilyDisclosure, DisclosureListKey(DisclosureList::kAll, viewer, number_)));
  if (body.empty() || !listed.has_value()) return NoSuchDisclosure();
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadDisclosure(sealed, number_));
  if (!stored.has_value()) return DisclosureGone(read, number_);
  if (stored->disclosure().inspector() != caller_.id) return NoSuchDisclosure();
  stored_ = *std::move(stored);
  return absl::OkStatus();
}

absl::Status ReadDisclosureCommand::Apply(CommitContext& context) {
  ACCORD_RETURN_IF_ERROR(Load(context));
  if (stored_.gone()) return ContentGone();
  const auto read = PlainReaderOf(context);
  inspection::v1::Disclosure& disclosure = *stored_.mutable_disclosure();
  const auto scope = OpenScope(read, caller_, disclosure.warrant(), context.now());
  if (HasReason(scope.status(), Reason::kWarrantNotFound)) return NoSuchDisclosure();  // The officer may not use it any more.
  ACCORD_RETURN_IF_ERROR(scope);
  if (disclosure.answer() != type::v1::DISCLOSURE_ANSWER_RELEASED) return NothingReleased(stored_);
  ACCORD_ASSIGN_OR_RETURN(QueryEntry entry, DisclosureEntry(context, disclosure, type::v1::EVENT_TYPE_DISCLOSURE_READ));
  entry.draft.event.set_method(method_);
  entry.draft.event.set_purpose(disclosure.purpose());
  entry.draft.event.set_count(disclosure.parts());
  entry.draft.actor = ActorOf(caller_);
  ACCORD_ASSIGN_OR_RETURN(entry.looked_at, OthersWhoMaySee(context, disclosure));
  entry.looked_at.insert(others_.begin(), others_.end());
  ACCORD_RETURN_IF_ERROR(RecordUnderWarrant(context, entry).status());
  ACCORD_RETURN_IF_ERROR(RecordOnCases(context, disclosure, std::move(entry)));
  if (disclosure.collected_at_ms() != 0) return absl::OkStatus();
  disclosure.set_collected_at_ms(absl::ToUnixMillis(context.now()));
  return SaveDisclosure(context, stored_);
}

void ReadDisclosureCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(std::move(stored_));
}

absl::StatusOr<inspection::v1::CollectDisclosureResponse> CollectionOf(const ReadView& view, const StoredDisclosure& stored) {
  inspection::v1::CollectDisclosureResponse first;
  *first.mutable_disclosure() = stored.disclosure();
  *first.mutable_statement() = stored.statement();
  first.set_signing_certificate(stored.signing_certificate());
  *first.mutable_section_ids() = stored.section_ids();
  first.set_asked_request_id(stored.asked_request_id());
  if (stored.disclosure().kind() != type::v1::DISCLOSURE_KIND_SECTIONS) return first;
  const auto sealed = SealedReaderOf(view);
  ACCORD_ASSIGN_OR_RETURN(const auto referral, LoadReferral(sealed, stored.disclosure().referral()));
  if (!referral.has_value()) {
    const auto read = PlainReaderOf(view);
    return DisclosureGone(read, stored.disclosure().number());
  }
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(*referral));
  *first.mutable_header() = referral->header();
  // Of no recipient: who else was to have it, the inspector reads on the record.
  const std::set<std::string> released(stored.section_ids().begin(), stored.section_ids().end());
  for (auto& opening : referral::OpeningsForRecipient(header, "", released)) *first.add_openings() = std::move(opening);
  return first;
}

absl::StatusOr<std::string> ReadDisclosedPart(const ReadView& view, const StoredDisclosure& stored, uint32_t part) {
  ACCORD_ASSIGN_OR_RETURN(auto bytes, view.GetSealed(kFamilyDisclosed, DisclosedKey(stored.disclosure().number(), part)));
  if (bytes.has_value()) return *std::move(bytes);
  const auto sealed = SealedReaderOf(view);
  ACCORD_ASSIGN_OR_RETURN(const auto now, LoadDisclosure(sealed, stored.disclosure().number()));
  if (now.has_value() && now->gone()) return ContentGone();
  const auto read = PlainReaderOf(view);
  return DisclosureGone(read, stored.disclosure().number());
}

}  // namespace accord::broker
