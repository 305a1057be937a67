#include "common/ledger/trail_bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/leaf.h"
#include "common/ledger/note.h"

namespace accord::ledger {
namespace {

using nlohmann::json;

constexpr char kFormat[] = "accord-bundle/v1";
constexpr char kReferral[] = "referral", kCase[] = "case";

absl::Status Invalid(std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("bundle.json: {}", why), {{"field", "bundle"}});
}

const json* Member(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? &*found : nullptr;
}

bool ReadText(const json& object, const char* name, std::string& value) {
  const json* member = Member(object, name);
  if (member == nullptr || !member->is_string()) return false;
  value = member->get<std::string>();
  return true;
}

bool ReadNumber(const json* member, uint64_t& value) {
  if (member == nullptr || !member->is_number_unsigned()) return false;
  value = member->get<uint64_t>();
  return true;
}

// `size` bytes in hex.
bool ReadBytes(const json& object, const char* name, size_t size, std::string& value) {
  std::string hex;
  if (!ReadText(object, name, hex)) return false;
  auto bytes = FromHex(hex);
  if (!bytes.has_value() || bytes->size() != size) return false;
  value = *std::move(bytes);
  return true;
}

}  // namespace

std::string ReceiptPath(uint64_t index) { return fmt::format("receipts/{}{}", index, kReceiptSuffix); }

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
  if (text.size() > kManifestBytesMax) return Invalid("it is too large");
  const json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return Invalid("it is no JSON object");
  std::string format, grade;
  if (!ReadText(document, "format", format) || format != kFormat) {
    return Invalid(fmt::format("its `format` is not {}: another version, or no bundle", kFormat));
  }
  TrailManifest manifest;
  const json* about = Member(document, "about");
  if (about == nullptr || about->size() != 1) return Invalid("`about` does not name one referral or case");
  if (ReadBytes(*about, kCase, kPseudonymBytes, manifest.id)) {
    manifest.about = TrailManifest::About::kCase;
  } else if (!ReadBytes(*about, kReferral, crypto::kDigestBytes, manifest.id)) {
    return Invalid("`about` does not name one referral or case");
  }
  if (!ReadText(document, "origin", manifest.origin) || !IsKeyName(manifest.origin)) return Invalid("`origin` is no log's");
  if (!ReadBytes(document, "chain", kPseudonymBytes, manifest.chain)) return Invalid("`chain` is no pseudonym");
  if (manifest.about == TrailManifest::About::kCase && manifest.chain != manifest.id) {
    return Invalid("`chain` is not that of the case");
  }
  if (!ReadText(document, "grade", grade) || (grade != Name(TrailGrade::kAttested) && grade != Name(TrailGrade::kPartial))) {
    return Invalid("`grade` is neither attested nor partial");
  }
  manifest.grade = grade == Name(TrailGrade::kAttested) ? TrailGrade::kAttested : TrailGrade::kPartial;
  if (!ReadNumber(Member(document, "queryIndex"), manifest.query_index) ||
      !ReadNumber(Member(document, "checkpointSize"), manifest.checkpoint_size)) {
    return Invalid("`queryIndex` or `checkpointSize` is no number");
  }
  const json* rows = Member(document, "rows");
  if (rows == nullptr || !rows->is_array() || rows->empty() || rows->size() > kTrailRowsMax) {
    return Invalid(fmt::format("`rows` is no list of 1 to {} entries", kTrailRowsMax));
  }
  for (const json& row : *rows) {
    if (!ReadNumber(&row, manifest.rows.emplace_back())) return Invalid("`rows` has what is no number");
  }
  if (std::adjacent_find(manifest.rows.begin(), manifest.rows.end(), std::greater_equal<>()) != manifest.rows.end()) {
    return Invalid("`rows` does not ascend");
  }
  if (manifest.rows.back() != manifest.query_index) return Invalid("the last of `rows` is not the query's own entry");
  if (manifest.query_index >= manifest.checkpoint_size) return Invalid("`queryIndex` is not below `checkpointSize`");
  // One text for one manifest: no other order, no other spaces, nothing that this version does not know.
  if (FormatTrailManifest(manifest) != text) return Invalid("it is not written as version 1 is");
  return manifest;
}

}  // namespace accord::ledger
