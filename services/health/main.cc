#include "common/agent_rpc/program.h"
#include "services/health/api/health_service.h"

// Shutdown order: as RunAgency says.
int main(int argc, char** argv) {
  return accord::agent_rpc::RunAgency(
      argc, argv,
      {.program = "accord-health",
       .description = "The agency service of a health body.",
       .kind = accord::type::v1::AGENCY_KIND_HEALTH,
       .default_port = 7414,
       .services = [](accord::agent_rpc::AgencyRuntime& runtime) {
         std::vector<std::unique_ptr<grpc::Service>> services;
         services.push_back(std::make_unique<accord::health::HealthService>(runtime));
         return services;
       },
       .pushes = accord::health::HealthService::Pushes()});
}
