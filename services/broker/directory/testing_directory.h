// A directory over a map, changed as administrators change it; for tests of its commands.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/testing_pki.h"
#include "services/broker/directory/changes.h"
#include "services/broker/directory/directory.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/open_log.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker {

using crypto::testing::kTrustDomain;
using crypto::testing::TestAuthority;

class DirectoryTest : public ::testing::Test {
 protected:
  admin::v1::Agency Agency(const std::string& id, type::v1::AgencyKind kind = type::v1::AGENCY_KIND_POLICE) {
    admin::v1::Agency agency;
    agency.set_id(id);
    agency.set_kind(kind);
    agency.set_display_name(id);
    agency.add_areas("E23000016");
    agency.set_active(true);
    agency.add_signing_certificates(authority_.IssueSigning(id).certificate.der());
    agency.set_sealing_certificate(authority_.IssueSealing(id).certificate.der());
    return agency;
  }

  admin::v1::Change PutAgency(const admin::v1::Agency& agency) {
    admin::v1::Change change;
    *change.mutable_put_agency()->mutable_agency() = agency;
    return change;
  }

  // What the sequencer does after a batch that moved the epochs.
  void Publish() { holder_.Set(*DirectorySnapshot::Load(context_, context_.current.directory)); }

  void OpenLog(std::vector<admin::v1::Change> changes) {
    OpenLogCommand command(rules_, "accord.test/broker", "vkey", {"alice", "bob"}, std::move(changes), [](const auto&) {});
    ASSERT_EQ(command.Apply(context_), absl::OkStatus());
    Publish();
  }

  absl::StatusOr<uint64_t> Propose(const std::string& who, const std::string& request, const admin::v1::Change& change, ProposeOptions options = {}) {
    absl::StatusOr<uint64_t> number = absl::UnknownError("no answer");
    ProposeChangeCommand command(
        rules_, {who, std::string(32, 'c')}, request, change,
        [&](auto outcome) { number = outcome.ok() ? absl::StatusOr<uint64_t>(outcome->number) : outcome.status(); }, options);
    const absl::Status status = command.Apply(context_);
    command.Done(status.ok() ? absl::StatusOr<Committed>(Committed{}) : status);
    return number;
  }

  absl::StatusOr<ChangeOutcome> Approve(const std::string& who, const std::string& request, uint64_t number) {
    absl::StatusOr<ChangeOutcome> result = absl::UnknownError("no answer");
    ApproveChangeCommand command(rules_, {who, std::string(32, 'c')}, request, number,
                                 [&](auto outcome) { result = std::move(outcome); });
    const absl::Status status = command.Apply(context_);
    command.Done(status.ok() ? absl::StatusOr<Committed>(Committed{}) : status);
    if (status.ok()) Publish();
    return result;
  }

  absl::StatusOr<ChangeOutcome> Withdraw(const std::string& who, const std::string& request, uint64_t number) {
    absl::StatusOr<ChangeOutcome> result = absl::UnknownError("no answer");
    WithdrawChangeCommand command(rules_, {who, std::string(32, 'c')}, request, number, [&](auto outcome) { result = std::move(outcome); });
    const absl::Status status = command.Apply(context_);
    command.Done(status.ok() ? absl::StatusOr<Committed>(Committed{}) : status);
    return result;
  }

  // What the due clock does of changes once `time` has come: those that are due act, the earliest first.
  void At(absl::Time time) {
    context_.time = time;
    while (!due_.empty()) {
      const auto next = std::min_element(due_.begin(), due_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
      if (next->second > time) break;
      const uint64_t number = next->first;
      due_.erase(next);
      ASSERT_EQ(ActOnChange(context_, rules_, number), absl::OkStatus());
      Publish();
    }
  }

  admin::v1::ChangeState StateOfChange(uint64_t number) {
    storage::v1::StoredChange stored;
    EXPECT_TRUE(stored.ParseFromString((*context_.Get(kFamilyChange, KeyU64(number))).value_or("")));
    return StateOf(stored, context_.time);
  }

  static admin::v1::Change PutOfficer(const std::string& id, std::vector<options::v1::OfficerRole> roles, bool active = true) {
    admin::v1::Change change;
    change.mutable_put_officer()->set_id(id);
    change.mutable_put_officer()->set_active(active);
    for (const auto role : roles) change.mutable_put_officer()->add_roles(role);
    return change;
  }
  // Proposed by alice, approved by bob.
  void Make(const admin::v1::Change& change) {
    const std::string request = "made-" + std::to_string(++made_);
    const auto number = Propose("alice", request, change);
    ASSERT_EQ(number.status(), absl::OkStatus());
    ASSERT_EQ(Approve("bob", request, *number).status(), absl::OkStatus());
  }

  TestAuthority authority_;
  MemoryContext context_;
  std::map<uint64_t, absl::Time> due_;  // Changes by when something is to be done about them.
  std::set<std::string> busy_;          // Agencies that may not leave yet.
  int made_ = 0;
  DirectoryHolder holder_;
  referral::PolicySources sources_;  // Of the policy in force, as the tests say that it is.
  ChangeRules rules_{std::string(kTrustDomain), holder_, [this] { return referral::CompiledPolicy(sources_); }, {},
                     [this](CommitContext&, uint64_t number, absl::Time when) {
                       due_.erase(number);
                       if (when != absl::InfiniteFuture()) due_[number] = when;
                       return absl::OkStatus();
                     },
                     [this](const std::string& agency) {
                       return busy_.contains(agency) ? Error(Reason::kLeavingIncomplete, "still open: unread", {{"open", "unread"}}) : absl::OkStatus();
                     }};
};

}  // namespace accord::broker
