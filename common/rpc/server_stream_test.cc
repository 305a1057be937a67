// Streams that only the server writes, over real connections.
#include "common/rpc/server_stream.h"

#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/rpc_service_method.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/codegen/service_type.h>
#include <grpcpp/impl/codegen/sync_stream.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/base/file.h"
#include "common/crypto/testing_pki.h"
#include "common/rpc/client.h"
#include "common/rpc/server.h"

namespace accord::rpc::server_stream_test {
namespace {

using google::protobuf::StringValue;
using grpc::internal::RpcMethod;

constexpr std::string_view kCount = "/accord.test.Count/Count";
constexpr absl::Duration kTimeout = absl::Seconds(10);

class FakeAuthorizer : public Authorizer {
 public:
  absl::Status Authorize(const Peer&, std::string_view) override {
    return deny ? Error(Reason::kCertificateDenied, "denied") : absl::OkStatus();
  }
  std::atomic<bool> deny = false;
};

// How the stream of a test goes, and what it left behind.
// Atomic, for what orders the test's writes before the server's reads is a call over gRPC, which the thread sanitizer does not see.
struct Plan {
  std::atomic<int> messages = 3;
  std::atomic<size_t> bytes = 1;
  std::atomic<Reason> fails_with = Reason::kInternal;  // Instead of ending with OK.
  std::atomic<bool> fails = false, fails_on_open = false;
  std::atomic<int> opened = 0, asked = 0, at_once = 0;
  // Before it opens and before each message it holds: resumed by another task, or before it says that it holds, or by nobody.
  enum class Holds { kNever, kResumedLater, kResumedBefore, kForEver };
  std::atomic<Holds> holds = Holds::kNever;
  std::atomic<bool> resume_fails = false;  // With the error of `fails_with`.
  Executor* executor = nullptr;
  std::function<void()> while_held;  // With kForEver.
};

class CountStream final : public ServerStream<StringValue> {
 public:
  CountStream(Plan& plan, const StringValue& request) : plan_(plan), request_(request.value()) {}

 private:
  absl::Status OnOpen(const Peer& peer) override {
    ++plan_.opened;
    EXPECT_EQ(peer.id, "met-police");
    HoldAsPlanned();
    return plan_.fails_on_open ? Error(Reason::kFieldInvalid, "no") : absl::OkStatus();
  }
  absl::StatusOr<bool> Next(StringValue& message) override {
    EXPECT_EQ(++plan_.at_once, 1);
    EXPECT_TRUE(message.value().empty());
    if (!held_ && HoldAsPlanned()) {
      message.set_value("what is not to be written");
      --plan_.at_once;
      return false;
    }
    held_ = false;
    message.set_value(request_ + std::to_string(sent_) + std::string(plan_.bytes, 'x'));
    ++plan_.asked, --plan_.at_once;
    if (sent_++ < plan_.messages) return true;
    if (plan_.fails) return Error(plan_.fails_with, "over");
    return false;
  }

  bool HoldAsPlanned() {
    held_ = plan_.holds != Plan::Holds::kNever;
    if (!held_) return false;
    const absl::Status status = plan_.resume_fails ? Error(plan_.fails_with, "over") : absl::OkStatus();
    if (plan_.holds == Plan::Holds::kResumedBefore) Resume(status);
    Hold();
    if (plan_.holds == Plan::Holds::kResumedLater) {
      EXPECT_TRUE(plan_.executor->Run([self = std::static_pointer_cast<CountStream>(shared_from_this()), status] { self->Resume(status); }));
    }
    if (plan_.holds == Plan::Holds::kForEver) {
      EXPECT_TRUE(plan_.executor->Run([&plan = plan_] { plan.while_held(); }));
    }
    return true;
  }

  Plan& plan_;
  const std::string request_;
  int sent_ = 0;
  bool held_ = false;
};

class CountService : public grpc::Service {
 public:
  CountService(HandlerContext& shared, LiveStreams& streams, Plan& plan) {
    AddMethod(new grpc::internal::RpcServiceMethod(kCount.data(), RpcMethod::SERVER_STREAMING, nullptr));
    MarkMethodCallback(0, new grpc::internal::CallbackServerStreamingHandler<StringValue, StringValue>(
                              [&](grpc::CallbackServerContext* context, const StringValue* request) {
                                return OpenServerStream<CountStream>(*context, shared, streams, kCount, plan, *request);
                              }));
  }
};

class ServerStreamTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(EnforceTls13().ok()); }

  ServerStreamTest() {
    plan_.executor = &executor_;
    std::string name = ::testing::TempDir() + "/accord_stream_XXXXXX";
    directory_ = mkdtemp(name.data());
    auto server = Server::Start({.tls = Write("server", "broker/main"), .trust_domain = "accord.test"}, {&service_});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    auto channel = MakeChannel({.target = "127.0.0.1:" + std::to_string(server_->port()),
                                .tls = Write("agency", "agency/met-police"),
                                .server_spiffe_id = crypto::testing::SpiffeId("broker/main"),
                                .share_connection = false});
    EXPECT_TRUE(channel.ok()) << channel.status();
    channel_ = *std::move(channel);
  }
  ~ServerStreamTest() override {
    Stop();
    std::filesystem::remove_all(directory_);
  }
  void Stop() {
    server_->Shutdown(absl::Seconds(5));
    executor_.Shutdown();
  }

  TlsFiles Write(const std::string& name, const std::string& path) {
    const auto issued = authority_.IssueTls(path);
    const TlsFiles files = {directory_ + "/" + name + ".crt", directory_ + "/" + name + ".key", directory_ + "/roots"};
    EXPECT_TRUE(WriteFileDurably(files.certificate, issued.certificate.pem()).ok());
    EXPECT_TRUE(WriteFileDurably(files.private_key, issued.key_pem).ok());
    EXPECT_TRUE(WriteFileDurably(files.roots, authority_.pem()).ok());
    return files;
  }

  // A call that `between` may meddle with after each message.
  absl::Status Call(std::vector<std::string>& messages, std::function<void(grpc::ClientContext&)> between = nullptr) {
    grpc::ClientContext context;
    SetTimeout(context, kTimeout);
    StringValue request, message;
    request.set_value("n");
    std::unique_ptr<grpc::ClientReader<StringValue>> reader(
        grpc::internal::ClientReaderFactory<StringValue>::Create(
            channel_.get(), RpcMethod(kCount.data(), RpcMethod::SERVER_STREAMING), &context, request));
    while (reader->Read(&message)) {
      messages.push_back(message.value().substr(0, message.value().find('x')));
      if (between) between(context);
    }
    return FromGrpc(reader->Finish());
  }

  std::string directory_;
  const crypto::testing::TestAuthority authority_;
  SystemClock clock_;
  telemetry::Metrics metrics_;
  Executor executor_{2, 64};
  FakeAuthorizer authorizer_;
  HandlerContext shared_{executor_, authorizer_, clock_, metrics_};
  LiveStreams streams_;
  Plan plan_;
  CountService service_{shared_, streams_, plan_};
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(ServerStreamTest, WritesAllInOrderAndEnds) {
  plan_.messages = 300;
  std::vector<std::string> messages;
  ASSERT_EQ(Call(messages), absl::OkStatus());
  ASSERT_EQ(messages.size(), 300u);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(messages[i], "n" + std::to_string(i));
  plan_.messages = 0;
  messages.clear();
  EXPECT_EQ(Call(messages), absl::OkStatus());
  EXPECT_TRUE(messages.empty());
  Stop();
  EXPECT_EQ(streams_.size(), 0u);
  EXPECT_NE(metrics_.Text().find("reason=\"OK\"} 2"), std::string::npos) << metrics_.Text();
}

TEST_F(ServerStreamTest, EndsWithTheErrorThatCameUp) {
  plan_.fails = true, plan_.fails_with = Reason::kStoreUnavailable;
  std::vector<std::string> messages;
  EXPECT_TRUE(HasReason(Call(messages), Reason::kStoreUnavailable));
  EXPECT_EQ(messages.size(), 3u) << "what was written before it arrives";
  messages.clear();
  plan_.fails_on_open = true;
  const int asked = plan_.asked;
  EXPECT_TRUE(HasReason(Call(messages), Reason::kFieldInvalid));
  EXPECT_TRUE(messages.empty());
  EXPECT_EQ(plan_.asked, asked);
}

TEST_F(ServerStreamTest, TheDeniedGetNothing) {
  authorizer_.deny = true;
  std::vector<std::string> messages;
  EXPECT_TRUE(HasReason(Call(messages), Reason::kCertificateDenied));
  EXPECT_TRUE(messages.empty());
  EXPECT_EQ(plan_.opened, 0);
  Stop();
  EXPECT_EQ(streams_.size(), 0u);
}

TEST_F(ServerStreamTest, EndsAtOnceForWhoIsDeniedMeanwhile) {
  plan_.messages = 1 << 30;
  std::vector<std::string> messages;
  const absl::Status status = Call(messages, [&](grpc::ClientContext&) {
    if (messages.size() == 1) streams_.EndIf([](const Peer&, std::string_view) { return Error(Reason::kCertificateDenied, "denied"); });
  });
  EXPECT_TRUE(HasReason(status, Reason::kCertificateDenied)) << status;
}

TEST_F(ServerStreamTest, OneThatHoldsGoesOnWhenItIsResumed) {
  for (const auto holds : {Plan::Holds::kResumedLater, Plan::Holds::kResumedBefore}) {
    plan_.holds = holds;
    plan_.messages = 100;
    std::vector<std::string> messages;
    ASSERT_EQ(Call(messages), absl::OkStatus());
    ASSERT_EQ(messages.size(), 100u) << "none twice, and none of what was not to be written";
    for (int i = 0; i < 100; ++i) EXPECT_EQ(messages[i], "n" + std::to_string(i));
    plan_.resume_fails = true, plan_.fails_with = Reason::kStoreUnavailable;
    messages.clear();
    EXPECT_TRUE(HasReason(Call(messages), Reason::kStoreUnavailable));
    EXPECT_TRUE(messages.empty());
    plan_.resume_fails = false;
  }
}

TEST_F(ServerStreamTest, OneThatHoldsForEverEndsWithWhoIsDenied) {
  plan_.holds = Plan::Holds::kForEver;
  plan_.while_held = [&] { streams_.EndIf([](const Peer&, std::string_view) { return Error(Reason::kCertificateDenied, "denied"); }); };
  std::vector<std::string> messages;
  const absl::Status status = Call(messages);
  EXPECT_TRUE(HasReason(status, Reason::kCertificateDenied)) << status;
  EXPECT_TRUE(messages.empty());
}

TEST_F(ServerStreamTest, AReaderThatStopsHoldsNoMoreThanTheConnectionDoes) {
  plan_.messages = 1000, plan_.bytes = 1 << 20;
  std::vector<std::string> messages;
  EXPECT_EQ(Call(messages, [](grpc::ClientContext& context) { context.TryCancel(); }).code(), absl::StatusCode::kCancelled);
  Stop();
  EXPECT_LT(plan_.asked, 100);
  EXPECT_EQ(streams_.size(), 0u);
}

TEST_F(ServerStreamTest, AFullExecutorSaysWhenToComeAgain) {
  std::vector<std::string> messages;
  ASSERT_EQ(Call(messages), absl::OkStatus());
  executor_.Shutdown();
  const absl::Status status = Call(messages);
  EXPECT_TRUE(HasReason(status, Reason::kQueueFull)) << status;
}

}  // namespace
}  // namespace accord::rpc::server_stream_test
