// Audits of sharing (docs/audits.md).
#include <fmt/format.h>

#include <memory>

#include "accord/admin/v1/audit_service.grpc.pb.h"
#include "common/base/status.h"
#include "services/accordctl/answer_table.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/paging.h"
#include "services/accordctl/query_proof.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

struct AuditArguments {
  std::string from, until, purpose;
  std::vector<std::string> agencies, categories;
  bool csv = false;
  int limit = kRowsMax;  // An audit that ends early without being asked to is none.
};

absl::StatusOr<int> AuditSharing(Session& session, admin::v1::SharingAudit audit, const AuditArguments& arguments) {
  if (arguments.csv && session.json()) return UsageError("--csv and --json exclude each other");
  admin::v1::AuditSharingRequest request;
  request.set_audit(audit);
  request.set_purpose(arguments.purpose);
  ACCORD_ASSIGN_OR_RETURN(const int64_t from_ms, TimeMsOrNone("--from", arguments.from));
  request.set_from_ms(from_ms);
  ACCORD_ASSIGN_OR_RETURN(const int64_t until_ms, TimeMsOrNone("--until", arguments.until));
  request.set_until_ms(until_ms);
  for (const std::string& agency : arguments.agencies) request.add_agencies(agency);
  for (const std::string& words : arguments.categories) request.add_categories(Value<type::v1::Category>(words));
  ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey log, session.LogKey());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  ACCORD_ASSIGN_OR_RETURN(const AskedQuery asked, BeforeAsking(broker, log, type::v1::EVENT_TYPE_SHARING_AUDITED, request));
  inspection::v1::Table answer;  // Of the first page, with the rows of all.
  bool first = true;
  ACCORD_ASSIGN_OR_RETURN(const bool more, EachRow(
                                               request, arguments.limit,
                                               [&](const auto& page) -> absl::StatusOr<admin::v1::AuditSharingResponse> {
                                                 ACCORD_ASSIGN_OR_RETURN(auto response, Ask(broker, &admin::v1::AuditService::Stub::AuditSharing, page));
                                                 if (std::exchange(first, false)) {
                                                   answer = response.table();
                                                   answer.clear_rows();
                                                 }
                                                 return response;
                                               },
                                               [](const auto& page) -> const auto& { return page.table().rows(); },
                                               [&](const inspection::v1::Row& row) { *answer.add_rows() = row; }));
  if (more && arguments.limit < kRowsMax) answer.add_notes(fmt::format("these are the first {} rows: --limit shows up to {}", arguments.limit, kRowsMax));
  if (more && arguments.limit == kRowsMax) answer.add_notes(fmt::format("these are the first {} rows: ask of fewer agencies or a shorter period for the rest", kRowsMax));
  ACCORD_ASSIGN_OR_RETURN(const QueryProof proof, ProveQuery(broker, log, answer.query_index(), asked, asked.before));
  PrintAnswer(session, answer, proof, arguments.csv);
  return kDone;
}

}  // namespace

void AddAuditVerbs(Command& app, Verb& chosen) {
  Command& group = app.AddGroup("audit", "How information is shared, from the record: counts and lists, without content (docs/audits.md)");
  const auto add = [&](const char* name, const char* help, admin::v1::SharingAudit audit, bool categories) {
    auto arguments = std::make_shared<AuditArguments>();
    Command& verb = group.AddVerb(name, help);
    const bool period = audit != admin::v1::SHARING_AUDIT_STALE_AGREEMENTS;
    Option& from = verb.AddOption("--from", arguments->from, "Stored then or later, such as 2027-03-31 or 2027-03-31T09:30:00Z");
    Option& until = verb.AddOption("--until", arguments->until, "And before then; at most two years after");
    if (period) {
      from.Required();
      until.Required();
    }
    verb.AddOption("--agency", arguments->agencies, audit == admin::v1::SHARING_AUDIT_NEVER_ANSWER ? "Only this recipient; may be repeated" : "Only this agency; may be repeated");
    if (categories) verb.AddOption("--category", arguments->categories, "Only this category; may be repeated").Check(OneOf<type::v1::Category>());
    verb.AddOption("--purpose", arguments->purpose, "Why it is asked: a code of at most 64 characters; it goes on the record");
    verb.AddFlag("--csv", arguments->csv, "The rows alone, as RFC 4180 has them; what else is said goes to standard error");
    verb.AddOption("--limit", arguments->limit, "Most rows").Range(1, kRowsMax).ShowDefault();
    verb.Footer(fmt::format("Example: accordctl audit {}{} --as-admin alice --csv > {}.csv", name, period ? " --from 2027-01-01 --until 2027-04-01" : "", name));
    verb.WhenGiven([&chosen, audit, arguments] { chosen = [audit, arguments](Session& session) { return AuditSharing(session, audit, *arguments); }; });
  };
  add("flows", "Who shared what category with whom, under which basis, gateway and agreement version", admin::v1::SHARING_AUDIT_FLOWS, true);
  add("withheld", "How often a section was withheld, by rule and category, and why", admin::v1::SHARING_AUDIT_WITHHELD, true);
  add("without-consent", "What was shared although consent was refused, withdrawn or not sought, on which basis, by which worker",
      admin::v1::SHARING_AUDIT_WITHOUT_CONSENT, false);
  add("missing-rationales", "What was shared without consent and without a rationale", admin::v1::SHARING_AUDIT_MISSING_RATIONALES, false);
  add("immediate", "Share of IMMEDIATE by agency and worker, and its gaps: open, overdue, found not justified", admin::v1::SHARING_AUDIT_IMMEDIATE, false);
  add("unusual-volumes", "Weeks in which an agency or worker sent unusually much", admin::v1::SHARING_AUDIT_UNUSUAL_VOLUMES, false);
  add("probing", "Previews without a referral, refusals and reads by worker, and those outside working hours", admin::v1::SHARING_AUDIT_PROBING, false);
  add("stale-agreements", "Agreements that have ended, end soon or are not used", admin::v1::SHARING_AUDIT_STALE_AGREEMENTS, false);
  add("never-answer", "Agencies that open, answer or tell what came of it late or never", admin::v1::SHARING_AUDIT_NEVER_ANSWER, false);
}

}  // namespace accord::accordctl
