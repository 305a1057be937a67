#include "services/accordctl/disclosure_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/certificate.h"
#include "services/accordctl/bundle_files.h"
#include "services/accordctl/disclosure_text.h"

namespace accord::accordctl {
namespace {

namespace fs = std::filesystem;

// The path without a slash at its end.
fs::path NormalPath(const std::string& directory) {
  const fs::path path = fs::path(directory).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

// A directory that is removed unless it was given its name.
class StagedDirectory {
 public:
  explicit StagedDirectory(fs::path path) : path_(std::move(path)) {}
  ~StagedDirectory() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  StagedDirectory(const StagedDirectory&) = delete;
  StagedDirectory& operator=(const StagedDirectory&) = delete;

  absl::Status Put(const std::string& name, std::string_view bytes) const { return WriteFileDurably((path_ / name).string(), bytes); }
  absl::Status PutJson(const std::string& name, const nlohmann::json& document) const {
    return Put(name, document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
  absl::Status MoveTo(const fs::path& target) {
    std::error_code error;
    fs::rename(path_, target, error);  // Over an empty directory, and over nothing else.
    if (error) return UsageError(fmt::format("{}: {}", target.string(), error.message()));
    path_.clear();
    return SyncDirectory(target.has_parent_path() ? target.parent_path().string() : ".");
  }

 private:
  fs::path path_;
};

// One of the files that WriteDisclosed writes, or one that was being written: `NAME.HEX.tmp`.
bool IsOfDisclosed(const std::string& path, bool is_directory) {
  constexpr std::string_view kBeingWritten = ".tmp", kOnce[] = {"answer.json", "answer.cms", "statement.json", "header.json"};
  std::string_view name = path;
  if (name.ends_with(kBeingWritten)) {
    name.remove_suffix(kBeingWritten.size());
    name = name.substr(0, std::min(name.rfind('.'), name.size()));
  }
  if (is_directory || std::count(std::begin(kOnce), std::end(kOnce), name) > 0) return !is_directory;
  const size_t digits = std::min(name.find_first_not_of("0123456789"), name.size()), dot = std::min(name.find('.'), name.size());
  const std::string_view ending = name.substr(dot);
  return digits >= 2 && name.substr(digits).starts_with("-") && (ending == ".json" || ending == ".cms");
}

absl::Status PutParts(const StagedDirectory& staged, const CollectedDisclosure& collected, const CheckedDisclosure& checked) {
  if (checked.statement.kind() != type::v1::DISCLOSURE_KIND_SECTIONS) return staged.Put("answer.cms", collected.parts.front());
  nlohmann::json openings = nlohmann::json::array();
  for (const type::v1::Opening& opening : collected.first.openings()) openings.push_back(ToJson(opening));
  ACCORD_RETURN_IF_ERROR(staged.PutJson("header.json", {{"header", ToJson(collected.first.header())}, {"openings", std::move(openings)}}));
  for (size_t i = 0; i < checked.sections.size(); ++i) {
    const std::string name = SectionFileName(i, checked.sections[i].part.category());
    ACCORD_RETURN_IF_ERROR(staged.PutJson(name + ".json", ToJson(checked.sections[i].content)));
    ACCORD_RETURN_IF_ERROR(staged.Put(name + ".cms", collected.parts[i]));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckNewDirectory(const std::string& directory) {
  std::error_code error;
  const fs::path path = NormalPath(directory);
  if (path.empty()) return UsageError("a directory is needed");
  const bool there = fs::symlink_status(path, error).type() != fs::file_type::not_found;
  if (there && !(fs::is_directory(path, error) && fs::is_empty(path, error))) {
    return UsageError(fmt::format("{} is there already: what is disclosed is written whole, into a new directory", directory));
  }
  return CheckStaging(path, IsOfDisclosed);
}

absl::Status WriteDisclosed(const std::string& directory, const CollectedDisclosure& collected, const CheckedDisclosure& checked) {
  ACCORD_RETURN_IF_ERROR(CheckNewDirectory(directory));
  const fs::path target = NormalPath(directory);
  ACCORD_ASSIGN_OR_RETURN(fs::path staging, BeginStaging(target, IsOfDisclosed));
  StagedDirectory staged(std::move(staging));
  ACCORD_ASSIGN_OR_RETURN(const auto certificate, crypto::Certificate::FromDer(collected.first.signing_certificate()));
  ACCORD_RETURN_IF_ERROR(PutParts(staged, collected, checked));
  ACCORD_RETURN_IF_ERROR(staged.PutJson("statement.json", {{"signed", ToJson(collected.first.statement())},
                                                           {"signingCertificate", certificate.pem()},
                                                           {"says", ToJson(checked.statement)}}));
  ACCORD_RETURN_IF_ERROR(staged.PutJson("answer.json", DisclosedJson(collected, checked, nullptr)));
  return staged.MoveTo(target);
}

}  // namespace accord::accordctl
