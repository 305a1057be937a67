#include "common/records/result_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace accord::records::result_file_test {
namespace {

FileResult Some() {
  FileResult result{"ReportIncident.csv", "ab12", "REJECTED", 1'764'000'000'000, 0, "", "", {}};
  RecordResult& settled = result.records.emplace_back();
  settled = {1, 2, "ReportIncident", "ReportIncident/98/crime/1.v1", "SETTLED", "referrals/ab", "", {"push SendChildNotice too"}, 12, {}, "", "", ""};
  settled.receipt.set_tlog_proof("c2sp.org/tlog-proof@v1\n");
  auto& opening = *settled.receipt.add_openings();
  opening.set_label("core");
  opening.set_salt("salt");
  opening.set_content("content");
  result.records.push_back({2, 3, "ReportIncident", "", std::string(kRefused), "", "", {}, 0, {}, "victim.dates_of_birth[0]", "FIELD_INVALID", "is no date"});
  return result;
}

TEST(ResultFileTest, SaysOfEachRecordWhatCameOfIt) {
  const auto json = nlohmann::json::parse(ResultJson(Some()));
  EXPECT_EQ(json.at("taken_at"), "2025-11-24T16:00:00Z");
  EXPECT_EQ(json.at("records").at(0).at("receipt").at("stored_index"), 12);
  EXPECT_EQ(json.at("records").at(0).at("receipt").at("openings").at(0).at("salt"), "c2FsdA==");
  EXPECT_EQ(json.at("records").at(1),
            (nlohmann::json{{"number", 2}, {"line", 3}, {"call", "ReportIncident"}, {"state", "REFUSED"}, {"field", "victim.dates_of_birth[0]"},
                            {"reason", "FIELD_INVALID"}, {"words", "is no date"}}));
  EXPECT_FALSE(json.contains("reason")) << "nothing is wrong with the file as a whole";
}

TEST(ResultFileTest, IsReadAsItWasWritten) {
  const FileResult result = Some();
  const auto read = ParseResult(ResultJson(result));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->file, result.file);
  EXPECT_EQ(read->sha256, result.sha256);
  EXPECT_EQ(read->taken_at_ms, result.taken_at_ms);
  ASSERT_EQ(read->records.size(), 2u);
  EXPECT_EQ(read->records[0].request_id, result.records[0].request_id);
  EXPECT_EQ(read->records[0].warnings, result.records[0].warnings);
  EXPECT_EQ(read->records[0].stored_index, 12u);
  EXPECT_EQ(read->records[1].field, "victim.dates_of_birth[0]");
  EXPECT_EQ(read->records[1].line, 3u);
}

TEST(ResultFileTest, OtherJsonIsNone) {
  for (const char* text : {"", "[]", "{}", "{\"file\": \"x\"}", "{\"file\": \"x\", \"records\": [1]}", "{\"records\": []}"}) {
    EXPECT_FALSE(ParseResult(text).ok()) << text;
  }
}

}  // namespace
}  // namespace accord::records::result_file_test
