#include "services/accordctl/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "accord/agency/v1/agency_service.pb.h"
#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/status.h"

namespace accord::accordctl {
namespace {

namespace fs = std::filesystem;

absl::Status Malformed(const std::string& file, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", file, why));
}

// What is wrong with a list of texts, each a value of `names` with `prefix` before it where those are given; empty when nothing is.
std::string WrongWithList(const nlohmann::json& list, std::string_view prefix, const google::protobuf::EnumDescriptor* names) {
  if (!list.is_array()) return "is not a list";
  for (const auto& value : list) {
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) return "has something that is not text, or empty";
    if (names == nullptr) continue;
    const std::string& name = value.get_ref<const std::string&>();
    const auto* known = names->FindValueByName(fmt::format("{}{}", prefix, name));
    if (known == nullptr || known->number() == 0) return fmt::format("has {}, which is no {}", name, names->name());
    if (std::count(list.begin(), list.end(), value) > 1) return fmt::format("has {} twice", name);
  }
  return "";
}

std::string WrongWithReceived(const nlohmann::json& received) {
  if (!received.is_object()) return "is not an object";
  for (const auto& [agency, categories] : received.items()) {
    if (!IsAgencyId(agency)) return fmt::format("has {}, which is no agency id", agency);
    const std::string wrong = WrongWithList(categories, "CATEGORY_", type::v1::Category_descriptor());
    if (!wrong.empty()) return fmt::format("of {} {}", agency, wrong);
    if (categories.empty()) return fmt::format("has nothing for {}: leave it out", agency);
  }
  return "";
}

std::string WrongWithExpected(const nlohmann::json& expected) {
  if (!expected.is_object()) return "is not an object";
  for (const auto& [key, value] : expected.items()) {
    std::string wrong;
    if (key == "state") {
      wrong = WrongWithList(nlohmann::json::array({value}), "SUBMISSION_STATE_", agency::v1::SubmissionState_descriptor());
    } else if (key == "received") {
      wrong = WrongWithReceived(value);
    } else if (key == "warnings") {
      wrong = WrongWithList(value, "", nullptr);
    } else if (key == "flags") {
      wrong = WrongWithList(value, "CASE_FLAG_", type::v1::CaseFlag_descriptor());
    } else {
      return fmt::format("has a key `{}`: known are state, received, warnings, flags", key);
    }
    if (!wrong.empty()) return fmt::format("`{}` {}", key, wrong);
  }
  for (const char* key : {"state", "received", "warnings", "flags"}) {
    if (!expected.contains(key)) return fmt::format("has no `{}`", key);
  }
  return "";
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
    } else if (key == "expected") {  // What the tests hold it to; nothing of it is sent.
      const std::string wrong = WrongWithExpected(value);
      if (!wrong.empty()) return Malformed(file, fmt::format("`expected` {}", wrong));
    } else {
      return Malformed(file, fmt::format("has a key `{}`: known are title, agency, call, request, expected", key));
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
