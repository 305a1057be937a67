// What an agency that holds both says of two cases that may be one.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>

#include "accord/type/v1/entry.pb.h"
#include "services/broker/cases/links.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

struct LinkAct {
  std::string request_id;
  uint64_t link = 0;
  type::v1::LinkAnswer answer = type::v1::LINK_ANSWER_UNSPECIFIED;
  type::v1::Worker worker;
};
using LinkDone = absl::AnyInvocable<void(const absl::StatusOr<uint64_t>& index) &&>;

// Link, entry LINK_ANSWERED on the chains of both cases, and request in one batch; the index is the entry's. Idempotent per request id.
//   FIELD_INVALID       request id or answer
//   LINK_NOT_FOUND      no such link, or the caller's main desk does not hold both cases, or another desk calls
//   NOT_PERMITTED       the worker is on the agency's list of conflicts
//   TRANSITION_ILLEGAL  it is answered so already, or UNDONE of what is not confirmed; metadata has the answer that counts
//   REQUEST_ID_REUSED   the id stands for another request
class AnswerLinkCommand : public Command {
 public:
  // `directory` must outlive the command.
  AnswerLinkCommand(Caller caller, LinkAct act, const DirectoryHolder& directory, LinkDone done);

  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  absl::Status Check(CommitContext& context, const storage::v1::StoredLink& link) const;

  const Caller caller_;
  const LinkAct act_;
  const DirectoryHolder& directory_;
  const std::string digest_;  // Sameness of a request.
  uint64_t index_ = 0;
  LinkDone done_;
};

}  // namespace accord::broker
