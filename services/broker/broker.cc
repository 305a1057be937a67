#include "services/broker/broker.h"

#include <optional>
#include <utility>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/ledger/note.h"
#include "common/storage/rocks_store.h"
#include "common/telemetry/log.h"
#include "services/broker/administration/checklists.h"
#include "services/broker/admission/uploads.h"
#include "services/broker/clocks/checks.h"
#include "services/broker/clocks/escalate.h"
#include "services/broker/clocks/feedback.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/disclosures/disclosure_clock.h"
#include "services/broker/recovery/tail_adoption.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/breach.h"
#include "services/broker/sharing/change_clock.h"
#include "services/broker/sharing/gap.h"
#include "services/broker/sharing/reseal_wanted.h"
#include "services/broker/trails/entries_ahead.h"

namespace accord::broker {
namespace {

constexpr uint64_t kStopFlushesBytesMin = 4u << 20;  // In memory; less is replayed within a tenth of a second.
constexpr size_t kReadsAheadMax = 64;  // Trails that wait to be read ahead; any more are read when they are answered.
constexpr size_t kTasksMax = 65'536;  // Calls and Dones that wait; a Done beyond it runs on the sequencer thread.

absl::Status NotOurs(std::string_view what) {
  return absl::FailedPreconditionError(ToAbsl(what));
}

}  // namespace

StoreOpener MakeStoreOpener(const BrokerConfig& config, crypto::SecretBytes master, crypto::Ed25519Signer key,
                            const Clock& clock, Random& random, Executor& executor, ErasureSite& erasures) {
  return [config, master = std::make_shared<const crypto::SecretBytes>(std::move(master)), key, &clock, &random,
          &executor, &erasures]() -> absl::StatusOr<std::unique_ptr<StoreSession>> {
    auto session = std::make_unique<StoreSession>();
    // The guard first: while it is held no other broker opens this store, or a copy of it.
    ACCORD_ASSIGN_OR_RETURN(auto guard, Guard::Open(config.guard));
    ACCORD_ASSIGN_OR_RETURN(auto store, OpenOrAdopt(config.store, BrokerFamilies(), guard->Read(), clock));
    ACCORD_ASSIGN_OR_RETURN(session->log, storage::RocksCommitLog::Open(*store, [](std::string_view bytes) {
                              return crypto::Sha256(bytes);
                            }));
    storage::RocksStore& opened = *store;
    session->settle = [&opened] { return opened.FlushAll(kStopFlushesBytesMin); };
    session->store = std::move(store);
    ACCORD_ASSIGN_OR_RETURN(session->slots,
                            KeySlots::Open(config.key_slots, master->Clone(), random, executor, /*create=*/false));
    // Before anything can be read: what was erased is erased again, should the key slots be older.
    ACCORD_RETURN_IF_ERROR(erasures.Open(config.erasures, opened, *session->slots));
    ACCORD_ASSIGN_OR_RETURN(session->signer, CheckpointSigner::Open(*session->store, std::move(guard), key, config.origin));
    ACCORD_ASSIGN_OR_RETURN(session->ledger, LedgerWriter::Open(*session->store, config.origin));
    return session;
  };
}

Broker::Broker(const BrokerConfig& config, const Clock& clock)
    : config_(config), clock_(clock),
      hold_changes_([this](const type::v1::SubjectToken& token) { return linker_->Index(token); }),
      erasure_changes_([this]() -> const CaseLinker& { return *linker_; },
                       [this](const ErasureOutcome& outcome) {
                         eraser_->Recorded(outcome);
                         PokeEraser();
                       }),
      rules_{config.trust_domain, directory_, [this] { return policy_.Get()->compiled; }, {&hold_changes_, &erasure_changes_},
             [](CommitContext& context, uint64_t number, absl::Time when) {
               if (when == absl::InfiniteFuture()) return ClearDue(context, DueKind::kChangeAct, ChangeMark(number), "", type::v1::DESK_MAIN);
               return PutDue(context, DueKind::kChangeAct, when, ChangeMark(number), "", type::v1::DESK_MAIN);
             },
             [this](const std::string& agency) { return CheckLeaving(agency); },
             [this](const OfficerMoved& moved) { officers_moved_.push_back(moved); }},
      admission_(directory_, policy_, clock,
                 [this](const type::v1::HeaderCore& core) -> absl::StatusOr<Cause> {
                   if (core.caused_by().empty()) return Cause();
                   ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_->View());
                   return CauseOf(SealedReaderOf(*view), core);
                 },
                 [this](std::string_view agency, std::string_view request_id, std::string_view digest) -> absl::StatusOr<std::string> {
                   ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_->View());
                   return ReadUpload(SealedReaderOf(*view), agency, request_id, digest);
                 }),
      previews_(config.previews, clock),
      quotas_(config.limits, clock),
      executor_(config.threads, kTasksMax),
      reading_ahead_(kReadersAhead, kReadsAheadMax, Executor::Priority::kBehind) {}

absl::StatusOr<std::unique_ptr<Broker>> Broker::Open(const BrokerConfig& config, const Clock& clock, Random& random,
                                                     telemetry::Metrics& metrics,
                                                     std::function<void(CommitStep)> on_step,
                                                     std::function<void(EraserStep)> on_erasure, StoreOpener stepped_over) {
  ACCORD_ASSIGN_OR_RETURN(auto key, crypto::Ed25519Signer::FromPemFile(config.log_key));
  ACCORD_ASSIGN_OR_RETURN(auto master, LoadMasterKey(config.master_key));
  std::unique_ptr<Broker> broker(new Broker(config, clock));
  ACCORD_ASSIGN_OR_RETURN(auto case_index_key, LoadMasterKey(config.case_index_key));
  broker->linker_ = std::make_unique<CaseLinker>(std::move(case_index_key));
  broker->trail_keys_ = std::make_unique<TrailKeys>(broker->linker_->Blind(kTrailKeyDomain, ""));
  broker->vkey_ = ledger::Vkey::Make(config.origin, ledger::kTypeEd25519, key.verifier()).ToString();
  ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey log_key, ledger::Vkey::Parse(broker->vkey_));
  ACCORD_ASSIGN_OR_RETURN(broker->witnesses_, PolicyWitnesses::Open(config.witness_policy, log_key, clock));

  SequencerOptions options;
  options.disk_floor_bytes = config.disk_floor_bytes;
  options.queue_max = config.queue_max;
  options.free_bytes = [path = config.store] { return FreeBytes(path); };
  options.on_health = [self = broker.get()](bool serving) { self->TellHealth(serving); };
  options.publish = [self = broker.get()](const ReadView& view, const Epochs& epochs) { return self->Publish(view, epochs); };
  options.on_step = std::move(on_step);
  options.stepped = stepped_over != nullptr;
  if (options.stepped) {  // What would be handed to them is done at once, or not at all.
    broker->executor_.Shutdown();
    broker->reading_ahead_.Shutdown();
  }
  const bool stepped = options.stepped;
  StoreOpener opener = stepped ? std::move(stepped_over)
                               : MakeStoreOpener(config, std::move(master), std::move(key), clock, random, broker->executor_,
                                                 broker->erasure_site_);
  ACCORD_ASSIGN_OR_RETURN(broker->sequencer_,
                          Sequencer::Start(std::move(opener), std::move(options), broker->executor_, clock, random, metrics));
  ACCORD_RETURN_IF_ERROR(broker->CheckLog());
  broker->hold_walker_ = std::make_unique<HoldWalker>(
      *broker->sequencer_, [self = broker.get()](const type::v1::SubjectToken& token) { return self->linker_->Index(token); },
      broker->mailboxes_, broker->executor_);
  const PolicyHolder& policy = broker->policy_;
  const auto escalate = [&policy, steps = EscalationSteps(metrics)](auto& context, const Due& due, auto& queued) {
    return EscalateClock(context, *policy.Get(), steps, due, queued);
  };
  broker->due_clock_ = std::make_unique<DueClock>(
      *broker->sequencer_, broker->mailboxes_, clock,
      DueHandlers{{DueKind::kGap, [&policy](auto& context, const Due& due, auto& queued) { return ChaseGap(context, *policy.Get(), due, queued); }},
                  {DueKind::kChange, [&policy](auto& context, const Due& due, auto& queued) { return ChaseChange(context, *policy.Get(), due, queued); }},
                  {DueKind::kBreach, ChaseBreach},
                  {DueKind::kPickUp, escalate},
                  {DueKind::kResponse, escalate},
                  {DueKind::kFeedback,
                   [&policy](auto& context, const Due& due, auto& queued) { return ChaseFeedback(context, *policy.Get(), due, queued); }},
                  {DueKind::kReseal, ChaseReseal},
                  {DueKind::kChecks, TellChecksDue},
                  {DueKind::kUpload, SweepUpload},
                  {DueKind::kDisclosure, SweepDisclosure},
                  {DueKind::kChangeAct, [self = broker.get()](auto& context, const Due& due, auto&) {
                     const auto number = U64FromKey(std::string_view(due.header_digest).substr(due.header_digest.size() - sizeof(uint64_t)));
                     if (!number.has_value()) return Error(Reason::kStoreCorrupt, "what is due of a change names none");
                     return ActOnChange(context, self->rules_, *number);
                   }}});
  broker->refusals_ = std::make_unique<RefusalRecorder>(*broker->sequencer_, clock);
  broker->authorizer_ = std::make_unique<DirectoryAuthorizer>(broker->directory_, *broker->refusals_, broker->connections_, clock);
  broker->scrubber_ = std::make_unique<Scrubber>(*broker->sequencer_, clock, metrics);
  broker->delivery_metrics_ = std::make_unique<DeliveryMetrics>(metrics);
  broker->eraser_ = std::make_unique<Eraser>(*broker->sequencer_, broker->erasure_site_, *broker->linker_, broker->mailboxes_,
                                             clock, std::move(on_erasure));
  if (stepped) return broker;
  broker->indexer_ = std::make_unique<Indexer>(*broker->sequencer_, *broker->trail_keys_, metrics);
  broker->indexing_ = std::make_unique<Periodic>(kIndexerPeriod, [self = broker.get()] {
    const absl::Status status = self->indexer_->Run();
    if (!status.ok() && !HasReason(status, Reason::kShuttingDown)) {
      telemetry::Log(telemetry::Level::kWarn, "trail_index.round_ended", {{"status", status}});
    }
  });
  broker->scrubbing_ = std::make_unique<Periodic>(kScrubPause, [self = broker.get()] { self->scrubber_->Step(); });
  broker->minutes_ = std::make_unique<Periodic>(absl::Minutes(1), [self = broker.get()] {
    self->refusals_->Flush();
    if (const absl::Status read = self->witnesses_->Reload(); !read.ok()) {
      telemetry::Log(telemetry::Level::kError, "witnesses.policy_not_read", {{"status", read}});
    }
  });
  broker->seconds_ = std::make_unique<Periodic>(absl::Seconds(1), [self = broker.get()] { self->Second(); });
  broker->erasures_ = std::make_unique<Periodic>(kEraserPeriod, [self = broker.get()] {
    const absl::Status status = self->eraser_->Run();
    if (!status.ok() && !HasReason(status, Reason::kShuttingDown)) {
      telemetry::Log(telemetry::Level::kWarn, "erasure.round_ended", {{"status", status}});
    }
  });
  broker->erasures_->Poke();  // What a stop interrupted.
  return broker;
}

void Broker::Second() {
  const absl::Time now = clock_.Now();
  mailboxes_.Tick(now);
  delivery_metrics_->Set(mailboxes_.figures(now));
  sequencer_->PublishDue();
  hold_walker_->Tick();
  due_clock_->Tick();
}

Broker::~Broker() { Shutdown(); }

void Broker::Shutdown() {
  scrubbing_.reset();
  minutes_.reset();
  seconds_.reset();
  if (eraser_ != nullptr) eraser_->Stop();
  erasures_.reset();
  if (indexer_ != nullptr) indexer_->Stop();
  indexing_.reset();
  if (refusals_ != nullptr) refusals_->Flush(/*all=*/true);
  if (sequencer_ != nullptr) sequencer_->Shutdown();
  executor_.Shutdown();
  reading_ahead_.Shutdown();
}

void Broker::Listen(std::function<void(bool)> health, std::function<void()> moved) {
  absl::MutexLock lock(&mu_);
  health_ = std::move(health);
  moved_ = std::move(moved);
  // Under the lock, so that it is not told after a newer truth.
  health_(sequencer_->serving());
}

void Broker::ListenToOfficers(std::function<void(const OfficerMoved&)> told) {
  absl::MutexLock lock(&mu_);
  officer_told_ = std::move(told);
}

void Broker::ListenToReopening(std::function<void()> told) {
  absl::MutexLock lock(&mu_);
  reopening_told_ = std::move(told);
}

void Broker::TellOfficersMoved(const DirectorySnapshot& directory) {
  for (const OfficerMoved& moved : std::exchange(officers_moved_, {})) {
    const auto* const officer = directory.FindOfficer(/*inspector=*/true, moved.officer);
    const bool out = officer == nullptr || !officer->active() || officer->inspectorate() != moved.inspectorate;
    absl::MutexLock lock(&mu_);
    if (out == moved.out && officer_told_) officer_told_(moved);
  }
}

void Broker::TellHealth(bool serving) {
  telemetry::Log(telemetry::Level::kInfo, "broker.health", {{"serving", serving}});
  if (!serving) mailboxes_stale_ = store_failed_ = true;
  const bool reopened = serving && std::exchange(store_failed_, false);
  absl::MutexLock lock(&mu_);
  if (health_) health_(serving);
  if (reopened && reopening_told_) reopening_told_();
}

absl::Status Broker::Publish(const ReadView& view, const Epochs& epochs) {
  ACCORD_ASSIGN_OR_RETURN(auto directory, DirectorySnapshot::Load(view.store(), epochs.directory));
  ACCORD_ASSIGN_OR_RETURN(auto policy, LoadPolicy(view.store(), *directory, epochs));
  directory_.Set(directory);
  policy_.Set(std::move(policy));
  TellOfficersMoved(*directory);
  if (mailboxes_stale_) ACCORD_RETURN_IF_ERROR(mailboxes_.Load(view.store()));
  mailboxes_stale_ = false;
  std::function<void()> moved;
  {
    absl::MutexLock lock(&mu_);
    moved = moved_;
  }
  // Streams are ended off this thread; if there is no room, on it, for they must end.
  if (moved && !executor_.Run(moved)) moved();
  return absl::OkStatus();
}

absl::Status Broker::CheckLeaving(const std::string& agency) const {
  ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_->View());
  const auto directory = directory_.Get();
  const auto policy = policy_.Get();
  ACCORD_ASSIGN_OR_RETURN(const auto items, LeavingOf({view->store(), SealedReaderOf(*view), *directory, *policy, clock_.Now()}, agency));
  return CheckComplete(items);
}

absl::Status Broker::CheckLog() {
  ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_->View());
  if (view->ledger().size() == 0) return NotOurs("the log is empty; run accord-broker init first");
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view->GetSealed(kFamilyOpening, KeyU64(0)));
  storage::v1::StoredOpenings openings;
  type::v1::EntryEvent event;
  if (!bytes.has_value() || !openings.ParseFromString(*bytes) || openings.openings().empty() ||
      !event.ParseFromString(openings.openings(0).content())) {
    return Error(Reason::kStoreCorrupt, "entry 0 does not open");
  }
  if (event.origin() != config_.origin) return NotOurs("the log in this store is of another origin than the configuration's");
  if (event.log_vkey() != vkey_) return NotOurs("the log in this store was opened with another log key");
  return absl::OkStatus();
}

}  // namespace accord::broker
