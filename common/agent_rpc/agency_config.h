// The configuration file of an agency service (deploy/agency.toml.example has every key).
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <map>
#include <string>
#include <vector>

#include "accord/type/v1/vocabulary.pb.h"
#include "common/agent/eligibility.h"
#include "common/agent/push_profile.h"
#include "common/referral/instruments.h"
#include "common/rpc/client.h"
#include "common/rpc/server.h"
#include "common/telemetry/log.h"

namespace accord::agent_rpc {

struct AgencyConfig {
  std::string agency;
  type::v1::AgencyKind kind = type::v1::AGENCY_KIND_UNSPECIFIED;  // Of accord-agency; elsewhere it may be left out.
  std::string trust_domain;
  // Which desk of the agency this is: its own certificate, keys, store and workers each (docs/inbox.md).
  type::v1::Desk desk = type::v1::DESK_MAIN;

  rpc::ServerOptions server;  // [server]
  int metrics_port = 0;

  rpc::ChannelOptions broker;  // [broker]
  std::string log_vkey;        // [broker] log_vkey: a file with the log's verification key.

  // [keys]
  std::string signing_key, sealing_key, sealing_certificate, area_authorities;
  bool passphrase = false;  // The key files are under one: the agency is locked until it is given (docs/hosting.md).
  // [[previous_sealing_keys]]: those before, the newest first; what is sealed for one of them still opens.
  struct PreviousSealing {
    std::string key, certificate;
  };
  std::vector<PreviousSealing> previous_sealing_keys;
  std::string store_key;     // Made at the first start, with the store.
  std::string witness_key;   // Ed25519 PEM of mode 0600; empty: the log is watched and not cosigned.
  std::string witness_name;  // Name of that key in notes.

  std::string linkage_domain, linkage_key_id, linkage_key;  // [linkage]; the key file holds 64 hex digits.
  // [[previous_linkage_keys]]: those that a linkage domain had before, the newest first.
  struct PreviousLinkage {
    std::string domain;  // By default that of [linkage].
    std::string key_id, key;
    absl::Time sent_until;  // The end of the day `until`, UTC: until then tokens are sent under it alone too.
  };
  std::vector<PreviousLinkage> previous_linkage_keys;
  // [[other_linkage_domains]]: with what goes to one of these agencies, tokens of their domain go too.
  struct OtherLinkage {
    std::string domain, key_id, key;
    std::vector<std::string> agencies;
  };
  std::vector<OtherLinkage> other_linkage_domains;
  std::string store;                                        // [store] directory.
  uint64_t disk_floor_bytes = 0;                            // [store] disk_floor: with less free, pushes that are not IMMEDIATE are refused.

  // [routing]: to whom, by kind, when a push names nobody.
  std::map<type::v1::AgencyKind, std::vector<std::string>> routing;

  // [[support_service]]: which clients an agency of the routing takes; one without a row takes anybody.
  std::vector<agent::SupportService> support_services;
  // [instruments] directory: the documents of it; without it those that the program is built with (docs/instruments.md).
  referral::Instruments instruments;

  std::vector<std::string> force_codes;  // [identifiers]: of the police forces heard of here; none: any.

  // [alert]: whom to call about IMMEDIATE referrals (common/agent/alert.h).
  std::vector<std::string> alert_command;  // This,
  std::string alert_webhook;               // or this; neither: nobody is called.
  std::string alert_authorities;           // Of the webhook's certificate; empty: the machine's.
  absl::Duration alert_repeat, alert_timeout;

  // [[push]]: what accord-agency may push in general words (docs/agencies/other.md).
  std::vector<agent::PushProfile> push_profiles;
  // [forum]: it is a Marac forum, by this id in the directory, whose members do the research; empty: it is none (docs/forum.md).
  std::string forum;
  std::vector<std::string> forum_members;

  // [folder]: the watched folder (docs/files.md); without a directory there is none.
  struct Folder {
    std::string directory;
    type::v1::Worker worker;      // Of records that name none; without a pseudonym each has to.
    absl::Duration poll_interval;  // Beside what the kernel tells of.
  };
  Folder folder;

  int threads = 4;                 // [work]
  absl::Duration poll_interval;    // Of the checkpoint and the directory.
  telemetry::LogOptions log;       // [log]
};

inline constexpr size_t kPreviousSealingKeysMax = 16;
inline constexpr size_t kPreviousLinkageKeysMax = 16;
inline constexpr size_t kOtherLinkageDomainsMax = 8;
inline constexpr size_t kForumMembersMax = 64;

// Errors as config::Table's: all of them, each with file, line and key. `default_port` is design.md §8's.
absl::StatusOr<AgencyConfig> LoadAgencyConfig(const std::string& path, int default_port);

}  // namespace accord::agent_rpc
