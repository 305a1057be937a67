// Goal: what an agency publishes of whom it takes is judged whole, stands once, is an entry each time it changes and none when it does not,
// and ends when it says.
#include "services/broker/directory/support.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/validation.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker::support_test {
namespace {

using admin::v1::SupportOffer;
using storage::v1::StoredSupport;

// Everything at its limit.
SupportOffer Whole(absl::Time now) {
  SupportOffer offer;
  offer.set_age_from(kSupportAgeMax);
  offer.set_age_to(kSupportAgeMax);
  for (int i = 0; i < kSupportListMax; ++i) {
    offer.add_genders(fmt::format("{:0>{}}", i, kSupportTextBytesMax));
    offer.add_languages(fmt::format("{:0>{}}", i, kSupportTextBytesMax));
    offer.add_areas(fmt::format("E{:08}", i));
    offer.add_grades(type::v1::RISK_GRADE_HIGH);
  }
  offer.set_places(12);
  offer.set_valid_until_ms(absl::ToUnixMillis(now) + 1);
  return offer;
}

std::string Told(const absl::Status& status) {
  if (status.ok()) return "OK";
  const ErrorDetail detail = DetailOf(status);
  const auto field = detail.metadata.find("field");
  return fmt::format("{} {}", RowOf(detail.reason).name, field == detail.metadata.end() ? "-" : field->second);
}

TEST(SupportTest, ALimitHoldsAndOneMoreIsNamedByItsField) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  EXPECT_EQ(ValidateSupport(SupportOffer(), now), absl::OkStatus());
  EXPECT_EQ(ValidateSupport(Whole(now), now), absl::OkStatus());
  const std::vector<std::pair<std::function<void(SupportOffer&)>, std::string>> table = {
      {[](SupportOffer& o) { o.set_age_from(kSupportAgeMax + 1), o.clear_age_to(); }, "FIELD_INVALID support.age_from"},
      {[](SupportOffer& o) { o.set_age_to(kSupportAgeMax + 1); }, "FIELD_INVALID support.age_to"},
      {[](SupportOffer& o) { o.set_age_to(kSupportAgeMax - 1); }, "FIELD_INVALID support.age_to"},
      {[](SupportOffer& o) { o.clear_age_to(); }, "OK"},
      {[](SupportOffer& o) { o.add_genders("female"); }, "FIELD_INVALID support.genders"},
      {[](SupportOffer& o) { o.add_areas("E08000001"); }, "FIELD_INVALID support.areas"},
      {[](SupportOffer& o) { o.add_grades(type::v1::RISK_GRADE_STANDARD); }, "FIELD_INVALID support.grades"},
      {[](SupportOffer& o) { o.add_languages("polish"); }, "FIELD_INVALID support.languages"},
      {[](SupportOffer& o) { o.set_genders(3, std::string(kSupportTextBytesMax + 1, 'x')); }, "FIELD_INVALID support.genders"},
      {[](SupportOffer& o) { o.set_genders(3, ""); }, "FIELD_INVALID support.genders"},
      {[](SupportOffer& o) { o.set_genders(3, "fe\nmale"); }, "FIELD_INVALID support.genders"},
      {[](SupportOffer& o) { o.set_languages(3, "\xff"); }, "TEXT_NOT_UTF8 support.languages"},
      {[](SupportOffer& o) { o.set_areas(3, "Northshire"); }, "FIELD_INVALID support.areas"},
      {[](SupportOffer& o) { o.set_grades(3, type::v1::RISK_GRADE_UNSPECIFIED); }, "ENUM_UNKNOWN support.grades"},
      {[](SupportOffer& o) { o.set_grades(3, static_cast<type::v1::RiskGrade>(99)); }, "ENUM_UNKNOWN support.grades"},
      {[](SupportOffer& o) { o.set_places_not_counted(true); }, "FIELD_INVALID support.places"},
      {[](SupportOffer& o) { o.set_places_not_counted(true), o.clear_places(); }, "OK"},
      {[](SupportOffer& o) { o.set_valid_until_ms(o.valid_until_ms() - 1); }, "FIELD_INVALID support.valid_until_ms"},
      {[](SupportOffer& o) { o.set_valid_until_ms(-1); }, "FIELD_INVALID support.valid_until_ms"},
      {[](SupportOffer& o) { o.set_valid_until_ms(0); }, "OK"},
  };
  for (size_t i = 0; i < table.size(); ++i) {
    SupportOffer offer = Whole(now);
    table[i].first(offer);
    EXPECT_EQ(Told(ValidateSupport(offer, now)), table[i].second) << i;
  }
}

TEST(SupportTest, NobodyElsePublishesForAnAgency) {
  admin::v1::Agency agency;
  agency.set_id("idva");
  agency.set_kind(type::v1::AGENCY_KIND_IDVA);
  agency.mutable_support()->set_places(5);
  EXPECT_EQ(Told(ValidateAgency(agency, "accord.test")), "FIELD_INVALID agency.support");
  agency.clear_support();
  agency.set_suspended(true);
  EXPECT_EQ(Told(ValidateAgency(agency, "accord.test")), "FIELD_INVALID agency.suspended") << "nor is it shut out by its row";
}

class PublishSupportTest : public ::testing::Test {
 protected:
  static Caller Idva(const std::string& id = "idva") {
    Caller caller;
    caller.kind = options::v1::CALLER_AGENCY;
    caller.id = id;
    caller.principal = PrincipalName(caller.kind, id);
    caller.certificate = std::string(32, 'c');
    return caller;
  }
  absl::StatusOr<StoredSupport> Publish(const std::string& request_id, const SupportOffer& offer, const Caller& caller = Idva()) {
    SupportAct act{request_id, offer, {}};
    act.worker.set_pseudonym("idva-03");
    absl::StatusOr<StoredSupport> outcome = absl::UnknownError("not done");
    PublishSupportCommand command(caller, act, [&](absl::StatusOr<StoredSupport> standing) { outcome = std::move(standing); });
    const absl::Status applied = command.Apply(context_);
    command.Done(applied.ok() ? absl::StatusOr<Committed>(Committed()) : applied);
    return outcome;
  }
  std::optional<StoredSupport> Stands(const std::string& agency = "idva") {
    auto stored = SupportInForce(PlainReaderOf(context_), agency, context_.now());
    EXPECT_EQ(stored.status(), absl::OkStatus());
    return stored.value_or(std::nullopt);
  }
  static SupportOffer Places(uint32_t places) {
    SupportOffer offer;
    offer.set_places(places);
    return offer;
  }

  MemoryContext context_;
};

TEST_F(PublishSupportTest, AChangeIsAnEntryAndWhatStandsAlreadyIsNone) {
  EXPECT_FALSE(Stands().has_value());
  const auto first = Publish("support-1", Places(4));
  ASSERT_EQ(first.status(), absl::OkStatus());
  EXPECT_EQ(first->support().places(), 4u);
  EXPECT_EQ(first->support().published_at_ms(), absl::ToUnixMillis(context_.now()));
  ASSERT_EQ(context_.entries.size(), 1u);
  const EntryDraft& entry = context_.entries[0];
  EXPECT_EQ(entry.chains.size(), 1u);
  EXPECT_EQ(entry.event.type(), type::v1::EVENT_TYPE_SUPPORT_PUBLISHED);
  EXPECT_EQ(entry.event.change_digest(), crypto::Sha256(Places(4).SerializeAsString()));
  EXPECT_EQ(entry.actor->principal(), "agency/idva");
  EXPECT_EQ(entry.actor->worker().pseudonym(), "idva-03");
  EXPECT_FALSE(entry.referral.has_value());
  EXPECT_FALSE(context_.moved) << "no decision depends on it";

  context_.time += absl::Seconds(5);
  for (const char* id : {"support-1", "support-2"}) {
    const auto again = Publish(id, Places(4));
    ASSERT_EQ(again.status(), absl::OkStatus()) << id;
    EXPECT_EQ(again->SerializeAsString(), first->SerializeAsString()) << id;
  }
  EXPECT_EQ(context_.entries.size(), 1u);
  EXPECT_TRUE(HasReason(Publish("support-1", Places(3)).status(), Reason::kRequestIdReused));
  EXPECT_EQ(Told(Publish("short", Places(3)).status()), "FIELD_INVALID request_id");

  SupportOffer shown = Places(3);
  shown.set_published_at_ms(7);  // As it was shown: not the agency's to say.
  const auto changed = Publish("support-3", shown);
  ASSERT_EQ(changed.status(), absl::OkStatus());
  EXPECT_EQ(changed->support().published_at_ms(), absl::ToUnixMillis(context_.now()));
  EXPECT_EQ(changed->index(), 1u);
  EXPECT_EQ(Stands()->support().places(), 3u);
  EXPECT_FALSE(Stands("idva-south").has_value()) << "each its own";
  ASSERT_EQ(Publish("support-1", Places(9), Idva("idva-south")).status(), absl::OkStatus()) << "a request id is an agency's own";
  EXPECT_EQ(Stands()->support().places(), 3u);
}

TEST_F(PublishSupportTest, WhatIsWrongPutsNothingInPlace) {
  ASSERT_EQ(Publish("support-1", Places(4)).status(), absl::OkStatus());
  context_.time += absl::Seconds(5);
  SupportOffer wrong = Places(1);
  wrong.set_age_from(kSupportAgeMax + 1);
  EXPECT_EQ(Told(Publish("support-2", wrong).status()), "FIELD_INVALID support.age_from");
  EXPECT_EQ(Stands()->support().places(), 4u);
  EXPECT_EQ(context_.entries.size(), 1u);
}

TEST_F(PublishSupportTest, OneChangeASecond) {
  ASSERT_EQ(Publish("support-1", Places(4)).status(), absl::OkStatus());
  context_.time += kSupportIntervalMin - absl::Milliseconds(1);
  const auto early = Publish("support-2", Places(3)).status();
  EXPECT_TRUE(HasReason(early, Reason::kQuotaExceeded)) << early;
  EXPECT_EQ(DetailOf(early).metadata["retry_after_ms"], "1");
  EXPECT_EQ(Publish("support-2", Places(4)).status(), absl::OkStatus()) << "no change";
  ASSERT_EQ(Publish("support-1", Places(4), Idva("idva-south")).status(), absl::OkStatus()) << "of each agency";
  context_.time += absl::Milliseconds(1);
  EXPECT_EQ(Publish("support-2", Places(3)).status(), absl::OkStatus());
}

TEST_F(PublishSupportTest, ItEndsWhenItSaysAndIsPublishedAnew) {
  SupportOffer offer = Places(4);
  offer.set_valid_until_ms(absl::ToUnixMillis(context_.now()) + 60'000);
  ASSERT_EQ(Publish("support-1", offer).status(), absl::OkStatus());
  context_.time += absl::Milliseconds(59'999);
  EXPECT_TRUE(Stands().has_value());
  context_.time += absl::Milliseconds(1);
  EXPECT_FALSE(Stands().has_value());
  EXPECT_EQ(Publish("support-1", offer).status(), absl::OkStatus()) << "a repeat";
  EXPECT_EQ(Told(Publish("support-2", offer).status()), "FIELD_INVALID support.valid_until_ms");
  offer.clear_valid_until_ms();
  ASSERT_EQ(Publish("support-3", offer).status(), absl::OkStatus());
  EXPECT_EQ(context_.entries.size(), 2u);
}

TEST_F(PublishSupportTest, ARowThatDoesNotParseIsNotTakenForNone) {
  context_.Put(kFamilySupport, "idva", "\xff");
  EXPECT_TRUE(HasReason(SupportInForce(PlainReaderOf(context_), "idva", context_.now()).status(), Reason::kStoreCorrupt));
  EXPECT_TRUE(HasReason(Publish("support-1", Places(4)).status(), Reason::kStoreCorrupt));
}

}  // namespace
}  // namespace accord::broker::support_test
