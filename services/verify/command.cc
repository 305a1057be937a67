#include "services/verify/command.h"

#include <fmt/format.h>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/console/words.h"

namespace accord::verify {
namespace {

constexpr size_t kVkeyBytesMax = 4096;

}  // namespace

std::string Message(const absl::Status& status) { return std::string(FromAbsl(status.message())); }

int WrongUse(Output& output, std::string_view why) {
  output.err += fmt::format("accord-verify: {}\n", why);
  return kWrongUse;
}

int DoesNotVerify(Output& output, std::string_view what, std::string_view why) {
  output.err += console::Printable(fmt::format("accord-verify: {} DOES NOT VERIFY: {}\n", what, why));
  return kDoesNotVerify;
}

std::string Dump(const nlohmann::json& document) {
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

absl::StatusOr<Key> ReadKey(const SharedOptions& options, const std::filesystem::path& directory) {
  std::string path = options.vkey;
  if (!options.config.empty()) {
    ACCORD_ASSIGN_OR_RETURN(config::Table root, config::Table::Load(options.config));
    const std::string configured = root.OptionalPath("log_vkey");
    ACCORD_RETURN_IF_ERROR(root.Finish());
    if (path.empty()) path = configured;
  }
  const bool beside = path.empty();
  if (beside) path = (directory / "vkey").string();
  auto text = ReadFile(path, kVkeyBytesMax);
  if (!text.ok()) {
    return absl::InvalidArgumentError(fmt::format(
        "no verification key: {}. Give the log's published key with --vkey FILE.", Message(text.status())));
  }
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  auto vkey = ledger::Vkey::Parse(*text);
  if (!vkey.ok()) return absl::InvalidArgumentError(fmt::format("{}: {}", path, Message(vkey.status())));
  return Key{*std::move(vkey), path, beside};
}

std::string KeyText(const Key& key) {
  return key.beside ? fmt::format("{}\n{}: it came with the copy; compare it with the one the operator published",
                                  key.vkey.ToString(), key.path)
                    : fmt::format("{}\n{}", key.vkey.ToString(), key.path);
}

nlohmann::json KeyJson(const Key& key) {
  return {{"vkey", key.vkey.ToString()}, {"file", key.path}, {"cameWithTheCopy", key.beside}};
}

}  // namespace accord::verify
