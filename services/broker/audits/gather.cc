#include "services/broker/audits/gather.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"
#include "services/broker/policy/policy_documents.h"
#include "services/broker/questions/coverage.h"
#include "services/broker/questions/engine.h"
#include "services/broker/questions/rows.h"
#include "services/broker/trails/index.h"
#include "services/broker/trails/postings.h"
#include "services/broker/trails/receipts.h"
#include "services/broker/trails/trail.h"

namespace accord::broker {
namespace {

using admin::v1::AuditSharingRequest;

constexpr int64_t kLastMs = std::numeric_limits<int64_t>::max() - 2 * kPreviewMatchMs;  // Of a period's end, to count on from.

absl::Status AuditFieldInvalid(std::string_view field, std::string_view what) {
  return Error(Reason::kFieldInvalid, fmt::format("{}: {}", field, what), {{"field", std::string(field)}});
}

absl::Status CheckAuditValues(const AuditSharingRequest& request, const Audit& audit) {
  if (request.agencies_size() > kAuditValuesMax) return AuditFieldInvalid("agencies", fmt::format("at most {}", kAuditValuesMax));
  for (const std::string& agency : request.agencies()) {
    if (!IsAgencyId(agency)) return AuditFieldInvalid("agencies", "one is no agency id");
  }
  if (!audit.categories && request.categories_size() > 0) return AuditFieldInvalid("categories", "this audit does not take them");
  if (request.categories_size() > kAuditValuesMax) return AuditFieldInvalid("categories", fmt::format("at most {}", kAuditValuesMax));
  for (const int category : request.categories()) {
    if (category == 0 || !type::v1::Category_IsValid(category)) {
      return Error(Reason::kEnumUnknown, "categories: one is not of the published list", {{"field", "categories"}});
    }
  }
  if (!IsPurpose(request.purpose())) return AuditFieldInvalid("purpose", fmt::format("a code of at most {} characters is needed", kPurposeCharsMax));
  if (audit.agreements && request.from_ms() == 0 && request.until_ms() == 0) return absl::OkStatus();
  return CheckPeriod(request.from_ms(), request.until_ms());
}

// Reads what the caller may see of the referrals, each once.
class AuditReader {
 public:
  AuditReader(const ReadView& view, const TrailKeys& keys, const DirectorySnapshot& directory, const Caller& caller, const Audit& audit,
              const AuditSharingRequest& request, uint64_t tree_size)
      : view_(view), keys_(keys), directory_(directory), caller_(caller), audit_(audit), request_(request), tree_size_(tree_size) {}

  // Those stored in the period.
  absl::StatusOr<std::vector<ReferralFacts>> Read(int64_t from_ms, int64_t until_ms) {
    const std::vector<std::string> agencies = AskedAgencies();
    ACCORD_ASSIGN_OR_RETURN(const uint64_t from, IndexAt(view_, from_ms));
    ACCORD_ASSIGN_OR_RETURN(const uint64_t until, IndexAt(view_, until_ms));
    ACCORD_ASSIGN_OR_RETURN(const auto indices, ReferralsStored(view_, keys_, directory_, agencies, {}, from, std::min(until, tree_size_), kAuditReferralsMax - read_));
    read_ += indices.size();
    std::vector<ReferralFacts> all;
    for (const uint64_t index : indices) {
      ACCORD_ASSIGN_OR_RETURN(auto facts, ReadFacts(view_, index, tree_size_));
      if (!facts.has_value()) continue;  // Erased, a moment ago: its rows go next.
      NoteResponse(*facts);
      if (!Concerns(*facts) || !LeaveOutOthers(*facts)) continue;
      if (audit_.leaving) ACCORD_RETURN_IF_ERROR(ReadLeft(*facts));
      all.push_back(*std::move(facts));
    }
    return all;
  }

  // What workers of the agencies asked about did on their agencies' own chains.
  absl::StatusOr<std::vector<AuditedAct>> Acts(int64_t from_ms, int64_t until_ms) {
    std::vector<std::string> agencies = AskedAgencies();
    if (agencies.empty()) {
      for (const auto& [id, row] : directory_.agencies()) agencies.push_back(id);
    }
    ACCORD_ASSIGN_OR_RETURN(const uint64_t from, IndexAt(view_, from_ms));
    ACCORD_ASSIGN_OR_RETURN(const uint64_t until, IndexAt(view_, until_ms));
    std::vector<AuditedAct> acts;
    for (const std::string& agency : agencies) {
      ACCORD_ASSIGN_OR_RETURN(const auto chain, view_.Get(kFamilyMeta, PrincipalChainKey(PrincipalName(options::v1::CALLER_AGENCY, agency))));
      if (chain.has_value()) ACCORD_RETURN_IF_ERROR(AddActs(agency, *chain, {from, std::min(until, tree_size_)}, acts));
    }
    std::sort(acts.begin(), acts.end(), [](const AuditedAct& a, const AuditedAct& b) { return a.index < b.index; });
    return acts;
  }

  // To what was read.
  std::map<AnsweredBy, uint64_t> TakeResponses() { return std::move(responses_); }
  std::map<uint64_t, std::set<std::string, std::less<>>> TakeLeft() { return std::move(left_); }

 private:
  // Each once; none: all.
  std::vector<std::string> AskedAgencies() const {
    if (caller_.kind == options::v1::CALLER_AGENCY) return {caller_.id};
    const std::set<std::string> asked(request_.agencies().begin(), request_.agencies().end());
    return {asked.begin(), asked.end()};
  }

  // An audit of senders is of what they sent. One of acts is of what anybody asked about sent or received.
  bool Concerns(const ReferralFacts& facts) const {
    const std::string& sender = CoreOf(facts).sender();
    if (audit_.acts) return true;
    if (caller_.kind == options::v1::CALLER_AGENCY) return sender == caller_.id;
    return audit_.recipients || request_.agencies().empty() || std::find(request_.agencies().begin(), request_.agencies().end(), sender) != request_.agencies().end();
  }

  // Of what it received, an agency's desks see each their own; of others' acts an audit of acts tells it nothing, nor to whom else it went. False when
  // nothing is left: that there is such a referral may be what was kept from it, which it may not know either.
  bool LeaveOutOthers(ReferralFacts& facts) const {
    if (caller_.kind != options::v1::CALLER_AGENCY || CoreOf(facts).sender() == caller_.id) return true;
    std::erase_if(facts.events, [&](const FactEvent& event) {
      return event.agency != caller_.id || !IsDeskOf(caller_, event.desk) || event.event.type() == type::v1::EVENT_TYPE_WITHHELD_AT_RELEASE;
    });
    std::erase_if(facts.parts.recipients, [&](const type::v1::RecipientPart& recipient) { return recipient.agency() != caller_.id; });
    return !facts.events.empty();
  }

  // A response that the caller may know of: an agency of its own, and of those that were released to its desk.
  void NoteResponse(const ReferralFacts& facts) {
    const auto& core = CoreOf(facts);
    if (!audit_.recipients || core.type() != type::v1::REFERRAL_TYPE_RESPONSE || core.caused_by().empty()) return;
    const bool told = caller_.kind != options::v1::CALLER_AGENCY || core.sender() == caller_.id ||
                      std::any_of(facts.events.begin(), facts.events.end(), [&](const FactEvent& event) {
                        return event.event.type() == type::v1::EVENT_TYPE_RELEASED && event.recipient == caller_.id && IsDeskOf(caller_, event.desk);
                      });
    if (told) responses_.try_emplace({core.caused_by(), core.sender()}, facts.stored_index);
  }

  // What left by the releases whose decisions do not say it. Facts are kept without the digests, so these entries are opened in the log.
  absl::Status ReadLeft(const ReferralFacts& facts) {
    const SectionsLeaving leaving(facts);
    for (const FactEvent& event : facts.events) {
      if (event.event.type() != type::v1::EVENT_TYPE_RELEASED || !event.decisions.has_value()) continue;
      const auto& decisions = event.decisions->decisions();
      if (std::none_of(decisions.begin(), decisions.end(), [&](const auto& decision) { return leaving.IsSaidByDigestsAlone(decision); })) continue;
      ACCORD_ASSIGN_OR_RETURN(const StoredEntry entry, ReadEntry(view_, event.index));
      if (!entry.parts.referral.has_value()) continue;  // Its opening is gone: not known, which is not none.
      left_[event.index] = {entry.parts.referral->section_digests().begin(), entry.parts.referral->section_digests().end()};
    }
    return absl::OkStatus();
  }

  absl::Status AddActs(const std::string& agency, const std::string& chain, IndexRange range, std::vector<AuditedAct>& acts) {
    const std::vector<Posting> postings = {{Posting::Where::kChain, chain}};
    while (!range.empty()) {
      ACCORD_ASSIGN_OR_RETURN(const NextIndices next, ReadPostings(view_, postings, range, /*newest_first=*/false));
      acts_ += next.indices.size();
      if (acts_ > kAuditActsMax) {
        return Error(Reason::kQueryTooCostly, fmt::format("it would look at more than {} acts", kAuditActsMax), {{"limit", fmt::to_string(kAuditActsMax)}});
      }
      ACCORD_ASSIGN_OR_RETURN(std::vector<StoredEntry> entries, ReadEntries(view_, next.indices));
      for (size_t i = 0; i < entries.size(); ++i) {
        const auto entry = Indexed(next.indices[i], std::move(entries[i]));
        if (entry.has_value()) AddAct(agency, *entry, acts);
      }
      range = next.rest;
    }
    return absl::OkStatus();
  }

  static void AddAct(const std::string& agency, const IndexedEntry& entry, std::vector<AuditedAct>& acts) {
    if (!entry.parts.event.has_value()) return;
    AuditedAct act{.index = entry.index, .time_ms = entry.time_ms, .event = entry.parts.event->type(), .agency = agency};
    switch (act.event) {
      case type::v1::EVENT_TYPE_REFUSALS_SUMMARY: act.count = entry.parts.event->count(); break;
      case type::v1::EVENT_TYPE_PREVIEWED:
      case type::v1::EVENT_TYPE_REFUSED:
      case type::v1::EVENT_TYPE_REFERRAL_READ:
      case type::v1::EVENT_TYPE_TRAIL_QUERIED:
      case type::v1::EVENT_TYPE_SHARING_AUDITED: break;
      default: return;  // Administrators' questions about the agency, and what it does openly.
    }
    // Somebody else's act stands on its chain too: an administrator who asked for its trail.
    if (entry.parts.actor.has_value()) {
      if (AgencyOfPrincipal(entry.parts.actor->principal()) != agency) return;
      act.worker = entry.parts.actor->worker().pseudonym();
    }
    if (entry.parts.decisions.has_value()) act.decision_digest = entry.parts.decisions->decision_digest();
    acts.push_back(std::move(act));
  }

  const ReadView& view_;
  const TrailKeys& keys_;
  const DirectorySnapshot& directory_;
  const Caller& caller_;
  const Audit& audit_;
  const AuditSharingRequest& request_;
  const uint64_t tree_size_;
  size_t read_ = 0, acts_ = 0;
  std::map<AnsweredBy, uint64_t> responses_;
  std::map<uint64_t, std::set<std::string, std::less<>>> left_;
};

// What was erased is found under no agency and no period any more, and so is not counted either.
absl::Status AddErased(const ReadView& view, inspection::v1::Table& table) {
  bool any = false;
  const accord::storage::Range erasures{.lower = ErasureKey(0), .upper = ErasureKey(std::numeric_limits<uint64_t>::max())};
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyErasure, erasures, [&](std::string_view, std::string_view) {
    any = true;
    return false;
  }));
  if (any) table.add_notes("Referrals have been erased, lawfully and on the record. What these said is not counted; how many of them were of this period is not known any more.");
  return absl::OkStatus();
}

// Of those asked about, the ones that the directory has not: nothing is found of them, as nothing is of who did nothing.
void AddUnknownAgencies(const AuditSharingRequest& request, const DirectorySnapshot& directory, inspection::v1::Table& table) {
  std::set<std::string> unknown;
  for (const std::string& agency : request.agencies()) {
    if (directory.FindAgency(agency) == nullptr) unknown.insert(agency);
  }
  if (!unknown.empty()) table.add_notes(fmt::format("The directory has no agency {}: `accordctl admin agencies` lists them.", JoinCells(unknown)));
}

int64_t AuditMs(absl::Time time) { return time == absl::InfinitePast() || time == absl::InfiniteFuture() ? 0 : absl::ToUnixMillis(time); }

absl::StatusOr<std::vector<AuditedAgreement>> AgreementsAt(const ReadView& view, int64_t now_ms) {
  ACCORD_ASSIGN_OR_RETURN(PolicyDocuments kept, LoadPolicyDocuments(view.store()));
  const absl::Time now = absl::FromUnixMillis(now_ms);
  const DocumentsAt then = ApprovedBy(std::move(kept), now);
  std::vector<AuditedAgreement> agreements;
  std::set<std::string> newer;  // Of which a version that has begun stands before: the newest approval comes first.
  for (const PolicyDocument& document : then.all) {
    if (document.kind != PolicyKind::kAgreement) continue;
    const bool live = IsLive(document, then.compiled, now);
    const bool begun = document.effective_from <= now;
    agreements.push_back({.id = document.id, .version = document.version, .effective_from_ms = AuditMs(document.effective_from), .expires_ms = AuditMs(document.expires),
                          .live = live, .replaced = document.replaced || (!live && newer.contains(document.id))});
    if (begun) newer.insert(document.id);
  }
  return agreements;
}

std::vector<const ReferralFacts*> PointersTo(const std::vector<ReferralFacts>& facts) {
  std::vector<const ReferralFacts*> pointers;
  for (const ReferralFacts& one : facts) pointers.push_back(&one);
  return pointers;
}

}  // namespace

absl::StatusOr<const Audit*> CheckAudit(const AuditSharingRequest& request, const Caller& caller) {
  const Audit* const audit = FindAudit(request.audit());
  if (audit == nullptr) return Error(Reason::kEnumUnknown, "audit: not one of the published list", {{"field", "audit"}});
  ACCORD_RETURN_IF_ERROR(CheckAuditValues(request, *audit));
  const bool others = std::any_of(request.agencies().begin(), request.agencies().end(), [&](const std::string& agency) { return agency != caller.id; });
  if (caller.kind == options::v1::CALLER_AGENCY && !audit->recipients && others) {
    return Error(Reason::kNotPermitted, "an agency's audits are of what it sent and did itself");
  }
  return audit;
}

absl::StatusOr<inspection::v1::Table> AnswerAudit(const ReadView& view, const TrailKeys& keys, const DirectorySnapshot& directory, const Caller& caller,
                                                  const Audit& audit, const AuditSharingRequest& request, uint64_t tree_size, int64_t now_ms) {
  AuditReader reader(view, keys, directory, caller, audit, request, tree_size);
  AuditInput input;
  ACCORD_ASSIGN_OR_RETURN(input.agencies, AgencyFactsOf(view, directory));
  input.asked_agencies = {request.agencies().begin(), request.agencies().end()};
  if (caller.kind == options::v1::CALLER_AGENCY && !audit.recipients) input.asked_agencies = {caller.id};
  for (const int category : request.categories()) input.categories.insert(static_cast<type::v1::Category>(category));
  input.from_ms = request.from_ms();
  input.until_ms = request.until_ms();
  input.now_ms = now_ms;
  ACCORD_ASSIGN_OR_RETURN(const StoredEntry first, ReadLeaf(view, 0));
  input.log_begins_ms = static_cast<int64_t>(first.parsed.time_ms);
  std::vector<ReferralFacts> referrals, before, after;
  if (request.until_ms() != 0) {
    ACCORD_ASSIGN_OR_RETURN(referrals, reader.Read(request.from_ms(), request.until_ms()));
    if (audit.looks_back) {
      ACCORD_ASSIGN_OR_RETURN(before, reader.Read(LooksBackToMs(request.from_ms()), request.from_ms()));
    }
    if (audit.acts) {
      ACCORD_ASSIGN_OR_RETURN(after, reader.Read(request.until_ms(), std::min(request.until_ms(), kLastMs) + kPreviewMatchMs));
      ACCORD_ASSIGN_OR_RETURN(input.acts, reader.Acts(request.from_ms(), request.until_ms()));
    }
    input.responses = reader.TakeResponses();
    input.left = reader.TakeLeft();
  }
  if (audit.agreements) {
    ACCORD_ASSIGN_OR_RETURN(input.agreements, AgreementsAt(view, now_ms));
  }
  input.referrals = PointersTo(referrals);
  input.before = PointersTo(before);
  input.after = PointersTo(after);
  inspection::v1::Table table = ComputeAudit(audit, input);
  AddUnknownAgencies(request, directory, table);
  ACCORD_RETURN_IF_ERROR(AddErased(view, table));
  if (request.until_ms() != 0) {
    QuestionInput coverage;
    coverage.referrals = input.referrals;
    coverage.all = input.referrals;
    coverage.agencies = input.agencies;
    coverage.asked_agencies = {input.asked_agencies.begin(), input.asked_agencies.end()};
    coverage.now_ms = now_ms;
    coverage.tree_size = tree_size;
    AddCoverage(coverage, request.from_ms(), request.until_ms(), /*small_left_out=*/false, table);
  }
  table.set_completeness("attested");
  table.set_tree_size(tree_size);
  return table;
}

}  // namespace accord::broker
