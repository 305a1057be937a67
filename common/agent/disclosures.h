// What inspectors ask this agency for under a warrant, and its authorising officer's answers (docs/disclosures.md).
//
//   the broker tells ──▶ read by the officer ──▶ released, sealed for the inspector, or refused: signed, durable ──▶ sent until the broker has answered
//
// What is released is what is held here: a section as its sender sealed it, with one more recipient info, so that its digest stays that of the
// signed header. Whom it is sealed for is the inspector's certificate as the broker tells it, which an area authority that this agency trusts
// itself must vouch for. Each look and each answer is in the journal first; nothing is released by the service alone.
//
// An answer is kept as it was signed and sealed until the broker has answered it, for sealing twice gives other bytes: it is sent again as it is,
// by itself too. A definite refusal is given to who asked, and drops it. What the broker took stays with its receipt.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "accord/agency/v1/disclosure_service.pb.h"
#include "accord/inspection/v1/disclosure_service.pb.h"
#include "accord/storage/v1/agent.pb.h"
#include "common/agent/agency_keys.h"
#include "common/agent/agency_store.h"
#include "common/agent/alarm.h"
#include "common/agent/broker_link.h"
#include "common/agent/disclosure_content.h"
#include "common/agent/journal.h"
#include "common/agent/log_watch.h"
#include "common/agent/sealed_sections.h"
#include "common/agent/waiting.h"
#include "common/agent/workers.h"
#include "common/base/clock.h"

namespace accord::agent {

inline constexpr absl::Duration kDisclosuresAskedEvery = absl::Minutes(2);    // By the service itself, what waits.
inline constexpr absl::Duration kDisclosuresFreshFor = absl::Seconds(10);     // For who looks at what waits today.
inline constexpr size_t kOpenDisclosuresMax = 1000;                           // That are known of; the oldest beyond are not told of.
inline constexpr int kDisclosurePagesMax = 50;  // Of the broker's list, at a time. A page may have fewer rows than there are, and be followed by another.

// Sole writer of the family `disclosure`, and of what of the family `sealed` is disclosed. Thread-safe. One answer is given at a time.
class Disclosures {
 public:
  // All must outlive this.
  Disclosures(AgencyStore& store, const AgencyKeys& keys, BrokerLink& broker, LogWatch& log, Alarm& alarm, Journal& journal, const Workers& workers,
              const Inbox& inbox, const Outbox& outbox, SealedSections& sections, const Clock& clock)
      : store_(store), keys_(keys), broker_(broker), log_(log), alarm_(alarm), journal_(journal), workers_(workers), sections_(sections), clock_(clock),
        content_(keys, inbox, outbox, sections) {}

  // Finds answers that wait for the broker. Errors of the store.
  absl::Status Load();

  // As the broker lists them. Errors of BrokerLink.
  absl::StatusOr<inspection::v1::ListDisclosuresResponse> List(const inspection::v1::ListDisclosuresRequest& request) { return broker_.ListDisclosures(request); }

  // Opens one to its authorising officer; nothing leaves the agency. The journal has it first. Errors of BrokerLink and the store, and:
  //   FIELD_MISSING, FIELD_INVALID
  //   ROLE_NOT_ALLOWED   the worker is no authorising officer; the refusal is in the journal
  //   WORKER_BARRED      it is about somebody about whom the worker may not know; likewise
  //   NOT_A_HOLDER       nothing of what is asked is held here
  //   ERASED             the question is gone
  //   SECTION_MALFORMED, SEALING_KEY_UNKNOWN  the question is not one for this agency
  absl::StatusOr<agency::v1::ReadDisclosureResponse> Read(const agency::v1::ReadDisclosureRequest& request);

  // Answers one. OK: the broker took it, and its receipt verified; or it did before, asked for again. Blocks on the broker, for large sections up to
  // kTransferTimeout each. Errors of Read, and:
  //   SEALING_KEY_UNTRUSTED  of the inspector's certificate; nothing was sealed
  //   MESSAGE_TOO_LARGE      an answer about people that is over kDisclosureContentBytesMax: withhold some, to be asked for again
  //   TRANSITION_ILLEGAL     it is answered
  //   REQUEST_ID_REUSED      the id stands for another answer
  //   BROKER_UNREACHABLE, or another that may pass: durable; it is sent again by itself
  //   RECEIPT_INVALID, LOG_FORKED  the alarm is raised
  //   any other              the broker's definite refusal: nothing was recorded
  absl::StatusOr<agency::v1::AnswerDisclosureResponse> Answer(const agency::v1::AnswerDisclosureRequest& request);

  // Sends answers that wait, and, if it did not for kDisclosuresAskedEvery, asks the broker what waits for one; what is new is in the log. Called
  // periodically; does nothing while an answer is given. The first error.
  absl::Status Step();

  // What waits for the authorising officer, after asking the broker if it was not for kDisclosuresFreshFor; what it told last when it does not answer.
  std::vector<agency::v1::TodayItem> Today();
  // How many wait, as the broker told last.
  size_t open() const;
  // Answers that wait for the broker.
  std::vector<Wait> Waits() const;

 private:
  // What the broker gives of one, and of PERSONS the question, opened.
  struct Asked {
    inspection::v1::Disclosure disclosure;
    std::string request_id;  // Under which the officer asked.
    type::v1::PersonsQuestion question;
  };
  // An answer that is made, and not signed.
  struct Made {
    std::vector<type::v1::SealedSection> parts;
    std::vector<std::string> digests;  // SHA-256 of each part's sealed bytes.
  };
  // An answer that is durable here, and not the broker's yet.
  struct Unsent {
    int64_t since_ms = 0;  // When it was signed; 0: that cannot be read.
    std::string reason;    // Why it has not gone, of docs/errors.md; empty: not tried since the service began.
  };
  using Row = storage::v1::StoredDisclosureAnswer;

  absl::StatusOr<inspection::v1::GetDisclosureResponse> Fetch(uint64_t number);
  absl::StatusOr<Asked> OpenAsked(inspection::v1::GetDisclosureResponse told) const;
  absl::Status CheckRole(const type::v1::Worker& worker, std::string_view method, uint64_t number);
  // OK unless the disclosure, or one of `found`, is about somebody about whom the worker may not know.
  absl::Status CheckMayKnow(const type::v1::Worker& worker, std::string_view method, const Asked& asked, const type::v1::PersonsAnswer& found);
  absl::Status Refuse(const absl::Status& why, const type::v1::Worker& worker, std::string_view method, std::string about);
  absl::StatusOr<agency::v1::AnswerDisclosureResponse> AnswerLocked(const agency::v1::AnswerDisclosureRequest& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  // Checks, notes, opens, seals; then signs and stores.
  absl::Status Prepare(const agency::v1::AnswerDisclosureRequest& request, const std::string& digest) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  absl::StatusOr<Made> Make(const agency::v1::AnswerDisclosureRequest& request, const Asked& asked, const type::v1::PersonsAnswer& found)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  absl::Status Keep(const agency::v1::AnswerDisclosureRequest& request, const std::string& digest, const inspection::v1::Disclosure& disclosure, Made made)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  absl::Status AddSections(const agency::v1::AnswerDisclosureRequest& request, const Asked& asked, const crypto::Certificate& inspector, Made& made)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  absl::Status AddPart(uint64_t number, const std::string& section_id, std::string cms, size_t& inline_bytes, Made& made);
  // Sends the answer that waits, and keeps why it has not gone.
  absl::StatusOr<Row> Send(uint64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  absl::StatusOr<Row> TrySend(uint64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  absl::StatusOr<inspection::v1::AnswerDisclosureResponse> Deliver(const inspection::v1::AnswerDisclosureRequest& pending, uint64_t number);
  absl::Status Drop(uint64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  // Asks the broker what waits, unless it was asked within `fresh_for`.
  absl::Status Look(absl::Duration fresh_for);

  AgencyStore& store_;
  const AgencyKeys& keys_;
  BrokerLink& broker_;
  LogWatch& log_;
  Alarm& alarm_;
  Journal& journal_;
  const Workers& workers_;
  SealedSections& sections_;
  const Clock& clock_;
  const DisclosureContent content_;

  absl::Mutex act_mu_;   // Held over calls to the broker; taken before the others, never after.
  absl::Mutex look_mu_;  // The same, of looking; taken before mu_.
  absl::Time looked_ ABSL_GUARDED_BY(look_mu_) = absl::InfinitePast();
  mutable absl::Mutex mu_;
  std::map<uint64_t, Unsent> pending_ ABSL_GUARDED_BY(mu_);
  std::map<uint64_t, inspection::v1::Disclosure> open_ ABSL_GUARDED_BY(mu_);  // That wait, as the broker told last.
};

}  // namespace accord::agent
