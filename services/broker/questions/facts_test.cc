// What is gathered of referrals, over a log in memory, and how many places of the store that takes.
#include "services/broker/questions/facts.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "common/crypto/testing_pki.h"
#include "common/referral/header.h"
#include "services/broker/directory/families.h"
#include "services/broker/trails/testing_log.h"

namespace accord::broker::facts_test {
namespace {

using ::testing::SizeIs;

class FactsTest : public ::testing::Test {
 protected:
  // A referral of the police to the Idva service, and so many other entries on its chain. Its stored entry.
  uint64_t Store(const std::string& request_id, int others) {
    uint64_t stored_index = 0;
    const referral::SignedHeader header = Header(request_id);
    EXPECT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
                ACCORD_ASSIGN_OR_RETURN(const auto chain, context.OpenChain());
                slots_[request_id] = chain.slot;
                EntryDraft entry;
                entry.chains = {chain.pseudonym};
                entry.event.set_type(type::v1::EVENT_TYPE_REFERRAL_STORED);
                entry.actor.emplace().set_principal("agency/police/rms");
                entry.referral.emplace().set_header_digest(std::string(32 - request_id.size(), 'd') + request_id);
                ACCORD_ASSIGN_OR_RETURN(stored_index, context.AddEntry(entry));
                entry.event.set_type(type::v1::EVENT_TYPE_RELEASED);
                entry.referral->set_recipient("idva");
                for (int i = 0; i < others; ++i) ACCORD_RETURN_IF_ERROR(context.AddEntry(entry));
                storage::v1::StoredReferral stored;
                *stored.mutable_header() = header.header;
                for (const auto& opening : header.openings) *stored.add_openings() = opening;
                stored.set_chain(chain.pseudonym);
                stored.set_stored_index(stored_index);
                return context.PutSealed(kFamilyReferral, entry.referral->header_digest(), chain.slot, stored.SerializeAsString());
              }),
              absl::OkStatus());
    return stored_index;
  }

  referral::SignedHeader Header(const std::string& request_id) {
    referral::HeaderParts parts;
    parts.core.set_request_id(request_id);
    parts.core.set_sender("police");
    parts.core.mutable_worker()->set_pseudonym("pc-1");
    parts.core.mutable_worker()->set_role(type::v1::WORKER_ROLE_PRACTITIONER);
    parts.core.mutable_worker()->set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
    parts.core.set_type(type::v1::REFERRAL_TYPE_REFERRAL);
    parts.core.set_purpose(type::v1::PURPOSE_SAFEGUARDING_ADULT);
    parts.core.set_urgency(type::v1::URGENCY_ROUTINE);
    parts.core.mutable_risk()->set_grade(type::v1::RISK_GRADE_HIGH);
    parts.core.mutable_risk()->set_instrument(type::v1::INSTRUMENT_DARA);
    parts.core.mutable_risk()->set_subject(type::v1::SUBJECT_ROLE_VICTIM);
    parts.core.set_signed_at_ms(absl::ToUnixMillis(log_.now));
    parts.recipients.emplace_back().set_agency("idva");
    parts.recipients.back().set_capacity(type::v1::RECIPIENT_CAPACITY_NAMED);
    auto& tag = parts.tags.emplace_back();
    tag.set_tag_id(std::string(16, 't'));
    tag.set_victim_awareness(type::v1::VICTIM_AWARENESS_INFORMED);
    tag.set_consent(type::v1::CONFIDENTIALITY_CONSENT_GIVEN);
    tag.set_article6(type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
    tag.set_article9(type::v1::ARTICLE9_CONDITION_SAFEGUARDING);
    tag.set_regime(type::v1::REGIME_DPA_PART3);
    auto& section = parts.sections.emplace_back();
    section.set_section_id(std::string(16, 's'));
    section.set_category(type::v1::CATEGORY_RISK);
    section.set_tag_id(tag.tag_id());
    section.set_digest(std::string(32, 'x'));
    auto& subject = parts.subjects.emplace_back();
    subject.set_subject_id(std::string(16, 'v'));
    subject.set_role(type::v1::SUBJECT_ROLE_VICTIM);
    subject.set_age_band(type::v1::AGE_BAND_ADULT);
    auto header = referral::SignHeader(parts, key_, random_);
    EXPECT_EQ(header.status(), absl::OkStatus());
    return *std::move(header);
  }

  TestingLog log_;
  Executor executor_{2, 16};
  FakeRandom random_{3};
  const crypto::SigningKey key_ = crypto::testing::TestAuthority().IssueSigning("police").signing_key();
  std::map<std::string, uint64_t> slots_;
};

TEST_F(FactsTest, ManyAreReadInTheirOrderAndAnErasedOneIsNone) {
  std::vector<uint64_t> stored;
  for (int i = 0; i < 20; ++i) stored.push_back(Store(fmt::format("request-{}", i), i));
  ASSERT_EQ(log_.slots().Destroy(slots_["request-7"]), absl::OkStatus());
  const auto facts = ReadFactsOf(log_.View(), executor_, stored, 0);
  ASSERT_EQ(facts.status(), absl::OkStatus());
  ASSERT_THAT(*facts, SizeIs(20));
  for (size_t i = 0; i < 20; ++i) {
    ASSERT_EQ((*facts)[i].has_value(), i != 7) << i;
    if (i == 7) continue;
    EXPECT_EQ((*facts)[i]->stored_index, stored[i]);
    EXPECT_EQ((*facts)[i]->parts.core.request_id(), fmt::format("request-{}", i));
    ASSERT_THAT((*facts)[i]->events, SizeIs(i + 1));
    EXPECT_EQ((*facts)[i]->events.front().event.type(), type::v1::EVENT_TYPE_REFERRAL_STORED);
    EXPECT_EQ((*facts)[i]->events.front().index, stored[i]);
  }
}

TEST_F(FactsTest, OneThatDoesNotFitTogetherFailsThemAll) {
  std::vector<uint64_t> stored;
  for (int i = 0; i < 20; ++i) stored.push_back(Store(fmt::format("request-{}", i), 1));
  log_.store().Put(kLeafFamily, KeyU64(stored[11] + 1), "no leaf");
  EXPECT_TRUE(HasReason(ReadFactsOf(log_.View(), executor_, stored, 0).status(), Reason::kStoreCorrupt));
}

// Each read by key is a place of its own in a long log: leaf and openings of each entry once, the referral, and its chain as one scan.
TEST_F(FactsTest, ReadsTwoPlacesForEachEntryAndOneForTheReferral) {
  const uint64_t stored = Store("request-1", 9);
  CountedReads store(log_.store());
  ASSERT_EQ(ReadFacts(log_.ViewOf(store), stored).status(), absl::OkStatus());
  EXPECT_EQ(store.gets, 2 * 10 + 1);
  EXPECT_EQ(store.scans, 1);
}

}  // namespace
}  // namespace accord::broker::facts_test
