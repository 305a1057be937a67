// Whether a connection's principal is somebody, and may call a method (design.md §5 "Identity").
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>

#include "accord/options/v1/options.pb.h"
#include "accord/type/v1/entry.pb.h"
#include "services/broker/directory/directory.h"
#include "services/broker/directory/roles.h"

namespace accord::broker {

// A principal as its certificate names it.
struct Principal {
  options::v1::Caller kind = options::v1::CALLER_UNSPECIFIED;
  std::string id;
  std::string certificate;    // SHA-256 of its DER.
  std::string public_key_id;  // SHA-256 of its SubjectPublicKeyInfo.
  absl::Time not_before;      // Of the certificate.
};

// Who calls, once the call was authorised: from the connection alone.
struct Caller {
  options::v1::Caller kind = options::v1::CALLER_UNSPECIFIED;
  std::string id;           // Agency, administrator or inspector id.
  std::string principal;    // PrincipalName(kind, id).
  std::string certificate;  // SHA-256 of its DER.
  type::v1::Desk desk = type::v1::DESK_MAIN;  // Of an agency: which of its desks the certificate is of.
};

// True when `desk`, where unspecified means main, is the caller's. Thread-safe.
inline bool IsDeskOf(const Caller& caller, type::v1::Desk desk) {
  return (desk == type::v1::DESK_CONFIDENTIAL) == (caller.desk == type::v1::DESK_CONFIDENTIAL);
}

// "agency/<id>", "admin/<id>" or "inspector/<id>": what request ids are scoped to and what
// entries name as the actor.
std::string PrincipalName(options::v1::Caller kind, std::string_view id);

// The caller as an entry names it, with the `worker` for whom an agency calls. Thread-safe.
type::v1::EntryActor ActorOf(const Caller& caller);
type::v1::EntryActor ActorOf(const Caller& caller, const type::v1::Worker& worker);

// True when the directory has the principal, active or not: only then has it a chain of its own.
bool IsEnrolled(const DirectorySnapshot& directory, const Principal& principal);

// OK when `principal` is enrolled and active and its certificate counts. Pure. Thread-safe.
//   PRINCIPAL_UNKNOWN   not enrolled, not active, or suspended: then with `state`, why (`reason`) and since when (`at`)
//   CERTIFICATE_DENIED  certificate or key denied, or issued before the valid-from
absl::Status CheckPrincipal(const DirectorySnapshot& directory, const Principal& principal);

// NOT_PERMITTED when `worker` is on the conflict list of `agency`, or the administrator of that id on that of kAdministrators. It says no more than any
// refusal of a protective rule. Thread-safe.
absl::Status CheckNotBarred(const DirectorySnapshot& directory, std::string_view agency, const std::string& worker);

// NOT_PERMITTED when `principal` is an administrator with a conflict of interest and `method` shows what concerns cases:
// trails, warrants, who shared what, holds, erasures and missed clocks. It says no more than any refusal of a protective rule. Thread-safe.
absl::Status CheckConflict(const DirectorySnapshot& directory, const Principal& principal, std::string_view method);
// The same when administrator `id` has one and `change` is of erasures or holds, which name referrals and cases, or of the very list that the
// administrator is on: it has no part in them and is not shown them. Thread-safe.
absl::Status CheckConflict(const DirectorySnapshot& directory, const std::string& id, const admin::v1::Change& change);

// OK when the `callers` option of `method` ("/accord.broker.v1.LedgerService/GetReceipt") has `kind` and, of an administrator, its
// `roles` option one of `roles`. ROLE_NOT_ALLOWED otherwise, and for a method that is not linked into this program. Thread-safe.
absl::Status CheckMethod(std::string_view method, options::v1::Caller kind, const Roles& roles);

}  // namespace accord::broker
