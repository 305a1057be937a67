#include "common/crypto/commitment.h"

#include <gtest/gtest.h>

#include <numeric>

#include "common/base/bytes.h"
#include "common/crypto/digest.h"
#include "common/crypto/dsse.h"

namespace accord::crypto::commitment_test {
namespace {

Opening Sample() {
  std::string salt(kSaltBytes, '\0');
  std::iota(salt.begin(), salt.end(), '\0');
  return {"core", salt, "content"};
}

// Computed in Python from the formula of docs/formats.md §1.
TEST(CommitmentTest, KnownAnswer) {
  EXPECT_EQ(ToHex(Commit(kHeaderPartDomain, Sample())),
            "ba5717f2616985cbf37f5e4440578ea17271e2fe50b3f5b43ab62acf6bc506a9");
}

TEST(CommitmentTest, BindsDomainLabelSaltAndContent) {
  const std::string commitment = Commit(kHeaderPartDomain, Sample());
  EXPECT_TRUE(Opens(kHeaderPartDomain, Sample(), commitment));
  EXPECT_FALSE(Opens(kEntryPartDomain, Sample(), commitment));
  for (auto member : {&Opening::label, &Opening::salt, &Opening::content}) {
    Opening other = Sample();
    (other.*member)[0] ^= 1;
    EXPECT_FALSE(Opens(kHeaderPartDomain, other, commitment));
  }
  Opening moved = {"cor", Sample().salt, "econtent"};  // The border between label and content is bound.
  EXPECT_FALSE(Opens(kHeaderPartDomain, moved, commitment));
}

TEST(CommitmentTest, MalformedOpeningOpensNothing) {
  Opening opening = Sample();
  opening.salt.pop_back();
  EXPECT_EQ(Commit(kHeaderPartDomain, opening), "");
  EXPECT_FALSE(Opens(kHeaderPartDomain, opening, ""));
  opening = Sample();
  opening.label.assign(kOpeningLabelBytesMax + 1, 'x');
  EXPECT_EQ(Commit(kHeaderPartDomain, opening), "");
}

TEST(CommitmentTest, EachOpeningHasItsOwnSalt) {
  FakeRandom random(1);
  EXPECT_NE(MakeOpening(random, "core", "x").salt, MakeOpening(random, "core", "x").salt);
}

// The example of the DSSE specification.
TEST(DsseTest, KnownAnswer) {
  const std::string pae = Pae("http://example.com/HelloWorld", "hello world");
  EXPECT_EQ(pae, "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(PaeDigest("http://example.com/HelloWorld", "hello world"), Sha256(pae));
  EXPECT_EQ(Pae("", ""), "DSSEv1 0  0 ");
}

}  // namespace
}  // namespace accord::crypto::commitment_test
