#include "common/ledger/leaf.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace accord::ledger {
namespace {

constexpr std::string_view kMagic = "ACL1";

absl::Status Malformed(std::string_view why) { return Error(Reason::kReceiptInvalid, why); }

}  // namespace

std::string EncodeLeaf(const Leaf& leaf) {
  ACCORD_CHECK(leaf.nonce.size() == kLeafNonceBytes && leaf.commitments.size() == kLeafCommitments);
  ByteWriter writer;
  writer.Raw(kMagic).Lp8(leaf.origin).Raw(leaf.nonce).U64(leaf.time_ms).U8(static_cast<uint8_t>(leaf.chains.size()));
  for (const Chain& chain : leaf.chains) writer.Raw(chain.pseudonym).U64(chain.sequence).U64(chain.previous_index);
  for (const std::string& commitment : leaf.commitments) writer.Raw(commitment);
  return std::move(writer).Take();
}

absl::StatusOr<Leaf> ParseLeaf(std::string_view bytes) {
  if (bytes.size() > kLeafBytesMax) return Malformed("the leaf is too large");
  ByteReader reader(bytes);
  Leaf leaf;
  std::string_view magic, origin, nonce;
  uint8_t chains = 0;
  if (!reader.Raw(kMagic.size(), magic) || magic != kMagic) return Malformed("the leaf is not of version 1");
  if (!reader.Lp8(origin) || origin.empty() || !reader.Raw(kLeafNonceBytes, nonce) || !reader.U64(leaf.time_ms) ||
      !reader.U8(chains)) {
    return Malformed("the leaf ends in its first fields");
  }
  leaf.origin = origin;
  leaf.nonce = nonce;
  if (chains < 1 || chains > kLeafChainsMax) return Malformed("the leaf has not one to four chains");
  for (uint8_t i = 0; i < chains; ++i) {
    std::string_view pseudonym;
    Chain chain;
    if (!reader.Raw(kPseudonymBytes, pseudonym) || !reader.U64(chain.sequence) || !reader.U64(chain.previous_index)) {
      return Malformed("the leaf ends in a chain");
    }
    chain.pseudonym = pseudonym;
    if (!leaf.chains.empty() && leaf.chains.back().pseudonym >= chain.pseudonym) return Malformed("the leaf's chains do not ascend");
    if ((chain.sequence == 0) != (chain.previous_index == kNoPreviousIndex)) return Malformed("a chain's first entry names one before it, or a later one none");
    leaf.chains.push_back(std::move(chain));
  }
  for (size_t i = 0; i < kLeafCommitments; ++i) {
    std::string_view commitment;
    if (!reader.Raw(crypto::kCommitmentBytes, commitment)) return Malformed("the leaf ends in its commitments");
    if (i > 0 && leaf.commitments.back() >= commitment) return Malformed("the leaf's commitments do not ascend");
    leaf.commitments.emplace_back(commitment);
  }
  if (!reader.AtEnd()) return Malformed("the leaf has bytes after its end");
  return leaf;
}

Leaf MakeLeaf(std::string_view origin, uint64_t time_ms, std::vector<Chain> chains,
              std::span<const crypto::Opening> openings, Random& random) {
  ACCORD_CHECK(!origin.empty() && origin.size() <= kOriginBytesMax);
  ACCORD_CHECK(!chains.empty() && chains.size() <= kLeafChainsMax && openings.size() <= kLeafCommitments);
  Leaf leaf{std::string(origin), random.Bytes(kLeafNonceBytes), time_ms, std::move(chains), {}};
  std::sort(leaf.chains.begin(), leaf.chains.end(),
            [](const Chain& a, const Chain& b) { return a.pseudonym < b.pseudonym; });
  for (const crypto::Opening& opening : openings) {
    leaf.commitments.push_back(crypto::Commit(crypto::kEntryPartDomain, opening));
  }
  while (leaf.commitments.size() < kLeafCommitments) leaf.commitments.push_back(random.Bytes(crypto::kCommitmentBytes));
  std::sort(leaf.commitments.begin(), leaf.commitments.end());
  return leaf;
}

bool LeafOpens(const Leaf& leaf, const crypto::Opening& opening) {
  const std::string commitment = crypto::Commit(crypto::kEntryPartDomain, opening);
  return std::binary_search(leaf.commitments.begin(), leaf.commitments.end(), commitment);
}

}  // namespace accord::ledger
