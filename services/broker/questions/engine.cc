#include "services/broker/questions/engine.h"

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include "common/base/ids.h"
#include "common/base/parallel.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/history.h"
#include "services/broker/questions/asked.h"
#include "services/broker/questions/case_groups.h"
#include "services/broker/questions/coverage.h"
#include "services/broker/questions/left_out.h"
#include "services/broker/questions/rows.h"

namespace accord::broker {
namespace {

using inspection::v1::AskQuestionRequest;
using inspection::v1::Table;

constexpr size_t kFactsAtOnce = 256;  // Read before they are judged, and before other work of the executor has its turn.

absl::Status QuestionInvalid(std::string_view field, std::string_view what) {
  return Error(Reason::kFieldInvalid, fmt::format("{}: {}", field, what), {{"field", std::string(field)}});
}
absl::Status QuestionMissing(std::string_view field) {
  return Error(Reason::kFieldMissing, fmt::format("{} is needed", field), {{"field", std::string(field)}});
}
absl::Status OutsideWarrant(std::string_view dimension) {
  return Error(Reason::kWarrantScope, fmt::format("it lies outside what the warrant covers: {}", dimension), {{"dimension", std::string(dimension)}});
}

// Parameters of the request that are set, but for those that every question takes.
std::vector<std::string_view> AskedParameters(const AskQuestionRequest& request) {
  std::vector<std::string_view> asked;
  const auto add = [&](bool set, std::string_view name) {
    if (set) asked.push_back(name);
  };
  add(request.areas_size() > 0, "areas");
  add(request.agencies_size() > 0, "agencies");
  add(request.from_ms() != 0, "from_ms");
  add(request.until_ms() != 0, "until_ms");
  add(request.grades_size() > 0, "grades");
  add(!request.case_pseudonym().empty(), "case_pseudonym");
  add(!request.referral().empty(), "referral");
  add(request.days() != 0, "days");
  add(request.count() != 0, "count");
  add(request.as_at_ms() != 0, "as_at_ms");
  add(request.age_bands_size() > 0, "age_bands");
  add(request.for_publication(), "for_publication");
  return asked;
}

absl::Status CheckParameters(const AskQuestionRequest& request, const Question& question) {
  const std::vector<std::string> takes = ParametersOf(question);
  const std::vector<std::string_view> asked = AskedParameters(request);
  for (const std::string_view name : asked) {
    const bool taken = std::any_of(takes.begin(), takes.end(), [&](std::string_view one) { return one == name || one == std::string(name) + '!'; });
    if (!taken) return QuestionInvalid(name, fmt::format("question {} does not take it", question.number));
  }
  for (std::string_view one : takes) {
    if (!one.ends_with('!')) continue;
    one.remove_suffix(1);
    if (std::find(asked.begin(), asked.end(), one) == asked.end()) return QuestionMissing(one);
  }
  return absl::OkStatus();
}

absl::Status CheckValues(const AskQuestionRequest& request, const Question& question) {
  ACCORD_RETURN_IF_ERROR(CheckAskedLists(request.areas(), request.grades(), request.age_bands()));
  if (request.agencies_size() > kQuestionValuesMax) return QuestionInvalid("agencies", fmt::format("at most {}", kQuestionValuesMax));
  for (const std::string& agency : request.agencies()) {
    if (!IsAgencyId(agency)) return QuestionInvalid("agencies", "one is no agency id");
  }
  if (request.days() > kQuestionDaysMax) return QuestionInvalid("days", fmt::format("at most {}", kQuestionDaysMax));
  if (request.count() > kQuestionCountMax) return QuestionInvalid("count", fmt::format("at most {}", kQuestionCountMax));
  if (request.as_at_ms() < 0) return QuestionInvalid("as_at_ms", "it is before 1970");
  if (!question.one) return CheckPeriod(request.from_ms(), request.until_ms());
  if (request.from_ms() != 0 || request.until_ms() != 0) ACCORD_RETURN_IF_ERROR(CheckPeriod(request.from_ms(), request.until_ms()));
  const bool about_case = !request.case_pseudonym().empty(), about_referral = !request.referral().empty();
  if (!about_case && !about_referral) return QuestionMissing("case_pseudonym");
  if (about_case && about_referral) return QuestionInvalid("referral", "a case or a referral, not both");
  if (about_case && request.case_pseudonym().size() != kIdBytes) return QuestionInvalid("case_pseudonym", "16 bytes are needed");
  if (about_referral && request.referral().size() != crypto::kDigestBytes) return QuestionInvalid("referral", "32 bytes are needed");
  if (request.agencies_size() > 1) return QuestionInvalid("agencies", "exactly one is needed");
  return absl::OkStatus();
}

std::set<std::string> AreasOf(const std::set<std::string>& agencies, const DirectorySnapshot& directory) {
  std::set<std::string> areas;
  for (const std::string& agency : agencies) {
    const AgencyRow* const row = directory.FindAgency(agency);
    if (row != nullptr) areas.insert(row->agency.areas().begin(), row->agency.areas().end());
  }
  return areas;
}

// Of an entry that is no referral's stored one: whoever acted and was to receive, and `senders`, whose referrals it is about.
ScopeFacts ScopeFactsOfEvent(const FactEvent& event, std::set<std::string> senders, std::set<std::string> cases, const DirectorySnapshot& directory) {
  ScopeFacts judged;
  judged.time_ms = event.time_ms;
  judged.event = event.event.type();
  judged.agencies = std::move(senders);
  for (const std::string& agency : {event.agency, event.recipient}) {
    if (!agency.empty()) judged.agencies.insert(agency);
  }
  judged.areas = AreasOf(judged.agencies, directory);
  judged.cases = std::move(cases);
  return judged;
}

// Reads facts, each referral once, and judges them.
class FactsReader {
 public:
  // Of one case or referral (`one`) every opening is checked against its leaf again, as question 22 says.
  FactsReader(const ReadView& view, Executor& executor, const DirectorySnapshot& directory, const Scope& scope, const AskQuestionRequest& request,
              uint64_t tree_size, bool one)
      : view_(view), executor_(executor), directory_(directory), scope_(scope), as_at_ms_(request.as_at_ms()), tree_size_(tree_size),
        from_(one ? FactsFrom::kLog : FactsFrom::kKept) {}

  // Into `into` each that is not outside the scope, not erased, and not of after the tree or what is asked as at. REQUIRES: none was read before.
  absl::Status ReadStored(std::span<const uint64_t> indices, std::vector<ReferralFacts>& into) {
    ACCORD_RETURN_IF_ERROR(Bound(indices.size()));
    return Read(indices, [&](uint64_t index) { return ReadFacts(view_, index, tree_size_); }, erased_, into);
  }
  // The same of the referrals of `cases` that were not read before.
  absl::Status ReadCases(const std::set<std::string>& cases, std::vector<ReferralFacts>& into) {
    const std::vector<std::string> pseudonyms(cases.begin(), cases.end());
    std::vector<absl::StatusOr<std::vector<std::string>>> found(pseudonyms.size());
    InParallel(executor_, pseudonyms.size(), kFactReaders, [&](size_t i) { found[i] = DigestsOfCase(view_, pseudonyms[i], kQuestionReferralsMax); });
    std::vector<std::string> unread;
    std::set<std::string> others;
    for (const auto& of_case : found) {
      ACCORD_RETURN_IF_ERROR(of_case.status());
      for (const std::string& digest : *of_case) {
        if (!read_.contains(digest) && others.insert(digest).second) unread.push_back(digest);
      }
    }
    ACCORD_RETURN_IF_ERROR(Bound(unread.size()));
    return ReadReferrals(unread, into);
  }
  // The same of those that replaced any of `read`, one after the other: what was said of a newer version answers the older one too, whatever case it is of.
  absl::Status ReadNewer(const std::vector<ReferralFacts>& read, std::vector<ReferralFacts>& into) {
    std::vector<std::string> digests;
    for (const ReferralFacts& one : read) AddReplacedBy(one, digests);
    while (!digests.empty()) {
      ACCORD_RETURN_IF_ERROR(Bound(digests.size()));
      const size_t before = into.size();
      ACCORD_RETURN_IF_ERROR(ReadReferrals(std::exchange(digests, {}), into));
      for (size_t i = before; i < into.size(); ++i) AddReplacedBy(into[i], digests);
    }
    return absl::OkStatus();
  }
  // The same of these. One that is not there, or was stored after the tree, is not counted as erased.
  absl::Status ReadReferrals(const std::vector<std::string>& digests, std::vector<ReferralFacts>& into) {
    uint64_t gone = 0;
    return Read(std::span(digests), [&](const std::string& digest) { return ReadFactsOfReferral(view_, digest, tree_size_, from_); }, gone, into);
  }

  // What stands on the chain of `pseudonym` and on none of its referrals', which were read: judged as by their senders, `asked` being those that are covered.
  absl::Status ReadOfCase(const std::string& pseudonym, const std::vector<ReferralFacts>& asked, std::vector<FactEvent>& into) {
    ACCORD_ASSIGN_OR_RETURN(into, ReadEventsOfCase(view_, pseudonym, known_, tree_size_, kQuestionReferralsMax));
    if (as_at_ms_ != 0) std::erase_if(into, [&](const FactEvent& event) { return event.time_ms > as_at_ms_; });
    if (scope_.warrant_id().empty()) return absl::OkStatus();
    std::set<std::string> senders;
    for (const ReferralFacts& facts : asked) senders.insert(CoreOf(facts).sender());
    outside_ += std::erase_if(into, [&](const FactEvent& event) { return !scope_.Covers(ScopeFactsOfEvent(event, senders, {pseudonym}, directory_)); });
    return absl::OkStatus();
  }

  // True once a referral was there, covered or not.
  bool any() const { return !read_.empty(); }
  // How many referrals and entries the scope does not cover, and by which dimension it did not the last of the referrals.
  uint64_t outside() const { return outside_; }
  uint64_t erased() const { return erased_; }
  std::string_view uncovered() const { return uncovered_; }

 private:
  // What was read of one referral, and what of it the scope does not cover.
  struct Judged {
    absl::StatusOr<std::optional<ReferralFacts>> facts;
    uint64_t outside = 0;
    std::string_view uncovered;
    std::vector<uint64_t> indices;  // Of all its entries; of one case or referral alone.
  };

  void AddReplacedBy(const ReferralFacts& facts, std::vector<std::string>& digests) const {
    const FactEvent* const corrected = facts.FirstStatement(type::v1::STATEMENT_KIND_CORRECTION, CoreOf(facts).sender());
    if (corrected == nullptr || !corrected->statement.has_value() || read_.contains(corrected->statement->replaced_by())) return;
    digests.push_back(corrected->statement->replaced_by());
  }

  absl::Status Bound(size_t more) {
    looked_at_ += more;
    if (looked_at_ <= kQuestionReferralsMax) return absl::OkStatus();
    return Error(Reason::kQueryTooCostly, fmt::format("it would look at more than {} referrals", kQuestionReferralsMax));
  }

  template <typename Name, typename Facts>
  absl::Status Read(std::span<const Name> names, const Facts& facts_of, uint64_t& gone, std::vector<ReferralFacts>& into) {
    while (!names.empty()) {
      const auto some = names.first(std::min(names.size(), kFactsAtOnce));
      names = names.subspan(some.size());
      std::vector<Judged> judged(some.size());
      InParallel(executor_, some.size(), kFactReaders, [&](size_t i) {
        judged[i].facts = facts_of(some[i]);
        if (judged[i].facts.ok() && judged[i].facts->has_value()) Judge(judged[i]);
      });
      for (Judged& one : judged) {
        ACCORD_RETURN_IF_ERROR(one.facts.status());
        if (!one.facts->has_value()) {
          ++gone;
          continue;
        }
        ReferralFacts& facts = **one.facts;
        read_.insert(facts.digest);
        known_.insert(one.indices.begin(), one.indices.end());
        outside_ += one.outside;
        if (!one.uncovered.empty()) uncovered_ = one.uncovered;
        if (!facts.events.empty()) into.push_back(std::move(facts));
      }
    }
    return absl::OkStatus();
  }

  // Leaves out the entries that are not looked at: of a referral that is not covered all, since its stored entry is what says that there is
  // one at all.
  void Judge(Judged& one) const {
    ReferralFacts& facts = **one.facts;
    if (from_ == FactsFrom::kLog) {
      for (const FactEvent& event : facts.events) one.indices.push_back(event.index);
    }
    if (as_at_ms_ != 0 && facts.stored_ms > as_at_ms_) {
      facts.events.clear();
      return;
    }
    if (!scope_.warrant_id().empty()) {
      one.uncovered = scope_.Uncovered(ScopeFactsOf(facts, directory_));
      if (!one.uncovered.empty()) {
        one.outside = 1;
        facts.events.clear();
        return;
      }
      one.outside = std::erase_if(facts.events, [&](const FactEvent& event) { return !scope_.Covers(ScopeFactsOf(facts, event, directory_)); });
    }
    if (as_at_ms_ != 0) std::erase_if(facts.events, [&](const FactEvent& event) { return event.time_ms > as_at_ms_; });
  }

  const ReadView& view_;
  Executor& executor_;
  const DirectorySnapshot& directory_;
  const Scope& scope_;
  const int64_t as_at_ms_;
  const uint64_t tree_size_;
  const FactsFrom from_;
  absl::flat_hash_set<std::string> read_;  // Header digests.
  absl::flat_hash_set<uint64_t> known_;    // Leaf indices of their entries, covered or not; of one case or referral alone.
  size_t looked_at_ = 0;
  uint64_t outside_ = 0, erased_ = 0;
  std::string_view uncovered_;
};

// What the request is about: a referral, a case, or what was stored in a period.
absl::Status ReadAsked(FactsReader& reader, const ReadView& view, const TrailKeys& keys, const DirectorySnapshot& directory, const Scope& scope,
                       const Question& question, const AskQuestionRequest& request, uint64_t tree_size, JudgedFacts& facts) {
  if (question.one && !request.referral().empty()) {
    ACCORD_RETURN_IF_ERROR(reader.ReadReferrals({request.referral()}, facts.asked));
    return reader.any() ? absl::OkStatus() : Error(Reason::kReferralNotFound, "no record in Accord of such a referral");
  }
  if (question.one) {
    ACCORD_RETURN_IF_ERROR(reader.ReadCases({request.case_pseudonym()}, facts.asked));
    if (!reader.any()) return Error(Reason::kEntryNotFound, "no record in Accord of such a case");
    return reader.ReadOfCase(request.case_pseudonym(), facts.asked, facts.of_case);
  }
  ACCORD_ASSIGN_OR_RETURN(const uint64_t from, IndexAt(view, request.from_ms()));
  ACCORD_ASSIGN_OR_RETURN(const uint64_t until, IndexAt(view, request.until_ms()));
  const AskedWhere where = WhereAsked(scope, request.areas(), request.agencies());
  ACCORD_ASSIGN_OR_RETURN(const auto indices, ReferralsStored(view, keys, directory, where.agencies, where.areas, from, std::min(until, tree_size), kQuestionReferralsMax));
  return reader.ReadStored(indices, facts.asked);
}

bool InAskedPeriod(int64_t time_ms, const AskQuestionRequest& request) {
  return request.until_ms() == 0 || (time_ms >= request.from_ms() && time_ms < request.until_ms());
}

std::string DayText(int64_t ms) { return absl::FormatTime("%Y-%m-%d", absl::FromUnixMillis(ms), absl::UTCTimeZone()); }

std::string TitleOf(const Question& question, const AskQuestionRequest& request, const QuestionInput& input) {
  std::string title = fmt::format("{}. {}", question.number, question.title);
  if (request.until_ms() != 0) title += fmt::format("; from {} to before {}", DayText(request.from_ms()), DayText(request.until_ms()));
  const auto add = [&](std::string_view name, const std::set<std::string>& values) {
    if (!values.empty()) title += fmt::format("; {}: {}", name, JoinCells(values));
  };
  add("areas", {request.areas().begin(), request.areas().end()});
  add("agencies", {request.agencies().begin(), request.agencies().end()});
  std::set<std::string> grades, bands;
  for (const int grade : request.grades()) grades.insert(CodeName(*type::v1::RiskGrade_descriptor(), grade));
  for (const int band : request.age_bands()) bands.insert(CodeName(*type::v1::AgeBand_descriptor(), band));
  add("grades", grades);
  add("age bands", bands);
  if (input.days != 0) title += fmt::format("; days: {}", input.days);
  if (input.count != 0) title += fmt::format("; at least: {}", input.count);
  if (request.as_at_ms() != 0) title += fmt::format("; as at {}", absl::FormatTime("%Y-%m-%d %H:%M:%SZ", absl::FromUnixMillis(request.as_at_ms()), absl::UTCTimeZone()));
  return title;
}

QuestionInput InputOf(const JudgedFacts& facts, const std::map<std::string, AgencyFacts, std::less<>>& agencies, const referral::ClockRules& clocks, const Scope& scope,
                      const Question& question, const AskQuestionRequest& request, uint64_t tree_size, int64_t now_ms) {
  QuestionInput input;
  input.agencies = agencies;
  input.clocks = clocks;
  input.areas = {request.areas().begin(), request.areas().end()};
  input.asked_agencies = {request.agencies().begin(), request.agencies().end()};
  input.now_ms = request.as_at_ms() != 0 ? std::min(request.as_at_ms(), now_ms) : now_ms;
  if (const int64_t until_ms = scope.warrant().scope().until_ms(); until_ms != 0) input.now_ms = std::min(input.now_ms, until_ms);
  input.days = request.days() != 0 ? request.days() : question.days;
  input.count = request.count() != 0 ? request.count() : question.count;
  input.small_left_out = LeavesOutSmall(question, request, scope);
  input.tree_size = tree_size;
  input.asked_case = request.case_pseudonym();
  input.of_period = question.one && request.until_ms() != 0;
  input.groups = facts.groups;
  input.barred_administrators = facts.barred_administrators;
  for (const FactEvent& event : facts.of_case) input.of_case.push_back(&event);
  if (!question.one) input.expected = AgenciesThere(scope, WhereAsked(scope, request.areas(), request.agencies()), agencies);
  for (const ReferralFacts& one : facts.asked) {
    input.all.push_back(&one);
    if (IsAskedAbout(one, request.grades(), request.age_bands())) input.referrals.push_back(&one);
  }
  for (const ReferralFacts& one : facts.beside) input.all.push_back(&one);
  const auto earlier = [](const ReferralFacts* a, const ReferralFacts* b) { return a->stored_index < b->stored_index; };
  std::sort(input.all.begin(), input.all.end(), earlier);
  std::sort(input.referrals.begin(), input.referrals.end(), earlier);
  for (const ReferralFacts* one : input.all) {
    std::set<std::string_view> groups;
    for (const std::string& pseudonym : one->cases) {
      if (groups.insert(input.GroupOf(pseudonym)).second) input.by_case[input.GroupOf(pseudonym)].push_back(one);
    }
  }
  return input;
}

}  // namespace

absl::Status CheckPeriod(int64_t from_ms, int64_t until_ms) {
  if (from_ms <= 0) return QuestionMissing("from_ms");
  if (until_ms <= from_ms) return QuestionInvalid("until_ms", "it must be after from_ms");
  if (until_ms - from_ms > kQuestionPeriodMsMax) return QuestionInvalid("until_ms", "at most two years after from_ms");
  return absl::OkStatus();
}

absl::Status CheckAskedLists(const AskedNames& areas, const AskedCodes& grades, const AskedCodes& age_bands) {
  if (areas.size() > kQuestionValuesMax) return QuestionInvalid("areas", fmt::format("at most {}", kQuestionValuesMax));
  if (grades.size() > kQuestionValuesMax) return QuestionInvalid("grades", fmt::format("at most {}", kQuestionValuesMax));
  if (age_bands.size() > kQuestionValuesMax) return QuestionInvalid("age_bands", fmt::format("at most {}", kQuestionValuesMax));
  return absl::OkStatus();
}

absl::Status CheckAskedWithin(const Scope& scope, const AskedNames& areas, const AskedNames& agencies, int64_t from_ms, int64_t until_ms) {
  if (scope.warrant_id().empty()) return absl::OkStatus();
  const auto& covers = scope.warrant().scope();
  const auto within = [](const auto& asked, const auto& covered) {
    return covered.empty() || std::all_of(asked.begin(), asked.end(), [&](const std::string& one) { return std::find(covered.begin(), covered.end(), one) != covered.end(); });
  };
  if (!within(areas, covers.areas())) return OutsideWarrant("area");
  if (!within(agencies, covers.agencies())) return OutsideWarrant("agency");
  if (until_ms != 0 && (from_ms < covers.from_ms() || until_ms > covers.until_ms())) return OutsideWarrant("period");
  return absl::OkStatus();
}

absl::StatusOr<const Question*> CheckQuestion(const AskQuestionRequest& request, const Scope& scope) {
  const Question* const question = FindQuestion(request.question());
  if (question == nullptr) return Error(Reason::kQuestionUnknown, fmt::format("there is no question {}", request.question()));
  ACCORD_RETURN_IF_ERROR(CheckParameters(request, *question));
  ACCORD_RETURN_IF_ERROR(CheckValues(request, *question));
  if (!question->counts && !scope.rows()) return OutsideWarrant("rows");
  if (question->one && !scope.identities()) return OutsideWarrant("case");
  ACCORD_RETURN_IF_ERROR(CheckAskedWithin(scope, request.areas(), request.agencies(), request.from_ms(), request.until_ms()));
  return question;
}

ScopeFacts ScopeFactsOf(const ReferralFacts& facts, const DirectorySnapshot& directory) {
  ScopeFacts judged;
  judged.time_ms = facts.stored_ms;
  judged.event = referral::StoredEventOf(CoreOf(facts).type());
  judged.agencies.insert(CoreOf(facts).sender());
  for (const auto& recipient : facts.parts.recipients) judged.agencies.insert(recipient.agency());
  judged.areas = AreasOf(judged.agencies, directory);
  judged.cases = {facts.cases.begin(), facts.cases.end()};
  return judged;
}

ScopeFacts ScopeFactsOf(const ReferralFacts& facts, const FactEvent& event, const DirectorySnapshot& directory) {
  if (event.index == facts.stored_index) return ScopeFactsOf(facts, directory);
  return ScopeFactsOfEvent(event, {CoreOf(facts).sender()}, {facts.cases.begin(), facts.cases.end()}, directory);
}

absl::StatusOr<std::map<std::string, AgencyFacts, std::less<>>> AgencyFactsOf(const ReadView& view, const DirectorySnapshot& directory) {
  ACCORD_ASSIGN_OR_RETURN(const auto enrolled, EnrolledSince(view.store()));
  std::map<std::string, AgencyFacts, std::less<>> agencies;
  for (const auto& [id, row] : directory.agencies()) {
    AgencyFacts& facts = agencies[id];
    facts.kind = row.agency.kind();
    facts.areas = {row.agency.areas().begin(), row.agency.areas().end()};
    if (const auto since = enrolled.find(id); since != enrolled.end()) facts.enrolled_ms = since->second;
    const auto barred = directory.conflicts().find(id);
    if (barred != directory.conflicts().end()) facts.barred = barred->second;
  }
  return agencies;
}

Table ComputeAnswer(const JudgedFacts& facts, const std::map<std::string, AgencyFacts, std::less<>>& agencies, const referral::ClockRules& clocks, const Scope& scope,
                    const Question& question, const AskQuestionRequest& request, uint64_t tree_size, int64_t now_ms) {
  const QuestionInput input = InputOf(facts, agencies, clocks, scope, question, request, tree_size, now_ms);
  Table table;
  table.set_title(TitleOf(question, request, input));
  table.set_definition(std::string(question.definition));
  table.set_referrals(input.referrals.size());
  question.answer(input, table);
  const bool small_left_out = input.small_left_out;
  // Of counts there may be too few to be shown, which reads alike.
  if (table.rows().empty() && !(small_left_out && question.counts)) table.add_notes(fmt::format("{}.", kNothingFound));
  const int64_t from_ms = request.until_ms() == 0 ? 1 : request.from_ms(), until_ms = request.until_ms() == 0 ? input.now_ms + 1 : request.until_ms();
  // Who asks about one case or referral has its every entry with its time.
  AddCoverage(input, question.one && !input.referrals.empty() ? input.referrals.front()->stored_ms : from_ms, until_ms, small_left_out && !question.one, table);
  AddBounds(request, scope, question, now_ms, input, table);
  AddLeftOut(facts.outside > 0 || (!question.one && IsNarrowed(scope, request.areas(), request.agencies())), facts.erased, !small_left_out, table);
  if (small_left_out) LeaveOutSmall(question, table);
  if (!scope.identities()) LeaveOutIdentities(question, table);
  table.set_completeness("attested");
  table.set_tree_size(tree_size);
  return table;
}

absl::StatusOr<Table> AnswerQuestion(const ReadView& view, Executor& executor, const TrailKeys& keys, const DirectorySnapshot& directory, const referral::ClockRules& clocks, const Scope& scope,
                                     const Question& question, const AskQuestionRequest& request, uint64_t tree_size, int64_t now_ms) {
  FactsReader reader(view, executor, directory, scope, request, tree_size, question.one);
  JudgedFacts facts;
  ACCORD_RETURN_IF_ERROR(ReadAsked(reader, view, keys, directory, scope, question, request, tree_size, facts));
  if (question.one && facts.asked.empty() && !reader.uncovered().empty()) return OutsideWarrant(reader.uncovered());
  if (question.one) {
    std::erase_if(facts.asked, [&](const ReferralFacts& one) { return !InAskedPeriod(one.stored_ms, request); });
    std::erase_if(facts.of_case, [&](const FactEvent& event) { return !InAskedPeriod(event.time_ms, request); });
  }
  if (question.cases) {
    std::set<std::string> cases;
    for (const ReferralFacts& one : facts.asked) {
      if (IsAskedAbout(one, request.grades(), request.age_bands())) cases.insert(one.cases.begin(), one.cases.end());
    }
    ACCORD_ASSIGN_OR_RETURN(facts.groups, GroupsOfCases(view, executor, cases, request.as_at_ms() != 0 ? std::min(request.as_at_ms(), now_ms) : now_ms));
    for (const auto& [pseudonym, group] : facts.groups) cases.insert(pseudonym);
    ACCORD_RETURN_IF_ERROR(reader.ReadCases(cases, facts.beside));
  }
  if (!question.one) {
    std::vector<ReferralFacts> newer;
    ACCORD_RETURN_IF_ERROR(reader.ReadNewer(facts.asked, newer));
    ACCORD_RETURN_IF_ERROR(reader.ReadNewer(facts.beside, newer));
    std::move(newer.begin(), newer.end(), std::back_inserter(facts.beside));
  }
  facts.outside = reader.outside();
  facts.erased = reader.erased();
  if (const auto barred = directory.conflicts().find(kAdministrators); barred != directory.conflicts().end()) facts.barred_administrators = barred->second;
  ACCORD_ASSIGN_OR_RETURN(const auto agencies, AgencyFactsOf(view, directory));
  return ComputeAnswer(facts, agencies, clocks, scope, question, request, tree_size, now_ms);
}

}  // namespace accord::broker
