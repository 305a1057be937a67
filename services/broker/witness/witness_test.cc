// The policy's file, and what the two commands write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "accord/storage/v1/broker.pb.h"
#include "accord/storage/v1/witness.pb.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/checkpoint.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/memory_context.h"
#include "services/broker/witness/cosign.h"
#include "services/broker/witness/fork.h"
#include "services/broker/witness/policy_witnesses.h"

namespace accord::broker::witness_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

crypto::Ed25519Signer Signer(char seed) { return *crypto::Ed25519Signer::FromSeed(std::string(32, seed)); }
ledger::Vkey LogKey(char seed = 'L') { return ledger::Vkey::Make("accord.test/log", ledger::kTypeEd25519, Signer(seed).verifier()); }
std::string Row(std::string_view agency, char seed) {
  return fmt::format("witness {} {}\n", agency,
                     ledger::Vkey::Make(fmt::format("{}.test", agency), ledger::kTypeCosignatureV1, Signer(seed).verifier()).ToString());
}
std::string Policy() {
  return fmt::format("log {}\n", LogKey().ToString()) + Row("police", 'p') + Row("idva", 'i') + Row("health", 'h') +
         "group two 2 police idva health\nquorum two\n";
}

class PolicyWitnessesTest : public ::testing::Test {
 protected:
  PolicyWitnessesTest() : path_(::testing::TempDir() + "/accord_policy_" + ToHex(SystemRandom().Bytes(6))) {}
  ~PolicyWitnessesTest() override { std::remove(path_.c_str()); }
  absl::StatusOr<std::unique_ptr<PolicyWitnesses>> Open(const std::string& text) {
    EXPECT_EQ(WriteFileDurably(path_, text), absl::OkStatus());
    return PolicyWitnesses::Open(path_, LogKey(), clock_);
  }
  const std::string path_;
  FakeClock clock_;
};

TEST_F(PolicyWitnessesTest, WithoutAFileNobodyWitnesses) {
  const auto none = PolicyWitnesses::Open("", LogKey(), clock_);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_FALSE((*none)->KeyOf("police").has_value());
  EXPECT_FALSE((*none)->Met(std::vector<std::string>{"police"}));
  EXPECT_FALSE(PolicyWitnesses::Open(path_, LogKey(), clock_).ok());  // A file that is named must be there.
}

TEST_F(PolicyWitnessesTest, IsReadAnewAndAWrongFileChangesNothing) {
  auto witnesses = Open(Policy());
  ASSERT_TRUE(witnesses.ok()) << witnesses.status();
  EXPECT_THAT((*witnesses)->names(), ElementsAre("police", "idva", "health"));
  EXPECT_TRUE((*witnesses)->Met(std::vector<std::string>{"police", "idva"}));
  EXPECT_FALSE((*witnesses)->Met(std::vector<std::string>{"police", "housing"}));

  ASSERT_EQ(WriteFileDurably(path_, "quorum"), absl::OkStatus());
  EXPECT_FALSE((*witnesses)->Reload().ok());
  EXPECT_TRUE((*witnesses)->Met(std::vector<std::string>{"police", "idva"}));
  ASSERT_EQ(WriteFileDurably(path_, fmt::format("log {}\n", LogKey().ToString()) + Row("police", 'p') + "quorum police\n"), absl::OkStatus());
  ASSERT_EQ((*witnesses)->Reload(), absl::OkStatus());
  EXPECT_THAT((*witnesses)->names(), ElementsAre("police"));
  EXPECT_TRUE((*witnesses)->Met(std::vector<std::string>{"police"}));
  EXPECT_FALSE((*witnesses)->KeyOf("idva").has_value());
}

TEST_F(PolicyWitnessesTest, MustBeOfThisLogAndOfAgencies) {
  const std::string log = fmt::format("log {}\n", LogKey().ToString());
  for (const auto& [text, says] : std::vector<std::pair<std::string, std::string>>{
           {Row("police", 'p') + "quorum police\n", "must name this log"},
           {fmt::format("log {}\n", LogKey('M').ToString()) + "quorum none\n", "must name this log"},
           {log + fmt::format("log {}\n", LogKey('M').ToString()) + "quorum none\n", "must name this log"},
           {log + Row("Police", 'p') + "quorum none\n", "no agency's id"},
           {log + Row("police", 'L') + "quorum none\n", "the log's own key"},
           {log, "no quorum line"}}) {
    const auto wrong = Open(text);
    ASSERT_FALSE(wrong.ok()) << text;
    EXPECT_TRUE(HasReason(wrong.status(), Reason::kFieldInvalid)) << wrong.status();
    EXPECT_THAT(std::string(wrong.status().message()), HasSubstr(says));
  }
}

class CosignCommandTest : public PolicyWitnessesTest {
 protected:
  CosignCommandTest() : witnesses_(*Open(Policy())) {}
  // What CosignCommand makes of agency's cosignature at `time_s`; whether the quorum is met.
  bool Cosign(const std::string& agency, uint64_t size, uint64_t time_s) {
    bool met = false;
    const std::string line = ledger::CosignatureLine("text\n", agency + ".test", time_s, Signer(agency[0]));
    CosignCommand command(*witnesses_, {size, agency, {time_s, line}}, [&](const absl::StatusOr<bool>& quorum) {
      ASSERT_TRUE(quorum.ok()) << quorum.status();
      met = *quorum;
    });
    EXPECT_EQ(command.Apply(context_), absl::OkStatus());
    command.Done(Committed{});
    return met;
  }
  std::string LineOf(const std::string& agency, uint64_t size) {
    storage::v1::StoredCosignature stored;
    EXPECT_TRUE(stored.ParseFromString(context_.rows.at({std::string(kFamilyCosignature), CosignatureKey(size, agency)})));
    return stored.line();
  }
  storage::v1::StoredWitness Standing(const std::string& agency) {
    storage::v1::StoredWitness stored;
    EXPECT_TRUE(stored.ParseFromString(context_.rows.at({std::string(kFamilyWitness), agency})));
    return stored;
  }
  MemoryContext context_;
  std::unique_ptr<PolicyWitnesses> witnesses_;
};

TEST_F(CosignCommandTest, TheLaterTimeOfOneSizeStaysAndWhatIsRepeatedWritesNothing) {
  EXPECT_FALSE(Cosign("police", 7, 100));
  const std::string first = LineOf("police", 7);
  const auto before = context_.rows;
  EXPECT_FALSE(Cosign("police", 7, 100));
  EXPECT_FALSE(Cosign("police", 7, 99));
  EXPECT_EQ(context_.rows, before);
  EXPECT_FALSE(Cosign("police", 7, 101));
  EXPECT_NE(LineOf("police", 7), first);
  EXPECT_TRUE(context_.entries.empty());  // Cosignatures are no entries: the log would grow by being witnessed.
}

TEST_F(CosignCommandTest, TheQuorumIsOfOneSize) {
  EXPECT_FALSE(Cosign("police", 7, 100));
  EXPECT_FALSE(Cosign("idva", 8, 100));
  EXPECT_TRUE(Cosign("health", 8, 100));
  EXPECT_TRUE(Cosign("health", 8, 100));  // Also when asked again.
  EXPECT_TRUE(Cosign("health", 7, 100));
  // The larger one stays noted, and a witness's standing does not go back.
  uint64_t noted = 0;
  ByteReader(context_.rows.at({std::string(kFamilyMeta), std::string(kMetaWitnessedKey)})).U64(noted);
  EXPECT_EQ(noted, 8u);
  EXPECT_EQ(Standing("health").cosigned_size(), 8u);
  EXPECT_EQ(Standing("police").cosigned_size(), 7u);
}

TEST(ForkCommandTest, KeepsTheNoteUnderItsSizeAndDigestWithOneEntryOfTheAdministration) {
  MemoryContext context;
  const std::string note = ledger::SignCheckpoint({"accord.test/log", 9, ledger::EmptyRoot()}, Signer('L'));
  absl::StatusOr<uint64_t> index = absl::UnknownError("not done");
  ForkCommand command({options::v1::CALLER_AGENCY, "idva", "agency/idva", std::string(32, 'c')}, 9, note,
                      [&](const absl::StatusOr<uint64_t>& at) { index = at; });
  ASSERT_EQ(command.Apply(context), absl::OkStatus());
  command.Done(Committed{});
  ASSERT_TRUE(index.ok()) << index.status();
  ASSERT_EQ(context.entries.size(), 1u);
  const EntryDraft& entry = context.entries[0];
  EXPECT_EQ(entry.event.type(), type::v1::EVENT_TYPE_FORK_SHOWN);
  EXPECT_EQ(entry.event.tree_size(), 9u);
  EXPECT_EQ(entry.event.evidence_digest(), crypto::Sha256(note));
  EXPECT_EQ(entry.actor->principal(), "agency/idva");
  EXPECT_EQ(context.rows.at({std::string(kFamilyMeta), std::string(kMetaAdministrationChain)}), entry.chains.at(0));
  // Persisted: u64 size ‖ SHA-256.
  EXPECT_EQ(ForkKey(9, crypto::Sha256(note)), *FromHex("0000000000000009") + crypto::Sha256(note));
  EXPECT_EQ(context.rows.at({std::string(kFamilyFork), ForkKey(9, crypto::Sha256(note))}), note);
}

}  // namespace
}  // namespace accord::broker::witness_test
