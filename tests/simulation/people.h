// The people of a simulation: who sends, who opens and answers, and who changes their mind. They try again until they are told.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/agent/draft.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/sim_agency.h"
#include "tests/simulation/world.h"

namespace accord::simulation {

// Single-thread.
class People {
 public:
  People(World& world, Oracle& oracle, std::vector<std::unique_ptr<SimAgency>>& agencies);

  // Lets `referrals` be pushed within `within`, and some be acted on later.
  void Send(int referrals, absl::Duration within);
  // A delivery came to `agency`: somebody there sees to it.
  void OnTaken(SimAgency& agency, const accord::broker::v1::Delivery& delivery);

 private:
  struct Push {
    SimAgency* sender = nullptr;
    agent::Draft draft;
    Pushed facts;
  };

  Push MakePush(int number);
  void TryPush(std::shared_ptr<const Push> push);
  void PlanAct(std::shared_ptr<const Push> push);
  void TryAct(std::shared_ptr<const Push> push, type::v1::StatementKind kind, std::string request_id, int tries);
  void TryOpen(SimAgency& agency, std::string digest, std::string request_id);
  void PlanAnswer(SimAgency& agency, const std::string& digest);
  // Says it, and goes on with `then` once it is on record.
  void TrySay(SimAgency& agency, std::string digest, std::string request_id, type::v1::StatementKind kind, std::function<void()> then);
  void TryAnswerChange(SimAgency& agency, std::string digest, std::string request_id, int tries);
  // For `agency` to do later, whether its process runs then or not: it is tried again until it does.
  void Later(SimAgency& agency, absl::Duration delay, std::function<void()> act);
  std::string NewRequestId(std::string_view what);

  World& world_;
  Oracle& oracle_;
  std::vector<std::unique_ptr<SimAgency>>& agencies_;
  std::string slow_;  // The agency that misses its clocks.
  std::set<std::pair<std::string, std::string>> seen_to_;  // Agency, delivery id.
  uint64_t requests_ = 0;
};

}  // namespace accord::simulation
