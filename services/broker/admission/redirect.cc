#include "services/broker/admission/redirect.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/clocks/stand_ins.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/reseal_wanted.h"

namespace accord::broker {
namespace {

using storage::v1::StoredRecipient;
using storage::v1::StoredReferral;

// Where a recipient's delivery would be; empty when no recipient has any.
std::string AnyDelivery(const StoredReferral& stored) {
  for (const StoredRecipient& recipient : stored.recipients()) {
    if (!recipient.delivery_id().empty()) return recipient.delivery_id();
  }
  return "";
}

absl::Status Queue(CommitContext& context, const Policy& policy, const DirectorySnapshot& directory, const std::string& header_digest,
                   const type::v1::RecipientPart& part, const referral::OpenedHeader& header, const PermittedNow& permitted,
                   StoredReferral& stored, NewDeliveries& queued) {
  const type::v1::HeaderCore& core = header.core.part;
  EntryDraft entry;
  entry.chains = ChainsOf(stored);
  entry.event.set_type(type::v1::EVENT_TYPE_STAND_IN_QUEUED);
  entry.actor.emplace().set_principal("broker");
  auto& about = entry.referral.emplace();
  about.set_header_digest(header_digest);
  about.set_sender(core.sender());
  about.set_request_id(core.request_id());
  about.set_recipient(part.agency());
  about.set_desk(part.desk());
  ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(entry));
  ACCORD_ASSIGN_OR_RETURN(StoredRecipient* const recipient, AddRecipient(context, policy, header_digest, core, part, permitted, AnyDelivery(stored),
                                                                         index, stored, queued));
  const auto read = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(referral::Clocked clocked, ClockedOf(read, core, context.now()));
  return StartClocks(context, policy.compiled.Clocks(context.now()), directory, std::move(clocked), header_digest, *recipient);
}

// As the header would have named it.
type::v1::RecipientPart PartOf(const std::string& agency, const std::string& named_by, const referral::OpenedHeader& header) {
  const bool own_staff = std::any_of(header.subjects.begin(), header.subjects.end(), [&](const auto& subject) { return subject.part.works_at() == agency; });
  type::v1::RecipientPart part;
  part.set_agency(agency);
  part.set_desk(own_staff ? type::v1::DESK_CONFIDENTIAL : type::v1::DESK_MAIN);
  part.set_capacity(type::v1::RECIPIENT_CAPACITY_NAMED);
  part.set_on_behalf_of(named_by);
  return part;
}

}  // namespace

absl::Status FollowRedirect(CommitContext& context, const Policy& policy, const DirectorySnapshot& directory, const type::v1::Statement& statement,
                            const referral::OpenedHeader& header, StoredReferral& stored, NewDeliveries& queued) {
  const std::string& to = statement.redirect_to();
  if (statement.kind() != type::v1::STATEMENT_KIND_REDIRECTED || to == header.core.part.sender() || FindRecipient(stored, to) != nullptr ||
      directory.FindActiveAgency(to) == nullptr) {
    return absl::OkStatus();
  }
  const auto row = std::find_if(header.recipients.begin(), header.recipients.end(), [&](const auto& one) { return one.part.agency() == to; });
  const bool in_header = row != header.recipients.end();
  const type::v1::RecipientPart part = in_header ? row->part : PartOf(to, statement.agency(), header);
  ACCORD_ASSIGN_OR_RETURN(const PermittedNow permitted, PermittedTo(context, policy, stored, header, part));
  // Who may have nothing is not asked for either: the sender hears of the redirection, and no more.
  if (permitted.sections.empty()) return absl::OkStatus();
  if (in_header) return Queue(context, policy, directory, statement.header_digest(), part, header, permitted, stored, queued);
  auto& recipient = *stored.add_recipients();
  recipient.set_agency(to);
  recipient.set_desk(part.desk());
  recipient.set_state(type::v1::REFERRAL_STATE_STORED);
  recipient.set_since_ms(absl::ToUnixMillis(context.now()));
  recipient.set_on_behalf_of(statement.agency());
  return AskForReseal(context, statement.header_digest(), header.core.part, stored, recipient, queued);
}

}  // namespace accord::broker
