// What an officer does at once, or looks at: withdraw, officers, suspend, reinstate, onboard, leaving, connection, maintenance. And put-officer, which
// proposes a colleague.
#include <absl/synchronization/notification.h>
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/console/message_text.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/crypto/certificate.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/paging.h"
#include "services/accordctl/progress.h"
#include "services/accordctl/proposals.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using admin::v1::AdminService;

constexpr absl::Duration kLookAgain = absl::Milliseconds(500);

void ShowDone(Session& session, std::string_view what, uint64_t index) {
  session.json() ? session.PrintJson({{"index", index}}) : session.Print(fmt::format("{}: entry {} of the log\n", what, index));
}

absl::StatusOr<int> SuspendVerb(Session& session, const std::string& principal, const std::string& reason) {
  admin::v1::SuspendPrincipalRequest request;
  request.set_principal(principal);
  request.set_reason(Value<admin::v1::SuspensionReason>(reason));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &AdminService::Stub::SuspendPrincipal, request));
  ShowDone(session, fmt::format("{} is suspended; what waits for it keeps waiting", console::Printable(principal)), response.index());
  return kDone;
}

absl::StatusOr<int> ReinstateVerb(Session& session, const std::string& principal) {
  admin::v1::ReinstatePrincipalRequest request;
  request.set_principal(principal);
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &AdminService::Stub::ReinstatePrincipal, request));
  ShowDone(session, fmt::format("{} may call again", console::Printable(principal)), response.index());
  return kDone;
}

absl::StatusOr<int> MaintenanceVerb(Session& session, const std::string& onoff, const std::string& until) {
  admin::v1::SetMaintenanceRequest request;
  request.set_on(onoff == "on");
  if (!until.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const int64_t until_ms, TimeMs("--until", until));
    request.set_until_ms(until_ms);
  }
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &AdminService::Stub::SetMaintenance, request));
  ShowDone(session, request.on() ? "maintenance: new referrals that are not IMMEDIATE wait at their agencies" : "maintenance is over", response.index());
  return kDone;
}

struct PutOfficerArguments {
  std::string principal, body, sealing_certificate, valid_from, effective_from;
  std::vector<std::string> roles;
  bool inactive = false;
};

// The row of `principal` as it stands, not active also while it is suspended; or a new one with its name, active.
absl::StatusOr<admin::v1::PutOfficer> OfficerRow(const Endpoint& broker, const std::string& principal) {
  const size_t slash = principal.find('/');
  const std::string kind = principal.substr(0, slash);
  if (slash == std::string::npos || (kind != "admin" && kind != "inspector")) return UsageError("an officer is named as admin/ID or inspector/ID");
  admin::v1::PutOfficer row;
  row.set_inspector(kind == "inspector");
  row.set_id(principal.substr(slash + 1));
  row.set_active(true);
  ACCORD_RETURN_IF_ERROR(EachRow(
      admin::v1::ListOfficersRequest(), kRowsMax, [&](const auto& page) { return Ask(broker, &AdminService::Stub::ListOfficers, page); },
      [](const auto& page) -> const auto& { return page.officers(); },
      [&](const admin::v1::PutOfficer& officer) {
        if (officer.inspector() == row.inspector() && officer.id() == row.id()) row = officer;
      }));
  return row;
}

absl::Status FillOfficer(const PutOfficerArguments& arguments, admin::v1::PutOfficer& row) {
  constexpr size_t kCertificatePemBytesMax = 2 * crypto::kCertificateBytesMax;
  row.set_active(!arguments.inactive);
  if (!arguments.body.empty()) row.set_inspectorate(arguments.body);
  if (!arguments.roles.empty()) row.clear_roles();
  for (const std::string& role : arguments.roles) row.add_roles(Value<options::v1::OfficerRole>(role));
  if (!arguments.valid_from.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const int64_t valid_from_ms, TimeMs("--valid-from", arguments.valid_from));
    row.set_valid_from_ms(valid_from_ms);
  }
  if (arguments.sealing_certificate.empty()) return absl::OkStatus();
  const auto pem = ReadFile(arguments.sealing_certificate, kCertificatePemBytesMax);
  if (!pem.ok()) return UsageError(FromAbsl(pem.status().message()));
  const auto certificate = crypto::Certificate::FromPem(*pem);
  if (!certificate.ok()) return UsageError(fmt::format("{}: {}", arguments.sealing_certificate, FromAbsl(certificate.status().message())));
  row.set_sealing_certificate(certificate->der());
  return absl::OkStatus();
}

absl::StatusOr<int> PutOfficerVerb(Session& session, const PutOfficerArguments& arguments) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  admin::v1::ProposeChangeRequest request;
  ACCORD_ASSIGN_OR_RETURN(auto row, OfficerRow(broker, arguments.principal));
  if (row.suspended() && !arguments.inactive) {
    session.Tell(fmt::format("{} is suspended now: this puts it in as active, and it stays out until it is reinstated; with --inactive it stays out after that too\n",
                             console::Printable(arguments.principal)));
  } else if (!row.active() && !arguments.inactive) {
    session.Tell(fmt::format("{} is inactive now: this puts it in as active, so that it may call; with --inactive it stays out\n", console::Printable(arguments.principal)));
  }
  row.clear_suspended();  // Told, not put.
  ACCORD_RETURN_IF_ERROR(FillOfficer(arguments, row));
  *request.mutable_change()->mutable_put_officer() = std::move(row);
  if (!arguments.effective_from.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const int64_t effective_from_ms, TimeMs("--effective-from", arguments.effective_from));
    request.set_effective_from_ms(effective_from_ms);
  }
  return ProposeChange(session, broker, std::move(request), [](const admin::v1::ProposedChange& proposed) {
    return fmt::format("{0} is proposed: another administrator looks at it with `accordctl admin show {0}`, and approves it:\n  accordctl admin approve {0}\n", proposed.name());
  });
}

// A check-list: what is needed and lacks first tells the exit status.
template <typename Response>
absl::StatusOr<int> ShowCheckList(Session& session, const Response& response, std::string_view all_done) {
  console::Table table({"", "what", "open"});
  bool done = true;
  for (const auto& item : response.items()) {
    done = done && (item.done() || item.optional());
    table.Add({item.done() ? "done" : item.optional() ? "advice" : "OPEN", console::Printable(item.text()), item.open() == 0 ? "" : fmt::to_string(item.open())});
  }
  if (session.json()) {
    auto document = ToJson(response);
    document["complete"] = done;
    session.PrintJson(document);
  } else {
    session.Print(table.ToString(console::TerminalWidth()) + (done ? fmt::format("\n{}\n", all_done) : "\nNot yet: see what is OPEN.\n"));
  }
  return done ? kDone : kFailed;
}

absl::StatusOr<int> OnboardVerb(Session& session, const std::string& agency) {
  admin::v1::GetOnboardingRequest request;
  request.set_agency(agency);
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &AdminService::Stub::GetOnboarding, request));
  return ShowCheckList(session, response, "It can send and receive.");
}

absl::StatusOr<int> LeavingVerb(Session& session, const std::string& agency) {
  admin::v1::GetLeavingRequest request;
  request.set_agency(agency);
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &AdminService::Stub::GetLeaving, request));
  return ShowCheckList(session, response, fmt::format("It can leave: accordctl admin propose --leave {}", console::Printable(agency)));
}

std::string TimeOrNever(int64_t ms) { return ms == 0 ? "not since the broker started" : console::TimeText(ms); }

// What was seen last, once the agency has called after the first look or `wait` is over. The broker's own clock alone is compared with itself.
absl::StatusOr<admin::v1::CheckConnectionResponse> AwaitCall(const Endpoint& broker, const admin::v1::CheckConnectionRequest& request, absl::Duration wait, bool& called) {
  ACCORD_ASSIGN_OR_RETURN(auto seen, Ask(broker, &AdminService::Stub::CheckConnection, request));
  const int64_t before_ms = seen.last_call_ms();
  Progress progress("seconds");
  for (absl::Duration waited; waited < wait; waited += kLookAgain) {
    progress.Tell(static_cast<uint64_t>(absl::ToInt64Seconds(waited)), static_cast<uint64_t>(absl::ToInt64Seconds(wait)),
                  fmt::format("waiting for a call of {}", request.agency()));
    absl::Notification never;
    never.WaitForNotificationWithTimeout(kLookAgain);
    ACCORD_ASSIGN_OR_RETURN(seen, Ask(broker, &AdminService::Stub::CheckConnection, request));
    called = seen.last_call_ms() > before_ms;
    if (called) break;
  }
  return seen;
}

// With `wait_s` a test: whether it reaches the broker now, and not only whether it once did.
absl::StatusOr<int> ConnectionVerb(Session& session, const std::string& agency, int wait_s) {
  admin::v1::CheckConnectionRequest request;
  request.set_agency(agency);
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  bool called = false;
  ACCORD_ASSIGN_OR_RETURN(const auto seen, AwaitCall(broker, request, absl::Seconds(wait_s), called));
  auto table = console::Table::Facts();
  table.Add({"last call", TimeOrNever(seen.last_call_ms())});
  table.Add({"last refused", seen.last_refused_ms() == 0 ? TimeOrNever(0) : fmt::format("{}: {}", console::TimeText(seen.last_refused_ms()), seen.last_refusal())});
  table.Add({"certificate ends", seen.certificate_until_ms() == 0 ? "not known" : console::TimeText(seen.certificate_until_ms())});
  table.Add({"open streams", fmt::to_string(seen.streams())});
  table.Add({"duty alert ran", TimeOrNever(seen.last_alert_ms())});
  table.Add({"deliveries waiting", fmt::to_string(seen.waiting())});
  nlohmann::json document = ToJson(seen);
  if (wait_s > 0) {
    table.Add({"called just now", called ? "yes" : "NO"});
    document["calledJustNow"] = called;
  }
  session.json() ? session.PrintJson(document) : session.Print(table.ToString(console::TerminalWidth()));
  if (wait_s > 0 && !called) {
    session.Tell(fmt::format(
        "{0} has not called within {1} seconds, and a service that runs calls at every `poll_interval`, five seconds unless configured. Ask its people whether it runs, whether it reaches this broker's "
        "address, and what `accordctl status --as {0}` says there; a call that was refused stands above with its reason. docs/adding-an-agency.md.\n",
        console::Printable(agency), wait_s));
    return kFailed;
  }
  return seen.last_call_ms() == 0 || seen.last_refused_ms() > seen.last_call_ms() ? kFailed : kDone;
}

absl::StatusOr<int> OfficersVerb(Session& session, const std::string& as_at) {
  admin::v1::ListOfficersRequest request;
  ACCORD_ASSIGN_OR_RETURN(const int64_t as_at_ms, TimeMsOrNone("--as-at", as_at));
  request.set_as_at_ms(as_at_ms);
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"officer", "active", "roles", "valid from"});
  ACCORD_ASSIGN_OR_RETURN(const bool more,
                          EachRow(
                              request, kRowsMax,
                              [&](const auto& page) { return Ask(broker, &AdminService::Stub::ListOfficers, page); },
                              [](const auto& page) -> const auto& { return page.officers(); },
                              [&](const admin::v1::PutOfficer& officer) {
                                rows.push_back(ToJson(officer));
                                std::string roles = officer.inspector() ? fmt::format("inspector, {}", officer.inspectorate().empty() ? "of no body" : officer.inspectorate()) : "";
                                for (const int role : officer.roles()) {
                                  roles += (roles.empty() ? "" : ", ") + console::Words(static_cast<options::v1::OfficerRole>(role));
                                }
                                table.Add({officer.id(), officer.suspended() ? "SUSPENDED" : officer.active() ? "yes" : "no", roles, console::TimeText(officer.valid_from_ms())});
                              }));
  session.json() ? session.PrintJson({{"officers", std::move(rows)}, {"more", more}}) : session.Print(table.ToString(console::TerminalWidth()));
  return kDone;
}

}  // namespace

void AddOfficerVerbs(Command& admin, Verb& chosen) {
  auto principal = std::make_shared<std::string>(), reason = std::make_shared<std::string>(), agency = std::make_shared<std::string>(),
       onoff = std::make_shared<std::string>(), until = std::make_shared<std::string>();
  auto as_at = std::make_shared<std::string>();
  Command& officers = admin.AddVerb("officers", "List administrators and inspectors with their roles");
  officers.AddOption("--as-at", *as_at, "As it stood then, such as 2026-11-01 or 2026-11-01T09:30:00Z");
  officers.Footer("Example: accordctl admin officers --as-at 2026-11-01 --as-admin alice");
  officers.WhenGiven([&chosen, as_at] { chosen = [as_at](Session& session) { return OfficersVerb(session, *as_at); }; });

  auto put = std::make_shared<PutOfficerArguments>();
  Command& officer = admin.AddChange("put-officer", "Propose an administrator or an inspector, or a change of one: what is not given stays as it is");
  officer.AddOption("PRINCIPAL", put->principal, "admin/ID or inspector/ID").Required();
  officer.AddOption("--body", put->body, "Of an inspector: the body that they are an officer of, such as ofsted");
  officer.AddOption("--sealing-certificate", put->sealing_certificate, "Of an inspector: the certificate that what is disclosed to them is sealed for, PEM").ExistingFile();
  officer.AddOption("--in-role", put->roles, "Of an administrator: what they are enrolled for; as often as needed").Check(OneOf<options::v1::OfficerRole>());
  officer.AddOption("--valid-from", put->valid_from, "Certificates issued before this day or time are refused");
  officer.AddFlag("--inactive", put->inactive, "They may not call any more");
  officer.AddOption("--effective-from", put->effective_from, "Not in force before, such as 2027-04-01 or 2027-04-01T09:00:00Z; at most a year ahead");
  officer.Footer("Example: accordctl admin put-officer inspector/ines --body ofsted --sealing-certificate ines-sealing.crt --as-admin alice");
  officer.WhenGiven([&chosen, put] { chosen = [put](Session& session) { return PutOfficerVerb(session, *put); }; });

  Command& suspend = admin.AddChange("suspend", "Shut a principal out at once");
  suspend.AddOption("PRINCIPAL", *principal, "agency/ID, admin/ID or inspector/ID").Required();
  suspend.AddOption("--reason", *reason, "Why").Check(OneOf<admin::v1::SuspensionReason>()).Required();
  suspend.Footer("One officer is enough. Its streams end; what is sent to it waits, and its clocks run.\n"
                 "Example: accordctl admin suspend agency/housing --reason compromised --as-admin alice");
  suspend.WhenGiven([&chosen, principal, reason] { chosen = [=](Session& session) { return SuspendVerb(session, *principal, *reason); }; });
  Command& reinstate = admin.AddChange("reinstate", "Let a suspended principal in again");
  reinstate.AddOption("PRINCIPAL", *principal, "agency/ID, admin/ID or inspector/ID").Required();
  reinstate.Footer("Example: accordctl admin reinstate agency/housing --as-admin bob");
  reinstate.WhenGiven([&chosen, principal] { chosen = [=](Session& session) { return ReinstateVerb(session, *principal); }; });

  Command& onboard = admin.AddVerb("onboard", "What an agency still lacks before it can send and receive; 1 while something needed lacks");
  onboard.AddOption("AGENCY", *agency, "Its id").Required();
  onboard.Footer("Example: accordctl admin onboard housing --as-admin alice");
  onboard.WhenGiven([&chosen, agency] { chosen = [=](Session& session) { return OnboardVerb(session, *agency); }; });
  Command& leaving = admin.AddVerb("leaving", "What an agency still has open before it can leave; 1 while something is");
  leaving.AddOption("AGENCY", *agency, "Its id").Required();
  leaving.Footer("Example: accordctl admin leaving housing --as-admin alice");
  leaving.WhenGiven([&chosen, agency] { chosen = [=](Session& session) { return LeavingVerb(session, *agency); }; });
  Command& connection = admin.AddVerb("connection", "What the broker has seen of an agency's connection; 1 when it has not called, or was refused last");
  auto wait_s = std::make_shared<int>(0);
  connection.AddOption("AGENCY", *agency, "Its id").Required();
  connection.AddOption("--wait", *wait_s, "Test it: wait at most so many seconds until it calls, and fail when it does not; a service that runs calls at every poll_interval, 5 unless configured").Range(1, 600);
  connection.Footer("Example: accordctl admin connection housing --wait 30 --as-admin alice");
  connection.WhenGiven([&chosen, agency, wait_s] { chosen = [=](Session& session) { return ConnectionVerb(session, *agency, *wait_s); }; });

  Command& maintenance = admin.AddChange("maintenance", "Begin or end maintenance: only IMMEDIATE is taken as new");
  maintenance.AddOption("ON-OR-OFF", *onoff, "on or off").Check({"on, off", [](const std::string& word) { return word == "on" || word == "off"; }}).Required();
  maintenance.AddOption("--until", *until, "When it is expected to end, such as 2026-11-24T18:00:00Z; it does not end by itself");
  maintenance.Footer("Example: accordctl admin maintenance on --until 2026-11-24T18:00:00Z --as-admin alice");
  maintenance.WhenGiven([&chosen, onoff, until] { chosen = [=](Session& session) { return MaintenanceVerb(session, *onoff, *until); }; });
}

}  // namespace accord::accordctl
