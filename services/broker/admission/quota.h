// How much of the broker one agency may take, so that no agency's fault or flood is the others' delay.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/clock.h"
#include "services/broker/delivery/mailboxes.h"

namespace accord::broker {

// 0 of any: no limit of that kind.
struct QuotaLimits {
  uint32_t submissions_per_minute = 6'000;  // Of one agency, and as many at once.
  uint32_t streams_per_desk = 16;           // Open mailbox streams of one desk.
  uint32_t collect_interval_ms = 1'000;     // Between two calls of CollectMessages of one desk.
  uint32_t transfers_per_agency = 8;        // Sections on their way by UploadSection and FetchSection: each is held in memory.
};

// In memory: a restart begins anew. Agencies and desks are those that are enrolled, so what is kept is bounded.
//
// Every refusal is QUOTA_EXCEEDED with retry_after_ms; nothing is taken then.
//
// Thread-safe.
class Quotas {
 public:
  // The place of one open stream; given back when it is destroyed. An empty one holds none.
  class StreamPlace {
   public:
    StreamPlace() = default;
    StreamPlace(StreamPlace&& other) noexcept { *this = std::move(other); }
    StreamPlace& operator=(StreamPlace&& other) noexcept;
    ~StreamPlace();

   private:
    friend class Quotas;
    Quotas* quotas_ = nullptr;
    MailboxId desk_;
  };

  // The place of one section on its way; likewise.
  class TransferPlace {
   public:
    TransferPlace() = default;
    TransferPlace(TransferPlace&& other) noexcept { *this = std::move(other); }
    TransferPlace& operator=(TransferPlace&& other) noexcept;
    ~TransferPlace();

   private:
    friend class Quotas;
    Quotas* quotas_ = nullptr;
    std::string agency_;
  };

  // `clock` must outlive this.
  Quotas(QuotaLimits limits, const Clock& clock) : limits_(limits), clock_(clock) {}

  // Takes one submission. What is IMMEDIATE is counted, but goes on when this is refused.
  absl::Status TakeSubmission(std::string_view agency);
  // Takes the place of a stream. This must outlive the result.
  absl::StatusOr<StreamPlace> TakeStream(const MailboxId& desk);
  // Takes the place of an upload or a fetch. This must outlive the result.
  absl::StatusOr<TransferPlace> TakeTransfer(std::string_view agency);
  // Takes one call of CollectMessages.
  absl::Status TakeCollect(const MailboxId& desk);

 private:
  // Begins full, and fills evenly.
  struct Bucket {
    double left = 0;
    absl::Time filled;
  };

  // Takes one of `bucket`, which holds `size` and fills in `period`. How long until there is one; zero when it was taken.
  static absl::Duration TakeOne(Bucket& bucket, uint32_t size, absl::Duration period, absl::Time now);
  void GiveStream(const MailboxId& desk);
  void GiveTransfer(const std::string& agency);

  const QuotaLimits limits_;
  const Clock& clock_;

  absl::Mutex mu_;
  absl::flat_hash_map<std::string, Bucket> submissions_ ABSL_GUARDED_BY(mu_);  // By agency.
  std::map<MailboxId, Bucket> collects_ ABSL_GUARDED_BY(mu_);
  std::map<MailboxId, uint32_t> streams_ ABSL_GUARDED_BY(mu_);  // Those that have any.
  absl::flat_hash_map<std::string, uint32_t> transfers_ ABSL_GUARDED_BY(mu_);  // Likewise.
};

}  // namespace accord::broker
