#include "tests/system/inspection_week.h"

#include <algorithm>
#include <regex>

#include "common/base/file.h"
#include "common/base/status.h"

namespace accord::tests {

using agency::v1::InboxService;
using ::testing::Contains;
using ::testing::HasSubstr;

template <typename Request, typename Response>
void InspectionWeek::Act(const std::string& agency, Request& request, const std::string& referral,
                         grpc::Status (InboxService::Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
  request.set_request_id(fmt::format("act-{:06}", ++acts_));
  request.set_referral(referral);
  *request.mutable_worker() = TestWorker(agency + "-7");
  EXPECT_EQ(rpc::CallUnary(*world_.Own<InboxService>(agency), method, request, kCallTime).status(), absl::OkStatus());
}

void InspectionWeek::Read(const std::string& agency, const std::string& referral) {
  agency::v1::ReadReferralRequest read;
  Act(agency, read, referral, &InboxService::Stub::ReadReferral);
}

void InspectionWeek::WorkTheInbox() {
  for (size_t i = 0; i < kRead; ++i) {
    const std::string& referral = Own(i).name;
    Read("idva", referral);
    if (i < kAccepted) {
      agency::v1::AcceptReferralRequest accept;
      Act("idva", accept, referral, &InboxService::Stub::AcceptReferral);
    } else if (i < kAccepted + kDeclined) {
      agency::v1::DeclineReferralRequest decline;
      decline.set_reason(type::v1::DECLINE_REASON_NO_CAPACITY);
      Act("idva", decline, referral, &InboxService::Stub::DeclineReferral);
    }
  }
  for (size_t i = 0; i < kDecided; ++i) {
    const std::string& referral = Own(2 * i).name;  // With a child.
    Read("childrens", referral);
    agency::v1::DecideReferralRequest decide;
    decide.set_decision(type::v1::CONTACT_DECISION_SECTION_47);
    Act("childrens", decide, referral, &InboxService::Stub::DecideReferral);
  }
}

void InspectionWeek::MakeTheRecord() {
  ASSERT_EQ(world_.StartAll({"police", "childrens", "idva"}), absl::OkStatus());
  ASSERT_EQ(area_.Prepare(), absl::OkStatus());
  ASSERT_EQ(area_.PushUnanswered(), absl::OkStatus());
  ASSERT_EQ(area_.PushOthers(), absl::OkStatus());
  ASSERT_EQ(area_.AwaitCollected(), absl::OkStatus());
  std::set<std::pair<uint32_t, uint32_t>> pairs;
  for (const AreaReferral* one : area_.OfArea()) pairs.insert(one->pair());
  ASSERT_EQ(pairs.size(), kAreaCases);
  before_reading_ = absl::FromUnixSeconds(absl::ToUnixSeconds(world_.clock().Now()) + 1);
  ASSERT_TRUE(Eventually(kStartTime, [&] { return world_.clock().Now() > before_reading_; }));
  WorkTheInbox();
}

void InspectionWeek::EnrolOfficers() {
  std::string config = *ReadFile(world_.path("accordctl.toml"));
  for (const std::string id : {"ines", "omar"}) {
    const auto sealing = world_.area_authority().Issue({.common_name = id + " sealing",
                                                        .uris = {crypto::testing::SpiffeId("inspector/" + id + "/sealing")},
                                                        .key_usage = crypto::kKeyAgreement});
    const std::string certificate = world_.path(id + "-sealing.crt"), key = world_.path(id + "-sealing.key");
    ASSERT_EQ(WriteFileDurably(certificate, sealing.certificate.pem(), 0600), absl::OkStatus());
    ASSERT_EQ(WriteFileDurably(key, sealing.key_pem, 0600), absl::OkStatus());
    const json proposed = Told("admin/alice", {"admin", "put-officer", "inspector/" + id, "--body", "ofsted", "--sealing-certificate", certificate});
    const std::string name = proposed.value("name", "");
    Refused("admin/alice", {"admin", "approve", name}, "SELF_APPROVAL");
    const Ran approved = As("admin/bob", {"admin", "approve", name});
    ASSERT_EQ(approved.exit_status, 0) << approved.output;
    const rpc::TlsFiles tls = world_.Tls("inspector/" + id);
    config += fmt::format("[[inspector]]\nid = \"{}\"\ncertificate = \"{}\"\nprivate_key = \"{}\"\nroots = \"{}\"\nsealing_certificate = \"{}\"\n"
                          "sealing_key = \"{}\"\nauthorities = \"pki/area-authority.crt\"\n",
                          id, tls.certificate, tls.private_key, tls.roots, certificate, key);
  }
  ASSERT_EQ(WriteFileDurably(world_.path("accordctl.toml"), config, 0600), absl::OkStatus());
}

void InspectionWeek::GrantTheWarrant() {
  const absl::Time now = world_.clock().Now();
  const auto day = [&](int days) { return absl::FormatTime("%Y-%m-%d", now + absl::Hours(24 * days), absl::UTCTimeZone()); };
  from_ = day(-2);
  until_ = day(3);
  embargo_until_ = absl::FromUnixSeconds(absl::ToUnixSeconds(now + kEmbargo));
  const std::string embargo = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", embargo_until_, absl::UTCTimeZone());
  const json proposed = Told(kInes, {"warrant", "propose", "--id", kWarrant, "--kind", "statutory", "--body", "ofsted", "--for", kPurpose, "--power",
                                     "CA2004_S20", "--area", kArea, "--from", from_, "--until", until_, "--starts", day(-1), "--ends", day(30),
                                     "--embargo", embargo});
  ASSERT_EQ(proposed["warrant"]["state"], "WARRANT_STATE_PROPOSED") << proposed;
  // Not by who proposed it, and nothing is read before.
  Refused(kInes, {"warrant", "activate", kWarrant}, "SELF_APPROVAL");
  Refused(kInes, OfThePeriod({"question", "ask", "2"}), "WARRANT_NOT_ACTIVE");
  const json activated = Told(kOmar, {"warrant", "activate", kWarrant});
  ASSERT_EQ(activated["warrant"]["state"], "WARRANT_STATE_ACTIVE") << activated;
  EXPECT_EQ(activated["warrant"]["proposedBy"], kInes);
  EXPECT_EQ(activated["warrant"]["activatedBy"], kOmar);
  // The area beside it stays shut.
  Refused(kInes, UnderWarrant({"question", "ask", "2", "--area", kOtherArea, "--from", from_, "--until", until_}), "WARRANT_SCOPE");
}

void InspectionWeek::CheckCoverage(const json& answer, int number) {
  ++asked_[number];
  EXPECT_EQ(answer["completeness"], "attested") << number;
  EXPECT_GT(answer["queryIndex"], 0) << number;
  EXPECT_EQ(answer["proof"]["queryIndex"], answer["queryIndex"]) << number;
  EXPECT_GT(answer["proof"]["checkpointSize"], answer["queryIndex"]) << number << ": the question is in the log";
  std::set<std::string> covered;
  for (const json& part : answer["coverage"]) {
    if (!part.value("events", json::array()).empty()) covered.insert(part["agency"]);
  }
  EXPECT_THAT(covered, Contains("police")) << number;
  EXPECT_THAT(covered, Contains("idva")) << number;
}

nlohmann::json InspectionWeek::Ask(int number) {
  const json answer = Told(kInes, OfThePeriod({"question", "ask", std::to_string(number), "--limit", "20000"}));
  CheckCoverage(answer, number);
  return answer;
}

nlohmann::json InspectionWeek::AskOfCase(int number, const std::string& pseudonym, std::vector<std::string> more) {
  more.insert(more.begin(), {"question", "ask", std::to_string(number), "--case", pseudonym});
  const json answer = Told(kInes, UnderWarrant(std::move(more)));
  CheckCoverage(answer, number);
  return answer;
}

std::string InspectionWeek::CaseOf(const std::string& referral) {
  ++trails_;
  const json trail = Told(kInes, UnderWarrant({"trail", "referral", referral}));
  EXPECT_EQ(trail["cases"].size(), 1u) << trail;
  return trail["cases"].empty() ? "" : trail["cases"][0].get<std::string>();
}

nlohmann::json InspectionWeek::Timeline(std::vector<std::string> about) {
  ++trails_;
  about.insert(about.begin(), {"case", "timeline"});
  const json timeline = Told(kInes, UnderWarrant(std::move(about)));
  EXPECT_EQ(timeline["proof"]["completeness"], "attested");
  EXPECT_TRUE(timeline["proof"]["everyEntryHere"]);
  EXPECT_GT(timeline["proof"]["checkpointSize"], timeline["proof"]["queryIndex"]);
  return timeline;
}

uint64_t InspectionWeek::SumOf(const std::string& text, const std::string& pattern) {
  const std::regex expression(pattern);
  uint64_t sum = 0;
  for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) sum += std::stoull((*at)[1].str());
  return sum;
}

Ran InspectionWeek::Verify(const std::string& bundle) {
  std::vector<std::string> command = {"/usr/bin/env", "-i", "-C", world_.path("elsewhere"), "./accord-verify", "--json", "bundle", bundle,
                                      "--vkey", "log.vkey", "--policy", "witnesses.policy"};
  static const bool alone = RunProgram({"/usr/bin/unshare", "-r", "-n", "/bin/true"}, kProgramTime).value_or(Ran()).exit_status == 0;
  if (alone) command.insert(command.begin(), {"/usr/bin/unshare", "-r", "-n"});
  const auto ran = RunProgram(std::move(command), kProgramTime);
  EXPECT_EQ(ran.status(), absl::OkStatus());
  return ran.value_or(Ran());
}

size_t InspectionWeek::Found(std::vector<std::string> options) {
  options.insert(options.begin(), {"trail", "find", "--agency", "idva", "--from", from_, "--until", until_});
  options = UnderWarrant(std::move(options));
  trails_ += 2;
  if (std::find(options.begin(), options.end(), "--case") == options.end()) filters_ += 2;
  const json found = Told(kInes, options);
  EXPECT_EQ(found["completeness"], "attested");
  EXPECT_EQ(found["all"], true);
  EXPECT_EQ(found["leavesProved"], true);
  EXPECT_EQ(found["proof"]["queryIndex"], found["queryIndex"]);
  EXPECT_EQ(found["rows"].empty() ? json() : found["rows"].back()["event"]["type"], "EVENT_TYPE_TRAIL_QUERIED") << "the question itself";
  options.insert(options.end(), {"--rows", "1"});
  const Ran screen = As(kInes, options);
  EXPECT_EQ(screen.exit_status, 0) << screen.output;
  EXPECT_THAT(screen.output, ::testing::AllOf(HasSubstr("Completeness: attested."), HasSubstr("first entries alone"), HasSubstr("was proved to be in the log of")));
  // An administrator needs no warrant.
  for (const std::vector<std::string>& asked : {std::vector<std::string>{"question", "ask", "101"}, {"sample", "draw", "--size", "3", "--grade", "high"}}) {
    std::vector<std::string> words = asked;
    words.insert(words.end(), {"--from", from_, "--until", until_});
    EXPECT_GT(Told("admin/alice", words)["proof"]["queryIndex"], 0) << asked[0];
  }
  return found["rows"].empty() ? 0 : found["rows"].size() - 1;
}

}  // namespace accord::tests
