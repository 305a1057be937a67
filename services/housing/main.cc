#include "common/agent_rpc/program.h"
#include "services/housing/api/housing_service.h"

// Shutdown order: as RunAgency says.
int main(int argc, char** argv) {
  return accord::agent_rpc::RunAgency(
      argc, argv,
      {.program = "accord-housing",
       .description = "The agency service of a housing authority.",
       .kind = accord::type::v1::AGENCY_KIND_HOUSING,
       .default_port = 7413,
       .services = [](accord::agent_rpc::AgencyRuntime& runtime) {
         std::vector<std::unique_ptr<grpc::Service>> services;
         services.push_back(std::make_unique<accord::housing::HousingService>(runtime));
         return services;
       },
       .pushes = accord::housing::HousingService::Pushes()});
}
