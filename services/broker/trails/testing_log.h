// A log in memory with everything that a commit writes of it, for tests of what reads the record.
#pragma once

#include <absl/time/time.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/executor.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "services/broker/directory/directory.h"
#include "services/broker/directory/families.h"
#include "services/broker/ledger/key_slots.h"
#include "services/broker/ledger/ledger_writer.h"
#include "services/broker/sequencer/batch_context.h"
#include "services/broker/sequencer/memory_context.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

// Counts what is read of a store: a read by key is a place to look for in a long log, a row of a scan mostly the neighbour of the one before.
// Thread-safe as a store is for reads.
class CountedReads : public storage::Store {
 public:
  explicit CountedReads(const storage::Store& store) : store_(store) {}
  absl::StatusOr<std::optional<std::string>> Get(std::string_view family, std::string_view key, const storage::Snapshot* at) const override {
    ++gets;
    return store_.Get(family, key, at);
  }
  absl::Status Scan(std::string_view family, const storage::Range& range, absl::FunctionRef<bool(std::string_view, std::string_view)> visit,
                    const storage::Snapshot* at) const override {
    ++scans;
    return store_.Scan(family, range, visit, at);
  }
  std::unique_ptr<storage::Snapshot> NewSnapshot() const override { return store_.NewSnapshot(); }
  absl::Status Write(const storage::Batch&, bool) override { return absl::UnimplementedError("reads only"); }

  mutable std::atomic<int> gets = 0, scans = 0;

 private:
  const storage::Store& store_;
};

// Single-thread.
class TestingLog {
 public:
  TestingLog() {
    char name[] = "/tmp/accord-testing-log-XXXXXX";
    root_ = mkdtemp(name);
    slots_ = *KeySlots::Open(root_ + "/slots", crypto::SecretBytes(std::string(32, 'm')), random_, executor_, /*create=*/true);
    writer_ = *LedgerWriter::Open(store_, "accord.test/log");
  }
  ~TestingLog() {
    slots_.reset();
    executor_.Shutdown();
    std::filesystem::remove_all(root_);
  }

  // What the next commits are at; never before the last one.
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);

  // One command, as the sequencer would carry it out.
  absl::Status Commit(std::function<absl::Status(CommitContext&)> apply) {
    BatchContext context(store_, *slots_, random_, "accord.test/log", writer_->size(), now, Epochs());
    Applied command(std::move(apply));
    ACCORD_RETURN_IF_ERROR(context.Run(command));
    storage::Batch batch = context.TakeState();
    for (const std::string& leaf : context.TakeLeaves()) writer_->Add(leaf, batch);
    writer_->Finish(batch);
    for (const auto& op : batch.ops()) {
      if (op.kind == storage::Batch::Kind::kPut) {
        store_.Put(op.family, op.key, op.value);
      } else {
        store_.Delete(op.family, op.key);
      }
    }
    return absl::OkStatus();
  }
  void Enrol(const std::string& id, const std::string& area) {
    admin::v1::Agency agency;
    agency.set_id(id);
    agency.add_areas(area);
    agency.set_active(true);
    store_.Put(kFamilyAgency, id, agency.SerializeAsString());
  }

  ReadView View() const { return ViewOf(store_); }
  // The same read through `store`, which reads this log's.
  ReadView ViewOf(const storage::Store& store) const {
    return ReadView(store, *slots_, std::make_shared<const LedgerEdge>(writer_->edge()), std::make_shared<const Committed>(), 1);
  }
  std::shared_ptr<const DirectorySnapshot> Directory() const { return *DirectorySnapshot::Load(store_, 1); }
  MemoryContext& store() { return store_; }
  KeySlots& slots() { return *slots_; }

 private:
  class Applied : public Command {
   public:
    explicit Applied(std::function<absl::Status(CommitContext&)> apply) : apply_(std::move(apply)) {}
    absl::Status Apply(CommitContext& context) override { return apply_(context); }
    void Done(const absl::StatusOr<Committed>&) override {}

   private:
    const std::function<absl::Status(CommitContext&)> apply_;
  };

  std::string root_;
  FakeRandom random_{7};
  Executor executor_{1, 16};
  MemoryContext store_;
  std::unique_ptr<KeySlots> slots_;
  std::unique_ptr<LedgerWriter> writer_;
};

}  // namespace accord::broker
