#include "services/accordctl/push_calls.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <array>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "accord/childrens/v1/childrens_service.grpc.pb.h"
#include "accord/health/v1/health_service.grpc.pb.h"
#include "accord/housing/v1/housing_service.grpc.pb.h"
#include "accord/idva/v1/idva_service.grpc.pb.h"
#include "accord/police/v1/police_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::accordctl {
namespace {

using Maker = absl::StatusOr<Push> (*)(const std::string& json);

template <auto kMethod, typename Stub, typename Request, typename Response>
absl::StatusOr<Push> MakeOf(const std::string& json,
                            grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*)) {
  auto request = std::make_unique<Request>();
  if (const auto parsed = google::protobuf::util::JsonStringToMessage(json, request.get()); !parsed.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("`request` is no {}: {}", request->GetDescriptor()->name(), parsed.ToString()));
  }
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
absl::StatusOr<Push> Make(const std::string& json) { return MakeOf<kMethod>(json, kMethod); }

struct Row {
  std::string_view call;
  Maker make;
};

constexpr std::array kCalls = {  // Those that every service has stand last.
    Row{"ReportIncident", Make<&police::v1::PoliceService::Stub::ReportIncident>},
    Row{"SendChildNotice", Make<&police::v1::PoliceService::Stub::SendChildNotice>},
    Row{"RequestDisclosureChecks", Make<&police::v1::PoliceService::Stub::RequestDisclosureChecks>},
    Row{"RecordDisclosure", Make<&police::v1::PoliceService::Stub::RecordDisclosure>},
    Row{"RequestVictimInformation", Make<&police::v1::PoliceService::Stub::RequestVictimInformation>},
    Row{"ReferForHousing", Make<&police::v1::PoliceService::Stub::ReferForHousing>},
    Row{"ReferFamily", Make<&childrens::v1::ChildrensService::Stub::ReferFamily>},
    Row{"RequestPartnerChecks", Make<&childrens::v1::ChildrensService::Stub::RequestPartnerChecks>},
    Row{"CallStrategyDiscussion", Make<&childrens::v1::ChildrensService::Stub::CallStrategyDiscussion>},
    Row{"ReferOn", Make<&housing::v1::HousingService::Stub::ReferOn>},
    Row{"ReferPatient", Make<&health::v1::HealthService::Stub::ReferPatient>},
    Row{"NotifyDutyToRefer", Make<&health::v1::HealthService::Stub::NotifyDutyToRefer>},
    Row{"AnswerReferral", Make<&health::v1::HealthService::Stub::AnswerReferral>},
    Row{"ReferToMarac", Make<&idva::v1::IdvaService::Stub::ReferToMarac>},
    Row{"ReferClient", Make<&idva::v1::IdvaService::Stub::ReferClient>},
    Row{"HandOverClient", Make<&idva::v1::IdvaService::Stub::HandOverClient>},
    Row{"RecordContactAttempts", Make<&idva::v1::IdvaService::Stub::RecordContactAttempts>},
    Row{"RequestChecks", Make<&agency::v1::ChecksService::Stub::RequestChecks>},
    Row{"RecordNotShared", Make<&agency::v1::OutboxService::Stub::RecordNotShared>},
    Row{"RecordSentOutside", Make<&agency::v1::OutboxService::Stub::RecordSentOutside>},
};

}  // namespace

absl::StatusOr<Push> MakePush(std::string_view call, const std::string& json) {
  std::string known;
  for (const Row& row : kCalls) {
    if (row.call == call) return row.make(json);
    known += fmt::format("{}{}", known.empty() ? "" : ", ", row.call);
  }
  if (call == "DecideContact") {
    return absl::InvalidArgumentError("DecideContact answers a contact that was received: use `accordctl inbox decide`");
  }
  return absl::InvalidArgumentError(fmt::format("no push is called {}; there are {}", call, known));
}

}  // namespace accord::accordctl
