// Sealed sections that are too large for the message of their referral, and come ahead of it (docs/attachments.md).
//
// One waits for a referral of the request id that it names, under the key slot that this referral will have: so whatever destroys the
// referral's key destroys it too, in whatever file or backup its bytes may still be. When the referral is stored the bytes are moved to
// the referral's sections and the upload is gone; if none comes it goes after kUploadKept, by the clock of what falls due (sharing/due.h).
//
// The content of an upload is its name: who submits what names other bytes than were uploaded names nothing.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "accord/type/v1/referral.pb.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/due.h"

namespace accord::broker {

inline constexpr absl::Duration kUploadKept = absl::Hours(24);
inline constexpr uint64_t kUploadsWaitingMax = 128;                          // Of one agency, for referrals that have not come.
inline constexpr uint64_t kUploadBytesWaitingMax = uint64_t{256} << 20;      // Of these.
inline constexpr size_t kUploadedBytesOfReferralMax = size_t{48} << 20;      // Of one referral: eight files of 5 MB, sealed.
inline constexpr absl::Duration kUploadQuotaRetry = absl::Minutes(1);        // When an agency with too much that waits may try again.

// What SealedSection brings or names: exactly one of the two.
//   FIELD_MISSING  neither
//   FIELD_INVALID  both, or `uploaded` is not of 32 bytes
// Thread-safe.
absl::Status CheckOneForm(const type::v1::SealedSection& sealed);

// Reads the bytes of an upload of `agency` for `request_id`. UPLOAD_NOT_FOUND when there is none; DATA_LOSS. Thread-safe if `read` is.
absl::StatusOr<std::string> ReadUpload(SealedReader read, std::string_view agency, std::string_view request_id, std::string_view digest);
// The same for whoever has no reader of their own: of what is committed.
using UploadReader =
    std::function<absl::StatusOr<std::string>(std::string_view agency, std::string_view request_id, std::string_view digest)>;

// The key slot under which uploads wait for a referral that has not come; nothing when none wait. DATA_LOSS. Sequencer thread.
absl::StatusOr<std::optional<uint64_t>> SlotOfUploads(CommitContext& context, std::string_view agency, std::string_view request_id);
// As ReadUpload, and it waits no more: the caller stores the bytes in the same batch. Sequencer thread.
absl::StatusOr<std::string> TakeUpload(CommitContext& context, std::string_view agency, std::string_view request_id, std::string_view digest);
// The handler of DueKind::kUpload: nobody came for it. Makes no entry: nothing of it was ever a referral's.
absl::Status SweepUpload(CommitContext& context, const Due& due, NewDeliveries& queued);

// Keeps one, for kUploadKept. That it is there already, for the same request id, is OK and changes nothing.
//   REQUEST_ID_REUSED  it waits for another request id
//   ERASED             what the request id stood for was erased
//   QUOTA_EXCEEDED     too many of the agency's wait, or too many bytes; with retry_after_ms
class UploadCommand : public Command {
 public:
  using UploadedDone = absl::AnyInvocable<void(const absl::Status& status) &&>;
  // REQUIRES: `digest` is SHA-256 of `cms`. `linker` must outlive this.
  UploadCommand(Caller caller, std::string request_id, std::string digest, std::string cms, const CaseLinker& linker, UploadedDone done)
      : caller_(std::move(caller)), request_id_(std::move(request_id)), digest_(std::move(digest)), cms_(std::move(cms)), linker_(linker),
        done_(std::move(done)) {}
  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override { std::move(done_)(outcome.status()); }
  bool MayBeRefusedForSpace() const override { return true; }

 private:
  // The slot of its referral: stored before, of uploads that wait for it, or a new one.
  absl::StatusOr<uint64_t> Slot(CommitContext& context) const;

  const Caller caller_;
  const std::string request_id_, digest_;
  std::string cms_;
  const CaseLinker& linker_;
  UploadedDone done_;
};

}  // namespace accord::broker
