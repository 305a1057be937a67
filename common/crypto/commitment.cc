#include "common/crypto/commitment.h"

#include "common/crypto/digest.h"

namespace accord::crypto {

Opening MakeOpening(Random& random, std::string_view label, std::string_view content) {
  return {std::string(label), random.Bytes(kSaltBytes), std::string(content)};
}

std::string Commit(std::string_view domain, const Opening& opening) {
  if (opening.salt.size() != kSaltBytes || opening.label.size() > kOpeningLabelBytesMax) return {};
  const char length[] = {0, static_cast<char>(opening.label.size())};  // The label's, as u16.
  return Sha256({domain, std::string_view("\0", 1), opening.salt, std::string_view(length, 2), opening.label,
                 opening.content});
}

bool Opens(std::string_view domain, const Opening& opening, std::string_view commitment) {
  const std::string expected = Commit(domain, opening);
  return !expected.empty() && expected == commitment;
}

}  // namespace accord::crypto
