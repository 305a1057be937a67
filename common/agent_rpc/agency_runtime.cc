#include "common/agent_rpc/agency_runtime.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "common/agent/eligibility.h"
#include "common/agent_rpc/grpc_broker_link.h"
#include "common/agent_rpc/key_files.h"
#include "common/agent_rpc/own_agency.h"
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
constexpr absl::Duration kAttachmentSweepPeriod = absl::Hours(1);
constexpr size_t kHandlerQueueMax = 4096;

// Whether a delivery that failed so would fail for ever.
bool IsForGood(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument || status.code() == absl::StatusCode::kFailedPrecondition ||
         status.code() == absl::StatusCode::kPermissionDenied;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AgencyRuntime>> AgencyRuntime::Open(const AgencyConfig& config, type::v1::AgencyKind kind,
                                                                   const Clock& clock, Random& random,
                                                                   telemetry::Metrics& metrics,
                                                                   const crypto::SecretBytes* passphrase) {
  std::unique_ptr<AgencyRuntime> runtime(new AgencyRuntime(config, clock, random));
  AgencyRuntime& r = *runtime;
  const KeyFiles files(r.config_, passphrase);
  ACCORD_ASSIGN_OR_RETURN(r.keys_, files.Load(kind));

  // A store without its key, or a key without its store, is never replaced by a fresh one.
  const bool first_start = !std::filesystem::exists(config.store) && !std::filesystem::exists(config.store_key);
  if (first_start) {
    ACCORD_RETURN_IF_ERROR(MakeDirectory(std::filesystem::path(config.store).parent_path().string()));
    ACCORD_RETURN_IF_ERROR(files.MakeStoreKey(random));
  }
  ACCORD_ASSIGN_OR_RETURN(auto store_key, files.StoreKey());
  std::vector<storage::FamilySpec> families;
  for (std::string& name : agent::AgencyFamilies()) families.push_back({std::move(name)});
  storage::RocksStoreOptions options;
  options.create = first_start;
  ACCORD_ASSIGN_OR_RETURN(r.rocks_, storage::RocksStore::Open(config.store, families, options));
  r.store_ = std::make_unique<agent::AgencyStore>(*r.rocks_, std::move(store_key), random);
  r.journal_ = std::make_unique<agent::Journal>(*r.store_, clock);
  ACCORD_RETURN_IF_ERROR(r.journal_->Load());
  r.workers_ = std::make_unique<agent::Workers>(*r.store_, *r.keys_, *r.journal_, clock);
  ACCORD_RETURN_IF_ERROR(r.workers_->Load());
  r.attachments_ = std::make_unique<agent::Attachments>(*r.store_, clock);
  r.attachments_->KeepFree(config.disk_floor_bytes, [path = config.store] { return FreeBytes(path); });
  ACCORD_RETURN_IF_ERROR(r.attachments_->Load());
  r.sections_ = std::make_unique<agent::SealedSections>(*r.store_);

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
  r.preparer_->KeepSections(*r.attachments_, *r.sections_);
  r.outbox_ = std::make_unique<agent::Outbox>(*r.store_, *r.broker_, *r.preparer_, *r.log_, *r.alarm_, clock);
  r.outbox_->KeepFree(config.disk_floor_bytes, [path = config.store] { return FreeBytes(path); });
  r.outbox_->KeepJournal(*r.journal_);
  r.outbox_->KeepSections(*r.attachments_, *r.sections_);
  ACCORD_RETURN_IF_ERROR(r.outbox_->Load());
  r.inbox_ = std::make_unique<agent::Inbox>(*r.store_, *r.keys_, *r.broker_, *r.log_, *r.alarm_, *r.outbox_, clock);
  r.inbox_->KeepJournal(*r.journal_, *r.workers_);
  r.inbox_->KeepSections(*r.sections_);
  ACCORD_RETURN_IF_ERROR(r.inbox_->Load());
  r.holds_ = std::make_unique<agent::Holds>(*r.store_, *r.broker_, *r.log_, *r.alarm_, *r.inbox_, *r.outbox_, clock,
                                            [&r] { return r.PurgeStore(); });
  ACCORD_RETURN_IF_ERROR(r.holds_->Load());
  r.notices_ = std::make_unique<agent::Notices>(*r.store_, *r.log_, clock);
  ACCORD_RETURN_IF_ERROR(r.notices_->Load());
  r.deliveries_ = std::make_unique<agent::Deliveries>(*r.broker_, *r.log_, *r.alarm_, clock);
  r.cases_ = std::make_unique<agent::Cases>(*r.broker_, *r.log_, *r.alarm_, *r.notices_);
  r.disclosures_ = std::make_unique<agent::Disclosures>(*r.store_, *r.keys_, *r.broker_, *r.log_, *r.alarm_, *r.journal_, *r.workers_, *r.inbox_,
                                                        *r.outbox_, *r.sections_, clock);
  ACCORD_RETURN_IF_ERROR(r.disclosures_->Load());
  r.published_support_ = std::make_unique<agent::PublishedSupport>(*r.store_, *r.broker_, *r.log_, *r.alarm_);
  ACCORD_RETURN_IF_ERROR(r.published_support_->Load());
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

  r.authorizer_ = std::make_unique<OwnAgencyOnly>(config.agency, config.desk);
  r.executor_ = std::make_unique<Executor>(config.threads, kHandlerQueueMax);
  r.handlers_ = std::make_unique<rpc::HandlerContext>(*r.executor_, *r.authorizer_, clock, metrics);
  r.waiting_ = metrics.Gauges("accord_outbox_waiting", "Submissions not settled.").With();
  r.unanswered_ = metrics.Gauges("accord_changes_unanswered", "Changes of what was received that wait for a worker's answer.").With();
  r.disclosures_waiting_ = metrics.Gauges("accord_disclosures_waiting", "What inspectors asked for and the authorising officer has not answered.").With();
  r.notices_received_ = metrics.Gauges("accord_notices_received", "Notices received that something is overdue.").With();
  r.checkpoint_size_ = metrics.Gauges("accord_checkpoint_size", "Size of the checkpoint held to be consistent.").With();
  r.cosigned_size_ = metrics.Gauges("accord_cosigned_size", "Size of the newest checkpoint whose cosignature the broker took.").With();
  r.waiting_for_ = metrics.Gauges("accord_waiting", "What waits in the service, for the broker or a person, by reason.", {"reason"});
  r.oldest_ = metrics.Gauges("accord_waiting_oldest_seconds", "Age of the oldest of it.").With();
  r.certificate_left_ = metrics.Gauges("accord_certificate_seconds_left", "Until the certificate of calls to the broker ends.").With();
  r.store_free_ = metrics.Gauges("accord_store_free_bytes", "Bytes free where the store is.").With();
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
  ACCORD_ASSIGN_OR_RETURN(const auto mailbox, broker_->OpenMailbox(config_.desk, kMailboxCredit));
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
  contact_.Note(status, clock_.Now());
  if (const absl::Status told = fork_report_->Step(); !told.ok()) {
    telemetry::Log(telemetry::Level::kWarn, "fork.not_reported", {{"status", told}});
  }
  if (status.ok()) status = WatchDirectory();
  if (status.ok()) inbox_->ResendPending();
  WorkHolds();
  WorkReseals();
  WorkDisclosures();
  SweepAttachments();
  if (!status.ok()) telemetry::Log(telemetry::Level::kWarn, "watch.not_well", {{"status", status}});
  waiting_.Set(static_cast<double>(outbox_->waiting()));
  MeasureWaiting();
  unanswered_.Set(static_cast<double>(inbox_->unanswered()));
  disclosures_waiting_.Set(static_cast<double>(disclosures_->open()));
  notices_received_.Set(static_cast<double>(notices_->count()));
  checkpoint_size_.Set(static_cast<double>(log_->size()));
  if (witness_ != nullptr) cosigned_size_.Set(static_cast<double>(witness_->cosigned_size()));
  stopped_.Set(alarm_->Check().ok() ? 0 : 1);
}

void AgencyRuntime::WorkReseals() {
  const absl::Status sealed = outbox_->SealEndorsed();
  if (!sealed.ok()) telemetry::Log(telemetry::Level::kWarn, "reseals.not_made", {{"status", sealed}});
}

void AgencyRuntime::WorkDisclosures() {
  const absl::Status worked = disclosures_->Step();
  if (!worked.ok()) telemetry::Log(telemetry::Level::kWarn, "disclosures.not_well", {{"status", worked}});
}

void AgencyRuntime::SweepAttachments() {
  if (clock_.Now() < next_sweep_) return;
  next_sweep_ = clock_.Now() + kAttachmentSweepPeriod;
  const absl::Status swept = attachments_->Sweep([this](const std::string& request_id) {
    const auto push = outbox_->Get(request_id);
    if (!push.ok()) return HasReason(push.status(), Reason::kReferralNotFound);
    return push->state() == agency::v1::SUBMISSION_STATE_SETTLED || push->state() == agency::v1::SUBMISSION_STATE_WITHDRAWN ||
           push->state() == agency::v1::SUBMISSION_STATE_ERASED;
  });
  if (!swept.ok()) telemetry::Log(telemetry::Level::kWarn, "attachments.not_swept", {{"status", swept}});
}

void AgencyRuntime::WorkHolds() {
  const absl::Status worked = holds_->Step();
  if (!worked.ok()) telemetry::Log(telemetry::Level::kWarn, "holds.not_answered", {{"status", worked}});
}

absl::Status AgencyRuntime::PurgeStore() {
  for (const std::string& family : agent::AgencyFamilies()) ACCORD_RETURN_IF_ERROR(rocks_->Purge(family));
  return rocks_->DropUnneededFiles();
}

absl::Status AgencyRuntime::WatchDirectory() {
  ACCORD_ASSIGN_OR_RETURN(const auto agencies, broker_->ListAgencies());
  if (const absl::Status learnt = published_support_->Learn(agencies); !learnt.ok()) {
    telemetry::Log(telemetry::Level::kWarn, "support.not_kept", {{"status", learnt}});
  }
  const auto own = std::find_if(agencies.begin(), agencies.end(), [&](const auto& row) { return row.id() == keys_->agency; });
  if (own == agencies.end()) return Error(Reason::kPrincipalUnknown, "the broker's directory does not have this agency");
  // An earlier one of ours stands there until administrators have put the new one.
  const std::string& theirs = DirectorySealing(*own, config_.desk);
  if (agent::IsOurSealing(*keys_, theirs)) return absl::OkStatus();
  // What others would seal to in our name is not ours to open.
  return alarm_->Raise(Error(Reason::kSealingKeyUntrusted, "the broker's directory names another sealing certificate for this agency than its own"),
                       {theirs, keys_->sealing_certificate.der()});
}

std::vector<std::string> AgencyRuntime::routing(type::v1::AgencyKind kind) const {
  const auto found = config_.routing.find(kind);
  return found == config_.routing.end() ? std::vector<std::string>() : found->second;
}

absl::StatusOr<agency::v1::PushResult> AgencyRuntime::Push(agent::Draft draft) {
  agency::v1::PushResult result;
  ACCORD_RETURN_IF_ERROR(workers_->Check(draft.options.worker()));  // Also of what came in another way than by a call.
  result.set_request_id(draft.options.request_id());
  if (const std::string& follows = draft.options.caused_by(); !follows.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const bool received, inbox_->Has(draft.core.caused_by()));
    ACCORD_ASSIGN_OR_RETURN(const bool sent, outbox_->Has(draft.core.caused_by()));
    if (!received && !sent) return agent::ReferralNotReceived();
  }
  if (draft.options.preview_only()) {
    ACCORD_RETURN_IF_ERROR(outbox_->AsCorrection(draft));
    ACCORD_RETURN_IF_ERROR(outbox_->CheckFiles(draft));
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

}  // namespace accord::agent_rpc
