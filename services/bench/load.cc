#include "services/bench/load.h"

#include <absl/synchronization/mutex.h>
#include <absl/synchronization/notification.h>
#include <fmt/format.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/slice.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/rpc/client.h"
#include "common/rpc/error_mapping.h"

namespace accord::bench {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(30);
constexpr absl::Duration kStreamTimeout = absl::Minutes(10);

// One window of unary calls: `outstanding` lines of them, in each of which every answer starts the next call.
class UnaryLoad {
 public:
  UnaryLoad(const std::shared_ptr<grpc::Channel>& channel, std::span<const Submission> submissions, size_t count,
            size_t outstanding, const Clock& clock, Sent& sent)
      : stub_(channel), submissions_(submissions), count_(count), clock_(clock), sent_(sent),
        lines_(std::min(outstanding, count)), calling_(lines_.size()) {}

  absl::Status Run() {
    for (Line& line : lines_) Next(line);
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(+[](size_t* calling) { return *calling == 0; }, &calling_));
    return failure_;
  }

 private:
  // The context of the last call ends with this object, not with the call's callback: it holds the channel, which must
  // never end on gRPC's own thread (1.51 would join that thread with itself).
  struct Line {
    size_t index = 0;
    absl::Time start;
    std::unique_ptr<grpc::ClientContext> context;
  };

  void Next(Line& line) {
    {
      absl::MutexLock lock(&mu_);
      if (next_ == count_ || !failure_.ok()) {
        --calling_;
        return;
      }
      line.index = next_++;
    }
    line.context = std::make_unique<grpc::ClientContext>();
    rpc::SetTimeout(*line.context, kCallTimeout);
    line.start = clock_.Now();
    stub_.UnaryCall(line.context.get(), kSubmitMethod, grpc::StubOptions(),
                    &submissions_[line.index % submissions_.size()].request, &sent_.answers[line.index],
                    [this, &line](const grpc::Status& status) {
                      sent_.latencies[line.index] = clock_.Now() - line.start;
                      if (!status.ok()) {
                        absl::MutexLock lock(&mu_);
                        failure_.Update(rpc::FromGrpc(status));
                      }
                      Next(line);
                    });
  }

  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub_;
  const std::span<const Submission> submissions_;
  const size_t count_;
  const Clock& clock_;
  Sent& sent_;
  std::vector<Line> lines_;

  absl::Mutex mu_;
  size_t next_ ABSL_GUARDED_BY(mu_) = 0;
  size_t calling_ ABSL_GUARDED_BY(mu_);  // Lines that have not ended.
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
};

// The tag that an answer of the stream begins with; nothing when it does not.
std::optional<uint64_t> TagOf(const grpc::ByteBuffer& answer) {
  const std::string field = TagField(answer);
  if (field.empty()) return std::nullopt;
  uint64_t tag = 0;
  for (size_t i = 1; i < field.size(); ++i) tag |= uint64_t{static_cast<uint8_t>(field[i]) & 0x7Fu} << (7 * (i - 1));
  return tag;
}

// One window on one stream. Tags are positions from 1 in the submissions; the ceiling server repeats them in order.
class StreamLoad : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  StreamLoad(const std::shared_ptr<grpc::Channel>& channel, std::span<const Submission> submissions, size_t count,
             size_t outstanding, const Clock& clock, Sent& sent)
      : stub_(channel), submissions_(submissions), count_(count), outstanding_(outstanding), clock_(clock), sent_(sent),
        starts_(count) {}

  absl::Status Run() {
    rpc::SetTimeout(context_, kStreamTimeout);
    stub_.PrepareBidiStreamingCall(&context_, kStreamMethod, grpc::StubOptions(), this);
    {
      absl::MutexLock lock(&mu_);
      StartRead(&answer_);
      Pump();
    }
    StartCall();
    done_.WaitForNotification();
    absl::MutexLock lock(&mu_);
    if (!failure_.ok()) return failure_;
    if (answered_ != count_) return absl::InternalError("the stream ended before its last answer");
    return absl::OkStatus();
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mu_);
    writing_ = false;
    if (ok) Pump();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    const absl::Time now = clock_.Now();
    const auto tag = TagOf(answer_);
    absl::MutexLock lock(&mu_);
    // Windows longer than the submissions are the ceiling's, which answers in order.
    const size_t index = count_ > submissions_.size() ? answered_ : static_cast<size_t>(tag.value_or(0)) - 1;
    if (!tag.has_value() || index >= written_) {
      failure_.Update(absl::InternalError("an answer on the stream has no tag that was sent"));
      context_.TryCancel();
      return;
    }
    sent_.latencies[index] = now - starts_[index];
    sent_.answers[index] = std::move(answer_);
    answer_ = grpc::ByteBuffer();
    ++answered_;
    StartRead(&answer_);
    Pump();
  }
  void OnDone(const grpc::Status& status) override {
    {
      absl::MutexLock lock(&mu_);
      if (!status.ok()) failure_.Update(rpc::FromGrpc(status));
    }
    done_.Notify();
  }

 private:
  void Pump() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (writing_ || half_closed_) return;
    if (written_ == count_) {
      half_closed_ = true;
      StartWritesDone();
    } else if (written_ - answered_ < outstanding_) {
      writing_ = true;
      starts_[written_] = clock_.Now();
      StartWrite(&submissions_[written_++ % submissions_.size()].request);
    }
  }

  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub_;
  const std::span<const Submission> submissions_;
  const size_t count_, outstanding_;
  const Clock& clock_;
  Sent& sent_;
  grpc::ClientContext context_;
  grpc::ByteBuffer answer_;
  absl::Notification done_;

  absl::Mutex mu_;
  std::vector<absl::Time> starts_ ABSL_GUARDED_BY(mu_);
  size_t written_ ABSL_GUARDED_BY(mu_) = 0, answered_ ABSL_GUARDED_BY(mu_) = 0;
  bool writing_ ABSL_GUARDED_BY(mu_) = false, half_closed_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

std::string TagField(const grpc::ByteBuffer& message) {
  constexpr char kFieldOneVarint = 0x08;
  constexpr size_t kFieldBytesMax = 11;
  std::vector<grpc::Slice> slices;
  if (!message.Dump(&slices).ok()) return "";
  std::string field;
  // A slice ends where a read ended: anywhere.
  for (const grpc::Slice& slice : slices) {
    for (const uint8_t byte : slice) {
      field.push_back(static_cast<char>(byte));
      if (field[0] != kFieldOneVarint || field.size() > kFieldBytesMax) return "";
      if (field.size() > 1 && byte < 0x80) return field;
    }
  }
  return "";
}

absl::StatusOr<Sent> Send(const std::shared_ptr<grpc::Channel>& channel, std::span<const Submission> submissions,
                          size_t count, size_t outstanding, Mode mode, const Clock& clock) {
  Sent sent;
  sent.latencies.resize(count);
  sent.answers.resize(count);
  const absl::Time start = clock.Now();
  if (mode == Mode::kUnary) {
    UnaryLoad load(channel, submissions, count, outstanding, clock, sent);
    ACCORD_RETURN_IF_ERROR(load.Run());
  } else {
    StreamLoad load(channel, submissions, count, outstanding, clock, sent);
    ACCORD_RETURN_IF_ERROR(load.Run());
  }
  sent.elapsed = clock.Now() - start;
  return sent;
}

}  // namespace accord::bench
