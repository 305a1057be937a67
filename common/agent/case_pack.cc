#include "common/agent/case_pack.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/referral/referral_name.h"

namespace accord::agent {
namespace {

using agency::v1::OpenedSection;
using agency::v1::PackField;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using type::v1::Person;

// How our police service begins the text of a disclosure under Clare's Law.
constexpr std::string_view kDisclosureScheme = "Domestic Violence Disclosure Scheme";

bool WasNotTold(type::v1::VictimAwareness awareness, type::v1::NotToldReason reason) {
  return awareness == type::v1::VICTIM_AWARENESS_NOT_INFORMED_UNSAFE || awareness == type::v1::VICTIM_AWARENESS_NOT_INFORMED_UNABLE ||
         reason != type::v1::NOT_TOLD_REASON_UNSPECIFIED;
}

template <typename Advice>
bool HasLegal(const Advice& advice) {
  return std::find(advice.begin(), advice.end(), type::v1::ADVICE_TAKEN_LEGAL) != advice.end();
}

// What the basis of all of it, or of some sections, says.
template <typename Basis>
void NoteBasis(const Basis& basis, FieldFacts& facts) {
  facts.not_told |= WasNotTold(basis.victim_awareness(), basis.not_told_reason());
  facts.legal_advice |= HasLegal(basis.advice());
}

void NoteCore(const type::v1::HeaderCore& core, FieldFacts& facts) {
  facts.purpose = core.purpose();
  facts.forum = !core.forum().empty();
}

bool IsOfDisclosureScheme(const std::vector<OpenedSection>& sections) {
  return std::any_of(sections.begin(), sections.end(),
                     [](const OpenedSection& section) { return section.content().text().text().starts_with(kDisclosureScheme); });
}

std::string Spaced(std::string_view name) {
  std::string words(name);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

// CATEGORY_SAFE_CONTACT is "safe contact".
std::string EnumText(const google::protobuf::EnumDescriptor& type, int number) {
  const auto* const value = type.FindValueByNumber(number);
  if (value == nullptr) return fmt::format("value {}", number);
  std::string prefix;  // SECTION of SectionDecision, as proto_style has it.
  for (const char letter : type.name()) {
    if (absl::ascii_isupper(static_cast<unsigned char>(letter)) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(static_cast<unsigned char>(letter));
  }
  std::string name = value->name();
  if (name.starts_with(prefix + "_")) name.erase(0, prefix.size() + 1);
  absl::AsciiStrToLower(&name);
  return Spaced(name);
}

std::string TimeText(int64_t ms) { return absl::FormatTime("%Y-%m-%d %H:%M:%SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone()); }

// A scalar as text; empty: it says nothing to a reader, such as an id of ours.
std::string ValueText(const Message& message, const FieldDescriptor& field, int index) {
  const auto& reflection = *message.GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      const std::string& text = many ? reflection.GetRepeatedStringReference(message, &field, index, &scratch)
                                     : reflection.GetStringReference(message, &field, &scratch);
      if (field.type() != FieldDescriptor::TYPE_BYTES) return text;
      const bool names = field.name() == "caused_by" || field.name() == "replaced_by";
      return names && !text.empty() ? referral::ReferralName(text) : "";
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumText(*field.enum_type(), many ? reflection.GetRepeatedEnumValue(message, &field, index) : reflection.GetEnumValue(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL: return reflection.GetBool(message, &field) ? "yes" : "no";
    case FieldDescriptor::CPPTYPE_INT32: return fmt::to_string(reflection.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32: return fmt::to_string(reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64: return fmt::to_string(reflection.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_INT64: {
      const int64_t number = reflection.GetInt64(message, &field);
      return absl::EndsWith(field.name(), "_ms") ? TimeText(number) : fmt::to_string(number);
    }
    default: return "";
  }
}

// Documents as they were signed, keys and proofs: docs/case-pack.md says where they are had. What is sealed or opened is in the record in clear.
bool IsOfNoReader(const google::protobuf::Descriptor& type) {
  return &type == type::v1::SignedPayload::descriptor() || &type == type::v1::Receipt::descriptor() || &type == type::v1::Opening::descriptor() ||
         &type == type::v1::SealedSection::descriptor() || &type == type::v1::Submission::descriptor() ||
         &type == type::v1::SubjectToken::descriptor() || &type == storage::v1::StoredDraft::descriptor();
}

}  // namespace

// Writes down what is set of one message after the other.
class CasePack::Walk {
 public:
  Walk(const CasePack& pack, bool by_number) : pack_(pack), by_number_(by_number) {}

  void Add(const Message& message, const std::string& path, const std::string& label, FieldFacts facts) {
    const auto& type = *message.GetDescriptor();
    NoteWhose(message, facts);
    facts.basis |= &type == agency::v1::SharingBasis::descriptor() || &type == type::v1::TagPart::descriptor();
    if (&type == broker::v1::CaseHistory::descriptor()) {  // As if it were a section of it; it tells of Maracs.
      facts.category = type::v1::CATEGORY_CASE_HISTORY;
      facts.forum = true;
    }
    std::vector<const FieldDescriptor*> set;
    message.GetReflection()->ListFields(message, &set);
    for (const FieldDescriptor* field : set) {
      const int count = field->is_repeated() ? message.GetReflection()->FieldSize(message, field) : 1;
      for (int i = 0; i < count; ++i) AddField(message, *field, i, count, path, label, facts);
    }
  }
  void AddValue(const std::string& path, const std::string& label, std::string value, const FieldFacts& facts) {
    if (value.empty()) return;
    PackField& row = fields.emplace_back();
    row.set_path(path);
    row.set_label(label);
    row.set_value(std::move(value));
    MarkField(facts, row);
  }

  std::vector<PackField> fields;

 private:
  void AddField(const Message& message, const FieldDescriptor& field, int index, int count, const std::string& path, const std::string& label,
                const FieldFacts& facts) {
    const std::string at = fmt::format("{}{}{}{}", path, path.empty() ? "" : ".", field.name(), field.is_repeated() ? fmt::format("[{}]", index) : "");
    const bool said = message.GetDescriptor() == type::v1::SectionContent::descriptor();  // By the section's category.
    const std::string words =
        said ? label : fmt::format("{}{}{}{}", label, label.empty() ? "" : ", ", Spaced(field.name()), count > 1 ? fmt::format(" {}", index + 1) : "");
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      FieldFacts of_field = facts;
      of_field.field = &field;
      return AddValue(at, words, ValueText(message, field, index), of_field);
    }
    if (IsOfNoReader(*field.message_type())) return;
    const auto& reflection = *message.GetReflection();
    Add(field.is_repeated() ? reflection.GetRepeatedMessage(message, &field, index) : reflection.GetMessage(message, &field), at, words, facts);
  }

  // A person, or the row of one: what stands beside them is of them.
  void NoteWhose(const Message& message, FieldFacts& facts) const {
    const Person* person = nullptr;
    if (message.GetDescriptor() == Person::descriptor()) person = static_cast<const Person*>(&message);
    if (message.GetDescriptor() == type::v1::Child::descriptor()) person = &static_cast<const type::v1::Child&>(message).person();
    if (message.GetDescriptor() == type::v1::AllegedPerpetrator::descriptor()) {
      person = &static_cast<const type::v1::AllegedPerpetrator&>(message).person();
    }
    if (person == nullptr) return;
    facts.whose = pack_.WhoseIs(*person, by_number_);
    facts.confidential_address |= person->confidential_address();
  }

  const CasePack& pack_;
  const bool by_number_;
};

CasePack::CasePack(const AgencyStore& store, const AgencyKeys& keys, const Inbox& inbox, const Person& person)
    : store_(store), inbox_(inbox), matcher_(keys, person), reader_(store, inbox) {}

Whose CasePack::WhoseIs(const Person& person, bool by_number) const {
  switch (matcher_.StrengthOf(person, by_number)) {
    case type::v1::MATCH_STRENGTH_STRONG: return Whose::kAsked;
    case type::v1::MATCH_STRENGTH_UNSPECIFIED: return Whose::kOthers;
    default: return Whose::kPerhaps;
  }
}

absl::StatusOr<CasePack::Candidate> CasePack::CandidateOf(const OwnRecord& record) const {
  Candidate candidate;
  candidate.about = record.about;
  if (record.kind == OwnRecord::Kind::kSent) {
    candidate.digest = record.sent.header_digest();
    candidate.follows = record.sent.draft().core().caused_by();
    candidate.corrects = record.sent.draft().options().corrects();
    candidate.match = {matcher_.Recognise(NamedIn(record.sent), true)};
  } else {
    candidate.digest = record.received->header_digest;
    candidate.follows = record.received->header.core.part.caused_by();
    const ReceivedSections opened = SectionsOf(inbox_, *record.received);
    if (opened.unopened.empty()) {
      candidate.match = {matcher_.Recognise(NamedIn(opened.sections), false)};
    } else {  // What it says is not shown; whom it is about was kept when it arrived.
      const auto people = inbox_.People(candidate.digest);
      if (absl::IsNotFound(people.status()) || HasReason(people.status(), Reason::kErased)) return candidate;
      ACCORD_RETURN_IF_ERROR(people);
      candidate.match.strength = matcher_.StrengthAmong(*people);
    }
  }
  return candidate;
}

void CasePack::Include(const std::vector<Candidate>& candidates) {
  std::map<std::string, Match> digests;  // Of what is included.
  const auto include = [&](const Candidate& candidate, const Match& match) {
    included_[candidate.about] = match;
    if (candidate.digest.empty()) return;
    digests[candidate.digest] = match;
    included_[referral::ReferralName(candidate.digest)] = match;
  };
  for (const Candidate& candidate : candidates) {
    if (candidate.match.found()) include(candidate, candidate.match);
  }
  // Whatever their order: a correction can arrive before what it corrects.
  for (bool more = true; more;) {
    more = false;
    for (const Candidate& candidate : candidates) {
      if (included_.contains(candidate.about)) continue;
      const auto followed = digests.find(candidate.follows);
      const auto corrected = included_.find(candidate.corrects);
      const bool follows = !candidate.follows.empty() && followed != digests.end();
      if (!follows && (candidate.corrects.empty() || corrected == included_.end())) continue;
      include(candidate, {{type::v1::MATCH_STRENGTH_UNSPECIFIED, follows ? followed->second.role : corrected->second.role}, true});
      more = true;
    }
  }
}

absl::Status CasePack::Find() {
  if (!matcher_.can_recognise()) {
    return Error(Reason::kFieldInvalid, "person has nothing to recognise them by: give a name with a date of birth, an identifier, or a record number",
                 {{"field", "person"}});
  }
  RecordReader all(store_, inbox_);
  ACCORD_RETURN_IF_ERROR(all.Start({}));
  std::vector<Candidate> candidates;
  for (;;) {
    ACCORD_ASSIGN_OR_RETURN(const auto record, all.Next(/*with_journal=*/false));
    if (!record.has_value()) break;
    ACCORD_ASSIGN_OR_RETURN(Candidate candidate, CandidateOf(*record));
    const bool may = candidate.match.found() || !candidate.follows.empty() || !candidate.corrects.empty();
    if (may) candidates.push_back(std::move(candidate));
  }
  Include(candidates);
  return reader_.Start({}).status();
}

std::vector<PackField> CasePack::FieldsOf(const OwnRecord& record, const Match& match) const {
  const bool sent = record.kind == OwnRecord::Kind::kSent;
  Walk walk(*this, sent);
  FieldFacts facts;
  facts.role = match.role;
  facts.follows = match.follows;
  facts.received = record.kind == OwnRecord::Kind::kReceived;
  if (record.kind == OwnRecord::Kind::kJournal) {
    walk.Add(record.journal, "", "", facts);
    return std::move(walk.fields);
  }
  std::vector<OpenedSection> sections;
  std::string unopened;
  if (sent) {
    const auto& draft = record.sent.draft();
    sections = SectionsOf(record.sent);
    NoteCore(draft.core(), facts);
    NoteBasis(draft.options().basis(), facts);
    for (const auto& row : draft.options().section_bases()) NoteBasis(row.basis(), facts);
    facts.disclosure_scheme = absl::StrContains(draft.method(), "Disclosure") || IsOfDisclosureScheme(sections);
    walk.Add(record.sent, "submission", "", facts);
    walk.Add(draft.core(), "core", "header", facts);
    walk.Add(draft.options(), "options", "as pushed", facts);
    for (int i = 0; i < draft.subjects_size(); ++i) {
      FieldFacts of_subject = facts;
      of_subject.whose = WhoseIs(draft.subjects(i).person(), true);
      of_subject.confidential_address = draft.subjects(i).part().confidential_address();
      walk.Add(draft.subjects(i).part(), fmt::format("subjects[{}]", i), fmt::format("person {}", i + 1), of_subject);
    }
  } else {
    const auto& header = record.received->header;
    ReceivedSections opened = SectionsOf(inbox_, *record.received);
    sections = std::move(opened.sections);
    unopened = opened.unopened;
    NoteCore(header.core.part, facts);
    for (const auto& tag : header.tags) NoteBasis(tag.part, facts);
    facts.disclosure_scheme = IsOfDisclosureScheme(sections);
    walk.Add(record.received->stored, "item", "", facts);
    walk.Add(header.core.part, "core", "header", facts);
    for (size_t i = 0; i < header.tags.size(); ++i) walk.Add(header.tags[i].part, fmt::format("tags[{}]", i), "basis", facts);
  }
  for (size_t i = 0; i < sections.size(); ++i) {
    FieldFacts of_section = facts;
    of_section.category = sections[i].category();
    if (sent) {
      const auto& row = record.sent.draft().sections(static_cast<int>(i));
      of_section.third_party_material = row.third_party_material();
      of_section.confidential_address = row.confidential_address();
    } else if (i < record.received->header.sections.size()) {
      const auto& part = record.received->header.sections[i].part;
      of_section.third_party_material = part.third_party_material();
      of_section.confidential_address = part.confidential_address();
    }
    const std::string words = EnumText(*type::v1::Category_descriptor(), sections[i].category());
    walk.Add(sections[i].content(), fmt::format("sections[{}].content", i), words, of_section);
  }
  if (!unopened.empty()) {
    facts.field = agency::v1::ReceivedRecord::descriptor()->FindFieldByName("unopened");
    walk.AddValue("unopened", "why its sections are not here", unopened, facts);
  }
  return std::move(walk.fields);
}

absl::StatusOr<std::optional<agency::v1::BuildCasePackResponse>> CasePack::Next() {
  while (ready_.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const auto record, reader_.Next());
    if (!record.has_value()) return std::optional<agency::v1::BuildCasePackResponse>();
    const auto found = included_.find(record->about);
    if (record->about.empty() || found == included_.end()) continue;
    agency::v1::BuildCasePackResponse answer;
    answer.set_kind(record->kind == OwnRecord::Kind::kSent ? "sent" : record->kind == OwnRecord::Kind::kReceived ? "received" : "journal");
    answer.set_about(record->about);
    answer.set_at_ms(record->at_ms);
    answer.set_role(found->second.role);
    if (record->kind != OwnRecord::Kind::kJournal) answer.set_strength(found->second.strength);
    size_t bytes = 0;
    agency::v1::BuildCasePackResponse part = answer;
    for (PackField& field : FieldsOf(*record, found->second)) {
      if (bytes >= kPackAnswerBytesMax) {
        ready_.push_back(std::exchange(part, answer));
        bytes = 0;
      }
      bytes += field.ByteSizeLong();
      *part.add_fields() = std::move(field);
    }
    ready_.push_back(std::move(part));
  }
  agency::v1::BuildCasePackResponse next = std::move(ready_.front());
  ready_.pop_front();
  return std::optional<agency::v1::BuildCasePackResponse>(std::move(next));
}

}  // namespace accord::agent
