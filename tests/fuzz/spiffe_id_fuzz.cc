// SPIFFE ids: who a peer is, from its certificate.
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/rpc/identity.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace accord;  // NOLINT: one function.
  const std::string_view input = fuzz::Text(data, size);
  const auto id = rpc::ParseSpiffeId(input);
  if (!id.ok()) {
    ACCORD_CHECK(HasReason(id.status(), Reason::kUnauthenticated));
    return 0;
  }
  ACCORD_CHECK(id->ToString() == input);
  ACCORD_CHECK(input.size() <= rpc::kSpiffeIdCharsMax);
  ACCORD_CHECK(IsAgencyId(id->id) && (id->workload.empty() || IsAgencyId(id->workload)));
  ACCORD_CHECK(id->workload != "signing" && id->workload != "sealing");
  ACCORD_CHECK(!id->trust_domain.empty() && id->trust_domain.find_first_of("/:@%?# ") == std::string::npos);
  return 0;
}
