#include "tests/system/kill_traffic.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "common/base/executor.h"
#include "tests/system/traffic.h"

namespace accord::tests {
namespace {

using agency::v1::InboxService;
using namespace type::v1;  // NOLINT: kinds of statements.

constexpr absl::Duration kPushPause = absl::Milliseconds(800);
constexpr absl::Duration kLookPause = absl::Milliseconds(500);
constexpr absl::Duration kAgainPause = absl::Milliseconds(50);
constexpr absl::Duration kAgainTime = absl::Minutes(2);  // Far longer than any program is away.
constexpr uint64_t kImmediateOneIn = 8;

// Asks until it is answered: a program that is killed or stopped answers UNAVAILABLE, or not in time.
bool Insist(const std::string& what, absl::FunctionRef<absl::Status()> ask) {
  const SystemClock clock;
  const absl::Time end = clock.Now() + kAgainTime;
  absl::Notification never;
  for (;;) {
    const absl::Status status = ask();
    if (status.ok()) return true;
    const bool away = status.code() == absl::StatusCode::kUnavailable || status.code() == absl::StatusCode::kDeadlineExceeded ||
                      status.code() == absl::StatusCode::kCancelled;
    if (!away || clock.Now() > end) {
      ADD_FAILURE() << what << ": " << status;
      return false;
    }
    never.WaitForNotificationWithTimeout(kAgainPause);
  }
}

// The last hexadecimal digit of the name's digest.
int LastDigit(const std::string& referral) {
  const char digit = referral.empty() ? '0' : referral.back();
  return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

}  // namespace

bool IsOpened(const std::string& referral) { return LastDigit(referral) % 2 == 1; }
bool IsAnswered(const std::string& referral) { return IsOpened(referral) && LastDigit(referral) % 8 != 1; }

class Traffic::Pusher {
 public:
  Pusher(World& world, std::string agency, uint64_t seed, absl::Notification& stop)
      : world_(world), agency_(std::move(agency)), random_(seed), stop_(stop), thread_(std::in_place, [this] { Loop(); }) {}

  std::vector<Pushed> Take() {
    thread_.reset();
    absl::MutexLock lock(&mu_);
    return std::move(pushed_);
  }

 private:
  void Loop() {
    for (int i = 1; !stop_.WaitForNotificationWithTimeout(kPushPause); ++i) {
      Pushed push{agency_, fmt::format("{}-push-{}", agency_, i), Recipients()};
      auto options = TestOptions(push.request_id, {push.recipients.begin(), push.recipients.end()});
      options.set_immediate(random_.Below(kImmediateOneIn) == 0);
      if (!Insist(push.request_id, [&] { return Push(world_, agency_, options).status(); })) return;
      absl::MutexLock lock(&mu_);
      pushed_.push_back(std::move(push));
    }
  }
  // One or two of the others.
  std::set<std::string> Recipients() {
    std::vector<std::string> others;
    for (const AgencyRow& row : kAgencies) {
      if (row.id != agency_) others.push_back(row.id);
    }
    std::set<std::string> chosen = {others[random_.Below(others.size())]};
    if (random_.Below(2) == 0) chosen.insert(others[random_.Below(others.size())]);
    return chosen;
  }

  World& world_;
  const std::string agency_;
  FakeRandom random_;
  absl::Notification& stop_;
  absl::Mutex mu_;
  std::vector<Pushed> pushed_ ABSL_GUARDED_BY(mu_);
  std::optional<Thread> thread_;  // Last: the rest is there when it begins.
};

class Traffic::Person {
 public:
  Person(World& world, std::string agency, absl::Notification& stop)
      : world_(world), agency_(std::move(agency)), stop_(stop), thread_(std::in_place, [this] { Loop(); }) {}

  std::multimap<std::string, Act> Take() {
    thread_.reset();
    absl::MutexLock lock(&mu_);
    return std::move(acts_);
  }

 private:
  void Loop() {
    while (!stop_.WaitForNotificationWithTimeout(kLookPause)) {
      const auto items = ListInbox(world_, agency_);
      if (!items.ok()) continue;
      for (const auto& item : *items) {
        if (stop_.HasBeenNotified() || !seen_.insert(item.referral()).second || !IsOpened(item.referral())) continue;
        if (!Open(item.referral()) || (IsAnswered(item.referral()) && !Answer(item.referral()))) return;
      }
    }
  }
  bool Open(const std::string& referral) {
    agency::v1::ReadReferralRequest request;
    return Do(referral, STATEMENT_KIND_OPENED, request, &InboxService::Stub::ReadReferral);
  }
  // Children's services decide, others accept.
  bool Answer(const std::string& referral) {
    if (agency_ != "childrens") {
      agency::v1::AcceptReferralRequest request;
      return Do(referral, STATEMENT_KIND_ACCEPTED, request, &InboxService::Stub::AcceptReferral);
    }
    agency::v1::DecideReferralRequest request;
    request.set_decision(CONTACT_DECISION_NO_FURTHER_ACTION);
    request.set_threshold(CONTACT_THRESHOLD_UNIVERSAL);
    request.set_decision_reason("threshold-not-met");
    return Do(referral, STATEMENT_KIND_DECIDED, request, &InboxService::Stub::DecideReferral);
  }
  template <typename Request, typename Method>
  bool Do(const std::string& referral, StatementKind kind, Request& request, Method method) {
    request.set_request_id(fmt::format("{}-{}-{}", agency_, static_cast<int>(kind), referral.substr(referral.size() - 24)));
    request.set_referral(referral);
    *request.mutable_worker() = TestWorker("person-1");
    if (!Insist(request.request_id(), [&] { return rpc::CallUnary(*world_.Own<InboxService>(agency_), method, request, kCallTime).status(); })) return false;
    absl::MutexLock lock(&mu_);
    acts_.insert({referral, {agency_, kind}});
    return true;
  }

  World& world_;
  const std::string agency_;
  absl::Notification& stop_;
  std::set<std::string> seen_;  // Of the thread.
  absl::Mutex mu_;
  std::multimap<std::string, Act> acts_ ABSL_GUARDED_BY(mu_);
  std::optional<Thread> thread_;  // Last: the rest is there when it begins.
};

Traffic::Traffic(World& world, Random& random) {
  for (const AgencyRow& row : kAgencies) {
    pushers_.push_back(std::make_unique<Pusher>(world, row.id, random.Below(1u << 30), stop_));
    people_.push_back(std::make_unique<Person>(world, row.id, stop_));
  }
}

Traffic::~Traffic() {
  if (!stop_.HasBeenNotified()) stop_.Notify();
}

void Traffic::End(std::vector<Pushed>& pushed, std::multimap<std::string, Act>& acts) {
  stop_.Notify();
  for (const auto& pusher : pushers_) {
    for (Pushed& push : pusher->Take()) pushed.push_back(std::move(push));
  }
  for (const auto& person : people_) acts.merge(person->Take());
}

}  // namespace accord::tests
