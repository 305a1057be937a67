// Goal: the rules that decisions are made by can be read by whoever is concerned, every version of them, and what is approved for
// later decides from then on.
#include <gmock/gmock.h>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "services/broker/api/testing_broker.h"

namespace accord::broker::policy_api_test {
namespace {

using namespace admin::v1;  // NOLINT
using ::testing::ElementsAre;
using Stub = admin::v1::PolicyService::Stub;

constexpr char kSchedule[] = R"(
version = "emergency-2"
effective_from = "2020-01-01"
categories = ["identity"]
[[recipient]]
kind = "police"
)";
constexpr char kLater[] = R"(
version = "law-2"
effective_from = "2199-01-01"
[[basis]]
article6 = "public_task"
)";

class PolicyApiTest : public ::testing::Test {
 protected:
  std::unique_ptr<Stub>& As(const std::string& principal) {
    auto& stub = stubs_[principal];
    if (stub == nullptr) stub = admin::v1::PolicyService::NewStub(world_.Channel(principal));
    return stub;
  }

  absl::StatusOr<ListPolicyDocumentsResponse> List(const std::string& principal, int size = 0, const std::string& token = "") {
    ListPolicyDocumentsRequest request;
    request.set_page_size(size);
    request.set_page_token(token);
    return rpc::CallUnary(*As(principal), &Stub::ListPolicyDocuments, request, kTestTimeout);
  }
  absl::StatusOr<admin::v1::PolicyDocument> Get(PolicyDocumentKind kind, const std::string& version) {
    GetPolicyDocumentRequest request;
    request.set_kind(kind);
    request.set_version(version);
    const auto response = rpc::CallUnary(*As("agency/idva"), &Stub::GetPolicyDocument, request, kTestTimeout);
    if (!response.ok()) return response.status();
    return response->document();
  }
  absl::StatusOr<ListForumsResponse> Forums(int size = 0, const std::string& token = "") {
    ListForumsRequest request;
    request.set_page_size(size);
    request.set_page_token(token);
    return rpc::CallUnary(*As("agency/idva"), &Stub::ListForums, request, kTestTimeout);
  }

  static std::vector<std::string> Rows(const ListPolicyDocumentsResponse& response) {
    std::vector<std::string> rows;
    for (const auto& document : response.documents()) rows.push_back(document.version() + (document.live() ? " live" : ""));
    return rows;
  }

  absl::Status PutSchedule(const std::string& text) {
    Change change;
    change.mutable_put_emergency_schedule()->set_text(text);
    return world_.Change(change);
  }
  absl::Status PutRegister(const std::string& text) {
    Change change;
    change.mutable_put_legal_register()->set_text(text);
    return world_.Change(change);
  }
  absl::Status PutForum(const std::string& id) {
    Change change;
    Forum& forum = *change.mutable_put_forum()->mutable_forum();
    forum.set_id(id);
    forum.set_display_name("Forum " + id);
    forum.add_members("police");
    forum.set_coordinator("police");
    forum.set_active(id != "c");
    return world_.Change(change);
  }

  TestingBroker world_;
  std::map<std::string, std::unique_ptr<Stub>> stubs_;
};

TEST_F(PolicyApiTest, EveryVersionIsListedTheNewestFirstPageByPage) {
  EXPECT_THAT(Rows(*List("agency/idva")), ElementsAre("1 live", "emergency-1 live", "law-1 live", "clocks-1.2 live", "clocks-1", "clocks-1.1", "cases-1 live"));
  ASSERT_EQ(PutSchedule(kSchedule), absl::OkStatus());
  ASSERT_EQ(PutRegister(kLater), absl::OkStatus());
  ASSERT_EQ(world_.PutAgreement("2", R"("identity")"), absl::OkStatus());
  const std::vector<std::string> all = {"2 live", "law-2", "emergency-2 live", "1", "emergency-1", "law-1 live", "clocks-1.2 live", "clocks-1", "clocks-1.1", "cases-1 live"};
  EXPECT_EQ(Rows(*List("admin/alice")), all) << "an administrator";
  std::vector<std::string> paged;
  std::string token;
  do {
    const auto page = List("agency/housing", 4, token);
    ASSERT_EQ(page.status(), absl::OkStatus());
    EXPECT_LE(page->documents_size(), 4);
    for (const std::string& row : Rows(*page)) paged.push_back(row);
    token = page->next_page_token();
    // One that comes meanwhile moves nothing from under the reader.
    if (!token.empty()) {
      ASSERT_EQ(world_.PutAgreement("3", R"("identity")"), absl::OkStatus());
    }
  } while (!token.empty());
  EXPECT_EQ(paged, all);

  const auto listed = List("agency/idva", 1);
  EXPECT_EQ(listed->documents(0).version(), "3");
  EXPECT_EQ(listed->documents(0).id(), "agreement");
  EXPECT_EQ(listed->documents(0).kind(), POLICY_DOCUMENT_KIND_AGREEMENT);
  EXPECT_EQ(listed->documents(0).text(), "") << "only from GetPolicyDocument";
  EXPECT_GT(listed->documents(0).approved_at_ms(), 0);
  EXPECT_EQ(listed->documents(0).effective_from_ms(), absl::ToUnixMillis(absl::FromCivil(absl::CivilDay(2020, 1, 1), absl::UTCTimeZone())));
  EXPECT_EQ(listed->documents(0).expires_ms(), absl::ToUnixMillis(absl::FromCivil(absl::CivilDay(2040, 1, 1), absl::UTCTimeZone())));

  EXPECT_TRUE(HasReason(List("agency/idva", 501).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(List("agency/idva", 1, "3").status(), Reason::kPageTokenInvalid));
  EXPECT_TRUE(HasReason(List("agency/nobody").status(), Reason::kPrincipalUnknown));
}

TEST_F(PolicyApiTest, AVersionIsReadWithItsText) {
  ASSERT_EQ(PutSchedule(kSchedule), absl::OkStatus());
  const auto agreement = Get(POLICY_DOCUMENT_KIND_AGREEMENT, "1");
  ASSERT_EQ(agreement.status(), absl::OkStatus());
  EXPECT_EQ(agreement->text(), TestingBroker::Agreement("1", R"("identity", "risk", "narrative")"));
  EXPECT_TRUE(agreement->live());
  EXPECT_EQ(Get(POLICY_DOCUMENT_KIND_EMERGENCY_SCHEDULE, "emergency-2")->text(), kSchedule);
  const auto built_in = Get(POLICY_DOCUMENT_KIND_EMERGENCY_SCHEDULE, "emergency-1");
  ASSERT_EQ(built_in.status(), absl::OkStatus());
  EXPECT_THAT(built_in->text(), ::testing::HasSubstr("kind = \"childrens_services\""));
  EXPECT_FALSE(built_in->live());
  EXPECT_EQ(built_in->effective_from_ms(), 0);
  EXPECT_EQ(built_in->approved_at_ms(), 0);
  EXPECT_THAT(Get(POLICY_DOCUMENT_KIND_LEGAL_REGISTER, "law-1")->text(), ::testing::HasSubstr("gateway = \"cda1998_s115\""));

  EXPECT_TRUE(HasReason(Get(POLICY_DOCUMENT_KIND_LEGAL_REGISTER, "1").status(), Reason::kPolicyDocumentNotFound));
  EXPECT_TRUE(HasReason(Get(POLICY_DOCUMENT_KIND_AGREEMENT, "2").status(), Reason::kPolicyDocumentNotFound));
  EXPECT_TRUE(HasReason(Get(POLICY_DOCUMENT_KIND_AGREEMENT, "").status(), Reason::kFieldMissing));
  EXPECT_TRUE(HasReason(Get(POLICY_DOCUMENT_KIND_UNSPECIFIED, "1").status(), Reason::kEnumUnknown));
  EXPECT_TRUE(HasReason(Get(static_cast<PolicyDocumentKind>(9), "1").status(), Reason::kEnumUnknown));
}

TEST_F(PolicyApiTest, ForumsAreListedByIdPageByPage) {
  EXPECT_EQ(Forums()->forums_size(), 0);
  for (const char* id : {"b", "c", "a"}) ASSERT_EQ(PutForum(id), absl::OkStatus());
  const auto first = Forums(2);
  ASSERT_EQ(first.status(), absl::OkStatus());
  ASSERT_EQ(first->forums_size(), 2);
  EXPECT_EQ(first->forums(0).id(), "a");
  EXPECT_EQ(first->forums(1).display_name(), "Forum b");
  ASSERT_EQ(PutForum("aa"), absl::OkStatus());
  const auto second = Forums(2, first->next_page_token());
  ASSERT_EQ(second->forums_size(), 1);
  EXPECT_EQ(second->forums(0).id(), "c");
  EXPECT_FALSE(second->forums(0).active()) << "one that does not sit any more is shown too";
  EXPECT_EQ(second->next_page_token(), "");
  EXPECT_TRUE(HasReason(Forums(-1).status(), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Forums(1, "b").status(), Reason::kPageTokenInvalid));
}

// The text decides when: approved today, in force when its time has come.
TEST_F(PolicyApiTest, WhatIsApprovedForLaterDecidesLater) {
  std::string later = TestingBroker::Agreement("2", R"("risk")");
  later.replace(later.find("2020-01-01"), 10, "2199-01-01");
  later.replace(later.find("2040-01-01"), 10, "2200-01-01");
  Change change;
  change.mutable_put_agreement()->set_text(later);
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  const auto live = [&](absl::Time now) {
    std::vector<std::string> versions;
    for (const auto* agreement : world_.broker().policy().Get()->compiled.LiveAgreements(now)) versions.push_back(agreement->version);
    return versions;
  };
  EXPECT_THAT(live(world_.clock().Now()), ElementsAre("1"));
  EXPECT_THAT(live(absl::FromCivil(absl::CivilDay(2199, 1, 1), absl::UTCTimeZone())), ElementsAre("2"));
  // All of it is still so after the store was opened again.
  ASSERT_EQ(PutSchedule(kSchedule), absl::OkStatus());
  ASSERT_EQ(PutForum("a"), absl::OkStatus());
  world_.Stop();
  stubs_.clear();
  world_.Start();
  EXPECT_THAT(live(world_.clock().Now()), ElementsAre("1"));
  EXPECT_EQ(world_.broker().policy().Get()->compiled.Schedule(world_.clock().Now()).version, "emergency-2");
  EXPECT_THAT(world_.broker().policy().Get()->compiled.sources().forums.at("a").members, ElementsAre("police"));
  EXPECT_THAT(Rows(*List("agency/idva")), ElementsAre("emergency-2 live", "2", "1 live", "emergency-1", "law-1 live", "clocks-1.2 live", "clocks-1", "clocks-1.1", "cases-1 live"));
}

}  // namespace
}  // namespace accord::broker::policy_api_test
