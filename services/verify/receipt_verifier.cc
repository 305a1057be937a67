#include "services/verify/receipt_verifier.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <memory>
#include <utility>

#include "accord/type/v1/entry.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/console/message_text.h"
#include "common/console/table.h"
#include "common/console/words.h"

namespace accord::verify {
namespace {

std::unique_ptr<google::protobuf::Message> PartOf(std::string_view label) {
  if (label == "event") return std::make_unique<type::v1::EntryEvent>();
  if (label == "actor") return std::make_unique<type::v1::EntryActor>();
  if (label == "referral") return std::make_unique<type::v1::EntryReferral>();
  if (label == "decisions") return std::make_unique<type::v1::EntryDecisions>();
  return nullptr;
}

// There are many of them: a line each.
std::string DecisionsText(const type::v1::EntryDecisions& part) {
  console::Table table({"recipient", "section", "verdict", "rule"});
  for (const auto& decision : part.decisions()) {
    table.Add({decision.recipient(), console::Words(decision.category()), console::Words(decision.verdict()),
               decision.rule_id()});
  }
  constexpr size_t kIndented = 2;  // By the caller.
  return table.ToString(console::TerminalWidth() - kIndented) +
         fmt::format("decision digest: {}\n", ToHex(part.decision_digest()));
}

absl::StatusOr<CheckedOpening> Describe(const crypto::Opening& opening) {
  CheckedOpening checked{.label = opening.label};
  const auto part = PartOf(opening.label);
  if (part == nullptr) {
    checked.text = fmt::format("({} bytes of a part that this version does not know)\n", opening.content.size());
    return checked;
  }
  if (!part->ParseFromString(opening.content)) {
    return Error(Reason::kReceiptInvalid,
                 fmt::format("the part `{}` is committed to, but is no message of its kind", opening.label));
  }
  const auto* decisions = dynamic_cast<const type::v1::EntryDecisions*>(part.get());
  checked.text = decisions == nullptr ? console::MessageText(*part) : DecisionsText(*decisions);
  if (!google::protobuf::util::MessageToJsonString(*part, &checked.json).ok()) {
    return Error(Reason::kReceiptInvalid, fmt::format("the part `{}` has text that is not UTF-8", opening.label));
  }
  return checked;
}

}  // namespace

absl::StatusOr<WitnessReport> JudgeWitnesses(std::string_view tlog_proof, const ledger::WitnessPolicy& policy) {
  ACCORD_ASSIGN_OR_RETURN(const ledger::TlogProof proof, ledger::ParseTlogProof(tlog_proof));
  ACCORD_ASSIGN_OR_RETURN(const ledger::Note note, ledger::ParseNote(proof.checkpoint));
  WitnessReport report;
  ACCORD_ASSIGN_OR_RETURN(report.witnesses, ledger::VerifyCosignatures(note, policy));
  report.quorum = policy.QuorumMet(report.witnesses);
  return report;
}

absl::StatusOr<ReceiptReport> VerifyReceiptFile(std::string_view tlog_proof, const std::vector<crypto::Opening>& openings,
                                                const ledger::Vkey& log) {
  ReceiptReport report;
  ACCORD_ASSIGN_OR_RETURN(report.receipt, ledger::VerifyReceipt(tlog_proof, log));
  ACCORD_ASSIGN_OR_RETURN(report.openings, DescribeOpenings(report.receipt.leaf, report.receipt.index, openings));
  return report;
}

absl::StatusOr<std::vector<CheckedOpening>> DescribeOpenings(const ledger::Leaf& leaf, uint64_t index,
                                                             const std::vector<crypto::Opening>& openings) {
  for (const crypto::Opening& opening : openings) {
    if (!ledger::LeafOpens(leaf, opening)) {
      return Error(Reason::kReceiptInvalid,
                   fmt::format("the opening `{}` is not what entry {} commits to", opening.label, index));
    }
  }
  std::vector<CheckedOpening> described;
  for (const crypto::Opening& opening : openings) {
    ACCORD_ASSIGN_OR_RETURN(CheckedOpening checked, Describe(opening));
    described.push_back(std::move(checked));
  }
  return described;
}

}  // namespace accord::verify
