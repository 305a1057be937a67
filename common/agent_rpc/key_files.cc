#include "common/agent_rpc/key_files.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <filesystem>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/protected_key.h"

namespace accord::agent_rpc {
namespace {

constexpr size_t kKeyFileBytesMax = 16u << 10;
constexpr size_t kKeyBytes = 32;

absl::Status Wrong(const std::string& path, std::string_view why) {
  return absl::FailedPreconditionError(fmt::format("{}: {}", path, why));
}

absl::Status At(const std::string& path, const absl::Status& status) {
  return ErrorWith(DetailOf(status), fmt::format("{}: {}", path, FromAbsl(status.message())));
}

// The 32 bytes of 64 hex digits and perhaps a newline.
absl::StatusOr<crypto::SecretBytes> FromHexFile(const std::string& path, std::string text) {
  absl::StripAsciiWhitespace(&text);
  auto bytes = FromHex(text);
  crypto::Wipe(text);
  if (!bytes.has_value() || bytes->size() != kKeyBytes) return Wrong(path, "is not 64 hex digits");
  return crypto::SecretBytes::Take(*std::move(bytes));
}

}  // namespace

absl::StatusOr<std::string> KeyFiles::ReadText(const std::string& path) const {
  ACCORD_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kKeyFileBytesMax));
  const bool is_protected = crypto::IsProtected(text);
  if (passphrase_ != nullptr && !is_protected) return Wrong(path, "is not under the passphrase: `accordctl tenant protect` puts it there");
  if (passphrase_ == nullptr && is_protected) return Wrong(path, "is under a passphrase, and the configuration has no `passphrase = true` in [keys]");
  return text;
}

absl::StatusOr<crypto::SecretBytes> KeyFiles::ReadPem(const std::string& path) const {
  ACCORD_ASSIGN_OR_RETURN(std::string text, ReadText(path));
  if (passphrase_ == nullptr) return crypto::SecretBytes::Take(std::move(text));
  auto pem = crypto::UnprotectPrivateKey(text, passphrase_->view());
  return pem.ok() ? std::move(pem) : At(path, pem.status());
}

absl::StatusOr<crypto::SecretBytes> KeyFiles::ReadKey(const std::string& path) const {
  ACCORD_ASSIGN_OR_RETURN(std::string text, ReadText(path));
  if (passphrase_ == nullptr) return FromHexFile(path, std::move(text));
  auto bytes = crypto::UnprotectBytes(text, passphrase_->view());
  if (!bytes.ok()) return At(path, bytes.status());
  if (bytes->size() != kKeyBytes) return Wrong(path, "is no key of 32 bytes");
  return bytes;
}

absl::StatusOr<std::vector<agent::AgencyKeys::EarlierLinkage>> KeyFiles::EarlierLinkage(const std::string& domain) const {
  std::vector<agent::AgencyKeys::EarlierLinkage> earlier;
  for (const AgencyConfig::PreviousLinkage& previous : config_.previous_linkage_keys) {
    if (previous.domain != domain) continue;
    ACCORD_ASSIGN_OR_RETURN(auto key, ReadKey(previous.key));
    earlier.push_back({previous.key_id, std::move(key), previous.sent_until});
  }
  return earlier;
}

absl::StatusOr<std::vector<agent::AgencyKeys::OtherLinkage>> KeyFiles::OtherLinkage() const {
  std::vector<agent::AgencyKeys::OtherLinkage> others;
  for (const AgencyConfig::OtherLinkage& other : config_.other_linkage_domains) {
    ACCORD_ASSIGN_OR_RETURN(auto key, ReadKey(other.key));
    ACCORD_ASSIGN_OR_RETURN(auto earlier, EarlierLinkage(other.domain));
    others.push_back({other.domain, other.key_id, std::move(key), std::move(earlier), other.agencies});
  }
  return others;
}

absl::StatusOr<std::unique_ptr<agent::AgencyKeys>> KeyFiles::Load(type::v1::AgencyKind kind) const {
  ACCORD_ASSIGN_OR_RETURN(const auto signing_pem, ReadPem(config_.signing_key));
  ACCORD_ASSIGN_OR_RETURN(auto signing, crypto::SigningKey::FromPem(signing_pem.view()));
  ACCORD_ASSIGN_OR_RETURN(const auto sealing_pem, ReadPem(config_.sealing_key));
  ACCORD_ASSIGN_OR_RETURN(auto sealing, crypto::SealingKey::FromPem(sealing_pem.view()));
  ACCORD_ASSIGN_OR_RETURN(const auto pem, ReadFile(config_.sealing_certificate));
  ACCORD_ASSIGN_OR_RETURN(auto certificate, crypto::Certificate::FromPem(pem));
  if (certificate.public_key_id() != sealing.key_id()) return Wrong(config_.sealing_certificate, "is not of the sealing key");
  ACCORD_ASSIGN_OR_RETURN(const auto authorities_pem, ReadFile(config_.area_authorities));
  ACCORD_ASSIGN_OR_RETURN(auto authorities, crypto::TrustAnchors::FromPem(authorities_pem));
  ACCORD_ASSIGN_OR_RETURN(auto linkage_key, ReadKey(config_.linkage_key));
  std::vector<agent::AgencyKeys::Sealing> earlier;
  for (const AgencyConfig::PreviousSealing& previous : config_.previous_sealing_keys) {
    ACCORD_ASSIGN_OR_RETURN(const auto previous_pem, ReadPem(previous.key));
    ACCORD_ASSIGN_OR_RETURN(auto key, crypto::SealingKey::FromPem(previous_pem.view()));
    ACCORD_ASSIGN_OR_RETURN(const auto earlier_pem, ReadFile(previous.certificate));
    ACCORD_ASSIGN_OR_RETURN(auto of_key, crypto::Certificate::FromPem(earlier_pem));
    if (of_key.public_key_id() != key.key_id()) return Wrong(previous.certificate, "is not of the key beside it");
    earlier.push_back({std::move(key), std::move(of_key)});
  }
  ACCORD_ASSIGN_OR_RETURN(auto earlier_linkage, EarlierLinkage(config_.linkage_domain));
  ACCORD_ASSIGN_OR_RETURN(auto other_linkage, OtherLinkage());
  std::unique_ptr<agent::AgencyKeys> keys(new agent::AgencyKeys{
      config_.agency, kind, config_.trust_domain, std::move(signing), std::move(sealing), std::move(certificate),
      std::move(authorities), config_.linkage_domain, config_.linkage_key_id, std::move(linkage_key), std::move(earlier),
      std::move(earlier_linkage), std::move(other_linkage)});
  ACCORD_RETURN_IF_ERROR(agent::CheckLinkageKeysDiffer(*keys));
  return keys;
}

absl::StatusOr<crypto::SecretBytes> KeyFiles::StoreKey() const { return ReadKey(config_.store_key); }

absl::Status KeyFiles::MakeStoreKey(Random& random) const {
  const auto key = crypto::SecretBytes::Take(random.Bytes(kKeyBytes));
  if (passphrase_ == nullptr) return WriteFileDurably(config_.store_key, ToHex(key.view()) + "\n");
  ACCORD_ASSIGN_OR_RETURN(const std::string text, crypto::ProtectBytes(key.view(), passphrase_->view(), random));
  return WriteFileDurably(config_.store_key, text);
}

absl::StatusOr<int> ProtectKeyFiles(const AgencyConfig& config, const crypto::SecretBytes& passphrase, Random& random) {
  std::vector<std::string> pairs = {config.signing_key, config.sealing_key}, bytes = {config.linkage_key};
  for (const auto& previous : config.previous_sealing_keys) pairs.push_back(previous.key);
  for (const auto& previous : config.previous_linkage_keys) bytes.push_back(previous.key);
  for (const auto& other : config.other_linkage_domains) bytes.push_back(other.key);
  if (std::filesystem::exists(config.store_key)) bytes.push_back(config.store_key);  // Else the first start makes it, under the passphrase.

  std::vector<std::pair<std::string, std::string>> written;  // Path, bytes: all are made before one is changed.
  const auto protect = [&](const std::string& path, auto unprotect, auto make) -> absl::Status {
    ACCORD_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kKeyFileBytesMax));
    if (crypto::IsProtected(text)) {
      const absl::Status opened = unprotect(text, passphrase.view()).status();
      return opened.ok() ? opened : At(path, opened);
    }
    absl::StatusOr<std::string> under = make(std::move(text));
    if (!under.ok()) return At(path, under.status());
    written.emplace_back(path, *std::move(under));
    return absl::OkStatus();
  };
  for (const std::string& path : pairs) {
    ACCORD_RETURN_IF_ERROR(protect(path, crypto::UnprotectPrivateKey, [&](std::string text) {
      const auto plain = crypto::SecretBytes::Take(std::move(text));
      return crypto::ProtectPrivateKey(plain.view(), passphrase.view(), random);
    }));
  }
  for (const std::string& path : bytes) {
    ACCORD_RETURN_IF_ERROR(protect(path, crypto::UnprotectBytes, [&](std::string text) -> absl::StatusOr<std::string> {
      ACCORD_ASSIGN_OR_RETURN(const auto plain, FromHexFile(path, std::move(text)));
      return crypto::ProtectBytes(plain.view(), passphrase.view(), random);
    }));
  }
  for (const auto& [path, text] : written) ACCORD_RETURN_IF_ERROR(WriteFileDurably(path, text));
  return static_cast<int>(written.size());
}

}  // namespace accord::agent_rpc
