// Goal: an agency's authorising officer releases what was asked for and the agency has, for the inspector alone, or refuses; once; and the record says
// so, before the clock or after it.
#include "services/broker/disclosures/answer.h"

#include <gmock/gmock.h>

#include <functional>

#include "services/broker/admission/uploads.h"
#include "services/broker/disclosures/testing_disclosure.h"

namespace accord::broker {
namespace {

using inspection::v1::Disclosure;
using type::v1::DisclosureStatement;
using type::v1::SealedSection;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DisclosureAnswerTest : public DisclosureFixture {
 protected:
  Disclosure Asked(const inspection::v1::RequestDisclosureRequest& request) {
    const auto asked = Ask(request);
    EXPECT_EQ(asked.status(), absl::OkStatus());
    return asked->disclosure;
  }
  std::string TellAnswer(const Disclosure& asked, const std::vector<SealedSection>& parts,
                         const std::function<void(DisclosureStatement&)>& alter = [](auto&) {}) {
    auto said = Saying(asked, parts);
    alter(said);
    return ToldOf(Answer(said, parts, Desk(asked.agency(), asked.desk())).status());
  }
  absl::Status Upload(const Caller& caller, const std::string& request_id, const std::string& cms) {
    absl::Status told = absl::UnknownError("not done");
    UploadCommand command(caller, request_id, crypto::Sha256(cms), cms, linker, [&](const absl::Status& status) { told = status; });
    Run(command);
    return told;
  }
  const CaseLinker linker{crypto::SecretBytes(std::string(32, 'c'))};
};

TEST_F(DisclosureAnswerTest, SectionsAreReleasedAsTheyWereSignedForTheInspectorAlone) {
  const Disclosure asked = Asked(ForSections("idva"));
  EXPECT_THAT(Listed(Desk("idva"), /*open_only=*/true), ElementsAre(asked.number()));
  const std::vector<SealedSection> parts = {Part(Id('b')), Part(Id('a'))};
  const auto answered = Answer(asked, parts);
  ASSERT_EQ(answered.status(), absl::OkStatus());
  EXPECT_EQ(answered->disclosure.answer(), type::v1::DISCLOSURE_ANSWER_RELEASED);
  EXPECT_EQ(answered->disclosure.answered_index(), answered->index);
  EXPECT_EQ(answered->disclosure.parts(), 2u);
  EXPECT_FALSE(answered->disclosure.overdue());
  EXPECT_THAT(Listed(Desk("idva"), /*open_only=*/true), IsEmpty());
  EXPECT_THAT(Listed(Desk("idva")), ElementsAre(asked.number()));

  const EntryParts entry = Entry(answered->index);
  EXPECT_EQ(entry.event->type(), type::v1::EVENT_TYPE_DISCLOSURE_ANSWERED);
  EXPECT_EQ(entry.event->warrant(), "jtai-1");
  EXPECT_EQ(entry.event->concerns(), "agency/idva");
  EXPECT_EQ(entry.event->disclosure(), asked.number());
  EXPECT_EQ(entry.event->disclosure_answer(), type::v1::DISCLOSURE_ANSWER_RELEASED);
  EXPECT_EQ(entry.event->count(), 2u);
  EXPECT_EQ(entry.actor->principal(), "agency/idva");
  EXPECT_EQ(entry.actor->worker().pseudonym(), "dpo-1");
  EXPECT_EQ(entry.referral->header_digest(), digest);
  EXPECT_EQ(entry.referral->statement_digest().size(), 32u);
  EXPECT_THAT(entry.referral->section_digests(), ElementsAre(crypto::cms::Parse(parts[0].cms())->digest, crypto::cms::Parse(parts[1].cms())->digest));
  const auto view = log_.View();
  EXPECT_THAT(ChainsAt(answered->index), ::testing::UnorderedElementsAre(Stored().chain(), case_id, warrant.stored.chain()));
  // Its receipt opens for who answered, and for no other party.
  EXPECT_THAT(MakeReceipt(view, answered->index, Desk("idva"))->openings(), ::testing::SizeIs(3));
  EXPECT_THAT(MakeReceipt(view, answered->index, Desk("police"))->openings(), IsEmpty());

  const auto stored = LoadDisclosure(SealedReaderOf(view), asked.number());
  EXPECT_THAT((*stored)->section_ids(), ElementsAre(Id('b'), Id('a')));
  EXPECT_EQ(*ReadDisclosedPart(view, **stored, 0), parts[0].cms());
  EXPECT_EQ(*ReadDisclosedPart(view, **stored, 1), parts[1].cms());
  EXPECT_NE(*log_.store().Get(kFamilyDisclosed, DisclosedKey(asked.number(), 0)), parts[0].cms()) << "sealed once more, under the referral's key";
}

TEST_F(DisclosureAnswerTest, AnAnswerStandsOnce) {
  const Disclosure asked = Asked(ForSections("police"));
  const std::vector<SealedSection> parts = {Part(Id('c'))};
  const auto said = Saying(asked, parts);
  // Signed once, as an agency's outbox has it.
  const auto document = *referral::SignDisclosureStatement(said, SignerOf(said));
  const auto send = [&] {
    absl::StatusOr<DisclosureOutcome> got = absl::UnknownError("not done");
    google::protobuf::RepeatedPtrField<SealedSection> brought(parts.begin(), parts.end());
    AnswerDisclosureCommand command(work, Desk("police"), "/answers",
                                    {document, *referral::ParseDisclosureStatement(document), referral::DigestOf(document), "certificate"},
                                    *ReadDisclosedParts(*referral::ParseDisclosureStatement(document), brought), [&](auto outcome) { got = std::move(outcome); });
    Run(command);
    return got;
  };
  const auto first = send();
  ASSERT_EQ(first.status(), absl::OkStatus());
  const uint64_t size = Size();
  const auto again = send();
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->index, first->index);
  EXPECT_EQ(Size(), size);
  EXPECT_EQ(TellAnswer(asked, {}), "REQUEST_ID_REUSED");
  EXPECT_EQ(TellAnswer(asked, {}, [](auto& one) { one.set_request_id("answers-2"); }), "TRANSITION_ILLEGAL DISCLOSURE_ANSWER_RELEASED");
  // Who is barred since answers nothing more; what was answered before is told again.
  storage::v1::StoredConflictList barred;
  barred.add_workers("dpo-1");
  log_.store().Put(kFamilyPolicy, ConflictListKey("police"), barred.SerializeAsString());
  Reload();
  EXPECT_EQ(TellAnswer(asked, {}, [](auto& one) { one.set_request_id("answers-2"); }), "NOT_PERMITTED");
  EXPECT_EQ(send()->index, first->index);
  EXPECT_EQ(Size(), size);
}

TEST_F(DisclosureAnswerTest, ItMayBeRefusedWithAGround) {
  const Disclosure asked = Asked(ForSections("idva"));
  const auto refused = Answer(asked, {});
  ASSERT_EQ(refused.status(), absl::OkStatus());
  EXPECT_EQ(refused->disclosure.ground(), type::v1::DISCLOSURE_GROUND_LEGAL_PRIVILEGE);
  EXPECT_EQ(refused->disclosure.parts(), 0u);
  EXPECT_EQ(Entry(refused->index).event->disclosure_ground(), type::v1::DISCLOSURE_GROUND_LEGAL_PRIVILEGE);
  EXPECT_EQ(Entry(refused->index).event->count(), 0u);
}

TEST_F(DisclosureAnswerTest, AnAnswerMayComeLate) {
  const Disclosure asked = Asked(ForSections("idva"));
  log_.now = absl::FromUnixMillis(asked.due_at_ms());
  EXPECT_EQ(Sweep(log_.now), 1);
  log_.now += absl::Hours(5);
  const auto answered = Answer(asked, {Part(Id('a'))});
  ASSERT_EQ(answered.status(), absl::OkStatus());
  EXPECT_TRUE(answered->disclosure.overdue()) << "and that it did stays";
}

TEST_F(DisclosureAnswerTest, WhoAnswersForWhatIsJudged) {
  auto request = ForSections("idva");
  request.add_categories(type::v1::CATEGORY_RISK);
  const Disclosure asked = Asked(request);
  const auto good = std::vector{Part(Id('b'))};
  EXPECT_EQ(TellAnswer(asked, good, [](auto& one) { one.mutable_worker()->set_role(type::v1::WORKER_ROLE_SUPERVISOR); }), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(TellAnswer(asked, good, [](auto& one) { one.set_agency("police"); }), "SENDER_MISMATCH");
  EXPECT_EQ(TellAnswer(asked, good, [](auto& one) { one.set_warrant("jtai-2"); }), "FIELD_INVALID statement.warrant");
  EXPECT_EQ(TellAnswer(asked, good, [](auto& one) { one.set_inspector("olga"); }), "FIELD_INVALID statement.inspector");
  EXPECT_EQ(TellAnswer(asked, {Whole()}, [](auto& one) { one.set_kind(type::v1::DISCLOSURE_KIND_PERSONS); }), "FIELD_INVALID statement.kind");
  EXPECT_EQ(TellAnswer(asked, good, [](auto& one) { one.set_disclosure(one.disclosure() + 1); }), "DISCLOSURE_NOT_FOUND");
  EXPECT_EQ(ToldOf(Answer(Saying(asked, good), good, Desk("police")).status()), "DISCLOSURE_NOT_FOUND") << "another agency's";
  EXPECT_EQ(ToldOf(Answer(Saying(asked, good), good, Desk("idva", type::v1::DESK_CONFIDENTIAL)).status()), "DISCLOSURE_NOT_FOUND") << "another desk's";
  signing_stands = false;  // Since the answer was verified.
  PutAgency("idva", "E08000012");
  EXPECT_EQ(TellAnswer(asked, good), "SIGNING_KEY_UNKNOWN");
  signing_stands = true;
  PutAgency("idva", "E08000012");
  (*warrant).set_state(inspection::v1::WARRANT_STATE_SUSPENDED);
  PutWarrant();
  EXPECT_EQ(TellAnswer(asked, good), "WARRANT_NOT_ACTIVE WARRANT_STATE_SUSPENDED");
  (*warrant).set_state(inspection::v1::WARRANT_STATE_ENDED);
  PutWarrant();
  EXPECT_EQ(TellAnswer(asked, good), "TRANSITION_ILLEGAL WARRANT_STATE_ENDED");
  (*warrant).set_state(inspection::v1::WARRANT_STATE_ACTIVE);
  PutWarrant();
  log_.now = absl::FromUnixMillis((*warrant).ends_ms());
  EXPECT_EQ(TellAnswer(asked, good), "TRANSITION_ILLEGAL WARRANT_STATE_EXPIRED");
  log_.now -= absl::Milliseconds(1);
  EXPECT_EQ(TellAnswer(asked, good), "OK");
}

TEST_F(DisclosureAnswerTest, NothingElseThanWasAskedForAndIsHeldIsReleased) {
  auto request = ForSections("idva");
  request.add_categories(type::v1::CATEGORY_RISK);
  request.add_categories(type::v1::CATEGORY_HOUSING);
  const Disclosure asked = Asked(request);
  EXPECT_EQ(TellAnswer(asked, {Part(Id('a'))}), "FIELD_INVALID parts") << "of a category that was not asked for";
  EXPECT_EQ(TellAnswer(asked, {Part(Id('c'))}), "NOT_A_HOLDER") << "it was never released to it";
  auto swapped = Part(Id('a'));
  swapped.set_section_id(Id('b'));
  EXPECT_EQ(TellAnswer(asked, {swapped}), "SECTION_DIGEST_MISMATCH") << "another section under its id";
  auto made_up = Whole();
  made_up.set_section_id(Id('b'));
  EXPECT_EQ(TellAnswer(asked, {made_up}), "SECTION_DIGEST_MISMATCH") << "content that nobody signed";
  made_up.set_section_id(Id('z'));
  EXPECT_EQ(TellAnswer(asked, {made_up}), "SECTION_DIGEST_MISMATCH");
  EXPECT_EQ(TellAnswer(asked, {Part(Id('b'))}, [](auto& one) { one.set_parts(0, std::string(32, 'p')); }), "SECTION_DIGEST_MISMATCH") << "not what was signed";
  EXPECT_EQ(TellAnswer(asked, {Part(Id('b'))}, [](auto& one) { one.add_parts(std::string(32, 'p')); }), "FIELD_INVALID parts");
  EXPECT_EQ(TellAnswer(asked, {Part(Id('b'), "idva")}), "SEALING_KEY_UNKNOWN");
  auto wide = Part(Id('b'));
  const auto& police = sealing.at("police");
  wide.set_cms(*crypto::cms::AddRecipient(sealed.at(Id('b')), police.sealing_key(), police.certificate, sealing.at("ines").certificate));
  EXPECT_EQ(TellAnswer(asked, {wide}), "SEALED_TOO_WIDELY");
  log_.store().Put(kFamilyDeny, sealing.at("ines").certificate.public_key_id(), KeyU64(1));
  Reload();
  EXPECT_EQ(TellAnswer(asked, {Part(Id('b'))}), "SEALING_KEY_UNKNOWN") << "lost or stolen since";
}

TEST_F(DisclosureAnswerTest, OfPeopleAndRecordsThereIsOnePart) {
  const auto persons = Ask(ForPersons("idva"));
  ASSERT_EQ(persons.status(), absl::OkStatus());
  auto named = Whole();
  named.set_section_id(Id('a'));
  EXPECT_EQ(TellAnswer(persons->disclosure, {named}), "FIELD_INVALID parts");
  EXPECT_EQ(TellAnswer(persons->disclosure, {Whole("police")}), "SEALING_KEY_UNKNOWN");
  EXPECT_EQ(TellAnswer(persons->disclosure, {Whole()}), "OK");
  const auto records = Ask(ForRecords("police"));
  ASSERT_EQ(records.status(), absl::OkStatus());
  const auto answered = Answer(records->disclosure, {Whole()});
  ASSERT_EQ(answered.status(), absl::OkStatus());
  EXPECT_THAT(answered->disclosure.cases(), IsEmpty());
  EXPECT_THAT(answered->disclosure.referrals(), ElementsAre(digest));
}

TEST_F(DisclosureAnswerTest, PartsMayBeUploadedAhead) {
  const Disclosure asked = Asked(ForSections("police"));
  const std::string cms = Part(Id('a')).cms();
  SealedSection uploaded;
  uploaded.set_section_id(Id('a'));
  uploaded.set_uploaded(crypto::Sha256(cms));
  EXPECT_EQ(TellAnswer(asked, {uploaded}), "UPLOAD_NOT_FOUND");
  ASSERT_EQ(Upload(Desk("police"), "answers-of-another", cms), absl::OkStatus());
  EXPECT_EQ(TellAnswer(asked, {uploaded}), "UPLOAD_NOT_FOUND") << "it waits for another request";
  EXPECT_EQ(TellAnswer(asked, {uploaded}, [](auto& one) { one.set_request_id("answers-of-another"); }), "OK");
  const auto view = log_.View();
  EXPECT_EQ(*ReadDisclosedPart(view, **LoadDisclosure(SealedReaderOf(view), asked.number()), 0), cms);
  EXPECT_FALSE((*log_.store().Get(kFamilyUpload, UploadKey("police", crypto::Sha256(cms)))).has_value()) << "it waits no more";
  SealedSection both = uploaded;
  both.set_cms(cms);
  auto said = Saying(asked, {uploaded});
  EXPECT_EQ(ToldOf(Answer(said, {both}, Desk("police")).status()), "FIELD_INVALID sections.uploaded");
}

}  // namespace
}  // namespace accord::broker
