#include "services/broker/api/admin_service.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "accord/storage/v1/erasure.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/api/admin_names.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/clocks/overdue.h"
#include "services/broker/directory/families.h"
#include "services/broker/holds/hold_list.h"
#include "services/broker/sequencer/judged_command.h"

namespace accord::broker {
namespace {

constexpr std::string_view kProposeChange = "/accord.admin.v1.AdminService/ProposeChange";
constexpr std::string_view kWithdrawChange = "/accord.admin.v1.AdminService/WithdrawChange";
constexpr std::string_view kApproveChange = "/accord.admin.v1.AdminService/ApproveChange";
constexpr std::string_view kListChanges = "/accord.admin.v1.AdminService/ListChanges";
constexpr std::string_view kListOverdue = "/accord.admin.v1.AdminService/ListOverdue";
constexpr int kOverduePageDefault = 50;
constexpr std::string_view kListHolds = "/accord.admin.v1.AdminService/ListHolds";
constexpr std::string_view kGetErasure = "/accord.admin.v1.AdminService/GetErasure";
constexpr int kChangesPageDefault = 50;
constexpr int kHoldsPageDefault = 50;

// Without the changes that a conflict of interest keeps `administrator` from.
absl::Status List(const ReadView& view, const DirectorySnapshot& directory, const std::string& administrator, absl::Time now,
                  const admin::v1::ListChangesRequest& request, admin::v1::ListChangesResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kChangesPageDefault));
  const std::string query = PageQuery(kListChanges, {});
  ACCORD_ASSIGN_OR_RETURN(const std::optional<std::string> before, ReadPageToken(request.page_token(), query));
  if (before.has_value() && !U64FromKey(*before).has_value()) return PageTokenInvalid();
  const storage::Range range = {.lower = "", .upper = before.value_or(""), .descending = true};
  size_t bytes = 0;
  int looked_at = 0;  // What is left out counts too: a page may have fewer rows, and yet not be the last.
  std::string last;   // Key of the last of them.
  bool corrupt = false;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyChange, range, [&](std::string_view key, std::string_view value) {
    if (looked_at == size || bytes >= kPageBytesMax) {
      response.set_next_page_token(MakePageToken(query, last));
      return false;
    }
    storage::v1::StoredChange stored;
    const auto number = U64FromKey(key);
    corrupt = !number.has_value() || !stored.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (corrupt) return false;
    bytes += value.size();
    ++looked_at;
    last = key;
    if (CheckConflict(directory, administrator, stored.change()).ok()) *response.add_changes() = ToProposed(*number, std::move(stored), now);
    return true;
  }));
  return corrupt ? Error(Reason::kStoreCorrupt, "a stored change does not parse") : absl::OkStatus();
}

absl::Status List(const ReadView& view, const admin::v1::ListOverdueRequest& request, admin::v1::ListOverdueResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kOverduePageDefault));
  const std::string query = PageQuery(kListOverdue, {});
  ACCORD_ASSIGN_OR_RETURN(const std::optional<std::string> after, ReadPageToken(request.page_token(), query));
  ACCORD_ASSIGN_OR_RETURN(const OverduePage page, ReadOverdue(view, after.value_or(""), static_cast<size_t>(size)));
  for (const OverdueClock& clock : page.rows) {
    auto& row = *response.add_rows();
    row.set_agency(clock.agency);
    row.set_sender(clock.sender);
    row.set_clock(clock.pick_up ? type::v1::NOTICE_KIND_PICK_UP_OVERDUE : type::v1::NOTICE_KIND_RESPONSE_OVERDUE);
    row.set_lane(clock.lane);
    row.set_due_at_ms(clock.due_at_ms);
    row.set_stored_index(clock.stored_index);
  }
  if (!page.next.empty()) response.set_next_page_token(MakePageToken(query, page.next));
  return absl::OkStatus();
}

absl::Status List(const ReadView& view, const admin::v1::ListHoldsRequest& request, admin::v1::ListHoldsResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kHoldsPageDefault));
  const std::string query = PageQuery(kListHolds, {});
  ACCORD_ASSIGN_OR_RETURN(const std::optional<std::string> token, ReadPageToken(request.page_token(), query));
  const auto before = token.has_value() ? U64FromKey(*token) : std::nullopt;
  if (token.has_value() && !before.has_value()) return PageTokenInvalid();
  ACCORD_ASSIGN_OR_RETURN(HoldPage page, ListHolds(view, before, size));
  for (auto& hold : page.holds) *response.add_holds() = std::move(hold);
  if (page.next.has_value()) response.set_next_page_token(MakePageToken(query, KeyU64(*page.next)));
  return absl::OkStatus();
}

absl::Status Get(const ReadView& view, const admin::v1::GetErasureRequest& request, admin::v1::GetErasureResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const uint64_t number, ParseChangeName(request.name()));
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Get(kFamilyChange, KeyU64(number)));
  storage::v1::StoredChange change;
  if (bytes.has_value() && !change.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored change does not parse");
  if (!change.change().has_erase()) {
    return Error(Reason::kChangeNotFound, "no such erasure", {{"change", fmt::format("{}", number)}});
  }
  response.set_step(admin::v1::ERASURE_STEP_PROPOSED);
  if (change.erasure() == 0) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto row, view.Get(kFamilyErasure, ErasureKey(change.erasure())));
  storage::v1::StoredErasure erasure;
  if (!row.has_value() || !erasure.ParseFromString(*row)) return Error(Reason::kStoreCorrupt, "a stored erasure is not there");
  response.set_step(erasure.step());
  response.set_referrals(static_cast<uint64_t>(erasure.slots_size()));
  response.set_index(change.erasure());
  return absl::OkStatus();
}

// What ends a call whose command leads to a change.
template <typename Response>
ChangeDone Finish(Response* response, const Clock& clock, Answer answer) {
  return [response, &clock, answer = std::move(answer)](absl::StatusOr<ChangeOutcome> outcome) mutable {
    if (!outcome.ok()) return answer(outcome.status());
    *response->mutable_change() = ToProposed(outcome->number, std::move(outcome->stored), clock.Now());
    answer(absl::OkStatus());
  };
}

Administrator AdministratorOf(const BrokerCall& call) { return {call.caller.id, call.caller.certificate}; }

}  // namespace

grpc::ServerUnaryReactor* AdminService::ProposeChange(grpc::CallbackServerContext* context, const admin::v1::ProposeChangeRequest* request,
                                                      admin::v1::ProposeChangeResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kProposeChange, [this, request, response](const BrokerCall& call, Answer answer) {
    if (const absl::Status id = CheckRequestIdOf(request->request_id()); !id.ok()) return answer(id);
    if (!request->has_change()) return answer(FieldNeeded("change"));
    if (request->effective_from_ms() < 0) return answer(Error(Reason::kFieldInvalid, "effective_from_ms: negative", {{"field", "effective_from_ms"}}));
    parts_.sequencer.Submit(std::make_unique<ProposeChangeCommand>(
        parts_.rules, AdministratorOf(call), request->request_id(), request->change(), Finish(response, parts_.clock, std::move(answer)),
        ProposeOptions{.effective_from_ms = request->effective_from_ms(), .dry_run = request->dry_run()}));
  });
}

grpc::ServerUnaryReactor* AdminService::ApproveChange(grpc::CallbackServerContext* context, const admin::v1::ApproveChangeRequest* request,
                                                      admin::v1::ApproveChangeResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kApproveChange, [this, request, response](const BrokerCall& call, Answer answer) {
    if (const absl::Status id = CheckRequestIdOf(request->request_id()); !id.ok()) return answer(id);
    const auto number = ParseChangeName(request->name());
    if (!number.ok()) return answer(number.status());
    parts_.sequencer.Submit(JudgedAlone(request->dry_run(), std::make_unique<ApproveChangeCommand>(
        request->dry_run() ? judging_ : parts_.rules, AdministratorOf(call), request->request_id(), *number, Finish(response, parts_.clock, std::move(answer)))));
  });
}

grpc::ServerUnaryReactor* AdminService::WithdrawChange(grpc::CallbackServerContext* context, const admin::v1::WithdrawChangeRequest* request,
                                                       admin::v1::WithdrawChangeResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kWithdrawChange, [this, request, response](const BrokerCall& call, Answer answer) {
    if (const absl::Status id = CheckRequestIdOf(request->request_id()); !id.ok()) return answer(id);
    const auto number = ParseChangeName(request->name());
    if (!number.ok()) return answer(number.status());
    parts_.sequencer.Submit(JudgedAlone(request->dry_run(), std::make_unique<WithdrawChangeCommand>(
        request->dry_run() ? judging_ : parts_.rules, AdministratorOf(call), request->request_id(), *number, Finish(response, parts_.clock, std::move(answer)))));
  });
}

grpc::ServerUnaryReactor* AdminService::ListChanges(grpc::CallbackServerContext* context, const admin::v1::ListChangesRequest* request,
                                                    admin::v1::ListChangesResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kListChanges, [this, request, response](const BrokerCall& call, Answer answer) {
    const auto view = parts_.sequencer.View();
    answer(view.ok() ? List(**view, *parts_.directory.Get(), call.caller.id, parts_.clock.Now(), *request, *response) : view.status());
  });
}

grpc::ServerUnaryReactor* AdminService::ListOverdue(grpc::CallbackServerContext* context, const admin::v1::ListOverdueRequest* request,
                                                    admin::v1::ListOverdueResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kListOverdue, [this, request, response](const BrokerCall&, Answer answer) {
    const auto view = parts_.sequencer.View();
    answer(view.ok() ? List(**view, *request, *response) : view.status());
  });
}

grpc::ServerUnaryReactor* AdminService::GetErasure(grpc::CallbackServerContext* context, const admin::v1::GetErasureRequest* request,
                                                   admin::v1::GetErasureResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kGetErasure, [this, request, response](const BrokerCall&, Answer answer) {
    const auto view = parts_.sequencer.View();
    answer(view.ok() ? Get(**view, *request, *response) : view.status());
  });
}

grpc::ServerUnaryReactor* AdminService::ListHolds(grpc::CallbackServerContext* context, const admin::v1::ListHoldsRequest* request,
                                                  admin::v1::ListHoldsResponse* response) {
  return HandleRecorded(*context, shared_, parts_.refusals, kListHolds, [this, request, response](const BrokerCall&, Answer answer) {
    const auto view = parts_.sequencer.View();
    answer(view.ok() ? List(**view, *request, *response) : view.status());
  });
}

}  // namespace accord::broker
