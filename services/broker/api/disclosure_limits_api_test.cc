// The ends of disclosures over the wire: a whole broker with TLS, a real store and a real log.
//
// Goal: of a referral that was erased nothing is asked for, answered or read any more, whatever is under way; and each limit holds what it says, and
// not one more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/rpc/error_mapping.h"
#include "services/broker/api/disclosure_service.h"
#include "services/broker/api/testing_disclosure.h"

namespace accord::broker::disclosed::disclosure_limits_api_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::ElementsAre;

constexpr Category kBoth[] = {CATEGORY_IDENTITY, CATEGORY_RISK};

class DisclosureLimitsApiTest : public DisclosureTest {
 protected:
  // A collection whose first message was read: more is to come than any connection takes ahead of its reader.
  std::unique_ptr<WireCall> Begun(uint64_t number) {
    auto call = std::make_unique<WireCall>(world_.Channel("inspector/ines"), kDisclosures + "CollectDisclosure");
    inspection::v1::CollectDisclosureRequest request;
    request.set_number(number);
    call->Write(request);
    call->WritesDone();
    EXPECT_TRUE(call->Read().has_value());
    return call;
  }
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

TEST_F(DisclosureLimitsApiTest, AnErasureStopsWhatIsUnderWay) {
  const std::string digest = StoreLarge("incident-1");
  Activated("jtai-1");
  const Disclosure asked = Asked(Asking(digest, "police"));
  EXPECT_EQ(Refused(Answer("agency/police", AnsweringLarge(asked))), "");
  const auto under_way = Begun(asked.number());
  Erase(digest);
  EXPECT_EQ(Refused(under_way->Finish()), "ERASED");
}

TEST_F(DisclosureLimitsApiTest, EightCollectionsAreUnderWayAtATime) {
  const std::string digest = StoreLarge("incident-1");
  Activated("jtai-1");
  const Disclosure asked = Asked(Asking(digest, "police"));
  EXPECT_EQ(Refused(Answer("agency/police", AnsweringLarge(asked))), "");
  std::vector<std::unique_ptr<WireCall>> under_way;
  for (int i = 0; i < kCollectionsAtOnceMax; ++i) under_way.push_back(Begun(asked.number()));
  const WireAnswer ninth = Collect("inspector/ines", asked.number());
  EXPECT_EQ(Refused(ninth), "QUEUE_FULL");
  EXPECT_EQ(DetailOf(rpc::FromGrpc(grpc::Status(ninth.code, ninth.words, ninth.details))).metadata.at(std::string(rpc::kRetryAfterKey)), "10000");
  // One that comes to its end leaves its place, if not before its reader knows of the end.
  EXPECT_EQ(Refused(under_way.front()->Finish()), "");
  WireAnswer next = Collect("inspector/ines", asked.number());
  while (Refused(next) == "QUEUE_FULL") next = Collect("inspector/ines", asked.number());
  EXPECT_EQ(Read(next).parts.size(), 3u);
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
