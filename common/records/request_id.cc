#include "common/records/request_id.h"

#include <fmt/format.h>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/crypto/digest.h"

namespace accord::records {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kCharsMax = 118;  // A correction's request id, to which its statement's ending is added.

std::string TextOf(const Message& request, const char* name) {
  const FieldDescriptor* field = request.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || field->is_repeated() || field->type() != FieldDescriptor::TYPE_STRING) return "";
  return request.GetReflection()->GetString(request, field);
}

void Append(std::string& reference, std::string_view part) {
  if (!part.empty()) reference += fmt::format("{}{}", reference.empty() ? "" : "/", part);
}

}  // namespace

std::string ReferenceOf(const Message& request) {
  std::string own;
  for (const char* name : {"case_reference", "record_reference", "reference"}) {
    if (own.empty()) own = TextOf(request, name);
  }
  if (own.empty()) return "";
  std::string reference;
  Append(reference, TextOf(request, "force"));
  Append(reference, TextOf(request, "ods_code"));
  if (const FieldDescriptor* crime = request.GetDescriptor()->FindFieldByName("is_crime")) {
    Append(reference, request.GetReflection()->GetBool(request, crime) ? "crime" : "incident");
  }
  Append(reference, own);
  return reference;
}

std::string RequestIdOf(std::string_view call, std::string_view reference, uint64_t version) {
  const std::string plain = fmt::format("{}/{}.v{}", call, reference, version);
  if (plain.size() <= kCharsMax && IsRequestId(plain)) return plain;
  return fmt::format("{}/{}.v{}", call, ToHex(crypto::Sha256(reference)), version);
}

}  // namespace accord::records
