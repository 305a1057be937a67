#include "common/referral/media_types.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/base/text.h"

namespace accord::referral {
namespace {

using std::literals::string_view_literals::operator""sv;

struct Signature {
  size_t at = 0;  // Where it stands in the file.
  std::string_view bytes;
  std::string_view media_type;
};
constexpr std::array kSignatures = {
    Signature{0, "%PDF-"sv, "application/pdf"sv},
    Signature{0, "\xff\xd8\xff"sv, "image/jpeg"sv},
    Signature{0, "\x89PNG\r\n\x1a\n"sv, "image/png"sv},
    Signature{0, "II*\0"sv, "image/tiff"sv},
    Signature{0, "MM\0*"sv, "image/tiff"sv},
    // ISO base media files, by their major brand.
    Signature{4, "ftypheic"sv, "image/heic"sv},
    Signature{4, "ftypheix"sv, "image/heic"sv},
    Signature{4, "ftypmif1"sv, "image/heic"sv},
    Signature{4, "ftypqt  "sv, "video/quicktime"sv},
    Signature{4, "ftypM4A "sv, "audio/mp4"sv},
    Signature{4, "ftypisom"sv, "video/mp4"sv},
    Signature{4, "ftypiso2"sv, "video/mp4"sv},
    Signature{4, "ftypmp41"sv, "video/mp4"sv},
    Signature{4, "ftypmp42"sv, "video/mp4"sv},
    Signature{4, "ftypavc1"sv, "video/mp4"sv},
    Signature{0, "ID3"sv, "audio/mpeg"sv},
    Signature{0, "\xff\xfb"sv, "audio/mpeg"sv},
    Signature{0, "\xff\xf3"sv, "audio/mpeg"sv},
};

bool HasMark(std::string_view bytes, size_t at, std::string_view what) { return bytes.size() >= at && bytes.substr(at).starts_with(what); }
bool ContainsBytes(std::string_view bytes, std::string_view what) { return bytes.find(what) != std::string_view::npos; }

// A zip archive whose first entry is one that Office writes first, with a document's or workbook's own part in it, and no macros.
std::string_view OfficeType(std::string_view bytes) {
  constexpr size_t kNameAt = 30;  // Of a local file header.
  const bool office = HasMark(bytes, 0, "PK\x03\x04"sv) && (HasMark(bytes, kNameAt, "[Content_Types].xml"sv) || HasMark(bytes, kNameAt, "_rels/.rels"sv));
  if (!office || ContainsBytes(bytes, "vbaProject"sv)) return {};
  const bool document = ContainsBytes(bytes, "word/document.xml"sv), workbook = ContainsBytes(bytes, "xl/workbook.xml"sv);
  if (document == workbook) return {};
  return document ? "application/vnd.openxmlformats-officedocument.wordprocessingml.document"sv
                  : "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"sv;
}

// UTF-8 without control characters other than those of lines and tabs.
bool IsPlainText(std::string_view bytes) {
  const bool controls = std::any_of(bytes.begin(), bytes.end(), [](char c) {
    const auto code = static_cast<unsigned char>(c);
    return (code < 0x20 && c != '\t' && c != '\n' && c != '\r') || code == 0x7f;
  });
  return !bytes.empty() && !controls && IsUtf8(bytes);
}

}  // namespace

std::string_view MediaTypeOf(std::string_view bytes) {
  const auto found = std::find_if(kSignatures.begin(), kSignatures.end(),
                                  [&](const Signature& row) { return HasMark(bytes, row.at, row.bytes); });
  if (found != kSignatures.end()) return found->media_type;
  if (HasMark(bytes, 0, "RIFF"sv) && HasMark(bytes, 8, "WAVE"sv)) return "audio/wav"sv;
  if (const std::string_view office = OfficeType(bytes); !office.empty()) return office;
  return IsPlainText(bytes) ? "text/plain"sv : std::string_view();
}

}  // namespace accord::referral
