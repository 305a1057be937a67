#include "services/broker/sequencer/sequencer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/telemetry/log.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/batch_context.h"
#include "services/broker/sequencer/recovery_command.h"

namespace accord::broker {
namespace {

constexpr absl::Duration kViewsLinger = absl::Seconds(5);  // A view held so long is told of.

absl::Status Unavailable(std::string_view why) { return Error(Reason::kStoreUnavailable, why); }

absl::StatusOr<Epochs> ReadEpochs(const storage::Store& store) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, store.Get(kFamilyMeta, kMetaEpochsKey));
  storage::v1::StoredEpochs stored;
  if (bytes.has_value() && !stored.ParseFromString(*bytes)) {
    return Error(Reason::kStoreCorrupt, "the epochs do not parse");
  }
  return Epochs{stored.agreement(), stored.directory(), stored.lists()};
}

// When the newest published checkpoint was; the infinite past when it is of before that was kept, or there is none.
absl::StatusOr<absl::Time> ReadPublishedAt(const storage::Store& store) {
  std::optional<storage::v1::StoredPublished> newest;
  bool parses = true;
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyPublished, {.descending = true}, [&](std::string_view, std::string_view value) {
    parses = newest.emplace().ParseFromArray(value.data(), static_cast<int>(value.size()));
    return false;
  }));
  if (!parses) return Error(Reason::kStoreCorrupt, "a row of family published does not parse");
  return newest.has_value() ? absl::FromUnixMillis(newest->published_at_ms()) : absl::InfinitePast();
}

// What a recovery left to be recorded.
absl::StatusOr<std::vector<std::string>> ReadRecoveries(const storage::Store& store) {
  std::vector<std::string> keys;
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyMeta, storage::Prefix(kMetaRecoveryPrefix), [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  }));
  return keys;
}

}  // namespace

Sequencer::Sequencer(StoreOpener opener, SequencerOptions options, Executor& executor, const Clock& clock,
                     Random& random, telemetry::Metrics& metrics)
    : opener_(std::move(opener)), options_(std::move(options)), executor_(executor), clock_(clock), random_(random),
      batch_commands_(metrics.Histograms("accord_batch_commands", "Commands in a batch.", {},
                                         {1, 2, 4, 8, 16, 32, 64, 128, 256}).With()),
      commit_seconds_(metrics.Histograms("accord_commit_seconds", "From a batch's first command to its signature.").With()),
      tree_size_(metrics.Gauges("accord_tree_size", "Entries under the newest checkpoint.").With()),
      published_size_(metrics.Gauges("accord_published_size", "Entries under the newest published checkpoint.").With()),
      queue_length_(metrics.Gauges("accord_queue_commands", "Commands that wait.").With()),
      reopenings_(metrics.Counters("accord_store_reopenings_total", "Times the store was opened after a failure.").With()) {}

absl::StatusOr<std::unique_ptr<Sequencer>> Sequencer::Start(StoreOpener opener, SequencerOptions options,
                                                            Executor& executor, const Clock& clock, Random& random,
                                                            telemetry::Metrics& metrics) {
  std::unique_ptr<Sequencer> sequencer(
      new Sequencer(std::move(opener), std::move(options), executor, clock, random, metrics));
  if (absl::Status opened = sequencer->Open(); !opened.ok()) {
    sequencer->Close();
    return opened;
  }
  if (!sequencer->options_.stepped) sequencer->thread_ = std::make_unique<Thread>([self = sequencer.get()] { self->Loop(); });
  return sequencer;
}

Sequencer::~Sequencer() { Shutdown(); }

void Sequencer::Submit(std::unique_ptr<Command> command) {
  absl::Status refusal;
  {
    absl::MutexLock lock(&mu_);
    if (!ended_.ok()) {
      refusal = ended_;
    } else if (stopping_) {
      refusal = Error(Reason::kShuttingDown, "the broker is stopping; resend the same request id");
    } else if (queue_.size() >= options_.queue_max) {
      refusal = Error(Reason::kQueueFull, "too much is in flight; wait, then resend the same request id",
                      {{"retry_after_ms", fmt::format("{}", kQueueFullRetryAfterMs)}});
    } else {
      queue_.push_back(std::move(command));
    }
  }
  if (!refusal.ok()) Finish(std::move(command), refusal);
}

absl::StatusOr<std::shared_ptr<const ReadView>> Sequencer::View() const {
  absl::MutexLock lock(&mu_);
  if (view_ == nullptr) return Unavailable("the store is being opened anew");
  return view_;
}

void Sequencer::PublishDue() {
  absl::MutexLock lock(&mu_);
  publish_asked_ = true;
}

bool Sequencer::serving() const {
  absl::MutexLock lock(&mu_);
  return view_ != nullptr && ended_.ok();
}

void Sequencer::Shutdown() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.reset();
  if (!options_.stepped) return;
  while (session_ != nullptr && RunOnce()) {
  }
  Leave();
}

void Sequencer::Loop() {
  absl::Duration delay = kReopenDelayMin;
  for (;;) {
    if (!Reopen().ok()) {
      // Interrupted only by Shutdown: commands wait meanwhile.
      absl::MutexLock lock(&mu_);
      if (mu_.AwaitWithTimeout(absl::Condition(&stopping_), delay)) break;
      delay = std::min(delay * 2, kReopenDelayMax);
      continue;
    }
    delay = kReopenDelayMin;
    if (pending_.empty() && !TakeCommands()) break;
    RunBatchOrClose();
    if (!HasEnded()) continue;
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&stopping_));
    break;
  }
  Leave();
}

bool Sequencer::RunOnce() {
  if (!Reopen().ok()) return false;
  if (pending_.empty()) {
    absl::MutexLock lock(&mu_);
    if (!TakeQueued()) return false;
  }
  RunBatchOrClose();
  return !HasEnded();
}

absl::Status Sequencer::Reopen() {
  if (session_ != nullptr) return absl::OkStatus();
  if (absl::Status opened = Open(); !opened.ok()) {
    Close();
    telemetry::Log(telemetry::Level::kError, "store.refuses_writes", {{"status", opened}});
    return opened;
  }
  reopenings_.Add();
  return absl::OkStatus();
}

void Sequencer::RunBatchOrClose() {
  const absl::Status status = RunBatch();
  if (status.ok()) return;
  telemetry::Log(telemetry::Level::kError, "store.write_failed", {{"status", status}});
  Close();
}

void Sequencer::Leave() {
  // Only an outage leaves commands behind.
  std::deque<std::unique_ptr<Command>> left = std::move(pending_);
  {
    absl::MutexLock lock(&mu_);
    std::move(queue_.begin(), queue_.end(), std::back_inserter(left));
    queue_.clear();
  }
  for (auto& command : left) Finish(std::move(command), Unavailable("the broker stopped while its store refused writes"));
  if (session_ != nullptr && session_->settle) {
    // Everything is durable as it is: an error costs the next opening its time.
    if (const absl::Status settled = session_->settle(); !settled.ok()) {
      telemetry::Log(telemetry::Level::kWarn, "store.not_settled", {{"status", settled}});
    }
  }
  Close();
}

bool Sequencer::HasEnded() {
  absl::Status ended;
  std::deque<std::unique_ptr<Command>> left;
  {
    absl::MutexLock lock(&mu_);
    if (ended_.ok()) return false;
    ended = ended_;
    left = std::exchange(queue_, {});
  }
  std::move(left.begin(), left.end(), std::back_inserter(pending_));
  for (auto& command : std::exchange(pending_, {})) Finish(std::move(command), ended);
  return true;
}

bool Sequencer::TakeCommands() {
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(
      +[](Sequencer* self) ABSL_EXCLUSIVE_LOCKS_REQUIRED(self->mu_) {
        return self->stopping_ || self->publish_asked_ || !self->queue_.empty();
      },
      this));
  return TakeQueued();
}

bool Sequencer::TakeQueued() {
  while (!queue_.empty() && pending_.size() < kBatchCommandsMax) {
    pending_.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  queue_length_.Set(static_cast<double>(queue_.size()));
  return std::exchange(publish_asked_, false) || !pending_.empty();
}

absl::Status Sequencer::CheckSpace() const {
  if (!options_.free_bytes) return absl::OkStatus();
  const auto free = options_.free_bytes();
  // A disk that cannot even be asked is found out by the write.
  if (!free.ok() || *free >= options_.disk_floor_bytes) return absl::OkStatus();
  return Error(Reason::kDiskFloor, "free space is below the floor; only IMMEDIATE, acks, erasures and audit are taken");
}

absl::Status Sequencer::RunBatch() {
  const uint64_t last_ms = session_->log->head().time_ms;
  const uint64_t now_ms = std::max(last_ms, static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixMillis(clock_.Now()))));
  const absl::Time now = absl::FromUnixMillis(static_cast<int64_t>(now_ms));
  const bool publish = unpublished_.has_value() && now >= published_at_ + kPublishInterval;
  if (pending_.empty() && !publish) return absl::OkStatus();
  const telemetry::Timer timer(commit_seconds_, clock_);
  const absl::Status space = CheckSpace();
  BatchContext context(*session_->store, *session_->slots, random_, session_->ledger->origin(), session_->ledger->size(),
                       now, epochs_);
  std::vector<std::unique_ptr<Command>> applied;
  while (!pending_.empty() && context.bytes() < kBatchBytesMax && !context.epochs_moved() && !context.fork().has_value()) {
    if (!applied.empty() && pending_.front()->BeginsBatch()) break;
    std::unique_ptr<Command> command = std::move(pending_.front());
    pending_.pop_front();
    absl::Status status = command->MayBeRefusedForSpace() ? space : absl::OkStatus();
    if (status.ok()) status = context.Run(*command);
    if (status.ok()) {
      applied.push_back(std::move(command));
    } else {
      Finish(std::move(command), status);
    }
  }
  if (!applied.empty()) batch_commands_.Observe(static_cast<double>(applied.size()));

  // A batch of repeats writes nothing; what they repeat is under the newest checkpoint.
  const absl::Status status = context.empty() && !publish ? absl::OkStatus() : Commit(context, publish);
  absl::StatusOr<Committed> outcome = Unavailable("the outcome of the write is not known; resend the same request id");
  if (status.ok()) {
    absl::MutexLock lock(&mu_);
    outcome = view_->checkpoint();
  } else {
    Hide();  // Health and readers know before the callers do.
  }
  if (outcome.ok()) {
    for (const auto& command : applied) command->Published();
  }
  // What is signed is judged once more, by the one who signs.
  const absl::Status ended = status.ok() && context.fork().has_value() ? session_->signer->Confront(*context.fork()) : absl::OkStatus();
  if (!ended.ok()) {
    telemetry::Log(telemetry::Level::kError, "log.forked", {{"status", ended}});
    {
      absl::MutexLock lock(&mu_);
      ended_ = ended;
    }
    if (options_.on_health) options_.on_health(false);  // Before whoever showed the fork is answered.
  }
  for (auto& command : applied) Finish(std::move(command), outcome);
  return status;
}

absl::Status Sequencer::Commit(BatchContext& context, bool publish) {
  storage::Batch batch = context.TakeState();
  const std::vector<std::string> leaves = context.TakeLeaves();
  for (const std::string& leaf : leaves) session_->ledger->Add(leaf, batch);
  session_->ledger->Finish(batch);
  if (publish) {
    storage::v1::StoredPublished published;
    published.set_published_at_ms(absl::ToUnixMillis(context.now()));
    batch.Put(kFamilyCheckpoint, KeyU64(unpublished_->size), unpublished_->note);
    batch.Put(kFamilyPublished, KeyU64(unpublished_->size), published.SerializeAsString());
  }

  const storage::Commit& head = session_->log->head();
  const storage::AppendOutcome outcome = session_->log->Append(
      session_->signer->epoch(), head.sequence, static_cast<uint64_t>(absl::ToUnixMillis(context.now())), batch);
  if (const auto* const unknown = std::get_if<storage::Unknown>(&outcome)) return unknown->cause;
  const auto* const committed = std::get_if<storage::Committed>(&outcome);
  if (committed == nullptr) return Unavailable("another writer has moved on");
  Step(CommitStep::kAppended);

  ACCORD_ASSIGN_OR_RETURN(const SignedCheckpoint checkpoint,
                          session_->signer->VerifyThenSign(*session_->log, *committed, [this](SigningStep step) {
                            Step(step == SigningStep::kReadBack  ? CommitStep::kReadBack
                                 : step == SigningStep::kGuarded ? CommitStep::kGuarded
                                                                 : CommitStep::kSigned);
                          }));
  if (publish) {
    published_size_.Set(static_cast<double>(unpublished_->size));
    published_at_ = context.now();
    unpublished_.reset();
  }
  // A batch without entries leaves the tree as it was.
  if (!leaves.empty()) unpublished_ = checkpoint;
  epochs_ = context.epochs();
  ACCORD_RETURN_IF_ERROR(Publish(checkpoint, context.now(), context.epochs_moved()));
  Step(CommitStep::kPublished);
  return absl::OkStatus();
}

absl::Status Sequencer::Publish(const SignedCheckpoint& checkpoint, absl::Time time, bool epochs_moved) {
  auto committed = std::make_shared<const Committed>(Committed{checkpoint.size, checkpoint.note, time});
  auto view = std::make_unique<ReadView>(*session_->store, *session_->slots, session_->signer->edge(), std::move(committed),
                                         session_->signer->epoch());
  if (epochs_moved && options_.publish) ACCORD_RETURN_IF_ERROR(options_.publish(*view, epochs_));
  tree_size_.Set(static_cast<double>(checkpoint.size));
  std::shared_ptr<const ReadView> before;  // Its end takes the lock.
  absl::MutexLock lock(&mu_);
  ++open_views_;
  before = std::exchange(view_, std::shared_ptr<const ReadView>(view.release(), [this](const ReadView* closed) {
    delete closed;
    absl::MutexLock closing(&mu_);
    --open_views_;
  }));
  return absl::OkStatus();
}

absl::Status Sequencer::Open() {
  ACCORD_ASSIGN_OR_RETURN(session_, opener_());
  ACCORD_ASSIGN_OR_RETURN(epochs_, ReadEpochs(*session_->store));
  ACCORD_ASSIGN_OR_RETURN(auto recoveries, ReadRecoveries(*session_->store));
  // A crash may have come between the last commit and its note.
  ACCORD_ASSIGN_OR_RETURN(const SignedCheckpoint checkpoint, session_->signer->SignHead());
  ACCORD_ASSIGN_OR_RETURN(const auto note, session_->store->Get(kFamilyCheckpoint, KeyU64(checkpoint.size)));
  unpublished_.reset();
  if (!note.has_value() && checkpoint.size > 0) unpublished_ = checkpoint;
  ACCORD_ASSIGN_OR_RETURN(published_at_, ReadPublishedAt(*session_->store));
  ACCORD_RETURN_IF_ERROR(Publish(checkpoint, absl::FromUnixMillis(static_cast<int64_t>(session_->log->head().time_ms)), true));
  // Before anything else is committed.
  if (!recoveries.empty()) pending_.push_front(std::make_unique<RecoveryCommand>(std::move(recoveries)));
  if (options_.on_health) options_.on_health(true);
  return absl::OkStatus();
}

void Sequencer::Hide() {
  std::shared_ptr<const ReadView> view;
  {
    absl::MutexLock lock(&mu_);
    view = std::exchange(view_, nullptr);
  }
  if (view != nullptr && options_.on_health) options_.on_health(false);
}

void Sequencer::Close() {
  Hide();
  for (bool closed = false; !closed;) {
    {
      absl::MutexLock lock(&mu_);
      closed = mu_.AwaitWithTimeout(absl::Condition(+[](int* open) { return *open == 0; }, &open_views_), kViewsLinger);
    }
    if (!closed) telemetry::Log(telemetry::Level::kError, "store.views_linger");
  }
  session_.reset();
}

void Sequencer::Finish(std::unique_ptr<Command> command, absl::StatusOr<Committed> outcome) {
  // Shared, because an executor that refuses a task destroys it.
  struct Work {
    std::unique_ptr<Command> command;
    absl::StatusOr<Committed> outcome;
  };
  const auto work = std::make_shared<Work>(Work{std::move(command), std::move(outcome)});
  if (!executor_.Run([work] { work->command->Done(work->outcome); })) work->command->Done(work->outcome);
}

void Sequencer::Step(CommitStep step) const {
  if (options_.on_step) options_.on_step(step);
}

}  // namespace accord::broker
