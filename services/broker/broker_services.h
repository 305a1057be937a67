// Every service of the broker over its wire, put together once for main.cc and for tests.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <vector>

#include "common/base/status.h"
#include "common/rpc/bidi.h"
#include "common/rpc/handler.h"
#include "services/broker/adapter/authorizer.h"
#include "services/broker/api/admin_service.h"
#include "services/broker/api/directory_service.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/ledger_service.h"
#include "services/broker/api/mailbox_service.h"
#include "services/broker/api/policy_service.h"
#include "services/broker/api/referral_service.h"
#include "services/broker/api/sharing_service.h"
#include "services/broker/api/trail_service.h"
#include "services/broker/broker.h"

namespace accord::broker {

// Must outlive the server that serves all(). Thread-safe.
class BrokerServices {
 public:
  // Both must outlive this; `metrics` is the handlers'.
  BrokerServices(Broker& broker, telemetry::Metrics& metrics)
      : broker_(broker),
        shared_(broker.executor(), broker.authorizer(), broker.clock(), metrics),
        referral_({broker.sequencer(), broker.admission(), broker.linker(), broker.mailboxes(), broker.directory(),
                   broker.refusals(), broker.executor(), broker.clock(), broker.previews(), broker.policy()},
                  shared_, streams_),
        mailbox_({broker.sequencer(), broker.mailboxes(), broker.policy(), broker.directory(), broker.refusals(),
                  broker.executor(), broker.clock()},
                 shared_, streams_),
        sharing_({broker.sequencer(), broker.policy(), broker.directory(), broker.mailboxes(), broker.refusals(), broker.clock()}, shared_),
        ledger_(broker.sequencer(), broker.witnesses(), broker.scrubber(), broker.clock(), shared_, streams_),
        trail_(broker.sequencer(), broker.refusals(), shared_),
        directory_(broker.directory(), broker.refusals(), shared_),
        policy_(broker.sequencer(), broker.policy(), broker.refusals(), broker.clock(), shared_),
        admin_(broker.sequencer(), broker.change_rules(), broker.refusals(), shared_) {}

  std::vector<grpc::Service*> all() { return {&referral_, &mailbox_, &sharing_, &ledger_, &trail_, &directory_, &policy_, &admin_}; }

  // For rpc::Server::Start: a refusal like any other, of whoever may make the call.
  rpc::UnreadableReport unreadable() {
    return [this](std::shared_ptr<const grpc::AuthContext> connection, std::string method, const absl::Status& answer) {
      // Dropped when the executor takes no more: a refusal that finds no room is lost work, never a blocked gRPC thread.
      (void)broker_.executor().Run([this, connection = std::move(connection), method = std::move(method), answer] {
        const auto peer = shared_.ReadPeer(*connection);
        shared_.Count(method, answer, broker_.clock().Now());
        if (!peer.ok() || !broker_.authorizer().Authorize(**peer, method).ok()) return;
        RecordRefusal(broker_.refusals(), CallerOf(**peer), method, answer);
      });
    };
  }

  // Ends the streams of whoever may no longer call: after every change of the directory.
  void EndStreamsOfDenied() {
    streams_.EndIf([this](const rpc::Peer& peer) { return broker_.authorizer().Judge(peer); });
  }
  // Ends every stream: the broker is stopping.
  void EndStreams() {
    streams_.EndIf([](const rpc::Peer&) { return Error(Reason::kShuttingDown, "the broker is stopping"); });
  }

 private:
  Broker& broker_;
  rpc::HandlerContext shared_;
  rpc::LiveStreams streams_;
  ReferralService referral_;
  MailboxService mailbox_;
  SharingService sharing_;
  LedgerService ledger_;
  TrailService trail_;
  DirectoryService directory_;
  PolicyService policy_;
  AdminService admin_;
};

}  // namespace accord::broker
