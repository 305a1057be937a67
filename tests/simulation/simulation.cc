#include "tests/simulation/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/crypto/testing_random.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/people.h"
#include "tests/simulation/saboteur.h"
#include "tests/simulation/sim_agency.h"
#include "tests/simulation/sim_broker.h"
#include "tests/simulation/world.h"

namespace accord::simulation {
namespace {

using accord::broker::CommitStep;
using accord::broker::v1::Delivery;

constexpr absl::Duration kSending = absl::Hours(36);  // Referrals are pushed,
constexpr absl::Duration kFaults = absl::Hours(44);   // things go wrong,
constexpr absl::Duration kWhole = absl::Hours(110);   // and everybody has done what they do.
// A step of an escalation may fall due at the very end: its notice has as long as this to arrive.
constexpr absl::Duration kOnItsWay = absl::Minutes(1);
constexpr Weather kBad = {.drop = 60, .late = 80, .twice = 50};

class Simulation : public BrokerWatch, public AgencyWatch {
 public:
  Simulation(const Area& area, const Options& options)
      : options_(options), world_(options.seed), oracle_(world_, area), broker_(world_, area, options.seed, *this),
        saboteur_(options.sabotage, world_, oracle_) {
    world_.Print(options.print);
    for (Actor actor = 0; actor < kAgencyCount; ++actor) {
      agencies_.push_back(std::make_unique<SimAgency>(world_, area, broker_, *this, kAgencies[actor], actor, options.seed));
    }
    people_ = std::make_unique<People>(world_, oracle_, agencies_);
  }

  Result Run() {
    broker_.Start();
    for (const auto& agency : agencies_) {
      agency->channel().SetWeather(kBad);
      agency->Start();
    }
    people_->Send(options_.referrals, kSending);
    PlanFaults();
    saboteur_.Plan(broker_, agencies_, kFaults);
    const absl::Time start = world_.now();
    RunUntil(start + kFaults);
    Quiet();
    RunUntil(start + kWhole);
    while (AnythingWaits() && world_.now() < start + kWhole + kOnItsWay) RunUntil(world_.now() + absl::Seconds(1));
    oracle_.CheckEnd(broker_, agencies_);
    return Results();
  }

  // BrokerWatch.
  void OnBatch(const broker::ReadView& view) override { oracle_.OnBatch(view); }
  void OnTick(absl::Time now) override { oracle_.OnTick(now); }
  void OnHanded(const std::string& agency, const Delivery& delivery) override {
    oracle_.OnHanded(agency, delivery);
    saboteur_.OnHanded(agency, delivery);
  }
  // AgencyWatch.
  void OnTaken(const std::string& agency, const Delivery& delivery) override {
    oracle_.OnTaken(agency, delivery);
    people_->OnTaken(Named(agency), delivery);
  }
  void OnNotTaken(const std::string& agency, const Delivery&, const absl::Status& why, bool for_good) override {
    if (for_good) oracle_.Fail("no referral lost", fmt::format("{} refuses a delivery for good: {}", agency, why.ToString()));
  }
  void OnDoesNotStart(const std::string& agency, const absl::Status& why) override {
    oracle_.Fail("no referral lost", fmt::format("{} does not start: {}", agency, why.ToString()));
  }

 private:
  void RunUntil(absl::Time end) {
    while (world_.RunNext(end)) {
    }
  }

  bool AnythingWaits() {
    return broker_.up() && std::any_of(agencies_.begin(), agencies_.end(), [this](const auto& agency) {
      return broker_.broker().mailboxes().depth({agency->name(), type::v1::DESK_MAIN}) > 0;
    });
  }

  SimAgency& Named(std::string_view name) {
    return **std::find_if(agencies_.begin(), agencies_.end(), [&](const auto& agency) { return agency->name() == name; });
  }
  SimAgency& AnyAgency() { return *agencies_[world_.random.Below(agencies_.size())]; }

  // Again and again until the faults end, at chance times about `mean` apart.
  void Repeat(absl::Duration mean, std::function<void()> fault) {
    world_.After(world_.Between(absl::ZeroDuration(), mean * 2), kNobody, [this, mean, fault = std::move(fault)] {
      if (quiet_) return;
      fault();
      Repeat(mean, fault);
    });
  }

  void PlanFaults() {
    Repeat(absl::Hours(5), [this] {
      static constexpr CommitStep kSteps[] = {CommitStep::kAppended, CommitStep::kReadBack, CommitStep::kGuarded, CommitStep::kSigned,
                                              CommitStep::kPublished};
      world_.OneIn(5) ? broker_.Crash() : broker_.CrashAfter(kSteps[world_.random.Below(std::size(kSteps))]);
    });
    static constexpr WriteFault kWrites[] = {WriteFault::kRefused, WriteFault::kUnknownAbsent, WriteFault::kUnknownThere,
                                             WriteFault::kUnreadable};
    Repeat(absl::Hours(4), [this] { broker_.disk().FailNext(kWrites[world_.random.Below(std::size(kWrites))]); });
    Repeat(absl::Hours(4), [this] { AnyAgency().Crash(absl::Minutes(40)); });
    Repeat(absl::Hours(8), [this] { AnyAgency().disk().FailNext(kWrites[world_.random.Below(3)]); });
    Repeat(absl::Hours(4), [this] {
      SimAgency& agency = AnyAgency();
      agency.channel().Cut(true);
      world_.Note(fmt::format("{} is cut off", agency.name()));
      world_.After(world_.Between(absl::Seconds(20), absl::Hours(2)), kNobody, [&agency] { agency.channel().Cut(false); });
    });
    // By an hour, forward or back, and right again later.
    Repeat(absl::Hours(14), [this] {
      WallClock& clock = world_.OneIn(2) ? broker_.clock() : AnyAgency().clock();
      if (clock.wrong_by() != absl::ZeroDuration()) return;
      clock.Step(world_.OneIn(2) ? absl::Hours(1) : -absl::Hours(1));
      world_.Note("a clock is set wrong");
      world_.After(world_.Between(absl::Minutes(1), absl::Hours(5)), kNobody, [&clock] { clock.Step(-clock.wrong_by()); });
    });
  }

  void Quiet() {
    quiet_ = true;
    world_.Note("no more faults");
    broker_.disk().FailNext(WriteFault::kNone);
    broker_.CrashAfter(std::nullopt);
    for (const auto& agency : agencies_) {
      agency->channel().Cut(false);
      agency->channel().SetWeather({});
      agency->disk().FailNext(WriteFault::kNone);
    }
  }

  Result Results() {
    Result result;
    result.digest = world_.digest();
    result.failures = oracle_.failures();
    result.failed = oracle_.failed();
    result.events = world_.events();
    result.entries = oracle_.entries();
    result.stored = oracle_.stored();
    result.statements = oracle_.statements();
    result.steps = oracle_.steps();
    result.broker_crashes = broker_.crashes();
    for (const auto& agency : agencies_) result.agency_crashes += agency->crashes();
    return result;
  }

  const Options options_;
  World world_;
  Oracle oracle_;
  SimBroker broker_;
  Saboteur saboteur_;
  std::vector<std::unique_ptr<SimAgency>> agencies_;
  std::unique_ptr<People> people_;
  bool quiet_ = false;
};

}  // namespace

Result Simulate(const Area& area, const Options& options) {
  crypto::testing::SeedOpenSsl(options.seed);  // Whatever was drawn before, in this process or for the area's keys.
  return Simulation(area, options).Run();
}

}  // namespace accord::simulation
