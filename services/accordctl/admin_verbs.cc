#include <absl/strings/numbers.h>
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/console/message_text.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/crypto/certificate.h"
#include "common/crypto/digest.h"
#include "common/crypto/succession.h"
#include "services/accordctl/change_text.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/log_client.h"
#include "services/accordctl/paging.h"
#include "services/accordctl/policy_client.h"
#include "services/accordctl/proposals.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using admin::v1::AdminService;
using admin::v1::DirectoryService;
using agency::v1::OutboxService;

constexpr size_t kChangeBytesMax = 4u << 20;

// What is proposed: exactly one of them is named.
struct ProposeArguments {
  std::string file, agreement, emergency_schedule, legal_register, clock_rules, case_rules, denied_certificate, leaving_agency;
  std::string effective_from;  // As typed; empty: at approval.
};

absl::StatusOr<std::string> ReadArgument(const std::string& path) {
  auto bytes = ReadFile(path, kChangeBytesMax);
  if (!bytes.ok()) return UsageError(FromAbsl(bytes.status().message()));
  return bytes;
}

absl::StatusOr<admin::v1::Change> MakeChange(const ProposeArguments& arguments) {
  admin::v1::Change change;
  if (!arguments.agreement.empty()) {
    ACCORD_ASSIGN_OR_RETURN(*change.mutable_put_agreement()->mutable_text(), ReadArgument(arguments.agreement));
    return change;
  }
  if (!arguments.emergency_schedule.empty()) {
    ACCORD_ASSIGN_OR_RETURN(*change.mutable_put_emergency_schedule()->mutable_text(), ReadArgument(arguments.emergency_schedule));
    return change;
  }
  if (!arguments.legal_register.empty()) {
    ACCORD_ASSIGN_OR_RETURN(*change.mutable_put_legal_register()->mutable_text(), ReadArgument(arguments.legal_register));
    return change;
  }
  if (!arguments.clock_rules.empty()) {
    ACCORD_ASSIGN_OR_RETURN(*change.mutable_put_clock_rules()->mutable_text(), ReadArgument(arguments.clock_rules));
    return change;
  }
  if (!arguments.case_rules.empty()) {
    ACCORD_ASSIGN_OR_RETURN(*change.mutable_put_case_rules()->mutable_text(), ReadArgument(arguments.case_rules));
    return change;
  }
  if (!arguments.leaving_agency.empty()) {
    change.mutable_leave_agency()->set_agency(arguments.leaving_agency);
    return change;
  }
  if (!arguments.denied_certificate.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const std::string pem, ReadArgument(arguments.denied_certificate));
    const auto certificate = crypto::Certificate::FromPem(pem);
    if (!certificate.ok())
      return UsageError(fmt::format("{}: {}", arguments.denied_certificate, FromAbsl(certificate.status().message())));
    change.mutable_deny_key()->set_digest(crypto::Sha256(certificate->der()));
    return change;
  }
  ACCORD_ASSIGN_OR_RETURN(const std::string json, ReadArgument(arguments.file));
  if (const auto parsed = google::protobuf::util::JsonStringToMessage(json, &change); !parsed.ok()) {
    return UsageError(fmt::format("{}: no accord.admin.v1.Change: {}", arguments.file, parsed.ToString()));
  }
  if (change.change_case() == admin::v1::Change::CHANGE_NOT_SET)
    return UsageError(fmt::format("{}: changes nothing", arguments.file));
  return change;
}

// What kind of change it is, in the words of its field.
std::string Kind(const admin::v1::Change& change) {
  if (change.change_case() == admin::v1::Change::CHANGE_NOT_SET) return "(a change that this version does not know)";
  std::string name = admin::v1::Change::descriptor()->FindFieldByNumber(change.change_case())->name();
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

// Where it stands, and what is to be done next.
std::string StateText(const admin::v1::ProposedChange& change) {
  switch (change.state()) {
    case admin::v1::CHANGE_STATE_PROPOSED:
      return fmt::format("not approved yet: another administrator must: accordctl admin show {0}, then accordctl admin approve {0}; until {1}", change.name(),
                         console::TimeText(change.expires_at_ms()));
    case admin::v1::CHANGE_STATE_APPROVED: return fmt::format("approved; in force from {}", console::TimeText(change.effective_from_ms()));
    case admin::v1::CHANGE_STATE_WITHDRAWN:
      if (change.withdrawn_by() == "broker") return "withdrawn by the broker: it did not stand any more when its time had come; begin from what stands now, and propose it again";
      return fmt::format("withdrawn by {}", change.withdrawn_by());
    case admin::v1::CHANGE_STATE_EXPIRED: return "expired: nobody approved it in time; propose it again";
    default: return "in force";
  }
}

// The same in a cell of the list.
std::string StateWords(const admin::v1::ProposedChange& change) {
  switch (change.state()) {
    case admin::v1::CHANGE_STATE_APPROVED: return "approved, from " + console::TimeText(change.effective_from_ms());
    case admin::v1::CHANGE_STATE_WITHDRAWN: return "withdrawn by " + change.withdrawn_by();
    default: return console::Words(change.state());
  }
}

std::string ChangeText(const admin::v1::ProposedChange& change) {
  auto table = console::Table::Facts();
  table.Add({"change", change.name()});
  table.Add({"what", Kind(change.change())});
  table.Add({"proposed", fmt::format("{} by {}", console::TimeText(change.proposed_at_ms()), change.proposed_by())});
  if (change.approved_at_ms() != 0) table.Add({"approved", fmt::format("{} by {}", console::TimeText(change.approved_at_ms()), change.approved_by())});
  table.Add({"state", StateText(change)});
  return table.ToString(console::TerminalWidth());
}

// `changes/NUMBER` of either form that a person may type.
std::string ChangeName(const std::string& name) { return name.find('/') == std::string::npos ? "changes/" + name : name; }

absl::StatusOr<int> Propose(Session& session, const ProposeArguments& arguments) {
  admin::v1::ProposeChangeRequest request;
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_change(), MakeChange(arguments));
  if (!arguments.effective_from.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const int64_t effective_from_ms, TimeMs("--effective-from", arguments.effective_from));
    request.set_effective_from_ms(effective_from_ms);
  }
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  return ProposeChange(session, broker, std::move(request), ChangeText);
}

struct EndorseArguments {
  std::string key, certificate, next;
};

absl::StatusOr<crypto::Certificate> ReadCertificate(const std::string& path) {
  ACCORD_ASSIGN_OR_RETURN(const std::string pem, ReadArgument(path));
  auto certificate = crypto::Certificate::FromPem(pem);
  if (!certificate.ok()) return UsageError(fmt::format("{}: {}", path, FromAbsl(certificate.status().message())));
  return certificate;
}

// Speaks to nobody: it is the agency that has the keys, and the administrators that put what this prints.
absl::StatusOr<int> Endorse(Session& session, const EndorseArguments& arguments) {
  const auto key = crypto::SealingKey::FromPemFile(arguments.key);
  if (!key.ok()) return UsageError(fmt::format("{}: {}", arguments.key, FromAbsl(key.status().message())));
  ACCORD_ASSIGN_OR_RETURN(const crypto::Certificate previous, ReadCertificate(arguments.certificate));
  ACCORD_ASSIGN_OR_RETURN(const crypto::Certificate next, ReadCertificate(arguments.next));
  const auto endorsement = crypto::EndorseSuccessor(*key, previous, next);
  if (!endorsement.ok()) return UsageError(FromAbsl(endorsement.status().message()));
  admin::v1::Agency fields;
  fields.set_sealing_certificate(next.der());
  fields.set_previous_sealing_certificate(previous.der());
  fields.set_sealing_endorsement(*endorsement);
  const nlohmann::json json = ToJson(fields);
  session.PrintJson({{"sealingCertificate", json["sealingCertificate"]},
                     {"previousSealingCertificate", json["previousSealingCertificate"]},
                     {"sealingEndorsement", json["sealingEndorsement"]}});
  return kDone;
}

absl::StatusOr<int> Approve(Session& session, const std::string& name) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  admin::v1::ApproveChangeRequest request;
  request.set_name(ChangeName(name));
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &AdminService::Stub::ApproveChange, request));
  session.json() ? session.PrintJson(ToJson(response.change())) : session.Print(ChangeText(response.change()));
  return kDone;
}

absl::StatusOr<int> Withdraw(Session& session, const std::string& name) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  admin::v1::WithdrawChangeRequest request;
  request.set_name(ChangeName(name));
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &AdminService::Stub::WithdrawChange, request));
  session.json() ? session.PrintJson(ToJson(response.change())) : session.Print(ChangeText(response.change()));
  return kDone;
}

// Up to `rows_max` changes, the newest first.
absl::StatusOr<std::vector<admin::v1::ProposedChange>> ListChanges(const Endpoint& broker, int rows_max) {
  std::vector<admin::v1::ProposedChange> changes;
  std::string token;
  do {
    admin::v1::ListChangesRequest request;
    request.set_page_size(std::min(rows_max - static_cast<int>(changes.size()), kPageRowsMax));
    request.set_page_token(token);
    ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(broker, &AdminService::Stub::ListChanges, request));
    changes.insert(changes.end(), page.changes().begin(), page.changes().end());
    token = page.next_page_token();
  } while (!token.empty() && static_cast<int>(changes.size()) < rows_max);
  return changes;
}

absl::StatusOr<int> Changes(Session& session, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  ACCORD_ASSIGN_OR_RETURN(const auto changes, ListChanges(broker, rows_max));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"change", "what", "state", "proposed", "by", "approved", "by"});
  for (const auto& change : changes) {
    rows.push_back(ToJson(change));
    table.Add({change.name(), Kind(change.change()), StateWords(change), console::TimeText(change.proposed_at_ms()), change.proposed_by(),
               console::TimeText(change.approved_at_ms()), change.approved_by().empty() ? "-" : change.approved_by()});
  }
  session.json() ? session.PrintJson({{"changes", rows}}) : session.Print(table.ToString(console::TerminalWidth()));
  return kDone;
}

// Clocks that were missed and whose sender was told.
absl::StatusOr<int> Overdue(Session& session, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"was due", "to act", "clock", "lane", "sent by", "entry"});
  ACCORD_ASSIGN_OR_RETURN(
      const bool more,
      EachRow(
          admin::v1::ListOverdueRequest(), rows_max,
          [&](const auto& page) { return Ask(broker, &AdminService::Stub::ListOverdue, page); },
          [](const auto& page) -> const auto& { return page.rows(); },
          [&](const admin::v1::OverdueRow& row) {
            rows.push_back(ToJson(row));
            table.Add({console::TimeText(row.due_at_ms()), row.agency(),
                       row.clock() == type::v1::NOTICE_KIND_PICK_UP_OVERDUE ? "not opened" : "not answered", console::Words(row.lane()),
                       row.sender(), fmt::to_string(row.stored_index())});
          }));
  if (session.json()) {
    session.PrintJson({{"overdue", std::move(rows)}, {"more", more}});
    return kDone;
  }
  session.Print(table.empty() ? "none\n" : table.ToString(console::TerminalWidth()));
  if (more) session.Print(fmt::format("… and more: --limit shows up to {}\n", kRowsMax));
  return kDone;
}

// A value of a difference, for people: times are told apart by their name.
std::string ValueText(const std::string& field, const std::string& value) {
  int64_t ms = 0;
  if (field.ends_with("_ms") && absl::SimpleAtoi(ToAbsl(value), &ms)) return console::TimeText(ms);
  return value.empty() ? "-" : console::Printable(value);
}

// One change, with what it makes different: of a policy text by meaning.
absl::StatusOr<int> ShowChange(Session& session, const std::string& name) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  admin::v1::GetChangeRequest request;
  request.set_name(ChangeName(name));
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &AdminService::Stub::GetChange, request));
  ACCORD_ASSIGN_OR_RETURN(const std::string difference, DifferenceText(broker, response.change().change()));
  if (session.json()) {
    auto document = ToJson(response);
    document["difference"] = difference;
    session.PrintJson(document);
    return kDone;
  }
  console::Table table({"field", "before", "after"});
  for (const auto& row : response.differences()) table.Add({row.field(), ValueText(row.field(), row.before()), ValueText(row.field(), row.after())});
  const std::string fields = table.empty() ? "It makes nothing different.\n" : table.ToString(console::TerminalWidth());
  session.Print(ChangeText(response.change()) + "\n" + PlannedText(response, console::TerminalWidth()) + (difference.empty() ? fields : difference) + NamedText(response.change().change()));
  return kDone;
}

absl::StatusOr<int> Agencies(Session& session, const std::string& as_at) {
  ACCORD_ASSIGN_OR_RETURN(const int64_t as_at_ms, TimeMsOrNone("--as-at", as_at));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"agency", "kind", "name", "active", "valid from", "deputy", "duty recipient"});
  std::string token;
  do {
    admin::v1::ListAgenciesRequest request;
    request.set_page_size(kPageRowsMax);
    request.set_page_token(token);
    request.set_as_at_ms(as_at_ms);
    ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(broker, &DirectoryService::Stub::ListAgencies, request));
    for (const auto& agency : page.agencies()) {
      rows.push_back(ToJson(agency));
      table.Add({agency.id(), console::Words(agency.kind()), agency.display_name(), agency.suspended() ? "SUSPENDED" : agency.active() ? "yes" : "no",
                 console::TimeText(agency.valid_from_ms()), agency.deputy().empty() ? "-" : agency.deputy(),
                 agency.duty_recipient().empty() ? "-" : agency.duty_recipient()});
    }
    token = page.next_page_token();
  } while (!token.empty() && rows.size() < static_cast<size_t>(kRowsMax));
  session.json() ? session.PrintJson({{"agencies", rows}}) : session.Print(table.ToString(console::TerminalWidth()));
  return kDone;
}

// One agency's service; false when it does not answer or has stopped sending.
bool StatusOf(const Session& session, const AgencyIdentity& agency, console::Table& table, nlohmann::json& rows) {
  const auto service = session.Service(agency);
  const auto response =
      service.ok() ? Ask(*service, &OutboxService::Stub::GetServiceStatus, agency::v1::GetServiceStatusRequest())
                   : absl::StatusOr<agency::v1::GetServiceStatusResponse>(service.status());
  if (!response.ok()) {
    session.Tell(ErrorText(response.status()));
    rows.push_back({{"agency", agency.id}, {"error", ErrorJson(response.status())}});
    table.Add({agency.id, "no answer", "-", "-", "-", "", ""});
    return false;
  }
  rows.push_back(ToJson(*response));
  table.Add({response->agency(), "yes", response->connected() ? "yes" : "no", fmt::to_string(response->outbox_waiting()),
             fmt::to_string(response->checkpoint_size()), response->alert() == "none" ? "NONE: nobody is called" : response->alert(),
             response->stopped() ? "STOPPED: " + response->alarm() : "none"});
  if (response->alert() == "none") {
    session.Tell(console::Paragraph(fmt::format("{} has no alert: of an IMMEDIATE referral its people learn only when they look (docs/agencies.md)", response->agency()),
                                    console::TerminalWidth()));
  }
  if (!response->waiting_for().empty()) {
    session.Tell(console::Paragraph(fmt::format("{} waits for {}; `accordctl waiting --as {}` says what does", response->agency(), console::Printable(response->waiting_for()), agency.id),
                                    console::TerminalWidth()));
  }
  return !response->stopped();
}

absl::StatusOr<int> Status(Session& session, bool one) {
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"agency", "answers", "connected", "waiting", "checkpoint", "duty alert", "alarm"});
  bool well = true;
  if (one) {
    ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
    well = StatusOf(session, *agency, table, rows);
  } else {
    for (const AgencyIdentity& agency : session.config().agencies) {
      if (!agency.address.empty()) well &= StatusOf(session, agency, table, rows);
    }
  }
  nlohmann::json log_json, maintenance_json;
  std::string log_text, maintenance_text;
  const auto newest = [&]() -> absl::StatusOr<SignedCheckpoint> {
    ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey log, session.LogKey());
    // Any identity will do: checkpoints are for everyone who may call.
    auto broker = session.Broker(Prefer::kAgency);
    if (!broker.ok() && !session.config().agencies.empty()) broker = session.BrokerAs(session.config().agencies.front());
    ACCORD_RETURN_IF_ERROR(broker);
    admin::v1::ListAgenciesRequest one_row;
    one_row.set_page_size(1);
    ACCORD_ASSIGN_OR_RETURN(const auto directory, Ask(*broker, &DirectoryService::Stub::ListAgencies, one_row));
    if (directory.maintenance_since_ms() != 0) {
      maintenance_json = {{"sinceMs", directory.maintenance_since_ms()}, {"untilMs", directory.maintenance_until_ms()}};
      maintenance_text = console::Paragraph(
          fmt::format("broker: under MAINTENANCE since {}{}; only IMMEDIATE is taken as new", console::TimeText(directory.maintenance_since_ms()),
                      directory.maintenance_until_ms() == 0 ? "" : ", until about " + console::TimeText(directory.maintenance_until_ms())),
          console::TerminalWidth());
    }
    return NewestCheckpoint(*broker, log);
  }();
  if (newest.ok()) {
    log_json = {{"origin", newest->checkpoint.origin}, {"size", newest->checkpoint.size}};
    log_text = console::Paragraph(fmt::format("broker: {} entries in the log {}, signed by its key", newest->checkpoint.size, newest->checkpoint.origin),
                                  console::TerminalWidth());
  } else {
    well = false;
    session.Tell(ErrorText(newest.status()));
    log_json = {{"error", ErrorJson(newest.status())}};
    log_text = "broker: no answer\n";
  }
  session.json() ? session.PrintJson({{"services", rows}, {"log", log_json}, {"maintenance", maintenance_json}, {"well", well}})
                 : session.Print((table.empty() ? "" : table.ToString(console::TerminalWidth()) + "\n") + log_text + maintenance_text);
  return well ? kDone : kFailed;
}

}  // namespace

void AddAdminVerbs(Command& app, Verb& chosen) {
  Command& admin = app.AddGroup("admin", "Changes by two administrators");
  auto arguments = std::make_shared<ProposeArguments>();
  Command& propose = admin.AddChange("propose", "Propose a change; it is in force once another administrator approved it");
  OptionSet& what = propose.AddOneOf("change");
  what.AddOption("FILE", arguments->file, "An accord.admin.v1.Change in protobuf JSON").ExistingFile();
  what.AddOption("--agreement", arguments->agreement, "A data-sharing agreement (docs/agreements.md)").ExistingFile();
  what.AddOption("--emergency-schedule", arguments->emergency_schedule, "An emergency schedule (docs/agreements.md)").ExistingFile();
  what.AddOption("--legal-register", arguments->legal_register, "A legal register (docs/agreements.md)").ExistingFile();
  what.AddOption("--clock-rules", arguments->clock_rules, "Clock rules (docs/clocks.md)").ExistingFile();
  what.AddOption("--case-rules", arguments->case_rules, "Case rules (docs/cases.md)").ExistingFile();
  what.AddOption("--deny-certificate", arguments->denied_certificate, "A certificate, PEM, to be denied for good").ExistingFile();
  what.AddOption("--leave", arguments->leaving_agency, "An agency that leaves for good (accordctl admin leaving)");
  propose.AddOption("--effective-from", arguments->effective_from, "Not in force before, such as 2027-04-01 or 2027-04-01T09:00:00Z; at most a year ahead");
  propose.Footer("With --dry-run the broker says what would refuse it, and keeps nothing. A proposal that nobody approves expires after 30 days.\n"
                 "Example: accordctl admin propose housing.json --effective-from 2027-04-01 --as-admin alice");
  propose.WhenGiven(
      [&chosen, arguments] { chosen = [arguments](Session& session) { return Propose(session, *arguments); }; });

  auto name = std::make_shared<std::string>();
  auto endorse = std::make_shared<EndorseArguments>();
  Command& endorses = admin.AddVerb("endorse", "Make the fields of an agency's row by which its old sealing key vouches for the new one");
  endorses.AddOption("--key", endorse->key, "The old sealing key, PEM; it is read here and goes nowhere").Path().Required();
  endorses.AddOption("--certificate", endorse->certificate, "Its certificate, PEM").Path().Required();
  endorses.AddOption("--next", endorse->next, "The new sealing certificate, PEM").Path().Required();
  endorses.Footer("Run by the agency, which has the key; asks no server. What it prints goes into putAgency (docs/runbooks/directory.md).\n"
                  "Example: accordctl admin endorse --key old.key --certificate old.crt --next new.crt");
  endorses.WhenGiven([&chosen, endorse] { chosen = [endorse](Session& session) { return Endorse(session, *endorse); }; });

  Command& approve = admin.AddChange("approve", "Approve another administrator's change; it is in force at once, or from the time that it was proposed for");
  approve.AddOption("CHANGE", *name, "`changes/NUMBER`, or the number").Required();
  approve.Footer("Example: accordctl admin approve changes/41 --as-admin bob");
  approve.WhenGiven([&chosen, name] { chosen = [name](Session& session) { return Approve(session, *name); }; });

  Command& withdraw = admin.AddChange("withdraw", "Take back your change, or reject another administrator's");
  withdraw.AddOption("CHANGE", *name, "`changes/NUMBER`, or the number").Required();
  withdraw.Footer("Example: accordctl admin withdraw changes/41 --as-admin alice");
  withdraw.WhenGiven([&chosen, name] { chosen = [name](Session& session) { return Withdraw(session, *name); }; });

  Command& show = admin.AddVerb("show", "Show a change, and what it makes different: field by field, of a policy text by meaning");
  show.AddOption("CHANGE", *name, "`changes/NUMBER`, or the number").Required();
  show.Footer("Example: accordctl admin show changes/41 --as-admin bob");
  show.WhenGiven([&chosen, name] { chosen = [name](Session& session) { return ShowChange(session, *name); }; });

  auto limit = std::make_shared<int>(kRowsDefault);
  Command& changes = admin.AddVerb("changes", "List changes, proposed and in force, the newest first");
  changes.AddOption("--limit", *limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  changes.Footer("Example: accordctl admin changes --as-admin alice");
  changes.WhenGiven([&chosen, limit] { chosen = [limit](Session& session) { return Changes(session, *limit); }; });
  Command& overdue = admin.AddVerb("overdue", "List clocks that were missed and whose sender was told, the longest due first");
  overdue.AddOption("--limit", *limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  overdue.Footer("Example: accordctl admin overdue --as-admin alice");
  overdue.WhenGiven([&chosen, limit] { chosen = [limit](Session& session) { return Overdue(session, *limit); }; });
  auto as_at = std::make_shared<std::string>();
  Command& agencies = admin.AddVerb("agencies", "List the agencies of the directory");
  agencies.AddOption("--as-at", *as_at, "As it stood then, such as 2026-11-01 or 2026-11-01T09:30:00Z");
  agencies.Footer("Example: accordctl admin agencies --as-at 2026-11-01 --as-admin alice");
  agencies.WhenGiven([&chosen, as_at] { chosen = [as_at](Session& session) { return Agencies(session, *as_at); }; });
  AddOfficerVerbs(admin, chosen);

  Command& status = app.AddVerb("status", "How the agencies' services and the broker's log stand");
  status.Footer("Example: accordctl status --as police");
  status.WhenGiven([&chosen, &app] {
    const bool one = app.Given("--as");
    chosen = [one](Session& session) { return Status(session, one); };
  });
}

}  // namespace accord::accordctl
