#include "tests/system/inspection_area.h"

#include <absl/strings/str_replace.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "common/base/executor.h"
#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/subject_token.h"
#include "tests/system/raw_agency.h"
#include "tests/system/traffic.h"

namespace accord::tests {
namespace {

using broker::v1::ReferralService;
using enum AreaReferral::Door;
using enum type::v1::RiskGrade;

constexpr size_t kUnansweredAtOnce = 32;  // Of a stream: the broker reads 64 ahead.

// Three syllables, so that no two of the people here sound alike more than by chance.
std::string Syllables(uint32_t number) {
  constexpr std::string_view kConsonants = "bdfgklmnprstvz", kVowels = "aeiou";
  std::string word;
  for (int i = 0; i < 3; ++i) {
    word += kConsonants[number % kConsonants.size()];
    number /= static_cast<uint32_t>(kConsonants.size());
    word += kVowels[number % kVowels.size()];
    number /= static_cast<uint32_t>(kVowels.size());
  }
  word[0] = static_cast<char>(word[0] - 'a' + 'A');
  return word;
}

class Plan {
 public:
  Plan() {
    for (size_t i = 0; i < kUnansweredCases; ++i) Unanswered(i);
    for (size_t i = 0; i < kServiceCases; ++i) ThroughService(i);
    for (size_t i = 0; all_.size() < kAreaCases; ++i) Streamed(i);
    FurtherIncidents();
    for (size_t i = 0; i < kOtherAreaCases; ++i) InOtherArea(i);
  }
  std::vector<AreaReferral> Take() && { return std::move(all_); }

 private:
  // One of a new victim and a new alleged perpetrator.
  AreaReferral& Add(std::string sender, std::vector<std::string> recipients) {
    AreaReferral& one = all_.emplace_back();
    one.request_id = fmt::format("AREA-2026-{:04}/1", all_.size());
    one.sender = std::move(sender);
    one.recipients = std::move(recipients);
    one.victim = people_++;
    one.perpetrator = people_++;
    one.days_ago = 10;
    return one;
  }

  void Unanswered(size_t i) { Add("health", {"housing", "idva"}).voice = i % 2 == 0; }

  void ThroughService(size_t i) {
    AreaReferral& one = Add("police", {"idva"});
    one.door = kService;
    one.grade = i % 3 == 0 ? RISK_GRADE_HIGH : i % 3 == 1 ? RISK_GRADE_MEDIUM : RISK_GRADE_STANDARD;
    one.days_ago = 10 + static_cast<int>(i % 7);
    one.voice = i % 3 == 0;
    one.child = i % 2 == 0;
    if (one.child) one.recipients.emplace_back("childrens");
  }

  void Streamed(size_t i) {
    AreaReferral& one = Add(i % 4 == 3 ? "health" : "police", {"idva"});
    by_stream_[i] = all_.size() - 1;
    one.grade = i % 8 == 0 ? RISK_GRADE_HIGH : i % 8 <= 2 ? RISK_GRADE_MEDIUM : RISK_GRADE_STANDARD;
    one.days_ago = i % 50 == 7 ? 45 : 10 + static_cast<int>(i % 15);
    one.child = i % 5 == 0;
    one.voice = i % 3 == 0;
    one.refused = i % 20 == 1;
    if (i % 10 == 0) one.recipients.emplace_back("childrens");
    if (i % 100 == 50) one.recipients.emplace_back("school");
    // The same man, and another victim.
    if (i >= 404 && i <= 421 && i % 4 == 1) one.perpetrator = all_[all_.size() - 2].perpetrator;
  }

  // Cases with two incidents more: six that nobody escalated, and two that were HIGH; and one with one more.
  void FurtherIncidents() {
    for (const size_t i : {2, 42, 82, 122, 162, 202, 16, 56}) {
      for (const int days : {20, 28}) Again(i, days);
    }
    Again(10, 20);
  }
  void Again(size_t i, int days) {
    AreaReferral again = all_[by_stream_.at(i)];
    again.request_id = fmt::format("AREA-2026-{:04}/1", all_.size() + 1);
    again.days_ago = days;
    all_.push_back(std::move(again));
  }

  void InOtherArea(size_t i) {
    AreaReferral& one = Add("police-south", {"idva-south"});
    one.grade = RISK_GRADE_HIGH;
    one.child = true;
    if (i == 0) one.perpetrator = all_[by_stream_.at(500)].perpetrator;  // Known in the area, as another victim's.
  }

  std::vector<AreaReferral> all_;
  std::map<size_t, size_t> by_stream_;
  uint32_t people_ = 0;
};

type::v1::SubjectPart& AddSubject(World& world, const agent::AgencyKeys& keys, referral::HeaderParts& parts, type::v1::SubjectRole role, uint32_t person) {
  auto& subject = parts.subjects.emplace_back();
  subject.set_subject_id(NewId(world.random()));
  subject.set_role(role);
  subject.set_age_band(type::v1::AGE_BAND_ADULT);
  for (auto& token : referral::MakeTokens(AreaPerson(person), keys.linkage_domain, keys.linkage_key_id, keys.linkage_key.view())) {
    *subject.add_tokens() = std::move(token);
  }
  return subject;
}

// As the sender's service would write it, but that nothing of what was sealed is kept there.
absl::StatusOr<broker::v1::SubmitReferralRequest> MakeSubmission(World& world, RawAgency& agency, const AreaReferral& one) {
  RawSpec spec{.request_id = one.request_id, .recipients = one.recipients, .grade = one.grade};
  if (one.voice) spec.categories.push_back(type::v1::CATEGORY_VOICE);
  if (one.refused) spec.categories.push_back(type::v1::CATEGORY_RATIONALE);
  if (one.refused) spec.consent = type::v1::CONFIDENTIALITY_CONSENT_REFUSED;
  referral::HeaderParts parts = agency.Parts(spec);
  const int64_t happened_ms = parts.core.signed_at_ms() - absl::ToInt64Milliseconds(absl::Hours(24 * one.days_ago));
  parts.core.mutable_happened()->set_earliest_ms(happened_ms);
  parts.core.mutable_happened()->set_latest_ms(happened_ms);
  parts.subjects.clear();
  AddSubject(world, agency.keys(), parts, type::v1::SUBJECT_ROLE_VICTIM, one.victim);
  AddSubject(world, agency.keys(), parts, type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR, one.perpetrator).set_relationship(type::v1::RELATIONSHIP_CLASS_PARTNER);
  if (one.child) {
    auto& child = parts.subjects.emplace_back();
    child.set_subject_id(NewId(world.random()));
    child.set_role(type::v1::SUBJECT_ROLE_CHILD);
    child.set_age_band(type::v1::AGE_BAND_UNDER_16);
  }
  if (one.refused) {
    type::v1::TagPart& tag = parts.tags.front();
    tag.set_gateway(type::v1::GATEWAY_COMMON_LAW_PUBLIC_INTEREST);
    tag.set_rationale_present(true);
    tag.set_approver("inspector-9");
  }
  RawAgency::Contents contents;
  *contents[type::v1::CATEGORY_IDENTITY].mutable_identity()->mutable_victim() = AreaPerson(one.victim);
  contents[type::v1::CATEGORY_RISK].mutable_risk()->set_rationale(AreaSummary(one));
  RawAgency::Permitted permitted;
  for (const auto& section : parts.sections) permitted[section.section_id()].insert(one.recipients.begin(), one.recipients.end());
  broker::v1::SubmitReferralRequest request;
  request.set_request_id(one.request_id);
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_submission(), agency.Seal(parts, permitted, agency.keys().signing_key, contents));
  return request;
}

police::v1::ReportIncidentRequest MakeIncident(const AreaReferral& one, absl::Time now) {
  police::v1::ReportIncidentRequest request = TestIncident(TestOptions(one.request_id, one.recipients));
  request.set_reference(one.request_id);
  request.set_happened(absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now - absl::Hours(24 * one.days_ago), absl::UTCTimeZone()));
  request.set_summary(AreaSummary(one));
  *request.mutable_victim() = AreaPerson(one.victim);
  *request.mutable_alleged_perpetrators(0)->mutable_person() = AreaPerson(one.perpetrator);
  request.set_risk_grade(one.grade);
  if (!one.child) request.clear_children();
  if (one.voice) request.set_victim_voice("She wants it to stop.");
  return request;
}

}  // namespace

bool AreaReferral::Asks(const std::string& agency) const { return std::find(recipients.begin(), recipients.end(), agency) != recipients.end(); }

type::v1::Person AreaPerson(uint32_t number) {
  type::v1::Person person;
  person.set_family_name(Syllables(number * 7919 % 343'000));
  person.set_given_names(Syllables(number * 104'729 % 343'000));
  person.add_dates_of_birth(fmt::format("{:04}-{:02}-{:02}", 1950 + number % 53, 2 + number % 11, 2 + number % 26));
  person.set_record_number(fmt::format("NOMINAL-{:05}", number));
  return person;
}

std::string AreaSummary(const AreaReferral& referral) { return fmt::format("{}: shouting heard, a door broken.", referral.request_id); }

std::vector<AgencyRow> FurtherAgencies() {
  return {{"school", "education", "accord-agency", type::v1::AGENCY_KIND_EDUCATION},
          {"police-south", "police", "accord-police", type::v1::AGENCY_KIND_POLICE},
          {"idva-south", "idva", "accord-idva", type::v1::AGENCY_KIND_IDVA}};
}

std::string AreaAgreement() {
  return absl::StrReplaceAll(OpenAgreement("inspected-1"), {{"\nparties = [", "\nparties = [\"school\", \"police-south\", \"idva-south\", "},
                                                            {"\nto_kinds = [", "\nto_kinds = [\"education\", "}});
}

InspectionArea::InspectionArea(World& world) : world_(world), referrals_(Plan().Take()) {}

absl::Status InspectionArea::Prepare() {
  for (const std::string agency : {"police", "childrens", "housing", "health", "idva", "school", "police-south", "idva-south"}) {
    ACCORD_ASSIGN_OR_RETURN(admin::v1::Agency row, world_.Row(agency));
    row.add_areas(agency.ends_with("-south") ? kOtherArea : kArea);
    admin::v1::Change change;
    *change.mutable_put_agency()->mutable_agency() = std::move(row);
    ACCORD_RETURN_IF_ERROR(world_.Change(change));
  }
  ACCORD_ASSIGN_OR_RETURN(std::string text, ReadFile(World::Source("deploy/clock-rules.toml")));
  const size_t version = text.find("\nversion = "), response = text.find("\n[[response]]");
  if (version == std::string::npos || response == std::string::npos) return absl::InternalError("deploy/clock-rules.toml has another form");
  text.insert(response, "\n[[response]]\nkinds = [\"housing\"]\nlane = \"standard\"\nminutes = 1\n");
  text.replace(version, text.find('\n', version + 1) - version, "\nversion = \"clocks-inspected\"");
  admin::v1::Change change;
  change.mutable_put_clock_rules()->set_text(std::move(text));
  return world_.Change(change);
}

absl::Status InspectionArea::PushUnanswered() {
  std::vector<AreaReferral*> unanswered;
  for (AreaReferral& one : referrals_) {
    if (one.Asks("housing")) unanswered.push_back(&one);
  }
  return Stream("health", std::move(unanswered));
}

absl::Status InspectionArea::PushOthers() {
  std::vector<AreaReferral*> by_service;
  std::map<std::string, std::vector<AreaReferral*>> by_sender;
  for (AreaReferral& one : referrals_) {
    if (one.door == kService) {
      by_service.push_back(&one);
    } else if (!one.Asks("housing")) {
      by_sender[one.sender].push_back(&one);
    }
  }
  ACCORD_RETURN_IF_ERROR(PushThroughService(by_service));
  absl::Status others;
  {
    const Thread beside([&] {
      for (const std::string sender : {"health", "police-south"}) others.Update(Stream(sender, by_sender[sender]));
    });
    others.Update(Stream("police", by_sender["police"]));
  }
  ACCORD_RETURN_IF_ERROR(others);
  for (AreaReferral* one : by_service) {
    ACCORD_ASSIGN_OR_RETURN(const auto submission, AwaitState(world_, "police", one->request_id, agency::v1::SUBMISSION_STATE_SETTLED));
    one->name = submission.referral();
  }
  return absl::OkStatus();
}

absl::Status InspectionArea::PushThroughService(std::vector<AreaReferral*> referrals) {
  using police::v1::PoliceService;
  const auto stub = world_.Own<PoliceService>("police");
  for (const AreaReferral* one : referrals) {
    ACCORD_RETURN_IF_ERROR(rpc::CallUnary(*stub, &PoliceService::Stub::ReportIncident, MakeIncident(*one, world_.clock().Now()), kCallTime).status());
  }
  return absl::OkStatus();
}

absl::Status InspectionArea::Stream(const std::string& sender, std::vector<AreaReferral*> referrals) {
  RawAgency agency(world_, sender);
  grpc::ClientContext context;
  rpc::SetTimeout(context, absl::Minutes(3));
  const auto stream = agency.referrals().SubmitReferrals(&context);
  size_t answered = 0;
  absl::Status refused;
  const auto take = [&] {
    broker::v1::SubmitReferralsResponse response;
    if (!stream->Read(&response)) return false;
    ++answered;
    AreaReferral& one = *referrals.at(response.tag());
    if (!response.has_stored()) {
      refused.Update(absl::InternalError(fmt::format("{} was refused: {}", one.request_id, response.refused().ShortDebugString())));
    }
    one.name = referral::ReferralName(response.stored().header_digest());
    return true;
  };
  bool well = true;
  for (size_t i = 0; well && i < referrals.size(); ++i) {
    broker::v1::SubmitReferralsRequest request;
    request.set_tag(i);
    ACCORD_ASSIGN_OR_RETURN(*request.mutable_referral(), MakeSubmission(world_, agency, *referrals[i]));
    request.set_request_id(request.referral().request_id());
    if (i - answered >= kUnansweredAtOnce) well = take();
    well = well && stream->Write(request);
  }
  stream->WritesDone();
  while (well && answered < referrals.size()) well = take();
  const absl::Status ended = rpc::FromGrpc(stream->Finish());
  if (!refused.ok()) return refused;
  if (ended.ok() && answered < referrals.size()) return absl::UnavailableError(fmt::format("{} of {} were answered", answered, referrals.size()));
  return ended;
}

absl::Status InspectionArea::AwaitCollected() {
  using admin::v1::AdminService;
  const auto stub = world_.Stub<AdminService>(kBroker, "admin/alice");
  for (const std::string agency : {"idva", "childrens", "police"}) {
    admin::v1::CheckConnectionRequest request;
    request.set_agency(agency);
    absl::StatusOr<admin::v1::CheckConnectionResponse> seen;
    const bool collected = Eventually(absl::Minutes(2), [&] {
      seen = rpc::CallUnary(*stub, &AdminService::Stub::CheckConnection, request, kCallTime);
      return !seen.ok() || seen->waiting() == 0;
    });
    ACCORD_RETURN_IF_ERROR(seen.status());
    if (!collected) return absl::DeadlineExceededError(fmt::format("{} deliveries wait for {}", seen->waiting(), agency));
  }
  return absl::OkStatus();
}

std::vector<const AreaReferral*> InspectionArea::OfArea() const {
  std::vector<const AreaReferral*> found;
  for (const AreaReferral& one : referrals_) {
    if (!one.sender.ends_with("-south")) found.push_back(&one);
  }
  return found;
}

std::vector<const AreaReferral*> InspectionArea::Through(AreaReferral::Door door) const {
  std::vector<const AreaReferral*> found;
  for (const AreaReferral& one : referrals_) {
    if (one.door == door) found.push_back(&one);
  }
  return found;
}

const AreaReferral* InspectionArea::Find(const std::string& name) const {
  const auto found = std::find_if(referrals_.begin(), referrals_.end(), [&](const AreaReferral& one) { return one.name == name; });
  return found == referrals_.end() ? nullptr : &*found;
}

}  // namespace accord::tests
