// Between a store that was mended and the entry that says so, and the judgement that both ways of mending share.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>

#include "accord/type/v1/entry.pb.h"
#include "common/storage/store.h"
#include "services/broker/ledger/guard.h"

namespace accord::broker {

// The path of a directory as names beside it begin.
std::string WithoutSlash(std::string path);

// Leaves `event` in a store that no broker has open: the first commit after makes it an entry (docs/storage.md, `meta`).
// OK: durable. Errors of the store.
absl::Status AddRecovery(storage::Store& store, const type::v1::EntryEvent& event);

// The size of the tree in `store`, when its own records agree and it may go on under `guard`. The newest leaves, the head, the
// nodes and the newest full tile are hashed again.
//   DATA_LOSS (kStoreCorrupt)  they do not agree, or something that was signed or answered is not there; says what
absl::StatusOr<uint64_t> JudgeAgainstGuard(const storage::Store& store, const GuardMark& guard);

}  // namespace accord::broker
