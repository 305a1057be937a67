// Every row of who may open what, and above all what nobody is given.
#include "services/broker/trails/receipts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"

namespace accord::broker::receipts_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace type::v1;  // NOLINT: event types by name.

Caller Agency(const std::string& id) {
  return {options::v1::CALLER_AGENCY, id, "agency/" + id, std::string(32, 'c')};
}
const Caller kAdmin = {options::v1::CALLER_ADMIN, "alice", "admin/alice", std::string(32, 'c')};
const Caller kInspector = {options::v1::CALLER_INSPECTOR, "ines", "inspector/ines", std::string(32, 'c')};

// An entry of all four parts, as the police's referral has them.
struct Entry {
  EventType type = EVENT_TYPE_REFERRAL_STORED;
  std::string actor = "agency/police";
  std::string sender = "police";
  std::string recipient;
  bool about_referral = true;
  Desk desk = DESK_UNSPECIFIED;
  std::string warrant;   // Under which it was made.
  std::string concerns;

  storage::v1::StoredOpenings Openings() const {
    storage::v1::StoredOpenings stored;
    const auto add = [&](const char* label, const google::protobuf::MessageLite& part) {
      auto& opening = *stored.add_openings();
      opening.set_label(label);
      opening.set_salt(std::string(32, 's'));
      opening.set_content(part.SerializeAsString());
    };
    EntryEvent event;
    event.set_type(type);
    event.set_warrant(warrant);
    event.set_concerns(concerns);
    add("event", event);
    EntryActor who;
    who.set_principal(actor);
    add("actor", who);
    EntryReferral about;
    if (about_referral) about.set_header_digest(std::string(32, 'h'));
    about.set_sender(sender);
    about.set_recipient(recipient);
    about.set_desk(desk);
    add("referral", about);
    EntryDecisions decisions;
    decisions.set_decision_digest(std::string(32, 'd'));
    add("decisions", decisions);
    return stored;
  }
};

std::vector<std::string> Given(const Entry& entry, const Caller& viewer) {
  std::vector<std::string> labels;
  for (const auto& opening : OpeningsFor(entry.Openings(), viewer)) labels.push_back(opening.label());
  return labels;
}

// Every value, those of a later version too.
std::vector<EventType> AllTypes() {
  std::vector<EventType> all;
  const auto& descriptor = *google::protobuf::GetEnumDescriptor<EventType>();
  for (int i = 0; i < descriptor.value_count(); ++i) all.push_back(static_cast<EventType>(descriptor.value(i)->number()));
  return all;
}

TEST(OpeningsForTest, AnAdministratorAndTheSenderGetAll) {
  for (const EventType type : AllTypes()) {
    const Entry entry{.type = type, .actor = "agency/idva", .recipient = "idva"};
    EXPECT_THAT(Given(entry, kAdmin), ElementsAre("event", "actor", "referral", "decisions"));
    if (type == EVENT_TYPE_CASE_FLAGGED) continue;
    EXPECT_THAT(Given(entry, Agency("police")), ElementsAre("event", "actor", "referral", "decisions"));
  }
}

TEST(OpeningsForTest, WhatIsFoundAboutCasesIsOpenedToNoAgency) {
  const Entry entry{.type = EVENT_TYPE_CASE_FLAGGED, .actor = "agency/idva", .recipient = "idva"};
  EXPECT_THAT(Given(entry, Agency("police")), IsEmpty()) << "its sender";
  EXPECT_THAT(Given(entry, Agency("idva")), IsEmpty());
}

TEST(OpeningsForTest, AnInspectorGetsWhatItAskedItselfAndNothingElse) {
  const std::vector<std::string> question = {"event", "actor"}, nothing;
  for (const EventType type : AllTypes()) {
    const bool asks = type == EVENT_TYPE_TRAIL_QUERIED || type == EVENT_TYPE_QUESTION_ASKED || type == EVENT_TYPE_SAMPLE_DRAWN || type == EVENT_TYPE_BUNDLE_EXPORTED;
    for (const std::string warrant : {"", "jtai-1"}) {
      EXPECT_EQ(Given({.type = type, .actor = "inspector/ines", .warrant = warrant}, kInspector), asks ? question : nothing) << type;
      for (const std::string other : {"inspector/iris", "inspector/inesa", "admin/ines", "agency/ines"}) {
        EXPECT_THAT(Given({.type = type, .actor = other, .warrant = warrant}, kInspector), IsEmpty()) << type << other;
      }
    }
  }
}

TEST(OpeningsForTest, AnInspectorWithoutAWarrantAndAStrangerGetNothing) {
  for (const EventType type : AllTypes()) {
    for (const char* recipient : {"", "idva"}) {
      const Entry entry{.type = type, .recipient = recipient};
      EXPECT_THAT(Given(entry, kInspector), IsEmpty());
      EXPECT_THAT(Given(entry, Agency("housing")), IsEmpty()) << type;
      EXPECT_THAT(Given(entry, {options::v1::CALLER_UNSPECIFIED, "police", "police", ""}), IsEmpty());
    }
  }
}

TEST(OpeningsForTest, ARecipientGetsWhatConcernsItselfAndNeverDecisions) {
  for (const EventType type : AllTypes()) {
    const bool concerns = type == EVENT_TYPE_RELEASED || type == EVENT_TYPE_DELIVERED ||
                          type == EVENT_TYPE_DELIVERY_NACKED || type == EVENT_TYPE_DEAD_LETTER ||
                          type == EVENT_TYPE_STATEMENT || type == EVENT_TYPE_REFERRAL_READ ||
                          type == EVENT_TYPE_TRAIL_QUERIED || type == EVENT_TYPE_HOLD_DELIVERED ||
                          type == EVENT_TYPE_HOLD_ANSWERED || type == EVENT_TYPE_DUTY_ALERTED ||
                          type == EVENT_TYPE_LINK_PROPOSED;
    const auto others = Given({.type = type, .actor = "broker", .recipient = "idva"}, Agency("idva"));
    const auto own = Given({.type = type, .actor = "agency/idva/inbox", .recipient = "idva"}, Agency("idva"));
    if (type == EVENT_TYPE_DEAD_LETTER_REQUEUED || type == EVENT_TYPE_DEAD_LETTER_DISCARDED) {
      EXPECT_THAT(others, IsEmpty()) << type;
      EXPECT_THAT(own, ElementsAre("event", "actor", "referral")) << type;
    } else if (!concerns) {
      EXPECT_THAT(others, IsEmpty()) << type;
      EXPECT_THAT(own, IsEmpty()) << type;
    } else {
      EXPECT_THAT(others, ElementsAre("event", "referral")) << type;
      if (type == EVENT_TYPE_RELEASED) {
        EXPECT_THAT(own, ElementsAre("event", "referral"));
      } else {
        EXPECT_THAT(own, ElementsAre("event", "actor", "referral")) << type;
      }
    }
  }
}

// The stored entry has the digest of every section; a withholding tells of what was kept back.
TEST(OpeningsForTest, ARecipientGetsNothingOfStoredAndWithheld) {
  EXPECT_THAT(Given({.type = EVENT_TYPE_REFERRAL_STORED}, Agency("idva")), IsEmpty());
  EXPECT_THAT(Given({.type = EVENT_TYPE_REFERRAL_STORED, .recipient = "idva"}, Agency("idva")), IsEmpty());
  EXPECT_THAT(
      Given({.type = EVENT_TYPE_WITHHELD_AT_RELEASE, .actor = "broker", .recipient = "idva"}, Agency("idva")),
      IsEmpty());
}

TEST(OpeningsForTest, OneRecipientGetsNothingOfAnother) {
  for (const EventType type : AllTypes()) {
    EXPECT_THAT(Given({.type = type, .actor = "agency/idva", .recipient = "idva"}, Agency("housing")),
                IsEmpty())
        << type;
  }
}

TEST(OpeningsForTest, EachDeskGetsWhatIsAddressedToItAlone) {
  Caller confidential = Agency("idva");
  confidential.desk = DESK_CONFIDENTIAL;
  for (const EventType type : AllTypes()) {
    // Also when the desk acted: both are the agency to whoever looks at the principal alone.
    for (const std::string actor : {"agency/police", "agency/idva"}) {
      EXPECT_THAT(Given({.type = type, .actor = actor, .recipient = "idva", .desk = DESK_CONFIDENTIAL}, Agency("idva")), IsEmpty());
      EXPECT_THAT(Given({.type = type, .actor = actor, .recipient = "idva", .desk = DESK_MAIN}, confidential), IsEmpty());
      EXPECT_THAT(Given({.type = type, .actor = actor, .recipient = "idva"}, confidential), IsEmpty());
    }
  }
  EXPECT_THAT(Given({.type = EVENT_TYPE_RELEASED, .recipient = "idva", .desk = DESK_CONFIDENTIAL}, confidential), ElementsAre("event", "referral"));
  EXPECT_THAT(Given({.type = EVENT_TYPE_RELEASED, .recipient = "idva", .desk = DESK_MAIN}, Agency("idva")), ElementsAre("event", "referral"));
}

// Whoever is asked knows that it was, at the desk that was asked; every other party of the referral, its sender too, nothing.
TEST(OpeningsForTest, UnderAWarrantOnlyWhoIsAskedForADisclosureGetsAnything) {
  Caller confidential = Agency("idva");
  confidential.desk = DESK_CONFIDENTIAL;
  for (const EventType type : AllTypes()) {
    for (const Desk desk : {DESK_UNSPECIFIED, DESK_MAIN, DESK_CONFIDENTIAL}) {
      for (const std::string actor : {"inspector/ines", "agency/idva"}) {
        const Entry entry{.type = type, .actor = actor, .recipient = "housing", .desk = desk, .warrant = "jtai-1", .concerns = "agency/idva"};
        const bool disclosure = type == EVENT_TYPE_DISCLOSURE_REQUESTED || type == EVENT_TYPE_DISCLOSURE_ANSWERED ||
                                type == EVENT_TYPE_DISCLOSURE_OVERDUE || type == EVENT_TYPE_DISCLOSURE_READ;
        const std::vector<std::string> opened = {"event", "actor", "referral"}, nothing;
        EXPECT_EQ(Given(entry, Agency("idva")), disclosure && desk != DESK_CONFIDENTIAL ? opened : nothing) << type;
        EXPECT_EQ(Given(entry, confidential), disclosure && desk == DESK_CONFIDENTIAL ? opened : nothing) << type;
        for (const char* other : {"police", "housing", "idv", "idva-north"}) EXPECT_THAT(Given(entry, Agency(other)), IsEmpty()) << type << other;
      }
    }
  }
}

TEST(OpeningsForTest, AnActorGetsItsOwnActs) {
  // A preview names no referral: its decisions were the answer.
  const Entry preview{.type = EVENT_TYPE_PREVIEWED, .sender = "", .about_referral = false};
  EXPECT_THAT(Given(preview, Agency("police")), ElementsAre("event", "actor", "referral", "decisions"));
  EXPECT_THAT(Given(preview, Agency("idva")), IsEmpty());
  // Of another's referral no decisions, even where the entry forgets to name the recipient.
  EXPECT_THAT(Given({.type = EVENT_TYPE_REFERRAL_READ, .actor = "agency/idva"}, Agency("idva")),
              ElementsAre("event", "actor", "referral"));
}

TEST(OpeningsForTest, TakesNoAgencyForOneWhoseIdItsOwnBegins) {
  EXPECT_THAT(Given({.type = EVENT_TYPE_PREVIEWED,
                     .actor = "agency/police-north",
                     .sender = "",
                     .about_referral = false},
                    Agency("police")),
              IsEmpty());
  EXPECT_THAT(
      Given({.type = EVENT_TYPE_PREVIEWED, .actor = "admin/police", .sender = "", .about_referral = false},
            Agency("police")),
      IsEmpty());
  EXPECT_THAT(Given({.sender = "", .recipient = ""}, Agency("")), IsEmpty());
}

TEST(OpeningsForTest, GivesAnAgencyNothingOfWhatDoesNotParse) {
  auto stored = Entry().Openings();
  stored.mutable_openings(1)->set_content("\xff");
  EXPECT_THAT(OpeningsFor(stored, Agency("police")), IsEmpty());
  EXPECT_EQ(OpeningsFor(stored, kAdmin).size(), 4u);
  stored = Entry().Openings();
  stored.mutable_openings()->DeleteSubrange(0, 1);  // No event: nothing says what it is.
  EXPECT_THAT(OpeningsFor(stored, Agency("police")), IsEmpty());
  EXPECT_THAT(OpeningsFor({}, Agency("police")), IsEmpty());
}

// Otherwise an approver, who may ask for no trail, or who is barred from all would have every one of them, entry by entry and unrecorded.
TEST(ReceiptOpeningsForTest, AnAdministratorGetsItsOwnActsAndThoseOfAdministrationAlone) {
  const std::string administration(16, 'a'), referral(16, 'r');
  const auto given = [&](const Entry& entry, const std::vector<std::string>& chains, const Caller& viewer, const std::string& hold = "") {
    StoredEntry stored;
    for (const std::string& pseudonym : chains) stored.parsed.chains.push_back({pseudonym, 0, ledger::kNoPreviousIndex});
    stored.openings = entry.Openings();
    stored.parts = *ReadParts(stored.openings);
    if (chains[0] == administration) {  // As those are: of no referral, save what is done about a hold.
      stored.openings.mutable_openings()->DeleteSubrange(2, 2);
      stored.parts.event->set_hold(hold);
      if (hold.empty() || hold == "set") stored.parts.referral.reset();
    }
    std::vector<std::string> labels;
    for (const auto& opening : ReceiptOpeningsFor(stored, administration, viewer)) labels.push_back(opening.label());
    return labels;
  };
  for (const EventType type : AllTypes()) {
    const Entry entry{.type = type, .recipient = "idva"};
    EXPECT_THAT(given(entry, {referral}, kAdmin), IsEmpty()) << type;
    EXPECT_THAT(given({.type = type, .actor = "admin/bob", .about_referral = false}, {referral}, kAdmin), IsEmpty()) << "another's question";
    EXPECT_THAT(given({.type = type, .actor = "admin/alice-2"}, {referral}, kAdmin), IsEmpty()) << "whose id its own begins";
    EXPECT_THAT(given({.type = type, .actor = "admin/alice"}, {referral}, kAdmin), ElementsAre("event", "actor", "referral", "decisions"));
    if (type != EVENT_TYPE_CASE_FLAGGED) {
      EXPECT_THAT(given(entry, {referral}, Agency("police")), ElementsAre("event", "actor", "referral", "decisions")) << "its sender, as ever";
    }
  }
  const Entry change{.type = EVENT_TYPE_CHANGE_APPROVED, .actor = "admin/bob"};
  EXPECT_THAT(given(change, {administration}, kAdmin), ElementsAre("event", "actor"));
  EXPECT_THAT(given(change, {administration}, kInspector), IsEmpty());
  const Entry held{.type = EVENT_TYPE_HOLD_SET, .actor = "admin/bob"};
  EXPECT_THAT(given(held, {administration, referral}, kAdmin), IsEmpty()) << "a hold of a case";
  EXPECT_THAT(given(held, {administration}, kAdmin, "set"), IsEmpty()) << "a hold of referrals";
  EXPECT_THAT(given({.type = EVENT_TYPE_RELEASED, .actor = "agency/idva"}, {administration}, kAdmin, "told"), IsEmpty());
}

TEST(ReadPartsTest, IsStrict) {
  auto stored = Entry().Openings();
  const std::vector<Opening> openings(stored.openings().begin(), stored.openings().end());
  const auto parts = ReadParts(openings);
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ(parts->referral->sender(), "police");
  EXPECT_TRUE(parts->decisions.has_value());
  auto twice = openings;
  twice.push_back(openings[0]);
  EXPECT_TRUE(HasReason(ReadParts(twice).status(), Reason::kStoreCorrupt));
  auto unknown = openings;
  unknown[0].set_label("case");
  EXPECT_TRUE(HasReason(ReadParts(unknown).status(), Reason::kStoreCorrupt));
}

}  // namespace
}  // namespace accord::broker::receipts_test
