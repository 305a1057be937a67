// What an agency shows and releases to inspectors: over real stores, with real seals, and a broker that is away, refuses or lies.
#include "common/agent/disclosures.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/agent/testing_disclosures.h"
#include "common/base/status.h"
#include "common/referral/disclosure.h"
#include "common/referral/referral_name.h"

namespace accord::agent::disclosures_test {
namespace {

using namespace type::v1;  // NOLINT: kinds, answers, grounds.
using agency::v1::AnswerDisclosureRequest;

class DisclosuresTest : public DisclosuresFixture {};

TEST_F(DisclosuresTest, ReleasesWhatItSentSoThatTheDigestsStayThoseOfTheHeader) {
  const std::string digest = Push(AboutMiriam("request-1"));
  AskSections(police, digest);
  const auto disclosures = Of(police, broker, clock);
  const auto read = disclosures->Read(Reading());
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->sections_size(), 2);
  EXPECT_EQ(read->sections(0).content().identity().victim().record_number(), "P-4711");
  EXPECT_TRUE(broker.disclosure_answers.empty()) << "nothing leaves by a look";

  const auto answered = disclosures->Answer(Answering(DISCLOSURE_ANSWER_RELEASED));
  ASSERT_TRUE(answered.ok()) << answered.status();
  EXPECT_EQ(answered->disclosure().answer(), DISCLOSURE_ANSWER_RELEASED);
  EXPECT_FALSE(answered->receipt().tlog_proof().empty());
  const auto& sent = broker.disclosure_answers.back();
  EXPECT_TRUE(referral::VerifySignature(sent.statement(), police.keys.signing_key.public_key()).ok());
  const auto submission = police.outbox->Get("request-1")->prepared();
  const std::vector<Opening> openings(submission.openings().begin(), submission.openings().end());
  const auto header = referral::OpenHeader(*referral::ParseHeader(submission.header()), openings);
  ASSERT_EQ(sent.parts_size(), 2);
  for (int at = 0; at < 2; ++at) {
    EXPECT_FALSE(OpenPart(at).empty());
    EXPECT_EQ(crypto::cms::Parse(sent.parts(at).cms())->digest, header->sections[at].part.digest());
  }
  const auto entries = JournalOf(police);
  EXPECT_EQ(entries.at(0).method(), "DisclosureService/AnswerDisclosure");
  EXPECT_EQ(entries.at(0).about(), referral::ReferralName(digest));
  EXPECT_EQ(entries.at(1).method(), "DisclosureService/ReadDisclosure");

  // Asked for again it is answered as it was, also after a restart; another answer under its id is refused, as is one under another.
  police.Restart();
  const auto again = Of(police, broker, clock);
  const auto repeated = again->Answer(Answering(DISCLOSURE_ANSWER_RELEASED));
  ASSERT_TRUE(repeated.ok()) << repeated.status();
  EXPECT_EQ(repeated->receipt().tlog_proof(), answered->receipt().tlog_proof());
  EXPECT_TRUE(HasReason(again->Answer(Answering(DISCLOSURE_ANSWER_REFUSED)).status(), Reason::kRequestIdReused));
  EXPECT_TRUE(HasReason(again->Answer(Answering(DISCLOSURE_ANSWER_REFUSED, "answer-002")).status(), Reason::kTransitionIllegal));
  EXPECT_EQ(broker.disclosure_answers.size(), 1u);
}

TEST_F(DisclosuresTest, ReleasesTheCategoriesAskedForAndTheSectionsChosen) {
  AskSections(police, Push(AboutMiriam("request-1")));
  broker.disclosures[kNumber].mutable_disclosure()->add_categories(CATEGORY_NARRATIVE);
  const auto disclosures = Of(police, broker, clock);
  const auto read = disclosures->Read(Reading());
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->sections_size(), 1);
  EXPECT_EQ(read->sections(0).category(), CATEGORY_NARRATIVE);

  auto request = Answering(DISCLOSURE_ANSWER_RELEASED);
  const auto submission = *police.outbox->Get("request-1");
  for (const auto& section : submission.prepared().sections()) request.add_section_ids(section.section_id());
  EXPECT_TRUE(HasReason(disclosures->Answer(request).status(), Reason::kFieldInvalid)) << "one of them was not asked for";
  request.clear_section_ids();
  request.add_section_ids(read->sections(0).section_id());
  ASSERT_TRUE(disclosures->Answer(request).ok());
  EXPECT_EQ(broker.disclosure_answers.back().parts_size(), 1);

  broker.disclosures[kNumber].mutable_disclosure()->clear_categories();
  broker.disclosures[kNumber].mutable_disclosure()->add_categories(CATEGORY_HEALTH);
  EXPECT_TRUE(HasReason(disclosures->Read(Reading()).status(), Reason::kNotAHolder));
}

TEST_F(DisclosuresTest, ReleasesWhatItReceivedUnderAnEarlierKeyAndLargeFilesBesideTheMessage) {
  type::v1::Attachment file;
  file.set_file_name("statement.pdf");
  file.set_media_type("application/pdf");
  file.set_data("%PDF-1.7\n" + std::string(5'000'000 - 9, 'x'));
  const auto id = police.files->Keep(file);
  ASSERT_TRUE(id.ok()) << id.status();
  Draft draft = AboutMiriam("request-1");
  draft.options.add_attachments(*id);
  AskSections(idva, Arrived(draft));
  // A new key of ours since.
  idva.keys.earlier_sealing.push_back({idva.keys.sealing_key, idva.keys.sealing_certificate});
  const auto fresh = authority.IssueSealing("idva");
  idva.keys.sealing_key = fresh.sealing_key();
  idva.keys.sealing_certificate = fresh.certificate;

  const auto disclosures = Of(idva, broker, clock);
  const auto read = disclosures->Read(Reading());
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->sections_size(), 3);
  EXPECT_TRUE(read->sections(2).content().attachment().data().empty());
  ASSERT_TRUE(disclosures->Answer(Answering(DISCLOSURE_ANSWER_RELEASED)).ok());
  const auto& sent = broker.disclosure_answers.back();
  ASSERT_EQ(sent.parts_size(), 3);
  ASSERT_FALSE(sent.parts(2).uploaded().empty());
  EXPECT_EQ(broker.uploads.at(sent.parts(2).uploaded()).first, "answer-001");
  EXPECT_GT(OpenPart(2).size(), 5u * 1000 * 1000);
  EXPECT_FALSE(OpenPart(0).empty());
  // Nothing of it is left here once the broker has it.
  size_t rows = 0;
  EXPECT_TRUE(idva.store->raw().Scan(kFamilySealed, accord::storage::Prefix(SectionOwner::AllDisclosed().prefix), [&](std::string_view, std::string_view) { return ++rows > 0; }).ok());
  EXPECT_EQ(rows, 0u);
}

TEST_F(DisclosuresTest, TellsToRefuseWhatIsNotHeldAnyMore) {
  const std::string digest = Arrived(AboutMiriam("request-1"));
  AskSections(idva, digest);
  const auto disclosures = Of(idva, broker, clock);
  ASSERT_TRUE(PoliceAct("recall-001", STATEMENT_KIND_RECALL).ok());
  ASSERT_TRUE(idva.inbox->Receive(DeliveryOf(broker.acts.back())).ok());
  EXPECT_TRUE(HasReason(disclosures->Read(Reading()).status(), Reason::kNotAHolder)) << "recalled";
  AskSections(police, digest);
  const auto senders = Of(police, broker, clock);
  EXPECT_TRUE(senders->Read(Reading()).ok());
  ASSERT_TRUE(police.holds->Erase(digest, SomeWorker()).ok());
  EXPECT_TRUE(HasReason(senders->Read(Reading()).status(), Reason::kNotAHolder)) << "erased";
  EXPECT_TRUE(HasReason(senders->Answer(Answering(DISCLOSURE_ANSWER_RELEASED)).status(), Reason::kNotAHolder));
  AskSections(police, std::string(32, 'x'));
  EXPECT_TRUE(HasReason(senders->Read(Reading()).status(), Reason::kNotAHolder)) << "never here";

  auto refusal = Answering(DISCLOSURE_ANSWER_REFUSED);
  refusal.set_ground(DISCLOSURE_GROUND_NOT_HELD);
  const auto refused = senders->Answer(refusal);
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_EQ(refused->disclosure().ground(), DISCLOSURE_GROUND_NOT_HELD);
  EXPECT_TRUE(broker.disclosure_answers.back().parts().empty());
}

TEST_F(DisclosuresTest, SealsForTheInspectorAloneWhomItsOwnAuthorityVouchesFor) {
  AskSections(police, Push(AboutMiriam("request-1")));
  const auto disclosures = Of(police, broker, clock);
  const auto issue = [](const crypto::testing::TestAuthority& by, const std::string& path) {
    return by.Issue({.common_name = "x", .uris = {crypto::testing::SpiffeId(path)}, .key_usage = crypto::kKeyAgreement}).certificate.der();
  };
  const crypto::testing::TestAuthority other("Another Authority");
  for (const std::string& der : {issue(other, "inspector/ines/sealing"), issue(authority, "inspector/ivan/sealing"), issue(authority, "agency/ines/sealing"),
                                 authority.IssueSigning("police").certificate.der(), std::string("no certificate")}) {
    broker.disclosures[kNumber].mutable_disclosure()->set_sealing_certificate(der);
    EXPECT_TRUE(HasReason(disclosures->Answer(Answering(DISCLOSURE_ANSWER_RELEASED)).status(), Reason::kSealingKeyUntrusted));
  }
  EXPECT_TRUE(broker.disclosure_answers.empty());
  EXPECT_TRUE(police.alarm->Check().ok()) << "an inspectorate of another area is no reason to stop sending";
  EXPECT_TRUE(disclosures->Answer(Answering(DISCLOSURE_ANSWER_REFUSED)).ok()) << "it can be refused all the same";
}

TEST_F(DisclosuresTest, AnAuthorisingOfficerAnswersWhoMayKnowOfThePeople) {
  const std::string digest = Push(AboutMiriam("request-1"));
  AskSections(police, digest);
  const auto disclosures = Of(police, broker, clock);
  EXPECT_TRUE(HasReason(disclosures->Read(Reading(SomeWorker())).status(), Reason::kRoleNotAllowed));
  auto request = Answering(DISCLOSURE_ANSWER_RELEASED);
  *request.mutable_worker() = SomeWorker();
  EXPECT_TRUE(HasReason(disclosures->Answer(request).status(), Reason::kRoleNotAllowed));
  EXPECT_EQ(JournalOf(police).at(0).act(), agency::v1::JOURNAL_ACT_REFUSED);
  EXPECT_EQ(JournalOf(police).at(0).reason(), "ROLE_NOT_ALLOWED");

  agency::v1::WorkerRecord record;
  record.set_pseudonym("dpo-1");
  record.add_roles(WORKER_ROLE_AUTHORISING_OFFICER);
  *record.add_conflicts() = Miriam();
  const auto put = police.workers->Put("put-000001", record, SomeWorker(), [&](std::string_view of) { return police.inbox->People(of); });
  ASSERT_TRUE(put.ok()) << put.status();
  EXPECT_TRUE(HasReason(disclosures->Read(Reading()).status(), Reason::kWorkerBarred));
  EXPECT_TRUE(HasReason(disclosures->Answer(Answering(DISCLOSURE_ANSWER_REFUSED)).status(), Reason::kWorkerBarred));
  EXPECT_EQ(JournalOf(police).at(0).reason(), "WORKER_BARRED");
  PersonsQuestion question;
  question.add_persons()->set_mark("row-1");
  *question.mutable_persons(0)->mutable_person() = Miriam();
  AskPersons(police, question);
  EXPECT_TRUE(HasReason(disclosures->Read(Reading()).status(), Reason::kWorkerBarred));
  question.mutable_persons(0)->mutable_person()->Clear();
  question.mutable_persons(0)->mutable_person()->set_record_number("P-4711");  // Whoever that is.
  AskPersons(police, question);
  EXPECT_TRUE(HasReason(disclosures->Read(Reading()).status(), Reason::kWorkerBarred)) << "by what was found";
  Ask(police, DISCLOSURE_KIND_RECORDS).add_referrals(digest);
  EXPECT_TRUE(HasReason(disclosures->Read(Reading()).status(), Reason::kWorkerBarred));
}

TEST_F(DisclosuresTest, FindsPeopleByNumberByNameAndInWhatWasReceived) {
  const std::string first = Arrived(AboutMiriam("request-1"));
  const std::string second = Push(AboutMiriam("request-2"));
  Push(SomeDraft("request-3"));
  PersonsQuestion question;
  const auto ask = [&](const std::string& mark) {
    auto& asked = *question.add_persons();
    asked.set_mark(mark);
    return asked.mutable_person();
  };
  *ask("named") = Miriam();
  ask("number")->set_record_number("P-4711");
  auto& identifier = *ask("identifier")->add_identifiers();
  identifier.set_scheme("crn");
  identifier.set_value("X77");
  *ask("nearly") = Named("Ashdowne", "Miriam", "1990-05-17");
  *ask("nobody") = Named("Clarke", "Jane", "1971-12-30");
  AskPersons(police, question);
  const auto disclosures = Of(police, broker, clock);
  const auto read = disclosures->Read(Reading());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->persons().persons_size(), 5);
  ASSERT_EQ(read->found().persons_size(), 5);
  for (int at = 0; at < 4; ++at) {
    const auto& found = read->found().persons(at);
    ASSERT_EQ(found.referrals_size(), 2) << found.mark();
    EXPECT_EQ(found.referrals(0).referral(), second) << "the newest first";
    EXPECT_EQ(found.referrals(1).request_id(), "request-1");
    EXPECT_EQ(found.referrals(1).record_numbers(0), "P-4711");
    EXPECT_EQ(found.referrals(1).strength(), at == 3 ? MATCH_STRENGTH_WEAK : MATCH_STRENGTH_STRONG) << found.mark();
  }
  EXPECT_EQ(read->found().persons(4).mark(), "nobody");
  EXPECT_TRUE(read->found().persons(4).referrals().empty());

  auto request = Answering(DISCLOSURE_ANSWER_RELEASED);
  request.add_withheld_marks("somebody");
  EXPECT_TRUE(HasReason(disclosures->Answer(request).status(), Reason::kFieldInvalid));
  request.set_withheld_marks(0, "nearly");
  ASSERT_TRUE(disclosures->Answer(request).ok());
  const auto answer = OpenAnswer<PersonsAnswer>(police, DISCLOSURE_KIND_PERSONS);
  EXPECT_EQ(answer.persons(0).referrals_size(), 2);
  EXPECT_TRUE(answer.persons(3).referrals().empty()) << "withheld reads as not known";
  EXPECT_EQ(broker.disclosure_answers.back().parts(0).section_id(), std::string(16, '\0'));

  // At who received it: another's record numbers are not looked for.
  AskPersons(idva, question);
  const auto received = Of(idva, broker, clock)->Read(Reading());
  ASSERT_TRUE(received.ok()) << received.status();
  ASSERT_EQ(received->found().persons(0).referrals_size(), 1);
  EXPECT_EQ(received->found().persons(0).referrals(0).referral(), first);
  EXPECT_TRUE(received->found().persons(0).referrals(0).received());
  EXPECT_TRUE(received->found().persons(1).referrals().empty());
}

TEST_F(DisclosuresTest, OfOnePersonTheNewestHundredReferralsAreTold) {
  PersonsQuestion question;
  question.add_persons()->set_mark("row-1");
  *question.mutable_persons(0)->mutable_person() = Miriam();
  const auto found = [&](Service& of) {
    AskPersons(of, question);
    const auto read = Of(of, broker, clock)->Read(Reading());
    EXPECT_TRUE(read.ok()) << read.status();
    return read.ok() ? read->found().persons(0) : PersonFound();
  };
  std::vector<std::string> digests;
  for (int i = 0; i < referral::kReferralsFoundMax; ++i) digests.push_back(Arrived(AboutMiriam(fmt::format("request-{}", i))));
  for (Service* of : {&police, &idva}) {  // As sent, and as received.
    const PersonFound all = found(*of);
    ASSERT_EQ(all.referrals_size(), 100);
    EXPECT_EQ(all.referrals(0).referral(), digests.back());
    EXPECT_EQ(all.referrals(99).referral(), digests[0]);
  }
  digests.push_back(Arrived(AboutMiriam("request-100")));
  for (Service* of : {&police, &idva}) {
    const PersonFound newest = found(*of);
    ASSERT_EQ(newest.referrals_size(), 100);
    EXPECT_EQ(newest.referrals(0).referral(), digests.back());
    EXPECT_EQ(newest.referrals(99).referral(), digests[1]) << "the oldest is left out";
  }
  // One that was sent beside a hundred that were received.
  Draft own = AboutMiriam("request-own");
  own.recipients = {"police"};
  broker.certificates["police"] = police.keys.sealing_certificate.der();
  ASSERT_TRUE(idva.outbox->Push(own).ok());
  idva.Settle();
  const PersonFound both = found(idva);
  ASSERT_EQ(both.referrals_size(), 100);
  EXPECT_EQ(both.referrals(0).request_id(), "request-own");
  EXPECT_EQ(both.referrals(99).referral(), digests[2]);
}

TEST_F(DisclosuresTest, ReadsNoQuestionThatIsNotOneForThisAgency) {
  PersonsQuestion question;
  question.add_persons()->set_mark("row-1");
  *question.mutable_persons(0)->mutable_person() = Miriam();
  AskPersons(police, question);
  const auto disclosures = Of(police, broker, clock);
  ASSERT_TRUE(disclosures->Read(Reading()).ok());
  broker.disclosures[kNumber].set_asked_request_id("ask-000002");  // Another's question under this number.
  EXPECT_TRUE(HasReason(disclosures->Read(Reading()).status(), Reason::kSectionMalformed));
  broker.disclosures[kNumber].set_persons("");
  EXPECT_TRUE(HasReason(disclosures->Read(Reading()).status(), Reason::kErased));
  AskPersons(idva, question);
  EXPECT_TRUE(HasReason(disclosures->Read(Reading()).status(), Reason::kDisclosureNotFound));
  broker.disclosures[kNumber].mutable_disclosure()->set_agency("police");
  EXPECT_TRUE(HasReason(disclosures->Read(Reading()).status(), Reason::kSealingKeyUnknown));
  EXPECT_TRUE(disclosures->Answer(Answering(DISCLOSURE_ANSWER_REFUSED)).ok()) << "what does not open can be refused";
}

TEST_F(DisclosuresTest, TellsTheRecordNumbersOfReferrals) {
  const std::string kept = Push(AboutMiriam("request-1"));
  const std::string erased = Push(AboutMiriam("request-2"));
  ASSERT_TRUE(police.holds->Erase(erased, SomeWorker()).ok());
  auto& disclosure = Ask(police, DISCLOSURE_KIND_RECORDS);
  for (const std::string& digest : {kept, erased, std::string(32, 'x')}) disclosure.add_referrals(digest);
  const auto disclosures = Of(police, broker, clock);
  ASSERT_TRUE(disclosures->Answer(Answering(DISCLOSURE_ANSWER_RELEASED)).ok());
  const auto answer = OpenAnswer<RecordsAnswer>(police, DISCLOSURE_KIND_RECORDS);
  ASSERT_EQ(answer.referrals_size(), 3);
  EXPECT_EQ(answer.referrals(0).request_id(), "request-1");
  EXPECT_EQ(answer.referrals(0).record_numbers(0), "P-4711");
  EXPECT_FALSE(answer.referrals(0).erased());
  EXPECT_TRUE(answer.referrals(1).erased());
  EXPECT_TRUE(answer.referrals(1).record_numbers().empty());
  EXPECT_EQ(answer.referrals(2).referral(), std::string(32, 'x'));
  EXPECT_FALSE(answer.referrals(2).erased());

  Ask(idva, DISCLOSURE_KIND_RECORDS).clear_referrals();
  broker.disclosures[kNumber].mutable_disclosure()->add_referrals(kept);
  EXPECT_TRUE(HasReason(Of(idva, broker, clock)->Read(Reading()).status(), Reason::kNotAHolder));
}

TEST_F(DisclosuresTest, AnAnswerAboutRecordsHoldsItsLimit) {
  constexpr size_t kRowBytes = referral::kDisclosureContentBytesMax / 32;
  Draft draft = AboutMiriam("request-1");
  // With the digest, the request id, and the tags and lengths of these and of the row.
  const std::string number(kRowBytes - 4 - 34 - 11 - 4, 'n');
  draft.sections[0].content.mutable_identity()->mutable_victim()->set_record_number(number);
  draft.subjects[0].person.set_record_number(number);
  const std::string digest = Push(draft);
  auto& disclosure = Ask(police, DISCLOSURE_KIND_RECORDS);
  disclosure.add_referrals(digest);
  const auto disclosures = Of(police, broker, clock);
  const auto read = disclosures->Read(Reading());
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->records().ByteSizeLong(), kRowBytes);
  for (int i = 1; i < 33; ++i) disclosure.add_referrals(digest);
  EXPECT_TRUE(HasReason(disclosures->Answer(Answering(DISCLOSURE_ANSWER_RELEASED)).status(), Reason::kMessageTooLarge));
  EXPECT_TRUE(broker.disclosure_answers.empty());
  EXPECT_TRUE(disclosures->Waits().empty()) << "nothing of it is left";
  disclosure.mutable_referrals()->RemoveLast();
  const auto answered = disclosures->Answer(Answering(DISCLOSURE_ANSWER_RELEASED));
  ASSERT_TRUE(answered.ok()) << answered.status();
  EXPECT_EQ(OpenAnswer<RecordsAnswer>(police, DISCLOSURE_KIND_RECORDS).ByteSizeLong(), referral::kDisclosureContentBytesMax);
}

TEST_F(DisclosuresTest, ReleasesAsManySectionsAsAReferralMayHave) {
  Draft draft = AboutMiriam("request-1");
  while (draft.sections.size() < static_cast<size_t>(referral::kDisclosurePartsMax)) draft.sections.push_back(draft.sections[1]);
  AskSections(police, Push(draft));
  const auto answered = Of(police, broker, clock)->Answer(Answering(DISCLOSURE_ANSWER_RELEASED));
  ASSERT_TRUE(answered.ok()) << answered.status();
  EXPECT_EQ(answered->disclosure().parts(), 64u);
}

TEST_F(DisclosuresTest, SendsTheSameBytesAgainUntilTheBrokerHasAnswered) {
  AskSections(police, Push(AboutMiriam("request-1")));
  auto disclosures = Of(police, broker, clock);
  broker.lose_answer = true;
  EXPECT_FALSE(disclosures->Answer(Answering(DISCLOSURE_ANSWER_RELEASED)).ok());
  police.Restart();  // Killed before the answer was known.
  disclosures = Of(police, broker, clock);
  // Another answer finds that the first one stands.
  broker.lose_answer = false;
  EXPECT_TRUE(HasReason(disclosures->Answer(Answering(DISCLOSURE_ANSWER_REFUSED, "answer-002")).status(), Reason::kTransitionIllegal));
  ASSERT_EQ(broker.disclosure_answers.size(), 2u);
  EXPECT_EQ(broker.disclosure_answers[0].SerializeAsString(), broker.disclosure_answers[1].SerializeAsString());
  EXPECT_TRUE(disclosures->Answer(Answering(DISCLOSURE_ANSWER_RELEASED)).ok());
  EXPECT_TRUE(disclosures->Step().ok());
  EXPECT_EQ(broker.disclosure_answers.size(), 2u);
}

TEST_F(DisclosuresTest, AReceiptOfAnotherAnswerRaisesTheAlarm) {
  AskSections(police, Push(AboutMiriam("request-1")));
  const auto disclosures = Of(police, broker, clock);
  broker.other_disclosure = true;
  EXPECT_TRUE(HasReason(disclosures->Answer(Answering(DISCLOSURE_ANSWER_REFUSED)).status(), Reason::kReceiptInvalid));
  EXPECT_FALSE(police.alarm->Check().ok());
  EXPECT_FALSE(disclosures->Answer(Answering(DISCLOSURE_ANSWER_REFUSED, "answer-002")).ok());
  EXPECT_EQ(broker.disclosure_answers.size(), 1u) << "sending has stopped";
}

TEST_F(DisclosuresTest, RefusesAnswersThatContradictThemselves) {
  AskSections(police, Push(AboutMiriam("request-1")));
  const auto disclosures = Of(police, broker, clock);
  auto request = Answering(DISCLOSURE_ANSWER_REFUSED);
  request.clear_ground();
  EXPECT_TRUE(HasReason(disclosures->Answer(request).status(), Reason::kFieldMissing));
  request = Answering(DISCLOSURE_ANSWER_REFUSED);
  request.add_section_ids(std::string(16, 's'));
  EXPECT_TRUE(HasReason(disclosures->Answer(request).status(), Reason::kFieldInvalid));
  request = Answering(DISCLOSURE_ANSWER_RELEASED);
  request.set_ground(DISCLOSURE_GROUND_COURT_ORDER);
  EXPECT_TRUE(HasReason(disclosures->Answer(request).status(), Reason::kFieldInvalid));
  request = Answering(DISCLOSURE_ANSWER_RELEASED);
  request.add_withheld_marks("row-1");
  EXPECT_TRUE(HasReason(disclosures->Answer(request).status(), Reason::kFieldInvalid));
  request = Answering(DISCLOSURE_ANSWER_RELEASED, "short");
  EXPECT_TRUE(HasReason(disclosures->Answer(request).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(broker.disclosure_answers.empty());
}

}  // namespace
}  // namespace accord::agent::disclosures_test
