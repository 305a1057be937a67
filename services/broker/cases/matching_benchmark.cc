// Prints how well the people of referrals are matched, as docs/cases.md has it: broker_cases_matching [PEOPLE PAIRS SEED].
#include <fmt/format.h>

#include <cstdlib>

#include "services/broker/cases/testing_matching.h"

namespace {

using accord::broker::Matched;

void PrintRow(std::string_view name, const Matched& row) {
  fmt::print("| {} | {} | {:.1f} | {:.1f} | {:.2f} | {} | {} |\n", name, row.records, 100.0 * static_cast<double>(row.linked) / static_cast<double>(row.records),
             100.0 * static_cast<double>(row.proposed) / static_cast<double>(row.records), 100.0 * row.recall(), row.false_links, row.false_proposals);
}

void Print(std::string_view title, const accord::broker::Measured& measured) {
  fmt::print("{}\n| What is wrong | Records | Linked % | Proposed % | Recall % | Linked wrongly | Proposed wrongly |\n|---|---|---|---|---|---|---|\n", title);
  for (size_t i = 0; i < accord::broker::kSlips.size(); ++i) PrintRow(accord::broker::kSlipNames[i], measured.by_slip[i]);
  PrintRow("all", measured.all);
  fmt::print("First records linked wrongly: {} of {}\n\n", measured.first_false_links, measured.first_records);
}

}  // namespace

int main(int argc, char** argv) {
  const size_t people = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200'000;
  const size_t pairs = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 50'000;
  const uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 7;
  fmt::print("{} people, {} pairs, seed {}\n\n", people, pairs, seed);
  Print("One thing wrong with one of the two people", Measure(people, pairs, seed, accord::broker::Whose::kOneOfBoth));
  Print("One thing wrong with each of the two people", Measure(people, pairs, seed, accord::broker::Whose::kBoth));
  return 0;
}
