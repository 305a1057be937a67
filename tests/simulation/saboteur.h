// Does what no broker may do, once, so that a test sees the oracle find it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "services/broker/sequencer/command.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/sim_agency.h"
#include "tests/simulation/sim_broker.h"
#include "tests/simulation/simulation.h"
#include "tests/simulation/world.h"

namespace accord::simulation {

// Single-thread.
class Saboteur {
 public:
  Saboteur(Sabotage kind, World& world, Oracle& oracle) : kind_(kind), world_(world), oracle_(oracle) {}

  // Strikes once somewhere in the middle of `within`, or as soon after as there is something to strike at.
  void Plan(SimBroker& broker, std::vector<std::unique_ptr<SimAgency>>& agencies, absl::Duration within);
  // A delivery leaves: tells the oracle of one that should not.
  void OnHanded(const std::string& agency, const accord::broker::v1::Delivery& delivery);

 private:
  void Strike(SimBroker& broker);
  // Forgets the first of two that wait for one key in one lane.
  void PassOver(SimBroker& broker);
  // False when there is nothing to strike at yet.
  absl::StatusOr<bool> Change(broker::CommitContext& context, const MemoryDisk& disk);

  const Sabotage kind_;
  World& world_;
  Oracle& oracle_;
  bool struck_ = false;
};

}  // namespace accord::simulation
