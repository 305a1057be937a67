// `accord-broker init`: a new broker's files, entry 0, and what the operator imports.
#include <absl/synchronization/notification.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/crypto/certificate.h"
#include "common/ledger/leaf.h"
#include "common/ledger/merkle.h"
#include "common/ledger/note.h"
#include "common/policy/policy_text.h"
#include "services/broker/broker.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/open_log.h"
#include "services/broker/directory/validation.h"

namespace accord::broker {
namespace {

constexpr int64_t kAgencyFileMillisMax = int64_t{1} << 52;

// The DER of the one certificate in a PEM file; nothing for an empty path.
std::string ReadCertificate(config::Table& agency, std::string_view key, const std::string& path) {
  if (path.empty()) return "";
  const auto pem = ReadFile(path, 2 * crypto::kCertificateBytesMax);
  if (!pem.ok()) {
    agency.Reject(key, FromAbsl(pem.status().message()));
    return "";
  }
  const auto certificate = crypto::Certificate::FromPem(*pem);
  if (!certificate.ok()) {
    agency.Reject(key, FromAbsl(certificate.status().message()));
    return "";
  }
  return certificate->der();
}

// "00:00" to "24:00", as minutes.
uint32_t ReadMinute(config::Table& hours, std::string_view key) {
  const std::string text = hours.RequiredString(key);
  if (text.empty()) return 0;  // Told already.
  const auto digit = [&](size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  const bool read = text.size() == 5 && digit(0) && digit(1) && text[2] == ':' && digit(3) && digit(4);
  const int hour = read ? (text[0] - '0') * 10 + (text[1] - '0') : 0, minute = read ? (text[3] - '0') * 10 + (text[4] - '0') : 0;
  if (read && minute < 60 && hour * 60 + minute <= 24 * 60) return static_cast<uint32_t>(hour * 60 + minute);
  hours.Reject(key, "a time such as 09:30 is needed, at most 24:00");
  return 0;
}

void ReadDutyHours(config::Table& table, admin::v1::DutyHours& hours) {
  hours.set_first_day(static_cast<uint32_t>(table.OptionalInt("first_day", 1, 1, 7)));
  hours.set_last_day(static_cast<uint32_t>(table.OptionalInt("last_day", 7, 1, 7)));
  hours.set_from_minute(ReadMinute(table, "from"));
  hours.set_to_minute(ReadMinute(table, "to"));
  hours.set_not_on_bank_holidays(table.OptionalBool("not_on_bank_holidays", false));
}

// The agencies and forums of a directory file (deploy/directory.toml).
absl::StatusOr<std::vector<admin::v1::Change>> ReadDirectory(const std::string& path) {
  std::vector<admin::v1::Change> changes;
  if (path.empty()) return changes;
  ACCORD_ASSIGN_OR_RETURN(config::Table root, config::Table::Load(path));
  for (config::Table& row : root.Tables("agency")) {
    auto& agency = *changes.emplace_back().mutable_put_agency()->mutable_agency();
    agency.set_id(row.RequiredString("id"));
    const std::string kind = row.RequiredString("kind");
    const auto parsed = policy::ParseAgencyKind(kind);
    if (!parsed.has_value()) row.Reject("kind", fmt::format("`{}` is no kind of agency", kind));
    agency.set_kind(parsed.value_or(type::v1::AGENCY_KIND_UNSPECIFIED));
    agency.set_display_name(row.OptionalString("display_name"));
    for (std::string& area : row.Strings("areas")) agency.add_areas(std::move(area));
    agency.set_active(row.OptionalBool("active", true));
    agency.set_valid_from_ms(row.OptionalInt("valid_from_ms", 0, 0, kAgencyFileMillisMax));
    agency.add_signing_certificates(ReadCertificate(row, "signing_certificate", row.RequiredPath("signing_certificate")));
    agency.set_sealing_certificate(ReadCertificate(row, "sealing_certificate", row.RequiredPath("sealing_certificate")));
    agency.set_confidential_sealing_certificate(ReadCertificate(
        row, "confidential_sealing_certificate", row.OptionalPath("confidential_sealing_certificate")));
    agency.set_deputy(row.OptionalString("deputy"));
    agency.set_duty_recipient(row.OptionalString("duty_recipient"));
    for (std::string& specialism : row.Strings("specialisms")) agency.add_specialisms(std::move(specialism));
    agency.set_works_with_perpetrators(row.OptionalBool("works_with_perpetrators", false));
    agency.set_duty_telephone(row.OptionalString("duty_telephone"));
    std::vector<config::Table> duty = row.Tables("duty_hours");
    for (config::Table& hours : duty) ReadDutyHours(hours, *agency.add_duty_hours());
  }
  for (config::Table& row : root.Tables("forum")) {
    auto& forum = *changes.emplace_back().mutable_put_forum()->mutable_forum();
    forum.set_id(row.RequiredString("id"));
    forum.set_display_name(row.OptionalString("display_name"));
    for (std::string& member : row.Strings("members")) forum.add_members(std::move(member));
    forum.set_coordinator(row.RequiredString("coordinator"));
    forum.set_active(row.OptionalBool("active", true));
  }
  ACCORD_RETURN_IF_ERROR(root.Finish());
  return changes;
}

// The policy texts that the configuration names.
absl::Status ReadPolicyTexts(const BrokerConfig& config, std::vector<admin::v1::Change>& changes) {
  if (!config.agreement_file.empty()) {
    ACCORD_ASSIGN_OR_RETURN(*changes.emplace_back().mutable_put_agreement()->mutable_text(),
                            ReadFile(config.agreement_file, policy::kPolicyTextBytesMax));
  }
  if (!config.emergency_schedule_file.empty()) {
    ACCORD_ASSIGN_OR_RETURN(*changes.emplace_back().mutable_put_emergency_schedule()->mutable_text(),
                            ReadFile(config.emergency_schedule_file, policy::kPolicyTextBytesMax));
  }
  if (!config.legal_register_file.empty()) {
    ACCORD_ASSIGN_OR_RETURN(*changes.emplace_back().mutable_put_legal_register()->mutable_text(),
                            ReadFile(config.legal_register_file, policy::kPolicyTextBytesMax));
  }
  if (!config.clock_rules_file.empty()) {
    ACCORD_ASSIGN_OR_RETURN(*changes.emplace_back().mutable_put_clock_rules()->mutable_text(),
                            ReadFile(config.clock_rules_file, policy::kPolicyTextBytesMax));
  }
  if (!config.case_rules_file.empty()) {
    ACCORD_ASSIGN_OR_RETURN(*changes.emplace_back().mutable_put_case_rules()->mutable_text(),
                            ReadFile(config.case_rules_file, policy::kPolicyTextBytesMax));
  }
  return absl::OkStatus();
}

absl::Status RefuseIfThere(const BrokerConfig& config) {
  for (const std::string& path : {config.store, config.key_slots, config.guard, config.erasures, config.log_key, config.master_key,
                                  config.case_index_key}) {
    std::error_code error;
    if (std::filesystem::exists(path, error) || error) {
      return absl::FailedPreconditionError(ToAbsl(fmt::format("{} is there already; nothing was touched", path)));
    }
  }
  return absl::OkStatus();
}

absl::Status MakeParents(const BrokerConfig& config) {
  for (const std::string& path : {config.store, config.key_slots, config.guard, config.erasures, config.log_key, config.master_key,
                                  config.case_index_key}) {
    ACCORD_RETURN_IF_ERROR(MakeDirectory(std::filesystem::path(path).parent_path().string()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status InitBroker(const BrokerConfig& config, const Clock& clock, Random& random) {
  ACCORD_RETURN_IF_ERROR(RefuseIfThere(config));
  DirectoryHolder nobody;
  const ChangeRules rules{config.trust_domain, nobody, [] { return referral::CompiledPolicy(); }};
  ACCORD_ASSIGN_OR_RETURN(std::vector<admin::v1::Change> changes, ReadDirectory(config.directory_file));
  ACCORD_RETURN_IF_ERROR(ReadPolicyTexts(config, changes));
  // Everything that can be wrong in what was given is found before a file is made.
  ACCORD_RETURN_IF_ERROR(ValidateImport(config.administrators, changes, rules));
  if (!ledger::IsKeyName(config.origin) || config.origin.size() > ledger::kOriginBytesMax) {
    return Error(Reason::kFieldInvalid, "origin may not name a log", {{"field", "origin"}});
  }

  ACCORD_RETURN_IF_ERROR(MakeParents(config));
  auto key = crypto::Ed25519Signer::Generate();
  const std::string vkey = ledger::Vkey::Make(config.origin, ledger::kTypeEd25519, key.verifier()).ToString();
  ACCORD_RETURN_IF_ERROR(WriteFileDurably(config.log_key, key.ToPem().view(), 0600));
  ACCORD_RETURN_IF_ERROR(WriteFileDurably(config.log_key + kVkeySuffix, vkey + "\n", 0644));
  ACCORD_RETURN_IF_ERROR(CreateMasterKey(config.master_key, random));
  ACCORD_RETURN_IF_ERROR(CreateMasterKey(config.case_index_key, random));
  ACCORD_ASSIGN_OR_RETURN(auto master, LoadMasterKey(config.master_key));
  Executor executor(1, 1024);
  ACCORD_RETURN_IF_ERROR(KeySlots::Open(config.key_slots, master.Clone(), random, executor, /*create=*/true).status());
  ACCORD_RETURN_IF_ERROR(Guard::Create(config.guard, {0, std::string(ledger::View(ledger::EmptyRoot()))}));
  ACCORD_RETURN_IF_ERROR(storage::RocksStore::Open(config.store, BrokerFamilies(), {.create = true}).status());

  telemetry::Metrics metrics;
  ErasureSite erasures;
  ACCORD_ASSIGN_OR_RETURN(
      const auto sequencer,
      Sequencer::Start(MakeStoreOpener(config, std::move(master), std::move(key), clock, random, executor, erasures), {}, executor,
                       clock, random, metrics));
  absl::Status opened;
  absl::Notification done;
  sequencer->Submit(std::make_unique<OpenLogCommand>(rules, config.origin, vkey, config.administrators,
                                                     std::move(changes), [&](const absl::StatusOr<Committed>& outcome) {
                                                       opened = outcome.status();
                                                       done.Notify();
                                                     }));
  done.WaitForNotification();
  return opened;
}

}  // namespace accord::broker
