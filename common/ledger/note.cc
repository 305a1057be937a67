#include "common/ledger/note.h"

#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"

namespace accord::ledger {
namespace {

constexpr std::string_view kLineStart = "\u2014 ";  // An em dash and a space.

absl::Status MalformedNote(std::string_view why) { return Error(Reason::kReceiptInvalid, why); }

uint32_t KeyId(std::string_view name, uint8_t type, std::string_view public_key) {
  const std::string digest = crypto::Sha256(ByteWriter().Raw(name).U8('\n').U8(type).Raw(public_key).bytes());
  uint32_t id = 0;
  ByteReader(digest).U32(id);
  return id;
}

std::string SignatureLine(std::string_view name, uint32_t id, std::string_view bytes) {
  return fmt::format("{}{} {}\n", kLineStart, name, ToBase64(ByteWriter().U32(id).Raw(bytes).bytes()));
}

std::string CosignedMessage(std::string_view text, uint64_t time_s) {
  return fmt::format("cosignature/v1\ntime {}\n{}", time_s, text);
}

bool VerifyOne(const Note& note, const NoteSignature& signature, const Vkey& key) {
  if (key.type() == kTypeEd25519) return key.key().Verify(note.text, signature.bytes);
  ByteReader reader(signature.bytes);
  uint64_t time_s = 0;
  if (!reader.U64(time_s) || time_s >= uint64_t{1} << 63) return false;
  return key.key().Verify(CosignedMessage(note.text, time_s), reader.rest());
}

}  // namespace

bool IsKeyName(std::string_view name) {
  if (name.empty() || !IsUtf8(name) || name.find('+') != std::string_view::npos) return false;
  int32_t at = 0;
  const auto length = static_cast<int32_t>(name.size());
  while (at < length) {
    UChar32 point = 0;
    U8_NEXT(name.data(), at, length, point);
    if (u_isUWhiteSpace(point) || u_iscntrl(point)) return false;
  }
  return true;
}

Vkey::Vkey(std::string name, uint8_t type, crypto::Ed25519Verifier key)
    : name_(std::move(name)), type_(type), key_(std::move(key)), id_(KeyId(name_, type_, key_.public_key())) {}

absl::StatusOr<Vkey> Vkey::Parse(std::string_view text) {
  const auto wrong = [](std::string_view why) {
    return Error(Reason::kFieldInvalid, fmt::format("not a verification key (name+id+key): {}", why), {{"field", "vkey"}});
  };
  // A name has no plus sign, base64 may: split at the first two.
  const size_t first = text.find('+');
  const size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return wrong("it has no two plus signs");
  const std::string_view name = text.substr(0, first);
  const std::string_view id_text = text.substr(first + 1, second - first - 1);
  const auto id = FromHex(id_text);
  const auto key = FromBase64(text.substr(second + 1));
  if (!IsKeyName(name)) return wrong("the name is not allowed");
  if (!id.has_value() || id->size() != 4 || ToHex(*id) != id_text) return wrong("the id is not eight hex digits in lower case");
  if (!key.has_value() || key->size() != 1 + crypto::kEd25519PublicKeyBytes) return wrong("the key is not base64 of 33 bytes");
  const auto type = static_cast<uint8_t>(key->front());
  if (type != kTypeEd25519 && type != kTypeCosignatureV1) return wrong("the type is neither 01 nor 04");
  ACCORD_ASSIGN_OR_RETURN(auto verifier, crypto::Ed25519Verifier::FromPublicKey(std::string_view(*key).substr(1)));
  Vkey vkey(std::string(name), type, std::move(verifier));
  if (ByteWriter().U32(vkey.id_).bytes() != *id) return wrong("the id is not that of the key");
  return vkey;
}

Vkey Vkey::Make(std::string_view name, uint8_t type, const crypto::Ed25519Verifier& key) {
  ACCORD_CHECK(IsKeyName(name));
  return Vkey(std::string(name), type, key);
}

std::string Vkey::ToString() const {
  return fmt::format("{}+{:08x}+{}", name_, id_, ToBase64(ByteWriter().U8(type_).Raw(key_.public_key()).bytes()));
}

absl::StatusOr<Note> ParseNote(std::string_view bytes) {
  if (bytes.size() > kNoteBytesMax) return MalformedNote("the note is too large");
  if (!IsUtf8(bytes)) return MalformedNote("the note is not UTF-8");
  if (std::any_of(bytes.begin(), bytes.end(), [](unsigned char c) { return c < 0x20 && c != '\n'; })) {
    return MalformedNote("the note has a control character");
  }
  const size_t split = bytes.rfind("\n\n");
  if (split == std::string_view::npos) return MalformedNote("the note has no blank line before its signatures");
  Note note;
  note.text = bytes.substr(0, split + 1);
  std::string_view rest = bytes.substr(split + 2);
  if (rest.empty() || rest.back() != '\n') return MalformedNote("the note does not end with a signature line");
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.substr(0, kLineStart.size()) != kLineStart) return MalformedNote("a signature line does not begin with a dash");
    line.remove_prefix(kLineStart.size());
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || !IsKeyName(line.substr(0, space))) return MalformedNote("a signature line has no key name");
    const auto decoded = FromBase64(line.substr(space + 1));
    NoteSignature signature{std::string(line.substr(0, space)), 0, ""};
    if (!decoded.has_value()) return MalformedNote("a signature line is not base64");
    ByteReader reader(*decoded);
    if (!reader.U32(signature.id) || reader.AtEnd()) return MalformedNote("a signature line is too short");
    signature.bytes = reader.rest();
    note.signatures.push_back(std::move(signature));
    if (note.signatures.size() > kNoteSignaturesMax) return MalformedNote("the note has too many signatures");
  }
  return note;
}

std::string FormatNote(const Note& note) {
  std::string bytes = note.text + "\n";
  for (const NoteSignature& signature : note.signatures) bytes += SignatureLine(signature.name, signature.id, signature.bytes);
  return bytes;
}

std::string SignNote(std::string_view text, std::string_view name, const crypto::Ed25519Signer& signer) {
  ACCORD_CHECK(!text.empty() && text.back() == '\n');
  const Vkey key = Vkey::Make(name, kTypeEd25519, signer.verifier());
  return fmt::format("{}\n{}", text, SignatureLine(name, key.id(), signer.Sign(text)));
}

absl::StatusOr<std::vector<std::string>> VerifyNote(const Note& note, std::span<const Vkey> keys) {
  std::vector<std::string> signers;
  for (const NoteSignature& signature : note.signatures) {
    for (const Vkey& key : keys) {
      if (key.name() != signature.name || key.id() != signature.id) continue;
      if (!VerifyOne(note, signature, key)) {
        return MalformedNote(fmt::format("the signature of {} does not verify: the checkpoint was altered", key.name()));
      }
      if (std::find(signers.begin(), signers.end(), key.name()) == signers.end()) signers.push_back(key.name());
    }
  }
  if (signers.empty()) return MalformedNote("the note has no signature by a known key");
  return signers;
}

std::string CosignatureLine(std::string_view text, std::string_view name, uint64_t time_s,
                            const crypto::Ed25519Signer& signer) {
  ACCORD_CHECK(time_s < uint64_t{1} << 63);
  const Vkey key = Vkey::Make(name, kTypeCosignatureV1, signer.verifier());
  return SignatureLine(name, key.id(), ByteWriter().U64(time_s).Raw(signer.Sign(CosignedMessage(text, time_s))).bytes());
}

absl::StatusOr<Cosignature> FindCosignature(const Note& note, const Vkey& witness) {
  ACCORD_CHECK(witness.type() == kTypeCosignatureV1);
  Cosignature found;
  for (const NoteSignature& signature : note.signatures) {
    if (signature.name != witness.name() || signature.id != witness.id()) continue;
    if (!VerifyOne(note, signature, witness)) return MalformedNote(fmt::format("the cosignature of {} does not verify", witness.name()));
    uint64_t time_s = 0;
    ByteReader(signature.bytes).U64(time_s);
    if (found.line.empty() || time_s > found.time_s) {
      found = {time_s, SignatureLine(signature.name, signature.id, signature.bytes)};
    }
  }
  if (found.line.empty()) return MalformedNote(fmt::format("the note has no cosignature of {}", witness.name()));
  return found;
}

}  // namespace accord::ledger
