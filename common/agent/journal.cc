#include "common/agent/journal.h"

#include <string>

#include "accord/storage/v1/agent.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"

namespace accord::agent {
namespace {

// Keys are not encrypted, and a request id is a caller's own words.
std::string AboutKey(std::string_view about) { return crypto::Sha256(about); }

}  // namespace

absl::Status Journal::Load() {
  accord::storage::Range newest;
  newest.descending = true;
  absl::MutexLock lock(&mu_);
  return store_.raw().Scan(kFamilyJournal, newest, [this](std::string_view key, std::string_view) {
    mu_.AssertHeld();
    sequence_ = U64FromKey(key).value_or(0);
    return false;
  });
}

void Journal::Append(accord::storage::Batch& batch, agency::v1::JournalEntry entry) {
  {
    absl::MutexLock lock(&mu_);
    entry.set_sequence(++sequence_);
  }
  entry.set_at_ms(absl::ToUnixMillis(clock_.Now()));
  const std::string key = KeyU64(entry.sequence());
  if (!entry.about().empty()) batch.Put(kFamilyJournalAbout, AboutKey(entry.about()) + key, "");
  storage::v1::StoredJournalEntry stored;
  *stored.mutable_entry() = std::move(entry);
  store_.Put(batch, kFamilyJournal, key, stored);
}

absl::Status Journal::Record(agency::v1::JournalEntry entry) {
  accord::storage::Batch batch;
  Append(batch, std::move(entry));
  return store_.Commit(batch);
}

absl::Status Journal::RecordRefusal(agency::v1::JournalEntry entry) {
  const int64_t minute = absl::ToUnixSeconds(clock_.Now()) / 60;
  {
    absl::MutexLock lock(&mu_);
    if (minute != refusals_minute_) refusals_minute_ = minute, refusals_ = 0;
    if (refusals_ == kRefusalsPerMinuteMax) return absl::OkStatus();
    ++refusals_;
  }
  return Record(std::move(entry));
}

absl::StatusOr<Journal::Page> Journal::List(uint64_t before, int limit, std::string_view about, std::string_view pseudonym) const {
  const std::string prefix = about.empty() ? std::string() : AboutKey(about);
  accord::storage::Range range = about.empty() ? accord::storage::Range() : accord::storage::Prefix(prefix);
  range.descending = true;
  if (before != 0) range.upper = prefix + KeyU64(before);
  const size_t looked_at_max = pseudonym.empty() ? static_cast<size_t>(limit) + 1 : kJournalRowsLookedAtMax;  // One more tells of a next page.
  std::vector<std::string> keys;
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(about.empty() ? kFamilyJournal : kFamilyJournalAbout, range,
                                           [&](std::string_view key, std::string_view) {
                                             keys.emplace_back(key.substr(prefix.size()));
                                             return keys.size() < looked_at_max;
                                           }));
  Page page;
  size_t looked_at = 0;
  for (const std::string& key : keys) {
    if (page.entries.size() == static_cast<size_t>(limit)) break;
    ++looked_at;
    ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<storage::v1::StoredJournalEntry>(kFamilyJournal, key));
    if (!stored.has_value()) return Error(Reason::kStoreCorrupt, "an entry of the journal that was listed is not there");
    auto& entry = *stored->mutable_entry();
    if (!pseudonym.empty() && entry.worker().pseudonym() != pseudonym && entry.other_worker() != pseudonym) continue;
    page.entries.push_back(std::move(entry));
  }
  const bool more = looked_at < keys.size() || keys.size() == looked_at_max;
  if (more) page.next = U64FromKey(keys[looked_at - 1]).value_or(0);
  return page;
}

}  // namespace accord::agent
