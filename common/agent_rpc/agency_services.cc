#include "common/agent_rpc/agency_services.h"

#include <utility>

#include "common/agent_rpc/attachments_service.h"
#include "common/agent_rpc/cases_service.h"
#include "common/agent_rpc/checks_service.h"
#include "common/agent_rpc/delivery_service.h"
#include "common/agent_rpc/disclosure_service.h"
#include "common/agent_rpc/inbox_service.h"
#include "common/agent_rpc/outbox_service.h"
#include "common/agent_rpc/records_service.h"
#include "common/agent_rpc/retention_service.h"
#include "common/agent_rpc/workers_service.h"

namespace accord::agent_rpc {

std::vector<std::unique_ptr<grpc::Service>> MakeAgencyServices(AgencyRuntime& runtime) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(std::make_unique<InboxService>(runtime));
  services.push_back(std::make_unique<OutboxService>(runtime));
  services.push_back(std::make_unique<RetentionService>(runtime));
  services.push_back(std::make_unique<DeliveryService>(runtime));
  services.push_back(std::make_unique<DisclosureService>(runtime));
  services.push_back(std::make_unique<ChecksService>(runtime));
  services.push_back(std::make_unique<CasesService>(runtime));
  services.push_back(std::make_unique<AttachmentsService>(runtime));
  services.push_back(std::make_unique<RecordsService>(runtime));
  services.push_back(std::make_unique<WorkersService>(runtime));
  return services;
}

PushCalls AgencyPushes() {
  PushCalls pushes = OutboxService::Pushes();
  for (PushCall& push : ChecksService::Pushes()) pushes.push_back(std::move(push));
  return pushes;
}

}  // namespace accord::agent_rpc
