#include "services/broker/trails/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <set>
#include <utility>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/identifiers.h"
#include "common/referral/stored_events.h"
#include "common/referral/validate.h"
#include "services/broker/cases/links.h"
#include "services/broker/directory/families.h"
#include "services/broker/trails/covered.h"
#include "services/broker/trails/trail.h"

namespace accord::broker {
namespace {

using inspection::v1::TrailFilter;

constexpr std::array<uint64_t, 2> kCountedToChoose = {500, 20'000};
constexpr size_t kProductPostingsMax = 64;  // Agencies × kinds of events that are read as one.
constexpr size_t kWorkerBytesMax = 64;

absl::Status InvalidFilter(std::string_view field, std::string_view what) {
  return Error(Reason::kFieldInvalid, fmt::format("filter.{}: {}", field, what), {{"field", fmt::format("filter.{}", field)}});
}

template <typename List, typename IsOne>
absl::Status CheckFilterList(std::string_view field, const List& list, IsOne is_one, int most = kFilterValuesMax) {
  if (list.size() > most) return InvalidFilter(field, fmt::format("at most {} values", most));
  for (const auto& value : list) {
    if (!is_one(value)) return InvalidFilter(field, "one of its values cannot be");
  }
  return absl::OkStatus();
}

template <typename List, typename Value>
bool HasValue(const List& list, const Value& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Up to kPostingsAtOnce indices of the log itself.
NextIndices LogIndices(IndexRange range, bool newest_first) {
  NextIndices next;
  const uint64_t count = std::min<uint64_t>(kPostingsAtOnce, range.until - range.from);
  for (uint64_t i = 0; i < count; ++i) next.indices.push_back(newest_first ? range.until - 1 - i : range.from + i);
  next.rest = newest_first ? IndexRange{range.from, range.until - count} : IndexRange{range.from + count, range.until};
  return next;
}

// An entry and, once it is asked for, the header of its referral.
class EntryLook {
 public:
  EntryLook(const ReadView& view, const IndexedEntry& entry) : view_(view), entry_(entry) {}

  absl::StatusOr<const HeaderFacts*> Header() {
    if (!read_) {
      ACCORD_ASSIGN_OR_RETURN(header_, ReadHeaderFacts(view_, entry_));
      read_ = true;
    }
    return header_.has_value() ? &*header_ : nullptr;
  }
  absl::StatusOr<bool> Concerns(const auto& agencies) {
    const auto any = [&](const HeaderFacts* header) {
      const auto concerned = AgenciesOf(entry_.parts, header);
      return std::any_of(concerned.begin(), concerned.end(), [&](const std::string& agency) { return HasValue(agencies, agency); });
    };
    if (any(nullptr)) return true;
    if (!entry_.parts.event.has_value() || !referral::IsStoredEvent(entry_.parts.event->type())) return false;
    ACCORD_ASSIGN_OR_RETURN(const HeaderFacts* header, Header());
    return header != nullptr && any(header);
  }

 private:
  const ReadView& view_;
  const IndexedEntry& entry_;
  bool read_ = false;
  std::optional<HeaderFacts> header_;
};

// The tokens as the broker knows them, in either role that makes a case.
std::vector<CaseToken> KnownTokens(const SubjectIndexOf& index_of, const TrailFilter& filter) {
  std::vector<CaseToken> known;
  for (const auto& token : filter.subjects()) {
    for (const auto role : {type::v1::SUBJECT_ROLE_VICTIM, type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR}) known.push_back({.role = role, .token = index_of(token)});
  }
  return known;
}

absl::Status TooManyOfSubjects(std::string_view what, uint64_t limit) {
  return Error(Reason::kQueryTooCostly, fmt::format("filter.subjects: {}: ask by another token of the person, by fewer at a time, or by case", what),
               {{"field", "filter.subjects"}, {"limit", std::to_string(limit)}});
}

// Whether `scope` covers anything on the chain of a case within `period`. `looked_at`: so far, of all cases.
absl::StatusOr<bool> CoversAnyOf(const ReadView& view, const DirectorySnapshot& directory, const Scope& scope, const std::string& pseudonym, IndexRange period,
                                 uint64_t& looked_at) {
  const Posting chain{Posting::Where::kChain, pseudonym};
  for (IndexRange left = period; !left.empty();) {
    ACCORD_ASSIGN_OR_RETURN(const NextIndices next, ReadPostings(view, {&chain, 1}, left, /*newest_first=*/false));
    for (const uint64_t index : next.indices) {
      if (++looked_at > kSubjectEntriesMax) return TooManyOfSubjects("too many entries are of their cases and not of the warrant's", kSubjectEntriesMax);
      ACCORD_ASSIGN_OR_RETURN(const auto entry, ReadIndexed(view, index));
      if (entry.has_value() && scope.Covers(FactsOf(*entry, directory, view))) return true;
    }
    left = next.rest;
  }
  return false;
}

size_t BytesOf(const IndexedEntry& entry) {
  size_t bytes = entry.leaf.size();
  for (const auto& opening : entry.openings) bytes += opening.content().size() + opening.salt().size();
  return bytes;
}

}  // namespace

absl::Status ValidateFilter(const TrailFilter& filter) {
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(filter));
  ACCORD_RETURN_IF_ERROR(CheckFilterList("agencies", filter.agencies(), [](const std::string& id) { return IsAgencyId(id); }));
  ACCORD_RETURN_IF_ERROR(CheckFilterList("workers", filter.workers(), [](const std::string& worker) {
    return !worker.empty() && worker.size() <= kWorkerBytesMax;
  }));
  ACCORD_RETURN_IF_ERROR(CheckFilterList("areas", filter.areas(), [](const std::string& area) { return referral::IsGssCode(area); }));
  const auto stated = [](int value) { return value != 0; };
  ACCORD_RETURN_IF_ERROR(CheckFilterList("grades", filter.grades(), stated));
  ACCORD_RETURN_IF_ERROR(CheckFilterList("events", filter.events(), stated));
  ACCORD_RETURN_IF_ERROR(CheckFilterList("statements", filter.statements(), stated));
  ACCORD_RETURN_IF_ERROR(CheckFilterList("verdicts", filter.verdicts(), stated));
  ACCORD_RETURN_IF_ERROR(CheckFilterList("article6", filter.article6(), stated));
  ACCORD_RETURN_IF_ERROR(CheckFilterList("schedule8", filter.schedule8(), stated));
  ACCORD_RETURN_IF_ERROR(CheckFilterList("gateways", filter.gateways(), stated));
  ACCORD_RETURN_IF_ERROR(CheckFilterList(
      "case_pseudonyms", filter.case_pseudonyms(), [](const std::string& pseudonym) { return pseudonym.size() == kIdBytes; }, kFilterCasesMax));
  ACCORD_RETURN_IF_ERROR(CheckFilterList("subjects", filter.subjects(), [](const type::v1::SubjectToken& token) {
    return token.token().size() == crypto::kDigestBytes;
  }));
  if (!filter.workers().empty() && filter.agencies_size() != 1) {
    return Error(Reason::kFieldMissing, "filter.agencies: workers are those of exactly one agency", {{"field", "filter.agencies"}});
  }
  if (filter.from_ms() < 0 || filter.until_ms() < 0) return InvalidFilter("from_ms", "a time before 1970");
  if (filter.until_ms() != 0 && filter.until_ms() <= filter.from_ms()) return InvalidFilter("until_ms", "it is not after from_ms");
  const bool listed = !(filter.agencies().empty() && filter.areas().empty() && filter.grades().empty() && filter.events().empty() &&
                        filter.statements().empty() && filter.verdicts().empty() && filter.article6().empty() && filter.schedule8().empty() &&
                        filter.gateways().empty() && filter.subjects().empty() && filter.case_pseudonyms().empty());
  if (listed || filter.from_ms() != 0 || filter.until_ms() != 0) return absl::OkStatus();
  return Error(Reason::kFieldMissing, "filter: at least one list or a period is needed", {{"field", "filter"}});
}

uint64_t CoarseEntries(uint64_t entries) {
  return std::min(std::bit_ceil(std::clamp(entries, kExplainedEntriesMin, kExplainedEntriesMax)), kExplainedEntriesMax);
}

absl::StatusOr<std::vector<std::string>> CasesOfSubjects(const ReadView& view, const SubjectIndexOf& index_of, const DirectorySnapshot& directory, const Scope& scope,
                                                         const TrailFilter& filter) {
  std::set<std::string> found;
  const auto read = PlainReaderOf(view);
  for (const CaseToken& token : KnownTokens(index_of, filter)) {
    ACCORD_ASSIGN_OR_RETURN(const auto cases, CasesOfToken(read, token.role, token.token));
    ACCORD_ASSIGN_OR_RETURN(const auto row, view.Get(kFamilyCaseMatch, MatchTokenKey(token.role, token.token)));
    if (row.has_value() && cases.empty()) return TooManyOfSubjects(fmt::format("a token is in more than {} cases", kMatchCasesMax), kMatchCasesMax);
    found.insert(cases.begin(), cases.end());
  }
  std::vector<std::string> covered(found.begin(), found.end());
  if (!scope.warrant_id().empty()) {
    std::erase_if(covered, [&](const std::string& pseudonym) { return !scope.UncoveredCase({.cases = {pseudonym}}).empty(); });
    const auto& within = scope.warrant().scope();
    IndexRange period;
    ACCORD_ASSIGN_OR_RETURN(period.from, IndexAt(view, within.from_ms()));
    ACCORD_ASSIGN_OR_RETURN(period.until, IndexAt(view, within.until_ms()));
    uint64_t looked_at = 0;
    for (const std::string& pseudonym : std::exchange(covered, {})) {
      ACCORD_ASSIGN_OR_RETURN(const bool any, CoversAnyOf(view, directory, scope, pseudonym, period, looked_at));
      if (any) covered.push_back(pseudonym);
    }
  }
  if (covered.size() <= kFilterSubjectCasesMax) return covered;
  return TooManyOfSubjects(fmt::format("they are in more than {} cases", kFilterSubjectCasesMax), kFilterSubjectCasesMax);
}

absl::StatusOr<std::vector<std::string>> SubjectCasesAmong(const ReadView& view, const SubjectIndexOf& index_of, const TrailFilter& filter,
                                                           const std::set<std::string>& chains) {
  const std::vector<CaseToken> known = KnownTokens(index_of, filter);
  std::vector<std::string> cases;
  for (const std::string& chain : chains) {
    ACCORD_ASSIGN_OR_RETURN(const auto tokens, TokensOfCase(PlainReaderOf(view), chain));
    if (std::find_first_of(tokens.begin(), tokens.end(), known.begin(), known.end()) != tokens.end()) cases.push_back(chain);
  }
  return cases;
}

absl::StatusOr<TrailSearch> TrailSearch::Make(const ReadView& view, const FilterGround& ground, const TrailFilter& filter, uint64_t end) {
  TrailSearch search(ground);
  search.filter_ = filter;
  search.newest_first_ = filter.newest_first();
  int64_t from_ms = filter.from_ms(), until_ms = filter.until_ms();
  if (const auto& scope = ground.scope.warrant().scope(); !ground.scope.warrant_id().empty()) {
    from_ms = std::max(from_ms, scope.from_ms());
    until_ms = until_ms == 0 ? scope.until_ms() : std::min(until_ms, scope.until_ms());
  }
  search.range_.until = std::min(end, view.ledger().size());
  if (from_ms > 0) {
    ACCORD_ASSIGN_OR_RETURN(search.range_.from, IndexAt(view, from_ms));
  }
  if (until_ms != 0) {
    ACCORD_ASSIGN_OR_RETURN(const uint64_t until, IndexAt(view, until_ms));
    search.range_.until = std::min(search.range_.until, until);
  }
  // Before any row of the index is read: what it has by then it keeps.
  ACCORD_ASSIGN_OR_RETURN(search.indexed_, TrailIndexed(view));
  search.area_agencies_ = AgenciesIn(ground.directory, {filter.areas().begin(), filter.areas().end()});
  search.AddConditions();
  search.AddScope();
  return search;
}

void TrailSearch::Add(std::string name, std::vector<std::string> covers, std::vector<Posting> postings) {
  conditions_.push_back({std::move(name), std::move(covers), std::move(postings)});
}

void TrailSearch::AddConditions() {
  const TrailKeys& keys = ground_.keys;
  const auto numbers = [&](const std::string& name, std::string_view dimension, const auto& list) {
    std::vector<Posting> postings;
    for (const int number : list) postings.push_back({Posting::Where::kIndex, keys.Of(dimension, number)});
    if (!list.empty()) Add(name, {name}, std::move(postings));
  };
  const auto agencies = [&](const std::string& name, const auto& list) {
    std::vector<Posting> alone, with_event;
    for (const std::string& agency : list) {
      alone.push_back({Posting::Where::kIndex, keys.Of(kByAgency, agency)});
      for (const int event : filter_.events()) {
        with_event.push_back({Posting::Where::kIndex, keys.Of(kByAgencyEvent, AgencyEventValue(agency, static_cast<type::v1::EventType>(event)))});
      }
    }
    // What was stated is one kind of event, and the statement's kind is checked.
    if (filter_.events().empty() && !filter_.statements().empty()) {
      for (const std::string& agency : list) {
        with_event.push_back({Posting::Where::kIndex, keys.Of(kByAgencyEvent, AgencyEventValue(agency, type::v1::EVENT_TYPE_STATEMENT))});
      }
    }
    Add(name, {name}, std::move(alone));
    if (!with_event.empty() && with_event.size() <= kProductPostingsMax) Add(name + " and kind of event", {name, "kind of event"}, std::move(with_event));
  };
  if (!filter_.subjects().empty()) AddCases("subject", ground_.subject_cases);
  if (!filter_.case_pseudonyms().empty()) AddCases("case", {filter_.case_pseudonyms().begin(), filter_.case_pseudonyms().end()});
  if (!filter_.workers().empty()) {
    std::vector<Posting> postings;
    for (const std::string& worker : filter_.workers()) {
      postings.push_back({Posting::Where::kIndex, keys.Of(kByWorker, WorkerValue(filter_.agencies(0), worker))});
    }
    Add("worker", {"worker", "agency"}, std::move(postings));
  }
  if (!filter_.agencies().empty()) agencies("agency", filter_.agencies());
  if (!filter_.areas().empty()) agencies("area", area_agencies_);
  numbers("kind of statement", kByStatement, filter_.statements());
  numbers("verdict", kByVerdict, filter_.verdicts());
  numbers("Article 6 basis", kByArticle6, filter_.article6());
  numbers("grade", kByGrade, filter_.grades());
  numbers("kind of event", kByEvent, filter_.events());
  if (!filter_.schedule8().empty()) unindexed_.emplace_back("Schedule 8 condition");
  if (!filter_.gateways().empty()) unindexed_.emplace_back("gateway");
}

void TrailSearch::AddCases(std::string name, const std::vector<std::string>& cases) {
  std::vector<Posting> postings;
  for (const std::string& pseudonym : cases) postings.push_back({Posting::Where::kChain, pseudonym});
  Add(name, {name}, std::move(postings));
}

// A warrant narrows what is read; whether it covers an entry is judged by the entry.
void TrailSearch::AddScope() {
  const auto& scope = ground_.scope.warrant().scope();
  if (ground_.scope.warrant_id().empty()) return;
  const auto add = [&](const char* name, std::vector<Posting> postings) {
    if (!postings.empty() && postings.size() <= kProductPostingsMax) Add(name, {}, std::move(postings));
  };
  std::vector<Posting> agencies, areas, events;
  for (const std::string& agency : scope.agencies()) agencies.push_back({Posting::Where::kIndex, ground_.keys.Of(kByAgency, agency)});
  for (const std::string& agency : AgenciesIn(ground_.directory, {scope.areas().begin(), scope.areas().end()})) {
    areas.push_back({Posting::Where::kIndex, ground_.keys.Of(kByAgency, agency)});
  }
  for (const int event : scope.events()) events.push_back({Posting::Where::kIndex, ground_.keys.Of(kByEvent, event)});
  add("agency of the warrant", std::move(agencies));
  add("area of the warrant", std::move(areas));
  add("kind of event of the warrant", std::move(events));
}

absl::StatusOr<const TrailSearch::Condition*> TrailSearch::Choose(const ReadView& view) const {
  const IndexRange range{range_.from, std::min(range_.until, indexed_)};
  const Condition* chosen = nullptr;
  for (const uint64_t most : kCountedToChoose) {
    uint64_t fewest = most;
    for (const Condition& condition : conditions_) {
      // Of two that are as short the one after which less is left to check.
      ACCORD_ASSIGN_OR_RETURN(const uint64_t rows, CountPostings(view, condition.postings, range, fewest + 1));
      if (chosen != nullptr && (rows > fewest || (rows == fewest && condition.covers.size() <= chosen->covers.size()))) continue;
      chosen = &condition;
      fewest = std::min(fewest, rows);
    }
    if (fewest < most) return chosen;
  }
  // All are long: two things together before one, and else in the order above, which begins with what is seldom.
  for (const Condition& condition : conditions_) {
    if (condition.covers.size() > chosen->covers.size()) chosen = &condition;
  }
  return chosen;
}

FilterPath TrailSearch::Explain() const {
  std::vector<std::string_view> ways;
  FilterPath path;
  for (const Condition& condition : conditions_) {
    ways.push_back(condition.name);
    // Of two that can be read as one each is named by itself, and the scope below as a whole.
    if (HasValue(condition.covers, condition.name)) path.checked.push_back(condition.name);
  }
  path.by = ways.empty() ? "the log itself, entry by entry"
            : ways.size() == 1 ? std::string(ways.front())
                               : fmt::format("whichever has the fewest entries: {}", fmt::join(ways, ", "));
  path.entries = CoarseEntries(range_.empty() ? 0 : range_.until - range_.from);
  path.checked.insert(path.checked.end(), unindexed_.begin(), unindexed_.end());
  if (!ground_.scope.warrant_id().empty()) path.checked.emplace_back("scope of the warrant");
  return path;
}

absl::StatusOr<FilterPage> TrailSearch::Read(const ReadView& view, uint64_t next, int entries_max) const {
  ACCORD_ASSIGN_OR_RETURN(const Condition* chosen, Choose(view));
  FilterPage page;
  IndexRange left = range_;
  if (newest_first_) {
    left.until = std::min(left.until, next);
  } else {
    left.from = std::max(left.from, next);
  }
  size_t bytes = 0;
  int scanned = 0;
  while (!left.empty()) {
    // What the index has, or what it has not reached: whichever comes first.
    const bool beyond = newest_first_ ? left.until > indexed_ : left.from >= indexed_;
    IndexRange part = left;
    if (newest_first_ && beyond) part.from = std::max(left.from, indexed_);
    if (!newest_first_ && !beyond) part.until = std::min(left.until, indexed_);
    NextIndices found = LogIndices(part, newest_first_);
    if (chosen != nullptr && !beyond) {
      ACCORD_ASSIGN_OR_RETURN(found, ReadPostings(view, chosen->postings, part, newest_first_));
    }
    for (const uint64_t index : found.indices) {
      if (static_cast<int>(page.entries.size()) >= entries_max || bytes >= kTrailPageBytesMax || scanned++ >= kTrailEntriesScannedMax) {
        page.last = false;
        page.next = newest_first_ ? index + 1 : index;
        return page;
      }
      ACCORD_ASSIGN_OR_RETURN(auto entry, ReadIndexed(view, index));
      if (!entry.has_value()) continue;
      ACCORD_ASSIGN_OR_RETURN(const bool selected, Selects(view, *entry));
      if (!selected) continue;
      bytes += BytesOf(*entry);
      page.entries.push_back(*std::move(entry));
    }
    if (newest_first_) {
      left.until = found.rest.empty() ? part.from : found.rest.until;
    } else {
      left.from = found.rest.empty() ? part.until : found.rest.from;
    }
  }
  return page;
}

absl::StatusOr<bool> TrailSearch::Selects(const ReadView& view, const IndexedEntry& entry) const {
  if (!entry.parts.event.has_value()) return false;
  const auto& event = *entry.parts.event;
  if (!filter_.events().empty() && !HasValue(filter_.events(), static_cast<int>(event.type()))) return false;
  if (!filter_.statements().empty() &&
      (event.type() != type::v1::EVENT_TYPE_STATEMENT || !HasValue(filter_.statements(), static_cast<int>(event.statement())))) {
    return false;
  }
  if (!filter_.workers().empty() &&
      (!entry.parts.actor.has_value() || AgencyOfPrincipal(entry.parts.actor->principal()) != filter_.agencies(0) ||
       !HasValue(filter_.workers(), entry.parts.actor->worker().pseudonym()))) {
    return false;
  }
  const auto on_any = [&](const auto& cases) {
    return std::any_of(entry.chains.begin(), entry.chains.end(), [&](const std::string& chain) { return HasValue(cases, chain); });
  };
  if (!filter_.subjects().empty() && !on_any(ground_.subject_cases)) return false;
  if (!filter_.case_pseudonyms().empty() && !on_any(filter_.case_pseudonyms())) return false;
  if (!filter_.verdicts().empty()) {
    const auto decisions = entry.parts.decisions.value_or(type::v1::EntryDecisions());
    if (std::none_of(decisions.decisions().begin(), decisions.decisions().end(),
                     [&](const auto& decision) { return HasValue(filter_.verdicts(), static_cast<int>(decision.verdict())); })) {
      return false;
    }
  }
  EntryLook look(view, entry);
  if (!filter_.agencies().empty()) {
    ACCORD_ASSIGN_OR_RETURN(const bool concerned, look.Concerns(filter_.agencies()));
    if (!concerned) return false;
  }
  if (!filter_.areas().empty()) {
    ACCORD_ASSIGN_OR_RETURN(const bool concerned, look.Concerns(area_agencies_));
    if (!concerned) return false;
  }
  if (!filter_.grades().empty() || !filter_.article6().empty() || !filter_.schedule8().empty() || !filter_.gateways().empty()) {
    ACCORD_ASSIGN_OR_RETURN(const HeaderFacts* header, look.Header());
    if (header == nullptr) return false;
    const auto has_any = [](const auto& asked, const auto& of_tags) {
      return asked.empty() || std::any_of(of_tags.begin(), of_tags.end(), [&](const auto one) { return HasValue(asked, static_cast<int>(one)); });
    };
    if (!filter_.grades().empty() && !HasValue(filter_.grades(), static_cast<int>(header->grade))) return false;
    if (!has_any(filter_.article6(), header->article6) || !has_any(filter_.schedule8(), header->schedule8) ||
        !has_any(filter_.gateways(), header->gateways)) {
      return false;
    }
  }
  return ground_.scope.warrant_id().empty() || ground_.scope.Covers(FactsOf(entry, ground_.directory, view));
}

}  // namespace accord::broker
