#include "common/agent/screening.h"

#include <absl/strings/ascii.h>

#include <algorithm>

#include "common/agent/housing_facts.h"
#include "common/referral/identifiers.h"

namespace accord::agent {
namespace {

using type::v1::Person;
using type::v1::SectionContent;

constexpr size_t kAddressCharsMin = 6;  // Of a squeezed address that says anything.

// Every person a section tells of.
template <typename Visit>
void ForEachScreened(SectionContent& content, Visit visit) {
  if (content.has_identity()) visit(*content.mutable_identity()->mutable_victim());
  if (content.has_children()) {
    for (auto& child : *content.mutable_children()->mutable_children()) visit(*child.mutable_person());
  }
  if (content.has_alleged_perpetrators()) {
    for (auto& row : *content.mutable_alleged_perpetrators()->mutable_alleged_perpetrators()) {
      visit(*row.mutable_person());
    }
  }
}

// Letters and digits in lower case: two spellings of one address or number compare equal.
std::string Squeeze(std::string_view text) {
  std::string squeezed;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) squeezed.push_back(absl::ascii_tolower(c));
  }
  return squeezed;
}

// All text of a message and of those inside it, by reflection, so that a new field is never forgotten.
void ForEachText(google::protobuf::Message& message, const std::function<void(std::string&)>& visit) {
  const auto* reflection = message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    using Descriptor = google::protobuf::FieldDescriptor;
    if (field->type() == Descriptor::TYPE_STRING) {
      const int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
      for (int i = 0; i < count; ++i) {
        std::string text = field->is_repeated() ? reflection->GetRepeatedString(message, field, i)
                                                : reflection->GetString(message, field);
        visit(text);
        if (field->is_repeated()) {
          reflection->SetRepeatedString(&message, field, i, text);
        } else {
          reflection->SetString(&message, field, text);
        }
      }
    } else if (field->cpp_type() == Descriptor::CPPTYPE_MESSAGE) {
      const int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
      for (int i = 0; i < count; ++i) {
        ForEachText(field->is_repeated() ? *reflection->MutableRepeatedMessage(&message, field, i)
                                         : *reflection->MutableMessage(&message, field),
                    visit);
      }
    }
  }
}

void QuarantineIdentifiers(Draft& draft) {
  size_t quarantined = 0;
  const auto screen = [&](Person& person) {
    for (auto& identifier : *person.mutable_identifiers()) {
      if (identifier.quarantined() || referral::IdentifierFault(identifier.scheme(), identifier.value()).empty()) continue;
      identifier.set_quarantined(true);
      ++quarantined;
    }
  };
  for (auto& subject : draft.subjects) screen(subject.person);
  quarantined = 0;  // Subjects repeat the people of the sections; count each identifier once.
  for (auto& section : draft.sections) ForEachScreened(section.content, screen);
  if (quarantined > 0) {
    draft.warnings.push_back("An identifier has a wrong check character or form: it is kept apart and not matched on; the "
                             "referral goes. Correct it in your record.");
  }
}

void WithholdConfidentialAddresses(Draft& draft) {
  std::vector<std::string> addresses;
  bool confidential = false;
  for (auto& section : draft.sections) {
    ForEachScreened(section.content, [&](Person& person) {
      if (!person.confidential_address()) return;
      confidential = true;
      if (!person.address().empty()) {
        addresses.push_back(person.address());
        person.clear_address();
      }
    });
  }
  for (auto& subject : draft.subjects) {
    if (subject.person.confidential_address()) subject.part.set_confidential_address(true);
  }
  if (!confidential || addresses.empty()) return;
  bool found_in_text = false;
  for (auto& section : draft.sections) {
    ForEachText(section.content, [&](std::string& text) {
      for (const std::string& address : addresses) {
        const std::string needle = Squeeze(address);
        if (needle.size() < kAddressCharsMin || Squeeze(text).find(needle) == std::string::npos) continue;
        text = "[address withheld: confidential]";
        found_in_text = true;
      }
    });
  }
  draft.warnings.push_back("A confidential address was left out.");
  if (found_in_text) {
    draft.warnings.push_back("A confidential address stood in a free text too; that text was left out. Send it again "
                             "without the address.");
  }
}

// Are two squeezed addresses of one place, though one goes on further, such as with a postcode?
bool AreOneAddress(std::string_view one, std::string_view other) {
  return std::min(one.size(), other.size()) >= kAddressCharsMin && (one.starts_with(other) || other.starts_with(one));
}

// Asked before confidential addresses are left out: that the alleged perpetrator may know one is the worst of what this finds.
void WarnOfSharedHousehold(Draft& draft) {
  std::vector<std::string> theirs;
  for (const auto& section : draft.sections) {
    for (const auto& row : section.content.alleged_perpetrators().alleged_perpetrators()) theirs.push_back(Squeeze(row.person().address()));
  }
  bool shared = false, confidential = false;
  const auto compare = [&](const Person& person) {
    const std::string address = Squeeze(person.address());
    if (std::none_of(theirs.begin(), theirs.end(), [&](const std::string& other) { return AreOneAddress(address, other); })) return;
    (person.confidential_address() ? confidential : shared) = true;
  };
  for (const auto& section : draft.sections) {
    if (section.content.has_identity()) compare(section.content.identity().victim());
    for (const auto& child : section.content.children().children()) compare(child.person());
  }
  if (confidential) {
    draft.warnings.push_back("An address that is marked confidential also stands with an alleged perpetrator: they may know it. "
                             "Check both records now.");
  }
  if (shared) {
    draft.warnings.push_back("The victim or a child and an alleged perpetrator stand at one address: whoever receives this must not "
                             "write, call or visit there unless it is known to be safe.");
  }
}

void SeparateSharedContact(Draft& draft) {
  std::vector<std::string> perpetrator_texts;
  for (auto& section : draft.sections) {
    if (!section.content.has_alleged_perpetrators()) continue;
    ForEachText(section.content, [&](std::string& text) { perpetrator_texts.push_back(Squeeze(text)); });
  }
  for (auto& section : draft.sections) {
    if (!section.content.has_safe_contact()) continue;
    auto& contact = *section.content.mutable_safe_contact();
    for (const std::string& own : {Squeeze(contact.phone()), Squeeze(contact.email())}) {
      if (own.size() < 6) continue;
      const bool shared = std::any_of(perpetrator_texts.begin(), perpetrator_texts.end(), [&](const std::string& text) {
        return text.find(own) != std::string::npos;
      });
      if (!shared) continue;
      contact.set_voicemail_ok(false);
      contact.set_text_ok(false);
      draft.warnings.push_back("The safe telephone or email also stands with the alleged perpetrator: voicemail and text "
                               "were switched off. Ask again how to reach the victim.");
    }
  }
}

// Which of a recipient's records show in a portal only the recipient knows: the list goes with the section.
void WarnOfPortals(Draft& draft) {
  const bool read = std::any_of(draft.sections.begin(), draft.sections.end(), [](const DraftSection& section) {
    const auto& children = section.content.children().children();
    return std::any_of(children.begin(), children.end(), [](const auto& child) { return child.portals_read_by_perpetrator_size() > 0; });
  });
  if (!read) return;
  draft.warnings.push_back("An alleged perpetrator can read a portal or record of a child: recipients are told which, and nothing of this "
                           "may show there. Speak to whoever runs it before anything is written into the child's record.");
}

// The list goes with the section, and those who have only the narrative read it there.
void WarnOfRecords(Draft& draft) {
  if (std::none_of(draft.sections.begin(), draft.sections.end(),
                   [](const DraftSection& section) { return section.content.health().keep_out_of_size() > 0; })) {
    return;
  }
  draft.warnings.push_back("Records are named that nothing of this may show in: recipients are told which. See that your own, and its portal, "
                           "are among them where an alleged perpetrator can read it.");
}

}  // namespace

void Screen(Draft& draft) {
  WarnOfSharedHousehold(draft);
  WithholdConfidentialAddresses(draft);
  QuarantineIdentifiers(draft);
  SeparateSharedContact(draft);
  WarnOfPortals(draft);
  WarnOfRecords(draft);
  WarnOfHousing(draft);
}

}  // namespace accord::agent
