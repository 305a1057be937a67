// Identifiers of people, places and bodies, and their check rules (domain.md §5). A bad one quarantines the identifier, never the referral.
// Pure. Thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace accord::referral {

// Ten digits, spaces allowed, with the right modulo-11 check digit; not ten times the same, which passes the check but is
// a placeholder, and would link strangers.
bool IsNhsNumber(std::string_view value);
// A unique pupil number, permanent or temporary, with the right check letter.
bool IsUpn(std::string_view value);
// A permanent one: a temporary number is replaced, and means nobody for long.
bool IsPermanentUpn(std::string_view value);
// Police National Computer: the year in four digits or two, a serial of up to seven digits, the right check letter: `2003/0062845E`,
// `03/62845E`.
bool IsPncId(std::string_view value);
// A property: up to twelve digits, leading zeros or none, not all zeros. It has no check digit.
bool IsUprn(std::string_view value);
// An area by its code of the Office for National Statistics: one of E, W, S, N and eight digits.
bool IsGssCode(std::string_view value);
// A body or site of the health service: 3 to 10 letters and digits.
bool IsOdsCode(std::string_view value);
// A school: six digits.
bool IsSchoolUrn(std::string_view value);
// A police force: two digits, not 00.
bool IsForceCode(std::string_view value);
// Force, reference and type, each with something in it, joined by `/`: `20/CR118822-26/crime`. A reference alone is unique nowhere.
bool IsCrimeReference(std::string_view value);

// A scheme of identifiers that is known here.
struct IdentifierScheme {
  std::string_view code;   // As Identifier.scheme has it.
  std::string_view name;   // For people: with its article.
  std::string_view form;   // What it should be, where the form is wrong.
  bool (*is_right)(std::string_view value);
  bool has_check_character;
};
std::span<const IdentifierScheme> IdentifierSchemes();
// Null for a scheme of an agency's own.
const IdentifierScheme* FindIdentifierScheme(std::string_view code);
// What is wrong with `value`, as the end of a sentence, such as "has a wrong check character, or not the form, of an NHS number (ten
// digits)"; empty when nothing is, or the scheme is an agency's own, of which nothing is known. Never holds the value.
std::string IdentifierFault(std::string_view scheme, std::string_view value);

// The one form in which a right value is compared; `value` as it is for other schemes. NHS numbers lose spaces, PNC ids have a year of two
// digits and a serial of seven, UPRNs lose leading zeros; letters are capital.
std::string NormaliseIdentifier(std::string_view scheme, std::string_view value);

}  // namespace accord::referral
