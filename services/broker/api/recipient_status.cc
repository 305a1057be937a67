#include "services/broker/api/recipient_status.h"

#include <algorithm>

#include "services/broker/clocks/duty.h"

namespace accord::broker {

v1::RecipientStatus ToStatus(const storage::v1::StoredRecipient& stored, const StatusViewer& viewer, const DirectorySnapshot& directory,
                             const Policy& policy, absl::Time now) {
  v1::RecipientStatus status;
  status.set_agency(stored.agency());
  status.set_state(stored.state());
  status.set_since_ms(stored.since_ms());
  status.set_pick_up_due_ms(stored.pick_up_due_ms());
  status.set_response_due_ms(stored.response_due_ms());
  status.set_feedback_due_ms(stored.feedback_due_ms());
  status.set_check_answer(stored.check_answer());
  status.set_escalated(std::max(stored.pick_up_step(), stored.response_step()));
  if (viewer.sender) status.set_reseal_wanted_ms(stored.reseal_wanted_ms());
  if (!viewer.sender || !viewer.immediate) return status;
  status.set_duty(DutyOf(stored, directory, policy.compiled.Clocks(now), now));
  if (const AgencyRow* row = directory.FindActiveAgency(stored.agency()); row != nullptr) {
    status.set_duty_telephone(row->agency.duty_telephone());
  }
  return status;
}

}  // namespace accord::broker
