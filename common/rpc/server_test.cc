// A server and its clients over real sockets on loopback. A small service of one
// unary and one bidirectional method, made by hand, stands for the real ones.
#include "common/rpc/server.h"

#include <absl/synchronization/blocking_counter.h>
#include <absl/synchronization/notification.h>
#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/rpc_service_method.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/codegen/service_type.h>
#include <grpcpp/impl/codegen/sync_stream.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "common/base/file.h"
#include "common/crypto/testing_pki.h"
#include "common/rpc/bidi.h"
#include "common/rpc/client.h"
#include "common/rpc/handler.h"

namespace accord::rpc::server_test {
namespace {

using crypto::testing::Issued;
using crypto::testing::TestAuthority;
using google::protobuf::StringValue;
using ::testing::HasSubstr;
using RpcMethod = grpc::internal::RpcMethod;

constexpr std::string_view kUnary = "/accord.test.Echo/Unary";
constexpr std::string_view kStream = "/accord.test.Echo/Stream";
constexpr absl::Duration kTimeout = absl::Seconds(60);  // Far more than any of it takes, under the thread sanitizer too.

std::string Uri(std::string_view path) { return crypto::testing::SpiffeId(path); }

StringValue Text(std::string text) {
  StringValue value;
  value.set_value(std::move(text));
  return value;
}

// Refuses whom it is told to.
class FakeAuthorizer : public Authorizer {
 public:
  absl::Status Authorize(const Peer& peer, std::string_view method) override {
    absl::MutexLock lock(&mu_);
    last_ = std::string(method) + " " + peer.ToString();
    if (denied_ == peer.fingerprint) return Error(Reason::kCertificateDenied, "denied");
    return absl::OkStatus();
  }
  void Deny(std::string fingerprint) {
    absl::MutexLock lock(&mu_);
    denied_ = std::move(fingerprint);
  }
  std::string last() {
    absl::MutexLock lock(&mu_);
    return last_;
  }

 private:
  absl::Mutex mu_;
  std::string denied_ ABSL_GUARDED_BY(mu_), last_ ABSL_GUARDED_BY(mu_);
};

// What the streams of a test leave behind.
struct Traces {
  std::atomic<int> closed = 0;
  std::atomic<int> burst = 0;
  absl::Notification burst_over;
};

// Echoes; "burst" answers until no more may wait, "end" ends with an error.
class EchoStream final : public BidiStream<StringValue, StringValue> {
 public:
  explicit EchoStream(Traces& traces) : traces_(traces) {}

 private:
  void OnOpen() override { ReadNext(); }
  void OnMessage(StringValue message) override {
    if (message.value() == "end") return Close(Error(Reason::kEpochMoved, "again"));
    if (message.value() == "burst") {
      while (Send(Text(std::string(1 << 20, 'x')))) ++traces_.burst;
      traces_.burst_over.Notify();
      return Close(Error(Reason::kQueueFull, "enough"));
    }
    EXPECT_TRUE(Send(Text(peer().id + ":" + message.value())));
    ReadNext();
  }
  void OnHalfClose() override { Close(absl::OkStatus()); }
  void OnClosed() override { ++traces_.closed; }

  Traces& traces_;
};

class EchoService : public grpc::Service {
 public:
  EchoService(HandlerContext& shared, LiveStreams& streams) {
    AddMethod(new grpc::internal::RpcServiceMethod(kUnary.data(), RpcMethod::NORMAL_RPC, nullptr));
    AddMethod(new grpc::internal::RpcServiceMethod(kStream.data(), RpcMethod::BIDI_STREAMING, nullptr));
    MarkMethodCallback(0, new grpc::internal::CallbackUnaryHandler<StringValue, StringValue>(
                              [this, &shared](grpc::CallbackServerContext* context, const StringValue* request,
                                              StringValue* response) {
                                return HandleUnary(*context, shared, kUnary,
                                                   [this, request, response](const Call& call, Completion done) {
                                                     Answer(call, *request, *response, std::move(done));
                                                   });
                              }));
    MarkMethodCallback(1, new grpc::internal::CallbackBidiHandler<StringValue, StringValue>(
                              [this, &shared, &streams](grpc::CallbackServerContext* context) {
                                return OpenStream<EchoStream>(*context, shared, streams, kStream, traces_);
                              }));
  }

  Traces& traces() { return traces_; }
  void AnswerHeld() {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(+[](std::optional<Completion>* held) { return held->has_value(); }, &held_));
    (*held_)(absl::OkStatus());
    held_.reset();
  }

 private:
  void Answer(const Call& call, const StringValue& request, StringValue& response, Completion done) {
    if (request.value() == "fail") return done(Error(Reason::kFieldInvalid, "bad", {{"field", "value"}}));
    if (request.value() == "drop") return;
    if (request.value() == "hold") {
      absl::MutexLock lock(&mu_);
      response = Text("held");
      held_.emplace(std::move(done));
      return;
    }
    response.set_value(call.peer->ToString() + (request.value() == "deadline" && call.deadline == absl::InfiniteFuture() ? " none" : ""));
    done(absl::OkStatus());
  }

  Traces traces_;
  absl::Mutex mu_;
  std::optional<Completion> held_ ABSL_GUARDED_BY(mu_);
};

class ServerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(EnforceTls13().ok()); }

  void SetUp() override {
    std::string name = ::testing::TempDir() + "/accord_rpc_XXXXXX";
    directory_ = mkdtemp(name.data());
    server_files_ = Write("server", authority_.IssueTls("broker/main"));
    StartServer();
    agency_ = authority_.IssueTls("agency/met-police/outbox");
    agency_files_ = Write("agency", agency_);
  }
  void TearDown() override {
    server_.reset();
    executor_.Shutdown();
    std::filesystem::remove_all(directory_);
  }

  void StartServer() {
    auto server = Server::Start({.tls = server_files_, .trust_domain = "accord.test"}, {&service_},
                                [this](std::shared_ptr<const grpc::AuthContext>, std::string method, const absl::Status&) {
                                  absl::MutexLock lock(&mu_);
                                  unreadable_ = std::move(method);
                                });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  TlsFiles Write(const std::string& name, const Issued& issued, std::string roots = "") {
    if (roots.empty()) roots = authority_.pem();
    const TlsFiles files = {directory_ + "/" + name + ".crt", directory_ + "/" + name + ".key", directory_ + "/" + name + ".roots"};
    EXPECT_TRUE(WriteFileDurably(files.certificate, issued.certificate.pem()).ok());
    EXPECT_TRUE(WriteFileDurably(files.private_key, issued.key_pem).ok());
    EXPECT_TRUE(WriteFileDurably(files.roots, roots).ok());
    return files;
  }

  std::shared_ptr<grpc::Channel> Channel(const TlsFiles& files, const std::string& server = "broker/main") {
    auto channel = MakeChannel({.target = "127.0.0.1:" + std::to_string(server_->port()),
                                .tls = files,
                                .server_spiffe_id = Uri(server),
                                .share_connection = false});
    EXPECT_TRUE(channel.ok()) << channel.status();
    return *channel;
  }

  absl::StatusOr<StringValue> Unary(grpc::Channel& channel, std::string text, absl::Duration timeout = kTimeout) {
    grpc::ClientContext context;
    SetTimeout(context, timeout);
    StringValue response;
    const grpc::Status status = grpc::internal::BlockingUnaryCall(&channel, RpcMethod(kUnary.data(), RpcMethod::NORMAL_RPC),
                                                                  &context, Text(std::move(text)), &response);
    if (!status.ok()) return FromGrpc(status);
    return response;
  }

  // Whether a client with these files gets through. A refusal in the handshake is UNAVAILABLE to it.
  absl::StatusCode Try(const TlsFiles& files, const std::string& server = "broker/main") {
    return Unary(*Channel(files, server), "x").status().code();
  }

  std::string Raw(const char* method, std::string request) {
    grpc::ClientContext context;
    SetTimeout(context, kTimeout);
    const grpc::Slice slice(request);
    const grpc::ByteBuffer bytes(&slice, 1);
    auto channel = Channel(agency_files_);
    auto* stream = grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(
        channel.get(), RpcMethod(method, RpcMethod::BIDI_STREAMING), &context);
    std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> owned(stream);
    stream->Write(bytes);
    stream->WritesDone();
    grpc::ByteBuffer response;
    std::string all;
    while (stream->Read(&response)) {
      std::vector<grpc::Slice> slices;
      (void)response.Dump(&slices);
      for (const auto& part : slices) all.append(reinterpret_cast<const char*>(part.begin()), part.size());
    }
    const grpc::Status status = stream->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return all;
  }

  std::string directory_;
  const TestAuthority authority_;
  SystemClock clock_;
  telemetry::Metrics metrics_;
  Executor executor_{2, 64};
  FakeAuthorizer authorizer_;
  HandlerContext shared_{executor_, authorizer_, clock_, metrics_};
  LiveStreams streams_;
  EchoService service_{shared_, streams_};
  TlsFiles server_files_, agency_files_;
  Issued agency_ = authority_.IssueTls("agency/none");
  absl::Mutex mu_;
  std::string unreadable_ ABSL_GUARDED_BY(mu_);  // Method of the last request that could not be read.
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, SeesWhoCalls) {
  const auto response = Unary(*Channel(agency_files_), "x");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->value(), "spiffe://accord.test/agency/met-police/outbox");
  EXPECT_EQ(authorizer_.last(), "/accord.test.Echo/Unary spiffe://accord.test/agency/met-police/outbox");
  EXPECT_THAT(metrics_.Text(), HasSubstr("accord_rpc_calls_total{method=\"/accord.test.Echo/Unary\",reason=\"OK\"} 1"));
}

TEST_F(ServerTest, RefusesTls12NoCertificateAndResumption) {
  const auto probe = [&](Offer offer) { return ProbeTls("127.0.0.1", server_->port(), agency_files_, offer, kTimeout).code(); };
  EXPECT_EQ(probe(Offer::kOwnCertificate), absl::StatusCode::kOk);
  EXPECT_EQ(probe(Offer::kNoCertificate), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(probe(Offer::kTls12), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(probe(Offer::kResumption), absl::StatusCode::kPermissionDenied);
}

TEST_F(ServerTest, RefusesCertificatesThatNameNobodyOrTwo) {
  const auto with = [&](std::vector<std::string> uris) {
    return Try(Write("odd", authority_.Issue({.uris = std::move(uris), .tls = true})));
  };
  EXPECT_EQ(with({Uri("agency/a")}), absl::StatusCode::kOk) << "the control";
  EXPECT_EQ(with({Uri("agency/a"), Uri("agency/b")}), absl::StatusCode::kUnavailable);
  EXPECT_EQ(with({}), absl::StatusCode::kUnavailable);
  EXPECT_EQ(with({"https://accord.test/agency/a"}), absl::StatusCode::kUnavailable);
  EXPECT_EQ(with({"spiffe://other.test/agency/a"}), absl::StatusCode::kUnavailable);
  EXPECT_EQ(with({Uri("agency/a/signing")}), absl::StatusCode::kUnavailable);
}

TEST_F(ServerTest, RefusesOtherAuthoritiesAndExpiredCertificates) {
  const TestAuthority other("Other Authority");
  EXPECT_EQ(Try(Write("other", other.IssueTls("agency/met-police"), authority_.pem())), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Try(Write("old", authority_.Issue({.uris = {Uri("agency/met-police")},
                                               .tls = true,
                                               .not_after = clock_.Now() - absl::Hours(1)}))),
            absl::StatusCode::kUnavailable);
}

TEST_F(ServerTest, ClientRefusesAnyServerButTheOneItMeant) {
  EXPECT_EQ(Try(agency_files_, "broker/main"), absl::StatusCode::kOk);
  EXPECT_EQ(Try(agency_files_, "broker/other"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Try(Write("distrusting", agency_, TestAuthority("Other").pem())), absl::StatusCode::kUnavailable);
  EXPECT_EQ(MakeChannel({.target = "x:1", .tls = agency_files_, .server_spiffe_id = "x"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ServerTest, ErrorDetailsSurviveTheWire) {
  const absl::Status status = Unary(*Channel(agency_files_), "fail").status();
  EXPECT_TRUE(HasReason(status, Reason::kFieldInvalid)) << status;
  EXPECT_EQ(DetailOf(status).metadata.at("field"), "value");
  EXPECT_EQ(status.message(), "bad");
}

TEST_F(ServerTest, WhatCannotBeReadIsRefusedWithAReasonAndTold) {
  const absl::Status status = Unary(*Channel(agency_files_), "\xff\xfe").status();
  EXPECT_TRUE(HasReason(status, Reason::kTextNotUtf8)) << status;
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  absl::MutexLock lock(&mu_);
  EXPECT_EQ(unreadable_, std::string(kUnary));
}

TEST_F(ServerTest, DeniedPeerIsRefusedWithItsReason) {
  auto channel = Channel(agency_files_);
  EXPECT_TRUE(Unary(*channel, "x").ok());
  authorizer_.Deny(agency_.certificate.fingerprint());
  EXPECT_TRUE(HasReason(Unary(*channel, "x").status(), Reason::kCertificateDenied)) << "on the same connection";
}

TEST_F(ServerTest, EveryCallEndsEvenIfTheHandlerForgetsIt) {
  EXPECT_TRUE(HasReason(Unary(*Channel(agency_files_), "drop").status(), Reason::kInternal));
}

TEST_F(ServerTest, ACallMayBeAnsweredLaterByAnotherThread) {
  auto channel = Channel(agency_files_);
  absl::StatusOr<StringValue> response;
  {
    Thread caller([&] { response = Unary(*channel, "hold"); });
    service_.AnswerHeld();
  }
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->value(), "held");
}

TEST_F(ServerTest, FullExecutorSaysWhenToComeAgain) {
  absl::Notification go;
  auto channel = Channel(agency_files_);
  ASSERT_TRUE(Unary(*channel, "x").ok());
  absl::BlockingCounter busy(2);  // Both threads, so that the queue stays full.
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(executor_.Run([&] { busy.DecrementCount(), go.WaitForNotification(); }));
  }
  busy.Wait();
  while (executor_.Run([] {})) {
  }
  const absl::Status status = Unary(*channel, "x").status();
  go.Notify();
  executor_.Shutdown();  // Its threads use `go` until they have left it.
  ASSERT_TRUE(HasReason(status, Reason::kQueueFull)) << status;
  EXPECT_EQ(DetailOf(status).metadata.at("retry_after_ms"), "1000");
}

TEST_F(ServerTest, TooLittleTimeIsRefusedBeforeTheBody) {
  shared_.time_min = absl::Hours(1);
  EXPECT_TRUE(HasReason(Unary(*Channel(agency_files_), "x").status(), Reason::kDeadlineTooShort));
}

TEST_F(ServerTest, OversizedMessageHasACanonicalCode) {
  EXPECT_EQ(Unary(*Channel(agency_files_), std::string(kReadBytesMax + 1, 'x')).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(ServerTest, HealthTellsTheTruth) {
  const auto health = [&] { return Raw("/grpc.health.v1.Health/Check", ""); };
  EXPECT_EQ(health(), "\x08\x02") << "NOT_SERVING until told";
  server_->SetServing(true);
  EXPECT_EQ(health(), "\x08\x01");
  server_->SetServing(false);
  EXPECT_EQ(health(), "\x08\x02");
}

TEST_F(ServerTest, ReflectionListsTheServices) {
  const std::string services = Raw("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\x01*");
  EXPECT_THAT(services, HasSubstr("accord.test.Echo"));
  EXPECT_THAT(services, HasSubstr("grpc.health.v1.Health"));
}

TEST_F(ServerTest, StreamsAnswerInOrderAndCloseOnce) {
  auto channel = Channel(agency_files_);
  grpc::ClientContext context;
  SetTimeout(context, kTimeout);
  std::unique_ptr<grpc::ClientReaderWriter<StringValue, StringValue>> stream(
      grpc::internal::ClientReaderWriterFactory<StringValue, StringValue>::Create(
          channel.get(), RpcMethod(kStream.data(), RpcMethod::BIDI_STREAMING), &context));
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(stream->Write(Text(std::to_string(i))));
  stream->WritesDone();
  StringValue message;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(stream->Read(&message));
    EXPECT_EQ(message.value(), "met-police:" + std::to_string(i));
  }
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_TRUE(stream->Finish().ok());
  server_->Shutdown(absl::Seconds(5));
  executor_.Shutdown();
  EXPECT_EQ(service_.traces().closed, 1);
  EXPECT_EQ(streams_.size(), 0u);
}

TEST_F(ServerTest, StreamsEndAsToldAndWithinTheirBound) {
  auto channel = Channel(agency_files_);
  const auto ended = [&](const char* text, bool deny) {
    grpc::ClientContext context;
    SetTimeout(context, kTimeout);
    std::unique_ptr<grpc::ClientReaderWriter<StringValue, StringValue>> stream(
        grpc::internal::ClientReaderWriterFactory<StringValue, StringValue>::Create(
            channel.get(), RpcMethod(kStream.data(), RpcMethod::BIDI_STREAMING), &context));
    StringValue message = Text(text);
    stream->Write(message);
    if (deny) {
      EXPECT_TRUE(stream->Read(&message));
      streams_.EndIf([&](const Peer& peer, std::string_view method) {
        EXPECT_EQ(method, kStream);
        return peer.fingerprint == agency_.certificate.fingerprint() ? Error(Reason::kCertificateDenied, "denied")
                                                                     : absl::OkStatus();
      });
    }
    if (message.value() == "burst") service_.traces().burst_over.WaitForNotification();  // Read nothing before.
    while (stream->Read(&message)) {
    }
    return FromGrpc(stream->Finish());
  };
  EXPECT_TRUE(HasReason(ended("end", false), Reason::kEpochMoved));
  const absl::Status burst = ended("burst", false);
  EXPECT_TRUE(HasReason(burst, Reason::kQueueFull)) << burst;
  EXPECT_GE(service_.traces().burst, 8);
  EXPECT_LE(service_.traces().burst, 8 + 16) << "what waits, and what fits in the connection";
  EXPECT_TRUE(HasReason(ended("x", true), Reason::kCertificateDenied));
  authorizer_.Deny(agency_.certificate.fingerprint());
  EXPECT_TRUE(HasReason(ended("x", false), Reason::kCertificateDenied)) << "before OnOpen";
  server_->Shutdown(absl::Seconds(5));
  executor_.Shutdown();
  EXPECT_EQ(service_.traces().closed, 3) << "OnClosed only after OnOpen";
  EXPECT_EQ(streams_.size(), 0u);
}

TEST_F(ServerTest, CancelledStreamsAreClosed) {
  auto channel = Channel(agency_files_);
  {
    grpc::ClientContext context;
    SetTimeout(context, kTimeout);
    std::unique_ptr<grpc::ClientReaderWriter<StringValue, StringValue>> stream(
        grpc::internal::ClientReaderWriterFactory<StringValue, StringValue>::Create(
            channel.get(), RpcMethod(kStream.data(), RpcMethod::BIDI_STREAMING), &context));
    StringValue message;
    stream->Write(Text("x"));
    ASSERT_TRUE(stream->Read(&message));
    context.TryCancel();
    EXPECT_FALSE(stream->Finish().ok());
  }
  server_->Shutdown(absl::Seconds(5));
  executor_.Shutdown();
  EXPECT_EQ(service_.traces().closed, 1);
}

TEST_F(ServerTest, WatchdogSeesALiveServerAndADeadOne) {
  // systemd's end of the notification socket.
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  (directory_ + "/notify").copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  ASSERT_EQ(bind(notify, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  setenv("NOTIFY_SOCKET", address.sun_path, 1);
  setenv("WATCHDOG_USEC", "1", 1);
  const auto fed = [&] {
    char text[32];
    const ssize_t length = recv(notify, text, sizeof(text), 0);
    return length < 0 ? std::string() : std::string(text, length);
  };

  absl::Mutex mu;
  std::vector<absl::StatusCode> seen;
  auto watchdog = Watchdog::Start(*server_, server_files_, absl::Hours(1), [&](const absl::Status& status) {
    absl::MutexLock lock(&mu);
    seen.push_back(status.code());
  });
  ASSERT_TRUE(watchdog.ok()) << watchdog.status();
  const auto next = [&] {
    (*watchdog)->Poke();
    absl::MutexLock lock(&mu);
    mu.Await(absl::Condition(+[](std::vector<absl::StatusCode>* seen) { return !seen->empty(); }, &seen));
    return std::exchange(seen, {}).front();
  };
  EXPECT_EQ(next(), absl::StatusCode::kOk);
  EXPECT_EQ(fed(), "WATCHDOG=1");
  server_->Shutdown(absl::ZeroDuration());
  EXPECT_EQ(next(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(fed(), "");
  watchdog->reset();
  unsetenv("NOTIFY_SOCKET");
  unsetenv("WATCHDOG_USEC");
  close(notify);
}

TEST_F(ServerTest, RenewedCertificatesAndRootsAreReadWhileRunning) {
  const TestAuthority next("Next Authority");
  const TlsFiles newcomer = Write("newcomer", next.IssueTls("agency/newcomer"), authority_.pem() + next.pem());
  EXPECT_EQ(Try(newcomer), absl::StatusCode::kUnavailable);
  Write("server", next.IssueTls("broker/main"), authority_.pem() + next.pem());
  const absl::Time limit = clock_.Now() + kTimeout;
  absl::StatusCode code;
  do {
    code = Try(newcomer);
  } while (code != absl::StatusCode::kOk && clock_.Now() < limit);
  EXPECT_EQ(code, absl::StatusCode::kOk);
  EXPECT_EQ(Try(agency_files_), absl::StatusCode::kUnavailable) << "which does not trust the next authority yet";
}

TEST_F(ServerTest, StartSaysWhatIsWrong) {
  const auto start = [&](ServerOptions options) { return Server::Start(options, {}).status(); };
  EXPECT_EQ(start({.port = server_->port(), .tls = server_files_, .trust_domain = "accord.test"}).code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(start({.tls = server_files_, .trust_domain = "other.test"}).ToString(), HasSubstr("another trust domain"));
  EXPECT_THAT(start({.tls = {"/nonexistent", "", ""}, .trust_domain = "x"}).ToString(), HasSubstr("cannot read /nonexistent"));
  const TlsFiles distrusting = Write("self", authority_.IssueTls("broker/x"), TestAuthority("Other").pem());
  const absl::Status status = start({.tls = distrusting, .trust_domain = "accord.test"});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.ToString(), HasSubstr("our own certificate is not let in"));
}

}  // namespace
}  // namespace accord::rpc::server_test
