// Goal: nothing released leaves before the record says so, and only to the officer who asked; what waits is listed for those it concerns; it becomes
// overdue, and at last its content goes, with its warrant or with its referral.
#include "services/broker/disclosures/collect.h"

#include <gmock/gmock.h>

#include "services/broker/cases/case_linker.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/disclosures/testing_disclosure.h"
#include "services/broker/erasure/erase.h"
#include "services/broker/sequencer/chains.h"
#include "services/broker/trails/keys.h"

namespace accord::broker {
namespace {

using inspection::v1::Disclosure;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DisclosureCollectTest : public DisclosureFixture {
 protected:
  Disclosure Asked(const std::string& agency, const std::string& request_id = "asks-sections-1") {
    auto request = ForSections(agency);
    request.set_request_id(request_id);
    const auto asked = Ask(request);
    EXPECT_EQ(asked.status(), absl::OkStatus());
    return asked->disclosure;
  }
  Disclosure Now(uint64_t number) {
    const auto view = log_.View();
    return (*LoadDisclosure(SealedReaderOf(view), number))->disclosure();
  }
  int EntriesOfType(type::v1::EventType type) {
    int count = 0;
    for (uint64_t index = 0; index < Size(); ++index) {
      const EntryParts parts = Entry(index);
      count += parts.event.has_value() && parts.event->type() == type;
    }
    return count;
  }
  std::string TellCollect(uint64_t number, const std::string& officer = "ines") { return ToldOf(Collect(number, officer).status()); }
  // What an erasure does once its entry is durable.
  void Erase() {
    const CaseLinker linker{crypto::SecretBytes(std::string(32, 'c'))};
    ErasureOrder order{.ground = type::v1::ERASURE_GROUND_ORDER};
    ErasureOutcome outcome;
    ASSERT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
      EntryDraft first;  // So that the chain is there whose key the entry of an erasure is under.
      ACCORD_ASSIGN_OR_RETURN(first.chains.emplace_back(), AdministrationChain(context));
      first.event.set_type(type::v1::EVENT_TYPE_LOG_OPENED);
      ACCORD_RETURN_IF_ERROR(context.AddEntry(first));
      ACCORD_ASSIGN_OR_RETURN(outcome, EraseReferrals(context, linker, {&digest, 1}, order));
      return absl::OkStatus();
    }), absl::OkStatus());
    storage::v1::StoredErasing erasing;
    ASSERT_TRUE(erasing.ParseFromString(**log_.store().Get(kFamilyErasure, ErasingKey(outcome.index))));
    for (const auto& row : erasing.rows()) log_.store().Delete(row.family(), row.key());
  }
};

TEST_F(DisclosureCollectTest, ACollectionIsOnTheRecordFirst) {
  const Disclosure asked = Asked("idva");
  EXPECT_EQ(TellCollect(asked.number()), "TRANSITION_ILLEGAL DISCLOSURE_ANSWER_UNSPECIFIED") << "no answer yet";
  const auto part = Part(Id('a'));
  ASSERT_EQ(Answer(asked, {part}).status(), absl::OkStatus());
  const auto collected = Collect(asked.number());
  ASSERT_EQ(collected.status(), absl::OkStatus());
  EXPECT_EQ(collected->disclosure().collected_at_ms(), absl::ToUnixMillis(log_.now));
  const EntryParts entry = Entry(Size() - 1);
  EXPECT_EQ(entry.event->type(), type::v1::EVENT_TYPE_DISCLOSURE_READ);
  EXPECT_EQ(entry.event->disclosure(), asked.number());
  EXPECT_EQ(entry.event->concerns(), "agency/idva");
  EXPECT_EQ(entry.event->count(), 1u);
  EXPECT_EQ(entry.actor->principal(), "inspector/ines");

  const auto view = log_.View();
  const auto first = CollectionOf(view, *collected);
  ASSERT_EQ(first.status(), absl::OkStatus());
  EXPECT_EQ(first->asked_request_id(), "asks-sections-1");
  EXPECT_EQ(first->signing_certificate(), "certificate");
  EXPECT_THAT(first->section_ids(), ElementsAre(Id('a')));
  EXPECT_EQ(referral::DigestOf(first->header()), digest);
  std::vector<std::string> labels;
  for (const auto& opening : first->openings()) labels.push_back(opening.label());
  EXPECT_THAT(labels, ::testing::UnorderedElementsAre("core", "section", "tag")) << "nothing of other sections, recipients and subjects";
  EXPECT_EQ(*ReadDisclosedPart(view, *collected, 0), part.cms());

  log_.now += absl::Hours(1);
  const auto again = Collect(asked.number());
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_EQ(again->disclosure().collected_at_ms(), collected->disclosure().collected_at_ms()) << "the first time";
  EXPECT_EQ(EntriesOfType(type::v1::EVENT_TYPE_DISCLOSURE_READ), 2) << "each is one";
}

TEST_F(DisclosureCollectTest, OnlyTheOfficerWhoAskedCollectsWhileTheWarrantIsInForce) {
  const Disclosure asked = Asked("idva");
  ASSERT_EQ(Answer(asked, {Part(Id('a'))}).status(), absl::OkStatus());
  const uint64_t size = Size();
  EXPECT_EQ(TellCollect(asked.number(), "olga"), "DISCLOSURE_NOT_FOUND") << "of the same body";
  EXPECT_EQ(TellCollect(asked.number(), "carl"), "DISCLOSURE_NOT_FOUND") << "of another";
  EXPECT_EQ(TellCollect(asked.number() + 1), "DISCLOSURE_NOT_FOUND");
  (*warrant).add_officers("olga");
  PutWarrant();
  EXPECT_EQ(TellCollect(asked.number()), "DISCLOSURE_NOT_FOUND") << "the warrant is not hers any more";
  (*warrant).clear_officers();
  (*warrant).set_state(inspection::v1::WARRANT_STATE_SUSPENDED);
  PutWarrant();
  EXPECT_EQ(TellCollect(asked.number()), "WARRANT_NOT_ACTIVE WARRANT_STATE_SUSPENDED");
  EXPECT_EQ(Size(), size);
  (*warrant).set_state(inspection::v1::WARRANT_STATE_ACTIVE);
  PutWarrant();
  log_.now = absl::FromUnixMillis((*warrant).ends_ms());
  EXPECT_EQ(TellCollect(asked.number()), "WARRANT_NOT_ACTIVE WARRANT_STATE_EXPIRED");
  log_.now -= absl::Milliseconds(1);
  EXPECT_EQ(TellCollect(asked.number()), "OK");
}

TEST_F(DisclosureCollectTest, WhatNobodyAnsweredInTimeIsOverdueOnce) {
  auto request = ForSections("idva");
  request.set_within_hours(1);
  const auto asked = Ask(request);
  ASSERT_EQ(asked.status(), absl::OkStatus());
  const absl::Time due = absl::FromUnixMillis(asked->disclosure.due_at_ms());
  EXPECT_EQ(Sweep(due - absl::Milliseconds(1)), 0);
  // While the warrant is suspended nobody may answer.
  (*warrant).set_state(inspection::v1::WARRANT_STATE_SUSPENDED);
  PutWarrant();
  EXPECT_EQ(Sweep(due), 1);
  EXPECT_FALSE(Now(asked->index).overdue());
  (*warrant).set_state(inspection::v1::WARRANT_STATE_ACTIVE);
  PutWarrant();
  EXPECT_EQ(Sweep(due + kDisclosureLookedAfter), 1);
  EXPECT_TRUE(Now(asked->index).overdue());
  const EntryParts entry = Entry(Size() - 1);
  EXPECT_EQ(entry.event->type(), type::v1::EVENT_TYPE_DISCLOSURE_OVERDUE);
  EXPECT_EQ(entry.event->due_at_ms(), asked->disclosure.due_at_ms());
  EXPECT_EQ(entry.event->concerns(), "agency/idva");
  EXPECT_EQ(entry.actor->principal(), "broker");
  EXPECT_GT(Sweep(due + absl::Hours(24 * 10)), 5);
  EXPECT_EQ(EntriesOfType(type::v1::EVENT_TYPE_DISCLOSURE_OVERDUE), 1);
  EXPECT_THAT(Listed(Desk("idva"), /*open_only=*/true), ElementsAre(asked->index)) << "it may still be answered";
}

TEST_F(DisclosureCollectTest, WhatIsDueWhenItsWarrantEndsIsOverdueAllTheSame) {
  auto request = ForSections("idva");
  request.set_within_hours(2);
  const auto ask = [&](const char* id) {
    (*warrant).set_ends_ms(absl::ToUnixMillis(log_.now + absl::Hours(1)));
    PutWarrant();
    request.set_request_id(id);
    const auto asked = Ask(request);
    EXPECT_EQ(asked.status(), absl::OkStatus());
    EXPECT_EQ(asked->disclosure.due_at_ms(), (*warrant).ends_ms());
    return asked->index;
  };
  const uint64_t unanswered = ask("asks-sections-1");
  Sweep(absl::FromUnixMillis((*warrant).ends_ms()) + absl::Seconds(3));  // A clock is seldom there at the very moment.
  EXPECT_TRUE(Now(unanswered).overdue());
  EXPECT_EQ(EntriesOfType(type::v1::EVENT_TYPE_DISCLOSURE_OVERDUE), 1);
  EXPECT_THAT(Listed(Desk("idva"), /*open_only=*/true), IsEmpty()) << "nor can it be answered any more";
  const uint64_t suspended = ask("asks-sections-2");
  (*warrant).set_state(inspection::v1::WARRANT_STATE_SUSPENDED);
  PutWarrant();
  Sweep(absl::FromUnixMillis((*warrant).ends_ms()));
  EXPECT_FALSE(Now(suspended).overdue()) << "nobody could answer it";
  EXPECT_EQ(EntriesOfType(type::v1::EVENT_TYPE_DISCLOSURE_OVERDUE), 1);
}

TEST_F(DisclosureCollectTest, ContentGoesThirtyDaysAfterTheWarrantsEnd) {
  const auto persons = Ask(ForPersons("idva"));
  ASSERT_EQ(persons.status(), absl::OkStatus());
  ASSERT_EQ(Answer(persons->disclosure, {Whole()}).status(), absl::OkStatus());
  EXPECT_EQ(EntriesOfType(type::v1::EVENT_TYPE_DISCLOSURE_OVERDUE), 0);
  const absl::Time gone = absl::FromUnixMillis((*warrant).ends_ms()) + kDisclosedKept;
  Sweep(gone - absl::Milliseconds(1));
  const auto read = [&] {
    const auto view = log_.View();
    return **LoadDisclosure(SealedReaderOf(view), persons->index);
  };
  EXPECT_FALSE(read().gone());
  EXPECT_FALSE(read().persons().empty());
  EXPECT_EQ(Sweep(gone), 1);
  const auto stored = read();
  EXPECT_TRUE(stored.gone());
  EXPECT_TRUE(stored.persons().empty());
  EXPECT_FALSE((*log_.store().Get(kFamilyDisclosed, DisclosedKey(persons->index, 0))).has_value());
  EXPECT_EQ(Sweep(gone + absl::Hours(24 * 365)), 0) << "and that was all";
  EXPECT_EQ(EntriesOfType(type::v1::EVENT_TYPE_DISCLOSURE_OVERDUE), 0) << "it was answered";
  EXPECT_EQ(TellCollect(persons->index), "ERASED");
  const auto view = log_.View();
  EXPECT_EQ(ToldOf(ReadDisclosedPart(view, stored, 0).status()), "ERASED");
  EXPECT_THAT(Listed(Inspector()), ElementsAre(persons->index)) << "that it was asked and answered stays";
}

TEST_F(DisclosureCollectTest, AWarrantThatIsEndedEarlyTakesItWithItThatMuchEarlier) {
  const Disclosure asked = Asked("idva");
  ASSERT_EQ(Answer(asked, {Part(Id('a'))}).status(), absl::OkStatus());
  const Disclosure open = Asked("police", "asks-sections-2");
  const absl::Time ended = log_.now + absl::Hours(36);
  Sweep(ended);
  log_.now = ended;
  (*warrant).set_state(inspection::v1::WARRANT_STATE_ENDED);
  warrant.stored.set_ended_at_ms(absl::ToUnixMillis(ended));
  PutWarrant();
  EXPECT_THAT(Listed(Desk("police"), /*open_only=*/true), IsEmpty()) << "nobody may answer it any more";
  Sweep(ended + kDisclosedKept - absl::Milliseconds(1));
  EXPECT_TRUE((*log_.store().Get(kFamilyDisclosed, DisclosedKey(asked.number(), 0))).has_value());
  EXPECT_EQ(EntriesOfType(type::v1::EVENT_TYPE_DISCLOSURE_OVERDUE), 0);
  Sweep(ended + kDisclosedKept);
  EXPECT_FALSE((*log_.store().Get(kFamilyDisclosed, DisclosedKey(asked.number(), 0))).has_value());
}

TEST_F(DisclosureCollectTest, EachListsWhatConcernsItTheNewestFirst) {
  const Disclosure of_idva = Asked("idva"), of_police = Asked("police", "asks-sections-2"), of_childrens = Asked("childrens", "asks-sections-3");
  ASSERT_EQ(Answer(of_police, {Part(Id('c'))}).status(), absl::OkStatus());
  const uint64_t a = of_idva.number(), b = of_police.number(), c = of_childrens.number();
  for (const int size : {1, 2, 50}) {
    EXPECT_THAT(Listed(Inspector(), false, size), ElementsAre(c, b, a)) << size;
    EXPECT_THAT(Listed(TestingAdministrator("alice"), false, size), ElementsAre(c, b, a));
    EXPECT_THAT(Listed(Inspector("olga"), true, size), ElementsAre(c, a)) << "of the same body";
  }
  EXPECT_THAT(Listed(Inspector("carl")), IsEmpty());
  EXPECT_THAT(Listed(Desk("idva")), ElementsAre(a));
  EXPECT_THAT(Listed(Desk("childrens", type::v1::DESK_CONFIDENTIAL)), ElementsAre(c));
  EXPECT_THAT(Listed(Desk("childrens")), IsEmpty());
  EXPECT_THAT(Listed(Desk("health")), IsEmpty());
  const auto view = log_.View();
  const auto page = ListDisclosures(view, Inspector(), std::nullopt, false, 1, log_.now);
  EXPECT_TRUE(page->disclosures.front().sealing_certificate().empty());
  const auto sealed_reader = SealedReaderOf(view);
  EXPECT_EQ(*CountOpenDisclosures(log_.store(), sealed_reader, "childrens", log_.now), 1u);
  EXPECT_EQ(*CountOpenDisclosures(log_.store(), sealed_reader, "police", log_.now), 0u);
  (*warrant).add_officers("ines");
  PutWarrant();
  EXPECT_THAT(Listed(Inspector("olga")), IsEmpty()) << "a warrant that names officers is theirs";
  const absl::Time end = absl::FromUnixMillis((*warrant).ends_ms());
  EXPECT_EQ(*CountOpenDisclosures(log_.store(), sealed_reader, "childrens", end), 0u);
}

TEST_F(DisclosureCollectTest, AReferralThatIsErasedTakesItsDisclosuresWithIt) {
  const Disclosure asked = Asked("idva");
  ASSERT_EQ(Answer(asked, {Part(Id('a')), Part(Id('b'))}).status(), absl::OkStatus());
  const Disclosure open = Asked("police", "asks-sections-2");
  const auto records = Ask(ForRecords("police"));
  ASSERT_EQ(records.status(), absl::OkStatus());
  const auto under_way = Collect(asked.number());
  ASSERT_EQ(under_way.status(), absl::OkStatus());
  Erase();
  {
    const auto view = log_.View();
    EXPECT_EQ(ToldOf(CollectionOf(view, *under_way).status()), "ERASED") << "what is on its way ends there";
    EXPECT_EQ(ToldOf(ReadDisclosedPart(view, *under_way, 0).status()), "ERASED");
  }
  for (const uint64_t number : {asked.number(), open.number()}) {
    EXPECT_FALSE((*log_.store().Get(kFamilyDisclosure, KeyU64(number))).has_value());
    EXPECT_EQ(TellCollect(number), "ERASED");
    EXPECT_EQ(TellCollect(number, "carl"), "DISCLOSURE_NOT_FOUND") << "who knew nothing of it hears nothing";
  }
  for (const uint32_t part : {0u, 1u}) EXPECT_FALSE((*log_.store().Get(kFamilyDisclosed, DisclosedKey(asked.number(), part))).has_value());
  EXPECT_FALSE((*log_.store().Get(kFamilyRequest, RequestKey("inspector/ines", "asks-sections-1"))).has_value());
  EXPECT_FALSE((*log_.store().Get(kFamilyRequest, RequestKey("agency/idva", "answers-1"))).has_value());
  EXPECT_EQ(ToldOf(Answer(open, {}).status()), "ERASED");
  EXPECT_THAT(Listed(Inspector()), ElementsAre(records->index)) << "left out, and the others are there";
  EXPECT_THAT(Listed(Desk("police"), true), ElementsAre(records->index));
  {
    const auto view = log_.View();
    EXPECT_EQ(ToldOf(GetDisclosure(view, Desk("police"), open.number()).status()), "ERASED");
    EXPECT_EQ(ToldOf(GetDisclosure(view, Desk("housing"), open.number()).status()), "DISCLOSURE_NOT_FOUND");
  }
  EXPECT_EQ(TellAsk(ForSections("idva")), "ERASED");
  EXPECT_GT(Sweep(log_.now + absl::Hours(24 * 90)), 0) << "the clock of the one that is left";
}

// The index of the record finds what was asked of an agency by it, whoever acted.
TEST_F(DisclosureCollectTest, AnAgencyThatIsAskedIsOneThatTheEntryConcerns) {
  const TrailKeys keys(std::string(32, 'k'));
  const EntryParts parts = Entry(Asked("idva").number());
  EXPECT_THAT(AgenciesOf(parts, nullptr), ::testing::UnorderedElementsAre("police", "idva"));
  EXPECT_THAT(KeysOf(keys, parts, nullptr), ::testing::Contains(keys.Of(kByAgencyEvent, AgencyEventValue("idva", type::v1::EVENT_TYPE_DISCLOSURE_REQUESTED))));
}

}  // namespace
}  // namespace accord::broker
