// The inspector collects what was released (docs/disclosures.md).
//
//   ACCORD_ASSIGN_OR_RETURN(auto others, OthersOfCollection(view, caller, number));
//   sequencer.Submit(std::make_unique<ReadDisclosureCommand>(caller, number, kMethod, others, [...](absl::StatusOr<storage::v1::StoredDisclosure> read) {
//     … view of after the commit: CollectionOf, then for each part from 0 ReadDisclosedPart …
//   }));
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "accord/inspection/v1/disclosure_service.pb.h"
#include "services/broker/disclosures/request.h"

namespace accord::broker {

// Of RECORDS: who is told, beside the desk that was asked, that these cases are looked at. Of other kinds, and of a number that is not the caller's,
// nobody: the command judges that. Errors of OthersOfCases. Thread-safe.
absl::StatusOr<std::set<LookedAt>> OthersOfCollection(const ReadView& view, const Caller& caller, uint64_t number);

// Puts a collection on the record before its first byte. OK: durable, with an entry DISCLOSURE_READ; the disclosure as it stands, with when it
// was first collected. The warrant is judged as it is applied.
//   DISCLOSURE_NOT_FOUND  none of that number is the officer's, or its warrant is not any more
//   ERASED                it went with its referral, or its parts as the warrant is long over
//   WARRANT_NOT_ACTIVE
//   TRANSITION_ILLEGAL    nothing was released; with `state`
class ReadDisclosureCommand : public Command {
 public:
  using DisclosureRead = absl::AnyInvocable<void(absl::StatusOr<storage::v1::StoredDisclosure> stored) &&>;
  // `method`: of the call, for the entry. `others`: of OthersOfCollection.
  ReadDisclosureCommand(Caller caller, uint64_t number, std::string_view method, std::set<LookedAt> others, DisclosureRead done)
      : caller_(std::move(caller)), number_(number), method_(method), others_(std::move(others)), done_(std::move(done)) {}
  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  absl::Status Load(CommitContext& context);

  const Caller caller_;
  const uint64_t number_;
  const std::string method_;
  const std::set<LookedAt> others_;
  storage::v1::StoredDisclosure stored_;
  DisclosureRead done_;
};

// The first message of the collection: all but `part` and `chunk`. ERASED when the referral went meanwhile; DATA_LOSS. Thread-safe.
absl::StatusOr<inspection::v1::CollectDisclosureResponse> CollectionOf(const ReadView& view, const storage::v1::StoredDisclosure& stored);

// The sealed bytes of a part, from 0 to less than `stored.section_ids_size()`. ERASED when it is gone meanwhile. Thread-safe.
absl::StatusOr<std::string> ReadDisclosedPart(const ReadView& view, const storage::v1::StoredDisclosure& stored, uint32_t part);

}  // namespace accord::broker
