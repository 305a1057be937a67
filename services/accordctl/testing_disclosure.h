// An area, an inspector, and answers of each kind to what that inspector asked the police, made as an agency makes them. For tests.
#pragma once

#include <absl/time/time.h>

#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/crypto/testing_pki.h"
#include "common/referral/disclosure.h"
#include "common/referral/header.h"
#include "common/referral/section.h"
#include "common/referral/testing_parts.h"
#include "services/accordctl/disclosure_check.h"

namespace accord::accordctl {

// Single-thread.
class DisclosureMaker {
 public:
  using Issued = crypto::testing::Issued;

  static constexpr int64_t kAnsweredMs = 1'800'000'000'000;
  static constexpr uint64_t kNumber = 4711;
  static constexpr char kAskedAs[] = "accordctl/0011";
  static constexpr absl::Time kNow = absl::FromUnixMillis(kAnsweredMs + 1000);

  static type::v1::Worker Officer() {
    type::v1::Worker worker;
    worker.set_pseudonym("dpo-1");
    worker.set_role(type::v1::WORKER_ROLE_AUTHORISING_OFFICER);
    worker.set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
    return worker;
  }
  static Issued IssueSealingOf(const crypto::testing::TestAuthority& authority, const std::string& path) {
    return authority.Issue({.common_name = "x", .uris = {crypto::testing::SpiffeId(path)}, .key_usage = crypto::kKeyAgreement});
  }

  CollectedDisclosure Begin(type::v1::DisclosureKind kind) const {
    CollectedDisclosure collected;
    auto& disclosure = *collected.first.mutable_disclosure();
    disclosure.set_number(kNumber);
    disclosure.set_kind(kind);
    disclosure.set_agency("police");
    disclosure.set_warrant("jtai-1");
    disclosure.set_inspector("ines");
    disclosure.set_answer(type::v1::DISCLOSURE_ANSWER_RELEASED);
    disclosure.set_answered_at_ms(kAnsweredMs);
    disclosure.set_answered_index(5000);
    collected.first.set_signing_certificate(signing.certificate.der());
    collected.first.set_asked_request_id(kAskedAs);
    return collected;
  }

  type::v1::DisclosureStatement StatementOf(const CollectedDisclosure& collected) const {
    type::v1::DisclosureStatement statement;
    statement.set_request_id("answer-0001");
    statement.set_disclosure(kNumber);
    statement.set_agency("police");
    statement.set_warrant("jtai-1");
    statement.set_inspector("ines");
    statement.set_kind(collected.first.disclosure().kind());
    statement.set_answer(type::v1::DISCLOSURE_ANSWER_RELEASED);
    for (const std::string& part : collected.parts) statement.add_parts(crypto::Sha256(part));
    *statement.mutable_worker() = Officer();
    statement.set_signed_at_ms(kAnsweredMs - 500);
    return statement;
  }
  void Sign(CollectedDisclosure& collected, const type::v1::DisclosureStatement& statement) const {
    const auto document = referral::SignDisclosureStatement(statement, signing.signing_key());
    ACCORD_CHECK(document.ok());
    *collected.first.mutable_statement() = *document;
  }
  void Sign(CollectedDisclosure& collected) const { Sign(collected, StatementOf(collected)); }

  // Sealed for the inspector, and for `more`.
  std::string Seal(const std::string& plaintext, const std::vector<Issued>& more = {}) const {
    std::vector<crypto::Certificate> recipients = {ines.certificate};
    for (const Issued& one : more) recipients.push_back(one.certificate);
    return *crypto::cms::Seal(plaintext, recipients);
  }

  CollectedDisclosure Persons() const {
    type::v1::PersonsAnswer answer;
    auto& known = *answer.add_persons();
    known.set_mark("row-1");
    auto& found = *known.add_referrals();
    found.set_referral(std::string(32, 'r'));
    found.set_strength(type::v1::MATCH_STRENGTH_STRONG);
    found.add_record_numbers("NSP-7");
    found.set_request_id("NSP-118822/1");
    answer.add_persons()->set_mark("row-2");
    CollectedDisclosure collected = Begin(type::v1::DISCLOSURE_KIND_PERSONS);
    collected.parts = {SealedAnswer(answer.SerializeAsString(), type::v1::DISCLOSURE_KIND_PERSONS)};
    Sign(collected);
    return collected;
  }
  std::string SealedAnswer(const std::string& content, type::v1::DisclosureKind kind, const std::string& asked_as = std::string(kAskedAs),
                           const std::string& from = "police", const std::string& to = "ines") const {
    return Seal(*referral::MakeDisclosurePlaintext({from, to, asked_as, kind}, content));
  }

  CollectedDisclosure Records() const {
    CollectedDisclosure collected = Begin(type::v1::DISCLOSURE_KIND_RECORDS);
    type::v1::RecordsAnswer answer;
    auto& of_case = *collected.first.mutable_disclosure()->add_cases();
    of_case.set_case_pseudonym(std::string(16, '\x11'));
    for (const char digit : {'r', 's'}) {
      collected.first.mutable_disclosure()->add_referrals(std::string(32, digit));
      of_case.add_referrals(std::string(32, digit));
      auto& found = *answer.add_referrals();
      found.set_referral(std::string(32, digit));
      found.add_record_numbers(std::string("NSP-") + digit);
    }
    collected.parts = {SealedAnswer(answer.SerializeAsString(), type::v1::DISCLOSURE_KIND_RECORDS)};
    Sign(collected);
    return collected;
  }

  // Narrative and risk of a referral; the header, and what was sealed, are the sender's.
  CollectedDisclosure Sections() const {
    FakeRandom random(7);
    referral::HeaderParts parts = referral::testing::SampleParts();
    parts.sections.clear();
    CollectedDisclosure collected = Begin(type::v1::DISCLOSURE_KIND_SECTIONS);
    type::v1::SectionContent content;
    content.mutable_text()->set_text("She said that he has a knife.");
    for (const auto category : {type::v1::CATEGORY_NARRATIVE, type::v1::CATEGORY_VOICE}) {
      auto& part = parts.sections.emplace_back();
      part.set_section_id(random.Bytes(16));
      part.set_category(category);
      part.set_tag_id(parts.tags[0].tag_id());
      collected.parts.push_back(Seal(*referral::MakePlaintext({parts.core.sender(), parts.core.request_id(), part.section_id(), category, parts.tags[0].SerializeAsString()},
                                                              content.SerializeAsString())));
      part.set_digest(crypto::cms::Parse(collected.parts.back())->digest);
      collected.first.add_section_ids(part.section_id());
    }
    const auto header = *referral::SignHeader(parts, signing.signing_key(), random);
    *collected.first.mutable_header() = header.header;
    for (const auto& opening : header.openings) {
      if (opening.label() == "core" || opening.label() == "section" || opening.label() == "tag") *collected.first.add_openings() = opening;
    }
    collected.first.mutable_disclosure()->set_referral(referral::DigestOf(header.header));
    Sign(collected);
    return collected;
  }

  const crypto::testing::TestAuthority authority, stranger{"Another"};
  const Issued signing = authority.IssueSigning("police");
  const Issued ines = IssueSealingOf(authority, "inspector/ines/sealing"), omar = IssueSealingOf(authority, "inspector/omar/sealing");
  const InspectorKeys keys{"ines", std::string(crypto::testing::kTrustDomain), ines.sealing_key(), ines.certificate, authority.anchors()};
};

}  // namespace accord::accordctl
