#include "common/ledger/leaf.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace accord::ledger {
namespace {

constexpr std::string_view kMagic = "ACL1";

absl::Status MalformedLeaf(std::string_view why) { return Error(Reason::kReceiptInvalid, why); }

}  // namespace

std::string EncodeLeaf(const Leaf& leaf) {
  ACCORD_CHECK(leaf.nonce.size() == kLeafNonceBytes && leaf.commitments.size() == kLeafCommitments);
  ByteWriter writer;
  writer.Raw(kMagic).Lp8(leaf.origin).Raw(leaf.nonce).U64(leaf.time_ms).U8(static_cast<uint8_t>(leaf.chains.size()));
  for (const Chain& chain : leaf.chains) writer.Raw(chain.pseudonym).U64(chain.sequence).U64(chain.previous_index);
  for (const std::string& commitment : leaf.commitments) writer.Raw(commitment);
  return std::move(writer).Take();
}

absl::Status ParseLeafInto(std::string_view bytes, LeafView& leaf) {
  if (bytes.size() > kLeafBytesMax) return MalformedLeaf("the leaf is too large");
  ByteReader reader(bytes);
  std::string_view magic;
  uint8_t chains = 0;
  if (!reader.Raw(kMagic.size(), magic) || magic != kMagic) return MalformedLeaf("the leaf is not of version 1");
  if (!reader.Lp8(leaf.origin) || leaf.origin.empty() || !reader.Raw(kLeafNonceBytes, leaf.nonce) ||
      !reader.U64(leaf.time_ms) || !reader.U8(chains)) {
    return MalformedLeaf("the leaf ends in its first fields");
  }
  if (chains < 1 || chains > kLeafChainsMax) return MalformedLeaf("the leaf has not one to four chains");
  leaf.chain_count = chains;
  for (size_t i = 0; i < chains; ++i) {
    LeafView::ChainView& chain = leaf.chain[i];
    if (!reader.Raw(kPseudonymBytes, chain.pseudonym) || !reader.U64(chain.sequence) || !reader.U64(chain.previous_index)) {
      return MalformedLeaf("the leaf ends in a chain");
    }
    if (i > 0 && leaf.chain[i - 1].pseudonym >= chain.pseudonym) return MalformedLeaf("the leaf's chains do not ascend");
    if ((chain.sequence == 0) != (chain.previous_index == kNoPreviousIndex)) return MalformedLeaf("a chain's first entry names one before it, or a later one none");
  }
  if (!reader.Raw(kLeafCommitments * crypto::kCommitmentBytes, leaf.commitments)) return MalformedLeaf("the leaf ends in its commitments");
  for (size_t i = 1; i < kLeafCommitments; ++i) {
    const char* const at = leaf.commitments.data() + i * crypto::kCommitmentBytes;
    if (std::memcmp(at - crypto::kCommitmentBytes, at, crypto::kCommitmentBytes) >= 0) return MalformedLeaf("the leaf's commitments do not ascend");
  }
  if (!reader.AtEnd()) return MalformedLeaf("the leaf has bytes after its end");
  return absl::OkStatus();
}

absl::StatusOr<Leaf> ParseLeaf(std::string_view bytes) {
  LeafView view;
  ACCORD_RETURN_IF_ERROR(ParseLeafInto(bytes, view));
  Leaf leaf{std::string(view.origin), std::string(view.nonce), view.time_ms, {}, {}};
  for (const LeafView::ChainView& chain : view.chains()) {
    leaf.chains.push_back({std::string(chain.pseudonym), chain.sequence, chain.previous_index});
  }
  for (size_t i = 0; i < kLeafCommitments; ++i) {
    leaf.commitments.emplace_back(view.commitments.substr(i * crypto::kCommitmentBytes, crypto::kCommitmentBytes));
  }
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
