// Goal: with ten million entries in the log a case trail of fifty entries is answered in under 5 ms at the 99th percentile, a named question
// over one area and one year in under 2 s, and the broker's memory stays under 1 GiB (docs/performance.md).
//
// Method: a store is made that many entries long, each case's entries as far apart as it is long. Then a broker is opened over it and asked
// by an administrator over mutual TLS on the loopback, one question after the other, each about another case; what is timed is the whole
// call, its entry on the record included. The commit of that entry waits for the disk twice; so the same rows are also asked for as a second
// page, which has no entry of its own, and the disk's fdatasync is timed by itself. Memory is of the whole process: broker and client, with
// the programs' allocator.
#include <CLI/CLI.hpp>
#include <absl/synchronization/notification.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
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
#include "services/broker/questions/question.h"
#include "services/broker/trails/covered.h"
#include "tests/trails/make_store.h"

namespace accord::broker {
namespace {

using inspection::v1::AskQuestionRequest;
using inspection::v1::AskQuestionResponse;
using inspection::v1::QueryTrailRequest;
using inspection::v1::QueryTrailResponse;
using inspection::v1::TrailService;

constexpr absl::Duration kAnswerWithin = absl::Seconds(60);
constexpr uint64_t kDiskSyncs = 200;
constexpr size_t kDiskBytes = 2048;

struct BenchmarkOptions {
  std::string directory = "/var/tmp/accord-trails";
  uint64_t entries = 10'000'000;
  int queries = 2'000, questions = 1, skip = 0;
  bool make_only = false, keep = false;
};

// A line of /proc/self/status, such as "VmHWM", in MiB.
uint64_t MemoryMiB(const std::string& name) {
  const auto status = ReadFile("/proc/self/status");
  if (!status.ok()) return 0;
  const size_t at = status->find(name + ":");
  return at == std::string::npos ? 0 : std::stoull(status->substr(at + name.size() + 1)) / 1024;
}

// How long each of several calls took, what of the processors the whole process had for one of them, and the most rows that one had.
class Timings {
 public:
  // What `call` returns.
  template <typename Call>
  auto Time(const Call& call) {
    const absl::Time begun = clock_.Now();
    const std::clock_t processors = std::clock();
    auto result = call();
    took_.push_back(absl::ToDoubleMilliseconds(clock_.Now() - begun));
    processors_ += std::clock() - processors;
    return result;
  }
  void Rows(int rows) { rows_ = std::max(rows_, rows); }
  // One line; none if there were no calls.
  void Print(const std::string& what) {
    if (took_.empty()) return;
    std::sort(took_.begin(), took_.end());
    const auto at = [&](double share) { return took_[static_cast<size_t>(share * static_cast<double>(took_.size() - 1))]; };
    std::printf("%-58s %5zu times, up to %3d rows: p50 %.2f ms, p99 %.2f ms, most %.2f ms; processors %.2f ms each; memory %llu MiB\n",
                what.c_str(), took_.size(), rows_, at(0.5), at(0.99), took_.back(), ProcessorMs() / static_cast<double>(took_.size()),
                static_cast<unsigned long long>(MemoryMiB("VmRSS")));
    std::fflush(stdout);
  }

 private:
  double ProcessorMs() const { return 1000.0 * static_cast<double>(processors_) / CLOCKS_PER_SEC; }

  const SystemClock clock_{};
  std::clock_t processors_ = 0;
  std::vector<double> took_;
  int rows_ = 0;
};

class Measurement {
 public:
  Measurement(const BenchmarkOptions& options, Broker& broker, const std::shared_ptr<grpc::Channel>& channel)
      : options_(options), broker_(broker), stub_(TrailService::NewStub(channel)) {}

  // Asks `queries` times what `next` says; prints the rows of an answer and how long they took. With `rest` a first page of one row is had
  // before, and only the second is timed.
  absl::Status Ask(const std::string& what, int queries, const std::function<QueryTrailRequest(int number)>& next, bool rest = false) {
    Timings timings;
    for (int number = 0; number < queries; ++number) {
      QueryTrailRequest request = next(number);
      request.set_purpose("benchmark");
      if (rest) {
        request.set_page_size(1);
        ACCORD_ASSIGN_OR_RETURN(const auto first, Query(request));
        request.set_page_token(first.next_page_token());
        request.set_page_size(0);
      }
      ACCORD_ASSIGN_OR_RETURN(const auto response, timings.Time([&] { return Query(request); }));
      timings.Rows(response.rows_size());
    }
    timings.Print(what);
    return absl::OkStatus();
  }

  // What a commit waits for twice: a small write at the end of a file beside the store, made durable.
  absl::Status TimeDisk() {
    ACCORD_ASSIGN_OR_RETURN(const auto file, PositionedFile::Open(options_.directory + "/sync", /*create=*/true));
    Timings timings;
    for (uint64_t number = 0; number < kDiskSyncs; ++number) {
      ACCORD_RETURN_IF_ERROR(file->Write(number * kDiskBytes, std::string(kDiskBytes, 's')));
      ACCORD_RETURN_IF_ERROR(timings.Time([&] { return file->Sync(); }));
    }
    timings.Print("fdatasync of 2 KiB beside the store");
    return absl::OkStatus();
  }

  // Every question that takes areas and a period, `times` times, each of other areas.
  absl::Status AskQuestions(int areas, int times) {
    const int64_t from_ms = BegunMs() + absl::ToInt64Milliseconds(absl::Hours(24 * 30));
    for (const Question& question : Questions()) {
      const auto takes = ParametersOf(question);
      const bool needs_more = std::any_of(takes.begin(), takes.end(), [](const std::string& one) { return one.ends_with('!') && !one.ends_with("_ms!"); });
      if (question.one || needs_more) continue;
      Timings first, second;
      uint64_t referrals = 0;
      for (int number = 0; number < times; ++number) {
        AskQuestionRequest request;
        request.set_question(question.number);
        request.set_purpose("benchmark");
        for (int i = 0; i < areas; ++i) request.add_areas(StoreArea((number * 37 + static_cast<int>(question.number) * 11 + i) % kStoreAreas));
        request.set_from_ms(from_ms);
        request.set_until_ms(from_ms + 365 * kDayMs);
        ACCORD_ASSIGN_OR_RETURN(const auto response, first.Time([&] { return AskQuestion(request); }));
        first.Rows(response.table().rows_size());
        referrals = response.table().referrals();
        if (response.next_page_token().empty()) continue;
        request.set_page_token(response.next_page_token());
        ACCORD_ASSIGN_OR_RETURN(const auto more, second.Time([&] { return AskQuestion(request); }));
        second.Rows(more.table().rows_size());
      }
      const std::string what = fmt::format("question {} of {} areas and a year, {} referrals", question.number, areas, referrals);
      first.Print(what);
      second.Print(what + ": next page");
    }
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
        ACCORD_ASSIGN_OR_RETURN(const uint64_t kept, FactsKept(*view));
        indexed = std::min(indexed, kept);
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
      request.set_case_pseudonym(cases[(static_cast<size_t>(options_.skip) + static_cast<size_t>(number)) * 7919 % cases.size()]);
      return request;
    };
    ACCORD_RETURN_IF_ERROR(TimeDisk());
    ACCORD_RETURN_IF_ERROR(Ask("a case, the broker just opened", options_.queries, of_case));
    ACCORD_RETURN_IF_ERROR(WaitForIndex());
    ACCORD_RETURN_IF_ERROR(Ask("a case", options_.queries, of_case));
    ACCORD_RETURN_IF_ERROR(Ask("a case: its rows as a second page", options_.queries, of_case, /*rest=*/true));
    const int64_t month_ms = absl::ToInt64Milliseconds(absl::Hours(24 * 30)), begun_ms = BegunMs();
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
    for (const int areas : {1, 2}) ACCORD_RETURN_IF_ERROR(AskQuestions(areas, options_.questions));
    std::printf("memory at most %llu MiB\n", static_cast<unsigned long long>(MemoryMiB("VmHWM")));
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<QueryTrailResponse> Query(const QueryTrailRequest& request) {
    return rpc::CallUnary(*stub_, &TrailService::Stub::QueryTrail, request, kAnswerWithin);
  }
  absl::StatusOr<AskQuestionResponse> AskQuestion(const AskQuestionRequest& request) {
    return rpc::CallUnary(*stub_, &TrailService::Stub::AskQuestion, request, kAnswerWithin);
  }
  int64_t BegunMs() const { return absl::ToUnixMillis(clock_.Now()) - absl::ToInt64Milliseconds(absl::Hours(24 * kStoreDays)); }

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
  app.add_option("--skip", options.skip, "Cases to pass over: those that an earlier run asked about, which have its entries too");
  app.add_option("--questions", options.questions, "Times that each named question is asked of an area and a year, and of two areas; 0: not at all");
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
