// accord-bench: how fast the broker takes referrals, beside what gRPC and RocksDB allow at best.
//
//   accord-bench                  both servers in interleaved rounds, a table at the end
//   accord-bench --only accord    the broker alone, to be profiled
//
// Everything it makes lies in one temporary directory and ends with it. docs/performance.md says how to read it.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/base/version.h"
#include "common/console/manual.h"
#include "common/rpc/client.h"
#include "common/rpc/tls.h"
#include "services/bench/ceiling_server.h"
#include "services/bench/installation.h"
#include "services/bench/load.h"
#include "services/bench/process.h"
#include "services/bench/report.h"
#include "services/bench/submissions.h"

namespace accord::bench {
namespace {

constexpr int kFailed = 1, kWrongUse = 2;
constexpr absl::Duration kStartTimeout = absl::Seconds(30);
constexpr int kThreads = 2;
constexpr size_t kChunksMax = 1 << 20;
constexpr size_t kWarmUp = 512;              // Requests, before rates are known.
constexpr size_t kWindowRequestsMin = 64;
constexpr size_t kWindowRequestsMax = 40'000;  // Bounds memory: some 20 KB each.

struct Options {
  double seconds = 32;  // Of measuring, over all windows.
  size_t rounds = 4;
  size_t outstanding = 64;
  bool json = false;
  std::string directory = "/var/tmp";
  std::string broker;  // The program.
  std::string only;    // Empty, "ceiling" or "accord".
};

// A directory that ends with this object.
class ScratchDirectory {
 public:
  static absl::StatusOr<ScratchDirectory> Make(const std::string& parent) {
    std::string path = parent + "/accord-bench-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) return absl::UnavailableError(fmt::format("cannot make a directory in {}", parent));
    return ScratchDirectory(std::move(path));
  }
  ScratchDirectory(ScratchDirectory&& other) : path_(std::exchange(other.path_, "")) {}
  ~ScratchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  explicit ScratchDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// While it lives, SIGINT and SIGTERM end the process with the directory; the children go with it. Made before any thread,
// so that all of them leave these signals to it.
class Interruption {
 public:
  explicit Interruption(const std::string& directory) {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, kEnd}) sigaddset(&signals_, signal);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ = std::make_unique<Thread>([this, directory] {
      int signal = 0;
      sigwait(&signals_, &signal);
      if (signal == kEnd) return;
      std::error_code ignored;
      std::filesystem::remove_all(directory, ignored);
      _exit(kFailed);
    });
  }
  ~Interruption() { kill(getpid(), kEnd); }

 private:
  static constexpr int kEnd = SIGUSR1;
  sigset_t signals_;
  std::unique_ptr<Thread> thread_;
};

bool OnMemory(const std::string& path) {
  struct statfs facts {};
  return statfs(path.c_str(), &facts) == 0 && facts.f_type == TMPFS_MAGIC;
}

// A port that was free a moment ago.
absl::StatusOr<int> FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  const bool bound = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  if (fd >= 0) close(fd);
  if (!bound) return absl::UnavailableError("no free port");
  return ntohs(address.sin_port);
}

absl::Duration OwnCpu() {
  rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

// The last words of a server that failed.
std::string TailOf(const std::string& file) {
  constexpr size_t kTailBytes = 2000;
  const auto text = ReadFile(file);
  return text.ok() ? text->substr(text->size() - std::min(text->size(), kTailBytes)) : "";
}

// A server under measurement.
struct Server {
  std::unique_ptr<Process> process;
  std::string output_file;
  std::shared_ptr<grpc::Channel> channel;
  double per_second[2] = {0, 0};  // By Mode, as last seen.
};

absl::Status Connect(Server& server, const Installation& installation, int port) {
  ACCORD_ASSIGN_OR_RETURN(server.channel, rpc::MakeChannel({.target = fmt::format("127.0.0.1:{}", port),
                                                           .tls = installation.SenderTls(),
                                                           .server_spiffe_id = Installation::ServerSpiffeId()}));
  const auto in = [](absl::Duration wait) {
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(absl::ToInt64Milliseconds(wait), GPR_TIMESPAN));
  };
  for (absl::Duration waited; waited < kStartTimeout; waited += absl::Seconds(1)) {
    if (server.channel->WaitForConnected(in(absl::Seconds(1)))) return absl::OkStatus();
    const absl::Status ended = server.process->Wait(absl::ZeroDuration());
    if (ended.code() != absl::StatusCode::kDeadlineExceeded) {
      return absl::UnavailableError(fmt::format("a server ended before it served: {}\n{}", ended.ToString(), TailOf(server.output_file)));
    }
  }
  return absl::UnavailableError(fmt::format("a server does not answer\n{}", TailOf(server.output_file)));
}

class Bench {
 public:
  Bench(const Options& options, const std::string& self, const Clock& clock, Random& random)
      : options_(options), self_(self), clock_(clock), random_(random), executor_(kThreads, kChunksMax) {}

  absl::StatusOr<Report> Run(const std::string& directory);

 private:
  bool With(std::string_view server) const { return options_.only.empty() || options_.only == server; }
  absl::Status StartServers(const std::string& directory);
  // One window of `server`; of accord every answer is checked.
  absl::StatusOr<Sample> Window(Server& server, const std::vector<Submission>& submissions, size_t count, Mode mode, bool check);
  absl::Status Round(Mode mode, absl::Duration window, Report* report);

  const Options& options_;
  const std::string self_;
  const Clock& clock_;
  Random& random_;
  Executor executor_;
  std::unique_ptr<Installation> installation_;
  std::unique_ptr<SubmissionMaker> maker_;
  std::unique_ptr<AnswerChecker> checker_;
  Server ceiling_, accord_;
  size_t receipts_verified_ = 0, answer_bytes_ = 0;
};

absl::Status Bench::StartServers(const std::string& directory) {
  ACCORD_ASSIGN_OR_RETURN(const int ceiling_port, FreePort());
  ACCORD_ASSIGN_OR_RETURN(int accord_port, FreePort());
  ACCORD_ASSIGN_OR_RETURN(Installation installation, Installation::Make(directory, accord_port));
  installation_ = std::make_unique<Installation>(std::move(installation));
  // Children first: gRPC starts threads with the first channel.
  if (With("ceiling")) {
    const rpc::TlsFiles tls = installation_->ServerTls();
    ceiling_.output_file = directory + "/ceiling.log";
    ACCORD_ASSIGN_OR_RETURN(ceiling_.process,
                            Process::Start({self_, "ceiling-server", "--directory", directory + "/ceiling", "--port",
                                            std::to_string(ceiling_port), "--certificate", tls.certificate, "--private-key",
                                            tls.private_key, "--roots", tls.roots},
                                           ceiling_.output_file));
  }
  if (With("accord")) {
    accord_.output_file = directory + "/broker.log";
    const std::vector<std::string> serve = {options_.broker, "--config", installation_->broker_config()};
    std::vector<std::string> init = serve;
    init.push_back("init");
    ACCORD_ASSIGN_OR_RETURN(const auto initialiser, Process::Start(init, accord_.output_file));
    if (const absl::Status made = initialiser->Wait(kStartTimeout); !made.ok()) {
      return absl::UnavailableError(fmt::format("{} init: {}\n{}", options_.broker, made.ToString(), TailOf(accord_.output_file)));
    }
    ACCORD_ASSIGN_OR_RETURN(accord_.process, Process::Start(serve, accord_.output_file));
    ACCORD_ASSIGN_OR_RETURN(ledger::Vkey log, installation_->LogKey());
    checker_ = std::make_unique<AnswerChecker>(std::move(log));
  }
  if (With("ceiling")) ACCORD_RETURN_IF_ERROR(Connect(ceiling_, *installation_, ceiling_port));
  if (With("accord")) ACCORD_RETURN_IF_ERROR(Connect(accord_, *installation_, accord_port));
  return absl::OkStatus();
}

absl::StatusOr<Sample> Bench::Window(Server& server, const std::vector<Submission>& submissions, size_t count, Mode mode,
                                     bool check) {
  const absl::Duration server_before = server.process->Cpu(), client_before = OwnCpu();
  const uint64_t disk_before = server.process->DiskBytes();
  const auto sent = Send(server.channel, submissions, count, options_.outstanding, mode, clock_);
  if (!sent.ok()) {
    return absl::UnavailableError(fmt::format("{}\n{}", sent.status().ToString(), TailOf(server.output_file)));
  }
  const Sample sample = MakeSample(*sent, server.process->Cpu() - server_before, OwnCpu() - client_before,
                                   server.process->DiskBytes() - disk_before);
  server.per_second[static_cast<size_t>(mode)] = sample.per_second;
  for (size_t i = 0; check && i < count; ++i) {
    const bool verify = i % AnswerChecker::kReceiptEvery == 0;
    ACCORD_RETURN_IF_ERROR(checker_->Check(submissions[i], sent->answers[i], mode, verify));
    receipts_verified_ += verify ? 1 : 0;
    answer_bytes_ = sent->answers[i].Length();
  }
  return sample;
}

absl::Status Bench::Round(Mode mode, absl::Duration window, Report* report) {
  const auto m = static_cast<size_t>(mode);
  const auto count_for = [&](const Server& server) {
    if (report == nullptr) return std::max(kWarmUp / 8, std::min(kWarmUp, options_.outstanding * 8));
    const double wanted = server.per_second[m] * absl::ToDoubleSeconds(window);
    return std::clamp(static_cast<size_t>(wanted), kWindowRequestsMin, kWindowRequestsMax);
  };
  // The broker refuses what it has seen; the ceiling takes the same again and again.
  ACCORD_ASSIGN_OR_RETURN(const std::vector<Submission> submissions,
                          maker_->Prepare(With("accord") ? count_for(accord_) : kWarmUp, mode));
  const auto measure = [&](Server& server, Series* series, size_t count, bool check) -> absl::Status {
    ACCORD_ASSIGN_OR_RETURN(const Sample sample, Window(server, submissions, count, mode, check));
    if (series != nullptr) series->samples.push_back(sample), series->operations += count;
    return absl::OkStatus();
  };
  if (With("ceiling")) ACCORD_RETURN_IF_ERROR(measure(ceiling_, report ? &report->ceiling[m] : nullptr, count_for(ceiling_), false));
  if (With("accord")) ACCORD_RETURN_IF_ERROR(measure(accord_, report ? &report->accord[m] : nullptr, submissions.size(), true));
  if (report != nullptr) report->request_bytes = static_cast<double>(submissions.front().request.Length());
  return absl::OkStatus();
}

absl::StatusOr<Report> Bench::Run(const std::string& directory) {
  ACCORD_RETURN_IF_ERROR(StartServers(directory));
  ACCORD_ASSIGN_OR_RETURN(SubmissionMaker maker, SubmissionMaker::Make(*installation_, executor_, clock_, random_));
  maker_ = std::make_unique<SubmissionMaker>(std::move(maker));
  Report report;
  report.rounds = options_.rounds;
  report.outstanding = options_.outstanding;
  report.on_memory = OnMemory(directory);
  const double windows = static_cast<double>(options_.rounds) * (options_.only.empty() ? 4 : 2);
  const absl::Duration window = absl::Seconds(options_.seconds / windows);
  for (const Mode mode : {Mode::kUnary, Mode::kStreamed}) ACCORD_RETURN_IF_ERROR(Round(mode, window, nullptr));
  for (size_t round = 0; round < options_.rounds; ++round) {
    for (const Mode mode : {Mode::kUnary, Mode::kStreamed}) ACCORD_RETURN_IF_ERROR(Round(mode, window, &report));
  }
  report.receipts_verified = receipts_verified_;
  report.answer_bytes = static_cast<double>(answer_bytes_);
  return report;
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "accord-bench: %s\n", std::string(FromAbsl(status.message())).c_str());
  return kFailed;
}

int Main(int argc, char** argv) {
  CLI::App app("Measures how fast the broker takes referrals, beside what gRPC and RocksDB allow at best.", "accord-bench");
  app.set_version_flag("--version", kVersion);
  console::AddManualFlag(app);
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  Options options;
  options.broker = (std::filesystem::path(self).parent_path() / "accord-broker").string();
  app.add_option("--seconds", options.seconds, "Seconds of measuring, over all rounds")->capture_default_str()->check(CLI::Range(0.1, 3600.0));
  app.add_option("--rounds", options.rounds, "Rounds, each with a window of every server and mode")->capture_default_str()->check(CLI::Range(1, 1000));
  app.add_option("--outstanding", options.outstanding, "Requests unanswered at a time")->capture_default_str()->check(CLI::Range(1, 100));
  app.add_option("--dir", options.directory, "Where to make a temporary directory: the disk that is measured")->capture_default_str();
  app.add_option("--broker", options.broker, "The accord-broker program")->capture_default_str();
  app.add_option("--only", options.only, "One server alone: ceiling or accord")->check(CLI::IsMember({"ceiling", "accord"}));
  app.add_flag("--json", options.json, "Print JSON");

  std::string directory;
  int port = 0;
  rpc::TlsFiles tls;
  CLI::App* const ceiling = app.add_subcommand("ceiling-server", "The child that serves the ceiling")->group("");
  ceiling->add_option("--directory", directory)->required();
  ceiling->add_option("--port", port)->required();
  ceiling->add_option("--certificate", tls.certificate)->required();
  ceiling->add_option("--private-key", tls.private_key)->required();
  ceiling->add_option("--roots", tls.roots)->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUse;
  }
  if (ceiling->parsed()) {
    const absl::Status served = RunCeilingServer(directory, port, tls);
    return served.ok() ? 0 : Fail(served);
  }

  if (const absl::Status enforced = rpc::EnforceTls13(); !enforced.ok()) return Fail(enforced);
  const auto scratch = ScratchDirectory::Make(options.directory);
  if (!scratch.ok()) return Fail(scratch.status());
  const Interruption interruption(scratch->path());
  const SystemClock clock;
  SystemRandom random;
  absl::StatusOr<Report> report;
  {
    Bench bench(options, self, clock, random);
    report = bench.Run(scratch->path());
  }
  if (!report.ok()) return Fail(report.status());
  std::fputs((options.json ? ToJson(*report) : ToText(*report)).c_str(), stdout);
  return 0;
}

}  // namespace
}  // namespace accord::bench

int main(int argc, char** argv) { return accord::bench::Main(argc, argv); }
