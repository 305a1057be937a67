#include "services/broker/cases/proposals.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

using storage::v1::StoredLink;
using storage::v1::StoredReferral;

constexpr std::string_view kProposer = "broker";

// A referral that an agency holds, which its notice names.
struct Held {
  std::string header_digest;
  std::string chain;
};
using Holders = std::map<std::string, Held>;  // By agency.

std::string OrderingKey(uint64_t number, std::string_view agency) {
  return crypto::Sha256(ByteWriter().Lp16("accord/link-order/v1").U64(number).Lp8(agency).bytes()).substr(0, kIdBytes);
}

// Who holds the case, each by the newest referral that it holds.
absl::StatusOr<Holders> HoldersOf(CommitContext& context, std::string_view pseudonym) {
  Holders holders;
  const auto visit = [&](const std::string& digest, const StoredReferral& stored, const type::v1::HeaderCore& core) {
    holders.try_emplace(core.sender(), Held{digest, stored.chain()});
    for (const auto& recipient : stored.recipients()) {
      if (HoldsReferral(stored, core, recipient.agency())) holders.try_emplace(recipient.agency(), Held{digest, stored.chain()});
    }
    return true;
  };
  ACCORD_RETURN_IF_ERROR(VisitReferralsOfCase(PlainReaderOf(context), SealedReaderOf(context), pseudonym, visit));
  return holders;
}

// Tells `agency`, unless it was told.
absl::Status Tell(CommitContext& context, uint64_t number, const std::string& agency, const Held& held, NewDeliveries& queued) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyLinkIndex, LinkToldKey(number)));
  std::string told = bytes.value_or("");
  ByteReader agencies(told);
  size_t count = 0;
  for (std::string_view one; agencies.Lp8(one); ++count) {
    if (one == agency) return absl::OkStatus();
  }
  if (count >= kLinkToldMax) return absl::OkStatus();
  context.Put(kFamilyLinkIndex, LinkToldKey(number), told + ByteWriter().Lp8(agency).bytes());
  context.Put(kFamilyLinkIndex, LinkPartyKey(agency, number), "");

  // Its sender is not named: the trail of the referral would show it a link that it may not know of.
  EntryDraft entry;
  entry.chains = {held.chain};
  entry.event.set_type(type::v1::EVENT_TYPE_LINK_PROPOSED);
  entry.actor.emplace().set_principal(std::string(kProposer));
  auto& about = entry.referral.emplace();
  about.set_header_digest(held.header_digest);
  about.set_recipient(agency);
  about.set_desk(type::v1::DESK_MAIN);
  ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(entry));

  storage::v1::StoredDelivery delivery;
  delivery.set_agency(agency);
  delivery.set_desk(type::v1::DESK_MAIN);
  delivery.set_header_digest(held.header_digest);
  delivery.set_lane(type::v1::LANE_HIGH);
  delivery.set_ordering_key(OrderingKey(number, agency));
  delivery.set_notice(type::v1::NOTICE_KIND_LINK_PROPOSED);
  delivery.set_notice_due_ms(absl::ToUnixMillis(context.now()));
  delivery.set_notice_reminder(1);
  delivery.set_notice_agency(agency);
  delivery.set_notice_link(number);
  return PutDelivery(context, context.RandomBytes(kIdBytes), std::move(delivery), index, queued);
}

// The link that is proposed; nothing when it was before, or one of the cases has too many.
absl::StatusOr<std::optional<uint64_t>> Propose(CommitContext& context, const CaseMatch& match) {
  ACCORD_ASSIGN_OR_RETURN(const auto of_one, LinksOfCase(PlainReaderOf(context), match.one));
  ACCORD_ASSIGN_OR_RETURN(const auto of_other, LinksOfCase(PlainReaderOf(context), match.other));
  const bool known = std::any_of(of_one.begin(), of_one.end(),
                                 [&](uint64_t number) { return std::find(of_other.begin(), of_other.end(), number) != of_other.end(); });
  if (known || std::max(of_one.size(), of_other.size()) >= kLinksPerCaseMax) return std::optional<uint64_t>();

  EntryDraft entry;
  entry.chains = {match.one, match.other};
  entry.event.set_type(type::v1::EVENT_TYPE_LINK_PROPOSED);
  entry.event.set_match_strength(match.strength);
  entry.actor.emplace().set_principal(std::string(kProposer));
  ACCORD_ASSIGN_OR_RETURN(const uint64_t number, context.AddEntry(entry));  // The leaf index is the link's number.
  StoredLink link;
  link.set_one(match.one);
  link.set_other(match.other);
  link.set_strength(match.strength);
  link.set_proposed_at_ms(absl::ToUnixMillis(context.now()));
  link.set_index(number);
  context.Put(kFamilyLink, KeyU64(number), link.SerializeAsString());
  for (const std::string* pseudonym : {&match.one, &match.other}) {
    ACCORD_ASSIGN_OR_RETURN(const auto row, context.Get(kFamilyLinkIndex, LinksOfCaseKey(*pseudonym)));
    context.Put(kFamilyLinkIndex, LinksOfCaseKey(*pseudonym), row.value_or("") + KeyU64(number));
  }
  return std::optional<uint64_t>(number);
}

// Tells `agency`, which holds the referral, of what was proposed of its cases and others that it holds.
absl::Status TellOfEarlier(CommitContext& context, const StoredReferral& stored, const Held& held, const std::string& agency,
                           NewDeliveries& queued) {
  for (const std::string& pseudonym : stored.cases()) {
    ACCORD_ASSIGN_OR_RETURN(const auto numbers, LinksOfCase(PlainReaderOf(context), pseudonym));
    for (const uint64_t number : numbers) {
      ACCORD_ASSIGN_OR_RETURN(const auto link, LoadLink(PlainReaderOf(context), number));
      if (!link.has_value()) continue;
      const std::string& other = link->one() == pseudonym ? link->other() : link->one();
      bool holds_both = std::find(stored.cases().begin(), stored.cases().end(), other) != stored.cases().end();
      if (!holds_both) {
        ACCORD_ASSIGN_OR_RETURN(const auto others, ReferralsHeld(PlainReaderOf(context), SealedReaderOf(context), other, agency, 1));
        holds_both = !others.empty();
      }
      if (holds_both) ACCORD_RETURN_IF_ERROR(Tell(context, number, agency, held, queued));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status NoteStoredInCases(CommitContext& context, std::string_view header_digest, const StoredReferral& stored,
                               const type::v1::HeaderCore& core, const std::vector<CaseMatch>& matches, NewDeliveries& queued) {
  for (const CaseMatch& match : matches) {
    ACCORD_ASSIGN_OR_RETURN(const auto number, Propose(context, match));
    if (!number.has_value()) continue;
    ACCORD_ASSIGN_OR_RETURN(const Holders one, HoldersOf(context, match.one));
    ACCORD_ASSIGN_OR_RETURN(const Holders other, HoldersOf(context, match.other));
    for (const auto& [agency, held] : other) {
      if (one.contains(agency)) ACCORD_RETURN_IF_ERROR(Tell(context, *number, agency, held, queued));
    }
  }
  return TellOfEarlier(context, stored, {std::string(header_digest), stored.chain()}, core.sender(), queued);
}

absl::Status NoteReleasedInCases(CommitContext& context, std::string_view header_digest, const StoredReferral& stored,
                                 std::string_view agency, type::v1::Desk desk, NewDeliveries& queued) {
  if (desk == type::v1::DESK_CONFIDENTIAL || stored.recalled()) return absl::OkStatus();
  return TellOfEarlier(context, stored, {std::string(header_digest), stored.chain()}, std::string(agency), queued);
}

}  // namespace accord::broker
