#include "tests/simulation/sim_broker.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/base/file.h"
#include "common/base/status.h"
#include "services/broker/api/deliver.h"
#include "services/broker/delivery/settle.h"
#include "services/broker/directory/access.h"

namespace accord::simulation {
namespace {

using accord::broker::Caller;
using accord::broker::CommitStep;

constexpr absl::Duration kAwayMost = absl::Minutes(20);
constexpr absl::Duration kReopenTry = absl::Milliseconds(200);

}  // namespace

SimBroker::SimBroker(World& world, const Area& area, uint64_t seed, BrokerWatch& watch)
    : world_(world), area_(area), watch_(watch), clock_(world), random_(seed ^ 0xB40CE4), disk_(area.rows()), config_(area.config()) {
  inline_.Shutdown();
  const std::string own = fmt::format("{}/seed-{}-{}", area_.root(), seed, static_cast<const void*>(this));
  std::filesystem::create_directory(own);
  config_.guard = own + "/guard";
  config_.key_slots = own + "/slots";
  ACCORD_CHECK(WriteFileDurably(config_.guard, area_.guard(), 0600).ok());
  ACCORD_CHECK(WriteFileDurably(config_.key_slots, area_.key_slots(), 0600).ok());
}

SimBroker::~SimBroker() {
  powered_ = false;
  EndProcess();
  std::filesystem::remove_all(std::filesystem::path(config_.guard).parent_path());
}

Caller SimBroker::CallerOf(std::string_view agency) {
  Caller caller;
  caller.kind = options::v1::CALLER_AGENCY;
  caller.id = std::string(agency);
  caller.principal = accord::broker::PrincipalName(caller.kind, agency);
  caller.certificate = std::string(32, 'c');
  return caller;
}

accord::broker::ReferralWork SimBroker::referral_work() {
  auto& b = *broker_;
  return {b.sequencer(), b.admission(), b.linker(), b.mailboxes(), b.directory(), b.refusals(),
          b.executor(),  clock_,        b.previews(), b.policy(),   b.quotas()};
}

accord::broker::MailboxWork SimBroker::mailbox_work() {
  auto& b = *broker_;
  return {b.sequencer(), b.mailboxes(), b.policy(), b.directory(), b.refusals(), b.executor(), clock_, b.quotas(), b.linker()};
}

absl::StatusOr<std::unique_ptr<accord::broker::StoreSession>> SimBroker::OpenStore() {
  if (!powered_) return Error(Reason::kStoreUnavailable, "the power is gone");
  auto session = std::make_unique<accord::broker::StoreSession>();
  ACCORD_ASSIGN_OR_RETURN(auto guard, accord::broker::Guard::Open(config_.guard));
  auto store = std::make_unique<MemoryStore>(disk_);
  ACCORD_ASSIGN_OR_RETURN(session->log, MemoryCommitLog::Open(*store));
  session->store = std::move(store);
  ACCORD_ASSIGN_OR_RETURN(auto master, accord::broker::LoadMasterKey(config_.master_key));
  ACCORD_ASSIGN_OR_RETURN(session->slots,
                          accord::broker::KeySlots::Open(config_.key_slots, std::move(master), random_, inline_, /*create=*/false));
  ACCORD_ASSIGN_OR_RETURN(auto key, crypto::Ed25519Signer::FromPemFile(config_.log_key));
  ACCORD_ASSIGN_OR_RETURN(session->signer, accord::broker::CheckpointSigner::Open(*session->store, std::move(guard), std::move(key),
                                                                                  config_.origin));
  ACCORD_ASSIGN_OR_RETURN(session->ledger, accord::broker::LedgerWriter::Open(*session->store, config_.origin));
  return session;
}

void SimBroker::Start() {
  if (broker_ != nullptr) return;
  powered_ = true;
  metrics_ = std::make_unique<telemetry::Metrics>();
  auto opened = accord::broker::Broker::Open(config_, clock_, random_, *metrics_, [this](CommitStep step) { OnStep(step); }, nullptr,
                                             [this] { return OpenStore(); });
  if (!opened.ok()) {
    world_.Note(fmt::format("broker does not open: {}", opened.status().ToString()));
    ACCORD_CHECK(opened.status().code() == absl::StatusCode::kUnavailable);
    world_.After(kReopenTry, kNobody, [this] { Start(); });
    return;
  }
  broker_ = *std::move(opened);
  const uint64_t incarnation = ++incarnation_;
  world_.Note("broker opens");
  TellWatch();
  world_.After(absl::Seconds(1), kNobody, [this, incarnation] { Second(incarnation); });
}

void SimBroker::OnStep(CommitStep step) {
  if (crash_after_ != step || !powered_) return;
  crash_after_.reset();
  CutPower();
}

void SimBroker::CutPower() {
  powered_ = false;
  disk_.Cut(world_.random);
  guard_ = *ReadFile(config_.guard);
}

void SimBroker::Crash() {
  if (!up()) return;
  CutPower();
  if (!in_batch_) Bury();
}

void SimBroker::Bury() {
  ++crashes_;
  world_.Note("broker crashes");
  EndProcess();
  // What was written after the power was gone was not.
  ACCORD_CHECK(WriteFileDurably(config_.guard, guard_, 0600).ok());
  world_.After(world_.Between(absl::Milliseconds(500), world_.OneIn(4) ? kAwayMost : absl::Seconds(5)), kNobody, [this] { Start(); });
}

void SimBroker::EndProcess() {
  for (const auto& weak : std::exchange(streams_, {})) {
    if (const auto stream = weak.lock()) stream->Abandon();
  }
  broker_.reset();
}

void SimBroker::Kick() {
  if (batch_posted_) return;
  batch_posted_ = true;
  world_.After(world_.Between(absl::ZeroDuration(), absl::Milliseconds(3)), kNobody, [this] { RunBatch(); });
}

void SimBroker::RunBatch() {
  batch_posted_ = false;
  if (!up()) return;
  in_batch_ = true;
  const bool more = broker_->sequencer().RunOnce();
  in_batch_ = false;
  if (!powered_) return Bury();
  TellWatch();
  if (more || !broker_->sequencer().serving()) Kick();
}

void SimBroker::TellWatch() {
  const auto view = broker_->sequencer().View();
  if (view.ok()) watch_.OnBatch(**view);
}

void SimBroker::Second(uint64_t incarnation) {
  if (!up() || incarnation != incarnation_) return;
  if (broker_->sequencer().serving()) watch_.OnTick(clock_.Now());
  broker_->Second();
  if (++ticks_ % 60 == 0) broker_->refusals().Flush();
  Kick();
  // Idle seconds are passed over; a busy machine is late as well.
  const absl::Duration most = world_.OneIn(4) ? absl::Seconds(1) : absl::Minutes(2);
  world_.After(world_.Between(absl::Seconds(1), most), kNobody, [this, incarnation] { Second(incarnation); });
}

std::shared_ptr<SimStream> SimBroker::OpenStream(const Caller& caller, uint32_t credit,
                                                 std::function<void(accord::broker::v1::Delivery)> deliver) {
  auto place = broker_->quotas().TakeStream({caller.id, caller.desk});
  if (!place.ok()) return nullptr;
  auto stream = std::make_shared<SimStream>(world_, *this, caller, ++holders_, credit, *std::move(place),
                                            [this, agency = caller.id, deliver = std::move(deliver)](accord::broker::v1::Delivery delivery) {
                                              watch_.OnHanded(agency, delivery);
                                              deliver(std::move(delivery));
                                            });
  std::erase_if(streams_, [](const auto& weak) { return weak.expired(); });
  streams_.push_back(stream);
  stream->Open();
  return stream;
}

SimStream::SimStream(World& world, SimBroker& broker, Caller caller, uint64_t holder, uint32_t credit,
                     accord::broker::Quotas::StreamPlace place, std::function<void(accord::broker::v1::Delivery)> deliver)
    : world_(world), broker_(broker), incarnation_(broker.incarnation()), caller_(std::move(caller)), mailbox_{caller_.id, caller_.desk},
      holder_(holder), credit_(credit), place_(std::move(place)), deliver_(std::move(deliver)) {}

bool SimStream::open() const { return !closed_ && broker_.up() && broker_.incarnation() == incarnation_; }

void SimStream::Open() {
  broker_.broker().mailboxes().Listen(mailbox_, holder_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Post();
  });
  Post();
}

void SimStream::Post() {
  if (posted_) return;
  posted_ = true;
  world_.After(world_.Between(absl::ZeroDuration(), absl::Milliseconds(2)), kNobody, [self = shared_from_this()] {
    self->posted_ = false;
    self->Pump();
  });
}

void SimStream::Pump() {
  if (!open()) return;
  const absl::Time now = broker_.clock().Now();
  std::erase_if(unacknowledged_, [&](const auto& row) { return now - row.second >= accord::broker::kLeaseTime; });
  while (releasing_ < accord::broker::kReleasingMax && unacknowledged_.size() + static_cast<size_t>(releasing_) < credit_) {
    const auto delivery_id = broker_.broker().mailboxes().Lease(mailbox_, holder_, now);
    if (!delivery_id.has_value()) break;
    ++releasing_;
    Release(*delivery_id);
  }
}

void SimStream::Release(const std::string& delivery_id) {
  const auto work = broker_.mailbox_work();
  accord::broker::Deliver(work, delivery_id, mailbox_, caller_, accord::broker::kAnySize,
                          [self = shared_from_this(), work, delivery_id](absl::StatusOr<std::optional<accord::broker::v1::Delivery>> made) {
                            --self->releasing_;
                            if (!self->open()) return;
                            if (!made.ok()) {
                              accord::broker::GiveBackLeased(work, delivery_id, self->holder_, made.status());
                            } else if (made->has_value()) {
                              self->unacknowledged_[delivery_id] = self->broker_.clock().Now();
                              self->deliver_(**std::move(made));
                            }
                            self->Post();
                          });
  broker_.Kick();
}

void SimStream::Say(const std::string& delivery_id, accord::broker::Settlement settlement) {
  if (!open()) return;
  broker_.broker().sequencer().Submit(std::make_unique<accord::broker::SettleCommand>(
      delivery_id, mailbox_, holder_, caller_, std::move(settlement), broker_.broker().mailboxes(),
      [self = shared_from_this(), delivery_id](const absl::StatusOr<accord::broker::SettledOutcome>& outcome) {
        if (!self->open()) return;
        if (!outcome.ok()) return self->Close();  // As the wire's: the stream ends.
        self->unacknowledged_.erase(delivery_id);
        self->Post();
      }));
  broker_.Kick();
}

void SimStream::Abandon() {
  closed_ = true;
  place_ = {};
}

void SimStream::Close() {
  if (closed_) return;
  closed_ = true;
  broker_.broker().mailboxes().StopListening(holder_);
  broker_.broker().mailboxes().ReturnAllOf(holder_, broker_.clock().Now());
  place_ = {};
}

}  // namespace accord::simulation
