// Traffic that goes on while programs die: every agency pushes, and people at it open and answer some of what came. What a program did
// not answer, because it was dead or stood still, is asked again under the same request id until it does.
#pragma once

#include <absl/synchronization/mutex.h>
#include <absl/synchronization/notification.h>

#include <compare>
#include <map>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "tests/system/world.h"

namespace accord::tests {

// A push that was taken.
struct Pushed {
  std::string agency;
  std::string request_id;
  std::set<std::string> recipients;
};

// What somebody at an agency said of a referral.
struct Act {
  std::string agency;
  type::v1::StatementKind kind = type::v1::STATEMENT_KIND_UNSPECIFIED;
  auto operator<=>(const Act&) const = default;
};
inline void PrintTo(const Act& act, std::ostream* out) { *out << act.agency << ' ' << type::v1::StatementKind_Name(act.kind); }

// Whether a person opens a referral, and whether the person then answers it: half of them nobody looks at, one in eight is left
// opened. By its name, so that all who see it agree.
bool IsOpened(const std::string& referral);
bool IsAnswered(const std::string& referral);

// Two threads for each agency, from construction to End().
class Traffic {
 public:
  // `world` must outlive this; its services run, but for those that the caller kills, starts and stops meanwhile.
  Traffic(World& world, Random& random);
  ~Traffic();

  // Ends it; waits for what is under way, so REQUIRES that all services run again or will without the caller. Adds what was pushed,
  // and what people did by referral.
  void End(std::vector<Pushed>& pushed, std::multimap<std::string, Act>& acts);

 private:
  class Pusher;
  class Person;

  absl::Notification stop_;
  std::vector<std::unique_ptr<Pusher>> pushers_;
  std::vector<std::unique_ptr<Person>> people_;
};

}  // namespace accord::tests
