// Measures the linker itself over an invented population: every pair once as it is, and once more with a slip.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/referral/subject_token.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/cases/testing_population.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// The rows alone, hashed: MemoryContext's map is slow with millions. Single-thread.
class RowsContext : public CommitContext {
 public:
  absl::StatusOr<std::optional<std::string>> Get(std::string_view family, std::string_view key) override {
    const auto found = rows_.find(Key(family, key));
    return found == rows_.end() ? std::nullopt : std::optional(found->second);
  }
  void Put(std::string_view family, std::string_view key, std::string value) override { rows_[Key(family, key)] = std::move(value); }
  void Delete(std::string_view family, std::string_view key) override { rows_.erase(Key(family, key)); }
  absl::StatusOr<std::optional<std::string>> GetSealed(std::string_view family, std::string_view key) override { return Get(family, key); }
  absl::Status PutSealed(std::string_view family, std::string_view key, uint64_t, std::string_view value) override {
    Put(family, key, std::string(value));
    return absl::OkStatus();
  }
  absl::StatusOr<NewChain> OpenChain() override { return NewChain{fmt::format("{:016x}", ++opened_), opened_}; }
  NewChain OpenChainUnder(uint64_t slot) override { return {fmt::format("{:016x}", ++opened_), slot}; }
  absl::StatusOr<uint64_t> AddEntry(const EntryDraft&) override { return ++entries_; }
  std::string RandomBytes(size_t count) override { return std::string(count, 'r'); }
  absl::Time now() const override { return absl::FromUnixMillis(1'800'000'000'000 + static_cast<int64_t>(opened_)); }
  const Epochs& epochs() const override { return epochs_; }
  void MoveEpochs(const Epochs&) override {}

 private:
  static std::string Key(std::string_view family, std::string_view key) { return std::string(family) + '/' + std::string(key); }

  absl::flat_hash_map<std::string, std::string> rows_;
  Epochs epochs_;
  uint64_t opened_ = 0, entries_ = 0;
};

struct Matched {
  uint64_t records = 0, linked = 0, proposed = 0;
  uint64_t false_links = 0;      // Joined a case of other people.
  uint64_t false_proposals = 0;  // Of which there may be several for one record.
  double recall() const { return records == 0 ? 1 : static_cast<double>(linked + proposed) / static_cast<double>(records); }
};

struct Measured {
  std::array<Matched, kSlips.size()> by_slip;
  Matched all;
  uint64_t first_false_links = 0;  // Of the first records, of which each is of other people.
  uint64_t first_records = 0;
};

// Whose record has the slip.
enum class Whose { kOneOfBoth, kBoth };

// What the agencies of the first and of the second records have configured. A domain that has had one key, unless it is said.
struct Linkages {
  static std::vector<referral::LinkageDomain> Area(bool old_is_sent, bool rotated) {
    referral::LinkageDomain area{.name = "area", .keys = {{.id = "k1", .key = "a linkage key of thirty-two bytes", .sent = old_is_sent}}};
    if (rotated) area.keys.push_back({.id = "k2", .key = "the key that came after the first", .sent = true});
    return {area};
  }
  std::vector<referral::LinkageDomain> first = Area(true, false), second = Area(true, false);
};

inline std::vector<type::v1::SubjectPart> PartsOf(const type::v1::Person& victim, const type::v1::Person& perpetrator,
                                                  const std::vector<referral::LinkageDomain>& linkage) {
  std::vector<type::v1::SubjectPart> parts(2);
  parts[0].set_role(type::v1::SUBJECT_ROLE_VICTIM);
  parts[1].set_role(type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR);
  for (auto& token : referral::MakeTokens(victim, linkage)) *parts[0].add_tokens() = std::move(token);
  for (auto& token : referral::MakeTokens(perpetrator, linkage)) *parts[1].add_tokens() = std::move(token);
  return parts;
}

inline Measured Measure(size_t people_count, size_t pairs_count, uint64_t seed, Whose whose, const Linkages& linkages = {}) {
  Population population(seed);
  const std::vector<type::v1::Person> people = population.People(people_count);
  CaseLinker linker{crypto::SecretBytes(std::string(32, 'i'))};
  RowsContext context;
  Measured measured;
  using Pair = std::pair<size_t, size_t>;  // Victim and perpetrator.
  absl::flat_hash_set<Pair> taken;
  std::vector<std::pair<Pair, std::string>> cases;
  absl::flat_hash_map<std::string, Pair> owners;  // Of every case, whose record opened it.
  while (cases.size() < pairs_count) {
    const Pair pair(population.Below(people.size()), population.Below(people.size()));
    if (pair.first == pair.second || !taken.insert(pair).second) continue;
    const auto linked = linker.Link(PartsOf(people[pair.first], people[pair.second], linkages.first), context);
    ACCORD_CHECK(linked.ok() && linked->cases.size() == 1);
    measured.first_false_links += !owners.emplace(linked->cases.front(), pair).second;
    ++measured.first_records;
    cases.emplace_back(pair, linked->cases.front());
  }
  size_t turn = 0;
  for (const auto& [pair, own_case] : cases) {
    type::v1::Person victim = people[pair.first], perpetrator = people[pair.second];
    // The slips take turns; one that these people cannot have gives its turn to the next.
    size_t slip = turn++ % kSlips.size();
    const bool of_victim = population.Chance(50);
    for (size_t tries = 0; !population.MakeSlip(of_victim ? victim : perpetrator, kSlips[slip]); ++tries) {
      ACCORD_CHECK(tries < 10 * kSlips.size());
      slip = (slip + 1) % kSlips.size();
    }
    if (whose == Whose::kBoth) {
      for (size_t other = population.Below(kSlips.size()); !population.MakeSlip(of_victim ? perpetrator : victim, kSlips[other]);) other = (other + 1) % kSlips.size();
    }
    const auto linked = linker.Link(PartsOf(victim, perpetrator, linkages.second), context);
    ACCORD_CHECK(linked.ok());
    const bool link = std::find(linked->cases.begin(), linked->cases.end(), own_case) != linked->cases.end();
    uint64_t others = 0;
    bool proposal = false;
    for (const CaseMatch& match : linked->matches) {
      const bool right = match.one == own_case || match.other == own_case;
      proposal = proposal || right;
      others += !right;
    }
    const bool wrong = std::any_of(linked->cases.begin(), linked->cases.end(),
                                   [&, whose_pair = pair](const std::string& pseudonym) { return owners.emplace(pseudonym, whose_pair).first->second != whose_pair; });
    for (Matched* row : {&measured.by_slip[slip], &measured.all}) {
      ++row->records;
      row->linked += link;
      row->proposed += !link && proposal;
      row->false_links += wrong;
      row->false_proposals += others;
    }
  }
  return measured;
}

}  // namespace accord::broker
