// An agency of a simulation: the real runtime of common/agent, stepped, over a store in memory; crashed and started again.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/agent/holds.h"
#include "common/agent/inbox.h"
#include "common/agent/log_watch.h"
#include "common/agent/notices.h"
#include "common/agent/outbox.h"
#include "common/agent/preparer.h"
#include "tests/simulation/area.h"
#include "tests/simulation/memory_store.h"
#include "tests/simulation/sim_broker.h"
#include "tests/simulation/sim_link.h"
#include "tests/simulation/world.h"

namespace accord::simulation {

// What watches agencies.
class AgencyWatch {
 public:
  virtual ~AgencyWatch() = default;
  // A delivery is durable at its recipient, and is about to be acknowledged.
  virtual void OnTaken(const std::string& agency, const accord::broker::v1::Delivery& delivery) = 0;
  // A recipient refuses one, for now or for good.
  virtual void OnNotTaken(const std::string& agency, const accord::broker::v1::Delivery& delivery, const absl::Status& why, bool for_good) = 0;
  // What its store holds does not load: it stays away.
  virtual void OnDoesNotStart(const std::string& agency, const absl::Status& why) = 0;
};

// Single-thread.
class SimAgency {
 public:
  SimAgency(World& world, const Area& area, SimBroker& broker, AgencyWatch& watch, std::string_view name, Actor actor, uint64_t seed);

  const std::string& name() const { return keys_.agency; }
  type::v1::AgencyKind kind() const { return keys_.kind; }
  Actor actor() const { return actor_; }
  Channel& channel() { return channel_; }
  WallClock& clock() { return clock_; }
  MemoryDisk& disk() { return disk_; }
  int crashes() const { return crashes_; }

  // True while there is a process.
  bool up() const { return process_ != nullptr && !dying_; }
  void Start();
  // Power goes; it stays away for at most so long.
  void Crash(absl::Duration away_most);
  // Runs `act` in the agency's turn, unless its process is gone by then.
  void Enter(absl::Duration delay, std::function<void()> act);
  // Runs `act` now, in an event of the agency's. REQUIRES: up.
  void Run(const std::function<void()>& act);

  // REQUIRES: up.
  agent::Outbox& outbox() { return process_->outbox; }
  agent::Inbox& inbox() { return process_->inbox; }
  agent::Holds& holds() { return process_->holds; }
  agent::Alarm& alarm() { return process_->alarm; }
  // Runs the outbox as soon as something of it is due.
  void PostOutbox();

 private:
  struct Process {
    Process(SimAgency& agency, SimBroker& broker);

    SimLink link;
    MemoryStore rows;
    agent::AgencyStore store;
    agent::Alarm alarm;
    std::unique_ptr<agent::LogWatch> log;
    agent::Preparer preparer;
    agent::Outbox outbox;
    agent::Inbox inbox;
    agent::Holds holds;
    agent::Notices notices;
  };
  // One stream of the mailbox, from this end.
  struct Connection {
    std::shared_ptr<SimStream> stream;  // Once the broker has opened it.
    bool abandoned = false;
  };

  absl::Status Load();
  void EndProcess();
  void Connect();
  void CheckConnection(std::shared_ptr<Connection> connection);
  void OnDelivery(const std::shared_ptr<Connection>& connection, const accord::broker::v1::Delivery& delivery);
  absl::Status Take(const accord::broker::v1::Delivery& delivery);
  void Watch();

  World& world_;
  SimBroker& broker_;
  AgencyWatch& watch_;
  const agent::AgencyKeys keys_;
  const std::string log_vkey_;
  const Actor actor_;
  Channel channel_;
  WallClock clock_;
  FakeRandom random_;
  MemoryDisk disk_;

  std::unique_ptr<Process> process_;
  std::shared_ptr<Connection> connection_;
  bool dying_ = false;
  absl::Duration away_most_;
  uint64_t incarnation_ = 0;
  int crashes_ = 0;
};

}  // namespace accord::simulation
