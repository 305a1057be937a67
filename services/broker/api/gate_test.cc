// One gate: whatever way something of a referral can be asked for, an agency is given what the decision permits it and no trace of the
// rest: not its bytes, size or category, nor that it is there.
//
// Goal: every method that the broker serves is shown to give nothing away, and one that is added later cannot be forgotten.
// Method: a broker, a referral of three sections to two recipients, of which one section is forbidden to one recipient; it is delivered,
// returned, answered, corrected, recalled and held. Then every method of the linked descriptors is asked by every kind of principal, as
// raw bytes, and all that comes back is searched. The same is done with a twin: a broker whose referral never had that section. What the
// recipient is answered must look the same in both.
//
// Time is no part of it: a clock in a test tells more of the machine than of the code. Where existence is sensitive, the code decides by
// what is stored under the header digest that the caller names. That digest is a hash over salted commitments, which nobody has to
// whom it was not given; with it, an absent one costs two lookups of marks of erasure, another agency's the opening of its record.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor_database.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/referral/referral_name.h"
#include "services/broker/api/testing_gate.h"
#include "services/broker/api/testing_gate_paths.h"

namespace accord::broker::gate::gate_test {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

// Every method of every service that is linked into the broker, by the descriptors.
std::map<std::string, const google::protobuf::MethodDescriptor*> EveryMethod() {
  std::map<std::string, const google::protobuf::MethodDescriptor*> methods;
  std::vector<std::string> files;
  EXPECT_TRUE(google::protobuf::DescriptorPool::internal_generated_database()->FindAllFileNames(&files));
  for (const std::string& name : files) {
    const auto* file = name.starts_with("accord/") ? google::protobuf::DescriptorPool::generated_pool()->FindFileByName(name) : nullptr;
    if (file == nullptr) continue;
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        const auto* method = file->service(s)->method(m);
        methods[fmt::format("/{}/{}", method->service()->full_name(), method->name())] = method;
      }
    }
  }
  return methods;
}

// Where two shapes part, short enough for a report to keep it.
std::string FirstDifference(const std::string& ours, const std::string& theirs) {
  constexpr size_t kBefore = 120, kAfter = 60;
  const auto at = static_cast<size_t>(std::ranges::mismatch(ours, theirs).in1 - ours.begin());
  const size_t from = at - std::min(at, kBefore);
  const auto around = [&](const std::string& shape) { return std::min(from, shape.size()) == from ? shape.substr(from, kBefore + kAfter) : ""; };
  return fmt::format("they part at {} of {} and {}:\n{}\n{}", at, ours.size(), theirs.size(), around(ours), around(theirs));
}
void ExpectOneShape(const WireAnswer& ours, const WireAnswer& theirs, std::string_view where) {
  const std::string one = ShapeOf(ours), other = ShapeOf(theirs);
  EXPECT_TRUE(one == other) << where << ": " << FirstDifference(one, other);
}

// The answers of every path, as `principal` is given them.
std::map<std::string, std::vector<WireAnswer>> AskEverything(Story& story, const std::string& principal) {
  std::map<std::string, std::vector<WireAnswer>> answers;
  for (const auto& [method, path] : Paths()) answers[method] = AskBy(method, {story, principal, story.digests(), "1"});
  return answers;
}

TEST(GateTest, EveryMethodIsInTheTable) {
  const auto methods = EveryMethod();
  EXPECT_GE(methods.size(), 40u);
  for (const auto& [name, method] : methods) {
    const auto path = Paths().find(name);
    ASSERT_NE(path, Paths().end()) << name << " has no row: say what it reads and ask it, or why it shows nothing";
    EXPECT_FALSE(method->options().GetExtension(options::v1::later)) << name << ": it is built here, so it does not come later";
    EXPECT_EQ(path->second.what == What::kWrite, !std::string(path->second.why).empty()) << name;
    const bool reads_only = method->options().GetExtension(options::v1::reads_only);
    EXPECT_FALSE(reads_only && path->second.what == What::kWrite) << name;
  }
  for (const auto& [name, path] : Paths()) EXPECT_TRUE(methods.contains(name)) << name << " is no method";
}

TEST(GateTest, NothingOfAForbiddenSectionIsFoundAnywhere) {
  Story story(/*with_forbidden=*/true);
  story.Tell();
  for (const WireAnswer& answer : story.heard()) EXPECT_THAT(story.forbidden().FindIn(answer), IsEmpty()) << answer.method;
  // The finder finds: what the other recipient was given has it all.
  std::set<std::string> found;
  for (const WireAnswer& answer : story.permitted()) {
    for (const std::string& what : story.forbidden().FindIn(answer)) found.insert(what);
  }
  for (const char* what : {"the section's id", "the section's digest", "the sealed section", "the opening of a part `section`: its salt",
                           "the opening of a part `section`: the part", "the opening of a part `tag`: its salt", "the tag's id",
                           "the changed tag", "the category, in accord.type.v1.SectionPart.category"}) {
    EXPECT_TRUE(found.contains(what)) << what;
  }

  for (const std::string& principal : {kB, kStranger, kAdministrator, kInspector}) {
    const bool content_only = principal == kAdministrator;
    for (const auto& [method, answers] : AskEverything(story, principal)) {
      EXPECT_FALSE(answers.empty()) << method;
      for (const WireAnswer& answer : answers) {
        EXPECT_THAT(story.forbidden().FindIn(answer, content_only), IsEmpty()) << method << " as " << principal;
      }
    }
  }
  // The administrator does see that it was decided: the paths were asked, and answered.
  std::set<std::string> seen;
  for (const WireAnswer& answer : AskBy(kTrail, {story, kAdministrator, story.digests(), "2"})) {
    for (const std::string& what : story.forbidden().FindIn(answer)) seen.insert(what);
  }
  EXPECT_TRUE(seen.contains("the section's id") && seen.contains("the category, in accord.type.v1.SectionDecision.category"));
}

TEST(GateTest, WhatIsPlantedIsFound) {
  Story story(/*with_forbidden=*/true);
  story.Tell();
  const auto get = AskBy(kGet, {story, kB, story.digests(), "1"});
  ASSERT_EQ(get[0].code, grpc::StatusCode::OK);
  const auto with = [&](const std::function<void(v1::GetReferralResponse&)>& plant) {
    WireAnswer answer = get[0];
    auto response = Parse<v1::GetReferralResponse>(answer.messages[0]);
    plant(response);
    answer.messages[0] = response.SerializeAsString();
    return story.forbidden().FindIn(answer);
  };
  EXPECT_THAT(with([](auto&) {}), IsEmpty());
  const Opening& opening = story.forbidden_opening();
  const auto part = Parse<SectionPart>(opening.content());
  EXPECT_THAT(with([&](auto& r) { *r.mutable_referral()->add_openings() = opening; }), Not(IsEmpty()));
  EXPECT_THAT(with([&](auto& r) { r.mutable_referral()->add_openings()->set_salt(opening.salt()); }), Not(IsEmpty()));
  EXPECT_THAT(with([&](auto& r) { r.mutable_referral()->set_name(ToHex(part.digest())); }), Not(IsEmpty()));
  EXPECT_THAT(with([&](auto& r) { r.mutable_referral()->set_name("x" + ToBase64("?" + part.section_id())); }), Not(IsEmpty()));
  EXPECT_THAT(with([&](auto& r) {
                Opening other;
                other.set_label("section");
                SectionPart of_category;
                of_category.set_category(kForbidden);
                other.set_content(of_category.SerializeAsString());
                *r.mutable_referral()->add_openings() = other;
              }),
              Not(IsEmpty()));
  WireAnswer error = get[0];
  error.messages.clear();
  error.words = "the narrative may not be given";
  EXPECT_THAT(story.forbidden().FindIn(error), Not(IsEmpty()));
  error.words.clear();
  error.metadata.emplace("x-debug", part.section_id());
  EXPECT_THAT(story.forbidden().FindIn(error), Not(IsEmpty()));
}

TEST(GateTest, AnswersLookAsIfItHadNeverBeenThere) {
  Story story(/*with_forbidden=*/true), twin(/*with_forbidden=*/false);
  story.Tell();
  twin.Tell();
  ASSERT_EQ(story.heard().size(), twin.heard().size());
  for (size_t i = 0; i < story.heard().size(); ++i) ExpectOneShape(story.heard()[i], twin.heard()[i], story.heard()[i].method);
  const auto answers = AskEverything(story, kB), twins = AskEverything(twin, kB);
  for (const auto& [method, path] : Paths()) {
    if (path.what == What::kOther) continue;
    const auto &ours = answers.at(method), &theirs = twins.at(method);
    ASSERT_EQ(ours.size(), theirs.size()) << method;
    for (size_t i = 0; i < ours.size(); ++i) ExpectOneShape(ours[i], theirs[i], fmt::format("{} {}", method, i));
  }
  // Of the log, the entries that open to it at all, in order; without those of its own refused calls, which are recorded after the answer,
  // whenever there is room.
  const auto opened = [](const std::vector<WireAnswer>& receipts) {
    std::vector<std::string> shapes;
    for (const WireAnswer& answer : receipts) {
      bool refusal = false, opens = false;
      const auto receipt = Only<v1::GetReceiptResponse>(answer).receipt();
      for (const Opening& opening : receipt.openings()) {
        opens = true;
        refusal = refusal || (opening.label() == "event" && Parse<EntryEvent>(opening.content()).type() == EVENT_TYPE_REFUSED);
      }
      if (opens && !refusal) shapes.push_back(ShapeOf(answer));
    }
    return shapes;
  };
  EXPECT_GT(opened(answers.at(std::string(kReceipt))).size(), 20u);
  EXPECT_EQ(opened(answers.at(std::string(kReceipt))), opened(twins.at(std::string(kReceipt))));
  // And the other recipient's do not: a shape sees a section more.
  std::string ours, theirs;
  for (const WireAnswer& answer : story.permitted()) ours += ShapeOf(answer);
  for (const WireAnswer& answer : twin.permitted()) theirs += ShapeOf(answer);
  EXPECT_NE(ours, theirs);
}

// Referrals of which the asker may have nothing, each for another reason.
class Hidden : public Scene {
 public:
  Hidden() {
    // Withheld at release: the policy narrows while it waits. The sender alone sees that it died.
    const std::string withheld = Store("withheld-1", "housing", {});
    PutAgreement("3", R"("case_history")");
    {
      OpenMailbox mailbox(*this, kB);
      while (StateAt(withheld) != REFERRAL_STATE_DEAD_LETTER) {
      }
    }
    PutAgreement("4", R"("identity", "risk")");
    digests_["withheld when it was to be released"] = withheld;
    digests_["for another alone"] = Store("another-1", "idva", {});
    digests_["addressed, and no section may go"] =
        Store("excluded-1", "", [](referral::HeaderParts& parts) { parts.subjects[0].add_exclusions()->set_agency("housing"); });
    digests_["waits and has not left"] = Store("waiting-1", "housing", {});
    // On what it is for the decision of an answer depends.
    const auto of_another_purpose = [](referral::HeaderParts& parts) {
      parts.core.set_type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
      parts.core.set_purpose(PURPOSE_VICTIM_INFORMATION_REQUEST);
      auto& request = *parts.core.mutable_victim_information_request();
      request.add_sought(VICTIM_MATERIAL_HOUSING);
      request.set_statement_section(parts.sections[2].section_id());
      request.set_reasonable_line_of_enquiry(true);
      request.set_necessary_and_proportionate(true);
      request.set_notice(VICTIM_NOTICE_GIVEN);
    };
    digests_["waits and is of another purpose"] = Store("request-1", "housing", of_another_purpose);
    Withdraw("consent withdrawn before it left", Store("withdrawn-1", "housing", {}));
    Recall("recalled before it left", Store("recalled-1", "housing", {}));
    Withdrawn("withdrawn before it left", Store("ended-0001", "housing", of_another_purpose));
    RecordAlone("decided not to be shared", "not-shared-1", [](HeaderCore& core) {
      core.set_type(REFERRAL_TYPE_NOT_SHARED);
      core.set_not_shared_reason(NOT_SHARED_REASON_RAISES_RISK);
    });
    RecordAlone("told outside", "told-0001", [](HeaderCore& core) {
      core.set_type(REFERRAL_TYPE_SENT_OUTSIDE);
      core.set_outside_channel(OUTSIDE_CHANNEL_MEETING);
      core.mutable_happened()->set_earliest_ms(1);
      core.mutable_happened()->set_latest_ms(1);
    });
    Erase("erased before it left", Store("erased-1", "housing", {}));
  }
  const std::map<std::string, std::string>& digests() const { return digests_; }

 private:
  // For housing alone, for idva alone, or for both with everything sealed for idva; each of another case.
  std::string Store(const std::string& request_id, const std::string& only, std::function<void(referral::HeaderParts&)> alter) {
    TestingReferral spec{.request_id = request_id, .victim = request_id};
    if (!only.empty()) spec.recipients = {only};
    if (only == "housing") spec.sealed_for = {{kForbidden, {}}};
    if (only.empty()) spec.sealed_for = {{CATEGORY_IDENTITY, {"idva"}}, {CATEGORY_RISK, {"idva"}}, {kForbidden, {"idva"}}};
    spec.alter = [&](referral::HeaderParts& parts) {
      if (alter) alter(parts);
      tags_ = parts.tags;
    };
    const auto request = MakeSubmission(world(), spec);
    const std::string digest = Only<v1::SubmitReferralResponse>(Call(kSender, kSubmit, request)).header_digest();
    for (const SealedSection& sealed : request.submission().sections()) section_ids[digest].push_back(sealed.section_id());
    return digest;
  }
  ReferralState StateAt(const std::string& digest) {
    v1::GetReferralRequest request;
    request.set_name(referral::ReferralName(digest));
    return Only<v1::GetReferralResponse>(Call(kSender, kGet, request)).referral().recipients(0).state();
  }
  void Withdraw(const std::string& why, const std::string& digest) {
    digests_[why] = digest;
    for (TagPart& tag : tags_) tag.set_consent(CONFIDENTIALITY_CONSENT_WITHDRAWN);
    v1::ChangeConsentRequest request;
    const auto document = Sign("police", "withdraw-1", digest, STATEMENT_KIND_CONSENT_CHANGE, "", [&](Statement& statement) {
      for (const Opening& opening : referral::CommitToTags(tags_, world().random(), statement)) *request.add_openings() = opening;
    });
    EXPECT_EQ(Only<v1::ChangeConsentResponse>(Say(kSender, kChangeConsent, "withdraw-1", document, request)).stopped_size(), 1);
  }
  void Recall(const std::string& why, const std::string& digest) {
    digests_[why] = digest;
    const auto document = Sign("police", "recall-0001", digest, STATEMENT_KIND_RECALL, "",
                               [](Statement& statement) { statement.set_recall_reason(RECALL_REASON_WRONG_RECIPIENT); });
    EXPECT_EQ(Only<v1::RecallReferralResponse>(Say<v1::RecallReferralRequest>(kSender, kRecall, "recall-0001", document)).stopped_size(),
              1);
  }
  void Withdrawn(const std::string& why, const std::string& digest) {
    digests_[why] = digest;
    const auto document = Sign("police", "ended-0001.word", digest, STATEMENT_KIND_WITHDRAWN, "",
                               [](Statement& statement) { statement.set_withdraw_reason(WITHDRAW_REASON_NOT_NEEDED); });
    EXPECT_EQ(Only<v1::WithdrawReferralResponse>(Say<v1::WithdrawReferralRequest>(kSender, kWithdraw, "ended-0001.word", document)).stopped_size(),
              1);
  }
  void RecordAlone(const std::string& why, const std::string& request_id, const std::function<void(HeaderCore&)>& as) {
    TestingReferral spec{.request_id = request_id, .recipients = {"housing"}};
    spec.alter = [&](referral::HeaderParts& parts) {
      as(parts.core);
      parts.sections.clear();
    };
    auto request = MakeSubmission(world(), spec);
    request.mutable_submission()->clear_sections();
    digests_[why] = Only<v1::SubmitReferralResponse>(Call(kSender, kSubmit, request)).header_digest();
  }
  void Erase(const std::string& why, const std::string& digest) {
    digests_[why] = digest;
    admin::v1::Change change;
    change.mutable_erase()->set_header_digest(digest);
    change.mutable_erase()->set_ground(ERASURE_GROUND_ORDER);
    change.mutable_erase()->set_authority("county-court/7");
    EXPECT_EQ(world().Change(change), absl::OkStatus());
  }

  std::map<std::string, std::string> digests_;
  std::vector<TagPart> tags_;  // Of the last that was stored.
};

// Byte for byte, whatever it is asked by: statuses, details, metadata and answers. Entry indexes of the caller's own acts are times
// of another kind, so of an answer that is one the shape alone is compared.
TEST(GateTest, WhatOneMayHaveNothingOfIsAnsweredAsIfItDidNotExist) {
  Hidden scene;
  // No list has a row of any, nor a page more than it has rows for.
  const std::vector<std::string> none;
  for (const std::string_view method : {kList, std::string_view("/accord.broker.v1.SharingService/ListGaps"),
                                        std::string_view("/accord.broker.v1.SharingService/ListBreaches"),
                                        std::string_view("/accord.broker.v1.MailboxService/ListDeadLetters")}) {
    const auto pages = AskBy(method, {scene, kB, none, "list"});
    ASSERT_EQ(pages.size(), 1u) << method;
    EXPECT_THAT(pages[0].messages, ::testing::ElementsAre("")) << method;
  }
  const std::string absent(32, 'x');
  int salt = 0;
  for (const auto& [why, digest] : scene.digests()) {
    for (const std::string& principal : {kB, kStranger}) {
      for (const std::string_view method :
           {kPreview, kSubmit, kGet, kRespond, kOutcome, kChangeConsent, kCorrect, kRecall, kWithdraw, kHolders, kReview, kTrail}) {
        const std::string number = fmt::format("{}", ++salt);
        const auto ask = [&](const std::string& of, const std::string& which) {
          const std::vector<std::string> digests = {of};
          return AskBy(method, {scene, principal, digests, number + which})[0];
        };
        const WireAnswer ours = ask(digest, "a"), theirs = ask(absent, "b");
        EXPECT_EQ(ours.code, theirs.code) << method << " of one " << why << " as " << principal;
        EXPECT_EQ(ours.words, theirs.words) << method << " of one " << why << " as " << principal;
        EXPECT_EQ(ours.details, theirs.details) << method << " of one " << why << " as " << principal;
        EXPECT_EQ(ours.metadata, theirs.metadata) << method << " of one " << why << " as " << principal;
        ExpectOneShape(ours, theirs, fmt::format("{} of one {} as {}", method, why, principal));
      }
    }
  }
  // Once something of one has left, the pages have it, and still none for the others.
  OpenMailbox mailbox(scene, kB);
  mailbox.Ack(mailbox.Next());
  size_t rows = 0;
  for (const WireAnswer& page : AskBy(kList, {scene, kB, none, "list-again"})) {
    const auto response = Only<v1::ListReferralsResponse>(page);
    ASSERT_EQ(response.referrals_size(), 1);
    rows += response.referrals(0).name() == referral::ReferralName(scene.digests().at("waits and has not left"));
  }
  EXPECT_EQ(rows, 1u);
}

TEST(GateTest, APageOfGapsTellsOfNoneThatItDoesNotList) {
  Scene scene;
  const auto store = [&](const std::string& request_id) {
    const TestingReferral spec{.request_id = request_id,
                               .recipients = {"idva"},
                               .urgency = URGENCY_IMMEDIATE,
                               .consent = CONFIDENTIALITY_CONSENT_REFUSED,
                               .sealed_for = {{kForbidden, {}}},
                               .victim = request_id};
    EXPECT_EQ(scene.Call(kSender, kSubmit, MakeSubmission(scene.world(), spec)).code, grpc::StatusCode::OK);
  };
  store("gap-0001");
  {
    OpenMailbox mailbox(scene, kA);
    mailbox.Ack(mailbox.Next());
    mailbox.Close();
  }
  for (const char* waits : {"gap-0002", "gap-0003", "gap-0004"}) store(waits);
  const std::string method = "/accord.broker.v1.SharingService/ListGaps";
  const std::vector<std::string> none;
  const auto pages = AskBy(method, {scene, kA, none, "1"});
  ASSERT_EQ(pages.size(), 1u);
  EXPECT_EQ(Only<v1::ListGapsResponse>(pages[0]).gaps_size(), 1);
  EXPECT_EQ(AskBy(method, {scene, kSender, none, "1"}).size(), 4u) << "they are there";
}

}  // namespace
}  // namespace accord::broker::gate::gate_test
