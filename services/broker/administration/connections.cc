#include "services/broker/administration/connections.h"

#include "common/base/status.h"

namespace accord::broker {
namespace {

constexpr std::string_view kReportAlertMethod = "/accord.broker.v1.MailboxService/ReportAlert";

}  // namespace

void ConnectionRegister::Note(std::string_view agency, std::string_view method, const absl::Status& status, absl::Time certificate_until,
                              absl::Time now) {
  absl::MutexLock lock(&mu_);
  auto found = seen_.find(std::string(agency));
  if (found == seen_.end()) {
    if (seen_.size() >= kAgenciesSeenMax) return;
    found = seen_.emplace(std::string(agency), Seen()).first;
  }
  Seen& seen = found->second;
  seen.certificate_until = certificate_until;
  if (!status.ok()) {
    seen.last_refused = now;
    seen.last_refusal = std::string(RowOf(DetailOf(status).reason).name);
    return;
  }
  seen.last_call = now;
  if (method == kReportAlertMethod) seen.last_alert = now;
}

ConnectionRegister::Seen ConnectionRegister::Of(std::string_view agency) const {
  absl::MutexLock lock(&mu_);
  const auto found = seen_.find(std::string(agency));
  return found == seen_.end() ? Seen() : found->second;
}

}  // namespace accord::broker
