#include "common/agent/agency_store.h"

#include "common/base/bytes.h"
#include "common/crypto/aead.h"

namespace accord::agent {
namespace {

constexpr uint8_t kFormat = 1;  // Persisted. Do not renumber.

std::string Additional(std::string_view family, std::string_view key) {
  return ByteWriter().Lp8(family).Lp16(key).bytes();
}

}  // namespace

std::vector<std::string> AgencyFamilies() {
  return {std::string(kFamilyOutbox), std::string(kFamilyOutboxOrder), std::string(kFamilyInbox),
          std::string(kFamilyInboxOrder), std::string(kFamilyEarly), std::string(kFamilyDelivery), std::string(kFamilyHold), std::string(kFamilyHeld),
          std::string(kFamilyDisclosure), std::string(kFamilyErased), std::string(kFamilyNotice), std::string(kFamilyInboxPeople), std::string(kFamilyAssignment), std::string(kFamilyWorker),
          std::string(kFamilyJournal), std::string(kFamilyJournalAbout), std::string(kFamilyAttachment), std::string(kFamilyAttachmentData), std::string(kFamilySealed), std::string(kFamilyImport),
          std::string(kFamilyForumCase), std::string(kFamilyForumAction), std::string(kFamilyMeta)};
}

void AgencyStore::Put(storage::Batch& batch, std::string_view family, std::string_view key,
                      const google::protobuf::MessageLite& message) const {
  const std::string nonce = random_.Bytes(crypto::aead::kNonceBytes);
  batch.Put(family, key,
            ByteWriter()
                .U8(kFormat)
                .Raw(nonce)
                .Raw(crypto::aead::Seal(key_, nonce, Additional(family, key), message.SerializeAsString()))
                .bytes());
}

absl::Status AgencyStore::Open(std::string_view family, std::string_view key, std::string_view stored,
                               google::protobuf::MessageLite& message) const {
  ByteReader reader(stored);
  uint8_t format = 0;
  std::string_view nonce;
  if (reader.U8(format) && format == kFormat && reader.Raw(crypto::aead::kNonceBytes, nonce)) {
    const auto plaintext = crypto::aead::Open(key_, nonce, Additional(family, key), reader.rest());
    if (plaintext.has_value() && message.ParseFromString(*plaintext)) return absl::OkStatus();
  }
  return Error(Reason::kStoreCorrupt, "a stored record does not decrypt: wrong store key, or altered bytes",
               {{"family", std::string(family)}});
}

}  // namespace accord::agent
