#include "services/broker/bundles/attachments.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "accord/admin/v1/admin_service.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/export_bundle.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/history.h"

namespace accord::broker {
namespace {

using nlohmann::json;

std::string CertificateDigest(const std::string& der) { return der.empty() ? "" : ToHex(crypto::Sha256(der)); }

json AgencyJson(const admin::v1::Agency& agency, bool shut_out) {
  json signing = json::array();
  for (const std::string& certificate : agency.signing_certificates()) signing.push_back(CertificateDigest(certificate));
  return {{"id", agency.id()},
          {"kind", type::v1::AgencyKind_Name(agency.kind())},
          {"name", agency.display_name()},
          {"areas", std::vector<std::string>(agency.areas().begin(), agency.areas().end())},
          {"active", agency.active()},
          {"suspended", shut_out},
          {"validFromMs", agency.valid_from_ms()},
          {"deputy", agency.deputy()},
          {"dutyRecipient", agency.duty_recipient()},
          {"specialisms", std::vector<std::string>(agency.specialisms().begin(), agency.specialisms().end())},
          {"worksWithPerpetrators", agency.works_with_perpetrators()},
          {"signingCertificatesSha256", std::move(signing)},
          {"sealingCertificateSha256", CertificateDigest(agency.sealing_certificate())},
          {"confidentialSealingCertificateSha256", CertificateDigest(agency.confidential_sealing_certificate())}};
}

absl::StatusOr<json> DirectoryAt(const ReadView& view, absl::Time at, absl::FunctionRef<bool(const std::string& principal)> shut_out) {
  ACCORD_ASSIGN_OR_RETURN(const auto agencies, AgenciesAt(view.store(), at));
  json rows = json::array();
  for (const auto& [id, agency] : agencies) rows.push_back(AgencyJson(agency, shut_out(PrincipalName(options::v1::CALLER_AGENCY, id))));
  return json{{"atMs", absl::ToUnixMillis(at)}, {"agencies", std::move(rows)}};
}

}  // namespace

std::string_view PathWord(PolicyKind kind) {
  switch (kind) {
    case PolicyKind::kAgreement: return "agreement";
    case PolicyKind::kSchedule: return "emergency";
    case PolicyKind::kClocks: return "clocks";
    case PolicyKind::kCases: return "cases";
    case PolicyKind::kRegister: break;
  }
  return "law";
}

absl::StatusOr<std::map<std::string, KeptText>> KeptTexts(const Policy& policy) {
  std::map<std::string, KeptText> texts;
  if (policy.documents.size() >= ledger::kBundleAttachedMax) {
    return Error(Reason::kBundleTooLarge, "more policy texts are kept than a bundle may have");
  }
  for (const PolicyDocument& document : policy.documents) {
    texts[ledger::PolicyPath(PathWord(document.kind), document.version)] = {document.kind, document.version};
  }
  return texts;
}

absl::StatusOr<std::string> DirectoryJson(const ReadView& view, const DirectorySnapshot& directory, SuspendedAt suspended_at, absl::Time first,
                                          absl::Time now) {
  ACCORD_ASSIGN_OR_RETURN(const SuspendedPrincipals shut_out, suspended_at(first));
  ACCORD_ASSIGN_OR_RETURN(json then, DirectoryAt(view, first, [&](const std::string& principal) { return shut_out.contains(principal); }));
  ACCORD_ASSIGN_OR_RETURN(json today, DirectoryAt(view, now, [&](const std::string& principal) { return directory.IsSuspended(principal); }));
  const json document = {{"asAt", json::array({std::move(then), std::move(today)})}};
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace accord::broker
