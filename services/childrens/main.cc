#include "common/agent_rpc/program.h"
#include "services/childrens/api/childrens_service.h"

// Shutdown order: as RunAgency says.
int main(int argc, char** argv) {
  return accord::agent_rpc::RunAgency(
      argc, argv,
      {.program = "accord-childrens",
       .description = "The agency service of children's services.",
       .kind = accord::type::v1::AGENCY_KIND_CHILDRENS_SERVICES,
       .default_port = 7412,
       .services = [](accord::agent_rpc::AgencyRuntime& runtime) {
         std::vector<std::unique_ptr<grpc::Service>> services;
         services.push_back(std::make_unique<accord::childrens::ChildrensService>(runtime));
         return services;
       },
       .pushes = accord::childrens::ChildrensService::Pushes()});
}
