// How the recipients of a submission stand, as a row of the outbox keeps it, and whether that is something for people to see to. All
// are pure. Thread-safe.
#pragma once

#include <absl/time/time.h>
#include <google/protobuf/repeated_ptr_field.h>

#include <map>
#include <string>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/broker/v1/referral_service.pb.h"
#include "accord/storage/v1/agent.pb.h"

namespace accord::agent {

inline constexpr absl::Duration kDeclinedShown = absl::Hours(7 * 24);       // To people, as something to see to.
inline constexpr absl::Duration kRecipientsAskedEvery = absl::Seconds(10);  // Each asking is an entry of the log.

// As the broker says it.
void SetRecipients(storage::v1::StoredSubmission& submission,
                   const google::protobuf::RepeatedPtrField<broker::v1::RecipientStatus>& recipients);
// A recipient's statement moves its state and ends its clocks. `by_person`: it is known that no software said it, for which alone
// nobody was on duty. No effect for a recipient that is not kept.
void NoteStatement(storage::v1::StoredSubmission& submission, const agency::v1::ReceivedStatement& statement, bool by_person);
// We recalled, withdrew or replaced it: no recipient is late any more.
void EndClocks(storage::v1::StoredSubmission& submission);

// The newest statement of each agency on a submission that moved its state.
std::map<std::string, agency::v1::ReceivedStatement> NewestStatements(const storage::v1::StoredSubmission& submission);
// Until when a statement is something for people here to see to: RETURNED and REDIRECTED while they stand, DECLINED for
// kDeclinedShown, DECIDED to the end of the day after. InfinitePast: it is not.
absl::Time ConcernsUntil(const agency::v1::ReceivedStatement& statement);
// Until when a submission is something for people here to see to: it waits for a decision, was returned, redirected, declined or
// decided, or its recipients are to open or answer it. InfiniteFuture while it stands; InfinitePast: it is not.
absl::Time ConcernsUntil(const storage::v1::StoredSubmission& submission);

// The sender is asked to seal `submission` again for `agency`; no more.
void WantReseal(storage::v1::StoredSubmission& submission, const std::string& agency);
void EndReseal(storage::v1::StoredSubmission& submission, const std::string& agency);
// Takes up that it is sealed for the recipient of `reseal` too: the sections that were sent with it are the submission's own from now on.
void NoteResealed(storage::v1::StoredSubmission& submission, const type::v1::Reseal& reseal);

}  // namespace accord::agent
