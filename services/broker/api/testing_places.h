// Calls of which only so many run at a time, one more than that: for tests of the places that they take.
#pragma once

#include <absl/synchronization/notification.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/base/status.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_wire.h"
#include "services/broker/sequencer/testing_command.h"

namespace accord::broker {

// As `principal` asks TrailService one time more than there are places, `at_once`, while nobody comes to the record. Each takes its place and then waits for its
// entry; one finds none, and this is what it hears.
template <typename Request, typename Response, typename Method>
absl::Status OneTooMany(TestingBroker& world, const std::string& principal, int at_once, const Request& request, Method method) {
  const auto stub = inspection::v1::TrailService::NewStub(world.Channel(principal));
  struct Call {
    grpc::ClientContext context;
    Response response;
  };
  std::vector<std::unique_ptr<Call>> calls;
  EndedCalls ended;
  absl::Notification go_on;
  world.broker().sequencer().Submit(std::make_unique<HeldUp>(go_on));
  for (int i = 0; i <= at_once; ++i) {
    Call& call = *calls.emplace_back(std::make_unique<Call>());
    rpc::SetTimeout(call.context, kTestTimeout);
    method(*stub->async(), call.context, request, call.response, [&](const grpc::Status& status) { ended.Add(rpc::FromGrpc(status)); });
  }
  const auto first = ended.Wait(1);
  go_on.Notify();
  const auto all = ended.Wait(static_cast<size_t>(at_once) + 1);
  EXPECT_EQ(first.size(), 1u);
  for (size_t i = 1; i < all.size(); ++i) EXPECT_EQ(all[i], absl::OkStatus());
  return first.empty() ? absl::UnknownError("none ended while all were held up") : first[0];
}

}  // namespace accord::broker
