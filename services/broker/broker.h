// The broker without its wire: store, ledger, sequencer, directory and policy, opened from a
// configuration. main.cc and the integration tests put services over it.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/base/random.h"
#include "common/crypto/ed25519.h"
#include "common/crypto/secret.h"
#include "common/telemetry/metrics.h"
#include "services/broker/adapter/authorizer.h"
#include "services/broker/administration/connections.h"
#include "services/broker/admission/admission.h"
#include "services/broker/admission/quota.h"
#include "services/broker/broker_config.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/delivery/delivery_metrics.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/directory/changes.h"
#include "services/broker/directory/directory.h"
#include "services/broker/erasure/eraser.h"
#include "services/broker/holds/hold_changes.h"
#include "services/broker/holds/hold_walk.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/scrub/scrubber.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"
#include "services/broker/sharing/due.h"
#include "services/broker/sharing/preview_quota.h"
#include "services/broker/trails/indexer.h"
#include "services/broker/witness/policy_witnesses.h"

namespace accord::broker {

// The log's verification key is written beside the log key, under its name and this: what the operator publishes
// and agencies name as `log_vkey`.
inline constexpr char kVkeySuffix[] = ".vkey";

// Makes a new broker's files and its log: store, key slots, guard, log key, master key, case index
// key; entry 0, then the directory and the agreement of the configuration as entries. Blocks.
//   FAILED_PRECONDITION  any of the files is there already; nothing was touched
//   errors of what is imported, with the agency or line; nothing was touched
//   others               a disk failed halfway: remove what was made, and repeat
absl::Status InitBroker(const BrokerConfig& config, const Clock& clock, Random& random);

// Opens the store of `config` with every start-up check, adopting a tail that a power cut damaged; see StoreOpener. All
// references must outlive the result.
StoreOpener MakeStoreOpener(const BrokerConfig& config, crypto::SecretBytes master, crypto::Ed25519Signer key,
                            const Clock& clock, Random& random, Executor& executor, ErasureSite& erasures);

// Thread-safe after Open.
class Broker {
 public:
  // Opens everything with its start-up checks. All references must outlive the result. `on_step` and `on_erasure` are for tests.
  // With `stepped_over`, for simulations, the store is that one's, nothing is erased, and no thread is started: whoever opened the broker
  // is its only caller, calls RunOnce of its sequencer and Second once a second, and every Done runs within those and Submit.
  //   FAILED_PRECONDITION  not initialised, or the log is of another origin or key
  //   those of the store, guard and ledger: UNAVAILABLE may pass, DATA_LOSS is for a person
  static absl::StatusOr<std::unique_ptr<Broker>> Open(const BrokerConfig& config, const Clock& clock, Random& random,
                                                      telemetry::Metrics& metrics,
                                                      std::function<void(CommitStep)> on_step = nullptr,
                                                      std::function<void(EraserStep)> on_erasure = nullptr,
                                                      StoreOpener stepped_over = nullptr);
  // Shutdown().
  ~Broker();

  // `health` is told at once, and whenever it changes, whether writes are taken. `moved` is called when
  // directory, lists or agreement have moved: streams of who may no longer call are to be
  // ended. Both run on the executor or the sequencer thread and must not block. Once, before serving.
  void Listen(std::function<void(bool serving)> health, std::function<void()> moved);
  // `told` is called with every inspector whom a change shut out of its body or let in again, once that is durable and the directory says so;
  // null: nobody is told. On the sequencer thread and under the lock, so that nobody is told who has gone; must not block.
  void ListenToOfficers(std::function<void(const OfficerMoved& moved)> told);
  // `told` is called once the store was opened anew: who hears of acts as they are published did not hear of those of the write that failed, which may stand
  // all the same. Null: nobody is told. As above on the sequencer thread and under the lock; must not block.
  void ListenToReopening(std::function<void()> told);

  Executor& executor() { return executor_; }
  Executor& reading_ahead() { return reading_ahead_; }
  Sequencer& sequencer() { return *sequencer_; }
  const DirectoryHolder& directory() const { return directory_; }
  const PolicyHolder& policy() const { return policy_; }
  RefusalRecorder& refusals() { return *refusals_; }
  const ConnectionRegister& connections() const { return connections_; }
  DirectoryAuthorizer& authorizer() { return *authorizer_; }
  const ChangeRules& change_rules() const { return rules_; }
  const Admission& admission() const { return admission_; }
  const CaseLinker& linker() const { return *linker_; }
  const TrailKeys& trail_keys() const { return *trail_keys_; }
  // Lets the index of the record be brought up to where the log is now.
  void PokeIndexer() {
    if (indexing_ != nullptr) indexing_->Poke();
  }
  Mailboxes& mailboxes() { return mailboxes_; }
  PreviewQuota& previews() { return previews_; }
  Quotas& quotas() { return quotas_; }
  const PolicyWitnesses& witnesses() const { return *witnesses_; }
  const Scrubber& scrubber() const { return *scrubber_; }
  // Lets the eraser have a round now.
  void PokeEraser() {
    if (erasures_ != nullptr) erasures_->Poke();
  }
  // What is done every second: by a thread of the broker's own, or else by whoever steps it.
  void Second();
  // The log's verification key, and its name.
  const std::string& vkey() const { return vkey_; }
  const std::string& origin() const { return config_.origin; }
  // Whose officers may give themselves a statutory warrant; none named: every body's.
  const std::vector<std::string>& statutory_bodies() const { return config_.statutory_bodies; }
  const Clock& clock() const { return clock_; }

  // After the server has stopped: counts of refusals, then the sequencer with what is queued, the
  // store, the executor. Idempotent.
  void Shutdown();

 private:
  Broker(const BrokerConfig& config, const Clock& clock);

  // Reads directory and policy, for the epochs as they now are.
  absl::Status Publish(const ReadView& view, const Epochs& epochs);
  void TellHealth(bool serving);
  // Of those whom the directory now shows so; the others' changes were lost with their batch.
  void TellOfficersMoved(const DirectorySnapshot& directory);
  // LEAVING_INCOMPLETE while the agency has something open.
  absl::Status CheckLeaving(const std::string& agency) const;
  // That the log is the one this configuration names.
  absl::Status CheckLog();

  const BrokerConfig config_;
  const Clock& clock_;
  std::string vkey_;

  DirectoryHolder directory_;
  PolicyHolder policy_;
  const HoldChanges hold_changes_;
  const ErasureChanges erasure_changes_;
  const ChangeRules rules_;
  const Admission admission_;
  std::unique_ptr<const CaseLinker> linker_;
  std::unique_ptr<const TrailKeys> trail_keys_;
  ConnectionRegister connections_;
  Mailboxes mailboxes_;
  ErasureSite erasure_site_;
  PreviewQuota previews_;
  Quotas quotas_;
  std::unique_ptr<HoldWalker> hold_walker_;
  std::unique_ptr<DueClock> due_clock_;
  bool mailboxes_stale_ = true;  // The sequencer thread's: the store was opened since they were filled.
  bool store_failed_ = false;    // The sequencer thread's: since then nobody was told that it was opened anew.
  std::vector<OfficerMoved> officers_moved_;  // The sequencer thread's: by a change that is applied and not yet known to be durable.

  absl::Mutex mu_;
  std::function<void(bool)> health_ ABSL_GUARDED_BY(mu_);
  std::function<void()> moved_ ABSL_GUARDED_BY(mu_);
  std::function<void(const OfficerMoved&)> officer_told_ ABSL_GUARDED_BY(mu_);
  std::function<void()> reopening_told_ ABSL_GUARDED_BY(mu_);

  // In the order of making; gone in the reverse.
  Executor executor_, reading_ahead_;
  std::unique_ptr<Sequencer> sequencer_;
  std::unique_ptr<PolicyWitnesses> witnesses_;
  std::unique_ptr<RefusalRecorder> refusals_;
  std::unique_ptr<DirectoryAuthorizer> authorizer_;
  std::unique_ptr<Scrubber> scrubber_;
  std::unique_ptr<DeliveryMetrics> delivery_metrics_;
  std::unique_ptr<Periodic> minutes_, seconds_, scrubbing_;
  std::unique_ptr<Eraser> eraser_;
  std::unique_ptr<Periodic> erasures_;
  std::unique_ptr<Indexer> indexer_;
  std::unique_ptr<Periodic> indexing_;
};

}  // namespace accord::broker
