// What makes two pushes the same: the request.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace accord::agent {

// SHA-256 over the request's type and its deterministic serialisation, without what is of the call and not of what is pushed: the
// options `wait_ms` and `preview_only`. The same for the same request whatever version of the service maps it. Pure. Thread-safe.
std::string DigestOfRequest(const google::protobuf::Message& request);

}  // namespace accord::agent
