#include "common/agent/disclosures.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "common/agent/inbox_people.h"
#include "common/agent/request_digest.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "common/crypto/digest.h"
#include "common/referral/disclosure.h"
#include "common/referral/referral_name.h"
#include "common/referral/section.h"
#include "common/referral/validate.h"
#include "common/telemetry/log.h"

namespace accord::agent {
namespace {

using inspection::v1::Disclosure;
using type::v1::DISCLOSURE_ANSWER_REFUSED;
using type::v1::DISCLOSURE_ANSWER_RELEASED;
using type::v1::DISCLOSURE_ANSWER_UNSPECIFIED;
using type::v1::DISCLOSURE_KIND_PERSONS;
using type::v1::DISCLOSURE_KIND_RECORDS;
using type::v1::DISCLOSURE_KIND_SECTIONS;

constexpr std::string_view kReadDisclosure = "DisclosureService/ReadDisclosure";
constexpr std::string_view kAnswerDisclosure = "DisclosureService/AnswerDisclosure";

absl::Status InvalidAnswer(const std::string& field, std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("{} {}", field, why), {{"field", field}});
}

absl::Status AlreadyAnswered() {
  return Error(Reason::kTransitionIllegal, "this disclosure is answered; an answer stands", {{"state", "answered"}});
}

std::string NumberName(uint64_t number) { return fmt::format("disclosures/{}", number); }

// What the journal says that it is about.
std::string AboutOf(const Disclosure& disclosure) {
  return disclosure.kind() == DISCLOSURE_KIND_SECTIONS ? referral::ReferralName(disclosure.referral()) : NumberName(disclosure.number());
}

// What is wrong with an answer whatever is asked.
absl::Status CheckRequest(const agency::v1::AnswerDisclosureRequest& request) {
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
  if (!IsRequestId(request.request_id())) return InvalidAnswer("request_id", "must be 8 to 128 characters of [A-Za-z0-9._:/-]");
  if (request.answer() == DISCLOSURE_ANSWER_REFUSED) {
    if (request.ground() == type::v1::DISCLOSURE_GROUND_UNSPECIFIED) {
      return Error(Reason::kFieldMissing, "ground is missing: a refusal says why", {{"field", "ground"}});
    }
    if (!request.section_ids().empty()) return InvalidAnswer("section_ids", "go with what is released");
    if (!request.withheld_marks().empty()) return InvalidAnswer("withheld_marks", "go with what is released");
  } else if (request.ground() != type::v1::DISCLOSURE_GROUND_UNSPECIFIED) {
    return InvalidAnswer("ground", "goes with a refusal");
  }
  return absl::OkStatus();
}

// Of SECTIONS; none: all.
std::vector<type::v1::Category> CategoriesOf(const Disclosure& disclosure) {
  std::vector<type::v1::Category> categories;
  for (const int category : disclosure.categories()) categories.push_back(static_cast<type::v1::Category>(category));
  return categories;
}

std::vector<std::string> ReferralsOf(const Disclosure& disclosure) { return {disclosure.referrals().begin(), disclosure.referrals().end()}; }

template <typename List>
bool HasTwice(const List& list) {
  return std::set<std::string>(list.begin(), list.end()).size() != static_cast<size_t>(list.size());
}

// Whether what is chosen goes with what is asked.
absl::Status CheckChoice(const agency::v1::AnswerDisclosureRequest& request, type::v1::DisclosureKind kind, const type::v1::PersonsQuestion& question) {
  if (kind != DISCLOSURE_KIND_SECTIONS && !request.section_ids().empty()) return InvalidAnswer("section_ids", "go with sections");
  if (kind != DISCLOSURE_KIND_PERSONS && !request.withheld_marks().empty()) return InvalidAnswer("withheld_marks", "go with people who are asked for");
  if (HasTwice(request.section_ids())) return InvalidAnswer("section_ids", "has one twice");
  if (HasTwice(request.withheld_marks())) return InvalidAnswer("withheld_marks", "has one twice");
  for (const std::string& mark : request.withheld_marks()) {
    const bool asked = std::any_of(question.persons().begin(), question.persons().end(), [&](const auto& one) { return one.mark() == mark; });
    if (!asked) return InvalidAnswer("withheld_marks", "has one of nobody who is asked for");
  }
  return absl::OkStatus();
}

// A refusal by the broker that sending the same again cannot change, or not while it stands: who answered is told, and may answer again.
bool IsRefusal(const absl::Status& status) {
  const absl::StatusCode code = status.code();
  return !HasReason(status, Reason::kUploadNotFound) &&
         (code == absl::StatusCode::kInvalidArgument || code == absl::StatusCode::kNotFound || code == absl::StatusCode::kAlreadyExists ||
          code == absl::StatusCode::kFailedPrecondition || code == absl::StatusCode::kPermissionDenied || code == absl::StatusCode::kUnimplemented);
}

agency::v1::AnswerDisclosureResponse ResponseOf(const storage::v1::StoredDisclosureAnswer& row) {
  agency::v1::AnswerDisclosureResponse response;
  *response.mutable_disclosure() = row.disclosure();
  *response.mutable_receipt() = row.receipt();
  return response;
}

absl::Status NoteCall(Journal& journal, const type::v1::Worker& worker, std::string_view method, std::string about) {
  agency::v1::JournalEntry entry;
  entry.set_act(agency::v1::JOURNAL_ACT_CALLED);
  *entry.mutable_worker() = worker;
  entry.set_method(std::string(method));
  entry.set_about(std::move(about));
  return journal.Record(std::move(entry));
}

}  // namespace

absl::Status Disclosures::Load() {
  std::map<uint64_t, Unsent> pending;
  std::vector<uint64_t> numbers;
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyDisclosure, {}, [&](std::string_view key, std::string_view) {
    numbers.push_back(U64FromKey(key).value_or(0));
    return true;
  }));
  for (const uint64_t number : numbers) {
    ACCORD_ASSIGN_OR_RETURN(const auto row, store_.Get<Row>(kFamilyDisclosure, KeyU64(number)));
    if (!row.has_value() || !row->has_pending()) continue;
    const auto statement = referral::ParseDisclosureStatement(row->pending().statement());
    pending[number].since_ms = statement.ok() ? statement->signed_at_ms() : 0;
  }
  // Of an answer that was cut off before it was signed nothing is left.
  const std::string all = SectionOwner::AllDisclosed().prefix;
  accord::storage::Batch batch;
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilySealed, accord::storage::Prefix(all), [&](std::string_view key, std::string_view) {
    if (!pending.contains(U64FromKey(key.substr(all.size(), sizeof(uint64_t))).value_or(0))) batch.Delete(kFamilySealed, key);
    return true;
  }));
  if (!batch.empty()) ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  absl::MutexLock lock(&mu_);
  pending_ = std::move(pending);
  return absl::OkStatus();
}

absl::StatusOr<inspection::v1::GetDisclosureResponse> Disclosures::Fetch(uint64_t number) {
  inspection::v1::GetDisclosureRequest request;
  request.set_number(number);
  ACCORD_ASSIGN_OR_RETURN(auto told, broker_.GetDisclosure(request));
  if (told.disclosure().number() == number && told.disclosure().agency() == keys_.agency) return told;
  return Error(Reason::kDisclosureNotFound, "the broker told of a disclosure that was not asked of this agency");
}

absl::StatusOr<Disclosures::Asked> Disclosures::OpenAsked(inspection::v1::GetDisclosureResponse told) const {
  Asked asked;
  asked.request_id = told.asked_request_id();
  asked.disclosure = std::move(*told.mutable_disclosure());
  if (asked.disclosure.kind() != DISCLOSURE_KIND_PERSONS) return asked;
  if (told.persons().empty()) return Error(Reason::kErased, "the question is gone, as its warrant is long over");
  ACCORD_ASSIGN_OR_RETURN(const std::string plaintext, OpenSealed(keys_, told.persons()));
  ACCORD_ASSIGN_OR_RETURN(const std::string content,
                          referral::ReadDisclosurePlaintext({asked.disclosure.inspector(), keys_.agency, asked.request_id, DISCLOSURE_KIND_PERSONS}, plaintext));
  if (!asked.question.ParseFromString(content)) return Error(Reason::kSectionMalformed, "the question does not parse");
  ACCORD_RETURN_IF_ERROR(referral::ValidatePersonsQuestion(asked.question));
  return asked;
}

absl::Status Disclosures::Refuse(const absl::Status& why, const type::v1::Worker& worker, std::string_view method, std::string about) {
  agency::v1::JournalEntry entry;
  entry.set_act(agency::v1::JOURNAL_ACT_REFUSED);
  *entry.mutable_worker() = worker;
  entry.set_method(std::string(method));
  entry.set_about(std::move(about));
  entry.set_reason(std::string(RowOf(DetailOf(why).reason).name));
  // It is refused whether or not that is written.
  if (const absl::Status kept = journal_.RecordRefusal(std::move(entry)); !kept.ok()) {
    telemetry::Log(telemetry::Level::kWarn, "journal.not_written", {{"status", kept}});
  }
  return why;
}

absl::Status Disclosures::CheckRole(const type::v1::Worker& worker, std::string_view method, uint64_t number) {
  if (worker.role() == type::v1::WORKER_ROLE_AUTHORISING_OFFICER) return absl::OkStatus();
  return Refuse(Error(Reason::kRoleNotAllowed, "an authorising officer of the agency looks at and answers what inspectors ask"), worker, method,
                NumberName(number));
}

absl::Status Disclosures::CheckMayKnow(const type::v1::Worker& worker, std::string_view method, const Asked& asked, const type::v1::PersonsAnswer& found) {
  if (!workers_.HasConflicts(worker.pseudonym())) return absl::OkStatus();
  std::set<std::string> digests(asked.disclosure.referrals().begin(), asked.disclosure.referrals().end());
  if (!asked.disclosure.referral().empty()) digests.insert(asked.disclosure.referral());
  for (const auto& person : found.persons()) {
    for (const auto& one : person.referrals()) digests.insert(one.referral());
  }
  bool barred = !asked.question.persons().empty() && workers_.Bars(worker.pseudonym(), PeopleIn(keys_, asked.question));
  for (const std::string& digest : digests) {
    ACCORD_ASSIGN_OR_RETURN(const auto people, content_.People(digest));
    barred = barred || (people.has_value() && workers_.Bars(worker.pseudonym(), *people));
  }
  if (!barred) return absl::OkStatus();
  return Refuse(Error(Reason::kWorkerBarred, "it concerns somebody about whom this worker may not know; another authorising officer must answer"), worker,
                method, AboutOf(asked.disclosure));
}

absl::StatusOr<agency::v1::ReadDisclosureResponse> Disclosures::Read(const agency::v1::ReadDisclosureRequest& request) {
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
  if (!IsRequestId(request.request_id())) return InvalidAnswer("request_id", "must be 8 to 128 characters of [A-Za-z0-9._:/-]");
  ACCORD_RETURN_IF_ERROR(CheckRole(request.worker(), kReadDisclosure, request.number()));
  ACCORD_ASSIGN_OR_RETURN(auto told, Fetch(request.number()));
  ACCORD_RETURN_IF_ERROR(NoteCall(journal_, request.worker(), kReadDisclosure, AboutOf(told.disclosure())));
  ACCORD_ASSIGN_OR_RETURN(const Asked asked, OpenAsked(std::move(told)));
  agency::v1::ReadDisclosureResponse response;
  *response.mutable_disclosure() = asked.disclosure;
  if (asked.disclosure.kind() == DISCLOSURE_KIND_PERSONS) {
    ACCORD_ASSIGN_OR_RETURN(*response.mutable_found(), content_.Find(asked.question));
    *response.mutable_persons() = asked.question;
  }
  ACCORD_RETURN_IF_ERROR(CheckMayKnow(request.worker(), kReadDisclosure, asked, response.found()));
  if (asked.disclosure.kind() == DISCLOSURE_KIND_SECTIONS) {
    ACCORD_ASSIGN_OR_RETURN(const HeldSections held, content_.Sections(asked.disclosure.referral(), CategoriesOf(asked.disclosure)));
    ACCORD_ASSIGN_OR_RETURN(auto sections, content_.Open(held));
    for (auto& section : sections) *response.add_sections() = std::move(section);
  } else if (asked.disclosure.kind() == DISCLOSURE_KIND_RECORDS) {
    ACCORD_ASSIGN_OR_RETURN(*response.mutable_records(), content_.Records(ReferralsOf(asked.disclosure)));
  }
  return response;
}

absl::Status Disclosures::AddPart(uint64_t number, const std::string& section_id, std::string cms, size_t& inline_bytes, Made& made) {
  made.digests.push_back(crypto::Sha256(cms));
  auto& part = made.parts.emplace_back();
  part.set_section_id(section_id);
  part.set_cms(std::move(cms));
  return sections_.Place(SectionOwner::Disclosed(number), part, inline_bytes);
}

absl::Status Disclosures::AddSections(const agency::v1::AnswerDisclosureRequest& request, const Asked& asked, const crypto::Certificate& inspector,
                                      Made& made) {
  ACCORD_ASSIGN_OR_RETURN(const HeldSections held, content_.Sections(asked.disclosure.referral(), CategoriesOf(asked.disclosure)));
  std::set<std::string> wanted(request.section_ids().begin(), request.section_ids().end());
  size_t inline_bytes = 0;
  for (const auto& section : held.sections) {
    if (wanted.erase(section.part.section_id()) == 0 && !request.section_ids().empty()) continue;
    ACCORD_ASSIGN_OR_RETURN(std::string cms, content_.BytesOf(held, section.sealed));
    ACCORD_RETURN_IF_ERROR(OpenSection(keys_, held.header, section.part, cms));  // What does not open here is released to nobody.
    ACCORD_ASSIGN_OR_RETURN(const AgencyKeys::Sealing ours, SealedForUs(keys_, cms));
    ACCORD_ASSIGN_OR_RETURN(const auto widened, crypto::cms::AddRecipient(cms, ours.key, ours.certificate, inspector));
    ACCORD_ASSIGN_OR_RETURN(cms, crypto::cms::ForRecipient(widened, inspector.subject_key_id()));
    ACCORD_RETURN_IF_ERROR(AddPart(request.number(), section.part.section_id(), std::move(cms), inline_bytes, made));
  }
  return wanted.empty() ? absl::OkStatus() : InvalidAnswer("section_ids", "has one that was not asked for or is not held here");
}

absl::StatusOr<Disclosures::Made> Disclosures::Make(const agency::v1::AnswerDisclosureRequest& request, const Asked& asked,
                                                    const type::v1::PersonsAnswer& found) {
  const Disclosure& disclosure = asked.disclosure;
  ACCORD_ASSIGN_OR_RETURN(const crypto::Certificate inspector,
                          CheckInspectorCertificate(keys_, disclosure.sealing_certificate(), disclosure.inspector(), clock_.Now()));
  Made made;
  if (disclosure.kind() == DISCLOSURE_KIND_SECTIONS) {
    ACCORD_RETURN_IF_ERROR(AddSections(request, asked, inspector, made));
    return made;
  }
  std::string content;
  if (disclosure.kind() == DISCLOSURE_KIND_PERSONS) {
    type::v1::PersonsAnswer answer = found;
    const auto& withheld = request.withheld_marks();
    for (auto& person : *answer.mutable_persons()) {
      if (std::find(withheld.begin(), withheld.end(), person.mark()) != withheld.end()) person.clear_referrals();
    }
    content = answer.SerializeAsString();
  } else {
    ACCORD_ASSIGN_OR_RETURN(const auto answer, content_.Records(ReferralsOf(disclosure)));
    content = answer.SerializeAsString();
  }
  ACCORD_ASSIGN_OR_RETURN(const std::string plaintext,
                          referral::MakeDisclosurePlaintext({keys_.agency, disclosure.inspector(), asked.request_id, disclosure.kind()}, content));
  ACCORD_ASSIGN_OR_RETURN(std::string cms, crypto::cms::Seal(plaintext, std::span(&inspector, 1)));
  size_t inline_bytes = 0;
  ACCORD_RETURN_IF_ERROR(AddPart(request.number(), std::string(kIdBytes, '\0'), std::move(cms), inline_bytes, made));
  return made;
}

absl::Status Disclosures::Prepare(const agency::v1::AnswerDisclosureRequest& request, const std::string& digest) {
  ACCORD_ASSIGN_OR_RETURN(auto told, Fetch(request.number()));
  const Disclosure disclosure = told.disclosure();
  if (disclosure.answer() != DISCLOSURE_ANSWER_UNSPECIFIED) return AlreadyAnswered();
  ACCORD_RETURN_IF_ERROR(NoteCall(journal_, request.worker(), kAnswerDisclosure, AboutOf(disclosure)));
  const bool released = request.answer() == DISCLOSURE_ANSWER_RELEASED;
  auto asked = OpenAsked(std::move(told));
  if (!asked.ok() && released) return asked.status();
  if (!asked.ok()) asked = Asked{disclosure, "", {}};  // What does not open can be refused.
  ACCORD_RETURN_IF_ERROR(CheckChoice(request, disclosure.kind(), asked->question));
  type::v1::PersonsAnswer found;
  if (released && disclosure.kind() == DISCLOSURE_KIND_PERSONS) {
    ACCORD_ASSIGN_OR_RETURN(found, content_.Find(asked->question));
  }
  ACCORD_RETURN_IF_ERROR(CheckMayKnow(request.worker(), kAnswerDisclosure, *asked, found));

  absl::StatusOr<Made> made = Made();
  if (released) made = Make(request, *asked, found);
  const absl::Status kept = made.ok() ? Keep(request, digest, disclosure, *std::move(made)) : made.status();
  if (!kept.ok()) ACCORD_RETURN_IF_ERROR(Drop(request.number()));  // What of it is beside.
  return kept;
}

absl::Status Disclosures::Keep(const agency::v1::AnswerDisclosureRequest& request, const std::string& digest, const Disclosure& disclosure, Made made) {
  const int64_t now_ms = absl::ToUnixMillis(clock_.Now());
  type::v1::DisclosureStatement statement;
  statement.set_request_id(request.request_id());
  statement.set_disclosure(request.number());
  statement.set_agency(keys_.agency);
  statement.set_warrant(disclosure.warrant());
  statement.set_inspector(disclosure.inspector());
  statement.set_kind(disclosure.kind());
  statement.set_answer(request.answer());
  statement.set_ground(request.ground());
  for (std::string& part : made.digests) statement.add_parts(std::move(part));
  *statement.mutable_worker() = request.worker();
  statement.set_signed_at_ms(now_ms);

  Row row;
  row.set_request_id(request.request_id());
  row.set_answered_digest(digest);
  auto& pending = *row.mutable_pending();
  pending.set_request_id(request.request_id());
  ACCORD_ASSIGN_OR_RETURN(*pending.mutable_statement(), referral::SignDisclosureStatement(std::move(statement), keys_.signing_key));
  for (auto& part : made.parts) *pending.add_parts() = std::move(part);
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyDisclosure, KeyU64(request.number()), row);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  absl::MutexLock lock(&mu_);
  pending_[request.number()] = {.since_ms = now_ms, .reason = {}};
  return absl::OkStatus();
}

absl::Status Disclosures::Drop(uint64_t number) {
  accord::storage::Batch batch;
  batch.Delete(kFamilyDisclosure, KeyU64(number));
  ACCORD_RETURN_IF_ERROR(sections_.Drop(batch, SectionOwner::Disclosed(number), {}));
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  absl::MutexLock lock(&mu_);
  pending_.erase(number);
  return absl::OkStatus();
}

absl::StatusOr<inspection::v1::AnswerDisclosureResponse> Disclosures::Deliver(const inspection::v1::AnswerDisclosureRequest& pending, uint64_t number) {
  for (const auto& part : pending.parts()) {
    if (part.uploaded().empty()) continue;
    ACCORD_ASSIGN_OR_RETURN(const std::string cms, sections_.BytesOf(SectionOwner::Disclosed(number), part));
    ACCORD_RETURN_IF_ERROR(broker_.UploadSection(pending.request_id(), part.uploaded(), cms));
  }
  return broker_.AnswerDisclosure(pending);
}

absl::StatusOr<Disclosures::Row> Disclosures::Send(uint64_t number) {
  auto sent = TrySend(number);
  if (sent.ok()) return sent;
  absl::MutexLock lock(&mu_);
  const auto unsent = pending_.find(number);  // Not of one that was dropped.
  if (unsent != pending_.end()) unsent->second.reason = ReasonOfWords(WaitingWords(sent.status()));
  return sent;
}

absl::StatusOr<Disclosures::Row> Disclosures::TrySend(uint64_t number) {
  ACCORD_RETURN_IF_ERROR(alarm_.Check());
  ACCORD_ASSIGN_OR_RETURN(auto row, store_.Get<Row>(kFamilyDisclosure, KeyU64(number)));
  if (!row.has_value() || !row->has_pending()) return Error(Reason::kStoreCorrupt, "an answer to an inspector that was to be sent is not there");
  ACCORD_ASSIGN_OR_RETURN(const auto statement, referral::ParseDisclosureStatement(row->pending().statement()));
  auto response = Deliver(row->pending(), number);
  if (!response.ok()) {
    if (IsRefusal(response.status())) ACCORD_RETURN_IF_ERROR(Drop(number));
    return response.status();
  }
  // Of SECTIONS the entry stands on the referral's chain too. That it is of this answer say its number and the digest of the statement.
  ACCORD_ASSIGN_OR_RETURN(const VerifiedReceipt verified,
                          log_.Verify(response->receipt(), type::v1::EVENT_TYPE_DISCLOSURE_ANSWERED, response->disclosure().referral()));
  if (verified.event.disclosure() != number || verified.event.disclosure_answer() != statement.answer() ||
      verified.referral.statement_digest() != referral::DigestOf(row->pending().statement())) {
    return alarm_.Raise(Error(Reason::kReceiptInvalid, "the receipt of an answer to an inspector is of another answer"),
                        {response->receipt().SerializeAsString()});
  }
  row->clear_pending();
  row->mutable_disclosure()->Swap(response->mutable_disclosure());
  row->mutable_receipt()->Swap(response->mutable_receipt());
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyDisclosure, KeyU64(number), *row);
  ACCORD_RETURN_IF_ERROR(sections_.Drop(batch, SectionOwner::Disclosed(number), {}));
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  absl::MutexLock lock(&mu_);
  pending_.erase(number);
  open_.erase(number);
  return *std::move(row);
}

absl::StatusOr<agency::v1::AnswerDisclosureResponse> Disclosures::Answer(const agency::v1::AnswerDisclosureRequest& request) {
  ACCORD_RETURN_IF_ERROR(CheckRequest(request));
  ACCORD_RETURN_IF_ERROR(CheckRole(request.worker(), kAnswerDisclosure, request.number()));
  ACCORD_RETURN_IF_ERROR(alarm_.Check());
  absl::MutexLock lock(&act_mu_);
  return AnswerLocked(request);
}

absl::StatusOr<agency::v1::AnswerDisclosureResponse> Disclosures::AnswerLocked(const agency::v1::AnswerDisclosureRequest& request) {
  const std::string digest = DigestOfRequest(request);
  ACCORD_ASSIGN_OR_RETURN(const auto row, store_.Get<Row>(kFamilyDisclosure, KeyU64(request.number())));
  if (row.has_value()) {
    const bool same = row->request_id() == request.request_id();
    if (same && row->answered_digest() != digest) return Error(Reason::kRequestIdReused, "this request id was used for another answer; give each its own");
    if (row->has_receipt()) return same ? absl::StatusOr<agency::v1::AnswerDisclosureResponse>(ResponseOf(*row)) : AlreadyAnswered();
    const auto sent = Send(request.number());  // The answer that waits comes first.
    if (same && sent.ok()) return ResponseOf(*sent);
    if (same || (!sent.ok() && !IsRefusal(sent.status()))) return sent.status();
    if (sent.ok()) return AlreadyAnswered();
  }
  ACCORD_RETURN_IF_ERROR(Prepare(request, digest));
  ACCORD_ASSIGN_OR_RETURN(const Row sent, Send(request.number()));
  return ResponseOf(sent);
}

}  // namespace accord::agent
