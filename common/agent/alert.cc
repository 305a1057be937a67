#include "common/agent/alert.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/telemetry/log.h"

namespace accord::agent {
namespace {

std::string_view ResultName(const HookResult& result) {
  switch (result.end) {
    case HookResult::End::kExited: return result.status == 0 ? "alerted" : "failed";
    case HookResult::End::kSignalled: return "killed";
    case HookResult::End::kTimedOut: return "timed_out";
    case HookResult::End::kNotStarted: return "not_started";
    case HookResult::End::kStopped: return "stopped";
  }
  return "failed";
}

}  // namespace

Alert::Alert(const Inbox& inbox, BrokerLink& broker, AlertCaller& hook, absl::Duration repeat, const Clock& clock,
             telemetry::Metrics& metrics)
    : inbox_(inbox),
      broker_(broker),
      hook_(hook),
      repeat_(repeat),
      clock_(clock),
      alerts_(metrics.Counters("accord_agent_alerts_total", "Runs of the alert hook ended, by result.", {"result"})) {}

bool Alert::Note(const broker::v1::SharingNotice& notice) {
  const bool ours = notice.step() == type::v1::ESCALATION_STEP_REMINDER || notice.step() == type::v1::ESCALATION_STEP_MANAGERS;
  if (notice.kind() != type::v1::NOTICE_KIND_PICK_UP_OVERDUE || !ours) return false;
  absl::MutexLock lock(&mu_);
  overdue_.insert(notice.header_digest());
  return true;
}

std::vector<Waiting> Alert::Look() {
  std::vector<Waiting> waiting = inbox_.UnopenedImmediate();
  std::map<std::string, Done> standing;
  absl::MutexLock lock(&mu_);
  std::set<std::string> overdue;
  for (const Waiting& row : waiting) {
    standing[row.header_digest] = done_[row.header_digest];
    if (overdue_.contains(row.header_digest)) overdue.insert(row.header_digest);
  }
  done_ = std::move(standing);
  overdue_ = std::move(overdue);
  return waiting;
}

absl::Time Alert::Step() {
  const std::vector<Waiting> waiting = Look();
  const absl::Time now = clock_.Now();
  if (waiting.empty()) {
    delay_ = kAlertRetryMin;
    next_ = absl::InfinitePast();
    return absl::InfiniteFuture();
  }
  bool late = false, at_once = now >= next_;
  for (const Waiting& row : waiting) {
    Done& done = done_[row.header_digest];
    bool noted = false;
    {
      absl::MutexLock lock(&mu_);
      noted = overdue_.contains(row.header_digest);
    }
    late |= noted || row.pick_up_due <= now;
    at_once |= !done.called || (noted && !done.hurried);
    done.hurried |= noted;
  }
  if (at_once) Call(waiting, late);
  return std::min(next_, Report(waiting));
}

void Alert::Call(const std::vector<Waiting>& waiting, bool overdue) {
  AlertCall call;
  call.overdue = overdue;
  call.waiting = waiting.size();
  call.since = absl::InfiniteFuture();
  for (const Waiting& row : waiting) call.since = std::min(call.since, row.received);
  const HookResult result = hook_.Run(call);
  if (result.end == HookResult::End::kStopped) return;
  alerts_.With({ResultName(result)}).Add();
  telemetry::Log(result.alerted() ? telemetry::Level::kInfo : telemetry::Level::kError, "alert.run",
                 {{"result", ResultName(result)}, {"status", result.status}, {"waiting", call.waiting}, {"overdue", overdue}});
  for (const Waiting& row : waiting) {
    Done& done = done_[row.header_digest];
    done.called = true;
    done.alerted |= result.alerted();
  }
  next_ = clock_.Now() + (result.alerted() ? repeat_ : delay_);
  delay_ = result.alerted() ? kAlertRetryMin : std::min(delay_ * 2, repeat_);
}

absl::Time Alert::Report(const std::vector<Waiting>& waiting) {
  for (const Waiting& row : waiting) {
    Done& done = done_[row.header_digest];
    if (!done.alerted || done.reported) continue;
    if (row.delivery_id.empty()) {  // It came before that was kept.
      done.reported = true;
      continue;
    }
    if (clock_.Now() < next_report_) return next_report_;
    broker::v1::ReportAlertRequest request;
    request.set_request_id("accord-alert/" + ToHex(row.delivery_id));
    request.set_delivery_id(row.delivery_id);
    const absl::Status told = broker_.ReportAlert(request).status();
    const bool later = absl::IsUnimplemented(told);
    done.reported = told.ok() || (IsDefiniteRefusal(told) && !later);
    if (!told.ok() && !(later && told_later_)) telemetry::Log(telemetry::Level::kWarn, "alert.not_reported", {{"status", told}});
    told_later_ |= later;
    if (!done.reported) return next_report_ = clock_.Now() + (later ? repeat_ : kReportRetry);
  }
  return absl::InfiniteFuture();
}

}  // namespace accord::agent
