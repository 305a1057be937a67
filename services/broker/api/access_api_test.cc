// Who may call what: every method that is linked into the broker, as every kind of caller, against the table of docs/access.md.
//
// Goal: what the document says, the protos say and the broker does are one, and a method that is added without a rule fails.
// Method: the document's rows are read; each officer role, an officer without one, an inspector, both desks of an agency and somebody unknown are
// enrolled; the authorizer is asked about every method for every one of them, and then every method is called on the wire: with an empty
// request, which those who may call get past the authorizer with and no further. Last, a stream is held open while its reader's role is taken.
#include <absl/synchronization/barrier.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor_database.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "accord/inspection/v1/trail_service.pb.h"
#include "common/base/file.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_wire.h"
#include "services/broker/sequencer/chains.h"
#include "services/broker/sequencer/testing_command.h"

namespace accord::broker::access_api_test {
namespace {

constexpr size_t kDocumentBytesMax = 1u << 20;

struct Asker {
  std::string column;     // Of the document.
  std::string principal;  // As its certificate names it.
  rpc::PeerKind kind = rpc::PeerKind::kAdmin;
  std::vector<options::v1::OfficerRole> roles = {};
};
const std::vector<Asker>& Askers() {
  static const auto* const askers = new std::vector<Asker>{
      {"agency", "agency/police", rpc::PeerKind::kAgency},
      {"agency", "agency/police/confidential", rpc::PeerKind::kAgency},
      {"administrator", "admin/adam", rpc::PeerKind::kAdmin, {options::v1::OFFICER_ROLE_ADMINISTRATOR}},
      {"approver", "admin/april", rpc::PeerKind::kAdmin, {options::v1::OFFICER_ROLE_APPROVER}},
      {"data-protection officer", "admin/dora", rpc::PeerKind::kAdmin, {options::v1::OFFICER_ROLE_DATA_PROTECTION_OFFICER}},
      {"auditor", "admin/audrey", rpc::PeerKind::kAdmin, {options::v1::OFFICER_ROLE_AUDITOR}},
      {"operator", "admin/oscar", rpc::PeerKind::kAdmin, {options::v1::OFFICER_ROLE_OPERATOR}},
      {"no role", "admin/alice", rpc::PeerKind::kAdmin},
      {"inspector", "inspector/ines", rpc::PeerKind::kInspector},
      {"unknown", "agency/nobody", rpc::PeerKind::kAgency},
      {"unknown", "admin/nobody", rpc::PeerKind::kAdmin},
      {"unknown", "inspector/nobody", rpc::PeerKind::kInspector},
  };
  return *askers;
}

std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  for (size_t at = 1; at < line.size();) {
    size_t end = line.find('|', at);
    if (end == std::string::npos) end = line.size();
    std::string cell = line.substr(at, end - at);
    cell.erase(0, cell.find_first_not_of(" `"));
    cell.erase(cell.find_last_not_of(" `") + 1);
    cells.push_back(cell);
    at = end + 1;
  }
  return cells;
}

// "/package.Service/Method" → which columns say yes.
std::map<std::string, std::set<std::string>> ReadTable() {
  std::map<std::string, std::set<std::string>> table;
  const auto text = ReadFile("docs/access.md", kDocumentBytesMax);
  EXPECT_EQ(text.status(), absl::OkStatus());
  std::istringstream lines(text.value_or(""));
  std::string service;
  std::vector<std::string> columns;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) service = line.substr(3);
    if (line.starts_with("| method |")) columns = Cells(line);
    if (service.empty() || !line.starts_with("| `")) continue;
    const std::vector<std::string> cells = Cells(line);
    EXPECT_EQ(cells.size(), columns.size()) << line;
    auto& yes = table[fmt::format("/{}/{}", service, cells[0])];
    for (size_t i = 1; i < std::min(cells.size(), columns.size()); ++i) {
      if (cells[i] == "yes") yes.insert(columns[i]);
    }
  }
  return table;
}

std::map<std::string, const google::protobuf::MethodDescriptor*> LinkedMethods() {
  std::map<std::string, const google::protobuf::MethodDescriptor*> methods;
  std::vector<std::string> files;
  EXPECT_TRUE(google::protobuf::DescriptorPool::internal_generated_database()->FindAllFileNames(&files));
  for (const std::string& name : files) {
    const auto* file = name.starts_with("accord/") ? google::protobuf::DescriptorPool::generated_pool()->FindFileByName(name) : nullptr;
    for (int s = 0; file != nullptr && s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        const auto* method = file->service(s)->method(m);
        methods[fmt::format("/{}/{}", method->service()->full_name(), method->name())] = method;
      }
    }
  }
  return methods;
}

class AccessTableTest : public ::testing::Test {
 protected:
  AccessTableTest() {
    for (const Asker& asker : Askers()) {
      if (asker.column == "agency" || asker.column == "unknown" || asker.column == "no role") continue;
      admin::v1::Change change;
      auto& officer = *change.mutable_put_officer();
      officer.set_id(IdOf(asker));
      officer.set_active(true);
      officer.set_inspector(asker.kind == rpc::PeerKind::kInspector);
      for (const auto role : asker.roles) officer.add_roles(role);
      EXPECT_EQ(world_.Change(change), absl::OkStatus());
    }
  }
  static std::string IdOf(const Asker& asker) {
    const std::string rest = asker.principal.substr(asker.principal.find('/') + 1);
    return rest.substr(0, rest.find('/'));
  }
  static bool Refused(Reason reason, const Asker& asker) {
    return reason == (asker.column == "unknown" ? Reason::kPrincipalUnknown : Reason::kRoleNotAllowed);
  }

  TestingBroker world_;
  const std::map<std::string, std::set<std::string>> table_ = ReadTable();
};

TEST_F(AccessTableTest, TheDocumentHasEveryMethodAndNoOther) {
  std::set<std::string> documented, linked;
  for (const auto& [name, columns] : table_) documented.insert(name);
  for (const auto& [name, method] : LinkedMethods()) linked.insert(name);
  EXPECT_EQ(documented, linked) << "tests/lint/run.py access_doc --write";
}

// The table is made from the protos, so it cannot tell a role that was put where it has no business. What these two roles may never do is held
// against lists that are written by hand: a change of them is a change of what the roles are for.
TEST_F(AccessTableTest, AnAuditorChangesNothingAndAnOperatorIsShownNothingOfReferrals) {
  // Whoever finds that the log has forked tells it.
  const std::set<std::string> changed_by_auditors = {"/accord.broker.v1.LedgerService/ReportFork"};
  const std::set<std::string> of_operators = {
      "/accord.admin.v1.AdminService/CheckConnection",  "/accord.admin.v1.AdminService/GetOnboarding",
      "/accord.admin.v1.AdminService/ListOfficers",     "/accord.admin.v1.AdminService/SetMaintenance",
      "/accord.admin.v1.DirectoryService/ListAgencies", "/accord.admin.v1.PolicyService/GetPolicyDocument",
      "/accord.admin.v1.PolicyService/ListForums",      "/accord.admin.v1.PolicyService/ListPolicyDocuments",
      "/accord.broker.v1.LedgerService/GetCheckpoint",  "/accord.broker.v1.LedgerService/GetLedgerStatus",
      "/accord.broker.v1.LedgerService/ListCheckpoints", "/accord.broker.v1.LedgerService/ProveConsistency",
      "/accord.broker.v1.LedgerService/ReportFork",     "/accord.broker.v1.LedgerService/StreamEntries",
  };
  std::set<std::string> changed, operated;
  for (const auto& [name, method] : LinkedMethods()) {
    const auto& options = method->options();
    for (int i = 0; i < options.ExtensionSize(options::v1::roles); ++i) {
      const auto role = options.GetExtension(options::v1::roles, i);
      if (role == options::v1::OFFICER_ROLE_AUDITOR && !options.GetExtension(options::v1::reads_only)) changed.insert(name);
      if (role == options::v1::OFFICER_ROLE_OPERATOR) operated.insert(name);
    }
  }
  EXPECT_EQ(changed, changed_by_auditors);
  EXPECT_EQ(operated, of_operators);
}

TEST_F(AccessTableTest, TheAuthorizerDoesWhatTheDocumentSays) {
  for (const Asker& asker : Askers()) {
    rpc::Peer peer;
    peer.trust_domain = std::string(crypto::testing::kTrustDomain);
    peer.kind = asker.kind;
    peer.id = IdOf(asker);
    peer.fingerprint = std::string(32, 'f');
    peer.public_key_id = std::string(32, 'k');
    peer.not_before = world_.clock().Now();
    for (const auto& [method, yes] : table_) {
      const absl::Status status = world_.broker().authorizer().Authorize(peer, method);
      EXPECT_EQ(status.ok(), yes.contains(asker.column)) << method << " as " << asker.principal << ": " << status;
      EXPECT_TRUE(status.ok() || Refused(DetailOf(status).reason, asker)) << method << " as " << asker.principal << ": " << status;
    }
  }
}

TEST_F(AccessTableTest, SoDoesTheWire) {
  const google::protobuf::Any empty;
  for (const Asker& asker : Askers()) {
    const auto channel = world_.Channel(asker.principal);
    for (const auto& [name, method] : LinkedMethods()) {
      const bool may = table_.contains(name) && table_.at(name).contains(asker.column);
      if (may && (method->client_streaming() || method->server_streaming())) continue;  // It is under way for as long as both like.
      const WireAnswer answer = CallOnce(channel, name, empty);
      const bool refused = answer.code != grpc::StatusCode::OK && Refused(answer.reason(), asker);
      EXPECT_EQ(refused, !may) << name << " as " << asker.principal << ": " << answer.words;
    }
  }
}

class AccessStreamTest : public ::testing::Test {
 protected:
  // More than a connection takes whose reader does not read.
  static constexpr int kCommands = 10, kEntriesEach = 200;

  absl::Status Put(const std::string& admin, options::v1::OfficerRole role) {
    admin::v1::Change change;
    auto& officer = *change.mutable_put_officer();
    officer.set_id(admin);
    officer.set_active(true);
    officer.add_roles(role);
    return world_.Change(change);
  }
  void Fill() {
    for (int i = 0; i < kCommands; ++i) {
      ASSERT_EQ(RunCommand(world_.broker().sequencer(), [](CommitContext& context) -> absl::Status {
        EntryDraft draft;
        ACCORD_ASSIGN_OR_RETURN(std::string chain, AdministrationChain(context));
        draft.chains.push_back(std::move(chain));
        draft.event.set_type(type::v1::EVENT_TYPE_REFUSED);
        draft.event.set_method(std::string(500, 'm'));
        for (int entry = 0; entry < kEntriesEach; ++entry) ACCORD_RETURN_IF_ERROR(context.AddEntry(draft).status());
        return absl::OkStatus();
      }), absl::OkStatus());
    }
  }
  // What was given to the executor before is over: each of its threads waits here for all the others.
  void WaitForExecutor() {
    const int threads = world_.config().threads;
    auto* const barrier = new absl::Barrier(threads + 1);
    const auto wait = [barrier] {
      if (barrier->Block()) delete barrier;
    };
    for (int i = 0; i < threads; ++i) ASSERT_TRUE(world_.broker().executor().Run(wait));
    wait();
  }
  // Reads one message of a trail as audrey, lets `change` happen, and reads to the end.
  WireAnswer Stream(const std::function<absl::Status()>& change) {
    inspection::v1::StreamTrailRequest request;
    request.mutable_query()->set_purpose("audit");
    request.mutable_query()->mutable_filter()->add_events(type::v1::EVENT_TYPE_REFUSED);
    WireCall call(world_.Channel("admin/audrey"), "/accord.inspection.v1.TrailService/StreamTrail");
    call.Write(request);
    call.WritesDone();
    EXPECT_TRUE(call.Read().has_value());
    EXPECT_EQ(change(), absl::OkStatus());
    WaitForExecutor();
    return call.Finish();
  }
  static int Rows(const WireAnswer& answer) {
    int rows = 0;
    for (const std::string& message : answer.messages) rows += Parse<inspection::v1::StreamTrailResponse>(message).page().rows_size();
    return rows;
  }

  TestingBroker world_;
};

TEST_F(AccessStreamTest, WhoLosesItsRoleLosesItsStreams) {
  Fill();
  ASSERT_EQ(Put("audrey", options::v1::OFFICER_ROLE_AUDITOR), absl::OkStatus());
  const WireAnswer whole = Stream([&] { return Put("oscar", options::v1::OFFICER_ROLE_OPERATOR); });
  EXPECT_EQ(whole.code, grpc::StatusCode::OK) << "a change that does not concern it: " << whole.words;
  EXPECT_GE(Rows(whole), kCommands * kEntriesEach);
  const WireAnswer cut = Stream([&] { return Put("audrey", options::v1::OFFICER_ROLE_OPERATOR); });
  EXPECT_EQ(cut.reason(), Reason::kRoleNotAllowed) << cut.words;
  EXPECT_LT(Rows(cut), kCommands * kEntriesEach);
  // So does whose conflict of interest comes to light.
  ASSERT_EQ(Put("audrey", options::v1::OFFICER_ROLE_AUDITOR), absl::OkStatus());
  const WireAnswer barred = Stream([&] {
    admin::v1::Change change;
    change.mutable_put_conflict_list()->set_agency(std::string(kAdministrators));
    change.mutable_put_conflict_list()->add_workers("audrey");
    return world_.Change(change);
  });
  EXPECT_EQ(barred.reason(), Reason::kNotPermitted) << barred.words;
}

}  // namespace
}  // namespace accord::broker::access_api_test
