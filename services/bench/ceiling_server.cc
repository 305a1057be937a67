#include "services/bench/ceiling_server.h"

#include <absl/functional/any_invocable.h>
#include <absl/synchronization/mutex.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>
#include <grpcpp/support/slice.h>
#include <signal.h>

#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/executor.h"
#include "common/base/status.h"
#include "common/crypto/testing_pki.h"
#include "common/rpc/server.h"
#include "common/storage/rocks_store.h"
#include "services/bench/load.h"

namespace accord::bench {
namespace {

using broker::v1::ReferralService;
using grpc::ByteBuffer;

constexpr char kFamily[] = "bytes";
constexpr absl::Duration kGrace = absl::Seconds(5);

// The one writer. Batches form while the disk is busy; no timer. Thread-safe.
class Committer {
 public:
  using Done = absl::AnyInvocable<void(bool ok) &&>;

  explicit Committer(storage::Store& store) : store_(store), thread_([this] { Loop(); }) {}
  ~Committer() {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }

  void Put(ByteBuffer bytes, Done done) {
    absl::MutexLock lock(&mu_);
    queue_.push_back({std::move(bytes), std::move(done)});
  }

 private:
  struct Item {
    ByteBuffer bytes;
    Done done;
  };

  void Loop() {
    for (uint64_t next = 0;;) {
      std::vector<Item> items;
      {
        absl::MutexLock lock(&mu_);
        mu_.Await(absl::Condition(
            +[](Committer* self) ABSL_EXCLUSIVE_LOCKS_REQUIRED(self->mu_) { return self->stopping_ || !self->queue_.empty(); },
            this));
        items.swap(queue_);
        if (items.empty()) return;
      }
      storage::Batch batch;
      for (Item& item : items) {
        grpc::Slice whole;
        ACCORD_CHECK(item.bytes.DumpToSingleSlice(&whole).ok());
        batch.Put(kFamily, KeyU64(next++), {reinterpret_cast<const char*>(whole.begin()), whole.size()});
      }
      const bool ok = store_.Write(batch, /*sync=*/true).ok();
      for (Item& item : items) std::move(item.done)(ok);
    }
  }

  storage::Store& store_;
  absl::Mutex mu_;
  std::vector<Item> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  Thread thread_;  // Last: it uses the others.
};

// Destroys itself when gRPC is done with it.
class Stream : public grpc::ServerBidiReactor<ByteBuffer, ByteBuffer> {
 public:
  explicit Stream(Committer& committer) : committer_(committer) { StartRead(&incoming_); }

  void OnReadDone(bool ok) override {
    absl::MutexLock lock(&mu_);
    if (!ok) {
      half_closed_ = true;
      return Pump();
    }
    ++unanswered_;
    ByteBuffer request = std::move(incoming_);
    incoming_ = ByteBuffer();
    const grpc::Slice field(TagField(request));
    ByteBuffer tag(&field, 1);
    committer_.Put(std::move(request), [this, tag = std::move(tag)](bool put) {
      absl::MutexLock answering(&mu_);
      failed_ |= !put;
      --unanswered_;
      answers_.push_back(tag);
      Pump();
    });
    StartRead(&incoming_);
  }
  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mu_);
    writing_ = false;
    failed_ |= !ok;
    answers_.pop_front();
    Pump();
  }
  void OnCancel() override {
    absl::MutexLock lock(&mu_);
    failed_ = true;
    Pump();
  }
  void OnDone() override {
    { absl::MutexLock lock(&mu_); }  // Whoever called Finish has let go.
    delete this;
  }

 private:
  void Pump() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (writing_ || finished_) return;
    // Not before the committer has forgotten us, whatever else.
    if (unanswered_ == 0 && (failed_ || (half_closed_ && answers_.empty()))) {
      finished_ = true;
      Finish(failed_ ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "a write failed") : grpc::Status::OK);
    } else if (!answers_.empty() && !failed_) {
      writing_ = true;
      grpc::WriteOptions options;
      if (answers_.size() > 1) options.set_buffer_hint();
      StartWrite(&answers_.front(), options);
    }
  }

  Committer& committer_;
  ByteBuffer incoming_;
  absl::Mutex mu_;
  std::deque<ByteBuffer> answers_ ABSL_GUARDED_BY(mu_);
  size_t unanswered_ ABSL_GUARDED_BY(mu_) = 0;
  bool writing_ ABSL_GUARDED_BY(mu_) = false, half_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool failed_ ABSL_GUARDED_BY(mu_) = false, finished_ ABSL_GUARDED_BY(mu_) = false;
};

class Service : public ReferralService::WithRawCallbackMethod_SubmitReferral<
                    ReferralService::WithRawCallbackMethod_SubmitReferrals<ReferralService::Service>> {
 public:
  explicit Service(Committer& committer) : committer_(committer) {}

  grpc::ServerUnaryReactor* SubmitReferral(grpc::CallbackServerContext* context, const ByteBuffer* request,
                                           ByteBuffer* response) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    const grpc::Slice nothing;
    *response = ByteBuffer(&nothing, 1);
    committer_.Put(*request, [reactor](bool ok) {
      reactor->Finish(ok ? grpc::Status::OK : grpc::Status(grpc::StatusCode::UNAVAILABLE, "the write failed"));
    });
    return reactor;
  }
  grpc::ServerBidiReactor<ByteBuffer, ByteBuffer>* SubmitReferrals(grpc::CallbackServerContext*) override {
    return new Stream(committer_);
  }

 private:
  Committer& committer_;
};

}  // namespace

absl::Status RunCeilingServer(const std::string& directory, int port, const rpc::TlsFiles& tls) {
  // Before any thread starts, so that all of them leave these signals to sigwait below.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  ACCORD_RETURN_IF_ERROR(rpc::EnforceTls13());
  // Sealed bytes go where the broker's go.
  ACCORD_ASSIGN_OR_RETURN(const auto store, storage::RocksStore::Open(directory, {{kFamily, /*sealed=*/true}}, {.create = true}));
  Committer committer(*store);
  Service service(committer);
  rpc::ServerOptions options;
  options.port = port;
  options.tls = tls;
  options.trust_domain = std::string(crypto::testing::kTrustDomain);
  ACCORD_ASSIGN_OR_RETURN(const auto server, rpc::Server::Start(options, {&service}));
  server->SetServing(true);
  int signal = 0;
  sigwait(&stop, &signal);
  server->Shutdown(kGrace);
  return absl::OkStatus();
}

}  // namespace accord::bench
