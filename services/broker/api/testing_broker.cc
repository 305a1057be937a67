#include "services/broker/api/testing_broker.h"

#include <absl/synchronization/notification.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>

#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "common/referral/section.h"
#include "common/referral/statement.h"

namespace accord::broker {
namespace {

std::string NewFolder() {
  char name[] = "/tmp/accord-broker-api-XXXXXX";
  ACCORD_CHECK(mkdtemp(name) != nullptr);
  return name;
}

}  // namespace

TestingBroker::Beginning::Beginning(const Clock& clock) {
  root = NewFolder();
  std::string directory;
  for (const std::string agency : kAgencies) {
    signing.emplace(agency, authority.IssueSigning(agency));
    sealing.emplace(agency, authority.IssueSealing(agency));
    Write(agency + ".signing.pem", signing.at(agency).certificate.pem());
    Write(agency + ".sealing.pem", sealing.at(agency).certificate.pem());
    directory += DirectoryRow(agency, agency == "childrens" ? "childrens_services" : agency);
  }
  Write("directory.toml", directory);
  Write("agreement.toml", Agreement("1", R"("identity", "risk", "narrative")"));
  Write("roots.pem", authority.pem());
  const auto tls = authority.IssueTls("broker/broker");
  Write("tls.pem", tls.certificate.pem());
  Write("tls.key", tls.key_pem);
  SystemRandom random;
  EXPECT_EQ(InitBroker(MakeTestingConfig(root, fmt::format("{}{}", kTestingDirectory, kTestingAgreement)), clock, random), absl::OkStatus());
}

TestingBroker::Beginning::~Beginning() { std::filesystem::remove_all(root); }

void TestingBroker::Beginning::Write(const std::string& name, const std::string& text) const {
  ASSERT_EQ(WriteFileDurably(root + "/" + name, text), absl::OkStatus());
}

const TestingBroker::Beginning& TestingBroker::BeginningAt(const Clock* clock) {
  static std::map<std::optional<absl::Time>, Beginning> beginnings;
  const SystemClock real;
  const std::optional<absl::Time> time = clock == nullptr ? std::nullopt : std::optional(clock->Now());
  return beginnings.try_emplace(time, clock == nullptr ? real : *clock).first->second;
}

TestingBroker::TestingBroker(const Clock* clock)
    : root_(NewFolder()), clock_(clock == nullptr ? system_clock_ : *clock), beginning_(BeginningAt(clock)) {
  std::filesystem::copy(beginning_.root, root_, std::filesystem::copy_options::recursive);
  ACCORD_CHECK(rpc::EnforceTls13().ok());
  config_ = MakeTestingConfig(root_, fmt::format("{}{}", kTestingDirectory, kTestingAgreement));
  Start();
}

TestingBroker::~TestingBroker() {
  Stop();
  std::filesystem::remove_all(root_);
}

std::string TestingBroker::Agreement(const std::string& version, const std::string& categories) {
  return fmt::format(R"(
version = "{}"
parties = ["police", "childrens", "idva", "housing"]
effective_from = "2020-01-01"
expires = "2040-01-01"
[[route]]
id = "all"
from_kinds = ["police"]
to_kinds = ["childrens_services", "idva"]
purposes = ["safeguarding_adult", "support"]
categories = [{}]
[[route]]
id = "housing"
from_kinds = ["police"]
to_kinds = ["housing"]
purposes = ["safeguarding_adult", "support"]
categories = ["identity"]
)",
                     version, categories);
}

void TestingBroker::Start(std::function<void(EraserStep)> on_erasure) {
  auto broker = Broker::Open(config_, clock_, random_, metrics_, nullptr, std::move(on_erasure));
  ASSERT_EQ(broker.status(), absl::OkStatus());
  broker_ = *std::move(broker);
  services_ = std::make_unique<BrokerServices>(*broker_, metrics_);
  auto server = rpc::Server::Start(config_.server, services_->all(), services_->unreadable());
  ASSERT_EQ(server.status(), absl::OkStatus());
  server_ = *std::move(server);
  broker_->Listen([](bool) {}, [this] { services_->EndStreamsOfDenied(); });
}

void TestingBroker::Stop() {
  if (broker_ == nullptr) return;
  broker_->Listen([](bool) {}, [] {});
  channels_.clear();  // What a test still holds of them ends with the server.
  services_->EndStreams();
  server_->Shutdown(absl::Seconds(5));
  broker_->Shutdown();
  server_.reset(), services_.reset(), broker_.reset();
}

const std::shared_ptr<grpc::Channel>& TestingBroker::Channel(const std::string& principal) {
  auto& channel = channels_[principal];
  if (channel == nullptr) channel = NewChannel(principal);
  return channel;
}

std::shared_ptr<grpc::Channel> TestingBroker::NewChannel(const std::string& principal, std::string* fingerprint) {
  const std::string name = fmt::format("client{}", ++clients_);
  const auto tls = beginning_.authority.IssueTls(principal);
  Write(name + ".pem", tls.certificate.pem());
  Write(name + ".key", tls.key_pem);
  if (fingerprint != nullptr) *fingerprint = tls.certificate.fingerprint();
  auto channel = rpc::MakeChannel({.target = fmt::format("127.0.0.1:{}", server_->port()),
                                   .tls = {root_ + "/" + name + ".pem", root_ + "/" + name + ".key", root_ + "/roots.pem"},
                                   .server_spiffe_id = crypto::testing::SpiffeId("broker/broker"),
                                   .share_connection = false});
  EXPECT_EQ(channel.status(), absl::OkStatus());
  return *channel;
}

absl::Status TestingBroker::Change(const admin::v1::Change& change) {
  const std::string request_id = fmt::format("change-{:08}", ++changes_);
  absl::StatusOr<ChangeOutcome> proposed, approved;
  absl::Notification first, second;
  broker_->sequencer().Submit(std::make_unique<ProposeChangeCommand>(
      broker_->change_rules(), Administrator{"alice", std::string(32, 'a')}, request_id, change, [&](auto outcome) {
        proposed = std::move(outcome);
        first.Notify();
      }));
  first.WaitForNotification();
  ACCORD_RETURN_IF_ERROR(proposed);
  broker_->sequencer().Submit(std::make_unique<ApproveChangeCommand>(
      broker_->change_rules(), Administrator{"bob", std::string(32, 'b')}, request_id, proposed->number, [&](auto outcome) {
        approved = std::move(outcome);
        second.Notify();
      }));
  second.WaitForNotification();
  return approved.status();
}

void TestingBroker::Write(const std::string& name, const std::string& text) {
  ASSERT_EQ(WriteFileDurably(root_ + "/" + name, text), absl::OkStatus());
}

v1::SubmitReferralRequest MakeSubmission(TestingBroker& world, const TestingReferral& spec) {
  using namespace type::v1;  // NOLINT
  referral::HeaderParts parts;
  parts.core.set_request_id(spec.request_id);
  parts.core.set_sender("police");
  parts.core.mutable_worker()->set_pseudonym("pc-1");
  parts.core.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
  parts.core.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
  parts.core.set_type(REFERRAL_TYPE_REFERRAL);
  parts.core.set_purpose(PURPOSE_SAFEGUARDING_ADULT);
  parts.core.set_urgency(spec.urgency);
  parts.core.mutable_risk()->set_grade(spec.grade);
  parts.core.mutable_risk()->set_instrument(INSTRUMENT_DARA);
  parts.core.mutable_risk()->set_subject(SUBJECT_ROLE_VICTIM);
  // Of the same people as most others, so that a grade may be lower than the last.
  parts.core.mutable_risk()->set_change_reason(RISK_CHANGE_REASON_NEW_ASSESSMENT);
  parts.core.mutable_risk()->set_supervisor("sergeant-1");
  parts.core.set_signed_at_ms(absl::ToUnixMillis(world.clock().Now()));
  for (const std::string& agency : spec.recipients) {
    RecipientPart& recipient = parts.recipients.emplace_back();
    recipient.set_agency(agency);
    recipient.set_capacity(RECIPIENT_CAPACITY_NAMED);
  }
  TagPart& tag = parts.tags.emplace_back();
  tag.set_tag_id(NewId(world.random()));
  tag.set_victim_awareness(VICTIM_AWARENESS_INFORMED);
  tag.set_consent(spec.consent);
  tag.set_article6(ARTICLE6_BASIS_PUBLIC_TASK);
  tag.set_article9(ARTICLE9_CONDITION_SAFEGUARDING);
  tag.set_regime(REGIME_DPA_PART3);
  const std::string perpetrator = spec.perpetrator.empty() ? "who hurt " + spec.victim : spec.perpetrator;
  for (const auto& [role, name] : {std::pair(SUBJECT_ROLE_VICTIM, spec.victim), {SUBJECT_ROLE_ALLEGED_PERPETRATOR, perpetrator}}) {
    SubjectPart& subject = parts.subjects.emplace_back();
    subject.set_subject_id(NewId(world.random()));
    subject.set_role(role);
    subject.set_age_band(AGE_BAND_ADULT);
    SubjectToken& token = *subject.add_tokens();
    token.set_domain("northshire");
    token.set_token_key("2026-1");
    token.set_recipe(1);
    token.set_strong(true);
    token.set_token((name + std::string(32, '.')).substr(0, 32));
  }
  v1::SubmitReferralRequest request;
  request.set_request_id(spec.request_id);
  for (const Category category : {CATEGORY_IDENTITY, CATEGORY_RISK, CATEGORY_NARRATIVE}) {
    SectionPart& part = parts.sections.emplace_back();
    part.set_section_id(NewId(world.random()));
    part.set_category(category);
    part.set_tag_id(tag.tag_id());
    std::vector<crypto::Certificate> certificates = {world.sealing("police").certificate};
    const auto named = spec.sealed_for.find(category);
    for (const std::string& agency : named == spec.sealed_for.end() ? spec.recipients : named->second) {
      if (named == spec.sealed_for.end() && agency == "housing" && category != CATEGORY_IDENTITY) continue;
      const auto other = spec.certificates.find(agency);
      certificates.push_back(other == spec.certificates.end() ? world.sealing(agency).certificate : other->second);
    }
    const std::string plaintext = *referral::MakePlaintext(
        {"police", spec.request_id, part.section_id(), category, tag.SerializeAsString()}, fmt::format("content {}{}", static_cast<int>(category), std::string(spec.padding, 'x')));
    SealedSection& sealed = *request.mutable_submission()->add_sections();
    sealed.set_section_id(part.section_id());
    sealed.set_cms(*crypto::cms::Seal(plaintext, certificates));
    part.set_digest(crypto::cms::Parse(sealed.cms())->digest);
  }
  if (spec.alter) spec.alter(parts);
  const auto made = referral::SignHeader(parts, world.signing("police").signing_key(), world.random());
  EXPECT_EQ(made.status(), absl::OkStatus());
  *request.mutable_submission()->mutable_header() = made->header;
  for (const Opening& opening : made->openings) *request.mutable_submission()->add_openings() = opening;
  return request;
}

}  // namespace accord::broker
