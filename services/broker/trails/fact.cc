#include "services/broker/trails/fact.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

using storage::v1::StoredFact;

absl::StatusOr<std::optional<type::v1::Statement>> StatementOf(const ReadView& view, const type::v1::EntryReferral& about) {
  if (about.statement_digest().empty()) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.GetSealed(kFamilyStatement, StatementKey(about.header_digest(), about.statement_digest())));
  if (!bytes.has_value()) return std::nullopt;
  storage::v1::StoredStatement stored;
  type::v1::Statement statement;
  if (!stored.ParseFromString(*bytes) || !statement.ParseFromString(stored.statement().payload())) {
    return Error(Reason::kStoreCorrupt, "a stored statement does not parse");
  }
  return statement;
}

absl::Status FactCorrupt() { return Error(Reason::kStoreCorrupt, "a row of family fact is not what was kept"); }

}  // namespace

absl::StatusOr<std::optional<StoredFact>> MakeFact(const ReadView& view, int64_t time_ms, EntryParts parts) {
  if (!parts.event.has_value()) return std::nullopt;
  StoredFact fact;
  fact.set_time_ms(time_ms);
  *fact.mutable_event() = *std::move(parts.event);
  if (parts.decisions.has_value()) *fact.mutable_decisions() = *std::move(parts.decisions);
  if (parts.actor.has_value()) {
    fact.set_principal(std::move(*parts.actor->mutable_principal()));
    if (parts.actor->has_worker()) *fact.mutable_worker() = std::move(*parts.actor->mutable_worker());
  }
  if (parts.referral.has_value()) {
    fact.set_recipient(parts.referral->recipient());
    fact.set_desk(parts.referral->desk());
    fact.set_delivery_id(parts.referral->delivery_id());
    fact.set_statement_digest(parts.referral->statement_digest());
    if (fact.event().type() == type::v1::EVENT_TYPE_STATEMENT) {
      ACCORD_ASSIGN_OR_RETURN(auto statement, StatementOf(view, *parts.referral));
      if (statement.has_value()) *fact.mutable_statement() = *std::move(statement);
    }
  }
  return fact;
}

absl::StatusOr<std::vector<std::optional<StoredFact>>> KeptFacts(const ReadView& view, std::string_view chain, size_t entries) {
  std::vector<std::optional<StoredFact>> kept(entries);
  absl::Status status;
  const accord::storage::Range range{.lower = ChainEntryKey(chain, 0), .upper = ChainEntryKey(chain, entries)};
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyFact, range, [&](std::string_view key, std::string_view value) {
    const uint64_t sequence = U64FromKey(key.substr(chain.size())).value_or(entries);
    const auto bytes = view.Unseal(kFamilyFact, key, value);
    status = bytes.status();
    if (status.ok() && sequence >= entries) status = FactCorrupt();
    if (!status.ok() || !bytes->has_value()) return status.ok();
    if (!kept[sequence].emplace().ParseFromString(**bytes)) status = FactCorrupt();
    return status.ok();
  }));
  ACCORD_RETURN_IF_ERROR(status);
  return kept;
}

}  // namespace accord::broker
