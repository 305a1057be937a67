// The main function of every test program (accord_add_test): that of GoogleTest, and
//   --only=FILE   runs the tests written in FILE alone, a path from the root of the project. A program holds the tests of several
//                 files, and CTest runs each file for itself. Several times: the tests of them all. Beside --gtest_filter: what both say.
// Whoever runs no test has tested nothing: that is a failure, whatever the reason. Exit status: 0 all that ran passed, 1 not, or none
// ran; 2 wrong use.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace accord {
namespace {

constexpr std::string_view kOnly = "--only=";

// The one among `files` that the test is written in; their end where none is.
std::vector<std::string>::const_iterator FileOf(const ::testing::TestInfo& test, const std::vector<std::string>& files) {
  return std::ranges::find_if(files, [&](const std::string& file) { return std::string_view(test.file()).ends_with("/" + file); });
}

// Makes the filter one of the suites of `files`; false, with a word about it, where a file has no test, or a suite is in another file
// too: of two suites of one name, one would run as part of the other.
bool Select(const std::vector<std::string>& files) {
  const ::testing::UnitTest& tests = *::testing::UnitTest::GetInstance();
  std::set<std::string> seen;
  std::string wanted, others;
  for (int i = 0; i < tests.total_test_suite_count(); ++i) {
    const ::testing::TestSuite& suite = *tests.GetTestSuite(i);
    int inside = 0;
    for (int j = 0; j < suite.total_test_count(); ++j) {
      if (const auto file = FileOf(*suite.GetTestInfo(j), files); file != files.end()) {
        seen.insert(*file);
        ++inside;
      }
    }
    if (inside != 0 && inside != suite.total_test_count()) {
      std::cerr << "suite " << suite.name() << " is in another file of this program too: each needs a name of its own\n";
      return false;
    }
    (inside != 0 ? wanted : others) += std::string(suite.name()) + ".*:";
  }
  for (const std::string& file : files) {
    if (!seen.contains(file)) {
      std::cerr << "no test of this program is in " << file << "\n";
      return false;
    }
  }
  const std::string filter = GTEST_FLAG_GET(filter);
  const bool excludes = filter.find('-') != std::string::npos;
  GTEST_FLAG_SET(filter, filter == "*" ? wanted : filter + (excludes ? ":" : "-") + others);
  return true;
}

int Run(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);  // Takes its own arguments away.
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(kOnly)) {
      std::cerr << "unknown argument " << argument << "\n";
      return 2;
    }
    files.emplace_back(argument.substr(kOnly.size()));
  }
  if (!files.empty() && !Select(files)) {
    return 2;
  }
  const int status = RUN_ALL_TESTS();
  if (!GTEST_FLAG_GET(list_tests) && ::testing::UnitTest::GetInstance()->test_to_run_count() == 0) {
    std::cerr << "no test was run\n";
    return 1;
  }
  return status;
}

}  // namespace
}  // namespace accord

int main(int argc, char** argv) { return accord::Run(argc, argv); }
