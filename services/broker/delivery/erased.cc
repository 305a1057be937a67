#include "services/broker/delivery/erased.h"

#include <fmt/format.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

// Persisted. Do not renumber.
enum class Kind : uint8_t { kReferral = 1, kSender = 2, kRecipient = 3, kDelivery = 4 };

std::string Mark(Kind kind, std::string_view what, std::string_view agency = {}, uint8_t desk = 0) {
  return crypto::Sha256(
      ByteWriter().Lp16("accord/erased/v1").U8(static_cast<uint8_t>(kind)).Lp16(what).Lp16(agency).U8(desk).bytes());
}

}  // namespace

std::string ErasedReferralMark(std::string_view header_digest) { return Mark(Kind::kReferral, header_digest); }
std::string ErasedSenderMark(std::string_view header_digest, std::string_view agency) {
  return Mark(Kind::kSender, header_digest, agency);
}
std::string ErasedRecipientMark(std::string_view header_digest, std::string_view agency, type::v1::Desk desk) {
  const bool confidential = desk == type::v1::DESK_CONFIDENTIAL;  // Unspecified means main.
  return Mark(Kind::kRecipient, header_digest, agency,
              static_cast<uint8_t>(confidential ? type::v1::DESK_CONFIDENTIAL : type::v1::DESK_MAIN));
}
std::string ErasedDeliveryMark(std::string_view delivery_id) { return Mark(Kind::kDelivery, delivery_id); }

absl::StatusOr<std::optional<uint64_t>> FindErased(ErasedReader read, std::string_view mark) {
  ACCORD_ASSIGN_OR_RETURN(const auto found, read(kFamilyErased, mark));
  if (!found.has_value()) return std::nullopt;
  const auto index = U64FromKey(*found);
  if (!index.has_value()) return Error(Reason::kStoreCorrupt, "a row of family erased does not decode");
  return index;
}

absl::Status ErasedAt(uint64_t index) {
  return Error(Reason::kErased, "the referral was erased; its entries remain", {{"index", fmt::format("{}", index)}});
}

absl::Status RefuseIfErased(ErasedReader read, std::string_view header_digest, std::string_view agency, type::v1::Desk desk) {
  for (const std::string& mark :
       {ErasedSenderMark(header_digest, agency), ErasedRecipientMark(header_digest, agency, desk)}) {
    ACCORD_ASSIGN_OR_RETURN(const auto index, FindErased(read, mark));
    if (index.has_value()) return ErasedAt(*index);
  }
  return absl::OkStatus();
}

}  // namespace accord::broker
