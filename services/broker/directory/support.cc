#include "services/broker/directory/support.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/referral/identifiers.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/chains.h"

namespace accord::broker {
namespace {

using admin::v1::SupportOffer;
using storage::v1::StoredSupport;

absl::Status Invalid(std::string_view field, std::string_view why, Reason reason = Reason::kFieldInvalid) {
  const std::string name = fmt::format("support.{}", field);
  return Error(reason, fmt::format("{} {}", name, why), {{"field", name}});
}

// Words that people are shown and records are compared with.
absl::Status CheckTexts(std::string_view field, const google::protobuf::RepeatedPtrField<std::string>& texts) {
  for (const std::string& text : texts) {
    if (text.empty() || text.size() > kSupportTextBytesMax) return Invalid(field, fmt::format("has one that is not of 1 to {} characters", kSupportTextBytesMax));
    if (!IsUtf8(text)) return Invalid(field, "has one that is not UTF-8", Reason::kTextNotUtf8);
    const bool control = std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (control) return Invalid(field, "has one with a control character");
  }
  return absl::OkStatus();
}

absl::Status CheckSizes(const SupportOffer& offer) {
  for (const auto& [field, rows] : {std::pair<std::string_view, int>{"genders", offer.genders_size()},
                                    {"areas", offer.areas_size()},
                                    {"grades", offer.grades_size()},
                                    {"languages", offer.languages_size()}}) {
    if (rows > kSupportListMax) return Invalid(field, fmt::format("has more than {}", kSupportListMax));
  }
  return absl::OkStatus();
}

// What is published, committed to and compared: all but what the broker sets.
std::string BytesOf(SupportOffer offer) {
  offer.clear_published_at_ms();
  return offer.SerializeAsString();
}

absl::StatusOr<std::optional<StoredSupport>> Load(PlainReader read, std::string_view agency) {
  ACCORD_ASSIGN_OR_RETURN(const auto row, read(kFamilySupport, agency));
  if (!row.has_value()) return std::nullopt;
  StoredSupport stored;
  if (!stored.ParseFromString(*row)) return Error(Reason::kStoreCorrupt, "a row of family support does not parse");
  return stored;
}

bool IsPast(const SupportOffer& offer, absl::Time now) { return offer.valid_until_ms() != 0 && offer.valid_until_ms() <= absl::ToUnixMillis(now); }

}  // namespace

absl::Status ValidateSupport(const SupportOffer& offer, absl::Time now) {
  const uint32_t age_to = offer.age_to() == 0 ? kSupportAgeMax : offer.age_to();
  if (offer.age_from() > kSupportAgeMax) return Invalid("age_from", fmt::format("is over {}", kSupportAgeMax));
  if (age_to > kSupportAgeMax) return Invalid("age_to", fmt::format("is over {}", kSupportAgeMax));
  if (age_to < offer.age_from()) return Invalid("age_to", "is below age_from");
  ACCORD_RETURN_IF_ERROR(CheckSizes(offer));
  ACCORD_RETURN_IF_ERROR(CheckTexts("genders", offer.genders()));
  ACCORD_RETURN_IF_ERROR(CheckTexts("languages", offer.languages()));
  for (const std::string& area : offer.areas()) {
    if (!referral::IsGssCode(area)) return Invalid("areas", "has one that is no GSS code such as E06000001");
  }
  for (const int grade : offer.grades()) {
    if (grade == type::v1::RISK_GRADE_UNSPECIFIED || !type::v1::RiskGrade_IsValid(grade)) {
      return Invalid("grades", "has one that is not of the published list", Reason::kEnumUnknown);
    }
  }
  if (offer.places_not_counted() && offer.places() != 0) return Invalid("places", "is said, and places_not_counted says that it is not");
  if (offer.valid_until_ms() < 0 || IsPast(offer, now)) return Invalid("valid_until_ms", "is not in the future");
  return absl::OkStatus();
}

absl::StatusOr<std::optional<StoredSupport>> SupportInForce(PlainReader read, std::string_view agency, absl::Time now) {
  ACCORD_ASSIGN_OR_RETURN(auto stored, Load(read, agency));
  if (!stored.has_value() || IsPast(stored->support(), now)) return std::nullopt;
  return stored;
}

PublishSupportCommand::PublishSupportCommand(Caller caller, SupportAct act, SupportDone done)
    : caller_(std::move(caller)), act_(std::move(act)), done_(std::move(done)) {}

absl::StatusOr<uint64_t> PublishSupportCommand::AddPublished(CommitContext& context, const std::string& offer) const {
  EntryDraft entry;
  ACCORD_ASSIGN_OR_RETURN(std::string chain, PrincipalChain(context, caller_.principal));
  entry.chains.push_back(std::move(chain));
  entry.event.set_type(type::v1::EVENT_TYPE_SUPPORT_PUBLISHED);
  entry.event.set_change_digest(crypto::Sha256(offer));
  entry.actor = ActorOf(caller_, act_.worker);
  return context.AddEntry(entry);
}

absl::Status PublishSupportCommand::Apply(CommitContext& context) {
  if (!IsRequestId(act_.request_id)) return Error(Reason::kFieldInvalid, "request_id is malformed", {{"field", "request_id"}});
  const std::string offer = BytesOf(act_.offer);
  ACCORD_ASSIGN_OR_RETURN(const auto standing, Load(PlainReaderOf(context), caller_.id));
  if (standing.has_value()) {
    const std::string stands = BytesOf(standing->support());
    const bool repeated = standing->request_id() == act_.request_id;
    if (repeated && stands != offer) {
      return Error(Reason::kRequestIdReused, "this request id was used for other content", {{"first_digest", ToHex(crypto::Sha256(stands))}});
    }
    // A repeat is answered even when what it published is past by now.
    if (stands == offer && (repeated || !IsPast(standing->support(), context.now()))) {
      standing_ = *standing;
      return absl::OkStatus();
    }
  }
  ACCORD_RETURN_IF_ERROR(ValidateSupport(act_.offer, context.now()));
  if (standing.has_value()) {
    const absl::Duration wait = absl::FromUnixMillis(standing->support().published_at_ms()) + kSupportIntervalMin - context.now();
    if (wait > absl::ZeroDuration()) {
      return Error(Reason::kQuotaExceeded, "this agency has published too often; wait as told",
                   {{"retry_after_ms", fmt::format("{}", absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1))))}});
    }
  }
  *standing_.mutable_support() = act_.offer;
  standing_.mutable_support()->set_published_at_ms(absl::ToUnixMillis(context.now()));
  standing_.set_request_id(act_.request_id);
  ACCORD_ASSIGN_OR_RETURN(const uint64_t index, AddPublished(context, offer));
  standing_.set_index(index);
  context.Put(kFamilySupport, caller_.id, standing_.SerializeAsString());
  return absl::OkStatus();
}

void PublishSupportCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(std::move(standing_));
}

}  // namespace accord::broker
