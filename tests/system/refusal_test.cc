// What the broker refuses, with which code and reason, and what it leaves on the record: an entry for every refusal of
// somebody who showed a certificate of the area, none for a handshake that never named anybody.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/commitment.h"
#include "common/referral/statement.h"
#include "common/rpc/server.h"
#include "common/rpc/tls.h"
#include "tests/system/raw_agency.h"
#include "tests/system/traffic.h"

namespace accord::tests::refusal_test {
namespace {

using broker::v1::ReferralService;
using broker::v1::SubmitReferralRequest;
using crypto::testing::CertificateSpec;
using crypto::testing::SpiffeId;
using inspection::v1::TrailService;

constexpr const char* kSubmit = "/accord.broker.v1.ReferralService/SubmitReferral";
constexpr const char* kPreview = "/accord.broker.v1.ReferralService/PreviewReferral";
constexpr const char* kRespond = "/accord.broker.v1.ReferralService/RespondToReferral";

// The section part or core altered after signing rules were checked, then committed to and signed all the same: what a
// sender with a faulty program would send. docs/formats.md §3.
type::v1::SignedPayload SignAnyway(const std::vector<type::v1::Opening>& openings, const crypto::SigningKey& key, Random& random) {
  std::vector<std::string> commitments;
  for (const auto& opening : openings) {
    commitments.push_back(crypto::Commit(crypto::kHeaderPartDomain, {opening.label(), opening.salt(), opening.content()}));
  }
  while (commitments.size() % referral::kHeaderCommitmentsStep != 0) commitments.push_back(random.Bytes(crypto::kCommitmentBytes));
  std::sort(commitments.begin(), commitments.end());
  ByteWriter payload;
  payload.Raw("ACRDHDR1").Raw(key.key_id()).U16(static_cast<uint16_t>(commitments.size()));
  for (const std::string& commitment : commitments) payload.Raw(commitment);
  type::v1::SignedPayload header;
  header.set_payload_type(std::string(referral::kHeaderPayloadType));
  header.set_payload(payload.bytes());
  header.set_key_id(key.key_id());
  header.set_signature(*key.SignDigest(referral::DigestOf(header)));
  return header;
}

class RefusalTest : public ::testing::Test {
 protected:
  RefusalTest() : world_({.agreement = OpenAgreement()}), police_(world_, "police"), idva_(world_, "idva") {}
  void SetUp() override {
    ASSERT_EQ(world_.Start(kBroker), absl::OkStatus());
    trails_ = world_.Stub<TrailService>(kBroker, "admin/alice");
  }

  uint64_t LogSize() {
    const auto checkpoint = GetCheckpoint(world_);
    EXPECT_EQ(checkpoint.status(), absl::OkStatus());
    return checkpoint.ok() ? checkpoint->checkpoint.size : 0;
  }
  // The newest refusals, as an administrator is shown them: of whoever it was, strangers too.
  std::vector<inspection::v1::TrailRow> Refusals() {
    inspection::v1::QueryTrailRequest request;
    request.set_purpose("test");
    request.set_page_size(100);
    request.mutable_filter()->add_events(type::v1::EVENT_TYPE_REFUSED);
    request.mutable_filter()->set_newest_first(true);
    const auto response = rpc::CallUnary(*trails_, &TrailService::Stub::QueryTrail, request, kCallTime);
    EXPECT_EQ(response.status(), absl::OkStatus());
    if (!response.ok()) return {};
    return {response->rows().begin(), response->rows().end()};
  }

  // `call` is refused with `reason` and its code, and the refusal is an entry of `principal`.
  void ExpectRefused(const std::string& what, Reason reason, std::string_view method, std::string_view principal,
                     const std::function<absl::Status()>& call) {
    SCOPED_TRACE(what);
    const uint64_t before = LogSize();
    const absl::Status status = call();
    EXPECT_EQ(status.code(), RowOf(reason).code) << status;
    EXPECT_TRUE(HasReason(status, reason)) << status << " with reason " << RowOf(DetailOf(status).reason).name;
    bool found = false;
    Eventually(kCallTime, [&] {
      for (const auto& row : Refusals()) {
        found = found || (row.index() >= before && row.event().type() == type::v1::EVENT_TYPE_REFUSED && row.event().reason() == RowOf(reason).name &&
                          row.event().method() == method && row.actor().principal() == principal);
      }
      return found;
    });
    EXPECT_TRUE(found) << "no REFUSED entry of " << principal << " with " << RowOf(reason).name << " at " << method;
  }
  // As police at SubmitReferral, with a good request altered.
  void ExpectSubmitRefused(const std::string& what, Reason reason, const std::function<void(SubmitReferralRequest&)>& alter) {
    auto request = police_.Make({.request_id = fmt::format("refused-{:04}", ++requests_), .recipients = {"idva"}});
    ASSERT_EQ(request.status(), absl::OkStatus());
    alter(*request);
    ExpectRefused(what, reason, kSubmit, "agency/police", [&] { return police_.Submit(*request).status(); });
  }
  static type::v1::Opening& OpeningOf(SubmitReferralRequest& request, std::string_view label) {
    auto& openings = *request.mutable_submission()->mutable_openings();
    return *std::find_if(openings.begin(), openings.end(), [&](const auto& opening) { return opening.label() == label; });
  }
  // Alters a part and signs it as altered.
  template <typename Part>
  void Resign(SubmitReferralRequest& request, std::string_view label, const std::function<void(Part&)>& alter) {
    auto& opening = OpeningOf(request, label);
    Part part;
    ASSERT_TRUE(part.ParseFromString(opening.content()));
    alter(part);
    opening.set_content(part.SerializeAsString());
    ResignAsIs(request);
  }
  void ResignAsIs(SubmitReferralRequest& request) {
    auto& submission = *request.mutable_submission();
    *submission.mutable_header() =
        SignAnyway({submission.openings().begin(), submission.openings().end()}, police_.keys().signing_key, world_.random());
  }

  World world_;
  RawAgency police_, idva_;
  std::unique_ptr<TrailService::Stub> trails_;
  int requests_ = 0;
};

TEST_F(RefusalTest, WhoIsNobodyHere) {
  const auto stub = world_.Stub<ReferralService>(kBroker, "agency/nobody");
  ExpectRefused("unknown agency", Reason::kPrincipalUnknown, "/accord.broker.v1.ReferralService/ListReferrals", "unknown",
                [&] { return rpc::CallUnary(*stub, &ReferralService::Stub::ListReferrals, {}, kCallTime).status(); });
  const auto administrator = world_.Stub<ReferralService>(kBroker, "admin/alice");
  ExpectRefused("an administrator at an agency's method", Reason::kRoleNotAllowed, "/accord.broker.v1.ReferralService/ListReferrals",
                "admin/alice", [&] { return rpc::CallUnary(*administrator, &ReferralService::Stub::ListReferrals, {}, kCallTime).status(); });

  // An agency that is taken out of service is nobody from that moment on.
  auto row = world_.Row("housing");
  ASSERT_EQ(row.status(), absl::OkStatus());
  row->set_active(false);
  admin::v1::Change change;
  *change.mutable_put_agency()->mutable_agency() = *row;
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  RawAgency housing(world_, "housing");
  ExpectRefused("inactive agency", Reason::kPrincipalUnknown, "/accord.broker.v1.ReferralService/ListReferrals", "agency/housing",
                [&] { return rpc::CallUnary(housing.referrals(), &ReferralService::Stub::ListReferrals, {}, kCallTime).status(); });
}

TEST_F(RefusalTest, ADeniedCertificateOrKeyIsOutAtOnce) {
  const auto list = [](ReferralService::Stub& stub) {
    return rpc::CallUnary(stub, &ReferralService::Stub::ListReferrals, {}, kCallTime).status();
  };
  const auto certificate = crypto::Certificate::FromPem(*ReadFile(world_.Tls(police_.principal()).certificate));
  ASSERT_EQ(certificate.status(), absl::OkStatus());
  ASSERT_EQ(list(police_.referrals()), absl::OkStatus());
  admin::v1::Change change;
  change.mutable_deny_key()->set_digest(certificate->fingerprint());
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  ExpectRefused("denied certificate", Reason::kCertificateDenied, "/accord.broker.v1.ReferralService/ListReferrals", "agency/police",
                [&] { return list(police_.referrals()); });
  // The same agency's other certificate is as good as before; its key denied ends that one too.
  const auto other = world_.Stub<ReferralService>(kBroker, "agency/police/other");
  EXPECT_EQ(list(*other), absl::OkStatus());
  change.mutable_deny_key()->set_digest(
      crypto::Certificate::FromPem(*ReadFile(world_.Tls("agency/police/other").certificate))->public_key_id());
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  ExpectRefused("denied key", Reason::kCertificateDenied, "/accord.broker.v1.ReferralService/ListReferrals", "agency/police",
                [&] { return list(*other); });
}

TEST_F(RefusalTest, ADenialEndsALiveMailbox) {
  const auto certificate = crypto::Certificate::FromPem(*ReadFile(world_.Tls(idva_.principal()).certificate));
  const auto stub = world_.Stub<broker::v1::MailboxService>(kBroker, idva_.principal());
  grpc::ClientContext context;
  rpc::SetTimeout(context, kStartTime);
  const auto stream = stub->OpenMailbox(&context);
  broker::v1::OpenMailboxRequest open;
  open.mutable_open()->set_credit(1);
  ASSERT_TRUE(stream->Write(open));
  // It lives: what is sent arrives on it.
  const auto request = police_.Make({.request_id = "live-0001", .recipients = {"idva"}});
  ASSERT_EQ(request.status(), absl::OkStatus());
  ASSERT_EQ(police_.Submit(*request).status(), absl::OkStatus());
  broker::v1::OpenMailboxResponse response;
  ASSERT_TRUE(stream->Read(&response));
  admin::v1::Change change;
  change.mutable_deny_key()->set_digest(certificate->fingerprint());
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(HasReason(rpc::FromGrpc(stream->Finish()), Reason::kCertificateDenied));
}

TEST_F(RefusalTest, HandshakesThatNameNobodyLeaveNothing) {
  const uint64_t before = LogSize();
  const absl::Time now = world_.clock().Now();
  const auto spec = [](std::vector<std::string> uris) {
    CertificateSpec made;
    made.uris = std::move(uris);
    made.tls = true;
    return made;
  };
  CertificateSpec expired = spec({SpiffeId("agency/police")});
  expired.not_after = now - absl::Hours(1);
  CertificateSpec not_yet = spec({SpiffeId("agency/police")});
  not_yet.not_before = now + absl::Hours(24);
  const crypto::testing::TestAuthority stranger("Somebody else's authority");
  const std::pair<const char*, crypto::testing::Issued> wrong[] = {
      {"expired", world_.tls_authority().Issue(expired)},
      {"not-yet-valid", world_.tls_authority().Issue(not_yet)},
      {"other-authority", stranger.IssueTls("agency/police")},
      {"no-name", world_.tls_authority().Issue(spec({}))},
      {"two-names", world_.tls_authority().Issue(spec({SpiffeId("agency/police"), SpiffeId("agency/idva")}))},
      {"other-domain", world_.tls_authority().Issue(spec({"spiffe://elsewhere.test/agency/police"}))},
      {"signing-key", world_.tls_authority().Issue(spec({SpiffeId("agency/police/signing")}))},
  };
  for (const auto& [name, issued] : wrong) {
    const rpc::TlsFiles files = world_.Write(name, issued);
    EXPECT_EQ(rpc::ProbeTls("127.0.0.1", world_.port(kBroker), files, rpc::Offer::kOwnCertificate, kCallTime).code(),
              absl::StatusCode::kPermissionDenied)
        << name;
    const auto stub = ReferralService::NewStub(world_.ChannelWith(kBroker, files));
    EXPECT_EQ(rpc::CallUnary(*stub, &ReferralService::Stub::ListReferrals, {}, absl::Seconds(2)).status().code(),
              absl::StatusCode::kUnavailable)
        << name;
  }
  const rpc::TlsFiles good = world_.Tls("agency/police");
  EXPECT_EQ(rpc::ProbeTls("127.0.0.1", world_.port(kBroker), good, rpc::Offer::kOwnCertificate, kCallTime), absl::OkStatus());
  for (const rpc::Offer offer : {rpc::Offer::kNoCertificate, rpc::Offer::kTls12}) {
    EXPECT_EQ(rpc::ProbeTls("127.0.0.1", world_.port(kBroker), good, offer, kCallTime).code(), absl::StatusCode::kPermissionDenied);
  }
  EXPECT_EQ(LogSize(), before);
}

TEST_F(RefusalTest, WhatWasAltered) {
  ExpectSubmitRefused("another's signing key", Reason::kSigningKeyUnknown, [&](SubmitReferralRequest& request) {
    auto& submission = *request.mutable_submission();
    *submission.mutable_header() = SignAnyway({submission.openings().begin(), submission.openings().end()},
                                              world_.keys("idva").signing_key, world_.random());
  });
  ExpectSubmitRefused("signature", Reason::kSignatureInvalid, [&](SubmitReferralRequest& request) {
    // A good signature, of another document.
    auto other = police_.Make({.request_id = "refused-other", .recipients = {"idva"}});
    *request.mutable_submission()->mutable_header()->mutable_signature() = other->submission().header().signature();
  });
  ExpectSubmitRefused("tag", Reason::kOpeningMismatch, [&](SubmitReferralRequest& request) {
    type::v1::TagPart tag;
    ASSERT_TRUE(tag.ParseFromString(OpeningOf(request, "tag").content()));
    tag.set_consent(type::v1::CONFIDENTIALITY_CONSENT_REFUSED);
    OpeningOf(request, "tag").set_content(tag.SerializeAsString());
  });
  ExpectSubmitRefused("section", Reason::kSectionDigestMismatch, [&](SubmitReferralRequest& request) {
    std::string& cms = *request.mutable_submission()->mutable_sections(0)->mutable_cms();
    cms[cms.size() - 100] ^= 1;  // In the ciphertext.
  });
  ExpectSubmitRefused("sections exchanged", Reason::kSectionDigestMismatch, [&](SubmitReferralRequest& request) {
    request.mutable_submission()->mutable_sections(0)->mutable_cms()->swap(*request.mutable_submission()->mutable_sections(1)->mutable_cms());
  });
  ExpectSubmitRefused("no section", Reason::kSectionMalformed, [&](SubmitReferralRequest& request) {
    request.mutable_submission()->mutable_sections(0)->set_cms("not sealed");
  });
  ExpectSubmitRefused("sender", Reason::kSenderMismatch, [&](SubmitReferralRequest& request) {
    Resign<type::v1::HeaderCore>(request, "core", [](auto& core) { core.set_sender("health"); });
  });
  ExpectSubmitRefused("request id", Reason::kFieldInvalid, [](SubmitReferralRequest& request) { request.set_request_id("another-id-1"); });
  ExpectSubmitRefused("sealed for one who may not have it", Reason::kSealedTooWidely, [&](SubmitReferralRequest& request) {
    auto parts = police_.Parts({.request_id = request.request_id(), .recipients = {"idva"}});
    RawAgency::Permitted permitted;
    for (const auto& section : parts.sections) permitted[section.section_id()] = {"idva", "housing"};
    request.clear_decision_digest();
    *request.mutable_submission() = *police_.Seal(parts, permitted, police_.keys().signing_key);
  });
}

TEST_F(RefusalTest, WhatIsNotWellFormed) {
  ExpectSubmitRefused("bad enum", Reason::kEnumUnknown, [&](SubmitReferralRequest& request) {
    Resign<type::v1::HeaderCore>(request, "core", [](auto& core) { core.set_type(static_cast<type::v1::ReferralType>(99)); });
  });
  ExpectSubmitRefused("enum not stated", Reason::kFieldMissing, [&](SubmitReferralRequest& request) {
    Resign<type::v1::HeaderCore>(request, "core", [](auto& core) { core.clear_type(); });
  });
  ExpectSubmitRefused("missing field", Reason::kFieldMissing, [&](SubmitReferralRequest& request) {
    Resign<type::v1::HeaderCore>(request, "core", [](auto& core) { core.mutable_worker()->clear_pseudonym(); });
  });
  ExpectSubmitRefused("missing message", Reason::kFieldMissing, [](SubmitReferralRequest& request) { request.clear_submission(); });
  ExpectSubmitRefused("missing section", Reason::kFieldMissing, [](SubmitReferralRequest& request) {
    request.mutable_submission()->mutable_sections()->RemoveLast();
  });
  // Protocol Buffers cannot tell text that is no text from a part that is no message.
  ExpectSubmitRefused("invalid UTF-8 in a signed part", Reason::kHeaderMalformed, [&](SubmitReferralRequest& request) {
    // HeaderCore.forum, field 12: bytes that are no text.
    std::string& core = *OpeningOf(request, "core").mutable_content();
    core += std::string("\x62\x02\xff\xfe", 4);
    ResignAsIs(request);
  });
  ExpectSubmitRefused("too many sections", Reason::kMessageTooLarge, [](SubmitReferralRequest& request) {
    while (request.submission().sections_size() <= static_cast<int>(referral::kSectionsMax)) {
      *request.mutable_submission()->add_sections() = request.submission().sections(0);
    }
  });
  ExpectSubmitRefused("oversized message", Reason::kMessageTooLarge, [](SubmitReferralRequest& request) {
    request.mutable_submission()->mutable_sections(0)->set_cms(std::string(rpc::kReferralBytesMax, 'x'));
  });
  ExpectSubmitRefused("header", Reason::kHeaderMalformed, [](SubmitReferralRequest& request) {
    request.mutable_submission()->mutable_header()->mutable_payload()->append("x");
  });
  ExpectRefused("bad enum in a preview", Reason::kEnumUnknown, kPreview, "agency/police", [&] {
    auto parts = police_.Parts({.request_id = "preview-0001", .recipients = {"idva"}});
    parts.tags[0].set_consent(static_cast<type::v1::ConfidentialityConsent>(77));
    return police_.Preview(parts).status();
  });
  ExpectRefused("missing field in a preview", Reason::kFieldMissing, kPreview, "agency/police", [&] {
    auto parts = police_.Parts({.request_id = "preview-0002", .recipients = {}});
    return police_.Preview(parts).status();
  });
}

TEST_F(RefusalTest, TextThatIsNoTextOnTheWire) {
  // Protocol Buffers refuse it before any handler sees it; the caller is told why, and it is recorded, all the same.
  auto parts = police_.Parts({.request_id = "wire-text-1", .recipients = {"idva"}});
  parts.core.set_forum("\xff\xfe");
  ExpectRefused("text that is not UTF-8", Reason::kTextNotUtf8, kPreview, "agency/police", [&] { return police_.Preview(parts).status(); });
  parts.core.set_forum("marac");
  EXPECT_EQ(police_.Preview(parts).status(), absl::OkStatus());
}

TEST_F(RefusalTest, TheWireCutsOffWhatIsFarTooLarge) {
  auto request = police_.Make({.request_id = "oversized-1", .recipients = {"idva"}});
  ASSERT_EQ(request.status(), absl::OkStatus());
  request->mutable_submission()->mutable_sections(0)->set_cms(std::string(2 * rpc::kReferralBytesMax, 'x'));
  EXPECT_EQ(police_.Submit(*request).status().code(), absl::StatusCode::kResourceExhausted);
  // The connection and the agency are as good as before.
  const auto good = police_.Make({.request_id = "oversized-2", .recipients = {"idva"}});
  ASSERT_EQ(good.status(), absl::OkStatus());
  EXPECT_EQ(police_.Submit(*good).status(), absl::OkStatus());
}

TEST_F(RefusalTest, WhatTheStateDoesNotAllow) {
  const auto request = police_.Make({.request_id = "state-0001", .recipients = {"idva"}});
  ASSERT_EQ(request.status(), absl::OkStatus());
  const auto stored = police_.Submit(*request);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  const std::string digest = stored->header_digest();

  // The same again is the same answer; other content under its id is refused.
  const auto again = police_.Submit(*request);
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_TRUE(again->repeated_request());
  EXPECT_EQ(again->stored_index(), stored->stored_index());
  const auto other = police_.Make({.request_id = "state-0001", .recipients = {"idva"}});
  ASSERT_EQ(other.status(), absl::OkStatus());
  ExpectRefused("id of other content", Reason::kRequestIdReused, kSubmit, "agency/police", [&] { return police_.Submit(*other).status(); });

  using enum type::v1::StatementKind;
  // What has not left for it is to its recipient as if it were not there.
  ExpectRefused("accepted before it was delivered", Reason::kNotPermitted, kRespond, "agency/idva",
                [&] { return idva_.Respond(idva_.Statement(STATEMENT_KIND_ACCEPTED, "act-00001", digest)).status(); });
  ASSERT_EQ(idva_.Collect(1, /*ack=*/true).status(), absl::OkStatus());
  ExpectRefused("accepted before it was opened", Reason::kTransitionIllegal, kRespond, "agency/idva",
                [&] { return idva_.Respond(idva_.Statement(STATEMENT_KIND_ACCEPTED, "act-00002", digest)).status(); });
  const auto opened = idva_.Respond(idva_.Statement(STATEMENT_KIND_OPENED, "act-00003", digest));
  ASSERT_EQ(opened.status(), absl::OkStatus());
  EXPECT_EQ(opened->state(), type::v1::REFERRAL_STATE_OPENED);
  ExpectRefused("decided by who does not decide", Reason::kTransitionIllegal, kRespond, "agency/idva", [&] {
    auto statement = idva_.Statement(STATEMENT_KIND_DECIDED, "act-00004", digest, opened->statement_digest());
    statement.set_decision(type::v1::CONTACT_DECISION_EARLY_HELP);
    return idva_.Respond(statement).status();
  });
  RawAgency housing(world_, "housing");
  ExpectRefused("of another's referral", Reason::kNotPermitted, kRespond, "agency/housing",
                [&] { return housing.Respond(housing.Statement(STATEMENT_KIND_OPENED, "act-00005", digest)).status(); });
  EXPECT_EQ(idva_.Respond(idva_.Statement(STATEMENT_KIND_ACCEPTED, "act-00006", digest, opened->statement_digest())).status(),
            absl::OkStatus());
}

TEST_F(RefusalTest, AnAgencysOwnServiceRefusesToo) {
  ASSERT_EQ(world_.Start("police"), absl::OkStatus());
  using police::v1::PoliceService;
  const auto report = [&](const std::string& principal, const police::v1::ReportIncidentRequest& request) {
    return rpc::CallUnary(*world_.Stub<PoliceService>("police", principal), &PoliceService::Stub::ReportIncident, request, kCallTime).status();
  };
  const auto good = TestIncident(TestOptions("own-0001", {"idva"}));
  EXPECT_TRUE(HasReason(report("agency/idva/records", good), Reason::kRoleNotAllowed));
  EXPECT_TRUE(HasReason(report("admin/alice", good), Reason::kRoleNotAllowed));
  const std::pair<Reason, std::function<void(police::v1::ReportIncidentRequest&)>> wrong[] = {
      {Reason::kFieldMissing, [](auto& request) { request.clear_victim(); }},
      {Reason::kFieldMissing, [](auto& request) { request.mutable_options()->mutable_worker()->clear_pseudonym(); }},
      {Reason::kFieldInvalid, [](auto& request) { request.set_force("9x"); }},
      {Reason::kFieldInvalid, [](auto& request) { request.set_happened("yesterday"); }},
      {Reason::kEnumUnknown, [](auto& request) { request.set_risk_grade(static_cast<type::v1::RiskGrade>(9)); }},
      {Reason::kFieldInvalid, [](auto& request) { request.mutable_options()->set_request_id("short"); }},
      {Reason::kFieldInvalid, [](auto& request) { request.set_summary(std::string(3u << 20, 'x')); }},
      {Reason::kMessageTooLarge, [](auto& request) { request.set_summary(std::string(rpc::kReferralBytesMax + 1, 'x')); }},
  };
  for (const auto& [reason, alter] : wrong) {
    auto request = good;
    alter(request);
    const absl::Status status = report("agency/police/records", request);
    EXPECT_TRUE(HasReason(status, reason)) << RowOf(reason).name << ": " << status;
  }
  EXPECT_EQ(report("agency/police/records", good), absl::OkStatus());
}

}  // namespace
}  // namespace accord::tests::refusal_test
