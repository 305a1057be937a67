#include "services/broker/admission/quota.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/status.h"

namespace accord::broker {
namespace {

constexpr absl::Duration kTransferRetry = absl::Seconds(1);
constexpr absl::Duration kStreamRetry = absl::Seconds(5);  // A place is free when a stream ends; nobody knows when.

absl::Status Exceeded(const char* what, absl::Duration retry_after) {
  const int64_t ms = absl::ToInt64Milliseconds(absl::Ceil(retry_after, absl::Milliseconds(1)));
  return Error(Reason::kQuotaExceeded, what, {{"retry_after_ms", fmt::format("{}", ms)}});
}

}  // namespace

Quotas::StreamPlace& Quotas::StreamPlace::operator=(StreamPlace&& other) noexcept {
  std::swap(quotas_, other.quotas_);
  std::swap(desk_, other.desk_);
  return *this;
}

Quotas::StreamPlace::~StreamPlace() {
  if (quotas_ != nullptr) quotas_->GiveStream(desk_);
}

Quotas::TransferPlace& Quotas::TransferPlace::operator=(TransferPlace&& other) noexcept {
  std::swap(quotas_, other.quotas_);
  std::swap(agency_, other.agency_);
  return *this;
}

Quotas::TransferPlace::~TransferPlace() {
  if (quotas_ != nullptr) quotas_->GiveTransfer(agency_);
}

absl::Duration Quotas::TakeOne(Bucket& bucket, uint32_t size, absl::Duration period, absl::Time now) {
  constexpr double kRounding = 1e-9;
  const double passed = std::max(absl::FDivDuration(now - bucket.filled, period), 0.0);  // A clock put back fills nothing.
  bucket.left = std::min<double>(size, bucket.left + passed * size);
  bucket.filled = now;
  if (bucket.left < 1 - kRounding) return (1 - bucket.left) / size * period;
  --bucket.left;
  return absl::ZeroDuration();
}

absl::Status Quotas::TakeSubmission(std::string_view agency) {
  const uint32_t size = limits_.submissions_per_minute;
  if (size == 0) return absl::OkStatus();
  const absl::Time now = clock_.Now();
  absl::MutexLock lock(&mu_);
  Bucket& bucket = submissions_.try_emplace(std::string(agency), Bucket{static_cast<double>(size), now}).first->second;
  const absl::Duration wait = TakeOne(bucket, size, absl::Minutes(1), now);
  if (wait == absl::ZeroDuration()) return absl::OkStatus();
  return Exceeded("this agency submits too often; wait as told", wait);
}

absl::StatusOr<Quotas::StreamPlace> Quotas::TakeStream(const MailboxId& desk) {
  StreamPlace place;
  if (limits_.streams_per_desk == 0) return place;
  absl::MutexLock lock(&mu_);
  uint32_t& open = streams_[desk];
  if (open >= limits_.streams_per_desk) return Exceeded("this desk has too many mailbox streams open; end one", kStreamRetry);
  ++open;
  place.quotas_ = this;
  place.desk_ = desk;
  return place;
}

absl::StatusOr<Quotas::TransferPlace> Quotas::TakeTransfer(std::string_view agency) {
  TransferPlace place;
  if (limits_.transfers_per_agency == 0) return place;
  absl::MutexLock lock(&mu_);
  uint32_t& open = transfers_[std::string(agency)];
  if (open >= limits_.transfers_per_agency) return Exceeded("too many sections are on their way for this agency; wait for one", kTransferRetry);
  ++open;
  place.quotas_ = this;
  place.agency_ = agency;
  return place;
}

absl::Status Quotas::TakeCollect(const MailboxId& desk) {
  const absl::Duration interval = absl::Milliseconds(limits_.collect_interval_ms);
  if (interval == absl::ZeroDuration()) return absl::OkStatus();
  const absl::Time now = clock_.Now();
  absl::MutexLock lock(&mu_);
  const absl::Duration wait = TakeOne(collects_.try_emplace(desk, Bucket{1, now}).first->second, 1, interval, now);
  if (wait == absl::ZeroDuration()) return absl::OkStatus();
  return Exceeded("this desk collects too often; wait as told, or open its mailbox", wait);
}

void Quotas::GiveStream(const MailboxId& desk) {
  absl::MutexLock lock(&mu_);
  const auto open = streams_.find(desk);
  if (--open->second == 0) streams_.erase(open);
}

void Quotas::GiveTransfer(const std::string& agency) {
  absl::MutexLock lock(&mu_);
  const auto open = transfers_.find(agency);
  if (--open->second == 0) transfers_.erase(open);
}

}  // namespace accord::broker
