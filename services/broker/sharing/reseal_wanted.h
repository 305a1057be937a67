// Asking the sender of a referral to seal it again for a recipient that cannot open what was sealed, and chasing it (docs/reseal.md).
//
// Such a recipient has a key that nothing was sealed for, because it replaced its own since or because another recipient named it. The
// sender is asked at once and then every working day, kResealRemindersMax times; the row of the recipient says since when. It ends when the
// sender has sealed again, when nothing is expected of the recipient any more, and when the same is referred to it anew.
//
// All functions are of the sequencer thread.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <string_view>

#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sharing/due.h"

namespace accord::broker {

// Times that a sender is asked, four weeks of working days. Then it only stands there: what is never sealed again must grow old for retention
// all the same.
inline constexpr uint32_t kResealRemindersMax = 20;

// Asks the sender to seal again for `recipient`, a row of `stored`, which the caller saves: RESEAL_WANTED entry and notice, and the first
// reminder's row. Nothing happens if it is asked already. Errors of `context`.
absl::Status AskForReseal(CommitContext& context, std::string_view header_digest, const type::v1::HeaderCore& core,
                          storage::v1::StoredReferral& stored, storage::v1::StoredRecipient& recipient, NewDeliveries& queued);

// Asks no more; the caller saves the row. No effect when nothing was asked. Errors of `context`.
absl::Status EndReseal(CommitContext& context, std::string_view header_digest, storage::v1::StoredRecipient& recipient);

// A referral that is `caused_by` another was stored for `agency`: whatever was asked for it of the other is asked no more, and it is taken out
// of the other's recipients if it was only named. No effect when there is no such thing. Errors of `context`.
absl::Status EndResealByNew(CommitContext& context, const type::v1::HeaderCore& core, std::string_view agency);

// The handler of DueKind::kReseal: RESEAL_WANTED entry and notice, and the row of the next working day; a delivery that waits is tried once more.
absl::Status ChaseReseal(CommitContext& context, const Due& due, NewDeliveries& queued);

}  // namespace accord::broker
