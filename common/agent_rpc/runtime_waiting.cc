// How an agency service stands: what waits in it and why, told to callers and measured.
#include <utility>

#include "common/agent_rpc/agency_runtime.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/certificate.h"

namespace accord::agent_rpc {
namespace {

constexpr size_t kCertificateFileBytesMax = 1u << 20;

// When the first of the file's certificates ends, which is our own; InfiniteFuture when it cannot be read: then every new connection says so.
absl::Time EndOf(const std::string& path) {
  const auto pem = ReadFile(path, kCertificateFileBytesMax);
  if (!pem.ok()) return absl::InfiniteFuture();
  const auto chain = crypto::Certificate::ManyFromPem(*pem);
  return chain.ok() ? chain->front().not_after() : absl::InfiniteFuture();
}

}  // namespace

absl::StatusOr<std::vector<agent::Wait>> AgencyRuntime::Waits() const {
  std::vector<agent::Wait> waits = outbox_->AllWaits();
  const std::vector<agent::Wait> unsent = inbox_->Unsent();
  waits.insert(waits.end(), unsent.begin(), unsent.end());
  ACCORD_ASSIGN_OR_RETURN(const std::vector<agent::Wait> holds, holds_->Waits());
  waits.insert(waits.end(), holds.begin(), holds.end());
  const std::vector<agent::Wait> answers = disclosures_->Waits();
  waits.insert(waits.end(), answers.begin(), answers.end());
  return waits;
}

AgencyRuntime::TodayItems AgencyRuntime::FurtherToday() {
  ACCORD_ASSIGN_OR_RETURN(auto items, further_today_());
  for (auto& item : disclosures_->Today()) items.push_back(std::move(item));
  return items;
}

agent::ServiceFacts AgencyRuntime::Facts() const {
  return {clock_.Now(), alarm_->Check(), store_->refuses(), contact_.away_since(), EndOf(config_.broker.tls.certificate)};
}

agency::v1::GetServiceStatusResponse AgencyRuntime::Status() const {
  agency::v1::GetServiceStatusResponse status;
  status.set_agency(keys_->agency);
  status.set_outbox_waiting(outbox_->waiting());
  status.set_checkpoint_size(log_->size());
  status.set_connected(connected_);
  status.set_alert(alert_ == nullptr ? "none" : config_.alert_webhook.empty() ? "command" : "webhook");
  if (const auto standing = alarm_->standing(); standing.has_value()) {
    status.set_stopped(true);
    status.set_alarm(standing->reason() + ": " + standing->text());
  }
  const agent::ServiceFacts facts = Facts();
  if (const auto waits = Waits(); waits.ok()) status.set_waiting_for(agent::WaitingFor(*waits, facts));
  if (facts.away_since != absl::InfiniteFuture()) status.set_away_since_ms(absl::ToUnixMillis(facts.away_since));
  if (facts.certificate_until != absl::InfiniteFuture()) status.set_certificate_until_ms(absl::ToUnixMillis(facts.certificate_until));
  status.set_store_bytes_free(FreeBytes(config_.store).value_or(0));
  return status;
}

void AgencyRuntime::MeasureWaiting() {
  const agent::ServiceFacts facts = Facts();
  if (facts.certificate_until != absl::InfiniteFuture()) certificate_left_.Set(absl::ToDoubleSeconds(facts.certificate_until - facts.now));
  if (const auto free = FreeBytes(config_.store); free.ok()) store_free_.Set(static_cast<double>(*free));
  const auto waits = Waits();
  if (!waits.ok()) return;
  const agent::WaitingSummary summary = agent::SummaryOf(*waits);
  for (const auto& [reason, count] : summary.by_reason) reasons_seen_.insert(reason);
  for (const std::string& reason : reasons_seen_) {  // What has gone since is none now.
    const auto found = summary.by_reason.find(reason);
    waiting_for_.With({reason}).Set(found == summary.by_reason.end() ? 0 : static_cast<double>(found->second));
  }
  oldest_.Set(summary.oldest_ms == 0 ? 0 : absl::ToDoubleSeconds(facts.now - absl::FromUnixMillis(summary.oldest_ms)));
}

}  // namespace accord::agent_rpc
