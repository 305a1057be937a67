// What only plaintext shows is screened here, before sealing (design.md §5 "Decision"): the broker cannot.
//
// Pure; the version of the rules is signed in the header. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "common/agent/draft.h"

namespace accord::agent {

// Rules of this version:
//   confidential address   a person marked so has no address in any section, and their address does not stand in any
//                          free text, the rationale included
//   identifiers            one whose check character or form is wrong (referral/identifiers.h) is quarantined; warned of, if it was not by
//                          who made the draft. NHS numbers and UPNs alone before screen/4
//   shared contact         the victim's safe telephone or email also stands with an alleged perpetrator: warned, and
//                          voicemail and text are switched off
//   shared household       the address of the victim or a child is that of an alleged perpetrator: warned; the more so when it
//                          is marked confidential (from screen/2)
//   portals                an alleged perpetrator can read a portal or record of a child: warned, whoever the recipients are. The
//                          list goes with the section children to all who receive that, because only a recipient knows what of
//                          its own records shows in which portal; nobody is left out, because that would keep from the child's
//                          school or doctor what protects the child. The warning names neither child nor portal (from screen/3)
//   records to keep out of the health facts name records or portals that nothing of this may show in: warned as of portals (from screen/4)
//   housing                areas of risk and shared tenancies: housing_facts.h (from screen/4)
inline constexpr std::string_view kScreeningVersion = "screen/4";

// Applies the rules to `draft` in place; what was found is added to `draft.warnings`, without personal data.
void Screen(Draft& draft);

}  // namespace accord::agent
