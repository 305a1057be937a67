#include "services/broker/questions/case_groups.h"

#include <algorithm>
#include <vector>

#include "common/base/parallel.h"
#include "common/base/status.h"
#include "services/broker/cases/links.h"
#include "services/broker/questions/facts.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

// The cases that `pseudonym` is confirmed to be one with by a link of its own.
absl::StatusOr<std::vector<std::string>> ConfirmedWith(const ReadView& view, const std::string& pseudonym, int64_t until_ms) {
  const auto read = PlainReaderOf(view);
  std::vector<std::string> others;
  ACCORD_ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, LinksOfCase(read, pseudonym));
  for (const uint64_t number : numbers) {
    ACCORD_ASSIGN_OR_RETURN(const auto link, LoadLink(read, number));
    const bool confirmed = link.has_value() && link->answer() == type::v1::LINK_ANSWER_CONFIRMED && link->answered_at_ms() <= until_ms;
    if (confirmed) others.push_back(link->one() == pseudonym ? link->other() : link->one());
  }
  return others;
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string, std::less<>>> GroupsOfCases(const ReadView& view, Executor& executor, const std::set<std::string>& cases,
                                                                              int64_t until_ms) {
  const std::vector<std::string> asked(cases.begin(), cases.end());
  std::vector<absl::StatusOr<std::vector<std::string>>> linked(asked.size());
  InParallel(executor, asked.size(), kFactReaders, [&](size_t i) { linked[i] = ConfirmedWith(view, asked[i], until_ms); });
  std::map<std::string, std::string, std::less<>> groups;
  for (size_t i = 0; i < asked.size(); ++i) {
    ACCORD_RETURN_IF_ERROR(linked[i].status());
    if (linked[i]->empty() || groups.contains(asked[i])) continue;
    std::vector<std::string> group = {asked[i]};
    for (size_t at = 0; at < group.size(); ++at) {
      ACCORD_ASSIGN_OR_RETURN(const auto others, ConfirmedWith(view, std::string(group[at]), until_ms));
      for (const std::string& other : others) {
        if (group.size() < kLinkedCasesMax && std::find(group.begin(), group.end(), other) == group.end()) group.push_back(other);
      }
    }
    const std::string first = *std::min_element(group.begin(), group.end());
    for (const std::string& one : group) groups.try_emplace(one, first);
  }
  return groups;
}

}  // namespace accord::broker
