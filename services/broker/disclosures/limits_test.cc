// Goal: each limit of disclosures holds what it says, and not one more.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "services/broker/disclosures/testing_disclosure.h"

namespace accord::broker::disclosure_limits_test {
namespace {

using storage::v1::StoredDisclosure;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class DisclosureLimitsTest : public DisclosureFixture {
 protected:
  // A warrant of the same body that is olga's alone: what was asked under it ines does not list.
  void PutWarrantOfOlga() {
    storage::v1::StoredWarrant stored = warrant.stored;
    stored.mutable_warrant()->set_id("jtai-2");
    stored.mutable_warrant()->add_officers("olga");
    stored.set_chain(NewChain());
    log_.store().Put(kFamilyWarrant, "jtai-2", stored.SerializeAsString());
  }
  // Disclosures as they are stored, with these numbers.
  void Put(uint64_t first, uint64_t last, const std::string& under, const std::function<void(StoredDisclosure&)>& fill = nullptr) {
    ASSERT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
      for (uint64_t number = first; number <= last; ++number) {
        StoredDisclosure stored;
        auto& disclosure = *stored.mutable_disclosure();
        disclosure.set_number(number);
        disclosure.set_kind(type::v1::DISCLOSURE_KIND_PERSONS);
        disclosure.set_agency("idva");
        disclosure.set_warrant(under);
        disclosure.set_inspectorate("ofsted");
        disclosure.set_inspector("olga");
        if (fill) fill(stored);
        ACCORD_RETURN_IF_ERROR(SaveDisclosure(context, stored));
        ListDisclosure(context, stored.disclosure());
      }
      return absl::OkStatus();
    }), absl::OkStatus());
  }
  // What ines is shown at once, and where it goes on; nothing when that was all.
  std::string Page(std::optional<uint64_t> before = std::nullopt) {
    const auto view = log_.View();
    const auto page = ListDisclosures(view, Inspector(), before, /*open_only=*/false, /*size=*/50, log_.now);
    EXPECT_EQ(page.status(), absl::OkStatus());
    if (!page.ok()) return "";
    const std::string rows = page->disclosures.empty() ? "none"
                                                       : fmt::format("{} to {}", page->disclosures.front().number(), page->disclosures.back().number());
    return page->next.has_value() ? fmt::format("{}, on before {}", rows, *page->next) : rows;
  }
  // Sealed for idva, of this many bytes.
  std::string QuestionOf(size_t bytes) const {
    const auto seal = [&](size_t content) { return *crypto::cms::Seal(std::string(content, 'q'), std::vector{sealing.at("idva").certificate}); };
    const std::string cms = seal(2 * bytes - seal(bytes).size());
    EXPECT_EQ(cms.size(), bytes);
    return cms;
  }
};

TEST_F(DisclosureLimitsTest, APageLooksAtTwoThousandRows) {
  PutWarrantOfOlga();
  Put(1, 1, "jtai-1");
  Put(2, kDisclosuresLookedAtMax, "jtai-2");
  EXPECT_EQ(Page(), "1 to 1") << "the last of 2000";
  Put(kDisclosuresLookedAtMax + 1, kDisclosuresLookedAtMax + 1, "jtai-2");
  EXPECT_EQ(Page(), "none, on before 2") << "one more";
  EXPECT_EQ(Page(2), "1 to 1");
}

TEST_F(DisclosureLimitsTest, APageLooksAtSixteenMebibytes) {
  constexpr size_t kEach = kDisclosureBytesLookedAtMax / 64;
  const auto fill = [](size_t bytes) {
    return [bytes](StoredDisclosure& stored) {
      stored.set_persons(std::string(bytes - stored.ByteSizeLong() - 4, 'p'));  // With its tag and length.
      ASSERT_EQ(stored.ByteSizeLong(), bytes);
    };
  };
  PutWarrantOfOlga();
  Put(1, 1, "jtai-1");
  Put(2, 65, "jtai-2", fill(kEach));
  EXPECT_EQ(Page(), "none, on before 2");
  EXPECT_EQ(Page(2), "1 to 1");
  Put(65, 65, "jtai-2", fill(kEach - 1));
  EXPECT_EQ(Page(), "1 to 1") << "one byte less";
}

TEST_F(DisclosureLimitsTest, APageHasAMebibyteOfRows) {
  constexpr size_t kEach = kDisclosurePageBytesMax / 16;
  const auto fill = [](size_t bytes) {
    return [bytes](StoredDisclosure& stored) {
      auto& disclosure = *stored.mutable_disclosure();
      disclosure.set_purpose(std::string(bytes - disclosure.ByteSizeLong() - 4, 'p'));
      ASSERT_EQ(disclosure.ByteSizeLong(), bytes);
    };
  };
  Put(1, 17, "jtai-1", fill(kEach));
  EXPECT_EQ(Page(), "17 to 2, on before 2");
  EXPECT_EQ(Page(2), "1 to 1");
  Put(17, 17, "jtai-1", fill(kEach - 1));
  EXPECT_EQ(Page(), "17 to 1") << "one byte less: the page ends with the row that fills it";
}

TEST_F(DisclosureLimitsTest, OfAllCasesFiveThousandReferralsAreExamined) {
  const auto put = [&](uint64_t number) {  // Of one that was erased.
    log_.store().Put(kFamilyCaseReferral, CaseReferralKey(case_id, number), crypto::Sha256(KeyU64(number)));
  };
  for (uint64_t number = 1; number < kCaseReferralsExaminedMax; ++number) put(number);
  auto request = ForRecords("police");
  const auto asked = Ask(request);
  ASSERT_EQ(asked.status(), absl::OkStatus());
  EXPECT_THAT(asked->disclosure.referrals(), ElementsAre(digest));
  put(kCaseReferralsExaminedMax);
  request.set_request_id("asks-records-2");
  EXPECT_EQ(TellAsk(request), "QUERY_TOO_COSTLY 5000");
}

TEST_F(DisclosureLimitsTest, AQuestionIsOfTwoHundredAndFiftySixKibibytes) {
  auto request = ForPersons("idva");
  request.set_persons(QuestionOf(referral::kSealedQuestionBytesMax));
  const auto asked = Ask(request);
  ASSERT_EQ(asked.status(), absl::OkStatus());
  const auto view = log_.View();
  EXPECT_EQ(GetDisclosure(view, Desk("idva"), asked->index)->persons(), request.persons());
  request.set_request_id("asks-persons-2");
  request.set_persons(QuestionOf(referral::kSealedQuestionBytesMax + 1));
  EXPECT_EQ(TellAsk(request), "FIELD_INVALID persons");
}

TEST_F(DisclosureLimitsTest, AnAnswerHasSixtyFourParts) {
  PutReferral(referral::kDisclosurePartsMax - 3);
  const auto asked = Ask(ForSections("police"));
  ASSERT_EQ(asked.status(), absl::OkStatus());
  std::vector<type::v1::SealedSection> parts;
  for (const auto& [id, cms] : sealed) parts.push_back(Part(id));
  ASSERT_THAT(parts, SizeIs(64));
  auto more = parts;
  more.push_back(Whole());
  EXPECT_EQ(ToldOf(Answer(asked->disclosure, more).status()), "FIELD_INVALID parts");
  const auto answered = Answer(asked->disclosure, parts);
  ASSERT_EQ(answered.status(), absl::OkStatus());
  EXPECT_EQ(answered->disclosure.parts(), 64u);
  const auto view = log_.View();
  EXPECT_EQ(*ReadDisclosedPart(view, **LoadDisclosure(SealedReaderOf(view), asked->index), 63), parts[63].cms());
}

}  // namespace
}  // namespace accord::broker::disclosure_limits_test
