// An agency without its service: speaks the broker's API directly, byte by byte, honestly or not.
#pragma once

#include <absl/status/statusor.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "accord/broker/v1/mailbox_service.grpc.pb.h"
#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "common/referral/header.h"
#include "tests/system/world.h"

namespace accord::tests {

// What a referral is made of.
struct RawSpec {
  std::string request_id;
  std::vector<std::string> recipients;
  std::vector<type::v1::Category> categories = {type::v1::CATEGORY_IDENTITY, type::v1::CATEGORY_RISK};
  type::v1::Purpose purpose = type::v1::PURPOSE_SUPPORT;
  type::v1::RiskGrade grade = type::v1::RISK_GRADE_HIGH;
  type::v1::ConfidentialityConsent consent = type::v1::CONFIDENTIALITY_CONSENT_GIVEN;
};

// One message of a mailbox, as it came over the wire.
struct RawDelivery {
  std::string bytes;  // Of OpenMailboxResponse.
  broker::v1::Delivery delivery;
};

// Single-thread.
class RawAgency {
 public:
  // `world` must outlive this. Its calls are made as `agency/<id>/raw`.
  RawAgency(World& world, const std::string& agency);

  // The parts of a referral, without section digests.
  referral::HeaderParts Parts(const RawSpec& spec);
  absl::StatusOr<broker::v1::PreviewReferralResponse> Preview(const referral::HeaderParts& parts);
  // Seals each section to the agencies `permitted` says and to this agency itself, fills in the digests, and signs.
  using Permitted = std::map<std::string, std::set<std::string>>;  // Section id → agencies.
  using Contents = std::map<type::v1::Category, type::v1::SectionContent>;  // Of a category that is not there: which one it is.
  absl::StatusOr<type::v1::Submission> Seal(referral::HeaderParts& parts, const Permitted& permitted,
                                            const crypto::SigningKey& key, const Contents& contents = {});
  // Parts, sealed to all recipients that a preview permits, signed, in a request.
  absl::StatusOr<broker::v1::SubmitReferralRequest> Make(const RawSpec& spec);
  absl::StatusOr<broker::v1::SubmitReferralResponse> Submit(const broker::v1::SubmitReferralRequest& request,
                                                            absl::Duration timeout = kCallTime);

  // The next `count` deliveries of the agency's mailbox, acknowledged one by one if `ack`. DEADLINE_EXCEEDED when
  // fewer came.
  absl::StatusOr<std::vector<RawDelivery>> Collect(size_t count, bool ack, absl::Duration within = kCallTime);

  // A signed statement. `previous` is the digest of this agency's last one on the referral.
  type::v1::Statement Statement(type::v1::StatementKind kind, const std::string& request_id, const std::string& header_digest,
                                const std::string& previous = "");
  absl::StatusOr<broker::v1::RespondToReferralResponse> Respond(const type::v1::Statement& statement);

  broker::v1::ReferralService::Stub& referrals() { return *referrals_; }
  const agent::AgencyKeys& keys() const { return keys_; }
  const std::string& principal() const { return principal_; }

 private:
  World& world_;
  const agent::AgencyKeys& keys_;
  const std::string principal_;
  std::unique_ptr<broker::v1::ReferralService::Stub> referrals_;
};

}  // namespace accord::tests
