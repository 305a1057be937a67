// Goal: what an inspector types is asked sealed for the right agency and for nobody else, and what comes back is shown and kept only when it
// verifies.
//
// Method: accordctl is run whole against a broker in this process that remembers what it was asked and answers as it is told to.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "accord/inspection/v1/disclosure_service.grpc.pb.h"
#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/rpc/error_mapping.h"
#include "services/accordctl/program.h"
#include "services/accordctl/testing_disclosure.h"

namespace accord::accordctl::disclosure_verbs_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A broker that answers as it is told to.
struct TestDirectory final : admin::v1::DirectoryService::Service {
  grpc::Status ListAgencies(grpc::ServerContext*, const admin::v1::ListAgenciesRequest*, admin::v1::ListAgenciesResponse* response) override {
    *response->add_agencies() = police;
    return grpc::Status::OK;
  }
  admin::v1::Agency police;
};

struct TestDisclosures final : inspection::v1::DisclosureService::Service {
  grpc::Status RequestResolution(grpc::ServerContext*, const inspection::v1::RequestResolutionRequest* request,
                                 inspection::v1::RequestResolutionResponse* response) override {
    asked.push_back(*request);
    response->mutable_disclosure()->set_number(DisclosureMaker::kNumber);
    response->mutable_disclosure()->set_inspector("ines");
    return grpc::Status::OK;
  }
  grpc::Status CollectDisclosure(grpc::ServerContext*, const inspection::v1::CollectDisclosureRequest*,
                                 grpc::ServerWriter<inspection::v1::CollectDisclosureResponse>* writer) override {
    writer->Write(answer.first);
    for (size_t i = 0; i < answer.parts.size(); ++i) {
      inspection::v1::CollectDisclosureResponse piece;
      piece.set_part(static_cast<uint32_t>(i));
      piece.set_chunk(answer.parts[i]);
      writer->Write(piece);
    }
    return grpc::Status::OK;
  }
  std::vector<inspection::v1::RequestResolutionRequest> asked;
  CollectedDisclosure answer;
};

struct TestTrails final : inspection::v1::TrailService::Service {
  grpc::Status QueryTrail(grpc::ServerContext*, const inspection::v1::QueryTrailRequest* request, inspection::v1::QueryTrailResponse* response) override {
    asked.push_back(*request);
    if (refusal.ok()) {
      response->add_case_pseudonyms(std::string(16, '\xaa'));
      return grpc::Status::OK;
    }
    return rpc::ToGrpc(refusal);
  }
  std::vector<inspection::v1::QueryTrailRequest> asked;
  absl::Status refusal;
};

class DisclosureVerbsTest : public ::testing::Test, protected DisclosureMaker {
 protected:
  DisclosureVerbsTest() {
    std::string name = (fs::temp_directory_path() / "accordctl-verbs-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    Put("tls", "-");
    Put("vkey", "-");
    Put("sealing.crt", ines.certificate.pem());
    Put("sealing.key", ines.key_pem);
    Put("area.crt", authority.pem());
    Put("people.csv", "mark,record_number\nrow-1,NSP-7\nrow-2,NSP-8\n");
    Configure("sealing_certificate = \"sealing.crt\"\nsealing_key = \"sealing.key\"\nauthorities = \"area.crt\"\n");
    agencies_.police.set_id("police");
    agencies_.police.set_sealing_certificate(police_.certificate.der());
    grpc::ServerBuilder builder;
    for (grpc::Service* service : std::vector<grpc::Service*>{&agencies_, &disclosures_, &trails_}) builder.RegisterService(service);
    server_ = builder.BuildAndStart();
  }
  ~DisclosureVerbsTest() override {
    server_->Shutdown();
    fs::remove_all(directory_);
  }

  std::string Path(const std::string& name) const { return (directory_ / name).string(); }
  void Put(const std::string& name, const std::string& text) const { std::ofstream(directory_ / name) << text; }
  void Configure(const std::string& sealing) const {
    Put("accordctl.toml", "[broker]\naddress = \"127.0.0.1:1\"\nspiffe_id = \"spiffe://accord.test/broker/x\"\nlog_vkey = \"vkey\"\n"
                          "[[inspector]]\nid = \"ines\"\ncertificate = \"tls\"\nprivate_key = \"tls\"\nroots = \"tls\"\n" + sealing);
  }

  int Run(const std::vector<std::string>& arguments) {
    const std::string config = Path("accordctl.toml");
    std::vector<const char*> argv = {"accordctl", "--config", config.c_str()};
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    FakeRandom random(1);
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int status = RunAccordctl(static_cast<int>(argv.size()), argv.data(), random,
                                    [this](const rpc::ChannelOptions&) { return server_->InProcessChannel(grpc::ChannelArguments()); });
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return status;
  }
  int Resolve(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"warrant", "resolve", "jtai-1", "--agency", "police"});
    if (std::find(more.begin(), more.end(), "--case") == more.end()) more.insert(more.end(), {"--persons", Path("people.csv")});
    return Run(more);
  }
  int Collect(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"--json", "disclosure", "collect", std::to_string(kNumber), "--out", Path("out")});
    return Run(more);
  }

  fs::path directory_;
  const Issued police_ = authority.IssueSealing("police");
  TestDirectory agencies_;
  TestDisclosures disclosures_;
  TestTrails trails_;
  std::unique_ptr<grpc::Server> server_;
  std::string out_, err_;
};

TEST_F(DisclosureVerbsTest, PeopleAreAskedForSealedForTheAgency) {
  ASSERT_EQ(Resolve({"--within", "48", "--for", "JTAI/7", "--request-id", "ask-0001", "--json"}), kDone) << err_;
  ASSERT_EQ(disclosures_.asked.size(), 1u);
  const auto& asked = disclosures_.asked[0];
  EXPECT_EQ(asked.warrant(), "jtai-1");
  EXPECT_EQ(asked.purpose(), "JTAI/7");
  EXPECT_EQ(asked.within_hours(), 48u);
  EXPECT_EQ(nlohmann::json::parse(out_)["requestId"], "ask-0001");
  EXPECT_EQ(nlohmann::json::parse(out_)["disclosure"]["number"], std::to_string(kNumber));
  const auto plaintext = crypto::cms::Open(asked.persons(), police_.sealing_key(), police_.certificate);
  ASSERT_TRUE(plaintext.ok()) << plaintext.status();
  const auto content = referral::ReadDisclosurePlaintext({"ines", "police", "ask-0001", type::v1::DISCLOSURE_KIND_PERSONS}, *plaintext);
  ASSERT_TRUE(content.ok()) << content.status();
  type::v1::PersonsQuestion question;
  ASSERT_TRUE(question.ParseFromString(*content));
  ASSERT_EQ(question.persons_size(), 2);
  EXPECT_EQ(question.persons(1).person().record_number(), "NSP-8");
}

TEST_F(DisclosureVerbsTest, NobodyIsAskedWhomTheInspectorsOwnAuthoritiesDoNotVouchFor) {
  agencies_.police.set_sealing_certificate(stranger.IssueSealing("police").certificate.der());
  EXPECT_EQ(Resolve(), kFailed);
  EXPECT_THAT(err_, HasSubstr("SEALING_KEY_UNTRUSTED"));
  agencies_.police.set_sealing_certificate(authority.IssueSealing("idva").certificate.der());
  EXPECT_EQ(Resolve(), kFailed);
  EXPECT_EQ(Resolve({"--desk", "confidential"}), kWrongUse) << "it has none";
  EXPECT_THAT(disclosures_.asked, IsEmpty());
}

TEST_F(DisclosureVerbsTest, WhatIsWrongIsToldBeforeAnythingIsSent) {
  Put("people.csv", "mark,record_number\nrow-1,NSP-7\nrow-1,NSP-8\n");
  EXPECT_EQ(Resolve(), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("people.csv"));
  EXPECT_THAT(err_, HasSubstr("line: 3"));
  EXPECT_THAT(err_, HasSubstr("field: mark"));
  Put("people.csv", "mark,record_number\nrow-1,NSP-7\n");
  EXPECT_EQ(Resolve({"--dry-run"}), kDone) << err_;
  EXPECT_THAT(out_, HasSubstr("about 1 people"));
  EXPECT_EQ(Run({"warrant", "resolve", "jtai-1", "--agency", "police"}), kWrongUse);
  EXPECT_EQ(Resolve({"--case", "12"}), kWrongUse);
  EXPECT_EQ(Run({"disclosure", "request", "referrals/0123456789abcdef", "--agency", "police", "--warrant", "jtai-1"}), kWrongUse) << "all its digits";
  EXPECT_THAT(disclosures_.asked, IsEmpty());
  EXPECT_EQ(Resolve({"--case", "11111111111111111111111111111111"}), kDone) << err_;
  ASSERT_EQ(disclosures_.asked.size(), 1u);
  EXPECT_EQ(disclosures_.asked[0].case_pseudonyms(0), std::string(16, '\x11'));
  EXPECT_THAT(disclosures_.asked[0].persons(), IsEmpty());
}

TEST_F(DisclosureVerbsTest, AConfigurationWithoutKeysSaysWhatItNeeds) {
  Configure("");
  EXPECT_EQ(Resolve(), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("the [[inspector]] ines of the configuration has no sealing_certificate, sealing_key and authorities"));
  EXPECT_EQ(Collect(), kWrongUse);
  EXPECT_EQ(Resolve({"--case", "11111111111111111111111111111111"}), kDone) << "what is asked in clear needs none: " << err_;
  Configure("sealing_certificate = \"sealing.crt\"\n");
  EXPECT_EQ(Resolve(), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("sealing_key"));
  Put("sealing.crt", omar.certificate.pem());
  Configure("sealing_certificate = \"sealing.crt\"\nsealing_key = \"sealing.key\"\nauthorities = \"area.crt\"\n");
  EXPECT_EQ(Resolve(), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("is not of the key"));
  Put("sealing.key", omar.key_pem);
  EXPECT_EQ(Resolve(), kWrongUse);
  EXPECT_THAT(err_, HasSubstr("is not the sealing certificate of inspector/ines"));
}

TEST_F(DisclosureVerbsTest, WhatWasReleasedIsKeptAndItsCasesAreNamed) {
  disclosures_.answer = Persons();
  ASSERT_EQ(Collect(), kDone) << err_;
  const auto document = nlohmann::json::parse(out_);
  EXPECT_EQ(document["persons"][0]["cases"][0], "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
  EXPECT_EQ(document["directory"], Path("out"));
  EXPECT_TRUE(fs::exists(Path("out/answer.json")));
  ASSERT_EQ(trails_.asked.size(), 1u);
  EXPECT_EQ(trails_.asked[0].warrant(), "jtai-1");
  EXPECT_EQ(trails_.asked[0].page_size(), 1);
  EXPECT_EQ(Collect(), kWrongUse) << "never over what is there";

  fs::remove_all(Path("out"));
  const auto referral_when = [&](Reason reason) {
    trails_.refusal = Error(reason, "no");
    EXPECT_EQ(Collect(), kDone) << err_;
    fs::remove_all(Path("out"));
    return nlohmann::json::parse(out_)["persons"][0]["referrals"][0];
  };
  nlohmann::json referral = referral_when(Reason::kWarrantScope);
  EXPECT_EQ(referral["outsideWarrant"], true);
  EXPECT_EQ(referral["erased"], false);
  // The agency has it still, and the record no more: of the others the cases are named all the same.
  referral = referral_when(Reason::kErased);
  EXPECT_EQ(referral["outsideWarrant"], false);
  EXPECT_EQ(referral["erased"], true);
  trails_.asked.clear();
  ASSERT_EQ(Collect({"--no-cases", "--asked-as", kAskedAs}), kDone) << err_;
  EXPECT_THAT(trails_.asked, IsEmpty());
}

TEST_F(DisclosureVerbsTest, WhatDoesNotVerifyIsNotWritten) {
  disclosures_.answer = Sections();
  disclosures_.answer.parts[1].back() ^= 1;
  EXPECT_EQ(Collect(), kFailed);
  EXPECT_THAT(err_, HasSubstr("does not verify, and nothing of it was written: part 2"));
  disclosures_.answer = Persons();
  EXPECT_EQ(Collect({"--asked-as", "accordctl/another"}), kFailed);
  for (const auto& entry : fs::directory_iterator(directory_)) EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("out")));
}

}  // namespace
}  // namespace accord::accordctl::disclosure_verbs_test
