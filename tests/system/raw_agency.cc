#include "tests/system/raw_agency.h"

#include <fmt/format.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <grpcpp/impl/codegen/sync_stream.h>
#include <grpcpp/support/byte_buffer.h>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "common/referral/section.h"
#include "common/referral/statement.h"

namespace accord::tests {
namespace {

using broker::v1::ReferralService;

// A content of the category that says which it is.
type::v1::SectionContent ContentOf(type::v1::Category category) {
  type::v1::SectionContent content;
  const std::string text = "content of " + type::v1::Category_Name(category);
  switch (category) {
    case type::v1::CATEGORY_IDENTITY: content.mutable_identity()->mutable_victim()->set_family_name(text); break;
    case type::v1::CATEGORY_SAFE_CONTACT: content.mutable_safe_contact()->set_code_word(text); break;
    case type::v1::CATEGORY_RISK: content.mutable_risk()->set_rationale(text); break;
    case type::v1::CATEGORY_INCIDENT: content.mutable_incident()->set_summary(text); break;
    case type::v1::CATEGORY_CHILDREN: content.mutable_children()->add_children()->set_voice(text); break;
    case type::v1::CATEGORY_HEALTH: content.mutable_health()->set_summary(text); break;
    case type::v1::CATEGORY_HOUSING: content.mutable_housing()->set_tenure(text); break;
    default: content.mutable_text()->set_text(text); break;
  }
  return content;
}

}  // namespace

RawAgency::RawAgency(World& world, const std::string& agency)
    : world_(world), keys_(world.keys(agency)), principal_("agency/" + agency + "/raw"),
      referrals_(world.Stub<ReferralService>(kBroker, principal_)) {}

referral::HeaderParts RawAgency::Parts(const RawSpec& spec) {
  referral::HeaderParts parts;
  const int64_t now_ms = absl::ToUnixMillis(world_.clock().Now());
  auto& core = parts.core;
  core.set_request_id(spec.request_id);
  core.set_sender(keys_.agency);
  core.mutable_worker()->set_pseudonym("raw-1");
  core.mutable_worker()->set_role(type::v1::WORKER_ROLE_PRACTITIONER);
  core.mutable_worker()->set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
  core.set_type(type::v1::REFERRAL_TYPE_REFERRAL);
  core.set_purpose(spec.purpose);
  core.set_urgency(type::v1::URGENCY_ROUTINE);
  core.mutable_risk()->set_grade(spec.grade);
  core.mutable_risk()->set_instrument(type::v1::INSTRUMENT_PROFESSIONAL_JUDGEMENT);
  core.mutable_risk()->set_subject(type::v1::SUBJECT_ROLE_VICTIM);
  core.mutable_risk()->set_change_reason(type::v1::RISK_CHANGE_REASON_NEW_ASSESSMENT);  // Of the same people as others: it may be lower.
  core.mutable_risk()->set_supervisor("sergeant-1");
  core.set_signed_at_ms(now_ms);
  for (const std::string& recipient : spec.recipients) {
    auto& part = parts.recipients.emplace_back();
    part.set_agency(recipient);
    part.set_desk(type::v1::DESK_MAIN);
    part.set_capacity(type::v1::RECIPIENT_CAPACITY_NAMED);
  }
  auto& tag = parts.tags.emplace_back();
  tag.set_tag_id(NewId(world_.random()));
  tag.set_victim_awareness(type::v1::VICTIM_AWARENESS_INFORMED);
  tag.set_consent(spec.consent);
  tag.set_consent_by(type::v1::SUBJECT_ROLE_VICTIM);
  tag.set_consent_at_ms(now_ms);
  tag.set_article6(type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
  tag.set_article9(type::v1::ARTICLE9_CONDITION_SAFEGUARDING);
  tag.set_regime(type::v1::REGIME_UK_GDPR);
  tag.set_decision_maker("raw-1");
  for (const type::v1::Category category : spec.categories) {
    auto& part = parts.sections.emplace_back();
    part.set_section_id(NewId(world_.random()));
    part.set_category(category);
    part.set_tag_id(tag.tag_id());
  }
  auto& subject = parts.subjects.emplace_back();
  subject.set_subject_id(NewId(world_.random()));
  subject.set_role(type::v1::SUBJECT_ROLE_VICTIM);
  subject.set_age_band(type::v1::AGE_BAND_ADULT);
  return parts;
}

absl::StatusOr<broker::v1::PreviewReferralResponse> RawAgency::Preview(const referral::HeaderParts& parts) {
  broker::v1::PreviewReferralRequest request;
  *request.mutable_core() = parts.core;
  for (const auto& part : parts.recipients) *request.add_recipients() = part;
  for (const auto& part : parts.sections) *request.add_sections() = part;
  for (const auto& part : parts.tags) *request.add_tags() = part;
  for (const auto& part : parts.subjects) *request.add_subjects() = part;
  return rpc::CallUnary(*referrals_, &ReferralService::Stub::PreviewReferral, request, kCallTime);
}

absl::StatusOr<type::v1::Submission> RawAgency::Seal(referral::HeaderParts& parts, const Permitted& permitted,
                                                     const crypto::SigningKey& key, const Contents& contents) {
  type::v1::Submission submission;
  const std::string tag = parts.tags.front().SerializeAsString();
  for (auto& part : parts.sections) {
    std::vector<crypto::Certificate> certificates = {keys_.sealing_certificate};
    if (const auto agencies = permitted.find(part.section_id()); agencies != permitted.end()) {
      for (const std::string& agency : agencies->second) certificates.push_back(world_.keys(agency).sealing_certificate);
    }
    const referral::SectionBinding binding{keys_.agency, parts.core.request_id(), part.section_id(), part.category(), tag};
    const auto given = contents.find(part.category());
    const type::v1::SectionContent content = given == contents.end() ? ContentOf(part.category()) : given->second;
    ACCORD_ASSIGN_OR_RETURN(const std::string plaintext, referral::MakePlaintext(binding, content.SerializeAsString()));
    auto& sealed = *submission.add_sections();
    sealed.set_section_id(part.section_id());
    ACCORD_ASSIGN_OR_RETURN(*sealed.mutable_cms(), crypto::cms::Seal(plaintext, certificates));
    ACCORD_ASSIGN_OR_RETURN(const auto shown, crypto::cms::Parse(sealed.cms()));
    part.set_digest(shown.digest);
  }
  ACCORD_ASSIGN_OR_RETURN(auto header, referral::SignHeader(parts, key, world_.random()));
  *submission.mutable_header() = std::move(header.header);
  for (auto& opening : header.openings) *submission.add_openings() = std::move(opening);
  return submission;
}

absl::StatusOr<broker::v1::SubmitReferralRequest> RawAgency::Make(const RawSpec& spec) {
  referral::HeaderParts parts = Parts(spec);
  ACCORD_ASSIGN_OR_RETURN(const auto preview, Preview(parts));
  Permitted permitted;
  for (const auto& decision : preview.decisions()) {
    if (decision.verdict() == type::v1::VERDICT_PERMIT) permitted[decision.section_id()].insert(decision.recipient());
  }
  broker::v1::SubmitReferralRequest request;
  request.set_request_id(spec.request_id);
  request.set_decision_digest(preview.decision_digest());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_submission(), Seal(parts, permitted, keys_.signing_key));
  return request;
}

absl::StatusOr<broker::v1::SubmitReferralResponse> RawAgency::Submit(const broker::v1::SubmitReferralRequest& request,
                                                                     absl::Duration timeout) {
  return rpc::CallUnary(*referrals_, &ReferralService::Stub::SubmitReferral, request, timeout);
}

absl::StatusOr<std::vector<RawDelivery>> RawAgency::Collect(size_t count, bool ack, absl::Duration within) {
  // Answers are taken as bytes: what is looked at is what was sent, not what the parser kept of it.
  using Stream = grpc::ClientReaderWriter<broker::v1::OpenMailboxRequest, grpc::ByteBuffer>;
  const grpc::internal::RpcMethod method("/accord.broker.v1.MailboxService/OpenMailbox", grpc::internal::RpcMethod::BIDI_STREAMING);
  const auto channel = world_.Channel(kBroker, principal_);
  grpc::ClientContext context;
  rpc::SetTimeout(context, within);
  const std::unique_ptr<Stream> stream(
      grpc::internal::ClientReaderWriterFactory<broker::v1::OpenMailboxRequest, grpc::ByteBuffer>::Create(channel.get(), method, &context));
  broker::v1::OpenMailboxRequest open;
  open.mutable_open()->set_desk(type::v1::DESK_MAIN);
  open.mutable_open()->set_credit(256);
  std::vector<RawDelivery> deliveries;
  size_t settled = 0;
  bool well = stream->Write(open);
  while (well && (deliveries.size() < count || (ack && settled < count))) {
    grpc::ByteBuffer buffer;
    well = stream->Read(&buffer);
    if (!well) break;
    std::vector<grpc::Slice> slices;
    if (!buffer.Dump(&slices).ok()) return absl::InternalError("a message without bytes");
    RawDelivery raw;
    for (const auto& slice : slices) raw.bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    broker::v1::OpenMailboxResponse response;
    if (!response.ParseFromString(raw.bytes)) return absl::InternalError("a message that does not parse");
    if (response.has_settled()) {
      ++settled;
      continue;
    }
    raw.delivery = response.delivery();
    if (ack) {
      broker::v1::OpenMailboxRequest request;
      request.mutable_ack()->set_delivery_id(raw.delivery.delivery_id());
      well = stream->Write(request);
    }
    deliveries.push_back(std::move(raw));
  }
  if (well) {
    stream->WritesDone();
    context.TryCancel();
    stream->Finish();
    return deliveries;
  }
  const absl::Status ended = rpc::FromGrpc(stream->Finish());
  return absl::Status(ended.ok() ? absl::StatusCode::kUnavailable : ended.code(),
                      fmt::format("{} of {} deliveries came: {}", deliveries.size(), count, ended.ToString()));
}

type::v1::Statement RawAgency::Statement(type::v1::StatementKind kind, const std::string& request_id,
                                         const std::string& header_digest, const std::string& previous) {
  type::v1::Statement statement;
  statement.set_request_id(request_id);
  statement.set_agency(keys_.agency);
  statement.mutable_worker()->set_pseudonym("raw-1");
  statement.mutable_worker()->set_role(type::v1::WORKER_ROLE_PRACTITIONER);
  statement.mutable_worker()->set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
  statement.set_header_digest(header_digest);
  statement.set_previous_statement(previous);
  statement.set_kind(kind);
  statement.set_acted_at_ms(absl::ToUnixMillis(world_.clock().Now()));
  return statement;
}

absl::StatusOr<broker::v1::RespondToReferralResponse> RawAgency::Respond(const type::v1::Statement& statement) {
  broker::v1::RespondToReferralRequest request;
  request.set_request_id(statement.request_id());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_statement(), referral::SignStatement(statement, keys_.signing_key));
  return rpc::CallUnary(*referrals_, &ReferralService::Stub::RespondToReferral, request, kCallTime);
}

}  // namespace accord::tests
