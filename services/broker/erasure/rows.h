// Rows that must be there, as the eraser reads them.
#pragma once

#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <string_view>

#include "common/base/status.h"

namespace accord::broker {

// The row, from a ReadView or a CommitContext. DATA_LOSS when it is not there or does not parse. Thread-safe if `source` is.
template <typename Message, typename Source>
absl::StatusOr<Message> ReadRow(Source& source, std::string_view family, std::string_view key) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, source.Get(family, key));
  Message message;
  if (!bytes.has_value() || !message.ParseFromString(*bytes)) {
    return Error(Reason::kStoreCorrupt, fmt::format("a row of family {} is not there", family));
  }
  return message;
}

}  // namespace accord::broker
