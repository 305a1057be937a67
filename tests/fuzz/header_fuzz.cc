// Signed headers and their openings: a Submission as it comes over the wire.
#include <algorithm>
#include <set>

#include "accord/type/v1/referral.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/commitment.h"
#include "common/referral/header.h"
#include "tests/fuzz/target.h"

namespace accord {
namespace {

constexpr std::string_view kMagic = "ACRDHDR1";  // docs/formats.md §3.

std::string Payload(const referral::HeaderView& view) {
  ByteWriter writer;
  writer.Raw(kMagic).Raw(view.key_id).U16(static_cast<uint16_t>(view.commitments.size()));
  for (const std::string& commitment : view.commitments) writer.Raw(commitment);
  return std::move(writer).Take();
}

template <typename Part>
size_t CheckParts(const std::vector<referral::Opened<Part>>& parts, const std::set<std::string>& given) {
  for (const auto& part : parts) ACCORD_CHECK(given.contains(part.opening.SerializeAsString()));
  return parts.size();
}

// What opens is made of the openings that were given, each used once, and nobody gets one that is not theirs.
void CheckOpenings(const referral::HeaderView& view, const std::vector<type::v1::Opening>& openings) {
  const auto opened = referral::OpenHeader(view, openings);
  if (!opened.ok()) return;
  std::set<std::string> given;
  for (const type::v1::Opening& opening : openings) given.insert(opening.SerializeAsString());
  ACCORD_CHECK(given.contains(opened->core.opening.SerializeAsString()));
  const size_t parts = 1 + CheckParts(opened->recipients, given) + CheckParts(opened->sections, given) +
                       CheckParts(opened->tags, given) + CheckParts(opened->subjects, given);
  ACCORD_CHECK(parts == openings.size());
  ACCORD_CHECK(referral::ValidateParts(opened->Parts(), /*digests_required=*/true).ok());
  for (const auto& section : opened->sections) ACCORD_CHECK(opened->FindTag(section.part.tag_id()) != nullptr);

  ACCORD_CHECK(referral::OpeningsForRecipient(*opened, "nobody", {}).size() == 1);
  for (const auto& recipient : opened->recipients) {
    for (const type::v1::Opening& opening : referral::OpeningsForRecipient(*opened, recipient.part.agency(), {})) {
      ACCORD_CHECK(opening.label() == "core" || opening.SerializeAsString() == recipient.opening.SerializeAsString());
    }
  }
}

void CheckSubmission(std::string_view input) {
  type::v1::Submission submission;
  if (!submission.ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
  const std::vector<type::v1::Opening> openings(submission.openings().begin(), submission.openings().end());

  const auto view = referral::ParseHeader(submission.header());
  if (view.ok()) {
    ACCORD_CHECK(Payload(*view) == submission.header().payload());
    CheckOpenings(*view, openings);
  } else {
    ACCORD_CHECK(HasReason(view.status(), Reason::kHeaderMalformed));
  }

  // No fuzzer finds a hash: the same openings under a header that commits to them.
  referral::HeaderView own{std::string(32, 'k'), {}};
  for (const type::v1::Opening& opening : openings) {
    const std::string commitment =
        crypto::Commit(crypto::kHeaderPartDomain, {opening.label(), opening.salt(), opening.content()});
    if (!commitment.empty()) own.commitments.push_back(commitment);
  }
  // The padding ascends by its last two bytes.
  for (uint16_t pad = 0; own.commitments.empty() || own.commitments.size() % referral::kHeaderCommitmentsStep != 0; ++pad) {
    own.commitments.push_back(ByteWriter().Raw(std::string(30, 'p')).U16(pad).bytes());
  }
  std::sort(own.commitments.begin(), own.commitments.end());
  type::v1::SignedPayload header;
  header.set_payload_type(std::string(referral::kHeaderPayloadType));
  header.set_key_id(own.key_id);
  header.set_payload(Payload(own));
  const auto parsed = referral::ParseHeader(header);
  const bool different = std::adjacent_find(own.commitments.begin(), own.commitments.end()) == own.commitments.end();
  ACCORD_CHECK(parsed.ok() == (different && own.commitments.size() <= referral::kHeaderCommitmentsMax));
  if (parsed.ok()) CheckOpenings(*parsed, openings);
}

}  // namespace
}  // namespace accord

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  accord::CheckSubmission(accord::fuzz::Text(data, size));
  return 0;
}
