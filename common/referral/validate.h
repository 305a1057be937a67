// The checks that hold for every message from outside, read from the options of its fields. Pure. Thread-safe.
#pragma once

#include <absl/status/status.h>
#include <google/protobuf/message.h>

#include <string_view>

namespace accord::referral {

inline constexpr size_t kMessageBytesMax = 4u << 20;  // Of one message from outside.

// OK when `message` is not over kMessageBytesMax (MESSAGE_TOO_LARGE) and every field with FIELD_BEHAVIOR_REQUIRED is set and not empty, every enum value is known, text is UTF-8,
// and no string is over `text_bytes_max`, in `message` and in all messages inside it. Otherwise FIELD_MISSING,
// ENUM_UNKNOWN, TEXT_NOT_UTF8 or FIELD_INVALID, with the path of the field in metadata `field`. A required number
// or enum must not be 0; unspecified is no value.
absl::Status ValidateMessage(const google::protobuf::Message& message, size_t text_bytes_max = 64u << 10);

}  // namespace accord::referral
