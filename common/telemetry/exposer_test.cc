#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/telemetry/metrics.h"

namespace accord::telemetry::exposer_test {
namespace {

std::string Fetch(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  std::string text;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = "GET /metrics HTTP/1.0\r\n\r\n";
    EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
    char buffer[4096];
    for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) text.append(buffer, n);
  }
  close(fd);
  return text;
}

TEST(ExposerTest, ServesOnLoopbackAndTellsOfATakenPort) {
  Metrics metrics;
  metrics.Counters("calls_total", "Calls.").With().Add(5);
  auto exposer = Exposer::Serve(metrics, 0);
  ASSERT_TRUE(exposer.ok()) << exposer.status();
  EXPECT_THAT(Fetch((*exposer)->port()), ::testing::HasSubstr("\ncalls_total 5"));
  EXPECT_EQ(Exposer::Serve(metrics, (*exposer)->port()).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace accord::telemetry::exposer_test
