#include "services/broker/audits/audit.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "services/broker/questions/rows.h"

namespace accord::broker {
namespace {

constexpr std::array kAudits = {
    Audit{.id = admin::v1::SHARING_AUDIT_FLOWS,
          .title = "Who shared what with whom",
          .definition = "Sections that were permitted when their referral was stored, or left later all the same, as for who stands in for another or after a "
                        "change of consent: by sender, recipient, category, Article 6 basis, gateway, the version of the agreement whose route permitted them "
                        "and whether the emergency schedule alone did; `released` of them left for the recipient.",
          .categories = true,
          .leaving = true,
          .answer = AuditFlows},
    Audit{.id = admin::v1::SHARING_AUDIT_WITHHELD,
          .title = "What was withheld and why",
          .definition = "Sections that were not permitted to a recipient, by rule, category and reason: when the referral was stored, or only when it was to be "
                        "released, of what had not left before. Each counts once, by the first decision that kept it back.",
          .categories = true,
          .leaving = true,
          .answer = AuditWithheld},
    Audit{.id = admin::v1::SHARING_AUDIT_WITHOUT_CONSENT,
          .title = "Shared although consent was refused, withdrawn or not sought",
          .definition = "Each recipient to which sections were permitted as the referral was stored, or left later before its sender changed the consent, under a "
                        "tag whose consent was REFUSED, WITHDRAWN or NOT_SOUGHT_UNSAFE, with basis and gateway, and by whom.",
          .leaving = true,
          .answer = AuditWithoutConsent},
    Audit{.id = admin::v1::SHARING_AUDIT_MISSING_RATIONALES,
          .title = "Shared without consent and without a rationale",
          .definition = "Tags whose consent was neither given nor given with limits, under which something was permitted to somebody, and of which no section of "
                        "category rationale says why, or which do not say themselves that one does (`said_to_be_there`).",
          .leaving = true,
          .answer = AuditMissingRationales},
    Audit{.id = admin::v1::SHARING_AUDIT_IMMEDIATE,
          .title = "IMMEDIATE referrals and their gaps",
          .definition = "By sender (worker `all`) and each of its workers: referrals, those with urgency IMMEDIATE and their share; gaps, which are referrals of "
                        "which something was shared under the emergency schedule alone: open, as one is again when more is shared so after its review; overdue, "
                        "not reviewed by the end of the next working day, when the broker reminds of it; and found not justified.",
          .leaving = true,
          .answer = AuditImmediate},
    Audit{.id = admin::v1::SHARING_AUDIT_UNUSUAL_VOLUMES,
          .title = "Weeks with unusually many referrals",
          .definition = "A week, from Monday in London, in which an agency (worker `all`) or one worker of it sent more than 3 times the median of the 8 weeks "
                        "before, and at least 10. A week is judged if the record of the agency begins at least 4 weeks before it: with its enrolment, and of who was "
                        "there from the beginning with the log; weeks without any count as 0.",
          .looks_back = true,
          .answer = AuditUnusualVolumes},
    Audit{.id = admin::v1::SHARING_AUDIT_PROBING,
          .title = "Previews without a referral, refusals and reads by worker",
          .definition = "By agency and worker: previews, and those with whose decisions no referral of the agency was stored within a day; refused calls; reads, "
                        "which are referrals opened, read back or exported, histories of cases, and trails, lists and audits asked for; and how many of all these "
                        "fell outside 7 to 19 o'clock of London's working days.",
          .acts = true,
          .answer = AuditProbing},
    Audit{.id = admin::v1::SHARING_AUDIT_STALE_AGREEMENTS,
          .title = "Agreements that have ended, end soon or are not used",
          .definition = "Versions of agreements: ENDED, and no other version of the same agreement has taken its place; ENDS_SOON within 90 days; NOT_USED: in "
                        "force, and it permitted nothing in the period. It is used by a referral of the period (`referrals`, the last one `last_used`) when one of "
                        "its routes permitted a section to somebody as the referral was stored. A version that another has replaced is left out.",
          .agreements = true,
          .answer = AuditStaleAgreements},
    Audit{.id = admin::v1::SHARING_AUDIT_NEVER_ANSWER,
          .title = "Agencies that open, answer or tell what came of it late or never",
          .definition = "By recipient, of the referrals of the period: `addressed` to it, which it was named in and permitted something of as they were stored, or "
                        "which were released to it all the same, as to who stands in for another; `never_collected` of those: not released to it until now, and "
                        "not taken back, withheld or waiting to be sealed again before; `released`; and of the released: opened by a person, late (the clock was "
                        "missed first) and never; answered by a person (accepted, declined, decided, returned, redirected, transferred in, a check answered, or a response sent), "
                        "late and never; and of those it took on, accepted, heard or decided but to take no further action: told what came of it (an outcome, or that it "
                        "is closed, declined, transferred out or comes to no further action), late and without.",
          .recipients = true,
          .answer = AuditNeverAnswer},
};

std::string AuditDay(int64_t ms) { return absl::FormatTime("%Y-%m-%d", absl::FromUnixMillis(ms), absl::UTCTimeZone()); }

}  // namespace

std::span<const Audit> Audits() { return kAudits; }

const Audit* FindAudit(admin::v1::SharingAudit id) {
  const auto found = std::find_if(kAudits.begin(), kAudits.end(), [&](const Audit& audit) { return audit.id == id; });
  return found == kAudits.end() ? nullptr : &*found;
}

std::string PermittedUnder(const type::v1::SectionDecision& decision) {
  constexpr std::string_view kAgreementRules = "agreement/";
  const std::string_view rule = decision.rule_id();
  if (decision.verdict() != type::v1::VERDICT_PERMIT || !rule.starts_with(kAgreementRules)) return "";
  const std::string_view route = rule.substr(kAgreementRules.size());
  return std::string(route.substr(0, route.find('/')));
}

inspection::v1::Table ComputeAudit(const Audit& audit, const AuditInput& input) {
  inspection::v1::Table table;
  std::string title(audit.title);
  if (input.until_ms != 0) title += fmt::format("; from {} to before {}", AuditDay(input.from_ms), AuditDay(input.until_ms));
  if (!input.asked_agencies.empty()) title += fmt::format("; {}: {}", audit.recipients ? "recipients" : "senders", JoinCells(input.asked_agencies));
  std::set<std::string> categories;
  for (const auto category : input.categories) categories.insert(Code(category));
  if (!categories.empty()) title += "; categories: " + JoinCells(categories);
  table.set_title(title);
  table.set_definition(std::string(audit.definition));
  audit.answer(input, table);
  table.set_referrals(input.referrals.size());
  if (table.rows().empty()) table.add_notes("no record in Accord");
  return table;
}

}  // namespace accord::broker
