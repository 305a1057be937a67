// A broker with its services on a loopback port, and agencies that push and collect; for tests.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "common/crypto/testing_pki.h"
#include "common/referral/header.h"
#include "common/rpc/client.h"
#include "common/rpc/server.h"
#include "services/broker/broker.h"
#include "services/broker/broker_services.h"
#include "services/broker/testing_config.h"

namespace accord::broker {

inline constexpr absl::Duration kTestTimeout = absl::Seconds(120);  // Far more than any of it takes, under the thread sanitizer too.

// Agencies police, childrens, idva, housing; one route, `all`, for the purposes safeguarding_adult and support.
class TestingBroker {
 public:
  static constexpr const char* kAgencies[] = {"police", "childrens", "idva", "housing"};

  // `clock`, by default the system's, must outlive this.
  explicit TestingBroker(const Clock* clock = nullptr);
  ~TestingBroker();

  // An agreement with route `all`: these categories, to every kind but that narrative does not go to housing.
  static std::string Agreement(const std::string& version, const std::string& categories);

  void Start(std::function<void(EraserStep)> on_erasure = nullptr);
  void Stop();

  // In force from the next Start() on.
  void SetWitnessPolicy(const std::string& text) {
    Write("witnesses.policy", text);
    config_.witness_policy = root_ + "/witnesses.policy";
  }

  void SetLimits(const QuotaLimits& limits) { config_.limits = limits; }
  void SetStatutoryBodies(std::vector<std::string> bodies) { config_.statutory_bodies = std::move(bodies); }

  // The channel of `principal`, such as "agency/police", to the broker that runs now.
  const std::shared_ptr<grpc::Channel>& Channel(const std::string& principal);
  // Another, with a certificate of its own, whose SHA-256 goes to `fingerprint`.
  std::shared_ptr<grpc::Channel> NewChannel(const std::string& principal, std::string* fingerprint = nullptr);

  // Proposes as alice and approves as bob.
  absl::Status Change(const admin::v1::Change& change);
  absl::Status PutAgreement(const std::string& version, const std::string& categories) {
    admin::v1::Change change;
    change.mutable_put_agreement()->set_text(Agreement(version, categories));
    return Change(change);
  }

  Broker& broker() { return *broker_; }
  // Where everything of it lies, and what it was opened with.
  const std::string& root() const { return root_; }
  const BrokerConfig& config() const { return config_; }
  const Clock& clock() const { return clock_; }
  const crypto::testing::TestAuthority& authority() const { return beginning_.authority; }
  const crypto::testing::Issued& sealing(const std::string& agency) const { return beginning_.sealing.at(agency); }
  const crypto::testing::Issued& signing(const std::string& agency) const { return beginning_.signing.at(agency); }
  Random& random() { return random_; }

 private:
  // The folder of a broker that was begun and never started, and the keys in it. Making one takes longer than most tests, so there is
  // one in a process for each time that a test's clock shows (absent: the system's clock), and every broker starts from a copy.
  struct Beginning {
    explicit Beginning(const Clock& clock);
    ~Beginning();
    void Write(const std::string& name, const std::string& text) const;

    std::string root;
    crypto::testing::TestAuthority authority;
    std::map<std::string, crypto::testing::Issued> signing, sealing;
  };
  static const Beginning& BeginningAt(const Clock* clock);
  void Write(const std::string& name, const std::string& text);

  std::string root_;
  const SystemClock system_clock_;
  const Clock& clock_;
  const Beginning& beginning_;
  SystemRandom random_;
  telemetry::Metrics metrics_;
  BrokerConfig config_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<BrokerServices> services_;
  std::unique_ptr<rpc::Server> server_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;  // By principal.
  int clients_ = 0, changes_ = 0;
};

// A referral of the police to be. Sections: identity, risk, narrative.
struct TestingReferral {
  std::string request_id;
  std::vector<std::string> recipients = {"idva", "housing"};
  type::v1::Urgency urgency = type::v1::URGENCY_ROUTINE;
  type::v1::RiskGrade grade = type::v1::RISK_GRADE_HIGH;
  type::v1::ConfidentialityConsent consent = type::v1::CONFIDENTIALITY_CONSENT_GIVEN;
  // By category, whom the section is sealed for beside the police; absent: every recipient, but of narrative not housing.
  std::map<type::v1::Category, std::vector<std::string>> sealed_for;
  std::map<std::string, crypto::Certificate> certificates;  // In place of the agency's own.
  size_t padding = 0;  // Bytes of content that say nothing, in each section.
  // Their one strong token is made of it. Without a perpetrator it is one of that victim alone, so that no case is beside another.
  std::string victim = "victim", perpetrator;
  // Last change of the parts before they are signed.
  std::function<void(referral::HeaderParts&)> alter;
};

v1::SubmitReferralRequest MakeSubmission(TestingBroker& world, const TestingReferral& spec);

}  // namespace accord::broker
