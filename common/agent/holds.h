// Legal holds at an agency, and the erasure of its own copies that they forbid for now (ADR 0017).
//
//   notice ──▶ stored, acknowledged ──▶ looked up in our own store ──▶ answer durable ──▶ sent until the broker has answered
//
// The service answers by itself: HELD if it has content of any referral that the hold names, received or sent; else ALREADY_ERASED
// with the newest date if it erased any; else NOTHING_HELD. That is of this store alone; a person answers for the agency's other
// systems, and that answer stands, but that nobody may say otherwise than HELD while this store has some of it.
//
// Erasing a copy deletes it and leaves when and by whom, and its receipts. Values of the store are encrypted under one key of the
// store, not one for each referral, so what makes the bytes go is the deletion and the purge of the files after it, which is
// finished at the next start if it was cut short.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/broker/v1/mailbox_service.pb.h"
#include "accord/storage/v1/agent.pb.h"
#include "common/agent/agency_store.h"
#include "common/agent/alarm.h"
#include "common/agent/broker_link.h"
#include "common/agent/inbox.h"
#include "common/agent/log_watch.h"
#include "common/agent/outbox.h"
#include "common/agent/waiting.h"
#include "common/base/clock.h"

namespace accord::agent {

inline constexpr size_t kHoldIdBytesMax = 63;
inline constexpr int kNoticeReferralsMax = 2000;

// A hold with its id.
struct AgencyHold {
  std::string id;
  storage::v1::StoredAgencyHold stored;
};

// Thread-safe. One answer is sent at a time.
class Holds {
 public:
  // `purge` makes the bytes of everything deleted so far go from the store's files; it may block for long.
  Holds(AgencyStore& store, BrokerLink& broker, LogWatch& log, Alarm& alarm, Inbox& inbox, Outbox& outbox, const Clock& clock,
        std::function<absl::Status()> purge)
      : store_(store), broker_(broker), log_(log), alarm_(alarm), inbox_(inbox), outbox_(outbox), clock_(clock), purge_(std::move(purge)) {}

  // Finds what is still to be looked up, answered and purged. Errors of the store.
  absl::Status Load();

  // Takes a delivery with a notice. As Inbox::Receive.
  absl::Status Receive(const broker::v1::Delivery& delivery);

  // A referral was received: a hold that named it before may have been answered without it, and is looked up again. To be called
  // before the delivery is acknowledged.
  absl::Status Arrived(std::string_view header_digest);

  // Looks up and answers what is to be, sends what waits, erases what was answered to be gone, and purges what an erasure left.
  // Called after a notice and periodically. Blocks on the broker. OK: nothing is left to do.
  absl::Status Step();

  // Answers that are still to be given or taken, and a purge that is due. In no order. Errors of the store.
  absl::StatusOr<std::vector<Wait>> Waits() const;

  // By id; `after` empty for the first page. REQUIRES: 1 ≤ limit ≤ 500.
  absl::StatusOr<std::vector<AgencyHold>> List(std::string_view after, int limit) const;

  // A person's answer, for what the agency holds anywhere. OK: the broker took it.
  //   HOLD_NOT_FOUND, FIELD_INVALID
  //   TRANSITION_ILLEGAL   this store has some of it, and the answer is not HELD
  //   REQUEST_ID_REUSED    the broker knows the id for another answer
  //   BROKER_UNREACHABLE   it is durable, and is sent again by itself
  absl::StatusOr<AgencyHold> Answer(const std::string& request_id, const std::string& hold, type::v1::HoldAnswer answer,
                                    int64_t erased_at_ms, const type::v1::Worker& worker);

  // Answers a change of what was received (Inbox::AnswerChange); an answer that says our copy is gone erases it, at once or, when
  // that fails, by itself later. What is to be erased is not shown any more.
  //   ON_HOLD  a hold in force names it: it may not be destroyed; nothing was said
  absl::StatusOr<InboxEntry> AnswerChange(const std::string& request_id, std::string_view header_digest,
                                          const type::v1::Worker& worker, const ChangeAnswered& answer);

  // Erases the agency's copy of a referral it received or sent. OK: durable, and purged from the files; when it was erased,
  // the first time if that was before.
  //   ON_HOLD             a hold in force names it; nothing was erased
  //   REFERRAL_NOT_FOUND  no such copy
  //   those of Inbox::Erase and Outbox::Erase
  //   UNAVAILABLE         erased, but its bytes may still be in a file: they are purged by themselves later
  absl::StatusOr<int64_t> Erase(std::string_view header_digest, const type::v1::Worker& worker);

 private:
  absl::StatusOr<AgencyHold> Get(std::string_view id) const;
  // The id of a hold in force that names the referral; empty when there is none.
  absl::StatusOr<std::string> HoldOn(std::string_view header_digest) const;
  struct Looked {
    type::v1::HoldAnswer answer = type::v1::HOLD_ANSWER_NOTHING_HELD;
    int64_t erased_at_ms = 0;
  };
  absl::StatusOr<Looked> Look(std::string_view id) const;
  absl::Status Save(const AgencyHold& hold) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Puts an answer into `hold`, to be sent.
  static void Say(AgencyHold& hold, std::string request_id, type::v1::HoldAnswer answer, int64_t erased_at_ms,
                  const type::v1::Worker& worker);
  absl::Status LookUp(const std::string& id) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Send(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(send_mu_) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status PurgeErased();

  AgencyStore& store_;
  BrokerLink& broker_;
  LogWatch& log_;
  Alarm& alarm_;
  Inbox& inbox_;
  Outbox& outbox_;
  const Clock& clock_;
  const std::function<absl::Status()> purge_;

  absl::Mutex send_mu_;  // Held over calls to the broker; taken before mu_, never after.
  // Taken before the locks of inbox and outbox, never after: a hold that arrives and an erasure exclude each other.
  mutable absl::Mutex mu_;
  std::set<std::string> to_do_ ABSL_GUARDED_BY(mu_);  // Holds to be looked up or whose answer waits for the broker.
  bool purge_due_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace accord::agent
