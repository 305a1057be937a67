// What must hold, told by a model of its own: it knows what was acknowledged, restates what the area agreed and when clocks run out, reads
// every entry of the ledger, and says where the broker or an agency does otherwise.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "accord/type/v1/entry.pb.h"
#include "common/crypto/ecdsa.h"
#include "services/broker/sequencer/read_view.h"
#include "tests/simulation/area.h"
#include "tests/simulation/sim_agency.h"
#include "tests/simulation/sim_broker.h"

namespace accord::simulation {

// A referral as its sender's system was told that it is taken.
struct Pushed {
  std::string sender, corrects;  // Of a correction: request id of what it corrects.
  type::v1::Lane lane = type::v1::LANE_STANDARD;
  bool immediate = false;
  std::map<std::string, std::set<type::v1::Category>> permitted;  // By recipient; those alone that may have something.
};

// Single-thread.
class Oracle {
 public:
  Oracle(World& world, const Area& area);

  // It is tried to push this: it may be taken although nobody is told so.
  void OnTried(const std::string& request_id, const Pushed& pushed) { tried_[{pushed.sender, request_id}] = pushed; }
  // Acknowledged: from here on it must not be lost.
  void OnPushed(const std::string& sender, const std::string& request_id) { acknowledged_.insert({sender, request_id}); }
  // A worker was told that the statement of this request id is recorded.
  void OnSaid(const std::string& agency, const std::string& request_id) { said_.insert({agency, request_id}); }

  void OnBatch(const broker::ReadView& view);
  void OnTick(absl::Time now);
  void OnHanded(const std::string& agency, const accord::broker::v1::Delivery& delivery);
  void OnTaken(const std::string& agency, const accord::broker::v1::Delivery& delivery);

  // Once all faults have ended and everybody has done what they do.
  void CheckEnd(SimBroker& broker, const std::vector<std::unique_ptr<SimAgency>>& agencies);

  void Fail(std::string_view invariant, std::string_view what);
  // The first ones.
  const std::vector<std::string>& failures() const { return failures_; }
  size_t failed() const { return failed_; }
  uint64_t entries() const { return seen_.size(); }
  size_t steps() const { return steps_; }
  size_t statements() const { return statements_; }
  size_t stored() const { return referrals_.size(); }

 private:
  // One clock at one recipient.
  struct Deadline {
    std::string name;
    absl::Time stored, due, next;  // `next`: of the step that is to come.
    absl::Duration allowed;
    bool immediate = false, runs = false;
    int step = 0;          // The last one taken.
    uint32_t reminder = 0;
    int late_ticks = 0;
  };
  struct Copy {
    std::set<type::v1::Category> permitted;
    std::string delivery_id;
    type::v1::ReferralState state = type::v1::REFERRAL_STATE_STORED;
    bool released = false, taken = false, accounted = false;  // Accounted: it is on record why it need not arrive.
    Deadline pick_up, response;
  };
  struct Referral {
    Pushed pushed;
    std::string request_id;
    std::map<std::string, Copy> copies;
    type::v1::StatementKind last_act = type::v1::STATEMENT_KIND_UNSPECIFIED;
    bool recalled = false, withdrawn = false, corrected = false, consent_withdrawn = false;
  };
  struct Delivered {
    std::string agency, key, header_digest, statement_digest;
    type::v1::Desk desk = type::v1::DESK_MAIN;
    type::v1::Lane lane = type::v1::LANE_UNSPECIFIED;
    uint64_t position = 0, sequence = 0;
    bool notice = false, settled = false, taken = false;

    bool carries() const { return !notice && statement_digest.empty(); }
  };
  // What an entry said.
  struct Seen {
    type::v1::EntryEvent event;
    type::v1::EntryReferral about;
    std::string principal;
    absl::Time time;
  };

  void Read(const broker::ReadView& view, const Seen& entry);
  void OnStored(const broker::ReadView& view, const Seen& entry);
  void OnReleased(const broker::ReadView& view, const Seen& entry);
  void OnSettled(const broker::ReadView& view, const Seen& entry);
  void OnStopped(const Seen& entry);
  void OnStatement(const broker::ReadView& view, const Seen& entry);
  void OnSenderAct(Referral& referral, const Seen& entry);
  void OnRecipientSaid(Referral& referral, const Seen& entry);
  void OnOverdue(const Seen& entry);
  void CheckHanded(const std::string& agency, const accord::broker::v1::Delivery& delivery);
  void CheckOrder(const broker::ReadView& view, const Delivered& delivered, std::string_view delivery_id);
  void CheckDocument(const broker::ReadView& view, const Seen& entry);
  void CheckStates(const broker::ReadView& view);
  void CheckSender(SimAgency& agency);
  void CheckRecipient(const broker::ReadView& view, SimAgency& agency);
  void CheckDrained(SimBroker& broker, const broker::ReadView& view);

  Referral* Find(const Seen& entry);
  Copy* FindCopy(const Seen& entry);
  Delivered* FindDelivery(const broker::ReadView& view, const std::string& delivery_id);
  bool MayHave(const Referral& referral, const std::string& agency, type::v1::Category category) const;
  // Moves the model's state, if the table allows that.
  bool Move(Copy& copy, int event);
  void StartClock(Deadline& deadline, std::string name, absl::Time stored, absl::Duration allowed, bool immediate);
  void StopClock(Deadline& deadline);
  void Await(Deadline& deadline);
  static absl::Time StepAt(const Deadline& deadline, int step);

  World& world_;
  std::map<std::string, crypto::VerifyKey> keys_;

  std::map<std::pair<std::string, std::string>, Pushed> tried_;   // By sender and request id.
  std::set<std::pair<std::string, std::string>> acknowledged_;
  std::set<std::pair<std::string, std::string>> said_, on_record_;  // Statements: speaker, request id.
  std::map<std::string, Referral> referrals_;                     // By header digest.
  std::map<std::pair<std::string, std::string>, std::string> digests_;  // Sender, request id → header digest.
  std::map<std::string, Delivered> deliveries_;
  std::map<std::tuple<std::string, int, std::string>, uint64_t> taken_to_;  // Agency, lane, key → position of the last one taken.
  std::set<std::pair<absl::Time, Deadline*>> waiting_;
  std::vector<std::pair<std::string, accord::broker::v1::Delivery>> handed_;
  std::vector<Seen> seen_;
  std::vector<std::string> documents_;  // Keys of the statements that are on record.
  std::string last_leaf_;
  size_t steps_ = 0, statements_ = 0, failed_ = 0;
  std::vector<std::string> failures_;
};

}  // namespace accord::simulation
