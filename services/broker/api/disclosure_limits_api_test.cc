// The ends of disclosures over the wire: a whole broker with TLS, a real store and a real log.
//
// Goal: of a referral that was erased nothing is asked for, answered or read any more; each limit holds what it says, and not one more; and a case whose records are
// asked for has that on its record, of which its parties hear once the embargo is over.
#include <absl/synchronization/notification.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "accord/inspection/v1/disclosure_service.grpc.pb.h"
#include "common/rpc/error_mapping.h"
#include "services/broker/api/disclosure_service.h"
#include "services/broker/api/testing_disclosure.h"
#include "services/broker/sequencer/testing_command.h"

namespace accord::broker::disclosed::disclosure_limits_api_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::ElementsAre;

constexpr Category kBoth[] = {CATEGORY_IDENTITY, CATEGORY_RISK};

// A collection that is read to its end, of which `ended` is told.
class Collecting : public grpc::ClientReadReactor<inspection::v1::CollectDisclosureResponse> {
 public:
  Collecting(inspection::v1::DisclosureService::Stub& stub, uint64_t number, EndedCalls& ended) : ended_(ended) {
    rpc::SetTimeout(context_, kTestTimeout);
    request_.set_number(number);
    stub.async()->CollectDisclosure(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (ok) StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override { ended_.Add(rpc::FromGrpc(status)); }

 private:
  EndedCalls& ended_;
  grpc::ClientContext context_;
  inspection::v1::CollectDisclosureRequest request_;
  inspection::v1::CollectDisclosureResponse response_;
};

class DisclosureLimitsApiTest : public DisclosureTest {
 protected:
  Disclosure AskedOfPeople() {
    RequestResolutionRequest request = AskingOf("police");
    request.set_persons(*crypto::cms::Seal("who", std::vector{world_.sealing("police").certificate}));
    return Resolving(request);
  }
  // Sealed for ines, of this many bytes.
  SealedSection PartOf(size_t bytes) const {
    const auto seal = [&](size_t content) { return *crypto::cms::Seal(std::string(content, 'c'), std::vector{sealing_.at("ines").certificate}); };
    SealedSection part;
    part.set_section_id(std::string(kIdBytes, '\0'));
    part.set_cms(seal(2 * bytes - seal(bytes).size()));
    EXPECT_EQ(part.cms().size(), bytes);
    return part;
  }
  // How large the pieces are in which it is collected, once it was released.
  std::vector<size_t> PiecesOf(const SealedSection& part) {
    const Disclosure asked = AskedOfPeople();
    AnswerDisclosureRequest answering = Answering(asked, {part});
    Upload("agency/police", answering.request_id(), *answering.mutable_parts(0));
    EXPECT_EQ(Refused(Answer("agency/police", answering)), "");
    const WireAnswer answer = Collect("inspector/ines", asked.number());
    EXPECT_EQ(Read(answer).parts.at(0), part.cms());
    std::vector<size_t> pieces;
    for (size_t i = 1; i < answer.messages.size(); ++i) pieces.push_back(Parse<CollectDisclosureResponse>(answer.messages[i]).chunk().size());
    return pieces;
  }
};

TEST_F(DisclosureLimitsApiTest, OfWhatWasErasedNothingIsAskedForAnsweredOrRead) {
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"idva"}}), kept = Store({.request_id = "incident-2", .recipients = {"idva"}});
  Activated("jtai-1");
  const RequestDisclosureRequest asking = Asking(digest, "idva");
  const Disclosure released = Asked(asking), open = Asked(Asking(digest, "police")), other = Asked(Asking(kept, "police"));
  const AnswerDisclosureRequest answering = Answering(released, Resealed(digest, "idva", kBoth));
  EXPECT_EQ(Refused(Answer("agency/idva", answering)), "");
  EXPECT_EQ(Read(Collect("inspector/ines", released.number())).parts.size(), 2u);
  Erase(digest);

  EXPECT_EQ(Refused(Ask(Asking(digest, "police"))), "ERASED");
  EXPECT_EQ(Refused(Ask(asking)), "ERASED") << "what was asked before, again";
  EXPECT_EQ(Refused(Answer("agency/police", Answering(open, Resealed(digest, "police", kBoth)))), "ERASED");
  EXPECT_EQ(Refused(Answer("agency/police", Answering(open, {}))), "ERASED") << "nor refused";
  EXPECT_EQ(Refused(Answer("agency/idva", answering)), "ERASED") << "what was answered before, again";
  EXPECT_EQ(Refused(Get("agency/police", open.number())), "ERASED");
  for (const uint64_t number : {released.number(), open.number()}) EXPECT_EQ(Refused(Collect("inspector/ines", number)), "ERASED");
  // Who knew nothing of it hears nothing of it.
  EXPECT_EQ(Refused(Collect("inspector/carl", released.number())), "DISCLOSURE_NOT_FOUND");
  EXPECT_EQ(Refused(Get("agency/housing", open.number())), "DISCLOSURE_NOT_FOUND");
  EXPECT_EQ(Refused(Answer("agency/housing", Answering(open, {}, [](auto& s) { s.set_agency("housing"); }, "housing"))), "DISCLOSURE_NOT_FOUND");

  for (const char* principal : {"inspector/ines", "agency/police", "admin/alice"}) EXPECT_THAT(Listed(principal), ElementsAre(other.number())) << principal;
  EXPECT_EQ(Refused(Answer("agency/police", Answering(other, Resealed(kept, "police", kBoth)))), "");
  EXPECT_EQ(Read(Collect("inspector/ines", other.number())).parts.size(), 2u);
}

TEST_F(DisclosureLimitsApiTest, WhoseRecordsOfACaseAreAskedForSeesItOnceTheEmbargoIsOver) {
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"idva", "housing"}}), other = Store({.request_id = "incident-2", .recipients = {"idva"}});
  Activated("jtai-1", [&](Warrant& w) { w.set_embargo_until_ms(absl::ToUnixMillis(clock_.Now() + absl::Hours(1))); });
  RequestResolutionRequest records = AskingOf("idva");
  for (const std::string& one : {digest, other}) records.add_case_pseudonyms(CaseOf(one));
  const Disclosure asked = Resolving(records);
  RecordsAnswer numbers;
  for (const std::string& one : asked.referrals()) numbers.add_referrals()->set_referral(one);
  EXPECT_EQ(Refused(Answer("agency/idva", Answering(asked, {Sealed(asked, records.request_id(), numbers)}))), "");
  EXPECT_EQ(Read(Collect("inspector/ines", asked.number())).parts.size(), 1u);

  for (const std::string& one : {digest, other}) {
    inspection::v1::QueryTrailRequest trail;
    trail.set_case_pseudonym(CaseOf(one));
    std::vector<std::string> of_it;
    const auto response = Only<inspection::v1::QueryTrailResponse>(Call("admin/alice", kTrails + "QueryTrail", trail));
    for (const auto& row : response.rows()) {
      if (row.event().disclosure() != asked.number()) continue;
      of_it.push_back(EventType_Name(row.event().type()).substr(11) + " " + row.actor().principal() + " " + row.event().warrant());
    }
    EXPECT_THAT(of_it, ElementsAre("DISCLOSURE_REQUESTED inspector/ines jtai-1", "DISCLOSURE_READ inspector/ines jtai-1"));
  }
  inspection::v1::AskQuestionRequest who_viewed;
  who_viewed.set_question(9);
  who_viewed.set_case_pseudonym(CaseOf(other));
  int viewed = 0;
  const auto viewers = Only<inspection::v1::AskQuestionResponse>(Call("admin/alice", kTrails + "AskQuestion", who_viewed));
  for (const auto& row : viewers.table().rows()) {
    viewed += static_cast<int>(std::count(row.cells().begin(), row.cells().end(), "DISCLOSURE_READ"));
  }
  EXPECT_EQ(viewed, 1);

  const auto looks = [&](const std::string& agency) {
    std::vector<std::string> seen;
    const auto response = Only<inspection::v1::ListLooksResponse>(Call(agency, kWarrants + "ListLooks", inspection::v1::ListLooksRequest()));
    for (const auto& look : response.looks()) {
      seen.push_back(EventType_Name(look.event()).substr(11) + look.referral());
    }
    return seen;
  };
  for (const char* agency : {"agency/police", "agency/housing", "agency/idva"}) EXPECT_THAT(looks(agency), ::testing::IsEmpty()) << agency;
  clock_.Advance(absl::Hours(1));
  for (const char* agency : {"agency/police", "agency/housing"}) EXPECT_THAT(looks(agency), ElementsAre("DISCLOSURE_READ", "DISCLOSURE_REQUESTED")) << agency;
  EXPECT_THAT(looks("agency/idva"), ::testing::IsEmpty()) << "it was asked, and knew at once";
  EXPECT_THAT(looks("agency/childrens"), ::testing::IsEmpty()) << "no party of either";
}

TEST_F(DisclosureLimitsApiTest, EightCollectionsAreUnderWayAtATime) {
  Activated("jtai-1");
  const Disclosure asked = AskedOfPeople();
  EXPECT_EQ(Refused(Answer("agency/police", Answering(asked, {PartOf(1000)}))), "");
  const auto stub = inspection::v1::DisclosureService::NewStub(world_.Channel("inspector/ines"));
  EndedCalls ended;
  // Each takes its place and then waits for its entry on the record.
  absl::Notification go_on;
  world_.broker().sequencer().Submit(std::make_unique<HeldUp>(go_on));
  std::vector<std::unique_ptr<Collecting>> calls;
  for (int i = 0; i <= kCollectionsAtOnceMax; ++i) calls.push_back(std::make_unique<Collecting>(*stub, asked.number(), ended));
  const auto first = ended.Wait(1);
  go_on.Notify();
  const auto all = ended.Wait(kCollectionsAtOnceMax + 1);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(HasReason(first[0], Reason::kQueueFull)) << first[0];
  EXPECT_EQ(DetailOf(first[0]).metadata.at(std::string(rpc::kRetryAfterKey)), "10000");
  for (size_t i = 1; i < all.size(); ++i) EXPECT_EQ(all[i], absl::OkStatus());
  // One that has come to its end leaves its place, if not before its reader knows of the end.
  WireAnswer next = Collect("inspector/ines", asked.number());
  while (Refused(next) == "QUEUE_FULL") next = Collect("inspector/ines", asked.number());
  EXPECT_EQ(Read(next).parts.size(), 1u);
}

TEST_F(DisclosureLimitsApiTest, APieceIsOfAMebibyte) {
  Activated("jtai-1");
  EXPECT_THAT(PiecesOf(PartOf(kDisclosedChunkBytesMax)), ElementsAre(1u << 20));
  EXPECT_THAT(PiecesOf(PartOf(kDisclosedChunkBytesMax + 1)), ElementsAre(1u << 20, 1u));
}

TEST_F(DisclosureLimitsApiTest, AnAnswerOfMoreThanSixtyFourPartsIsNone) {
  Activated("jtai-1");
  const Disclosure asked = Asked(Asking(Store({.request_id = "incident-1", .recipients = {"idva"}}), "police"));
  std::vector<SealedSection> parts;
  for (int i = 0; i < referral::kDisclosurePartsMax; ++i) {
    SealedSection& part = parts.emplace_back();
    part.set_section_id(fmt::format("{:016}", i));
    part.set_cms(*crypto::cms::Seal(fmt::format("content {}", i), std::vector{sealing_.at("ines").certificate}));
  }
  AnswerDisclosureRequest answering = Answering(asked, parts);
  EXPECT_EQ(Refused(Answer("agency/police", answering)), "SECTION_DIGEST_MISMATCH") << "as many as there may be, and none of the referral's";
  // What the agencies' service does not sign.
  DisclosureStatement statement = Parse<DisclosureStatement>(answering.statement().payload());
  const SealedSection more = PartOf(1000);
  *answering.add_parts() = more;
  statement.add_parts(crypto::Sha256(more.cms()));
  SignedPayload& document = *answering.mutable_statement();
  document.set_payload(statement.SerializeAsString());
  document.set_signature(*world_.signing("police").signing_key().SignDigest(referral::DigestOf(document)));
  EXPECT_EQ(Refused(Answer("agency/police", answering)), "FIELD_INVALID parts");
}

TEST_F(DisclosureLimitsApiTest, APageHasFiftyRowsUnlessUpToFiveHundredAreAskedFor) {
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"idva"}}, /*collected=*/false);
  Activated("jtai-1");
  inspection::v1::ListDisclosuresRequest list;
  const auto listing = [&] { return Call("inspector/ines", kDisclosures + "ListDisclosures", list); };
  const auto page = [&] { return Only<inspection::v1::ListDisclosuresResponse>(listing()); };
  for (int i = 0; i < 50; ++i) Asked(Asking(digest, "police"));
  EXPECT_EQ(page().disclosures_size(), 50);
  EXPECT_EQ(page().next_page_token(), "");
  Asked(Asking(digest, "police"));
  EXPECT_EQ(page().disclosures_size(), 50);
  EXPECT_NE(page().next_page_token(), "");
  list.set_page_size(500);
  EXPECT_EQ(page().disclosures_size(), 51);
  list.set_page_size(501);
  EXPECT_EQ(Refused(listing()), "FIELD_INVALID page_size");
}

}  // namespace
}  // namespace accord::broker::disclosed::disclosure_limits_api_test
