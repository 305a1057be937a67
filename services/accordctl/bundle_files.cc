#include "services/accordctl/bundle_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
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

namespace accord::accordctl {
namespace {

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

}  // namespace

const DirectoryKind kBundleDirectory = {"a bundle", IsOfBundle};

absl::StatusOr<BundleReceiver> BundleReceiver::Begin(const std::string& directory) {
  ACCORD_ASSIGN_OR_RETURN(StagedDirectory staged, StagedDirectory::Begin(directory, kBundleDirectory));
  return BundleReceiver(std::move(staged));
}

absl::Status BundleReceiver::EndFile() {
  if (path_.empty()) return absl::OkStatus();
  ACCORD_RETURN_IF_ERROR(staged_.Put(path_, bytes_));
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
  return ReadFile(staged_.PathOf(path), ledger::kBundleFileBytesMax);
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
  ACCORD_RETURN_IF_ERROR(staged_.Finish());
  return summary;
}

}  // namespace accord::accordctl
