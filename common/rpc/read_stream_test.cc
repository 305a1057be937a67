// Streams that only the client writes, over real connections.
#include "common/rpc/read_stream.h"

#include <absl/synchronization/notification.h>
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

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/base/file.h"
#include "common/crypto/testing_pki.h"
#include "common/rpc/client.h"
#include "common/rpc/server.h"

namespace accord::rpc::read_stream_test {
namespace {

using google::protobuf::StringValue;
using grpc::internal::RpcMethod;

constexpr std::string_view kJoin = "/accord.test.Join/Join";

class Judge : public Authorizer {
 public:
  absl::Status Authorize(const Peer&, std::string_view) override {
    return deny ? Error(Reason::kCertificateDenied, "denied") : absl::OkStatus();
  }
  std::atomic<bool> deny = false;
};

// What the stream of a test did. Atomic as in server_stream_test.cc.
struct Seen {
  std::atomic<int> opened = 0, messages = 0, ended = 0, at_once = 0;
  std::atomic<int> refuse_at = -1;      // The message that is refused.
  std::atomic<bool> later = false;      // Answered on another thread.
  absl::Notification first;             // Of all the streams' messages.
};

class JoinStream final : public ReadStream<StringValue, StringValue> {
 public:
  JoinStream(Seen& seen, Executor& executor) : seen_(seen), executor_(executor) {}

 private:
  absl::Status OnOpen(const Peer& peer) override {
    ++seen_.opened;
    EXPECT_EQ(peer.id, "met-police");
    return absl::OkStatus();
  }
  absl::Status OnMessage(StringValue message) override {
    EXPECT_EQ(++seen_.at_once, 1);
    joined_ += message.value();
    --seen_.at_once;
    const int before = seen_.messages++;
    if (before == 0) seen_.first.Notify();
    if (before == seen_.refuse_at) return Error(Reason::kMessageTooLarge, "too much");
    return absl::OkStatus();
  }
  void OnEnd() override {
    ++seen_.ended;
    StringValue answer;
    answer.set_value(joined_);
    if (!seen_.later) return Answer(answer);
    EXPECT_TRUE(executor_.Run([self = std::static_pointer_cast<JoinStream>(shared_from_this()), answer] { self->Answer(answer); }));
  }

  Seen& seen_;
  Executor& executor_;
  std::string joined_;
};

class JoinService : public grpc::Service {
 public:
  JoinService(HandlerContext& shared, LiveStreams& streams, Seen& seen) {
    AddMethod(new grpc::internal::RpcServiceMethod(kJoin.data(), RpcMethod::CLIENT_STREAMING, nullptr));
    MarkMethodCallback(0, new grpc::internal::CallbackClientStreamingHandler<StringValue, StringValue>(
                              [&](grpc::CallbackServerContext* context, StringValue* response) {
                                return OpenReadStream<JoinStream>(*context, *response, shared, streams, kJoin, seen, shared.executor);
                              }));
  }
};

class ReadStreamTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(EnforceTls13().ok()); }

  ReadStreamTest() {
    std::string name = ::testing::TempDir() + "/accord_read_XXXXXX";
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
  ~ReadStreamTest() override {
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

  // Says `count` pieces; `between` may meddle before each, and the call ends there when it says so.
  absl::StatusOr<std::string> Call(int count, std::function<bool(int)> between = nullptr) {
    grpc::ClientContext context;
    SetTimeout(context, absl::Seconds(10));
    StringValue response, piece;
    std::unique_ptr<grpc::ClientWriter<StringValue>> writer(grpc::internal::ClientWriterFactory<StringValue>::Create(
        channel_.get(), RpcMethod(kJoin.data(), RpcMethod::CLIENT_STREAMING), &context, &response));
    for (int i = 0; i < count; ++i) {
      if (between && !between(i)) context.TryCancel();
      piece.set_value(std::to_string(i) + " ");
      if (!writer->Write(piece)) break;
    }
    writer->WritesDone();
    const absl::Status status = FromGrpc(writer->Finish());
    if (!status.ok()) return status;
    return response.value();
  }

  std::string directory_;
  const crypto::testing::TestAuthority authority_;
  SystemClock clock_;
  telemetry::Metrics metrics_;
  Executor executor_{2, 64};
  Judge authorizer_;
  HandlerContext shared_{executor_, authorizer_, clock_, metrics_};
  LiveStreams streams_;
  Seen seen_;
  JoinService service_{shared_, streams_, seen_};
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(ReadStreamTest, TakesAllInOrderAndAnswersOnceEitherWay) {
  for (const bool later : {false, true}) {
    seen_.later = later;
    const auto answer = Call(12);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(*answer, "0 1 2 3 4 5 6 7 8 9 10 11 ");
  }
  EXPECT_EQ(*Call(0), "");
  Stop();
  EXPECT_EQ(streams_.size(), 0u);
  EXPECT_NE(metrics_.Text().find("reason=\"OK\"} 3"), std::string::npos) << metrics_.Text();
}

TEST_F(ReadStreamTest, ReadsNothingAfterARefusal) {
  seen_.refuse_at = 2;
  EXPECT_TRUE(HasReason(Call(1000).status(), Reason::kMessageTooLarge));
  EXPECT_EQ(seen_.messages, 3);
  EXPECT_EQ(seen_.ended, 0);
}

TEST_F(ReadStreamTest, TheDeniedSayNothing) {
  authorizer_.deny = true;
  EXPECT_TRUE(HasReason(Call(3).status(), Reason::kCertificateDenied));
  EXPECT_EQ(seen_.opened + seen_.messages, 0);
  Stop();
  EXPECT_EQ(streams_.size(), 0u);
}

TEST_F(ReadStreamTest, EndsForWhoIsDeniedMeanwhileOrGoesAway) {
  const auto denied = Call(100'000, [&](int i) {
    if (i < 5) return true;
    seen_.first.WaitForNotification();  // A stream that is not open yet is not among those that are ended.
    if (i == 5) streams_.EndIf([](const Peer&, std::string_view) { return Error(Reason::kCertificateDenied, "denied"); });
    return true;
  });
  EXPECT_FALSE(denied.ok());
  EXPECT_EQ(seen_.ended, 0);
  EXPECT_EQ(Call(100, [](int i) { return i < 5; }).status().code(), absl::StatusCode::kCancelled);
  Stop();
  EXPECT_EQ(streams_.size(), 0u);
}

TEST_F(ReadStreamTest, AFullExecutorSaysWhenToComeAgain) {
  executor_.Shutdown();
  EXPECT_TRUE(HasReason(Call(3).status(), Reason::kQueueFull));
}

}  // namespace
}  // namespace accord::rpc::read_stream_test
