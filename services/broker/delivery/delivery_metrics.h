// What the mailboxes hold, as metrics. No agency is named.
#pragma once

#include <array>

#include "common/telemetry/metrics.h"
#include "services/broker/delivery/mailboxes.h"

namespace accord::broker {

// Single-thread.
class DeliveryMetrics {
 public:
  // `metrics` must outlive this.
  explicit DeliveryMetrics(telemetry::Metrics& metrics);

  void Set(const Mailboxes::Figures& figures);

 private:
  std::array<telemetry::Gauge, Mailboxes::kLanes> depth_, oldest_;
  const telemetry::Counter redeliveries_, dead_letters_;
  Mailboxes::Figures last_;  // What the counters show.
};

}  // namespace accord::broker
