#include "services/bench/submissions.h"

#include <absl/hash/hash.h>
#include <absl/synchronization/blocking_counter.h>
#include <absl/time/civil_time.h>
#include <fmt/format.h>
#include <grpcpp/support/slice.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <utility>

#include "accord/broker/v1/referral_service.pb.h"
#include "accord/type/v1/section_content.pb.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/cms.h"
#include "common/ledger/tlog_proof.h"
#include "common/referral/header.h"
#include "common/referral/section.h"
#include "common/referral/subject_token.h"

namespace accord::bench {
namespace {

constexpr char kSender[] = "police";
constexpr const char* kTo[kRecipients] = {"childrens", "health", "idva"};
constexpr type::v1::Category kCategories[kSections] = {type::v1::CATEGORY_IDENTITY, type::v1::CATEGORY_RISK,
                                                       type::v1::CATEGORY_INCIDENT, type::v1::CATEGORY_NARRATIVE};
constexpr size_t kRepeatEvery = 4;
constexpr uint64_t kRepeatDistance = 201;
constexpr char kLinkageKey[] = "an area's linkage key, 32 bytes.";

// Like the people of a country, who seldom share a name or a birthday with somebody: of one name and few dates, each would be proposed as
// a match of many others. In one process the same number is the same person.
type::v1::Person SomePerson(std::string_view given, uint64_t number) {
  const auto word = [&](std::string_view salt) {
    uint64_t rest = absl::HashOf(given, salt, number);
    std::string letters;
    for (int i = 0; i < 8; ++i, rest /= 26) letters.push_back(static_cast<char>('a' + rest % 26));
    return letters;
  };
  const uint64_t day = absl::HashOf(given, number) % 20'000;
  type::v1::Person person;
  person.set_given_names(word("given"));
  person.set_family_name(word("family"));
  person.add_dates_of_birth(absl::FormatCivilTime(absl::CivilDay(1950, 1, 2) + static_cast<int>(day)));
  return person;
}

type::v1::SubjectPart Subject(const type::v1::Person& person, type::v1::SubjectRole role, Random& random) {
  type::v1::SubjectPart subject;
  subject.set_subject_id(NewId(random));
  subject.set_role(role);
  subject.set_age_band(type::v1::AGE_BAND_ADULT);
  for (auto& token : referral::MakeTokens(person, "area", "k1", {kLinkageKey, sizeof(kLinkageKey) - 1})) {
    *subject.add_tokens() = std::move(token);
  }
  return subject;
}

// A section's content of kPlaintextBytes / kSections bytes: `long_text` is filled up.
std::string ContentOf(type::v1::Category category) {
  type::v1::SectionContent content;
  std::string* text = nullptr;
  switch (category) {
    case type::v1::CATEGORY_IDENTITY:
      *content.mutable_identity()->mutable_victim() = SomePerson("Miriam", 1);
      text = content.mutable_identity()->mutable_victim()->mutable_address();
      break;
    case type::v1::CATEGORY_RISK:
      content.mutable_risk()->mutable_risk()->set_grade(type::v1::RISK_GRADE_HIGH);
      content.mutable_risk()->set_score(16);
      text = content.mutable_risk()->mutable_rationale();
      break;
    case type::v1::CATEGORY_INCIDENT: text = content.mutable_incident()->mutable_summary(); break;
    default: text = content.mutable_text()->mutable_text(); break;
  }
  constexpr size_t kWanted = kPlaintextBytes / kSections;
  while (content.ByteSizeLong() < kWanted) text->push_back('x');
  return content.SerializeAsString();
}

grpc::ByteBuffer ToBuffer(const google::protobuf::MessageLite& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

bool FromBuffer(grpc::ByteBuffer buffer, google::protobuf::MessageLite& message) {
  grpc::Slice whole;
  return buffer.DumpToSingleSlice(&whole).ok() && message.ParseFromArray(whole.begin(), static_cast<int>(whole.size()));
}

}  // namespace

absl::StatusOr<SubmissionMaker> SubmissionMaker::Make(const Installation& installation, Executor& executor,
                                                      const Clock& clock, Random& random) {
  SubmissionMaker maker(installation, executor, clock, random);
  for (size_t i = 0; i < kSealedSets; ++i) {
    ACCORD_ASSIGN_OR_RETURN(SealedSet sealed, maker.Seal());
    maker.sealed_.push_back(std::move(sealed));
  }
  return maker;
}

absl::StatusOr<SubmissionMaker::SealedSet> SubmissionMaker::Seal() const {
  SealedSet made;
  made.tag.set_tag_id(NewId(random_));
  made.tag.set_victim_awareness(type::v1::VICTIM_AWARENESS_INFORMED);
  made.tag.set_consent(type::v1::CONFIDENTIALITY_CONSENT_GIVEN);
  made.tag.set_consent_by(type::v1::SUBJECT_ROLE_VICTIM);
  made.tag.set_consent_at_ms(absl::ToUnixMillis(clock_.Now()));
  made.tag.set_article6(type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
  made.tag.set_article9(type::v1::ARTICLE9_CONDITION_SAFEGUARDING);
  made.tag.set_regime(type::v1::REGIME_DPA_PART3);
  made.tag.set_gateway(type::v1::GATEWAY_CA2004_S11);
  made.tag.set_decision_maker("w-0042");
  // As a sender does: for every recipient, and for itself.
  std::vector<crypto::Certificate> owners = {installation_.sealing(kSender).certificate};
  for (const char* agency : kTo) owners.push_back(installation_.sealing(agency).certificate);
  for (const type::v1::Category category : kCategories) {
    type::v1::SectionPart& part = made.parts.emplace_back();
    part.set_section_id(NewId(random_));
    part.set_category(category);
    part.set_tag_id(made.tag.tag_id());
    const referral::SectionBinding binding{kSender, "bench-sealed-set", part.section_id(), category, made.tag.SerializeAsString()};
    ACCORD_ASSIGN_OR_RETURN(const std::string plaintext, referral::MakePlaintext(binding, ContentOf(category)));
    type::v1::SealedSection& sealed = made.sections.emplace_back();
    sealed.set_section_id(part.section_id());
    ACCORD_ASSIGN_OR_RETURN(*sealed.mutable_cms(), crypto::cms::Seal(plaintext, owners));
    ACCORD_ASSIGN_OR_RETURN(const crypto::cms::Parsed shown, crypto::cms::Parse(sealed.cms()));
    part.set_digest(shown.digest);
  }
  return made;
}

absl::StatusOr<Submission> SubmissionMaker::One(uint64_t number, uint64_t tag) const {
  const SealedSet& sealed = sealed_[number % sealed_.size()];
  // The one before in the distance is never itself a repeat.
  const bool repeat = number % kRepeatEvery == kRepeatEvery - 1 && number >= kRepeatDistance;
  const uint64_t people = repeat ? number - kRepeatDistance : number;
  referral::HeaderParts parts;
  type::v1::HeaderCore& core = parts.core;
  core.set_request_id(fmt::format("bench/{:010}", number));
  core.set_sender(kSender);
  core.mutable_worker()->set_pseudonym("w-0042");
  core.mutable_worker()->set_role(type::v1::WORKER_ROLE_PRACTITIONER);
  core.mutable_worker()->set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
  core.set_type(type::v1::REFERRAL_TYPE_REFERRAL);
  core.set_purpose(type::v1::PURPOSE_SAFEGUARDING_ADULT);
  core.set_urgency(type::v1::URGENCY_ROUTINE);
  core.mutable_risk()->set_grade(type::v1::RISK_GRADE_HIGH);
  core.mutable_risk()->set_instrument(type::v1::INSTRUMENT_POLICE_DASH_2009);
  core.mutable_risk()->set_instrument_version("2009");
  core.mutable_risk()->set_subject(type::v1::SUBJECT_ROLE_VICTIM);
  core.set_signed_at_ms(absl::ToUnixMillis(clock_.Now()));
  core.set_screening_version("screen/2");
  for (const char* agency : kTo) {
    type::v1::RecipientPart& recipient = parts.recipients.emplace_back();
    recipient.set_agency(agency);
    recipient.set_desk(type::v1::DESK_MAIN);
    recipient.set_capacity(type::v1::RECIPIENT_CAPACITY_NAMED);
  }
  parts.sections = sealed.parts;
  parts.tags = {sealed.tag};
  parts.subjects.push_back(Subject(SomePerson("Miriam", people), type::v1::SUBJECT_ROLE_VICTIM, random_));
  parts.subjects.push_back(Subject(SomePerson("Peter", people), type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR, random_));
  parts.subjects.back().set_relationship(type::v1::RELATIONSHIP_CLASS_PARTNER);

  ACCORD_ASSIGN_OR_RETURN(referral::SignedHeader header,
                          referral::SignHeader(parts, installation_.signing(kSender).signing_key(), random_));
  Submission made;
  made.header_digest = referral::DigestOf(header.header);
  broker::v1::SubmitReferralsRequest streamed;
  broker::v1::SubmitReferralRequest& request = *streamed.mutable_referral();
  request.set_request_id(core.request_id());
  *request.mutable_submission()->mutable_header() = std::move(header.header);
  for (auto& opening : header.openings) *request.mutable_submission()->add_openings() = std::move(opening);
  for (const auto& section : sealed.sections) *request.mutable_submission()->add_sections() = section;
  if (tag == 0) {
    made.request = ToBuffer(request);
  } else {
    streamed.set_tag(tag);
    streamed.set_request_id(core.request_id());
    made.request = ToBuffer(streamed);
  }
  return made;
}

absl::StatusOr<std::vector<Submission>> SubmissionMaker::Prepare(size_t count, Mode mode) {
  constexpr size_t kChunk = 64;
  std::vector<Submission> made(count);
  const size_t chunks = (count + kChunk - 1) / kChunk;
  std::vector<absl::Status> failures(chunks);
  absl::BlockingCounter left(static_cast<int>(chunks));
  for (size_t chunk = 0; chunk < chunks; ++chunk) {
    ACCORD_CHECK(executor_.Run([&, chunk] {
      for (size_t i = chunk * kChunk; i < std::min(count, (chunk + 1) * kChunk) && failures[chunk].ok(); ++i) {
        auto one = One(next_ + i, mode == Mode::kStreamed ? i + 1 : 0);
        if (one.ok()) {
          made[i] = *std::move(one);
        } else {
          failures[chunk] = one.status();
        }
      }
      left.DecrementCount();
    }));
  }
  left.Wait();
  next_ += count;
  for (const absl::Status& failure : failures) ACCORD_RETURN_IF_ERROR(failure);
  return made;
}

absl::Status AnswerChecker::Check(const Submission& sent, const grpc::ByteBuffer& answer, Mode mode, bool verify) const {
  broker::v1::SubmitReferralResponse stored;
  if (mode == Mode::kStreamed) {
    broker::v1::SubmitReferralsResponse streamed;
    if (!FromBuffer(answer, streamed)) return absl::InternalError("an answer does not parse");
    if (!streamed.has_stored()) {
      return absl::InternalError(ToAbsl(fmt::format("a submission was refused: {}", streamed.refused().message())));
    }
    stored = std::move(*streamed.mutable_stored());
  } else if (!FromBuffer(answer, stored)) {
    return absl::InternalError("an answer does not parse");
  }
  if (stored.header_digest() != sent.header_digest) return absl::InternalError("an answer speaks of another referral");
  if (stored.repeated_request()) return absl::InternalError("an answer is that of an earlier request");
  if (stored.receipt().tlog_proof().empty()) return absl::InternalError("an answer has no receipt");
  if (stored.decisions_size() != kSections * kRecipients) return absl::InternalError("an answer lacks decisions");
  for (const auto& decision : stored.decisions()) {
    if (decision.verdict() != type::v1::VERDICT_PERMIT) {
      return absl::InternalError(ToAbsl(fmt::format("a section is not permitted: {}", decision.reason())));
    }
  }
  if (!verify) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto receipt, ledger::VerifyReceipt(stored.receipt().tlog_proof(), log_));
  if (receipt.index != stored.stored_index()) return absl::InternalError("a receipt is of another entry");
  return absl::OkStatus();
}

}  // namespace accord::bench
