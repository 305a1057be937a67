#include "common/agent_rpc/agency_runtime.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "common/agent/eligibility.h"
#include "common/agent_rpc/grpc_broker_link.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/referral/referral_name.h"
#include "common/webhook/alert_webhook.h"

namespace accord::agent_rpc {
namespace {

constexpr absl::Duration kReconnectDelayMin = absl::Milliseconds(200);
constexpr absl::Duration kReconnectDelayMax = absl::Seconds(10);
constexpr uint32_t kNackDelayMs = 2000;
constexpr size_t kHandlerQueueMax = 4096;

absl::Status Wrong(const std::string& path, std::string_view why) {
  return absl::FailedPreconditionError(fmt::format("{}: {}", path, why));
}

// 32 bytes as 64 hex digits and perhaps a newline.
absl::StatusOr<crypto::SecretBytes> ReadKey(const std::string& path) {
  ACCORD_ASSIGN_OR_RETURN(std::string text, ReadFile(path, 1024));
  absl::StripAsciiWhitespace(&text);
  auto bytes = FromHex(text);
  crypto::Wipe(text);
  if (!bytes.has_value() || bytes->size() != 32) return Wrong(path, "is not 64 hex digits");
  return crypto::SecretBytes::Take(*std::move(bytes));
}

absl::StatusOr<std::vector<agent::AgencyKeys::EarlierLinkage>> LoadEarlierLinkage(const AgencyConfig& config, const std::string& domain) {
  std::vector<agent::AgencyKeys::EarlierLinkage> earlier;
  for (const AgencyConfig::PreviousLinkage& previous : config.previous_linkage_keys) {
    if (previous.domain != domain) continue;
    ACCORD_ASSIGN_OR_RETURN(auto key, ReadKey(previous.key));
    earlier.push_back({previous.key_id, std::move(key), previous.sent_until});
  }
  return earlier;
}

absl::StatusOr<std::vector<agent::AgencyKeys::OtherLinkage>> LoadOtherLinkage(const AgencyConfig& config) {
  std::vector<agent::AgencyKeys::OtherLinkage> others;
  for (const AgencyConfig::OtherLinkage& other : config.other_linkage_domains) {
    ACCORD_ASSIGN_OR_RETURN(auto key, ReadKey(other.key));
    ACCORD_ASSIGN_OR_RETURN(auto earlier, LoadEarlierLinkage(config, other.domain));
    others.push_back({other.domain, other.key_id, std::move(key), std::move(earlier), other.agencies});
  }
  return others;
}

absl::StatusOr<std::unique_ptr<agent::AgencyKeys>> LoadKeys(const AgencyConfig& config, type::v1::AgencyKind kind) {
  ACCORD_ASSIGN_OR_RETURN(auto signing, crypto::SigningKey::FromPemFile(config.signing_key));
  ACCORD_ASSIGN_OR_RETURN(auto sealing, crypto::SealingKey::FromPemFile(config.sealing_key));
  ACCORD_ASSIGN_OR_RETURN(const auto pem, ReadFile(config.sealing_certificate));
  ACCORD_ASSIGN_OR_RETURN(auto certificate, crypto::Certificate::FromPem(pem));
  if (certificate.public_key_id() != sealing.key_id()) return Wrong(config.sealing_certificate, "is not of the sealing key");
  ACCORD_ASSIGN_OR_RETURN(const auto authorities_pem, ReadFile(config.area_authorities));
  ACCORD_ASSIGN_OR_RETURN(auto authorities, crypto::TrustAnchors::FromPem(authorities_pem));
  ACCORD_ASSIGN_OR_RETURN(auto linkage_key, ReadKey(config.linkage_key));
  std::vector<agent::AgencyKeys::Sealing> earlier;
  for (const AgencyConfig::PreviousSealing& previous : config.previous_sealing_keys) {
    ACCORD_ASSIGN_OR_RETURN(auto key, crypto::SealingKey::FromPemFile(previous.key));
    ACCORD_ASSIGN_OR_RETURN(const auto earlier_pem, ReadFile(previous.certificate));
    ACCORD_ASSIGN_OR_RETURN(auto of_key, crypto::Certificate::FromPem(earlier_pem));
    if (of_key.public_key_id() != key.key_id()) return Wrong(previous.certificate, "is not of the key beside it");
    earlier.push_back({std::move(key), std::move(of_key)});
  }
  ACCORD_ASSIGN_OR_RETURN(auto earlier_linkage, LoadEarlierLinkage(config, config.linkage_domain));
  ACCORD_ASSIGN_OR_RETURN(auto other_linkage, LoadOtherLinkage(config));
  std::unique_ptr<agent::AgencyKeys> keys(new agent::AgencyKeys{
      config.agency, kind, config.trust_domain, std::move(signing), std::move(sealing), std::move(certificate),
      std::move(authorities), config.linkage_domain, config.linkage_key_id, std::move(linkage_key), std::move(earlier),
      std::move(earlier_linkage), std::move(other_linkage)});
  ACCORD_RETURN_IF_ERROR(agent::CheckLinkageKeysDiffer(*keys));
  return keys;
}

// The agency's own certificates, its programs' and its systems', may call; nobody else.
class OwnAgencyOnly : public rpc::Authorizer {
 public:
  explicit OwnAgencyOnly(std::string agency) : agency_(std::move(agency)) {}
  absl::Status Authorize(const rpc::Peer& peer, std::string_view) override {
    if (peer.kind == rpc::PeerKind::kAgency && peer.id == agency_) return absl::OkStatus();
    return Error(Reason::kRoleNotAllowed, "only certificates of the agency itself may call its service");
  }

 private:
  const std::string agency_;
};

// Whether a delivery that failed so would fail for ever.
bool IsForGood(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument || status.code() == absl::StatusCode::kFailedPrecondition ||
         status.code() == absl::StatusCode::kPermissionDenied;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AgencyRuntime>> AgencyRuntime::Open(const AgencyConfig& config, type::v1::AgencyKind kind,
                                                                   const Clock& clock, Random& random,
                                                                   telemetry::Metrics& metrics) {
  std::unique_ptr<AgencyRuntime> runtime(new AgencyRuntime(config, clock, random));
  AgencyRuntime& r = *runtime;
  ACCORD_ASSIGN_OR_RETURN(r.keys_, LoadKeys(config, kind));

  // A store without its key, or a key without its store, is never replaced by a fresh one.
  const bool first_start = !std::filesystem::exists(config.store) && !std::filesystem::exists(config.store_key);
  if (first_start) {
    ACCORD_RETURN_IF_ERROR(MakeDirectory(std::filesystem::path(config.store).parent_path().string()));
    ACCORD_RETURN_IF_ERROR(WriteFileDurably(config.store_key, ToHex(random.Bytes(32)) + "\n"));
  }
  ACCORD_ASSIGN_OR_RETURN(auto store_key, ReadKey(config.store_key));
  std::vector<storage::FamilySpec> families;
  for (std::string& name : agent::AgencyFamilies()) families.push_back({std::move(name)});
  storage::RocksStoreOptions options;
  options.create = first_start;
  ACCORD_ASSIGN_OR_RETURN(r.rocks_, storage::RocksStore::Open(config.store, families, options));
  r.store_ = std::make_unique<agent::AgencyStore>(*r.rocks_, std::move(store_key), random);

  ACCORD_ASSIGN_OR_RETURN(const auto channel, rpc::MakeChannel(config.broker));
  r.broker_ = std::make_unique<GrpcBrokerLink>(channel);
  r.alarm_ = std::make_unique<agent::Alarm>(*r.store_, clock);
  ACCORD_RETURN_IF_ERROR(r.alarm_->Load());
  ACCORD_ASSIGN_OR_RETURN(std::string vkey, ReadFile(config.log_vkey, 4096));
  absl::StripAsciiWhitespace(&vkey);
  ACCORD_ASSIGN_OR_RETURN(r.log_, agent::LogWatch::Open(*r.store_, *r.broker_, *r.alarm_, vkey));
  r.fork_report_ = std::make_unique<agent::ForkReport>(*r.alarm_, *r.broker_);
  if (!config.witness_key.empty()) {
    ACCORD_ASSIGN_OR_RETURN(auto witness_key, agent::LoadWitnessKey(config.witness_key, config.witness_name));
    r.witness_ = std::make_unique<agent::Witness>(*r.log_, *r.broker_, *r.alarm_, clock, random, std::move(witness_key));
  }
  r.preparer_ = std::make_unique<agent::Preparer>(*r.keys_, *r.broker_, *r.alarm_, clock, random);
  r.outbox_ = std::make_unique<agent::Outbox>(*r.store_, *r.broker_, *r.preparer_, *r.log_, *r.alarm_, clock);
  ACCORD_RETURN_IF_ERROR(r.outbox_->Load());
  r.inbox_ = std::make_unique<agent::Inbox>(*r.store_, *r.keys_, *r.broker_, *r.log_, *r.alarm_, *r.outbox_, clock);
  ACCORD_RETURN_IF_ERROR(r.inbox_->Load());
  r.holds_ = std::make_unique<agent::Holds>(*r.store_, *r.broker_, *r.log_, *r.alarm_, *r.inbox_, *r.outbox_, clock,
                                            [&r] { return r.PurgeStore(); });
  ACCORD_RETURN_IF_ERROR(r.holds_->Load());
  r.notices_ = std::make_unique<agent::Notices>(*r.store_, *r.log_, clock);
  ACCORD_RETURN_IF_ERROR(r.notices_->Load());
  r.deliveries_ = std::make_unique<agent::Deliveries>(*r.broker_, *r.log_, *r.alarm_, clock);
  r.cases_ = std::make_unique<agent::Cases>(*r.broker_, *r.log_, *r.alarm_, *r.notices_);
  if (!config.alert_command.empty()) {
    r.alert_hook_ = std::make_unique<agent::AlertHook>(config.alert_command, config.agency, config.alert_timeout, clock);
  } else if (!config.alert_webhook.empty()) {
    ACCORD_ASSIGN_OR_RETURN(r.alert_hook_, webhook::AlertWebhook::Make(config.alert_webhook, config.alert_authorities, config.agency,
                                                                       config.alert_timeout));
  }
  if (r.alert_hook_ != nullptr) {
    r.alert_ = std::make_unique<agent::Alert>(*r.inbox_, *r.broker_, *r.alert_hook_, config.alert_repeat, clock, metrics);
  }
  r.outbox_->OnDue([&r] {
    absl::MutexLock lock(&r.mu_);
    ++r.pokes_;
  });

  r.authorizer_ = std::make_unique<OwnAgencyOnly>(config.agency);
  r.executor_ = std::make_unique<Executor>(config.threads, kHandlerQueueMax);
  r.handlers_ = std::make_unique<rpc::HandlerContext>(*r.executor_, *r.authorizer_, clock, metrics);
  r.waiting_ = metrics.Gauges("accord_outbox_waiting", "Submissions not settled.").With();
  r.unanswered_ = metrics.Gauges("accord_changes_unanswered", "Changes of what was received that wait for a worker's answer.").With();
  r.notices_received_ = metrics.Gauges("accord_notices_received", "Notices received that something is overdue.").With();
  r.checkpoint_size_ = metrics.Gauges("accord_checkpoint_size", "Size of the checkpoint held to be consistent.").With();
  r.cosigned_size_ = metrics.Gauges("accord_cosigned_size", "Size of the newest checkpoint whose cosignature the broker took.").With();
  r.stopped_ = metrics.Gauges("accord_alarm", "1 when an alarm has stopped sending.").With();
  return runtime;
}

AgencyRuntime::~AgencyRuntime() { Stop(); }

void AgencyRuntime::Start() {
  health_(!store_->refuses());
  outbox_thread_ = std::make_unique<Thread>([this] { WorkOutbox(); });
  mailbox_thread_ = std::make_unique<Thread>([this] { WorkMailbox(); });
  if (witness_ != nullptr) witness_thread_ = std::make_unique<Thread>([this] { WorkWitness(); });
  if (alert_ != nullptr) {
    alert_thread_ = std::make_unique<Thread>([this] { WorkAlert(); });
  } else {
    telemetry::Log(telemetry::Level::kWarn, "alert.nobody_is_called", {{"agency", config_.agency}});
  }
  watch_ = std::make_unique<Periodic>(config_.poll_interval, [this] { Watch(); });
}

void AgencyRuntime::Stop() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    if (mailbox_ != nullptr) mailbox_->Cancel();
  }
  if (alert_hook_ != nullptr) alert_hook_->Stop();
  watch_.reset();
  alert_thread_.reset();
  witness_thread_.reset();
  mailbox_thread_.reset();
  outbox_thread_.reset();
  if (executor_ != nullptr) executor_->Shutdown();
}

bool AgencyRuntime::WaitForStop(absl::Duration at_most) {
  absl::MutexLock lock(&mu_);
  return mu_.AwaitWithTimeout(absl::Condition(&stopping_), at_most);
}

void AgencyRuntime::WorkOutbox() {
  for (;;) {
    uint64_t seen = 0;
    {
      absl::MutexLock lock(&mu_);
      if (stopping_) return;
      seen = pokes_;
    }
    if (outbox_->Step()) continue;
    const absl::Duration wait = std::max(outbox_->NextDue() - clock_.Now(), absl::ZeroDuration());
    absl::MutexLock lock(&mu_);
    const auto awake = [this, seen]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return stopping_ || pokes_ != seen; };
    mu_.AwaitWithTimeout(absl::Condition(&awake), wait);
  }
}

void AgencyRuntime::WorkAlert() {
  for (;;) {
    uint64_t seen = 0;
    {
      absl::MutexLock lock(&mu_);
      if (stopping_) return;
      seen = alert_pokes_;
    }
    const absl::Duration wait = std::max(alert_->Step() - clock_.Now(), absl::ZeroDuration());
    absl::MutexLock lock(&mu_);
    const auto awake = [this, seen]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return stopping_ || alert_pokes_ != seen; };
    mu_.AwaitWithTimeout(absl::Condition(&awake), wait);
  }
}

void AgencyRuntime::WorkMailbox() {
  absl::Duration delay = kReconnectDelayMin;
  for (;;) {
    const absl::Time start = clock_.Now();
    bool answered = false;
    const absl::Status ended = Collect(answered);
    connected_ = false;
    // A spell that brought something, or lasted, shows that the broker was well: begin with short waits again.
    if (answered || clock_.Now() - start > kReconnectDelayMax) delay = kReconnectDelayMin;
    if (WaitForStop(delay)) return;
    telemetry::Log(telemetry::Level::kWarn, "mailbox.ended", {{"status", ended}});
    delay = std::min(delay * 2, kReconnectDelayMax);
  }
}

absl::Status AgencyRuntime::Collect(bool& answered) {
  ACCORD_ASSIGN_OR_RETURN(const auto mailbox, broker_->OpenMailbox(type::v1::DESK_MAIN, kMailboxCredit));
  {
    absl::MutexLock lock(&mu_);
    if (stopping_) return absl::CancelledError();
    mailbox_ = mailbox;
  }
  connected_ = true;
  absl::Status ended;
  while (ended.ok()) {
    auto response = mailbox->Receive();
    if (!response.ok()) {
      ended = response.status();
      break;
    }
    answered = true;
    if (!response->has_delivery()) continue;  // The outcome of an ack: our own record says what we need.
    const auto& delivery = response->delivery();
    const absl::Status taken = Take(delivery);
    broker::v1::OpenMailboxRequest answer;
    if (taken.ok()) {
      answer.mutable_ack()->set_delivery_id(delivery.delivery_id());
    } else if (IsForGood(taken) && alarm_->Check().ok()) {
      answer.mutable_reject()->set_delivery_id(delivery.delivery_id());
      answer.mutable_reject()->set_reason(std::string(RowOf(DetailOf(taken).reason).name));
    } else {
      answer.mutable_nack()->set_delivery_id(delivery.delivery_id());
      answer.mutable_nack()->set_delay_ms(kNackDelayMs);
    }
    if (!taken.ok()) telemetry::Log(telemetry::Level::kWarn, "mailbox.not_taken", {{"status", taken}});
    if (!mailbox->Say(answer)) ended = Error(Reason::kBrokerUnreachable, "the mailbox's stream has ended");
    if (taken.ok()) Follow(delivery);
  }
  absl::MutexLock lock(&mu_);
  mailbox_.reset();
  return ended;
}

absl::Status AgencyRuntime::Take(const broker::v1::Delivery& delivery) {
  if (delivery.has_hold()) return holds_->Receive(delivery);
  if (!delivery.has_notice()) {
    ACCORD_RETURN_IF_ERROR(inbox_->Receive(delivery));
    return delivery.has_referral() ? holds_->Arrived(referral::DigestOf(delivery.referral().header())) : absl::OkStatus();
  }
  ACCORD_RETURN_IF_ERROR(notices_->Receive(delivery));
  return outbox_->AddNotice(delivery.notice());  // Not durable with the notice: until both are it is not acknowledged.
}

void AgencyRuntime::Follow(const broker::v1::Delivery& delivery) {
  if (delivery.has_hold()) WorkHolds();
  if (delivery.notice().kind() == type::v1::NOTICE_KIND_RESEAL_WANTED) WorkReseals();
  if (alert_ == nullptr) return;
  if (!delivery.has_referral() && !(delivery.has_notice() && alert_->Note(delivery.notice()))) return;
  absl::MutexLock lock(&mu_);
  ++alert_pokes_;
}

void AgencyRuntime::WorkWitness() {
  while (!WaitForStop(witness_->NextDelay())) {
    const absl::Status status = witness_->Step();
    if (!status.ok()) telemetry::Log(telemetry::Level::kWarn, "witness.not_well", {{"status", status}});
  }
}

void AgencyRuntime::Watch() {
  health_(!store_->refuses());
  absl::Status status = log_->Poll();
  if (const absl::Status told = fork_report_->Step(); !told.ok()) {
    telemetry::Log(telemetry::Level::kWarn, "fork.not_reported", {{"status", told}});
  }
  if (status.ok()) status = WatchOwnRow();
  if (status.ok()) inbox_->ResendPending();
  WorkHolds();
  WorkReseals();
  if (!status.ok()) telemetry::Log(telemetry::Level::kWarn, "watch.not_well", {{"status", status}});
  waiting_.Set(static_cast<double>(outbox_->waiting()));
  unanswered_.Set(static_cast<double>(inbox_->unanswered()));
  notices_received_.Set(static_cast<double>(notices_->count()));
  checkpoint_size_.Set(static_cast<double>(log_->size()));
  if (witness_ != nullptr) cosigned_size_.Set(static_cast<double>(witness_->cosigned_size()));
  stopped_.Set(alarm_->Check().ok() ? 0 : 1);
}

void AgencyRuntime::WorkReseals() {
  const absl::Status sealed = outbox_->SealEndorsed();
  if (!sealed.ok()) telemetry::Log(telemetry::Level::kWarn, "reseals.not_made", {{"status", sealed}});
}

void AgencyRuntime::WorkHolds() {
  const absl::Status worked = holds_->Step();
  if (!worked.ok()) telemetry::Log(telemetry::Level::kWarn, "holds.not_answered", {{"status", worked}});
}

absl::Status AgencyRuntime::PurgeStore() {
  for (const std::string& family : agent::AgencyFamilies()) ACCORD_RETURN_IF_ERROR(rocks_->Purge(family));
  return rocks_->DropUnneededFiles();
}

absl::Status AgencyRuntime::WatchOwnRow() {
  ACCORD_ASSIGN_OR_RETURN(const auto agencies, broker_->ListAgencies());
  const auto own = std::find_if(agencies.begin(), agencies.end(), [&](const auto& row) { return row.id() == keys_->agency; });
  if (own == agencies.end()) return Error(Reason::kPrincipalUnknown, "the broker's directory does not have this agency");
  // An earlier one of ours stands there until administrators have put the new one.
  if (agent::IsOurSealing(*keys_, own->sealing_certificate())) return absl::OkStatus();
  // What others would seal to in our name is not ours to open.
  return alarm_->Raise(Error(Reason::kSealingKeyUntrusted, "the broker's directory names another sealing certificate for this agency than its own"),
                       {own->sealing_certificate(), keys_->sealing_certificate.der()});
}

std::vector<std::string> AgencyRuntime::routing(type::v1::AgencyKind kind) const {
  const auto found = config_.routing.find(kind);
  return found == config_.routing.end() ? std::vector<std::string>() : found->second;
}

absl::StatusOr<agency::v1::PushResult> AgencyRuntime::Push(agent::Draft draft) {
  agency::v1::PushResult result;
  result.set_request_id(draft.options.request_id());
  if (const std::string& follows = draft.options.caused_by(); !follows.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const bool received, inbox_->Has(draft.core.caused_by()));
    ACCORD_ASSIGN_OR_RETURN(const bool sent, outbox_->Has(draft.core.caused_by()));
    if (!received && !sent) return Error(Reason::kReferralNotFound, "options.caused_by names nothing that was received here");
  }
  if (draft.options.preview_only()) {
    ACCORD_RETURN_IF_ERROR(outbox_->AsCorrection(draft));
    ACCORD_ASSIGN_OR_RETURN(auto preview, preparer_->Preview(draft));
    result.mutable_decisions()->Swap(preview.mutable_decisions());
    result.mutable_warnings()->Swap(preview.mutable_warnings());
    return result;
  }
  const std::string request_id = draft.options.request_id();
  const absl::Duration wait = std::min(absl::Milliseconds(draft.options.wait_ms()), kWaitMax);
  ACCORD_ASSIGN_OR_RETURN(storage::v1::StoredSubmission submission, agent::PushWithRecord(*outbox_, std::move(draft)));
  if (wait > absl::ZeroDuration()) {
    ACCORD_ASSIGN_OR_RETURN(submission, outbox_->Await(request_id, clock_.Now() + wait));
  }
  result.set_state(submission.state());
  if (!submission.header_digest().empty()) result.set_referral(referral::ReferralName(submission.header_digest()));
  result.mutable_decisions()->Swap(submission.mutable_decisions());
  result.mutable_warnings()->Swap(submission.mutable_warnings());
  if (!submission.waiting_for().empty()) result.add_warnings(submission.waiting_for());
  result.set_stored_index(submission.stored_index());
  return result;
}

agency::v1::GetServiceStatusResponse AgencyRuntime::Status() const {
  agency::v1::GetServiceStatusResponse status;
  status.set_agency(keys_->agency);
  status.set_outbox_waiting(outbox_->waiting());
  status.set_checkpoint_size(log_->size());
  status.set_connected(connected_);
  status.set_alert(alert_ == nullptr ? "none" : config_.alert_webhook.empty() ? "command" : "webhook");
  if (const auto standing = alarm_->standing(); standing.has_value()) {
    status.set_stopped(true);
    status.set_alarm(standing->reason() + ": " + standing->text());
  }
  return status;
}

}  // namespace accord::agent_rpc
