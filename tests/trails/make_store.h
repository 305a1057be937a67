// A store of many entries, written as a broker writes them but without its fsyncs and checks between: for measuring what reads.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "services/broker/broker_config.h"

namespace accord::broker {

inline constexpr int kStoreAreas = 100;  // Each with a police force, children's services, an Idva service and housing.
inline constexpr int kWorkersEach = 20;
inline constexpr uint64_t kEntriesAReferral = 10;
inline constexpr uint64_t kReferralsACase = 5;
inline constexpr int kStoreDays = 730;  // Before now, in which all of it happened.

// "E08000001" and so on; "police-3" of kind "police".
std::string StoreArea(int area);
std::string StoreAgency(const std::string& kind, int area);

// The configuration of the store in `root`, made with keys and certificates of administrator alice if it is not there. Every case has
// kReferralsACase referrals as far apart in the log as it is long, each of kEntriesAReferral entries: four that were made at once, and six each
// a thousand entries or more after the one before.
absl::StatusOr<BrokerConfig> OpenStoreFolder(const std::string& root, uint64_t entries);

// Pseudonyms of some of its cases.
absl::StatusOr<std::vector<std::string>> SomeCases(const std::string& root);

}  // namespace accord::broker
