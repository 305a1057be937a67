#include <absl/synchronization/notification.h>
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/proposals.h"
#include "services/accordctl/references.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using admin::v1::AdminService;

constexpr absl::Duration kAskAgain = absl::Seconds(1);
constexpr absl::Duration kWaitMax = absl::Hours(2);  // Of --wait: a purge rewrites whole families.

struct EraseArguments {
  std::string referral, case_pseudonym, ground, authority;
  std::string change;
  bool wait = false;
};

// OneOf without that retention has ended: that is the broker's own to find, and it takes it from nobody.
Choices ErasureGrounds() {
  return {"subject-request, unlawfully-processed, order", [](const std::string& words) {
            const auto ground = Value<type::v1::ErasureGround>(words);
            return ground != type::v1::ERASURE_GROUND_UNSPECIFIED && ground != type::v1::ERASURE_GROUND_RETENTION_ENDED;
          }};
}

absl::StatusOr<admin::v1::Change> MakeErase(Session& session, const EraseArguments& arguments) {
  admin::v1::Change change;
  auto& erase = *change.mutable_erase();
  if (arguments.referral.empty() == arguments.case_pseudonym.empty()) return UsageError("erase takes --referral or --case");
  if (arguments.ground.empty() || arguments.authority.empty()) return UsageError("erase takes --ground and --authority");
  if (!arguments.case_pseudonym.empty()) {
    const auto pseudonym = FromHex(arguments.case_pseudonym);
    if (!pseudonym.has_value() || pseudonym->size() != kIdBytes)
      return UsageError("a case is named by the 32 hex digits of its pseudonym");
    erase.set_case_pseudonym(*pseudonym);
  } else {
    ACCORD_ASSIGN_OR_RETURN(*erase.mutable_header_digest(), FindHeaderDigest(session, arguments.referral));
  }
  const auto ground = console::EnumFromWords(*type::v1::ErasureGround_descriptor(), arguments.ground);
  if (!ground.has_value()) return UsageError("--ground: one of " + ErasureGrounds().words);
  erase.set_ground(static_cast<type::v1::ErasureGround>(*ground));
  erase.set_authority(arguments.authority);
  return change;
}

absl::StatusOr<int> ProposeErasure(Session& session, const EraseArguments& arguments) {
  admin::v1::ProposeChangeRequest request;
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_change(), MakeErase(session, arguments));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  return ProposeChange(session, broker, std::move(request), [](const admin::v1::ProposedChange& proposed) {
    return fmt::format("{0} is proposed; nothing is erased yet. Once another administrator has approved it, nothing brings it back:\n"
                       "  accordctl admin approve {0}\n  accordctl erase status {0} --wait\n", proposed.name());
  });
}

// Of what nobody has approved: whether anybody still may.
std::string ProposedText(const admin::v1::ProposedChange& change) {
  switch (change.state()) {
    case admin::v1::CHANGE_STATE_WITHDRAWN: return fmt::format("nothing is erased: it was withdrawn by {}", change.withdrawn_by());
    case admin::v1::CHANGE_STATE_EXPIRED: return "nothing is erased: nobody approved it in time; propose it again";
    default: return "proposed: another administrator must approve it";
  }
}

std::string StepText(admin::v1::ErasureStep step, const admin::v1::ProposedChange& change) {
  switch (step) {
    case admin::v1::ERASURE_STEP_PROPOSED: return ProposedText(change);
    case admin::v1::ERASURE_STEP_RECORDED: return "recorded: nothing of it is answered any more";
    case admin::v1::ERASURE_STEP_KEYS_DESTROYED: return "keys destroyed: nothing of it can be read any more";
    case admin::v1::ERASURE_STEP_ROWS_DELETED: return "rows deleted; the files are being rewritten";
    case admin::v1::ERASURE_STEP_PURGED: return "purged: no file of the store holds it";
    default: return "(a step that this version does not know)";
  }
}

absl::StatusOr<int> ErasureStatus(Session& session, const EraseArguments& arguments) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  admin::v1::GetErasureRequest request;
  request.set_name(arguments.change.find('/') == std::string::npos ? "changes/" + arguments.change : arguments.change);
  admin::v1::GetErasureResponse response;
  admin::v1::ProposedChange change;  // Asked for while it is no more than proposed.
  auto told = admin::v1::ERASURE_STEP_UNSPECIFIED;
  for (absl::Duration waited; ; waited += kAskAgain) {
    ACCORD_ASSIGN_OR_RETURN(response, Ask(broker, &AdminService::Stub::GetErasure, request));
    if (response.step() == admin::v1::ERASURE_STEP_PROPOSED) {
      admin::v1::GetChangeRequest get;
      get.set_name(request.name());
      ACCORD_ASSIGN_OR_RETURN(auto proposed, Ask(broker, &AdminService::Stub::GetChange, get));
      change = std::move(*proposed.mutable_change());
    }
    if (arguments.wait && response.step() != told) session.Tell(StepText(response.step(), change) + "\n");
    told = response.step();
    // What nobody has approved does not go on by itself.
    const bool goes_on = told != admin::v1::ERASURE_STEP_PURGED && told != admin::v1::ERASURE_STEP_PROPOSED;
    if (!arguments.wait || !goes_on || waited >= kWaitMax) break;
    absl::Notification never;
    never.WaitForNotificationWithTimeout(kAskAgain);
  }
  if (session.json()) {
    auto document = ToJson(response);
    if (response.step() == admin::v1::ERASURE_STEP_PROPOSED) document["state"] = admin::v1::ChangeState_Name(change.state());
    session.PrintJson(document);
  } else {
    auto table = console::Table::Facts();
    table.Add({"erasure", request.name()});
    table.Add({"step", StepText(response.step(), change)});
    if (response.index() != 0) {
      table.Add({"referrals", fmt::to_string(response.referrals())});
      table.Add({"entry", fmt::to_string(response.index())});
    }
    session.Print(table.ToString(console::TerminalWidth()));
  }
  return arguments.wait && response.step() != admin::v1::ERASURE_STEP_PURGED ? kFailed : kDone;
}

}  // namespace

void AddEraseVerbs(Command& app, Verb& chosen) {
  auto arguments = std::make_shared<EraseArguments>();
  Command& erase = app.AddChange("erase", "Propose to erase a referral or a case at the broker; another administrator approves");
  erase.AddOption("--referral", arguments->referral, "`referrals/HEX`, or what the agency of --as knows it by");
  erase.AddOption("--case", arguments->case_pseudonym, "Every referral of a case: the 32 hex digits of its pseudonym");
  erase.AddOption("--ground", arguments->ground, "Why").Check(ErasureGrounds());
  erase.AddOption("--authority", arguments->authority, "The decision that it rests on: a code of at most 64 characters");
  Command& status = erase.AddVerb("status", "How far an erasure has got");
  status.AddOption("CHANGE", arguments->change, "`changes/NUMBER`, or the number").Required();
  status.AddFlag("--wait", arguments->wait, "Wait until no file holds it, and tell each step");
  status.Footer("Example: accordctl erase status changes/41 --wait --as-admin alice");
  erase.Footer("Example: accordctl erase --case 00112233445566778899aabbccddeeff --ground subject-request --authority DPO-2026-14 --as-admin alice");
  erase.WhenGiven([&chosen, arguments, &status] {
    chosen = [arguments, asked = status.given()](Session& session) {
      return asked ? ErasureStatus(session, *arguments) : ProposeErasure(session, *arguments);
    };
  });
}

}  // namespace accord::accordctl
