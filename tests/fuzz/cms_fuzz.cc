// Sealed sections, without a key and with one of a recipient. Run from the root of the project: the key is a golden vector's.
#include <set>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "tests/fuzz/target.h"

namespace accord {
namespace {

using crypto::Certificate;
using crypto::SealingKey;
namespace cms = crypto::cms;

constexpr char kKeyPath[] = "tests/golden/keys/northshire-idva-sealing.key.pem";
constexpr char kCertificatePath[] = "tests/golden/keys/northshire-idva-sealing.cert.pem";

const SealingKey& Key() {
  static const auto* const key = new SealingKey(SealingKey::FromPemFile(kKeyPath).value());
  return *key;
}
const Certificate& Own() {
  static const auto* const certificate = new Certificate(Certificate::FromPem(ReadFile(kCertificatePath).value()).value());
  return *certificate;
}

void CheckSealed(std::string_view input) {
  const auto parsed = cms::Parse(input);
  const auto opened = cms::Open(input, Key(), Own());
  if (!parsed.ok()) {
    ACCORD_CHECK(HasReason(parsed.status(), Reason::kSectionMalformed));
    ACCORD_CHECK(!opened.ok());
    return;
  }
  ACCORD_CHECK(!parsed->recipients.empty() && parsed->recipients.size() <= cms::kRecipientsMax);
  std::set<std::string> names;
  for (const cms::Recipient& recipient : parsed->recipients) {
    ACCORD_CHECK(names.insert(recipient.subject_key_id).second);
    // Cut down to one, it is the same section for that one, and cannot be cut further.
    const auto own = cms::ForRecipient(input, recipient.subject_key_id);
    ACCORD_CHECK(own.ok());
    const auto again = cms::Parse(*own);
    ACCORD_CHECK(again.ok() && again->recipients.size() == 1);
    ACCORD_CHECK(again->recipients[0].subject_key_id == recipient.subject_key_id && again->recipients[0].info == recipient.info);
    ACCORD_CHECK(again->digest == parsed->digest && again->encrypted_bytes == parsed->encrypted_bytes);
    ACCORD_CHECK(cms::ForRecipient(*own, recipient.subject_key_id).value() == *own);
    if (parsed->recipients.size() == 1) ACCORD_CHECK(*own == input);
  }
  if (opened.ok()) {
    ACCORD_CHECK(names.contains(Own().subject_key_id()));
    ACCORD_CHECK(opened->size() == parsed->encrypted_bytes);
  }
}

}  // namespace
}  // namespace accord

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  accord::CheckSealed(accord::fuzz::Text(data, size));
  return 0;
}
