// The RecordsService of every agency service: the agency's own records, and the case pack, as streams that a slow reader holds back.
#pragma once

#include "accord/agency/v1/records_service.grpc.pb.h"
#include "common/agent/records.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/rpc/bidi.h"

namespace accord::agent_rpc {

inline constexpr size_t kExportedRecordBytesMax = 3u << 20;  // Of one record; one that would be more comes without its receipts.

// As it is exported. `with_content`: the sections too. Thread-safe.
agency::v1::AgencyRecord ToAgencyRecord(AgencyRuntime& runtime, const agent::OwnRecord& record, bool with_content);

// Thread-safe.
class RecordsService final : public agency::v1::RecordsService::CallbackService {
 public:
  explicit RecordsService(AgencyRuntime& runtime) : runtime_(runtime) {}

  grpc::ServerWriteReactor<agency::v1::ExportRecordsResponse>* ExportRecords(grpc::CallbackServerContext*,
                                                                             const agency::v1::ExportRecordsRequest*) override;
  grpc::ServerWriteReactor<agency::v1::BuildCasePackResponse>* BuildCasePack(grpc::CallbackServerContext*,
                                                                             const agency::v1::BuildCasePackRequest*) override;

 private:
  AgencyRuntime& runtime_;
  rpc::LiveStreams streams_;
};

}  // namespace accord::agent_rpc
