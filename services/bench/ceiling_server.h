// What Debian's gRPC and RocksDB allow at best: the same bytes over the same mTLS into one fsynced put.
#pragma once

#include <absl/status/status.h>

#include <string>

#include "common/rpc/tls.h"

namespace accord::bench {

// Serves SubmitReferral and SubmitReferrals without reading what they carry: every request is put, whole, into a
// RocksDB in `directory`, opened as the broker's; one thread writes all that came in while its last fsync ran. Answers
// are empty but for the tag. Until SIGTERM or SIGINT. Errors of the store and the server.
absl::Status RunCeilingServer(const std::string& directory, int port, const rpc::TlsFiles& tls);

}  // namespace accord::bench
