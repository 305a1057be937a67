// index.txt of a bundle: plain English, and byte for byte the same for the same bundle. Persisted: accord-verify makes it anew and compares.
#include <absl/time/time.h>
#include <fmt/format.h>

#include "common/base/bytes.h"
#include "common/ledger/export_bundle.h"

namespace accord::ledger {
namespace {

std::string IndexTime(int64_t ms) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

// EVENT_TYPE_REFERRAL_STORED and STATEMENT_KIND_ACCEPTED as "referral stored" and "accepted".
std::string IndexWords(std::string_view name) {
  for (const std::string_view prefix : {"EVENT_TYPE_", "STATEMENT_KIND_"}) {
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  }
  std::string words;
  for (const char c : name) words += c == '_' ? ' ' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return words;
}

std::string IndexOfTrail(const BundleTrail& trail, size_t number, const std::map<uint64_t, IndexRow>& rows) {
  const bool referral = trail.about == TrailManifest::About::kReferral;
  std::string text = fmt::format("\n{}. {} {}\n", number, referral ? "Referral" : "Case", ToHex(trail.id));
  size_t closed = 0;
  for (const uint64_t index : trail.rows) closed += rows.at(index).event.empty();
  text += fmt::format(
      "   {} entries: every entry of its chain, without a gap, up to entry {}, which records this export.\n", trail.rows.size(), trail.query_index);
  if (closed > 0) {
    text += fmt::format("   What {} of them say is not shown: it was erased, or lies outside what the asker may see.\n", closed);
  }
  for (const uint64_t index : trail.rows) {
    const IndexRow& row = rows.at(index);
    text += fmt::format("   {:>10}  {}  {}{}\n", index, IndexTime(row.time_ms), row.event.empty() ? "(not shown)" : IndexWords(row.event),
                        row.who.empty() ? "" : ", " + row.who);
  }
  return text;
}

}  // namespace

std::string FormatBundleIndex(const ExportManifest& manifest, const std::map<uint64_t, IndexRow>& rows) {
  std::string text = fmt::format(
      "A BUNDLE FROM THE RECORD OF ACCORD\n\n"
      "Log: {}\nAsked under: {}\nPurpose: {}\nReferrals and cases: {}\n\n"
      "What happened, who did it and what was decided, as the log recorded it at the time; never what was written in a referral. Times are UTC.\n"
      "What is not here has no record in Accord: it may have happened by telephone or on paper.\n\n"
      "How complete it is: attested. Of each referral and case below every entry is here, from the first to the one that records this\n"
      "export; that entry states how far the chain went, so an entry of a lower number that is not here convicts the broker.\n\n"
      "To check it, on any machine and without a network, with the log's key as its operator published it:\n"
      "    accord-verify bundle THIS_DIRECTORY --vkey KEY_FILE\n"
      "and for grade full, against a copy of the whole log: the same with --ledger COPY.\n\n"
      "The files\n"
      "    bundle.json       what belongs to the bundle: every file with its size and SHA-256\n"
      "    checkpoint        the log's size and root at the export, signed by the log\n"
      "    witnessed         an earlier one that witnesses signed too, if there was one; witnessed.consistency proves that the log still begins with it\n"
      "    vkey              the log's key, to find damage; take it from its operator to prove something\n"
      "    receipts/         for each entry the proof that it is in the log, and beside it what it says\n"
      "    policies/         the agreements, emergency schedules, legal registers, clock rules and case rules by which decisions were made\n"
      "    directory.json    the agencies as they stood at the export\n",
      manifest.origin, manifest.warrant.empty() ? "no warrant: an administrator" : "warrant " + manifest.warrant,
      manifest.purpose.empty() ? "none was given" : manifest.purpose, manifest.trails.size());
  for (size_t i = 0; i < manifest.trails.size(); ++i) text += IndexOfTrail(manifest.trails[i], i + 1, rows);
  return text;
}

}  // namespace accord::ledger
