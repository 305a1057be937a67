#include "common/agent_rpc/work.h"

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/referral/referral_name.h"
#include "common/telemetry/log.h"

namespace accord::agent_rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::string_view kReferralPrefix = "referrals/";
constexpr std::string_view kSubmissionField = "submission";

// What of a request the gate looks at.
struct Named {
  bool takes_worker = false;                      // It has a place for one.
  std::vector<const type::v1::Worker*> workers;   // Those it names.
  std::vector<std::string> referrals;             // `referrals/…`
  std::string submission;                         // Request id of a push.
};

void Look(const Message& message, Named& named) {
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field->is_repeated()) {
      if (field->message_type() == type::v1::Worker::descriptor()) {
        named.takes_worker = true;
        if (reflection.HasField(message, field)) {
          named.workers.push_back(static_cast<const type::v1::Worker*>(&reflection.GetMessage(message, field)));
        }
      } else if (field->message_type() == agency::v1::PushOptions::descriptor()) {
        Look(reflection.GetMessage(message, field), named);
      }
      continue;
    }
    if (field->type() != FieldDescriptor::TYPE_STRING) continue;
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int at = 0; at < count; ++at) {
      std::string text = field->is_repeated() ? reflection.GetRepeatedString(message, field, at) : reflection.GetString(message, field);
      if (field->name() == kSubmissionField) named.submission = text;
      if (text.starts_with(kReferralPrefix)) named.referrals.push_back(std::move(text));
    }
  }
}

agency::v1::JournalEntry Entry(agency::v1::JournalAct act, const type::v1::Worker& worker, std::string_view method, std::string about) {
  agency::v1::JournalEntry entry;
  entry.set_act(act);
  *entry.mutable_worker() = worker;
  entry.set_method(std::string(method.substr(method.rfind('.') + 1)));
  entry.set_about(std::move(about));
  return entry;
}

// Of a referral that is not here, or whose worker may know of it, nothing is said: what carries the call out answers.
absl::StatusOr<bool> IsBarredFrom(AgencyRuntime& runtime, const type::v1::Worker& worker, const std::string& referral) {
  if (!runtime.workers().HasConflicts(worker.pseudonym())) return false;
  const auto digest = referral::ParseReferralName(referral);
  if (!digest.ok()) return false;
  const auto people = runtime.inbox().People(*digest);
  if (absl::IsNotFound(people.status()) || HasReason(people.status(), Reason::kErased)) return false;
  ACCORD_RETURN_IF_ERROR(people);
  return runtime.workers().Bars(worker.pseudonym(), *people);
}

absl::StatusOr<bool> IsBarredFromSent(AgencyRuntime& runtime, const type::v1::Worker& worker, const std::string& submission) {
  if (submission.empty() || !runtime.workers().HasConflicts(worker.pseudonym())) return false;
  const auto stored = runtime.outbox().Get(submission);
  if (!stored.ok()) return false;
  return runtime.workers().Bars(worker.pseudonym(), agent::PeopleIn(runtime.keys(), stored->draft()));
}

// OK, or why `worker` may not do it, with what it is about.
absl::Status CheckWorker(AgencyRuntime& runtime, const type::v1::Worker& worker, const Named& named, Reason& noted, std::string& about) {
  if (const absl::Status known = runtime.workers().Check(worker); !known.ok()) {
    noted = DetailOf(known).reason;
    return known;
  }
  noted = Reason::kWorkerBarred;
  for (const std::string& referral : named.referrals) {
    ACCORD_ASSIGN_OR_RETURN(const bool barred, IsBarredFrom(runtime, worker, referral));
    if (!barred) continue;
    about = referral;
    return agent::ReferralNotReceived();
  }
  ACCORD_ASSIGN_OR_RETURN(const bool barred, IsBarredFromSent(runtime, worker, named.submission));
  return barred ? agent::SubmissionNotFound() : absl::OkStatus();
}

}  // namespace

absl::Status Admit(AgencyRuntime& runtime, std::string_view method, const Message& request, Journalled journalled, const type::v1::Worker* worker) {
  Named named;
  Look(request, named);
  if (worker != nullptr) named.workers = {worker};
  if (named.workers.empty()) {
    if (!named.takes_worker || runtime.workers().empty()) return absl::OkStatus();
    return Error(Reason::kFieldMissing, "worker is missing: the register says who may act", {{"field", "worker"}});
  }
  std::string about = !named.referrals.empty() ? named.referrals.front() : named.submission;
  for (const type::v1::Worker* one : named.workers) {
    Reason noted = Reason::kInternal;
    const absl::Status checked = CheckWorker(runtime, *one, named, noted, about);
    if (checked.ok()) continue;
    auto entry = Entry(agency::v1::JOURNAL_ACT_REFUSED, *one, method, about);
    entry.set_reason(std::string(RowOf(noted).name));
    // It is refused whether or not that is written.
    if (const absl::Status kept = runtime.journal().RecordRefusal(std::move(entry)); !kept.ok()) {
      telemetry::Log(telemetry::Level::kWarn, "journal.not_written", {{"status", kept}});
    }
    return checked;
  }
  if (journalled == Journalled::kByAct) return absl::OkStatus();
  return runtime.journal().Record(Entry(agency::v1::JOURNAL_ACT_CALLED, *named.workers.front(), method, about));
}

}  // namespace accord::agent_rpc
