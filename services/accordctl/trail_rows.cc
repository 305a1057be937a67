#include "services/accordctl/trail_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/console/words.h"
#include "services/accordctl/decision_table.h"

namespace accord::accordctl {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr size_t kDigestDigitsShown = 12;

absl::Status Unproven(uint64_t index, std::string_view why) {
  return Error(Reason::kReceiptInvalid, fmt::format("entry {}: {}", index, why), {{"index", std::to_string(index)}});
}

template <typename Part>
absl::Status TakePart(uint64_t index, const type::v1::Opening& opening, std::optional<Part>& part) {
  if (part.has_value()) return Unproven(index, fmt::format("has two openings `{}`", opening.label()));
  if (!part.emplace().ParseFromString(opening.content())) {
    return Unproven(index, fmt::format("its part `{}` is no message of its kind", opening.label()));
  }
  return absl::OkStatus();
}

// The row's own copy of a part may be absent, but not say anything else.
template <typename Part>
bool Says(bool present, const Part& said, const std::optional<Part>& proven) {
  return !present || (proven.has_value() && MessageDifferencer::Equals(said, *proven));
}

}  // namespace

absl::StatusOr<CheckedRow> CheckRow(const inspection::v1::TrailRow& row, std::string_view origin) {
  CheckedRow checked{.index = row.index(), .leaf_bytes = row.leaf()};
  auto leaf = ledger::ParseLeaf(row.leaf());
  if (!leaf.ok()) return Unproven(row.index(), FromAbsl(leaf.status().message()));
  checked.leaf = *std::move(leaf);
  checked.openings.assign(row.openings().begin(), row.openings().end());
  checked.erased = row.erased();
  if (checked.leaf.origin != origin) return Unproven(row.index(), "its leaf is of another log");
  if (checked.leaf.time_ms != static_cast<uint64_t>(row.time_ms()))
    return Unproven(row.index(), "its time is not that of its leaf");
  for (const auto& opening : row.openings()) {
    if (!ledger::LeafOpens(checked.leaf, {opening.label(), opening.salt(), opening.content()})) {
      return Unproven(row.index(), fmt::format("its opening `{}` is not what the leaf commits to", opening.label()));
    }
    if (opening.label() == "event") ACCORD_RETURN_IF_ERROR(TakePart(row.index(), opening, checked.event));
    if (opening.label() == "actor") ACCORD_RETURN_IF_ERROR(TakePart(row.index(), opening, checked.actor));
    if (opening.label() == "referral") ACCORD_RETURN_IF_ERROR(TakePart(row.index(), opening, checked.referral));
    if (opening.label() == "decisions") ACCORD_RETURN_IF_ERROR(TakePart(row.index(), opening, checked.decisions));
  }
  if (!Says(row.has_event(), row.event(), checked.event) || !Says(row.has_actor(), row.actor(), checked.actor) ||
      !Says(row.has_referral(), row.referral(), checked.referral) ||
      !Says(row.has_decisions(), row.decisions(), checked.decisions)) {
    return Unproven(row.index(), "says something that no opening proves");
  }
  if (row.erased() && !row.openings().empty()) return Unproven(row.index(), "is said to be erased, and has openings");
  return checked;
}

TrailCheck CheckOrder(const std::vector<CheckedRow>& rows) {
  TrailCheck check;
  if (rows.empty()) return check;
  for (size_t i = 1; i < rows.size(); ++i) {
    check.in_order &= rows[i].index > rows[i - 1].index && rows[i].leaf.time_ms >= rows[i - 1].leaf.time_ms;
  }
  for (const ledger::Chain& first : rows.front().leaf.chains) {
    // ParseLeaf sees to it that number 0 names no entry before it.
    uint64_t sequence = 0, previous = ledger::kNoPreviousIndex;
    const bool runs_through = std::all_of(rows.begin(), rows.end(), [&](const CheckedRow& row) {
      const auto& chains = row.leaf.chains;
      const auto at =
          std::find_if(chains.begin(), chains.end(), [&](const auto& c) { return c.pseudonym == first.pseudonym; });
      if (at == chains.end() || at->sequence != sequence || at->previous_index != previous) return false;
      ++sequence;
      previous = row.index;
      return true;
    });
    if (!runs_through) continue;
    check.every_entry_shown = true;
    check.entries = sequence;
  }
  return check;
}

std::string EventText(const CheckedRow& row) {
  if (!row.event.has_value()) return row.erased ? "(erased)" : "(not shown)";
  if (row.event->type() == type::v1::EVENT_TYPE_STATEMENT) return console::Words(row.event->statement());
  return console::Words(row.event->type());
}

std::string ActorText(const CheckedRow& row) {
  if (!row.actor.has_value()) return "-";
  if (!row.actor->has_worker() || row.actor->worker().pseudonym().empty()) return row.actor->principal();
  return fmt::format("{}, {} ({})", row.actor->principal(), row.actor->worker().pseudonym(),
                     console::Words(row.actor->worker().role()));
}

std::string RecipientText(const CheckedRow& row) {
  return row.referral.has_value() && !row.referral->recipient().empty() ? row.referral->recipient() : "-";
}

std::string DetailText(const CheckedRow& row) {
  std::vector<std::string> details;
  if (row.event.has_value()) {
    const auto& event = *row.event;
    if (!event.reason().empty()) details.push_back(event.reason());
    if (event.count() > 0) details.push_back(fmt::format("{} times", event.count()));
    if (event.step() != type::v1::ESCALATION_STEP_UNSPECIFIED) {
      details.push_back(fmt::format("{}, due {}, by {}", console::Words(event.step()), console::TimeText(event.due_at_ms()), event.clock_version()));
    }
    if (event.attempt() > 1) details.push_back(fmt::format("attempt {}", event.attempt()));
    if (event.type() == type::v1::EVENT_TYPE_ERASED) details.push_back(console::Words(event.erasure_ground()));
    if (!event.change().empty()) details.push_back(event.change());
    if (!event.method().empty()) details.push_back(event.method().substr(event.method().rfind('/') + 1));
    if (event.type() == type::v1::EVENT_TYPE_REFERRAL_STORED && !event.agreement_version().empty()) {
      details.push_back("agreement " + event.agreement_version());
    }
  }
  if (row.decisions.has_value()) {
    for (const RecipientShare& share : SharesOf(row.decisions->decisions())) {
      details.push_back(fmt::format(
          "{}: {}{}", share.recipient, share.gets.empty() ? "nothing" : fmt::format("{}", fmt::join(share.gets, ", ")),
          share.does_not_get.empty() ? "" : fmt::format("; withheld: {}", fmt::join(share.does_not_get, ", "))));
    }
  } else if (row.referral.has_value() && row.referral->section_digests_size() > 0) {
    details.push_back(fmt::format("{} sections", row.referral->section_digests_size()));
  }
  if (row.referral.has_value() && !row.referral->statement_digest().empty()) {
    details.push_back("statement " + ToHex(row.referral->statement_digest()).substr(0, kDigestDigitsShown));
  }
  return fmt::format("{}", fmt::join(details, "\n"));
}

}  // namespace accord::accordctl
