// An agency's key files, plain or under its passphrase (docs/hosting.md). All functions are thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "common/agent/agency_keys.h"
#include "common/agent_rpc/agency_config.h"
#include "common/base/random.h"
#include "common/crypto/secret.h"

namespace accord::agent_rpc {

// Reads them as the configuration says: all under `passphrase`, or, where it says nothing of one, none. Errors name the file.
//   PASSPHRASE_WRONG     it does not open one of them
//   FAILED_PRECONDITION  one is not as the configuration says, or no such key
class KeyFiles {
 public:
  // `passphrase`: null where the configuration has none. Both must outlive this.
  KeyFiles(const AgencyConfig& config, const crypto::SecretBytes* passphrase) : config_(config), passphrase_(passphrase) {}

  // Everything but the store key. The signing key is read first: a wrong passphrase costs no more than one try.
  absl::StatusOr<std::unique_ptr<agent::AgencyKeys>> Load(type::v1::AgencyKind kind) const;
  // 32 bytes.
  absl::StatusOr<crypto::SecretBytes> StoreKey() const;
  // A new one, durably, in the form that StoreKey reads.
  absl::Status MakeStoreKey(Random& random) const;

 private:
  // The file's PEM with an unencrypted key.
  absl::StatusOr<crypto::SecretBytes> ReadPem(const std::string& path) const;
  // 32 bytes: 64 hex digits and perhaps a newline, or the same under the passphrase.
  absl::StatusOr<crypto::SecretBytes> ReadKey(const std::string& path) const;
  absl::StatusOr<std::string> ReadText(const std::string& path) const;
  absl::StatusOr<std::vector<agent::AgencyKeys::EarlierLinkage>> EarlierLinkage(const std::string& domain) const;
  absl::StatusOr<std::vector<agent::AgencyKeys::OtherLinkage>> OtherLinkage() const;

  const AgencyConfig& config_;
  const crypto::SecretBytes* const passphrase_;
};

// Puts every key file of `config` that is plain under `passphrase`, each in place: written beside, synced, renamed. Those that are under
// it already stay. Returns how many were put under it. The old bytes may still be on the disk; the caller is told so in docs/hosting.md.
//   PASSPHRASE_WRONG  one is under another passphrase: nothing was changed
//   FIELD_INVALID     the passphrase is too short or too long, or a file is no such key: nothing was changed
//   others            of writing: those before it were changed; run it again
absl::StatusOr<int> ProtectKeyFiles(const AgencyConfig& config, const crypto::SecretBytes& passphrase, Random& random);

}  // namespace accord::agent_rpc
