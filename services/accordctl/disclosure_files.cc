#include "services/accordctl/disclosure_files.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/certificate.h"
#include "services/accordctl/disclosure_text.h"

namespace accord::accordctl {
namespace {

absl::Status PutDurably(const StagedDirectory& staged, const std::string& name, std::string_view bytes) { return WriteFileDurably(staged.PathOf(name), bytes); }
absl::Status PutJson(const StagedDirectory& staged, const std::string& name, const nlohmann::json& document) {
  return PutDurably(staged, name, document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

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
  if (checked.statement.kind() != type::v1::DISCLOSURE_KIND_SECTIONS) return PutDurably(staged, "answer.cms", collected.parts.front());
  nlohmann::json openings = nlohmann::json::array();
  for (const type::v1::Opening& opening : collected.first.openings()) openings.push_back(ToJson(opening));
  ACCORD_RETURN_IF_ERROR(PutJson(staged, "header.json", {{"header", ToJson(collected.first.header())}, {"openings", std::move(openings)}}));
  for (size_t i = 0; i < checked.sections.size(); ++i) {
    const std::string name = SectionFileName(i, checked.sections[i].part.category());
    ACCORD_RETURN_IF_ERROR(PutJson(staged, name + ".json", ToJson(checked.sections[i].content)));
    ACCORD_RETURN_IF_ERROR(PutDurably(staged, name + ".cms", collected.parts[i]));
  }
  return absl::OkStatus();
}

}  // namespace

const DirectoryKind kDisclosedDirectory = {"what is disclosed", IsOfDisclosed};

absl::Status WriteDisclosed(const std::string& directory, const CollectedDisclosure& collected, const CheckedDisclosure& checked) {
  ACCORD_ASSIGN_OR_RETURN(StagedDirectory staged, StagedDirectory::Begin(directory, kDisclosedDirectory));
  ACCORD_ASSIGN_OR_RETURN(const auto certificate, crypto::Certificate::FromDer(collected.first.signing_certificate()));
  ACCORD_RETURN_IF_ERROR(PutParts(staged, collected, checked));
  ACCORD_RETURN_IF_ERROR(PutJson(staged, "statement.json", {{"signed", ToJson(collected.first.statement())},
                                                           {"signingCertificate", certificate.pem()},
                                                           {"says", ToJson(checked.statement)}}));
  ACCORD_RETURN_IF_ERROR(PutJson(staged, "answer.json", DisclosedJson(collected, checked, nullptr)));
  return staged.Finish();
}

}  // namespace accord::accordctl
