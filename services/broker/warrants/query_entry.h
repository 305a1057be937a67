// The entry of a query, written before its first row; and who of the agencies may see later that somebody looked.
//
//   QueryEntry query = QueryEntryOf(call.caller, scope, type::v1::EVENT_TYPE_QUESTION_ASKED, kAskQuestion, request.purpose());
//   query.draft.event.set_question(request.question());
//   query.draft.event.set_query_digest(…);
//   query.looked_at = LookedAtUnder(scope, *directory.Get(), named);
//   sequencer.Submit(std::make_unique<RecordQueryCommand>(std::move(query), [...](const absl::StatusOr<uint64_t>& index) mutable {
//     if (!index.ok()) return answer(index.status());
//     … rows, from a view of after the commit …
//   }));
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "accord/storage/v1/inspection.pb.h"
#include "accord/type/v1/entry.pb.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/warrants/scope.h"

namespace accord::broker {

// A desk that may see a look. An empty agency stands for every agency.
struct LookedAt {
  std::string agency;
  type::v1::Desk desk = type::v1::DESK_MAIN;
  bool party = false;  // To the one referral that the entry names: it is told which (trails/looks.h finds the parties).
  bool operator<(const LookedAt& other) const { return std::tie(agency, desk) < std::tie(other.agency, other.desk); }
};

// A query to be.
struct QueryEntry {
  // Its chains are those of what is asked about, the one that is walked first: none, or up to four. Under a warrant the warrant's is
  // added, in place of the fourth.
  EntryDraft draft;
  // Whose chain it stands on when it names none and is under no warrant.
  std::string principal;
  // Under a warrant: who may see it once the embargo is over.
  std::set<LookedAt> looked_at;
  // For SAMPLE_DRAWN: the cases, which the warrant covers from then on.
  std::vector<std::string> sampled;
  // Chains of what else is asked about: the same entry stands once more on each, after this one and in the same batch. Not on one leaf together: everybody
  // may hold the leaves, and it would say of things that are not of one another that they are.
  std::vector<std::string> others;
};

// The beginning of one by `caller` under `scope`: type, method, purpose, warrant, actor. Thread-safe.
QueryEntry QueryEntryOf(const Caller& caller, const Scope& scope, type::v1::EventType type, std::string_view method, std::string_view purpose);

// Whom a query about many concerns: those that the warrant names, those of its areas, and `named`, whom the query names or its areas have; every agency when the warrant
// names neither. Names do not narrow it: a referral is covered when any party of it is, so what is answered of one agency may be of its
// dealings with any of these, and one that is named need not be of the warrant's areas. Of an administrator's nobody. Thread-safe.
std::set<LookedAt> LookedAtUnder(const Scope& scope, const DirectorySnapshot& directory, const std::set<std::string>& named);

// Puts an entry that is made under a warrant on the record, on that warrant's chain too, with the rows of who may see it; its leaf index. The warrant is
// judged as it is applied. Errors of RecordQueryCommand. Sequencer thread.
absl::StatusOr<uint64_t> RecordUnderWarrant(CommitContext& context, const QueryEntry& query);
// The same of a warrant that the caller has judged: what the broker's clock records may be of the very moment at which it ended. Errors of `context`.
absl::StatusOr<uint64_t> RecordOfWarrant(CommitContext& context, storage::v1::StoredWarrant stored, const QueryEntry& query);

// Puts the query on the record, under a warrant with the rows of who may see it, and on the chains of `others`, in one batch. The warrant is judged again
// as it is applied: one that was suspended a moment ago gives nothing more.
//   WARRANT_NOT_FOUND, WARRANT_NOT_ACTIVE
//   WARRANT_SCOPE  `sample`: more cases than may be drawn under it in all
class RecordQueryCommand : public Command {
 public:
  // The leaf index of the entry, of several the first's; from then on a view has it.
  using QueryRecorded = absl::AnyInvocable<void(const absl::StatusOr<uint64_t>& index) &&>;
  RecordQueryCommand(QueryEntry query, QueryRecorded done) : query_(std::move(query)), done_(std::move(done)) {}

  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  QueryEntry query_;
  uint64_t index_ = 0;
  QueryRecorded done_;
};

}  // namespace accord::broker
