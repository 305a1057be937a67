#include "services/broker/trails/receipts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/ledger/tlog_proof.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

using type::v1::Opening;

constexpr std::string_view kEvent = "event";
constexpr std::string_view kActor = "actor";
constexpr std::string_view kReferral = "referral";
constexpr std::string_view kDecisions = "decisions";

// The events of which their recipient may know; all others are its sender's alone.
constexpr std::array kOfRecipients = {
    type::v1::EVENT_TYPE_RELEASED,    type::v1::EVENT_TYPE_DELIVERED, type::v1::EVENT_TYPE_DELIVERY_NACKED,
    type::v1::EVENT_TYPE_DEAD_LETTER, type::v1::EVENT_TYPE_STATEMENT, type::v1::EVENT_TYPE_REFERRAL_READ,
    type::v1::EVENT_TYPE_TRAIL_QUERIED, type::v1::EVENT_TYPE_HOLD_DELIVERED, type::v1::EVENT_TYPE_HOLD_ANSWERED,
    type::v1::EVENT_TYPE_DUTY_ALERTED, type::v1::EVENT_TYPE_LINK_PROPOSED,
};

// Of these no agency may know by its part in the referral: what is found about cases is content of category `case_history`.
constexpr std::array kOfNoAgency = {type::v1::EVENT_TYPE_CASE_FLAGGED};

// Of these only if it acted itself: what its sender does about a dead letter may be about what it was never permitted.
constexpr std::array kOfActingRecipients = {type::v1::EVENT_TYPE_DEAD_LETTER_REQUEUED, type::v1::EVENT_TYPE_DEAD_LETTER_DISCARDED};

// What an inspector's own questions are: their entries say nothing but what was asked.
constexpr std::array kOfAskingInspectors = {type::v1::EVENT_TYPE_TRAIL_QUERIED, type::v1::EVENT_TYPE_QUESTION_ASKED, type::v1::EVENT_TYPE_SAMPLE_DRAWN,
                                            type::v1::EVENT_TYPE_BUNDLE_EXPORTED};

// True when `principal` is the agency or one of its workloads.
bool IsOf(std::string_view principal, const Caller& agency) {
  const std::string_view own = agency.principal;
  return principal == own || (principal.starts_with(own) && principal.substr(own.size()).starts_with('/'));
}

std::vector<Opening> Only(const storage::v1::StoredOpenings& stored, std::initializer_list<std::string_view> labels) {
  std::vector<Opening> some;
  for (const Opening& opening : stored.openings()) {
    if (std::find(labels.begin(), labels.end(), opening.label()) != labels.end()) some.push_back(opening);
  }
  return some;
}

template <typename Part>
absl::Status Read(const Opening& opening, std::optional<Part>& part) {
  if (!part.has_value() && part.emplace().ParseFromString(opening.content())) return absl::OkStatus();
  return Error(Reason::kStoreCorrupt, "a part of an entry does not parse, or is there twice");
}

absl::StatusOr<EntryParts> PartsOf(const auto& openings) {
  EntryParts parts;
  for (const Opening& opening : openings) {
    if (opening.label() == kEvent) {
      ACCORD_RETURN_IF_ERROR(Read(opening, parts.event));
    } else if (opening.label() == kActor) {
      ACCORD_RETURN_IF_ERROR(Read(opening, parts.actor));
    } else if (opening.label() == kReferral) {
      ACCORD_RETURN_IF_ERROR(Read(opening, parts.referral));
    } else if (opening.label() == kDecisions) {
      ACCORD_RETURN_IF_ERROR(Read(opening, parts.decisions));
    } else {
      return Error(Reason::kStoreCorrupt, "an entry has a part of no known kind");
    }
  }
  return parts;
}

// An entry without its openings.
absl::StatusOr<StoredEntry> EntryOf(std::string leaf) {
  StoredEntry entry;
  entry.leaf = std::move(leaf);
  auto parsed = ledger::ParseLeaf(entry.leaf);
  if (!parsed.ok()) return Error(Reason::kStoreCorrupt, "a stored leaf does not parse");
  entry.parsed = *std::move(parsed);
  return entry;
}

// With the openings as they are stored.
absl::StatusOr<StoredEntry> EntryOf(std::string leaf, const std::string& openings) {
  ACCORD_ASSIGN_OR_RETURN(StoredEntry entry, EntryOf(std::move(leaf)));
  if (!entry.openings.ParseFromString(openings)) return Error(Reason::kStoreCorrupt, "openings of an entry do not parse");
  ACCORD_RETURN_IF_ERROR(CheckOpenings(entry));
  ACCORD_ASSIGN_OR_RETURN(entry.parts, ReadParts(entry.openings));
  return entry;
}

}  // namespace

absl::StatusOr<EntryParts> ReadParts(std::span<const Opening> openings) { return PartsOf(openings); }
absl::StatusOr<EntryParts> ReadParts(const storage::v1::StoredOpenings& openings) { return PartsOf(openings.openings()); }

std::vector<Opening> OpeningsFor(const storage::v1::StoredOpenings& stored, const Caller& viewer) {
  const std::vector<Opening> all(stored.openings().begin(), stored.openings().end());
  if (viewer.kind == options::v1::CALLER_ADMIN) return all;
  const bool inspector = viewer.kind == options::v1::CALLER_INSPECTOR;
  if ((viewer.kind != options::v1::CALLER_AGENCY && !inspector) || viewer.id.empty()) return {};
  const auto parts = ReadParts(all);
  if (!parts.ok() || !parts->event.has_value()) return {};
  if (inspector) {
    const bool own = parts->actor.has_value() && IsOf(parts->actor->principal(), viewer);
    const bool asks = std::find(kOfAskingInspectors.begin(), kOfAskingInspectors.end(), parts->event->type()) != kOfAskingInspectors.end();
    return own && asks ? Only(stored, {kEvent, kActor}) : std::vector<Opening>();
  }
  if (std::find(kOfNoAgency.begin(), kOfNoAgency.end(), parts->event->type()) != kOfNoAgency.end()) return {};
  const type::v1::EntryReferral about = parts->referral.value_or(type::v1::EntryReferral());
  if (!parts->event->warrant().empty()) {  // An embargo is nothing that an entry knows of: but whoever is asked knows that it was.
    const bool asked = IsDisclosureEvent(parts->event->type()) && IsOf(parts->event->concerns(), viewer) && IsDeskOf(viewer, about.desk());
    return asked ? Only(stored, {kEvent, kActor, kReferral}) : std::vector<Opening>();
  }
  const bool acted = parts->actor.has_value() && IsOf(parts->actor->principal(), viewer);
  if (about.sender() == viewer.id) return all;
  if (about.recipient() == viewer.id) {
    // What concerns the confidential desk, such as the agency's own staff, is not the main desk's to know.
    if (!IsDeskOf(viewer, about.desk())) return {};
    const auto type = parts->event->type();
    const bool own_act = acted && std::find(kOfActingRecipients.begin(), kOfActingRecipients.end(), type) != kOfActingRecipients.end();
    if (!own_act && std::find(kOfRecipients.begin(), kOfRecipients.end(), type) == kOfRecipients.end()) return {};
    if (acted && type != type::v1::EVENT_TYPE_RELEASED) return Only(stored, {kEvent, kActor, kReferral});
    return Only(stored, {kEvent, kReferral});
  }
  if (!acted) return {};
  if (about.header_digest().empty()) return all;
  return Only(stored, {kEvent, kActor, kReferral});
}

std::vector<Opening> ReceiptOpeningsFor(const StoredEntry& entry, std::string_view administration, const Caller& viewer) {
  if (viewer.kind == options::v1::CALLER_ADMIN) {
    const auto& chains = entry.parsed.chains;
    const EntryParts& parts = entry.parts;
    const bool own = parts.actor.has_value() && IsOf(parts.actor->principal(), viewer);
    // What is done about a hold stands there too, but says who sent and received what is held.
    const bool of_administration = chains.size() == 1 && chains[0].pseudonym == administration && !parts.referral.has_value() &&
                                   parts.event.has_value() && parts.event->hold().empty();
    if (!own && !of_administration) return {};
  }
  return OpeningsFor(entry.openings, viewer);
}

absl::StatusOr<StoredEntry> ReadLeaf(const ReadView& view, uint64_t index) {
  ACCORD_ASSIGN_OR_RETURN(std::string leaf, view.ledger().Leaf(index));
  return EntryOf(std::move(leaf));
}

absl::Status CheckOpenings(const StoredEntry& entry) {
  for (const Opening& opening : entry.openings.openings()) {
    if (ledger::LeafOpens(entry.parsed, {opening.label(), opening.salt(), opening.content()})) continue;
    return Error(Reason::kStoreCorrupt, "an opening of an entry is not its leaf's");
  }
  return absl::OkStatus();
}

absl::StatusOr<StoredEntry> ReadEntry(const ReadView& view, uint64_t index) {
  ACCORD_ASSIGN_OR_RETURN(std::string leaf, view.ledger().Leaf(index));
  ACCORD_ASSIGN_OR_RETURN(const auto openings, view.GetSealed(kFamilyOpening, KeyU64(index)));
  return EntryOf(std::move(leaf), openings.value_or(""));
}

absl::StatusOr<std::vector<StoredEntry>> ReadEntries(const ReadView& view, std::span<const uint64_t> indices) {
  std::vector<std::string> keys;
  for (const uint64_t index : indices) keys.push_back(KeyU64(index));
  ACCORD_ASSIGN_OR_RETURN(auto leaves, view.ledger().LeavesAt(indices));
  ACCORD_ASSIGN_OR_RETURN(const auto openings, view.GetManySealed(kFamilyOpening, keys));
  std::vector<StoredEntry> entries;
  for (size_t i = 0; i < indices.size(); ++i) {
    ACCORD_ASSIGN_OR_RETURN(entries.emplace_back(), EntryOf(std::move(leaves[i]), openings[i].value_or("")));
  }
  return entries;
}

absl::StatusOr<type::v1::Receipt> MakeReceipt(const ReadView& view, uint64_t index, const Caller& viewer) {
  return MakeReceipt(view, index, viewer, view.ledger().size(), view.checkpoint().checkpoint);
}

absl::StatusOr<type::v1::Receipt> MakeReceipt(const ReadView& view, uint64_t index, const Caller& viewer, uint64_t size,
                                              std::string note) {
  const LedgerReader ledger = view.ledger();
  // Before the entry is read: how it is stored is nobody's business who asks for another tree.
  if (index >= size) return Error(Reason::kEntryNotFound, fmt::format("no entry {} in a tree of {}", index, size));
  ACCORD_ASSIGN_OR_RETURN(StoredEntry entry, ReadEntry(view, index));
  std::string administration;
  if (viewer.kind == options::v1::CALLER_ADMIN) {  // It matters to nobody else, and every act is answered with a receipt.
    ACCORD_ASSIGN_OR_RETURN(const auto chain, view.Get(kFamilyMeta, kMetaAdministrationChain));
    administration = chain.value_or("");
  }
  ledger::TlogProof proof;
  proof.extra = std::move(entry.leaf);
  proof.index = index;
  ACCORD_ASSIGN_OR_RETURN(proof.path, ledger.InclusionProof(index, size));
  proof.checkpoint = std::move(note);
  type::v1::Receipt receipt;
  receipt.set_tlog_proof(ledger::FormatTlogProof(proof));
  for (Opening& opening : ReceiptOpeningsFor(entry, administration, viewer)) *receipt.add_openings() = std::move(opening);
  return receipt;
}

}  // namespace accord::broker
