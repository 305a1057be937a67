// What leaves and what arrives, and what must stand at the end.
#include <fmt/format.h>

#include <algorithm>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/ledger/tlog_proof.h"
#include "common/referral/header.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"
#include "tests/simulation/oracle.h"

namespace accord::simulation {
namespace {

using namespace type::v1;  // NOLINT: states and categories.
using accord::broker::v1::Delivery;

std::string ShortHex(std::string_view bytes) { return ToHex(bytes.substr(0, 4)); }

}  // namespace

// Not judged at once: its entry is read when the batch has ended.
void Oracle::OnHanded(const std::string& agency, const Delivery& delivery) { handed_.emplace_back(agency, delivery); }

void Oracle::CheckHanded(const std::string& agency, const Delivery& delivery) {
  constexpr std::string_view kInvariant = "nothing leaves without its entry";
  const auto proof = ledger::ParseTlogProof(delivery.released().tlog_proof());
  if (!proof.ok() || proof->index >= seen_.size()) return Fail(kInvariant, fmt::format("delivery {} to {}", ShortHex(delivery.delivery_id()), agency));
  const Seen& entry = seen_[proof->index];
  if (entry.event.type() != EVENT_TYPE_RELEASED || entry.about.recipient() != agency || entry.about.delivery_id() != delivery.delivery_id() ||
      entry.event.attempt() != delivery.attempt()) {
    return Fail(kInvariant, fmt::format("delivery {} to {} has the entry of another", ShortHex(delivery.delivery_id()), agency));
  }
  if (!delivery.has_referral()) return;
  const auto referral = referrals_.find(entry.about.header_digest());
  const auto view = referral::ParseHeader(delivery.referral().header());
  const std::vector<Opening> openings(delivery.referral().openings().begin(), delivery.referral().openings().end());
  const auto header = view.ok() ? referral::OpenHeader(*view, openings) : view.status();
  if (referral == referrals_.end() || !header.ok()) return Fail(kInvariant, "what leaves is no referral that is on record");
  for (const auto& section : header->sections) {
    const auto copy = referral->second.copies.find(agency);
    if (copy != referral->second.copies.end() && copy->second.permitted.contains(section.part.category())) continue;
    Fail("only to whom it is permitted", fmt::format("{} of {} leaves for {}", Category_Name(section.part.category()),
                                                     referral->second.request_id, agency));
  }
  for (const auto& section : delivery.referral().sections()) {
    const bool opened = std::any_of(header->sections.begin(), header->sections.end(),
                                    [&](const auto& one) { return one.part.section_id() == section.section_id(); });
    if (!opened) Fail("only to whom it is permitted", "a section leaves of which nothing is said");
  }
}

void Oracle::OnTaken(const std::string& agency, const Delivery& delivery) {
  const auto found = deliveries_.find(delivery.delivery_id());
  if (found == deliveries_.end()) return Fail("nothing leaves without its entry", fmt::format("{} has what nobody released", agency));
  Delivered& delivered = found->second;
  if (delivered.taken) return;  // Another attempt; the agency has it once.
  delivered.taken = true;
  uint64_t& last = taken_to_[{agency, delivered.lane, delivered.key}];
  // What was on its way when its sender stopped it may come late: what follows it does not wait for it any more.
  if (delivered.position < last && !delivered.settled) {
    Fail("order", fmt::format("{} gets {} after what follows it", agency, ShortHex(delivery.delivery_id())));
  }
  last = std::max(last, delivered.position);
  if (!delivered.carries()) return;
  const auto referral = referrals_.find(delivered.header_digest);
  if (referral == referrals_.end()) return;
  const auto copy = referral->second.copies.find(agency);
  if (copy != referral->second.copies.end()) copy->second.taken = true;
}

void Oracle::CheckEnd(SimBroker& broker, const std::vector<std::unique_ptr<SimAgency>>& agencies) {
  if (!broker.up() || std::any_of(agencies.begin(), agencies.end(), [](const auto& agency) { return !agency->up(); })) {
    return Fail("mailboxes drain", "somebody is still away");
  }
  const auto view = broker.broker().sequencer().View();
  if (!view.ok()) return Fail("mailboxes drain", "the broker's store is closed");
  OnBatch(**view);
  CheckDrained(broker, **view);
  CheckStates(**view);
  for (const auto& agency : agencies) {
    if (!agency->alarm().Check().ok()) Fail("entries", fmt::format("{} has an alarm: {}", agency->name(), agency->alarm().Check().ToString()));
    CheckSender(*agency);
    CheckRecipient(**view, *agency);
  }
  for (const auto& said : said_) {
    if (!on_record_.contains(said)) Fail("every change is signed", fmt::format("{} of {} was recorded, and is not", said.second, said.first));
  }
}

void Oracle::CheckDrained(SimBroker& broker, const broker::ReadView& view) {
  size_t rows = 0;
  const absl::Status scanned = view.Scan(broker::kFamilyMailbox, {}, [&](std::string_view, std::string_view id) {
    const Delivered* delivered = FindDelivery(view, std::string(id));
    if (++rows <= 3 && delivered != nullptr) {
      Fail("mailboxes drain", fmt::format("delivery {} waits for {} in lane {}", ShortHex(id), delivered->agency, Lane_Name(delivered->lane)));
    }
    return true;
  });
  if (!scanned.ok() || rows > 0) Fail("mailboxes drain", fmt::format("{} deliveries wait in the store", rows));
  for (const std::string_view agency : kAgencies) {
    const size_t depth = broker.broker().mailboxes().depth({std::string(agency), DESK_MAIN});
    if (depth > 0) Fail("mailboxes drain", fmt::format("{} deliveries wait for {} in memory", depth, agency));
  }
}

void Oracle::CheckStates(const broker::ReadView& view) {
  for (const std::string& document : documents_) {
    const auto stored = view.GetSealed(broker::kFamilyStatement, document);
    if (!stored.ok() || !stored->has_value()) Fail("every change is signed", "a statement is on record and not in the store any more");
  }
  for (const auto& [digest, referral] : referrals_) {
    const auto stored = broker::LoadReferral(SealedReaderOf(view), digest);
    if (!stored.ok() || !stored->has_value()) {
      Fail("no referral lost", fmt::format("{} is not in the store", referral.request_id));
      continue;
    }
    for (const auto& [agency, copy] : referral.copies) {
      const auto* row = broker::FindRecipient(**stored, agency);
      if (row == nullptr || row->state() != copy.state) {
        Fail("every change is signed", fmt::format("{} stands at {} in state {}, and by the record in {}", referral.request_id, agency,
                                                   row == nullptr ? "none" : ReferralState_Name(row->state()), ReferralState_Name(copy.state)));
      }
      if (!copy.taken && !copy.accounted) Fail("no referral lost", fmt::format("{} did not come to {}", referral.request_id, agency));
    }
  }
}

void Oracle::CheckSender(SimAgency& agency) {
  if (agency.outbox().waiting() > 0) Fail("mailboxes drain", fmt::format("{} submissions of {} wait", agency.outbox().waiting(), agency.name()));
  for (const auto& id : acknowledged_) {
    if (id.first != agency.name()) continue;
    const Pushed& pushed = tried_.at(id);
    const auto submission = agency.outbox().Get(id.second);
    if (!submission.ok()) {
      Fail("no referral lost", fmt::format("{} is not with its sender: {}", id.second, submission.status().ToString()));
      continue;
    }
    if (submission->has_pending_act()) Fail("mailboxes drain", fmt::format("an act on {} waits", id.second));
    const auto stored = digests_.find(id);
    const bool settled = submission->state() == agency::v1::SUBMISSION_STATE_SETTLED;
    if (pushed.permitted.empty() || submission->state() == agency::v1::SUBMISSION_STATE_NEEDS_PERSON) {
      // Nobody may have any of it, or what it corrects is no more: a person is asked, and nothing was stored.
      const bool asks = submission->state() == agency::v1::SUBMISSION_STATE_NEEDS_PERSON && (pushed.permitted.empty() || !pushed.corrects.empty());
      if (!asks || stored != digests_.end()) {
        Fail("no referral lost", fmt::format("{} stands in state {}: {}", id.second, agency::v1::SubmissionState_Name(submission->state()),
                                             submission->waiting_for()));
      }
      continue;
    }
    if (!settled || stored == digests_.end() || stored->second != submission->header_digest()) {
      Fail("no referral lost", fmt::format("{} is acknowledged and {} stored; its sender has it as {}", id.second,
                                           stored == digests_.end() ? "not" : "", agency::v1::SubmissionState_Name(submission->state())));
    }
  }
}

void Oracle::CheckRecipient(const broker::ReadView& view, SimAgency& agency) {
  for (const auto& [digest, referral] : referrals_) {
    const auto copy = referral.copies.find(agency.name());
    if (copy == referral.copies.end() || !copy->second.taken) continue;
    const auto entry = agency.inbox().Get(digest);
    if (HasReason(entry.status(), Reason::kErased)) continue;  // Its worker answered that it is gone.
    if (!entry.ok()) {
      Fail("no referral lost", fmt::format("{} is not with {} any more: {}", referral.request_id, agency.name(), entry.status().ToString()));
      continue;
    }
    if (entry->stored.has_pending_statement()) Fail("mailboxes drain", fmt::format("a statement of {} waits", agency.name()));
    const auto stored = broker::LoadReferral(SealedReaderOf(view), digest);
    const auto* row = stored.ok() && stored->has_value() ? broker::FindRecipient(**stored, agency.name()) : nullptr;
    if (row == nullptr || row->last_statement() != entry->stored.last_statement()) {
      Fail("every change is signed", fmt::format("{} and the broker differ on the last word on {}", agency.name(), referral.request_id));
    }
  }
}

}  // namespace accord::simulation
