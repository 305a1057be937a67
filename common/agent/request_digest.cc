#include "common/agent/request_digest.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <memory>

#include "accord/agency/v1/agency_service.pb.h"
#include "common/base/bytes.h"
#include "common/crypto/digest.h"

namespace accord::agent {

std::string DigestOfRequest(const google::protobuf::Message& request) {
  const std::unique_ptr<google::protobuf::Message> pushed(request.New());
  pushed->CopyFrom(request);
  const auto* options = pushed->GetDescriptor()->FindFieldByName("options");
  const bool has = options != nullptr && options->message_type() == agency::v1::PushOptions::descriptor() && !options->is_repeated() &&
                   pushed->GetReflection()->HasField(*pushed, options);
  if (has) {
    auto& said = static_cast<agency::v1::PushOptions&>(*pushed->GetReflection()->MutableMessage(pushed.get(), options));
    said.clear_wait_ms();
    said.clear_preview_only();
  }
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream out(&bytes);
    google::protobuf::io::CodedOutputStream coded(&out);
    coded.SetSerializationDeterministic(true);
    pushed->SerializeToCodedStream(&coded);
  }
  return crypto::Sha256(ByteWriter().Lp16(pushed->GetDescriptor()->full_name()).Raw(bytes).bytes());
}

}  // namespace accord::agent
