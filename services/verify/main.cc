#include <unistd.h>

#include <cstdio>

#include "services/verify/program.h"

// Threads are the verifier's own and end with the run; nothing to shut down.
int main(int argc, char** argv) {
  accord::verify::Output output{.terminal = isatty(STDERR_FILENO) == 1};
  const int status = accord::verify::RunVerify(argc, argv, output);
  if (output.terminal) std::fputs("\x1b[K", stderr);  // The last line of progress, if there was one.
  std::fputs(output.err.c_str(), stderr);
  std::fputs(output.out.c_str(), stdout);
  // A verdict that did not get out is no verdict.
  return std::fflush(stdout) == 0 ? status : 1;
}
