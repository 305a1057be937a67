// What all that tell of a person's home share, whichever agency says it: facts that go together, the duty to refer, areas of risk.
// Pure. Thread-safe.
#pragma once

#include <string_view>

#include "common/agent/draft_builder.h"

namespace accord::agent {

// Adds the section, of what stands at `field` of the request. FIELD_MISSING under that field:
//   homelessness             with priority need, which is of somebody homeless
//   temporary_accommodation  with out of area, which is said of it
void AddHousing(DraftBuilder& draft, const type::v1::Housing& housing, std::string_view field);

// The duty to refer is law in England alone (Housing Act 1996 s213B): FIELD_INVALID `options.basis.jurisdiction` when another part of the
// country is stated. Where none is stated, the broker knows the sender's areas, and judges.
void RequireDutyToRefer(DraftBuilder& draft, const agency::v1::PushOptions& options);

// Does a place, such as "Northfield Borough Council" or the agency id "northfield-council", name the area of risk, such as "all of
// Northfield"? Words are compared, in the Roman alphabet and without case: an area that is named otherwise is not found.
bool NamesArea(std::string_view place, std::string_view area);

// Part of Screen: nobody is sent back to an area of risk, and who shares the tenancy may come in. Warns of
//   areas of risk   one that the chosen council, a recipient or the temporary accommodation is of
//   sanctuary       a scheme at a home of which an alleged perpetrator has a tenancy or owns a part
// Nothing is left out, and no warning names a place.
void WarnOfHousing(Draft& draft);

}  // namespace accord::agent
