// Metrics in the Prometheus text format. No personal data, and no case, referral
// or request ids, in names or labels. prometheus-cpp lives only in this folder.
//
//   Family<Counter> calls = metrics.Counters("accord_rpc_calls_total", "Calls ended.", {"method", "code"});
//   calls.With({method, code}).Add();
#pragma once

#include <absl/status/statusor.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace accord::telemetry {

// A family keeps at most this many label combinations; further ones are counted
// under the value "other" for every label, so that a peer cannot grow it.
inline constexpr size_t kSeriesMax = 512;

// Handles to one series; cheap to copy, valid as long as their Metrics. Thread-safe.
// Default-constructed ones measure nothing.
class Counter {
 public:
  void Add(double amount = 1) const;  // REQUIRES: amount ≥ 0.
  double value() const;

 private:
  template <typename> friend class Family;
  prometheus::Counter* impl_ = nullptr;
};

class Gauge {
 public:
  void Set(double value) const;
  void Add(double amount) const;
  double value() const;

 private:
  template <typename> friend class Family;
  prometheus::Gauge* impl_ = nullptr;
};

class Histogram {
 public:
  void Observe(double value) const;

 private:
  template <typename> friend class Family;
  prometheus::Histogram* impl_ = nullptr;
};

// Seconds, from 100 µs to a minute.
inline constexpr std::initializer_list<double> kSecondsBuckets = {
    .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60};

// One metric with its labels. Copies are handles. Thread-safe; With() takes a lock,
// so a hot path keeps the series. A default-constructed one measures nothing.
template <typename Series>
class Family {
 public:
  // REQUIRES: as many values as the family has label names.
  Series With(std::initializer_list<std::string_view> label_values = {}) const;

 private:
  friend class Metrics;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// The process's metrics. Thread-safe. Must outlive every handle.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  // Names are unique: asking twice with the same name and labels gives the same
  // series. REQUIRES: names and labels as Prometheus has them.
  Family<Counter> Counters(const std::string& name, const std::string& help, std::vector<std::string> labels = {});
  Family<Gauge> Gauges(const std::string& name, const std::string& help, std::vector<std::string> labels = {});
  Family<Histogram> Histograms(const std::string& name, const std::string& help, std::vector<std::string> labels = {},
                               std::vector<double> buckets = kSecondsBuckets);

  std::string Text() const;

 private:
  friend class Exposer;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Serves `/metrics` on 127.0.0.1 until destroyed.
class Exposer {
 public:
  // `metrics` must outlive the result. Port 0 picks a free one. UNAVAILABLE when
  // the port is taken.
  static absl::StatusOr<std::unique_ptr<Exposer>> Serve(Metrics& metrics, int port);
  ~Exposer();
  int port() const;

 private:
  struct Impl;
  explicit Exposer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Observes the seconds from its making to its end. Single-thread.
class Timer {
 public:
  Timer(Histogram histogram, const Clock& clock) : histogram_(histogram), clock_(clock), start_(clock.Now()) {}
  Timer(const Timer&) = delete;
  ~Timer() { histogram_.Observe(absl::ToDoubleSeconds(clock_.Now() - start_)); }

 private:
  const Histogram histogram_;
  const Clock& clock_;
  const absl::Time start_;
};

}  // namespace accord::telemetry
