#include "services/accordctl/bundle_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

#include "accord/type/v1/entry.pb.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/tlog_proof.h"
#include "common/referral/stored_events.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {
namespace {

namespace fs = std::filesystem;
using ledger::BundleTrail;
using ledger::ExportManifest;

constexpr std::string_view kNoOpenings = "[]\n";

absl::Status WrongBundle(std::string_view why) { return Error(Reason::kReceiptInvalid, why); }

// Up to three plain names, none beginning with a dot.
bool IsBundlePath(std::string_view path) {
  if (path.empty() || path.size() > 256 || std::count(path.begin(), path.end(), '/') > 2) return false;
  char before = '/';
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || c == '/';
    if (!plain || (before == '/' && (c == '.' || c == '/'))) return false;
    before = c;
  }
  return before != '/';
}

// True when all that is in it is what a run that was interrupted leaves.
bool HoldsOnly(const fs::path& directory, IsOfKind of_kind) {
  std::error_code error;
  if (fs::symlink_status(directory, error).type() != fs::file_type::directory) return false;
  fs::recursive_directory_iterator at(directory, error);  // Enters no link.
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const auto type = at->symlink_status(error).type();
    const bool is_directory = type == fs::file_type::directory;
    if (error || (!is_directory && type != fs::file_type::regular) || !of_kind(at->path().lexically_relative(directory).generic_string(), is_directory)) return false;
  }
  return !error;
}

fs::path StagingOf(const fs::path& target) { return target.string() + ".incoming"; }

// Without fsync: the directory gets its name when all is written, and a file that a power cut spoilt does not verify.
absl::Status PutPrivate(const fs::path& path, std::string_view bytes) {
  ACCORD_RETURN_IF_ERROR(MakeDirectory(path.parent_path().string()));
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  std::error_code error;
  if (stream) fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, error);
  if (!stream || error) return absl::InternalError(fmt::format("{}: cannot be written", path.string()));
  return absl::OkStatus();
}

absl::Status CheckAsked(const ExportManifest& manifest, const BundleAsked& asked) {
  std::vector<std::string> ids = asked.cases;
  ids.insert(ids.end(), asked.referrals.begin(), asked.referrals.end());
  const bool same = std::equal(ids.begin(), ids.end(), manifest.trails.begin(), manifest.trails.end(),
                               [](const std::string& id, const BundleTrail& trail) { return id == trail.id; });
  if (!same || manifest.warrant != asked.warrant || manifest.purpose != asked.purpose) {
    return WrongBundle("the broker sent a bundle of something else than was asked for");
  }
  return absl::OkStatus();
}

// What an entry says, as far as it is opened.
struct SaidParts {
  type::v1::EntryEvent event;
  type::v1::EntryReferral referral;
};
absl::StatusOr<SaidParts> ReadSaid(uint64_t index, const ledger::Leaf& leaf, std::string_view openings) {
  const auto parsed = ledger::ParseOpenings(openings);
  if (!parsed.ok()) return WrongBundle(fmt::format("entry {}: {}", index, FromAbsl(parsed.status().message())));
  SaidParts said;
  for (const crypto::Opening& opening : *parsed) {
    if (!ledger::LeafOpens(leaf, opening)) return WrongBundle(fmt::format("entry {}: its opening `{}` is not what it commits to", index, opening.label));
    const bool reads = opening.label == "event"      ? said.event.ParseFromString(opening.content)
                       : opening.label == "referral" ? said.referral.ParseFromString(opening.content)
                                                     : true;
    if (!reads) return WrongBundle(fmt::format("entry {}: its opening `{}` does not parse", index, opening.label));
  }
  return said;
}

bool SaysStored(const SaidParts& said, const std::string& referral) {
  return said.referral.header_digest() == referral && referral::IsStoredEvent(said.event.type());
}

}  // namespace

bool IsOfBundle(const std::string& path, bool is_directory) {
  constexpr std::string_view kFiles[] = {ledger::kManifestFile, ledger::kCheckpointFile, ledger::kVkeyFile,      ledger::kIndexFile,
                                         ledger::kDirectoryFile, ledger::kWitnessedFile, ledger::kWitnessedProofFile};
  constexpr std::string_view kReceipts = "receipts", kPolicies = "policies";
  const auto slashes = std::count(path.begin(), path.end(), '/');
  const std::string_view folder = std::string_view(path).substr(0, path.find('/')), name = std::string_view(path).substr(path.rfind('/') + 1);
  if (is_directory) return slashes == 0 ? path == kReceipts || path == kPolicies : slashes == 1 && folder == kPolicies;
  if (slashes == 0) return std::count(std::begin(kFiles), std::end(kFiles), path) > 0;
  if (folder == kPolicies) return slashes == 2 && name.ends_with(".toml");
  const size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
  const std::string ending(name.substr(digits));
  return folder == kReceipts && slashes == 1 && digits > 0 &&
         (ending == ledger::kReceiptSuffix || ending == std::string(ledger::kReceiptSuffix) + ledger::kOpeningsSuffix);
}

absl::Status CheckStaging(const fs::path& target, IsOfKind of_kind) {
  const fs::path staging = StagingOf(target);
  std::error_code error;
  if (fs::symlink_status(staging, error).type() == fs::file_type::not_found || HoldsOnly(staging, of_kind)) return absl::OkStatus();
  return UsageError(fmt::format("{} is there already and is not what a run that was interrupted leaves: move it away", staging.string()));
}

absl::StatusOr<fs::path> BeginStaging(const fs::path& target, IsOfKind of_kind) {
  ACCORD_RETURN_IF_ERROR(CheckStaging(target, of_kind));
  fs::path staging = StagingOf(target);
  std::error_code error;
  fs::remove_all(staging, error);
  ACCORD_RETURN_IF_ERROR(MakeDirectory(staging.string()));
  return staging;
}

BundleReceiver::BundleReceiver(fs::path target, fs::path staging) : target_(std::move(target)), staging_(std::move(staging)) {}

BundleReceiver::BundleReceiver(BundleReceiver&& other) noexcept
    : target_(std::move(other.target_)),
      staging_(std::exchange(other.staging_, {})),
      digests_(std::move(other.digests_)),
      path_(std::move(other.path_)),
      bytes_(std::move(other.bytes_)),
      total_(other.total_) {}

BundleReceiver::~BundleReceiver() {
  std::error_code error;
  if (!staging_.empty()) fs::remove_all(staging_, error);
}

absl::StatusOr<BundleReceiver> BundleReceiver::Begin(const std::string& directory) {
  std::error_code error;
  const fs::path target = fs::path(directory).lexically_normal();
  const fs::path clean = target.has_filename() ? target : target.parent_path();
  if (clean.empty()) return UsageError("a directory is needed");
  if (fs::symlink_status(clean, error).type() != fs::file_type::not_found && !(fs::is_directory(clean, error) && fs::is_empty(clean, error))) {
    return UsageError(fmt::format("{} is there already: a bundle is written whole, into a new directory", directory));
  }
  ACCORD_ASSIGN_OR_RETURN(fs::path staging, BeginStaging(clean, IsOfBundle));
  return BundleReceiver(clean, std::move(staging));
}

absl::Status BundleReceiver::EndFile() {
  if (path_.empty()) return absl::OkStatus();
  ACCORD_RETURN_IF_ERROR(PutPrivate(staging_ / path_, bytes_));
  digests_[path_] = {bytes_.size(), crypto::Sha256(bytes_)};
  bytes_.clear();
  path_.clear();
  return absl::OkStatus();
}

absl::Status BundleReceiver::Take(const std::string& path, std::string_view chunk) {
  if (!path.empty()) {
    ACCORD_RETURN_IF_ERROR(EndFile());
    if (!IsBundlePath(path)) return WrongBundle("the broker named a file that no bundle has");
    if (digests_.contains(path)) return WrongBundle(fmt::format("{} came twice", path));
    if (digests_.size() > 2 * ledger::kBundleRowsMax + ledger::kBundleAttachedMax + 8) return WrongBundle("too many files came");
    path_ = path;
  } else if (path_.empty()) {
    return WrongBundle("bytes came before the name of their file");
  }
  total_ += chunk.size();
  if (chunk.size() > ledger::kBundleFileBytesMax - bytes_.size() || total_ > ledger::kBundleBytesMax + ledger::kExportManifestBytesMax) {
    return WrongBundle(fmt::format("{}: more bytes came than a bundle may have", path_));
  }
  bytes_ += chunk;
  return absl::OkStatus();
}

absl::StatusOr<std::string> BundleReceiver::Read(const std::string& path) const {
  return ReadFile((staging_ / path).string(), ledger::kBundleFileBytesMax);
}

absl::Status BundleReceiver::CheckTrails(const ExportManifest& manifest, const ledger::Vkey& log) const {
  ACCORD_ASSIGN_OR_RETURN(const std::string note, Read(ledger::kCheckpointFile));
  ACCORD_ASSIGN_OR_RETURN(const ledger::VerifiedCheckpoint checkpoint, ledger::VerifyCheckpoint(note, log));
  if (checkpoint.checkpoint.size != manifest.checkpoint_size) return WrongBundle("checkpoint: is of another size than the manifest names");
  for (const BundleTrail& trail : manifest.trails) {
    uint64_t sequence = 0, previous = ledger::kNoPreviousIndex;
    ledger::Leaf first, last;
    for (const uint64_t index : trail.rows) {
      ACCORD_ASSIGN_OR_RETURN(const std::string text, Read(ledger::ReceiptPath(index)));
      auto receipt = ledger::VerifyReceipt(text, log);
      if (!receipt.ok()) return WrongBundle(fmt::format("entry {}: {}", index, FromAbsl(receipt.status().message())));
      const auto& chains = receipt->leaf.chains;
      const auto link = std::find_if(chains.begin(), chains.end(), [&](const ledger::Chain& chain) { return chain.pseudonym == trail.chain; });
      if (receipt->index != index || receipt->checkpoint != checkpoint.checkpoint || link == chains.end() || link->sequence != sequence ||
          link->previous_index != previous) {
        return WrongBundle(fmt::format("entry {}: is not number {} of its chain: an entry was left out or put in", index, sequence));
      }
      last = std::move(receipt->leaf);
      if (sequence == 0) first = last;
      ++sequence;
      previous = index;
    }
    ACCORD_RETURN_IF_ERROR(CheckRequest(manifest, trail, first, last));
  }
  return absl::OkStatus();
}

absl::Status BundleReceiver::CheckRequest(const ExportManifest& manifest, const BundleTrail& trail, const ledger::Leaf& first,
                                          const ledger::Leaf& last) const {
  ACCORD_ASSIGN_OR_RETURN(const std::string recorded, Read(ledger::ReceiptPath(trail.query_index) + ledger::kOpeningsSuffix));
  ACCORD_ASSIGN_OR_RETURN(const SaidParts record, ReadSaid(trail.query_index, last, recorded));
  const std::string& digest = record.event.query_digest();
  const bool of_this = record.event.type() == type::v1::EVENT_TYPE_BUNDLE_EXPORTED && record.event.warrant() == manifest.warrant &&
                       record.event.purpose() == manifest.purpose;
  if (of_this && digest == ledger::RequestDigest(manifest)) return absl::OkStatus();
  if (!of_this || digest != ledger::RequestDigestWithoutChains(manifest)) {
    return WrongBundle(fmt::format("entry {}: is not the record of this export, or the entries are of other chains than it names", trail.query_index));
  }
  if (trail.about == ledger::TrailManifest::About::kCase) return absl::OkStatus();  // The chain is the case.
  ACCORD_ASSIGN_OR_RETURN(const std::string opened, Read(ledger::ReceiptPath(trail.rows.front()) + ledger::kOpeningsSuffix));
  ACCORD_ASSIGN_OR_RETURN(const SaidParts begun, ReadSaid(trail.rows.front(), first, opened));
  if (SaysStored(begun, trail.id)) return absl::OkStatus();
  return WrongBundle(fmt::format("entry {}: is not opened to be the storing of the referral, and this broker does not name the chains of an export in its "
                                 "record: nothing holds this one to what was asked",
                                 trail.rows.front()));
}

absl::StatusOr<BundleReceiver::Summary> BundleReceiver::Finish(const BundleAsked& asked, const ledger::Vkey& log) {
  ACCORD_RETURN_IF_ERROR(EndFile());
  const auto text = Read(ledger::kManifestFile);
  if (!text.ok()) return WrongBundle("the bundle ended before its manifest");
  auto manifest = ledger::ParseExportManifest(*text);
  if (!manifest.ok()) return WrongBundle(FromAbsl(manifest.status().message()));
  if (manifest->origin != log.name()) return WrongBundle("bundle.json: is of another log");
  ACCORD_RETURN_IF_ERROR(CheckAsked(*manifest, asked));
  digests_.erase(ledger::kManifestFile);
  for (const auto& [path, file] : digests_) {
    const auto named = manifest->files.find(path);
    if (named == manifest->files.end() || named->second != file) return WrongBundle(fmt::format("{}: is not the file that the manifest names", path));
  }
  for (const auto& [path, file] : manifest->files) {
    if (!digests_.contains(path)) return WrongBundle(fmt::format("{}: did not come", path));
  }
  ACCORD_RETURN_IF_ERROR(CheckTrails(*manifest, log));
  Summary summary{.manifest = *std::move(manifest), .manifest_digest = ToHex(crypto::Sha256(*text)), .bytes = total_};
  const ledger::BundleFile closed = {kNoOpenings.size(), crypto::Sha256(kNoOpenings)};
  for (const auto& [path, file] : summary.manifest.files) summary.not_opened += path.ends_with(ledger::kOpeningsSuffix) && file == closed;
  std::error_code error;
  fs::rename(staging_, target_, error);  // An empty directory is replaced.
  if (error) return absl::InternalError(fmt::format("{}: {}", target_.string(), error.message()));
  staging_.clear();
  fs::permissions(target_, fs::perms::owner_all, error);
  return summary;
}

}  // namespace accord::accordctl
