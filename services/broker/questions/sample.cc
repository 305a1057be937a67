#include "services/broker/questions/sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/questions/engine.h"
#include "services/broker/questions/rows.h"
#include "services/broker/questions/suppression.h"

namespace accord::broker {
namespace {

using inspection::v1::DrawSampleRequest;
using inspection::v1::SampleStratum;

constexpr std::string_view kSampleDomain = "accord/sample/v1";

absl::Status SampleInvalid(std::string_view field, std::string_view what) {
  return Error(Reason::kFieldInvalid, fmt::format("{}: {}", field, what), {{"field", std::string(field)}});
}

std::string StratumOf(const SampleCase& one, const std::vector<SampleStratum>& strata) {
  std::string name;
  const auto add = [&](std::string_view what, const std::string& value) { name += fmt::format("{}{}={}", name.empty() ? "" : ", ", what, value.empty() ? "none" : value); };
  for (const SampleStratum stratum : strata) {
    switch (stratum) {
      case inspection::v1::SAMPLE_STRATUM_GRADE: add("grade", Code(one.grade)); break;
      case inspection::v1::SAMPLE_STRATUM_SENDER: add("sender", one.sender); break;
      case inspection::v1::SAMPLE_STRATUM_AREA: add("area", one.area); break;
      case inspection::v1::SAMPLE_STRATUM_CHILD: add("child", one.child ? "yes" : "no"); break;
      default: break;
    }
  }
  return name.empty() ? "all" : name;
}

// How many of each stratum, given how many cases each has: at least one each if there are enough, and the rest by the largest remainder.
std::vector<uint64_t> ShareOut(const std::vector<uint64_t>& sizes, uint64_t wanted) {
  uint64_t all = 0;
  for (const uint64_t size : sizes) all += size;
  std::vector<uint64_t> shares(sizes.size());
  if (wanted >= all) return sizes;
  std::vector<size_t> order(sizes.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  if (wanted < sizes.size()) {
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return sizes[a] > sizes[b]; });
    for (size_t i = 0; i < wanted; ++i) shares[order[i]] = 1;
    return shares;
  }
  uint64_t given = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    shares[i] = std::max<uint64_t>(1, wanted * sizes[i] / all);
    given += shares[i];
  }
  const auto remainder = [&](size_t i) { return static_cast<int64_t>(wanted * sizes[i]) - static_cast<int64_t>(shares[i] * all); };
  while (given != wanted) {  // One at a time, to or from whom it is nearest to being due.
    const bool more = given < wanted;
    size_t chosen = sizes.size();
    for (size_t i = 0; i < sizes.size(); ++i) {
      if (more ? shares[i] >= sizes[i] : shares[i] <= 1) continue;
      if (chosen == sizes.size() || (more ? remainder(i) > remainder(chosen) : remainder(i) < remainder(chosen))) chosen = i;
    }
    shares[chosen] += more ? 1 : static_cast<uint64_t>(-1);
    given += more ? 1 : static_cast<uint64_t>(-1);
  }
  return shares;
}

std::string SampleTitle(const Sample& sample, const DrawSampleRequest& request) {
  std::set<std::string> grades, bands;
  for (const int grade : request.grades()) grades.insert(CodeName(*type::v1::RiskGrade_descriptor(), grade));
  for (const int band : request.age_bands()) bands.insert(CodeName(*type::v1::AgeBand_descriptor(), band));
  std::string title = fmt::format("A random sample of {} cases", sample.cases.size());
  if (!grades.empty()) title += "; grades: " + JoinCells(grades);
  if (!bands.empty()) title += "; age bands: " + JoinCells(bands);
  return title;
}

absl::Status TooFewToDraw() {
  return Error(Reason::kWarrantScope, "too few cases for a sample that opens them: draw fewer, by fewer strata, of a longer period or of more areas", {{"dimension", "sample"}});
}

bool IsOpenCase(const Scope& scope, const std::string& pseudonym) {
  ScopeFacts facts;
  facts.cases = {pseudonym};
  return scope.UncoveredCase(facts).empty();
}

std::vector<SampleStratum> StrataOf(const DrawSampleRequest& request) {
  std::vector<SampleStratum> strata;
  for (const int stratum : request.strata()) strata.push_back(static_cast<SampleStratum>(stratum));
  return strata;
}

// The warrant's scope as it is before a sample limits it.
Scope BeforeSampling(const Scope& scope) {
  if (scope.warrant_id().empty()) return scope;
  inspection::v1::Warrant warrant = scope.warrant();
  warrant.mutable_scope()->set_sample_cases_max(0);
  return Scope::Of(warrant, {});
}

}  // namespace

std::vector<std::string> Sample::pseudonyms() const {
  std::vector<std::string> found;
  for (const SampleDrawn& drawn : cases) found.push_back(drawn.one.pseudonym);
  return found;
}

Sample DrawFrom(const std::vector<SampleCase>& frame, const std::vector<SampleStratum>& strata, uint32_t size, std::string_view seed) {
  using Ranked = std::pair<std::string, const SampleCase*>;
  std::map<std::string, std::vector<Ranked>> by_stratum;
  for (const SampleCase& one : frame) {
    by_stratum[StratumOf(one, strata)].emplace_back(crypto::Sha256(ByteWriter().Lp8(kSampleDomain).Lp8(seed).Lp8(one.pseudonym).bytes()), &one);
  }
  std::vector<uint64_t> sizes;
  for (const auto& [stratum, cases] : by_stratum) sizes.push_back(cases.size());
  const std::vector<uint64_t> shares = ShareOut(sizes, size);
  Sample sample;
  std::vector<std::pair<std::string, SampleDrawn>> drawn;
  size_t number = 0;
  for (auto& [stratum, cases] : by_stratum) {
    const uint64_t share = shares[number++];
    std::sort(cases.begin(), cases.end());
    for (uint64_t i = 0; i < share; ++i) drawn.emplace_back(cases[i].first, SampleDrawn{*cases[i].second, stratum});
    sample.strata.push_back({stratum, cases.size(), share});
  }
  std::sort(drawn.begin(), drawn.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [rank, one] : drawn) sample.cases.push_back(std::move(one));
  return sample;
}

absl::Status CheckSample(const DrawSampleRequest& request, const Scope& scope, uint64_t log_size) {
  if (request.size() < 1 || request.size() > kSampleCasesMax) return SampleInvalid("size", fmt::format("1 to {} are possible", kSampleCasesMax));
  ACCORD_RETURN_IF_ERROR(CheckPeriod(request.from_ms(), request.until_ms()));
  ACCORD_RETURN_IF_ERROR(CheckAskedLists(request.areas(), request.grades(), request.age_bands()));
  if (!request.seed().empty() && request.seed().size() != kSampleSeedBytes) return SampleInvalid("seed", "16 bytes, or none");
  if (request.tree_size() > log_size) return SampleInvalid("tree_size", "the log is not as long");
  std::set<int> seen;
  for (const int stratum : request.strata()) {
    const bool known = stratum != 0 && inspection::v1::SampleStratum_IsValid(stratum);
    if (!known || !seen.insert(stratum).second) return SampleInvalid("strata", "each once, and none that is not known");
  }
  if (!scope.rows()) return Error(Reason::kWarrantScope, "the warrant is for counts alone", {{"dimension", "rows"}});
  return CheckAskedWithin(scope, request.areas(), {}, request.from_ms(), request.until_ms());
}

absl::Status CheckLeftToChance(const std::vector<SampleCase>& frame, const Sample& sample, const DrawSampleRequest& request, const Scope& scope) {
  if (scope.warrant().scope().sample_cases_max() == 0) return absl::OkStatus();
  // Of what was asked for, not of what there was to draw: a frame of none is refused as one of a few is.
  if (frame.size() < kSampleCasesPerDrawn * request.size()) return TooFewToDraw();
  const std::vector<std::string> pseudonyms = sample.pseudonyms();
  if (!request.seed().empty()) {
    const bool open = std::all_of(pseudonyms.begin(), pseudonyms.end(), [&](const std::string& one) { return IsOpenCase(scope, one); });
    return open ? absl::OkStatus() : SampleInvalid("seed", "it would open a case that is not open: leave it out, and chance draws");
  }
  const std::set<std::string> drawn(pseudonyms.begin(), pseudonyms.end());
  const std::vector<SampleStratum> strata = StrataOf(request);
  std::map<std::string, uint64_t> open;  // By stratum, this sample among them.
  for (const SampleCase& one : frame) {
    if (drawn.contains(one.pseudonym) || IsOpenCase(scope, one.pseudonym)) ++open[StratumOf(one, strata)];
  }
  for (const SampleStratumSize& stratum : sample.strata) {
    if (stratum.cases < kSampleCasesPerDrawn * open[stratum.stratum]) return TooFewToDraw();
  }
  return absl::OkStatus();
}

absl::StatusOr<Sample> DrawSample(const ReadView& view, const TrailKeys& keys, const DirectorySnapshot& directory, const Scope& scope,
                                  const DrawSampleRequest& request, std::string_view seed, uint64_t tree_size) {
  ACCORD_ASSIGN_OR_RETURN(const uint64_t from, IndexAt(view, request.from_ms()));
  ACCORD_ASSIGN_OR_RETURN(const uint64_t until, IndexAt(view, request.until_ms()));
  const AskedWhere where = WhereAsked(scope, request.areas(), {});
  ACCORD_ASSIGN_OR_RETURN(const auto indices, ReferralsStored(view, keys, directory, where.agencies, where.areas, from, std::min(until, tree_size), kQuestionReferralsMax));
  const Scope covers = BeforeSampling(scope);
  std::map<std::string, SampleCase> frame;
  uint64_t referrals = 0;
  for (const uint64_t index : indices) {
    ACCORD_ASSIGN_OR_RETURN(const auto facts, ReadFacts(view, index, index + 1));  // Its stored entry alone.
    if (!facts.has_value() || !covers.Covers(ScopeFactsOf(*facts, directory))) continue;
    if (!IsAskedAbout(*facts, request.grades(), request.age_bands())) continue;
    ++referrals;
    for (const std::string& pseudonym : facts->cases) {
      SampleCase& one = frame[pseudonym];
      one.pseudonym = pseudonym;
      one.sender = CoreOf(*facts).sender();
      const AgencyRow* const sender = directory.FindAgency(one.sender);
      one.area = sender == nullptr || sender->agency.areas().empty() ? "" : sender->agency.areas(0);
      one.grade = CoreOf(*facts).risk().grade();
      one.child = one.child || HasChild(*facts);
      one.stored_index = index;
    }
  }
  std::vector<SampleCase> cases;
  for (auto& [pseudonym, one] : frame) cases.push_back(std::move(one));
  Sample sample = DrawFrom(cases, StrataOf(request), request.size(), seed);
  sample.referrals = referrals;
  ACCORD_RETURN_IF_ERROR(CheckLeftToChance(cases, sample, request, scope));
  return sample;
}

void ShuffleDrawn(Random& random, Sample& sample) {
  for (size_t left = sample.cases.size(); left > 1; --left) std::swap(sample.cases[left - 1], sample.cases[random.Below(left)]);
}

inspection::v1::Table SampleTable(const Sample& sample, const DrawSampleRequest& request, const Scope& scope, uint64_t tree_size) {
  using enum inspection::v1::ColumnKind;
  inspection::v1::Table table;
  table.set_title(SampleTitle(sample, request));
  table.set_definition("Cases with such a referral stored in the period, drawn at random within strata; grade, sender and area are those of the newest such referral.");
  SetColumns(table, {{"number", COLUMN_KIND_TEXT}, {"case", COLUMN_KIND_CASE}, {"grade"}, {"sender"}, {"area"}, {"child", COLUMN_KIND_BOOL}, {"stratum"}});
  size_t number = 0;
  for (const SampleDrawn& drawn : sample.cases) {
    const SampleCase& one = drawn.one;
    AddAnswerRow(table, {fmt::to_string(++number), scope.identities() ? ToHex(one.pseudonym) : "", Code(one.grade), one.sender, one.area, BoolCell(one.child), drawn.stratum},
                 scope.identities() ? std::vector<uint64_t>{one.stored_index} : std::vector<uint64_t>());
  }
  for (const SampleStratumSize& stratum : sample.strata) {
    if (scope.small_counts() || scope.warrant_id().empty()) {
      table.add_notes(fmt::format("Stratum {}: {} of {} cases.", stratum.stratum, stratum.drawn, stratum.cases));
    } else if (stratum.cases >= kSmallCount) {
      table.add_notes(fmt::format("Stratum {}: {} drawn.", stratum.stratum, stratum.drawn));
    }
  }
  if (sample.cases.size() < request.size()) table.add_notes("There are fewer cases than were asked for: all of them are here.");
  table.add_notes("A referral without a case, such as one with no strong token of both people, cannot be drawn.");
  if (!scope.identities()) table.add_notes("Without identities: cases are numbered in this sample alone, in any order. The seed is in the entry of this sample: an administrator draws the same cases again by it.");
  table.set_completeness("attested");
  table.set_tree_size(tree_size);
  table.set_referrals(scope.small_counts() || scope.warrant_id().empty() ? sample.referrals : 0);
  return table;
}

}  // namespace accord::broker
