#include "services/broker/api/warrant_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/rpc/server_stream.h"
#include "services/broker/adapter/authorizer.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/sequencer/judged_command.h"
#include "services/broker/trails/looks.h"
#include "services/broker/warrants/warrant_list.h"

namespace accord::broker {
namespace {

using inspection::v1::WatchWarrantsResponse;

constexpr std::string_view kProposeWarrant = "/accord.inspection.v1.WarrantService/ProposeWarrant";
constexpr std::string_view kActivateWarrant = "/accord.inspection.v1.WarrantService/ActivateWarrant";
constexpr std::string_view kChangeWarrant = "/accord.inspection.v1.WarrantService/ChangeWarrant";
constexpr std::string_view kListWarrants = "/accord.inspection.v1.WarrantService/ListWarrants";
constexpr std::string_view kWatchWarrants = "/accord.inspection.v1.WarrantService/WatchWarrants";
constexpr std::string_view kListLooks = "/accord.inspection.v1.WarrantService/ListLooks";
constexpr int kWarrantsPageDefault = 50;

absl::Status CheckWarrantIds(std::string_view request_id, std::string_view id) {
  if (request_id.empty() || id.empty()) {
    const std::string field = request_id.empty() ? "request_id" : "id";
    return Error(Reason::kFieldMissing, fmt::format("{} is needed", field), {{"field", field}});
  }
  if (!IsRequestId(request_id)) {
    return Error(Reason::kFieldInvalid, "request_id: 8 to 128 of [A-Za-z0-9._:/-] are needed", {{"field", "request_id"}});
  }
  if (IsAgencyId(id)) return absl::OkStatus();
  return Error(Reason::kFieldInvalid, "id: 1 to 63 of [a-z0-9-] are needed", {{"field", "id"}});
}

// What is done by ChangeWarrant.
absl::StatusOr<WarrantAct> ReadAct(const inspection::v1::ChangeWarrantRequest& request) {
  WarrantAct act{.id = request.id()};
  const bool suspends = request.act() == inspection::v1::WARRANT_ACT_SUSPEND;
  switch (request.act()) {
    case inspection::v1::WARRANT_ACT_SUSPEND: act.event = WarrantEvent::kSuspend; break;
    case inspection::v1::WARRANT_ACT_RESUME: act.event = WarrantEvent::kResume; break;
    case inspection::v1::WARRANT_ACT_END: act.event = WarrantEvent::kEnd; break;
    default: return Error(Reason::kEnumUnknown, "act: not one of the published list", {{"field", "act"}});
  }
  act.suspension = request.suspension();
  if (!suspends && act.suspension != inspection::v1::WARRANT_SUSPENSION_UNSPECIFIED) {
    return Error(Reason::kFieldInvalid, "suspension: it belongs to SUSPEND alone", {{"field", "suspension"}});
  }
  if (!suspends) return act;
  if (act.suspension == inspection::v1::WARRANT_SUSPENSION_UNSPECIFIED) {
    return Error(Reason::kFieldMissing, "suspension: a reason is needed, which the inspectorate is told", {{"field", "suspension"}});
  }
  if (inspection::v1::WarrantSuspension_IsValid(act.suspension)) return act;
  return Error(Reason::kEnumUnknown, "suspension: not one of the published list", {{"field", "suspension"}});
}

// Panels and commissioners have officers too, and the law gives them no inspection: of what `bodies` are named only those go without anybody's leave.
absl::Status CheckStatutoryBody(const std::vector<std::string>& bodies, std::string_view body) {
  if (bodies.empty() || std::find(bodies.begin(), bodies.end(), body) != bodies.end()) return absl::OkStatus();
  return Error(Reason::kNotPermitted, "the body has no power to a statutory warrant here: administrators grant it another kind");
}

// What ends a call whose command leads to a warrant.
template <typename Response>
WarrantDone FinishWarrant(Response* response, bool dry_run, Answer answer) {
  return [response, dry_run, answer = std::move(answer)](absl::StatusOr<WarrantOutcome> outcome) mutable {
    if (!outcome.ok()) return answer(outcome.status());
    *response->mutable_warrant() = WarrantAt(outcome->stored, outcome->now);
    if (!dry_run) response->set_index(outcome->index);
    answer(absl::OkStatus());
  };
}

// Whose warrants the caller may see: those of a body, or, empty, all. NOT_PERMITTED to an inspector of none.
absl::StatusOr<std::string> BodySeen(const DirectorySnapshot& directory, const Caller& caller) {
  if (caller.kind == options::v1::CALLER_ADMIN) return std::string();
  std::string body = InspectorateOf(directory, caller.id);
  if (!body.empty()) return body;
  return Error(Reason::kNotPermitted, "the inspector is enrolled as an officer of no body; an administrator enrols it anew");
}

// As its colleagues are told of an officer who is out, or let in again.
inspection::v1::OfficerShutOut ShutOutOf(const std::string& officer, bool out, admin::v1::SuspensionReason reason, absl::Time time, uint64_t index) {
  inspection::v1::OfficerShutOut told;
  told.set_officer(officer);
  told.set_suspended(out);
  if (out) told.set_reason(admin::v1::SuspensionReason_Name(reason));
  told.set_time_ms(absl::ToUnixMillis(time));
  told.set_index(index);
  return told;
}

// Whether a watch begins with it. When time ends one it says itself; that a person did is told to who did not watch then, for some while.
bool IsToldAtFirst(const inspection::v1::Warrant& warrant, absl::Time now) {
  if (warrant.state() == inspection::v1::WARRANT_STATE_EXPIRED) return false;
  return warrant.state() != inspection::v1::WARRANT_STATE_ENDED || now - absl::FromUnixMillis(warrant.ended_at_ms()) <= kEndedWarrantTold;
}

absl::Status AnswerWarrants(const ReadView& view, std::string_view body, const inspection::v1::ListWarrantsRequest& request, absl::Time now,
                            inspection::v1::ListWarrantsResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kWarrantsPageDefault));
  const std::string query = PageQuery(kListWarrants, {body, request.with_ended() ? "1" : "0"});
  ACCORD_ASSIGN_OR_RETURN(const std::optional<std::string> token, ReadPageToken(request.page_token(), query));
  const auto before = token.has_value() ? U64FromKey(*token) : std::nullopt;
  if (token.has_value() && !before.has_value()) return PageTokenInvalid();
  ACCORD_ASSIGN_OR_RETURN(WarrantPage page, ListWarrants(view, body, before, request.with_ended(), size, now));
  for (auto& warrant : page.warrants) *response.add_warrants() = std::move(warrant);
  if (page.next.has_value()) response.set_next_page_token(MakePageToken(query, KeyU64(*page.next)));
  return absl::OkStatus();
}

absl::Status AnswerLooks(const ReadView& view, const Caller& caller, const inspection::v1::ListLooksRequest& request, absl::Time now,
                         inspection::v1::ListLooksResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kWarrantsPageDefault));
  const std::string query = PageQuery(kListLooks, {caller.principal, fmt::format("{}", static_cast<int>(caller.desk))});
  ACCORD_ASSIGN_OR_RETURN(const std::optional<std::string> token, ReadPageToken(request.page_token(), query));
  ACCORD_ASSIGN_OR_RETURN(LookPage page, ListLooks(view, caller, token.value_or(""), size, now));
  for (auto& look : page.looks) *response.add_looks() = std::move(look);
  if (!page.next.empty()) response.set_next_page_token(MakePageToken(query, page.next));
  return absl::OkStatus();
}

}  // namespace

// Officers of one body who are shut out; its warrants that are not over or were ended of late, the oldest first; then each again that somebody changed, and
// officers as they are shut out or let in again. Between changes it waits for Changed and ShutOut, and no thread with it.
class WarrantStream final : public rpc::ServerStream<WatchWarrantsResponse> {
 public:
  WarrantStream(Sequencer& sequencer, const DirectoryHolder& directory, RefusalRecorder& refusals, const Clock& clock, WarrantWatchers& watchers)
      : sequencer_(sequencer), directory_(directory), refusals_(refusals), clock_(clock), watchers_(watchers) {}

  void Changed(const inspection::v1::Warrant& warrant) {
    {
      absl::MutexLock lock(&changed_mu_);
      if (warrant.inspectorate() != body_) return;
      changed_.insert(warrant.id());
    }
    Resume(absl::OkStatus());
  }
  void ShutOut(std::string_view body, const inspection::v1::OfficerShutOut& officer) {
    {
      absl::MutexLock lock(&changed_mu_);
      if (body != body_ || officer.officer() == officer_) return;
      shut_out_[officer.officer()] = officer;
    }
    Resume(absl::OkStatus());
  }

 private:
  absl::Status OnOpen(const rpc::Peer& peer) override {
    caller_ = CallerOf(peer);
    const absl::Status begun = Begin();
    RecordRefusal(refusals_, caller_, kWatchWarrants, begun);
    return begun;
  }

  absl::StatusOr<bool> Next(WatchWarrantsResponse& message) override {
    auto more = Tell(message);
    RecordRefusal(refusals_, caller_, kWatchWarrants, more.status());
    return more;
  }

  absl::Status Begin() {
    ACCORD_ASSIGN_OR_RETURN(std::string body, BodySeen(*directory_.Get(), caller_));
    {
      absl::MutexLock lock(&changed_mu_);
      body_ = body;
      officer_ = caller_.id;
    }
    // Before the first look at the store, so that nothing changes unseen between the two.
    watchers_.Add(std::static_pointer_cast<WarrantStream>(shared_from_this()));
    TakeStandingShutOut(body);
    ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
    const absl::Time now = clock_.Now();
    for (std::optional<uint64_t> before;;) {
      ACCORD_ASSIGN_OR_RETURN(const WarrantPage page, ListWarrants(*view, body, before, /*with_ended=*/true, kPageSizeMax, now));
      for (const auto& warrant : page.warrants) {
        if (IsToldAtFirst(warrant, now)) standing_.push_back(warrant.id());
      }
      if (!page.next.has_value()) return absl::OkStatus();
      before = page.next;
    }
  }

  absl::StatusOr<bool> Tell(WatchWarrantsResponse& message) {
    ACCORD_ASSIGN_OR_RETURN(const std::string body, BodySeen(*directory_.Get(), caller_));
    if (body != WatchedBody()) return Error(Reason::kNotPermitted, "the inspector is an officer of another body now; watch again");
    if (auto officer = TakeShutOut(); officer.has_value()) {
      *message.mutable_shut_out() = *std::move(officer);
      return true;
    }
    const std::optional<std::string> id = TakeNext();
    if (!id.has_value()) {
      Hold();
      return false;
    }
    ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
    ACCORD_ASSIGN_OR_RETURN(auto warrant, ReadWarrant(*view, *id, clock_.Now()));
    if (!warrant.has_value()) return Error(Reason::kStoreCorrupt, "a warrant that is watched is not there");
    *message.mutable_warrant() = *std::move(warrant);
    return true;
  }

  // Who is shut out already, for nobody may have watched when it happened. What was told meanwhile is newer.
  void TakeStandingShutOut(const std::string& body) {
    const auto directory = directory_.Get();
    const std::string inspectors = PrincipalName(options::v1::CALLER_INSPECTOR, "");
    absl::MutexLock lock(&changed_mu_);
    for (const auto& [principal, officer] : directory->officers()) {
      const Suspension* const suspension = directory->FindSuspension(principal);
      if (suspension == nullptr || !principal.starts_with(inspectors) || !officer.active() || officer.inspectorate() != body) continue;
      const std::string id = principal.substr(inspectors.size());
      shut_out_.try_emplace(id, ShutOutOf(id, /*out=*/true, suspension->reason, suspension->since, suspension->index));
    }
  }
  std::optional<inspection::v1::OfficerShutOut> TakeShutOut() {
    absl::MutexLock lock(&changed_mu_);
    if (shut_out_.empty()) return std::nullopt;
    return std::move(shut_out_.extract(shut_out_.begin()).mapped());
  }
  std::string WatchedBody() {
    absl::MutexLock lock(&changed_mu_);
    return body_;
  }
  std::optional<std::string> TakeNext() {
    std::string id;
    if (!standing_.empty()) {
      id = std::move(standing_.back());
      standing_.pop_back();
      return id;
    }
    absl::MutexLock lock(&changed_mu_);
    if (changed_.empty()) return std::nullopt;
    return std::move(changed_.extract(changed_.begin()).value());
  }

  Sequencer& sequencer_;
  const DirectoryHolder& directory_;
  RefusalRecorder& refusals_;
  const Clock& clock_;
  WarrantWatchers& watchers_;
  Caller caller_;                      // Of the one task, as the next.
  std::vector<std::string> standing_;  // Ids that were there at the beginning and are not told yet, the oldest last.

  absl::Mutex changed_mu_;
  std::string body_ ABSL_GUARDED_BY(changed_mu_), officer_ ABSL_GUARDED_BY(changed_mu_);
  std::set<std::string> changed_ ABSL_GUARDED_BY(changed_mu_);  // As many as the body has warrants, at most.
  std::map<std::string, inspection::v1::OfficerShutOut> shut_out_ ABSL_GUARDED_BY(changed_mu_);  // As many as it has officers; the last of each.
};

void WarrantWatchers::Add(std::weak_ptr<WarrantStream> stream) {
  absl::MutexLock lock(&mu_);
  std::erase_if(streams_, [](const auto& other) { return other.expired(); });
  streams_.push_back(std::move(stream));
}

std::vector<std::shared_ptr<WarrantStream>> WarrantWatchers::LiveLocked() {
  std::vector<std::shared_ptr<WarrantStream>> live;
  for (const auto& stream : streams_) {
    if (auto one = stream.lock(); one != nullptr) live.push_back(std::move(one));
  }
  return live;
}

void WarrantWatchers::Changed(const inspection::v1::Warrant& warrant) {
  std::vector<std::shared_ptr<WarrantStream>> live;  // Outlives the lock: it may be a stream's last owner.
  absl::MutexLock lock(&mu_);
  live = LiveLocked();
  for (const auto& stream : live) stream->Changed(warrant);
}

void WarrantWatchers::ShutOut(std::string_view body, const inspection::v1::OfficerShutOut& officer) {
  std::vector<std::shared_ptr<WarrantStream>> live;  // As in Changed.
  absl::MutexLock lock(&mu_);
  live = LiveLocked();
  for (const auto& stream : live) stream->ShutOut(body, officer);
}

WarrantService::WarrantService(Sequencer& sequencer, const DirectoryHolder& directory, RefusalRecorder& refusals,
                               const std::vector<std::string>& statutory_bodies, rpc::HandlerContext& shared, rpc::LiveStreams& streams)
    : sequencer_(sequencer), refusals_(refusals), statutory_bodies_(statutory_bodies), shared_(shared), streams_(streams),
      rules_{.directory = directory, .changed = [this](const inspection::v1::Warrant& warrant) { watchers_.Changed(warrant); }} {}

void WarrantService::TellSuspension(const SuspensionAct& act) {
  const std::string inspectors = PrincipalName(options::v1::CALLER_INSPECTOR, "");
  if (!act.principal.starts_with(inspectors)) return;
  const std::string id = act.principal.substr(inspectors.size());
  const auto directory = rules_.directory.Get();
  const auto* const officer = directory->FindOfficer(true, id);
  const bool counts = officer != nullptr && officer->active() && !officer->inspectorate().empty();  // Who is inactive is out whatever was done.
  const bool out = act.reason != admin::v1::SUSPENSION_REASON_UNSPECIFIED;
  if (counts) watchers_.ShutOut(officer->inspectorate(), ShutOutOf(id, out, act.reason, act.time, act.index));
}

void WarrantService::EndWatches() {
  streams_.EndIf([](const rpc::Peer&, std::string_view method) {
    return method == kWatchWarrants ? Error(Reason::kStoreUnavailable, "the store was opened anew, and something may have changed untold: watch again") : absl::OkStatus();
  });
}

void WarrantService::TellOfficerMoved(const OfficerMoved& moved) {
  // A change has no reason, which is what the published list's "not stated" says.
  const auto reason = admin::v1::SUSPENSION_REASON_UNSPECIFIED;
  watchers_.ShutOut(moved.inspectorate, ShutOutOf(moved.officer, moved.out, reason, moved.time, moved.index));
}

grpc::ServerUnaryReactor* WarrantService::ProposeWarrant(grpc::CallbackServerContext* context,
                                                         const inspection::v1::ProposeWarrantRequest* request,
                                                         inspection::v1::ProposeWarrantResponse* response) {
  return HandleRecorded(*context, shared_, refusals_, kProposeWarrant, [this, request, response](const BrokerCall& call, Answer answer) {
    if (!request->has_warrant()) return answer(Error(Reason::kFieldMissing, "warrant is needed", {{"field", "warrant"}}));
    if (const absl::Status ids = CheckWarrantIds(request->request_id(), request->warrant().id()); !ids.ok()) return answer(ids);
    if (request->warrant().kind() == inspection::v1::WARRANT_KIND_STATUTORY) {
      if (const absl::Status power = CheckStatutoryBody(statutory_bodies_, request->warrant().inspectorate()); !power.ok()) return answer(power);
    }
    if (!request->dry_run()) {
      return sequencer_.Submit(std::make_unique<ProposeWarrantCommand>(rules_, call.caller, request->request_id(), request->warrant(),
                                                                       FinishWarrant(response, /*dry_run=*/false, std::move(answer))));
    }
    const auto view = sequencer_.View();
    if (!view.ok()) return answer(view.status());
    *response->mutable_warrant() = AsProposed(request->warrant());
    answer(CheckProposal(PlainReaderOf(**view), *rules_.directory.Get(), call.caller, request->warrant(), shared_.clock.Now()));
  });
}

grpc::ServerUnaryReactor* WarrantService::ActivateWarrant(grpc::CallbackServerContext* context,
                                                          const inspection::v1::ActivateWarrantRequest* request,
                                                          inspection::v1::ActivateWarrantResponse* response) {
  return HandleRecorded(*context, shared_, refusals_, kActivateWarrant, [this, request, response](const BrokerCall& call, Answer answer) {
    if (const absl::Status ids = CheckWarrantIds(request->request_id(), request->id()); !ids.ok()) return answer(ids);
    // An inspector activates statutory ones alone, of its own body; one that was proposed under another configuration is none any more.
    if (call.caller.kind == options::v1::CALLER_INSPECTOR) {
      const absl::Status power = CheckStatutoryBody(statutory_bodies_, InspectorateOf(*rules_.directory.Get(), call.caller.id));
      if (!power.ok()) return answer(power);
    }
    sequencer_.Submit(JudgedAlone(request->dry_run(), std::make_unique<ChangeWarrantCommand>(
        rules_, call.caller, request->request_id(), WarrantAct{.id = request->id(), .event = WarrantEvent::kActivate},
        FinishWarrant(response, request->dry_run(), std::move(answer)))));
  });
}

grpc::ServerUnaryReactor* WarrantService::ChangeWarrant(grpc::CallbackServerContext* context,
                                                        const inspection::v1::ChangeWarrantRequest* request,
                                                        inspection::v1::ChangeWarrantResponse* response) {
  return HandleRecorded(*context, shared_, refusals_, kChangeWarrant, [this, request, response](const BrokerCall& call, Answer answer) {
    if (const absl::Status ids = CheckWarrantIds(request->request_id(), request->id()); !ids.ok()) return answer(ids);
    const auto act = ReadAct(*request);
    if (!act.ok()) return answer(act.status());
    sequencer_.Submit(JudgedAlone(request->dry_run(), std::make_unique<ChangeWarrantCommand>(
        rules_, call.caller, request->request_id(), *act, FinishWarrant(response, request->dry_run(), std::move(answer)))));
  });
}

grpc::ServerUnaryReactor* WarrantService::ListWarrants(grpc::CallbackServerContext* context, const inspection::v1::ListWarrantsRequest* request,
                                                       inspection::v1::ListWarrantsResponse* response) {
  return HandleRecorded(*context, shared_, refusals_, kListWarrants, [this, request, response](const BrokerCall& call, Answer answer) {
    const auto body = BodySeen(*rules_.directory.Get(), call.caller);
    if (!body.ok()) return answer(body.status());
    const auto view = sequencer_.View();
    answer(view.ok() ? AnswerWarrants(**view, *body, *request, shared_.clock.Now(), *response) : view.status());
  });
}

grpc::ServerWriteReactor<WatchWarrantsResponse>* WarrantService::WatchWarrants(grpc::CallbackServerContext* context,
                                                                               const inspection::v1::WatchWarrantsRequest*) {
  return rpc::OpenServerStream<WarrantStream>(*context, shared_, streams_, kWatchWarrants, sequencer_, rules_.directory, refusals_, shared_.clock,
                                              watchers_);
}

grpc::ServerUnaryReactor* WarrantService::ListLooks(grpc::CallbackServerContext* context, const inspection::v1::ListLooksRequest* request,
                                                    inspection::v1::ListLooksResponse* response) {
  return HandleRecorded(*context, shared_, refusals_, kListLooks, [this, request, response](const BrokerCall& call, Answer answer) {
    const auto view = sequencer_.View();
    answer(view.ok() ? AnswerLooks(**view, call.caller, *request, shared_.clock.Now(), *response) : view.status());
  });
}

}  // namespace accord::broker
