// Whether a proposed change may stand in the directory. All functions are pure and thread-safe.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "accord/admin/v1/admin_service.pb.h"
#include "services/broker/directory/directory.h"

namespace accord::broker {

inline constexpr size_t kAgenciesMax = 5000;
inline constexpr size_t kDisplayNameCharsMax = 200;     // Counted in bytes of UTF-8.
inline constexpr size_t kAreasMax = 64;
inline constexpr int kSigningCertificatesMax = 8;
inline constexpr int kSpecialismsMax = 32;
inline constexpr size_t kSpecialismCharsMax = 63;
inline constexpr size_t kTelephoneCharsMax = 32;
inline constexpr int kDutyHoursMax = 32;
inline constexpr uint32_t kDayMinutes = 24 * 60;
inline constexpr size_t kForumsMax = 1000;              // That sit.
inline constexpr int kForumMembersMax = 100;
inline constexpr int kConflictWorkersMax = 1000;
inline constexpr size_t kWorkerPseudonymCharsMax = 64;

// OK when `agency` is well formed in itself: id, kind, name, areas, specialisms, duty; at least one signing and one
// sealing certificate, each P-256 with the key usage and the one URI SAN of docs/formats.md §4 under
// `trust_domain`; and it says nothing of whom the agency takes, which that publishes itself, nor that it is shut out. Whom a certificate chains
// to is for the agencies to judge, not for the broker.
// FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN or TEXT_NOT_UTF8, with metadata `field`.
absl::Status ValidateAgency(const admin::v1::Agency& agency, std::string_view trust_domain);

// OK when `agency` fits among the others of `directory`: its deputy and duty recipient are there and, if it is active, active unless they stand in
// for it already; its keys are nobody else's, and the directory is not full. FIELD_INVALID.
absl::Status ValidateAmongOthers(const admin::v1::Agency& agency, const DirectorySnapshot& directory);

// OK when the officer is well formed: id and valid-from; of an administrator each role once; of an inspector the inspectorate, and the sealing
// certificate, P-256 with its key usage and the one URI SAN `spiffe://<trust-domain>/inspector/<id>/sealing`. Neither has what is the other's.
// FIELD_INVALID or ENUM_UNKNOWN, with metadata `field`.
absl::Status ValidateOfficer(const admin::v1::PutOfficer& officer, std::string_view trust_domain);
// The row that it is kept as.
storage::v1::StoredOfficer AsStored(const admin::v1::PutOfficer& officer);

// OK when `forum` is well formed in itself: id, name; members once each, among them its coordinator.
// FIELD_MISSING, FIELD_INVALID or TEXT_NOT_UTF8, with metadata `field`.
absl::Status ValidateForum(const admin::v1::Forum& forum);

// OK when every member of `forum` is in `directory` and, if the forum sits, active or among `sitting`, which sit on it already. FIELD_INVALID.
absl::Status ValidateForumAmongOthers(const admin::v1::Forum& forum, const DirectorySnapshot& directory, const std::set<std::string, std::less<>>& sitting);

// OK when the agency of a conflict list is in `directory`; that of administrators names who is enrolled as one. FIELD_INVALID.
absl::Status ValidateConflictList(const admin::v1::PutConflictList& list, const DirectorySnapshot& directory);

}  // namespace accord::broker
