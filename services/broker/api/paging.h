// Page sizes and page tokens of the broker's lists. All functions are pure and thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace accord::broker {

inline constexpr int kPageSizeMax = 500;
inline constexpr size_t kPageBytesMax = 2u << 20;  // A page ends early once its rows have these: a message is 4 MiB at most.
inline constexpr size_t kPageTokenCharsMax = 512;

// `requested`, or `by_default` for 0. FIELD_INVALID outside 1 to kPageSizeMax.
absl::StatusOr<int> PageSize(int32_t requested, int by_default);

// Names one query: the method, and whatever of caller and request decides which rows there are. The page
// size is not of it: it may change from page to page.
std::string PageQuery(std::string_view method, std::initializer_list<std::string_view> parts);

// A token that says where the next page of `query` begins. It is opaque to its holder, though no secret, and grants nothing:
// whoever comes with it is judged as on the first page, and the position is what a caller may say.
std::string MakePageToken(std::string_view query, std::string_view position);

// The position in `token`; nothing for the first page. PAGE_TOKEN_INVALID unless MakePageToken gives it for `query`.
absl::StatusOr<std::optional<std::string>> ReadPageToken(std::string_view token, std::string_view query);
// The error, for a position that makes no sense.
absl::Status PageTokenInvalid();

}  // namespace accord::broker
