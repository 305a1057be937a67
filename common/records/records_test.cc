#include <fmt/format.h>
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/random.h"
#include "common/crypto/digest.h"
#include "common/records/csv_text.h"
#include "common/records/fields.h"
#include "common/records/json_text.h"
#include "common/records/record_file.h"
#include "common/records/request_id.h"

namespace accord::records::records_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using agency::v1::RecordSentOutsideRequest;
using agency::v1::RequestChecksRequest;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::unique_ptr<Message> Make(std::string_view call) {
  if (call == "RequestChecks") return std::make_unique<RequestChecksRequest>();
  if (call == "RecordSentOutside") return std::make_unique<RecordSentOutsideRequest>();
  return nullptr;
}

absl::StatusOr<std::vector<Record>> Read(std::string_view bytes, std::string_view name = "RequestChecks.today.csv") { return ReadRecords(bytes, name, "", Make); }

// `line REASON field`, or OK.
std::string Told(const absl::Status& status) {
  return status.ok() ? "OK" : fmt::format("{} {} {}", LineOf(status), RowOf(DetailOf(status).reason).name, FieldOf(status).empty() ? "-" : FieldOf(status));
}
// Of the only record, or of the file.
std::string Told(const absl::StatusOr<std::vector<Record>>& records, size_t nth = 0) {
  if (!records.ok()) return "file " + Told(records.status());
  return nth < records->size() ? Told((*records)[nth].status) : "no such record";
}
const RequestChecksRequest& Checks(const Record& record) { return static_cast<const RequestChecksRequest&>(*record.request); }

// Requests of every kind of field and depth, with text that is hard on a file.
class Generator {
 public:
  explicit Generator(uint64_t seed) : state_(seed * 2 + 1) {}

  void Fill(Message& message, int depth) {
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor& field = *message.GetDescriptor()->field(i);
      if (depth > 4 || Below(3) == 0) continue;
      const uint64_t count = field.is_repeated() ? 1 + Below(3) : 1;
      for (uint64_t n = 0; n < count; ++n) Add(message, field, depth);
    }
  }

 private:
  uint64_t Below(uint64_t bound) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % bound;
  }
  std::string Text() {
    constexpr const char* kTexts[] = {"Ashdown", "Ó Briain", "a, \"b\"", "line\nline", " blank around ", "0612", "=1+1", "Łukasz 王", "true", "\r\nx", "'", "{}[]"};
    return kTexts[Below(std::size(kTexts))];
  }
  void Add(Message& message, const FieldDescriptor& field, int depth) {
    const auto& reflection = *message.GetReflection();
    const bool list = field.is_repeated();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE: {
        Message* inner = list ? reflection.AddMessage(&message, &field) : reflection.MutableMessage(&message, &field);
        Fill(*inner, depth + 1);
        // An item that says nothing is none in a row of cells.
        if (inner->ByteSizeLong() == 0 && list) reflection.RemoveLast(&message, &field);
        if (inner->ByteSizeLong() == 0 && !list) reflection.ClearField(&message, &field);
        return;
      }
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string text = field.type() == FieldDescriptor::TYPE_BYTES ? std::string("\x00\xff\x01", 3) : Text();
        list ? reflection.AddString(&message, &field, text) : reflection.SetString(&message, &field, text);
        return;
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        const int value = field.enum_type()->value(1 + static_cast<int>(Below(static_cast<uint64_t>(field.enum_type()->value_count() - 1))))->number();
        list ? reflection.AddEnumValue(&message, &field, value) : reflection.SetEnumValue(&message, &field, value);
        return;
      }
      case FieldDescriptor::CPPTYPE_BOOL: list ? reflection.AddBool(&message, &field, true) : reflection.SetBool(&message, &field, true); return;
      case FieldDescriptor::CPPTYPE_INT64: reflection.SetInt64(&message, &field, -static_cast<int64_t>(Below(1u << 30)) - 1); return;
      case FieldDescriptor::CPPTYPE_INT32: reflection.SetInt32(&message, &field, -7); return;
      case FieldDescriptor::CPPTYPE_UINT32: list ? reflection.AddUInt32(&message, &field, 4'000'000'000u) : reflection.SetUInt32(&message, &field, 4'000'000'000u); return;
      case FieldDescriptor::CPPTYPE_UINT64: reflection.SetUInt64(&message, &field, UINT64_MAX); return;
      case FieldDescriptor::CPPTYPE_DOUBLE: reflection.SetDouble(&message, &field, 0.5); return;
      default: return;
    }
  }
  uint64_t state_;
};

// The cells of a message, with their headings.
void Flatten(const Message& message, const std::string& path, std::vector<std::pair<std::string, std::string>>& cells) {
  const auto& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const bool list = field->is_repeated();
      const std::string inner = (path.empty() ? "" : path + ".") + field->name() + (list ? fmt::format("[{}]", i) : "");
      switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_MESSAGE: Flatten(list ? reflection.GetRepeatedMessage(message, field, i) : reflection.GetMessage(message, field), inner, cells); break;
        case FieldDescriptor::CPPTYPE_STRING: {
          const std::string text = list ? reflection.GetRepeatedString(message, field, i) : reflection.GetString(message, field);
          cells.emplace_back(inner, field->type() == FieldDescriptor::TYPE_BYTES ? ToBase64(text) : text);
          break;
        }
        case FieldDescriptor::CPPTYPE_ENUM: cells.emplace_back(inner, (list ? reflection.GetRepeatedEnum(message, field, i) : reflection.GetEnum(message, field))->name()); break;
        case FieldDescriptor::CPPTYPE_BOOL: cells.emplace_back(inner, "yes"); break;
        case FieldDescriptor::CPPTYPE_INT64: cells.emplace_back(inner, fmt::to_string(reflection.GetInt64(message, field))); break;
        case FieldDescriptor::CPPTYPE_INT32: cells.emplace_back(inner, fmt::to_string(reflection.GetInt32(message, field))); break;
        case FieldDescriptor::CPPTYPE_UINT32: cells.emplace_back(inner, fmt::to_string(list ? reflection.GetRepeatedUInt32(message, field, i) : reflection.GetUInt32(message, field))); break;
        case FieldDescriptor::CPPTYPE_UINT64: cells.emplace_back(inner, fmt::to_string(reflection.GetUInt64(message, field))); break;
        default: cells.emplace_back(inner, "0.5"); break;
      }
    }
  }
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

TEST(RecordsTest, WhateverARequestSaysIsReadFromCsvAndJsonAsItWasWritten) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    RequestChecksRequest request;
    Generator(seed).Fill(request, 0);
    request.mutable_options()->set_request_id(fmt::format("generated-{}", seed));
    std::vector<std::pair<std::string, std::string>> cells;
    Flatten(request, "", cells);
    std::string heading, row;
    for (size_t i = cells.size(); i-- > 0;) {  // In no order that helps.
      heading += cells[i].first + (i > 0 ? "," : "\r\n");
      row += Quoted(cells[i].second) + (i > 0 ? "," : "\r\n");
    }
    const auto from_csv = Read(heading + row);
    ASSERT_EQ(Told(from_csv), "OK") << "seed " << seed;
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(Checks((*from_csv)[0]), request)) << "seed " << seed << "\n" << heading << row;
    std::string json;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(request, &json).ok());
    const auto from_json = Read(json, "RequestChecks.json");
    ASSERT_EQ(Told(from_json), "OK") << "seed " << seed;
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(Checks((*from_json)[0]), request)) << "seed " << seed << "\n" << json;
  }
}

TEST(RecordsTest, CsvHasByteOrderMarksAnyLineEndsAndQuotedNewlines) {
  const std::string text = "\xEF\xBB\xBFoptions.request_id,question\r\nchecks-001,\"one\nquestion, \"\"quoted\"\"\"\r\n\r\nchecks-002, plain \r\nchecks-003,x";
  const auto records = Read(text);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 3u);
  EXPECT_EQ(Checks((*records)[0]).question(), "one\nquestion, \"quoted\"");
  EXPECT_EQ(Checks((*records)[1]).question(), "plain");
  EXPECT_EQ((*records)[0].line, 2u);
  EXPECT_EQ((*records)[1].line, 5u) << "a quoted line end counts, and so does a blank line";
  EXPECT_EQ((*records)[2].line, 6u);
  EXPECT_EQ((*records)[2].number, 3u);
  EXPECT_EQ((*records)[2].request_id, "checks-003");
}

TEST(RecordsTest, WhatIsNotUtf8OrNotCsvIsToldWithItsLineAndNothingOfItsContent) {
  const auto latin = Read("options.request_id,question\nchecks-001,fine\nchecks-002,Ren\xE9\n");
  EXPECT_EQ(Told(latin), "file 3 TEXT_NOT_UTF8 -");
  EXPECT_EQ(Told(Read(std::string("options.request_id\nche\0ks-1\n", 29))), "file 2 FIELD_INVALID -");
  const auto quote = Read("options.request_id,question\nchecks-001,\"open\nto the end");
  EXPECT_EQ(Told(quote), "file 2 FIELD_INVALID -");
  EXPECT_EQ(Told(Read("options.request_id,question\nchecks-001,mid\"dle\n")), "file 2 FIELD_INVALID -");
  EXPECT_EQ(Told(Read("options.request_id\n")), "file 0 FIELD_INVALID -");
  EXPECT_EQ(Told(Read("")), "file 0 FIELD_INVALID -");
  EXPECT_EQ(Told(Read("x", "RequestChecks.pdf")), "file 0 FIELD_INVALID -");
}

TEST(RecordsTest, EachWrongRecordIsToldByLineAndFieldAndTheOthersAreRead) {
  const auto records = Read("options.request_id,options.basis.consent,victim.dates_of_birth[0],victim.dates_of_birth[1],options.immediate,Ashdown\n"
                            "checks-001,given,1990,1991,no,\n"
                            "checks-002,CONFIDENTIALITY_CONSENT_GIVEN,,,TRUE,\n"
                            "checks-003,perhaps,,,,\n"
                            "checks-004,,,1991,,\n"
                            "checks-005,,,,soon,\n"
                            "checks-006,,,,,Miriam\n"
                            "checks-007,\n"
                            "checks-001,,,,,\n");
  ASSERT_TRUE(records.ok()) << records.status();
  std::vector<std::string> told;
  for (const Record& record : *records) {
    told.push_back(Told(record.status));
    EXPECT_THAT(std::string(record.status.message()), Not(::testing::AnyOf(HasSubstr("perhaps"), HasSubstr("1991"), HasSubstr("soon"), HasSubstr("Miriam"), HasSubstr("Ashdown"))));
  }
  EXPECT_THAT(told, ElementsAre("OK", "OK", "4 ENUM_UNKNOWN options.basis.consent", "5 FIELD_MISSING victim.dates_of_birth[1]", "6 FIELD_INVALID options.immediate",
                                "7 FIELD_INVALID column 6", "8 FIELD_INVALID -", "9 FIELD_INVALID options.request_id"));
  EXPECT_TRUE(Checks((*records)[1]).options().immediate());
  EXPECT_THAT(std::string((*records)[2].status.message()), HasSubstr("given"));
}

TEST(RecordsTest, HeadingsThatMeanNothingOrTheSameAreToldByTheirColumn) {
  const auto told = [](std::string_view heading) { return Told(Read(fmt::format("options.request_id,{}\nchecks-001,1\n", heading))); };
  EXPECT_EQ(told("victim"), "2 FIELD_INVALID column 2");
  EXPECT_EQ(told("victim.aliases"), "2 FIELD_INVALID column 2");
  EXPECT_EQ(told("victim.aliases[]"), "2 FIELD_INVALID column 2");
  EXPECT_EQ(told("victim.aliases[-1]"), "2 FIELD_INVALID column 2");
  EXPECT_EQ(told("victim.aliases[256]"), "2 FIELD_INVALID column 2");
  EXPECT_EQ(told("victim.aliases[0]"), "OK");
  EXPECT_EQ(told("victim.family_name[0]"), "2 FIELD_INVALID column 2");
  EXPECT_EQ(told("victim.family_name.x"), "2 FIELD_INVALID column 2");
  EXPECT_EQ(told("victim.familyName"), "OK") << "the name that JSON has";
  EXPECT_EQ(Told(Read("options.request_id,question,question\nchecks-001,a,b\n")), "2 FIELD_INVALID column 3");
  EXPECT_EQ(Told(Read("options.request_id,call,call\nchecks-001,,\n")), "file 1 FIELD_INVALID column 3");
}

TEST(RecordsTest, JsonErrorsHaveTheLineAndThePath) {
  const auto told = [](std::string_view json) { return Told(Read(json, "RequestChecks.json")); };
  EXPECT_EQ(told("{\n \"options\": {\"requestId\": \"checks-001\",\n  \"immediate\": \"true\"}}"), "3 FIELD_INVALID options.immediate");
  EXPECT_EQ(told("{\"options\": {\"request_id\": \"checks-001\"},\n\"question\": 7\n}"), "2 FIELD_INVALID question") << "the number ends with its line";
  EXPECT_EQ(told("{\"options\": {\"request_id\": \"checks-001\"},\n\"victim\": {\n\"nonsense\": 1}}"), "3 FIELD_INVALID victim");
  EXPECT_EQ(told("{\"options\": {\"request_id\": \"checks-001\"},\n\"victim\": {\"datesOfBirth\": [\n\"1990\",\n1991]}}"), "4 FIELD_INVALID victim.dates_of_birth[1]");
  EXPECT_EQ(told("{\"options\": {\"request_id\": \"checks-001\"}, \"purpose\": 1}"), "1 ENUM_UNKNOWN purpose");
  EXPECT_EQ(told("{\"options\": {\"request_id\": \"checks-001\"}, \"question\": \"a\", \"question\": \"b\"}"), "file 1 FIELD_INVALID -");
  EXPECT_EQ(told("{\"options\": {\"request_id\": \"checks-001\", \"requestId\": \"checks-002\"}}"), "1 FIELD_INVALID options.request_id");
  EXPECT_EQ(told("{\"options\": {\"request_id\": \"checks-001\"}, \"victim\": null, \"children\": null}"), "OK");
  EXPECT_EQ(told("[\n\n7]"), "3 FIELD_INVALID -");
  EXPECT_EQ(told("[]"), "file 0 FIELD_INVALID -");
  EXPECT_EQ(told("{\"question\":\n\"no end"), "file 2 FIELD_INVALID -");
  EXPECT_EQ(told("{} {}"), "file 1 FIELD_INVALID -");
}

TEST(RecordsTest, JsonLinesAreReadOneByOne) {
  const auto records = Read("{\"options\":{\"requestId\":\"checks-001\"}}\r\n\n{\"options\":\n{\"options\":{\"requestId\":\"checks-003\"}}", "RequestChecks.jsonl");
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 3u);
  EXPECT_EQ(Told(records, 0), "OK");
  EXPECT_EQ(Told(records, 1), "3 FIELD_INVALID -");
  EXPECT_EQ(Told(records, 2), "OK");
  EXPECT_EQ((*records)[2].line, 4u);
}

TEST(RecordsTest, TheCallIsTheRecordsOrTheFileNames) {
  const std::string mixed = "call,options.request_id,question,submission\nRequestChecks,checks-001,why,\nRecordSentOutside,outside-1,,some-push\nRecordSentOutside,outside-2,why,\n";
  const auto records = Read(mixed, "today.csv");
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_EQ((*records)[0].call, "RequestChecks");
  EXPECT_EQ((*records)[1].call, "RecordSentOutside");
  EXPECT_EQ(static_cast<const RecordSentOutsideRequest&>(*(*records)[1].request).submission(), "some-push");
  EXPECT_EQ(Told(records, 2), "4 FIELD_INVALID column 3") << "a column of another call is empty";
  EXPECT_EQ(Told(Read("options.request_id\nchecks-001\n", "today.csv")), "2 FIELD_MISSING call");
  EXPECT_EQ(Told(Read("call,options.request_id\nNoSuchCall,checks-001\n")), "2 FIELD_INVALID call");
  EXPECT_EQ(ReadRecords("options.request_id\nchecks-001\n", "today.csv", "RequestChecks", Make)->at(0).call, "RequestChecks");
  EXPECT_EQ(Told(Read("{\"call\": \"RequestChecks\", \"options\": {\"requestId\": \"checks-001\"}}", "x.json")), "OK");
}

TEST(RecordsTest, LimitsHoldAtAndOnePast) {
  std::string rows = "options.request_id\n";
  for (size_t i = 0; i < kRecordsMax; ++i) rows += fmt::format("checks-{:06}\n", i);
  const auto most = Read(rows);
  ASSERT_TRUE(most.ok()) << most.status();
  EXPECT_EQ(most->size(), kRecordsMax);
  EXPECT_EQ(Told(Read(rows + "checks-one-more\n")), "file 0 FIELD_INVALID -");

  const auto columns = [](size_t count) {
    std::string heading = "options.request_id", row = "checks-001";
    for (size_t i = 1; i < count; ++i) heading += fmt::format(",c{}", i), row += ",";
    return Told(Read(heading + "\n" + row + "\n"));
  };
  EXPECT_EQ(columns(kColumnsMax), "OK");
  EXPECT_EQ(columns(kColumnsMax + 1), "file 1 FIELD_INVALID -");

  RequestChecksRequest largest;
  largest.mutable_options()->set_request_id("checks-001");
  const auto sized = [&](size_t bytes) {
    largest.clear_question();
    largest.set_question(std::string(bytes - largest.ByteSizeLong() - 4, 'q'));  // A tag and three bytes of length.
    EXPECT_EQ(largest.ByteSizeLong(), bytes);
    return Told(Read("options.request_id,question\nchecks-001," + largest.question() + "\n"));
  };
  EXPECT_EQ(sized(kRecordBytesMax), "OK");
  EXPECT_EQ(sized(kRecordBytesMax + 1), "2 MESSAGE_TOO_LARGE -");

  const auto deep = [](size_t depth) { return ParseJson(std::string(depth, '[') + std::string(depth, ']')).ok(); };
  EXPECT_TRUE(deep(kDepthMax));
  EXPECT_FALSE(deep(kDepthMax + 1));

  std::string file = "options.request_id,question\n";
  constexpr size_t kRows = 32;
  for (size_t row = 1; row <= kRows; ++row) {
    file += fmt::format("checks-{:03},", row);
    file.resize(row * kFileBytesMax / kRows - 1, 'q');
    file += '\n';
  }
  ASSERT_EQ(file.size(), kFileBytesMax);
  EXPECT_EQ(Told(Read(file)), "OK");
  EXPECT_EQ(Told(Read(file + "\n")), "file 0 MESSAGE_TOO_LARGE -");

  const auto items = [](size_t count) {
    std::string list;
    for (size_t i = 0; i < count; ++i) list += i > 0 ? ",\"a\"" : "\"a\"";
    return Told(Read("{\"options\": {\"requestId\": \"checks-001\"}, \"victim\": {\"aliases\": [" + list + "]}}", "RequestChecks.json"));
  };
  EXPECT_EQ(items(kListItemsMax), "OK");
  EXPECT_EQ(items(kListItemsMax + 1), "1 FIELD_INVALID victim.aliases");
}

TEST(RecordsTest, NumbersAreWholeAndInRange) {
  const auto told = [](std::string_view cell) { return Told(Read(fmt::format("options.request_id,options.wait_ms\nchecks-001,{}\n", cell))); };
  EXPECT_EQ(told("4294967295"), "OK");
  EXPECT_EQ(told("4294967296"), "2 FIELD_INVALID options.wait_ms");
  EXPECT_EQ(told("-1"), "2 FIELD_INVALID options.wait_ms");
  EXPECT_EQ(told("1.5"), "2 FIELD_INVALID options.wait_ms");
  EXPECT_EQ(told("\"1 0\""), "2 FIELD_INVALID options.wait_ms");
}

TEST(RecordsTest, TheRequestIdIsTheCallTheReferenceAndTheVersion) {
  EXPECT_EQ(RequestIdOf("ReportIncident", "98/crime/118822/26", 2), "ReportIncident/98/crime/118822/26.v2");
  EXPECT_NE(RequestIdOf("ReportIncident", "98/crime/118822/26", 1), RequestIdOf("SendChildNotice", "98/crime/118822/26", 1));
  const std::string blanks = RequestIdOf("ReferFamily", "case 1", 1);
  EXPECT_EQ(blanks, "ReferFamily/" + ToHex(crypto::Sha256("case 1")) + ".v1");
  const std::string prefix = "ReferFamily/", ending = ".v1";
  const std::string longest(118 - prefix.size() - ending.size(), 'r');
  EXPECT_EQ(RequestIdOf("ReferFamily", longest, 1), prefix + longest + ending);
  EXPECT_EQ(RequestIdOf("ReferFamily", longest + "r", 1), prefix + ToHex(crypto::Sha256(longest + "r")) + ending);
  EXPECT_TRUE(IsRequestId(RequestIdOf("RequestDisclosureChecks", std::string(5000, 'x'), kRecordVersionMax)));
}

TEST(RecordsTest, WithoutAReferenceARecordNeedsARequestId) {
  EXPECT_EQ(Told(Read("question\nwhy\n")), "2 FIELD_MISSING options.request_id");
  EXPECT_EQ(ReferenceOf(RequestChecksRequest()), "");
  const auto version = [](std::string_view cell) { return Told(Read(fmt::format("options.request_id,record_version\nchecks-001,{}\n", cell))); };
  EXPECT_EQ(version(""), "OK");
  EXPECT_EQ(version("1"), "OK");
  EXPECT_EQ(version("999999"), "OK");
  EXPECT_EQ(version("0"), "2 FIELD_INVALID record_version");
  EXPECT_EQ(version("1000000"), "2 FIELD_INVALID record_version");
  EXPECT_EQ(version("two"), "2 FIELD_INVALID record_version");
}

}  // namespace
}  // namespace accord::records::records_test
