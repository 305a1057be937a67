// Who and what is asked for in `warrant resolve`, out of files. Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/disclosure.pb.h"

namespace accord::accordctl {

inline constexpr size_t kAskedFileBytesMax = 1u << 20;

// The people in a file. `name` says its kind:
//   .csv   a heading and a row for each. Columns, in any order: mark, family_name, given_names, date_of_birth, alias, former_name, record_number, a
//          scheme of identifiers that is known (nhs_number, pnc_id, upn …), `identifier.SCHEME` for an agency's own. `mark` is needed
//   .json  a PersonsQuestion, or an array of PersonAsked, with the names of the proto or of its JSON
// Identifiers that are given count as checked against their source. An error names line and field and repeats nothing of what stands there:
//   FIELD_INVALID      another kind of file, no CSV or JSON, an unknown column, a mark that is none or there twice, a date or an identifier
//                      that is none, nobody, more than kPersonsAskedMax, someone with nothing to be found by
//   FIELD_MISSING      no mark
//   TEXT_NOT_UTF8, MESSAGE_TOO_LARGE over kAskedFileBytesMax
absl::StatusOr<type::v1::PersonsQuestion> ReadPersons(std::string_view bytes, std::string_view name);

// The case pseudonyms, 16 bytes each and each once, in a file: what `sample draw --json` or a question of `question ask --json` with a column
// `case` printed, or one of 32 hex digits on each line. FIELD_INVALID, with the line where lines are read; none is an error too.
absl::StatusOr<std::vector<std::string>> ReadCases(std::string_view bytes);

}  // namespace accord::accordctl
