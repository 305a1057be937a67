#include <stdlib.h>

#include <cstdio>
#include <string>

#include "common/base/text.h"
#include "common/rpc/tls.h"
#include "services/accordctl/program.h"

// Calls are made one after the other and waited for; nothing runs when the verb is done.
int main(int argc, char** argv) {
  if (const absl::Status tls = accord::rpc::EnforceTls13(); !tls.ok()) {
    std::fprintf(stderr, "accordctl: TLS 1.3: %s\n", std::string(accord::FromAbsl(tls.message())).c_str());
    return 1;
  }
  // gRPC's own lines are for whoever asks for them: what is wrong is told in words (session.cc).
  setenv("GRPC_VERBOSITY", "NONE", /*replace=*/0);
  accord::SystemRandom random;
  return accord::accordctl::RunAccordctl(argc, argv, random);
}
