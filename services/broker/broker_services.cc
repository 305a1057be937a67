#include "services/broker/broker_services.h"

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/rpc/bidi.h"
#include "common/rpc/handler.h"
#include "services/broker/adapter/authorizer.h"
#include "services/broker/api/admin_service.h"
#include "services/broker/api/audit_service.h"
#include "services/broker/api/case_service.h"
#include "services/broker/api/directory_service.h"
#include "services/broker/api/disclosure_service.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/ledger_service.h"
#include "services/broker/api/mailbox_service.h"
#include "services/broker/api/policy_service.h"
#include "services/broker/api/referral_service.h"
#include "services/broker/api/sharing_service.h"
#include "services/broker/api/trail_service.h"
#include "services/broker/api/warrant_service.h"

namespace accord::broker {

struct BrokerServices::Parts {
  Parts(Broker& broker, telemetry::Metrics& metrics)
      : broker(broker),
        shared(broker.executor(), broker.authorizer(), broker.clock(), metrics),
        referral({broker.sequencer(), broker.admission(), broker.linker(), broker.mailboxes(), broker.directory(),
                   broker.refusals(), broker.executor(), broker.clock(), broker.previews(), broker.policy(), broker.quotas()},
                  shared, streams),
        mailbox({broker.sequencer(), broker.mailboxes(), broker.policy(), broker.directory(), broker.refusals(),
                  broker.executor(), broker.clock(), broker.quotas(), broker.linker()},
                 shared, streams),
        sharing({broker.sequencer(), broker.policy(), broker.directory(), broker.mailboxes(), broker.refusals(), broker.clock()}, shared),
        cases({broker.sequencer(), broker.policy(), broker.directory(), broker.refusals(), broker.clock(), broker.linker()}, shared),
        ledger(broker.sequencer(), broker.witnesses(), broker.scrubber(), broker.clock(), shared, streams),
        trail({broker.sequencer(), broker.directory(), broker.trail_keys(), broker.linker(), broker.refusals(), broker.executor(), broker.reading_ahead()},
              {broker.sequencer(), broker.policy(), broker.directory(), broker.witnesses(), broker.refusals(), broker.clock(), broker.vkey()},
              {broker.sequencer(), broker.directory(), broker.policy(), broker.trail_keys(), random, broker.refusals(), broker.executor()},
              {broker.sequencer(), broker.directory(), broker.refusals(), broker.clock()}, shared, streams),
        disclosures({broker.sequencer(), broker.directory(), broker.refusals(), broker.clock()}, shared, streams),
        warrants(broker.sequencer(), broker.directory(), broker.refusals(), broker.statutory_bodies(), shared, streams),
        audits({broker.sequencer(), broker.directory(), broker.trail_keys(), broker.refusals(), broker.clock()}, shared),
        directory(broker.sequencer(), broker.directory(), broker.refusals(), broker.clock(), shared),
        policy(broker.sequencer(), broker.policy(), broker.refusals(), broker.clock(), shared),
        admin({broker.sequencer(), broker.change_rules(), broker.refusals(), broker.directory(), broker.policy(), broker.mailboxes(),
               broker.connections(), broker.clock(), [this](const SuspensionAct& act) { warrants.TellSuspension(act); }},
              shared) {
    broker.ListenToOfficers([this](const OfficerMoved& moved) { warrants.TellOfficerMoved(moved); });
    broker.ListenToReopening([this] { warrants.EndWatches(); });
  }
  ~Parts() {
    broker.ListenToOfficers(nullptr);
    broker.ListenToReopening(nullptr);
  }

  Broker& broker;
  SystemRandom random;  // Seeds of samples.
  rpc::HandlerContext shared;
  rpc::LiveStreams streams;
  ReferralService referral;
  MailboxService mailbox;
  SharingService sharing;
  CaseService cases;
  LedgerService ledger;
  TrailService trail;
  DisclosureService disclosures;
  WarrantService warrants;
  AuditService audits;
  DirectoryService directory;
  PolicyService policy;
  AdminService admin;
};

BrokerServices::BrokerServices(Broker& broker, telemetry::Metrics& metrics) : parts_(std::make_unique<Parts>(broker, metrics)) {}

BrokerServices::~BrokerServices() = default;

std::vector<grpc::Service*> BrokerServices::all() {
  Parts& p = *parts_;
  return {&p.referral, &p.mailbox, &p.sharing, &p.cases, &p.ledger, &p.trail, &p.disclosures, &p.warrants, &p.audits, &p.directory, &p.policy, &p.admin};
}

rpc::UnreadableReport BrokerServices::unreadable() {
  return [&p = *parts_](std::shared_ptr<const grpc::AuthContext> connection, std::string method, const absl::Status& answer) {
    // Dropped when the executor takes no more: a refusal that finds no room is lost work, never a blocked gRPC thread.
    (void)p.broker.executor().Run([&p, connection = std::move(connection), method = std::move(method), answer] {
      const auto peer = p.shared.ReadPeer(*connection);
      p.shared.Count(method, answer, p.broker.clock().Now());
      if (!peer.ok() || !p.broker.authorizer().Authorize(**peer, method).ok()) return;
      RecordRefusal(p.broker.refusals(), CallerOf(**peer), method, answer);
    });
  };
}

void BrokerServices::EndStreamsOfDenied() {
  parts_->streams.EndIf([&p = *parts_](const rpc::Peer& peer, std::string_view method) { return p.broker.authorizer().Judge(peer, method); });
}

void BrokerServices::EndStreams() {
  parts_->streams.EndIf([](const rpc::Peer&, std::string_view) { return Error(Reason::kShuttingDown, "the broker is stopping"); });
}

}  // namespace accord::broker
