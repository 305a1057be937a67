#include "common/agent_rpc/program.h"
#include "services/agency/api/forum_service.h"
#include "services/agency/api/refer_service.h"

// Shutdown order: as RunAgency says.
int main(int argc, char** argv) {
  return accord::agent_rpc::RunAgency(
      argc, argv,
      {.program = "accord-agency",
       .description = "The agency service of any other kind of agency, and of a Marac forum; of one or of several.",
       .default_port = 7416,
       .services = [](accord::agent_rpc::AgencyRuntime& runtime) {
         std::vector<std::unique_ptr<grpc::Service>> services;
         services.push_back(std::make_unique<accord::agency::ReferService>(runtime));
         if (!runtime.config().forum.empty()) services.push_back(std::make_unique<accord::agency::ForumService>(runtime));
         return services;
       },
       .pushes = accord::agency::ReferService::Pushes()});
}
