// The broker of a simulation: the real one, stepped, over a store in memory; crashed and opened again.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/broker/v1/mailbox_service.pb.h"
#include "services/broker/api/mailbox_service.h"
#include "services/broker/api/referral_service.h"
#include "services/broker/broker.h"
#include "services/broker/delivery/settle.h"
#include "tests/simulation/area.h"
#include "tests/simulation/memory_store.h"
#include "tests/simulation/world.h"

namespace accord::simulation {

// What watches the broker.
class BrokerWatch {
 public:
  virtual ~BrokerWatch() = default;
  // After each batch, and after each opening.
  virtual void OnBatch(const broker::ReadView& view) = 0;
  // Once a second, or when the broker gets to it, before it looks at what is due.
  virtual void OnTick(absl::Time now) = 0;
  // What is about to leave for `agency`.
  virtual void OnHanded(const std::string& agency, const accord::broker::v1::Delivery& delivery) = 0;
};

// An open mailbox of an agency, as the broker sees it.
class SimStream;

// Single-thread.
class SimBroker {
 public:
  SimBroker(World& world, const Area& area, uint64_t seed, BrokerWatch& watch);
  ~SimBroker();

  // True while there is a process that answers.
  bool up() const { return broker_ != nullptr && powered_; }
  // Moves with every process.
  uint64_t incarnation() const { return incarnation_; }
  WallClock& clock() { return clock_; }
  MemoryDisk& disk() { return disk_; }
  accord::broker::Broker& broker() { return *broker_; }
  // What handlers work with. REQUIRES: up.
  accord::broker::ReferralWork referral_work();
  accord::broker::MailboxWork mailbox_work();
  // As the wire would name the caller.
  static accord::broker::Caller CallerOf(std::string_view agency);

  // Carries out what was submitted, soon.
  void Kick();
  // Opens the process, now or when it works, and lets it live.
  void Start();
  // Power goes: at once, or after `step` of the next batch that comes to it; nothing takes that back.
  void Crash();
  void CrashAfter(std::optional<accord::broker::CommitStep> step) { crash_after_ = step; }
  int crashes() const { return crashes_; }

  // Opens a stream of `caller`'s mailbox; null when that is refused. `deliver` gets what leaves.
  std::shared_ptr<SimStream> OpenStream(const accord::broker::Caller& caller, uint32_t credit,
                                        std::function<void(accord::broker::v1::Delivery)> deliver);

 private:
  absl::StatusOr<std::unique_ptr<accord::broker::StoreSession>> OpenStore();
  void OnStep(accord::broker::CommitStep step);
  void CutPower();
  void Bury();
  void EndProcess();
  void RunBatch();
  void Second(uint64_t incarnation);
  void TellWatch();

  World& world_;
  const Area& area_;
  BrokerWatch& watch_;
  WallClock clock_;
  FakeRandom random_;
  MemoryDisk disk_;
  accord::broker::BrokerConfig config_;
  Executor inline_{1, 1};  // Shut down: what it is asked for is done at once.

  std::unique_ptr<telemetry::Metrics> metrics_;
  std::unique_ptr<accord::broker::Broker> broker_;
  std::string guard_;  // As the power cut left it.
  std::optional<accord::broker::CommitStep> crash_after_;
  bool powered_ = true, batch_posted_ = false, in_batch_ = false;
  uint64_t incarnation_ = 0, holders_ = 0;
  int crashes_ = 0, ticks_ = 0;
  std::vector<std::weak_ptr<SimStream>> streams_;
};

class SimStream : public std::enable_shared_from_this<SimStream> {
 public:
  SimStream(World& world, SimBroker& broker, accord::broker::Caller caller, uint64_t holder, uint32_t credit,
            accord::broker::Quotas::StreamPlace place, std::function<void(accord::broker::v1::Delivery)> deliver);

  void Open();
  // What the agency says of a delivery.
  void Say(const std::string& delivery_id, accord::broker::Settlement settlement);
  // The connection ended: what it held goes back.
  void Close();
  // The process ends, and whatever it held with it.
  void Abandon();
  bool open() const;

 private:
  void Post();
  void Pump();
  void Release(const std::string& delivery_id);

  World& world_;
  SimBroker& broker_;
  const uint64_t incarnation_;
  const accord::broker::Caller caller_;
  const accord::broker::MailboxId mailbox_;
  const uint64_t holder_;
  const uint32_t credit_;
  accord::broker::Quotas::StreamPlace place_;
  const std::function<void(accord::broker::v1::Delivery)> deliver_;
  bool closed_ = false, posted_ = false;
  int releasing_ = 0;
  std::map<std::string, absl::Time> unacknowledged_;  // When they were handed over.
};

}  // namespace accord::simulation
