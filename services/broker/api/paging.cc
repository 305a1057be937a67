#include "services/broker/api/paging.h"

#include <fmt/format.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"

namespace accord::broker {
namespace {

constexpr uint8_t kTokenVersion = 1;
constexpr size_t kQueryDigestBytes = 16;  // Against mix-ups, not against forgery.

std::string QueryDigest(std::string_view query) { return crypto::Sha256(query).substr(0, kQueryDigestBytes); }

}  // namespace

absl::StatusOr<int> PageSize(int32_t requested, int by_default) {
  if (requested == 0) return by_default;
  if (requested >= 1 && requested <= kPageSizeMax) return requested;
  return Error(Reason::kFieldInvalid, fmt::format("page_size: 1 to {} are possible, or 0", kPageSizeMax),
               {{"field", "page_size"}, {"limit", fmt::format("{}", kPageSizeMax)}});
}

std::string PageQuery(std::string_view method, std::initializer_list<std::string_view> parts) {
  ByteWriter query;
  query.Lp32("accord/page/v1").Lp32(method);
  for (const std::string_view part : parts) query.Lp32(part);
  return std::move(query).Take();
}

std::string MakePageToken(std::string_view query, std::string_view position) {
  return ToHex(ByteWriter().U8(kTokenVersion).Raw(QueryDigest(query)).Raw(position).bytes());
}

absl::StatusOr<std::optional<std::string>> ReadPageToken(std::string_view token, std::string_view query) {
  if (token.empty()) return std::nullopt;
  if (token.size() > kPageTokenCharsMax) return PageTokenInvalid();
  const auto bytes = FromHex(token);
  if (!bytes.has_value()) return PageTokenInvalid();
  ByteReader reader(*bytes);
  uint8_t version = 0;
  std::string_view digest;
  if (!reader.U8(version) || version != kTokenVersion || !reader.Raw(kQueryDigestBytes, digest) ||
      digest != QueryDigest(query)) {
    return PageTokenInvalid();
  }
  std::string position(reader.rest());
  if (MakePageToken(query, position) != token) return PageTokenInvalid();  // Upper-case hex.
  return position;
}

absl::Status PageTokenInvalid() {
  return Error(Reason::kPageTokenInvalid,
               "the page token was not made by this server for this query; start from the first page",
               {{"field", "page_token"}});
}

}  // namespace accord::broker
