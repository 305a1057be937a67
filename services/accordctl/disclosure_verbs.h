// What the verbs of disclosures share.
#pragma once

#include <string>

#include "accord/inspection/v1/disclosure_service.pb.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {

// What was asked of an agency, and how its answer is had.
void PrintAsked(const Session& session, const inspection::v1::Disclosure& disclosure, const std::string& request_id);

void AddResolveVerb(Command& warrant, Verb& chosen);              // warrant resolve
void AddDisclosureAnswerVerbs(Command& disclosure, Verb& chosen);  // disclosure show, release, refuse: an agency's authorising officer

}  // namespace accord::accordctl
