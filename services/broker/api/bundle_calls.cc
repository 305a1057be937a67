#include "services/broker/api/bundle_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/note.h"
#include "common/rpc/server_stream.h"
#include "services/broker/adapter/authorizer.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/past_directory.h"
#include "services/broker/api/running_place.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

using inspection::v1::ExportBundleRequest;
using inspection::v1::ExportBundleResponse;

constexpr std::string_view kExportBundle = "/accord.inspection.v1.TrailService/ExportBundle";

absl::Status InvalidExport(std::string_view field, std::string_view what) {
  return Error(Reason::kFieldInvalid, fmt::format("{}: {}", field, what), {{"field", std::string(field)}});
}

absl::StatusOr<std::vector<TrailAbout>> ReadExport(const ExportBundleRequest& request) {
  if (request.case_pseudonyms().empty() && request.referrals().empty()) {
    return Error(Reason::kFieldMissing, "a case or a referral is needed", {{"field", "case_pseudonyms"}});
  }
  if (request.case_pseudonyms_size() > kBundleCasesMax) return InvalidExport("case_pseudonyms", fmt::format("at most {} are taken", kBundleCasesMax));
  if (request.referrals_size() > kBundleReferralsMax) return InvalidExport("referrals", fmt::format("at most {} are taken", kBundleReferralsMax));
  if (!IsPurpose(request.purpose())) return InvalidExport("purpose", fmt::format("a code of at most {} characters is needed", kPurposeCharsMax));
  std::vector<TrailAbout> about;
  std::set<std::string> seen;
  for (const std::string& pseudonym : request.case_pseudonyms()) {
    if (pseudonym.size() != kIdBytes) return InvalidExport("case_pseudonyms", "16 bytes are needed");
    if (!seen.insert(pseudonym).second) return InvalidExport("case_pseudonyms", "one is there twice");
    about.push_back({TrailAbout::What::kCase, pseudonym});
  }
  for (const std::string& digest : request.referrals()) {
    if (digest.size() != crypto::kDigestBytes) return InvalidExport("referrals", "32 bytes are needed");
    if (!seen.insert(digest).second) return InvalidExport("referrals", "one is there twice");
    about.push_back({TrailAbout::What::kReferral, digest});
  }
  return about;
}

class BundleStream final : public rpc::ServerStream<ExportBundleResponse> {
 public:
  BundleStream(const BundleWork& work, std::atomic<int>& running, ExportBundleRequest request)
      : work_(work), running_(running), request_(std::move(request)) {}

 private:
  std::shared_ptr<BundleStream> Self() { return std::static_pointer_cast<BundleStream>(shared_from_this()); }

  absl::Status OnOpen(const rpc::Peer& peer) override {
    caller_ = CallerOf(peer);
    auto plan = Plan();
    RecordRefusal(work_.refusals, caller_, kExportBundle, plan.status());
    ACCORD_RETURN_IF_ERROR(plan);
    Hold();
    auto command = std::make_unique<RecordBundleCommand>(plan->trails, [self = Self()](const absl::StatusOr<std::vector<uint64_t>>& indices) {
      RecordRefusal(self->work_.refusals, self->caller_, kExportBundle, indices.status());
      self->Resume(indices.ok() ? self->Begin(*indices) : indices.status());
    });
    files_.emplace(*std::move(plan), work_.limits);
    work_.sequencer.Submit(std::move(command));
    return absl::OkStatus();
  }

  absl::StatusOr<BundlePlan> Plan() {
    ACCORD_ASSIGN_OR_RETURN(const std::vector<TrailAbout> about, ReadExport(request_));
    ACCORD_ASSIGN_OR_RETURN(place_, RunningPlace::Take(running_, kBundlesAtOnceMax, "bundles are being exported"));
    ACCORD_ASSIGN_OR_RETURN(const auto view, work_.sequencer.View());
    ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey log, ledger::Vkey::Parse(work_.vkey));
    const auto directory = work_.directory.Get();
    const TrailAsker asker{caller_, kExportBundle, request_.purpose(), request_.warrant(), *directory, work_.clock.Now()};
    const auto suspended_at = [&](absl::Time at) -> absl::StatusOr<SuspendedPrincipals> {
      ACCORD_ASSIGN_OR_RETURN(const Suspensions suspended, SuspensionsAt(*view, at));
      SuspendedPrincipals principals;
      for (const auto& [principal, suspension] : suspended) principals.insert(principal);
      return principals;
    };
    auto plan = PlanBundle(*view, asker, *work_.policy.Get(), suspended_at, log.name(), about, work_.limits);
    if (!HasReason(plan.status(), Reason::kReferralNotFound)) return plan;
    for (const std::string& digest : request_.referrals()) {
      ACCORD_ASSIGN_OR_RETURN(const auto erased, FindErased(PlainReaderOf(*view), ErasedReferralMark(digest)));
      if (erased.has_value()) return ErasedAt(*erased);
    }
    return plan;
  }

  absl::Status Begin(const std::vector<uint64_t>& indices) {
    ACCORD_ASSIGN_OR_RETURN(const auto view, work_.sequencer.View());
    const auto directory = work_.directory.Get();
    return files_->Begin(*view, {*directory, work_.witnesses, work_.vkey, work_.clock.Now()}, indices);
  }

  absl::StatusOr<bool> Next(ExportBundleResponse& message) override {
    if (given_ == file_.bytes.size()) {
      ACCORD_ASSIGN_OR_RETURN(const auto view, work_.sequencer.View());
      const auto directory = work_.directory.Get();
      ACCORD_ASSIGN_OR_RETURN(auto next, files_->Next(*view, {*directory, work_.witnesses, work_.vkey, work_.clock.Now()}));
      if (!next.has_value()) return false;
      file_ = *std::move(next);
      given_ = 0;
      message.set_path(file_.path);
    }
    const size_t bytes = std::min(kBundleChunkBytesMax, file_.bytes.size() - given_);
    message.set_chunk(file_.bytes.substr(given_, bytes));
    given_ += bytes;
    return true;
  }

  const BundleWork& work_;
  std::atomic<int>& running_;
  const ExportBundleRequest request_;
  Caller caller_;  // From OnOpen on, as all below.
  std::unique_ptr<RunningPlace> place_;
  std::optional<BundleFiles> files_;
  BundleFiles::File file_;
  size_t given_ = 0;
};

}  // namespace

grpc::ServerWriteReactor<ExportBundleResponse>* BundleCalls::Export(grpc::CallbackServerContext& context, rpc::HandlerContext& shared,
                                                                    rpc::LiveStreams& streams, const ExportBundleRequest& request) {
  return rpc::OpenServerStream<BundleStream>(context, shared, streams, kExportBundle, work_, running_, request);
}

}  // namespace accord::broker
