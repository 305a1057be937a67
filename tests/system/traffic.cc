#include "tests/system/traffic.h"

#include <fmt/format.h>

#include <utility>

#include "accord/childrens/v1/childrens_service.grpc.pb.h"
#include "accord/health/v1/health_service.grpc.pb.h"
#include "accord/housing/v1/housing_service.grpc.pb.h"
#include "accord/idva/v1/idva_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/ledger/leaf.h"
#include "common/ledger/tlog_proof.h"

namespace accord::tests {
namespace {

using agency::v1::InboxService;
using agency::v1::OutboxService;
using broker::v1::LedgerService;
using inspection::v1::TrailService;

constexpr int kPage = 500;

type::v1::Person TestPerson(const std::string& family, const std::string& given, const std::string& born) {
  type::v1::Person person;
  person.set_family_name(family);
  person.set_given_names(given);
  person.add_dates_of_birth(born);
  return person;
}

template <typename Service, typename Request, typename Response>
absl::StatusOr<agency::v1::PushResult> CallPush(World& world, const std::string& agency,
                                                grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                                const Request& request) {
  ACCORD_ASSIGN_OR_RETURN(auto response, rpc::CallUnary(*world.Own<Service>(agency), method, request, kCallTime));
  return std::move(*response.mutable_result());
}

// Every page of a list.
template <typename Row, typename Request, typename Call, typename Rows>
absl::StatusOr<std::vector<Row>> AllPages(Request request, Call call, Rows rows) {
  std::vector<Row> all;
  request.set_page_size(kPage);
  do {
    ACCORD_ASSIGN_OR_RETURN(auto response, call(request));
    for (auto& row : *rows(response)) all.push_back(std::move(row));
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

absl::StatusOr<std::vector<inspection::v1::TrailRow>> Trail(World& world, const std::string& principal,
                                                            const inspection::v1::QueryTrailRequest& about) {
  const auto stub = world.Stub<TrailService>(kBroker, principal);
  ACCORD_ASSIGN_OR_RETURN(auto rows, AllPages<inspection::v1::TrailRow>(
      about, [&](const auto& request) { return rpc::CallUnary(*stub, &TrailService::Stub::QueryTrail, request, kCallTime); },
      [](auto& response) { return response.mutable_rows(); }));
  for (const auto& row : rows) {
    ACCORD_ASSIGN_OR_RETURN(const ledger::Leaf leaf, ledger::ParseLeaf(row.leaf()));
    for (const auto& opening : row.openings()) {
      if (!ledger::LeafOpens(leaf, {opening.label(), opening.salt(), opening.content()})) {
        return absl::DataLossError("a row of the trail does not open its leaf");
      }
    }
  }
  return rows;
}

}  // namespace

type::v1::Worker TestWorker(const std::string& pseudonym) {
  type::v1::Worker worker;
  worker.set_pseudonym(pseudonym);
  worker.set_role(type::v1::WORKER_ROLE_PRACTITIONER);
  worker.set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
  return worker;
}

agency::v1::PushOptions TestOptions(const std::string& request_id, const std::vector<std::string>& recipients, uint32_t wait_ms) {
  agency::v1::PushOptions options;
  options.set_request_id(request_id);
  *options.mutable_worker() = TestWorker("worker-1");
  for (const std::string& recipient : recipients) options.add_recipients(recipient);
  auto& basis = *options.mutable_basis();
  basis.set_victim_awareness(type::v1::VICTIM_AWARENESS_INFORMED);
  basis.set_consent(type::v1::CONFIDENTIALITY_CONSENT_GIVEN);
  basis.set_article6(type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
  basis.set_article9(type::v1::ARTICLE9_CONDITION_SAFEGUARDING);
  options.set_wait_ms(wait_ms);
  return options;
}

police::v1::ReportIncidentRequest TestIncident(const agency::v1::PushOptions& options) {
  police::v1::ReportIncidentRequest request;
  *request.mutable_options() = options;
  request.set_force("98");
  request.set_reference("1/26");
  request.set_is_crime(true);
  request.set_happened("2026-03-12T21:40:00Z");
  request.set_summary("Shouting heard; marks to the neck.");
  *request.mutable_victim() = TestPerson("Ashdown", "Miriam", "1991-04-17");
  *request.add_alleged_perpetrators()->mutable_person() = TestPerson("Kettle", "Darren", "1988-11-02");
  *request.add_children()->mutable_child()->mutable_person() = TestPerson("Kettle", "Ruby", "2014-06-30");
  request.set_risk_grade(type::v1::RISK_GRADE_HIGH);
  request.set_instrument(type::v1::INSTRUMENT_DARA);
  request.set_instrument_version("1.0");
  request.set_risk_rationale("Strangulation.");
  request.mutable_safe_contact()->set_phone("07700 900101");
  request.mutable_safe_contact()->set_safe_to_call(true);
  request.set_relationship(type::v1::RELATIONSHIP_CLASS_PARTNER);
  return request;
}

absl::StatusOr<agency::v1::PushResult> Push(World& world, const std::string& agency, const agency::v1::PushOptions& options) {
  if (agency == "police") {
    return CallPush<police::v1::PoliceService>(world, agency, &police::v1::PoliceService::Stub::ReportIncident, TestIncident(options));
  }
  if (agency == "childrens") {
    childrens::v1::ReferFamilyRequest request;
    *request.mutable_options() = options;
    request.set_case_reference("LL-1");
    *request.add_children()->mutable_person() = TestPerson("Farouk", "Idris", "2019-05-12");
    *request.mutable_victim() = TestPerson("Farouk", "Leila", "1993-02-27");
    request.set_concerns("Control by her partner.");
    request.mutable_safe_contact()->set_phone("07700 900212");
    return CallPush<childrens::v1::ChildrensService>(world, agency, &childrens::v1::ChildrensService::Stub::ReferFamily, request);
  }
  if (agency == "housing") {
    housing::v1::ReferOnRequest request;
    *request.mutable_options() = options;
    request.set_case_reference("HSG-1");
    *request.mutable_victim() = TestPerson("Brandt", "Elsa", "1978-08-08");
    request.mutable_housing()->set_tenure("secure");
    request.set_summary("Door kicked in twice.");
    return CallPush<housing::v1::HousingService>(world, agency, &housing::v1::HousingService::Stub::ReferOn, request);
  }
  if (agency == "health") {
    health::v1::ReferPatientRequest request;
    *request.mutable_options() = options;
    request.set_ods_code("RX9AB");
    request.set_record_reference("EPR-1");
    *request.mutable_patient() = TestPerson("Vance", "Corinne", "1983-10-10");
    request.mutable_health()->set_summary("Bruising to the arm.");
    request.set_disclosure("He pushed her.");
    return CallPush<health::v1::HealthService>(world, agency, &health::v1::HealthService::Stub::ReferPatient, request);
  }
  idva::v1::ReferClientRequest request;
  *request.mutable_options() = options;
  request.set_case_reference("IDV-1");
  *request.mutable_client() = TestPerson("Okafor", "Grace", "1985-12-01");
  request.set_summary("She asks for help with safety at home.");
  return CallPush<idva::v1::IdvaService>(world, agency, &idva::v1::IdvaService::Stub::ReferClient, request);
}

absl::StatusOr<agency::v1::Submission> GetSubmission(World& world, const std::string& agency, const std::string& request_id) {
  agency::v1::GetSubmissionRequest request;
  request.set_request_id(request_id);
  ACCORD_ASSIGN_OR_RETURN(auto response, rpc::CallUnary(*world.Own<OutboxService>(agency), &OutboxService::Stub::GetSubmission,
                                                        request, kCallTime));
  return std::move(*response.mutable_submission());
}

absl::StatusOr<agency::v1::Submission> AwaitState(World& world, const std::string& agency, const std::string& request_id,
                                                  agency::v1::SubmissionState state, absl::Duration within) {
  absl::StatusOr<agency::v1::Submission> submission;
  if (Eventually(within, [&] {
        submission = GetSubmission(world, agency, request_id);
        return submission.ok() && submission->state() == state;
      })) {
    return submission;
  }
  if (!submission.ok()) return submission.status();
  return absl::DeadlineExceededError(fmt::format("{} stands in {} and not in {}: {}", request_id,
                                                 agency::v1::SubmissionState_Name(submission->state()),
                                                 agency::v1::SubmissionState_Name(state), submission->waiting_for()));
}

absl::StatusOr<std::vector<agency::v1::Submission>> ListSubmissions(World& world, const std::string& agency) {
  const auto stub = world.Own<OutboxService>(agency);
  return AllPages<agency::v1::Submission>(
      agency::v1::ListSubmissionsRequest(),
      [&](const auto& request) { return rpc::CallUnary(*stub, &OutboxService::Stub::ListSubmissions, request, kCallTime); },
      [](auto& response) { return response.mutable_submissions(); });
}

absl::StatusOr<std::vector<agency::v1::InboxItem>> ListInbox(World& world, const std::string& agency) {
  const auto stub = world.Own<InboxService>(agency);
  return AllPages<agency::v1::InboxItem>(
      agency::v1::ListInboxRequest(),
      [&](const auto& request) { return rpc::CallUnary(*stub, &InboxService::Stub::ListInbox, request, kCallTime); },
      [](auto& response) { return response.mutable_items(); });
}

absl::StatusOr<agency::v1::InboxItem> AwaitArrival(World& world, const std::string& agency, const std::string& referral,
                                                   absl::Duration within) {
  agency::v1::InboxItem item;
  absl::Status status = absl::NotFoundError(fmt::format("{} has not arrived at {}", referral, agency));
  Eventually(within, [&] {
    const auto items = ListInbox(world, agency);
    if (!items.ok()) return false;
    for (const auto& row : *items) {
      if (row.referral() != referral) continue;
      item = row;
      status = absl::OkStatus();
    }
    return status.ok();
  });
  if (!status.ok()) return status;
  return item;
}

absl::StatusOr<agency::v1::GetServiceStatusResponse> ServiceStatus(World& world, const std::string& agency) {
  return rpc::CallUnary(*world.Own<OutboxService>(agency), &OutboxService::Stub::GetServiceStatus, {}, kCallTime);
}

absl::StatusOr<SignedCheckpoint> GetCheckpoint(World& world) {
  ACCORD_ASSIGN_OR_RETURN(const auto response, rpc::CallUnary(*world.Stub<LedgerService>(kBroker, "admin/alice"),
                                                              &LedgerService::Stub::GetCheckpoint, {}, kCallTime));
  ACCORD_ASSIGN_OR_RETURN(const auto verified, ledger::VerifyCheckpoint(response.checkpoint(), world.log_key()));
  return SignedCheckpoint{response.checkpoint(), verified.checkpoint};
}

absl::Status CheckConsistent(World& world, const ledger::Checkpoint& older, const ledger::Checkpoint& newer) {
  broker::v1::ProveConsistencyRequest request;
  request.set_old_size(older.size);
  request.set_new_size(newer.size);
  ACCORD_ASSIGN_OR_RETURN(const auto response, rpc::CallUnary(*world.Stub<LedgerService>(kBroker, "admin/alice"),
                                                              &LedgerService::Stub::ProveConsistency, request, kCallTime));
  ledger::Path path;
  for (const std::string& bytes : response.path()) {
    const auto hash = ledger::ToHash(bytes);
    if (!hash.has_value()) return absl::DataLossError("a hash of the proof is not 32 bytes");
    path.push_back(*hash);
  }
  return ledger::VerifyConsistency(older.size, newer.size, older.root, newer.root, path);
}

absl::StatusOr<std::vector<std::string>> StreamLeaves(World& world, uint64_t end) {
  const auto stub = world.Stub<LedgerService>(kBroker, "admin/alice");
  broker::v1::StreamEntriesRequest request;
  request.set_end(end);
  grpc::ClientContext context;
  rpc::SetTimeout(context, kStartTime);
  const auto stream = stub->StreamEntries(&context, request);
  std::vector<std::string> leaves;
  broker::v1::StreamEntriesResponse response;
  while (stream->Read(&response)) {
    if (response.first() != leaves.size()) return absl::DataLossError("the stream of entries has a gap");
    for (const std::string& leaf : response.leaves()) leaves.push_back(leaf);
  }
  const grpc::Status status = stream->Finish();
  if (!status.ok()) return rpc::FromGrpc(status);
  return leaves;
}

absl::Status CheckReceipt(World& world, const type::v1::Receipt& receipt, const ledger::Checkpoint& newest) {
  ACCORD_ASSIGN_OR_RETURN(const auto verified, ledger::VerifyReceipt(receipt.tlog_proof(), world.log_key()));
  for (const auto& opening : receipt.openings()) {
    if (!ledger::LeafOpens(verified.leaf, {opening.label(), opening.salt(), opening.content()})) {
      return absl::DataLossError("an opening is not of the receipt's leaf");
    }
  }
  return CheckConsistent(world, verified.checkpoint, newest);
}

absl::StatusOr<std::vector<inspection::v1::TrailRow>> TrailOfReferral(World& world, const std::string& principal,
                                                                      const std::string& header_digest) {
  inspection::v1::QueryTrailRequest request;
  request.set_referral(header_digest);
  request.set_purpose("test");
  return Trail(world, principal, request);
}

absl::StatusOr<std::vector<inspection::v1::TrailRow>> TrailOfAgency(World& world, const std::string& agency) {
  inspection::v1::QueryTrailRequest request;
  request.set_agency(agency);
  request.set_purpose("test");
  return Trail(world, "admin/alice", request);
}

std::string DigestOfName(const std::string& referral) {
  constexpr std::string_view kPrefix = "referrals/";
  if (!referral.starts_with(kPrefix)) return "";
  return FromHex(std::string_view(referral).substr(kPrefix.size())).value_or("");
}

}  // namespace accord::tests
