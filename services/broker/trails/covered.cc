#include "services/broker/trails/covered.h"

#include <fmt/format.h>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace accord::broker {

absl::StatusOr<uint64_t> CoveredEntries(PlainReader read, std::string_view key) {
  ACCORD_ASSIGN_OR_RETURN(const auto value, read(kFamilyMeta, key));
  if (!value.has_value()) return 0;
  const auto covered = U64FromKey(*value);
  if (!covered.has_value()) return Error(Reason::kStoreCorrupt, fmt::format("the place {} of family {} is not a number of entries", key, kFamilyMeta));
  return *covered;
}

}  // namespace accord::broker
