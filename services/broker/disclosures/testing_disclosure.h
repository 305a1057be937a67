// A log with a warrant in force, its inspectors, agencies and a referral between them, for tests of disclosures.
#pragma once

#include <absl/time/time.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/crypto/testing_pki.h"
#include "common/referral/disclosure.h"
#include "common/referral/testing_parts.h"
#include "services/broker/directory/families.h"
#include "services/broker/disclosures/answer.h"
#include "services/broker/disclosures/collect.h"
#include "services/broker/disclosures/disclosure_clock.h"
#include "services/broker/disclosures/disclosure_list.h"
#include "services/broker/disclosures/held.h"
#include "services/broker/disclosures/request.h"
#include "services/broker/trails/receipts.h"
#include "services/broker/trails/testing_log.h"
#include "services/broker/warrants/testing_warrant.h"

namespace accord::broker {

// What a test compares: the reason, and what of the metadata matters.
inline std::string ToldOf(const absl::Status& status) {
  if (status.ok()) return "OK";
  const ErrorDetail detail = DetailOf(status);
  std::string told(RowOf(detail.reason).name);
  for (const char* key : {"field", "state", "dimension", "limit"}) {
    if (detail.metadata.contains(key)) told += " " + detail.metadata.at(key);
  }
  return told;
}

// Police sent a referral with sections a (identity), b (risk) and c (housing) to idva, which has a and b of it; to the confidential desk of
// childrens, which has b; and to housing, which has nothing yet. Ines and Olga inspect for ofsted, Carl for cqc; Olga has no certificate.
class DisclosureFixture : public ::testing::Test {
 protected:
  DisclosureFixture() {
    now = log_.now;
    for (const char* id : {"police", "idva", "childrens", "housing", "health"}) {
      sealing.emplace(id, authority.IssueSealing(id));
      PutAgency(id, id == std::string("health") ? "E08000099" : "E08000012");
    }
    sealing.emplace("ines", authority.Issue({.uris = {crypto::testing::SpiffeId("inspector/ines/sealing")}, .key_usage = crypto::kKeyAgreement}));
    PutOfficer("ines", "ofsted", sealing.at("ines").certificate.der());
    PutOfficer("olga", "ofsted", "");
    PutOfficer("carl", "cqc", sealing.at("ines").certificate.der());
    warrant.set_warrant_of(now);
    PutWarrant();
    case_id = NewChain();
    PutReferral();
  }

  struct WarrantState {
    storage::v1::StoredWarrant stored;
    inspection::v1::Warrant& operator*() { return *stored.mutable_warrant(); }
    void set_warrant_of(absl::Time now) {
      auto& one = **this;
      one = TestingWarrant(now);
      one.set_state(inspection::v1::WARRANT_STATE_ACTIVE);
      one.set_starts_ms(absl::ToUnixMillis(now - absl::Hours(1)));
      auto& scope = *one.mutable_scope();
      scope.set_until_ms(absl::ToUnixMillis(now + absl::Hours(24 * 365)));
      scope.clear_agencies();
      scope.clear_areas();
      scope.clear_events();
      scope.clear_cases();
      stored.set_proposed_at_ms(absl::ToUnixMillis(now - absl::Hours(2)));
    }
  };

  void Reload() { directory.Set(log_.Directory()); }
  void PutAgency(const std::string& id, const std::string& area) {
    admin::v1::Agency agency;
    agency.set_id(id);
    agency.set_active(true);
    agency.add_areas(area);
    if (!signing.contains(id)) signing.emplace(id, authority.IssueSigning(id));
    if (signing_stands) agency.add_signing_certificates(signing.at(id).certificate.der());
    agency.set_sealing_certificate(sealing.at(id).certificate.der());
    if (id == "childrens") agency.set_confidential_sealing_certificate(sealing.at("childrens").certificate.der());
    log_.store().Put(kFamilyAgency, id, agency.SerializeAsString());
    Reload();
  }
  void PutOfficer(const std::string& id, const std::string& body, const std::string& certificate) {
    storage::v1::StoredOfficer officer;
    officer.set_active(true);
    officer.set_inspectorate(body);
    officer.set_sealing_certificate(certificate);
    log_.store().Put(kFamilyOfficer, OfficerKey(true, id), officer.SerializeAsString());
  }
  // Stores the warrant as it is now; its chain the first time.
  void PutWarrant() {
    if (warrant.stored.chain().empty()) warrant.stored.set_chain(NewChain());
    log_.store().Put(kFamilyWarrant, (*warrant).id(), warrant.stored.SerializeAsString());
  }
  std::string NewChain() {
    std::string pseudonym;
    EXPECT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
      ACCORD_ASSIGN_OR_RETURN(const auto chain, context.OpenChain());
      pseudonym = chain.pseudonym;
      EntryDraft first;
      first.chains = {pseudonym};
      first.event.set_type(type::v1::EVENT_TYPE_REFERRAL_STORED);
      return context.AddEntry(first).status();
    }), absl::OkStatus());
    return pseudonym;
  }
  // Something of the referral was released to it, or is to be.
  void AddRecipient(storage::v1::StoredReferral& stored, const std::string& agency, type::v1::Desk desk, const std::vector<std::string>& sections) {
    auto& recipient = *stored.add_recipients();
    recipient.set_agency(agency);
    recipient.set_desk(desk);
    recipient.set_delivery_id(std::string(15, 'y') + static_cast<char>('a' + stored.recipients_size()));
    for (const std::string& id : sections) recipient.add_released_sections(id);
    storage::v1::StoredDelivery delivery;
    delivery.set_agency(agency);
    delivery.set_desk(desk);
    delivery.set_header_digest(digest);
    delivery.set_first_released_ms(sections.empty() ? 0 : 1);
    log_.store().Put(kFamilyDelivery, recipient.delivery_id(), delivery.SerializeAsString());
  }
  // `more`: sections of the risk beside a, b and c, which idva has not.
  void PutReferral(int more = 0) {
    auto parts = referral::testing::SampleParts();
    for (int i = 0; i < more; ++i) {
      type::v1::SectionPart section = parts.sections[1];
      section.set_section_id(Id(static_cast<char>(0x80 + i)));
      parts.sections.push_back(section);
    }
    parts.recipients.emplace_back().set_agency("childrens");
    parts.recipients.back().set_capacity(type::v1::RECIPIENT_CAPACITY_NAMED);
    parts.recipients.back().set_desk(type::v1::DESK_CONFIDENTIAL);
    for (auto& section : parts.sections) {
      const auto cms = crypto::cms::Seal("content " + section.section_id(), std::vector{sealing.at("police").certificate});
      ASSERT_EQ(cms.status(), absl::OkStatus());
      sealed[section.section_id()] = *cms;
      section.set_digest(crypto::cms::Parse(*cms)->digest);
    }
    FakeRandom random{3};
    const auto header = referral::SignHeader(parts, signer, random);
    ASSERT_EQ(header.status(), absl::OkStatus());
    digest = referral::DigestOf(header->header);
    storage::v1::StoredReferral stored;
    *stored.mutable_header() = header->header;
    for (const auto& opening : header->openings) *stored.add_openings() = opening;
    for (const auto& section : parts.sections) stored.add_section_ids(section.section_id());
    stored.set_chain(NewChain());
    stored.add_cases(case_id);
    stored.set_stored_at_ms(absl::ToUnixMillis(now));
    AddRecipient(stored, "idva", type::v1::DESK_MAIN, {Id('a'), Id('b')});
    AddRecipient(stored, "housing", type::v1::DESK_MAIN, {});
    AddRecipient(stored, "childrens", type::v1::DESK_CONFIDENTIAL, {Id('b')});
    SaveStored(digest, stored);
    log_.store().Put(kFamilyCaseReferral, CaseReferralKey(case_id, 0), digest);
  }
  void SaveStored(const std::string& of, const storage::v1::StoredReferral& stored) {
    ASSERT_EQ(log_.Commit([&](CommitContext& context) { return SaveReferral(context, of, stored); }), absl::OkStatus());
  }
  storage::v1::StoredReferral Stored() {
    const auto view = log_.View();
    return **LoadReferral(SealedReaderOf(view), digest);
  }
  static std::string Id(char c) { return std::string(16, c); }

  Caller Desk(const std::string& agency, type::v1::Desk desk = type::v1::DESK_MAIN) const {
    return {options::v1::CALLER_AGENCY, agency, "agency/" + agency, std::string(32, 'f'), desk};
  }
  Caller Inspector(const std::string& id = "ines") const { return TestingInspector(id); }

  inspection::v1::RequestDisclosureRequest ForSections(const std::string& agency) const {
    inspection::v1::RequestDisclosureRequest request;
    request.set_request_id("asks-sections-1");
    request.set_referral(digest);
    request.set_agency(agency);
    request.set_warrant("jtai-1");
    request.set_purpose("JTAI/2026/7");
    return request;
  }
  inspection::v1::RequestResolutionRequest ForRecords(const std::string& agency) const {
    inspection::v1::RequestResolutionRequest request;
    request.set_request_id("asks-records-1");
    request.set_agency(agency);
    request.set_warrant("jtai-1");
    request.add_case_pseudonyms(case_id);
    return request;
  }
  inspection::v1::RequestResolutionRequest ForPersons(const std::string& agency) const {
    inspection::v1::RequestResolutionRequest request;
    request.set_request_id("asks-persons-1");
    request.set_agency(agency);
    request.set_warrant("jtai-1");
    request.set_persons(*crypto::cms::Seal("who", std::vector{sealing.at(agency).certificate}));
    return request;
  }

  // As the API does it.
  template <typename Request>
  absl::StatusOr<DisclosureOutcome> Ask(const Request& request, const Caller& caller) {
    ACCORD_ASSIGN_OR_RETURN(DisclosureAsked asked, ReadAsked(request));
    {
      const auto view = log_.View();
      ACCORD_RETURN_IF_ERROR(ExpandCases(view, *directory.Get(), caller, request.request_id(), log_.now, asked));
    }
    absl::StatusOr<DisclosureOutcome> got = absl::UnknownError("not done");
    RequestDisclosureCommand command(work, caller, request.request_id(), "/asks", std::move(asked), [&](auto outcome) { got = std::move(outcome); });
    Run(command);
    return got;
  }
  template <typename Request>
  absl::StatusOr<DisclosureOutcome> Ask(const Request& request) {
    return Ask(request, Inspector());
  }
  template <typename Request>
  std::string TellAsk(const Request& request, const std::string& officer = "ines") {
    return ToldOf(Ask(request, Inspector(officer)).status());
  }
  void Run(Command& command) {
    const absl::Status applied = log_.Commit([&](CommitContext& context) { return command.Apply(context); });
    command.Done(applied.ok() ? absl::StatusOr<Committed>(Committed()) : applied);
  }

  // A part of `id` as it is to be: sealed for the inspector alone.
  type::v1::SealedSection Part(const std::string& id, const std::string& key = "ines") const {
    type::v1::SealedSection part;
    part.set_section_id(id);
    const auto& police = sealing.at("police");
    const auto both = crypto::cms::AddRecipient(sealed.at(id), police.sealing_key(), police.certificate, sealing.at(key).certificate);
    part.set_cms(*crypto::cms::ForRecipient(*both, sealing.at(key).certificate.subject_key_id()));
    return part;
  }
  type::v1::SealedSection Whole(const std::string& key = "ines") const {
    type::v1::SealedSection part;
    part.set_section_id(std::string(16, '\0'));
    part.set_cms(*crypto::cms::Seal("an answer", std::vector{sealing.at(key).certificate}));
    return part;
  }
  // What an agency answers to `asked`; without parts it refuses.
  type::v1::DisclosureStatement Saying(const inspection::v1::Disclosure& asked, const std::vector<type::v1::SealedSection>& parts) const {
    type::v1::DisclosureStatement statement;
    statement.set_request_id("answers-1");
    statement.set_disclosure(asked.number());
    statement.set_agency(asked.agency());
    statement.set_warrant(asked.warrant());
    statement.set_inspector(asked.inspector());
    statement.set_kind(asked.kind());
    statement.set_answer(parts.empty() ? type::v1::DISCLOSURE_ANSWER_REFUSED : type::v1::DISCLOSURE_ANSWER_RELEASED);
    if (parts.empty()) statement.set_ground(type::v1::DISCLOSURE_GROUND_LEGAL_PRIVILEGE);
    for (const auto& part : parts) statement.add_parts(part.uploaded().empty() ? crypto::Sha256(part.cms()) : part.uploaded());
    statement.mutable_worker()->set_pseudonym("dpo-1");
    statement.mutable_worker()->set_role(type::v1::WORKER_ROLE_AUTHORISING_OFFICER);
    statement.mutable_worker()->set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
    statement.set_signed_at_ms(1);
    return statement;
  }
  crypto::SigningKey SignerOf(const type::v1::DisclosureStatement& said) const {
    const auto found = signing.find(said.agency());
    return found == signing.end() ? signer : found->second.signing_key();
  }
  absl::StatusOr<DisclosureOutcome> Answer(const type::v1::DisclosureStatement& said, const std::vector<type::v1::SealedSection>& parts, const Caller& caller) {
    VerifiedDisclosureAnswer answer;
    ACCORD_ASSIGN_OR_RETURN(answer.document, referral::SignDisclosureStatement(said, SignerOf(said)));
    ACCORD_ASSIGN_OR_RETURN(answer.statement, referral::ParseDisclosureStatement(answer.document));
    answer.digest = referral::DigestOf(answer.document);
    answer.signing_certificate = "certificate";
    google::protobuf::RepeatedPtrField<type::v1::SealedSection> brought(parts.begin(), parts.end());
    ACCORD_ASSIGN_OR_RETURN(auto read, ReadDisclosedParts(answer.statement, brought));
    absl::StatusOr<DisclosureOutcome> got = absl::UnknownError("not done");
    AnswerDisclosureCommand command(work, caller, "/answers", std::move(answer), std::move(read), [&](auto outcome) { got = std::move(outcome); });
    Run(command);
    return got;
  }
  absl::StatusOr<DisclosureOutcome> Answer(const inspection::v1::Disclosure& asked, const std::vector<type::v1::SealedSection>& parts) {
    return Answer(Saying(asked, parts), parts, Desk(asked.agency(), asked.desk()));
  }

  absl::StatusOr<storage::v1::StoredDisclosure> Collect(uint64_t number, const std::string& officer = "ines") {
    absl::StatusOr<storage::v1::StoredDisclosure> got = absl::UnknownError("not done");
    std::set<LookedAt> others;
    {
      const auto view = log_.View();
      ACCORD_ASSIGN_OR_RETURN(others, OthersOfCollection(view, Inspector(officer), number));
    }
    ReadDisclosureCommand command(Inspector(officer), number, "/collects", std::move(others), [&](auto read) { got = std::move(read); });
    Run(command);
    return got;
  }

  // Numbers of what the caller lists, all pages of `size` together.
  std::vector<uint64_t> Listed(const Caller& caller, bool open_only = false, int size = 50) {
    std::vector<uint64_t> numbers;
    std::optional<uint64_t> before;
    do {
      const auto view = log_.View();
      const auto page = ListDisclosures(view, caller, before, open_only, size, log_.now);
      EXPECT_EQ(page.status(), absl::OkStatus());
      if (!page.ok()) return numbers;
      for (const auto& disclosure : page->disclosures) numbers.push_back(disclosure.number());
      before = page->next;
    } while (before.has_value());
    return numbers;
  }
  EntryParts Entry(uint64_t index) {
    const auto view = log_.View();
    const auto entry = ReadEntry(view, index);
    EXPECT_EQ(entry.status(), absl::OkStatus());
    const std::vector<type::v1::Opening> openings(entry->openings.openings().begin(), entry->openings.openings().end());
    return *ReadParts(openings);
  }
  std::vector<std::string> ChainsAt(uint64_t index) {
    std::vector<std::string> chains;
    const auto view = log_.View();
    const auto entry = ReadEntry(view, index);
    EXPECT_EQ(entry.status(), absl::OkStatus());
    for (const auto& chain : entry->parsed.chains) chains.push_back(chain.pseudonym);
    return chains;
  }
  uint64_t Size() { return log_.View().ledger().size(); }
  // Lets the clock of the one disclosure there is come, until nothing of it is due at `when`. How often it came.
  int Sweep(absl::Time when) {
    int times = 0;
    for (;; ++times) {
      std::vector<std::string> due;
      EXPECT_EQ(log_.store().Scan(kFamilyDue, {.upper = KeyU64(static_cast<uint64_t>(absl::ToUnixMillis(when)) + 1)}, [&](std::string_view key, std::string_view) {
        due.emplace_back(key);
        return true;
      }, nullptr), absl::OkStatus());
      if (due.empty()) return times;
      ByteReader reader(due.front());
      uint64_t due_ms = 0;
      uint8_t kind = 0, desk = 0;
      std::string_view mark, agency;
      EXPECT_TRUE(reader.U64(due_ms) && reader.U8(kind) && reader.Raw(32, mark) && reader.Lp8(agency) && reader.U8(desk));
      const Due one{static_cast<DueKind>(kind), absl::FromUnixMillis(static_cast<int64_t>(due_ms)), std::string(mark), std::string(agency), static_cast<type::v1::Desk>(desk)};
      log_.now = std::max(log_.now, one.when);
      NewDeliveries queued;
      EXPECT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
        ACCORD_RETURN_IF_ERROR(ClearDue(context, one.kind, one.header_digest, one.agency, one.desk));
        return SweepDisclosure(context, one, queued);
      }), absl::OkStatus());
    }
  }

  std::string case_id;
  const crypto::testing::TestAuthority authority;
  const crypto::SigningKey signer = crypto::SigningKey::Generate();
  TestingLog log_;
  absl::Time now;
  std::map<std::string, crypto::testing::Issued> sealing, signing;
  bool signing_stands = true;  // PutAgency registers the signing certificate.
  std::map<std::string, std::string> sealed;  // Section id → CMS for the police.
  std::string digest;
  WarrantState warrant;
  DirectoryHolder directory;
  const DisclosureWork work{directory};
};

}  // namespace accord::broker
