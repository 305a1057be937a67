#include "services/broker/trails/trail.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/parallel.h"
#include "common/base/status.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/trails/index.h"
#include "services/broker/trails/looks.h"

namespace accord::broker {
namespace {

using storage::v1::StoredReferral;

// Most of a row's time is waiting for its leaf and its openings, which lie anywhere in a long log.
constexpr uint64_t kRowsAtOnce = 64;
constexpr size_t kTrailReaders = 4;

absl::Status NotPermitted() {
  return Error(Reason::kNotPermitted, "no such trail, or it is not for this caller");
}
absl::Status NoRecord() { return Error(Reason::kEntryNotFound, "no record in Accord"); }

// The same for whoever may not know, whether it is there or not.
absl::Status NoReferral(const Caller& caller) {
  if (caller.kind == options::v1::CALLER_AGENCY) return NotPermitted();
  return Error(Reason::kReferralNotFound, "no record in Accord of such a referral");
}

// True when content or notice of `referral` was released to `agency`: before that it is no party that may know.
absl::StatusOr<bool> WasReleasedTo(const ReadView& view, const StoredReferral& referral, const Caller& agency) {
  for (const auto& recipient : referral.recipients()) {
    if (recipient.agency() != agency.id || !IsDeskOf(agency, recipient.desk())) continue;
    ACCORD_ASSIGN_OR_RETURN(const bool released, WasReleased(view, recipient));
    if (released) return true;
  }
  return false;
}

absl::Status BeyondWarrant(std::string_view dimension) {
  return Error(Reason::kWarrantScope, "it lies outside what the warrant covers", {{"dimension", std::string(dimension)}});
}

// Of a referral that an inspector asks about: whether the warrant covers it, and who will see that it was asked.
absl::Status JudgeReferral(const ReadView& view, const TrailAsker& asker, const StoredReferral& stored, Trail& trail) {
  ACCORD_ASSIGN_OR_RETURN(const auto entry, ReadIndexed(view, stored.stored_index()));
  if (!entry.has_value()) return NoReferral(asker.caller);
  const std::string_view dimension = trail.scope.UncoveredSubject(FactsOf(*entry, asker.directory, view));
  if (!dimension.empty()) return BeyondWarrant(dimension);
  for (const std::string& pseudonym : stored.cases()) {
    if (trail.scope.UncoveredCase({.cases = {pseudonym}}).empty()) trail.cases.push_back(pseudonym);
  }
  ACCORD_ASSIGN_OR_RETURN(trail.query.looked_at, PartiesOf(view, trail.query.draft.referral->sender(), stored));
  trail.every_entry = false;
  return absl::OkStatus();
}

absl::Status OpenReferral(const ReadView& view, const TrailAsker& asker, Trail& trail) {
  const Caller& caller = asker.caller;
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.GetSealed(kFamilyReferral, trail.about.key));
  if (!bytes.has_value()) return NoReferral(caller);
  StoredReferral stored;
  if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored referral does not parse");
  auto entry = ReadEntry(view, stored.stored_index());
  if (HasReason(entry.status(), Reason::kEntryNotFound)) return NoReferral(caller);  // Not under a checkpoint yet.
  ACCORD_RETURN_IF_ERROR(entry);
  const EntryParts& parts = entry->parts;
  if (!parts.referral.has_value()) return Error(Reason::kStoreCorrupt, "a referral's first entry does not name it");

  auto& about = trail.query.draft.referral.emplace();
  about.set_header_digest(trail.about.key);
  about.set_sender(parts.referral->sender());
  about.set_request_id(parts.referral->request_id());
  trail.every_entry = true;
  if (caller.kind == options::v1::CALLER_AGENCY && about.sender() != caller.id) {
    ACCORD_ASSIGN_OR_RETURN(const bool released, WasReleasedTo(view, stored, caller));
    if (!released) return NotPermitted();
    about.set_recipient(caller.id);
    about.set_desk(caller.desk);
    trail.every_entry = false;
  }
  trail.query.draft.chains = ChainsOf(stored);
  if (caller.kind == options::v1::CALLER_INSPECTOR) return JudgeReferral(view, asker, stored, trail);
  if (trail.every_entry) trail.cases.assign(stored.cases().begin(), stored.cases().end());
  return absl::OkStatus();
}

// The chain that is walked, as of after the query's entry.
absl::StatusOr<std::string> ChainOf(const ReadView& view, const Trail& trail) {
  if (!trail.query.draft.chains.empty()) return trail.query.draft.chains.front();
  ACCORD_ASSIGN_OR_RETURN(const auto pseudonym, view.Get(kFamilyMeta, PrincipalChainKey(trail.query.principal)));
  if (!pseudonym.has_value()) return NoRecord();
  return *pseudonym;
}

// The query's entry, and its sequence in the chain that is walked.
struct OwnQuery {
  StoredEntry entry;
  uint64_t sequence = 0;
};

// What the query was about, if that was one referral. One about a referral stands on the chains of its cases too, as one by a filter may, but who is told of it is
// not who is told of a look at the whole case.
std::string_view DigestOf(const std::optional<type::v1::EntryReferral>& about) {
  return about.has_value() ? std::string_view(about->header_digest()) : std::string_view();
}

// ENTRY_NOT_FOUND when it is not what it should be.
absl::StatusOr<OwnQuery> ReadOwnQuery(const ReadView& view, const TrailAsker& asker, const Trail& trail, const std::string& chain, uint64_t query_index) {
  OwnQuery query;
  ACCORD_ASSIGN_OR_RETURN(query.entry, ReadEntry(view, query_index));
  const EntryParts& parts = query.entry.parts;
  const EntryDraft& asked = trail.query.draft;
  if (!IsOpenQuery(parts, static_cast<int64_t>(query.entry.parsed.time_ms), asked.event.type(), asked.event.query_digest(), asker.caller, asker.now) ||
      parts.event->warrant() != trail.scope.warrant_id() || DigestOf(parts.referral) != DigestOf(asked.referral)) {
    return NoRecord();
  }
  const auto& links = query.entry.parsed.chains;
  const auto link = std::find_if(links.begin(), links.end(), [&](const ledger::Chain& of) { return of.pseudonym == chain; });
  if (link == links.end()) return NoRecord();
  query.sequence = link->sequence;
  return query;
}

// The leaf indices of the chain's entries [from, end), in order; `first` are those of its first.
absl::StatusOr<std::vector<uint64_t>> IndicesOf(const ReadView& view, const std::string& chain, std::span<const uint64_t> first, uint64_t from, uint64_t end) {
  std::vector<uint64_t> indices;
  for (uint64_t at = from; at < std::min<uint64_t>(end, first.size()); ++at) indices.push_back(first[at]);
  if (from + indices.size() == end) return indices;
  bool whole = true;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyChainEntry, {.lower = ChainEntryKey(chain, from + indices.size()), .upper = ChainEntryKey(chain, end)},
                                   [&](std::string_view key, std::string_view value) {
                                     const auto index = U64FromKey(value);
                                     whole = index.has_value() && key == ChainEntryKey(chain, from + indices.size());
                                     if (whole) indices.push_back(*index);
                                     return whole;
                                   }));
  if (!whole || indices.size() != end - from) return Error(Reason::kStoreCorrupt, "an entry of a chain is not there");
  return indices;
}

// The row of `stored`, the entry at `index`; nothing when the asker is not to be shown it.
absl::StatusOr<std::optional<TrailEntry>> RowOf(const ReadView& view, const TrailAsker& asker, const Trail& trail, uint64_t index, StoredEntry stored,
                                                bool of_query) {
  TrailEntry row;
  row.index = index;
  if (asker.caller.kind == options::v1::CALLER_INSPECTOR) {
    auto entry = Indexed(index, std::move(stored));
    // Of what was erased nobody can say any more whether the warrant covered it.
    if (!entry.has_value() || (!of_query && !trail.scope.Covers(FactsOf(*entry, asker.directory, view)))) return std::nullopt;
    row.time_ms = entry->time_ms;
    row.openings = std::move(entry->openings);
    row.parts = std::move(entry->parts);
    row.leaf = std::move(entry->leaf);
    return row;
  }
  row.time_ms = static_cast<int64_t>(stored.parsed.time_ms);
  row.erased = stored.openings.openings().empty();
  row.leaf = std::move(stored.leaf);
  row.openings = OpeningsFor(stored.openings, asker.caller);
  if (row.openings.size() == static_cast<size_t>(stored.openings.openings_size())) {
    row.parts = std::move(stored.parts);
  } else {
    ACCORD_ASSIGN_OR_RETURN(row.parts, ReadParts(row.openings));
  }
  if (!trail.every_entry && row.openings.empty()) return std::nullopt;
  return row;
}

// The entries at `indices` that are not among `entries`, read into it.
absl::Status ReadMissing(const ReadView& view, Executor& executor, std::span<const uint64_t> indices, std::unordered_map<uint64_t, StoredEntry>& entries) {
  std::vector<uint64_t> missing;
  for (const uint64_t index : indices) {
    if (!entries.contains(index)) missing.push_back(index);
  }
  const auto looks = LooksAt(missing);
  std::vector<absl::StatusOr<std::vector<StoredEntry>>> read(looks.size());
  InParallel(executor, looks.size(), kTrailReaders, [&](size_t i) { read[i] = ReadEntries(view, looks[i]); });
  for (size_t i = 0; i < looks.size(); ++i) {
    ACCORD_RETURN_IF_ERROR(read[i].status());
    for (size_t j = 0; j < looks[i].size(); ++j) entries.emplace(looks[i][j], std::move((*read[i])[j]));
  }
  return absl::OkStatus();
}

size_t SizeOf(const TrailEntry& row) {
  size_t size = row.leaf.size();
  for (const auto& opening : row.openings) size += opening.content().size() + opening.salt().size();
  return size;
}

}  // namespace

bool IsOpenQuery(const EntryParts& parts, int64_t time_ms, type::v1::EventType type, std::string_view digest, const Caller& caller, absl::Time now) {
  return parts.event.has_value() && parts.event->type() == type && parts.event->query_digest() == digest && parts.actor.has_value() &&
         parts.actor->principal() == caller.principal && absl::FromUnixMillis(time_ms) + kTrailQueryLife >= now;
}

bool IsPurpose(std::string_view purpose) {
  constexpr std::string_view kOthers = "._:/-";
  return purpose.size() <= kPurposeCharsMax && std::all_of(purpose.begin(), purpose.end(), [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  kOthers.find(c) != kOthers.npos;
         });
}

absl::StatusOr<Trail> OpenTrail(const ReadView& view, const TrailAsker& asker, TrailAbout about) {
  const Caller& caller = asker.caller;
  const bool agency = caller.kind == options::v1::CALLER_AGENCY;
  if (agency && (about.what != TrailAbout::What::kReferral || !asker.warrant.empty())) return NotPermitted();
  Trail trail;
  if (!agency) {
    ACCORD_ASSIGN_OR_RETURN(trail.scope, OpenScope(view, caller, asker.warrant, asker.now));
    if (!trail.scope.identities() || !trail.scope.rows()) return BeyondWarrant("kind");
  }
  trail.about = std::move(about);
  trail.query = QueryEntryOf(caller, trail.scope, type::v1::EVENT_TYPE_TRAIL_QUERIED, asker.method, asker.purpose);
  switch (trail.about.what) {
    case TrailAbout::What::kReferral:
      ACCORD_RETURN_IF_ERROR(OpenReferral(view, asker, trail));
      return trail;
    case TrailAbout::What::kCase: {
      ACCORD_ASSIGN_OR_RETURN(const auto stored, view.Get(kFamilyCase, trail.about.key));
      if (!stored.has_value()) return NoRecord();
      trail.query.draft.chains.push_back(trail.about.key);
      break;
    }
    case TrailAbout::What::kAgency: {
      if (caller.kind != options::v1::CALLER_ADMIN) return NotPermitted();
      ACCORD_ASSIGN_OR_RETURN(const auto stored, view.Get(kFamilyAgency, trail.about.key));
      if (!stored.has_value()) return NoRecord();
      trail.query.principal = PrincipalName(options::v1::CALLER_AGENCY, trail.about.key);
      break;
    }
  }
  trail.every_entry = caller.kind == options::v1::CALLER_ADMIN;
  if (trail.every_entry) return trail;
  if (!trail.scope.UncoveredCase({.cases = {trail.about.key}}).empty()) return BeyondWarrant("case");
  ACCORD_ASSIGN_OR_RETURN(trail.query.looked_at, PartiesOfCase(view, trail.about.key));
  return trail;
}

std::shared_ptr<EntriesAhead> AheadOf(std::shared_ptr<const ReadView> view, const Trail& trail, int entries_max) {
  auto chain = ChainOf(*view, trail);
  return chain.ok() ? std::make_shared<EntriesAhead>(std::move(view), *std::move(chain), entries_max) : nullptr;
}

absl::StatusOr<TrailPage> ReadTrail(const ReadView& view, Executor& executor, const TrailAsker& asker, const Trail& trail, uint64_t query_index,
                                    uint64_t from, int entries_max) {
  ACCORD_ASSIGN_OR_RETURN(const std::string chain, ChainOf(view, trail));
  ACCORD_ASSIGN_OR_RETURN(OwnQuery own, ReadOwnQuery(view, asker, trail, chain, query_index));
  const uint64_t end = own.sequence;
  TrailPage page;
  if (from > end) return page;
  const uint64_t until = std::min(end + 1, from + static_cast<uint64_t>(trail.every_entry ? entries_max : kTrailEntriesScannedMax));
  EntriesAhead::Taken ahead;
  if (trail.ahead != nullptr) ahead = trail.ahead->Take(view);
  ACCORD_ASSIGN_OR_RETURN(std::vector<uint64_t> indices, IndicesOf(view, chain, ahead.indices, from, std::min(until, end)));
  std::unordered_map<uint64_t, StoredEntry> entries = std::move(ahead.entries);
  if (until > end) {
    indices.push_back(query_index);
    entries.insert_or_assign(query_index, std::move(own.entry));
  }
  size_t bytes = 0;
  uint64_t next = from;
  const auto full = [&] { return static_cast<int>(page.entries.size()) >= entries_max || bytes >= kTrailPageBytesMax; };
  while (next < until && !full()) {
    const auto some = std::span(indices).subspan(next - from, std::min(until - next, kRowsAtOnce));
    ACCORD_RETURN_IF_ERROR(ReadMissing(view, executor, some, entries));
    for (auto index = some.begin(); index != some.end() && !full(); ++index, ++next) {
      ACCORD_ASSIGN_OR_RETURN(auto row, RowOf(view, asker, trail, *index, std::move(entries.extract(*index).mapped()), *index == query_index));
      if (!row.has_value()) continue;
      bytes += SizeOf(*row);
      page.entries.push_back(*std::move(row));
    }
  }
  page.last = next > end;
  if (!page.last) page.next_sequence = next;
  return page;
}

}  // namespace accord::broker
