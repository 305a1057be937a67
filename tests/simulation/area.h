// The area that is simulated: its agencies with their keys, what they agreed, and a broker's files as `accord-broker init` leaves them.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/vocabulary.pb.h"
#include "common/agent/agency_keys.h"
#include "common/crypto/testing_pki.h"
#include "services/broker/broker_config.h"
#include "tests/simulation/memory_store.h"

namespace accord::simulation {

// Ids of the agencies, in the order of their actors.
inline constexpr std::string_view kAgencies[] = {"police", "childrens", "idva", "housing", "health"};
inline constexpr int kAgencyCount = 5;

// What `sender` may send `recipient` by the agreement of the area, said once more and in other words: what the simulation holds the
// broker to.
std::set<type::v1::Category> MaySend(std::string_view sender, std::string_view recipient);

// The same of IMMEDIATE: the emergency schedule fills what the agreement leaves out.
std::set<type::v1::Category> MaySendInDanger(std::string_view sender, std::string_view recipient);

// By when a person opens a referral in `lane`, and by when it is answered, in time elapsed; likewise.
absl::Duration PickUpWithin(type::v1::Lane lane);
absl::Duration ResponseWithin(type::v1::Lane lane);

// One for all simulations of a process: its keys are the same in every process. Constant after Make.
class Area {
 public:
  // Makes everything anew in a directory of its own, which goes with it.
  Area();
  ~Area();

  const broker::BrokerConfig& config() const { return config_; }
  const std::string& root() const { return root_; }
  // Of the broker's store after init, and of the two files beside it.
  const MemoryDisk::Rows& rows() const { return rows_; }
  const std::string& guard() const { return guard_; }
  const std::string& key_slots() const { return key_slots_; }
  const std::string& log_vkey() const { return log_vkey_; }

  agent::AgencyKeys KeysOf(std::string_view agency) const;
  type::v1::AgencyKind KindOf(std::string_view agency) const;
  crypto::VerifyKey VerifyKeyOf(std::string_view agency) const;

 private:
  std::string root_;
  crypto::testing::TestAuthority authority_;
  std::map<std::string, crypto::testing::Issued, std::less<>> signing_, sealing_;
  broker::BrokerConfig config_;
  MemoryDisk::Rows rows_;
  std::string guard_, key_slots_, log_vkey_;
};

}  // namespace accord::simulation
