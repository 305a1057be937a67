#include "services/verify/command.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/console/words.h"
#include "services/verify/ordered_tasks.h"

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

int ThreadsOf(const SharedOptions& options) {
  if (options.threads > 0) return std::min(options.threads, kThreadsMax);
  // Those that this process may run on: a container has fewer than the machine.
  cpu_set_t cores;
  CPU_ZERO(&cores);
  const int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
  return std::clamp(count, 1, kThreadsMax);
}

Progress ProgressOf(const SharedOptions& options, const Output& output) {
  if (!output.terminal && !options.progress) return nullptr;
  static const SystemClock clock;
  // A terminal's line is written over, and cleared at the end by what comes next.
  const auto meter = std::make_shared<ProgressMeter>(clock, [terminal = output.terminal](std::string_view line) {
    const std::string text = terminal ? fmt::format("\r\x1b[K{}\r", line) : fmt::format("accord-verify: {}\n", line);
    std::fputs(text.c_str(), stderr);
    std::fflush(stderr);
  });
  return [meter](uint64_t entries, uint64_t size) { meter->Tell(entries, size); };
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
