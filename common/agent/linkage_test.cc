// Under which keys, and for which domains, an agency makes tokens (docs/tokens.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

#include "common/agent/testing_service.h"

namespace accord::agent::linkage_test {
namespace {

using ::testing::ElementsAre;

constexpr absl::Duration kTransition = absl::Hours(24 * 365);

class LinkageTest : public AgentTest {
 protected:
  // By domain and key, of the tokens of one person to `recipient`.
  std::set<std::pair<std::string, std::string>> Sent(const std::string& recipient = "idva") {
    Draft draft = SomeDraft();
    draft.recipients = {recipient};
    auto& subject = draft.subjects.emplace_back();
    subject.part.set_role(type::v1::SUBJECT_ROLE_VICTIM);
    subject.person.set_given_names("Miriam");
    subject.person.set_family_name("Ashdown");
    subject.person.add_dates_of_birth("1991-04-17");
    draft.options.set_event_reference("20/CR/118822/26");
    const auto parts = police.preparer->Parts(draft);
    EXPECT_EQ(parts.status(), absl::OkStatus());
    std::set<std::pair<std::string, std::string>> sent;
    if (!parts.ok()) return sent;
    event_key = parts->core().report().event().token_key();
    for (const auto& token : parts->subjects(0).tokens()) sent.emplace(token.domain(), token.token_key());
    return sent;
  }

  std::string event_key;
};

TEST_F(LinkageTest, TheOldKeyIsSentUntilTheDayThatIsConfiguredAndNoLonger) {
  EXPECT_THAT(Sent(), ElementsAre(std::pair("area", "k1")));
  police.keys.linkage_key_id = "k2";
  police.keys.linkage_key = crypto::SecretBytes(std::string(32, 'n'));
  police.keys.earlier_linkage.push_back({"k1", crypto::SecretBytes(std::string(32, 'k')), clock.Now() + kTransition});
  ASSERT_EQ(CheckLinkageKeysDiffer(police.keys), absl::OkStatus());
  EXPECT_THAT(Sent(), ElementsAre(std::pair("area", "k1"), std::pair("area", "k2")));
  EXPECT_EQ(event_key, "k1") << "which every agency has";
  clock.Advance(kTransition - absl::Milliseconds(1));
  EXPECT_THAT(Sent(), ElementsAre(std::pair("area", "k1"), std::pair("area", "k2")));
  clock.Advance(absl::Milliseconds(1));
  EXPECT_THAT(Sent(), ElementsAre(std::pair("area", "k2")));
  EXPECT_EQ(event_key, "k2");
}

TEST_F(LinkageTest, TokensOfAnotherDomainGoOnlyWithWhatGoesToItsAgencies) {
  police.keys.other_linkage.push_back({"southshire", "s1", crypto::SecretBytes(std::string(32, 's')), {}, {"south-idva", "south-police"}});
  EXPECT_THAT(Sent(), ElementsAre(std::pair("area", "k1")));
  EXPECT_THAT(Sent("south-idva"), ElementsAre(std::pair("area", "k1"), std::pair("southshire", "s1")));
  EXPECT_EQ(event_key, "k1");
}

TEST_F(LinkageTest, TheSameKeyTwiceIsRefused) {
  police.keys.earlier_linkage.push_back({"k0", crypto::SecretBytes(police.keys.linkage_key.view()), clock.Now()});
  EXPECT_EQ(CheckLinkageKeysDiffer(police.keys).code(), absl::StatusCode::kFailedPrecondition);
  police.keys.earlier_linkage[0].key = crypto::SecretBytes(std::string(32, 'o'));
  EXPECT_EQ(CheckLinkageKeysDiffer(police.keys), absl::OkStatus());
  police.keys.other_linkage.push_back({"southshire", "s1", crypto::SecretBytes(std::string(32, 'o')), {}, {"south-idva"}});
  EXPECT_EQ(CheckLinkageKeysDiffer(police.keys).code(), absl::StatusCode::kFailedPrecondition) << "of another domain, too";
}

}  // namespace
}  // namespace accord::agent::linkage_test
