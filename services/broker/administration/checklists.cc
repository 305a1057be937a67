#include "services/broker/administration/checklists.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "accord/storage/v1/broker.pb.h"
#include "accord/storage/v1/hold.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/agreement.h"
#include "common/referral/states.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/disclosures/disclosure_store.h"

namespace accord::broker {
namespace {

using admin::v1::CheckListItem;
using Items = std::vector<CheckListItem>;

absl::StatusOr<const AgencyRow*> RowOfAgency(const DirectorySnapshot& directory, std::string_view agency) {
  const AgencyRow* const row = directory.FindAgency(agency);
  if (row != nullptr) return row;
  return Error(Reason::kPrincipalNotFound, fmt::format("agency/{} is not enrolled", agency), {{"principal", fmt::format("agency/{}", agency)}});
}

void AddItem(Items& items, std::string_view code, bool done, std::string text, bool optional = false) {
  auto& item = items.emplace_back();
  item.set_code(std::string(code));
  item.set_done(done);
  item.set_text(std::move(text));
  item.set_optional(optional);
}
void AddCount(Items& items, std::string_view code, uint64_t open, std::string text) {
  AddItem(items, code, open == 0, std::move(text));
  items.back().set_open(open);
}

bool IsParty(const referral::Agreement& agreement, std::string_view agency) {
  return std::find(agreement.parties.begin(), agreement.parties.end(), agency) != agreement.parties.end();
}

// Agreements in force that name the agency.
std::vector<const referral::Agreement*> AgreementsOf(const CheckListSources& sources, std::string_view agency) {
  std::vector<const referral::Agreement*> found;
  for (const auto* agreement : sources.policy.compiled.LiveAgreements(sources.now)) {
    if (IsParty(*agreement, agency)) found.push_back(agreement);
  }
  return found;
}

// One line about certificates of one use: there is one that holds now, and it does not end soon.
void AddCertificates(Items& items, std::string_view code, std::string_view what, const std::vector<crypto::Certificate>& certificates,
                     absl::Time now) {
  absl::Time until = absl::InfinitePast();
  for (const auto& certificate : certificates) {
    if (certificate.not_before() <= now) until = std::max(until, certificate.not_after());
  }
  const bool holds = until > now;
  AddItem(items, code, holds, holds ? fmt::format("It has a {} certificate that holds and is not denied.", what)
                                    : fmt::format("It has no {0} certificate that holds and is not denied: have one issued by the area authority, "
                                                  "and put it with `accordctl admin propose` (put_agency).", what));
  if (!holds) return;
  const bool soon = until <= now + kCertificateWarning;
  AddItem(items, fmt::format("{}_renewal", code), !soon,
          soon ? fmt::format("Its {} certificate ends within 30 days: have the next one issued now.", what)
               : fmt::format("Its {} certificate holds for more than 30 days.", what),
          /*optional=*/true);
}

void AddPlaces(Items& items, const admin::v1::Agency& agency) {
  AddItem(items, "areas", agency.areas_size() > 0,
          agency.areas_size() > 0 ? fmt::format("Areas: {}.", agency.areas_size()) : "It has no area: put its GSS codes, or nobody in its area is routed to it.");
  std::set<std::string> lands;
  for (const std::string& area : agency.areas()) {
    switch (referral::JurisdictionOf(area)) {
      case type::v1::JURISDICTION_ENGLAND: lands.insert("England"); break;
      case type::v1::JURISDICTION_WALES: lands.insert("Wales"); break;
      case type::v1::JURISDICTION_SCOTLAND: lands.insert("Scotland"); break;
      case type::v1::JURISDICTION_NORTHERN_IRELAND: lands.insert("Northern Ireland"); break;
      default: break;
    }
  }
  std::string names;
  for (const std::string& land : lands) names += (names.empty() ? "" : ", ") + land;
  AddItem(items, "jurisdiction", !lands.empty(),
          lands.empty() ? "The law of no country follows from its areas, so that of the sender's, or of England, is taken: check its GSS codes."
                        : fmt::format("The law that follows from its areas: {}.", names));
}

void AddDutyItems(Items& items, const admin::v1::Agency& agency, const DirectorySnapshot& directory) {
  const bool telephone = !agency.duty_telephone().empty();
  AddItem(items, "duty_telephone", telephone,
          telephone ? "Its duty desk has a telephone number." : "Its duty desk has no telephone number: senders of IMMEDIATE are told none when nobody is on duty.");
  // Of who is not active nobody asks anything.
  const auto stands_in = [&](const std::string& id) { return directory.FindActiveAgency(id) != nullptr; };
  const bool covered = agency.duty_hours_size() > 0 || stands_in(agency.duty_recipient());
  AddItem(items, "duty_hours", covered,
          covered ? "It has duty hours, or somebody who stands in outside of them."
                  : "Nobody is ever on duty there: put duty_hours, or a duty_recipient that is active and stands in.");
  AddItem(items, "deputy", stands_in(agency.deputy()),
          agency.deputy().empty()       ? "No agency stands in after a missed clock."
          : stands_in(agency.deputy()) ? fmt::format("{} stands in after a missed clock.", agency.deputy())
                                        : fmt::format("{} is to stand in after a missed clock, and is not active: put another.", agency.deputy()),
          /*optional=*/true);
}

uint64_t CountRows(const storage::Store& store, std::string_view family, const storage::Range& range, absl::Status& status) {
  uint64_t count = 0;
  status.Update(store.Scan(family, range, [&](std::string_view, std::string_view) {
    ++count;
    return true;
  }));
  return count;
}

// What is open in its referrals.
struct OpenReferrals {
  uint64_t unread = 0;    // Received, and nobody opened them.
  uint64_t received = 0;  // Received, opened, and not brought to their end.
  uint64_t changes = 0;   // A change of consent, correction or recall that it has not answered.
  uint64_t reseals = 0;   // Somebody waits for it to seal again, or it for somebody.
  uint64_t sent = 0;      // Sent, and not opened there.
  uint64_t awaited = 0;   // Sent, opened there, and not brought to its end: who asked is to hear how it ended.
};

bool IsUnread(const storage::v1::StoredRecipient& recipient) {
  return recipient.state() == type::v1::REFERRAL_STATE_STORED || recipient.state() == type::v1::REFERRAL_STATE_RELEASED ||
         recipient.state() == type::v1::REFERRAL_STATE_DELIVERED;
}

// Opened, and somebody is to do something about it still.
bool IsUnderWay(const storage::v1::StoredRecipient& recipient) {
  switch (recipient.state()) {
    case type::v1::REFERRAL_STATE_OPENED: return recipient.response_due_ms() != 0;  // Else nothing is asked: it was told.
    case type::v1::REFERRAL_STATE_DECLINED:
    case type::v1::REFERRAL_STATE_RETURNED:
    case type::v1::REFERRAL_STATE_REDIRECTED:
    case type::v1::REFERRAL_STATE_ANSWERED:
    case type::v1::REFERRAL_STATE_DEAD_LETTER: return false;
    default: return !IsUnread(recipient) && !referral::IsFinal(recipient.state());
  }
}

void CountReferral(const storage::v1::StoredReferral& stored, std::string_view agency, OpenReferrals& open) {
  const bool is_recipient = FindRecipient(stored, agency) != nullptr;
  // A recall moves no state of a copy that had left, and nobody can move it after that: what is left is to answer the recall.
  const bool over = stored.recalled() || !stored.replaced_by().empty();
  for (const auto& recipient : stored.recipients()) {
    if (recipient.agency() == agency) {
      open.unread += IsUnread(recipient) && !over;
      open.received += IsUnderWay(recipient) && !over;
      open.changes += recipient.change_due_ms() != 0;
      open.reseals += recipient.reseal_wanted_ms() != 0;
    } else if (!is_recipient) {
      open.sent += IsUnread(recipient) && recipient.pick_up_due_ms() != 0 && !over;
      open.awaited += IsUnderWay(recipient) && !over;
      open.reseals += recipient.reseal_wanted_ms() != 0;
    }
  }
}

absl::StatusOr<OpenReferrals> CountReferrals(const CheckListSources& sources, std::string_view agency) {
  std::set<std::string> digests;  // One may stand for both desks.
  ACCORD_RETURN_IF_ERROR(sources.store.Scan(kFamilyParty, storage::Prefix(ByteWriter().Lp8(agency).bytes()), [&](std::string_view, std::string_view digest) {
    digests.emplace(digest);
    return true;
  }));
  OpenReferrals open;
  for (const std::string& digest : digests) {
    ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(sources.sealed, digest));
    if (stored.has_value()) CountReferral(*stored, agency, open);  // Else it was erased.
  }
  return open;
}

// Holds in force that the agency was told of.
absl::StatusOr<uint64_t> CountHolds(const CheckListSources& sources, std::string_view agency) {
  std::vector<std::string> holds;
  bool corrupt = false;
  ACCORD_RETURN_IF_ERROR(sources.store.Scan(kFamilyHold, {}, [&](std::string_view id, std::string_view value) {
    storage::v1::StoredHold hold;
    corrupt = !hold.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (hold.lifted_at_ms() == 0) holds.emplace_back(id);
    return !corrupt;
  }));
  if (corrupt) return Error(Reason::kStoreCorrupt, "a stored hold does not parse");
  uint64_t count = 0;
  for (const std::string& hold : holds) {
    bool holder = false;
    for (const auto desk : {type::v1::DESK_MAIN, type::v1::DESK_CONFIDENTIAL}) {
      ACCORD_ASSIGN_OR_RETURN(const auto row, sources.store.Get(kFamilyHoldHolder, HoldHolderKey(hold, agency, desk)));
      holder = holder || row.has_value();
    }
    count += holder;
  }
  return count;
}

// Rows of what administrators and the agency may review, of which it is concerned, and which are open.
uint64_t CountReviews(const CheckListSources& sources, ReviewKind what, std::string_view agency, absl::Status& status) {
  const std::string prefix = ReviewPrefix(what, agency);
  storage::Range range = storage::Prefix(prefix);
  range.upper = prefix + '\x02';  // The closed.
  return CountRows(sources.store, kFamilyReview, range, status);
}

// Pairs of cases that may be one, of which it holds both and which nobody has judged.
absl::StatusOr<uint64_t> CountLinkProposals(const storage::Store& store, std::string_view agency) {
  const std::string prefix = LinkPartyPrefix(agency);
  std::vector<uint64_t> numbers;
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyLinkIndex, storage::Prefix(prefix), [&](std::string_view key, std::string_view) {
    numbers.push_back(~U64FromKey(key.substr(prefix.size())).value_or(0));
    return true;
  }));
  uint64_t open = 0;
  for (const uint64_t number : numbers) {
    ACCORD_ASSIGN_OR_RETURN(const auto row, store.Get(kFamilyLink, KeyU64(number)));
    storage::v1::StoredLink link;
    if (!row.has_value() || !link.ParseFromString(*row)) return Error(Reason::kStoreCorrupt, "a link of cases is not there, or does not parse");
    open += link.answered_at_ms() == 0;
  }
  return open;
}

uint64_t CountStandIns(const DirectorySnapshot& directory, std::string_view agency) {
  uint64_t count = 0;
  for (const auto& [id, row] : directory.agencies()) {
    count += row.agency.active() && id != agency && (row.agency.deputy() == agency || row.agency.duty_recipient() == agency);
  }
  return count;
}

// Forums that sit and of which it is a member; who coordinates one is one of its members.
uint64_t CountForums(const Policy& policy, std::string_view agency) {
  uint64_t count = 0;
  for (const auto& [id, forum] : policy.compiled.sources().forums) count += forum.members.contains(agency);
  return count;
}

}  // namespace

absl::StatusOr<Items> OnboardingOf(const CheckListSources& sources, std::string_view agency, SeenOfAgency seen) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyRow* row, RowOfAgency(sources.directory, agency));
  const admin::v1::Agency& put = row->agency;
  Items items;
  AddItem(items, "active", put.active(), put.active() ? "It is in the directory and active." : "It is not active: put it with `active` true.");
  const bool suspended = sources.directory.IsSuspended(fmt::format("agency/{}", agency));
  AddItem(items, "not_suspended", !suspended, suspended ? fmt::format("It is suspended: `accordctl admin reinstate agency/{}`.", agency) : "It is not suspended.");
  AddPlaces(items, put);
  std::vector<crypto::Certificate> signing;
  for (const auto& key : row->signing) signing.push_back(key.certificate);
  AddCertificates(items, "signing_certificate", "signing", signing, sources.now);
  AddCertificates(items, "sealing_certificate", "sealing", row->sealing.has_value() ? std::vector{*row->sealing} : std::vector<crypto::Certificate>(), sources.now);
  AddItem(items, "confidential_desk", row->confidential_sealing.has_value(),
          row->confidential_sealing.has_value() ? "Its confidential desk has a sealing certificate."
                                                : "It has no confidential desk: what concerns its own staff is not sent to it.",
          /*optional=*/true);
  AddDutyItems(items, put, sources.directory);
  const auto agreements = AgreementsOf(sources, agency);
  AddItem(items, "agreement", !agreements.empty(),
          agreements.empty() ? "No agreement in force names it, so that it may send and receive nothing but IMMEDIATE: `accordctl admin propose --agreement FILE`."
                             : fmt::format("Agreements in force that name it: {}.", agreements.size()));
  AddItem(items, "connection", seen.called,
          seen.called ? "Its service has called the broker since that started."
                      : fmt::format("Its service has not called the broker since that started: start it, then `accordctl admin connection {}`.", agency));
  AddItem(items, "duty_alert", seen.alerted,
          seen.alerted ? "Its duty alert has run." : "Its duty alert has not run since the broker started: try it with an IMMEDIATE test referral (docs/agencies.md).",
          /*optional=*/true);
  ACCORD_ASSIGN_OR_RETURN(const auto support, sources.store.Get(kFamilySupport, agency));
  AddItem(items, "support", support.has_value(),
          support.has_value() ? "It has published whom it takes." : "It has not published whom it takes and whether it has room (`accordctl support publish`).",
          /*optional=*/true);
  return items;
}

absl::StatusOr<Items> LeavingOf(const CheckListSources& sources, std::string_view agency) {
  ACCORD_RETURN_IF_ERROR(RowOfAgency(sources.directory, agency).status());
  ACCORD_ASSIGN_OR_RETURN(const OpenReferrals open, CountReferrals(sources, agency));
  ACCORD_ASSIGN_OR_RETURN(const uint64_t holds, CountHolds(sources, agency));
  ACCORD_ASSIGN_OR_RETURN(const uint64_t disclosures, CountOpenDisclosures(sources.store, sources.sealed, agency, sources.now));
  ACCORD_ASSIGN_OR_RETURN(const uint64_t links, CountLinkProposals(sources.store, agency));
  const std::string prefix = ByteWriter().Lp8(agency).bytes();
  absl::Status status;
  const uint64_t waiting = CountRows(sources.store, kFamilyMailbox, storage::Prefix(prefix), status);
  const uint64_t dead = CountRows(sources.store, kFamilyDeadLetter, storage::Prefix(prefix), status);
  const uint64_t gaps = CountReviews(sources, ReviewKind::kGap, agency, status);
  const uint64_t breaches = CountReviews(sources, ReviewKind::kBreach, agency, status);
  ACCORD_RETURN_IF_ERROR(status);
  Items items;
  AddCount(items, "agreements", AgreementsOf(sources, agency).size(), "Agreements in force that name it: put a version without it, so that nothing new comes.");
  AddCount(items, "stand_ins", CountStandIns(sources.directory, agency), "Agencies for which it stands in: put another as their deputy or duty recipient.");
  AddCount(items, "forums", CountForums(sources.policy, agency), "Forums that sit with it, or that it coordinates: put each without it (`accordctl admin propose FILE`, put_forum).");
  AddCount(items, "deliveries", waiting, "Deliveries that wait for it: its service collects them.");
  AddCount(items, "unread", open.unread, "Copies that nobody there has opened: its people read or return them (`accordctl inbox list`).");
  AddCount(items, "received", open.received, "Referrals that it received and that are not at their end: its people close or redirect them.");
  AddCount(items, "sent", open.sent, "Referrals that it sent and that nobody has opened: wait, redirect, or withdraw them.");
  AddCount(items, "awaited", open.awaited, "Referrals that it sent and that are under way there: they come to their end, or it withdraws or recalls them.");
  AddCount(items, "changes", open.changes, "Changes of consent, corrections and recalls that it has not answered.");
  AddCount(items, "reseals", open.reseals, "Referrals that wait to be sealed again, by it or for it.");
  AddCount(items, "dead_letters", dead, "Dead letters that it may see: requeue or discard them (`accordctl deadletter list`).");
  AddCount(items, "gaps", gaps, "Gaps of IMMEDIATE referrals that nobody has reviewed (`accordctl gap list`).");
  AddCount(items, "breaches", breaches, "Breaches that nobody has assessed (`accordctl breach list`).");
  AddCount(items, "disclosures", disclosures, "What inspectors asked of it under a warrant, without an answer: release or refuse it (`accordctl disclosure list --open`).");
  AddCount(items, "holds", holds, "Legal holds that cover what it has: they are lifted, or who takes its records over is named in them.");
  // Advice: unjudged they stay two, as they were; and it may be that it is not let see them.
  AddCount(items, "links", links, "Pairs of cases that may be one, and of which it holds both: once it has left perhaps nobody can judge them (`accordctl case links`).");
  items.back().set_optional(true);
  return items;
}

absl::Status CheckComplete(const Items& items) {
  std::string open;
  for (const CheckListItem& item : items) {
    if (!item.done() && !item.optional()) open += (open.empty() ? "" : ",") + item.code();
  }
  if (open.empty()) return absl::OkStatus();
  return Error(Reason::kLeavingIncomplete, fmt::format("still open: {}", open), {{"open", open}});
}

}  // namespace accord::broker
