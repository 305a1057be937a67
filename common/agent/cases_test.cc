// Pairs of cases as an agency is told of them and answers, against a broker that says it recorded something else.
#include "common/agent/cases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/agent/fake_broker.h"
#include "common/agent/today.h"
#include "common/base/ids.h"
#include "common/storage/rocks_store.h"

namespace accord::agent::cases_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CasesTest : public ::testing::Test {
 protected:
  CasesTest() : broker_(random_) {
    path_ = ::testing::TempDir() + "/accord_cases_" + ToHex(random_.Bytes(6));
    std::vector<storage::FamilySpec> families;
    for (const std::string& name : AgencyFamilies()) families.push_back({name});
    storage::RocksStoreOptions options;
    options.create = true;
    rocks_ = *storage::RocksStore::Open(path_, families, options);
    store_ = std::make_unique<AgencyStore>(*rocks_, crypto::SecretBytes(std::string(32, 's')), random_);
    alarm_ = std::make_unique<Alarm>(*store_, clock_);
    log_ = *LogWatch::Open(*store_, broker_, *alarm_, FakeLog::LogVkey());
    notices_ = std::make_unique<Notices>(*store_, *log_, clock_);
    cases_ = std::make_unique<Cases>(broker_, *log_, *alarm_, *notices_);
  }
  ~CasesTest() override {
    cases_.reset(), notices_.reset(), log_.reset(), alarm_.reset(), store_.reset(), rocks_.reset();
    std::filesystem::remove_all(path_);
  }
  void Notice(const std::string& link) {
    type::v1::EntryEvent event;
    event.set_type(type::v1::EVENT_TYPE_RELEASED);
    broker::v1::Delivery delivery;
    delivery.set_delivery_id(random_.Bytes(kIdBytes));
    *delivery.mutable_released() = broker_.log.Receipt(broker_.log.Append(event, std::string(32, 'd')));
    auto& notice = *delivery.mutable_notice();
    notice.set_kind(type::v1::NOTICE_KIND_LINK_PROPOSED);
    notice.set_header_digest(std::string(32, 'd'));
    notice.set_agency("idva");
    notice.set_link(link);
    ASSERT_EQ(notices_->Receive(delivery), absl::OkStatus());
  }
  std::vector<agency::v1::TodayItem> Today() { return MakeToday({}, {}, clock_.Now(), *notices_->OpenLinks()); }
  absl::Status Answer(const std::string& link, type::v1::LinkAnswer answer) {
    broker::v1::AnswerLinkProposalRequest request;
    request.set_name(link);
    request.set_answer(answer);
    return cases_->Answer(request);
  }

  SystemRandom random_;
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  FakeBroker broker_;
  std::string path_;
  std::unique_ptr<storage::RocksStore> rocks_;
  std::unique_ptr<AgencyStore> store_;
  std::unique_ptr<Alarm> alarm_;
  std::unique_ptr<LogWatch> log_;
  std::unique_ptr<Notices> notices_;
  std::unique_ptr<Cases> cases_;
};

TEST_F(CasesTest, AProposalWaitsUntilItIsAnsweredHereOrElsewhere) {
  Notice("links/7");
  Notice("links/9");
  const auto today = Today();
  ASSERT_THAT(today, SizeIs(2));
  EXPECT_EQ(today[0].kind(), agency::v1::TODAY_KIND_LINK_PROPOSED);
  EXPECT_THAT(today[0].words() + today[1].words(), ::testing::AllOf(HasSubstr("links/7"), HasSubstr("links/9")));
  EXPECT_EQ(Answer("links/7", type::v1::LINK_ANSWER_CONFIRMED), absl::OkStatus());
  ASSERT_THAT(Today(), SizeIs(1));
  EXPECT_THAT(Today()[0].words(), HasSubstr("links/9"));

  auto& proposal = *broker_.links.add_proposals();
  proposal.set_name("links/9");
  EXPECT_EQ(cases_->ListLinks({}).status(), absl::OkStatus());
  EXPECT_THAT(Today(), SizeIs(1)) << "still open";
  proposal.set_answer(type::v1::LINK_ANSWER_REJECTED);
  EXPECT_EQ(cases_->ListLinks({}).status(), absl::OkStatus());
  EXPECT_THAT(Today(), IsEmpty());
}

TEST_F(CasesTest, AReceiptOfAnotherAnswerIsALie) {
  Notice("links/7");
  broker_.other_answer = type::v1::LINK_ANSWER_REJECTED;
  EXPECT_TRUE(HasReason(Answer("links/7", type::v1::LINK_ANSWER_CONFIRMED), Reason::kReceiptInvalid));
  EXPECT_THAT(Today(), SizeIs(1));
  broker_.other_answer = type::v1::LINK_ANSWER_UNSPECIFIED;
  EXPECT_FALSE(Answer("links/7", type::v1::LINK_ANSWER_CONFIRMED).ok()) << "nothing is asked while the alarm stands";
}

}  // namespace
}  // namespace accord::agent::cases_test
