// A warrant and its people, for tests.
#pragma once

#include <absl/time/time.h>

#include <memory>
#include <string>

#include "accord/inspection/v1/warrant_service.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker {

// Nothing is empty, so that each dimension can be left by one step. In force from a day after `now` for thirty days.
inline inspection::v1::Warrant TestingWarrant(absl::Time now) {
  inspection::v1::Warrant warrant;
  warrant.set_id("jtai-1");
  warrant.set_kind(inspection::v1::WARRANT_KIND_STATUTORY);
  warrant.set_inspectorate("ofsted");
  warrant.set_purpose("JTAI/2026/7");
  warrant.set_legal_power("CA2004_S20");
  auto& scope = *warrant.mutable_scope();
  scope.add_agencies("police");
  scope.add_areas("E08000012");
  scope.set_from_ms(absl::ToUnixMillis(now - absl::Hours(24 * 365)));
  scope.set_until_ms(absl::ToUnixMillis(now));
  scope.add_events(type::v1::EVENT_TYPE_RELEASED);
  scope.add_cases(std::string(16, 'c'));
  warrant.set_starts_ms(absl::ToUnixMillis(now + absl::Hours(24)));
  warrant.set_ends_ms(absl::ToUnixMillis(now + absl::Hours(24 * 31)));
  warrant.set_embargo_until_ms(absl::ToUnixMillis(now + absl::Hours(24 * 60)));
  return warrant;
}

inline Caller TestingOfficer(options::v1::Caller kind, const std::string& id) {
  return {kind, id, PrincipalName(kind, id), std::string(32, 'f'), type::v1::DESK_MAIN};
}
inline Caller TestingInspector(const std::string& id) { return TestingOfficer(options::v1::CALLER_INSPECTOR, id); }
inline Caller TestingAdministrator(const std::string& id) { return TestingOfficer(options::v1::CALLER_ADMIN, id); }

// Enrols an officer; of a body, when an inspector.
inline void PutTestingOfficer(MemoryContext& context, const std::string& id, const std::string& inspectorate, bool active = true) {
  storage::v1::StoredOfficer officer;
  officer.set_active(active);
  officer.set_inspectorate(inspectorate);
  context.Put(kFamilyOfficer, OfficerKey(!inspectorate.empty(), id), officer.SerializeAsString());
}
inline void PutTestingAgency(MemoryContext& context, const std::string& id, const std::string& area) {
  admin::v1::Agency agency;
  agency.set_id(id);
  agency.set_active(true);
  agency.add_areas(area);
  context.Put(kFamilyAgency, id, agency.SerializeAsString());
}
// The one who has a conflict of interest.
inline void PutTestingConflict(MemoryContext& context, const std::string& administrator) {
  storage::v1::StoredConflictList list;
  list.add_workers(administrator);
  context.Put(kFamilyPolicy, ConflictListKey(kAdministrators), list.SerializeAsString());
}
inline std::shared_ptr<const DirectorySnapshot> TestingDirectory(const MemoryContext& context) {
  auto directory = DirectorySnapshot::Load(context, 1);
  return directory.ok() ? *directory : nullptr;
}

}  // namespace accord::broker
