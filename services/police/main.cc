#include "common/agent_rpc/program.h"
#include "services/police/api/police_service.h"

// Shutdown order: as RunAgency says.
int main(int argc, char** argv) {
  return accord::agent_rpc::RunAgency(
      argc, argv,
      {.program = "accord-police",
       .description = "The agency service of a police force.",
       .kind = accord::type::v1::AGENCY_KIND_POLICE,
       .default_port = 7411,
       .services = [](accord::agent_rpc::AgencyRuntime& runtime) {
         std::vector<std::unique_ptr<grpc::Service>> services;
         services.push_back(std::make_unique<accord::police::PoliceService>(runtime));
         return services;
       },
       .pushes = accord::police::PoliceService::Pushes()});
}
