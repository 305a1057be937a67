// What an agency service makes of a request in its own agency's words: the one form in which the
// runtime takes a referral, screens, seals, signs and sends it.
#pragma once

#include <string>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "accord/type/v1/section_content.pb.h"
#include "accord/type/v1/vocabulary.pb.h"

namespace accord::agent {

// One section to be: one category's content.
struct DraftSection {
  accord::type::v1::Category category = accord::type::v1::CATEGORY_UNSPECIFIED;
  accord::type::v1::SectionContent content;
  bool third_party_material = false;
  bool confidential_address = false;
  // Of an attachment alone, filled by the runtime: the id of the file (attachments.h), which is read when the section is sealed.
  std::string attachment;
  // Of a rationale alone, filled by the runtime: the category whose own basis it gives the reasons of; unspecified: the referral's.
  accord::type::v1::Category basis_of = accord::type::v1::CATEGORY_UNSPECIFIED;
};

// One person. `person` is used to make subject tokens and to screen; only tokens and the coarse
// facts of `part` reach the broker. `part.subject_id` and `part.tokens` are filled by the runtime.
struct DraftSubject {
  accord::type::v1::SubjectPart part;
  accord::type::v1::Person person;
};

// A referral in the making.
struct Draft {
  std::string method;                        // What was called, such as `ReportIncident`; shown to the agency.
  accord::agency::v1::PushOptions options;   // Request id, worker, recipients, basis; as pushed.
  // Core facts; request id, sender, worker, signing time and screening version are filled by the runtime.
  accord::type::v1::HeaderCore core;
  std::vector<std::string> recipients;       // Agency ids: `options.recipients`, or the service's own routing.
  // At least one, but for a record alone (referral::IsRecordOnly). Rationale sections are added from `options.basis` and `options.section_bases`.
  std::vector<DraftSection> sections;
  std::vector<DraftSubject> subjects;
  std::vector<std::string> warnings;         // Advice to whoever pushed, such as a quarantined identifier.
  // Support services that would have been told, and take no such client: recorded beside the referral as not shared (eligibility.h).
  std::vector<std::string> not_eligible;
  // Those of them that take such a client, and have no room.
  std::vector<std::string> no_room;
  // Digest of the request as pushed (DigestOfRequest): the same request under the same id is the same push, whatever the mapping makes of it
  // by then. Empty: drafts are compared.
  std::string request_digest;
};

}  // namespace accord::agent
