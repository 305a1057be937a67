#include "services/agency/forum.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/storage/batch.h"

namespace accord::agency {
namespace {

using namespace type::v1;  // NOLINT: states and kinds.
using storage::v1::StoredForumAction;
using storage::v1::StoredForumCase;

constexpr size_t kHeaderDigestBytes = 32;
constexpr int kPage = 500;  // Of the inbox, as it is walked.

absl::Status Field(Reason reason, const char* field, std::string_view why) { return Error(reason, fmt::format("{} {}", field, why), {{"field", field}}); }

absl::Status Illegal(const agent::InboxEntry& entry, std::string_view why) {
  return Error(Reason::kTransitionIllegal, why, {{"state", ReferralState_Name(entry.stored.state())}});
}

bool IsHeard(ReferralState state) {
  return state == REFERRAL_STATE_HEARD || state == REFERRAL_STATE_ACTION_RECORDED || state == REFERRAL_STATE_OUTCOME_RECORDED;
}

// Signed and durable here: it is sent by itself.
bool IsOnItsWay(const absl::Status& status) { return HasReason(status, Reason::kBrokerUnreachable); }

// Of a key of the family `forum_action`: empty of what is none.
std::string_view IdIn(std::string_view key) { return key.substr(std::min(key.size(), kHeaderDigestBytes)); }

void Sort(std::vector<ForumAction>& actions) {
  std::sort(actions.begin(), actions.end(), [](const ForumAction& one, const ForumAction& other) {
    return std::pair(one.stored.due_at_ms(), one.id) < std::pair(other.stored.due_at_ms(), other.id);
  });
}

// What the owner's statements on the notification make of the action. True when that is something new.
bool TakeAnswers(const storage::v1::StoredSubmission& told, StoredForumAction& action) {
  const StoredForumAction before = action;
  action.set_told(action.told() || told.has_receipt());
  for (const auto& statement : told.statements()) {
    if (statement.agency() != action.owner()) continue;
    switch (statement.kind()) {
      case STATEMENT_KIND_ACTION:
      case STATEMENT_KIND_OUTCOME:
        action.set_completed_at_ms(statement.acted_at_ms());
        action.set_completed_code(statement.outcome_code());
        action.set_refused(false);
        return true;
      case STATEMENT_KIND_DECLINED:
      case STATEMENT_KIND_RETURNED:
      case STATEMENT_KIND_REDIRECTED: action.set_refused(true); break;
      case STATEMENT_KIND_ACCEPTED: action.set_refused(false); break;
      default: break;
    }
  }
  return before.told() != action.told() || before.refused() != action.refused();
}

}  // namespace

bool IsListed(ReferralState state) {
  return state == REFERRAL_STATE_LISTED || state == REFERRAL_STATE_RESEARCH_REQUESTED || state == REFERRAL_STATE_DEFERRED;
}

bool IsForumCode(std::string_view code) {
  return !code.empty() && code.size() <= kForumCodeBytesMax && std::all_of(code.begin(), code.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  });
}

absl::Status Forum::Save(std::string_view family, std::string_view key, const google::protobuf::MessageLite& row) {
  accord::storage::Batch batch;
  store_.Put(batch, family, key, row);
  return store_.Commit(batch);
}

absl::StatusOr<ForumCase> Forum::CaseOf(agent::InboxEntry entry, const std::vector<ForumAction>& actions) {
  ForumCase one;
  one.entry = std::move(entry);
  ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<StoredForumCase>(agent::kFamilyForumCase, one.entry.header_digest));
  if (stored.has_value()) one.stored = *std::move(stored);
  for (const ForumAction& action : actions) {
    if (action.header_digest == one.entry.header_digest) one.actions.push_back(action);
  }
  return one;
}

absl::StatusOr<ForumCase> Forum::Find(std::string_view referral) {
  ACCORD_ASSIGN_OR_RETURN(const std::string digest, referral::ParseReferralName(referral));
  ACCORD_ASSIGN_OR_RETURN(agent::InboxEntry entry, inbox_.Get(digest));
  if (entry.header.core.part.forum() != forum_) return Field(Reason::kFieldInvalid, "referral", "is not for this forum");
  ACCORD_ASSIGN_OR_RETURN(const auto actions, Actions(digest));
  return CaseOf(std::move(entry), actions);
}

absl::StatusOr<ForumCase> Forum::Act(const std::string& request_id, ForumCase one, const Worker& worker, StatementKind kind, int64_t meeting_at_ms,
                                     const StoredForumCase& kept) {
  const auto fill = [&](Statement& statement) {
    if (meeting_at_ms != 0) statement.set_meeting_at_ms(meeting_at_ms);
  };
  auto acted = inbox_.Act(request_id, one.entry.header_digest, worker, kind, fill);
  if (!acted.ok() && !IsOnItsWay(acted.status())) return acted.status();
  // After the statement: what was not said is not kept. A crash between leaves a case without its meeting, which is on every agenda; the
  // same call again keeps it.
  absl::MutexLock lock(&mu_);
  ACCORD_RETURN_IF_ERROR(Save(agent::kFamilyForumCase, one.entry.header_digest, kept));
  one.stored = kept;
  if (acted.ok()) one.entry = *std::move(acted);
  return one;
}

absl::StatusOr<ForumCase> Forum::List(const forum::v1::ScheduleCaseRequest& request) {
  if (request.meeting_at_ms() <= 0) return Field(Reason::kFieldMissing, "meeting_at_ms", "is missing");
  ACCORD_ASSIGN_OR_RETURN(ForumCase one, Find(request.referral()));
  StoredForumCase kept = one.stored;
  kept.set_meeting_at_ms(request.meeting_at_ms());
  return Act(request.request_id(), std::move(one), request.worker(), STATEMENT_KIND_LISTED, request.meeting_at_ms(), kept);
}

absl::StatusOr<ForumCase> Forum::Hear(const forum::v1::RecordHearingRequest& request) {
  const bool deferred = request.deferred_to_ms() != 0;
  if (request.deferred_to_ms() < 0) return Field(Reason::kFieldInvalid, "deferred_to_ms", "is before 1970");
  if (!deferred && request.decisions().empty()) return Field(Reason::kFieldMissing, "decisions", "are missing, and it was not deferred");
  if (deferred && !request.decisions().empty()) return Field(Reason::kFieldInvalid, "decisions", "stand beside a meeting that it was deferred to");
  if (request.decisions_size() > kDecisionsMax || !std::all_of(request.decisions().begin(), request.decisions().end(), IsForumCode)) {
    return Field(Reason::kFieldInvalid, "decisions", "are not 1 to 16 codes, each 1 to 64 of [A-Za-z0-9._-]");
  }
  ACCORD_ASSIGN_OR_RETURN(ForumCase one, Find(request.referral()));
  StoredForumCase kept = one.stored;
  if (deferred) {
    kept.set_meeting_at_ms(request.deferred_to_ms());
  } else {
    *kept.mutable_decisions() = request.decisions();
  }
  return Act(request.request_id(), std::move(one), request.worker(), deferred ? STATEMENT_KIND_DEFERRED : STATEMENT_KIND_HEARD, request.deferred_to_ms(), kept);
}

absl::StatusOr<std::vector<ForumCase>> Forum::Cases(absl::FunctionRef<bool(const agent::InboxEntry&)> wanted) {
  ACCORD_ASSIGN_OR_RETURN(const auto actions, Actions(""));
  std::vector<ForumCase> cases;
  for (uint64_t before = 0;;) {
    ACCORD_ASSIGN_OR_RETURN(auto page, inbox_.List(before, kPage));
    for (agent::InboxEntry& entry : page) {
      before = entry.stored.sequence();
      if (entry.header.core.part.forum() != forum_ || !wanted(entry)) continue;
      ACCORD_ASSIGN_OR_RETURN(ForumCase one, CaseOf(std::move(entry), actions));
      cases.push_back(std::move(one));
    }
    if (page.size() < static_cast<size_t>(kPage)) break;
  }
  std::reverse(cases.begin(), cases.end());
  return cases;
}

absl::StatusOr<std::vector<ForumCase>> Forum::Agenda(int64_t meeting_at_ms) {
  ACCORD_ASSIGN_OR_RETURN(auto cases, Cases([](const agent::InboxEntry& entry) { return IsListed(entry.stored.state()) || IsHeard(entry.stored.state()); }));
  std::erase_if(cases, [&](const ForumCase& one) {
    const int64_t meeting = one.stored.meeting_at_ms();
    return meeting_at_ms != 0 && meeting != meeting_at_ms && !(meeting == 0 && IsListed(one.entry.stored.state()));
  });
  return cases;
}

absl::Status Forum::CheckResearch(const ForumCase& one, const std::string& request_id) {
  const ReferralState state = one.entry.stored.state();
  if (state == REFERRAL_STATE_LISTED || (!one.stored.research().empty() && one.stored.research() == request_id)) return absl::OkStatus();
  return Illegal(one.entry, "research is asked for a case that is listed, once");
}

absl::Status Forum::NoteResearch(const ForumCase& one, const std::string& request_id, const std::string& act_id, const Worker& worker) {
  StoredForumCase kept = one.stored;
  kept.set_research(request_id);
  {  // First, so that who asks again after a crash is known to ask the same.
    absl::MutexLock lock(&mu_);
    ACCORD_RETURN_IF_ERROR(Save(agent::kFamilyForumCase, one.entry.header_digest, kept));
  }
  if (one.entry.stored.state() != REFERRAL_STATE_LISTED) return absl::OkStatus();  // Said already.
  return Act(act_id, one, worker, STATEMENT_KIND_RESEARCH_REQUESTED, 0, kept).status();
}

absl::Status Forum::CheckAction(const ForumCase& one, const forum::v1::AddActionRequest& request) {
  if (!IsHeard(one.entry.stored.state())) return Illegal(one.entry, "actions are given once the case was heard");
  if (!IsAgencyId(request.owner())) return Field(Reason::kFieldInvalid, "owner", "is no agency id");
  if (!IsForumCode(request.code())) return Field(Reason::kFieldInvalid, "code", "is not 1 to 64 of [A-Za-z0-9._-]");
  if (!IsRequestId(request.options().request_id())) return Field(Reason::kFieldInvalid, "options.request_id", "is no request id");
  absl::MutexLock lock(&mu_);
  ACCORD_ASSIGN_OR_RETURN(const std::string key, KeyOf(request.options().request_id()));
  if (key.empty()) {
    if (absl::FromUnixMillis(request.due_at_ms()) <= clock_.Now()) return Field(Reason::kFieldInvalid, "due_at_ms", "is over");
    if (one.actions.size() < kActionsPerCaseMax) return absl::OkStatus();
    return Error(Reason::kQuotaExceeded, "a case has at most 64 actions");
  }
  ACCORD_ASSIGN_OR_RETURN(const auto stored, store_.Get<StoredForumAction>(agent::kFamilyForumAction, key));
  const bool same = key.starts_with(one.entry.header_digest) && stored.has_value() && stored->owner() == request.owner() && stored->code() == request.code() &&
                    stored->words() == request.words() && stored->due_at_ms() == request.due_at_ms();
  if (same) return absl::OkStatus();
  return Error(Reason::kRequestIdReused, "this request id was used for another action; give each its own");
}

absl::Status Forum::KeepAction(const ForumCase& one, const forum::v1::AddActionRequest& request) {
  absl::MutexLock lock(&mu_);
  ACCORD_ASSIGN_OR_RETURN(const std::string kept, KeyOf(request.options().request_id()));
  if (!kept.empty()) return absl::OkStatus();  // CheckAction found it to be the same.
  StoredForumAction action;
  action.set_owner(request.owner());
  action.set_code(request.code());
  action.set_words(request.words());
  action.set_due_at_ms(request.due_at_ms());
  action.set_added_at_ms(absl::ToUnixMillis(clock_.Now()));
  *action.mutable_added_by() = request.options().worker();
  return Save(agent::kFamilyForumAction, one.entry.header_digest + request.options().request_id(), action);
}

absl::StatusOr<std::string> Forum::KeyOf(std::string_view id) const {
  std::string found;
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(agent::kFamilyForumAction, {}, [&](std::string_view key, std::string_view) {
    if (IdIn(key) == id) found = std::string(key);
    return found.empty();
  }));
  return found;
}

absl::StatusOr<ForumAction> Forum::Now(std::string_view key) {
  ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<StoredForumAction>(agent::kFamilyForumAction, key));
  if (!stored.has_value()) return Error(Reason::kReferralNotFound, "there is no such action");
  ForumAction action;
  action.id = std::string(IdIn(key));
  action.header_digest = std::string(key.substr(0, key.size() - action.id.size()));
  if (!IsOwn(stored->owner()) && stored->completed_at_ms() == 0) {
    const auto told = outbox_.Get(action.id);
    if (told.ok() && TakeAnswers(*told, *stored)) ACCORD_RETURN_IF_ERROR(Save(agent::kFamilyForumAction, key, *stored));
  }
  action.state = stored->completed_at_ms() != 0               ? forum::v1::ACTION_STATE_COMPLETED
                 : stored->refused()                          ? forum::v1::ACTION_STATE_REFUSED
                 : IsOwn(stored->owner()) || stored->told()   ? forum::v1::ACTION_STATE_OPEN
                                                              : forum::v1::ACTION_STATE_NOT_TOLD;
  action.overdue = stored->completed_at_ms() == 0 && absl::FromUnixMillis(stored->due_at_ms()) <= clock_.Now();
  action.stored = *std::move(stored);
  return action;
}

absl::StatusOr<ForumAction> Forum::GetAction(std::string_view id) {
  absl::MutexLock lock(&mu_);
  ACCORD_ASSIGN_OR_RETURN(const std::string key, KeyOf(id));
  return Now(key);
}

absl::StatusOr<ForumAction> Forum::Complete(const forum::v1::CompleteActionRequest& request) {
  if (!IsForumCode(request.code())) return Field(Reason::kFieldInvalid, "code", "is not 1 to 64 of [A-Za-z0-9._-]");
  absl::MutexLock lock(&mu_);
  ACCORD_ASSIGN_OR_RETURN(const std::string key, KeyOf(request.action()));
  ACCORD_ASSIGN_OR_RETURN(ForumAction action, Now(key));
  if (action.state == forum::v1::ACTION_STATE_COMPLETED) return action;
  action.stored.set_completed_at_ms(absl::ToUnixMillis(clock_.Now()));
  action.stored.set_completed_code(request.code());
  *action.stored.mutable_completed_by() = request.worker();
  ACCORD_RETURN_IF_ERROR(Save(agent::kFamilyForumAction, key, action.stored));
  return Now(key);
}

absl::StatusOr<std::vector<ForumAction>> Forum::Actions(std::string_view header_digest) {
  absl::MutexLock lock(&mu_);
  std::vector<std::string> keys;
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(agent::kFamilyForumAction, accord::storage::Prefix(header_digest), [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  }));
  std::vector<ForumAction> actions;
  for (const std::string& key : keys) {
    ACCORD_ASSIGN_OR_RETURN(ForumAction action, Now(key));
    actions.push_back(std::move(action));
  }
  Sort(actions);
  return actions;
}

}  // namespace accord::agency
