#include "tests/simulation/sim_agency.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/referral/header.h"

namespace accord::simulation {
namespace {

using accord::broker::Settlement;
using accord::broker::v1::Delivery;

constexpr uint32_t kCredit = 32;  // As common/agent_rpc has them.
constexpr absl::Duration kNackDelay = absl::Seconds(2);

// As AgencyRuntime judges it.
bool IsForGood(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument || status.code() == absl::StatusCode::kFailedPrecondition ||
         status.code() == absl::StatusCode::kPermissionDenied;
}

}  // namespace

SimAgency::Process::Process(SimAgency& agency, SimBroker& broker)
    : link(agency.world_, broker, agency.channel_, agency.name(), agency.actor_),
      rows(agency.disk_),
      store(rows, crypto::SecretBytes(std::string(32, 's')), agency.random_),
      alarm(store, agency.clock_),
      log(*agent::LogWatch::Open(store, link, alarm, agency.log_vkey_)),
      preparer(agency.keys_, link, alarm, agency.clock_, agency.random_),
      outbox(store, link, preparer, *log, alarm, agency.clock_),
      inbox(store, agency.keys_, link, *log, alarm, outbox, agency.clock_),
      holds(store, link, *log, alarm, inbox, outbox, agency.clock_, [] { return absl::OkStatus(); }),
      notices(store, *log, agency.clock_) {}

SimAgency::SimAgency(World& world, const Area& area, SimBroker& broker, AgencyWatch& watch, std::string_view name, Actor actor,
                     uint64_t seed)
    : world_(world), broker_(broker), watch_(watch), keys_(area.KeysOf(name)), log_vkey_(area.log_vkey()), actor_(actor), channel_(world),
      clock_(world), random_(seed * 31 + static_cast<uint64_t>(actor)) {}

absl::Status SimAgency::Load() {
  ACCORD_RETURN_IF_ERROR(process_->alarm.Load());
  ACCORD_RETURN_IF_ERROR(process_->outbox.Load());
  ACCORD_RETURN_IF_ERROR(process_->inbox.Load());
  ACCORD_RETURN_IF_ERROR(process_->holds.Load());
  return process_->notices.Load();
}

void SimAgency::Start() {
  if (process_ != nullptr) return;
  process_ = std::make_unique<Process>(*this, broker_);
  ++incarnation_;
  if (const absl::Status loaded = Load(); !loaded.ok()) {
    process_.reset();
    return watch_.OnDoesNotStart(name(), loaded);
  }
  world_.Note(fmt::format("{} starts", name()));
  process_->outbox.OnDue([this] { PostOutbox(); });
  PostOutbox();
  Connect();
  Enter(world_.Between(absl::Minutes(1), absl::Minutes(30)), [this] { Watch(); });
}

void SimAgency::Enter(absl::Duration delay, std::function<void()> act) {
  world_.After(delay, actor_, [this, incarnation = incarnation_, act = std::move(act)] {
    if (up() && incarnation == incarnation_) Run(act);
  });
}

void SimAgency::Run(const std::function<void()>& act) {
  act();
  if (dying_) return EndProcess();
  if (!process_->store.refuses()) return;
  // A service whose store refuses is restarted by whoever runs it.
  away_most_ = absl::Minutes(2);
  disk_.Cut(world_.random);
  EndProcess();
}

void SimAgency::Crash(absl::Duration away_most) {
  if (!up()) return;
  away_most_ = away_most;
  disk_.Cut(world_.random);
  if (!world_.busy(actor_)) return EndProcess();
  dying_ = true;  // Ends once it is back from its call.
  process_->link.Kill();
}

void SimAgency::EndProcess() {
  ++crashes_;
  dying_ = false;
  world_.Note(fmt::format("{} ends", name()));
  if (connection_ != nullptr) {
    connection_->abandoned = true;
    // The broker finds out late.
    world_.After(world_.Between(absl::ZeroDuration(), absl::Minutes(1)), kNobody, [connection = std::exchange(connection_, nullptr)] {
      if (connection->stream != nullptr) connection->stream->Close();
    });
  }
  process_.reset();
  world_.After(world_.Between(absl::Seconds(1), away_most_), kNobody, [this] { Start(); });
}

void SimAgency::PostOutbox() {
  const absl::Time due = process_->outbox.NextDue();
  if (due == absl::InfiniteFuture()) return;
  Enter(std::min(due - clock_.Now(), absl::Minutes(10)), [this] {
    if (process_->outbox.Step()) PostOutbox();
  });
}

void SimAgency::Connect() {
  if (!up()) return;
  const auto connection = connection_ = std::make_shared<Connection>();
  channel_.Carry([this, connection] {
    if (connection->abandoned || connection->stream != nullptr || !broker_.up()) return;
    connection->stream = broker_.OpenStream(SimBroker::CallerOf(name()), kCredit, [this, connection](Delivery delivery) {
      channel_.Carry([this, connection, delivery = std::move(delivery)] {
        Enter(absl::ZeroDuration(), [this, connection, delivery] { OnDelivery(connection, delivery); });
      });
    });
  });
  CheckConnection(connection);
}

void SimAgency::CheckConnection(std::shared_ptr<Connection> connection) {
  Enter(world_.Between(absl::Seconds(2), absl::Minutes(3)), [this, connection] {
    if (connection != connection_) return;
    const bool alive = connection->stream != nullptr && connection->stream->open() && !channel_.cut();
    if (alive) return CheckConnection(connection);
    connection->abandoned = true;
    if (connection->stream != nullptr) connection->stream->Close();
    Connect();
  });
}

absl::Status SimAgency::Take(const Delivery& delivery) {
  if (delivery.has_hold()) return process_->holds.Receive(delivery);
  if (!delivery.has_notice()) {
    ACCORD_RETURN_IF_ERROR(process_->inbox.Receive(delivery));
    return delivery.has_referral() ? process_->holds.Arrived(referral::DigestOf(delivery.referral().header())) : absl::OkStatus();
  }
  ACCORD_RETURN_IF_ERROR(process_->notices.Receive(delivery));
  return process_->outbox.AddNotice(delivery.notice());
}

void SimAgency::OnDelivery(const std::shared_ptr<Connection>& connection, const Delivery& delivery) {
  const absl::Status taken = Take(delivery);
  if (!up()) return;  // It ended meanwhile: nothing is said.
  Settlement settlement;
  if (taken.ok()) {
    watch_.OnTaken(name(), delivery);
  } else {
    const bool for_good = IsForGood(taken) && process_->alarm.Check().ok();
    watch_.OnNotTaken(name(), delivery, taken, for_good);
    settlement.kind = for_good ? Settlement::Kind::kReject : Settlement::Kind::kNack;
    settlement.delay = kNackDelay;
    if (for_good) settlement.reason = std::string(RowOf(DetailOf(taken).reason).name);
  }
  channel_.Carry([connection, id = delivery.delivery_id(), settlement] {
    if (connection->stream != nullptr) connection->stream->Say(id, settlement);
  });
}

void SimAgency::Watch() {
  if (process_->log->Poll().ok() && up()) process_->inbox.ResendPending();
  if (!up()) return;
  Enter(world_.Between(absl::Minutes(20), absl::Hours(1)), [this] { Watch(); });
}

}  // namespace accord::simulation
