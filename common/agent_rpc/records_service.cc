#include "common/agent_rpc/records_service.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "common/agent/case_pack.h"
#include "common/agent_rpc/inbox_service.h"
#include "common/agent_rpc/outbox_service.h"
#include "common/agent_rpc/work.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/validate.h"
#include "common/rpc/server_stream.h"

namespace accord::agent_rpc {
namespace {

constexpr std::string_view kExport = "/accord.agency.v1.RecordsService/ExportRecords";
constexpr std::string_view kPack = "/accord.agency.v1.RecordsService/BuildCasePack";
constexpr size_t kAuthorityCharsMax = 64;

// Into the journal, durably, before anything is told.
absl::Status Note(AgencyRuntime& runtime, agency::v1::JournalAct act, const type::v1::Worker& worker, const std::string& about) {
  agency::v1::JournalEntry entry;
  entry.set_act(act);
  *entry.mutable_worker() = worker;
  entry.set_about(about);
  return runtime.journal().Record(std::move(entry));
}

// Leaving out what a worker may not know of would make a record that is not whole without saying so, and to refuse only where there is some of
// it would say that there is.
absl::Status CheckMayReadAll(AgencyRuntime& runtime, const type::v1::Worker& worker) {
  if (!runtime.workers().HasConflicts(worker.pseudonym())) return absl::OkStatus();
  return Error(Reason::kWorkerBarred, "there is somebody about whom this worker may not know; somebody else must export, or make the pack");
}

absl::Status CheckAuthority(const std::string& authority) {
  const bool well = authority.size() <= kAuthorityCharsMax && std::all_of(authority.begin(), authority.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || std::string_view("._:/-").find(c) != std::string_view::npos;
  });
  if (well) return absl::OkStatus();
  return Error(Reason::kFieldInvalid, "authority must be at most 64 of [A-Za-z0-9._:/-]: the number of the request or order", {{"field", "authority"}});
}

class ExportStream final : public rpc::ServerStream<agency::v1::ExportRecordsResponse> {
 public:
  ExportStream(AgencyRuntime& runtime, const agency::v1::ExportRecordsRequest& request)
      : runtime_(runtime), request_(request), reader_(runtime.store(), runtime.inbox()) {}

 private:
  absl::Status OnOpen(const rpc::Peer&) override {
    ACCORD_RETURN_IF_ERROR(agent_rpc::Admit(runtime_, kExport, request_, Journalled::kByAct));
    ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request_));
    ACCORD_RETURN_IF_ERROR(CheckMayReadAll(runtime_, request_.worker()));
    ACCORD_ASSIGN_OR_RETURN(const agent::RecordPosition after, agent::RecordPosition::Parse(request_.after()));
    ACCORD_RETURN_IF_ERROR(Note(runtime_, agency::v1::JOURNAL_ACT_EXPORTED, request_.worker(), ""));
    ACCORD_ASSIGN_OR_RETURN(total_, reader_.Start(after));
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Next(agency::v1::ExportRecordsResponse& message) override {
    for (;;) {
      ACCORD_ASSIGN_OR_RETURN(const auto record, reader_.Next());
      if (!record.has_value()) return false;
      const bool asked = record->at_ms >= request_.from_ms() && (request_.until_ms() == 0 || record->at_ms < request_.until_ms());
      if (!asked) continue;
      *message.mutable_record() = ToAgencyRecord(runtime_, *record, !request_.without_content());
      message.set_position(record->position.ToString());
      message.set_total(std::exchange(total_, 0));
      return true;
    }
  }

  AgencyRuntime& runtime_;
  const agency::v1::ExportRecordsRequest request_;
  agent::RecordReader reader_;
  uint64_t total_ = 0;
};

class PackStream final : public rpc::ServerStream<agency::v1::BuildCasePackResponse> {
 public:
  PackStream(AgencyRuntime& runtime, const agency::v1::BuildCasePackRequest& request) : runtime_(runtime), request_(request) {}

 private:
  absl::Status OnOpen(const rpc::Peer&) override {
    ACCORD_RETURN_IF_ERROR(agent_rpc::Admit(runtime_, kPack, request_, Journalled::kByAct));
    ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request_));
    if (!IsRequestId(request_.request_id())) {
      return Error(Reason::kFieldInvalid, "request_id must be 8 to 128 characters of [A-Za-z0-9._:/-]", {{"field", "request_id"}});
    }
    ACCORD_RETURN_IF_ERROR(CheckAuthority(request_.authority()));
    ACCORD_RETURN_IF_ERROR(CheckMayReadAll(runtime_, request_.worker()));
    ACCORD_RETURN_IF_ERROR(Note(runtime_, agency::v1::JOURNAL_ACT_CASE_PACK, request_.worker(), request_.authority()));
    pack_ = std::make_unique<agent::CasePack>(runtime_.store(), runtime_.keys(), runtime_.inbox(), request_.person());
    return pack_->Find();
  }

  absl::StatusOr<bool> Next(agency::v1::BuildCasePackResponse& message) override {
    ACCORD_ASSIGN_OR_RETURN(auto next, pack_->Next());
    if (!next.has_value()) return false;
    message = *std::move(next);
    return true;
  }

  AgencyRuntime& runtime_;
  const agency::v1::BuildCasePackRequest request_;
  std::unique_ptr<agent::CasePack> pack_;  // Once it may be made.
};

}  // namespace

agency::v1::AgencyRecord ToAgencyRecord(AgencyRuntime& runtime, const agent::OwnRecord& record, bool with_content) {
  agency::v1::AgencyRecord exported;
  switch (record.kind) {
    case agent::OwnRecord::Kind::kSent: {
      auto& sent = *exported.mutable_sent();
      *sent.mutable_submission() = ToSubmission(record.about, record.sent);
      if (record.sent.has_draft()) *sent.mutable_core() = record.sent.draft().core();
      if (with_content) {
        for (auto& section : agent::SectionsOf(record.sent)) *sent.add_sections() = std::move(section);
      }
      if (exported.ByteSizeLong() <= kExportedRecordBytesMax) break;
      sent.mutable_submission()->clear_receipt();
      sent.mutable_submission()->clear_act_receipts();
      break;
    }
    case agent::OwnRecord::Kind::kReceived: {
      auto& received = *exported.mutable_received();
      *received.mutable_item() = ToItem(runtime, *record.received);
      *received.mutable_item()->add_receipts() = record.received->stored.released();
      received.mutable_item()->mutable_receipts()->MergeFrom(record.received->stored.statement_receipts());
      *received.mutable_core() = record.received->header.core.part;
      if (with_content) {
        agent::ReceivedSections opened = agent::SectionsOf(runtime.inbox(), *record.received);
        for (auto& section : opened.sections) *received.add_sections() = std::move(section);
        received.set_unopened(opened.unopened);
      }
      if (exported.ByteSizeLong() > kExportedRecordBytesMax) received.mutable_item()->clear_receipts();
      break;
    }
    case agent::OwnRecord::Kind::kJournal: *exported.mutable_journal() = record.journal; break;
  }
  return exported;
}

grpc::ServerWriteReactor<agency::v1::ExportRecordsResponse>* RecordsService::ExportRecords(grpc::CallbackServerContext* context,
                                                                                           const agency::v1::ExportRecordsRequest* request) {
  return rpc::OpenServerStream<ExportStream>(*context, runtime_.handlers(), streams_, kExport, runtime_, *request);
}

grpc::ServerWriteReactor<agency::v1::BuildCasePackResponse>* RecordsService::BuildCasePack(grpc::CallbackServerContext* context,
                                                                                           const agency::v1::BuildCasePackRequest* request) {
  return rpc::OpenServerStream<PackStream>(*context, runtime_.handlers(), streams_, kPack, runtime_, *request);
}

}  // namespace accord::agent_rpc
