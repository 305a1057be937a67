// How it was shared and not shared: 7, 8 and 21.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "services/broker/questions/rows.h"
#include "services/broker/questions/themes.h"

namespace accord::broker {
namespace {

using inspection::v1::Table;
using enum inspection::v1::ColumnKind;

bool ConsentGiven(const type::v1::TagPart& tag) {
  return tag.consent() == type::v1::CONFIDENTIALITY_CONSENT_GIVEN || tag.consent() == type::v1::CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS;
}

// Such as PUBLIC_TASK/CA1989_S47, or PART3_SAFEGUARDING/none.
std::string BasisAndGateway(const type::v1::TagPart& tag) {
  const bool part3 = tag.regime() == type::v1::REGIME_DPA_PART3;
  const std::string basis = part3 ? Code(tag.schedule8()) : Code(tag.article6()), gateway = Code(tag.gateway());
  return (basis.empty() ? "none" : part3 ? "PART3_" + basis : basis) + '/' + (gateway.empty() ? "none" : gateway);
}

struct ConsentCounts {
  uint64_t shares = 0, with_consent = 0, refused = 0, no_basis = 0, no_gateway = 0, no_rationale = 0, no_approver = 0, any_blank = 0;
  std::set<std::string> bases;
  RowEntries entries;

  uint64_t without() const { return shares - with_consent; }
  void Add(const ReferralFacts& facts, const type::v1::TagPart& tag) {
    entries.Add(facts.stored_index);
    bases.insert(BasisAndGateway(tag));
    ++shares;
    if (ConsentGiven(tag)) {
      ++with_consent;
      return;
    }
    refused += tag.consent() == type::v1::CONFIDENTIALITY_CONSENT_REFUSED || tag.consent() == type::v1::CONFIDENTIALITY_CONSENT_WITHDRAWN;
    const bool basis = tag.regime() == type::v1::REGIME_DPA_PART3 ? tag.schedule8() != type::v1::SCHEDULE8_CONDITION_UNSPECIFIED
                                                                  : tag.article6() != type::v1::ARTICLE6_BASIS_UNSPECIFIED;
    const bool gateway = tag.gateway() != type::v1::GATEWAY_UNSPECIFIED;
    no_basis += !basis;
    no_gateway += !gateway;
    no_rationale += !tag.rationale_present();
    no_approver += tag.approver().empty();
    any_blank += !basis || !gateway || !tag.rationale_present() || tag.approver().empty();
  }
};

// Without its bases and gateways where small counts are left out: of a single share they are that share's, and where `none` is not among them
// it says of a hidden count that it is nought.
void AddConsentRow(const QuestionInput& input, Table& table, const std::string& agency, const ConsentCounts& counts) {
  AddAnswerRow(table, {agency, CountCell(counts.shares), CountCell(counts.with_consent), CountCell(counts.without()), CountCell(counts.refused),
                       CountCell(counts.no_basis), CountCell(counts.no_gateway), CountCell(counts.no_rationale), CountCell(counts.no_approver),
                       PercentCell(counts.any_blank, counts.without()), input.small_left_out ? "" : JoinCells(counts.bases)},
               counts.entries.all());
  if (input.small_left_out) MarkLeftOut(table);
}

// Tags under which something was permitted to somebody.
std::set<std::string> TagsShared(const ReferralFacts& facts) {
  std::set<std::string> permitted, tags;
  if (facts.events.empty() || !facts.events.front().decisions.has_value()) return tags;
  for (const auto& decision : facts.events.front().decisions->decisions()) {
    if (decision.verdict() == type::v1::VERDICT_PERMIT) permitted.insert(decision.section_id());
  }
  for (const auto& section : facts.parts.sections) {
    if (permitted.contains(section.section_id())) tags.insert(section.tag_id());
  }
  return tags;
}

void SharesWithoutConsent(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"agency"}, {"shares", COLUMN_KIND_COUNT}, {"with_consent", COLUMN_KIND_COUNT}, {"without_consent", COLUMN_KIND_COUNT},
                     {"refused_or_withdrawn", COLUMN_KIND_COUNT}, {"no_basis", COLUMN_KIND_COUNT}, {"no_gateway", COLUMN_KIND_COUNT},
                     {"no_rationale", COLUMN_KIND_COUNT}, {"no_approver", COLUMN_KIND_COUNT}, {"blank_share", COLUMN_KIND_PERCENT}, {"bases_and_gateways"}});
  std::map<std::string, ConsentCounts> by_agency;
  ConsentCounts all;
  for (const ReferralFacts* facts : input.referrals) {
    const std::set<std::string> tags = TagsShared(*facts);
    for (const auto& tag : facts->parts.tags) {
      if (!tags.contains(tag.tag_id())) continue;
      by_agency[CoreOf(*facts).sender()].Add(*facts, tag);
      all.Add(*facts, tag);
    }
  }
  for (const auto& [agency, counts] : by_agency) AddConsentRow(input, table, agency, counts);
  if (!by_agency.empty()) AddConsentRow(input, table, std::string(kTotalRow), all);
  table.add_notes("As each referral was stored: what was completed or changed later is in the referral's trail. Consent given with limits counts as given. "
                  "Under Part 3 of the Data Protection Act 2018 the basis is the condition of Schedule 8.");
  table.add_notes("`bases_and_gateways` are those of all the shares, with consent or without. Where small counts are left out it is empty in every row: it would tell of a single "
                  "share under which basis it was, and of a count that is left out whether it is nought.");
  table.add_notes("The words of a rationale are sealed; the broker knows that a section holds one.");
}

struct NotShared {
  std::string agency, what, reason;
  auto operator<=>(const NotShared&) const = default;
};

struct NotSharedCount {
  uint64_t count = 0;
  RowEntries entries;

  void Add(uint64_t index) {
    ++count;
    entries.Add(index);
  }
};

void CountNotShared(const ReferralFacts& facts, std::map<NotShared, NotSharedCount>& counts, NotSharedCount& all) {
  const auto add = [&](const NotShared& row, uint64_t index) {
    counts[row].Add(index);
    all.Add(index);
  };
  const auto& core = CoreOf(facts);
  if (core.type() == type::v1::REFERRAL_TYPE_NOT_SHARED) add({core.sender(), "recorded as not shared", Code(core.not_shared_reason())}, facts.stored_index);
  for (const FactEvent& event : facts.events) {
    if (!event.statement.has_value() || event.event.type() != type::v1::EVENT_TYPE_STATEMENT) continue;
    const auto& statement = *event.statement;
    if (statement.kind() == type::v1::STATEMENT_KIND_DECLINED) add({event.agency, "declined", Code(statement.decline_reason())}, event.index);
    if (statement.check_answer() == type::v1::CHECK_ANSWER_KNOWN_WITHHELD) {
      add({event.agency, "check answered: known and withheld", Code(statement.check_withheld_reason())}, event.index);
    }
  }
  if (facts.events.empty() || !facts.events.front().decisions.has_value()) return;
  std::set<std::string> meant_for;  // Nothing was to go to who stands in for another, before it is handed over.
  for (const auto& recipient : facts.parts.recipients) {
    if (recipient.on_behalf_of().empty()) meant_for.insert(recipient.agency());
  }
  std::set<std::pair<std::string, std::string>> withheld;  // Recipient and rule: once a referral.
  for (const auto& decision : facts.events.front().decisions->decisions()) {
    if (decision.verdict() != type::v1::VERDICT_PERMIT && meant_for.contains(decision.recipient())) withheld.insert({decision.recipient(), decision.rule_id()});
  }
  for (const auto& [recipient, rule] : withheld) add({core.sender(), "withheld by a rule", rule}, facts.stored_index);
}

void NotSharedByReason(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"agency"}, {"what"}, {"reason"}, {"count", COLUMN_KIND_COUNT}});
  std::map<NotShared, NotSharedCount> counts;
  NotSharedCount all;
  for (const ReferralFacts* facts : input.referrals) CountNotShared(*facts, counts, all);
  for (const auto& [row, counted] : counts) AddAnswerRow(table, {row.agency, row.what, row.reason, CountCell(counted.count)}, counted.entries.all());
  if (!counts.empty()) AddAnswerRow(table, {std::string(kTotalRow), "", "", CountCell(all.count)}, all.entries.all());
  table.add_notes("`withheld by a rule` counts referral, recipient and rule once each, as it was decided when the referral was stored; the agency is the sender. "
                  "What was kept from who stands in for another is not counted besides. Of `declined` and `check answered` it is the one that answered.");
  table.add_notes("A call that was refused whole stored no referral; it is in the trail of the agency that made it.");
}

bool IsProtectiveRule(std::string_view rule) {
  return rule == "always/protective-list" || rule == "always/works-at-agency" || rule == "always/confidential-address";
}

class ProtectionRows {
 public:
  ProtectionRows(Table& table, const ReferralFacts& facts) : table_(table), facts_(facts) {}

  void Add(const FactEvent& event, const std::string& recipient, std::string_view what, const std::string& detail) {
    AddAnswerRow(table_, {ReferralCell(facts_), CaseCell(facts_), CoreOf(facts_).sender(), recipient, TimeCell(&event), std::string(what), detail},
                 {event.index});
  }
  void AddDecisions(const FactEvent& event, std::string_view what) {
    std::set<std::pair<std::string, std::string>> seen;
    if (!event.decisions.has_value()) return;
    for (const auto& decision : event.decisions->decisions()) {
      const bool blocked = decision.verdict() != type::v1::VERDICT_PERMIT && IsProtectiveRule(decision.rule_id());
      if (blocked && seen.insert({decision.recipient(), decision.rule_id()}).second) Add(event, decision.recipient(), what, decision.rule_id());
    }
  }

 private:
  Table& table_;
  const ReferralFacts& facts_;
};

void ProtectionEvents(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"case", COLUMN_KIND_CASE}, {"sender"}, {"recipient"}, {"time", COLUMN_KIND_TIME}, {"what"}, {"detail"}});
  for (const ReferralFacts* facts : input.referrals) {
    ProtectionRows rows(table, *facts);
    for (const FactEvent& event : facts->events) {
      switch (event.event.type()) {
        case type::v1::EVENT_TYPE_REFERRAL_STORED: rows.AddDecisions(event, "blocked when stored"); break;
        case type::v1::EVENT_TYPE_WITHHELD_AT_RELEASE: rows.AddDecisions(event, "blocked at release"); break;
        case type::v1::EVENT_TYPE_BREACH_RECORDED: rows.Add(event, event.recipient, "breach recorded", ""); break;
        case type::v1::EVENT_TYPE_CHANGE_OVERDUE:
          rows.Add(event, event.recipient, "change not answered in time", CodeName(*type::v1::StatementKind_descriptor(), event.event.statement()));
          break;
        case type::v1::EVENT_TYPE_STATEMENT:
          if (event.statement.has_value() && event.statement->kind() == type::v1::STATEMENT_KIND_CORRECTION && event.statement->safe_contact_change() &&
              event.agency == CoreOf(*facts).sender() && !event.recipient.empty()) {
            rows.Add(event, event.recipient, "safe contact corrected: told", "");
          }
          break;
        default: break;
      }
    }
  }
  table.add_notes("`blocked` is what a protective rule kept from a recipient: nothing left. What was read against a wish inside an agency's own system is not on "
                  "the record; a breach is there once a recall or review found it.");
  table.add_notes("What a preview showed as blocked and what a submission was refused for is not in it, since no referral was stored: the previews and refusals of an agency are in its "
                  "trail, the first twenty refusals a minute for each principal and reason.");
}

}  // namespace

std::vector<Question> SharingQuestions() {
  return {
      {.number = 7,
       .title = "Shares without consent: basis, gateway, rationale and approver",
       .definition = "Tags under which something was permitted to a recipient, by sender: with and without consent in confidentiality, and of those without, how many "
                     "lack a basis, a gateway, a rationale or an approver; and under which bases and gateways.",
       .fields = {"REFERRAL_STORED decisions", "core.sender", "tags.consent", "tags.regime", "tags.article6", "tags.schedule8", "tags.gateway",
                  "tags.rationale_present", "tags.approver", "sections.tag_id"},
       .counts = true,
       .sums = {{"shares", {"with_consent", "without_consent"}}},
       .answer = SharesWithoutConsent},
      {.number = 8,
       .title = "Refused and not shared, with reasons",
       .definition = "Decisions not to share, referrals declined, checks answered as known and withheld, and what a rule withheld from a recipient, by agency and "
                     "reason.",
       .fields = {"NOT_SHARED_RECORDED", "core.not_shared_reason", "STATEMENT DECLINED", "STATEMENT CHECK_ANSWERED", "REFERRAL_STORED decisions", "recipients"},
       .counts = true,
       .answer = NotSharedByReason},
      {.number = 21,
       .title = "Safe contact and do-not-disclose: blocked, corrected, breached",
       .definition = "What protective rules kept from a recipient when it was stored or released, corrections of safe contact that holders were told of, changes that "
                     "a holder did not answer in time, and breaches.",
       .fields = {"REFERRAL_STORED decisions", "WITHHELD_AT_RELEASE decisions", "STATEMENT CORRECTION", "CHANGE_OVERDUE", "BREACH_RECORDED"},
       .answer = ProtectionEvents},
  };
}

}  // namespace accord::broker
