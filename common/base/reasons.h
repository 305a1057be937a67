// The catalogue of error reasons: the one list from which ErrorInfo.reason, the
// canonical code and docs/errors.md come.
//
// It is better whole: one list is what keeps code, text and documentation from drifting apart.
//
// A reason, once released, keeps its name and its code for ever. Order here is
// the order of docs/errors.md (tests/lint/errors_doc compares them).
#pragma once

#include <absl/status/status.h>

#include <span>
#include <string_view>

// X(enumerator, "REASON", code, "what it means", "what the caller should do")
#define ACCORD_REASONS(X)                                                                          \
  X(Internal, "INTERNAL", kInternal, "A fault of the server's own.",                               \
    "Tell the operator; the server's log has the cause.")                                          \
  X(FieldMissing, "FIELD_MISSING", kInvalidArgument, "A required field is absent.",                \
    "Fill the field named in metadata `field`.")                                                   \
  X(FieldInvalid, "FIELD_INVALID", kInvalidArgument,                                               \
    "A field has a value outside its format, list or limit.",                                      \
    "Correct the field named in metadata `field`.")                                                \
  X(EnumUnknown, "ENUM_UNKNOWN", kInvalidArgument, "A coded value is unspecified or not known.",   \
    "Use a value of the published list for metadata `field`.")                                     \
  X(TextNotUtf8, "TEXT_NOT_UTF8", kInvalidArgument, "Text is not valid UTF-8.",                    \
    "Convert the text named in metadata `field` to UTF-8.")                                        \
  X(MessageTooLarge, "MESSAGE_TOO_LARGE", kInvalidArgument,                                        \
    "A message or part is over its limit.", "Send less than metadata `limit_bytes`.")              \
  X(HeaderMalformed, "HEADER_MALFORMED", kInvalidArgument,                                         \
    "The signed header does not follow docs/formats.md.", "Rebuild the header; see the message.")  \
  X(OpeningMismatch, "OPENING_MISMATCH", kInvalidArgument,                                         \
    "An opening does not match any commitment of the signed header: a part was altered.",          \
    "Send the parts exactly as they were committed to.")                                           \
  X(SectionDigestMismatch, "SECTION_DIGEST_MISMATCH", kInvalidArgument,                            \
    "A sealed section is not the one the header commits to.", "Send the sealed bytes unaltered.")  \
  X(SectionMalformed, "SECTION_MALFORMED", kInvalidArgument,                                       \
    "A sealed section is not CMS AuthEnvelopedData as docs/formats.md says.",                      \
    "Seal with AES-256-GCM and P-256 key agreement recipients.")                                   \
  X(SignatureInvalid, "SIGNATURE_INVALID", kInvalidArgument,                                       \
    "The signature does not verify over the received bytes.", "Sign the bytes that are sent.")     \
  X(StatementMalformed, "STATEMENT_MALFORMED", kInvalidArgument,                                   \
    "A signed statement does not follow docs/formats.md.", "Rebuild the statement.")               \
  X(AgreementMalformed, "AGREEMENT_MALFORMED", kInvalidArgument,                                   \
    "A data-sharing agreement does not parse or contradicts itself.",                              \
    "Correct the line named in the message.")                                                      \
  X(ScheduleMalformed, "SCHEDULE_MALFORMED", kInvalidArgument,                                     \
    "An emergency schedule does not parse or contradicts itself.",                                 \
    "Correct the line named in the message.")                                                      \
  X(LegalRegisterMalformed, "LEGAL_REGISTER_MALFORMED", kInvalidArgument,                          \
    "A legal register does not parse or contradicts itself.",                                      \
    "Correct the line named in the message.")                                                      \
  X(CosignatureInvalid, "COSIGNATURE_INVALID", kInvalidArgument,                                   \
    "The note has no cosignature of this witness that verifies.",                                  \
    "Cosign the text of a published checkpoint with the key that the witness policy names.")       \
  X(PageTokenInvalid, "PAGE_TOKEN_INVALID", kInvalidArgument,                                      \
    "The page token was not made by this server for this query.", "Start from the first page.")    \
  X(Unauthenticated, "UNAUTHENTICATED", kUnauthenticated,                                          \
    "The connection has no usable client certificate.",                                            \
    "Connect with mTLS and a certificate naming one SPIFFE id.")                                   \
  X(PrincipalUnknown, "PRINCIPAL_UNKNOWN", kPermissionDenied,                                      \
    "The certificate names nobody who is enrolled and active.", "Ask an administrator to enrol.")  \
  X(CertificateDenied, "CERTIFICATE_DENIED", kPermissionDenied,                                    \
    "The certificate or its key is on the deny set, or older than the principal's valid-from.",    \
    "Obtain a new certificate with a new key.")                                                    \
  X(RoleNotAllowed, "ROLE_NOT_ALLOWED", kPermissionDenied,                                         \
    "This kind of principal, or this role, may not do this.",                                      \
    "Use the right certificate or --role.")                                                        \
  X(NotPermitted, "NOT_PERMITTED", kPermissionDenied,                                              \
    "Not allowed, or absent and not allowed to know.", "Stop.")                                    \
  X(SenderMismatch, "SENDER_MISMATCH", kPermissionDenied,                                          \
    "The signed sender is not the agency of the connection.", "Send under your own agency.")       \
  X(SigningKeyUnknown, "SIGNING_KEY_UNKNOWN", kPermissionDenied,                                   \
    "The signature's key is not a registered signing key of the agency.",                          \
    "Sign with a registered key, or have the key registered.")                                     \
  X(SelfApproval, "SELF_APPROVAL", kPermissionDenied,                                              \
    "Who proposed a change or warrant may not approve or activate it, nor who suspended a warrant "  \
    "resume it.", "Ask another officer.")                                                          \
  X(SelfReview, "SELF_REVIEW", kPermissionDenied,                                                  \
    "The worker who shared it may not review it.", "Ask another worker of the agency.")            \
  X(WitnessUnknown, "WITNESS_UNKNOWN", kPermissionDenied,                                          \
    "The broker's witness policy names no key of this agency.",                                    \
    "Ask the broker's operator to add the agency's witness key.")                                  \
  X(ReferralNotFound, "REFERRAL_NOT_FOUND", kNotFound, "No such referral.", "Check the id.")       \
  X(DeliveryNotFound, "DELIVERY_NOT_FOUND", kNotFound, "No such delivery.", "Check the id.")       \
  X(EntryNotFound, "ENTRY_NOT_FOUND", kNotFound, "No such entry or receipt.", "Check the id.")     \
  X(CheckpointNotFound, "CHECKPOINT_NOT_FOUND", kNotFound,                                         \
    "No published checkpoint of this size, or none yet that covers the entry and meets the quorum.", \
    "List the published checkpoints; a cosigned one takes some seconds.")                          \
  X(RiskLowered, "RISK_LOWERED", kInvalidArgument,                                                 \
    "A grade is lower than the score of the same assessment gives, or than before without why.",   \
    "Assess anew; give the reason of the change and the supervisor who agreed.")                   \
  X(LinkNotFound, "LINK_NOT_FOUND", kNotFound,                                                     \
    "No such pair of cases, or this agency does not hold both.", "List the proposals.")            \
  X(HoldNotFound, "HOLD_NOT_FOUND", kNotFound, "No such legal hold.", "Check the id.")             \
  X(PolicyDocumentNotFound, "POLICY_DOCUMENT_NOT_FOUND", kNotFound,                                \
    "No such version of an agreement, emergency schedule or legal register.",                      \
    "List the documents; every approved version is kept.")                                         \
  X(ChangeNotFound, "CHANGE_NOT_FOUND", kNotFound, "No such proposed change.", "Check the id.")    \
  X(RequestIdReused, "REQUEST_ID_REUSED", kAlreadyExists,                                          \
    "The request id was used with other content; metadata has the first digest.",                  \
    "Use a new request id for new content.")                                                       \
  X(TransitionIllegal, "TRANSITION_ILLEGAL", kFailedPrecondition,                                  \
    "It is not in a state that allows this.", "Read its state; metadata has it.")                  \
  X(OnHold, "ON_HOLD", kFailedPrecondition, "A legal hold covers what would be erased.",           \
    "Wait until the hold named in metadata `hold` is lifted.")                                     \
  X(Erased, "ERASED", kFailedPrecondition, "What is asked about was erased; its entries remain.",  \
    "Nothing brings it back. A new referral needs a new request id.")                              \
  X(ConsentBasisMissing, "CONSENT_BASIS_MISSING", kFailedPrecondition,                             \
    "Consent is not given and no gateway with rationale and approver is recorded.",                \
    "Record the gateway, the rationale section and the approver.")                                 \
  X(NothingPermitted, "NOTHING_PERMITTED", kFailedPrecondition,                                    \
    "No section may go to any recipient; nothing was stored.",                                     \
    "Preview shows each decision and what would change it.")                                       \
  X(GapNotCompleted, "GAP_NOT_COMPLETED", kFailedPrecondition,                                     \
    "With these tags something is still shared under the emergency schedule alone, or not permitted.", \
    "Complete consent or basis of the section named in metadata, or record another finding.")      \
  X(DecisionChanged, "DECISION_CHANGED", kFailedPrecondition,                                      \
    "The decision would now differ from the previewed one.", "Preview again.")                     \
  X(SealedTooWidely, "SEALED_TOO_WIDELY", kFailedPrecondition,                                     \
    "A section is sealed for somebody the decision does not permit.",                              \
    "Preview again and seal only for whom it permits.")                                            \
  X(SealingKeyUnknown, "SEALING_KEY_UNKNOWN", kFailedPrecondition,                                 \
    "A section is sealed to a key that no registered agency holds.",                               \
    "Fetch the directory and seal again.")                                                         \
  X(SealingKeyUntrusted, "SEALING_KEY_UNTRUSTED", kFailedPrecondition,                             \
    "The broker's directory names a sealing certificate that does not chain to the area authority.", \
    "Sending stops. Call the area authority; runbooks/directory.md.")                              \
  X(WorkerLeft, "WORKER_LEFT", kPermissionDenied, "The worker has left the agency.",               \
    "Act as somebody who works here; `accordctl workers list` names them.")                        \
  X(WorkerNotKnown, "WORKER_NOT_KNOWN", kPermissionDenied,                                         \
    "The worker is not in the agency's register, or not in this role.",                            \
    "Enrol the worker (`accordctl workers put`), or act in an enrolled role.")                     \
  X(WorkerBarred, "WORKER_BARRED", kPermissionDenied,                                              \
    "A conflict of interest bars the worker from this.", "Somebody else must act.")                \
  X(AttachmentTooLarge, "ATTACHMENT_TOO_LARGE", kInvalidArgument, "A file is over its limit.",     \
    "Send a file of at most metadata `limit_bytes`.")                                              \
  X(AttachmentTypeRefused, "ATTACHMENT_TYPE_REFUSED", kInvalidArgument,                            \
    "The bytes of a file are of no type that is taken, or of another than was said.",              \
    "Send it as one of the types in docs/attachments.md.")                                         \
  X(AttachmentNotFound, "ATTACHMENT_NOT_FOUND", kNotFound,                                         \
    "No such file waits here, or is in that referral.", "Upload the file first, or again.")        \
  X(UploadNotFound, "UPLOAD_NOT_FOUND", kFailedPrecondition,                                       \
    "A section was not uploaded ahead of its referral, or too long ago.", "Upload it, then submit again.")\
  X(PassphraseWrong, "PASSPHRASE_WRONG", kPermissionDenied,                                        \
    "The passphrase does not open the agency's keys.", "Enter it again.")                          \
  X(Locked, "LOCKED", kFailedPrecondition, "The agency is locked: its keys are under a passphrase.",\
    "Unlock it: `accordctl tenant unlock`.")                                                       \
  X(PolicyExpired, "POLICY_EXPIRED", kFailedPrecondition, "No live agreement.",                    \
    "An administrator must approve an agreement.")                                                 \
  X(LogForked, "LOG_FORKED", kDataLoss,                                                            \
    "The broker's log is not consistent with a checkpoint that is held.",                          \
    "Sending stops. Keep both checkpoints; runbooks/fork.md.")                                     \
  X(ReceiptInvalid, "RECEIPT_INVALID", kDataLoss, "A receipt does not verify.",                    \
    "Sending stops. Keep the receipt; runbooks/fork.md.")                                          \
  X(StoreCorrupt, "STORE_CORRUPT", kDataLoss, "Stored bytes fail a check.",                        \
    "Page a person; runbooks/ledger.md.")                                                          \
  X(EpochMoved, "EPOCH_MOVED", kAborted, "Policy, directory or lists moved meanwhile.",            \
    "Read again and redo.")                                                                        \
  X(StoreUnavailable, "STORE_UNAVAILABLE", kUnavailable,                                           \
    "The store refuses writes or the outcome of a write is unknown.",                              \
    "Resend the same request id with backoff.")                                                    \
  X(ShuttingDown, "SHUTTING_DOWN", kUnavailable, "The server is stopping.",                        \
    "Resend the same request id with backoff.")                                                    \
  X(BrokerUnreachable, "BROKER_UNREACHABLE", kUnavailable, "The broker did not answer.",           \
    "It is retried by itself.")                                                                    \
  X(QueueFull, "QUEUE_FULL", kResourceExhausted, "Too much is in flight.",                         \
    "Wait metadata `retry_after_ms`, then resend the same request id.")                            \
  X(PreviewQuota, "PREVIEW_QUOTA", kResourceExhausted,                                             \
    "This worker has previewed too often.", "Wait metadata `retry_after_ms`, then preview again.") \
  X(QuotaExceeded, "QUOTA_EXCEEDED", kResourceExhausted,                                           \
    "This agency has asked more often than its quota allows.",                                     \
    "Wait metadata `retry_after_ms`, then resend the same request id.")                            \
  X(AttemptsExhausted, "ATTEMPTS_EXHAUSTED", kFailedPrecondition,                                  \
    "A delivery was attempted too often without being acknowledged.",                              \
    "See why its recipient cannot take it, then requeue the dead letter.")                         \
  X(DiskFloor, "DISK_FLOOR", kResourceExhausted,                                                   \
    "Free space is below the floor; only IMMEDIATE, acks, erasures and audit are taken.",          \
    "Wait; the operator is alerted.")                                                              \
  X(Maintenance, "MAINTENANCE", kUnavailable,                                                      \
    "The broker is under maintenance: only what is IMMEDIATE is taken as new.",                    \
    "It is retried by itself; metadata `until` says when it is expected to end.")                  \
  X(PrincipalNotFound, "PRINCIPAL_NOT_FOUND", kNotFound, "Nobody of that name is enrolled.",       \
    "See `accordctl admin agencies` and `accordctl admin officers`.")                              \
  X(LastAdministrator, "LAST_ADMINISTRATOR", kFailedPrecondition,                                  \
    "Nobody would be left who could undo it.", "Enrol another administrator first.")               \
  X(ChangeExpired, "CHANGE_EXPIRED", kFailedPrecondition, "Nobody approved the change in time.",   \
    "Propose it again.")                                                                           \
  X(LeavingIncomplete, "LEAVING_INCOMPLETE", kFailedPrecondition,                                  \
    "The agency still has something open.", "See `accordctl admin leaving AGENCY`.")               \
  X(WarrantNotFound, "WARRANT_NOT_FOUND", kNotFound,                                               \
    "There is no such warrant, or it is not the caller's.", "See `accordctl warrant list`.")       \
  X(WarrantNotActive, "WARRANT_NOT_ACTIVE", kFailedPrecondition,                                   \
    "The warrant is not in force: not activated, not begun, suspended or over.",                   \
    "Metadata `state` says which, `reason` why it is suspended and `at` when.")                    \
  X(WarrantScope, "WARRANT_SCOPE", kPermissionDenied, "It lies outside what the warrant covers.",  \
    "Ask within its scope (`accordctl warrant show ID`); metadata `dimension` says which part.")   \
  X(DisclosureNotFound, "DISCLOSURE_NOT_FOUND", kNotFound,                                         \
    "There is no such disclosure, or it is not the caller's.", "See `accordctl disclosure list`.") \
  X(NotAHolder, "NOT_A_HOLDER", kFailedPrecondition, "The agency has nothing of it.",              \
    "Ask the sender, or an agency to which something of it was released (`accordctl trail`).")     \
  X(NoSealingCertificate, "NO_SEALING_CERTIFICATE", kFailedPrecondition,                           \
    "The officer is enrolled without a sealing certificate, so nothing can be sealed for them.",   \
    "Have administrators enrol it (`accordctl admin put-officer inspector/ID --sealing-certificate FILE`).")         \
  X(QuestionUnknown, "QUESTION_UNKNOWN", kInvalidArgument, "There is no such question.",           \
    "See `accordctl question list`.")                                                              \
  X(QueryTooCostly, "QUERY_TOO_COSTLY", kResourceExhausted,                                        \
    "It would look at more than one answer may.",                                                  \
    "Ask for a shorter period, fewer areas, or, of subjects, fewer at a time or by case.")         \
  X(BundleTooLarge, "BUNDLE_TOO_LARGE", kResourceExhausted, "The bundle would be over its limit.", \
    "Export fewer cases at once.")                                                                 \
  X(ComesLater, "COMES_LATER", kUnimplemented,                                                     \
    "The method is part of the published interface and is not built yet.",                         \
    "docs/errors.md lists the methods.")                                                           \
  X(DeadlineTooShort, "DEADLINE_TOO_SHORT", kDeadlineExceeded,                                     \
    "The remaining time is shorter than a commit takes.", "Give the call more time.")

namespace accord {

enum class Reason {
#define ACCORD_REASON_ENUM_(name, text, code, means, next) k##name,
  ACCORD_REASONS(ACCORD_REASON_ENUM_)
#undef ACCORD_REASON_ENUM_
};

// One row of the catalogue.
struct ReasonRow {
  Reason reason;
  std::string_view name;  // As in ErrorInfo.reason.
  absl::StatusCode code;
  std::string_view meaning;
  std::string_view next_step;
};

// All rows, in the order of the catalogue. Thread-safe.
std::span<const ReasonRow> AllReasons();

// The row of `reason`. Thread-safe.
const ReasonRow& RowOf(Reason reason);

// The reason called `name`, or kInternal when there is none. Thread-safe.
Reason ReasonFromName(std::string_view name);

}  // namespace accord
