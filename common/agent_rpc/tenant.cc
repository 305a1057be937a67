#include "common/agent_rpc/tenant.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/agent_rpc/agency_services.h"
#include "common/agent_rpc/folder_worker.h"
#include "common/agent_rpc/own_agency.h"
#include "common/agent_rpc/tenant_service.h"
#include "common/base/status.h"
#include "common/crypto/secret.h"
#include "common/rpc/server.h"
#include "common/telemetry/log.h"

namespace accord::agent_rpc {
namespace {

constexpr absl::Duration kGrace = absl::Seconds(10);
constexpr absl::Duration kDoorGrace = absl::Seconds(1);  // Nobody is under way there but who unlocks, and who has no answer to wait for.
constexpr absl::Duration kWatchdogPeriod = absl::Seconds(5);
constexpr int kDoorThreads = 2;
constexpr size_t kDoorQueueMax = 64;

}  // namespace

struct Tenant::Door {
  Door(Tenant& tenant, const AgencyConfig& config, const Clock& clock, telemetry::Metrics& metrics)
      : authorizer(config.agency, config.desk),
        handlers(executor, authorizer, clock, metrics),
        service(handlers, config.agency, [&tenant](std::string_view passphrase) { return tenant.Unlock(passphrase); }) {}

  Executor executor{kDoorThreads, kDoorQueueMax};
  OwnAgencyOnly authorizer;
  rpc::HandlerContext handlers;
  TenantService service;
  LockedService others;
  std::unique_ptr<rpc::Server> server;  // Last: ended first.
};

struct Tenant::House {
  // The watch of the runtime speaks to the server, so it ends before that goes.
  ~House() {
    if (server != nullptr) server->Shutdown(absl::ZeroDuration());
    if (runtime != nullptr) runtime->Stop();
  }

  std::unique_ptr<AgencyRuntime> runtime;
  std::unique_ptr<TenantService> tenant;
  std::vector<std::unique_ptr<grpc::Service>> services;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<rpc::Watchdog> watchdog;
  std::unique_ptr<FolderWorker> folder;  // Null: it has none.
};

Tenant::Tenant(const AgencySpec& spec, type::v1::AgencyKind kind, const AgencyConfig& config, const Clock& clock, Random& random)
    : spec_(spec), kind_(kind), config_(config), clock_(clock), random_(random) {
  locked_gauge_ = metrics_.Gauges("accord_tenant_locked", "1 while the agency waits for its passphrase.", {"agency"}).With({config_.agency});
}

absl::StatusOr<std::unique_ptr<Tenant>> Tenant::Start(const AgencySpec& spec, type::v1::AgencyKind kind, const AgencyConfig& config,
                                                      const Clock& clock, Random& random) {
  std::unique_ptr<Tenant> tenant(new Tenant(spec, kind, config, clock, random));
  ACCORD_ASSIGN_OR_RETURN(tenant->exposer_, telemetry::Exposer::Serve(tenant->metrics_, config.metrics_port));
  if (config.passphrase) {
    ACCORD_RETURN_IF_ERROR(tenant->OpenDoor());
    return tenant;
  }
  ACCORD_ASSIGN_OR_RETURN(auto runtime, AgencyRuntime::Open(config, kind, clock, random, tenant->metrics_));
  ACCORD_RETURN_IF_ERROR(tenant->Serve(std::move(runtime), config.server.port));
  return tenant;
}

Tenant::~Tenant() { Stop(); }

absl::Status Tenant::OpenDoor() {
  door_ = std::make_unique<Door>(*this, config_, clock_, metrics_);
  ACCORD_ASSIGN_OR_RETURN(door_->server, rpc::Server::Start(config_.server, {&door_->service}, nullptr, &door_->others));
  {
    absl::MutexLock lock(&mu_);
    locked_ = true;
    port_ = door_->server->port();
  }
  locked_gauge_.Set(1);
  telemetry::Log(telemetry::Level::kInfo, "agency.locked", {{"agency", config_.agency}, {"port", door_->server->port()}});
  opener_ = std::make_unique<Thread>([this] { AwaitUnlocked(); });
  return absl::OkStatus();
}

absl::Status Tenant::Serve(std::unique_ptr<AgencyRuntime> runtime, int port) {
  auto house = std::make_unique<House>();
  house->runtime = std::move(runtime);
  house->tenant = std::make_unique<TenantService>(house->runtime->handlers(), config_.agency, nullptr);
  house->services = MakeAgencyServices(*house->runtime);
  for (auto& own : spec_.services(*house->runtime)) house->services.push_back(std::move(own));
  std::vector<grpc::Service*> services = {house->tenant.get()};
  for (const auto& service : house->services) services.push_back(service.get());
  rpc::ServerOptions options = config_.server;
  options.port = port;
  ACCORD_ASSIGN_OR_RETURN(house->server, rpc::Server::Start(options, services));
  ACCORD_ASSIGN_OR_RETURN(house->watchdog,
                          rpc::Watchdog::Start(*house->server, options.tls, kWatchdogPeriod, [agency = config_.agency](const absl::Status& status) {
                            if (!status.ok()) telemetry::Log(telemetry::Level::kError, "agency.deaf", {{"agency", agency}, {"status", status}});
                          }));
  rpc::Server& server = *house->server;
  house->runtime->OnHealth([&server](bool serving) { server.SetServing(serving); });
  house->runtime->Start();
  PushCalls pushes = spec_.pushes;
  for (PushCall& push : AgencyPushes()) pushes.push_back(std::move(push));
  for (const auto& push : house->runtime->further_pushes()) pushes.push_back(*push);
  ACCORD_ASSIGN_OR_RETURN(house->folder, FolderWorker::Start(*house->runtime, std::move(pushes)));
  telemetry::Log(telemetry::Level::kInfo, "agency.serves", {{"agency", config_.agency}, {"port", server.port()}});
  house_ = std::move(house);
  locked_gauge_.Set(0);
  absl::MutexLock lock(&mu_);
  locked_ = false;
  settled_ = true;
  port_ = server.port();
  return absl::OkStatus();
}

absl::Status Tenant::Unlock(std::string_view passphrase) {
  absl::MutexLock one(&unlock_mu_);
  {
    absl::MutexLock lock(&mu_);
    if (stopping_) return Error(Reason::kLocked, "the service stops");
    if (!locked_ || opened_ != nullptr) return absl::OkStatus();
  }
  const absl::Time now = clock_.Now();
  if (now < next_try_) {
    const int64_t ms = absl::ToInt64Milliseconds(next_try_ - now) + 1;
    return Error(Reason::kQuotaExceeded, fmt::format("wait {} ms after a wrong passphrase", ms), {{"retry_after_ms", fmt::format("{}", ms)}});
  }
  const crypto::SecretBytes secret(passphrase);
  auto runtime = AgencyRuntime::Open(config_, kind_, clock_, random_, metrics_, &secret);
  if (HasReason(runtime.status(), Reason::kPassphraseWrong)) {
    next_try_ = now + std::min(kUnlockPauseMin * (int64_t{1} << std::min(wrong_++, 30)), kUnlockPauseMax);
    telemetry::Log(telemetry::Level::kWarn, "agency.passphrase_wrong", {{"agency", config_.agency}, {"times", wrong_}});
    return Error(Reason::kPassphraseWrong, "the passphrase does not open the agency's keys");
  }
  wrong_ = 0;
  if (!runtime.ok()) {
    telemetry::Log(telemetry::Level::kError, "agency.failed", {{"agency", config_.agency}, {"status", runtime.status()}});
    return runtime.status();
  }
  telemetry::Log(telemetry::Level::kInfo, "agency.unlocked", {{"agency", config_.agency}});
  absl::MutexLock lock(&mu_);
  opened_ = *std::move(runtime);
  return absl::OkStatus();
}

void Tenant::AwaitUnlocked() {
  std::unique_ptr<AgencyRuntime> runtime;
  int port = 0;
  {
    absl::MutexLock lock(&mu_);
    const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return stopping_ || opened_ != nullptr; };
    mu_.Await(absl::Condition(&ready));
    if (stopping_) return;
    port = port_;
  }
  // Who unlocked has their answer by now, or loses it and asks for the status.
  door_->server->Shutdown(kDoorGrace);
  door_.reset();
  {
    absl::MutexLock lock(&mu_);
    runtime = std::move(opened_);
    locked_ = false;
  }
  if (const absl::Status served = Serve(std::move(runtime), port); !served.ok()) {
    telemetry::Log(telemetry::Level::kError, "agency.failed", {{"agency", config_.agency}, {"status", served}});
    absl::MutexLock lock(&mu_);
    settled_ = true;
  }
}

void Tenant::Stop() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  opener_.reset();
  if (door_ != nullptr && door_->server != nullptr) door_->server->Shutdown(kDoorGrace);
  door_.reset();
  {
    absl::MutexLock lock(&mu_);
    opened_.reset();
  }
  if (house_ == nullptr) return;
  telemetry::Log(telemetry::Level::kInfo, "agency.stops", {{"agency", config_.agency}});
  house_->watchdog.reset();
  house_->folder.reset();
  house_->server->SetServing(false);
  house_->server->Shutdown(kGrace);
  house_->runtime->Stop();
  house_.reset();
}

bool Tenant::locked() const {
  absl::MutexLock lock(&mu_);
  return locked_;
}

int Tenant::port() const {
  absl::MutexLock lock(&mu_);
  return port_;
}

bool Tenant::AwaitServing(absl::Duration at_most) const {
  absl::MutexLock lock(&mu_);
  return mu_.AwaitWithTimeout(absl::Condition(&settled_), at_most);
}

}  // namespace accord::agent_rpc
