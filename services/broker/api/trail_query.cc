#include "services/broker/api/trail_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/api/paging.h"
#include "services/broker/api/table_pages.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/trails/looks.h"

namespace accord::broker {
namespace {

using inspection::v1::QueryTrailRequest;
using inspection::v1::QueryTrailResponse;

constexpr int kTrailPageDefault = 100;
constexpr std::string_view kAttested = "attested";

absl::Status InvalidTrail(std::string_view field, std::string_view what) {
  return Error(Reason::kFieldInvalid, fmt::format("{}: {}", field, what), {{"field", std::string(field)}});
}

absl::StatusOr<TrailAbout> ReadTrailAbout(const QueryTrailRequest& request) {
  switch (request.about_case()) {
    case QueryTrailRequest::kReferral:
      if (request.referral().size() != crypto::kDigestBytes) return InvalidTrail("referral", "32 bytes are needed");
      return TrailAbout{TrailAbout::What::kReferral, request.referral()};
    case QueryTrailRequest::kCasePseudonym:
      if (request.case_pseudonym().size() != kIdBytes) return InvalidTrail("case_pseudonym", "16 bytes are needed");
      return TrailAbout{TrailAbout::What::kCase, request.case_pseudonym()};
    case QueryTrailRequest::kAgency:
      if (!IsAgencyId(request.agency())) return InvalidTrail("agency", "it is no agency id");
      return TrailAbout{TrailAbout::What::kAgency, request.agency()};
    case QueryTrailRequest::kFilter:
    case QueryTrailRequest::ABOUT_NOT_SET:
      break;
  }
  return Error(Reason::kFieldMissing, "a referral, a case, an agency or a filter is needed", {{"field", "about"}});
}

absl::Status ReadTrailPosition(const QueryTrailRequest& request, TrailQuery& query) {
  ACCORD_ASSIGN_OR_RETURN(const auto position, ReadPageToken(request.page_token(), query.page_query));
  if (!position.has_value()) return absl::OkStatus();
  ByteReader reader(*position);
  auto& from = query.from.emplace();
  return reader.U64(from.query_index) && reader.U64(from.place.emplace()) && reader.AtEnd() ? absl::OkStatus() : PageTokenInvalid();
}

absl::Status BeyondScope(std::string_view dimension) {
  return Error(Reason::kWarrantScope, "it lies outside what the warrant covers", {{"dimension", std::string(dimension)}});
}

// Who will see that it was asked: of cases their parties, else whom LookedAtUnder says of the agencies and areas that are named.
absl::StatusOr<std::set<LookedAt>> LookedAtBy(const ReadView& view, const TrailQuery& query, const std::set<std::string>& cases) {
  if (query.scope.warrant_id().empty()) return std::set<LookedAt>();
  const auto& filter = *query.filter;
  if (!cases.empty()) {
    std::set<LookedAt> parties;
    for (const std::string& pseudonym : cases) {
      ACCORD_ASSIGN_OR_RETURN(auto of_case, PartiesOfCase(view, pseudonym));
      parties.merge(of_case);
    }
    return parties;
  }
  std::set<std::string> named(filter.agencies().begin(), filter.agencies().end());
  for (std::string& agency : AgenciesIn(*query.directory, {filter.areas().begin(), filter.areas().end()})) named.insert(std::move(agency));
  return LookedAtUnder(query.scope, *query.directory, named);
}

absl::Status OpenFilter(const ReadView& view, const QueryTrailRequest& request, absl::Time now, TrailQuery& query) {
  if (query.caller.kind == options::v1::CALLER_AGENCY) {
    return Error(Reason::kNotPermitted, "no such trail, or it is not for this caller");
  }
  ACCORD_ASSIGN_OR_RETURN(query.scope, OpenScope(view, query.caller, query.warrant, now));
  if (!query.scope.identities() || !query.scope.rows()) return BeyondScope("kind");
  const auto& filter = query.filter.emplace(request.filter());
  ACCORD_RETURN_IF_ERROR(ValidateFilter(filter));
  for (const std::string& pseudonym : filter.case_pseudonyms()) {
    if (!query.scope.UncoveredCase({.cases = {pseudonym}}).empty()) return BeyondScope("case");
  }
  query.entry = QueryEntryOf(query.caller, query.scope, type::v1::EVENT_TYPE_TRAIL_QUERIED, query.method, query.purpose);
  query.entry.draft.event.set_query_digest(DigestWithoutPage(request));
  // An area is whom the directory has there. All pages of one answer are of the same agencies, or they would be of two questions.
  const auto in = [&](const auto& areas) { return fmt::format("{}", fmt::join(AgenciesIn(*query.directory, {areas.begin(), areas.end()}), ",")); };
  query.page_query = PageQuery(query.method, {query.caller.principal, "filter", query.entry.draft.event.query_digest(), in(filter.areas()),
                                              in(query.scope.warrant().scope().areas())});
  return ReadTrailPosition(request, query);
}

// ERASED to whoever knew of the referral; administrators and inspectors may know of all.
absl::Status RefuseErasedTrail(const ReadView& view, const Caller& caller, const std::string& header_digest) {
  const auto read = PlainReaderOf(view);
  if (caller.kind == options::v1::CALLER_AGENCY) return RefuseIfErased(read, header_digest, caller.id, caller.desk);
  ACCORD_ASSIGN_OR_RETURN(const auto index, FindErased(read, ErasedReferralMark(header_digest)));
  return index.has_value() ? ErasedAt(*index) : absl::OkStatus();
}

absl::Status OpenChainTrail(const ReadView& view, const QueryTrailRequest& request, absl::Time now, TrailQuery& query) {
  ACCORD_ASSIGN_OR_RETURN(const TrailAbout about, ReadTrailAbout(request));
  query.page_query = PageQuery(query.method, {query.caller.principal, fmt::format("{}", static_cast<int>(about.what)), about.key, query.warrant});
  ACCORD_RETURN_IF_ERROR(ReadTrailPosition(request, query));
  auto trail = OpenTrail(view, query.asker(now), about);
  // An inspector whose warrant does not serve hears that alone.
  const bool hidden = query.caller.kind == options::v1::CALLER_AGENCY && HasReason(trail.status(), Reason::kNotPermitted);
  if (about.what == TrailAbout::What::kReferral && (hidden || HasReason(trail.status(), Reason::kReferralNotFound))) {
    ACCORD_RETURN_IF_ERROR(RefuseErasedTrail(view, query.caller, about.key));
  }
  ACCORD_ASSIGN_OR_RETURN(query.trail, std::move(trail));
  query.entry = query.trail.query;
  return absl::OkStatus();
}

void AddTrailRow(TrailEntry entry, QueryTrailResponse& response) {
  EntryParts& parts = entry.parts;
  auto& row = *response.add_rows();
  row.set_index(entry.index);
  row.set_time_ms(entry.time_ms);
  row.set_leaf(std::move(entry.leaf));
  row.set_erased(entry.erased);
  if (parts.event.has_value()) *row.mutable_event() = *std::move(parts.event);
  if (parts.actor.has_value()) *row.mutable_actor() = *std::move(parts.actor);
  if (parts.referral.has_value()) *row.mutable_referral() = *std::move(parts.referral);
  if (parts.decisions.has_value()) *row.mutable_decisions() = *std::move(parts.decisions);
  for (auto& opening : entry.openings) *row.add_openings() = std::move(opening);
}

void AddIndexedRow(IndexedEntry entry, QueryTrailResponse& response) {
  AddTrailRow({.index = entry.index, .time_ms = entry.time_ms, .leaf = std::move(entry.leaf), .openings = std::move(entry.openings),
               .parts = std::move(entry.parts)}, response);
}

absl::Status NoSuchQuery() { return Error(Reason::kEntryNotFound, "no such query of this caller, or it is over"); }

bool IsEntryOf(const TrailQuery& query, const IndexedEntry& entry, absl::Time now) {
  const type::v1::EntryEvent& asked = query.entry.draft.event;
  return IsOpenQuery(entry.parts, entry.time_ms, asked.type(), asked.query_digest(), query.caller, now);
}

// The query's own entry, if it is this caller's and of this filter.
absl::StatusOr<IndexedEntry> ReadOwnQuery(const ReadView& view, const TrailQuery& query, uint64_t index, absl::Time now) {
  ACCORD_ASSIGN_OR_RETURN(auto entry, ReadIndexed(view, index));
  if (!entry.has_value() || !IsEntryOf(query, *entry, now)) return NoSuchQuery();
  return *std::move(entry);
}

// The chains that the query of entry `own` stands on: that entry's, and those of the others of its batch that follow it.
absl::StatusOr<std::set<std::string>> ChainsOnRecord(const ReadView& view, const TrailQuery& query, const IndexedEntry& own, absl::Time now) {
  std::set<std::string> chains(own.chains.begin(), own.chains.end());
  const uint64_t end = std::min(view.ledger().size(), own.index + kFilterCasesMax + kFilterSubjectCasesMax);
  for (uint64_t index = own.index + 1; index < end; ++index) {
    ACCORD_ASSIGN_OR_RETURN(const auto entry, ReadIndexed(view, index));
    if (!entry.has_value()) continue;  // Its case was erased.
    if (entry->time_ms != own.time_ms || !IsEntryOf(query, *entry, now)) break;
    chains.insert(entry->chains.begin(), entry->chains.end());
  }
  return chains;
}

SubjectIndexOf IndexBy(const TrailWork& work) {
  return [&work](const type::v1::SubjectToken& token) { return work.linker.Index(token); };
}

absl::StatusOr<TrailSearch> SearchOf(const TrailWork& work, const ReadView& view, const TrailQuery& query, std::vector<std::string> subject_cases, uint64_t end) {
  return TrailSearch::Make(view, {work.keys, *query.directory, query.scope, std::move(subject_cases)}, *query.filter, end);
}

absl::StatusOr<std::optional<uint64_t>> AnswerFilter(const TrailWork& work, const ReadView& view, const TrailQuery& query, TrailPosition position,
                                                     absl::Time now, QueryTrailResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(IndexedEntry own, ReadOwnQuery(view, query, position.query_index, now));
  std::vector<std::string> cases = query.subject_cases;
  if (query.from.has_value() && !query.filter->subjects().empty()) {  // Those of the first page, whatever cases its subjects are in by now.
    ACCORD_ASSIGN_OR_RETURN(const auto chains, ChainsOnRecord(view, query, own, now));
    ACCORD_ASSIGN_OR_RETURN(cases, SubjectCasesAmong(view, IndexBy(work), *query.filter, chains));
    // What was recorded before subjects' cases were named, or is of none: an empty page would end an answer as if it were whole.
    if (cases.empty()) return PageTokenInvalid();
  }
  if (!query.filter->subjects().empty() && cases.empty()) {  // Nothing can be of them, however much there is to look at.
    AddIndexedRow(std::move(own), response);
    return std::nullopt;
  }
  ACCORD_ASSIGN_OR_RETURN(const TrailSearch search, SearchOf(work, view, query, std::move(cases), position.query_index));
  // The query's own row is one of the last page's.
  ACCORD_ASSIGN_OR_RETURN(FilterPage page, search.Read(view, position.place.value_or(search.begin()), query.page_size));
  for (IndexedEntry& entry : page.entries) AddIndexedRow(std::move(entry), response);
  if (!page.last) return page.next;
  AddIndexedRow(std::move(own), response);
  return std::nullopt;
}

}  // namespace

absl::StatusOr<TrailQuery> ReadTrailQuery(const TrailWork& work, const ReadView& view, const Caller& caller, std::string_view method, absl::Time now,
                                          const QueryTrailRequest& request) {
  TrailQuery query{.caller = caller, .method = std::string(method), .purpose = request.purpose(), .warrant = request.warrant(), .directory = work.directory.Get()};
  if (!request.has_filter()) ACCORD_RETURN_IF_ERROR(ReadTrailAbout(request));
  ACCORD_ASSIGN_OR_RETURN(query.page_size, PageSize(request.page_size(), kTrailPageDefault));
  if (!IsPurpose(request.purpose())) {
    return InvalidTrail("purpose", fmt::format("a code of at most {} characters is needed", kPurposeCharsMax));
  }
  ACCORD_RETURN_IF_ERROR(request.has_filter() ? OpenFilter(view, request, now, query) : OpenChainTrail(view, request, now, query));
  return query;
}

absl::Status NameOnRecord(const TrailWork& work, std::atomic<int>& searches, const ReadView& view, TrailQuery& query) {
  if (!query.filter.has_value() || query.from.has_value()) return absl::OkStatus();
  const auto& filter = *query.filter;
  std::set<std::string> cases(filter.case_pseudonyms().begin(), filter.case_pseudonyms().end());
  for (const std::string& pseudonym : cases) {
    ACCORD_ASSIGN_OR_RETURN(const auto stored, view.Get(kFamilyCase, pseudonym));
    // As the trail of one. It may be another chain, a referral's, which would else be read unseen by whom it concerns.
    if (!stored.has_value()) return Error(Reason::kEntryNotFound, "no record in Accord of one of the cases");
  }
  // An administrator's reads no entry, and needs no place.
  if (!filter.subjects().empty() && !query.scope.warrant_id().empty()) {
    ACCORD_ASSIGN_OR_RETURN(query.searching, RunningPlace::Take(searches, kSubjectSearchesAtOnceMax, "searches for cases of subjects are under way"));
  }
  ACCORD_ASSIGN_OR_RETURN(query.subject_cases, CasesOfSubjects(view, IndexBy(work), *query.directory, query.scope, filter));
  cases.insert(query.subject_cases.begin(), query.subject_cases.end());
  for (const std::string& pseudonym : cases) {
    auto& chains = query.entry.draft.chains.empty() ? query.entry.draft.chains : query.entry.others;
    chains.push_back(pseudonym);
  }
  ACCORD_ASSIGN_OR_RETURN(query.entry.looked_at, LookedAtBy(view, query, cases));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<uint64_t>> AnswerTrailPage(const TrailWork& work, const ReadView& view, const TrailQuery& query, TrailPosition position,
                                                        absl::Time now, QueryTrailResponse& response) {
  if (query.caller.kind == options::v1::CALLER_INSPECTOR) ACCORD_RETURN_IF_ERROR(OpenScope(view, query.caller, query.warrant, now));
  response.set_completeness(std::string(kAttested));
  response.set_query_index(position.query_index);
  if (query.filter.has_value()) return AnswerFilter(work, view, query, position, now, response);
  ACCORD_ASSIGN_OR_RETURN(TrailPage page, ReadTrail(view, work.executor, query.asker(now), query.trail, position.query_index, position.place.value_or(0), query.page_size));
  for (TrailEntry& entry : page.entries) AddTrailRow(std::move(entry), response);
  for (const std::string& pseudonym : query.trail.cases) response.add_case_pseudonyms(pseudonym);
  if (page.last) return std::nullopt;
  return page.next_sequence;
}

absl::StatusOr<FilterPath> ExplainTrailQuery(const TrailWork& work, const ReadView& view, const TrailQuery& query) {
  const uint64_t end = view.ledger().size();
  if (query.filter.has_value()) {
    // Which cases its subjects are in is of the record, and nobody would know that it was told.
    ACCORD_ASSIGN_OR_RETURN(const TrailSearch search, SearchOf(work, view, query, {}, end));
    return search.Explain();
  }
  FilterPath path{.by = "the chain of what is asked about"};
  if (query.caller.kind == options::v1::CALLER_INSPECTOR) path.checked.emplace_back("scope of the warrant");
  std::string chain;
  if (!query.entry.draft.chains.empty()) {
    chain = query.entry.draft.chains.front();
  } else {
    ACCORD_ASSIGN_OR_RETURN(const auto named, view.Get(kFamilyMeta, PrincipalChainKey(query.entry.principal)));
    chain = named.value_or("");
  }
  const Posting posting{Posting::Where::kChain, chain};
  ACCORD_ASSIGN_OR_RETURN(path.entries, CountPostings(view, {&posting, 1}, {0, end}, kExplainedEntriesMax));
  path.entries = CoarseEntries(path.entries);
  return path;
}

}  // namespace accord::broker
