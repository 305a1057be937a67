// Files with one push each, in the words of the agency that pushes (deploy/samples/):
//   {"title": "…", "agency": "police", "call": "ReportIncident", "request": {…}}
// `request` is the call's request message in protobuf JSON. What comes of it in an area where all samples are pushed by name may stand beside
// it, for the test that does so (tests/system/samples_test.cc); nothing of it is sent:
//   "expected": {"state": "SETTLED", "received": {"idva": ["IDENTITY", …]}, "warnings": ["a part of each", …], "flags": ["MARAC_REPEAT", …]}
// All four are there. States, categories and flags are named as in the protos, without their prefix.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

namespace accord::accordctl {

inline constexpr size_t kSampleBytesMax = 4u << 20;
inline constexpr size_t kSamplesMax = 10'000;

struct Sample {
  std::string file;     // Path, for people.
  std::string title;    // May be empty.
  std::string agency;   // May be empty: --as says it.
  std::string call;     // Method name.
  std::string request;  // JSON text.
};

// Names the file and what is wrong. INVALID_ARGUMENT.
absl::StatusOr<Sample> ParseSample(std::string_view text, const std::string& file);

// The files of `paths`, in that order; of a directory every `*.json` in it, by name. NOT_FOUND, INVALID_ARGUMENT.
absl::StatusOr<std::vector<std::string>> FindSamples(const std::vector<std::string>& paths);

// FindSamples, then every file read and parsed: nothing is sent when one of them is malformed.
absl::StatusOr<std::vector<Sample>> LoadSamples(const std::vector<std::string>& paths);

}  // namespace accord::accordctl
