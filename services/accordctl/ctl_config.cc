#include "services/accordctl/ctl_config.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/config/config.h"
#include "common/console/words.h"

namespace accord::accordctl {
namespace {

constexpr char kBrokerAddress[] = "127.0.0.1:7400";

rpc::TlsFiles ReadTls(config::Table& table) {
  return {table.RequiredPath("certificate"), table.RequiredPath("private_key"), table.RequiredPath("roots")};
}

// What disclosures need: all of it, or nothing.
void ReadSealing(config::Table& table, OfficerIdentity& inspector) {
  const std::pair<const char*, std::string*> keys[] = {
      {"sealing_certificate", &inspector.sealing_certificate}, {"sealing_key", &inspector.sealing_key}, {"authorities", &inspector.authorities}};
  bool any = false;
  for (const auto& [key, path] : keys) any |= !(*path = table.OptionalPath(key)).empty();
  for (const auto& [key, path] : keys) {
    if (any && path->empty()) table.Reject(key, "is needed with the others of sealing_certificate, sealing_key and authorities");
  }
}

std::string ReadId(config::Table& table, std::set<std::string>& seen) {
  std::string id = table.RequiredString("id");
  if (!id.empty() && !IsAgencyId(id)) table.Reject("id", "is not 1 to 63 of [a-z0-9-]");
  if (!id.empty() && !seen.insert(id).second) table.Reject("id", "is there twice");
  return id;
}

template <typename Identity>
const Identity* Find(const std::vector<Identity>& all, const std::string& id) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Identity& one) { return one.id == id; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

const AgencyIdentity* CtlConfig::FindAgency(const std::string& id) const { return Find(agencies, id); }
const OfficerIdentity* CtlConfig::FindAdmin(const std::string& id) const { return Find(admins, id); }
const OfficerIdentity* CtlConfig::FindInspector(const std::string& id) const { return Find(inspectors, id); }

absl::StatusOr<CtlConfig> LoadCtlConfig(const std::string& path) {
  ACCORD_ASSIGN_OR_RETURN(config::Table root, config::Table::Load(path));
  CtlConfig config;
  config.as = root.OptionalString("as");
  config.as_admin = root.OptionalString("as_admin");
  config.as_inspector = root.OptionalString("as_inspector");

  config::Table broker = root.Section("broker");
  config.broker_address = broker.OptionalString("address", kBrokerAddress);
  config.broker_spiffe_id = broker.RequiredString("spiffe_id");
  config.log_vkey = broker.RequiredPath("log_vkey");

  std::set<std::string> agencies, admins, inspectors;
  for (config::Table& table : root.Tables("agency")) {
    AgencyIdentity& agency = config.agencies.emplace_back();
    agency.id = ReadId(table, agencies);
    agency.address = table.OptionalString("address");
    agency.spiffe_id = table.OptionalString("spiffe_id");
    if (!agency.address.empty() && agency.spiffe_id.empty()) table.Reject("spiffe_id", "is needed with address");
    agency.tls = ReadTls(table);
    agency.worker.set_pseudonym(table.OptionalString("worker"));
    const auto role = table.OneOf("role", {"practitioner", "supervisor", "administrator", "system", "authorising_officer"});
    const auto authentication = table.OneOf("authentication", {"multi_factor", "single_factor", "automatic"});
    agency.worker.set_role(static_cast<type::v1::WorkerRole>(
        console::EnumFromWords(*type::v1::WorkerRole_descriptor(), role).value_or(0)));
    agency.worker.set_authentication(static_cast<type::v1::Authentication>(
        console::EnumFromWords(*type::v1::Authentication_descriptor(), authentication).value_or(0)));
  }
  const auto read_officers = [&root](const char* name, std::set<std::string>& seen, std::vector<OfficerIdentity>& officers, const auto& more) {
    for (config::Table& table : root.Tables(name)) {
      OfficerIdentity& officer = officers.emplace_back();
      officer.id = ReadId(table, seen);
      officer.tls = ReadTls(table);
      more(table, officer);
    }
  };
  read_officers("admin", admins, config.admins, [](config::Table&, OfficerIdentity&) {});
  read_officers("inspector", inspectors, config.inspectors, ReadSealing);
  if (!config.as.empty() && config.FindAgency(config.as) == nullptr) root.Reject("as", "names no [[agency]] of this file");
  if (!config.as_admin.empty() && config.FindAdmin(config.as_admin) == nullptr) {
    root.Reject("as_admin", "names no [[admin]] of this file");
  }
  if (!config.as_inspector.empty() && config.FindInspector(config.as_inspector) == nullptr) {
    root.Reject("as_inspector", "names no [[inspector]] of this file");
  }
  ACCORD_RETURN_IF_ERROR(root.Finish());
  return config;
}

}  // namespace accord::accordctl
