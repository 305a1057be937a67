// What is left of an erased referral for those who come back to it: marks in family `erased`, each leading to its ERASED
// entry. Nothing can be read back from one, and only who holds the digest or id that it is made of finds it.
//
// The mark of a request id, which may be guessed, is under the broker's own key instead (CaseLinker::Blind).
//
// All functions are thread-safe as far as what they read from is.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accord/type/v1/vocabulary.pb.h"

namespace accord::broker {

inline constexpr std::string_view kErasedRequestDomain = "accord/erased-request/v1";  // Of Blind, over RequestKey.

// Reads a plain value: CommitContext::Get, or that of a ReadView.
using ErasedReader =
    absl::FunctionRef<absl::StatusOr<std::optional<std::string>>(std::string_view family, std::string_view key)>;

// Of the referral, for administrators.
std::string ErasedReferralMark(std::string_view header_digest);
// Of an agency that knew of it: its sender, whatever the desk, or a recipient's desk to which it was released.
std::string ErasedSenderMark(std::string_view header_digest, std::string_view agency);
std::string ErasedRecipientMark(std::string_view header_digest, std::string_view agency, type::v1::Desk desk);
// Of a delivery that was released and not settled.
std::string ErasedDeliveryMark(std::string_view delivery_id);

// The leaf index of the ERASED entry that `mark` leads to; nothing when there is no such mark. Errors of `read`; DATA_LOSS.
absl::StatusOr<std::optional<uint64_t>> FindErased(ErasedReader read, std::string_view mark);
// The error ERASED if the agency knew of the erased referral; OK otherwise, which tells nothing. Errors of `read`; DATA_LOSS.
absl::Status RefuseIfErased(ErasedReader read, std::string_view header_digest, std::string_view agency, type::v1::Desk desk);
// The error ERASED.
absl::Status ErasedAt(uint64_t index);

}  // namespace accord::broker
