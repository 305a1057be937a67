#include "tests/simulation/saboteur.h"

#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/sharing/due.h"

namespace accord::simulation {
namespace {

using accord::broker::CommitContext;
using accord::broker::v1::Delivery;

// A command that writes what it should not, and no entry.
class WrongCommand : public broker::Command {
 public:
  explicit WrongCommand(std::function<absl::Status(CommitContext&)> apply) : apply_(std::move(apply)) {}
  absl::Status Apply(CommitContext& context) override { return apply_(context); }
  void Done(const absl::StatusOr<broker::Committed>&) override {}

 private:
  const std::function<absl::Status(CommitContext&)> apply_;
};

// The last key of a family, but for the newest few rows if there are more.
std::optional<std::string> LastKey(const MemoryDisk& disk, std::string_view family) {
  const auto rows = disk.rows().find(family);
  if (rows == disk.rows().end() || rows->second.empty()) return std::nullopt;
  return rows->second.rbegin()->first;
}

}  // namespace

void Saboteur::Plan(SimBroker& broker, std::vector<std::unique_ptr<SimAgency>>& agencies, absl::Duration within) {
  if (kind_ == Sabotage::kNone) return;
  world_.After(within / 3, kNobody, [this, &broker] { Strike(broker); });
  if (kind_ == Sabotage::kLoseMailboxRow) {  // Something is to wait.
    Channel& channel = agencies[2]->channel();
    world_.After(within / 3 - absl::Hours(3), kNobody, [&channel] { channel.Cut(true); });
    world_.After(within / 3 + absl::Hours(3), kNobody, [&channel] { channel.Cut(false); });
  }
  if (kind_ == Sabotage::kStayAway) {
    Channel& channel = agencies[2]->channel();
    world_.After(within + absl::Minutes(1), kNobody, [&channel] { channel.Cut(true); });
  }
  if (kind_ != Sabotage::kLoseInboxRow) return;
  world_.After(within / 2, kNobody, [this, &agencies] {
    for (const auto& agency : agencies) {
      const auto key = LastKey(agency->disk(), agent::kFamilyInbox);
      if (!key.has_value() || struck_) continue;
      struck_ = agency->disk().Lose(agent::kFamilyInbox, *key);
    }
  });
}

void Saboteur::Strike(SimBroker& broker) {
  if (struck_ || kind_ == Sabotage::kLoseInboxRow) return;
  if (broker.up() && kind_ == Sabotage::kForgetOrder) {
    PassOver(broker);
  } else if (broker.up()) {
    broker.broker().sequencer().Submit(std::make_unique<WrongCommand>([this, &disk = broker.disk()](CommitContext& context) -> absl::Status {
      ACCORD_ASSIGN_OR_RETURN(const bool struck, Change(context, disk));
      struck_ = struck_ || struck;
      return absl::OkStatus();
    }));
    broker.Kick();
  }
  world_.After(absl::Minutes(3), kNobody, [this, &broker] { Strike(broker); });
}

void Saboteur::PassOver(SimBroker& broker) {
  const auto& rows = broker.disk().rows();
  const auto waiting = rows.find(broker::kFamilyMailbox), deliveries = rows.find(broker::kFamilyDelivery);
  if (waiting == rows.end() || deliveries == rows.end()) return;
  std::map<std::tuple<std::string, int, std::string>, std::string> first;  // Agency, lane, key → delivery id.
  for (const auto& [place, delivery_id] : waiting->second) {
    storage::v1::StoredDelivery delivery;
    const auto row = deliveries->second.find(delivery_id);
    if (row == deliveries->second.end() || !delivery.ParseFromString(row->second)) continue;
    const auto [before, only] = first.try_emplace({delivery.agency(), delivery.lane(), delivery.ordering_key()}, delivery_id);
    if (only) continue;
    broker.broker().mailboxes().Remove(before->second);
    struck_ = true;
    return;
  }
}

absl::StatusOr<bool> Saboteur::Change(CommitContext& context, const MemoryDisk& disk) {
  const auto lose = [&](std::string_view family) {
    const auto key = LastKey(disk, family);
    if (key.has_value()) context.Delete(family, *key);
    return key.has_value();
  };
  switch (kind_) {
    case Sabotage::kLoseReferral: return lose(broker::kFamilyReferral);
    case Sabotage::kLoseMailboxRow: {
      // And the delivery's own: else it waits in memory until it is given.
      const auto waiting = disk.rows().find(broker::kFamilyMailbox);
      if (waiting == disk.rows().end()) return false;
      for (const auto& [place, delivery_id] : waiting->second) {
        ACCORD_ASSIGN_OR_RETURN(const auto delivery, broker::LoadDelivery(context, delivery_id));
        if (!delivery.has_value() || !broker::CarriesReferral(*delivery) || delivery->attempt() > 0) continue;
        context.Delete(broker::kFamilyDelivery, delivery_id);
        context.Delete(broker::kFamilyMailbox, place);
        return true;
      }
      return false;
    }
    case Sabotage::kLoseStatement: return lose(broker::kFamilyStatement);
    case Sabotage::kLoseDeadlines: {
      const auto due = disk.rows().find(broker::kFamilyDue);  // All of it: some of these would have been missed.
      if (due == disk.rows().end() || due->second.size() < 10) return false;
      for (const auto& [key, value] : due->second) context.Delete(broker::kFamilyDue, key);
      return true;
    }
    case Sabotage::kEarlyStep: {
      const auto key = LastKey(disk, broker::kFamilyDueAt);
      if (!key.has_value()) return false;
      ByteReader reader(*key);
      std::string_view digest, agency;
      uint8_t kind = 0, desk = 0;
      if (!reader.Raw(crypto::kDigestBytes, digest) || !reader.U8(kind) || !reader.Lp8(agency) || !reader.U8(desk)) return false;
      if (static_cast<broker::DueKind>(kind) != broker::DueKind::kPickUp && static_cast<broker::DueKind>(kind) != broker::DueKind::kResponse) return false;
      ACCORD_RETURN_IF_ERROR(broker::PutDue(context, static_cast<broker::DueKind>(kind), context.now(), digest, agency,
                                            static_cast<type::v1::Desk>(desk)));
      return true;
    }
    case Sabotage::kMoveState: {
      const auto key = LastKey(disk, broker::kFamilyReferral);
      if (!key.has_value()) return false;
      ACCORD_ASSIGN_OR_RETURN(auto stored, broker::LoadReferral(context, *key));
      if (!stored.has_value() || stored->recipients().empty()) return false;
      stored->mutable_recipients(0)->set_state(type::v1::REFERRAL_STATE_CLOSED);
      ACCORD_RETURN_IF_ERROR(broker::SaveReferral(context, *key, *stored));
      return true;
    }
    default: return false;
  }
}

void Saboteur::OnHanded(const std::string& agency, const Delivery& delivery) {
  if (struck_ || !delivery.has_referral()) return;
  if (kind_ == Sabotage::kHandOutTooMuch) {
    oracle_.OnHanded(agency == "housing" ? "health" : "housing", delivery);
    struck_ = true;
  } else if (kind_ == Sabotage::kHandOutMore) {
    Delivery more = delivery;
    more.mutable_referral()->add_sections()->set_section_id(std::string(16, 's'));
    oracle_.OnHanded(agency, more);
    struck_ = true;
  } else if (kind_ == Sabotage::kHandOutEarly) {
    Delivery early = delivery;
    early.set_attempt(delivery.attempt() + 1);
    oracle_.OnHanded(agency, early);
    struck_ = true;
  }
}

}  // namespace accord::simulation
