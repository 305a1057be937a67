#include "common/agent/disclosure_content.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/agent/inbox_people.h"
#include "common/agent/person_match.h"
#include "common/agent/records.h"
#include "common/base/status.h"
#include "common/referral/disclosure.h"

namespace accord::agent {
namespace {

using storage::v1::StoredSubmission;
using type::v1::ReferralFound;

constexpr int kSubmissionsAtOnce = 50;  // In memory, each with what it says.
constexpr size_t kArrivalsAtOnce = 1000;

absl::Status NotAHolder() {
  return Error(Reason::kNotAHolder, "nothing of it is held here: refuse with the ground NOT_HELD, or look in the agency's other systems");
}

// It is not here, or not any more: nothing is known of it.
bool IsGone(const absl::Status& status) { return absl::IsNotFound(status) || HasReason(status, Reason::kErased); }

void AddNumbers(std::span<const NamedPerson> named, ReferralFound& found) {
  for (std::string& number : RecordNumbersOf(named)) found.add_record_numbers(std::move(number));
}

ReferralFound FoundSent(const std::string& request_id, const StoredSubmission& sent) {
  ReferralFound found;
  found.set_referral(sent.header_digest());
  found.set_request_id(request_id);
  found.set_erased(sent.state() == agency::v1::SUBMISSION_STATE_ERASED);
  AddNumbers(NamedIn(sent), found);
  return found;
}

absl::StatusOr<std::optional<HeldSections>> OfSubmission(const std::string& request_id, const StoredSubmission& sent) {
  if (!sent.prepared().has_header() || sent.state() != agency::v1::SUBMISSION_STATE_SETTLED) return std::optional<HeldSections>();
  ACCORD_ASSIGN_OR_RETURN(const auto view, referral::ParseHeader(sent.prepared().header()));
  const std::vector<type::v1::Opening> openings(sent.prepared().openings().begin(), sent.prepared().openings().end());
  HeldSections held{.owner = SectionOwner::Sent(request_id), .header = {}, .sections = {}};
  ACCORD_ASSIGN_OR_RETURN(held.header, referral::OpenHeader(view, openings));
  return std::optional<HeldSections>(std::move(held));
}

}  // namespace

// Somebody who is asked for, and what was found of them.
struct DisclosureContent::Sought {
  PersonMatcher matcher;
  struct Row {
    int64_t at_ms = 0;
    ReferralFound found;
  };
  std::vector<Row> sent, received;  // The newest first.

  static void Add(std::vector<Row>& rows, int64_t at_ms, type::v1::MatchStrength strength, ReferralFound found) {
    found.set_strength(strength);
    rows.push_back({at_ms, std::move(found)});
  }
  static bool IsFull(const std::vector<Row>& rows) { return rows.size() >= static_cast<size_t>(referral::kReferralsFoundMax); }
};

absl::StatusOr<HeldSections> DisclosureContent::Sections(std::string_view header_digest, std::span<const type::v1::Category> categories) const {
  std::optional<HeldSections> held;
  const SealedList* sealed = nullptr;
  ACCORD_ASSIGN_OR_RETURN(const auto sent, outbox_.FindSent(header_digest));
  absl::StatusOr<InboxEntry> received = ReferralNotReceived();
  if (sent.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(held, OfSubmission(sent->first, sent->second));
    sealed = &sent->second.prepared().sections();
  } else {
    received = inbox_.Get(header_digest);
    if (!received.ok() && !IsGone(received.status())) return received.status();
    if (received.ok() && WhyNotShown(received->stored).empty()) {
      held = HeldSections{.owner = SectionOwner::Received(header_digest), .header = received->header, .sections = {}};
      sealed = &received->stored.sections();
    }
  }
  if (!held.has_value()) return NotAHolder();
  for (const auto& section : *sealed) {
    const auto& parts = held->header.sections;
    const auto part = std::find_if(parts.begin(), parts.end(), [&](const auto& one) { return one.part.section_id() == section.section_id(); });
    if (part == parts.end()) return Error(Reason::kSectionMalformed, "a section that is held here is not one of its header");
    const bool asked = categories.empty() || std::find(categories.begin(), categories.end(), part->part.category()) != categories.end();
    if (asked) held->sections.push_back({part->part, section});
  }
  if (held->sections.empty()) return NotAHolder();
  return *std::move(held);
}

absl::StatusOr<std::string> DisclosureContent::BytesOf(const HeldSections& held, const type::v1::SealedSection& section) const {
  return sections_.BytesOf(held.owner, section);
}

absl::StatusOr<std::vector<agency::v1::HeldSection>> DisclosureContent::Open(const HeldSections& held) const {
  std::vector<agency::v1::HeldSection> opened;
  for (const auto& section : held.sections) {
    ACCORD_ASSIGN_OR_RETURN(const std::string cms, BytesOf(held, section.sealed));
    auto& row = opened.emplace_back();
    row.set_section_id(section.part.section_id());
    row.set_category(section.part.category());
    ACCORD_ASSIGN_OR_RETURN(*row.mutable_content(), OpenSection(keys_, held.header, section.part, cms));
    // Of files, which are large, one is in memory at a time.
    if (row.content().has_attachment()) row.mutable_content()->mutable_attachment()->clear_data();
  }
  return opened;
}

absl::Status DisclosureContent::FindSent(std::vector<Sought>& sought) const {
  const bool by_tokens = std::any_of(sought.begin(), sought.end(), [](const Sought& one) { return one.matcher.has_tokens(); });
  uint64_t before = 0;
  for (;;) {
    ACCORD_ASSIGN_OR_RETURN(const auto page, outbox_.List(before, kSubmissionsAtOnce));
    for (const auto& [request_id, sent] : page) {
      before = sent.sequence();
      if (sent.state() != agency::v1::SUBMISSION_STATE_SETTLED || sent.header_digest().empty()) continue;
      const std::vector<NamedPerson> named = NamedIn(sent);
      std::vector<PersonTokens> tokens(named.size());  // Made once for all who are asked for.
      for (size_t i = 0; by_tokens && i < named.size(); ++i) tokens[i] = TokensOf(keys_, *named[i].person);
      for (Sought& one : sought) {
        if (Sought::IsFull(one.sent)) continue;
        PersonMatch best;
        for (size_t i = 0; i < named.size(); ++i) {
          const PersonMatch match{one.matcher.StrengthOf(*named[i].person, tokens[i], /*by_number=*/true), named[i].role};
          if (match.found() && match.better_than(best)) best = match;
        }
        if (best.found()) Sought::Add(one.sent, sent.accepted_at_ms(), best.strength, FoundSent(request_id, sent));
      }
    }
    const bool full = std::all_of(sought.begin(), sought.end(), [](const Sought& one) { return Sought::IsFull(one.sent); });
    if (full || page.size() < static_cast<size_t>(kSubmissionsAtOnce)) return absl::OkStatus();
  }
}

absl::Status DisclosureContent::FindReceived(std::vector<Sought>& sought) const {
  uint64_t before = 0;
  for (;;) {
    ACCORD_ASSIGN_OR_RETURN(const auto arrivals, inbox_.Arrivals(before, kArrivalsAtOnce));
    for (const auto& [sequence, digest] : arrivals) {
      before = sequence;
      const auto people = inbox_.People(digest);
      if (IsGone(people.status())) continue;  // Erased while this looks.
      ACCORD_RETURN_IF_ERROR(people);
      std::optional<std::pair<int64_t, ReferralFound>> row;  // Opened once, and only if it is somebody's.
      for (Sought& one : sought) {
        if (Sought::IsFull(one.received)) continue;
        const type::v1::MatchStrength strength = one.matcher.StrengthAmong(*people);
        if (strength == type::v1::MATCH_STRENGTH_UNSPECIFIED) continue;
        if (!row.has_value()) {
          const auto entry = inbox_.Get(digest);
          if (IsGone(entry.status())) break;
          ACCORD_RETURN_IF_ERROR(entry);
          row = {entry->stored.received_at_ms(), OfReceived(*entry)};
        }
        Sought::Add(one.received, row->first, strength, row->second);
      }
    }
    const bool full = std::all_of(sought.begin(), sought.end(), [](const Sought& one) { return Sought::IsFull(one.received); });
    if (full || arrivals.size() < kArrivalsAtOnce) return absl::OkStatus();
  }
}

absl::StatusOr<type::v1::PersonsAnswer> DisclosureContent::Find(const type::v1::PersonsQuestion& question) const {
  std::vector<Sought> sought;
  for (const auto& asked : question.persons()) sought.push_back({PersonMatcher(keys_, asked.person()), {}, {}});
  ACCORD_RETURN_IF_ERROR(FindSent(sought));
  const bool by_tokens = std::any_of(sought.begin(), sought.end(), [](const Sought& one) { return one.matcher.has_tokens(); });
  if (by_tokens) ACCORD_RETURN_IF_ERROR(FindReceived(sought));
  type::v1::PersonsAnswer answer;
  for (size_t i = 0; i < sought.size(); ++i) {
    auto& person = *answer.add_persons();
    person.set_mark(question.persons(static_cast<int>(i)).mark());
    auto& rows = sought[i].sent;
    rows.insert(rows.end(), std::make_move_iterator(sought[i].received.begin()), std::make_move_iterator(sought[i].received.end()));
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.at_ms > b.at_ms; });
    for (size_t at = 0; at < rows.size() && at < static_cast<size_t>(referral::kReferralsFoundMax); ++at) {
      *person.add_referrals() = std::move(rows[at].found);
    }
  }
  return answer;
}

ReferralFound DisclosureContent::OfReceived(const InboxEntry& entry) const {
  ReferralFound found;
  found.set_referral(entry.header_digest);
  found.set_received(true);
  const ReceivedSections opened = SectionsOf(inbox_, entry);  // None of what is not shown any more.
  AddNumbers(NamedIn(opened.sections), found);
  return found;
}

absl::StatusOr<bool> DisclosureContent::FillRecord(std::string_view header_digest, ReferralFound& found) const {
  ACCORD_ASSIGN_OR_RETURN(const auto sent, outbox_.FindSent(header_digest));
  if (sent.has_value()) {
    found = FoundSent(sent->first, sent->second);
    return true;
  }
  const auto received = inbox_.Get(header_digest);
  if (received.ok()) {
    found = OfReceived(*received);
    return true;
  }
  if (!IsGone(received.status())) return received.status();
  found.set_referral(std::string(header_digest));
  const bool erased = HasReason(received.status(), Reason::kErased);
  found.set_received(erased);
  found.set_erased(erased);
  return erased;
}

absl::StatusOr<type::v1::RecordsAnswer> DisclosureContent::Records(std::span<const std::string> header_digests) const {
  type::v1::RecordsAnswer answer;
  bool known = false;
  for (const std::string& digest : header_digests) {
    ACCORD_ASSIGN_OR_RETURN(const bool here, FillRecord(digest, *answer.add_referrals()));
    known = known || here;
  }
  if (!known) return NotAHolder();
  return answer;
}

absl::StatusOr<std::optional<storage::v1::StoredInboxPeople>> DisclosureContent::People(std::string_view header_digest) const {
  using Known = std::optional<storage::v1::StoredInboxPeople>;
  ACCORD_ASSIGN_OR_RETURN(const auto sent, outbox_.FindSent(header_digest));
  if (sent.has_value()) return Known(PeopleIn(keys_, sent->second.draft()));
  auto people = inbox_.People(header_digest);
  if (IsGone(people.status())) return Known();
  ACCORD_RETURN_IF_ERROR(people);
  return Known(*std::move(people));
}

}  // namespace accord::agent
