// A Marac forum at the agency that coordinates it. The steps of a case are statements on what was received (Inbox::Act), and its state is
// that referral's; what is kept beside them here is the meeting, the decisions and the actions.
//
// An action is told to its owner by a notification under the action's id, which is its request id; what its owner says of that comes back
// to the outbox, and is taken over as the action is looked at. What was taken over stays when the notification is erased; all of it goes
// with the case (Inbox::Erase).
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/forum/v1/forum_service.pb.h"
#include "accord/storage/v1/forum.pb.h"
#include "common/agent/agency_store.h"
#include "common/agent/inbox.h"
#include "common/agent/outbox.h"
#include "common/base/clock.h"

namespace accord::agency {

inline constexpr size_t kForumListMax = 500;         // Rows of one answer.
inline constexpr int kDecisionsMax = 16;             // Of one hearing.
inline constexpr size_t kForumCodeBytesMax = 64;
inline constexpr size_t kActionsPerCaseMax = 64;

// 1 to 64 of [A-Za-z0-9._-]. Thread-safe.
bool IsForumCode(std::string_view code);

// Listed for a meeting, and not heard there yet. Thread-safe.
bool IsListed(type::v1::ReferralState state);

// An action as it stands now.
struct ForumAction {
  std::string id;
  std::string header_digest;  // Of the case.
  storage::v1::StoredForumAction stored;
  forum::v1::ActionState state = forum::v1::ACTION_STATE_UNSPECIFIED;
  bool overdue = false;
};

// A case, with what is kept of it here.
struct ForumCase {
  agent::InboxEntry entry;
  storage::v1::StoredForumCase stored;
  std::vector<ForumAction> actions;  // By due time.
};

// Sole writer of the families `forum_case` and `forum_action`. Thread-safe. Acts block on the broker, as Inbox::Act.
class Forum {
 public:
  // `forum`: its id in the directory; `agency`: who coordinates it. The references must outlive this.
  Forum(agent::AgencyStore& store, agent::Inbox& inbox, agent::Outbox& outbox, const Clock& clock, std::string forum, std::string agency)
      : store_(store), inbox_(inbox), outbox_(outbox), clock_(clock), forum_(std::move(forum)), agency_(std::move(agency)) {}

  // A case by `referrals/…`. REFERRAL_NOT_FOUND; FIELD_INVALID of `referral`: it is for another forum, or for none.
  absl::StatusOr<ForumCase> Find(std::string_view referral);

  // Says LISTED, for the meeting that begins then. OK: recorded; also when that waits for the broker. Errors of Find and of Inbox::Act;
  // FIELD_MISSING without a meeting.
  absl::StatusOr<ForumCase> List(const forum::v1::ScheduleCaseRequest& request);
  // Says HEARD with what was decided, or DEFERRED to another meeting. The same; FIELD_MISSING with neither, FIELD_INVALID with both.
  absl::StatusOr<ForumCase> Hear(const forum::v1::RecordHearingRequest& request);

  // What of the cases waits for a person: to be put on an agenda, to be heard, research whose time is over, and actions that are overdue or that
  // nobody does. In no order; codes, agencies and London times alone.
  absl::StatusOr<std::vector<agency::v1::TodayItem>> Today();

  // The cases of a meeting, 0 of all, in the order of arrival; those listed without a meeting known here among them.
  absl::StatusOr<std::vector<ForumCase>> Agenda(int64_t meeting_at_ms);

  // TRANSITION_ILLEGAL unless `one` is listed, or its research was asked under `request_id` already.
  static absl::Status CheckResearch(const ForumCase& one, const std::string& request_id);
  // Says RESEARCH_REQUESTED under `act_id`, once the check under `request_id` is durable. As List.
  absl::Status NoteResearch(const ForumCase& one, const std::string& request_id, const std::string& act_id, const type::v1::Worker& worker);

  // What is wrong with an action, before anything is written.
  //   TRANSITION_ILLEGAL  the case was not heard
  //   FIELD_INVALID       owner, code or due time; QUOTA_EXCEEDED with kActionsPerCaseMax
  //   REQUEST_ID_REUSED   the id is that of another action
  absl::Status CheckAction(const ForumCase& one, const forum::v1::AddActionRequest& request);
  // Keeps it. OK: durable. Before its owner is told, so that nobody is told of what is not known here.
  absl::Status KeepAction(const ForumCase& one, const forum::v1::AddActionRequest& request);
  // REFERRAL_NOT_FOUND of an action that is not.
  absl::StatusOr<ForumAction> GetAction(std::string_view id);
  // Completes it by hand. Completed already: as it stands. FIELD_INVALID of a code.
  absl::StatusOr<ForumAction> Complete(const forum::v1::CompleteActionRequest& request);
  // By due time. `header_digest` empty: of all cases.
  absl::StatusOr<std::vector<ForumAction>> Actions(std::string_view header_digest);

  bool IsOwn(std::string_view owner) const { return owner == agency_; }

 private:
  // The cases of this forum of which `wanted` is true, in the order of arrival.
  absl::StatusOr<std::vector<ForumCase>> Cases(absl::FunctionRef<bool(const agent::InboxEntry&)> wanted);
  absl::StatusOr<ForumCase> CaseOf(agent::InboxEntry entry, const std::vector<ForumAction>& actions);
  absl::StatusOr<ForumCase> Act(const std::string& request_id, ForumCase one, const type::v1::Worker& worker, type::v1::StatementKind kind,
                                int64_t meeting_at_ms, const storage::v1::StoredForumCase& kept);
  absl::Status Save(std::string_view family, std::string_view key, const google::protobuf::MessageLite& row);
  // Of an action by its id; empty when there is none.
  absl::StatusOr<std::string> KeyOf(std::string_view id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The stored row as its owner's answer leaves it, which is kept. REFERRAL_NOT_FOUND when there is none.
  absl::StatusOr<ForumAction> Now(std::string_view key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  agent::AgencyStore& store_;
  agent::Inbox& inbox_;
  agent::Outbox& outbox_;
  const Clock& clock_;
  const std::string forum_, agency_;

  absl::Mutex mu_;  // Held over the reading and writing of a row; taken before the inbox's and the outbox's, never after.
};

}  // namespace accord::agency
