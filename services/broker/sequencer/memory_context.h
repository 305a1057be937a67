// A CommitContext over a map, for tests of commands: no ledger, no encryption, no rollback.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/storage/store.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// Single-thread.
class MemoryContext : public CommitContext, public storage::Store {
 public:
  // What the command under test added.
  std::vector<EntryDraft> entries;
  std::map<std::pair<std::string, std::string>, std::string> rows;
  Epochs current;
  bool moved = false;
  absl::Time time = absl::FromUnixSeconds(1'800'000'000);

  // CommitContext.
  absl::StatusOr<std::optional<std::string>> Get(std::string_view family, std::string_view key) override {
    const auto found = rows.find({std::string(family), std::string(key)});
    if (found == rows.end()) return std::nullopt;
    return found->second;
  }
  void Put(std::string_view family, std::string_view key, std::string value) override {
    rows[{std::string(family), std::string(key)}] = std::move(value);
  }
  void Delete(std::string_view family, std::string_view key) override {
    rows.erase({std::string(family), std::string(key)});
  }
  absl::StatusOr<std::optional<std::string>> GetSealed(std::string_view family, std::string_view key) override {
    return Get(family, key);
  }
  absl::Status PutSealed(std::string_view family, std::string_view key, uint64_t, std::string_view value) override {
    Put(family, key, std::string(value));
    return absl::OkStatus();
  }
  absl::StatusOr<NewChain> OpenChain() override {
    return OpenChainUnder(next_slot_++);
  }
  NewChain OpenChainUnder(uint64_t slot) override {
    NewChain chain{NewId(random_), slot};
    chains_.insert(chain.pseudonym);
    return chain;
  }
  absl::StatusOr<uint64_t> AddEntry(const EntryDraft& draft) override {
    for (const std::string& chain : draft.chains) {
      if (!chains_.contains(chain)) return Error(Reason::kStoreCorrupt, "an entry names a chain that does not exist");
    }
    entries.push_back(draft);
    return entries.size() - 1;
  }
  std::string RandomBytes(size_t count) override { return random_.Bytes(count); }
  absl::Time now() const override { return time; }
  const Epochs& epochs() const override { return current; }
  void MoveEpochs(const Epochs& epochs) override { current = epochs, moved = true; }

  // Store.
  absl::StatusOr<std::optional<std::string>> Get(std::string_view family, std::string_view key,
                                                 const storage::Snapshot*) const override {
    return const_cast<MemoryContext*>(this)->Get(family, key);
  }
  absl::Status Scan(std::string_view family, const storage::Range& range,
                    absl::FunctionRef<bool(std::string_view, std::string_view)> visit,
                    const storage::Snapshot*) const override {
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& [key, value] : rows) {
      if (key.first == family && key.second >= range.lower && (range.upper.empty() || key.second < range.upper)) {
        found.emplace_back(key.second, value);
      }
    }
    if (range.descending) std::reverse(found.begin(), found.end());
    for (const auto& [key, value] : found) {
      if (!visit(key, value)) break;
    }
    return absl::OkStatus();
  }
  std::unique_ptr<storage::Snapshot> NewSnapshot() const override { return nullptr; }
  absl::Status Write(const storage::Batch&, bool) override { return absl::UnimplementedError("tests write with Put"); }

 private:
  FakeRandom random_{1};
  std::set<std::string> chains_;
  uint64_t next_slot_ = 0;
};

}  // namespace accord::broker
