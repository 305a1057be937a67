#include "services/broker/sequencer/read_view.h"

#include "common/base/status.h"

namespace accord::broker {

absl::StatusOr<std::optional<std::string>> ReadView::GetSealed(std::string_view family, std::string_view key) const {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, store_.Get(family, key));
  if (!stored.has_value()) return std::nullopt;
  return slots_.Unseal(family, key, *stored);
}

}  // namespace accord::broker
