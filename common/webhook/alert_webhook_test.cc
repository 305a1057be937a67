// What is posted, to whom it may be, and what counts as having called somebody: against a small server on loopback.
#include "common/webhook/alert_webhook.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "common/base/executor.h"
#include "common/base/status.h"

namespace accord::webhook {
namespace {

using agent::HookResult;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

// Takes one request, answers it, and ends. Without an answer it keeps the connection until it is closed at the other end.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : answer_(std::move(answer)) {
    listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    ACCORD_CHECK(bind(listening_, reinterpret_cast<sockaddr*>(&address), length) == 0 && listen(listening_, 1) == 0);
    ACCORD_CHECK(getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::make_unique<Thread>([this] { Serve(); });
  }
  ~OneAnswer() {
    shutdown(listening_, SHUT_RDWR);
    thread_.reset();
    close(listening_);
  }
  std::string Url(const std::string& scheme = "http") const { return fmt::format("{}://127.0.0.1:{}/page?desk=1", scheme, port_); }
  // What was asked; ends this.
  const std::string& Asked() {
    thread_.reset();
    return asked_;
  }

 private:
  void Serve() {
    const int peer = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0) return;
    char bytes[4096];
    ssize_t count = 0;
    while (asked_.find('}') == std::string::npos && (count = read(peer, bytes, sizeof(bytes))) > 0) asked_.append(bytes, static_cast<size_t>(count));
    if (!answer_.empty()) {
      [[maybe_unused]] const ssize_t written = write(peer, answer_.data(), answer_.size());
    } else {
      while (read(peer, bytes, sizeof(bytes)) > 0) {}
    }
    close(peer);
  }

  const std::string answer_;
  int listening_ = -1, port_ = 0;
  std::string asked_;
  std::unique_ptr<Thread> thread_;
};

std::string Answer(std::string_view status) { return fmt::format("HTTP/1.1 {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status); }

std::unique_ptr<AlertWebhook> Webhook(const std::string& url, absl::Duration timeout = absl::Seconds(20)) {
  EXPECT_EQ(CheckWebhook(url), absl::OkStatus());
  auto made = AlertWebhook::Make(url, "", "idva", timeout);
  EXPECT_EQ(made.status(), absl::OkStatus());
  return *std::move(made);
}

const agent::AlertCall kCall{.overdue = true, .waiting = 2, .since = absl::FromUnixSeconds(1'800'000'000)};

TEST(AlertWebhookTest, PostsWhoWaitsAndNobodysName) {
  OneAnswer server(Answer("204 No Content"));
  const HookResult result = Webhook(server.Url())->Run(kCall);
  EXPECT_TRUE(result.alerted()) << static_cast<int>(result.end) << " " << result.status;
  const std::string& asked = server.Asked();
  EXPECT_THAT(asked, HasSubstr("POST /page?desk=1 HTTP/1.1\r\n"));
  EXPECT_THAT(asked, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(asked, EndsWith("\r\n\r\n{\"alert\":\"overdue\",\"agency\":\"idva\",\"lane\":\"immediate\",\"waiting\":2,"
                              "\"since\":\"2027-01-15T08:00:00Z\"}"));
}

TEST(AlertWebhookTest, NothingButSuccessIsCalledOne) {
  for (const auto& [answer, status] : {std::pair("503 Busy", 503), {"404 Not Found", 404}, {"302 Found\r\nLocation: /elsewhere", 302}}) {
    OneAnswer server(Answer(answer));
    const HookResult result = Webhook(server.Url())->Run(kCall);
    EXPECT_EQ(result.end, HookResult::End::kExited) << answer;
    EXPECT_EQ(result.status, status);
    EXPECT_FALSE(result.alerted());
  }
}

TEST(AlertWebhookTest, WhoDoesNotAnswerInTimeHasNotCalledAnybody) {
  OneAnswer server("");
  const HookResult result = Webhook(server.Url(), absl::Milliseconds(50))->Run(kCall);
  EXPECT_EQ(result.end, HookResult::End::kTimedOut);
}

TEST(AlertWebhookTest, NorHasOneThatDoesNotShowItsCertificate) {
  OneAnswer server(Answer("204 No Content"));  // Plain, where TLS is spoken.
  const HookResult result = Webhook(server.Url("https"), absl::Seconds(2))->Run(kCall);
  EXPECT_FALSE(result.alerted());
  EXPECT_THAT(server.Asked(), Not(HasSubstr("idva"))) << "nothing was told before";
}

TEST(AlertWebhookTest, AStoppedServiceCallsNobody) {
  OneAnswer server(Answer("204 No Content"));
  const auto webhook = Webhook(server.Url());
  webhook->Stop();
  EXPECT_EQ(webhook->Run(kCall).end, HookResult::End::kStopped);
}

TEST(AlertWebhookTest, InClearGoesNothingButToThisMachine) {
  for (const char* url : {"https://pager.example/desk", "https://pager.example:8443/desk?key=1", "http://127.0.0.1:80/x", "http://[::1]/x",
                          "http://localhost/x"}) {
    EXPECT_EQ(CheckWebhook(url), absl::OkStatus()) << url;
  }
  for (const char* url : {"http://pager.example/desk", "http://127.0.0.2/x", "http://localhost.example/x", "ftp://127.0.0.1/x",
                          "file:///etc/passwd", "https://user@pager.example/x", "https://u:p@pager.example/x", "https://pager.example/#x",
                          "https://", "pager.example", ""}) {
    EXPECT_TRUE(HasReason(CheckWebhook(url), Reason::kFieldInvalid)) << url;
  }
  const std::string head = "https://pager.example/";
  EXPECT_EQ(CheckWebhook(head + std::string(kWebhookBytesMax - head.size(), 'x')), absl::OkStatus());
  EXPECT_TRUE(HasReason(CheckWebhook(head + std::string(kWebhookBytesMax - head.size() + 1, 'x')), Reason::kFieldInvalid));
}

}  // namespace
}  // namespace accord::webhook
