// Lists that come in pages.
#pragma once

#include <absl/status/statusor.h>

#include <algorithm>
#include <string>

#include "common/base/status.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {

// Asks `request` for page after page, `ask` being the call and `rows` what the answers' rows are, and hands each row to `take`, until
// there are no more or `rows_max` were taken. The result: whether there are more. Single-thread.
template <typename Request, typename AskPage, typename Rows, typename Take>
absl::StatusOr<bool> EachRow(Request request, int rows_max, AskPage ask, Rows rows, Take take) {
  int left = rows_max;
  do {
    request.set_page_size(std::min(left, kPageRowsMax));
    ACCORD_ASSIGN_OR_RETURN(const auto page, ask(request));
    for (const auto& row : rows(page)) take(row);
    left -= static_cast<int>(rows(page).size());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && left > 0);
  return !request.page_token().empty();
}

}  // namespace accord::accordctl
