#include "services/broker/delivery/replay.h"

#include <algorithm>
#include <limits>
#include <set>

#include "accord/storage/v1/hold.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/delivery/dead_letters.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/requests.h"
#include "services/broker/holds/hold_notices.h"
#include "services/broker/sequencer/chains.h"

namespace accord::broker {
namespace {

using storage::v1::StoredDelivery;

absl::Status Corrupt(std::string_view what) { return Error(Reason::kStoreCorrupt, what); }

struct SettledRow {
  uint64_t index = 0;
  int64_t time_ms = 0;
  std::string delivery_id;
};

absl::StatusOr<SettledRow> ReadSettled(std::string_view key, std::string_view value) {
  SettledRow row;
  ByteReader reader(value);
  uint64_t time_ms = 0;
  const auto index = U64FromKey(key.substr(key.size() - std::min(key.size(), sizeof(uint64_t))));
  if (!index.has_value() || !reader.U64(time_ms) || reader.rest().size() != kIdBytes) return Corrupt("a row of family settled does not decode");
  row.index = *index;
  row.time_ms = static_cast<int64_t>(time_ms);
  row.delivery_id = std::string(reader.rest());
  return row;
}

// The rows of the desk from `position` on, until `visit` returns false.
absl::Status ScanSettled(const accord::storage::Store& store, const MailboxId& desk, uint64_t position,
                         absl::FunctionRef<bool(SettledRow row)> visit) {
  accord::storage::Range range = accord::storage::Prefix(SettledPrefix(desk.agency, desk.desk));
  range.lower = SettledKey(desk.agency, desk.desk, position);
  absl::Status status;
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilySettled, range, [&](std::string_view key, std::string_view value) {
    auto row = ReadSettled(key, value);
    status = row.status();
    return row.ok() && visit(*std::move(row));
  }));
  return status;
}

// Where the replay under way goes on, and where its first entry stands; both 0 when none is.
struct UnderWay {
  uint64_t next = 0, first = 0;
};
absl::StatusOr<UnderWay> ReadUnderWay(CommitContext& context, const MailboxId& desk) {
  UnderWay under_way;
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyMeta, ReplayKey(desk.agency, desk.desk)));
  if (!bytes.has_value()) return under_way;
  ByteReader reader(*bytes);
  if (!reader.U64(under_way.next) || !reader.U64(under_way.first) || !reader.AtEnd()) return Corrupt("a replay under way does not decode");
  return under_way;
}

// The referrals of `hold` that `desk` was told of.
absl::StatusOr<std::vector<std::string>> ToldOf(const accord::storage::Store& store, const MailboxId& desk, const std::string& hold) {
  const std::string prefix = HoldPrefix(hold);
  std::vector<std::string> digests;
  absl::Status status;
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyHoldReferral, accord::storage::Prefix(prefix), [&](std::string_view key, std::string_view value) {
    storage::v1::StoredHoldReferral row;
    if (!row.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      status = Corrupt("a referral of a hold does not parse");
      return false;
    }
    const bool told = std::any_of(row.told().begin(), row.told().end(),
                                  [&](const auto& known) { return known.agency() == desk.agency && known.desk() == desk.desk; });
    if (told) digests.emplace_back(key.substr(prefix.size()));
    return digests.size() <= kReplayHoldReferralsMax;
  }));
  ACCORD_RETURN_IF_ERROR(status);
  if (digests.size() > kReplayHoldReferralsMax) {
    return Error(Reason::kMessageTooLarge, "a legal hold covers more than can be told again at once; an administrator sets it anew", {{"hold", hold}});
  }
  return digests;
}

std::string DigestOfDelivery(const Caller& caller, const ReplayAsked& asked) {
  return crypto::Sha256(ByteWriter()
                            .Lp16("accord/replay/v1")
                            .U8(static_cast<uint8_t>(caller.desk))
                            .U8(asked.by_time ? 2 : 1)
                            .U64(asked.from)
                            .Lp16(asked.worker.pseudonym())
                            .U8(static_cast<uint8_t>(asked.worker.role()))
                            .U8(static_cast<uint8_t>(asked.worker.authentication()))
                            .bytes());
}

}  // namespace

void NoteSettled(CommitContext& context, std::string_view delivery_id, const StoredDelivery& delivery) {
  context.Put(kFamilySettled, SettledKey(delivery.agency(), delivery.desk(), delivery.settled_index()),
              ByteWriter().U64(static_cast<uint64_t>(absl::ToUnixMillis(context.now()))).Raw(delivery_id).bytes());
}

absl::StatusOr<ReplayPlan> PlanReplay(const accord::storage::Store& store, const MailboxId& desk, uint64_t position) {
  ReplayPlan plan;
  plan.position = position;
  ACCORD_RETURN_IF_ERROR(ScanSettled(store, desk, position, [&](SettledRow row) {
    plan.rows.emplace_back(row.index, std::move(row.delivery_id));
    return plan.rows.size() <= kReplayMax;
  }));
  for (size_t i = 0; i < std::min(plan.rows.size(), kReplayMax); ++i) {
    ACCORD_ASSIGN_OR_RETURN(const auto bytes, store.Get(kFamilyDelivery, plan.rows[i].second));
    StoredDelivery delivery;
    if (!bytes.has_value()) continue;  // Erased.
    if (!delivery.ParseFromString(*bytes)) return Corrupt("a stored delivery does not parse");
    if (delivery.hold().empty() || delivery.hold_lifted() || plan.holds.contains(delivery.hold())) continue;
    ACCORD_ASSIGN_OR_RETURN(plan.holds[delivery.hold()], ToldOf(store, desk, delivery.hold()));
  }
  return plan;
}

absl::StatusOr<uint64_t> FirstSettledSince(const accord::storage::Store& store, const MailboxId& desk, uint64_t size, absl::Time time) {
  const int64_t time_ms = absl::ToUnixMillis(time);
  uint64_t low = 0, high = size;  // All before `low` are earlier; none from `high` on is.
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    std::optional<SettledRow> row;
    ACCORD_RETURN_IF_ERROR(ScanSettled(store, desk, middle, [&](SettledRow first) {
      row = std::move(first);
      return false;
    }));
    if (row.has_value() && row->index < high && row->time_ms < time_ms) {
      low = row->index + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

ReplayCommand::ReplayCommand(Caller caller, ReplayAsked asked, ReplayPlan plan, const DirectoryHolder& directory, Mailboxes& mailboxes,
                             ReplayedDone done)
    : caller_(std::move(caller)), desk_{caller_.id, caller_.desk}, asked_(std::move(asked)), plan_(std::move(plan)),
      directory_(directory), mailboxes_(mailboxes), digest_(DigestOfDelivery(caller_, asked_)), done_(std::move(done)) {}

absl::Status ReplayCommand::FirstAnswer(CommitContext& context, uint64_t index) {
  ACCORD_ASSIGN_OR_RETURN(const auto sealed, context.GetSealed(kFamilyOpening, KeyU64(index)));
  storage::v1::StoredOpenings openings;
  if (!sealed.has_value() || !openings.ParseFromString(*sealed)) return Corrupt("the entry of a replay does not open");
  type::v1::EntryEvent event;
  for (const auto& opening : openings.openings()) {
    if (opening.label() == "event" && !event.ParseFromString(opening.content())) return Corrupt("the entry of a replay does not parse");
  }
  result_ = {static_cast<uint32_t>(event.count()), event.end_index(), index};
  return absl::OkStatus();
}

absl::Status ReplayCommand::QueueOne(CommitContext& context, uint64_t index, const std::string& delivery_id) {
  ACCORD_ASSIGN_OR_RETURN(auto delivery, LoadDelivery(context, delivery_id));
  if (!delivery.has_value() || delivery->state() != storage::v1::DELIVERY_STATE_DELIVERED || delivery->settled_index() != index) {
    return absl::OkStatus();  // Erased, or queued again since the plan was made.
  }
  if (delivery->hold().empty()) {
    ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(context, delivery->header_digest()));
    if (!stored.has_value() || (stored->recalled() && CarriesReferral(*delivery))) return absl::OkStatus();
  }
  context.Delete(kFamilySettled, SettledKey(desk_.agency, desk_.desk, index));
  // What a notice of a hold named is not kept with it: the desk is told anew. One that lifts it names nothing.
  if (!delivery->hold().empty() && !delivery->hold_lifted()) return absl::OkStatus();
  PutBack(context, delivery_id, *delivery, delivery->mailbox_sequence(), queued_);
  return absl::OkStatus();
}

absl::Status ReplayCommand::TellOfHolds(CommitContext& context) {
  for (const auto& [hold, digests] : plan_.holds) {
    std::vector<std::string> covered;
    for (const std::string& digest : digests) {
      ACCORD_ASSIGN_OR_RETURN(const auto row, context.Get(kFamilyHoldReferral, HoldReferralKey(hold, digest)));
      if (row.has_value()) covered.push_back(digest);
    }
    ACCORD_RETURN_IF_ERROR(TellAgain(context, hold, desk_, covered, queued_).status());
  }
  return absl::OkStatus();
}

absl::Status ReplayCommand::Apply(CommitContext& context) {
  if (!IsRequestId(asked_.request_id)) return Error(Reason::kFieldInvalid, "request_id is malformed", {{"field", "request_id"}});
  ACCORD_ASSIGN_OR_RETURN(const auto first, FirstRequest(context, caller_.principal, asked_.request_id, digest_));
  if (first.has_value()) return FirstAnswer(context, first->index());
  ACCORD_RETURN_IF_ERROR(CheckNotBarred(*directory_.Get(), caller_.id, asked_.worker.pseudonym()));
  // What this replay put back and was acknowledged since stands after its first entry.
  ACCORD_ASSIGN_OR_RETURN(const UnderWay under_way, ReadUnderWay(context, desk_));
  const bool goes_on = !asked_.by_time && asked_.from != 0 && asked_.from == under_way.next;
  const uint64_t end = goes_on ? under_way.first : std::numeric_limits<uint64_t>::max();
  size_t taken = 0;
  for (; taken < std::min(plan_.rows.size(), kReplayMax) && plan_.rows[taken].first < end; ++taken) {
    ACCORD_RETURN_IF_ERROR(QueueOne(context, plan_.rows[taken].first, plan_.rows[taken].second));
  }
  ACCORD_RETURN_IF_ERROR(TellOfHolds(context));
  result_.queued = static_cast<uint32_t>(queued_.size());
  if (taken < plan_.rows.size() && plan_.rows[taken].first < end) result_.next_position = plan_.rows[taken].first;

  EntryDraft entry;
  ACCORD_ASSIGN_OR_RETURN(std::string chain, PrincipalChain(context, caller_.principal));
  entry.chains.push_back(std::move(chain));
  entry.event.set_type(type::v1::EVENT_TYPE_MAILBOX_REPLAYED);
  entry.event.set_count(result_.queued);
  entry.event.set_first_index(plan_.position);
  entry.event.set_end_index(result_.next_position);
  entry.actor = ActorOf(caller_, asked_.worker);
  ACCORD_ASSIGN_OR_RETURN(result_.index, context.AddEntry(entry));

  const std::string key = ReplayKey(desk_.agency, desk_.desk);
  if (result_.next_position == 0) {
    context.Delete(kFamilyMeta, key);
  } else {
    context.Put(kFamilyMeta, key, ByteWriter().U64(result_.next_position).U64(goes_on ? under_way.first : result_.index).bytes());
  }
  KeepRequest(context, caller_.principal, asked_.request_id, digest_, result_.index);
  return absl::OkStatus();
}

void ReplayCommand::Published() {
  for (auto& [mailbox, waiting] : queued_) mailboxes_.Add(mailbox, std::move(waiting));
}

void ReplayCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(result_);
}

}  // namespace accord::broker
