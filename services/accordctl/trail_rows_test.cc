// Goal: a row is believed only as far as its leaf proves it, whatever the broker writes beside.
#include "services/accordctl/trail_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "services/accordctl/trail_query.h"

namespace accord::accordctl::trail_rows_test {
namespace {

using ::testing::HasSubstr;

constexpr char kOrigin[] = "accord.example/test";

// Rows of one referral's chain, as an honest broker makes them.
class TrailRowsTest : public ::testing::Test {
 protected:
  inspection::v1::TrailRow Row(uint64_t index, type::v1::EventType type, const std::string& recipient = "") {
    inspection::v1::TrailRow row;
    row.set_index(index);
    row.set_time_ms(1'800'000'000'000 + static_cast<int64_t>(index));
    row.mutable_event()->set_type(type);
    row.mutable_actor()->set_principal("agency/police");
    row.mutable_actor()->mutable_worker()->set_pseudonym("pc-1");
    row.mutable_actor()->mutable_worker()->set_role(type::v1::WORKER_ROLE_PRACTITIONER);
    row.mutable_referral()->set_recipient(recipient);
    std::vector<crypto::Opening> openings = {crypto::MakeOpening(random_, "event", row.event().SerializeAsString()),
                                             crypto::MakeOpening(random_, "actor", row.actor().SerializeAsString()),
                                             crypto::MakeOpening(random_, "referral", row.referral().SerializeAsString())};
    for (const auto& opening : openings) {
      auto& out = *row.add_openings();
      out.set_label(opening.label);
      out.set_salt(opening.salt);
      out.set_content(opening.content);
    }
    std::vector<ledger::Chain> chains = {{std::string(16, 'r'), sequence_, previous_},
                                         {std::string(16, static_cast<char>('A' + index)), 3, 1}};
    std::sort(chains.begin(), chains.end(), [](const auto& a, const auto& b) { return a.pseudonym < b.pseudonym; });
    row.set_leaf(
        ledger::EncodeLeaf(ledger::MakeLeaf(kOrigin, static_cast<uint64_t>(row.time_ms()), chains, openings, random_)));
    ++sequence_;
    previous_ = index;
    return row;
  }

  static std::string WhyNot(const inspection::v1::TrailRow& row) {
    const auto checked = CheckRow(row, kOrigin);
    if (checked.ok()) return "believed";
    EXPECT_TRUE(HasReason(checked.status(), Reason::kReceiptInvalid));
    return std::string(FromAbsl(checked.status().message()));
  }

  FakeRandom random_{5};
  uint64_t sequence_ = 0, previous_ = ledger::kNoPreviousIndex;
};

TEST_F(TrailRowsTest, AnHonestRowIsReadFromItsOpenings) {
  auto row = Row(7, type::v1::EVENT_TYPE_RELEASED, "idva");
  row.clear_actor();  // The decoded copies may be left out; the openings say it.
  const auto checked = CheckRow(row, kOrigin);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(EventText(*checked), "released");
  EXPECT_EQ(ActorText(*checked), "agency/police, pc-1 (practitioner)");
  EXPECT_EQ(RecipientText(*checked), "idva");
}

TEST_F(TrailRowsTest, WhatIsErasedAndWhatIsNotForTheCallerAreTwoThings) {
  auto row = Row(7, type::v1::EVENT_TYPE_CASE_FLAGGED, "idva");
  row.set_erased(true);
  EXPECT_EQ(WhyNot(row), "entry 7: is said to be erased, and has openings");
  for (const bool erased : {false, true}) {
    inspection::v1::TrailRow closed;
    closed.set_index(row.index());
    closed.set_time_ms(row.time_ms());
    closed.set_leaf(row.leaf());
    closed.set_erased(erased);
    const auto checked = CheckRow(closed, kOrigin);
    ASSERT_TRUE(checked.ok()) << checked.status();
    EXPECT_EQ(EventText(*checked), erased ? "(erased)" : "(not shown)");
  }
}

TEST_F(TrailRowsTest, ARowThatSaysMoreThanItProvesIsRefused) {
  const auto honest = Row(7, type::v1::EVENT_TYPE_RELEASED, "idva");
  auto row = honest;
  row.mutable_event()->set_type(type::v1::EVENT_TYPE_DELIVERED);
  EXPECT_THAT(WhyNot(row), HasSubstr("no opening proves"));
  row = honest;
  row.mutable_decisions()->add_decisions()->set_recipient("idva");
  EXPECT_THAT(WhyNot(row), HasSubstr("no opening proves"));
  row = honest;
  row.mutable_openings(0)->mutable_content()->back() ^= 1;
  EXPECT_THAT(WhyNot(row), HasSubstr("entry 7: its opening `event`"));
  row = honest;
  row.mutable_openings(0)->set_label("actor");
  EXPECT_THAT(WhyNot(row), HasSubstr("not what the leaf commits to"));
  row = honest;
  *row.add_openings() = row.openings(0);
  EXPECT_THAT(WhyNot(row), HasSubstr("two openings"));
  row = honest;
  row.set_time_ms(row.time_ms() + 1);
  EXPECT_THAT(WhyNot(row), HasSubstr("its time"));
  row = honest;
  row.mutable_leaf()->pop_back();
  EXPECT_THAT(WhyNot(row), HasSubstr("entry 7: "));
  EXPECT_EQ(WhyNot(honest), "believed");
  EXPECT_FALSE(CheckRow(honest, "accord.example/elsewhere").ok());
}

TEST_F(TrailRowsTest, AGapInTheChainIsSeen) {
  std::vector<CheckedRow> rows;
  for (const uint64_t index : {4, 6, 9, 10}) rows.push_back(*CheckRow(Row(index, type::v1::EVENT_TYPE_RELEASED), kOrigin));
  TrailCheck check = CheckOrder(rows);
  EXPECT_TRUE(check.in_order);
  EXPECT_TRUE(check.every_entry_shown);
  EXPECT_EQ(check.entries, 4u);

  for (const size_t hidden : {0u, 1u, 2u}) {
    auto some = rows;
    some.erase(some.begin() + static_cast<ptrdiff_t>(hidden));
    EXPECT_FALSE(CheckOrder(some).every_entry_shown) << hidden;
    EXPECT_TRUE(CheckOrder(some).in_order);
  }
  std::swap(rows[1], rows[2]);
  EXPECT_FALSE(CheckOrder(rows).in_order);
  EXPECT_FALSE(CheckOrder(rows).every_entry_shown);
}

// An older answer, or one to another question, lacks what happened since.
TEST_F(TrailRowsTest, AnAnswerEndsWithTheRecordOfThisVeryQuestion) {
  TrailAnswer answer;
  for (const auto& [index, type] : {std::pair(uint64_t{4}, type::v1::EVENT_TYPE_REFERRAL_STORED), {uint64_t{9}, type::v1::EVENT_TYPE_TRAIL_QUERIED}}) {
    const auto checked = CheckRow(Row(index, type), kOrigin);
    ASSERT_TRUE(checked.ok()) << checked.status();
    answer.rows.push_back(*checked);
  }
  answer.query_index = 9;
  inspection::v1::QueryTrailRequest of_case;
  of_case.set_case_pseudonym(std::string(16, 'r'));
  AskedQuery asked;
  asked.type = type::v1::EVENT_TYPE_TRAIL_QUERIED;
  asked.principal = "agency/police";
  asked.before.size = 9;
  asked.time = absl::FromUnixMillis(1'800'000'000'009);
  EXPECT_EQ(CheckAnswer(answer, of_case, asked), absl::OkStatus());
  const auto refused = [&](const inspection::v1::QueryTrailRequest& request, const AskedQuery& with) {
    return HasReason(CheckAnswer(answer, request, with), Reason::kReceiptInvalid);
  };
  AskedQuery later = asked;
  later.before.size = 10;
  EXPECT_TRUE(refused(of_case, later)) << "it was there before";
  later = asked;
  later.time += absl::Hours(1);
  EXPECT_TRUE(refused(of_case, later));
  AskedQuery another = asked;
  another.principal = "agency/idva";
  EXPECT_TRUE(refused(of_case, another));
  inspection::v1::QueryTrailRequest other_case, of_referral;
  other_case.set_case_pseudonym(std::string(16, 's'));
  of_referral.set_referral(std::string(32, 'd'));
  EXPECT_TRUE(refused(other_case, asked));
  EXPECT_TRUE(refused(of_referral, asked));
  answer.query_index = 4;
  EXPECT_TRUE(refused(of_case, asked)) << "the last row is another";
  answer.query_index = 9;
  answer.rows.pop_back();
  EXPECT_TRUE(refused(of_case, asked));
  answer.rows.clear();
  EXPECT_TRUE(refused(of_case, asked)) << "of which there would be a record too";
}

}  // namespace
}  // namespace accord::accordctl::trail_rows_test
