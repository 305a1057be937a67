// What whoever redacts a case pack has to look at, field by field (docs/case-pack.md). Marks advise: a person decides, and nothing is left out
// by them.
//
// The rules stand in one table, with what each is of and its law; a test holds the page's table to it. Law: Data Protection Act 2018, read with
// UK GDPR article 15; under Part 3 section 45(4) does what schedule 2 paragraph 2 does. Pure. Thread-safe.
#pragma once

#include <google/protobuf/descriptor.h>

#include <span>
#include <string>
#include <string_view>

#include "accord/agency/v1/records_service.pb.h"
#include "accord/type/v1/vocabulary.pb.h"

namespace accord::agent {

// Whose data a field is.
enum class Whose {
  kNobodys,     // Of no one person in it.
  kAsked,       // Of the person whom the pack is about.
  kPerhaps,     // Of somebody who was recognised as them by a weak match alone.
  kOthers,      // Of another person.
};

// What is known of a field and of the record that it is in.
struct FieldFacts {
  const google::protobuf::FieldDescriptor* field = nullptr;
  type::v1::Category category = type::v1::CATEGORY_UNSPECIFIED;  // Of the section that it is in; unspecified: it is in none.
  Whose whose = Whose::kNobodys;
  bool confidential_address = false;  // Of the person, or of the section.
  bool basis = false;                 // It says on what basis it was shared, and why.
  bool third_party_material = false;  // Of the section.

  // Of the record.
  type::v1::SubjectRole role = type::v1::SUBJECT_ROLE_UNSPECIFIED;  // The person's; unspecified: not known.
  type::v1::Purpose purpose = type::v1::PURPOSE_UNSPECIFIED;
  bool received = false;
  bool follows = false;            // It is in the pack for what it follows: the person was not recognised in it.
  bool not_told = false;           // The victim was not told that it was shared.
  bool legal_advice = false;       // It was taken.
  bool disclosure_scheme = false;  // A disclosure under Clare's Law.
  bool forum = false;              // It goes to, or is of, a Marac.
};

struct RedactionRule {
  std::string_view id;
  agency::v1::RedactionMark mark;
  std::string_view law;
  std::string_view of;      // The fields, in words.
  std::string_view reason;  // As it is told with the field.
  bool (*applies)(const FieldFacts& facts);
};
std::span<const RedactionRule> RedactionRules();

// Adds the marks of every rule that applies, each with its reason and law.
void MarkField(const FieldFacts& facts, agency::v1::PackField& field);

}  // namespace accord::agent
