// The files that docs/files.md shows are those of deploy/samples/import, and the police's service takes every record of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/agent/testing_mapping.h"
#include "common/base/file.h"
#include "common/records/record_file.h"
#include "services/police/mapping.h"

namespace accord {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<google::protobuf::Message> Make(std::string_view call) {
  return call == "ReportIncident" ? std::make_unique<police::v1::ReportIncidentRequest>() : nullptr;
}

std::vector<records::Record> Read(const std::string& name) {
  const auto bytes = ReadFile("deploy/samples/import/" + name);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  auto records = records::ReadRecords(*bytes, name, "", Make);
  EXPECT_TRUE(records.ok()) << records.status();
  return records.ok() ? *std::move(records) : std::vector<records::Record>();
}

TEST(FilesExampleTest, TheDocumentShowsTheSamples) {
  const auto document = ReadFile("docs/files.md");
  ASSERT_TRUE(document.ok());
  for (const std::string kind : {"csv", "json"}) {
    const auto sample = ReadFile("deploy/samples/import/ReportIncident.example." + kind);
    ASSERT_TRUE(sample.ok());
    EXPECT_THAT(*document, HasSubstr("```" + kind + "\n" + *sample + "```\n"));
  }
}

TEST(FilesExampleTest, EveryRecordIsMapped) {
  std::vector<std::string> request_ids;
  for (const char* name : {"ReportIncident.example.csv", "ReportIncident.example.json"}) {
    for (const records::Record& record : Read(name)) {
      ASSERT_TRUE(record.status.ok()) << name << ": " << record.status;
      const auto draft = police::MapIncident(static_cast<const police::v1::ReportIncidentRequest&>(*record.request), agent::testing::Context("police"));
      EXPECT_TRUE(draft.ok()) << name << " line " << record.line << ": " << draft.status();
      request_ids.push_back(record.request_id);
    }
  }
  EXPECT_THAT(request_ids, ElementsAre("ReportIncident/98/crime/118901/26.v1", "ReportIncident/98/incident/118877/26.v2", "ReportIncident/98/crime/118934/26.v1"));
}

TEST(FilesExampleTest, TheCellsArriveWhereTheirHeadingsSay) {
  const auto records = Read("ReportIncident.example.csv");
  ASSERT_EQ(records.size(), 2u);
  const auto& first = static_cast<const police::v1::ReportIncidentRequest&>(*records[0].request);
  EXPECT_THAT(first.summary(), HasSubstr("he said \"last warning\".\nHe had left."));
  EXPECT_EQ(first.children(0).child().person().dates_of_birth(0), "2014-06-30");
  EXPECT_TRUE(first.children(0).usually_resident());
  EXPECT_EQ(first.risk_grade(), type::v1::RISK_GRADE_MEDIUM);
  EXPECT_EQ(records[1].line, 4u);
  const auto& second = static_cast<const police::v1::ReportIncidentRequest&>(*records[1].request);
  EXPECT_EQ(second.victim().given_names(), "Siobhán");
  EXPECT_TRUE(second.children().empty());
}

}  // namespace
}  // namespace accord
