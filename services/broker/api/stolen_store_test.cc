// Who has the broker's store and an agency's linkage key, and not the broker's own keys, cannot tell of whom anything is (docs/tokens.md).
//
// Goal: neither a token nor anything that can be computed of one without a key of the broker stands in the store. Method: whoever knows a
// person exactly is the best of guessers, so the tokens of the very people of a referral are made with the stolen key, and they and what
// can be made of them are looked for in every byte of the store, while it runs and after an orderly stop. That the search can find
// something is shown by what the broker's own key makes of the same tokens, which is there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/crypto/digest.h"
#include "common/referral/subject_token.h"
#include "common/storage/rocks_store.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/directory/families.h"
#include "services/broker/ledger/key_slots.h"

namespace accord::broker::stolen_store_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::IsEmpty;

const std::string kLinkageKey(32, 'l');

Person Somebody(const std::string& given, const std::string& family, const std::string& born) {
  Person person;
  person.set_given_names(given);
  person.set_family_name(family);
  person.add_dates_of_birth(born);
  return person;
}

std::vector<SubjectToken> TokensOf(const Person& person) { return referral::MakeTokens(person, "northshire", "2026-1", kLinkageKey); }

// A name for people, and bytes to look for.
using Needle = std::pair<std::string, std::string>;

// The token, and what a thief can make of it with the linkage key and what is in formats.md.
void AddGuesses(const SubjectToken& token, std::vector<Needle>& needles) {
  const std::string plain = ByteWriter().Lp16("accord/case-index/v1").Lp16(token.domain()).Lp16(token.token_key()).U32(token.recipe()).Lp16(token.token()).bytes();
  needles.insert(needles.end(), {{"token", token.token()},
                                 {"token in hex", ToHex(token.token())},
                                 {"its digest", crypto::Sha256(token.token())},
                                 {"wrapped by the linkage key", referral::WrapToken(token, {.id = "2026-1", .key = kLinkageKey}).token()},
                                 {"indexed by the linkage key", crypto::HmacSha256(kLinkageKey, plain)},
                                 {"indexed by no key", crypto::HmacSha256("", plain)},
                                 {"indexed by a key of zeros", crypto::HmacSha256(std::string(32, '\0'), plain)},
                                 {"digest of what is indexed", crypto::Sha256(plain)}});
}

// Of every file below the broker's folder that is no key and no configuration: the store, its guard, slots and erasure list.
std::string AllBytes(const BrokerConfig& config) {
  std::string all;
  const auto add = [&](const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream bytes;
    bytes << file.rdbuf();
    all += bytes.str();
  };
  for (const auto& entry : std::filesystem::recursive_directory_iterator(config.store)) {
    if (entry.is_regular_file()) add(entry.path());
  }
  for (const std::string& file : {config.key_slots, config.guard, config.erasures}) add(file);
  return all;
}

// Every row of the store: its files leave out what a key has in common with the one before, and compress.
std::string AllRows(const BrokerConfig& config) {
  const auto store = storage::RocksStore::Open(config.store, BrokerFamilies());
  ACCORD_CHECK(store.ok());
  std::string all;
  for (const storage::FamilySpec& family : BrokerFamilies()) {
    ACCORD_CHECK((*store)->Scan(family.name, {}, [&](std::string_view key, std::string_view value) {
      all.append(key).append(value);
      return true;
    }).ok());
  }
  return all;
}

std::vector<std::string> Found(const std::string& bytes, const std::vector<Needle>& needles) {
  std::vector<std::string> found;
  for (const auto& [name, needle] : needles) {
    if (bytes.find(needle) != std::string::npos) found.push_back(name);
  }
  return found;
}

TEST(StolenStoreTest, WithALinkageKeyAndWithoutTheBrokersOwnNoGuessIsConfirmed) {
  const Person victim = Somebody("Miriam Joy", "Ashdown", "1991-04-17"), perpetrator = Somebody("Daniel", "Ashdown", "1988-09-30");
  const SubjectToken event = referral::MakeEventToken("20/CR/118822/26", "northshire", "2026-1", kLinkageKey);
  TestingBroker world;
  const auto police = v1::ReferralService::NewStub(world.Channel("agency/police"));
  TestingReferral spec{.request_id = "stolen-1"};
  spec.alter = [&](referral::HeaderParts& parts) {
    *parts.core.mutable_report()->mutable_event() = event;
    for (SubjectPart& subject : parts.subjects) {
      subject.clear_tokens();
      for (auto& token : TokensOf(subject.role() == SUBJECT_ROLE_VICTIM ? victim : perpetrator)) *subject.add_tokens() = std::move(token);
    }
  };
  const auto stored = rpc::CallUnary(*police, &v1::ReferralService::Stub::SubmitReferral, MakeSubmission(world, spec), kTestTimeout);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  // A hold names a person by a token, and is proposed, approved and kept.
  admin::v1::Change hold;
  hold.mutable_set_hold()->set_id("inquest-1");
  hold.mutable_set_hold()->set_ground(HOLD_GROUND_DEATH_REVIEW);
  hold.mutable_set_hold()->set_authority("csp-northshire/1");
  hold.mutable_set_hold()->set_review_at_ms(absl::ToUnixMillis(world.clock().Now() + absl::Hours(24 * 180)));
  *hold.mutable_set_hold()->add_subjects() = TokensOf(victim).front();
  ASSERT_EQ(world.Change(hold), absl::OkStatus());

  std::vector<Needle> guesses = {{"family name", "Ashdown"}, {"given names", "Miriam"}, {"linkage key", kLinkageKey}, {"linkage key in hex", ToHex(kLinkageKey)}};
  std::vector<Needle> of_the_broker;
  const auto index_key = LoadMasterKey(world.config().case_index_key);
  ASSERT_TRUE(index_key.ok());
  const CaseLinker linker{index_key->Clone()};
  for (const Person& person : {victim, perpetrator}) {
    for (const SubjectToken& token : TokensOf(person)) {
      AddGuesses(token, guesses);
      of_the_broker.emplace_back("indexed by the broker's key", linker.Index(token));
    }
  }
  AddGuesses(event, guesses);
  guesses.emplace_back("the broker's key of the index", std::string(index_key->view()));

  const std::string running = AllBytes(world.config());
  world.Stop();
  const std::string stopped = AllBytes(world.config()) + AllRows(world.config());
  for (const std::string* bytes : {&running, &stopped}) {
    EXPECT_NE(bytes->find(stored->header_digest()), std::string::npos) << "the search reads the store";
    EXPECT_EQ(Found(*bytes, of_the_broker).size(), of_the_broker.size()) << "and finds every token under the broker's own key";
    EXPECT_THAT(Found(*bytes, guesses), IsEmpty());
  }
}

}  // namespace
}  // namespace accord::broker::stolen_store_test
