// Goal: a push is routed by what support services publish: one that closes, fills up, changes whom it takes or whose offer ends is told or
// not told from then on, also while the broker is away; and what is published never brings a push to whom a person or the configuration
// did not choose.
#include "common/agent/published_support.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/agent/fake_broker.h"
#include "common/agent/testing_mapping.h"
#include "common/base/ids.h"
#include "common/storage/rocks_store.h"

namespace accord::agent::published_support_test {
namespace {

using namespace type::v1;  // NOLINT: the tests read best in the field's own words.
using Names = std::vector<std::string>;

TEST(PublishedOfferTest, IsARowAsTheConfigurationWouldHaveIt) {
  admin::v1::SupportOffer offer;
  offer.set_age_from(16);
  offer.add_genders("female");
  offer.add_areas("E08000001");
  offer.add_grades(RISK_GRADE_HIGH);
  offer.add_languages("polish");
  offer.set_places(1);
  const SupportService row = FromOffer("idva", offer);
  EXPECT_EQ(row.agency, "idva");
  EXPECT_EQ(row.age_from, 16u);
  EXPECT_EQ(row.age_to, kClientAgeMax) << "0 is no limit";
  EXPECT_EQ(row.genders, Names{"female"});
  EXPECT_EQ(row.areas, Names{"E08000001"});
  EXPECT_EQ(row.grades, std::vector<RiskGrade>{RISK_GRADE_HIGH});
  EXPECT_EQ(row.languages, Names{"polish"});
  EXPECT_TRUE(row.takes_new && row.has_room);
  offer.set_age_to(17);
  EXPECT_EQ(FromOffer("idva", offer).age_to, 17u);
  offer.set_places(0);
  EXPECT_FALSE(FromOffer("idva", offer).has_room);
  offer.set_places_not_counted(true);
  EXPECT_TRUE(FromOffer("idva", offer).has_room);
  offer.set_closed(true);
  EXPECT_FALSE(FromOffer("idva", offer).takes_new);
}

TEST(PublishedOfferTest, TheConfigurationAndTheOfferMustBothTakeTheClient) {
  std::vector<SupportService> configured(1);
  configured[0].agency = "idva";
  configured[0].age_to = 17;
  SupportService offered;
  offered.genders = {"male"};
  const auto why = [&](AgeBand age, const std::string& gender) {
    return WhyNotEligible(&configured, "idva", {age, RISK_GRADE_UNSPECIFIED, gender}, [&](std::string_view) { return std::optional(offered); }).words;
  };
  EXPECT_EQ(why(AGE_BAND_16_17, "male"), "");
  EXPECT_EQ(why(AGE_BAND_ADULT, "male"), "age");
  EXPECT_EQ(why(AGE_BAND_16_17, "female"), "gender");
  EXPECT_EQ(why(AGE_BAND_ADULT, "female"), "age, gender");
  EXPECT_EQ(why(AGE_BAND_UNSPECIFIED, ""), "") << "what is not known excludes nobody";
  offered.age_to = 17;
  EXPECT_EQ(why(AGE_BAND_ADULT, "male"), "age") << "each fact once";
  offered.has_room = false;
  EXPECT_EQ(why(AGE_BAND_16_17, "male"), "no room");
  offered.takes_new = false;
  EXPECT_EQ(why(AGE_BAND_16_17, "male"), "takes nobody new");
}

class PublishedSupportTest : public ::testing::Test {
 protected:
  PublishedSupportTest() : broker_(random_) {
    path_ = ::testing::TempDir() + "/accord_support_" + ToHex(random_.Bytes(6));
    Open(true);
    Start();
  }
  ~PublishedSupportTest() override {
    Stop();
    std::filesystem::remove_all(path_);
  }
  void Open(bool create) {
    std::vector<storage::FamilySpec> families;
    for (const std::string& name : AgencyFamilies()) families.push_back({name});
    storage::RocksStoreOptions options;
    options.create = create;
    rocks_ = *storage::RocksStore::Open(path_, families, options);
  }
  void Start() {
    store_ = std::make_unique<AgencyStore>(*rocks_, crypto::SecretBytes(std::string(32, 's')), random_);
    alarm_ = std::make_unique<Alarm>(*store_, clock_);
    log_ = *LogWatch::Open(*store_, broker_, *alarm_, FakeLog::LogVkey());
    support_ = std::make_unique<PublishedSupport>(*store_, broker_, *log_, *alarm_);
    ASSERT_EQ(support_->Load(), absl::OkStatus());
  }
  void Stop() { support_.reset(), log_.reset(), alarm_.reset(), store_.reset(), rocks_.reset(); }
  // The service ends and starts again.
  void Restart() {
    Stop();
    Open(false);
    Start();
  }

  // The row of `agency` in the broker's directory.
  admin::v1::Agency& Row(const std::string& agency) {
    for (auto& row : broker_.directory) {
      if (row.id() == agency) return row;
    }
    admin::v1::Agency& row = broker_.directory.emplace_back();
    row.set_id(agency);
    row.set_active(true);
    return row;
  }
  admin::v1::SupportOffer& Offer(const std::string& agency) { return *Row(agency).mutable_support(); }
  // As the watch does, every poll interval.
  absl::Status Look() {
    ACCORD_ASSIGN_OR_RETURN(const auto directory, broker_.ListAgencies());
    return support_->Learn(directory);
  }
  // A push for an adult who is a woman and names nobody, from an agency that routes to two Idva services.
  absl::StatusOr<Draft> Push(const Names& named = {}) {
    auto context = testing::Context("police");
    context.routing = [](AgencyKind kind) { return kind == AGENCY_KIND_IDVA ? Names{"idva", "idva-south"} : Names{}; };
    context.published = [&](std::string_view agency) { return support_->Of(agency, clock_.Now()); };
    agency::v1::RecordNotSharedRequest request;  // Any push with a victim.
    *request.mutable_options() = testing::Options(named);
    request.set_purpose(PURPOSE_SUPPORT);
    request.set_reason(NOT_SHARED_REASON_ALREADY_KNOWN);
    *request.mutable_victim() = testing::Somebody();
    request.mutable_victim()->set_gender("female");
    DraftBuilder builder("Test", request, request.options(), context);
    builder.Victim(request.victim(), "victim").ClientArea("E08000001", "area").ByDefaultTo(AGENCY_KIND_IDVA);
    return std::move(builder).Build(PURPOSE_SUPPORT);
  }
  Names Told() {
    const auto draft = Push();
    EXPECT_EQ(draft.status(), absl::OkStatus());
    return draft.ok() ? draft->recipients : Names{"no draft"};
  }

  SystemRandom random_;
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  FakeBroker broker_;
  std::string path_;
  std::unique_ptr<storage::RocksStore> rocks_;
  std::unique_ptr<AgencyStore> store_;
  std::unique_ptr<Alarm> alarm_;
  std::unique_ptr<LogWatch> log_;
  std::unique_ptr<PublishedSupport> support_;
};

TEST_F(PublishedSupportTest, RoutingFollowsWhatIsPublishedAsItClosesChangesAndEnds) {
  EXPECT_EQ(Told(), (Names{"idva", "idva-south"})) << "nothing is published";
  Offer("idva").set_places(2);
  Offer("idva-south").set_places_not_counted(true);
  ASSERT_EQ(Look(), absl::OkStatus());
  EXPECT_EQ(Told(), (Names{"idva", "idva-south"}));

  Offer("idva").set_closed(true);
  EXPECT_EQ(Told(), (Names{"idva", "idva-south"})) << "not asked yet";
  ASSERT_EQ(Look(), absl::OkStatus());
  EXPECT_EQ(Told(), Names{"idva-south"});

  Offer("idva").set_closed(false);
  Offer("idva-south").add_areas("E08000002");
  ASSERT_EQ(Look(), absl::OkStatus());
  EXPECT_EQ(Told(), Names{"idva"}) << "it lives elsewhere";

  // Full until a time: after it the offer counts as not published.
  Offer("idva").set_places(0);
  Offer("idva").set_valid_until_ms(absl::ToUnixMillis(clock_.Now()) + 1000);
  ASSERT_EQ(Look(), absl::OkStatus());
  EXPECT_EQ(Told(), Names{});
  clock_.Advance(absl::Milliseconds(999));
  EXPECT_EQ(Told(), Names{});
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(Told(), Names{"idva"});
}

TEST_F(PublishedSupportTest, NobodyTakesTheClientAndTheWarningSaysWhoHasNoRoomAndWhoseCriteriaAreNotMet) {
  Offer("idva");  // Places 0.
  Offer("idva-south").add_genders("male");
  Offer("idva-south").set_places(4);
  ASSERT_EQ(Look(), absl::OkStatus());
  const auto draft = Push();
  ASSERT_EQ(draft.status(), absl::OkStatus());
  EXPECT_EQ(draft->recipients, Names{});
  EXPECT_EQ(draft->not_eligible, (Names{"idva", "idva-south"})) << "which the runtime records";
  EXPECT_EQ(draft->no_room, Names{"idva"});
  EXPECT_TRUE(testing::Warns(*draft, "No support service that takes this client has room: idva (no room), idva-south (gender)"));
  Offer("idva").add_genders("male");
  ASSERT_EQ(Look(), absl::OkStatus());
  const auto refused = Push();
  EXPECT_EQ(refused->no_room, Names{}) << "with room it would not take her either";
  EXPECT_TRUE(testing::Warns(*refused, "No support service takes this client: idva (no room, gender), idva-south (gender)"));
}

TEST_F(PublishedSupportTest, WhatWasKnownLastCountsWhileTheBrokerIsAway) {
  Offer("idva").set_closed(true);
  ASSERT_EQ(Look(), absl::OkStatus());
  broker_.away = Error(Reason::kBrokerUnreachable, "away");
  EXPECT_FALSE(Look().ok());
  EXPECT_EQ(Told(), Names{"idva-south"});
  broker_.away = absl::OkStatus();
  Row("idva").clear_support();
  ASSERT_EQ(Look(), absl::OkStatus());
  EXPECT_EQ(Told(), (Names{"idva", "idva-south"})) << "it is published no more";
  Offer("idva").set_closed(true);
  Row("idva").set_active(false);
  ASSERT_EQ(Look(), absl::OkStatus());
  EXPECT_FALSE(support_->Of("idva", clock_.Now()).has_value()) << "a suspended agency publishes nothing";
}

TEST_F(PublishedSupportTest, WhatWasKnownLastCountsAfterARestartToo) {
  Restart();
  EXPECT_EQ(Told(), (Names{"idva", "idva-south"})) << "a store that knows of none, as every old one";
  Offer("idva").set_closed(true);
  Offer("idva-south").set_places_not_counted(true);
  Offer("idva-south").set_valid_until_ms(absl::ToUnixMillis(clock_.Now()) + 1000);
  Offer("idva-south").add_genders("male");
  ASSERT_EQ(Look(), absl::OkStatus());
  EXPECT_EQ(Told(), Names{});
  broker_.away = Error(Reason::kBrokerUnreachable, "away");
  Restart();
  EXPECT_FALSE(Look().ok());
  EXPECT_EQ(Told(), Names{}) << "before the broker was asked";
  clock_.Advance(absl::Milliseconds(1000));
  EXPECT_EQ(Told(), Names{"idva-south"}) << "that one has ended meanwhile";

  broker_.away = absl::OkStatus();
  Row("idva").clear_support();
  ASSERT_EQ(Look(), absl::OkStatus());
  Restart();
  EXPECT_EQ(Told(), (Names{"idva", "idva-south"})) << "what is published no more is forgotten for good";
}

TEST_F(PublishedSupportTest, IsWrittenOnlyWhenTheDirectorySaysSomethingElse) {
  const auto stored = [&] { return rocks_->Get(kFamilyMeta, kMetaOffers)->value_or(""); };  // With a nonce: another each time.
  Offer("idva").set_places(2);
  ASSERT_EQ(Look(), absl::OkStatus());
  const std::string first = stored();
  EXPECT_NE(first, "");
  ASSERT_EQ(Look(), absl::OkStatus());
  EXPECT_EQ(stored(), first);
  Restart();
  ASSERT_EQ(Look(), absl::OkStatus());
  EXPECT_EQ(stored(), first);
  Offer("idva").set_places(1);
  ASSERT_EQ(Look(), absl::OkStatus());
  EXPECT_NE(stored(), first);
}

TEST_F(PublishedSupportTest, AnOfferOnlyRoutes) {
  Offer("idva-elsewhere").set_places(50);
  Offer("idva").set_closed(true);
  Offer("idva-south").set_places(9);
  ASSERT_EQ(Look(), absl::OkStatus());
  EXPECT_EQ(Told(), Names{"idva-south"}) << "who is not in the routing is told nothing, whatever it offers";
  const auto named = Push({"idva"});
  ASSERT_EQ(named.status(), absl::OkStatus());
  EXPECT_EQ(named->recipients, Names{"idva"}) << "a person chose";
  EXPECT_TRUE(named->not_eligible.empty());
}

TEST_F(PublishedSupportTest, OursIsPublishedWithAReceiptOfItsOwn) {
  admin::v1::PublishSupportRequest request;
  request.set_request_id("support-0001");
  request.mutable_support()->set_places(3);
  const auto published = support_->Publish(request);
  ASSERT_EQ(published.status(), absl::OkStatus());
  EXPECT_EQ(published->support().places(), 3u);
  ASSERT_EQ(broker_.offers.size(), 1u);

  broker_.away = Error(Reason::kBrokerUnreachable, "away");
  EXPECT_TRUE(HasReason(support_->Publish(request).status(), Reason::kBrokerUnreachable));
  broker_.away = absl::OkStatus();
  broker_.other_offer = true;
  EXPECT_TRUE(HasReason(support_->Publish(request).status(), Reason::kReceiptInvalid));
  broker_.other_offer = false;
  EXPECT_FALSE(support_->Publish(request).ok()) << "that was a lie, so nothing more is asked";
}

}  // namespace
}  // namespace accord::agent::published_support_test
