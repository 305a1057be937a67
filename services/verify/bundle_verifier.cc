#include "services/verify/bundle_verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "accord/type/v1/entry.pb.h"
#include "common/base/bytes.h"
#include "common/base/text.h"
#include "common/console/words.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/leaf.h"
#include "common/ledger/tlog_proof.h"
#include "services/verify/command.h"

namespace accord::verify {
namespace {

using ledger::TrailManifest;

std::string Entry(uint64_t index) { return fmt::format("entry {}", index); }

// A referral's own chain begins with one of these.
bool IsStoring(type::v1::EventType type) {
  return type == type::v1::EVENT_TYPE_REFERRAL_STORED || type == type::v1::EVENT_TYPE_NOT_SHARED_RECORDED ||
         type == type::v1::EVENT_TYPE_SENT_OUTSIDE_RECORDED;
}

// Every entry of this kind on the chain of a referral or case has a part `referral`.
bool NamesReferral(type::v1::EventType type) {
  switch (type) {
    case type::v1::EVENT_TYPE_REFERRAL_STORED:
    case type::v1::EVENT_TYPE_RELEASED:
    case type::v1::EVENT_TYPE_DELIVERED:
    case type::v1::EVENT_TYPE_DELIVERY_NACKED:
    case type::v1::EVENT_TYPE_DEAD_LETTER:
    case type::v1::EVENT_TYPE_STATEMENT:
    case type::v1::EVENT_TYPE_WITHHELD_AT_RELEASE:
    case type::v1::EVENT_TYPE_NOT_SHARED_RECORDED:
    case type::v1::EVENT_TYPE_SENT_OUTSIDE_RECORDED:
    case type::v1::EVENT_TYPE_GAP_OVERDUE:
    case type::v1::EVENT_TYPE_COPY_STOPPED:
    case type::v1::EVENT_TYPE_CHANGE_OVERDUE:
    case type::v1::EVENT_TYPE_PICK_UP_OVERDUE:
    case type::v1::EVENT_TYPE_RESPONSE_OVERDUE:
    case type::v1::EVENT_TYPE_CASE_JOINED:
    case type::v1::EVENT_TYPE_FEEDBACK_OVERDUE:
    case type::v1::EVENT_TYPE_CHECKS_DUE:
    case type::v1::EVENT_TYPE_RESEAL_WANTED:
    case type::v1::EVENT_TYPE_STAND_IN_QUEUED:
    case type::v1::EVENT_TYPE_DUTY_ALERTED:
    case type::v1::EVENT_TYPE_BREACH_RECORDED:
    case type::v1::EVENT_TYPE_BREACH_OVERDUE:
    case type::v1::EVENT_TYPE_DEAD_LETTER_REQUEUED:
    case type::v1::EVENT_TYPE_DEAD_LETTER_DISCARDED:
    case type::v1::EVENT_TYPE_CASE_FLAGGED:
    case type::v1::EVENT_TYPE_CASE_HISTORY_READ: return true;
    default: return false;
  }
}

// True when it lacks no part that its kind always has.
bool IsOpenedWholly(const BundleRow& row) {
  const auto has = [&](std::string_view label) {
    return std::any_of(row.openings.begin(), row.openings.end(), [&](const CheckedOpening& opening) { return opening.label == label; });
  };
  if (!row.said.has_value() || !has("actor")) return false;
  const type::v1::EventType type = row.said->type();
  return (!NamesReferral(type) || has("referral")) && (type != type::v1::EVENT_TYPE_REFERRAL_STORED || has("decisions"));
}

class BundlePass {
 public:
  // `question`: the kind of entry that the last row must be.
  BundlePass(FileReader& files, const ledger::Vkey& log, type::v1::EventType question) : files_(files), log_(log), question_(question) {}

  // Version 1, whose manifest is a file.
  BundleReport Run(const std::set<std::string>& names) {
    if (!ReadManifest(names)) return std::move(report_);
    return RunTrail();
  }
  BundleReport Run(ledger::TrailManifest manifest) {
    report_.manifest = std::move(manifest);
    return RunTrail();
  }

 private:
  BundleReport RunTrail() {
    if (!ReadCheckpoint()) return std::move(report_);
    bool all = true;
    for (const uint64_t index : report_.manifest->rows) all &= ReadRow(index);
    if (!all) return std::move(report_);
    CheckChain();
    CheckQuery();
    CheckAbout();
    report_.finished = true;
    return std::move(report_);
  }

  bool ReadManifest(const std::set<std::string>& names) {
    const auto text = files_.Read(ledger::kManifestFile, ledger::kManifestBytesMax);
    if (!text.ok()) {
      report_.Found(BundleCheck::kManifest, ledger::kManifestFile, "cannot be read: " + Message(text.status()));
      return false;
    }
    auto manifest = ledger::ParseTrailManifest(*text);
    if (!manifest.ok()) {
      report_.Found(BundleCheck::kManifest, ledger::kManifestFile, Message(manifest.status()));
      return false;
    }
    report_.manifest = *std::move(manifest);
    if (report_.manifest->origin != log_.name()) {
      report_.Found(BundleCheck::kManifest, ledger::kManifestFile,
                    fmt::format("is of the log {}, not of {}", report_.manifest->origin, log_.name()));
    }
    CheckNames(names);
    const auto vkey = files_.Read(ledger::kVkeyFile, ledger::kNoteBytesMax);
    if (!vkey.ok() || *vkey != log_.ToString() + "\n") {
      report_.Found(BundleCheck::kManifest, ledger::kVkeyFile, "is not the key that the bundle is verified by");
    }
    return true;
  }

  void CheckNames(const std::set<std::string>& names) {
    std::set<std::string> expected = {ledger::kManifestFile, ledger::kCheckpointFile, ledger::kVkeyFile};
    for (const uint64_t index : report_.manifest->rows) {
      expected.insert(ledger::ReceiptPath(index));
      expected.insert(ledger::ReceiptPath(index) + ledger::kOpeningsSuffix);
    }
    for (const std::string& name : names) {
      if (!expected.contains(name)) report_.Found(BundleCheck::kManifest, name, "was added: the manifest does not name it");
    }
  }

  bool ReadCheckpoint() {
    auto note = files_.Read(ledger::kCheckpointFile, ledger::kNoteBytesMax);
    if (!note.ok()) {
      report_.Found(BundleCheck::kCheckpoint, ledger::kCheckpointFile, "cannot be read: " + Message(note.status()));
      return false;
    }
    note_ = *std::move(note);
    const auto verified = ledger::VerifyCheckpoint(note_, log_);
    if (!verified.ok()) {
      report_.Found(BundleCheck::kCheckpoint, ledger::kCheckpointFile, Message(verified.status()));
      return false;
    }
    report_.checkpoint = verified->checkpoint;
    if (verified->checkpoint.size != report_.manifest->checkpoint_size) {
      report_.Found(BundleCheck::kCheckpoint, ledger::kCheckpointFile,
                    fmt::format("signs {} entries, the manifest names {}", verified->checkpoint.size,
                                report_.manifest->checkpoint_size));
      return false;
    }
    return true;
  }

  // False when there is no row to go on with.
  bool ReadRow(uint64_t index) {
    const std::string path = ledger::ReceiptPath(index);
    const auto refuse = [&](BundleCheck check, const std::string& where, std::string what) {
      report_.Found(check, where, std::move(what));
      return false;
    };
    const auto text = files_.Read(path, ledger::kReceiptBytesMax);
    if (!text.ok()) return refuse(BundleCheck::kReceipts, path, "cannot be read: " + Message(text.status()));
    auto proof = ledger::ParseTlogProof(*text);
    if (!proof.ok()) return refuse(BundleCheck::kReceipts, path, Message(proof.status()));
    if (proof->index != index) return refuse(BundleCheck::kReceipts, path, fmt::format("is of {}", Entry(proof->index)));
    // The signature was verified once: what stands here must be the same, byte for byte.
    if (proof->checkpoint != note_) return refuse(BundleCheck::kReceipts, path, "is at another checkpoint than the bundle's");
    if (const auto included = ledger::VerifyInclusion(index, report_.checkpoint->size, ledger::LeafHash(proof->extra),
                                                      proof->path, report_.checkpoint->root);
        !included.ok()) {
      return refuse(BundleCheck::kReceipts, path, Message(included));
    }
    const auto leaf = ledger::ParseLeaf(proof->extra);
    if (!leaf.ok()) return refuse(BundleCheck::kReceipts, path, Message(leaf.status()));
    if (leaf->origin != log_.name()) {
      return refuse(BundleCheck::kReceipts, path, fmt::format("its entry is of the log {}", leaf->origin));
    }
    BundleRow row{.index = index, .time_ms = leaf->time_ms, .leaf = std::move(proof->extra), .path = std::move(proof->path)};
    const bool opened = ReadOpenings(path + ledger::kOpeningsSuffix, *leaf, row);
    leaves_.push_back(*leaf);
    report_.rows.push_back(std::move(row));
    return opened;
  }

  bool ReadOpenings(const std::string& path, const ledger::Leaf& leaf, BundleRow& row) {
    const auto refuse = [&](std::string what) {
      report_.Found(BundleCheck::kOpenings, path, std::move(what));
      return false;
    };
    const auto text = files_.Read(path, kOpeningsBytesMax);
    if (!text.ok()) return refuse("cannot be read: " + Message(text.status()));
    const auto openings = ParseOpenings(*text);
    if (!openings.ok()) return refuse(Message(openings.status()));
    // An opening is a form of its own, and beside it there is nothing.
    if (ledger::FormatOpenings(*openings) != *text) return refuse("is not written as version 1 is");
    std::set<std::string> labels;
    for (const crypto::Opening& opening : *openings) {
      if (!labels.insert(opening.label).second) return refuse(fmt::format("has `{}` twice", opening.label));
    }
    auto described = DescribeOpenings(leaf, row.index, *openings);
    if (!described.ok()) return refuse(Message(described.status()));
    row.openings = *std::move(described);
    for (const crypto::Opening& opening : *openings) {
      type::v1::EntryActor actor;
      type::v1::EntryEvent event;
      type::v1::EntryReferral referral;
      if (opening.label == "event" && event.ParseFromString(opening.content)) {
        row.event = event.type() == type::v1::EVENT_TYPE_STATEMENT ? console::Words(event.statement()) : console::Words(event.type());
        asked_ = event.type() == question_;
        row.said = event;
      } else if (opening.label == "actor" && actor.ParseFromString(opening.content)) {
        row.who = actor.principal();
      } else if (opening.label == "referral" && referral.ParseFromString(opening.content) && !referral.header_digest().empty()) {
        digests_.emplace_back(row.index, referral.header_digest());
      }
    }
    if (!labels.contains("event")) asked_ = false;
    return true;
  }

  void CheckChain() {
    const TrailManifest& manifest = *report_.manifest;
    const auto found = [&](uint64_t index, std::string what) {
      report_.Found(BundleCheck::kChain, Entry(index), std::move(what));
    };
    bool every = true;
    const BundleRow* before = nullptr;
    for (size_t i = 0; i < leaves_.size(); ++i) {
      const auto& chains = leaves_[i].chains;
      BundleRow& row = report_.rows[i];
      const auto at = std::find_if(chains.begin(), chains.end(), [&](const auto& c) { return c.pseudonym == manifest.chain; });
      if (at == chains.end()) return found(row.index, "is no entry of the chain " + ToHex(manifest.chain));
      row.sequence = at->sequence;
      every &= at->sequence == i;
      if (before != nullptr) {
        if (row.time_ms < before->time_ms) found(row.index, "is earlier than the row before it");
        if (at->sequence <= before->sequence) {
          found(row.index, fmt::format("is number {} of the chain, after number {}", at->sequence, before->sequence));
        } else if (at->sequence == before->sequence + 1 && at->previous_index != before->index) {
          found(row.index, fmt::format("names {} as the entry before it, the bundle has {}", Entry(at->previous_index),
                                       Entry(before->index)));
        } else if (at->sequence > before->sequence + 1 && at->previous_index <= before->index) {
          found(row.index, fmt::format("names {} as the entry before it, which is not after {}", Entry(at->previous_index),
                                       Entry(before->index)));
        }
      }
      const bool first_fault = report_.found[static_cast<size_t>(BundleCheck::kChain)] == 0;
      if (manifest.grade == ledger::TrailGrade::kAttested && at->sequence != i && first_fault) {
        found(row.index, fmt::format("is number {} of the chain, where number {} is due: {} left out", at->sequence, i,
                                     at->sequence == i + 1 ? "an entry was" : "entries were"));
      }
      before = &row;
    }
    report_.grade = every ? ledger::TrailGrade::kAttested : ledger::TrailGrade::kPartial;
    if (manifest.grade == ledger::TrailGrade::kPartial && every) {
      report_.Found(BundleCheck::kChain, ledger::kManifestFile, "says partial of rows that are every entry of the chain");
    }
  }

  void CheckQuery() {
    const uint64_t last = report_.rows.back().index;
    if (asked_) return;
    report_.Found(BundleCheck::kQuery, Entry(last),
                  "is not the record of a question: the last entry of the chain was left out, or nothing shows how far it went");
  }

  void CheckAbout() {
    const TrailManifest& manifest = *report_.manifest;
    report_.begins_as_stored = manifest.about == TrailManifest::About::kCase;  // The chain is the case.
    if (report_.begins_as_stored) return;
    for (const auto& [index, digest] : digests_) {
      if (digest == manifest.id) continue;
      return report_.Found(BundleCheck::kAbout, Entry(index), fmt::format("is about the referral {}", ToHex(digest)));
    }
    if (digests_.empty()) {
      return report_.Found(BundleCheck::kAbout, ledger::kManifestFile, "names a referral that no entry here is opened to be about");
    }
    CheckBeginning();
  }

  // Nothing else ties the chain, which the manifest names, to the referral: the question stands on those of cases and of a warrant as well.
  void CheckBeginning() {
    const BundleRow& first = report_.rows.front();
    const bool storing = first.said.has_value() && IsStoring(first.said->type());
    report_.begins_as_stored = storing && first.sequence == 0 && digests_.front().first == first.index;
    if (report_.begins_as_stored || report_.grade != ledger::TrailGrade::kAttested) return;
    // Of an export the entry can name the chains (export_verifier.h), and then what the first one says may be closed.
    if (question_ == type::v1::EVENT_TYPE_BUNDLE_EXPORTED && (storing || !first.said.has_value())) return;
    report_.grade.reset();
    report_.Found(BundleCheck::kAbout, Entry(first.index),
                  "is number 0 of the chain and not opened to be the storing of this referral: nothing holds the chain to what was asked");
  }

  FileReader& files_;
  const ledger::Vkey& log_;
  const type::v1::EventType question_;
  BundleReport report_;
  std::string note_;
  std::vector<ledger::Leaf> leaves_;                        // Of report_.rows.
  std::vector<std::pair<uint64_t, std::string>> digests_;  // Entry, header digest that it opens to.
  bool asked_ = false;                                      // The newest row is a question.
};

}  // namespace

std::string_view Name(BundleCheck check) {
  switch (check) {
    case BundleCheck::kManifest: return "manifest well formed, no file missing or added";
    case BundleCheck::kCheckpoint: return "checkpoint signed by the log's key";
    case BundleCheck::kReceipts: return "receipts at that checkpoint";
    case BundleCheck::kOpenings: return "openings as committed to";
    case BundleCheck::kChain: return "chain in order";
    case BundleCheck::kQuery: return "ends with the record of the question";
    case BundleCheck::kAbout: return "about what it says";
    case BundleCheck::kLedger: return "no other entry in the log";
  }
  return "";
}

void BundleReport::Found(BundleCheck check, std::string where, std::string what) {
  ++found[static_cast<size_t>(check)];
  if (findings.size() < kBundleFindingsMax) findings.push_back({check, std::move(where), std::move(what)});
}

BundleReport VerifyBundle(FileReader& files, const std::set<std::string>& names, const ledger::Vkey& log) {
  return BundlePass(files, log, type::v1::EVENT_TYPE_TRAIL_QUERIED).Run(names);
}

BundleReport VerifyTrail(FileReader& files, ledger::TrailManifest manifest, const ledger::Vkey& log) {
  return BundlePass(files, log, type::v1::EVENT_TYPE_BUNDLE_EXPORTED).Run(std::move(manifest));
}

OpenedCount CountOpened(std::span<const BundleReport> trails) {
  OpenedCount count;
  std::set<uint64_t> seen;
  for (const BundleReport& trail : trails) {
    for (const BundleRow& row : trail.rows) {
      if (!seen.insert(row.index).second) continue;
      ++count.entries;
      if (row.openings.empty()) {
        ++count.not_opened;
      } else if (!IsOpenedWholly(row)) {
        ++count.in_part;
      }
    }
  }
  return count;
}

std::string OpenedText(const OpenedCount& opened) {
  if (opened.not_opened + opened.in_part == 0) {
    return fmt::format("Opened: all {} entries, each with every part that its kind always has.", opened.entries);
  }
  return fmt::format(
      "Opened: of {} entries {} wholly, {} in part and {} not at all. What is not opened was erased, is not for who asked, or was taken out "
      "by who had the bundle since; the entries are in the log all the same, and of what they say there nothing is shown.",
      opened.entries, opened.entries - opened.in_part - opened.not_opened, opened.in_part, opened.not_opened);
}

nlohmann::json OpenedJson(const OpenedCount& opened) {
  return {{"entries", opened.entries}, {"inPart", opened.in_part}, {"notOpened", opened.not_opened}};
}

void CheckAgainstCopy(LedgerCopy& copy, BundleReport& report) {
  const auto members = copy.Scan({report.manifest->chain});
  if (!members.ok()) return report.Found(BundleCheck::kLedger, "the copy", Message(members.status()));
  CheckAgainstCopy(copy, *members, report);
}

void CheckAgainstCopy(LedgerCopy& copy, const LedgerCopy::Members& members, BundleReport& report) {
  const auto found = [&](std::string where, std::string what) {
    report.Found(BundleCheck::kLedger, std::move(where), std::move(what));
  };
  const TrailManifest& manifest = *report.manifest;
  report.ledger_size = copy.size();
  if (copy.size() <= manifest.query_index) {
    return found("the copy", fmt::format("has {} entries and ends before the question, entry {}: a newer copy is needed",
                                         copy.size(), manifest.query_index));
  }
  for (const BundleRow& row : report.rows) {
    const auto other = copy.Contradiction(*report.checkpoint, row.index, row.path);
    if (!other.ok()) return found("the copy", Message(other.status()));
    if (other->has_value()) return found("checkpoint", "CONVICTS THE BROKER: " + **other);
    const auto entry = copy.Entry(row.index);
    if (!entry.ok()) return found("the copy", Message(entry.status()));
    if (*entry != row.leaf) {
      return found(Entry(row.index), "CONVICTS THE BROKER: the log's key signed another entry there in the copy: two logs");
    }
  }
  std::set<uint64_t> rows(manifest.rows.begin(), manifest.rows.end());
  for (const LedgerCopy::Member& member : members.at(manifest.chain)) {
    if (member.index > manifest.query_index) {
      ++report.later_entries;
      continue;
    }
    ++report.chain_entries;
    if (report.grade == ledger::TrailGrade::kAttested && !rows.contains(member.index)) {
      found(Entry(member.index), fmt::format("is number {} of the chain and was left out of the bundle", member.sequence));
    }
  }
  report.full = report.grade == ledger::TrailGrade::kAttested && report.found[static_cast<size_t>(BundleCheck::kLedger)] == 0;
}

}  // namespace accord::verify
