// The project's one error type is absl::Status; every error that can reach the
// wire is made by Error() with a Reason of the catalogue (reasons.h), from which
// the canonical code follows.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/reasons.h"

namespace accord {

// Details that ride on a Status: the stable reason and the values named in the
// message, under stable keys. Never personal data.
struct ErrorDetail {
  Reason reason = Reason::kInternal;
  std::map<std::string, std::string> metadata;
};

// Makes an error of `reason`. `message` is for a person and says what to do next;
// every value it names is in `metadata` too. No personal data in either.
absl::Status Error(Reason reason, std::string_view message,
                   std::initializer_list<std::pair<const std::string, std::string>> metadata = {});

// The same with a detail made elsewhere, such as by the server at the other end.
absl::Status ErrorWith(const ErrorDetail& detail, std::string_view message);

// The detail that Error() attached; reason kInternal when `status` carries none.
ErrorDetail DetailOf(const absl::Status& status);

// True when `status` was made by Error() with `reason`.
bool HasReason(const absl::Status& status, Reason reason);

namespace internal {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);
inline const absl::Status& AsStatus(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& AsStatus(const absl::StatusOr<T>& result) { return result.status(); }
}  // namespace internal
}  // namespace accord

#define ACCORD_CONCAT_INNER_(a, b) a##b
#define ACCORD_CONCAT_(a, b) ACCORD_CONCAT_INNER_(a, b)

// Returns the error of `expression` (Status or StatusOr) from the caller.
#define ACCORD_RETURN_IF_ERROR(expression)                                             \
  do {                                                                                 \
    if (auto accord_result_ = (expression); !accord_result_.ok())                      \
      return ::accord::internal::AsStatus(accord_result_);                             \
  } while (false)

// ACCORD_ASSIGN_OR_RETURN(auto value, F()): value, or the error of F() to the caller.
#define ACCORD_ASSIGN_OR_RETURN(target, expression) \
  ACCORD_ASSIGN_OR_RETURN_(ACCORD_CONCAT_(accord_or_, __LINE__), target, expression)
#define ACCORD_ASSIGN_OR_RETURN_(result, target, expression) \
  auto result = (expression);                                \
  if (!result.ok()) return result.status();                  \
  target = *std::move(result)

// For our own broken invariants only, never for input from a peer or the disk.
#define ACCORD_CHECK(condition)                                                       \
  do {                                                                                \
    if (!(condition)) ::accord::internal::CheckFailed(__FILE__, __LINE__, #condition); \
  } while (false)
