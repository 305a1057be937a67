#include "services/broker/api/disclosure_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/disclosure.h"
#include "common/referral/header.h"
#include "common/referral/validate.h"
#include "common/rpc/server_stream.h"
#include "services/broker/adapter/authorizer.h"
#include "services/broker/admission/admission.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/api/receipt.h"
#include "services/broker/api/running_place.h"
#include "services/broker/disclosures/answer.h"
#include "services/broker/disclosures/collect.h"
#include "services/broker/disclosures/disclosure_list.h"
#include "services/broker/warrants/scope.h"

namespace accord::broker {
namespace {

using inspection::v1::AnswerDisclosureRequest;
using inspection::v1::AnswerDisclosureResponse;
using inspection::v1::CollectDisclosureRequest;
using inspection::v1::CollectDisclosureResponse;
using inspection::v1::GetDisclosureRequest;
using inspection::v1::GetDisclosureResponse;
using inspection::v1::ListDisclosuresRequest;
using inspection::v1::ListDisclosuresResponse;
using inspection::v1::RequestDisclosureRequest;
using inspection::v1::RequestDisclosureResponse;
using inspection::v1::RequestResolutionRequest;
using inspection::v1::RequestResolutionResponse;

constexpr std::string_view kRequestDisclosure = "/accord.inspection.v1.TrailService/RequestDisclosure";
constexpr std::string_view kRequestResolution = "/accord.inspection.v1.DisclosureService/RequestResolution";
constexpr std::string_view kListDisclosures = "/accord.inspection.v1.DisclosureService/ListDisclosures";
constexpr std::string_view kGetDisclosure = "/accord.inspection.v1.DisclosureService/GetDisclosure";
constexpr std::string_view kAnswerDisclosure = "/accord.inspection.v1.DisclosureService/AnswerDisclosure";
constexpr std::string_view kCollectDisclosure = "/accord.inspection.v1.DisclosureService/CollectDisclosure";
constexpr int kDisclosuresPageDefault = 50;

// What both calls that ask have in common. The cases of RECORDS are looked up here, off the sequencer.
template <typename Request>
absl::StatusOr<DisclosureAsked> ReadDisclosureAsked(const DisclosureApi& api, const Caller& caller, const Request& request) {
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
  ACCORD_ASSIGN_OR_RETURN(DisclosureAsked asked, ReadAsked(request));
  ACCORD_ASSIGN_OR_RETURN(const auto view, api.sequencer.View());
  ACCORD_RETURN_IF_ERROR(ExpandCases(*view, *api.directory.Get(), caller, request.request_id(), api.clock.Now(), asked));
  return asked;
}
template <typename Request, typename Response>
grpc::ServerUnaryReactor* HandleDisclosureAsked(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const DisclosureApi& api,
                                      std::string_view method, const Request& request, Response& response) {
  return HandleRecorded(context, shared, api.refusals, method, [&api, method, &request, &response](const BrokerCall& call, Answer answer) {
    auto asked = ReadDisclosureAsked(api, call.caller, request);
    if (!asked.ok()) return answer(asked.status());
    api.sequencer.Submit(std::make_unique<RequestDisclosureCommand>(
        api.work(), call.caller, request.request_id(), method, *std::move(asked),
        [&response, answer = std::move(answer)](absl::StatusOr<DisclosureOutcome> outcome) mutable {
          if (outcome.ok()) *response.mutable_disclosure() = std::move(outcome->disclosure);
          answer(outcome.status());
        }));
  });
}

absl::Status AnswerDisclosures(const ReadView& view, const Caller& caller, const ListDisclosuresRequest& request, absl::Time now,
                        ListDisclosuresResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kDisclosuresPageDefault));
  const std::string query =
      PageQuery(kListDisclosures, {caller.principal, fmt::format("{}", static_cast<int>(caller.desk)), request.open_only() ? "1" : "0"});
  ACCORD_ASSIGN_OR_RETURN(const std::optional<std::string> token, ReadPageToken(request.page_token(), query));
  const auto before = token.has_value() ? U64FromKey(*token) : std::nullopt;
  if (token.has_value() && !before.has_value()) return PageTokenInvalid();
  ACCORD_ASSIGN_OR_RETURN(DisclosurePage page, ListDisclosures(view, caller, before, request.open_only(), size, now));
  for (auto& disclosure : page.disclosures) *response.add_disclosures() = std::move(disclosure);
  if (page.next.has_value()) response.set_next_page_token(MakePageToken(query, KeyU64(*page.next)));
  return absl::OkStatus();
}

absl::StatusOr<VerifiedDisclosureAnswer> VerifyDisclosureAnswer(const DirectorySnapshot& directory, const Caller& caller,
                                                                const AnswerDisclosureRequest& request, absl::Time now) {
  if (!IsRequestId(request.request_id())) {
    return Error(Reason::kFieldInvalid, "request_id: 8 to 128 of [A-Za-z0-9._:/-] are needed", {{"field", "request_id"}});
  }
  ACCORD_ASSIGN_OR_RETURN(auto statement, referral::ParseDisclosureStatement(request.statement()));
  const auto* const key = directory.FindSigningKey(caller.id, request.statement().key_id(), now);
  if (key == nullptr) return SigningKeyUnknown(caller.id);
  ACCORD_RETURN_IF_ERROR(referral::VerifySignature(request.statement(), key->key));
  if (statement.request_id() != request.request_id()) {
    return Error(Reason::kFieldInvalid, "request_id is not the one that was signed", {{"field", "request_id"}});
  }
  return VerifiedDisclosureAnswer{request.statement(), std::move(statement), referral::DigestOf(request.statement()), key->certificate.der()};
}

// What was released, on its way to the inspector.
class DisclosedCollection final : public rpc::ServerStream<CollectDisclosureResponse> {
 public:
  DisclosedCollection(const DisclosureApi& api, std::atomic<int>& collecting, CollectDisclosureRequest request)
      : api_(api), collecting_(collecting), request_(std::move(request)) {}

 private:
  std::shared_ptr<DisclosedCollection> Self() { return std::static_pointer_cast<DisclosedCollection>(shared_from_this()); }

  absl::Status OnOpen(const rpc::Peer& peer) override {
    caller_ = CallerOf(peer);
    const absl::Status valid = referral::ValidateMessage(request_);
    RecordRefusal(api_.refusals, caller_, kCollectDisclosure, valid);
    ACCORD_RETURN_IF_ERROR(valid);
    ACCORD_ASSIGN_OR_RETURN(place_, RunningPlace::Take(collecting_, kCollectionsAtOnceMax, "collections are under way"));
    ACCORD_ASSIGN_OR_RETURN(std::set<LookedAt> others, Others());
    Hold();
    api_.sequencer.Submit(std::make_unique<ReadDisclosureCommand>(
        caller_, request_.number(), kCollectDisclosure, std::move(others), [self = Self()](absl::StatusOr<storage::v1::StoredDisclosure> stored) {
          RecordRefusal(self->api_.refusals, self->caller_, kCollectDisclosure, stored.status());
          if (stored.ok()) self->stored_ = *stored;
          self->Resume(stored.status());
        }));
    return absl::OkStatus();
  }

  // The view is let go of before the wait.
  absl::StatusOr<std::set<LookedAt>> Others() const {
    ACCORD_ASSIGN_OR_RETURN(const auto view, api_.sequencer.View());
    return OthersOfCollection(*view, caller_, request_.number());
  }

  absl::StatusOr<bool> Next(CollectDisclosureResponse& message) override {
    auto more = Fill(message);
    RecordRefusal(api_.refusals, caller_, kCollectDisclosure, more.status());
    return more;
  }

  absl::StatusOr<bool> Fill(CollectDisclosureResponse& message) {
    ACCORD_ASSIGN_OR_RETURN(const auto view, api_.sequencer.View());
    ACCORD_RETURN_IF_ERROR(OpenScope(*view, caller_, stored_.disclosure().warrant(), api_.clock.Now()));
    if (!begun_) {
      begun_ = true;
      ACCORD_ASSIGN_OR_RETURN(message, CollectionOf(*view, stored_));
      return true;
    }
    if (given_ == bytes_.size()) {
      if (next_part_ == static_cast<uint32_t>(stored_.section_ids_size())) return false;
      ACCORD_ASSIGN_OR_RETURN(bytes_, ReadDisclosedPart(*view, stored_, next_part_++));
      given_ = 0;
    }
    const size_t bytes = std::min(kDisclosedChunkBytesMax, bytes_.size() - given_);
    message.set_part(next_part_ - 1);
    message.set_chunk(bytes_.substr(given_, bytes));
    given_ += bytes;
    return true;
  }

  const DisclosureApi& api_;
  std::atomic<int>& collecting_;
  const CollectDisclosureRequest request_;
  Caller caller_;  // From OnOpen on, as the place.
  std::unique_ptr<RunningPlace> place_;
  storage::v1::StoredDisclosure stored_;  // From the first Next on, as all below.
  bool begun_ = false;
  uint32_t next_part_ = 0;
  std::string bytes_;  // Of the part before it.
  size_t given_ = 0;
};

}  // namespace

grpc::ServerUnaryReactor* HandleRequestDisclosure(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const DisclosureApi& api,
                                                  const RequestDisclosureRequest& request, RequestDisclosureResponse& response) {
  return HandleDisclosureAsked(context, shared, api, kRequestDisclosure, request, response);
}

grpc::ServerUnaryReactor* DisclosureService::RequestResolution(grpc::CallbackServerContext* context, const RequestResolutionRequest* request,
                                                               RequestResolutionResponse* response) {
  return HandleDisclosureAsked(*context, shared_, api_, kRequestResolution, *request, *response);
}

grpc::ServerUnaryReactor* DisclosureService::ListDisclosures(grpc::CallbackServerContext* context, const ListDisclosuresRequest* request,
                                                             ListDisclosuresResponse* response) {
  return HandleRecorded(*context, shared_, api_.refusals, kListDisclosures, [this, request, response](const BrokerCall& call, Answer answer) {
    const auto view = api_.sequencer.View();
    answer(view.ok() ? AnswerDisclosures(**view, call.caller, *request, api_.clock.Now(), *response) : view.status());
  });
}

grpc::ServerUnaryReactor* DisclosureService::GetDisclosure(grpc::CallbackServerContext* context, const GetDisclosureRequest* request,
                                                           GetDisclosureResponse* response) {
  return HandleRecorded(*context, shared_, api_.refusals, kGetDisclosure, [this, request, response](const BrokerCall& call, Answer answer) {
    answer([&]() -> absl::Status {
      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
      ACCORD_ASSIGN_OR_RETURN(const auto view, api_.sequencer.View());
      ACCORD_ASSIGN_OR_RETURN(*response, broker::GetDisclosure(*view, call.caller, request->number()));
      return absl::OkStatus();
    }());
  });
}

grpc::ServerUnaryReactor* DisclosureService::AnswerDisclosure(grpc::CallbackServerContext* context, const AnswerDisclosureRequest* request,
                                                              AnswerDisclosureResponse* response) {
  return HandleRecorded(*context, shared_, api_.refusals, kAnswerDisclosure, [this, request, response](const BrokerCall& call, Answer answer) {
    std::vector<DisclosedPart> parts;
    auto verified = [&]() -> absl::StatusOr<VerifiedDisclosureAnswer> {
      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
      answer.SetSignatureDigest(referral::DigestOf(request->statement()));
      ACCORD_ASSIGN_OR_RETURN(auto one, VerifyDisclosureAnswer(*api_.directory.Get(), call.caller, *request, api_.clock.Now()));
      ACCORD_ASSIGN_OR_RETURN(parts, ReadDisclosedParts(one.statement, request->parts()));
      return one;
    }();
    if (!verified.ok()) return answer(verified.status());
    api_.sequencer.Submit(std::make_unique<AnswerDisclosureCommand>(
        api_.work(), call.caller, kAnswerDisclosure, *std::move(verified), std::move(parts),
        [this, response, caller = call.caller, answer = std::move(answer)](absl::StatusOr<DisclosureOutcome> outcome) mutable {
          answer([&]() -> absl::Status {
            ACCORD_RETURN_IF_ERROR(outcome);
            *response->mutable_disclosure() = std::move(outcome->disclosure);
            ACCORD_ASSIGN_OR_RETURN(*response->mutable_receipt(), ReceiptOf(api_.sequencer, outcome->index, caller));
            return absl::OkStatus();
          }());
        }));
  });
}

grpc::ServerWriteReactor<CollectDisclosureResponse>* DisclosureService::CollectDisclosure(grpc::CallbackServerContext* context,
                                                                                          const CollectDisclosureRequest* request) {
  return rpc::OpenServerStream<DisclosedCollection>(*context, shared_, streams_, kCollectDisclosure, api_, collecting_, *request);
}

}  // namespace accord::broker
