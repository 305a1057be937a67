// Signed notes and verification keys.
#include <fmt/format.h>

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/ledger/note.h"
#include "tests/fuzz/golden_log.h"
#include "tests/fuzz/target.h"

namespace accord {
namespace {

// A third party's key and the one text it signed (ledger notes A3).
constexpr std::string_view kVkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
constexpr std::string_view kText = "This is an example message.\n";

void CheckNote(std::string_view input) {
  const auto note = ledger::ParseNote(input);
  if (!note.ok()) {
    ACCORD_CHECK(HasReason(note.status(), Reason::kReceiptInvalid));
    return;
  }
  std::string again = note->text + "\n";
  ACCORD_CHECK(!note->signatures.empty() && note->signatures.size() <= ledger::kNoteSignaturesMax);
  for (const ledger::NoteSignature& signature : note->signatures) {
    ACCORD_CHECK(ledger::IsKeyName(signature.name));
    again += fmt::format("\u2014 {} {}\n", signature.name,
                         ToBase64(ByteWriter().U32(signature.id).Raw(signature.bytes).bytes()));
  }
  ACCORD_CHECK(again == input);

  static const auto* const keys = new std::vector<ledger::Vkey>{*ledger::Vkey::Parse(kVkey), fuzz::GoldenKey(),
                                                                fuzz::GoldenWitnesses()[0]};
  const auto signers = ledger::VerifyNote(*note, *keys);
  if (!signers.ok()) return;
  for (const std::string& signer : *signers) {
    ACCORD_CHECK(note->text == (signer == (*keys)[0].name() ? kText : fuzz::kGoldenText));
  }
}

// Whatever may be signed comes back as the text of a note with any signature.
void CheckText(std::string_view input) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; };
  if (!input.ends_with('\n') || !IsUtf8(input) || std::any_of(input.begin(), input.end(), control)) return;
  const auto note = ledger::ParseNote(fmt::format("{}\n\u2014 name AAAAAQAB\n", input));
  ACCORD_CHECK(note.ok() && note->text == input && note->signatures.size() == 1);
}

void CheckVkey(std::string_view input) {
  const auto key = ledger::Vkey::Parse(input);
  if (!key.ok()) return;
  ACCORD_CHECK(key->ToString() == input);
}

}  // namespace
}  // namespace accord

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  accord::CheckNote(accord::fuzz::Text(data, size));
  accord::CheckText(accord::fuzz::Text(data, size));
  accord::CheckVkey(accord::fuzz::Text(data, size));
  return 0;
}
