#include <cstdio>

#include "services/verify/program.h"

// One thread; nothing to shut down.
int main(int argc, char** argv) {
  accord::verify::Output output{.progress = true};
  const int status = accord::verify::RunVerify(argc, argv, output);
  std::fputs(output.err.c_str(), stderr);
  std::fputs(output.out.c_str(), stdout);
  // A verdict that did not get out is no verdict.
  return std::fflush(stdout) == 0 ? status : 1;
}
