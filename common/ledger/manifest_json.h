// What the manifests of both versions of a bundle are read with. Internal to this folder. Pure. Thread-safe.
#pragma once

#include <absl/status/status.h>
#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace accord::ledger {

inline absl::Status InvalidManifest(std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("bundle.json: {}", why), {{"field", "bundle"}});
}

// Null when `object` is none or lacks it.
inline const nlohmann::json* Member(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

inline bool ReadText(const nlohmann::json& object, const char* name, std::string& value) {
  const nlohmann::json* member = Member(object, name);
  if (member == nullptr || !member->is_string()) return false;
  value = member->get<std::string>();
  return true;
}

inline bool ReadNumber(const nlohmann::json* member, uint64_t& value) {
  if (member == nullptr || !member->is_number_unsigned()) return false;
  value = member->get<uint64_t>();
  return true;
}

// `size` bytes in hex.
inline bool ReadBytes(const nlohmann::json& object, const char* name, size_t size, std::string& value) {
  std::string hex;
  if (!ReadText(object, name, hex)) return false;
  auto bytes = FromHex(hex);
  if (!bytes.has_value() || bytes->size() != size) return false;
  value = *std::move(bytes);
  return true;
}

}  // namespace accord::ledger
