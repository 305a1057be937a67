// The request id of a push out of its record's own reference and version. Pure. Thread-safe.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace accord::records {

// The reference by which the agency knows the record of a push: its field `case_reference`, `record_reference` or `reference`, after what
// makes that one of a kind where the request has it: `force`, `is_crime` as `crime` or `incident`, `ods_code`. Such as
// `98/crime/118822/26`. Empty when there is none.
std::string ReferenceOf(const google::protobuf::Message& request);

// `{call}/{reference}.v{version}`: an incident's report and its child notice are two pushes. A reference with characters that a request id
// may not have, or too long for one, stands there as its SHA-256 in hex. `reference` is not empty.
std::string RequestIdOf(std::string_view call, std::string_view reference, uint64_t version);

}  // namespace accord::records
