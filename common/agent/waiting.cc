#include "common/agent/waiting.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/referral/statement.h"

namespace accord::agent {
namespace {

using agency::v1::WaitingKind;
using storage::v1::StoredSubmission;

constexpr std::string_view kNotTried = "NOT_TRIED";

// What the one at the keyboard can do about it, where it does not go by itself.
std::string_view WhatToDo(const Wait& wait) {
  switch (wait.kind) {
    case agency::v1::WAITING_KIND_SUBMISSION:
      return wait.needs_person ? "A person looks at it (`accordctl referral show`), then sends or withdraws it (`accordctl referral resolve`)." : "";
    case agency::v1::WAITING_KIND_RESEAL:
      return "A person approves that it is sealed again (`accordctl referral reseal`), or pushes it to that agency anew.";
    case agency::v1::WAITING_KIND_PURGE: return "The service rewrites its files by itself; until it has, the erased bytes may be in one.";
    default: return "";
  }
}

std::string Sentence(std::string_view reason, std::string_view words) { return fmt::format("{}: {}", reason, words); }

}  // namespace

bool DidNotAnswer(const absl::Status& status) {
  if (HasReason(status, Reason::kBrokerUnreachable)) return true;
  const bool reasonless = !status.ok() && !HasReason(status, DetailOf(status).reason);
  return reasonless && (status.code() == absl::StatusCode::kUnavailable || status.code() == absl::StatusCode::kDeadlineExceeded);
}

std::string WaitingWords(const absl::Status& status) {
  const Reason reason = DidNotAnswer(status) ? Reason::kBrokerUnreachable : DetailOf(status).reason;
  return Sentence(RowOf(reason).name, FromAbsl(status.message()));
}

std::string ReasonOfWords(std::string_view words) { return std::string(words.substr(0, words.find(':'))); }

bool IsWaiting(agency::v1::SubmissionState state) {
  return state == agency::v1::SUBMISSION_STATE_ACCEPTED || state == agency::v1::SUBMISSION_STATE_PREPARED ||
         state == agency::v1::SUBMISSION_STATE_SENT;
}

std::vector<Wait> WaitsOf(const std::string& request_id, const StoredSubmission& submission) {
  std::vector<Wait> waits;
  const auto add = [&](WaitingKind kind) -> Wait& {
    Wait& wait = waits.emplace_back();
    wait.kind = kind;
    wait.about = request_id;
    wait.reason = ReasonOfWords(submission.waiting_for());
    return wait;
  };
  const bool needs_person = submission.state() == agency::v1::SUBMISSION_STATE_NEEDS_PERSON;
  if (needs_person || IsWaiting(submission.state())) {
    Wait& wait = add(agency::v1::WAITING_KIND_SUBMISSION);
    wait.since_ms = submission.accepted_at_ms();
    wait.attempts = submission.attempts();
    wait.needs_person = needs_person;
    return waits;
  }
  if (submission.has_pending_act()) {
    Wait& wait = add(agency::v1::WAITING_KIND_ACT_ON_SENT);
    const auto act = referral::ParseStatement(submission.pending_act());
    if (act.ok()) wait.since_ms = act->acted_at_ms();
    return waits;  // One that seals again is that act.
  }
  for (const std::string& agency : submission.reseal_for()) {
    Wait& wait = add(agency::v1::WAITING_KIND_RESEAL);
    wait.agency = agency;
    wait.reason = std::string(RowOf(Reason::kSealingKeyUnknown).name);
    wait.needs_person = true;
  }
  return waits;
}

agency::v1::WaitingItem ToItem(const Wait& wait) {
  agency::v1::WaitingItem item;
  item.set_kind(wait.kind);
  item.set_about(wait.about);
  item.set_since_ms(wait.since_ms);
  item.set_attempts(wait.attempts);
  item.set_reason(wait.reason);
  item.set_needs_person(wait.needs_person);
  const ReasonRow& row = RowOf(ReasonFromName(wait.reason));
  const bool known = !wait.reason.empty() && row.name == wait.reason;
  const std::string_view to_do = WhatToDo(wait);
  std::string words = !known ? "" : to_do.empty() ? fmt::format("{} {}", row.meaning, row.next_step) : std::string(row.meaning);
  if (!wait.agency.empty()) words = fmt::format("{} cannot open what was sealed.", wait.agency);
  if (!to_do.empty()) words += fmt::format("{}{}", words.empty() ? "" : " ", to_do);
  item.set_words(words.empty() ? "It was not tried yet; it goes by itself." : words);
  return item;
}

std::string AgeKey(const Wait& wait) {
  const uint64_t since = wait.since_ms == 0 ? std::numeric_limits<uint64_t>::max() : static_cast<uint64_t>(wait.since_ms);
  return ByteWriter().U64(since).U8(static_cast<uint8_t>(wait.kind)).Lp16(wait.about).Lp16(wait.agency).bytes();
}

WaitingPage PageOf(const std::vector<Wait>& waits, std::string_view after, size_t limit) {
  std::vector<std::pair<std::string, const Wait*>> keyed;  // There may be a hundred thousand: each key is made once.
  for (const Wait& wait : waits) {
    std::string key = AgeKey(wait);
    if (key > after) keyed.emplace_back(std::move(key), &wait);
  }
  const size_t shown = std::min(limit, keyed.size());
  std::partial_sort(keyed.begin(), keyed.begin() + static_cast<ptrdiff_t>(shown), keyed.end());
  WaitingPage page;
  for (size_t i = 0; i < shown; ++i) page.waits.push_back(*keyed[i].second);
  if (shown < keyed.size() && shown > 0) page.next = keyed[shown - 1].first;
  return page;
}

WaitingSummary SummaryOf(const std::vector<Wait>& waits) {
  WaitingSummary summary;
  for (const Wait& wait : waits) {
    ++summary.by_reason[wait.reason.empty() ? std::string(kNotTried) : wait.reason];
    if (wait.since_ms != 0 && (summary.oldest_ms == 0 || wait.since_ms < summary.oldest_ms)) summary.oldest_ms = wait.since_ms;
  }
  return summary;
}

void BrokerContact::Note(const absl::Status& ended, absl::Time now) {
  absl::MutexLock lock(&mu_);
  if (!DidNotAnswer(ended)) {
    away_since_ = absl::InfiniteFuture();
  } else {
    away_since_ = std::min(away_since_, now);
  }
}

absl::Time BrokerContact::away_since() const {
  absl::MutexLock lock(&mu_);
  return away_since_;
}

std::string WaitingFor(const std::vector<Wait>& waits, const ServiceFacts& facts) {
  if (waits.empty()) return "";
  if (!facts.alarm.ok()) return WaitingWords(facts.alarm);
  const auto time = [](absl::Time at) { return absl::FormatTime("%Y-%m-%d %H:%MZ", at, absl::UTCTimeZone()); };
  if (facts.store_refuses) {
    return Sentence(RowOf(Reason::kStoreUnavailable).name, "a write to this service's store failed; make room, and start it again (runbooks/disk-full.md)");
  }
  if (facts.certificate_until <= facts.now) {
    return Sentence(RowOf(Reason::kBrokerUnreachable).name,
                    fmt::format("this agency's certificate for calls to the broker ended {}; put a new one in its place (runbooks/outbox.md)",
                                time(facts.certificate_until)));
  }
  if (facts.away_since != absl::InfiniteFuture()) {
    return Sentence(RowOf(Reason::kBrokerUnreachable).name,
                    fmt::format("the broker has not answered since {}; it is tried again by itself (runbooks/outbox.md)", time(facts.away_since)));
  }
  std::map<std::string, size_t> by_reason = SummaryOf(waits).by_reason;
  by_reason.erase(std::string(kNotTried));
  if (by_reason.empty()) return "";
  const auto most = std::max_element(by_reason.begin(), by_reason.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const ReasonRow& row = RowOf(ReasonFromName(most->first));
  return Sentence(most->first, fmt::format("{} {}", row.meaning, row.next_step));
}

}  // namespace accord::agent
