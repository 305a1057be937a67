// Pushing and collecting as people and systems of the agencies do, through the services' own APIs.
#pragma once

#include <absl/status/statusor.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "accord/police/v1/police_service.grpc.pb.h"
#include "common/ledger/checkpoint.h"
#include "tests/system/world.h"

namespace accord::tests {

type::v1::Worker TestWorker(const std::string& pseudonym);
// Consent given, a basis recorded.
agency::v1::PushOptions TestOptions(const std::string& request_id, const std::vector<std::string>& recipients,
                                    uint32_t wait_ms = 0);
// A small incident graded HIGH, of one victim and one child.
police::v1::ReportIncidentRequest TestIncident(const agency::v1::PushOptions& options);

// Pushes at the service of `agency` what that agency pushes: an incident, a family, a household, a patient, a client.
// Thread-safe.
absl::StatusOr<agency::v1::PushResult> Push(World& world, const std::string& agency, const agency::v1::PushOptions& options);

absl::StatusOr<agency::v1::Submission> GetSubmission(World& world, const std::string& agency, const std::string& request_id);
// The submission in `state` before `within` has passed, or the error that says where it stands.
absl::StatusOr<agency::v1::Submission> AwaitState(World& world, const std::string& agency, const std::string& request_id,
                                                  agency::v1::SubmissionState state, absl::Duration within = kStartTime);
// The whole outbox and inbox, the newest first.
absl::StatusOr<std::vector<agency::v1::Submission>> ListSubmissions(World& world, const std::string& agency);
absl::StatusOr<std::vector<agency::v1::InboxItem>> ListInbox(World& world, const std::string& agency);
// The item of `referral` once it has arrived.
absl::StatusOr<agency::v1::InboxItem> AwaitArrival(World& world, const std::string& agency, const std::string& referral,
                                                   absl::Duration within = kStartTime);
absl::StatusOr<agency::v1::GetServiceStatusResponse> ServiceStatus(World& world, const std::string& agency);

// The newest checkpoint, its signature verified.
struct SignedCheckpoint {
  std::string note;
  ledger::Checkpoint checkpoint;
};
absl::StatusOr<SignedCheckpoint> GetCheckpoint(World& world);
// OK when the broker proves that `newer` extends `older`.
absl::Status CheckConsistent(World& world, const ledger::Checkpoint& older, const ledger::Checkpoint& newer);
// The leaves up to `end`, as the broker streams them.
absl::StatusOr<std::vector<std::string>> StreamLeaves(World& world, uint64_t end);
// OK when `receipt` verifies, every opening is its leaf's, and its checkpoint is consistent with `newest`.
absl::Status CheckReceipt(World& world, const type::v1::Receipt& receipt, const ledger::Checkpoint& newest);

// All rows of a trail, oldest first; every leaf opens to what the row says. As `principal`.
absl::StatusOr<std::vector<inspection::v1::TrailRow>> TrailOfReferral(World& world, const std::string& principal,
                                                                      const std::string& header_digest);
absl::StatusOr<std::vector<inspection::v1::TrailRow>> TrailOfAgency(World& world, const std::string& agency);

// The digest in `referrals/{hex}`; empty when it is no such name.
std::string DigestOfName(const std::string& referral);

}  // namespace accord::tests
