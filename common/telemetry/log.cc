#include "common/telemetry/log.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <cmath>
#include <cstdio>

#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::telemetry {
namespace {

constexpr size_t kCodeCharsMax = 200;
constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warn", "error"};

// The open log. `mu` is held for reading over the hand-over to spdlog, which
// queues and does not wait.
struct OpenLog {
  absl::Mutex mu;
  std::shared_ptr<spdlog::details::thread_pool> pool ABSL_GUARDED_BY(mu);
  std::shared_ptr<spdlog::async_logger> logger ABSL_GUARDED_BY(mu);
  const Clock* clock ABSL_GUARDED_BY(mu) = nullptr;
  Level level ABSL_GUARDED_BY(mu) = Level::kWarn;
};

OpenLog& TheLog() {
  static OpenLog* const log = new OpenLog;  // Never destroyed: threads may log to the end.
  return *log;
}

void AppendCode(std::string& json, std::string_view code) {
  json += '"';
  for (const char c : code.substr(0, kCodeCharsMax)) {
    const bool allowed = absl::ascii_isalnum(c) || std::string_view("._:/@+,=-").find(c) != std::string_view::npos;
    json += allowed ? c : '_';
  }
  json += '"';
}

std::string_view CodeOf(const absl::Status& status) {
  if (status.ok()) return "OK";
  const Reason reason = DetailOf(status).reason;
  static const auto* const kCanonical = new std::array<std::string, 17>([] {
    std::array<std::string, 17> names;
    for (int i = 0; i < 17; ++i) names[i] = absl::StatusCodeToString(static_cast<absl::StatusCode>(i));
    return names;
  }());
  return HasReason(status, reason) ? RowOf(reason).name : std::string_view((*kCanonical)[status.raw_code() % 17]);
}

}  // namespace

Field::Field(std::string_view key, const absl::Status& status) : Field(key, CodeOf(status)) {}

void Field::AppendTo(std::string& json) const {
  AppendCode(json, key_);
  json += ':';
  switch (kind_) {
    case Kind::kCode: AppendCode(json, code_); break;
    case Kind::kWhole: json += fmt::format("{}", whole_); break;
    case Kind::kReal: json += std::isfinite(real_) ? fmt::format("{}", real_) : "null"; break;
    case Kind::kBool: json += whole_ != 0 ? "true" : "false"; break;
  }
}

absl::Status StartLog(const LogOptions& options, const Clock& clock) {
  OpenLog& log = TheLog();
  absl::MutexLock lock(&log.mu);
  ACCORD_CHECK(log.logger == nullptr);
  try {
    spdlog::sink_ptr sink;
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    }
    sink->set_pattern("%v");
    log.pool = std::make_shared<spdlog::details::thread_pool>(kLogLinesMax, 1);
    log.logger = std::make_shared<spdlog::async_logger>("accord", std::move(sink), log.pool,
                                                        spdlog::async_overflow_policy::overrun_oldest);
    log.logger->set_level(spdlog::level::trace);
    log.logger->flush_on(spdlog::level::trace);  // By the writer's thread: a line that was written is seen.
  } catch (const spdlog::spdlog_ex& error) {
    return absl::InvalidArgumentError(error.what());
  }
  log.clock = &clock;
  log.level = options.level;
  return absl::OkStatus();
}

void StopLog() {
  OpenLog& log = TheLog();
  absl::MutexLock lock(&log.mu);
  log.logger.reset();
  log.pool.reset();  // Writes what is queued, then joins.
  log.clock = nullptr;
  log.level = Level::kWarn;
}

void Log(Level level, std::string_view event, std::initializer_list<Field> fields) {
  OpenLog& log = TheLog();
  absl::ReaderMutexLock lock(&log.mu);
  if (level < log.level) return;
  const absl::Time now = log.clock != nullptr ? log.clock->Now() : SystemClock().Now();
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","event":)",
                                 absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", now, absl::UTCTimeZone()),
                                 kLevelNames[static_cast<size_t>(level)]);
  AppendCode(line, event);
  for (const Field& field : fields) {
    line += ',';
    field.AppendTo(line);
  }
  line += '}';
  if (log.logger != nullptr) {
    log.logger->log(spdlog::level::info, spdlog::string_view_t(line));
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
}

}  // namespace accord::telemetry
