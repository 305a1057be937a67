// What the mappings of the five services share: from the people and facts of a request in its agency's own words to a
// Draft. Nothing here knows one agency from another.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <google/protobuf/repeated_ptr_field.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/agent/draft.h"
#include "common/agent/eligibility.h"
#include "common/policy/instrument_text.h"

namespace accord::agent {

// The scheme of an agency's reference of a case, where the person has a record number of their own.
inline constexpr std::string_view kCaseReferenceScheme = "case_reference";

// What a mapping is told beside the request.
struct MappingContext {
  // The agencies of a kind that this agency's configuration sends to when a push names nobody.
  std::function<std::vector<std::string>(type::v1::AgencyKind)> routing;
  absl::Time now;  // The age of people counts from it where the request says of no event when it was.
  std::string agency;  // Who sends: never a recipient by default.
  // The documents of the instruments that this agency uses; must outlive the mapping.
  const referral::Instruments* instruments = &policy::DefaultInstruments();
  // Idva services with whom each takes by this agency's configuration; one that is not among them takes anybody. Must outlive the mapping;
  // null: none is described.
  const std::vector<SupportService>* support_services = nullptr;
  std::vector<std::string> force_codes = {};  // Of the police forces heard of here; none: any.
  PublishedOf published = nullptr;  // What agencies published of whom they take; null: nothing.
};

inline constexpr size_t kEventReferenceBytesMax = 64;  // Of PushOptions.event_reference.
inline constexpr int kChecksAskedMax = 64;             // Agencies that one check asks.

// Consent is given, with limits or without. Pure. Thread-safe.
bool IsConsented(type::v1::ConfidentialityConsent consent);

// Builds the Draft of one request. A check that fails makes Build return its error; the first one counts. Errors are
// FIELD_MISSING and FIELD_INVALID with metadata `field` in the request's own words, and those of ValidateMessage.
//
// Call what concerns dates first (Happened), then the victim, then the rest. Pure. Single-thread.
class DraftBuilder {
 public:
  // Validates `request` whole. `context` must outlive this.
  DraftBuilder(std::string_view method, const google::protobuf::Message& request,
               const agency::v1::PushOptions& options, const MappingContext& context);

  // A condition on field `field`; `why` follows the field's name in the message.
  DraftBuilder& RequireValid(bool valid, std::string_view field, std::string_view why);
  DraftBuilder& RequirePresent(bool present, std::string_view field, std::string_view why);
  DraftBuilder& Require(const absl::Status& status);

  // When it happened and when the agency came to know; empty text says nothing.
  DraftBuilder& Happened(std::string_view text, std::string_view field);
  DraftBuilder& Known(std::string_view text, std::string_view field);

  // The victim: a subject, and the section identity. `reference` is the agency's own, and becomes the person's record
  // number where they have none, else their last identifier, of kCaseReferenceScheme.
  DraftBuilder& Victim(const type::v1::Person& person, std::string_view field, std::string_view reference = "");
  // Takes away the victim's address, who did not agree that contact details are passed on. `had_more`: the request has
  // others, which the mapping leaves out. After Victim.
  DraftBuilder& WithoutContactDetails(bool had_more);
  // Subjects, and the section alleged perpetrator. `relationship` is that of the first.
  DraftBuilder& AllegedPerpetrators(const google::protobuf::RepeatedPtrField<type::v1::AllegedPerpetrator>& people,
                                    type::v1::RelationshipClass relationship);
  // Subjects, and the section children. Nobody's parental responsibility is assumed. `inner` is where the child stands in
  // its row of the request, such as `.child`.
  DraftBuilder& Children(const google::protobuf::RepeatedPtrField<type::v1::Child>& children, std::string_view inner = "");
  // `victim:<agency>` or `perpetrator:<agency>`; empty says nothing.
  DraftBuilder& WorksAtAgency(std::string_view text);
  // Agencies that must not be told of the victim. They are no default recipients either.
  DraftBuilder& DoNotDiscloseTo(const google::protobuf::RepeatedPtrField<std::string>& agencies);

  // The section risk, of the victim; the lane and clocks follow its grade. The assessor is who pushes, unless it says another.
  // `version_field` and `answers_field` are the request's fields with the instrument's version and answers: what is found of them by the
  // instrument's document is a warning. A mapping that needs them whole checks by referral::ScoreAnswers before.
  DraftBuilder& Risk(type::v1::RiskAssessment assessment, std::string_view version_field, std::string_view answers_field = "answers");
  // A grade without an instrument is professional judgement; unspecified says nothing.
  DraftBuilder& Grade(type::v1::RiskGrade grade);
  // Whose an event's reference is: an agency, or a police force by its code, which is warned of when it is not two digits or none of those
  // that are configured.
  DraftBuilder& Owner(std::string_view owner, std::string_view field);
  // Sections with something to say; empty ones are left out.
  DraftBuilder& SafeContact(const type::v1::SafeContact& contact);
  DraftBuilder& Incident(type::v1::Incident incident);
  DraftBuilder& Health(const type::v1::Health& health);
  DraftBuilder& Housing(const type::v1::Housing& housing);
  DraftBuilder& Orders(const google::protobuf::RepeatedPtrField<type::v1::Order>& orders);
  DraftBuilder& Text(type::v1::Category category, std::string_view text);

  // It is a check: each agency answers known, not known, or withheld; at most kChecksAskedMax are asked.
  DraftBuilder& Checks();

  // The referral that this follows, `referrals/{header digest in hex}`; empty says nothing.
  DraftBuilder& FollowsOn(std::string_view referral, std::string_view field);

  // It is about the people of an earlier push. In place of Victim, AllegedPerpetrators and Children.
  DraftBuilder& Concerns(std::vector<DraftSubject> subjects);

  // Where the client lives now, a GSS code, for the eligibility of support services; empty says nothing.
  DraftBuilder& ClientArea(std::string_view area, std::string_view field);

  // Whom to tell when the push names nobody: an agency, or those configured of a kind. Of support services that are described, or have published whom they take, only
  // those that take such a client: where none does, nobody of the kind is told, the pusher is warned, and Draft.not_eligible names them. After
  // Victim, Risk and ClientArea.
  DraftBuilder& ByDefaultTo(std::string_view agency);
  DraftBuilder& ByDefaultTo(type::v1::AgencyKind kind);
  DraftBuilder& ByDefaultToChildrensServicesIfConcerned();  // Children are concerned, or the victim is under 18.
  DraftBuilder& Warn(std::string_view advice);

  type::v1::AgeBand victim_age_band() const { return victim_age_band_; }
  bool children_concerned() const;
  // The purpose of telling others of an adult's safety: SAFEGUARDING_CHILD for a victim under 16. SUPPORT when the
  // person consents and all recipients are Idva services, since support is theirs to choose. Else SAFEGUARDING_ADULT.
  type::v1::Purpose SafeguardingPurpose() const;
  type::v1::Purpose SupportPurpose() const;

  // For what only one mapping sets.
  type::v1::HeaderCore& core() { return draft_.core; }

  // The draft, of type REFERRAL unless core() says otherwise, or the first error. For a victim under 16 and the purpose
  // SAFEGUARDING_CHILD, children's services are added, and the pusher is told (domain.md §1: warn and reroute, never
  // drop). FIELD_MISSING `options.recipients` when nobody is named, configured or added; but for a draft that names support services which
  // do not take the client: the runtime records that, and refuses then.
  absl::StatusOr<Draft> Build(type::v1::Purpose purpose) &&;
  // The draft of a decision not to share with those who are named, or the first error. What was said of people makes subjects
  // alone: there are no sections, and nobody is added. FIELD_MISSING `options.recipients` when nobody is named.
  absl::StatusOr<Draft> BuildNotShared(type::v1::Purpose purpose, type::v1::NotSharedReason reason) &&;
  // The draft of what was told by other means to those who are named, or the first error: without sections, and nobody is added.
  //   FIELD_MISSING  nobody is named; or nobody is said to be concerned, neither by Victim nor by Concerns
  //   FIELD_INVALID  `told_at_ms` is not from 1970 to now
  absl::StatusOr<Draft> BuildSentOutside(type::v1::Purpose purpose, type::v1::OutsideChannel channel, int64_t told_at_ms) &&;

 private:
  absl::StatusOr<Draft> BuildRecord(type::v1::ReferralType type, type::v1::Purpose purpose);
  void Fail(absl::Status status) { if (status_.ok()) status_ = std::move(status); }
  // Of the person as they go on from here: a bad identifier is quarantined there, and warned of in the request's own words.
  void CheckPerson(type::v1::Person& person, std::string_view field);
  // A code that is kept as it is, warned of when it is not of the scheme's form; empty says nothing.
  void CheckCode(std::string_view scheme, std::string_view value, std::string_view field);
  void CheckAgency(std::string_view id, std::string_view field);
  ClientFacts Facts();
  type::v1::SectionContent& Section(type::v1::Category category);
  DraftSubject& Subject(type::v1::SubjectRole role, const type::v1::Person& person);
  // Null before Victim().
  DraftSubject* FindSubject(type::v1::SubjectRole role);
  bool IsExcluded(std::string_view agency) const;
  void NameOriginator();
  void TellChildrensServices(type::v1::Purpose purpose);
  std::vector<std::string> Recipients() const;

  const MappingContext& context_;
  Draft draft_;
  absl::Status status_;
  type::v1::TimeRange when_;  // Of the event, for ages.
  type::v1::AgeBand victim_age_band_ = type::v1::AGE_BAND_UNSPECIFIED;
  std::vector<std::string> default_recipients_;
  std::string client_area_;
};

}  // namespace accord::agent
