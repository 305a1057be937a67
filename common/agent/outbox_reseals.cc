// Sealing again what was sent, for a recipient that cannot open it.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/agent/agency_keys.h"
#include "common/agent/outbox.h"
#include "common/agent/outbox_recipients.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/statement.h"

namespace accord::agent {
namespace {

using storage::v1::StoredSubmission;
using type::v1::Statement;

// The recipient that named `agency` as the right one, by its newest statement; empty when none did.
std::string NamedBy(const StoredSubmission& submission, const std::string& agency) {
  std::string named_by;
  for (const auto& [recipient, statement] : NewestStatements(submission)) {
    if (statement.kind() == type::v1::STATEMENT_KIND_REDIRECTED && statement.redirect_to() == agency) named_by = recipient;
  }
  return named_by;
}

// What makes two of them the same: not what the key is by now.
Statement ResealAskedFor(Statement asked, const std::string& agency) {
  asked.set_kind(type::v1::STATEMENT_KIND_RESEALED);
  asked.mutable_reseal()->mutable_recipient()->set_agency(agency);
  asked.mutable_reseal()->set_approver(asked.worker().pseudonym());
  return asked;
}

// Of one key of one recipient of one referral: what was begun before the service ended is not begun again.
std::string ResealRequestId(const StoredSubmission& submission, const type::v1::Reseal& reseal) {
  const std::string what =
      ByteWriter().Lp16(submission.header_digest()).Lp16(reseal.recipient().agency()).Lp16(reseal.sealing_certificate_digest()).bytes();
  return "reseal." + ToHex(crypto::Sha256(what).substr(0, 24));
}

}  // namespace

absl::StatusOr<StoredSubmission> Outbox::Reseal(const std::string& request_id, const Statement& asked_by, const std::string& agency) {
  const Statement asked = ResealAskedFor(asked_by, agency);
  if (!IsRequestId(asked.request_id())) {
    return Error(Reason::kFieldInvalid, "request_id must be 8 to 128 characters of [A-Za-z0-9._:/-]", {{"field", "request_id"}});
  }
  if (asked.worker().pseudonym().empty()) return Error(Reason::kFieldMissing, "who approves it is missing", {{"field", "worker.pseudonym"}});
  if (!IsPerson(asked.worker())) return Error(Reason::kFieldInvalid, "a person approves it, no program", {{"field", "worker"}});
  absl::MutexLock act(&act_mu_);
  ACCORD_RETURN_IF_ERROR(alarm_.Check());
  ACCORD_ASSIGN_OR_RETURN(const StoredSubmission submission, Get(request_id));
  Resealed resealed;
  // Asked again, what was sealed the first time is sent, or was.
  const bool fresh = submission.state() == agency::v1::SUBMISSION_STATE_SETTLED && !submission.has_pending_act() &&
                     submission.last_request_id() != asked.request_id();
  if (fresh) {
    auto sealed = preparer_.SealAgain(submission.prepared(), agency, NamedBy(submission, agency), asked.worker());
    if (!sealed.ok()) return NotResealed(request_id, sealed.status());
    resealed = *std::move(sealed);
  }
  const auto begun = BeginAct(request_id, asked, nullptr, fresh ? &resealed : nullptr);
  if (!begun.ok()) return NotResealed(request_id, begun.status());
  if (*begun) {
    const absl::Status sent = SendAct(request_id);
    ScheduleAct(request_id);
    ACCORD_RETURN_IF_ERROR(sent);
  }
  return Get(request_id);
}

absl::Status Outbox::NotResealed(const std::string& request_id, const absl::Status& why) {
  ACCORD_RETURN_IF_ERROR(TidySections(request_id));
  return why;
}

absl::StatusOr<bool> Outbox::SealOneEndorsed(const std::string& request_id, const std::string& agency) {
  ACCORD_RETURN_IF_ERROR(alarm_.Check());
  ACCORD_ASSIGN_OR_RETURN(const StoredSubmission submission, Get(request_id));
  const auto& wanted = submission.reseal_for();
  if (std::find(wanted.begin(), wanted.end(), agency) == wanted.end() || submission.state() != agency::v1::SUBMISSION_STATE_SETTLED) return true;
  if (submission.has_pending_act()) return false;  // Once that is answered.
  auto resealed = preparer_.SealAgain(submission.prepared(), agency, NamedBy(submission, agency), ServiceWorker());
  if (!resealed.ok()) {
    const absl::Status alarmed = alarm_.Check();
    const bool passes = !IsDefiniteRefusal(resealed.status()) && alarmed.ok();
    const absl::Status why = NotResealed(request_id, resealed.status());
    if (passes) return why;
    return true;  // A person sees to it.
  }
  Statement asked;
  asked.set_request_id(ResealRequestId(submission, resealed->reseal));
  *asked.mutable_worker() = ServiceWorker();
  asked.set_kind(type::v1::STATEMENT_KIND_RESEALED);
  asked.mutable_reseal()->mutable_recipient()->set_agency(agency);
  const auto begun = BeginAct(request_id, asked, nullptr, &*resealed);
  if (!begun.ok()) {
    const absl::Status why = NotResealed(request_id, begun.status());
    if (HasReason(why, Reason::kTransitionIllegal)) return false;  // A correction of it is on its way.
    return why;
  }
  if (*begun) {
    const absl::Status sent = SendAct(request_id);  // If not now, it is sent again as any act is.
    ScheduleAct(request_id);
    if (!sent.ok() && IsDefiniteRefusal(sent)) return true;
  }
  return true;
}

absl::Status Outbox::SealEndorsed() {
  std::vector<std::pair<std::string, std::string>> all;
  {
    absl::MutexLock lock(&mu_);
    all.assign(to_seal_.begin(), to_seal_.end());
  }
  absl::Status first;
  for (const auto& one : all) {
    absl::MutexLock act(&act_mu_);
    const auto done = SealOneEndorsed(one.first, one.second);
    first.Update(done.status());
    if (!done.ok() || !*done) continue;
    absl::MutexLock lock(&mu_);
    to_seal_.erase(one);
  }
  return first;
}

absl::Status Outbox::EndResealsOf(const StoredSubmission& newer) {
  const std::string& older = newer.draft().core().caused_by();
  std::string request_id;
  {
    absl::MutexLock lock(&mu_);
    const auto found = by_digest_.find(older);
    if (older.empty() || found == by_digest_.end()) return absl::OkStatus();
    request_id = found->second;
  }
  ACCORD_ASSIGN_OR_RETURN(const StoredSubmission standing, Get(request_id));
  if (standing.reseal_for().empty()) return absl::OkStatus();
  return Change(request_id, [&](StoredSubmission& stored) {
    for (const std::string& agency : newer.draft().recipients()) EndReseal(stored, agency);
  });
}

}  // namespace accord::agent
