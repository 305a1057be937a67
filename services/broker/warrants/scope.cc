#include "services/broker/warrants/scope.h"

#include <algorithm>
#include <utility>

#include "accord/storage/v1/broker.pb.h"
#include "accord/storage/v1/inspection.pb.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"
#include "services/broker/warrants/warrant_states.h"

namespace accord::broker {
namespace {

using inspection::v1::Warrant;

// An empty list covers all.
template <typename Listed>
bool ListCovers(const Listed& listed, const std::set<std::string>& found) {
  return listed.empty() || std::any_of(listed.begin(), listed.end(), [&](const std::string& one) { return found.contains(one); });
}

absl::Status NoSuchWarrant() { return Error(Reason::kWarrantNotFound, "there is no such warrant, or it is not the caller's"); }

bool MayUse(const Warrant& warrant, const std::string& body, const std::string& officer) {
  return !body.empty() && warrant.inspectorate() == body && NamesOfficer(warrant, officer);
}

}  // namespace

absl::StatusOr<std::string> BodyOfInspector(PlainReader read, const Caller& inspector) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(kFamilyOfficer, OfficerKey(true, inspector.id)));
  storage::v1::StoredOfficer officer;
  if (bytes.has_value() && !officer.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored officer does not parse");
  return officer.inspectorate();
}

bool NamesOfficer(const Warrant& warrant, std::string_view officer) {
  const auto& officers = warrant.officers();
  return officers.empty() || std::find(officers.begin(), officers.end(), officer) != officers.end();
}

Scope Scope::All() {
  Scope scope;
  scope.all_ = true;
  return scope;
}

Scope Scope::Of(const Warrant& warrant, std::set<std::string> sampled) {
  Scope scope;
  scope.warrant_ = warrant;
  scope.sampled_ = std::move(sampled);
  return scope;
}

std::string_view Scope::Uncovered(const ScopeFacts& facts) const {
  if (all_) return "";
  const auto& scope = warrant_.scope();
  if (facts.time_ms < scope.from_ms() || facts.time_ms >= scope.until_ms()) return "period";
  const auto& events = scope.events();
  if (!events.empty() && std::find(events.begin(), events.end(), facts.event) == events.end()) return "event";
  return UncoveredSubject(facts);
}

std::string_view Scope::UncoveredSubject(const ScopeFacts& facts) const {
  if (all_) return "";
  const auto& scope = warrant_.scope();
  if (!ListCovers(scope.agencies(), facts.agencies)) return "agency";
  if (!ListCovers(scope.areas(), facts.areas)) return "area";
  return UncoveredCase(facts);
}

std::string_view Scope::UncoveredCase(const ScopeFacts& facts) const {
  if (all_) return "";
  const auto& scope = warrant_.scope();
  if (!ListCovers(scope.cases(), facts.cases)) return "case";
  // Limited to samples: before one is drawn nothing is covered.
  if (scope.sample_cases_max() > 0 && (sampled_.empty() || !ListCovers(sampled_, facts.cases))) return "case";
  return "";
}

bool Scope::identities() const {
  return all_ || warrant_.kind() == inspection::v1::WARRANT_KIND_STATUTORY || warrant_.kind() == inspection::v1::WARRANT_KIND_DEATH_REVIEW;
}

absl::StatusOr<Scope> OpenScope(PlainReader read, const Caller& caller, std::string_view warrant, absl::Time now) {
  if (caller.kind == options::v1::CALLER_ADMIN) {
    if (warrant.empty()) return Scope::All();
    return Error(Reason::kFieldInvalid, "warrant: an administrator asks without one", {{"field", "warrant"}});
  }
  if (caller.kind != options::v1::CALLER_INSPECTOR || warrant.empty()) {
    return Error(Reason::kNotPermitted, "an inspector asks under a warrant, which the call must name");
  }
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(kFamilyWarrant, warrant));
  if (!bytes.has_value()) return NoSuchWarrant();
  storage::v1::StoredWarrant stored;
  if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored warrant does not parse");
  ACCORD_ASSIGN_OR_RETURN(const std::string body, BodyOfInspector(read, caller));
  if (!MayUse(stored.warrant(), body, caller.id)) return NoSuchWarrant();
  ACCORD_RETURN_IF_ERROR(CheckInForce(stored, now));
  return Scope::Of(stored.warrant(), {stored.sampled().begin(), stored.sampled().end()});
}

absl::StatusOr<Scope> OpenScope(const ReadView& view, const Caller& caller, std::string_view warrant, absl::Time now) {
  return OpenScope(PlainReaderOf(view), caller, warrant, now);
}

}  // namespace accord::broker
