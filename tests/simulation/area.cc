#include "tests/simulation/area.h"

#include <absl/strings/ascii.h>
#include <absl/synchronization/mutex.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/testing_random.h"
#include "common/storage/rocks_store.h"
#include "services/broker/broker.h"
#include "services/broker/directory/families.h"
#include "services/broker/testing_config.h"

namespace accord::simulation {
namespace {

using namespace type::v1;  // NOLINT: categories and kinds.

constexpr uint64_t kKeySeed = 20'261'124;

constexpr std::string_view kAgreement = R"(
version = "1"
parties = ["police", "childrens", "idva", "housing", "health"]
effective_from = "2020-01-01"
expires = "2040-01-01"
[[route]]
id = "to-support"
from_kinds = ["police", "health"]
to_kinds = ["childrens_services", "idva"]
purposes = ["support"]
categories = ["identity", "risk", "narrative"]
[[route]]
id = "to-housing"
from_kinds = ["police", "idva"]
to_kinds = ["housing"]
purposes = ["support"]
categories = ["identity"]
[[route]]
id = "from-idva"
from_kinds = ["idva"]
to_kinds = ["childrens_services", "health"]
purposes = ["support"]
categories = ["identity", "narrative"]
)";

constexpr std::string_view kEmergency = R"(
version = "emergency-s"
effective_from = "2020-01-01"
categories = ["identity", "risk"]
[[recipient]]
kind = "childrens_services"
[[recipient]]
kind = "idva"
)";

constexpr std::string_view kClocks = R"(
version = "clocks-s"
effective_from = "2020-01-01"
[[bank_holidays]]
jurisdictions = ["england", "wales"]
days = ["2026-12-25"]
[[pick_up]]
lane = "medium"
hours = 30
[[pick_up]]
lane = "standard"
hours = 36
[[response]]
lane = "immediate"
hours = 12
[[response]]
lane = "high"
hours = 30
[[response]]
hours = 40
[escalation]
managers_percent = 25
deputy_percent = 50
sender_percent = 100
[escalation_immediate]
managers_minutes = 5
deputy_minutes = 10
sender_minutes = 15
)";

std::string KindWord(std::string_view agency) { return agency == "childrens" ? "childrens_services" : std::string(agency); }

// Where a sync costs nothing, if the machine has such a place.
std::string MakeRoot() {
  std::string name = std::filesystem::exists("/dev/shm") ? "/dev/shm/accord-simulation-XXXXXX" : "/tmp/accord-simulation-XXXXXX";
  ACCORD_CHECK(mkdtemp(name.data()) != nullptr);
  return name;
}

// OpenSSL's chance is seeded before the first key is made.
crypto::testing::TestAuthority SeededAuthority() {
  crypto::testing::SeedOpenSsl(kKeySeed);
  // One thread runs all agencies, one below the other on its stack: a lock of one under a lock of another is no order that any program has.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return crypto::testing::TestAuthority();
}

void Write(const std::string& path, std::string_view text) { ACCORD_CHECK(WriteFileDurably(path, text).ok()); }

}  // namespace

std::set<Category> MaySend(std::string_view sender, std::string_view recipient) {
  const bool supports = recipient == "childrens" || recipient == "idva";
  if ((sender == "police" || sender == "health") && supports) return {CATEGORY_IDENTITY, CATEGORY_RISK, CATEGORY_NARRATIVE};
  if ((sender == "police" || sender == "idva") && recipient == "housing") return {CATEGORY_IDENTITY};
  if (sender == "idva" && (recipient == "childrens" || recipient == "health")) return {CATEGORY_IDENTITY, CATEGORY_NARRATIVE};
  return {};
}

std::set<Category> MaySendInDanger(std::string_view sender, std::string_view recipient) {
  std::set<Category> may = MaySend(sender, recipient);
  if (recipient == "childrens" || recipient == "idva") may.insert({CATEGORY_IDENTITY, CATEGORY_RISK});
  return may;
}

absl::Duration PickUpWithin(Lane lane) {
  switch (lane) {
    case LANE_IMMEDIATE: return absl::Minutes(30);
    case LANE_HIGH: return absl::Hours(24);
    case LANE_MEDIUM: return absl::Hours(30);
    default: return absl::Hours(36);
  }
}

absl::Duration ResponseWithin(Lane lane) {
  return lane == LANE_IMMEDIATE ? absl::Hours(12) : lane == LANE_HIGH ? absl::Hours(30) : absl::Hours(40);
}

Area::Area() : root_(MakeRoot()), authority_(SeededAuthority()) {
  std::string directory;
  for (const std::string_view name : kAgencies) {
    const std::string agency(name);
    signing_.emplace(agency, authority_.IssueSigning(agency));
    sealing_.emplace(agency, authority_.IssueSealing(agency));
    Write(root_ + "/" + agency + ".signing.pem", signing_.at(agency).certificate.pem());
    Write(root_ + "/" + agency + ".sealing.pem", sealing_.at(agency).certificate.pem());
    directory += broker::DirectoryRow(agency, KindWord(agency));
  }
  Write(root_ + "/directory.toml", directory);
  Write(root_ + "/agreement.toml", kAgreement);
  Write(root_ + "/emergency.toml", kEmergency);
  Write(root_ + "/clocks.toml", kClocks);
  config_ = broker::MakeTestingConfig(root_, fmt::format("{}{}emergency_schedule = \"emergency.toml\"\nclock_rules = \"clocks.toml\"\n",
                                                         broker::kTestingDirectory, broker::kTestingAgreement));
  config_.threads = 1;
  config_.previews = {0, 0};
  FakeRandom random(kKeySeed);
  const FakeClock clock(absl::FromCivil(absl::CivilSecond(2026, 11, 1, 12, 0, 0), absl::UTCTimeZone()));
  const absl::Status made = broker::InitBroker(config_, clock, random);
  ACCORD_CHECK(made.ok());
  const auto store = storage::RocksStore::Open(config_.store, broker::BrokerFamilies());
  ACCORD_CHECK(store.ok());
  for (const auto& family : broker::BrokerFamilies()) {
    auto& rows = rows_[family.name];
    const absl::Status read = (*store)->Scan(family.name, {}, [&](std::string_view key, std::string_view value) {
      rows.emplace(key, value);
      return true;
    });
    ACCORD_CHECK(read.ok());
  }
  guard_ = *ReadFile(config_.guard);
  key_slots_ = *ReadFile(config_.key_slots, 16u << 20);
  log_vkey_ = *ReadFile(config_.log_key + std::string(broker::kVkeySuffix));
  absl::StripAsciiWhitespace(&log_vkey_);
}

Area::~Area() { std::filesystem::remove_all(root_); }

AgencyKind Area::KindOf(std::string_view agency) const {
  if (agency == "police") return AGENCY_KIND_POLICE;
  if (agency == "childrens") return AGENCY_KIND_CHILDRENS_SERVICES;
  if (agency == "idva") return AGENCY_KIND_IDVA;
  return agency == "housing" ? AGENCY_KIND_HOUSING : AGENCY_KIND_HEALTH;
}

agent::AgencyKeys Area::KeysOf(std::string_view agency) const {
  const auto& signing = signing_.find(agency)->second;
  const auto& sealing = sealing_.find(agency)->second;
  return agent::AgencyKeys{std::string(agency), KindOf(agency), std::string(crypto::testing::kTrustDomain), signing.signing_key(),
                           sealing.sealing_key(), sealing.certificate, authority_.anchors(), "area", "k1",
                           crypto::SecretBytes(std::string(32, 'k'))};
}

crypto::VerifyKey Area::VerifyKeyOf(std::string_view agency) const { return *signing_.find(agency)->second.certificate.verify_key(); }

}  // namespace accord::simulation
