#include "common/agent/workers.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/header.h"
#include "common/referral/referral_name.h"

namespace accord::agent {
namespace {

using agency::v1::Assignment;
using agency::v1::JournalEntry;
using agency::v1::WorkerRecord;
using storage::v1::StoredAssignment;
using storage::v1::StoredInboxPeople;
using storage::v1::StoredWorker;

absl::Status InvalidWorker(std::string_view field, std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("{} {}", field, why), {{"field", std::string(field)}});
}

absl::Status NotKnown() { return Error(Reason::kWorkerNotKnown, "the worker is not in the agency's register, or not in this role"); }
absl::Status Left() { return Error(Reason::kWorkerLeft, "the worker has left the agency"); }

absl::Status CheckRecord(const WorkerRecord& record) {
  if (record.pseudonym().size() > referral::kPseudonymBytesMax) {
    return InvalidWorker("record.pseudonym", fmt::format("is over {} bytes", referral::kPseudonymBytesMax));
  }
  for (const int role : record.roles()) {
    if (role == type::v1::WORKER_ROLE_UNSPECIFIED) return InvalidWorker("record.roles", "has no role in it");
  }
  if (record.teams_size() > kTeamsPerWorkerMax) return InvalidWorker("record.teams", fmt::format("are more than {}", kTeamsPerWorkerMax));
  for (const std::string& team : record.teams()) {
    if (!IsTeamId(team)) return InvalidWorker("record.teams", "are not 1 to 63 of [a-z0-9-]");
  }
  return absl::OkStatus();
}

// The conflicts that are kept of the worker: those from before too, unless they are replaced.
absl::Status TakeConflicts(const AgencyKeys& keys, const WorkerRecord& record, StoredWorker& stored) {
  if (record.replace_conflicts()) stored.clear_conflicts();
  for (const auto& person : record.conflicts()) {
    auto conflict = ConflictOf(keys, person);
    if (conflict.tokens().empty()) {
      return InvalidWorker("record.conflicts", "has somebody who could not be recognised: give a name with a date of birth, or a verified identifier");
    }
    const bool known = std::any_of(stored.conflicts().begin(), stored.conflicts().end(), [&](const auto& kept) {
      return kept.SerializeAsString() == conflict.SerializeAsString();
    });
    if (!known) *stored.add_conflicts() = std::move(conflict);
  }
  if (stored.conflicts_size() <= kConflictsPerWorkerMax) return absl::OkStatus();
  return InvalidWorker("record.conflicts", fmt::format("are more than {}, with those that are kept", kConflictsPerWorkerMax));
}

absl::StatusOr<std::vector<PersonTokens>> TokensOfConflicts(const AgencyKeys& keys, const StoredWorker& stored) {
  std::vector<PersonTokens> conflicts;
  for (const auto& conflict : stored.conflicts()) {
    ACCORD_ASSIGN_OR_RETURN(auto tokens, TokensOf(keys, conflict));
    conflicts.push_back(std::move(tokens));
  }
  return conflicts;
}

WorkerRecord Shown(const StoredWorker& stored) {
  WorkerRecord record = stored.record();
  record.clear_conflicts();
  record.clear_replace_conflicts();
  record.set_conflicts_kept(static_cast<uint32_t>(stored.conflicts_size()));
  return record;
}

JournalEntry Entry(agency::v1::JournalAct act, const type::v1::Worker& by) {
  JournalEntry entry;
  entry.set_act(act);
  *entry.mutable_worker() = by;
  return entry;
}

}  // namespace

bool IsTeamId(std::string_view id) {
  return !id.empty() && id.size() <= 63 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
         });
}

absl::Status Workers::Load() {
  std::vector<std::string> pseudonyms, digests;
  const auto keep_in = [](std::vector<std::string>& keys) {
    return [&keys](std::string_view key, std::string_view) {
      keys.emplace_back(key);
      return true;
    };
  };
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyWorker, {}, keep_in(pseudonyms)));
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyAssignment, {}, keep_in(digests)));
  absl::MutexLock lock(&mu_);
  for (const std::string& pseudonym : pseudonyms) {
    ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<StoredWorker>(kFamilyWorker, pseudonym));
    if (!stored.has_value()) return Error(Reason::kStoreCorrupt, "a worker who was listed is not there");
    ACCORD_ASSIGN_OR_RETURN(auto conflicts, TokensOfConflicts(keys_, *stored));
    rows_[pseudonym] = Row{*std::move(stored), std::move(conflicts)};
  }
  for (const std::string& digest : digests) {
    ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<StoredAssignment>(kFamilyAssignment, digest));
    if (!stored.has_value()) return Error(Reason::kStoreCorrupt, "an assignment that was listed is not there");
    KeepLocked(digest, *std::move(stored));
  }
  return absl::OkStatus();
}

absl::Status Workers::Check(const type::v1::Worker& worker) const {
  absl::ReaderMutexLock lock(&mu_);
  return CheckLocked(worker.pseudonym(), worker.role());
}

absl::Status Workers::CheckLocked(std::string_view pseudonym, std::optional<type::v1::WorkerRole> role) const {
  if (rows_.empty()) return absl::OkStatus();
  const auto row = rows_.find(pseudonym);
  if (row == rows_.end()) return NotKnown();
  const WorkerRecord& record = row->second.stored.record();
  if (record.left_at_ms() != 0 || ending_.contains(pseudonym)) return Left();
  const bool any = !role.has_value() || record.roles().empty();
  return any || std::find(record.roles().begin(), record.roles().end(), *role) != record.roles().end() ? absl::OkStatus() : NotKnown();
}

bool Workers::empty() const {
  absl::ReaderMutexLock lock(&mu_);
  return rows_.empty();
}

bool Workers::HasConflicts(std::string_view pseudonym) const {
  absl::ReaderMutexLock lock(&mu_);
  const auto row = rows_.find(pseudonym);
  return row != rows_.end() && !row->second.conflicts.empty();
}

bool Workers::Bars(std::string_view pseudonym, const StoredInboxPeople& people) const {
  absl::ReaderMutexLock lock(&mu_);
  return BarsLocked(pseudonym, people);
}

bool Workers::BarsLocked(std::string_view pseudonym, const StoredInboxPeople& people) const {
  const auto row = rows_.find(pseudonym);
  if (row == rows_.end() || row->second.conflicts.empty()) return false;
  if (people.cut() || !AreCurrent(keys_, people)) return true;
  const PersonTokens tokens = TokensOf(keys_, people);
  return std::any_of(row->second.conflicts.begin(), row->second.conflicts.end(),
                     [&](const PersonTokens& conflict) { return IsSurelyAmong(conflict, tokens); });
}

bool Workers::IsTeamOfSomebodyLocked(const std::string& team) const {
  return std::any_of(rows_.begin(), rows_.end(), [&](const auto& row) {
    const WorkerRecord& record = row.second.stored.record();
    return record.left_at_ms() == 0 && std::find(record.teams().begin(), record.teams().end(), team) != record.teams().end();
  });
}

std::vector<std::string> Workers::HeldBy(std::string_view pseudonym) const {
  absl::ReaderMutexLock lock(&mu_);
  std::vector<std::string> digests;
  for (const auto& [digest, stored] : assignments_) {
    if (stored.assignment().worker() == pseudonym) digests.push_back(digest);
  }
  return digests;
}

std::map<std::string, StoredAssignment> Workers::ReturnLocked(accord::storage::Batch& batch, const Row& row,
                                                              const std::vector<std::string>& digests, const type::v1::Worker& by) {
  const WorkerRecord& record = row.stored.record();
  std::map<std::string, StoredAssignment> returned;
  for (const std::string& digest : digests) {
    const auto held = assignments_.find(digest);
    if (held == assignments_.end() || held->second.assignment().worker() != record.pseudonym()) continue;
    StoredAssignment stored = held->second;
    std::string team = stored.assignment().team();
    if (team.empty() && !record.teams().empty()) team = record.teams(0);
    stored.clear_assignment();
    if (!team.empty()) {
      stored.mutable_assignment()->set_team(team);
      stored.mutable_assignment()->set_assigned_at_ms(absl::ToUnixMillis(clock_.Now()));
      stored.mutable_assignment()->set_assigned_by(by.pseudonym());
    }
    store_.Put(batch, kFamilyAssignment, digest, stored);
    JournalEntry entry = Entry(agency::v1::JOURNAL_ACT_RETURNED_TO_TEAM, by);
    entry.set_about(referral::ReferralName(digest));
    entry.set_other_worker(record.pseudonym());
    entry.set_team(team);
    journal_.Append(batch, std::move(entry));
    returned[digest] = std::move(stored);
  }
  return returned;
}

void Workers::KeepLocked(std::string_view header_digest, StoredAssignment stored) {
  assignments_[std::string(header_digest)] = std::move(stored);
}

absl::StatusOr<WorkerRecord> Workers::Put(const std::string& request_id, const WorkerRecord& record, const type::v1::Worker& by,
                                          PeopleOf people_of) {
  ACCORD_RETURN_IF_ERROR(CheckRecord(record));
  absl::MutexLock change(&change_mu_);
  Row row;
  {
    absl::ReaderMutexLock lock(&mu_);
    if (const auto earlier = rows_.find(record.pseudonym()); earlier != rows_.end()) {
      if (earlier->second.stored.last_request_id() == request_id) return Shown(earlier->second.stored);
      row = earlier->second;
    } else if (rows_.size() >= kWorkersMax) {
      return Error(Reason::kQuotaExceeded, "the register has as many workers as it takes", {{"limit", std::to_string(kWorkersMax)}});
    }
  }
  ACCORD_RETURN_IF_ERROR(TakeConflicts(keys_, record, row.stored));
  ACCORD_ASSIGN_OR_RETURN(row.conflicts, TokensOfConflicts(keys_, row.stored));
  *row.stored.mutable_record() = record;
  row.stored.mutable_record()->clear_left_at_ms();
  *row.stored.mutable_record() = Shown(row.stored);
  row.stored.set_last_request_id(request_id);
  row.stored.clear_returned();

  // Read before the lock is taken: it may take the opening of sections.
  std::map<std::string, StoredInboxPeople> held;
  if (!row.conflicts.empty()) {
    for (const std::string& digest : HeldBy(record.pseudonym())) {
      const auto people = people_of(digest);
      if (people.ok()) held[digest] = *people;
    }
  }
  absl::MutexLock lock(&mu_);
  const Row before = std::exchange(rows_[record.pseudonym()], row);
  std::vector<std::string> barred;
  for (const auto& [digest, people] : held) {
    if (BarsLocked(record.pseudonym(), people)) barred.push_back(digest);
  }
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyWorker, record.pseudonym(), row.stored);
  auto returned = ReturnLocked(batch, row, barred, by);
  JournalEntry entry = Entry(agency::v1::JOURNAL_ACT_WORKER_PUT, by);
  entry.set_other_worker(record.pseudonym());
  journal_.Append(batch, std::move(entry));
  if (const absl::Status written = store_.Commit(batch); !written.ok()) {
    before.stored.has_record() ? void(rows_[record.pseudonym()] = before) : void(rows_.erase(record.pseudonym()));
    return written;
  }
  for (auto& [digest, stored] : returned) KeepLocked(digest, std::move(stored));
  ending_.erase(record.pseudonym());
  return Shown(row.stored);
}

absl::StatusOr<Workers::Ended> Workers::End(const std::string& pseudonym, const type::v1::Worker& by,
                                            absl::FunctionRef<bool(std::string_view header_digest)> is_open) {
  absl::MutexLock change(&change_mu_);
  {
    absl::MutexLock lock(&mu_);
    const auto row = rows_.find(pseudonym);
    if (row == rows_.end()) return NotKnown();
    const auto& stored = row->second.stored;
    if (stored.record().left_at_ms() != 0) return Ended{stored.record().left_at_ms(), stored.returned()};
    const bool others = std::any_of(rows_.begin(), rows_.end(),
                                    [&](const auto& one) { return one.first != pseudonym && one.second.stored.record().left_at_ms() == 0; });
    if (!others) {
      return Error(Reason::kTransitionIllegal, "nobody else is in the register: enrol whoever is to act here first", {{"state", "last"}});
    }
    ending_.insert(pseudonym);  // From here on nothing more is done, or given to be done, in their name.
  }
  std::vector<std::string> open;
  for (std::string& digest : HeldBy(pseudonym)) {
    if (is_open(digest)) open.push_back(std::move(digest));
  }
  absl::MutexLock lock(&mu_);
  Row row = rows_[pseudonym];
  accord::storage::Batch batch;
  auto returned = ReturnLocked(batch, row, open, by);
  row.stored.mutable_record()->set_left_at_ms(absl::ToUnixMillis(clock_.Now()));
  row.stored.set_returned(returned.size());
  store_.Put(batch, kFamilyWorker, pseudonym, row.stored);
  JournalEntry entry = Entry(agency::v1::JOURNAL_ACT_WORKER_ENDED, by);
  entry.set_other_worker(pseudonym);
  journal_.Append(batch, std::move(entry));
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));  // Not known to be written: they stay refused, as everything is until the next start.
  const Ended ended{row.stored.record().left_at_ms(), row.stored.returned()};
  rows_[pseudonym] = std::move(row);
  for (auto& [digest, stored] : returned) KeepLocked(digest, std::move(stored));
  ending_.erase(pseudonym);
  return ended;
}

std::vector<WorkerRecord> Workers::List(std::string_view after, int limit) const {
  absl::ReaderMutexLock lock(&mu_);
  std::vector<WorkerRecord> records;
  for (auto row = rows_.upper_bound(after); row != rows_.end() && records.size() < static_cast<size_t>(limit); ++row) {
    records.push_back(Shown(row->second.stored));
  }
  return records;
}

absl::StatusOr<Assignment> Workers::Assign(const std::string& request_id, std::string_view header_digest, const type::v1::Worker& by,
                                           const std::string& to_worker, const std::string& to_team, const StoredInboxPeople& people) {
  if (to_worker.size() > referral::kPseudonymBytesMax) return InvalidWorker("to_worker", fmt::format("is over {} bytes", referral::kPseudonymBytesMax));
  if (!to_team.empty() && !IsTeamId(to_team)) return InvalidWorker("to_team", "is not 1 to 63 of [a-z0-9-]");
  const std::string asked = crypto::Sha256(to_worker + '\0' + to_team);
  absl::MutexLock lock(&mu_);
  StoredAssignment stored;
  if (const auto earlier = assignments_.find(header_digest); earlier != assignments_.end()) stored = earlier->second;
  if (stored.last_request_id() == request_id) {
    if (stored.last_request_digest() == asked) return stored.assignment();
    return Error(Reason::kRequestIdReused, "this request id was used for another assignment; give each its own");
  }
  std::string team = to_team;
  if (!to_worker.empty()) {
    ACCORD_RETURN_IF_ERROR(CheckLocked(to_worker, std::nullopt));
    if (BarsLocked(to_worker, people)) return Error(Reason::kWorkerBarred, "a conflict of interest bars this worker from the referral");
    const auto row = rows_.find(to_worker);
    if (team.empty() && row != rows_.end() && !row->second.stored.record().teams().empty()) team = row->second.stored.record().teams(0);
  }
  if (!to_team.empty() && !rows_.empty() && !IsTeamOfSomebodyLocked(to_team)) return InvalidWorker("to_team", "is no team of anybody who works here");

  stored.clear_assignment();
  Assignment& assignment = *stored.mutable_assignment();
  assignment.set_worker(to_worker);
  assignment.set_team(team);
  if (!to_worker.empty() || !team.empty()) {
    assignment.set_assigned_at_ms(absl::ToUnixMillis(clock_.Now()));
    assignment.set_assigned_by(by.pseudonym());
  }
  stored.set_last_request_id(request_id);
  stored.set_last_request_digest(asked);
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyAssignment, header_digest, stored);
  JournalEntry entry = Entry(agency::v1::JOURNAL_ACT_ASSIGNED, by);
  entry.set_about(referral::ReferralName(header_digest));
  entry.set_other_worker(to_worker);
  entry.set_team(team);
  journal_.Append(batch, std::move(entry));
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  KeepLocked(header_digest, stored);
  return stored.assignment();
}

std::optional<Assignment> Workers::AssignmentOf(std::string_view header_digest) const {
  absl::ReaderMutexLock lock(&mu_);
  const auto found = assignments_.find(header_digest);
  if (found == assignments_.end()) return std::nullopt;
  const Assignment& assignment = found->second.assignment();
  if (assignment.worker().empty() && assignment.team().empty()) return std::nullopt;
  return assignment;
}

void Workers::Release(accord::storage::Batch& batch, std::string_view header_digest) {
  batch.Delete(kFamilyAssignment, header_digest);
  absl::MutexLock lock(&mu_);
  if (const auto held = assignments_.find(header_digest); held != assignments_.end()) assignments_.erase(held);
}

}  // namespace accord::agent
