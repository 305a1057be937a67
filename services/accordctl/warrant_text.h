// Warrants and looks, as people read them and as they are typed.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <string>
#include <vector>

#include "accord/inspection/v1/warrant_service.pb.h"

namespace accord::accordctl {

// "in force", "begins 2026-12-01 09:00:00Z", "suspended: outside power", "waits for a second officer" …; a warrant that is active is judged by
// `now_ms`. Pure. Thread-safe.
std::string WarrantStateText(const inspection::v1::Warrant& warrant, int64_t now_ms);

// Every fact of one, with what is done next. Pure. Thread-safe.
std::string WarrantText(const inspection::v1::Warrant& warrant, int64_t now_ms, size_t width);

// A row for each; words for none. Pure. Thread-safe.
std::string WarrantTable(const std::vector<inspection::v1::Warrant>& warrants, int64_t now_ms, size_t width);

// "officer ines of your body was shut out by an administrator at 2026-12-01 09:00:00Z: compromised (entry 90)"; or may call again. Pure. Thread-safe.
std::string ShutOutText(const inspection::v1::OfficerShutOut& officer);

// A row for each look; words for none. Pure. Thread-safe.
std::string LookTable(const std::vector<inspection::v1::Look>& looks, size_t width);

// A warrant as it is typed on the command line. An empty text is not given.
struct WarrantOptions {
  std::string id, kind, inspectorate, purpose, power, from, until, starts, ends, embargo;
  std::vector<std::string> officers, agencies, areas, events, cases;
  int sample = 0;
};

// A usage error that names the option. Pure. Thread-safe.
absl::StatusOr<inspection::v1::Warrant> WarrantFrom(const WarrantOptions& options);

}  // namespace accord::accordctl
