// The broker's configuration file (deploy/broker.toml.example has every key).
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/rpc/server.h"
#include "common/telemetry/log.h"
#include "services/broker/admission/quota.h"
#include "services/broker/sharing/preview_quota.h"

namespace accord::broker {

struct BrokerConfig {
  std::string origin;        // Name of the log, and of its key: `accord.example/broker`.
  std::string trust_domain;  // Of every SPIFFE id.

  rpc::ServerOptions server;  // [server]
  int metrics_port = 0;       // [server] metrics_port

  // [store]
  std::string store;      // Directory of the store.
  std::string key_slots;  // File of key slots; better on another volume, with its own, short backups.
  std::string guard;      // File of the guard; outside `store`.
  std::string erasures;   // File of the erasure list; outside `store`, and outside its backups.
  uint64_t disk_floor_bytes = 0;

  // [keys]: files of mode 0600, made by init.
  std::string log_key;         // Ed25519, PKCS#8 in PEM.
  std::string master_key;      // Wraps key slots; 64 hex digits.
  std::string case_index_key;  // HMAC over subject tokens; 64 hex digits.

  std::string witness_policy;  // [witnesses] policy: a tlog-policy file; empty: nobody witnesses.

  // [work]
  int threads = 0;
  size_t queue_max = 0;

  // [warrants]: the bodies whose officers may give themselves a statutory warrant; none named: every body.
  std::vector<std::string> statutory_bodies;

  PreviewLimits previews;  // [previews]
  QuotaLimits limits;      // [limits]

  telemetry::LogOptions log;  // [log]

  // [init]: read by `accord-broker init` alone.
  std::vector<std::string> administrators;
  std::string directory_file;  // Empty: no agencies yet.
  std::string agreement_file;  // Empty: none in force, so nothing but IMMEDIATE passes.
  std::string emergency_schedule_file, legal_register_file, clock_rules_file, case_rules_file;  // Empty: those that the program is built with.
};

// Errors as config::Table's: all of them, each with file, line and key.
absl::StatusOr<BrokerConfig> LoadBrokerConfig(const std::string& path);

}  // namespace accord::broker
