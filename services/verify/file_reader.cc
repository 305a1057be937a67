#include "services/verify/file_reader.h"

#include "common/base/file.h"

namespace accord::verify {

absl::StatusOr<std::string> DirectoryReader::Read(const std::string& path, size_t bytes_max) {
  return ReadFile(directory_ + "/" + path, bytes_max);
}

}  // namespace accord::verify
