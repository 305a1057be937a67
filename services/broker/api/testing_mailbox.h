// Agencies that poll their mailboxes, for tests of what becomes of deliveries over a TestingBroker.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "accord/broker/v1/mailbox_service.grpc.pb.h"
#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "common/base/ids.h"
#include "common/ledger/note.h"
#include "common/ledger/tlog_proof.h"
#include "common/referral/referral_name.h"
#include "common/referral/statement.h"
#include "common/rpc/client.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/directory/families.h"

namespace accord::broker {

// Time stands still but for a second with each poll.
class MailboxTest : public ::testing::Test {
 protected:
  using Deliveries = std::vector<v1::Delivery>;

  MailboxTest() { Connect(); }
  void Connect() {
    for (const std::string agency : TestingBroker::kAgencies) {
      const auto channel = world_.Channel("agency/" + agency);
      mailboxes_[agency] = v1::MailboxService::NewStub(channel);
      referrals_[agency] = v1::ReferralService::NewStub(channel);
    }
  }
  void Restart() {
    world_.Stop();
    world_.Start();
    Connect();
  }

  std::string Stored(const TestingReferral& spec) {
    const auto response =
        rpc::CallUnary(*referrals_["police"], &v1::ReferralService::Stub::SubmitReferral, MakeSubmission(world_, spec), kTestTimeout);
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.ok() ? response->header_digest() : "";
  }
  // For idva alone, of a case of its own.
  std::string StoredForIdva(const std::string& request_id) {
    return Stored({.request_id = request_id, .recipients = {"idva"}, .victim = request_id});
  }
  type::v1::ReferralState StateAt(const std::string& agency, std::string_view header_digest) {
    v1::GetReferralRequest request;
    request.set_name(referral::ReferralName(header_digest));
    const auto response = rpc::CallUnary(*referrals_["police"], &v1::ReferralService::Stub::GetReferral, request, kTestTimeout);
    EXPECT_EQ(response.status(), absl::OkStatus());
    if (!response.ok()) return type::v1::REFERRAL_STATE_UNSPECIFIED;
    for (const auto& row : response->referral().recipients()) {
      if (row.agency() == agency) return row.state();
    }
    return type::v1::REFERRAL_STATE_UNSPECIFIED;
  }
  type::v1::SignedPayload Sign(const std::string& agency, const std::string& request_id, std::string_view header_digest,
                               type::v1::StatementKind kind, const std::function<void(type::v1::Statement&)>& fill = nullptr) {
    type::v1::Statement statement;
    statement.set_request_id(request_id);
    statement.set_agency(agency);
    *statement.mutable_worker() = WorkerOf("worker-1");
    statement.set_header_digest(std::string(header_digest));
    statement.set_kind(kind);
    statement.set_acted_at_ms(absl::ToUnixMillis(clock_.Now()));
    if (fill) fill(statement);
    const auto document = referral::SignStatement(statement, world_.signing(agency).signing_key());
    EXPECT_EQ(document.status(), absl::OkStatus());
    return document.value_or(type::v1::SignedPayload());
  }
  absl::Status Recall(const std::string& request_id, const std::string& header_digest) {
    v1::RecallReferralRequest request;
    request.set_request_id(request_id);
    *request.mutable_statement() =
        Sign("police", request_id, header_digest, type::v1::STATEMENT_KIND_RECALL,
             [](type::v1::Statement& statement) { statement.set_recall_reason(type::v1::RECALL_REASON_WRONG_CONTENT); });
    return rpc::CallUnary(*referrals_["police"], &v1::ReferralService::Stub::RecallReferral, request, kTestTimeout).status();
  }
  absl::Status Open(const std::string& request_id, const std::string& header_digest) {
    v1::RespondToReferralRequest request;
    request.set_request_id(request_id);
    *request.mutable_statement() = Sign("idva", request_id, header_digest, type::v1::STATEMENT_KIND_OPENED);
    return rpc::CallUnary(*referrals_["idva"], &v1::ReferralService::Stub::RespondToReferral, request, kTestTimeout).status();
  }
  absl::Status Bar(const std::string& agency, const std::string& worker) {
    admin::v1::Change change;
    change.mutable_put_conflict_list()->set_agency(agency);
    change.mutable_put_conflict_list()->add_workers(worker);
    return world_.Change(change);
  }

  absl::StatusOr<v1::CollectMessagesResponse> TryCollect(const std::string& agency, uint32_t credit) {
    v1::CollectMessagesRequest request;
    request.set_request_id("collect-0001");
    request.set_credit(credit);
    return rpc::CallUnary(*mailboxes_[agency], &v1::MailboxService::Stub::CollectMessages, request, kTestTimeout);
  }
  Deliveries Collect(const std::string& agency, uint32_t credit = 0) {
    clock_.Advance(absl::Seconds(1));
    const auto response = TryCollect(agency, credit);
    EXPECT_EQ(response.status(), absl::OkStatus());
    if (!response.ok()) return {};
    return {response->deliveries().begin(), response->deliveries().end()};
  }
  // The one that waits.
  v1::Delivery CollectOne(const std::string& agency) {
    Deliveries deliveries = Collect(agency);
    EXPECT_EQ(deliveries.size(), 1u) << agency;
    return deliveries.empty() ? v1::Delivery() : deliveries[0];
  }
  absl::StatusOr<v1::SettleMessagesResponse> Settle(const std::string& agency, const v1::SettleMessagesRequest& settlements) {
    v1::SettleMessagesRequest request = settlements;
    request.set_request_id("settle-00001");
    return rpc::CallUnary(*mailboxes_[agency], &v1::MailboxService::Stub::SettleMessages, request, kTestTimeout);
  }
  v1::Settled Ack(const std::string& agency, const std::string& delivery_id) {
    v1::SettleMessagesRequest request;
    request.add_settlements()->mutable_ack()->set_delivery_id(delivery_id);
    return One(Settle(agency, request));
  }
  v1::Settled Reject(const std::string& agency, const std::string& delivery_id, const std::string& reason = "OPENING_MISMATCH") {
    v1::SettleMessagesRequest request;
    request.add_settlements()->mutable_reject()->set_delivery_id(delivery_id);
    request.mutable_settlements(0)->mutable_reject()->set_reason(reason);
    return One(Settle(agency, request));
  }
  v1::Settled Nack(const std::string& agency, const std::string& delivery_id, uint32_t delay_ms = 0) {
    v1::SettleMessagesRequest request;
    request.add_settlements()->mutable_nack()->set_delivery_id(delivery_id);
    request.mutable_settlements(0)->mutable_nack()->set_delay_ms(delay_ms);
    return One(Settle(agency, request));
  }
  static v1::Settled One(const absl::StatusOr<v1::SettleMessagesResponse>& response) {
    EXPECT_EQ(response.status(), absl::OkStatus());
    EXPECT_TRUE(response.ok() && response->settled_size() == 1);
    return response.ok() && response->settled_size() == 1 ? response->settled(0) : v1::Settled();
  }
  // Takes and acknowledges all there is.
  Deliveries Drain(const std::string& agency) {
    Deliveries all;
    for (Deliveries some = Collect(agency, 64); !some.empty(); some = Collect(agency, 64)) {
      for (const v1::Delivery& delivery : some) Ack(agency, delivery.delivery_id());
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }

  static type::v1::Worker WorkerOf(const std::string& pseudonym) {
    type::v1::Worker worker;
    worker.set_pseudonym(pseudonym);
    worker.set_role(type::v1::WORKER_ROLE_PRACTITIONER);
    worker.set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
    return worker;
  }
  // The verified entry, as the receipt's openings tell it.
  type::v1::EntryEvent EventOf(const type::v1::Receipt& receipt) {
    const auto vkey = ledger::Vkey::Parse(world_.broker().vkey());
    EXPECT_EQ(ledger::VerifyReceipt(receipt.tlog_proof(), *vkey).status(), absl::OkStatus());
    type::v1::EntryEvent event;
    for (const type::v1::Opening& opening : receipt.openings()) {
      if (opening.label() != "event") continue;
      EXPECT_TRUE(event.ParseFromString(opening.content()));
    }
    return event;
  }
  uint64_t IndexOf(const type::v1::Receipt& receipt) {
    const auto proof = ledger::ParseTlogProof(receipt.tlog_proof());
    EXPECT_EQ(proof.status(), absl::OkStatus());
    return proof.ok() ? proof->index : 0;
  }
  size_t RowsOf(std::string_view family) {
    size_t rows = 0;
    const auto view = world_.broker().sequencer().View();
    EXPECT_EQ((*view)->Scan(family, {}, [&](std::string_view, std::string_view) { return ++rows > 0; }), absl::OkStatus());
    return rows;
  }

  FakeClock clock_{absl::FromCivil(absl::CivilSecond(2026, 11, 24, 10, 0, 0), absl::UTCTimeZone())};
  TestingBroker world_{&clock_};
  std::map<std::string, std::unique_ptr<v1::MailboxService::Stub>> mailboxes_;
  std::map<std::string, std::unique_ptr<v1::ReferralService::Stub>> referrals_;
};

}  // namespace accord::broker
