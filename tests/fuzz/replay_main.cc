// Feeds every file of a corpus to the fuzz target it is linked with; a check that fails ends the program. Exit status: 0 all
// replayed, 1 the corpus is missing, empty or over its limits, 2 wrong use.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "tests/fuzz/target.h"

namespace {

// The seeds, and what ten minutes of fuzzing added: enough for that, and no room for a dump.
constexpr size_t kFilesMax = 512;
constexpr size_t kFileBytesMax = 4096;  // libFuzzer's own limit of an input.

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: {} CORPUS\n", argv[0]);
    return 2;
  }
  std::error_code error;
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1], error)) paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  if (error || paths.empty() || paths.size() > kFilesMax) {
    fmt::print(stderr, "{}: {} files; 1 to {} are needed\n", argv[1], paths.size(), kFilesMax);
    return 1;
  }
  for (const std::string& path : paths) {
    const auto bytes = accord::ReadFile(path);
    if (!bytes.ok() || bytes->size() > kFileBytesMax) {
      fmt::print(stderr, "{}: cannot be read or has over {} bytes\n", path, kFileBytesMax);
      return 1;
    }
    fmt::print("{}\n", path);
    std::fflush(stdout);  // The last name printed is that of the file which failed.
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size());
  }
  return 0;
}
