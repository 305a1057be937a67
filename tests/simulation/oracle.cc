#include "tests/simulation/oracle.h"

#include <fmt/format.h>

#include <algorithm>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/crypto/digest.h"
#include "common/ledger/tlog_proof.h"
#include "common/referral/header.h"
#include "common/referral/states.h"
#include "common/referral/statement.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/trails/receipts.h"

namespace accord::simulation {
namespace {

using namespace type::v1;  // NOLINT: events, kinds and states.
using accord::broker::v1::Delivery;

constexpr size_t kFailuresKept = 20;
std::string Short(std::string_view bytes) { return ToHex(bytes.substr(0, 4)); }

}  // namespace

Oracle::Oracle(World& world, const Area& area) : world_(world) {
  for (const std::string_view agency : kAgencies) keys_.emplace(agency, area.VerifyKeyOf(agency));
}

void Oracle::Fail(std::string_view invariant, std::string_view what) {
  ++failed_;
  world_.Note(fmt::format("FAILED {}: {}", invariant, what));
  if (failures_.size() < kFailuresKept) failures_.push_back(fmt::format("{}: {}", invariant, what));
}

void Oracle::OnBatch(const broker::ReadView& view) {
  const uint64_t size = view.ledger().size();
  if (size < seen_.size()) return Fail("entries", "the log is shorter than it was");
  if (!seen_.empty()) {
    const auto leaf = view.ledger().Leaf(seen_.size() - 1);
    if (!leaf.ok() || *leaf != last_leaf_) Fail("entries", "the log's newest entry is another than it was");
  }
  while (seen_.size() < size) {
    const uint64_t index = seen_.size();
    const auto stored = broker::ReadEntry(view, index);
    if (!stored.ok()) return Fail("entries", fmt::format("entry {} cannot be read: {}", index, stored.status().ToString()));
    last_leaf_ = stored->leaf;
    Seen& entry = seen_.emplace_back();
    entry.time = absl::FromUnixMillis(static_cast<int64_t>(stored->parsed.time_ms));
    for (const auto& opening : stored->openings.openings()) {
      EntryActor actor;
      if (opening.label() == "event") entry.event.ParseFromString(opening.content());
      if (opening.label() == "referral") entry.about.ParseFromString(opening.content());
      if (opening.label() == "actor" && actor.ParseFromString(opening.content())) entry.principal = actor.principal();
    }
    world_.Note(fmt::format("entry {} {} {} {} {}", index, EventType_Name(entry.event.type()), StatementKind_Name(entry.event.statement()),
                            Short(entry.about.header_digest()), entry.about.recipient()));
    Read(view, Seen(entry));
  }
  for (const auto& [agency, delivery] : std::exchange(handed_, {})) CheckHanded(agency, delivery);
}

void Oracle::Read(const broker::ReadView& view, const Seen& entry) {
  switch (entry.event.type()) {
    case EVENT_TYPE_REFERRAL_STORED: return OnStored(view, entry);
    case EVENT_TYPE_RELEASED: return OnReleased(view, entry);
    case EVENT_TYPE_DELIVERED:
    case EVENT_TYPE_DEAD_LETTER:
    case EVENT_TYPE_WITHHELD_AT_RELEASE: return OnSettled(view, entry);
    case EVENT_TYPE_COPY_STOPPED: return OnStopped(entry);
    case EVENT_TYPE_STATEMENT: return OnStatement(view, entry);
    case EVENT_TYPE_PICK_UP_OVERDUE:
    case EVENT_TYPE_RESPONSE_OVERDUE: return OnOverdue(entry);
    default: return;
  }
}

Oracle::Referral* Oracle::Find(const Seen& entry) {
  const auto found = referrals_.find(entry.about.header_digest());
  if (found != referrals_.end()) return &found->second;
  Fail("entries", fmt::format("{} is about a referral that has no entry of its storing", EventType_Name(entry.event.type())));
  return nullptr;
}

Oracle::Copy* Oracle::FindCopy(const Seen& entry) {
  Referral* referral = Find(entry);
  if (referral == nullptr) return nullptr;
  const auto found = referral->copies.find(entry.about.recipient());
  return found == referral->copies.end() ? nullptr : &found->second;
}

Oracle::Delivered* Oracle::FindDelivery(const broker::ReadView& view, const std::string& delivery_id) {
  if (const auto known = deliveries_.find(delivery_id); known != deliveries_.end()) return &known->second;
  const auto bytes = view.Get(broker::kFamilyDelivery, delivery_id);
  storage::v1::StoredDelivery stored;
  if (!bytes.ok() || !bytes->has_value() || !stored.ParseFromString(**bytes)) {
    Fail("entries", fmt::format("delivery {} is on record and not in the store", Short(delivery_id)));
    return nullptr;
  }
  Delivered delivered;
  delivered.agency = stored.agency();
  delivered.desk = stored.desk();
  delivered.lane = stored.lane();
  delivered.key = stored.ordering_key();
  delivered.header_digest = stored.header_digest();
  delivered.statement_digest = stored.statement_digest();
  delivered.position = stored.key_sequence();
  delivered.sequence = stored.mailbox_sequence();
  delivered.notice = stored.notice() != NOTICE_KIND_UNSPECIFIED;
  return &deliveries_.emplace(delivery_id, std::move(delivered)).first->second;
}

void Oracle::OnStored(const broker::ReadView& view, const Seen& entry) {
  const std::pair id(entry.about.sender(), entry.about.request_id());
  const auto pushed = tried_.find(id);
  if (pushed == tried_.end()) return Fail("no referral twice", fmt::format("{} was stored and never pushed", id.second));
  if (!digests_.emplace(id, entry.about.header_digest()).second) return Fail("no referral twice", fmt::format("{} is stored twice", id.second));
  Referral& referral = referrals_[entry.about.header_digest()];
  referral.pushed = pushed->second;
  referral.request_id = id.second;
  const auto stored = broker::LoadReferral(SealedReaderOf(view),
                                           entry.about.header_digest());
  if (!stored.ok() || !stored->has_value()) return Fail("no referral lost", fmt::format("{} is on record and not in the store", id.second));
  for (const auto& [agency, categories] : referral.pushed.permitted) {
    Copy& copy = referral.copies[agency];
    copy.permitted = categories;
    const auto& rows = (*stored)->recipients();
    const auto row = std::find_if(rows.begin(), rows.end(), [&, name = agency](const auto& one) { return one.agency() == name; });
    if (row == rows.end()) {
      Fail("no referral lost", fmt::format("{} is not queued for {}", id.second, agency));
      continue;
    }
    copy.delivery_id = row->delivery_id();
    const std::string name = fmt::format("{} at {}", id.second, agency);
    StartClock(copy.pick_up, "pick-up of " + name, entry.time, PickUpWithin(referral.pushed.lane), referral.pushed.immediate);
    StartClock(copy.response, "response of " + name, entry.time, ResponseWithin(referral.pushed.lane), referral.pushed.immediate);
  }
  if ((*stored)->recipients_size() != static_cast<int>(referral.copies.size())) {
    Fail("only to whom it is permitted", fmt::format("{} is queued for more than may have it", id.second));
  }
}

bool Oracle::MayHave(const Referral& referral, const std::string& agency, Category category) const {
  const auto copy = referral.copies.find(agency);
  if (copy == referral.copies.end() || !copy->second.permitted.contains(category)) return false;
  if (referral.recalled || referral.withdrawn || referral.corrected) return false;
  // Without consent, danger now alone goes on, and no further than the emergency schedule.
  if (!referral.consent_withdrawn) return true;
  return referral.pushed.immediate && (agency == "childrens" || agency == "idva") && category != CATEGORY_NARRATIVE;
}

void Oracle::OnReleased(const broker::ReadView& view, const Seen& entry) {
  Delivered* delivered = FindDelivery(view, entry.about.delivery_id());
  Referral* referral = Find(entry);
  if (delivered == nullptr || referral == nullptr) return;
  if (delivered->settled) Fail("order", fmt::format("delivery {} is released after it was settled", Short(entry.about.delivery_id())));
  CheckOrder(view, *delivered, entry.about.delivery_id());
  if (!delivered->carries()) return;
  Copy* copy = FindCopy(entry);
  const bool may = copy != nullptr && std::any_of(copy->permitted.begin(), copy->permitted.end(), [&](Category category) {
    return MayHave(*referral, entry.about.recipient(), category);
  });
  if (!may) return Fail("only to whom it is permitted", fmt::format("{} is released to {}", referral->request_id, entry.about.recipient()));
  copy->released = true;
  Move(*copy, static_cast<int>(referral::Event::kRelease));
}

void Oracle::CheckOrder(const broker::ReadView& view, const Delivered& delivered, std::string_view delivery_id) {
  accord::storage::Range before{broker::MailboxPrefix(delivered.agency, delivered.desk, delivered.lane),
                                broker::MailboxKey(delivered.agency, delivered.desk, delivered.lane, delivered.sequence)};
  std::vector<std::string> earlier;
  const absl::Status scanned = view.Scan(broker::kFamilyMailbox, before, [&](std::string_view, std::string_view id) {
    earlier.emplace_back(id);
    return true;
  });
  if (!scanned.ok()) return Fail("order", "the mailbox cannot be read");
  for (const std::string& id : earlier) {
    const Delivered* other = FindDelivery(view, id);
    if (other == nullptr || other->settled || other->key != delivered.key || other->position >= delivered.position) continue;
    Fail("order", fmt::format("delivery {} to {} overtakes {} of its key and lane", Short(delivery_id), delivered.agency, Short(id)));
  }
}

void Oracle::OnSettled(const broker::ReadView& view, const Seen& entry) {
  Delivered* delivered = FindDelivery(view, entry.about.delivery_id());
  if (delivered == nullptr) return;
  if (delivered->settled) Fail("order", fmt::format("delivery {} is settled twice", Short(entry.about.delivery_id())));
  delivered->settled = true;
  if (entry.event.type() == EVENT_TYPE_DELIVERED && !delivered->taken) {
    Fail("no referral lost", fmt::format("delivery {} counts as delivered, and its recipient does not have it", Short(entry.about.delivery_id())));
  }
  Copy* copy = delivered->carries() ? FindCopy(entry) : nullptr;
  if (copy == nullptr) return;
  if (entry.event.type() == EVENT_TYPE_DELIVERED) return void(Move(*copy, static_cast<int>(referral::Event::kDeliver)));
  const Referral* referral = Find(entry);
  const bool forbidden = entry.event.type() == EVENT_TYPE_WITHHELD_AT_RELEASE &&
                         std::none_of(copy->permitted.begin(), copy->permitted.end(),
                                      [&](Category category) { return MayHave(*referral, entry.about.recipient(), category); });
  if (!forbidden) {
    Fail("no referral lost", fmt::format("{} is kept from {} without cause ({})", referral->request_id, entry.about.recipient(),
                                         entry.event.reason()));
  }
  copy->accounted = true;
  Move(*copy, static_cast<int>(referral::Event::kDie));
}

void Oracle::OnStopped(const Seen& entry) {
  Referral* referral = Find(entry);
  Copy* copy = FindCopy(entry);
  if (copy == nullptr) return Fail("only to whom it is permitted", "a copy is stopped that nobody knows of");
  if (const auto delivered = deliveries_.find(copy->delivery_id); delivered != deliveries_.end()) delivered->second.settled = true;
  copy->accounted = true;
  if (copy->released) return;
  const auto event = referral->last_act == STATEMENT_KIND_RECALL      ? referral::Event::kRecall
                     : referral->last_act == STATEMENT_KIND_WITHDRAWN ? referral::Event::kWithdraw
                                                                      : referral::Event::kDie;
  Move(*copy, static_cast<int>(event));
  StopClock(copy->pick_up);
  StopClock(copy->response);
}

bool Oracle::Move(Copy& copy, int event) {
  const auto next = referral::Next(copy.state, static_cast<referral::Event>(event));
  if (next.has_value()) copy.state = *next;
  return next.has_value();
}

void Oracle::OnStatement(const broker::ReadView& view, const Seen& entry) {
  Referral* referral = Find(entry);
  if (referral == nullptr) return;
  const auto* row = referral::FindStatement(entry.event.statement());
  if (row == nullptr) return Fail("every change is signed", "a statement of a kind that nobody may make");
  if (row->by == referral::Party::kSender && !entry.about.recipient().empty()) return;  // Of a holder that is told.
  ++statements_;
  CheckDocument(view, entry);
  row->by == referral::Party::kSender ? OnSenderAct(*referral, entry) : OnRecipientSaid(*referral, entry);
}

void Oracle::CheckDocument(const broker::ReadView& view, const Seen& entry) {
  const auto bytes = view.GetSealed(broker::kFamilyStatement,
                                    broker::StatementKey(entry.about.header_digest(), entry.about.statement_digest()));
  storage::v1::StoredStatement stored;
  if (!bytes.ok() || !bytes->has_value() || !stored.ParseFromString(**bytes)) {
    return Fail("every change is signed", "a statement is on record and not in the store");
  }
  const auto statement = referral::ParseStatement(stored.statement());
  if (!statement.ok() || referral::DigestOf(stored.statement()) != entry.about.statement_digest() ||
      statement->kind() != entry.event.statement() || statement->header_digest() != entry.about.header_digest() ||
      entry.principal != "agency/" + statement->agency()) {
    return Fail("every change is signed", "the stored statement is not the one on record");
  }
  documents_.push_back(broker::StatementKey(entry.about.header_digest(), entry.about.statement_digest()));
  const auto key = keys_.find(statement->agency());
  if (key == keys_.end() || !referral::VerifySignature(stored.statement(), key->second).ok()) {
    return Fail("every change is signed", fmt::format("the signature of {} does not verify", statement->agency()));
  }
  if (!on_record_.insert({statement->agency(), statement->request_id()}).second) {
    Fail("every change is signed", fmt::format("{} is on record twice", statement->request_id()));
  }
}

void Oracle::OnSenderAct(Referral& referral, const Seen& entry) {
  referral.last_act = entry.event.statement();
  switch (referral.last_act) {
    case STATEMENT_KIND_CONSENT_CHANGE: referral.consent_withdrawn = true; return;
    case STATEMENT_KIND_RECALL: referral.recalled = true; break;
    case STATEMENT_KIND_WITHDRAWN: referral.withdrawn = true; break;
    case STATEMENT_KIND_CORRECTION: referral.corrected = true; break;
    default: return;
  }
  for (auto& [agency, copy] : referral.copies) {
    StopClock(copy.pick_up);
    StopClock(copy.response);
    if (referral.withdrawn) Move(copy, static_cast<int>(referral::Event::kWithdraw));
  }
}

void Oracle::OnRecipientSaid(Referral& referral, const Seen& entry) {
  Copy* copy = FindCopy(entry);
  if (copy == nullptr) return Fail("every change is signed", fmt::format("{} says something of what it was not sent", entry.about.recipient()));
  if (!copy->released) Fail("every change is signed", fmt::format("{} says something of what was not released to it", entry.about.recipient()));
  const auto event = referral::EventOf(entry.event.statement());
  if (!event.has_value()) return;  // An answer to a change.
  if (!Move(*copy, static_cast<int>(*event))) {
    Fail("every change is signed", fmt::format("{} of {} by {} is recorded in state {}", StatementKind_Name(entry.event.statement()),
                                               referral.request_id, entry.about.recipient(), ReferralState_Name(copy->state)));
  }
  StopClock(copy->pick_up);
  if (*event != referral::Event::kOpen) StopClock(copy->response);
}

}  // namespace accord::simulation
