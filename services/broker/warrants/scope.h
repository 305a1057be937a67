// What a caller may see of the record beyond what it is party to: administrators all, inspectors what a warrant covers.
//
// Every row of every answer is judged by it (docs/warrants.md).
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "accord/inspection/v1/warrant_service.pb.h"
#include "accord/type/v1/entry.pb.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

// What of an entry, or of a referral with its stored entry, a scope is judged by.
struct ScopeFacts {
  int64_t time_ms = 0;
  type::v1::EventType event = type::v1::EVENT_TYPE_UNSPECIFIED;
  std::set<std::string> agencies;  // That acted, sent or were to receive.
  std::set<std::string> areas;     // Of those agencies, GSS codes.
  std::set<std::string> cases;     // Pseudonyms.
};

// Immutable. Thread-safe.
class Scope {
 public:
  // Of an administrator: everything.
  static Scope All();
  // Of a warrant with the cases that were sampled under it.
  static Scope Of(const inspection::v1::Warrant& warrant, std::set<std::string> sampled);

  // True when every dimension covers it.
  bool Covers(const ScopeFacts& facts) const { return Uncovered(facts).empty(); }
  // The first dimension that does not: "period", "event", "agency", "area", "case"; empty when covered.
  std::string_view Uncovered(const ScopeFacts& facts) const;
  // The same of "agency", "area" and "case" alone: what a referral is judged by before its entries are; and of "case" alone.
  std::string_view UncoveredSubject(const ScopeFacts& facts) const;
  std::string_view UncoveredCase(const ScopeFacts& facts) const;

  // Id of the warrant; empty for administrators.
  const std::string& warrant_id() const { return warrant_.id(); }
  const inspection::v1::Warrant& warrant() const { return warrant_; }
  // Small counts are shown: a statutory warrant.
  bool small_counts() const { return warrant_.kind() == inspection::v1::WARRANT_KIND_STATUTORY; }
  // Case pseudonyms and referrals may be named: not to a scrutiny panel or a commissioner.
  bool identities() const;
  // Rows at all, and not counts alone: not to a commissioner.
  bool rows() const { return warrant_.kind() != inspection::v1::WARRANT_KIND_COMMISSIONER; }

 private:
  inspection::v1::Warrant warrant_;  // Default: all.
  bool all_ = false;
  std::set<std::string> sampled_;
};

// The body that the inspector is an officer of; empty when of none. DATA_LOSS. Thread-safe if `read` is.
absl::StatusOr<std::string> BodyOfInspector(PlainReader read, const Caller& inspector);
// True when the warrant is for this officer of its body: one that names none is for all of them. Thread-safe.
bool NamesOfficer(const inspection::v1::Warrant& warrant, std::string_view officer);

// The scope that `caller` asks under. An administrator names no warrant. Thread-safe.
//   NOT_PERMITTED       an inspector without a warrant; an agency
//   FIELD_INVALID       an administrator with one
//   WARRANT_NOT_FOUND   there is none, or it is of another body, or names other officers
//   WARRANT_NOT_ACTIVE  with `state`, and of a suspended one `reason` and `at`
absl::StatusOr<Scope> OpenScope(PlainReader read, const Caller& caller, std::string_view warrant, absl::Time now);
absl::StatusOr<Scope> OpenScope(const ReadView& view, const Caller& caller, std::string_view warrant, absl::Time now);

}  // namespace accord::broker
