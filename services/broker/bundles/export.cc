#include "services/broker/bundles/export.h"

#include <fmt/format.h>

#include <algorithm>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/tlog_proof.h"
#include "services/broker/directory/families.h"
#include "services/broker/trails/index.h"
#include "services/broker/trails/postings.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker {
namespace {

using ledger::BundleTrail;

constexpr int kCosignedLookedAtMax = 32;  // Published checkpoints, from the newest, when no policy says which one counts.

absl::Status TooManyRows(uint64_t rows, size_t limit) {
  return Error(Reason::kBundleTooLarge, fmt::format("the bundle would have {} entries and may have {}: export fewer cases at once", rows, limit),
               {{"rows", std::to_string(rows)}, {"limit", std::to_string(limit)}});
}

BundleTrail TrailToBe(const Trail& trail) {
  const bool referral = trail.about.what == TrailAbout::What::kReferral;
  return {.about = referral ? ledger::TrailManifest::About::kReferral : ledger::TrailManifest::About::kCase,
          .id = trail.about.key,
          .chain = trail.query.draft.chains.front(),
          .query_index = 0,
          .rows = {}};
}

// How many entries the chain has, and when its first was made.
struct ChainExtent {
  uint64_t entries = 0;
  absl::Time first;
};
absl::StatusOr<ChainExtent> ExtentOf(const ReadView& view, const std::string& chain) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Get(kFamilyChain, chain));
  storage::v1::StoredChain stored;
  if (!bytes.has_value() || !stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a chain is not there");
  ACCORD_ASSIGN_OR_RETURN(const uint64_t first, IndexInChain(view, chain, 0));
  ACCORD_ASSIGN_OR_RETURN(const StoredEntry entry, ReadEntry(view, first));
  return ChainExtent{stored.next_sequence(), absl::FromUnixMillis(static_cast<int64_t>(entry.parsed.time_ms))};
}

// The newest checkpoint that witnesses cosigned: by the policy, else with any cosignature.
absl::StatusOr<std::optional<PublishedCheckpoint>> NewestCosigned(const ReadView& view, const Witnesses& witnesses) {
  ACCORD_ASSIGN_OR_RETURN(auto witnessed, NewestWitnessed(view, witnesses));
  if (witnessed.has_value()) return witnessed;
  ACCORD_ASSIGN_OR_RETURN(auto published, ListPublished(view, std::nullopt, kCosignedLookedAtMax));
  for (PublishedCheckpoint& one : published) {
    ACCORD_ASSIGN_OR_RETURN(const auto cosignatures, Cosignatures(view, one.size));
    if (!cosignatures.empty()) return std::move(one);
  }
  return std::nullopt;
}

std::string EventName(const type::v1::EntryEvent& event) {
  return event.type() == type::v1::EVENT_TYPE_STATEMENT ? type::v1::StatementKind_Name(event.statement()) : type::v1::EventType_Name(event.type());
}

}  // namespace

absl::StatusOr<BundlePlan> PlanBundle(const ReadView& view, const TrailAsker& asker, const Policy& policy, SuspendedAt suspended_at, const std::string& origin,
                                      const std::vector<TrailAbout>& about, const BundleLimits& limits) {
  BundlePlan plan{.caller = asker.caller, .warrant = std::string(asker.warrant)};
  const auto attach = [&](const std::string& path, std::string_view bytes) { plan.manifest.files[path] = {bytes.size(), crypto::Sha256(bytes)}; };
  plan.manifest.origin = origin;
  plan.manifest.warrant = plan.warrant;
  plan.manifest.purpose = asker.purpose;
  uint64_t rows = about.size();  // The entries to be.
  absl::Time first = asker.now;
  for (const TrailAbout& one : about) {
    ACCORD_ASSIGN_OR_RETURN(Trail trail, OpenTrail(view, asker, one));
    ACCORD_ASSIGN_OR_RETURN(const ChainExtent extent, ExtentOf(view, trail.query.draft.chains.front()));
    rows += extent.entries;
    first = std::min(first, extent.first);
    plan.manifest.trails.push_back(TrailToBe(trail));
    plan.trails.push_back(std::move(trail));
  }
  if (rows > limits.rows) return TooManyRows(rows, limits.rows);
  ACCORD_ASSIGN_OR_RETURN(plan.texts, KeptTexts(policy));
  for (const auto& [path, kept] : plan.texts) {
    ACCORD_ASSIGN_OR_RETURN(const std::string text, PolicyText(view.store(), kept.kind, kept.version));
    attach(path, text);
  }
  ACCORD_ASSIGN_OR_RETURN(plan.directory, DirectoryJson(view, asker.directory, suspended_at, first, asker.now));
  attach(ledger::kDirectoryFile, plan.directory);
  const std::string digest = ledger::RequestDigest(plan.manifest);
  for (Trail& trail : plan.trails) {
    trail.query.draft.event.set_type(type::v1::EVENT_TYPE_BUNDLE_EXPORTED);
    trail.query.draft.event.set_query_digest(digest);
  }
  return plan;
}

RecordBundleCommand::RecordBundleCommand(const std::vector<Trail>& trails, BundleRecorded done)
    : indices_(trails.size()), done_(std::move(done)) {
  for (size_t i = 0; i < trails.size(); ++i) {
    entries_.push_back(std::make_unique<RecordQueryCommand>(trails[i].query, [this, i](const absl::StatusOr<uint64_t>& index) {
      if (index.ok()) indices_[i] = *index;
    }));
  }
}

absl::Status RecordBundleCommand::Apply(CommitContext& context) {
  for (const auto& entry : entries_) ACCORD_RETURN_IF_ERROR(entry->Apply(context));
  return absl::OkStatus();
}

void RecordBundleCommand::Done(const absl::StatusOr<Committed>& outcome) {
  for (const auto& entry : entries_) entry->Done(outcome);
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(std::move(indices_));
}

absl::Status BundleFiles::ReadChain(const ReadView& view, BundleTrail& trail) {
  ACCORD_ASSIGN_OR_RETURN(const StoredEntry last, ReadEntry(view, trail.query_index));
  const auto link = std::find_if(last.parsed.chains.begin(), last.parsed.chains.end(),
                                 [&](const ledger::Chain& chain) { return chain.pseudonym == trail.chain; });
  if (link == last.parsed.chains.end()) return Error(Reason::kStoreCorrupt, "the record of an export is not on its chain");
  for (uint64_t sequence = 0; sequence <= link->sequence; ++sequence) {
    if (trail.rows.size() >= limits_.rows) return TooManyRows(link->sequence + 1, limits_.rows);
    ACCORD_ASSIGN_OR_RETURN(trail.rows.emplace_back(), IndexInChain(view, trail.chain, sequence));
  }
  return absl::OkStatus();
}

absl::Status BundleFiles::Begin(const ReadView& view, const BundleSources& sources, const std::vector<uint64_t>& indices) {
  ledger::ExportManifest& manifest = plan_.manifest;
  std::set<uint64_t> rows;
  size_t all = 0;
  for (size_t i = 0; i < indices.size(); ++i) {
    manifest.trails[i].query_index = indices[i];
    own_.insert(indices[i]);
    ACCORD_RETURN_IF_ERROR(ReadChain(view, manifest.trails[i]));
    rows.insert(manifest.trails[i].rows.begin(), manifest.trails[i].rows.end());
    all += manifest.trails[i].rows.size();
  }
  if (all > limits_.rows) return TooManyRows(all, limits_.rows);
  rows_.assign(rows.begin(), rows.end());
  manifest.checkpoint_size = view.ledger().size();
  note_ = view.checkpoint().checkpoint;
  ACCORD_ASSIGN_OR_RETURN(const auto cosigned, NewestCosigned(view, sources.witnesses));
  if (cosigned.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(const auto cosignatures, Cosignatures(view, cosigned->size));
    ACCORD_ASSIGN_OR_RETURN(const ledger::Path path, view.ledger().ConsistencyProof(cosigned->size, manifest.checkpoint_size));
    std::vector<std::string> hashes;
    for (const ledger::Hash& hash : path) hashes.emplace_back(ledger::View(hash));
    Queue(ledger::kWitnessedProofFile, ledger::FormatHashLines(hashes));
    Queue(ledger::kWitnessedFile, JoinNote(*cosigned, cosignatures));
  }
  Queue(ledger::kDirectoryFile, std::move(plan_.directory));
  Queue(ledger::kCheckpointFile, note_);
  Queue(ledger::kVkeyFile, sources.vkey + "\n");
  return absl::OkStatus();
}

absl::StatusOr<bool> BundleFiles::IsOpen(const ReadView& view, const BundleSources& sources, uint64_t index, const StoredEntry& entry) const {
  if (plan_.caller.kind != options::v1::CALLER_INSPECTOR) return true;
  ACCORD_ASSIGN_OR_RETURN(const Scope scope, OpenScope(view, plan_.caller, plan_.warrant, sources.now));
  if (own_.contains(index)) return true;
  const auto indexed = Indexed(index, entry);
  return indexed.has_value() && scope.Covers(FactsOf(*indexed, sources.directory, view));
}

absl::Status BundleFiles::CheckVersions(uint64_t index, const type::v1::EntryEvent& event) const {
  const auto check = [&](std::string_view kind, std::string_view versions) -> absl::Status {
    while (!versions.empty()) {  // Of agreements there may be several.
      const size_t comma = std::min(versions.find(','), versions.size());
      if (!plan_.manifest.files.contains(ledger::PolicyPath(kind, versions.substr(0, comma)))) {
        return Error(Reason::kStoreUnavailable, fmt::format("entry {} names a policy that came into force a moment ago: ask again", index));
      }
      versions.remove_prefix(std::min(comma + 1, versions.size()));
    }
    return absl::OkStatus();
  };
  ACCORD_RETURN_IF_ERROR(check("agreement", event.agreement_version()));
  ACCORD_RETURN_IF_ERROR(check("emergency", event.emergency_version()));
  ACCORD_RETURN_IF_ERROR(check("law", event.law_version()));
  ACCORD_RETURN_IF_ERROR(check("clocks", event.clock_version()));
  return check("cases", event.case_rules_version());
}

absl::Status BundleFiles::ReadText(const ReadView& view) {
  const auto& [path, kept] = *plan_.texts.begin();
  ACCORD_ASSIGN_OR_RETURN(std::string text, PolicyText(view.store(), kept.kind, kept.version));
  // The entries that record the export have its digest.
  if (!ledger::CheckBundleFile(plan_.manifest, path, text).ok()) return Error(Reason::kStoreCorrupt, "a policy text is another than a moment ago");
  Queue(path, std::move(text));
  plan_.texts.erase(plan_.texts.begin());
  return absl::OkStatus();
}

absl::Status BundleFiles::ReadRow(const ReadView& view, const BundleSources& sources, uint64_t index) {
  ACCORD_ASSIGN_OR_RETURN(StoredEntry entry, ReadEntry(view, index));
  ACCORD_ASSIGN_OR_RETURN(const bool open, IsOpen(view, sources, index, entry));
  std::vector<crypto::Opening> openings;
  ledger::IndexRow& said = said_[index];
  said.time_ms = static_cast<int64_t>(entry.parsed.time_ms);
  if (open) {
    const EntryParts& parts = entry.parts;
    for (const type::v1::Opening& one : entry.openings.openings()) openings.push_back({one.label(), one.salt(), one.content()});
    if (parts.event.has_value()) {
      ACCORD_RETURN_IF_ERROR(CheckVersions(index, *parts.event));
      said.event = EventName(*parts.event);
    }
    if (parts.actor.has_value()) said.who = parts.actor->principal();
  }
  ledger::TlogProof proof;
  proof.extra = std::move(entry.leaf);
  proof.index = index;
  ACCORD_ASSIGN_OR_RETURN(proof.path, view.ledger().InclusionProof(index, plan_.manifest.checkpoint_size));
  proof.checkpoint = note_;
  Queue(ledger::ReceiptPath(index) + ledger::kOpeningsSuffix, ledger::FormatOpenings(openings));
  Queue(ledger::ReceiptPath(index), ledger::FormatTlogProof(proof));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<BundleFiles::File>> BundleFiles::Next(const ReadView& view, const BundleSources& sources) {
  if (waiting_.empty()) {
    if (stage_ == Stage::kTexts && plan_.texts.empty()) stage_ = Stage::kRows;
    if (stage_ == Stage::kRows && next_row_ == rows_.size()) stage_ = Stage::kIndex;
    switch (stage_) {
      case Stage::kTexts:
        ACCORD_RETURN_IF_ERROR(ReadText(view));
        break;
      case Stage::kRows:
        ACCORD_RETURN_IF_ERROR(ReadRow(view, sources, rows_[next_row_++]));
        break;
      case Stage::kIndex:
        Queue(ledger::kIndexFile, ledger::FormatBundleIndex(plan_.manifest, said_));
        stage_ = Stage::kManifest;
        break;
      case Stage::kManifest:
        stage_ = Stage::kOver;
        return File{ledger::kManifestFile, ledger::FormatExportManifest(plan_.manifest)};
      case Stage::kOver:
        return std::nullopt;
    }
  }
  File file = std::move(waiting_.back());
  waiting_.pop_back();
  bytes_ += file.bytes.size();
  if (bytes_ > limits_.bytes || file.bytes.size() > ledger::kBundleFileBytesMax) {
    return Error(Reason::kBundleTooLarge, "the bundle would be over its limit: export fewer cases at once", {{"limit", std::to_string(limits_.bytes)}});
  }
  plan_.manifest.files[file.path] = {file.bytes.size(), crypto::Sha256(file.bytes)};
  return file;
}

}  // namespace accord::broker
