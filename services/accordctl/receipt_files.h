// Receipts as files that accord-verify checks offline: NAME, and its openings in NAME.openings.json (docs/formats.md §6).
#pragma once

#include <absl/status/status.h>
#include <google/protobuf/repeated_ptr_field.h>

#include <string>

#include "accord/type/v1/entry.pb.h"

namespace accord::accordctl {

inline constexpr int kForEveryone = 0644, kForOwner = 0600;  // Modes of files.

// The array of `{label, salt, content}`. Pure. Thread-safe.
std::string OpeningsJson(const google::protobuf::RepeatedPtrField<type::v1::Opening>& openings);

// Replaces `path` and its openings. OK: durable. The openings go first, and are for the owner alone: they tell of
// people, the receipt does not.
absl::Status WriteReceipt(const std::string& path, const type::v1::Receipt& receipt);

}  // namespace accord::accordctl
