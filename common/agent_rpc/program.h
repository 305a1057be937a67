// The main() of every agency service.
#pragma once

#include "common/agent_rpc/agency_spec.h"

namespace accord::agent_rpc {

//   PROGRAM --config FILE [--config FILE…]  serves these agencies, each by itself (tenant.h), until SIGTERM or SIGINT
//   PROGRAM --config FILE --clear-alarm     clears a standing alarm, once its evidence is kept
//   PROGRAM --config FILE --protect         puts the agency's key files under a passphrase, in place (docs/hosting.md)
// The last two read the passphrase, where there is one, from standard input.
//
// Of several agencies one that does not start (a wrong configuration, a damaged store, a port that is taken) is told of and left out; the
// others serve. Returns the exit status: 0, 1 failed, also when one of several did, 2 wrong use.
//
// Order of stopping, for each agency and for all at once: health says no; the server finishes its calls; outbox and mailbox end; the store closes.
int RunAgency(int argc, char** argv, const AgencySpec& spec);

}  // namespace accord::agent_rpc
