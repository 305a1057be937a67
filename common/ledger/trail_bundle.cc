#include "common/ledger/trail_bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/leaf.h"
#include "common/ledger/manifest_json.h"
#include "common/ledger/note.h"

namespace accord::ledger {
namespace {

using nlohmann::json;

constexpr char kFormat[] = "accord-bundle/v1";
constexpr char kReferral[] = "referral", kCase[] = "case";

}  // namespace

bool IsShallowJson(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      in_string = !in_string;
    } else if (in_string) {
      i += c == '\\';  // What is escaped ends nothing.
    } else if (c == '[' || c == '{') {
      if (++depth > kBundleNestingMax) return false;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return true;
}

std::string ReceiptPath(uint64_t index) { return fmt::format("receipts/{}{}", index, kReceiptSuffix); }

std::string FormatOpenings(const std::vector<crypto::Opening>& openings) {
  json array = json::array();
  for (const auto& opening : openings) {
    array.push_back({{"label", opening.label}, {"salt", ToBase64(opening.salt)}, {"content", ToBase64(opening.content)}});
  }
  return array.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string_view Name(TrailGrade grade) { return grade == TrailGrade::kAttested ? "attested" : "partial"; }

std::string FormatTrailManifest(const TrailManifest& manifest) {
  const bool referral = manifest.about == TrailManifest::About::kReferral;
  const json document = {{"format", kFormat},
                         {"origin", manifest.origin},
                         {"about", {{referral ? kReferral : kCase, ToHex(manifest.id)}}},
                         {"chain", ToHex(manifest.chain)},
                         {"grade", Name(manifest.grade)},
                         {"queryIndex", manifest.query_index},
                         {"checkpointSize", manifest.checkpoint_size},
                         {"rows", manifest.rows}};
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

absl::StatusOr<TrailManifest> ParseTrailManifest(std::string_view text) {
  if (text.size() > kManifestBytesMax) return InvalidManifest("it is too large");
  if (!IsShallowJson(text)) return InvalidManifest("it is nested too deep");
  const json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return InvalidManifest("it is no JSON object");
  std::string format, grade;
  if (!ReadText(document, "format", format) || format != kFormat) {
    return InvalidManifest(fmt::format("its `format` is not {}: another version, or no bundle", kFormat));
  }
  TrailManifest manifest;
  const json* about = Member(document, "about");
  if (about == nullptr || about->size() != 1) return InvalidManifest("`about` does not name one referral or case");
  if (ReadBytes(*about, kCase, kPseudonymBytes, manifest.id)) {
    manifest.about = TrailManifest::About::kCase;
  } else if (!ReadBytes(*about, kReferral, crypto::kDigestBytes, manifest.id)) {
    return InvalidManifest("`about` does not name one referral or case");
  }
  if (!ReadText(document, "origin", manifest.origin) || !IsKeyName(manifest.origin)) return InvalidManifest("`origin` is no log's");
  if (!ReadBytes(document, "chain", kPseudonymBytes, manifest.chain)) return InvalidManifest("`chain` is no pseudonym");
  if (manifest.about == TrailManifest::About::kCase && manifest.chain != manifest.id) {
    return InvalidManifest("`chain` is not that of the case");
  }
  if (!ReadText(document, "grade", grade) || (grade != Name(TrailGrade::kAttested) && grade != Name(TrailGrade::kPartial))) {
    return InvalidManifest("`grade` is neither attested nor partial");
  }
  manifest.grade = grade == Name(TrailGrade::kAttested) ? TrailGrade::kAttested : TrailGrade::kPartial;
  if (!ReadNumber(Member(document, "queryIndex"), manifest.query_index) ||
      !ReadNumber(Member(document, "checkpointSize"), manifest.checkpoint_size)) {
    return InvalidManifest("`queryIndex` or `checkpointSize` is no number");
  }
  const json* rows = Member(document, "rows");
  if (rows == nullptr || !rows->is_array() || rows->empty() || rows->size() > kTrailRowsMax) {
    return InvalidManifest(fmt::format("`rows` is no list of 1 to {} entries", kTrailRowsMax));
  }
  for (const json& row : *rows) {
    if (!ReadNumber(&row, manifest.rows.emplace_back())) return InvalidManifest("`rows` has what is no number");
  }
  if (std::adjacent_find(manifest.rows.begin(), manifest.rows.end(), std::greater_equal<>()) != manifest.rows.end()) {
    return InvalidManifest("`rows` does not ascend");
  }
  if (manifest.rows.back() != manifest.query_index) return InvalidManifest("the last of `rows` is not the query's own entry");
  if (manifest.query_index >= manifest.checkpoint_size) return InvalidManifest("`queryIndex` is not below `checkpointSize`");
  // One text for one manifest: no other order, no other spaces, nothing that this version does not know.
  if (FormatTrailManifest(manifest) != text) return InvalidManifest("it is not written as version 1 is");
  return manifest;
}

}  // namespace accord::ledger
