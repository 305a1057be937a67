// Any protobuf message as lines for people.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace accord::console {

// A line `field name: value` for each field that is set, nested messages indented below their name, coded values in
// words, times (`*_ms`) in UTC, bytes in hex. Text of peers is made Printable. It shows content: for a terminal,
// never for a log. Thread-safe.
std::string MessageText(const google::protobuf::Message& message, size_t indent = 0);

}  // namespace accord::console
