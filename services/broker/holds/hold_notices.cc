#include "services/broker/holds/hold_notices.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/sequencer/chains.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

using storage::v1::StoredHold;
using storage::v1::StoredHoldHolder;
using storage::v1::StoredHoldReferral;
using storage::v1::StoredReferral;

// Positions of notices in their lane: beyond any leaf index, which is what all others have.
constexpr uint64_t kNoticeSequenceBase = uint64_t{1} << 62;

// What is to be said to whom.
using Notices = std::map<MailboxId, std::vector<std::string>>;

type::v1::Desk Normal(type::v1::Desk desk) {
  return desk == type::v1::DESK_CONFIDENTIAL ? type::v1::DESK_CONFIDENTIAL : type::v1::DESK_MAIN;
}

// The desk is of it: what one desk's deliveries count must tell the other nothing.
std::string OrderingKey(std::string_view hold, type::v1::Desk desk) {
  const std::string subject = ByteWriter().Lp16("accord/hold-order/v1").Lp16(hold).U8(static_cast<uint8_t>(desk)).bytes();
  return crypto::Sha256(subject).substr(0, kIdBytes);
}

absl::Status QueueNotice(CommitContext& context, std::string_view hold, const MailboxId& desk,
                         const std::vector<std::string>& header_digests, bool lifted, NewDeliveries& queued) {
  ACCORD_ASSIGN_OR_RETURN(const auto known, LoadHolder(context, hold, desk));
  StoredHoldHolder holder = known.value_or(StoredHoldHolder());
  holder.set_notices(holder.notices() + 1);
  holder.clear_delivered_at_ms();
  if (lifted) holder.set_lifting_told(true);
  SaveHolder(context, hold, desk, holder);
  ACCORD_ASSIGN_OR_RETURN(auto holds, LoadHolds(context));
  holds.set_notices(holds.notices() + 1);
  SaveHolds(context, holds);

  storage::v1::StoredDelivery delivery;
  delivery.set_agency(desk.agency);
  delivery.set_desk(desk.desk);
  delivery.set_lane(type::v1::LANE_IMMEDIATE);
  delivery.set_ordering_key(OrderingKey(hold, desk.desk));
  delivery.set_hold(std::string(hold));
  for (const std::string& digest : header_digests) delivery.add_hold_referrals(digest);
  delivery.set_hold_lifted(lifted);
  return PutDelivery(context, context.RandomBytes(kIdBytes), std::move(delivery), kNoticeSequenceBase + holds.notices(), queued);
}

absl::Status QueueNotices(CommitContext& context, std::string_view hold, const Notices& notices, NewDeliveries& queued) {
  for (const auto& [desk, digests] : notices) {
    ACCORD_RETURN_IF_ERROR(QueueNotice(context, hold, desk, digests, /*lifted=*/false, queued));
  }
  return absl::OkStatus();
}

// Puts the referral among those that `hold` covers, and adds to `notices` the desks of `having` that were not told of it.
absl::Status Tell(CommitContext& context, StoredHold& hold, std::string_view header_digest, const std::vector<MailboxId>& having,
                  Notices& notices) {
  const std::string& id = hold.hold().id();
  const std::string key = HoldReferralKey(id, header_digest);
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyHoldReferral, key));
  StoredHoldReferral row;
  if (!bytes.has_value()) {
    hold.set_referrals(hold.referrals() + 1);
    ACCORD_RETURN_IF_ERROR(AddCover(context, HoldTarget::kReferral, header_digest, id).status());
  } else if (!row.ParseFromString(*bytes)) {
    return Error(Reason::kStoreCorrupt, "a referral of a hold does not parse");
  }
  bool moved = !bytes.has_value();
  for (const MailboxId& desk : having) {
    const bool told = std::any_of(row.told().begin(), row.told().end(),
                                  [&](const auto& known) { return known.agency() == desk.agency && known.desk() == desk.desk; });
    if (told) continue;
    auto& added = *row.add_told();
    added.set_agency(desk.agency);
    added.set_desk(desk.desk);
    notices[desk].emplace_back(header_digest);
    moved = true;
  }
  if (moved) context.Put(kFamilyHoldReferral, key, row.SerializeAsString());
  return absl::OkStatus();
}

// Tells `having` of one referral, for each hold of `ids`.
absl::Status TellOfOne(CommitContext& context, const std::vector<std::string>& ids, std::string_view header_digest,
                       const std::vector<MailboxId>& having, NewDeliveries& queued) {
  for (const std::string& id : ids) {
    ACCORD_ASSIGN_OR_RETURN(auto hold, LoadHold(context, id));
    if (!hold.has_value()) return Error(Reason::kStoreCorrupt, "the hold index names a hold that is not there");
    Notices notices;
    ACCORD_RETURN_IF_ERROR(Tell(context, *hold, header_digest, having, notices));
    SaveHold(context, *hold);
    ACCORD_RETURN_IF_ERROR(QueueNotices(context, id, notices, queued));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status NoteStored(CommitContext& context, std::string_view header_digest, const StoredReferral& stored,
                        const referral::OpenedHeader& header, const SubjectIndex& index, NewDeliveries& queued) {
  ACCORD_ASSIGN_OR_RETURN(const auto holds, LoadHolds(context));
  if (holds.in_force() == 0) return absl::OkStatus();
  HoldScope scope{.header_digest = {}, .cases = {}, .subjects = SubjectsOf(header, index)};
  ACCORD_ASSIGN_OR_RETURN(const auto by_subject, HoldsCovering(PlainReaderOf(context), scope));
  for (const std::string& id : by_subject) {
    bool more = false;
    for (const std::string& pseudonym : stored.cases()) {
      ACCORD_ASSIGN_OR_RETURN(const bool added, AddCover(context, HoldTarget::kCase, pseudonym, id));
      more = more || added;
    }
    if (!more) continue;
    // The case may have older referrals that do not name the subject: they are covered from now on, and their holders are told.
    ACCORD_ASSIGN_OR_RETURN(auto hold, LoadHold(context, id));
    if (!hold.has_value()) return Error(Reason::kStoreCorrupt, "the hold index names a hold that is not there");
    ACCORD_RETURN_IF_ERROR(WalkAgain(context, *hold));
    SaveHold(context, *hold);
  }
  scope.cases.assign(stored.cases().begin(), stored.cases().end());
  ACCORD_ASSIGN_OR_RETURN(const auto ids, HoldsCovering(PlainReaderOf(context), scope));
  return TellOfOne(context, ids, header_digest, {{header.core.part.sender(), type::v1::DESK_MAIN}}, queued);
}

absl::Status NoteReleased(CommitContext& context, std::string_view header_digest, const StoredReferral& stored,
                          std::string_view agency, type::v1::Desk desk, NewDeliveries& queued) {
  ACCORD_ASSIGN_OR_RETURN(const auto holds, LoadHolds(context));
  if (holds.in_force() == 0) return absl::OkStatus();
  const HoldScope scope{.header_digest = std::string(header_digest),
                        .cases = {stored.cases().begin(), stored.cases().end()}, .subjects = {}};
  ACCORD_ASSIGN_OR_RETURN(const auto ids, HoldsCovering(PlainReaderOf(context), scope));
  return TellOfOne(context, ids, header_digest, {{std::string(agency), Normal(desk)}}, queued);
}

absl::Status TellHolders(CommitContext& context, StoredHold& hold, const std::vector<std::string>& header_digests,
                         NewDeliveries& queued) {
  Notices notices;
  for (const std::string& digest : header_digests) {
    ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(context, digest));
    if (!stored.has_value()) continue;
    ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(*stored));
    std::vector<MailboxId> having = {{header.core.part.sender(), type::v1::DESK_MAIN}};
    for (const auto& recipient : stored->recipients()) {
      ACCORD_ASSIGN_OR_RETURN(const auto delivery, LoadDelivery(context, recipient.delivery_id()));
      if (delivery.has_value() && delivery->first_released_ms() > 0) having.push_back({recipient.agency(), Normal(recipient.desk())});
    }
    ACCORD_RETURN_IF_ERROR(Tell(context, hold, digest, having, notices));
  }
  SaveHold(context, hold);
  return QueueNotices(context, hold.hold().id(), notices, queued);
}

absl::StatusOr<size_t> TellAgain(CommitContext& context, std::string_view hold, const MailboxId& desk,
                                 const std::vector<std::string>& header_digests, NewDeliveries& queued) {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadHold(context, std::string(hold)));
  if (!stored.has_value() || stored->lifted_at_ms() != 0) return size_t{0};
  size_t notices = 0;
  for (size_t begin = 0; begin < header_digests.size(); begin += kHoldNoticeReferralsMax, ++notices) {
    const size_t end = std::min(header_digests.size(), begin + kHoldNoticeReferralsMax);
    const std::vector<std::string> some(header_digests.begin() + static_cast<ptrdiff_t>(begin), header_digests.begin() + static_cast<ptrdiff_t>(end));
    ACCORD_RETURN_IF_ERROR(QueueNotice(context, hold, desk, some, /*lifted=*/false, queued));
  }
  return notices;
}

absl::Status TellLifted(CommitContext& context, std::string_view hold, const MailboxId& desk, NewDeliveries& queued) {
  ACCORD_ASSIGN_OR_RETURN(const auto holder, LoadHolder(context, hold, desk));
  if (!holder.has_value() || holder->lifting_told()) return absl::OkStatus();
  return QueueNotice(context, hold, desk, {}, /*lifted=*/true, queued);
}

absl::StatusOr<std::optional<StoredHoldHolder>> LoadHolder(CommitContext& context, std::string_view hold, const MailboxId& desk) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyHoldHolder, HoldHolderKey(hold, desk.agency, desk.desk)));
  if (!bytes.has_value()) return std::optional<StoredHoldHolder>();
  StoredHoldHolder holder;
  if (!holder.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a holder of a hold does not parse");
  return std::optional<StoredHoldHolder>(std::move(holder));
}

void SaveHolder(CommitContext& context, std::string_view hold, const MailboxId& desk, const StoredHoldHolder& holder) {
  context.Put(kFamilyHoldHolder, HoldHolderKey(hold, desk.agency, desk.desk), holder.SerializeAsString());
}

absl::StatusOr<EntryDraft> HoldHolderEntry(CommitContext& context, type::v1::EventType type, std::string_view hold,
                                           const MailboxId& desk, std::string_view principal, std::string_view certificate) {
  EntryDraft entry;
  ACCORD_ASSIGN_OR_RETURN(std::string chain, AdministrationChain(context));
  entry.chains.push_back(std::move(chain));
  entry.event.set_type(type);
  entry.event.set_hold(std::string(hold));
  auto& actor = entry.actor.emplace();
  actor.set_principal(std::string(principal));
  actor.set_certificate(std::string(certificate));
  auto& about = entry.referral.emplace();
  about.set_recipient(desk.agency);
  about.set_desk(desk.desk);
  return entry;
}

}  // namespace accord::broker
