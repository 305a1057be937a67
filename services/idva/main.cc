#include "common/agent_rpc/program.h"
#include "services/idva/api/idva_service.h"

// Shutdown order: as RunAgency says.
int main(int argc, char** argv) {
  return accord::agent_rpc::RunAgency(
      argc, argv,
      {.program = "accord-idva",
       .description = "The agency service of an Idva service.",
       .kind = accord::type::v1::AGENCY_KIND_IDVA,
       .default_port = 7415,
       .services = [](accord::agent_rpc::AgencyRuntime& runtime) {
         std::vector<std::unique_ptr<grpc::Service>> services;
         services.push_back(std::make_unique<accord::idva::IdvaService>(runtime));
         return services;
       },
       .pushes = accord::idva::IdvaService::Pushes()});
}
