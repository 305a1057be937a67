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
//   identifiers            an NHS number or UPN whose check character is wrong is quarantined, with a warning
//   shared contact         the victim's safe telephone or email also stands with an alleged perpetrator: warned, and
//                          voicemail and text are switched off
//   shared household       the address of the victim or a child is that of an alleged perpetrator: warned; the more so when it
//                          is marked confidential (from screen/2)
//   portals                an alleged perpetrator can read a portal or record of a child: warned, whoever the recipients are. The
//                          list goes with the section children to all who receive that, because only a recipient knows what of
//                          its own records shows in which portal; nobody is left out, because that would keep from the child's
//                          school or doctor what protects the child. The warning names neither child nor portal (from screen/3)
inline constexpr std::string_view kScreeningVersion = "screen/3";

// Applies the rules to `draft` in place; what was found is added to `draft.warnings`, without personal data.
void Screen(Draft& draft);

}  // namespace accord::agent
