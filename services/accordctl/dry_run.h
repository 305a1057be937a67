// Dry runs: a verb goes as far as its first call that changes something, and says what it would have asked.
//
// What is read on the way is read, and what is wrong is found: a dry run that ends well was understood, its files were read and what it
// names was found. Whether the server would agree is known where the request has a `dry_run` of its own, or the server a preview (`referral submit`, `import`).
#pragma once

#include <absl/status/status.h>
#include <google/protobuf/message.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace accord::accordctl {

// True unless every method that takes `request` says that it `reads_only` (accord/options/v1/options.proto). Thread-safe.
bool IsChange(const google::protobuf::Descriptor& request);

// Ends a dry run, for every verb to return: `request` would have been sent to `who`. Thread-safe.
absl::Status WouldAsk(std::string_view who, const google::protobuf::Message& request);
// Likewise: who was asked to judge `request` alone, would do it, and answer so.
absl::Status WouldBeDone(std::string_view who, const google::protobuf::Message& request, const google::protobuf::Message& answer);
// The same in words: something else would have been done, such as a directory made.
absl::Status WouldDo(std::string_view what);

// What came of a dry run.
struct DryRunEnd {
  std::string text;         // For people.
  nlohmann::json document;  // `dryRun`, and `who`, `method` and `request` or `answer`, or `would`.
};
// What WouldAsk, WouldBeDone or WouldDo was told, also after Annotate; nothing when `status` is another. Thread-safe.
std::optional<DryRunEnd> DryRunOf(const absl::Status& status);

}  // namespace accord::accordctl
