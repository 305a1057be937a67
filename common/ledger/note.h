// Signed notes (c2sp.org/signed-note) and the keys that sign them. Pure. Thread-safe but where said.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/ed25519.h"

namespace accord::ledger {

inline constexpr size_t kNoteBytesMax = 64u << 10;
inline constexpr size_t kNoteSignaturesMax = 64;

// Signature types. Persisted. Do not renumber.
inline constexpr uint8_t kTypeEd25519 = 0x01;
inline constexpr uint8_t kTypeCosignatureV1 = 0x04;

// True when `name` may name a key: not empty, no Unicode space, no plus sign, UTF-8.
bool IsKeyName(std::string_view name);

// A verification key: `<name>+<key id in hex>+<base64 of type ‖ public key>`.
class Vkey {
 public:
  // FIELD_INVALID unless it is one of the two types above with its right key id.
  static absl::StatusOr<Vkey> Parse(std::string_view text);
  // REQUIRES: IsKeyName(name).
  static Vkey Make(std::string_view name, uint8_t type, const crypto::Ed25519Verifier& key);

  const std::string& name() const { return name_; }
  uint32_t id() const { return id_; }
  uint8_t type() const { return type_; }
  const crypto::Ed25519Verifier& key() const { return key_; }
  std::string ToString() const;

 private:
  Vkey(std::string name, uint8_t type, crypto::Ed25519Verifier key);
  std::string name_;
  uint8_t type_;
  crypto::Ed25519Verifier key_;
  uint32_t id_;
};

// One signature line.
struct NoteSignature {
  std::string name;
  uint32_t id = 0;
  std::string bytes;  // After the key id.
};

// A note as parsed; nothing of it is verified.
struct Note {
  std::string text;  // Ends in a newline.
  std::vector<NoteSignature> signatures;
};

// RECEIPT_INVALID, with what is wrong, unless `bytes` have the form of a signed note within the limits.
absl::StatusOr<Note> ParseNote(std::string_view bytes);

// The bytes that ParseNote reads to `note`.
std::string FormatNote(const Note& note);

// `text` and the signature line of `signer` under `name`. REQUIRES: `text` ends in a newline and is valid note text.
std::string SignNote(std::string_view text, std::string_view name, const crypto::Ed25519Signer& signer);

// Verifies every signature of `note` that one of `keys` should have made: unknown lines are ignored, a known one that
// fails rejects the note. Returns the names of the keys that signed; at least one. RECEIPT_INVALID otherwise.
// Cosignatures (type 0x04) are verified as c2sp.org/tlog-cosignature says.
absl::StatusOr<std::vector<std::string>> VerifyNote(const Note& note, std::span<const Vkey> keys);

// A cosignature line, with its newline, of `name` over the note text at `time_s` (POSIX seconds, below 2^63).
std::string CosignatureLine(std::string_view text, std::string_view name, uint64_t time_s,
                            const crypto::Ed25519Signer& signer);

// A cosignature that verifies.
struct Cosignature {
  uint64_t time_s = 0;
  std::string line;  // As in the note, with its newline.
};
// The one that `witness`, of type 0x04, made in `note`; the one of the latest time when it has several. RECEIPT_INVALID when it
// has none, or when any line of that key does not verify.
absl::StatusOr<Cosignature> FindCosignature(const Note& note, const Vkey& witness);

}  // namespace accord::ledger
