#include "services/broker/delivery/delivery_metrics.h"

#include <string_view>

namespace accord::broker {

DeliveryMetrics::DeliveryMetrics(telemetry::Metrics& metrics)
    : redeliveries_(metrics.Counters("accord_redeliveries_total", "Attempts at deliveries after the first.").With()),
      dead_letters_(metrics.Counters("accord_dead_letters_total", "Deliveries that became dead letters.").With()) {
  const auto depth = metrics.Gauges("accord_mailbox_depth", "Deliveries not settled.", {"lane"});
  const auto oldest = metrics.Gauges("accord_mailbox_oldest_seconds", "Age of the oldest delivery not settled; 0 when there is none.", {"lane"});
  static constexpr std::string_view kNames[] = {"", "immediate", "high", "medium", "standard", "notices"};
  static_assert(std::size(kNames) == Mailboxes::kLanes);
  for (size_t lane = 1; lane < Mailboxes::kLanes; ++lane) {
    depth_[lane] = depth.With({kNames[lane]});
    oldest_[lane] = oldest.With({kNames[lane]});
  }
}

void DeliveryMetrics::Set(const Mailboxes::Figures& figures) {
  for (size_t lane = 1; lane < Mailboxes::kLanes; ++lane) {
    depth_[lane].Set(static_cast<double>(figures.lanes[lane].deliveries));
    oldest_[lane].Set(absl::ToDoubleSeconds(figures.lanes[lane].oldest));
  }
  redeliveries_.Add(static_cast<double>(figures.redeliveries - last_.redeliveries));
  dead_letters_.Add(static_cast<double>(figures.dead_letters - last_.dead_letters));
  last_ = figures;
}

}  // namespace accord::broker
