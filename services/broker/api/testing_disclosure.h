// Inspectors who ask and agencies that answer, over a TestingBroker: what both sides seal and sign, as the agencies' service and accordctl do.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "accord/inspection/v1/disclosure_service.pb.h"
#include "accord/inspection/v1/trail_service.pb.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "common/crypto/digest.h"
#include "common/referral/disclosure.h"
#include "common/referral/header.h"
#include "common/referral/section.h"
#include "services/broker/api/testing_warrants.h"
#include "services/broker/api/testing_wire.h"

namespace accord::broker::disclosed {

// What a collection brought.
struct CollectedDisclosure {
  inspection::v1::CollectDisclosureResponse first;
  std::map<uint32_t, std::string> parts;
};

class DisclosureTest : public WarrantFixture {
 protected:
  using AnswerDisclosureRequest = inspection::v1::AnswerDisclosureRequest;
  using AnswerDisclosureResponse = inspection::v1::AnswerDisclosureResponse;
  using CollectDisclosureResponse = inspection::v1::CollectDisclosureResponse;
  using Disclosure = inspection::v1::Disclosure;
  using RequestDisclosureRequest = inspection::v1::RequestDisclosureRequest;
  using RequestResolutionRequest = inspection::v1::RequestResolutionRequest;
  inline static const std::string kDisclosures = "/accord.inspection.v1.DisclosureService/";

  // Nell alone has no sealing certificate.
  DisclosureTest() {
    for (const auto& [id, inspectorate] : {std::pair("ines", "ofsted"), {"omar", "ofsted"}, {"carl", "cqc"}}) {
      const auto issued = world_.authority().Issue(
          {.common_name = id, .uris = {crypto::testing::SpiffeId(fmt::format("inspector/{}/sealing", id))}, .key_usage = crypto::kKeyAgreement});
      Enrol(id, inspectorate, issued.certificate.der());
      sealing_.emplace(id, issued);
    }
    Enrol("nell", "ofsted");
  }
  // The reason of the refusal, with what it says beside; empty of none.
  static std::string Refused(const WireAnswer& answer) {
    if (answer.code == grpc::StatusCode::OK) return "";
    const ErrorDetail detail = DetailOf(rpc::FromGrpc(grpc::Status(answer.code, answer.words, answer.details)));
    std::string told(RowOf(detail.reason).name);
    for (const char* key : {"field", "dimension", "state"}) {
      if (detail.metadata.contains(key)) told += " " + detail.metadata.at(key);
    }
    return told;
  }

  referral::OpenedHeader HeaderOf(const type::v1::Submission& submission) {
    const auto view = referral::ParseHeader(submission.header());
    const std::vector<type::v1::Opening> openings(submission.openings().begin(), submission.openings().end());
    return *referral::OpenHeader(*view, openings);
  }

  void ChangeWarrant(const std::string& principal, const std::string& id, inspection::v1::WarrantAct act) {
    const bool suspends = act == inspection::v1::WARRANT_ACT_SUSPEND;
    const auto why = suspends ? inspection::v1::WARRANT_SUSPENSION_CONFLICT : inspection::v1::WARRANT_SUSPENSION_UNSPECIFIED;
    EXPECT_EQ(Refused(Change(principal, id, act, why)), "");
  }

  RequestDisclosureRequest Asking(const std::string& digest, const std::string& agency, const std::string& warrant = "jtai-1") {
    RequestDisclosureRequest request;
    request.set_request_id(NextId());
    request.set_referral(digest);
    request.set_agency(agency);
    request.set_warrant(warrant);
    return request;
  }
  WireAnswer Ask(const RequestDisclosureRequest& request, const std::string& principal = "inspector/ines") {
    return Call(principal, kTrails + "RequestDisclosure", request);
  }
  Disclosure Asked(const RequestDisclosureRequest& request) { return Only<inspection::v1::RequestDisclosureResponse>(Ask(request)).disclosure(); }
  RequestResolutionRequest AskingOf(const std::string& agency) {
    RequestResolutionRequest request;
    request.set_request_id(NextId());
    request.set_agency(agency);
    request.set_warrant("jtai-1");
    return request;
  }
  WireAnswer Resolve(const RequestResolutionRequest& request, const std::string& principal = "inspector/ines") {
    return Call(principal, kDisclosures + "RequestResolution", request);
  }
  Disclosure Resolving(const RequestResolutionRequest& request) { return Only<inspection::v1::RequestResolutionResponse>(Resolve(request)).disclosure(); }

  // Numbers, over pages of one row.
  std::vector<uint64_t> Listed(const std::string& principal, bool open_only = false) {
    std::vector<uint64_t> numbers;
    inspection::v1::ListDisclosuresRequest request;
    request.set_page_size(1);
    request.set_open_only(open_only);
    do {
      const auto page = Only<inspection::v1::ListDisclosuresResponse>(Call(principal, kDisclosures + "ListDisclosures", request));
      for (const auto& one : page.disclosures()) {
        EXPECT_TRUE(one.sealing_certificate().empty());
        numbers.push_back(one.number());
      }
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return numbers;
  }
  // As the caller's list has it.
  Disclosure Row(const std::string& principal, uint64_t number) {
    const auto list = Only<inspection::v1::ListDisclosuresResponse>(
        Call(principal, kDisclosures + "ListDisclosures", inspection::v1::ListDisclosuresRequest()));
    for (const auto& one : list.disclosures()) {
      if (one.number() == number) return one;
    }
    return {};
  }
  WireAnswer Get(const std::string& principal, uint64_t number) {
    inspection::v1::GetDisclosureRequest request;
    request.set_number(number);
    return Call(principal, kDisclosures + "GetDisclosure", request);
  }
  WireAnswer Collect(const std::string& principal, uint64_t number) {
    inspection::v1::CollectDisclosureRequest request;
    request.set_number(number);
    return Call(principal, kDisclosures + "CollectDisclosure", request);
  }
  static CollectedDisclosure Read(const WireAnswer& answer) {
    EXPECT_EQ(answer.code, grpc::StatusCode::OK) << answer.words;
    CollectedDisclosure collected;
    for (size_t i = 0; i < answer.messages.size(); ++i) {
      const auto message = Parse<CollectDisclosureResponse>(answer.messages[i]);
      if (i == 0) {
        collected.first = message;
        continue;
      }
      EXPECT_FALSE(message.has_disclosure());
      EXPECT_LE(message.chunk().size(), 1u << 20);
      EXPECT_FALSE(message.chunk().empty());
      collected.parts[message.part()] += message.chunk();
    }
    return collected;
  }

  // The sections of these categories as `agency` has them, sealed again for the officer alone.
  std::vector<type::v1::SealedSection> Resealed(const std::string& digest, const std::string& agency, std::span<const type::v1::Category> categories,
                                      const std::string& officer = "ines") {
    return Resealed(digest, world_.sealing(agency), categories, officer);
  }
  std::vector<type::v1::SealedSection> Resealed(const std::string& digest, const crypto::testing::Issued& own, std::span<const type::v1::Category> categories,
                                      const std::string& officer = "ines") {
    const type::v1::Submission& submission = submissions_.at(digest);
    const auto header = HeaderOf(submission);
    std::vector<type::v1::SealedSection> parts;
    for (const type::v1::SealedSection& section : submission.sections()) {
      const auto part = std::find_if(header.sections.begin(), header.sections.end(),
                                     [&](const auto& one) { return one.part.section_id() == section.section_id(); });
      if (std::find(categories.begin(), categories.end(), part->part.category()) == categories.end()) continue;
      const auto& theirs = sealing_.at(officer).certificate;
      const auto both = crypto::cms::AddRecipient(section.cms(), own.sealing_key(), own.certificate, theirs);
      EXPECT_EQ(both.status(), absl::OkStatus());
      type::v1::SealedSection& sealed = parts.emplace_back();
      sealed.set_section_id(section.section_id());
      sealed.set_cms(*crypto::cms::ForRecipient(*both, theirs.subject_key_id()));
    }
    return parts;
  }
  // One part of PERSONS or RECORDS.
  type::v1::SealedSection Sealed(const Disclosure& disclosure, const std::string& asked_request_id, const google::protobuf::Message& content) {
    const auto plaintext = referral::MakeDisclosurePlaintext(
        {.from = disclosure.agency(), .to = disclosure.inspector(), .request_id = asked_request_id, .kind = disclosure.kind()}, content.SerializeAsString());
    type::v1::SealedSection sealed;
    sealed.set_section_id(std::string(kIdBytes, '\0'));
    sealed.set_cms(*crypto::cms::Seal(*plaintext, std::vector{sealing_.at(disclosure.inspector()).certificate}));
    return sealed;
  }

  // What the agency's authorising officer says: released with these parts, or without any refused. `change` is made before it is signed.
  AnswerDisclosureRequest Answering(const Disclosure& disclosure, const std::vector<type::v1::SealedSection>& parts,
                                    const std::function<void(type::v1::DisclosureStatement&)>& change = nullptr, const std::string& signs = "") {
    type::v1::DisclosureStatement statement;
    statement.set_request_id(NextId());
    statement.set_disclosure(disclosure.number());
    statement.set_agency(disclosure.agency());
    statement.set_warrant(disclosure.warrant());
    statement.set_inspector(disclosure.inspector());
    statement.set_kind(disclosure.kind());
    statement.set_answer(parts.empty() ? type::v1::DISCLOSURE_ANSWER_REFUSED : type::v1::DISCLOSURE_ANSWER_RELEASED);
    if (parts.empty()) statement.set_ground(type::v1::DISCLOSURE_GROUND_LEGAL_PRIVILEGE);
    for (const type::v1::SealedSection& part : parts) statement.add_parts(crypto::Sha256(part.cms()));
    statement.mutable_worker()->set_pseudonym("dpo-1");
    statement.mutable_worker()->set_role(type::v1::WORKER_ROLE_AUTHORISING_OFFICER);
    statement.mutable_worker()->set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
    statement.set_signed_at_ms(absl::ToUnixMillis(clock_.Now()));
    if (change) change(statement);
    AnswerDisclosureRequest request;
    request.set_request_id(statement.request_id());
    const auto document = referral::SignDisclosureStatement(statement, world_.signing(signs.empty() ? disclosure.agency() : signs).signing_key());
    EXPECT_EQ(document.status(), absl::OkStatus());
    *request.mutable_statement() = document.value_or(type::v1::SignedPayload());
    for (const type::v1::SealedSection& part : parts) *request.add_parts() = part;
    return request;
  }
  WireAnswer Answer(const std::string& principal, const AnswerDisclosureRequest& request) {
    return Call(principal, kDisclosures + "AnswerDisclosure", request);
  }

  // Brings the section ahead of the request that is to have it, and leaves its digest in its place.
  void Upload(const std::string& principal, const std::string& request_id, type::v1::SealedSection& section) {
    WireCall call(world_.Channel(principal), kReferrals + "UploadSection");
    v1::UploadSectionRequest request;
    request.set_request_id(request_id);
    request.set_digest(crypto::Sha256(section.cms()));
    for (size_t at = 0; at < section.cms().size(); at += referral::kSectionChunkBytesMax) {
      request.set_chunk(section.cms().substr(at, referral::kSectionChunkBytesMax));
      call.Write(request);
      request.Clear();
    }
    call.WritesDone();
    EXPECT_EQ(Refused(call.Finish()), "");
    section.set_uploaded(crypto::Sha256(section.cms()));
    section.clear_cms();
  }

  // A referral of the police to idva, not collected, whose three sections are of some 2 MB each, as if they were: each goes ahead of it, in pieces.
  std::string StoreLarge(const std::string& request_id) {
    auto request = MakeSubmission(world_, {.request_id = request_id, .recipients = {"idva"}, .padding = 2'000'000, .victim = request_id});
    const type::v1::Submission whole = request.submission();
    for (auto& section : *request.mutable_submission()->mutable_sections()) Upload("agency/police", request_id, section);
    const std::string digest = Only<v1::SubmitReferralResponse>(Call("agency/police", kReferrals + "SubmitReferral", request)).header_digest();
    submissions_[digest] = whole;
    return digest;
  }
  // That the police release all of it, whose parts went ahead likewise.
  AnswerDisclosureRequest AnsweringLarge(const Disclosure& asked) {
    constexpr type::v1::Category kAll[] = {type::v1::CATEGORY_IDENTITY, type::v1::CATEGORY_RISK, type::v1::CATEGORY_NARRATIVE};
    AnswerDisclosureRequest request = Answering(asked, Resealed(asked.referral(), "police", kAll));
    for (auto& part : *request.mutable_parts()) Upload("agency/police", request.request_id(), part);
    return request;
  }

  // Types of the rows of the referral's trail that are open to the caller.
  std::string TrailOf(const std::string& principal, const std::string& digest) {
    inspection::v1::QueryTrailRequest request;
    request.set_referral(digest);
    std::set<std::string> types;
    const auto response = Only<inspection::v1::QueryTrailResponse>(Call(principal, kTrails + "QueryTrail", request));
    for (const auto& row : response.rows()) {
      const std::string type = row.has_event() ? type::v1::EventType_Name(row.event().type()).substr(11) : "closed";
      if (type == "closed" || type.starts_with("DISCLOSURE_")) types.insert(type);
    }
    return fmt::format("{}", fmt::join(types, " "));
  }
  std::map<std::string, crypto::testing::Issued> sealing_;  // Of inspectors.
};

}  // namespace accord::broker::disclosed
