// Whether a warrant may be proposed: its form, its bounds, and by whom (docs/warrants.md).
//
// Thread-safe: all functions are pure but for what they read.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "accord/inspection/v1/warrant_service.pb.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

inline constexpr int kWarrantOfficersMax = 50;
inline constexpr int kWarrantAgenciesMax = 200;
inline constexpr int kWarrantAreasMax = 100;
inline constexpr int kWarrantCasesMax = 500;
inline constexpr uint32_t kWarrantSampleMax = 10'000;                        // Cases drawn under one warrant, in all.
inline constexpr size_t kWarrantCodeCharsMax = 64;                           // Of purpose and legal power.
inline constexpr absl::Duration kWarrantLifeMax = absl::Hours(24 * 400);     // From start to end.
inline constexpr absl::Duration kWarrantEmbargoMax = absl::Hours(24 * 400);  // After the end.

// The body that inspector `id` is an active officer of; empty when of none.
std::string InspectorateOf(const DirectorySnapshot& directory, std::string_view id);

// The warrant without what is the broker's to set: what two officers put their names to.
inspection::v1::Warrant AsProposed(inspection::v1::Warrant warrant);

// OK when `caller` may propose `warrant` at `now`; what is the broker's to set is not looked at.
//   FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN  with `field`; FIELD_INVALID also for an id that was used before
//   ROLE_NOT_ALLOWED                            the kind is not the caller's to propose
//   NOT_PERMITTED                               for another body than the caller's
// and errors of `read`.
absl::Status CheckProposal(PlainReader read, const DirectorySnapshot& directory, const Caller& caller, const inspection::v1::Warrant& warrant,
                           absl::Time now);

}  // namespace accord::broker
