// Goal: with ten million entries in the log a case trail of fifty entries is answered in under 5 ms at the 99th percentile, and the broker's
// memory stays under 1 GiB (docs/performance.md).
//
// Method: a store is made that many entries long, each case's entries as far apart as it is long. Then a broker is opened over it and asked
// by an administrator over mutual TLS on the loopback, one question after the other, each about another case; what is timed is the whole
// call, its entry on the record included. Memory is of the whole process: broker, client, and jemalloc's.
#include <CLI/CLI.hpp>
#include <absl/synchronization/notification.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/testing_pki.h"
#include "common/rpc/client.h"
#include "common/rpc/server.h"
#include "services/broker/broker.h"
#include "services/broker/broker_services.h"
#include "services/broker/trails/postings.h"
#include "tests/trails/make_store.h"

namespace accord::broker {
namespace {

using inspection::v1::QueryTrailRequest;
using inspection::v1::TrailService;

constexpr absl::Duration kAnswerWithin = absl::Seconds(60);

struct BenchmarkOptions {
  std::string directory = "/var/tmp/accord-trails";
  uint64_t entries = 10'000'000;
  int queries = 2'000;
  bool make_only = false, keep = false;
};

// A line of /proc/self/status, such as "VmHWM", in MiB.
uint64_t MemoryMiB(const std::string& name) {
  const auto status = ReadFile("/proc/self/status");
  if (!status.ok()) return 0;
  const size_t at = status->find(name + ":");
  return at == std::string::npos ? 0 : std::stoull(status->substr(at + name.size() + 1)) / 1024;
}

class Measurement {
 public:
  Measurement(const BenchmarkOptions& options, Broker& broker, const std::shared_ptr<grpc::Channel>& channel)
      : options_(options), broker_(broker), stub_(TrailService::NewStub(channel)) {}

  // Asks `queries` times what `next` says; prints the rows of an answer and how long they took.
  absl::Status Ask(const std::string& what, int queries, const std::function<QueryTrailRequest(int number)>& next) {
    std::vector<double> took;
    int rows = 0;
    for (int number = 0; number < queries; ++number) {
      QueryTrailRequest request = next(number);
      request.set_purpose("benchmark");
      const absl::Time begun = clock_.Now();
      ACCORD_ASSIGN_OR_RETURN(const auto response, rpc::CallUnary(*stub_, &TrailService::Stub::QueryTrail, request, kAnswerWithin));
      took.push_back(absl::ToDoubleMilliseconds(clock_.Now() - begun));
      rows = std::max(rows, response.rows_size());
    }
    std::sort(took.begin(), took.end());
    const auto at = [&](double share) { return took[static_cast<size_t>(share * static_cast<double>(took.size() - 1))]; };
    std::printf("%-58s %5d asked, up to %3d rows: p50 %.2f ms, p99 %.2f ms, most %.2f ms; memory %llu MiB\n", what.c_str(), queries, rows,
                at(0.5), at(0.99), took.back(), static_cast<unsigned long long>(MemoryMiB("VmRSS")));
    std::fflush(stdout);
    return absl::OkStatus();
  }

  // Until the index has every entry.
  absl::Status WaitForIndex() {
    const absl::Time begun = clock_.Now();
    uint64_t first = UINT64_MAX, indexed = 0, size = 0;
    do {
      {
        ACCORD_ASSIGN_OR_RETURN(const auto view, broker_.sequencer().View());
        ACCORD_ASSIGN_OR_RETURN(indexed, TrailIndexed(*view));
        size = view->ledger().size();
      }
      first = std::min(first, indexed);
      broker_.PokeIndexer();
      absl::Notification never;
      never.WaitForNotificationWithTimeout(absl::Milliseconds(200));
    } while (indexed < size);
    std::printf("%llu entries indexed in %s, of %llu; memory at most %llu MiB\n", static_cast<unsigned long long>(indexed - first),
                absl::FormatDuration(clock_.Now() - begun).c_str(), static_cast<unsigned long long>(size),
                static_cast<unsigned long long>(MemoryMiB("VmHWM")));
    std::fflush(stdout);
    return absl::OkStatus();
  }

  absl::Status Run() {
    ACCORD_ASSIGN_OR_RETURN(const auto cases, SomeCases(options_.directory));
    const auto of_case = [&](int number) {
      QueryTrailRequest request;
      request.set_case_pseudonym(cases[static_cast<size_t>(number) * 7919 % cases.size()]);
      return request;
    };
    ACCORD_RETURN_IF_ERROR(Ask("a case, the broker just opened", options_.queries, of_case));
    ACCORD_RETURN_IF_ERROR(WaitForIndex());
    ACCORD_RETURN_IF_ERROR(Ask("a case", options_.queries, of_case));
    const int64_t month_ms = absl::ToInt64Milliseconds(absl::Hours(24 * 30));
    const int64_t begun_ms = absl::ToUnixMillis(clock_.Now()) - absl::ToInt64Milliseconds(absl::Hours(24 * kStoreDays));
    const auto month = [&](int number, QueryTrailRequest& request) {
      request.mutable_filter()->set_from_ms(begun_ms + number % 24 * month_ms);
      request.mutable_filter()->set_until_ms(begun_ms + (number % 24 + 1) * month_ms);
    };
    ACCORD_RETURN_IF_ERROR(Ask("a worker, a month", options_.queries / 4, [&](int number) {
      QueryTrailRequest request;
      request.mutable_filter()->add_agencies(StoreAgency("idva", number % kStoreAreas));
      request.mutable_filter()->add_workers(fmt::format("w{}", number % kWorkersEach));
      month(number, request);
      return request;
    }));
    ACCORD_RETURN_IF_ERROR(Ask("what an area accepted, a month, the newest first", options_.queries / 4, [&](int number) {
      QueryTrailRequest request;
      request.mutable_filter()->add_areas(StoreArea(number % kStoreAreas));
      request.mutable_filter()->add_statements(type::v1::STATEMENT_KIND_ACCEPTED);
      request.mutable_filter()->set_newest_first(true);
      month(number, request);
      return request;
    }));
    ACCORD_RETURN_IF_ERROR(Ask("what an agency was refused, ever: no entry", options_.queries / 4, [&](int number) {
      QueryTrailRequest request;
      request.mutable_filter()->add_agencies(StoreAgency("police", number % kStoreAreas));
      request.mutable_filter()->add_events(type::v1::EVENT_TYPE_REFUSED);
      return request;
    }));
    std::printf("memory at most %llu MiB\n", static_cast<unsigned long long>(MemoryMiB("VmHWM")));
    return absl::OkStatus();
  }

 private:
  const BenchmarkOptions options_;
  Broker& broker_;
  const std::unique_ptr<TrailService::Stub> stub_;
  const SystemClock clock_;
};

absl::Status Measure(const BenchmarkOptions& options, const BrokerConfig& config) {
  const SystemClock clock;
  SystemRandom random;
  telemetry::Metrics metrics;
  ACCORD_RETURN_IF_ERROR(rpc::EnforceTls13());
  const absl::Time begun = clock.Now();
  ACCORD_ASSIGN_OR_RETURN(const auto broker, Broker::Open(config, clock, random, metrics));
  std::printf("opened in %s\n", absl::FormatDuration(clock.Now() - begun).c_str());
  BrokerServices services(*broker, metrics);
  ACCORD_ASSIGN_OR_RETURN(const auto server, rpc::Server::Start(config.server, services.all(), services.unreadable()));
  broker->Listen([](bool) {}, [] {});
  const std::string& root = options.directory;
  absl::Status status;
  {
    ACCORD_ASSIGN_OR_RETURN(const auto channel,
                            rpc::MakeChannel({.target = fmt::format("127.0.0.1:{}", server->port()),
                                              .tls = {root + "/alice.pem", root + "/alice.key", root + "/roots.pem"},
                                              .server_spiffe_id = crypto::testing::SpiffeId("broker/broker"),
                                              .share_connection = false}));
    status = Measurement(options, *broker, channel).Run();
  }
  services.EndStreams();
  server->Shutdown(absl::Seconds(5));
  broker->Shutdown();
  return status;
}

int Main(int argc, char** argv) {
  BenchmarkOptions options;
  CLI::App app("Measures trails over a store of many entries");
  app.add_option("--dir", options.directory, "Where the store is made, or was kept");
  app.add_option("--entries", options.entries, "Entries of the store, if it is made");
  app.add_option("--queries", options.queries, "Trails of cases to ask for");
  app.add_flag("--make-only", options.make_only, "Make the store and measure nothing");
  app.add_flag("--keep", options.keep, "Do not delete the store afterwards");
  CLI11_PARSE(app, argc, argv);
  const auto config = OpenStoreFolder(options.directory, options.entries);
  absl::Status status = config.status();
  if (status.ok() && !options.make_only) status = Measure(options, *config);
  if (status.ok() && !options.make_only && !options.keep) std::filesystem::remove_all(options.directory);
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(FromAbsl(status.message())).c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace accord::broker

int main(int argc, char** argv) { return accord::broker::Main(argc, argv); }
