#include <bit>
#include <tuple>
#include <utility>

#include "common/referral/rules.h"

namespace accord::referral::rules {

using namespace type::v1;  // NOLINT: the rules read best in the field's own words.

namespace {

bool Offers(const PolicyAgency& agency, const std::vector<std::string>& specialisms) {
  return std::any_of(specialisms.begin(), specialisms.end(), [&](const std::string& code) { return agency.specialisms.contains(code); });
}
bool LiesIn(const PolicyAgency& agency, const std::vector<std::string>& areas) {
  return std::any_of(areas.begin(), areas.end(), [&](const std::string& code) { return agency.areas.contains(code); });
}
// Is the recipient a member of `forum`, and that is one of `forums`?
bool IsMember(const Question& q, const std::string& forum, const std::vector<std::string>& forums) {
  return Has(forums, forum) && IsMember(q, forum);
}

// Is there a rationale under `tag`? The flag alone is a claim; the sealed section is what the broker can see.
bool HasRationale(const HeaderParts& parts, const TagPart& tag) {
  return tag.rationale_present() && std::any_of(parts.sections.begin(), parts.sections.end(), [&](const SectionPart& section) {
    return section.category() == CATEGORY_RATIONALE && section.tag_id() == tag.tag_id();
  });
}

// Does the law where the sender acts have `gateway` now, and may it stand in for consent on a route that names `named`?
// Unspecified: any gateway; none named: any that is in force by itself. Where the sender acts is where the referral says, else
// any part where the sender has an area, else England.
bool GatewayServes(const InForce& law, const HeaderParts& parts, const CompiledAgency& sender, const std::vector<Gateway>& named, Gateway gateway) {
  const Jurisdiction stated = parts.core.jurisdiction();
  const auto extends = [&](const LegalRegister::Gateway& row) {
    if (stated != JURISDICTION_UNSPECIFIED) return row.jurisdictions.contains(stated);
    if (sender.jurisdictions.empty()) return row.jurisdictions.contains(JURISDICTION_ENGLAND);
    return std::any_of(sender.jurisdictions.begin(), sender.jurisdictions.end(), [&](Jurisdiction j) { return row.jurisdictions.contains(j); });
  };
  return std::any_of(law.law.gateways.begin(), law.law.gateways.end(), [&](const LegalRegister::Gateway& row) {
    return (gateway == GATEWAY_UNSPECIFIED || row.gateway == gateway) && row.replaces_consent &&
           (named.empty() ? row.by_itself : Has(named, row.gateway)) && row.from <= law.now && law.now < row.until && extends(row);
  });
}

bool IsLawfulBasis(const LegalRegister& law, Article6Basis basis, absl::Time now) {
  return std::any_of(law.bases.begin(), law.bases.end(),
                     [&](const LegalRegister::Basis& row) { return row.article6 == basis && row.from <= now && now < row.until; });
}

// Change codes as a set of bits: alternatives are compared as sets.
using ChangeBits = uint32_t;
constexpr ChangeBits Bit(ChangeCode code) { return ChangeBits{1} << code; }
static_assert(ChangeCode_ARRAYSIZE <= 32);

// The words of a change that a route asks for.
std::string_view Words(const SectionQuestion& q, ChangeCode code) {
  switch (code) {
    case CHANGE_CODE_RECORD_ARTICLE6: return "Record the Article 6 basis; consent alone is rarely one.";
    case CHANGE_CODE_RECORD_SPECIAL_CATEGORY_CONDITION: return "Record the Article 9 condition that the agreement asks for.";
    case CHANGE_CODE_RECORD_CRIMINAL_OFFENCE_CONDITION: return "Record the condition for criminal-offence data that the agreement asks for.";
    case CHANGE_CODE_RECORD_CONSENT: return "Ask the person, if it is safe, and record their consent.";
    case CHANGE_CODE_RECORD_GATEWAY:
      return q.tag.gateway() == GATEWAY_UNSPECIFIED ? "Record the power or duty to share (the gateway)."
                                                    : "Record another power or duty to share: this gateway does not replace consent here.";
    case CHANGE_CODE_ADD_RATIONALE: return "Say why in the rationale.";
    case CHANGE_CODE_RECORD_APPROVER: return "Have an approver agree, and record them.";
    case CHANGE_CODE_LEAVE_OUT_ADDRESS: return "Send the section without the address.";
    case CHANGE_CODE_NAME_FORUM: return "Name the forum that this is for.";
    default: return "Assess the risk with an instrument that the agreement names, and record its score.";  // ASSESS_RISK.
  }
}

// Is asking the person a way forward? Not when they have answered.
bool MayBeAsked(const TagPart& tag) {
  return tag.consent() == CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE || tag.consent_by() == SUBJECT_ROLE_ALLEGED_PERPETRATOR;
}

// What a route says of a section.
struct RouteRuling {
  Verdict verdict;
  std::string_view rule_id, reason;
  ChangeBits always = 0;       // Needed in any case.
  ChangeBits basis = 0;        // Beside these: either these,
  bool basis_exists = true;    // where the law has one,
  bool or_consent = false;     // or consent, where that may be asked for.
};

RouteRuling ByRoute(const SectionQuestion& q, const OpenRoute& open) {
  const Route& route = *open;
  RouteRuling ruling{.verdict = VERDICT_PERMIT, .rule_id = open.rule_id(), .reason = {}, .always = open.lacks};
  // Says why not, unless something said so before: what is asked first is named first.
  const auto lacks = [&](Verdict verdict, std::string_view rule_id, std::string_view reason) {
    if (ruling.verdict != VERDICT_PERMIT) return;
    ruling.verdict = verdict;
    ruling.rule_id = rule_id;
    ruling.reason = reason;
  };
  if (open.lacks != 0) lacks(VERDICT_WITHHOLD, "default/no-route", "The agreement's route for this asks for more than is recorded.");
  if (q.section.confidential_address() && !route.confidential_address) {
    ruling.always |= Bit(CHANGE_CODE_LEAVE_OUT_ADDRESS);
    lacks(VERDICT_WITHHOLD, "always/confidential-address", "A refuge or confidential address is withheld unless the agreement names the route for it.");
  }
  if (!q.tag_facts.lawful) {
    ruling.always |= Bit(CHANGE_CODE_RECORD_ARTICLE6);
    lacks(VERDICT_NEEDS_BASIS, "always/lawful-basis",
          q.tag.article6() == ARTICLE6_BASIS_UNSPECIFIED ? "No lawful basis (UK GDPR Article 6) is recorded."
                                                         : "The recorded lawful basis (UK GDPR Article 6) is not in force.");
  } else if (!route.article6.empty() && !Has(route.article6, q.tag.article6())) {
    ruling.always |= Bit(CHANGE_CODE_RECORD_ARTICLE6);
    lacks(VERDICT_NEEDS_BASIS, open.rule_id(), "Under the agreement this goes only on another lawful basis (UK GDPR Article 6).");
  }
  if (!route.article9.empty() && !Has(route.article9, q.tag.article9())) {
    ruling.always |= Bit(CHANGE_CODE_RECORD_SPECIAL_CATEGORY_CONDITION);
    lacks(VERDICT_NEEDS_BASIS, open.rule_id(), "Under the agreement this goes only under another condition of UK GDPR Article 9.");
  }
  if (!route.criminal_offence.empty() && !Has(route.criminal_offence, q.tag.criminal_offence())) {
    ruling.always |= Bit(CHANGE_CODE_RECORD_CRIMINAL_OFFENCE_CONDITION);
    lacks(VERDICT_NEEDS_BASIS, open.rule_id(), "Under the agreement this goes only under another condition for criminal-offence data (UK GDPR Article 10).");
  }
  if (!q.consent_covers && route.needs_consent) {
    ruling.always |= Bit(CHANGE_CODE_RECORD_CONSENT);
    lacks(VERDICT_NEEDS_BASIS, open.rule_id(), "Under the agreement this goes only with the person's consent.");
  } else if (!q.consent_covers) {
    const auto serves = [&](Gateway gateway) { return GatewayServes(q.law, q.parts, *q.sender, route.gateways, gateway); };
    const bool any = route.gateways.empty();
    if (any ? !q.tag_facts.gateway_serves : q.tag.gateway() == GATEWAY_UNSPECIFIED || !serves(q.tag.gateway())) {
      ruling.basis |= Bit(CHANGE_CODE_RECORD_GATEWAY);
      ruling.basis_exists = any ? q.tag_facts.any_gateway : serves(GATEWAY_UNSPECIFIED);
    }
    if (!q.tag_facts.has_rationale) ruling.basis |= Bit(CHANGE_CODE_ADD_RATIONALE);
    if (q.tag.approver().empty()) ruling.basis |= Bit(CHANGE_CODE_RECORD_APPROVER);
    ruling.or_consent = ruling.basis != 0 && MayBeAsked(q.tag);
    if (ruling.basis != 0) {
      lacks(VERDICT_NEEDS_BASIS, "always/consent-or-basis", "The person has not consented to this, and what is needed to share without consent is not recorded.");
    }
  }
  if (ruling.verdict == VERDICT_PERMIT) {
    ruling.reason = q.consent_covers ? "Permitted by the agreement; the person consents."
                                     : "Permitted by the agreement; shared without consent under the recorded basis, rationale and approver.";
  }
  return ruling;
}

inline constexpr size_t kAlternativesMax = 4;

// The smallest of the sets, none of which contains another; those that ask the person come last, for it must be safe first.
std::vector<Alternative> Smallest(const SectionQuestion& q, std::vector<ChangeBits> sets) {
  std::sort(sets.begin(), sets.end(), [](ChangeBits a, ChangeBits b) {
    const auto rank = [](ChangeBits set) { return std::tuple((set & Bit(CHANGE_CODE_RECORD_CONSENT)) != 0, std::popcount(set), set); };
    return rank(a) < rank(b);
  });
  std::vector<Alternative> alternatives;
  for (size_t i = 0; i < sets.size() && alternatives.size() < kAlternativesMax; ++i) {
    const bool more_than_needed = std::any_of(sets.begin(), sets.end(), [&](ChangeBits other) { return other != sets[i] && (other & sets[i]) == other; });
    if (more_than_needed) continue;
    Alternative& alternative = alternatives.emplace_back();
    for (ChangeBits rest = sets[i]; rest != 0; rest &= rest - 1) {
      const auto code = static_cast<ChangeCode>(std::countr_zero(rest));
      alternative.push_back({code, Words(q, code)});
    }
  }
  return alternatives;
}

// What the route that permits most says: the order of routes and agreements means nothing, and a further one takes nothing away.
std::optional<Ruling> ByAgreement(const SectionQuestion& q, const std::vector<OpenRoute>& open) {
  const auto rank = [](const RouteRuling& ruling, const OpenRoute& route) {
    const int verdict = ruling.verdict == VERDICT_PERMIT ? 0 : ruling.verdict == VERDICT_NEEDS_BASIS ? 1 : route.lacks == 0 ? 2 : 3;
    return std::tuple(verdict, (*route).needs_consent, std::string_view(route.rule_id()));
  };
  std::optional<RouteRuling> best;
  const OpenRoute* best_route = nullptr;
  std::vector<ChangeBits> sets;
  const auto add = [&](ChangeBits set) {
    if (!Has(sets, set)) sets.push_back(set);
  };
  for (const OpenRoute& route : open) {
    const RouteBits& categories = route.agreement->by_category[q.section.category()];
    if ((categories[route.route / 64] >> (route.route % 64) & 1) == 0) continue;
    const RouteRuling ruling = ByRoute(q, route);
    // Whoever has answered no is not pressed.
    const bool asks = (ruling.always & Bit(CHANGE_CODE_RECORD_CONSENT)) != 0;
    if (ruling.verdict != VERDICT_PERMIT && (!asks || MayBeAsked(q.tag))) {
      if (ruling.basis_exists) add(ruling.always | ruling.basis);
      if (ruling.or_consent) add(ruling.always | Bit(CHANGE_CODE_RECORD_CONSENT));
    }
    if (best.has_value() && rank(*best, *best_route) < rank(ruling, route)) continue;
    best = ruling;
    best_route = &route;
    // Routes of one agreement stand in order of preference, and most places have one agreement.
    if (ruling.verdict == VERDICT_PERMIT && q.law.agreements.size() == 1) break;
  }
  if (!best.has_value()) return std::nullopt;
  Ruling ruling{best->verdict, best->rule_id, best->reason, {}, &**best_route};
  if (ruling.verdict != VERDICT_PERMIT) ruling.alternatives = Smallest(q, std::move(sets));
  return ruling;
}

bool InSchedule(const SectionQuestion& q) {
  const EmergencySchedule& schedule = q.law.schedule;
  return Has(schedule.categories, q.section.category()) &&
         std::any_of(schedule.recipients.begin(), schedule.recipients.end(), [&](const EmergencySchedule::Recipient& row) {
           return row.kind == q.kind() && (row.specialisms.empty() || Offers(*q.agency->facts, row.specialisms));
         });
}

// Would `route` reach this recipient, were the referral for `forum`?
bool FitsForum(const Question& q, const Route& route, const std::string& forum) {
  const bool by_name = Has(route.to_kinds, q.kind()) || Has(route.to_agencies, q.recipient.agency());
  return (by_name || IsMember(q, forum, route.to_forums)) && (route.forum.empty() || route.forum == forum) &&
         (forum.empty() || !WorksWithPerpetrators(*q.agency) || IsMember(q, forum));
}

// What `route` lacks for this recipient, whatever the section: conditions that a person could meet; nothing when one cannot.
std::optional<ChangeBits> Lacks(const Question& q, const Route& route) {
  const HeaderCore& core = q.parts.core;
  ChangeBits lacks = 0;
  if (!FitsForum(q, route, core.forum())) {
    const std::vector<std::string> one = {route.forum};
    const std::vector<std::string>& could_be = route.forum.empty() ? route.to_forums : one;
    const bool could = std::any_of(could_be.begin(), could_be.end(), [&](const std::string& forum) { return FitsForum(q, route, forum); });
    if (!core.forum().empty() || !could) return std::nullopt;
    lacks |= Bit(CHANGE_CODE_NAME_FORUM);
  }
  if (!route.areas.empty() && !(LiesIn(*q.sender->facts, route.areas) && LiesIn(*q.agency->facts, route.areas))) return std::nullopt;
  if (!route.specialisms.empty() && !Offers(*q.agency->facts, route.specialisms)) return std::nullopt;
  const Risk& risk = core.risk();
  // A grade or score that does not fit is not to be made to fit; one that is not there can be found out.
  if (route.min_grade != RISK_GRADE_UNSPECIFIED || route.max_grade != RISK_GRADE_UNSPECIFIED) {
    if (risk.grade() == RISK_GRADE_UNSPECIFIED) {
      lacks |= Bit(CHANGE_CODE_ASSESS_RISK);
    } else if (risk.grade() < route.min_grade || (route.max_grade != RISK_GRADE_UNSPECIFIED && risk.grade() > route.max_grade)) {
      return std::nullopt;
    }
  }
  if (!route.instruments.empty() && !Has(route.instruments, risk.instrument())) lacks |= Bit(CHANGE_CODE_ASSESS_RISK);
  if (route.min_score.has_value() || route.max_score.has_value()) {
    if (!risk.has_score()) {
      lacks |= Bit(CHANGE_CODE_ASSESS_RISK);
    } else if (risk.score() < route.min_score.value_or(0) || (route.max_score.has_value() && risk.score() > *route.max_score)) {
      return std::nullopt;
    }
  }
  return lacks;
}

}  // namespace

bool ConsentCovers(const Question& q, const SectionPart& section, const TagPart& tag) {
  if (tag.consent_by() == SUBJECT_ROLE_ALLEGED_PERPETRATOR) return false;
  if (tag.consent() == CONFIDENTIALITY_CONSENT_GIVEN) return true;
  if (tag.consent() != CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS) return false;
  if (Has(tag.consent_excludes_kinds(), q.kind()) || Has(tag.consent_excludes_agencies(), q.recipient.agency()) ||
      Has(tag.consent_excludes_categories(), section.category())) {
    return false;
  }
  // Recipients are named by kind or by id: who is in either list is meant.
  const bool any_recipient = tag.consent_kinds().empty() && tag.consent_agencies().empty();
  return (any_recipient || Has(tag.consent_kinds(), q.kind()) || Has(tag.consent_agencies(), q.recipient.agency())) &&
         (tag.consent_categories().empty() || Has(tag.consent_categories(), section.category())) &&
         (tag.consent_purposes().empty() || Has(tag.consent_purposes(), q.parts.core.purpose()));
}

TagFacts FactsOf(const InForce& law, const HeaderParts& parts, const CompiledAgency* sender, const TagPart& tag) {
  TagFacts facts{tag, IsLawfulBasis(law.law, tag.article6(), law.now), HasRationale(parts, tag)};
  if (sender == nullptr) return facts;  // Nothing goes.
  facts.gateway_serves = tag.gateway() != GATEWAY_UNSPECIFIED && GatewayServes(law, parts, *sender, {}, tag.gateway());
  facts.any_gateway = facts.gateway_serves || GatewayServes(law, parts, *sender, {}, GATEWAY_UNSPECIFIED);
  return facts;
}

std::vector<OpenRoute> OpenRoutes(const Question& q) {
  std::vector<OpenRoute> open;
  for (const CompiledAgreement* agreement : q.law.agreements) {
    const auto from = agreement->from.find(q.parts.core.sender());
    const auto to = agreement->to.find(q.recipient.agency());
    if (from == agreement->from.end() || to == agreement->to.end()) continue;
    const RouteBits& purpose = agreement->by_purpose[q.parts.core.purpose()];
    for (size_t word = 0; word < purpose.size(); ++word) {
      for (uint64_t bits = from->second[word] & to->second[word] & purpose[word]; bits != 0; bits &= bits - 1) {
        const size_t route = word * 64 + static_cast<size_t>(std::countr_zero(bits));
        if (const auto lacks = Lacks(q, *agreement->routes[route]); lacks.has_value()) open.push_back({agreement, route, *lacks});
      }
    }
  }
  return open;
}

Ruling AgreementAndBasis(const SectionQuestion& q, const std::vector<OpenRoute>& open, bool& waived) {
  std::optional<Ruling> ruling = ByAgreement(q, open);
  const bool no_route = !ruling.has_value() || ruling->rule_id == "default/no-route";
  if ((!ruling.has_value() || ruling->verdict != VERDICT_PERMIT) && q.parts.core.urgency() == URGENCY_IMMEDIATE && InSchedule(q)) {
    // Only a route that names it carries such an address; what else that route asks for, danger waives.
    if (q.section.confidential_address() && (no_route || ruling->verdict == VERDICT_WITHHOLD)) {
      return {VERDICT_WITHHOLD, "always/confidential-address", "A refuge or confidential address is withheld unless the agreement names the route for it.",
              One(CHANGE_CODE_LEAVE_OUT_ADDRESS, "Send the section without the address.")};
    }
    waived = true;
    return {VERDICT_PERMIT, q.law.emergency_rule, "Danger now: shared under the emergency schedule; the gap is queued for review.", {}};
  }
  if (ruling.has_value()) return *std::move(ruling);
  if (q.law.agreements.empty()) {
    return {VERDICT_WITHHOLD, "default/no-agreement", "No data-sharing agreement is in force.", One(CHANGE_CODE_CHANGE_AGREEMENT, "An administrator must approve an agreement.")};
  }
  return {VERDICT_WITHHOLD, "default/no-route", "The agreement has no route for this category to this agency for this purpose.",
          One(CHANGE_CODE_CHANGE_AGREEMENT, "Choose another recipient or purpose, or have the agreement changed.")};
}

}  // namespace accord::referral::rules
