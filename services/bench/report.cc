#include "services/bench/report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/base/status.h"
#include "common/base/version.h"

namespace accord::bench {
namespace {

using nlohmann::ordered_json;

constexpr const char* kModes[] = {"unary", "streamed"};
constexpr double kGoals[] = {kGoalUnary, kGoalStreamed};

double Median(std::vector<double> values) {
  ACCORD_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Sample Medians(const Series& series) {
  Sample medians;
  for (double Sample::*field : {&Sample::per_second, &Sample::p50_ms, &Sample::p99_ms, &Sample::server_cpu_us,
                                &Sample::client_cpu_us, &Sample::disk_bytes}) {
    std::vector<double> values;
    for (const Sample& sample : series.samples) values.push_back(sample.*field);
    medians.*field = Median(std::move(values));
  }
  return medians;
}

// Of each round, whose windows lie side by side in time.
std::vector<double> Ratios(const Report& report, size_t mode) {
  std::vector<double> ratios;
  const auto& ceiling = report.ceiling[mode].samples;
  const auto& accord = report.accord[mode].samples;
  for (size_t i = 0; i < std::min(ceiling.size(), accord.size()); ++i) {
    ratios.push_back(accord[i].per_second / ceiling[i].per_second);
  }
  return ratios;
}

double Rounded(double value, int digits) {
  const double scale = std::pow(10, digits);
  return std::round(value * scale) / scale;
}

ordered_json ToJson(const Series& series) {
  const Sample medians = Medians(series);
  return {{"operations", series.operations},
          {"per_second", Rounded(medians.per_second, 1)},
          {"p50_ms", Rounded(medians.p50_ms, 3)},
          {"p99_ms", Rounded(medians.p99_ms, 3)},
          {"server_cpu_us", Rounded(medians.server_cpu_us, 1)},
          {"client_cpu_us", Rounded(medians.client_cpu_us, 1)},
          {"disk_bytes", Rounded(medians.disk_bytes, 0)}};
}

}  // namespace

Sample MakeSample(const Sent& sent, absl::Duration server_cpu, absl::Duration client_cpu, uint64_t disk_bytes) {
  std::vector<absl::Duration> latencies = sent.latencies;
  std::sort(latencies.begin(), latencies.end());
  const size_t count = latencies.size();
  const auto at = [&](double part) { return absl::ToDoubleMilliseconds(latencies[static_cast<size_t>(part * static_cast<double>(count - 1))]); };
  const auto each = static_cast<double>(count);
  return {each / absl::ToDoubleSeconds(sent.elapsed), at(0.5), at(0.99), absl::ToDoubleMicroseconds(server_cpu) / each,
          absl::ToDoubleMicroseconds(client_cpu) / each, static_cast<double>(disk_bytes) / each};
}

std::string ToJson(const Report& report) {
  ordered_json json = {{"version", kVersion},
                       {"cores", sysconf(_SC_NPROCESSORS_ONLN)},
                       {"rounds", report.rounds},
                       {"outstanding", report.outstanding},
                       {"on_memory", report.on_memory},
                       {"referral",
                        {{"plaintext_bytes", kPlaintextBytes},
                         {"sections", kSections},
                         {"recipients", kRecipients},
                         {"request_bytes", Rounded(report.request_bytes, 0)},
                         {"answer_bytes", Rounded(report.answer_bytes, 0)}}},
                       {"receipts_verified", report.receipts_verified}};
  for (const auto& [name, series] : {std::pair{"ceiling", report.ceiling}, std::pair{"accord", report.accord}}) {
    for (size_t mode = 0; mode < 2; ++mode) {
      if (!series[mode].samples.empty()) json[name][kModes[mode]] = ToJson(series[mode]);
    }
  }
  for (size_t mode = 0; mode < 2; ++mode) {
    const std::vector<double> ratios = Ratios(report, mode);
    if (ratios.empty()) continue;
    json["ratio"][kModes[mode]] = {{"median", Rounded(Median(ratios), 3)},
                                   {"least", Rounded(*std::min_element(ratios.begin(), ratios.end()), 3)},
                                   {"most", Rounded(*std::max_element(ratios.begin(), ratios.end()), 3)},
                                   {"goal", kGoals[mode]}};
  }
  return json.dump(2) + "\n";
}

std::string ToText(const Report& report) {
  std::string text = fmt::format(
      "A referral: {} bytes of plaintext in {} sections for {} recipients; {:.0f} bytes as sent, {:.0f} as answered.\n"
      "Medians of {} rounds, {} outstanding, {} cores shared by client and server; {} receipts verified.\n\n"
      "{:<18}{:>10}{:>10}{:>10}{:>14}{:>14}{:>13}\n",
      kPlaintextBytes, kSections, kRecipients, report.request_bytes, report.answer_bytes, report.rounds, report.outstanding,
      sysconf(_SC_NPROCESSORS_ONLN), report.receipts_verified, "", "per s", "p50 ms", "p99 ms", "server µs/op",
      "client µs/op", "disk B/op");
  for (size_t mode = 0; mode < 2; ++mode) {
    for (const auto& [name, series] : {std::pair{"ceiling", report.ceiling}, std::pair{"accord", report.accord}}) {
      if (series[mode].samples.empty()) continue;
      const Sample m = Medians(series[mode]);
      text += fmt::format("{:<18}{:>10.0f}{:>10.2f}{:>10.2f}{:>13.0f}{:>13.0f}{:>13.0f}\n", fmt::format("{} {}", name, kModes[mode]),
                          m.per_second, m.p50_ms, m.p99_ms, m.server_cpu_us, m.client_cpu_us, m.disk_bytes);
    }
    const std::vector<double> ratios = Ratios(report, mode);
    if (ratios.empty()) continue;
    text += fmt::format("{:<18}{:>10.2f}  of the ceiling, {:.2f} to {:.2f}; goal {:.1f}: {}\n", "", Median(ratios),
                        *std::min_element(ratios.begin(), ratios.end()), *std::max_element(ratios.begin(), ratios.end()),
                        kGoals[mode], Median(ratios) >= kGoals[mode] ? "reached" : "not reached");
  }
  if (report.on_memory) text += "\nThe directory is in memory: fsync cost nothing, so these figures say little.\n";
  return text;
}

}  // namespace accord::bench
