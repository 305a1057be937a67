#include "services/broker/cases/answer_link.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/requests.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

using storage::v1::StoredLink;

absl::Status NotFound() { return Error(Reason::kLinkNotFound, "no such pair of cases, or this agency does not hold both"); }

std::string DigestOf(const Caller& caller, const LinkAct& act) {
  return crypto::Sha256(ByteWriter()
                            .Lp16("accord/link-answer/v1")
                            .Lp16(caller.principal)
                            .U64(act.link)
                            .U32(static_cast<uint32_t>(act.answer))
                            .Lp16(act.worker.pseudonym())
                            .U32(static_cast<uint32_t>(act.worker.role()))
                            .bytes());
}

// True when `next` may take the place of `now`.
bool Follows(type::v1::LinkAnswer now, type::v1::LinkAnswer next) {
  if (next == type::v1::LINK_ANSWER_UNDONE) return now == type::v1::LINK_ANSWER_CONFIRMED;
  return next != now;
}

}  // namespace

AnswerLinkCommand::AnswerLinkCommand(Caller caller, LinkAct act, const DirectoryHolder& directory, LinkDone done)
    : caller_(std::move(caller)), act_(std::move(act)), directory_(directory), digest_(DigestOf(caller_, act_)), done_(std::move(done)) {}

absl::Status AnswerLinkCommand::Check(CommitContext& context, const StoredLink& link) const {
  const auto read = PlainReaderOf(context);
  const auto read_sealed = SealedReaderOf(context);
  if (!IsDeskOf(caller_, type::v1::DESK_MAIN)) return NotFound();
  for (const std::string* pseudonym : {&link.one(), &link.other()}) {
    ACCORD_ASSIGN_OR_RETURN(const auto held, ReferralsHeld(read, read_sealed, *pseudonym, caller_.id, 1));
    if (held.empty()) return NotFound();
  }
  ACCORD_RETURN_IF_ERROR(CheckNotBarred(*directory_.Get(), caller_.id, act_.worker.pseudonym()));
  if (Follows(link.answer(), act_.answer)) return absl::OkStatus();
  return Error(Reason::kTransitionIllegal, "that answer does not follow the one that counts now",
               {{"state", type::v1::LinkAnswer_Name(link.answer())}});
}

absl::Status AnswerLinkCommand::Apply(CommitContext& context) {
  if (!IsRequestId(act_.request_id)) return Error(Reason::kFieldInvalid, "request_id is malformed", {{"field", "request_id"}});
  if (act_.answer == type::v1::LINK_ANSWER_UNSPECIFIED || !type::v1::LinkAnswer_IsValid(act_.answer)) {
    return Error(Reason::kFieldInvalid, "answer: CONFIRMED, REJECTED or UNDONE is needed", {{"field", "answer"}});
  }
  ACCORD_ASSIGN_OR_RETURN(const auto first, FirstRequest(context, caller_.principal, act_.request_id, digest_));
  if (first.has_value()) {
    index_ = first->index();
    return absl::OkStatus();
  }
  ACCORD_ASSIGN_OR_RETURN(auto link, LoadLink(PlainReaderOf(context), act_.link));
  if (!link.has_value()) return NotFound();
  ACCORD_RETURN_IF_ERROR(Check(context, *link));

  EntryDraft entry;
  entry.chains = {link->one(), link->other()};
  entry.event.set_type(type::v1::EVENT_TYPE_LINK_ANSWERED);
  entry.event.set_link_answer(act_.answer);
  entry.actor = ActorOf(caller_, act_.worker);
  ACCORD_ASSIGN_OR_RETURN(index_, context.AddEntry(entry));
  link->set_answer(act_.answer);
  link->set_answered_at_ms(absl::ToUnixMillis(context.now()));
  link->set_answered_by(caller_.id);
  context.Put(kFamilyLink, KeyU64(act_.link), link->SerializeAsString());
  KeepRequest(context, caller_.principal, act_.request_id, digest_, index_);
  return absl::OkStatus();
}

void AnswerLinkCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(index_);
}

}  // namespace accord::broker
