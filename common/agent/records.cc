#include "common/agent/records.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/referral/referral_name.h"

namespace accord::agent {
namespace {

using Kind = OwnRecord::Kind;
using storage::v1::StoredReceived;
using storage::v1::StoredSubmission;

accord::storage::Range From(uint64_t sequence) {
  accord::storage::Range range;
  range.lower = KeyU64(sequence);
  return range;
}

// Files are read one by one, where each reading is in the journal.
void LeaveOutBytes(agency::v1::OpenedSection& section) {
  if (section.content().has_attachment()) section.mutable_content()->mutable_attachment()->clear_data();
}

}  // namespace

std::string RecordPosition::ToString() const { return fmt::format("{}.{}.{}", sent, received, journal); }

absl::StatusOr<RecordPosition> RecordPosition::Parse(std::string_view text) {
  RecordPosition position;
  if (text.empty()) return position;
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(text), '.');
  if (parts.size() == 3 && absl::SimpleAtoi(parts[0], &position.sent) && absl::SimpleAtoi(parts[1], &position.received) &&
      absl::SimpleAtoi(parts[2], &position.journal)) {
    return position;
  }
  return Error(Reason::kFieldInvalid, "after is no position of an export", {{"field", "after"}});
}

absl::StatusOr<uint64_t> RecordReader::Start(const RecordPosition& after) {
  position_ = after;
  sources_ = {{Kind::kSent, kFamilyOutboxOrder, after.sent + 1, 0, {}},
              {Kind::kReceived, kFamilyInboxOrder, after.received + 1, 0, {}},
              {Kind::kJournal, kFamilyJournal, after.journal + 1, 0, {}}};
  uint64_t total = 0;
  for (Source& source : sources_) {
    ACCORD_RETURN_IF_ERROR(store_.raw().Scan(source.order, From(source.next), [&](std::string_view key, std::string_view) {
      source.last = U64FromKey(key).value_or(source.last);
      ++total;
      return true;
    }));
  }
  return total;
}

absl::StatusOr<std::optional<OwnRecord>> RecordReader::Read(Kind kind, uint64_t sequence, const std::string& value) const {
  OwnRecord record;
  record.kind = kind;
  switch (kind) {
    case Kind::kSent: {
      ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<StoredSubmission>(kFamilyOutbox, value));
      if (!stored.has_value()) return Error(Reason::kStoreCorrupt, "the outbox order names a submission that is not there");
      record.about = value;
      record.at_ms = stored->accepted_at_ms();
      record.sent = *std::move(stored);
      break;
    }
    case Kind::kReceived: {
      ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<StoredReceived>(kFamilyInbox, value));
      if (!stored.has_value()) return std::optional<OwnRecord>();  // Erased since.
      record.about = referral::ReferralName(value);
      record.at_ms = stored->received_at_ms();
      ACCORD_ASSIGN_OR_RETURN(record.received, inbox_.Open(value, *std::move(stored)));
      break;
    }
    case Kind::kJournal: {
      ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<storage::v1::StoredJournalEntry>(kFamilyJournal, KeyU64(sequence)));
      if (!stored.has_value()) return std::optional<OwnRecord>();
      record.about = stored->entry().about();
      record.at_ms = stored->entry().at_ms();
      record.journal = std::move(*stored->mutable_entry());
      break;
    }
  }
  return std::optional<OwnRecord>(std::move(record));
}

absl::Status RecordReader::Fill(Source& source) const {
  while (!source.head.has_value() && source.next <= source.last) {
    uint64_t sequence = 0;
    std::string value;
    ACCORD_RETURN_IF_ERROR(store_.raw().Scan(source.order, From(source.next), [&](std::string_view key, std::string_view row) {
      sequence = U64FromKey(key).value_or(0);
      value = std::string(row);
      return false;
    }));
    if (sequence == 0 || sequence > source.last) {
      source.next = source.last + 1;
      break;
    }
    source.next = sequence + 1;
    ACCORD_ASSIGN_OR_RETURN(source.head, Read(source.kind, sequence, value));
    if (!source.head.has_value()) continue;
    RecordPosition& position = source.head->position;
    (source.kind == Kind::kSent ? position.sent : source.kind == Kind::kReceived ? position.received : position.journal) = sequence;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<OwnRecord>> RecordReader::Next(bool with_journal) {
  Source* oldest = nullptr;
  for (Source& source : sources_) {
    if (source.kind == Kind::kJournal && !with_journal) continue;
    ACCORD_RETURN_IF_ERROR(Fill(source));
    if (!source.head.has_value()) continue;
    if (oldest == nullptr || source.head->at_ms < oldest->head->at_ms) oldest = &source;
  }
  if (oldest == nullptr) return std::optional<OwnRecord>();
  OwnRecord record = *std::exchange(oldest->head, std::nullopt);
  position_ = {std::max(position_.sent, record.position.sent), std::max(position_.received, record.position.received),
               std::max(position_.journal, record.position.journal)};
  record.position = position_;
  return std::optional<OwnRecord>(std::move(record));
}

std::string_view WhyNotShown(const StoredReceived& stored) {
  if (stored.recalled()) return "recalled";
  if (stored.has_erase_by()) return "gone";
  if (stored.withdrawn() && stored.state() == type::v1::REFERRAL_STATE_DELIVERED) return "withdrawn";
  return "";
}

ReceivedSections SectionsOf(const Inbox& inbox, const InboxEntry& entry) {
  if (const std::string_view why = WhyNotShown(entry.stored); !why.empty()) return {{}, std::string(why)};
  auto opened = inbox.OpenSections(entry);
  if (!opened.ok()) return {{}, std::string(RowOf(DetailOf(opened.status()).reason).name)};
  for (auto& section : *opened) LeaveOutBytes(section);
  return {*std::move(opened), ""};
}

std::vector<agency::v1::OpenedSection> SectionsOf(const StoredSubmission& sent) {
  std::vector<agency::v1::OpenedSection> sections;
  for (const auto& row : sent.draft().sections()) {
    auto& section = sections.emplace_back();
    section.set_category(row.category());
    *section.mutable_content() = row.content();
    LeaveOutBytes(section);
  }
  return sections;
}

}  // namespace accord::agent
