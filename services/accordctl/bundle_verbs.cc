#include <fmt/format.h>

#include <memory>
#include <set>

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/crypto/digest.h"
#include "services/accordctl/bundle_files.h"
#include "services/accordctl/progress.h"
#include "services/accordctl/references.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

constexpr absl::Duration kBundleTimeout = absl::Hours(1);

struct BundleOptions {
  std::vector<std::string> cases, referrals;
  std::string out, warrant, purpose;
};

absl::StatusOr<BundleAsked> BundleAskedOf(const BundleOptions& options) {
  BundleAsked asked{.warrant = options.warrant, .purpose = options.purpose};
  for (const std::string& text : options.cases) {
    const auto pseudonym = FromHex(text);
    if (!pseudonym.has_value() || pseudonym->size() != kIdBytes) return UsageError(fmt::format("{}: a case is named by the 32 hex digits of its pseudonym", text));
    asked.cases.push_back(*pseudonym);
  }
  for (const std::string& text : options.referrals) {
    const auto digits = ReferralDigits(text);
    const auto digest = digits.has_value() ? FromHex(*digits) : std::nullopt;
    if (!digest.has_value() || digest->size() != crypto::kDigestBytes) return UsageError(fmt::format("{}: a referral is named as `referrals/…`, by all its 64 digits", text));
    asked.referrals.push_back(*digest);
  }
  if (asked.cases.empty() && asked.referrals.empty()) return UsageError("what is exported? --case PSEUDONYM, --referral REFERRAL, each as often as needed");
  return asked;
}

absl::Status ReceiveBundle(const Endpoint& broker, const BundleAsked& asked, BundleReceiver& receiver) {
  inspection::v1::ExportBundleRequest request;
  for (const std::string& one : asked.cases) request.add_case_pseudonyms(one);
  for (const std::string& one : asked.referrals) request.add_referrals(one);
  request.set_warrant(asked.warrant);
  request.set_purpose(asked.purpose);
  inspection::v1::TrailService::Stub stub(broker.channel);
  grpc::ClientContext context;
  rpc::SetTimeout(context, kBundleTimeout);
  const auto stream = stub.ExportBundle(&context, request);
  inspection::v1::ExportBundleResponse response;
  Progress progress("files");
  absl::Status taken;
  while (stream->Read(&response)) {
    taken = receiver.Take(response.path(), response.chunk());
    if (!taken.ok()) {
      context.TryCancel();
      break;
    }
    progress.Tell(receiver.files(), 0);
  }
  const absl::Status ended = rpc::FromGrpc(stream->Finish());
  return Annotate(taken.ok() ? ended : taken, broker);
}

absl::StatusOr<int> ExportCases(Session& session, const BundleOptions& options) {
  ACCORD_ASSIGN_OR_RETURN(const BundleAsked asked, BundleAskedOf(options));
  ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey log, session.LogKey());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(options.warrant.empty() ? Prefer::kAdmin : Prefer::kInspector));
  ACCORD_ASSIGN_OR_RETURN(BundleReceiver receiver, BundleReceiver::Begin(options.out));
  ACCORD_RETURN_IF_ERROR(ReceiveBundle(broker, asked, receiver));
  ACCORD_ASSIGN_OR_RETURN(const BundleReceiver::Summary summary, receiver.Finish(asked, log));
  size_t rows = 0;
  std::set<uint64_t> entries;  // One may be of several trails.
  for (const ledger::BundleTrail& trail : summary.manifest.trails) {
    rows += trail.rows.size();
    entries.insert(trail.rows.begin(), trail.rows.end());
  }
  const bool witnessed = summary.manifest.files.contains(ledger::kWitnessedFile);
  if (session.json()) {
    session.PrintJson({{"directory", options.out},
                       {"trails", summary.manifest.trails.size()},
                       {"rows", rows},
                       {"entries", entries.size()},
                       {"files", summary.manifest.files.size() + 1},
                       {"bytes", summary.bytes},
                       {"grade", "attested"},
                       {"checkpointSize", summary.manifest.checkpoint_size},
                       {"notOpened", summary.not_opened},
                       {"cosignedCheckpoint", witnessed},
                       {"manifestSha256", summary.manifest_digest}});
    return kDone;
  }
  std::string text = fmt::format(
      "{} holds {} referrals and cases with {} entries, grade attested: every entry of each, up to the one that records this export. Every file is "
      "the one that the manifest names, every receipt verifies at the checkpoint of {} entries, and no chain has a gap.",
      options.out, summary.manifest.trails.size(), entries.size(), summary.manifest.checkpoint_size);
  if (summary.not_opened > 0) {
    text += fmt::format(" What {} of its entries say is not shown: it was erased, or lies outside what the asker may see.", summary.not_opened);
  }
  text += witnessed ? " With it came a checkpoint that witnesses cosigned, by the broker's word: accord-verify judges that with --policy."
                    : " It came without a checkpoint that witnesses cosigned: by the broker's word there is none yet (`accordctl ledger checkpoints` lists them).";
  std::string lines = console::Paragraph(text, console::TerminalWidth());
  lines += fmt::format("Manifest: SHA-256 {}\nTo check it offline, what each entry says included: accord-verify bundle {} --vkey {}\n",
                       summary.manifest_digest, options.out, session.config().log_vkey);
  session.Print(lines);
  return kDone;
}

}  // namespace

void AddBundleVerbs(Command& app, Verb& chosen) {
  Command& bundle = app.AddGroup("bundle", "What the record says of cases, as files that verify offline");
  auto options = std::make_shared<BundleOptions>();
  Command& verb = bundle.AddVerb("export", "Export cases and referrals (administrators; inspectors under a warrant); it is itself recorded");
  verb.AddOption("--case", options->cases, "Case pseudonym, 32 hex digits; as often as needed");
  verb.AddOption("--referral", options->referrals, "`referrals/…`; as often as needed");
  verb.AddOption("--out", options->out, "The directory, which must be new; what an interrupted run left beside it is removed").Path().Required();
  verb.AddOption("--warrant", options->warrant, "The warrant it is asked under (inspectors)");
  verb.AddOption("--purpose", options->purpose, "Why it is asked: a code of at most 64 characters, kept in the record");
  verb.Footer("Example: accordctl --as inspector/ines bundle export --case 00112233445566778899aabbccddeeff --warrant jtai-2026 --out bundle-1");
  verb.WhenGiven([&chosen, options] { chosen = [options](Session& session) { return ExportCases(session, *options); }; });
}

}  // namespace accord::accordctl
