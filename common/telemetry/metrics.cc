#include "common/telemetry/metrics.h"

#include <absl/synchronization/mutex.h>
#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>

#include "common/base/status.h"

namespace accord::telemetry {

void Counter::Add(double amount) const {
  if (impl_ != nullptr) impl_->Increment(amount);
}
double Counter::value() const { return impl_ == nullptr ? 0 : impl_->Value(); }
void Gauge::Set(double value) const {
  if (impl_ != nullptr) impl_->Set(value);
}
void Gauge::Add(double amount) const {
  if (impl_ != nullptr) impl_->Increment(amount);
}
double Gauge::value() const { return impl_ == nullptr ? 0 : impl_->Value(); }
void Histogram::Observe(double value) const {
  if (impl_ != nullptr) impl_->Observe(value);
}

template <typename Series>
struct Family<Series>::Impl {
  using Native = std::remove_pointer_t<decltype(Series::impl_)>;

  Impl(prometheus::Family<Native>& family, std::vector<std::string> labels, std::vector<double> buckets)
      : family(family), labels(std::move(labels)), buckets(std::move(buckets)) {}

  Series With(std::vector<std::string> values) {
    ACCORD_CHECK(values.size() == labels.size());
    absl::MutexLock lock(&mu);
    auto found = series.find(values);
    if (found == series.end() && series.size() >= kSeriesMax) {
      values.assign(labels.size(), "other");
      found = series.find(values);
    }
    if (found != series.end()) return found->second;
    prometheus::Labels named;
    for (size_t i = 0; i < labels.size(); ++i) named.emplace(labels[i], values[i]);
    Series made;
    if constexpr (std::is_same_v<Native, prometheus::Histogram>) {
      made.impl_ = &family.Add(named, buckets);
    } else {
      made.impl_ = &family.Add(named);
    }
    return series.emplace(std::move(values), made).first->second;
  }

  prometheus::Family<Native>& family;
  const std::vector<std::string> labels;
  const std::vector<double> buckets;
  absl::Mutex mu;
  std::map<std::vector<std::string>, Series> series ABSL_GUARDED_BY(mu);
};

template <typename Series>
Series Family<Series>::With(std::initializer_list<std::string_view> label_values) const {
  if (impl_ == nullptr) return {};
  return impl_->With({label_values.begin(), label_values.end()});
}
template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

struct Metrics::Impl {
  const std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  absl::Mutex mu;
  std::map<std::string, Family<Counter>> counters ABSL_GUARDED_BY(mu);
  std::map<std::string, Family<Gauge>> gauges ABSL_GUARDED_BY(mu);
  std::map<std::string, Family<Histogram>> histograms ABSL_GUARDED_BY(mu);
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Family<Counter> Metrics::Counters(const std::string& name, const std::string& help, std::vector<std::string> labels) {
  absl::MutexLock lock(&impl_->mu);
  Family<Counter>& family = impl_->counters[name];
  if (family.impl_ == nullptr) {
    auto& native = prometheus::BuildCounter().Name(name).Help(help).Register(*impl_->registry);
    family.impl_ = std::make_shared<Family<Counter>::Impl>(native, std::move(labels), std::vector<double>());
  }
  return family;
}

Family<Gauge> Metrics::Gauges(const std::string& name, const std::string& help, std::vector<std::string> labels) {
  absl::MutexLock lock(&impl_->mu);
  Family<Gauge>& family = impl_->gauges[name];
  if (family.impl_ == nullptr) {
    auto& native = prometheus::BuildGauge().Name(name).Help(help).Register(*impl_->registry);
    family.impl_ = std::make_shared<Family<Gauge>::Impl>(native, std::move(labels), std::vector<double>());
  }
  return family;
}

Family<Histogram> Metrics::Histograms(const std::string& name, const std::string& help, std::vector<std::string> labels,
                                      std::vector<double> buckets) {
  absl::MutexLock lock(&impl_->mu);
  Family<Histogram>& family = impl_->histograms[name];
  if (family.impl_ == nullptr) {
    auto& native = prometheus::BuildHistogram().Name(name).Help(help).Register(*impl_->registry);
    family.impl_ = std::make_shared<Family<Histogram>::Impl>(native, std::move(labels), std::move(buckets));
  }
  return family;
}

std::string Metrics::Text() const { return prometheus::TextSerializer().Serialize(impl_->registry->Collect()); }

struct Exposer::Impl {
  explicit Impl(int port)
      : server({"listening_ports", fmt::format("127.0.0.1:{}", port), "num_threads", "2"}) {}
  prometheus::Exposer server;
};

Exposer::Exposer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Exposer::~Exposer() = default;

absl::StatusOr<std::unique_ptr<Exposer>> Exposer::Serve(Metrics& metrics, int port) {
  try {
    std::unique_ptr<Exposer> exposer(new Exposer(std::make_unique<Impl>(port)));
    exposer->impl_->server.RegisterCollectable(metrics.impl_->registry);
    return exposer;
  } catch (const std::exception& error) {  // CivetWeb's, whose header is not installed.
    return absl::UnavailableError(fmt::format("cannot serve metrics on 127.0.0.1:{}: {}", port, error.what()));
  }
}

int Exposer::port() const { return impl_->server.GetListeningPorts().at(0); }

}  // namespace accord::telemetry
