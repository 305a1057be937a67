// From a police force's words to a draft. Pure. Thread-safe.
//
// Errors of all: FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN, TEXT_NOT_UTF8 with the field in metadata `field`.
#pragma once

#include <absl/status/statusor.h>

#include "accord/police/v1/police_service.pb.h"
#include "common/agent/draft_builder.h"

namespace accord::police {

inline constexpr int kFurtherReferencesMax = 16;

// An incident is a referral: to the Idva service, to children's services when children are concerned or the victim is
// under 18, to whom else `options.recipients` names. Its purpose is safeguarding, of a child when the victim is under 16.
// Without `options.event_reference` the event is known by force, type and first reference, as in MapChildNotice.
absl::StatusOr<agent::Draft> MapIncident(const v1::ReportIncidentRequest& request, const agent::MappingContext& context);

// A notification to protect children: to children's services, health and the schools that are configured.
absl::StatusOr<agent::Draft> MapChildNotice(const v1::SendChildNoticeRequest& request, const agent::MappingContext& context);

// A check of whoever is named, under the gateway DVDS. Its purpose is safeguarding, as of an incident: a police request for the purpose
// of preventing crime is a victim information request and nothing else (always/victim-information-request).
absl::StatusOr<agent::Draft> MapDisclosureChecks(const v1::RequestDisclosureChecksRequest& request, const agent::MappingContext& context);

// A notification to the Idva service, and to children's services when children are concerned. It reports no event.
absl::StatusOr<agent::Draft> MapDisclosure(const v1::RecordDisclosureRequest& request, const agent::MappingContext& context);

// A victim information request to whoever is named. What the law asks for and is not there is advice here, and a decision of the broker.
absl::StatusOr<agent::Draft> MapVictimInformation(const v1::RequestVictimInformationRequest& request, const agent::MappingContext& context);

// A voluntary referral to housing; child protection when the victim is under 16.
absl::StatusOr<agent::Draft> MapHousing(const v1::ReferForHousingRequest& request, const agent::MappingContext& context);

}  // namespace accord::police
