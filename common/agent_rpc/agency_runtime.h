// An agency service without its own words: store, keys, outbox, inbox, the link to the broker and the threads
// that work them. The five services put their own API over it.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "common/agent/alarm.h"
#include "common/agent/alert.h"
#include "common/agent/attachments.h"
#include "common/agent/cases.h"
#include "common/agent/deliveries.h"
#include "common/agent/disclosures.h"
#include "common/agent/fork_report.h"
#include "common/agent/holds.h"
#include "common/agent/inbox.h"
#include "common/agent/journal.h"
#include "common/agent/log_watch.h"
#include "common/agent/notices.h"
#include "common/agent/outbox.h"
#include "common/agent/preparer.h"
#include "common/agent/published_support.h"
#include "common/agent/sealed_sections.h"
#include "common/agent/witness.h"
#include "common/agent/workers.h"
#include "common/agent_rpc/agency_config.h"
#include "common/base/executor.h"
#include "common/rpc/handler.h"
#include "common/storage/rocks_store.h"
#include "common/telemetry/metrics.h"

namespace accord::agent_rpc {

class PushCall;

inline constexpr uint32_t kMailboxCredit = 32;                // Deliveries taken before they are acknowledged.
inline constexpr absl::Duration kWaitMax = absl::Seconds(30);  // Of PushOptions.wait_ms.

// Thread-safe after Open.
class AgencyRuntime {
 public:
  // Opens the store with its start-up checks; makes store and store key at the very first start. All references
  // must outlive the result, but for `passphrase`, which is that of the key files, null where they are under none. Errors name the file
  // or key that is wrong; PASSPHRASE_WRONG.
  static absl::StatusOr<std::unique_ptr<AgencyRuntime>> Open(const AgencyConfig& config, type::v1::AgencyKind kind,
                                                             const Clock& clock, Random& random,
                                                             telemetry::Metrics& metrics,
                                                             const crypto::SecretBytes* passphrase = nullptr);
  // Stop().
  ~AgencyRuntime();

  // `health` is told, at once and by every watch, whether pushes are taken: not once the store refuses writes.
  // Before Start.
  void OnHealth(std::function<void(bool serving)> health) { health_ = std::move(health); }
  // What the agency's own services add to what every agency has: to what waits today, and to the pushes that its watched folder takes.
  // Before Start.
  using TodayItems = absl::StatusOr<std::vector<agency::v1::TodayItem>>;
  void AddToday(std::function<TodayItems()> today) { further_today_ = std::move(today); }
  // It, and what inspectors asked for. Blocks on the broker, whose being away takes nothing from the rest.
  TodayItems FurtherToday();
  void AddPush(std::shared_ptr<const PushCall> push) { further_pushes_.push_back(std::move(push)); }
  const std::vector<std::shared_ptr<const PushCall>>& further_pushes() const { return further_pushes_; }
  // Starts sending and collecting.
  void Start();
  // Ends the threads; nothing that was accepted is lost. Idempotent.
  void Stop();

  // Takes a draft as its options say: previews it, or accepts it durably and waits for the broker's answer
  // up to `wait_ms`. Errors of Outbox::Push and Preparer::Preview.
  absl::StatusOr<agency::v1::PushResult> Push(agent::Draft draft);

  agent::Inbox& inbox() { return *inbox_; }
  agent::Holds& holds() { return *holds_; }
  agent::Notices& notices() { return *notices_; }
  agent::Deliveries& deliveries() { return *deliveries_; }
  agent::Cases& cases() { return *cases_; }
  agent::Disclosures& disclosures() { return *disclosures_; }
  agent::Outbox& outbox() { return *outbox_; }
  const agent::AgencyStore& store() const { return *store_; }
  agent::Journal& journal() { return *journal_; }
  agent::Workers& workers() { return *workers_; }
  agent::Attachments& attachments() { return *attachments_; }
  const agent::Workers& workers() const { return *workers_; }
  agent::Alarm& alarm() { return *alarm_; }
  rpc::HandlerContext& handlers() { return *handlers_; }
  const agent::AgencyKeys& keys() const { return *keys_; }
  const Clock& clock() const { return clock_; }
  const AgencyConfig& config() const { return config_; }
  agent::AgencyStore& store() { return *store_; }
  // The agencies of `kind` that this agency's configuration sends to when a push names nobody.
  std::vector<std::string> routing(type::v1::AgencyKind kind) const;
  // Of the police forces heard of here; none: any.
  const std::vector<std::string>& force_codes() const { return config_.force_codes; }
  // The documents of the instruments that it uses, and whom the support services of its routing take.
  const referral::Instruments& instruments() const { return config_.instruments; }
  const std::vector<agent::SupportService>& support_services() const { return config_.support_services; }
  // Whom agencies take, as they published it.
  agent::PublishedSupport& published_support() { return *published_support_; }

  // How the service stands.
  agency::v1::GetServiceStatusResponse Status() const;
  // What waits in it, in no order. Errors of the store.
  absl::StatusOr<std::vector<agent::Wait>> Waits() const;

 private:
  AgencyRuntime(const AgencyConfig& config, const Clock& clock, Random& random)
      : config_(config), clock_(clock), random_(random) {}

  void WorkAlert();
  void WorkOutbox();
  void WorkMailbox();
  void WorkWitness();
  // What a delivery that is durable here means beside it: holds are answered, somebody is called.
  void Follow(const broker::v1::Delivery& delivery);
  absl::Status Take(const broker::v1::Delivery& delivery);
  // One connected spell of the mailbox; returns why it ended. `answered`: the broker sent something.
  absl::Status Collect(bool& answered);
  // The broker's log and our own row of its directory, held against what we know ourselves.
  void Watch();
  // Learns beside whom the others take.
  absl::Status WatchDirectory();
  // Answers holds, and purges what an erasure left.
  void WorkHolds();
  void WorkReseals();  // Seals again by itself what may be.
  void WorkDisclosures();  // Sends answers to inspectors that wait, and looks what they ask.
  void SweepAttachments();  // Once an hour: drops files that no push took.
  // What stands of the service, for why things wait.
  agent::ServiceFacts Facts() const;
  // Sets the gauges of what waits, and of what will keep it waiting.
  void MeasureWaiting();
  // Makes the bytes of everything deleted so far go from the store's files.
  absl::Status PurgeStore();
  bool WaitForStop(absl::Duration at_most);

  const AgencyConfig config_;
  const Clock& clock_;
  Random& random_;

  std::unique_ptr<agent::AgencyKeys> keys_;
  std::unique_ptr<storage::RocksStore> rocks_;
  std::unique_ptr<agent::AgencyStore> store_;
  std::unique_ptr<agent::Journal> journal_;
  std::unique_ptr<agent::Workers> workers_;
  std::unique_ptr<agent::Attachments> attachments_;
  std::unique_ptr<agent::SealedSections> sections_;
  std::unique_ptr<agent::BrokerLink> broker_;
  std::unique_ptr<agent::Alarm> alarm_;
  std::unique_ptr<agent::LogWatch> log_;
  std::unique_ptr<agent::ForkReport> fork_report_;  // The watch's.
  std::unique_ptr<agent::Witness> witness_;         // Null: no witness key.
  std::unique_ptr<agent::Preparer> preparer_;
  std::unique_ptr<agent::Outbox> outbox_;
  std::unique_ptr<agent::Inbox> inbox_;
  std::unique_ptr<agent::Holds> holds_;
  std::unique_ptr<agent::Notices> notices_;
  std::unique_ptr<agent::Deliveries> deliveries_;
  std::unique_ptr<agent::Cases> cases_;
  std::unique_ptr<agent::Disclosures> disclosures_;
  std::unique_ptr<agent::PublishedSupport> published_support_;
  std::unique_ptr<agent::AlertCaller> alert_hook_;  // Null: nobody is called.
  std::unique_ptr<agent::Alert> alert_;           // The same.
  std::unique_ptr<rpc::Authorizer> authorizer_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<rpc::HandlerContext> handlers_;
  telemetry::Gauge waiting_, unanswered_, disclosures_waiting_, notices_received_, checkpoint_size_, cosigned_size_, stopped_;
  telemetry::Family<telemetry::Gauge> waiting_for_;
  telemetry::Gauge oldest_, certificate_left_, store_free_;
  absl::Time next_sweep_ = absl::InfinitePast();  // The watch's.
  std::set<std::string> reasons_seen_;  // Of waiting_for_; the watch's.
  agent::BrokerContact contact_;
  std::atomic<bool> connected_ = false;
  std::function<void(bool)> health_ = [](bool) {};
  std::function<TodayItems()> further_today_ = [] { return std::vector<agency::v1::TodayItem>(); };  // With the pushes: constant after Start.
  std::vector<std::shared_ptr<const PushCall>> further_pushes_;

  absl::Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t pokes_ ABSL_GUARDED_BY(mu_) = 0;  // Moves when the outbox may have something due.
  uint64_t alert_pokes_ ABSL_GUARDED_BY(mu_) = 0;  // Moves when somebody may have to be called.
  std::shared_ptr<agent::BrokerLink::Mailbox> mailbox_ ABSL_GUARDED_BY(mu_);

  // Last: gone first.
  std::unique_ptr<Periodic> watch_;
  std::unique_ptr<Thread> outbox_thread_;
  std::unique_ptr<Thread> mailbox_thread_;
  std::unique_ptr<Thread> witness_thread_;
  std::unique_ptr<Thread> alert_thread_;
};

}  // namespace accord::agent_rpc
