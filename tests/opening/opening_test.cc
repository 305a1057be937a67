// Goal: after a clean stop a broker opens as fast with a million entries as with ten thousand (design.md §5: opening reads O(log n)).
//
// Method: two stores are made by the broker itself, with commands that store a referral and put its four entries on a chain of its
// own, and stopped cleanly. A sample is the time that Broker::Open takes on a copy of such a store as it was left: by hard links
// for RocksDB's files, which it never changes in place, so that no sample profits from the opening before it. Samples of the two
// sizes alternate, so that a busy machine is busy for both; medians are compared. Warm: files are in the page cache.
// Cold: they were thrown out of it just before.
//
// ACCORD_OPENING_ENTRIES, such as 100000, makes the large store of another size.
#include <absl/synchronization/mutex.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "services/broker/broker.h"
#include "services/broker/directory/families.h"
#include "services/broker/testing_config.h"

namespace accord::broker {
namespace {

namespace fs = std::filesystem;

constexpr double kRatioMax = 1.5;  // The goal.
constexpr uint64_t kSmall = 10'000;
constexpr int kSamples = 11;
constexpr uint64_t kEntriesAReferral = 4;
constexpr size_t kReferralBytes = 2'048;
constexpr int kInFlightMax = 2'048;  // Commands.

uint64_t Large() {
  const char* const given = getenv("ACCORD_OPENING_ENTRIES");
  return given == nullptr ? 1'000'000 : std::strtoull(given, nullptr, 10);
}

// One referral as it is written over its life, in one command.
class ReferralCommand : public Command {
 public:
  explicit ReferralCommand(std::function<void(absl::Status)> done) : done_(std::move(done)) {}

  absl::Status Apply(CommitContext& context) override {
    ACCORD_ASSIGN_OR_RETURN(const NewChainOf chain, context.OpenChain());
    const std::string digest = context.RandomBytes(32);
    ACCORD_RETURN_IF_ERROR(context.PutSealed(kFamilyReferral, digest, chain.slot, context.RandomBytes(kReferralBytes)));
    uint64_t stored = 0;
    for (const auto type : {type::v1::EVENT_TYPE_REFERRAL_STORED, type::v1::EVENT_TYPE_RELEASED, type::v1::EVENT_TYPE_DELIVERED,
                            type::v1::EVENT_TYPE_STATEMENT}) {
      EntryDraft draft;
      draft.chains = {chain.pseudonym};
      draft.event.set_type(type);
      draft.event.set_agreement_version("2026-1");
      draft.actor.emplace().set_principal("agency/police/outbox");
      draft.actor->set_certificate(context.RandomBytes(32));
      draft.referral.emplace().set_header_digest(digest);
      draft.referral->set_sender("police");
      if (type == type::v1::EVENT_TYPE_REFERRAL_STORED) draft.decisions.emplace().set_decision_digest(context.RandomBytes(32));
      ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(draft));
      if (type == type::v1::EVENT_TYPE_REFERRAL_STORED) stored = index;
    }
    context.Put(kFamilyParty, PartyKey("police", stored), digest);
    return absl::OkStatus();
  }
  void Done(const absl::StatusOr<Committed>& outcome) override { done_(outcome.status()); }

 private:
  using NewChainOf = CommitContext::NewChain;
  const std::function<void(absl::Status)> done_;
};

class OpeningTest : public ::testing::Test {
 protected:
  OpeningTest() {
    std::string name = (fs::temp_directory_path() / "accord-opening-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~OpeningTest() override { fs::remove_all(root_); }

  BrokerConfig Config(const std::string& directory) {
    fs::create_directories(root_ + "/" + directory);
    return MakeTestingConfig(root_ + "/" + directory);
  }

  // A store of `entries`, stopped cleanly.
  void Make(const std::string& directory, uint64_t entries) {
    const BrokerConfig config = Config(directory);
    ASSERT_EQ(InitBroker(config, clock_, random_), absl::OkStatus());
    auto broker = Broker::Open(config, clock_, random_, metrics_);
    ASSERT_EQ(broker.status(), absl::OkStatus());
    absl::Mutex mu;
    int in_flight = 0, failed = 0;
    for (uint64_t made = 0; made < entries; made += kEntriesAReferral) {
      {
        absl::MutexLock lock(&mu);
        mu.Await(absl::Condition(+[](int* count) { return *count < kInFlightMax; }, &in_flight));
        ++in_flight;
      }
      (*broker)->sequencer().Submit(std::make_unique<ReferralCommand>([&](const absl::Status& status) {
        absl::MutexLock lock(&mu);
        --in_flight;
        failed += !status.ok();
      }));
    }
    {
      absl::MutexLock lock(&mu);
      mu.Await(absl::Condition(+[](int* count) { return *count == 0; }, &in_flight));
      ASSERT_EQ(failed, 0);
    }
    EXPECT_GE((*(*broker)->sequencer().View())->ledger().size(), entries);
    (*broker)->Shutdown();
  }

  // `from` as it is, in `to`: RocksDB's files by hard links, the others, which are written in place, as copies.
  void Copy(const std::string& from, const std::string& to) {
    for (const auto& file : fs::recursive_directory_iterator(root_ + "/" + from)) {
      const fs::path target = root_ + "/" + to + "/" + fs::relative(file, root_ + "/" + from).string();
      if (file.is_directory()) {
        fs::create_directories(target);
      } else if (file.path().parent_path().filename() == "store") {
        fs::create_hard_link(file, target);
      } else {
        fs::create_directories(target.parent_path());
        fs::copy_file(file, target);
      }
    }
  }
  void Evict(const std::string& directory) {
    for (const auto& file : fs::recursive_directory_iterator(root_ + "/" + directory)) {
      if (!file.is_regular_file()) continue;
      const int handle = open(file.path().c_str(), O_RDONLY);
      ASSERT_GE(handle, 0);
      EXPECT_EQ(fdatasync(handle), 0);
      EXPECT_EQ(posix_fadvise(handle, 0, 0, POSIX_FADV_DONTNEED), 0);
      close(handle);
    }
  }

  absl::Duration Sample(const std::string& directory, bool cold) {
    fs::remove_all(root_ + "/sample");
    Copy(directory, "sample");
    const BrokerConfig config = Config("sample");
    if (cold) Evict("sample");
    telemetry::Metrics metrics;
    const absl::Time start = clock_.Now();
    auto broker = Broker::Open(config, clock_, random_, metrics);
    const absl::Duration took = clock_.Now() - start;
    EXPECT_EQ(broker.status(), absl::OkStatus());
    return took;
  }

  std::string root_;
  const SystemClock clock_;
  SystemRandom random_;
  telemetry::Metrics metrics_;
};

absl::Duration Median(std::vector<absl::Duration> samples) {
  std::sort(samples.begin(), samples.end());
  return samples[samples.size() / 2];
}

TEST_F(OpeningTest, TakesAsLongWithAMillionEntriesAsWithTenThousand) {
  const absl::Time start = clock_.Now();
  Make("small", kSmall);
  Make("large", Large());
  std::printf("made in %s\n", absl::FormatDuration(clock_.Now() - start).c_str());
  for (const bool cold : {false, true}) {
    std::vector<absl::Duration> small, large;
    for (int i = 0; i < kSamples; ++i) {
      small.push_back(Sample("small", cold));
      large.push_back(Sample("large", cold));
    }
    const double ratio = absl::FDivDuration(Median(large), Median(small));
    std::printf("%s: %llu entries %s (%s to %s), %llu entries %s (%s to %s), ratio %.2f\n", cold ? "cold" : "warm",
                static_cast<unsigned long long>(kSmall), absl::FormatDuration(Median(small)).c_str(),
                absl::FormatDuration(*std::min_element(small.begin(), small.end())).c_str(),
                absl::FormatDuration(*std::max_element(small.begin(), small.end())).c_str(),
                static_cast<unsigned long long>(Large()), absl::FormatDuration(Median(large)).c_str(),
                absl::FormatDuration(*std::min_element(large.begin(), large.end())).c_str(),
                absl::FormatDuration(*std::max_element(large.begin(), large.end())).c_str(), ratio);
    EXPECT_LE(ratio, kRatioMax) << (cold ? "cold" : "warm");
  }
}

}  // namespace
}  // namespace accord::broker
