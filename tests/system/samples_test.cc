// Goal: every case of deploy/samples does what it says of itself: who receives which categories and nobody else, what the pusher is warned
// of, which repeats and escalations are found.
// Method: one area of the real programs; accordctl pushes the folder, by name, as a person would; then each file's `expected`
// (services/accordctl/samples.h) is held against accordctl's answer, the recipients' inboxes, and the entries CASE_FLAGGED of the broker.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "accord/health/v1/health_service.grpc.pb.h"
#include "accord/housing/v1/housing_service.grpc.pb.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "tests/system/ctl.h"
#include "tests/system/traffic.h"

namespace accord::tests::samples_test {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;
using ByAgency = std::map<std::string, Names>;  // Agency → categories, without prefix.

constexpr size_t kSampleBytesMax = 4u << 20;

std::string WithoutPrefix(const std::string& name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}
std::string CategoryName(int category) { return WithoutPrefix(type::v1::Category_Name(static_cast<type::v1::Category>(category)), "CATEGORY_"); }

Names SetOf(const nlohmann::json& list) {
  Names names;
  for (const auto& name : list) names.insert(name.get<std::string>());
  return names;
}

// What one file says, and what came of it.
struct Case {
  nlohmann::json request, expected;
  std::string referral;  // Empty: not stored.
};

ByAgency Expected(const Case& one) {
  ByAgency received;
  for (const auto& [agency, categories] : one.expected["received"].items()) received[agency] = SetOf(categories);
  return received;
}

// To whom the broker's decisions let which categories.
ByAgency Permitted(const nlohmann::json& result) {
  ByAgency permitted;
  for (const auto& decision : result.value("decisions", nlohmann::json::array())) {
    if (decision.value("verdict", "") != "VERDICT_PERMIT") continue;
    permitted[decision.at("recipient").get<std::string>()].insert(WithoutPrefix(decision.at("category"), "CATEGORY_"));
  }
  return permitted;
}

// Each warning has a part that is expected, and each part that is expected is of a warning.
void ExpectWarnings(const std::string& file, const nlohmann::json& expected, const nlohmann::json& warnings) {
  const auto has = [](const nlohmann::json& warning, const nlohmann::json& part) {
    return warning.get<std::string>().find(part.get<std::string>()) != std::string::npos;
  };
  for (const auto& part : expected) {
    EXPECT_TRUE(std::any_of(warnings.begin(), warnings.end(), [&](const auto& warning) { return has(warning, part); }))
        << file << ": no warning has " << part << "; there are " << warnings;
  }
  for (const auto& warning : warnings) {
    EXPECT_TRUE(std::any_of(expected.begin(), expected.end(), [&](const auto& part) { return has(warning, part); }))
        << file << ": not expected is " << warning;
  }
}

class SamplesTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(world_.StartAll(), absl::OkStatus()); }

  // What the broker found as it stored the referral: the first such entry of its trail.
  Names FlagsOf(const std::string& referral) {
    const auto trail = TrailOfReferral(world_, "admin/alice", DigestOfName(referral));
    EXPECT_EQ(trail.status(), absl::OkStatus());
    Names flags;
    for (const auto& row : trail.value_or(std::vector<inspection::v1::TrailRow>())) {
      if (row.event().type() != type::v1::EVENT_TYPE_CASE_FLAGGED) continue;
      for (const int flag : row.event().case_flags()) {
        flags.insert(WithoutPrefix(type::v1::CaseFlag_Name(static_cast<type::v1::CaseFlag>(flag)), "CASE_FLAG_"));
      }
      break;
    }
    return flags;
  }

  // By agency, what is in its inbox: file name → categories.
  std::map<std::string, ByAgency> Inboxes(const std::map<std::string, std::string>& files) {
    std::map<std::string, ByAgency> inboxes;
    for (const AgencyRow& row : kAgencies) {
      const auto items = ListInbox(world_, row.id);
      EXPECT_EQ(items.status(), absl::OkStatus());
      for (const auto& item : items.value_or(std::vector<agency::v1::InboxItem>())) {
        const auto file = files.find(item.referral());
        Names& categories = inboxes[row.id][file == files.end() ? item.referral() : file->second];
        for (const int category : item.categories()) categories.insert(CategoryName(category));
      }
    }
    return inboxes;
  }

  template <typename Stub, typename Request, typename Response>
  grpc::Status Call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request,
                    Response& response) {
    grpc::ClientContext context;
    rpc::SetTimeout(context, kCallTime);
    return (stub.*method)(&context, request, &response);
  }

  // docs/agencies/housing.md, as a housing system does it.
  void HousingTakesItsNoticesOn(const std::map<std::string, Case>& cases) {
    using housing::v1::HousingService;
    const auto own = world_.Own<HousingService>("housing");
    const std::string& duty = cases.at("06-health-duty-to-refer-with-consent.json").referral;
    const std::string& reserved = cases.at("54-health-duty-to-refer-contact-not-agreed.json").referral;
    const std::string& checks = cases.at("17-childrens-checks.json").referral;
    Names listed;
    housing::v1::ListHousingNoticesRequest list;
    list.set_page_size(2);
    do {
      housing::v1::ListHousingNoticesResponse page;
      ASSERT_TRUE(Call(*own, &HousingService::Stub::ListHousingNotices, list, page).ok());
      for (const auto& notice : page.notices()) {
        EXPECT_FALSE(notice.has_person()) << "a list has no content";
        EXPECT_TRUE(listed.insert(notice.notice()).second) << "listed twice";
      }
      list.set_page_token(page.next_page_token());
    } while (!list.page_token().empty());
    EXPECT_TRUE(listed.contains(duty) && listed.contains(reserved));
    EXPECT_FALSE(listed.contains(checks)) << "a check is no notice";

    housing::v1::ReadHousingNoticeRequest read;
    *read.mutable_worker() = TestWorker("ho-7");
    housing::v1::ReadHousingNoticeResponse is;
    read.set_request_id("read-notice-1");
    read.set_notice(duty);
    ASSERT_TRUE(Call(*own, &HousingService::Stub::ReadHousingNotice, read, is).ok());
    EXPECT_EQ(is.notice().kind(), housing::v1::HOUSING_NOTICE_KIND_DUTY_TO_REFER);
    EXPECT_EQ(is.notice().notified_by(), "health");
    EXPECT_EQ(is.notice().consent(), type::v1::CONFIDENTIALITY_CONSENT_GIVEN);
    EXPECT_EQ(is.notice().chosen_council(), "Westmarch Borough Council");
    EXPECT_EQ(is.notice().state(), type::v1::REFERRAL_STATE_OPENED);
    EXPECT_TRUE(is.notice().contact_details_may_be_used());
    EXPECT_EQ(is.notice().safe_contact().phone(), "07700 900177");
    read.set_request_id("read-notice-2");
    read.set_notice(reserved);
    ASSERT_TRUE(Call(*own, &HousingService::Stub::ReadHousingNotice, read, is).ok());
    EXPECT_FALSE(is.notice().contact_details_may_be_used() || is.notice().has_safe_contact());
    EXPECT_EQ(is.notice().person().address(), "");
    EXPECT_GE(is.notice().warnings_size(), 2) << is.notice().DebugString();
    read.set_request_id("read-notice-3");
    read.set_notice(checks);
    const auto refused = rpc::FromGrpc(Call(*own, &HousingService::Stub::ReadHousingNotice, read, is));
    EXPECT_EQ(DetailOf(refused).metadata["field"], "notice") << refused;
    EXPECT_EQ(AwaitArrival(world_, "housing", checks)->state(), type::v1::REFERRAL_STATE_DELIVERED) << "and nobody has opened it";

    housing::v1::OpenApplicationRequest open;
    housing::v1::OpenApplicationResponse opened;
    *open.mutable_worker() = TestWorker("ho-7");
    open.set_request_id("open-application-1");
    open.set_notice(duty);
    ASSERT_TRUE(Call(*own, &HousingService::Stub::OpenApplication, open, opened).ok());
    EXPECT_EQ(opened.notice().state(), type::v1::REFERRAL_STATE_ACCEPTED);
    EXPECT_TRUE(Eventually(kCallTime, [&] {
      const auto submission = GetSubmission(world_, "health", "EPR-771203/1");
      return submission.ok() && std::any_of(submission->statements().begin(), submission->statements().end(), [](const auto& statement) {
               return statement.kind() == type::v1::STATEMENT_KIND_ACCEPTED;
             });
    })) << "who notified hears of it";
  }

  // docs/agencies/health.md. The Marac referral names the alleged perpetrator to the members.
  void HealthAnswersFromThePatientsRecordAlone(const std::map<std::string, Case>& cases) {
    using health::v1::HealthService;
    const Case& marac = cases.at("01-marac-three-children-refuge.json");
    ASSERT_TRUE(marac.expected["received"].contains("health"));
    const auto own = world_.Own<HealthService>("health");
    health::v1::AnswerReferralRequest request;
    *request.mutable_options() = TestOptions("EPR-90001/1", {}, /*wait_ms=*/5000);
    request.set_referral(marac.referral);
    request.set_known(true);
    request.set_information("Last seen in February.");
    const auto& perpetrator = marac.request["allegedPerpetrators"][0]["person"];
    request.mutable_record()->set_family_name(perpetrator["familyName"].get<std::string>());
    request.mutable_record()->set_given_names(perpetrator["givenNames"].get<std::string>());
    request.mutable_record()->add_dates_of_birth(perpetrator["datesOfBirth"][0].get<std::string>());
    health::v1::AnswerReferralResponse response;
    const auto refused = rpc::FromGrpc(Call(*own, &HealthService::Stub::AnswerReferral, request, response));
    EXPECT_EQ(DetailOf(refused).metadata["field"], "record") << refused;
    request.mutable_record()->set_given_names("Miriam");
    ASSERT_EQ(rpc::FromGrpc(Call(*own, &HealthService::Stub::AnswerReferral, request, response)), absl::OkStatus());
    ASSERT_EQ(response.result().state(), agency::v1::SUBMISSION_STATE_SETTLED) << GetSubmission(world_, "health", "EPR-90001/1")->DebugString();
    EXPECT_EQ(AwaitArrival(world_, "idva", response.result().referral())->caused_by(), marac.referral);
  }

  World world_;
};

TEST_F(SamplesTest, EverySampleDoesWhatItSays) {
  std::map<std::string, Case> cases;  // By file name, as they are pushed.
  for (const auto& entry : fs::directory_iterator(World::Source("deploy/samples"))) {
    if (entry.path().extension() != ".json") continue;
    const std::string file = entry.path().filename().string();
    const auto text = ReadFile(entry.path().string(), kSampleBytesMax);
    ASSERT_EQ(text.status(), absl::OkStatus());
    const auto sample = nlohmann::json::parse(*text);
    ASSERT_TRUE(sample.contains("expected")) << file << " does not say what comes of it";
    cases[file].expected = sample["expected"];
    cases[file].request = sample["request"];
  }
  ASSERT_GE(cases.size(), 17u);

  const Ran ran = RunCtl(world_, {"--json", "referral", "submit", World::Source("deploy/samples")});
  // What it tells a person stands before and after the document.
  const size_t begin = ran.output.find('{'), end = ran.output.rfind('}');
  ASSERT_NE(begin, std::string::npos) << ran.output;
  const auto answer = nlohmann::json::parse(ran.output.substr(begin, end - begin + 1), nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(answer.is_object() && answer.contains("submissions")) << ran.output;
  ASSERT_EQ(answer["submissions"].size(), cases.size());
  std::map<std::string, std::string> files;  // Referral → file name.
  std::map<std::string, ByAgency> expected;  // Agency → file name → categories.
  for (const auto& row : answer["submissions"]) {
    const std::string file = fs::path(row["file"].get<std::string>()).filename().string();
    Case& one = cases.at(file);
    EXPECT_FALSE(row.contains("error")) << file << ": " << row;
    if (!row.contains("result")) continue;
    const auto& result = row["result"];
    const std::string state = WithoutPrefix(result.value("state", ""), "SUBMISSION_STATE_");
    EXPECT_EQ(state, one.expected["state"]) << file << ": " << row.value("waitingFor", "");
    ExpectWarnings(file, one.expected["warnings"], result.value("warnings", nlohmann::json::array()));
    const ByAgency received = Expected(one);
    for (const auto& [agency, categories] : received) expected[agency][file] = categories;
    if (state != "SETTLED") continue;
    EXPECT_EQ(Permitted(result), received) << file;
    one.referral = result.value("referral", "");
    files[one.referral] = file;
  }
  for (const auto& [file, one] : cases) {
    const Names flags = one.referral.empty() ? Names() : FlagsOf(one.referral);
    EXPECT_EQ(flags, SetOf(one.expected["flags"])) << file;
  }
  // Each inbox comes to have what is expected, and nothing else.
  std::map<std::string, ByAgency> inboxes;
  Eventually(kCallTime, [&] { return (inboxes = Inboxes(files)) == expected; });
  for (const AgencyRow& row : kAgencies) {
    for (const auto& [file, one] : cases) EXPECT_EQ(inboxes[row.id][file], expected[row.id][file]) << row.id << " of " << file;
    EXPECT_EQ(inboxes[row.id].size(), cases.size()) << row.id << " has what was not pushed here";
  }
  if (HasFailure()) return;
  HousingTakesItsNoticesOn(cases);
  HealthAnswersFromThePatientsRecordAlone(cases);
}

}  // namespace
}  // namespace accord::tests::samples_test
