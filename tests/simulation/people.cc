#include "tests/simulation/people.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/referral/header.h"
#include "common/referral/statement.h"
#include "common/referral/states.h"

namespace accord::simulation {
namespace {

using namespace type::v1;  // NOLINT: kinds and categories.
using accord::broker::v1::Delivery;

constexpr uint64_t kFamilies = 70;  // Households that the area's referrals are about.
constexpr int kActTriesMax = 40;

Worker Practitioner(std::string_view agency) {
  Worker worker;
  worker.set_pseudonym(fmt::format("{}-w1", agency));
  worker.set_role(WORKER_ROLE_PRACTITIONER);
  worker.set_authentication(AUTHENTICATION_MULTI_FACTOR);
  return worker;
}

agency::v1::SharingBasis Basis(ConfidentialityConsent consent) {
  agency::v1::SharingBasis basis;
  basis.set_victim_awareness(VICTIM_AWARENESS_INFORMED);
  basis.set_consent(consent);
  basis.set_article6(ARTICLE6_BASIS_PUBLIC_TASK);
  return basis;
}

agent::DraftSubject Subject(SubjectRole role, std::string_view family, uint64_t number) {
  agent::DraftSubject subject;
  subject.part.set_role(role);
  subject.part.set_age_band(AGE_BAND_ADULT);
  subject.person.set_family_name(fmt::format("{}{}", family, std::string(1 + number % 7, static_cast<char>('a' + number % 26))));
  subject.person.set_given_names(role == SUBJECT_ROLE_VICTIM ? "Miriam" : "Rowan");
  subject.person.add_dates_of_birth(fmt::format("19{:02}-0{}-1{}", 50 + number % 50, 1 + number % 9, number % 10));
  return subject;
}

// A refusal that trying again cannot change.
bool IsDefinite(const absl::Status& status) {
  return agent::IsDefiniteRefusal(status) && status.code() != absl::StatusCode::kUnimplemented;
}

void Fill(StatementKind kind, Statement& statement) {
  switch (kind) {
    case STATEMENT_KIND_DECLINED: statement.set_decline_reason(DECLINE_REASON_NO_CAPACITY); return;
    case STATEMENT_KIND_DECIDED: statement.set_decision(CONTACT_DECISION_EARLY_HELP); return;
    case STATEMENT_KIND_RETURNED: statement.add_return_reasons(RETURN_REASON_RISK_NOT_ASSESSED); return;
    case STATEMENT_KIND_CLOSED: statement.set_close_reason(CLOSE_REASON_COMPLETED); return;
    case STATEMENT_KIND_OUTCOME: statement.set_outcome_code("met"); return;
    case STATEMENT_KIND_RECALL: statement.set_recall_reason(RECALL_REASON_WRONG_PERSON); return;
    case STATEMENT_KIND_WITHDRAWN: statement.set_withdraw_reason(WITHDRAW_REASON_NOT_WANTED); return;
    default: return;
  }
}

}  // namespace

People::People(World& world, Oracle& oracle, std::vector<std::unique_ptr<SimAgency>>& agencies)
    : world_(world), oracle_(oracle), agencies_(agencies), slow_(kAgencies[1 + world.random.Below(kAgencyCount - 1)]) {}

std::string People::NewRequestId(std::string_view what) { return fmt::format("{}-{:08}", what, ++requests_); }

void People::Later(SimAgency& agency, absl::Duration delay, std::function<void()> act) {
  world_.After(delay, agency.actor(), [this, &agency, act = std::move(act)] {
    if (!agency.up()) return Later(agency, world_.Between(absl::Minutes(2), absl::Minutes(20)), act);
    agency.Run(act);
  });
}

People::Push People::MakePush(int number) {
  Random& random = world_.random;
  const uint64_t draw = random.Below(10);
  Push push;
  push.sender = agencies_[draw < 6 ? 0 : draw < 8 ? 4 : 2].get();
  push.facts.sender = push.sender->name();
  agent::Draft& draft = push.draft;
  draft.method = "Simulation";
  draft.options.set_request_id(fmt::format("referral-{:05}", number));
  *draft.options.mutable_worker() = Practitioner(push.sender->name());
  push.facts.immediate = world_.OneIn(12);
  draft.options.set_immediate(push.facts.immediate);
  const bool consents = push.facts.immediate || !world_.OneIn(15);
  *draft.options.mutable_basis() = Basis(consents ? CONFIDENTIALITY_CONSENT_GIVEN : CONFIDENTIALITY_CONSENT_REFUSED);
  draft.core.set_type(REFERRAL_TYPE_REFERRAL);
  draft.core.set_purpose(PURPOSE_SUPPORT);
  static constexpr RiskGrade kGrades[] = {RISK_GRADE_HIGH, RISK_GRADE_MEDIUM, RISK_GRADE_STANDARD, RISK_GRADE_STANDARD};
  draft.core.mutable_risk()->set_grade(kGrades[random.Below(4)]);
  draft.core.mutable_risk()->set_instrument(INSTRUMENT_DARA);
  draft.core.mutable_risk()->set_subject(SUBJECT_ROLE_VICTIM);
  draft.core.mutable_risk()->set_change_reason(RISK_CHANGE_REASON_NEW_ASSESSMENT);  // It may be lower than the sender's last of these people.
  draft.core.mutable_risk()->set_supervisor("supervisor");
  push.facts.lane = referral::LaneOf(draft.core.type(), push.facts.immediate ? URGENCY_IMMEDIATE : URGENCY_ROUTINE, draft.core.risk().grade());
  const uint64_t family = random.Below(kFamilies);
  draft.subjects.push_back(Subject(SUBJECT_ROLE_VICTIM, "Ash", family));
  draft.subjects.push_back(Subject(SUBJECT_ROLE_ALLEGED_PERPETRATOR, "Bram", family));
  for (const Category category : {CATEGORY_IDENTITY, CATEGORY_RISK, CATEGORY_NARRATIVE}) {
    auto& section = draft.sections.emplace_back();
    section.category = category;
    if (category == CATEGORY_IDENTITY) {
      *section.content.mutable_identity()->mutable_victim() = draft.subjects[0].person;
    } else if (category == CATEGORY_RISK) {
      section.content.mutable_risk();
    } else {
      section.content.mutable_text()->set_text(fmt::format("what happened, number {}", number));
    }
  }
  // One to three others; some of whom may have nothing, or not all.
  for (uint64_t i = 0, wanted = 1 + random.Below(3); i < wanted; ++i) {
    const std::string recipient(kAgencies[random.Below(kAgencyCount)]);
    const auto& named = draft.recipients;
    if (recipient == push.sender->name() || std::find(named.begin(), named.end(), recipient) != named.end()) continue;
    draft.recipients.push_back(recipient);
  }
  if (draft.recipients.empty()) draft.recipients.push_back(push.sender->name() == "idva" ? "childrens" : "idva");
  for (const std::string& recipient : draft.recipients) {
    draft.options.add_recipients(recipient);
    const auto may = push.facts.immediate ? MaySendInDanger(push.sender->name(), recipient) : MaySend(push.sender->name(), recipient);
    if (consents && !may.empty()) push.facts.permitted[recipient] = may;
  }
  return push;
}

void People::Send(int referrals, absl::Duration within) {
  for (int i = 0; i < referrals; ++i) {
    const auto push = std::make_shared<const Push>(MakePush(i));
    Later(*push->sender, world_.Between(absl::ZeroDuration(), within), [this, push] { TryPush(push); });
  }
}

void People::TryPush(std::shared_ptr<const Push> push) {
  oracle_.OnTried(push->draft.options.request_id(), push->facts);
  const auto pushed = push->sender->outbox().Push(push->draft);
  if (!pushed.ok()) {
    if (IsDefinite(pushed.status())) {
      // What a correction corrects may not be settled by now.
      if (!push->facts.corrects.empty()) return;
      return oracle_.Fail("no referral lost", fmt::format("{} is not taken: {}", push->draft.options.request_id(), pushed.status().ToString()));
    }
    return Later(*push->sender, world_.Between(absl::Seconds(30), absl::Minutes(10)), [this, push] { TryPush(push); });
  }
  world_.Note(fmt::format("{} pushed {}", push->sender->name(), push->draft.options.request_id()));
  oracle_.OnPushed(push->sender->name(), push->draft.options.request_id());
  // An agency's own system may push again what was taken.
  if (world_.OneIn(20)) Later(*push->sender, world_.Between(absl::Seconds(1), absl::Hours(2)), [push] { (void)push->sender->outbox().Push(push->draft); });
  PlanAct(push);
}

void People::PlanAct(std::shared_ptr<const Push> push) {
  const uint64_t draw = world_.random.Below(100);
  const absl::Duration delay = world_.Between(absl::Seconds(10), world_.OneIn(2) ? absl::Minutes(10) : absl::Hours(30));
  const StatementKind kind = draw < 8    ? STATEMENT_KIND_CONSENT_CHANGE
                             : draw < 13 ? STATEMENT_KIND_RECALL
                             : draw < 18 ? STATEMENT_KIND_WITHDRAWN
                             : draw < 23 ? STATEMENT_KIND_CORRECTION
                                         : STATEMENT_KIND_UNSPECIFIED;
  if (kind == STATEMENT_KIND_UNSPECIFIED || !push->facts.corrects.empty()) return;
  if (kind != STATEMENT_KIND_CORRECTION) {
    return Later(*push->sender, delay, [this, push, kind, id = NewRequestId("act")] { TryAct(push, kind, id, 0); });
  }
  auto correction = std::make_shared<Push>(*push);
  correction->facts.corrects = push->draft.options.request_id();
  correction->draft.options.set_corrects(correction->facts.corrects);
  correction->draft.options.set_request_id(push->draft.options.request_id() + "-again");
  Later(*push->sender, delay, [this, correction] { TryPush(correction); });
}

void People::TryAct(std::shared_ptr<const Push> push, StatementKind kind, std::string request_id, int tries) {
  const std::string& id = push->draft.options.request_id();
  const auto submission = push->sender->outbox().Get(id);
  if (submission.ok() && submission->state() == agency::v1::SUBMISSION_STATE_NEEDS_PERSON) return;
  const auto again = [&] {
    if (tries >= kActTriesMax) return;
    Later(*push->sender, world_.Between(absl::Minutes(1), absl::Minutes(40)),
          [this, push, kind, request_id, tries] { TryAct(push, kind, request_id, tries + 1); });
  };
  if (!submission.ok() || submission->state() != agency::v1::SUBMISSION_STATE_SETTLED) return again();
  Statement asked;
  asked.set_request_id(request_id);
  *asked.mutable_worker() = Practitioner(push->sender->name());
  asked.set_kind(kind);
  Fill(kind, asked);
  const auto basis = Basis(CONFIDENTIALITY_CONSENT_WITHDRAWN);
  const auto done = push->sender->outbox().Act(id, asked, kind == STATEMENT_KIND_CONSENT_CHANGE ? &basis : nullptr);
  world_.Note(fmt::format("{} {} on {}: {}", push->sender->name(), StatementKind_Name(kind), id, absl::StatusCodeToString(done.status().code())));
  if (done.ok()) return oracle_.OnSaid(push->sender->name(), request_id);
  if (!IsDefinite(done.status())) again();  // It waits, or another act does.
}

void People::OnTaken(SimAgency& agency, const Delivery& delivery) {
  if (delivery.has_notice() || !seen_to_.insert({agency.name(), delivery.delivery_id()}).second) return;
  if (delivery.has_statement()) {
    const auto statement = referral::ParseStatement(delivery.statement());
    const auto* row = statement.ok() ? referral::FindStatement(statement->kind()) : nullptr;
    if (row == nullptr || row->by != referral::Party::kSender || delivery.answer_due_ms() == 0) return;
    Later(agency, world_.Between(absl::Minutes(5), absl::Hours(8)),
          [this, &agency, digest = statement->header_digest(), id = NewRequestId("answer")] { TryAnswerChange(agency, digest, id, 0); });
    return;
  }
  const bool immediate = delivery.lane() == LANE_IMMEDIATE;
  const absl::Duration most = agency.name() == slow_ ? absl::Hours(34) : immediate ? absl::Minutes(50) : absl::Hours(26);
  const absl::Duration delay = world_.Between(absl::Minutes(1), world_.OneIn(3) ? most : most / 6);
  Later(agency, delay, [this, &agency, digest = referral::DigestOf(delivery.referral().header()), id = NewRequestId("open")] {
    TryOpen(agency, digest, id);
  });
}

void People::TryOpen(SimAgency& agency, std::string digest, std::string request_id) {
  const auto read = agency.inbox().Read(request_id, digest, Practitioner(agency.name()));
  world_.Note(fmt::format("{} opens: {}", agency.name(), absl::StatusCodeToString(read.status().code())));
  if (read.ok()) return PlanAnswer(agency, digest);
  if (IsDefinite(read.status())) return;  // Recalled, or withdrawn before anybody opened it.
  Later(agency, world_.Between(absl::Minutes(1), absl::Minutes(30)), [this, &agency, digest, request_id] { TryOpen(agency, digest, request_id); });
}

void People::PlanAnswer(SimAgency& agency, const std::string& digest) {
  if (world_.OneIn(12)) return;  // Nobody answers: the response clock runs out.
  const uint64_t draw = world_.random.Below(10);
  const bool childrens = agency.kind() == AGENCY_KIND_CHILDRENS_SERVICES;
  const StatementKind kind = draw == 0 ? STATEMENT_KIND_RETURNED
                             : childrens ? STATEMENT_KIND_DECIDED
                             : draw < 3  ? STATEMENT_KIND_DECLINED
                                         : STATEMENT_KIND_ACCEPTED;
  const absl::Duration most = world_.OneIn(4) ? absl::Hours(14) : absl::Hours(2);
  Later(agency, world_.Between(absl::Minutes(1), most), [this, &agency, digest, kind, id = NewRequestId("say")] {
    TrySay(agency, digest, id, kind, [this, &agency, digest, kind] {
      const bool works = kind == STATEMENT_KIND_ACCEPTED || kind == STATEMENT_KIND_DECIDED;
      if (!works || world_.OneIn(3)) return;
      Later(agency, world_.Between(absl::Minutes(10), absl::Hours(6)), [this, &agency, digest, outcome = NewRequestId("say")] {
        TrySay(agency, digest, outcome, STATEMENT_KIND_OUTCOME, [this, &agency, digest] {
          if (world_.OneIn(2)) return;
          Later(agency, world_.Between(absl::Minutes(10), absl::Hours(3)), [this, &agency, digest, close = NewRequestId("say")] {
            TrySay(agency, digest, close, STATEMENT_KIND_CLOSED, [] {});
          });
        });
      });
    });
  });
}

void People::TrySay(SimAgency& agency, std::string digest, std::string request_id, StatementKind kind, std::function<void()> then) {
  const auto said = agency.inbox().Act(request_id, digest, Practitioner(agency.name()), kind, [&](Statement& statement) { Fill(kind, statement); });
  world_.Note(fmt::format("{} says {}: {}", agency.name(), StatementKind_Name(kind), absl::StatusCodeToString(said.status().code())));
  if (said.ok()) {
    oracle_.OnSaid(agency.name(), request_id);
    return then();
  }
  if (IsDefinite(said.status())) return;  // Its sender recalled or withdrew it.
  Later(agency, world_.Between(absl::Minutes(1), absl::Minutes(30)), [this, &agency, digest, request_id, kind, then = std::move(then)] {
    TrySay(agency, digest, request_id, kind, then);
  });
}

void People::TryAnswerChange(SimAgency& agency, std::string digest, std::string request_id, int tries) {
  const auto entry = agency.inbox().Get(digest);
  if (!entry.ok() || entry->stored.answer_due_ms() == 0) {
    // The change overtook the referral, or was answered by the service; or the store cannot be read now.
    if (tries < 3) {
      Later(agency, absl::Hours(2), [this, &agency, digest, request_id, tries] { TryAnswerChange(agency, digest, request_id, tries + 1); });
    }
    return;
  }
  agent::ChangeAnswered answer;
  const auto change = referral::ParseStatement(entry->stored.change());
  answer.answer = !change.ok() || change->kind() == STATEMENT_KIND_CONSENT_CHANGE ? CHANGE_ANSWER_STOPPED
                  : change->kind() == STATEMENT_KIND_CORRECTION                   ? CHANGE_ANSWER_CONFIRMED
                                                                                  : CHANGE_ANSWER_DESTROYED;
  const auto answered = agency.holds().AnswerChange(request_id, digest, Practitioner(agency.name()), answer);
  world_.Note(fmt::format("{} answers a change: {}", agency.name(), absl::StatusCodeToString(answered.status().code())));
  if (answered.ok() || (IsDefinite(answered.status()) && tries >= 5) || tries >= kActTriesMax) return;
  Later(agency, world_.Between(absl::Minutes(2), absl::Hours(1)),
        [this, &agency, digest, request_id, tries] { TryAnswerChange(agency, digest, request_id, tries + 1); });
}

}  // namespace accord::simulation
