// The agency's own records and the pack about one person, over real stores.
#include "common/agent/case_pack.h"

#include <gtest/gtest.h>

#include <set>

#include "common/agent/journal.h"
#include "common/agent/testing_service.h"
#include "common/referral/referral_name.h"

namespace accord::agent::case_pack_test {
namespace {

using agency::v1::BuildCasePackResponse;
using agency::v1::PackField;
using type::v1::MATCH_STRENGTH_STRONG;
using type::v1::MATCH_STRENGTH_UNSPECIFIED;
using type::v1::MATCH_STRENGTH_WEAK;
using type::v1::Person;
using type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR;
using type::v1::SUBJECT_ROLE_CHILD;
using type::v1::SUBJECT_ROLE_VICTIM;

Person Named(const std::string& family, const std::string& given, const std::string& born = "") {
  Person person;
  person.set_family_name(family);
  person.set_given_names(given);
  if (!born.empty()) person.add_dates_of_birth(born);
  return person;
}
Person Miriam() { return Named("Ashdown", "Miriam", "1990-05-17"); }
Person Karl() { return Named("Brandt", "Karl", "1985-02-03"); }
Person Tom() { return Named("Ashdown", "Tom", "2018-09-01"); }

// About the three of them.
Draft FullDraft(const std::string& request_id) {
  Draft draft = SomeDraft(request_id);
  *draft.sections[0].content.mutable_identity()->mutable_victim() = Miriam();
  draft.sections[0].content.mutable_identity()->mutable_victim()->set_record_number("P-4711");
  DraftSection perpetrator;
  perpetrator.category = type::v1::CATEGORY_ALLEGED_PERPETRATOR;
  auto& row = *perpetrator.content.mutable_alleged_perpetrators()->add_alleged_perpetrators();
  *row.mutable_person() = Karl();
  row.set_relationship("former partner");
  draft.sections.push_back(perpetrator);
  DraftSection children;
  children.category = type::v1::CATEGORY_CHILDREN;
  auto& child = *children.content.mutable_children()->add_children();
  *child.mutable_person() = Tom();
  child.set_voice("he shouts");
  draft.sections.push_back(children);
  DraftSection contact;
  contact.category = type::v1::CATEGORY_SAFE_CONTACT;
  contact.content.mutable_safe_contact()->set_phone("07700 900123");
  draft.sections.push_back(contact);
  for (const auto& [person, role] : {std::pair(Miriam(), SUBJECT_ROLE_VICTIM), std::pair(Karl(), SUBJECT_ROLE_ALLEGED_PERPETRATOR),
                                     std::pair(Tom(), SUBJECT_ROLE_CHILD)}) {
    DraftSubject& subject = draft.subjects.emplace_back();
    subject.person = person;
    subject.part.set_role(role);
  }
  return draft;
}

Draft AboutSomebodyElse(const std::string& request_id) {
  Draft draft = SomeDraft(request_id);
  *draft.sections[0].content.mutable_identity()->mutable_victim() = Named("Clarke", "Jane", "1971-12-30");
  return draft;
}

const PackField* FindValue(const BuildCasePackResponse& record, std::string_view value) {
  for (const PackField& field : record.fields()) {
    if (field.value() == value) return &field;
  }
  return nullptr;
}
bool IsMarked(const PackField& field, agency::v1::RedactionMark mark) {
  return std::find(field.marks().begin(), field.marks().end(), mark) != field.marks().end();
}

class CasePackTest : public AgentTest {
 protected:
  absl::StatusOr<std::vector<BuildCasePackResponse>> Pack(Service& service, const Person& person) {
    CasePack pack(*service.store, service.keys, *service.inbox, person);
    ACCORD_RETURN_IF_ERROR(pack.Find());
    std::vector<BuildCasePackResponse> answers;
    for (;;) {
      ACCORD_ASSIGN_OR_RETURN(auto next, pack.Next());
      if (!next.has_value()) return answers;
      answers.push_back(*std::move(next));
    }
  }
  std::string Push(const Draft& draft) {
    EXPECT_TRUE(police.outbox->Push(draft).ok());
    police.Settle();
    clock.Advance(absl::Seconds(1));
    return police.outbox->Get(draft.options.request_id())->header_digest();
  }
  void Note(Service& service, const std::string& about) {
    agency::v1::JournalEntry entry;
    entry.set_act(agency::v1::JOURNAL_ACT_READ);
    *entry.mutable_worker() = SomeWorker();
    entry.set_about(about);
    ASSERT_TRUE(service.journal->Record(entry).ok());
  }
};

TEST_F(CasePackTest, HasEveryFieldOfWhatWasSentAboutThemAndMarksOtherPeople) {
  Push(AboutSomebodyElse("request-0"));
  Push(FullDraft("request-1"));
  const auto pack = Pack(police, Miriam());
  ASSERT_TRUE(pack.ok()) << pack.status();
  ASSERT_EQ(pack->size(), 2u) << "it, and that it was pushed; what is about somebody else is not in it";
  const BuildCasePackResponse& record = pack->front();
  EXPECT_EQ(record.kind(), "sent");
  EXPECT_EQ(record.about(), "request-1");
  EXPECT_EQ(record.strength(), MATCH_STRENGTH_STRONG);
  EXPECT_EQ(record.role(), SUBJECT_ROLE_VICTIM);
  for (const char* value : {"Miriam", "1990-05-17", "P-4711", "Brandt", "former partner", "Tom", "he shouts", "07700 900123", "what happened"}) {
    EXPECT_NE(FindValue(record, value), nullptr) << value;
  }
  const PackField& own = *FindValue(record, "Miriam");
  EXPECT_EQ(own.path(), "sections[0].content.identity.victim.given_names");
  EXPECT_EQ(own.label(), "identity, victim, given names");
  EXPECT_EQ(own.marks_size(), 0);
  for (const char* value : {"Karl", "Brandt", "former partner", "Tom", "he shouts"}) {
    EXPECT_TRUE(IsMarked(*FindValue(record, value), agency::v1::REDACTION_MARK_THIRD_PARTY)) << value;
  }
  EXPECT_TRUE(IsMarked(*FindValue(record, "07700 900123"), agency::v1::REDACTION_MARK_SAFE_CONTACT));
  for (const PackField& field : record.fields()) EXPECT_EQ(field.marks_size(), field.reasons_size()) << field.path();
}

TEST_F(CasePackTest, SaysHowStronglyTheyWereRecognised) {
  Push(FullDraft("request-1"));
  const auto weak = Pack(police, Named("Ashdown", "Miriam", "1990-05-18"));
  ASSERT_TRUE(weak.ok());
  ASSERT_EQ(weak->size(), 2u) << "a wrong digit in the date";
  EXPECT_EQ(weak->front().strength(), MATCH_STRENGTH_WEAK);
  EXPECT_TRUE(IsMarked(*FindValue(weak->front(), "Miriam"), agency::v1::REDACTION_MARK_THIRD_PARTY)) << "it may be somebody else";
  Person by_number;
  by_number.set_record_number("P-4711");
  const auto numbered = Pack(police, by_number);
  ASSERT_TRUE(numbered.ok()) << numbered.status();
  ASSERT_EQ(numbered->size(), 2u);
  EXPECT_EQ(numbered->front().strength(), MATCH_STRENGTH_STRONG);
  by_number.set_record_number("P-4712");
  EXPECT_TRUE(Pack(police, by_number)->empty());
  EXPECT_TRUE(HasReason(Pack(police, Person()).status(), Reason::kFieldInvalid));
  EXPECT_EQ(Pack(police, Named("Ashdown", "")).status().code(), absl::StatusCode::kInvalidArgument) << "a name alone is anybody's";
}

TEST_F(CasePackTest, NothingTheAllegedPerpetratorGetsIsUnmarked) {
  Push(FullDraft("request-1"));
  Note(police, "request-1");
  const auto pack = Pack(police, Karl());
  ASSERT_TRUE(pack.ok());
  ASSERT_EQ(pack->size(), 3u);
  for (const BuildCasePackResponse& record : *pack) {
    EXPECT_EQ(record.role(), SUBJECT_ROLE_ALLEGED_PERPETRATOR) << record.kind();
    ASSERT_GT(record.fields_size(), 0);
    for (const PackField& field : record.fields()) {
      EXPECT_TRUE(IsMarked(field, agency::v1::REDACTION_MARK_CRIME_PREJUDICE)) << field.path();
    }
  }
  EXPECT_TRUE(IsMarked(*FindValue(pack->front(), "07700 900123"), agency::v1::REDACTION_MARK_SAFE_CONTACT));
}

TEST_F(CasePackTest, WhatFollowsARecordOfThePackIsInItToo) {
  const std::string first = Push(FullDraft("request-1"));
  Draft follows = AboutSomebodyElse("request-2");
  follows.core.set_caused_by(first);
  const std::string second = Push(follows);
  Draft further = AboutSomebodyElse("request-3");
  further.core.set_caused_by(second);
  Push(further);
  Push(AboutSomebodyElse("request-4"));
  auto pack = Pack(police, Miriam());
  ASSERT_TRUE(pack.ok());
  std::erase_if(*pack, [](const BuildCasePackResponse& record) { return record.kind() == "journal"; });
  ASSERT_EQ(pack->size(), 3u);
  EXPECT_EQ((*pack)[0].about(), "request-1") << "the oldest first";
  EXPECT_EQ((*pack)[1].about(), "request-2");
  EXPECT_EQ((*pack)[1].strength(), MATCH_STRENGTH_UNSPECIFIED);
  EXPECT_EQ((*pack)[2].about(), "request-3") << "also what follows that";
  EXPECT_TRUE(IsMarked(*FindValue((*pack)[2], "Clarke"), agency::v1::REDACTION_MARK_THIRD_PARTY));
  EXPECT_TRUE(IsMarked(*FindValue((*pack)[2], "what happened"), agency::v1::REDACTION_MARK_THIRD_PARTY));
}

TEST_F(CasePackTest, WhatWasLoggedOfTheirRecordsIsInItAndNothingElse) {
  const std::string digest = Push(FullDraft("request-1"));
  Push(AboutSomebodyElse("request-2"));
  for (const std::string& about : {std::string("request-1"), referral::ReferralName(digest), std::string("request-2"), std::string()}) Note(police, about);
  const auto pack = Pack(police, Miriam());
  ASSERT_TRUE(pack.ok());
  ASSERT_EQ(pack->size(), 4u) << "sent, pushed, and what was noted twice";
  EXPECT_EQ((*pack)[1].kind(), "journal");
  EXPECT_EQ((*pack)[3].about(), referral::ReferralName(digest));
  const PackField* worker = FindValue((*pack)[1], "w-1");
  ASSERT_NE(worker, nullptr);
  EXPECT_TRUE(IsMarked(*worker, agency::v1::REDACTION_MARK_THIRD_PARTY)) << "a worker";
}

TEST_F(CasePackTest, WhatWasReceivedIsOpenedWithoutBeingRead) {
  SignWithKnownCertificate();
  Push(FullDraft("request-1"));
  const auto delivery = DeliveryFor(idva);
  ASSERT_TRUE(idva.inbox->Receive(delivery).ok());
  const std::string digest = referral::DigestOf(delivery.referral().header());
  for (const auto& [person, role] : {std::pair(Miriam(), SUBJECT_ROLE_VICTIM), std::pair(Tom(), SUBJECT_ROLE_CHILD)}) {
    const auto pack = Pack(idva, person);
    ASSERT_TRUE(pack.ok()) << pack.status();
    ASSERT_EQ(pack->size(), 1u);
    EXPECT_EQ(pack->front().kind(), "received");
    EXPECT_EQ(pack->front().about(), referral::ReferralName(digest));
    EXPECT_EQ(pack->front().role(), role);
    ASSERT_NE(FindValue(pack->front(), "what happened"), nullptr);
    EXPECT_TRUE(IsMarked(*FindValue(pack->front(), "what happened"), agency::v1::REDACTION_MARK_THIRD_PARTY)) << "of another agency";
  }
  EXPECT_TRUE(broker.statements.empty()) << "nobody has opened it";
  EXPECT_EQ(idva.inbox->Get(digest)->stored.state(), type::v1::REFERRAL_STATE_DELIVERED);

  auto stored = idva.inbox->Get(digest)->stored;
  stored.set_recalled(true);
  accord::storage::Batch batch;
  idva.store->Put(batch, kFamilyInbox, digest, stored);
  ASSERT_TRUE(idva.store->Commit(batch).ok());
  const InboxEntry recalled = *idva.inbox->Get(digest);
  EXPECT_EQ(SectionsOf(*idva.inbox, recalled).unopened, "recalled");
  EXPECT_TRUE(SectionsOf(*idva.inbox, recalled).sections.empty());
  const auto pack = Pack(idva, Miriam());
  ASSERT_TRUE(pack.ok()) << pack.status();
  ASSERT_EQ(pack->size(), 1u) << "that it was about her is said";
  EXPECT_EQ(pack->front().strength(), MATCH_STRENGTH_STRONG);
  EXPECT_NE(FindValue(pack->front(), "recalled"), nullptr);
  EXPECT_EQ(FindValue(pack->front(), "what happened"), nullptr) << "and not what it says";
}

TEST_F(CasePackTest, ALongRecordComesInSeveralAnswers) {
  Draft draft = FullDraft("request-1");
  for (int i = 0; i < 30; ++i) {
    DraftSection& section = draft.sections.emplace_back();
    section.category = type::v1::CATEGORY_NARRATIVE;
    section.content.mutable_text()->set_text(std::string(60'000, static_cast<char>('a' + i % 26)));
  }
  Push(draft);
  const auto pack = Pack(police, Miriam());
  ASSERT_TRUE(pack.ok());
  ASSERT_GT(pack->size(), 1u);
  std::set<std::string> paths;
  for (const BuildCasePackResponse& answer : *pack) {
    EXPECT_EQ(answer.about(), "request-1");
    EXPECT_LT(answer.ByteSizeLong(), kPackAnswerBytesMax + (70u << 10));
    for (const PackField& field : answer.fields()) EXPECT_TRUE(paths.insert(field.path()).second) << field.path();
  }
  EXPECT_TRUE(paths.contains("sections[34].content.text.text"));
}

class RecordReaderTest : public CasePackTest {
 protected:
  std::vector<OwnRecord> Read(Service& service, const RecordPosition& after, size_t at_most = 100) {
    RecordReader reader(*service.store, *service.inbox);
    EXPECT_TRUE(reader.Start(after).ok());
    std::vector<OwnRecord> records;
    while (records.size() < at_most) {
      auto next = reader.Next();
      EXPECT_TRUE(next.ok()) << next.status();
      if (!next.ok() || !next->has_value()) break;
      records.push_back(*std::move(*next));
    }
    return records;
  }
};

TEST_F(RecordReaderTest, GivesAllTheOldestFirstAndGoesOnWhereItEnded) {
  Push(FullDraft("request-1"));
  Note(police, "request-1");
  clock.Advance(absl::Seconds(1));
  Push(FullDraft("request-2"));
  Note(police, "request-2");
  const auto all = Read(police, {});
  ASSERT_EQ(all.size(), 6u) << "each sent, pushed and noted";
  EXPECT_EQ(all[0].about, "request-1");
  EXPECT_EQ(all[2].kind, OwnRecord::Kind::kJournal);
  EXPECT_EQ(all[3].about, "request-2");
  EXPECT_EQ(SectionsOf(all[0].sent).size(), 5u);
  for (size_t n = 0; n <= all.size(); ++n) {  // Ended after any of them.
    const RecordPosition after = n == 0 ? RecordPosition() : *RecordPosition::Parse(all[n - 1].position.ToString());
    const auto rest = Read(police, after);
    ASSERT_EQ(rest.size(), all.size() - n);
    for (size_t i = 0; i < rest.size(); ++i) EXPECT_EQ(rest[i].position, all[n + i].position);
  }
  RecordReader reader(*police.store, *police.inbox);
  EXPECT_EQ(*reader.Start({}), 6u);
  EXPECT_EQ(*reader.Start(all[3].position), 2u);
  for (const char* wrong : {"1.2", "1.2.x", "1.2.3.4", "-1.0.0", "later"}) EXPECT_FALSE(RecordPosition::Parse(wrong).ok()) << wrong;
}

TEST_F(RecordReaderTest, WhatComesMeanwhileWaitsForTheNextAndWhatIsErasedIsNotShown) {
  SignWithKnownCertificate();
  Push(FullDraft("request-1"));
  ASSERT_TRUE(idva.inbox->Receive(DeliveryFor(idva)).ok());
  Push(FullDraft("request-2"));
  const auto second = DeliveryFor(idva);
  RecordReader reader(*idva.store, *idva.inbox);
  EXPECT_EQ(*reader.Start({}), 1u);
  ASSERT_TRUE(idva.inbox->Receive(second).ok());
  ASSERT_TRUE(reader.Next()->has_value());
  EXPECT_FALSE(reader.Next()->has_value()) << "it came after the start";
  EXPECT_EQ(*reader.Start({}), 2u);
  ASSERT_TRUE(*idva.inbox->Erase(referral::DigestOf(second.referral().header()), [](auto&, const auto&) {}));
  ASSERT_TRUE(reader.Next()->has_value());
  EXPECT_FALSE(reader.Next()->has_value()) << "erased before its turn";
}

TEST_F(RecordReaderTest, FilesComeWithoutTheirBytes) {
  Draft draft = FullDraft("request-1");
  DraftSection& file = draft.sections.emplace_back();
  file.category = type::v1::CATEGORY_ATTACHMENT;
  file.content.mutable_attachment()->set_file_name("letter.pdf");
  file.content.mutable_attachment()->set_data("%PDF-1.7");
  Push(draft);
  const auto sections = SectionsOf(Read(police, {}).front().sent);
  EXPECT_EQ(sections.back().content().attachment().file_name(), "letter.pdf");
  EXPECT_TRUE(sections.back().content().attachment().data().empty());
}

}  // namespace
}  // namespace accord::agent::case_pack_test
