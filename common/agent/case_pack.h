// The case pack: what this agency sent, received and logged about one person, field by field, marked for whoever redacts it
// (docs/case-pack.md). For a subject access request or a court's order. Nothing is kept from whoever calls: who may is the caller's to judge.
//
// People are recognised as in the search of the inbox: by the tokens of docs/tokens.md, made of what sections and drafts say; in what the agency
// sent itself also by its own record number and identifiers. What follows a record that is in the pack, as a correction, an answer or a
// referral onward does, is in it too; and what is logged here of any of them.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/agency/v1/records_service.pb.h"
#include "common/agent/agency_keys.h"
#include "common/agent/person_match.h"
#include "common/agent/records.h"
#include "common/agent/redaction.h"

namespace accord::agent {

inline constexpr size_t kPackAnswerBytesMax = 1u << 20;  // Of fields in one answer, and one field more.

// Single-thread. Everything it is given must outlive it.
class CasePack {
 public:
  CasePack(const AgencyStore& store, const AgencyKeys& keys, const Inbox& inbox, const type::v1::Person& person);

  // Looks through all that the agency has, opening it: some milliseconds for each record. Errors of RecordReader, and:
  //   FIELD_INVALID  person: neither a name with a date of birth, nor an identifier, nor a record number is there to recognise them by
  absl::Status Find();
  // The next answer, the oldest record first; nothing at the end. Errors of RecordReader. REQUIRES: Find was OK.
  absl::StatusOr<std::optional<agency::v1::BuildCasePackResponse>> Next();

 private:
  // How the person is in a record.
  struct Match : PersonMatch {
    bool follows = false;
  };
  // A record that may yet be found to follow another.
  struct Candidate {
    std::string about, digest, follows, corrects;
    Match match;
  };

  absl::StatusOr<Candidate> CandidateOf(const OwnRecord& record) const;
  void Include(const std::vector<Candidate>& candidates);
  Whose WhoseIs(const type::v1::Person& person, bool by_number) const;

  class Walk;  // The fields of one record.
  std::vector<agency::v1::PackField> FieldsOf(const OwnRecord& record, const Match& match) const;

  const AgencyStore& store_;
  const Inbox& inbox_;
  const PersonMatcher matcher_;

  std::map<std::string, Match> included_;  // By what journal entries are about too: request id, `referrals/…`.
  RecordReader reader_;
  std::deque<agency::v1::BuildCasePackResponse> ready_;
};

}  // namespace accord::agent
