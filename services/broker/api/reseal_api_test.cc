// Who cannot open what was sealed, over the wire: a redirection to who stands in and beyond the header, a key that was replaced, and the
// sender's re-seal; a whole broker with TLS, a real store and a real log.
//
// Goal: what docs/reseal.md promises, and above all what must not happen: content to anybody who may not have it now, a re-seal that
// changes what was signed or seals for more than it says, a delivery that dies for a key that was replaced, a sender that is never asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/working_days.h"
#include "common/crypto/cms.h"
#include "common/crypto/succession.h"
#include "services/broker/api/testing_change.h"

namespace accord::broker::reseal_api_test {
namespace {

using crypto::testing::Issued;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ResealApiTest : public ChangeApiTest {
 protected:
  ResealApiTest() : ChangeApiTest(&Clock()) {}
  static FakeClock& Clock() {
    static FakeClock clock(SystemClock().Now());
    return clock;
  }

  absl::Status Say(const std::string& agency, const std::string& digest, StatementKind kind, std::function<void(Statement&)> fill = nullptr) {
    std::string& last = last_[agency + digest];
    Statement statement = Word(agency, kind, fmt::format("{}-word-{:04}", agency, ++words_), digest, last);
    if (fill) fill(statement);
    const auto answer = Respond(statement);
    if (answer.ok()) last = answer->statement_digest();
    return answer.status();
  }
  // Taken, opened and redirected.
  void Redirect(const std::string& agency, const std::string& digest, const std::string& to) {
    ASSERT_TRUE(Take(agency).has_referral());
    ASSERT_EQ(Say(agency, digest, STATEMENT_KIND_OPENED), absl::OkStatus());
    ASSERT_EQ(Say(agency, digest, STATEMENT_KIND_REDIRECTED, [&](Statement& statement) { statement.set_redirect_to(to); }), absl::OkStatus());
  }
  // The notices that wait for the police; all else that does is taken too.
  std::vector<v1::SharingNotice> Notices() {
    std::vector<v1::SharingNotice> notices;
    while (Depth("police") > 0) {
      const v1::Delivery delivery = Take("police");
      if (delivery.has_notice()) notices.push_back(delivery.notice());
    }
    return notices;
  }
  v1::RecipientStatus StatusOf(const std::string& digest, const std::string& agency) {
    const auto referral = Get("police", digest);
    EXPECT_EQ(referral.status(), absl::OkStatus());
    for (const auto& row : referral->recipients()) {
      if (row.agency() == agency) return row;
    }
    return {};
  }
  // Asks for what waits at the agency, as one that collects does.
  bool Collected(const std::string& agency, const std::string& digest) {
    const auto released = Release(agency, PlanOf(agency, digest));
    EXPECT_EQ(released.status(), absl::OkStatus());
    return released.ok() && !released->withheld;
  }

  struct Seal {
    std::string agency;
    Issued key;
    std::vector<Category> categories;
    std::string named_by = {}, approver = "dpo-1", previous = {};
    std::optional<crypto::Certificate> more = {};  // Sealed for it too.
    std::function<void(v1::ResealReferralRequest&, Statement&)> alter = {};
  };
  v1::ResealReferralRequest MakeReseal(const Sent& sent, const Seal& seal, const std::string& request_id) {
    Statement statement = Word("police", STATEMENT_KIND_RESEALED, request_id, sent.digest, seal.previous);
    auto& reseal = *statement.mutable_reseal();
    reseal.mutable_recipient()->set_agency(seal.agency);
    reseal.mutable_recipient()->set_capacity(RECIPIENT_CAPACITY_NAMED);
    for (const Opening& opening : sent.request.submission().openings()) {  // As in the header, when that has it.
      RecipientPart part;
      if (opening.label() == "recipient" && part.ParseFromString(opening.content()) && part.agency() == seal.agency) *reseal.mutable_recipient() = part;
    }
    if (!seal.named_by.empty()) {
      reseal.mutable_recipient()->set_desk(DESK_MAIN);
      reseal.mutable_recipient()->set_on_behalf_of(seal.named_by);
    }
    reseal.set_sealing_certificate_digest(seal.key.certificate.fingerprint());
    reseal.set_approver(seal.approver);
    v1::ResealReferralRequest request;
    request.set_request_id(request_id);
    const Issued& own = world_.sealing("police");
    for (const Category category : seal.categories) {
      const std::string& id = sent.sections.at(category);
      reseal.add_section_ids(id);
      for (const auto& section : sent.request.submission().sections()) {
        if (section.section_id() != id) continue;
        auto& sealed = *request.add_sections() = section;
        auto cms = crypto::cms::AddRecipient(section.cms(), own.sealing_key(), own.certificate, seal.key.certificate);
        if (cms.ok() && seal.more.has_value()) cms = crypto::cms::AddRecipient(*cms, own.sealing_key(), own.certificate, *seal.more);
        EXPECT_EQ(cms.status(), absl::OkStatus());
        sealed.set_cms(cms.value_or(""));
      }
    }
    if (seal.alter) seal.alter(request, statement);
    *request.mutable_statement() = Sign(statement);
    return request;
  }
  absl::StatusOr<v1::ResealReferralResponse> Reseal(const v1::ResealReferralRequest& request, const std::string& by = "police") {
    return rpc::CallUnary(Stub(by), &v1::ReferralService::Stub::ResealReferral, request, kTestTimeout);
  }
  Reason Refusal(const Sent& sent, const Seal& seal) {
    return Refused(Reseal(MakeReseal(sent, seal, fmt::format("reseal-{:04}", ++words_))).status());
  }

  // Gives the agency another sealing certificate; with the old key's word for it, if `endorsed`.
  Issued Replace(const std::string& agency, bool endorsed) {
    const Issued& old_key = world_.sealing(agency);
    const Issued new_key = world_.authority().IssueSealing(agency);
    admin::v1::Change change;
    auto& row = *change.mutable_put_agency()->mutable_agency();
    row = world_.broker().directory().Get()->FindAgency(agency)->agency;
    row.set_sealing_certificate(new_key.certificate.der());
    if (endorsed) {
      row.set_previous_sealing_certificate(old_key.certificate.der());
      row.set_sealing_endorsement(*crypto::EndorseSuccessor(old_key.sealing_key(), old_key.certificate, new_key.certificate));
    }
    EXPECT_EQ(world_.Change(change), absl::OkStatus());
    return new_key;
  }

  std::map<std::string, std::string> last_;
  int words_ = 0;
};

TEST_F(ResealApiTest, WhoStandsInIsGivenItOnARedirectionAtOnce) {
  TestingReferral spec = {.request_id = "incident-1", .recipients = {"idva", "childrens"}};
  spec.alter = [](referral::HeaderParts& parts) {
    parts.recipients[1].set_capacity(RECIPIENT_CAPACITY_DEPUTY);
    parts.recipients[1].set_on_behalf_of("idva");
  };
  const Sent sent = Send(spec);
  EXPECT_EQ(Depth("childrens"), 0u);
  Redirect("idva", sent.digest, "childrens");
  EXPECT_EQ(Depth("childrens"), 1u);
  const auto entries = EntriesOpenTo("police", EVENT_TYPE_STAND_IN_QUEUED);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].referral->recipient(), "childrens");
  EXPECT_THAT(EntriesOpenTo("idva", EVENT_TYPE_STAND_IN_QUEUED), IsEmpty());
  EXPECT_GT(StatusOf(sent.digest, "childrens").pick_up_due_ms(), absl::ToUnixMillis(Clock().Now())) << "its clock begins now";
  EXPECT_EQ(StatusOf(sent.digest, "idva").pick_up_due_ms(), 0);
  const v1::Delivery given = Take("childrens");
  ASSERT_TRUE(given.has_referral());
  EXPECT_FALSE(given.referral().has_supplement()) << "the header names it";
  EXPECT_EQ(given.referral().sections_size(), 3);
  EXPECT_EQ(Say("childrens", sent.digest, STATEMENT_KIND_OPENED), absl::OkStatus());
  EXPECT_THAT(Notices(), IsEmpty()) << "nothing is asked of the sender";
}

TEST_F(ResealApiTest, BeyondTheHeaderTheSenderSealsAgain) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Redirect("idva", sent.digest, "housing");
  const auto notices = Notices();
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(notices[0].kind(), NOTICE_KIND_RESEAL_WANTED);
  EXPECT_EQ(notices[0].agency(), "housing");
  EXPECT_EQ(EntriesOpenTo("police", EVENT_TYPE_RESEAL_WANTED).size(), 1u);
  EXPECT_EQ(StatusOf(sent.digest, "housing").reseal_wanted_ms(), absl::ToUnixMillis(Clock().Now()));
  EXPECT_EQ(DueRows(DueKind::kReseal), 1u);
  // Until then it is no party to it.
  EXPECT_EQ(Depth("housing"), 0u);
  EXPECT_EQ(Refused(Get("housing", sent.digest).status()), Reason::kNotPermitted);
  EXPECT_EQ(Refused(Say("housing", sent.digest, STATEMENT_KIND_OPENED)), Reason::kNotPermitted);
  EXPECT_EQ(Holders("police", sent.digest)->holders_size(), 1);

  const Seal seal = {.agency = "housing", .key = world_.sealing("housing"), .categories = {CATEGORY_IDENTITY}, .named_by = "idva"};
  const auto request = MakeReseal(sent, seal, "reseal-1");
  const auto answer = Reseal(request);
  ASSERT_EQ(answer.status(), absl::OkStatus());
  EXPECT_EQ(answer->recipient().agency(), "housing");
  EXPECT_EQ(answer->recipient().reseal_wanted_ms(), 0);
  EXPECT_EQ(answer->decisions_size(), 3);
  EXPECT_EQ(Reseal(request)->index(), answer->index()) << "the same again";
  EXPECT_EQ(Depth("housing"), 1u);
  EXPECT_EQ(DueRows(DueKind::kReseal), 0u);
  EXPECT_GT(StatusOf(sent.digest, "housing").pick_up_due_ms(), 0);

  const v1::Delivery given = Take("housing");
  ASSERT_TRUE(given.has_referral());
  const auto supplement = referral::ParseStatement(given.referral().supplement());
  ASSERT_EQ(supplement.status(), absl::OkStatus());
  EXPECT_EQ(supplement->reseal().recipient().agency(), "housing");
  ASSERT_EQ(given.referral().sections_size(), 1);
  const Issued& key = world_.sealing("housing");
  EXPECT_EQ(crypto::cms::Open(given.referral().sections(0).cms(), key.sealing_key(), key.certificate).status(), absl::OkStatus());
  for (const Opening& opening : given.referral().openings()) {
    if (opening.label() != "recipient") continue;
    RecipientPart part;
    ASSERT_TRUE(part.ParseFromString(opening.content()));
    EXPECT_EQ(part.agency(), "idva") << "who named it, and no other";
  }
  EXPECT_EQ(Say("housing", sent.digest, STATEMENT_KIND_OPENED), absl::OkStatus());
  // Told of what the sender says from now on, as any holder.
  ASSERT_EQ(Recall(sent.digest, "recall-01", answer->statement_digest()).status(), absl::OkStatus());
  EXPECT_EQ(Read(Take("housing")).kind(), STATEMENT_KIND_RECALL);
}

TEST_F(ResealApiTest, NothingIsTakenButWhatWasSignedForOneKeyMore) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Redirect("idva", sent.digest, "housing");
  const Issued& key = world_.sealing("housing");
  const Seal good = {.agency = "housing", .key = key, .categories = {CATEGORY_IDENTITY}, .named_by = "idva"};
  const auto with = [&](auto change) {
    Seal seal = good;
    change(seal);
    return Refusal(sent, seal);
  };
  EXPECT_EQ(with([](Seal& s) { s.categories = {CATEGORY_IDENTITY, CATEGORY_NARRATIVE}; }), Reason::kSealedTooWidely) << "narrative does not go to housing";
  EXPECT_EQ(with([&](Seal& s) { s.more = world_.sealing("childrens").certificate; }), Reason::kSealedTooWidely);
  EXPECT_EQ(with([&](Seal& s) { s.key = world_.authority().IssueSealing("housing"); }), Reason::kSealingKeyUnknown) << "not the one that it has";
  EXPECT_EQ(with([&](Seal& s) {
    s.alter = [&](auto&, Statement& statement) {
      statement.mutable_reseal()->set_sealing_certificate_digest(world_.sealing("housing").certificate.fingerprint());
    };
    s.key = world_.sealing("childrens");
  }), Reason::kSealingKeyUnknown) << "sealed for another than it says";
  EXPECT_EQ(with([&](Seal& s) {
    s.alter = [&](v1::ResealReferralRequest& request, Statement&) {
      request.mutable_sections(0)->set_cms(*crypto::cms::Seal("another", std::vector{world_.sealing("police").certificate, world_.sealing("idva").certificate,
                                                                                       world_.sealing("housing").certificate}));
    };
  }), Reason::kSectionDigestMismatch);
  EXPECT_EQ(with([&](Seal& s) {
    s.alter = [&](v1::ResealReferralRequest& request, Statement&) {  // Without the infos that it had.
      request.mutable_sections(0)->set_cms(*crypto::cms::ForRecipient(request.sections(0).cms(), world_.sealing("housing").certificate.subject_key_id()));
    };
  }), Reason::kSealedTooWidely);
  EXPECT_EQ(with([](Seal& s) { s.alter = [](v1::ResealReferralRequest& request, Statement&) { *request.add_sections() = request.sections(0); }; }),
            Reason::kFieldInvalid);
  EXPECT_EQ(with([](Seal& s) { s.named_by = "childrens"; }), Reason::kFieldInvalid) << "it did not name it";
  EXPECT_EQ(with([&](Seal& s) { s.agency = "childrens", s.key = world_.sealing("childrens"); }), Reason::kFieldInvalid) << "nobody named it";
  EXPECT_EQ(with([](Seal& s) { s.approver = ""; }), Reason::kFieldMissing) << "nobody approved";
  EXPECT_EQ(with([](Seal& s) { s.previous = std::string(32, 'p'); }), Reason::kTransitionIllegal);
  EXPECT_EQ(with([&](Seal& s) { s.agency = "idva", s.key = world_.authority().IssueSealing("idva"), s.named_by = ""; }), Reason::kSealingKeyUnknown);
  EXPECT_EQ(Depth("housing"), 0u);
  // Nor by anybody else, nor of what was called back.
  auto stolen = MakeReseal(sent, good, "reseal-stolen");
  EXPECT_EQ(Refused(Reseal(stolen, "idva").status()), Reason::kSigningKeyUnknown);
  ASSERT_EQ(Recall(sent.digest, "recall-01").status(), absl::OkStatus());
  EXPECT_EQ(DueRows(DueKind::kReseal), 0u) << "nothing is asked of it any more";
  EXPECT_EQ(Refused(Reseal(MakeReseal(sent, good, "reseal-late")).status()), Reason::kTransitionIllegal);
}

TEST_F(ResealApiTest, ARedirectionToWhoMayHaveNothingAsksNothing) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}, .sealed_for = {{CATEGORY_IDENTITY, {}}, {CATEGORY_RISK, {}}},
                          .alter = [](referral::HeaderParts& parts) { parts.subjects[0].add_exclusions()->set_agency("housing"); }});
  Redirect("idva", sent.digest, "housing");
  EXPECT_THAT(Notices(), IsEmpty());
  EXPECT_EQ(DueRows(DueKind::kReseal), 0u);
  EXPECT_EQ(Get("police", sent.digest)->recipients_size(), 1);
}

TEST_F(ResealApiTest, WhatIsSealedForAKeyThatWasReplacedWaits) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  const Sent later = Send({.request_id = "incident-2", .recipients = {"idva"}, .certificates = {}});
  const Issued new_key = Replace("idva", /*endorsed=*/true);
  const Sent fresh = Send({.request_id = "incident-3", .recipients = {"idva"}, .certificates = {{"idva", new_key.certificate}}});
  for (int again = 0; again < 3; ++again) EXPECT_FALSE(Collected("idva", sent.digest));
  EXPECT_FALSE(Collected("idva", later.digest));
  EXPECT_EQ(StatusOf(sent.digest, "idva").state(), REFERRAL_STATE_STORED) << "no dead letter";
  EXPECT_EQ(Depth("idva"), 1u) << "out of the way of what can be opened";
  ASSERT_TRUE(Take("idva").has_referral());
  EXPECT_EQ(EntriesOpenTo("police", EVENT_TYPE_RESEAL_WANTED).size(), 2u) << "once each";
  EXPECT_EQ(Notices().size(), 2u);

  // The old key's word is enough, for what was sealed for that.
  const Seal seal = {.agency = "idva", .key = new_key, .categories = {CATEGORY_IDENTITY, CATEGORY_RISK, CATEGORY_NARRATIVE}, .approver = ""};
  ASSERT_EQ(Reseal(MakeReseal(sent, seal, "reseal-1")).status(), absl::OkStatus());
  const v1::Delivery given = Take("idva");
  ASSERT_TRUE(given.has_referral());
  EXPECT_EQ(given.attempt(), 1u) << "waiting was no attempt";
  ASSERT_EQ(given.referral().sections_size(), 3);
  EXPECT_EQ(crypto::cms::Open(given.referral().sections(0).cms(), new_key.sealing_key(), new_key.certificate).status(), absl::OkStatus());

  // Not that of a key that is denied.
  admin::v1::Change deny;
  deny.mutable_deny_key()->set_digest(world_.sealing("idva").certificate.fingerprint());
  ASSERT_EQ(world_.Change(deny), absl::OkStatus());
  EXPECT_EQ(Refusal(later, seal), Reason::kFieldMissing);
  Seal approved = seal;
  approved.approver = "dpo-1";
  EXPECT_EQ(Reseal(MakeReseal(later, approved, "reseal-2")).status(), absl::OkStatus());
  EXPECT_EQ(Take("idva").referral().sections_size(), 3);
  EXPECT_EQ(DueRows(DueKind::kReseal), 0u);
}

TEST_F(ResealApiTest, WhoLostItsKeyIsGivenItOnceMore) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  const v1::Delivery first = Take("idva");
  ASSERT_EQ(Say("idva", sent.digest, STATEMENT_KIND_OPENED), absl::OkStatus());
  const Issued new_key = Replace("idva", /*endorsed=*/false);
  const Seal seal = {.agency = "idva", .key = new_key, .categories = {CATEGORY_RISK}};
  ASSERT_EQ(Reseal(MakeReseal(sent, seal, "reseal-1")).status(), absl::OkStatus());
  const v1::Delivery again = Take("idva");
  ASSERT_TRUE(again.has_referral());
  EXPECT_NE(again.delivery_id(), first.delivery_id()) << "the old id is known to it";
  EXPECT_EQ(again.referral().sections_size(), 1);
  EXPECT_EQ(StatusOf(sent.digest, "idva").state(), REFERRAL_STATE_OPENED) << "what it said stands";
  Seal twice = seal;
  twice.previous = referral::DigestOf(MakeReseal(sent, seal, "reseal-1").statement());
  EXPECT_EQ(Refused(Reseal(MakeReseal(sent, twice, "reseal-2")).status()), Reason::kTransitionIllegal);
}

TEST_F(ResealApiTest, TheSenderIsChasedEveryWorkingDayUntilItEnds) {
  const Sent sent = Send({.request_id = "incident-1", .recipients = {"idva"}});
  Redirect("idva", sent.digest, "housing");
  EXPECT_EQ(Notices().size(), 1u);
  Clock().Advance(EndOfNextWorkingDay(Clock().Now()) - Clock().Now());
  const v1::Delivery delivery = Take("police");
  ASSERT_TRUE(delivery.has_notice());
  EXPECT_EQ(delivery.notice().reminder(), 2u);
  EXPECT_GT(StatusOf(sent.digest, "housing").reseal_wanted_ms(), 0);

  const Sent other = Send({.request_id = "incident-2", .recipients = {"idva"}});
  Redirect("idva", other.digest, "housing");
  EXPECT_EQ(DueRows(DueKind::kReseal), 2u);
  Send({.request_id = "incident-2-anew", .recipients = {"housing"}, .alter = [&](referral::HeaderParts& parts) { parts.core.set_caused_by(other.digest); }});
  EXPECT_EQ(DueRows(DueKind::kReseal), 1u) << "it was referred to it anew";
  EXPECT_EQ(Get("police", other.digest)->recipients_size(), 1);
}

TEST_F(ResealApiTest, APreviewNamesWhoStandsInAndItsHeaderIsDecidedAlike) {
  admin::v1::Change change;
  *change.mutable_put_agency()->mutable_agency() = world_.broker().directory().Get()->FindAgency("idva")->agency;
  change.mutable_put_agency()->mutable_agency()->set_deputy("housing");  // May have the identity only.
  change.mutable_put_agency()->mutable_agency()->set_duty_recipient("childrens");
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  v1::PreviewReferralResponse preview;
  TestingReferral spec = {.request_id = "incident-1", .recipients = {"idva"}, .sealed_for = {{CATEGORY_IDENTITY, {"idva", "housing", "childrens"}}}};
  spec.alter = [&](referral::HeaderParts& parts) {
    v1::PreviewReferralRequest request;
    *request.mutable_core() = parts.core;
    for (const auto& recipient : parts.recipients) *request.add_recipients() = recipient;
    for (const auto& tag : parts.tags) *request.add_tags() = tag;
    for (const auto& section : parts.sections) *request.add_sections() = section;
    for (const auto& subject : parts.subjects) *request.add_subjects() = subject;
    request.set_with_stand_ins(true);
    const auto answer = rpc::CallUnary(Stub("police"), &v1::ReferralService::Stub::PreviewReferral, request, kTestTimeout);
    ASSERT_EQ(answer.status(), absl::OkStatus());
    preview = *answer;
    for (const auto& row : preview.recipients()) {
      if (row.on_behalf_of().empty()) continue;
      auto& part = parts.recipients.emplace_back();
      part.set_agency(row.agency());
      part.set_desk(row.desk());
      part.set_capacity(row.capacity());
      part.set_on_behalf_of(row.on_behalf_of());
    }
  };
  auto request = MakeSubmission(world_, spec);
  EXPECT_THAT(Agencies(preview.recipients()), ElementsAre("idva", "housing", "childrens"));
  EXPECT_EQ(preview.recipients(1).capacity(), RECIPIENT_CAPACITY_DEPUTY);
  EXPECT_EQ(preview.recipients(2).capacity(), RECIPIENT_CAPACITY_DUTY);
  EXPECT_EQ(preview.decisions_size(), 9);
  request.set_decision_digest(preview.decision_digest());
  const auto stored = rpc::CallUnary(Stub("police"), &v1::ReferralService::Stub::SubmitReferral, request, kTestTimeout);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  EXPECT_EQ(stored->recipients_size(), 1) << "nothing is handed over to who stands in";
  EXPECT_EQ(Depth("housing") + Depth("childrens"), 0u);
}

}  // namespace
}  // namespace accord::broker::reseal_api_test
