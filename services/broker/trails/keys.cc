#include "services/broker/trails/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/base/bytes.h"
#include "common/crypto/digest.h"
#include "common/referral/stored_events.h"

namespace accord::broker {
namespace {

constexpr std::string_view kAgencyPrefix = "agency/";

}  // namespace

std::string TrailKeys::Of(std::string_view dimension, std::string_view value) const {
  return crypto::HmacSha256(key_.view(), ByteWriter().Lp8(dimension).Raw(value).bytes()).substr(0, kTrailKeyBytes);
}

std::string AgencyEventValue(std::string_view agency, type::v1::EventType event) {
  return fmt::format("{}/{}", agency, static_cast<int>(event));
}

std::string WorkerValue(std::string_view agency, std::string_view pseudonym) { return fmt::format("{}/{}", agency, pseudonym); }

HeaderFacts HeaderFactsOf(const storage::v1::StoredReferral& stored) {
  HeaderFacts facts;
  std::set<type::v1::Article6Basis> bases;
  std::set<type::v1::Schedule8Condition> conditions;
  std::set<type::v1::Gateway> gateways;
  for (const auto& opening : stored.openings()) {
    if (opening.label() == "core") {
      type::v1::HeaderCore core;
      if (core.ParseFromString(opening.content())) facts.grade = core.risk().grade();
    } else if (opening.label() == "recipient") {
      type::v1::RecipientPart recipient;
      if (recipient.ParseFromString(opening.content())) facts.recipients.push_back(recipient.agency());
    } else if (opening.label() == "tag") {
      type::v1::TagPart tag;
      if (!tag.ParseFromString(opening.content())) continue;
      if (tag.article6() != type::v1::ARTICLE6_BASIS_UNSPECIFIED) bases.insert(tag.article6());
      if (tag.schedule8() != type::v1::SCHEDULE8_CONDITION_UNSPECIFIED) conditions.insert(tag.schedule8());
      if (tag.gateway() != type::v1::GATEWAY_UNSPECIFIED) gateways.insert(tag.gateway());
    }
  }
  facts.article6.assign(bases.begin(), bases.end());
  facts.schedule8.assign(conditions.begin(), conditions.end());
  facts.gateways.assign(gateways.begin(), gateways.end());
  return facts;
}

std::string_view AgencyOfPrincipal(std::string_view principal) {
  if (!principal.starts_with(kAgencyPrefix)) return {};
  principal.remove_prefix(kAgencyPrefix.size());
  return principal.substr(0, principal.find('/'));
}

std::vector<std::string> AgenciesOf(const EntryParts& parts, const HeaderFacts* header) {
  std::vector<std::string> agencies;
  const auto add = [&](std::string_view agency) {
    if (!agency.empty() && std::find(agencies.begin(), agencies.end(), agency) == agencies.end()) agencies.emplace_back(agency);
  };
  if (parts.actor.has_value()) add(AgencyOfPrincipal(parts.actor->principal()));
  if (parts.referral.has_value()) {
    add(parts.referral->sender());
    add(parts.referral->recipient());
  }
  if (parts.event.has_value() && IsDisclosureEvent(parts.event->type())) add(AgencyOfPrincipal(parts.event->concerns()));
  if (header != nullptr && parts.event.has_value() && referral::IsStoredEvent(parts.event->type())) {
    for (const std::string& recipient : header->recipients) add(recipient);
  }
  return agencies;
}

std::vector<std::string> KeysOf(const TrailKeys& keys, const EntryParts& parts, const HeaderFacts* header) {
  std::vector<std::string> made;
  if (!parts.event.has_value()) return made;
  const type::v1::EventType event = parts.event->type();
  made.push_back(keys.Of(kByEvent, event));
  for (const std::string& agency : AgenciesOf(parts, header)) {
    made.push_back(keys.Of(kByAgency, agency));
    made.push_back(keys.Of(kByAgencyEvent, AgencyEventValue(agency, event)));
  }
  if (parts.actor.has_value() && !parts.actor->worker().pseudonym().empty()) {
    made.push_back(keys.Of(kByWorker, WorkerValue(AgencyOfPrincipal(parts.actor->principal()), parts.actor->worker().pseudonym())));
  }
  if (event == type::v1::EVENT_TYPE_STATEMENT) made.push_back(keys.Of(kByStatement, parts.event->statement()));
  if (parts.decisions.has_value()) {
    std::set<int> verdicts;
    for (const auto& decision : parts.decisions->decisions()) verdicts.insert(decision.verdict());
    for (const int verdict : verdicts) made.push_back(keys.Of(kByVerdict, verdict));
  }
  if (header != nullptr) {
    if (header->grade != type::v1::RISK_GRADE_UNSPECIFIED) made.push_back(keys.Of(kByGrade, header->grade));
    for (const type::v1::Article6Basis basis : header->article6) made.push_back(keys.Of(kByArticle6, basis));
  }
  return made;
}

}  // namespace accord::broker
