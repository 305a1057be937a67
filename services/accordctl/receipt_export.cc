#include "services/accordctl/receipt_export.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/ledger/tlog_proof.h"
#include "common/ledger/trail_bundle.h"
#include "services/accordctl/log_client.h"
#include "services/accordctl/progress.h"
#include "services/accordctl/receipt_files.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using agency::v1::InboxService;
using agency::v1::OutboxService;

constexpr int kPagesMax = 100'000;
constexpr size_t kFaultsShown = 10;

// Writes receipts as they come, the good and the bad: a bad one is evidence.
class Exporter {
 public:
  Exporter(std::string directory, const ledger::Vkey& log) : directory_(std::move(directory)), log_(log) {}

  absl::Status Take(const type::v1::Receipt& receipt) {
    if (receipt.tlog_proof().empty()) return absl::OkStatus();
    const std::string name = names_.NameOf(receipt);
    if (name.empty()) return absl::OkStatus();
    const std::string path = (std::filesystem::path(directory_) / name).string();
    ACCORD_RETURN_IF_ERROR(WriteReceipt(path, receipt));
    ++written_;
    if (const auto checked = CheckReceipt(receipt, log_); !checked.ok()) {
      if (++faults_ <= kFaultsShown) told_ += fmt::format("{}: {}\n", name, FromAbsl(checked.status().message()));
    }
    return absl::OkStatus();
  }

  uint64_t written() const { return written_; }
  uint64_t faults() const { return faults_; }
  const std::string& told() const { return told_; }

 private:
  const std::string directory_;
  const ledger::Vkey& log_;
  ReceiptNames names_;
  uint64_t written_ = 0, faults_ = 0;
  std::string told_;
};

absl::Status TooMany() { return Error(Reason::kQueueFull, fmt::format("there are more than {} pages", kPagesMax)); }

absl::Status TakeSubmissions(const Endpoint& service, Exporter& exporter, Progress& progress) {
  agency::v1::ListSubmissionsRequest request;
  request.set_page_size(kPageRowsMax);
  for (int page = 0; page < kPagesMax; ++page) {
    ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &OutboxService::Stub::ListSubmissions, request));
    progress.Tell(exporter.written(), 0, "sent");
    for (const auto& submission : response.submissions()) {
      ACCORD_RETURN_IF_ERROR(exporter.Take(submission.receipt()));
      for (const auto& receipt : submission.act_receipts()) ACCORD_RETURN_IF_ERROR(exporter.Take(receipt));
    }
    if (response.next_page_token().empty()) return absl::OkStatus();
    request.set_page_token(response.next_page_token());
  }
  return TooMany();
}

absl::Status TakeInbox(const Endpoint& service, Exporter& exporter, Progress& progress) {
  agency::v1::ListInboxRequest request;
  request.set_page_size(kPageRowsMax);
  request.set_with_receipts(true);
  for (int page = 0; page < kPagesMax; ++page) {
    ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &InboxService::Stub::ListInbox, request));
    progress.Tell(exporter.written(), 0, "received");
    for (const auto& item : response.items()) {
      for (const auto& receipt : item.receipts()) ACCORD_RETURN_IF_ERROR(exporter.Take(receipt));
    }
    if (response.next_page_token().empty()) return absl::OkStatus();
    request.set_page_token(response.next_page_token());
  }
  return TooMany();
}

absl::StatusOr<int> ReceiptExport(Session& session, const std::string& directory) {
  ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey log, session.LogKey());
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  std::error_code error;
  if (std::filesystem::exists(directory, error) && !std::filesystem::is_empty(directory, error)) {
    return UsageError(fmt::format("{} is there already: receipts are written into a new directory", directory));
  }
  ACCORD_RETURN_IF_ERROR(MakeDirectory(directory));
  Exporter exporter(directory, log);
  Progress progress("receipts");
  ACCORD_RETURN_IF_ERROR(TakeSubmissions(service, exporter, progress));
  const uint64_t sent = exporter.written();
  ACCORD_RETURN_IF_ERROR(TakeInbox(service, exporter, progress));
  progress.End();
  const uint64_t received = exporter.written() - sent;
  ACCORD_RETURN_IF_ERROR(
      WriteFileDurably((std::filesystem::path(directory) / ledger::kVkeyFile).string(), log.ToString() + "\n", kForEveryone));
  if (session.json()) {
    session.PrintJson({{"directory", directory},
                       {"stored", sent},
                       {"releasedAndStatements", received},
                       {"doNotVerify", exporter.faults()}});
  } else {
    session.Print(fmt::format(
        "{} holds {} receipts: {} of what this agency sent and said of it, {} of what it received and said of it.\nTo hold them against a "
        "copy of the log: accord-verify receipts {} --ledger DIR --vkey {}\n",
        directory, exporter.written(), sent, received, directory, session.config().log_vkey));
  }
  if (exporter.faults() == 0) return kDone;
  session.Tell(fmt::format("{} of them do not verify: keep them, they are evidence (docs/runbooks/fork.md)\n{}",
                           exporter.faults(), exporter.told()));
  return kFailed;
}

}  // namespace

std::string ReceiptNames::NameOf(const type::v1::Receipt& receipt) {
  const auto proof = ledger::ParseTlogProof(receipt.tlog_proof());
  const std::string stem = proof.ok() ? std::to_string(proof->index) : "malformed";
  auto& of_stem = names_[stem];
  const auto [at, is_new] = of_stem.try_emplace(crypto::Sha256(receipt.SerializeAsString()));
  if (!is_new) return "";
  const std::string number = of_stem.size() == 1 ? "" : fmt::format("-{}", of_stem.size());
  return at->second = stem + number + ledger::kReceiptSuffix;
}

void AddReceiptExport(Command& receipt, Verb& chosen) {
  auto out = std::make_shared<std::string>();
  Command& command = receipt.AddVerb("export", "Keep every receipt that this agency's service holds, to hold against a copy of the log");
  command.AddOption("--out", *out, "The new directory").Path().Required();
  command.Footer("Example: accordctl receipt export --out receipts --as police");
  command.WhenGiven([&chosen, out] { chosen = [out](Session& session) { return ReceiptExport(session, *out); }; });
}

}  // namespace accord::accordctl
