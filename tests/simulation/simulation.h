// One simulation from its seed: an area for four days, with everything that goes wrong in the first half of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/area.h"

namespace accord::simulation {

// What the broker or an agency is made to do wrong, to see that the invariants find it.
enum class Sabotage {
  kNone,
  kLoseReferral,    // A stored referral's row is gone.
  kLoseMailboxRow,  // A waiting delivery is forgotten.
  kLoseInboxRow,    // A recipient forgets what it has taken.
  kLoseStatement,   // A signed statement is gone.
  kLoseDeadlines,   // What falls due is forgotten.
  kEarlyStep,       // A step of an escalation is taken before its time.
  kForgetOrder,     // A delivery that waits is passed over.
  kMoveState,       // A state moves without a word.
  kHandOutEarly,    // A delivery leaves before its entry.
  kHandOutTooMuch,  // A delivery goes to whom it is not for.
  kHandOutMore,     // A delivery has a section more than is said of it.
  kStayAway,        // An agency is not let in again when the faults have ended.
};

struct Options {
  uint64_t seed = 1;
  int referrals = 300;
  bool print = false;  // Every event.
  Sabotage sabotage = Sabotage::kNone;
};

struct Result {
  uint64_t digest = 0;  // Of all that happened, in its order.
  std::vector<std::string> failures;  // The first of them.
  size_t failed = 0;
  // What there was, for whoever doubts that anything happened.
  uint64_t events = 0, entries = 0;
  size_t stored = 0, statements = 0, steps = 0;
  int broker_crashes = 0, agency_crashes = 0;
};

// Single-thread. The same options give the same result in every process.
Result Simulate(const Area& area, const Options& options);

}  // namespace accord::simulation
