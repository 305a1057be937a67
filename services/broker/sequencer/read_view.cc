#include "services/broker/sequencer/read_view.h"

#include "common/base/status.h"

namespace accord::broker {

absl::StatusOr<std::optional<std::string>> ReadView::GetSealed(std::string_view family, std::string_view key) const {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, store_.Get(family, key));
  if (!stored.has_value()) return std::nullopt;
  return slots_.Unseal(family, key, *stored);
}

absl::StatusOr<std::vector<std::optional<std::string>>> ReadView::GetManySealed(std::string_view family, std::span<const std::string> keys) const {
  ACCORD_ASSIGN_OR_RETURN(auto values, store_.GetMany(family, keys));
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!values[i].has_value()) continue;
    ACCORD_ASSIGN_OR_RETURN(values[i], slots_.Unseal(family, keys[i], *values[i]));
  }
  return values;
}

}  // namespace accord::broker
