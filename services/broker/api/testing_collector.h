// An agency's end of a mailbox, for tests over a TestingBroker.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "accord/broker/v1/mailbox_service.grpc.pb.h"
#include "common/rpc/client.h"
#include "services/broker/api/testing_broker.h"

namespace accord::broker {

// A service of its own, whose connection ends with it. Single-thread.
class Collector {
 public:
  Collector(TestingBroker& world, const std::string& principal, uint32_t credit, type::v1::Desk desk = type::v1::DESK_MAIN,
            std::string* fingerprint = nullptr)
      : stub_(v1::MailboxService::NewStub(world.NewChannel(principal, fingerprint))) {
    rpc::SetTimeout(context_, kTestTimeout);
    stream_ = stub_->OpenMailbox(&context_);
    v1::OpenMailboxRequest open;
    open.mutable_open()->set_credit(credit);
    open.mutable_open()->set_desk(desk);
    stream_->Write(open);
  }
  ~Collector() {
    context_.TryCancel();
    if (!finished_) stream_->Finish();
  }
  // The next message; nothing when the stream has ended.
  std::optional<v1::OpenMailboxResponse> Next() {
    v1::OpenMailboxResponse message;
    if (!stream_->Read(&message)) return std::nullopt;
    return message;
  }
  v1::Delivery NextDelivery() {
    if (!early_.empty()) {
      v1::Delivery delivery = std::move(early_.front());
      early_.pop_front();
      return delivery;
    }
    const auto message = Next();
    EXPECT_TRUE(message.has_value() && message->has_delivery());
    return message.has_value() ? message->delivery() : v1::Delivery();
  }
  void Say(const v1::OpenMailboxRequest& request) { stream_->Write(request); }
  v1::Settled Ack(const v1::Delivery& delivery) {
    v1::OpenMailboxRequest request;
    request.mutable_ack()->set_delivery_id(delivery.delivery_id());
    Say(request);
    return Settled();
  }
  v1::Settled Settled() {
    auto message = Next();
    while (message.has_value() && message->has_delivery()) {  // The next may overtake the word that the last is settled.
      early_.push_back(message->delivery());
      message = Next();
    }
    EXPECT_TRUE(message.has_value() && message->has_settled());
    return message.has_value() ? message->settled() : v1::Settled();
  }
  // How the stream ended.
  absl::Status Finish() {
    finished_ = true;
    return rpc::FromGrpc(stream_->Finish());
  }

 private:
  std::unique_ptr<v1::MailboxService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::OpenMailboxRequest, v1::OpenMailboxResponse>> stream_;
  std::deque<v1::Delivery> early_;
  bool finished_ = false;
};

}  // namespace accord::broker
