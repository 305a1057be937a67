#include "common/ledger/policy.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::ledger::policy_test {
namespace {

crypto::Ed25519Signer Signer(char seed) { return *crypto::Ed25519Signer::FromSeed(std::string(crypto::kEd25519SeedBytes, seed)); }
std::string LogKey(char seed, std::string_view name = "accord.test/log") {
  return Vkey::Make(name, kTypeEd25519, Signer(seed).verifier()).ToString();
}
std::string WitnessKey(char seed, std::string_view name = "witness.test") {
  return Vkey::Make(name, kTypeCosignatureV1, Signer(seed).verifier()).ToString();
}
std::string Witness(std::string_view name, char seed) { return fmt::format("witness {} {}\n", name, WitnessKey(seed)); }

// The specification's own example, with keys.
std::string Example() {
  return "log " + LogKey('L') + " https://log.test/\n\n" + Witness("X1", 'a') + Witness("X2", 'b') + Witness("X3", 'c') +
         "group X-witnesses 2 X1 X2 X3\n\n" + Witness("Y1", 'd') + Witness("Y2", 'e') + Witness("Y3", 'f') +
         "group Y-witnesses any Y1 Y2 Y3\n\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n";
}

TEST(WitnessPolicyTest, ReadsTheSpecificationsExample) {
  const auto policy = WitnessPolicy::Parse(Example());
  ASSERT_TRUE(policy.ok()) << policy.status();
  ASSERT_EQ(policy->logs().size(), 1u);
  EXPECT_EQ(policy->logs()[0].key.ToString(), LogKey('L'));
  EXPECT_EQ(policy->logs()[0].url, "https://log.test/");
  ASSERT_EQ(policy->witnesses().size(), 6u);
  ASSERT_NE(policy->FindWitness("Y2"), nullptr);
  EXPECT_EQ(policy->FindWitness("Y2")->key.ToString(), WitnessKey('e'));
  EXPECT_EQ(policy->FindWitness("X-witnesses"), nullptr);
  ASSERT_EQ(policy->groups().size(), 3u);
  EXPECT_EQ(policy->groups()[0].threshold, 2u);
  EXPECT_EQ(policy->groups()[1].threshold, 1u);
  EXPECT_EQ(policy->groups()[2].threshold, 2u);
  EXPECT_EQ(policy->quorum(), "X-and-Y");
}

// Goal: the quorum is the specification's rule. Method: every subset of the six witnesses against it, said plainly.
TEST(WitnessPolicyTest, QuorumOfEverySubset) {
  const auto policy = WitnessPolicy::Parse(Example());
  ASSERT_TRUE(policy.ok()) << policy.status();
  const std::string names[] = {"X1", "X2", "X3", "Y1", "Y2", "Y3"};
  for (unsigned subset = 0; subset < 64; ++subset) {
    std::vector<std::string> cosigned;
    int x = 0, y = 0;
    for (unsigned i = 0; i < 6; ++i) {
      if ((subset >> i & 1) == 0) continue;
      cosigned.push_back(names[i]);
      ++(i < 3 ? x : y);
    }
    EXPECT_EQ(policy->QuorumMet(cosigned), x >= 2 && y >= 1) << subset;
  }
}

TEST(WitnessPolicyTest, OnlyTheWitnessesThemselvesCount) {
  const auto policy = WitnessPolicy::Parse(Example());
  ASSERT_TRUE(policy.ok()) << policy.status();
  // A witness twice is one; a stranger is nobody; and nobody cosigns as a group or as the quorum.
  EXPECT_FALSE(policy->QuorumMet(std::vector<std::string>{"X1", "X1", "Y1", "Z1"}));
  EXPECT_FALSE(policy->QuorumMet(std::vector<std::string>{"X-and-Y", "X-witnesses", "Y-witnesses"}));
  EXPECT_TRUE(policy->QuorumMet(std::vector<std::string>{"X1", "Z1", "X3", "Y1"}));
}

TEST(WitnessPolicyTest, OneWitnessOrNoneMayBeTheQuorum) {
  const auto one = WitnessPolicy::Parse(Witness("w", 'a') + Witness("v", 'b') + "quorum w\n");
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_TRUE(one->logs().empty());
  EXPECT_TRUE(one->QuorumMet(std::vector<std::string>{"w"}));
  EXPECT_FALSE(one->QuorumMet(std::vector<std::string>{"v"}));
  const auto none = WitnessPolicy::Parse("quorum none\n");
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_TRUE(none->QuorumMet({}));
}

TEST(WitnessPolicyTest, SpacesTabsCommentsAndOctetsAreAsTheSpecificationSays) {
  const auto policy = WitnessPolicy::Parse("  # a comment \xff\n\t\n \t witness\tK  " + WitnessKey('a') + " \t\nwitness \xe2\x84\xaa " +
                                           WitnessKey('b') + " https://\xc3\xbc.test/#x\n quorum \xe2\x84\xaa \n#\n");
  ASSERT_TRUE(policy.ok()) << policy.status();
  // The letter K and the Kelvin sign are two names.
  EXPECT_FALSE(policy->QuorumMet(std::vector<std::string>{"K"}));
  EXPECT_TRUE(policy->QuorumMet(std::vector<std::string>{"\xe2\x84\xaa"}));
  EXPECT_EQ(policy->witnesses()[1].url, "https://\xc3\xbc.test/#x");
}

TEST(WitnessPolicyTest, FormatsToWhatItReads) {
  for (const std::string& text : {Example(), std::string("quorum none\n"), Witness("w", 'a') + "group g all w\nquorum g\n",
                                  Witness("a", 'a') + Witness("b", 'b') + "group g 1 a b\nquorum g\n"}) {
    const auto policy = WitnessPolicy::Parse(text);
    ASSERT_TRUE(policy.ok()) << policy.status();
    const std::string formatted = policy->ToString();
    const auto again = WitnessPolicy::Parse(formatted);
    ASSERT_TRUE(again.ok()) << again.status() << formatted;
    EXPECT_EQ(again->ToString(), formatted);
    EXPECT_EQ(again->witnesses().size(), policy->witnesses().size());
    EXPECT_EQ(again->groups().size(), policy->groups().size());
    EXPECT_EQ(again->quorum(), policy->quorum());
  }
}

// Every malformed form, the line it is on, and words of its message.
TEST(WitnessPolicyTest, RefusesEveryMalformedFormWithItsLine) {
  const std::string w = Witness("w", 'a');  // One line.
  const std::string v = Witness("v", 'b');
  struct Case {
    std::string text;
    int line;  // 0: of the whole.
    std::string_view says;
  };
  std::string bad_id = LogKey('L');
  bad_id[bad_id.find('+') + 1] ^= 1;
  const Case cases[] = {
      {"", 0, "no quorum line"},
      {w, 0, "no quorum line"},
      {w + "# quorum w\n", 0, "no quorum line"},
      {"quorum none", 1, "cut short"},
      {w + "quorum w\n\nquorum", 4, "cut short"},
      {w + "quorum w\r\n", 2, "control character"},
      {w + std::string("quorum\0 w\n", 10), 2, "control character"},
      {"# \x7f\nquorum none\n", 1, "control character"},
      {w + "quorum\x0bw\n", 2, "control character"},
      {"quorum none\nquorum none\n", 2, "quorum line already"},
      {w + "quorum w\nquorum none\n", 3, "quorum line already"},
      {"quorum\n", 1, "quorum <name>"},
      {w + "quorum w w\n", 2, "quorum <name>"},
      {"quorum w\n" + w, 1, "w is not defined"},
      {w + "quorum W\n", 2, "W is not defined"},
      {w + "quorum w # ours\n", 2, "quorum <name>"},
      {"Log " + LogKey('L') + "\nquorum none\n", 1, "none of log"},
      {"threshold 3\nquorum none\n", 1, "none of log"},
      {"\xef\xbb\xbfquorum none\n", 1, "none of log"},
      {"log\nquorum none\n", 1, "log <vkey>"},
      {"log " + LogKey('L') + " https://a.test/ x\nquorum none\n", 1, "log <vkey>"},
      {"log " + WitnessKey('a') + "\nquorum none\n", 1, "type 01"},
      {"log accord.test/log\nquorum none\n", 1, "not a verification key"},
      {"log " + bad_id + "\nquorum none\n", 1, "not a verification key"},
      {"log " + LogKey('L') + "\nlog " + LogKey('L', "other") + "\nquorum none\n", 2, "public key stands"},
      {"witness w\nquorum none\n", 1, "witness <name>"},
      {"witness\nquorum none\n", 1, "witness <name>"},
      {"witness w " + WitnessKey('a') + " u u\nquorum w\n", 1, "witness <name>"},
      {"witness w " + LogKey('a') + "\nquorum w\n", 1, "type 04"},
      {w + "witness v " + WitnessKey('a', "other") + "\nquorum w\n", 2, "public key stands"},
      {w + Witness("w", 'b') + "quorum w\n", 2, "defined already"},
      {"witness none " + WitnessKey('a') + "\nquorum none\n", 1, "predefined"},
      {"witness " + std::string(kPolicyNameBytesMax + 1, 'n') + " " + WitnessKey('a') + "\nquorum none\n", 1, "at most"},
      {w + "group\nquorum w\n", 2, "group <name>"},
      {w + "group g\nquorum w\n", 2, "group <name>"},
      {w + "group g all\nquorum w\n", 2, "group <name>"},
      {w + "group g 0 w\nquorum g\n", 2, "not between"},
      {w + "group g 2 w\nquorum g\n", 2, "not between"},
      {w + "group g 18446744073709551616 w\nquorum g\n", 2, "threshold is"},
      {w + "group g 01 w\nquorum g\n", 2, "threshold is"},
      {w + "group g +1 w\nquorum g\n", 2, "threshold is"},
      {w + "group g -1 w\nquorum g\n", 2, "threshold is"},
      {w + "group g ALL w\nquorum g\n", 2, "threshold is"},
      {w + "group g 1.0 w\nquorum g\n", 2, "threshold is"},
      {w + "group w all w\nquorum w\n", 2, "defined already"},
      {w + "group none all w\nquorum none\n", 2, "predefined"},
      {w + "group g any g\nquorum g\n", 2, "g is not defined"},
      {w + "group g any h\n" + "group h any w\nquorum g\n", 2, "h is not defined"},
      {w + "group g any none\nquorum g\n", 2, "none cannot"},
      {w + "group g any w w\nquorum g\n", 2, "member of the group on line 2"},
      {w + v + "group g any w v\ngroup h all w\nquorum g\n", 4, "member of the group on line 3"},
      {w + "group g any w\nwitness g " + WitnessKey('b') + "\nquorum g\n", 3, "defined already"},
  };
  for (const Case& wrong : cases) {
    const auto policy = WitnessPolicy::Parse(wrong.text);
    ASSERT_FALSE(policy.ok()) << wrong.text;
    EXPECT_TRUE(HasReason(policy.status(), Reason::kFieldInvalid)) << policy.status();
    const std::string message(policy.status().message());
    EXPECT_NE(message.find(wrong.says), std::string::npos) << wrong.text << "\n" << message;
    const std::string where = wrong.line == 0 ? "the policy " : fmt::format("line {} ", wrong.line);
    EXPECT_EQ(message.rfind(where, 0), 0u) << wrong.text << "\n" << message;
  }
}

TEST(WitnessPolicyTest, KeepsItsLimits) {
  const auto many = [](size_t logs, size_t witnesses, size_t groups) {
    std::string text;
    for (size_t i = 0; i < logs; ++i) text += "log " + LogKey(static_cast<char>(i)) + "\n";
    for (size_t i = 0; i < witnesses; ++i) text += Witness(fmt::format("w{}", i), static_cast<char>(i));
    for (size_t i = 0; i < groups; ++i) text += fmt::format("group g{} all w{}\n", i, i);
    return WitnessPolicy::Parse(text + "quorum none\n");
  };
  EXPECT_TRUE(many(kPolicyLogsMax, kPolicyWitnessesMax, kPolicyGroupsMax).ok());
  EXPECT_FALSE(many(kPolicyLogsMax + 1, 0, 0).ok());
  EXPECT_FALSE(many(0, kPolicyWitnessesMax + 1, 0).ok());
  EXPECT_FALSE(many(0, kPolicyWitnessesMax, kPolicyGroupsMax + 1).ok());
  const std::string most = "#" + std::string(kPolicyBytesMax - 14, 'x') + "\nquorum none\n";
  ASSERT_EQ(most.size(), kPolicyBytesMax);
  EXPECT_TRUE(WitnessPolicy::Parse(most).ok());
  EXPECT_FALSE(WitnessPolicy::Parse("#" + most).ok());
}

// A checkpoint of the log 'L', cosigned by each of `witnesses`.
std::string Cosigned(std::string_view witnesses, char log = 'L', std::string_view origin = "accord.test/log") {
  const Checkpoint checkpoint{std::string(origin), 4, LeafHash("x")};
  std::string note = SignCheckpoint(checkpoint, Signer(log));
  for (char seed : witnesses) note += CosignatureLine(FormatCheckpoint(checkpoint), "witness.test", 1'700'000'000, Signer(seed));
  return note;
}

TEST(VerifyWitnessedTest, NamesTheWitnessesAndTheQuorum) {
  const auto policy = WitnessPolicy::Parse(Example());
  ASSERT_TRUE(policy.ok());
  const auto met = VerifyWitnessed(Cosigned("fab"), *policy);
  ASSERT_TRUE(met.ok()) << met.status();
  EXPECT_EQ(met->checkpoint.size, 4u);
  EXPECT_EQ(met->witnesses, (std::vector<std::string>{"X1", "X2", "Y3"}));
  EXPECT_TRUE(met->quorum);
  // All these keys have one name: which witness it was says the key alone.
  const auto short_of = VerifyWitnessed(Cosigned("abc"), *policy);
  ASSERT_TRUE(short_of.ok()) << short_of.status();
  EXPECT_FALSE(short_of->quorum);
  // A stranger's line is ignored.
  const auto grease = VerifyWitnessed(Cosigned("zabf"), *policy);
  ASSERT_TRUE(grease.ok()) << grease.status();
  EXPECT_EQ(grease->witnesses.size(), 3u);
}

TEST(VerifyWitnessedTest, RefusesOtherLogsAndForgedLines) {
  const auto policy = WitnessPolicy::Parse(Example());
  ASSERT_TRUE(policy.ok());
  EXPECT_FALSE(VerifyWitnessed(Cosigned("abf", 'M'), *policy).ok());
  EXPECT_FALSE(VerifyWitnessed(Cosigned("abf", 'L', "accord.test/other"), *policy).ok());
  // A cosignature over another text, under a known key's name and id.
  const std::string line = CosignatureLine("accord.test/log\n5\n", "witness.test", 1'700'000'000, Signer('c'));
  const auto forged = VerifyWitnessed(Cosigned("abf") + line, *policy);
  ASSERT_FALSE(forged.ok());
  EXPECT_TRUE(HasReason(forged.status(), Reason::kReceiptInvalid)) << forged.status();
  // Without any log the policy alone vouches for nobody.
  const auto no_log = WitnessPolicy::Parse("quorum none\n");
  ASSERT_TRUE(no_log.ok());
  EXPECT_FALSE(VerifyWitnessed(Cosigned(""), *no_log).ok());
}

}  // namespace
}  // namespace accord::ledger::policy_test
