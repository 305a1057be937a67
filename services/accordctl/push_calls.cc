#include "services/accordctl/push_calls.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <array>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "accord/childrens/v1/childrens_service.grpc.pb.h"
#include "accord/forum/v1/forum_service.grpc.pb.h"
#include "accord/health/v1/health_service.grpc.pb.h"
#include "accord/housing/v1/housing_service.grpc.pb.h"
#include "accord/idva/v1/idva_service.grpc.pb.h"
#include "accord/police/v1/police_service.grpc.pb.h"
#include "accord/refer/v1/refer_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::accordctl {
namespace {

using Maker = Push (*)();

template <auto kMethod, typename Stub, typename Request, typename Response>
Push MakeOf(grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*)) {
  auto request = std::make_unique<Request>();
  Push push;
  push.options = request->mutable_options();
  push.send = [message = request.get()](const Endpoint& endpoint,
                                        absl::Duration timeout) -> absl::StatusOr<agency::v1::PushResult> {
    ACCORD_ASSIGN_OR_RETURN(const Response response, (Ask<Stub, Request, Response>(endpoint, kMethod, *message, timeout)));
    return response.result();
  };
  push.request = std::move(request);
  return push;
}

template <auto kMethod>
Push Make() { return MakeOf<kMethod>(kMethod); }

struct PushRow {
  std::string_view call;
  Maker make;
};

constexpr std::array kCalls = {  // Those that every service has stand last.
    PushRow{"ReportIncident", Make<&police::v1::PoliceService::Stub::ReportIncident>},
    PushRow{"SendChildNotice", Make<&police::v1::PoliceService::Stub::SendChildNotice>},
    PushRow{"RequestDisclosureChecks", Make<&police::v1::PoliceService::Stub::RequestDisclosureChecks>},
    PushRow{"RecordDisclosure", Make<&police::v1::PoliceService::Stub::RecordDisclosure>},
    PushRow{"RequestVictimInformation", Make<&police::v1::PoliceService::Stub::RequestVictimInformation>},
    PushRow{"ReferForHousing", Make<&police::v1::PoliceService::Stub::ReferForHousing>},
    PushRow{"ReferFamily", Make<&childrens::v1::ChildrensService::Stub::ReferFamily>},
    PushRow{"RequestPartnerChecks", Make<&childrens::v1::ChildrensService::Stub::RequestPartnerChecks>},
    PushRow{"CallStrategyDiscussion", Make<&childrens::v1::ChildrensService::Stub::CallStrategyDiscussion>},
    PushRow{"ReferOn", Make<&housing::v1::HousingService::Stub::ReferOn>},
    PushRow{"ReferPatient", Make<&health::v1::HealthService::Stub::ReferPatient>},
    PushRow{"NotifyDutyToRefer", Make<&health::v1::HealthService::Stub::NotifyDutyToRefer>},
    PushRow{"AnswerReferral", Make<&health::v1::HealthService::Stub::AnswerReferral>},
    PushRow{"ReferToMarac", Make<&idva::v1::IdvaService::Stub::ReferToMarac>},
    PushRow{"ReferClient", Make<&idva::v1::IdvaService::Stub::ReferClient>},
    PushRow{"HandOverClient", Make<&idva::v1::IdvaService::Stub::HandOverClient>},
    PushRow{"RecordContactAttempts", Make<&idva::v1::IdvaService::Stub::RecordContactAttempts>},
    PushRow{"ReferPerson", Make<&refer::v1::ReferService::Stub::ReferPerson>},
    PushRow{"RequestResearch", Make<&forum::v1::ForumService::Stub::RequestResearch>},
    PushRow{"AddAction", Make<&forum::v1::ForumService::Stub::AddAction>},
    PushRow{"RequestChecks", Make<&agency::v1::ChecksService::Stub::RequestChecks>},
    PushRow{"RecordNotShared", Make<&agency::v1::OutboxService::Stub::RecordNotShared>},
    PushRow{"RecordSentOutside", Make<&agency::v1::OutboxService::Stub::RecordSentOutside>},
};

}  // namespace

absl::StatusOr<Push> NewPush(std::string_view call) {
  std::string known;
  for (const PushRow& row : kCalls) {
    if (row.call == call) return row.make();
    known += fmt::format("{}{}", known.empty() ? "" : ", ", row.call);
  }
  if (call == "DecideContact") {
    return absl::InvalidArgumentError("DecideContact answers a contact that was received: use `accordctl inbox decide`");
  }
  return absl::InvalidArgumentError(fmt::format("no push is called {}; there are {}", call, known));
}

absl::StatusOr<Push> MakePush(std::string_view call, const std::string& json) {
  ACCORD_ASSIGN_OR_RETURN(Push push, NewPush(call));
  if (const auto parsed = google::protobuf::util::JsonStringToMessage(json, push.request.get()); !parsed.ok()) {
    return absl::InvalidArgumentError(fmt::format("`request` is no {}: {}", push.request->GetDescriptor()->name(), parsed.ToString()));
  }
  // Parsing replaces what was in the request, its options too.
  const auto* const options = push.request->GetDescriptor()->FindFieldByName("options");
  push.options = static_cast<agency::v1::PushOptions*>(push.request->GetReflection()->MutableMessage(push.request.get(), options));
  return push;
}

}  // namespace accord::accordctl
