// What an operation of common/crypto costs on one thread. Compare with the figures
// of OpenSSL itself (`openssl speed ecdsap256 ed25519`); only release builds count.
#include <benchmark/benchmark.h>

#include "common/base/random.h"
#include "common/crypto/aead.h"
#include "common/crypto/cms.h"
#include "common/crypto/commitment.h"
#include "common/crypto/digest.h"
#include "common/crypto/dsse.h"
#include "common/crypto/ecdsa.h"
#include "common/crypto/ed25519.h"
#include "common/crypto/testing_pki.h"

namespace accord::crypto {
namespace {

const std::string kFourKib(4096, 'x');

// A tree's node four ways: what the ledger calls, the general function, and EVP with a context that is kept or made anew.
void BM_Sha256Node(benchmark::State& state) {
  const std::string left(32, 'l'), right(32, 'r');
  char out[kDigestBytes];
  for (auto _ : state) {
    Sha256NodeInto(1, left.data(), right.data(), out);
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(BM_Sha256Node);

void BM_Sha256NodeInPieces(benchmark::State& state) {
  const std::string left(32, 'l'), right(32, 'r');
  char out[kDigestBytes];
  for (auto _ : state) {
    Sha256Into({"\x01", left, right}, out);
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(BM_Sha256NodeInPieces);

void BM_Sha256NodeByEvp(benchmark::State& state) {
  const std::string left(32, 'l'), right(32, 'r');
  char out[kDigestBytes];
  Sha256Hasher hasher;
  for (auto _ : state) {
    hasher.Update("\x01").Update(left).Update(right).FinishInto(out);
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(BM_Sha256NodeByEvp);

void BM_Sha256NodeByNewEvp(benchmark::State& state) {
  const std::string left(32, 'l'), right(32, 'r');
  char out[kDigestBytes];
  for (auto _ : state) {
    Sha256Hasher().Update("\x01").Update(left).Update(right).FinishInto(out);
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(BM_Sha256NodeByNewEvp);

void BM_Sha256Leaf(benchmark::State& state) {
  const std::string leaf(static_cast<size_t>(state.range(0)), 'x');
  char out[kDigestBytes];
  for (auto _ : state) {
    Sha256Into({std::string_view("\0", 1), leaf}, out);
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(BM_Sha256Leaf)->Arg(300)->Arg(400)->Arg(600);

void BM_Commit(benchmark::State& state) {
  FakeRandom random(1);
  const Opening opening = MakeOpening(random, "section", std::string(200, 'c'));
  for (auto _ : state) benchmark::DoNotOptimize(Commit(kHeaderPartDomain, opening));
}
BENCHMARK(BM_Commit);

void BM_EcdsaSign(benchmark::State& state) {
  const SigningKey key = SigningKey::Generate();
  for (auto _ : state) benchmark::DoNotOptimize(key.SignDigest(PaeDigest("type", kFourKib)));
}
BENCHMARK(BM_EcdsaSign);

void BM_EcdsaVerifyCachedKey(benchmark::State& state) {
  const SigningKey key = SigningKey::Generate();
  const std::string signature = *key.SignDigest(PaeDigest("type", kFourKib));
  for (auto _ : state) {
    if (!key.public_key().VerifyDigest(PaeDigest("type", kFourKib), signature).ok())
      state.SkipWithError("wrong");
  }
}
BENCHMARK(BM_EcdsaVerifyCachedKey)->ThreadRange(1, 2)->UseRealTime();

void BM_EcdsaVerifyParsingKey(benchmark::State& state) {
  const SigningKey key = SigningKey::Generate();
  const std::string signature = *key.SignDigest(PaeDigest("type", kFourKib));
  for (auto _ : state) {
    if (!VerifyKey::FromSpki(key.spki())->VerifyDigest(PaeDigest("type", kFourKib), signature).ok()) {
      state.SkipWithError("wrong");
    }
  }
}
BENCHMARK(BM_EcdsaVerifyParsingKey);

void BM_Ed25519Sign(benchmark::State& state) {
  const Ed25519Signer signer = Ed25519Signer::Generate();
  for (auto _ : state) benchmark::DoNotOptimize(signer.Sign("a checkpoint of some hundred bytes"));
}
BENCHMARK(BM_Ed25519Sign);

void BM_Ed25519Verify(benchmark::State& state) {
  const Ed25519Signer signer = Ed25519Signer::Generate();
  const std::string signature = signer.Sign("a checkpoint of some hundred bytes");
  for (auto _ : state) {
    if (!signer.verifier().Verify("a checkpoint of some hundred bytes", signature))
      state.SkipWithError("wrong");
  }
}
BENCHMARK(BM_Ed25519Verify);

void BM_AeadSeal(benchmark::State& state) {
  const SecretBytes key(std::string(aead::kKeyBytes, 'k'));
  const std::string nonce(aead::kNonceBytes, 'n');
  for (auto _ : state) benchmark::DoNotOptimize(aead::Seal(key, nonce, "family and key", kFourKib));
}
BENCHMARK(BM_AeadSeal);

void BM_CmsSeal(benchmark::State& state) {
  const testing::TestAuthority authority;
  std::vector<Certificate> recipients;
  for (int i = 0; i < state.range(0); ++i) recipients.push_back(authority.IssueSealing("a").certificate);
  for (auto _ : state) benchmark::DoNotOptimize(cms::Seal(kFourKib, recipients));
}
BENCHMARK(BM_CmsSeal)->Arg(1)->Arg(2)->Arg(10);

void BM_CmsOpen(benchmark::State& state) {
  const testing::Issued issued = testing::TestAuthority().IssueSealing("a");
  const SealingKey key = issued.sealing_key();
  const std::string sealed = *cms::Seal(kFourKib, {&issued.certificate, 1});
  for (auto _ : state) benchmark::DoNotOptimize(cms::Open(sealed, key, issued.certificate));
}
BENCHMARK(BM_CmsOpen);

void BM_CmsParse(benchmark::State& state) {
  const testing::TestAuthority authority;
  std::vector<Certificate> recipients;
  for (int i = 0; i < 10; ++i) recipients.push_back(authority.IssueSealing("a").certificate);
  const std::string sealed = *cms::Seal(kFourKib, recipients);
  for (auto _ : state) benchmark::DoNotOptimize(cms::Parse(sealed));
}
BENCHMARK(BM_CmsParse);

}  // namespace
}  // namespace accord::crypto
