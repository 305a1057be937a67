#include "common/ledger/export_bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/leaf.h"
#include "common/ledger/manifest_json.h"
#include "common/ledger/note.h"

namespace accord::ledger {
namespace {

using nlohmann::json;

constexpr std::string_view kRequestTag = "accord/bundle-request/v2", kRequestTagWithoutChains = "accord/bundle-request/v1";
constexpr std::string_view kPolicyFolder = "policies/";
constexpr size_t kPlainVersionMax = 64, kPathBytesMax = 256, kTextBytesMax = 128;

json AboutJson(const BundleTrail& trail) {
  return {{trail.about == TrailManifest::About::kReferral ? "referral" : "case", ToHex(trail.id)}};
}

// Letters, digits and "._-", not beginning with a dot: a name that is one on every system.
bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= kPlainVersionMax && name.front() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

// `policies/KIND/NAME.toml`.
bool IsPolicyPath(std::string_view path) {
  if (!path.starts_with(kPolicyFolder) || !path.ends_with(".toml") || path.size() > kPathBytesMax) return false;
  path.remove_prefix(kPolicyFolder.size());
  const size_t slash = path.find('/');
  return slash != path.npos && IsPlainName(path.substr(0, slash)) && path.find('/', slash + 1) == path.npos && path[slash + 1] != '.';
}

absl::Status ReadTrailRows(const json& object, BundleTrail& trail, uint64_t checkpoint_size) {
  const json* about = Member(object, "about");
  if (about == nullptr || about->size() != 1) return InvalidManifest("a trail's `about` does not name one referral or case");
  if (ReadBytes(*about, "case", kPseudonymBytes, trail.id)) {
    trail.about = TrailManifest::About::kCase;
  } else if (ReadBytes(*about, "referral", crypto::kDigestBytes, trail.id)) {
    trail.about = TrailManifest::About::kReferral;
  } else {
    return InvalidManifest("a trail's `about` does not name one referral or case");
  }
  if (!ReadBytes(object, "chain", kPseudonymBytes, trail.chain)) return InvalidManifest("a trail's `chain` is no pseudonym");
  if (trail.about == TrailManifest::About::kCase && trail.chain != trail.id) return InvalidManifest("a trail's `chain` is not that of its case");
  if (!ReadNumber(Member(object, "queryIndex"), trail.query_index)) return InvalidManifest("a trail's `queryIndex` is no number");
  const json* rows = Member(object, "rows");
  if (rows == nullptr || !rows->is_array() || rows->empty() || rows->size() > kBundleRowsMax) {
    return InvalidManifest(fmt::format("a trail's `rows` is no list of 1 to {} entries", kBundleRowsMax));
  }
  for (const json& row : *rows) {
    if (!ReadNumber(&row, trail.rows.emplace_back())) return InvalidManifest("a trail's `rows` has what is no number");
  }
  if (std::adjacent_find(trail.rows.begin(), trail.rows.end(), std::greater_equal<>()) != trail.rows.end()) {
    return InvalidManifest("a trail's `rows` does not ascend");
  }
  if (trail.rows.back() != trail.query_index) return InvalidManifest("the last of a trail's `rows` is not the query's own entry");
  if (trail.query_index >= checkpoint_size) return InvalidManifest("a trail's `queryIndex` is not below `checkpointSize`");
  return absl::OkStatus();
}

absl::Status ReadTrails(const json& document, ExportManifest& manifest) {
  const json* trails = Member(document, "trails");
  if (trails == nullptr || !trails->is_array() || trails->empty() || trails->size() > kBundleTrailsMax) {
    return InvalidManifest(fmt::format("`trails` is no list of 1 to {} trails", kBundleTrailsMax));
  }
  std::set<std::string> ids;
  size_t rows = 0;
  for (const json& each : *trails) {
    ACCORD_RETURN_IF_ERROR(ReadTrailRows(each, manifest.trails.emplace_back(), manifest.checkpoint_size));
    rows += manifest.trails.back().rows.size();
    if (!ids.insert(manifest.trails.back().id).second) return InvalidManifest("`trails` has one of them twice");
    if (rows > kBundleRowsMax) return InvalidManifest(fmt::format("its trails have more than {} rows", kBundleRowsMax));
  }
  return absl::OkStatus();
}

absl::Status ReadFiles(const json& document, ExportManifest& manifest) {
  const json* files = Member(document, "files");
  if (files == nullptr || !files->is_object()) return InvalidManifest("`files` is no list of files");
  for (const auto& [path, value] : files->items()) {
    BundleFile file;
    if (!ReadNumber(Member(value, "size"), file.size) || !ReadBytes(value, "sha256", crypto::kDigestBytes, file.digest)) {
      return InvalidManifest("a member of `files` has no size or digest");
    }
    manifest.files.emplace(path, std::move(file));
  }
  return absl::OkStatus();
}

// The files that this manifest's trails call for are in it, and no other.
absl::Status CheckPaths(const ExportManifest& manifest) {
  std::set<std::string> expected = {kVkeyFile, kCheckpointFile, kIndexFile, kDirectoryFile};
  for (const BundleTrail& trail : manifest.trails) {
    for (const uint64_t row : trail.rows) expected.insert({ReceiptPath(row), ReceiptPath(row) + kOpeningsSuffix});
  }
  if (manifest.files.contains(kWitnessedFile)) expected.insert({kWitnessedFile, kWitnessedProofFile});
  for (const std::string& path : expected) {
    if (!manifest.files.contains(path)) return InvalidManifest(fmt::format("`files` lacks {}", path));
  }
  size_t attached = 0;
  for (const auto& [path, file] : manifest.files) {
    attached += IsAttached(path);
    if (!expected.contains(path) && !IsPolicyPath(path)) return InvalidManifest(fmt::format("`files` has {}, which no bundle has", path));
  }
  return attached > kBundleAttachedMax ? InvalidManifest("`files` has too many policy texts") : absl::OkStatus();
}

std::string DigestOfRequest(const ExportManifest& manifest, bool with_chains) {
  ByteWriter writer;
  writer.Lp16(with_chains ? kRequestTag : kRequestTagWithoutChains).Lp16(manifest.warrant).Lp16(manifest.purpose);
  writer.U32(static_cast<uint32_t>(manifest.trails.size()));
  for (const BundleTrail& trail : manifest.trails) {
    writer.U8(trail.about == TrailManifest::About::kReferral ? 1 : 2).Lp16(trail.id);
    if (with_chains) writer.Lp16(trail.chain);
  }
  for (const auto& [path, file] : manifest.files) {
    if (IsAttached(path)) writer.Lp16(path).Raw(file.digest);
  }
  return crypto::Sha256(writer.bytes());
}

absl::Status InvalidOpenings(std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("the openings file: {}", why), {{"field", "openings"}});
}

}  // namespace

bool IsExportManifest(std::string_view text) {
  if (text.size() > kExportManifestBytesMax || !IsShallowJson(text)) return false;
  const json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  std::string format;
  return ReadText(document, "format", format) && format == kExportFormat;
}

std::string FormatExportManifest(const ExportManifest& manifest) {
  json trails = json::array(), files = json::object();
  for (const BundleTrail& trail : manifest.trails) {
    trails.push_back({{"about", AboutJson(trail)}, {"chain", ToHex(trail.chain)}, {"queryIndex", trail.query_index}, {"rows", trail.rows}});
  }
  for (const auto& [path, file] : manifest.files) files[path] = {{"sha256", ToHex(file.digest)}, {"size", file.size}};
  const json document = {{"checkpointSize", manifest.checkpoint_size},
                         {"files", files},
                         {"format", kExportFormat},
                         {"grade", Name(TrailGrade::kAttested)},
                         {"origin", manifest.origin},
                         {"purpose", manifest.purpose},
                         {"trails", trails},
                         {"warrant", manifest.warrant}};
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

absl::StatusOr<ExportManifest> ParseExportManifest(std::string_view text) {
  if (text.size() > kExportManifestBytesMax) return InvalidManifest("it is too large");
  if (!IsShallowJson(text)) return InvalidManifest("it is nested too deep");
  const json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  ExportManifest manifest;
  std::string format, grade;
  if (!ReadText(document, "format", format) || format != kExportFormat) return InvalidManifest(fmt::format("its `format` is not {}", kExportFormat));
  if (!ReadText(document, "grade", grade) || grade != Name(TrailGrade::kAttested)) return InvalidManifest("`grade` is not attested");
  if (!ReadText(document, "origin", manifest.origin) || !IsKeyName(manifest.origin)) return InvalidManifest("`origin` is no log's");
  if (!ReadText(document, "warrant", manifest.warrant) || manifest.warrant.size() > kTextBytesMax) return InvalidManifest("`warrant` is no id");
  if (!ReadText(document, "purpose", manifest.purpose) || manifest.purpose.size() > kTextBytesMax) return InvalidManifest("`purpose` is no code");
  if (!ReadNumber(Member(document, "checkpointSize"), manifest.checkpoint_size)) return InvalidManifest("`checkpointSize` is no number");
  ACCORD_RETURN_IF_ERROR(ReadTrails(document, manifest));
  ACCORD_RETURN_IF_ERROR(ReadFiles(document, manifest));
  ACCORD_RETURN_IF_ERROR(CheckPaths(manifest));
  if (FormatExportManifest(manifest) != text) return InvalidManifest("it is not written as version 2 is");
  return manifest;
}

TrailManifest TrailOf(const ExportManifest& manifest, size_t trail) {
  const BundleTrail& one = manifest.trails[trail];
  return {.about = one.about,
          .id = one.id,
          .chain = one.chain,
          .grade = TrailGrade::kAttested,
          .origin = manifest.origin,
          .checkpoint_size = manifest.checkpoint_size,
          .query_index = one.query_index,
          .rows = one.rows};
}

std::string RequestDigest(const ExportManifest& manifest) { return DigestOfRequest(manifest, /*with_chains=*/true); }
std::string RequestDigestWithoutChains(const ExportManifest& manifest) { return DigestOfRequest(manifest, /*with_chains=*/false); }

bool IsAttached(std::string_view path) { return path == kDirectoryFile || path.starts_with(kPolicyFolder); }

std::string PolicyPath(std::string_view kind, std::string_view version) {
  return fmt::format("{}{}/{}.toml", kPolicyFolder, kind, IsPlainName(version) ? std::string(version) : "hex." + ToHex(version));
}

absl::Status CheckBundleFile(const ExportManifest& manifest, const std::string& path, std::string_view bytes) {
  const auto found = manifest.files.find(path);
  const auto invalid = [&](std::string_view why) { return Error(Reason::kFieldInvalid, fmt::format("{}: {}", path, why), {{"field", path}}); };
  if (found == manifest.files.end()) return invalid("was added: the manifest does not name it");
  if (bytes.size() != found->second.size) {
    return invalid(fmt::format("has {} bytes, the manifest names {}", bytes.size(), found->second.size));
  }
  if (crypto::Sha256(bytes) != found->second.digest) return invalid("was altered: it has not the digest that the manifest names");
  return absl::OkStatus();
}

absl::StatusOr<std::vector<crypto::Opening>> ParseOpenings(std::string_view text) {
  if (!IsShallowJson(text)) return InvalidOpenings("is nested too deep");
  const json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_array()) return InvalidOpenings("is not a JSON array");
  std::vector<crypto::Opening> openings;
  for (const json& item : document) {
    crypto::Opening opening;
    for (const auto& [key, member] : {std::pair{"label", &opening.label}, {"salt", &opening.salt}, {"content", &opening.content}}) {
      if (!ReadText(item, key, *member)) return InvalidOpenings(fmt::format("item {} has no text `{}`", openings.size(), key));
      if (member == &opening.label) continue;
      auto bytes = FromBase64(*member);
      if (!bytes.has_value()) return InvalidOpenings(fmt::format("`{}` of item {} is not base64", key, openings.size()));
      *member = *std::move(bytes);
    }
    openings.push_back(std::move(opening));
  }
  return openings;
}

std::string FormatHashLines(const std::vector<std::string>& hashes) {
  std::string text;
  for (const std::string& hash : hashes) text += ToBase64(hash) + "\n";
  return text;
}

absl::StatusOr<std::vector<std::string>> ParseHashLines(std::string_view text) {
  std::vector<std::string> hashes;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    auto hash = end == text.npos ? std::nullopt : FromBase64(text.substr(0, end));
    if (!hash.has_value() || hash->size() != crypto::kDigestBytes || hashes.size() == 64) {
      return Error(Reason::kFieldInvalid, "is no list of hashes, a line of base64 each", {{"field", "proof"}});
    }
    hashes.push_back(*std::move(hash));
    text.remove_prefix(end + 1);
  }
  return hashes;
}

}  // namespace accord::ledger
