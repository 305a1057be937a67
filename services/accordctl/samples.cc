#include "services/accordctl/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "common/base/file.h"
#include "common/base/status.h"

namespace accord::accordctl {
namespace {

namespace fs = std::filesystem;

absl::Status Malformed(const std::string& file, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", file, why));
}

}  // namespace

absl::StatusOr<Sample> ParseSample(std::string_view text, const std::string& file) {
  const auto document = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) return Malformed(file, "is not JSON");
  if (!document.is_object()) return Malformed(file, "is not a JSON object");
  Sample sample{.file = file};
  for (const auto& [key, value] : document.items()) {
    std::string* member = key == "title"    ? &sample.title
                          : key == "agency" ? &sample.agency
                          : key == "call"   ? &sample.call
                                            : nullptr;
    if (member != nullptr) {
      if (!value.is_string()) return Malformed(file, fmt::format("`{}` is not text", key));
      *member = value.get<std::string>();
    } else if (key == "request") {
      if (!value.is_object()) return Malformed(file, "`request` is not an object");
      sample.request = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    } else {
      return Malformed(file, fmt::format("has a key `{}`: known are title, agency, call, request", key));
    }
  }
  if (sample.call.empty()) return Malformed(file, "has no `call`");
  if (sample.request.empty()) return Malformed(file, "has no `request`");
  return sample;
}

absl::StatusOr<std::vector<std::string>> FindSamples(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      if (!fs::exists(path, error)) return absl::NotFoundError(fmt::format("{}: no such file or directory", path));
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
      if (at->path().extension() == ".json") found.push_back(at->path().string());
    }
    if (error) return absl::NotFoundError(fmt::format("{}: {}", path, error.message()));
    if (found.empty()) return absl::NotFoundError(fmt::format("{}: has no *.json", path));
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  if (files.size() > kSamplesMax) return absl::InvalidArgumentError(fmt::format("more than {} files", kSamplesMax));
  return files;
}

absl::StatusOr<std::vector<Sample>> LoadSamples(const std::vector<std::string>& paths) {
  ACCORD_ASSIGN_OR_RETURN(const auto files, FindSamples(paths));
  std::vector<Sample> samples;
  for (const std::string& file : files) {
    ACCORD_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kSampleBytesMax));
    ACCORD_ASSIGN_OR_RETURN(Sample sample, ParseSample(text, file));
    samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace accord::accordctl
