// What is taken as a file: by its own bytes, its size and its name; and how long it is kept.
#include "common/agent/attachments.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "common/agent/testing_service.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/media_types.h"

namespace accord::agent::attachments_test {
namespace {

using std::literals::string_literals::operator""s;
using Ids = google::protobuf::RepeatedPtrField<std::string>;

const std::string kOffice = "PK\x03\x04"s + std::string(26, '\0');  // Of a local file header, up to its name.
constexpr char kDocument[] = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
constexpr char kWorkbook[] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

TEST(MediaTypesTest, KnowsWhatIsTakenByItsOwnBytes) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"%PDF-1.7\nrest", "application/pdf"},
      {"\xff\xd8\xff\xe0rest", "image/jpeg"},
      {"\x89PNG\r\n\x1a\nrest", "image/png"},
      {"II*\0rest"s, "image/tiff"},
      {"MM\0*rest"s, "image/tiff"},
      {"\0\0\0\x18" "ftypheic"s, "image/heic"},
      {"\0\0\0\x18" "ftypqt  "s, "video/quicktime"},
      {"\0\0\0\x18" "ftypisom"s, "video/mp4"},
      {"\0\0\0\x18" "ftypmp42"s, "video/mp4"},
      {"\0\0\0\x18" "ftypM4A "s, "audio/mp4"},
      {"ID3\x04rest", "audio/mpeg"},
      {"\xff\xfb\x90rest", "audio/mpeg"},
      {"RIFF\x01\0\0\0WAVEfmt "s, "audio/wav"},
      {kOffice + "[Content_Types].xml … word/document.xml", kDocument},
      {kOffice + "_rels/.rels … xl/workbook.xml", kWorkbook},
      {"What she said:\r\n\tDywedodd Siân na.\n", "text/plain"},
  };
  for (const auto& [bytes, type] : rows) EXPECT_EQ(referral::MediaTypeOf(bytes), type) << ToHex(bytes.substr(0, 16));
}

TEST(MediaTypesTest, TakesNothingElse) {
  const std::vector<std::string> refused = {
      "",
      "MZ\x90\0\x03"s,                                          // A program,
      "\x7f" "ELF\x02"s,                                        // and another,
      "#!/bin/sh\n\x1b[31m",                                    // and one that plays with the screen.
      kOffice + "evil.exe",                                     // An archive that is no document,
      kOffice + "[Content_Types].xml … word/document.xml xl/workbook.xml",  // that cannot say which,
      kOffice + "[Content_Types].xml … word/document.xml … word/vbaProject.bin",  // or has macros.
      "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",                       // Office before 2007: it may have them.
      "GIF89a\x01\0"s,
      "RIFF\x01\0\0\0AVI LIST"s,
      "\xe9t\xe9",                                              // Text, and not in UTF-8.
      " %PDF-1.7\0"s,
  };
  for (const std::string& bytes : refused) EXPECT_EQ(referral::MediaTypeOf(bytes), "") << ToHex(bytes.substr(0, 16));
}

TEST(AttachmentsFileTest, ANameIsANameAndASizeIsWithinTheLimit) {
  EXPECT_EQ(CheckFile("photo 1 – left arm.jpg", 1), absl::OkStatus());
  EXPECT_EQ(CheckFile("photo.jpg", kAttachmentBytesMax), absl::OkStatus());
  const absl::Status large = CheckFile("photo.jpg", kAttachmentBytesMax + 1);
  EXPECT_TRUE(HasReason(large, Reason::kAttachmentTooLarge));
  EXPECT_EQ(DetailOf(large).metadata.at("limit_bytes"), "5000000");
  EXPECT_TRUE(HasReason(CheckFile("photo.jpg", 0), Reason::kFieldInvalid));
  std::string longest;
  for (size_t i = 0; i < kFileNameCharactersMax; ++i) longest += "â";
  EXPECT_EQ(CheckFile(longest, 1), absl::OkStatus());
  const std::vector<std::string> refused = {"",         longest + "a",      "../photo.jpg",        "C:\\photo.jpg",       "..",
                                            "a\nb.jpg", std::string("a\0b", 3), "a\x7f.jpg", "a\xc2\x85.jpg", "photo\xe2\x80\xaegpj.exe",
                                            "\xff.jpg"};
  for (const std::string& name : refused) EXPECT_TRUE(HasReason(CheckFile(name, 1), Reason::kFieldInvalid)) << ToHex(name);
}

class AttachmentsTest : public AgentTest {
 protected:
  static type::v1::Attachment File(const std::string& name = "note.txt", const std::string& bytes = "what happened") {
    type::v1::Attachment file;
    file.set_file_name(name);
    file.set_media_type("text/plain");
    file.set_data(bytes);
    return file;
  }
  Attachments& files() { return *police.files; }
  static Ids IdsOf(const std::vector<std::string>& ids) { return {ids.begin(), ids.end()}; }
};

TEST_F(AttachmentsTest, IsKeptAndGivenBackAndTheSameIsTheSame) {
  const auto id = files().Keep(File());
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(files().Get(*id)->data(), "what happened");
  EXPECT_EQ(*files().Keep(File()), *id);
  EXPECT_NE(*files().Keep(File("other.txt")), *id);
  EXPECT_NE(*files().Keep(File("note.txt", "what else happened")), *id);
  police.Restart();
  EXPECT_EQ(files().Get(*id)->file_name(), "note.txt");
  EXPECT_TRUE(HasReason(files().Get(std::string(64, '0')).status(), Reason::kAttachmentNotFound));
  EXPECT_TRUE(HasReason(files().Get("../../etc/passwd").status(), Reason::kAttachmentNotFound));
  // Not in clear.
  ASSERT_EQ(police.store->raw().Scan(kFamilyAttachmentData, {}, [](std::string_view, std::string_view value) {
    EXPECT_EQ(value.find("what happened"), std::string_view::npos);
    return true;
  }), absl::OkStatus());
}

TEST_F(AttachmentsTest, RefusesWhatItIsNotSaidToBe) {
  auto file = File();
  file.set_media_type("application/pdf");
  EXPECT_TRUE(HasReason(files().Keep(file).status(), Reason::kAttachmentTypeRefused));
  file = File("photo.jpg", "MZ\x90");
  file.set_media_type("image/jpeg");
  EXPECT_TRUE(HasReason(files().Keep(file).status(), Reason::kAttachmentTypeRefused));
  const std::string most = "%PDF-1.7\n" + std::string(kAttachmentBytesMax - 9, 'x');
  file = File("most.pdf", most);
  file.set_media_type("application/pdf");
  EXPECT_TRUE(files().Keep(file).ok());
  file.set_data(most + "x");
  EXPECT_TRUE(HasReason(files().Keep(file).status(), Reason::kAttachmentTooLarge));
}

TEST_F(AttachmentsTest, TakesNoneThatWouldLeaveNoRoomForWhatWasPushed) {
  uint64_t free = 99;
  files().KeepFree(100, [&] { return absl::StatusOr<uint64_t>(free); });
  EXPECT_TRUE(HasReason(files().Keep(File()).status(), Reason::kDiskFloor));
  free = 100;
  EXPECT_TRUE(files().Keep(File()).ok());
}

TEST_F(AttachmentsTest, APushNamesAtMostEightOnceEachAndAllHere) {
  std::vector<std::string> ids;
  for (int i = 0; i < kAttachmentsPerPushMax + 1; ++i) ids.push_back(*files().Keep(File("note.txt", "note " + std::to_string(i))));
  EXPECT_TRUE(HasReason(files().Check(IdsOf(ids)), Reason::kFieldInvalid));
  ids.pop_back();
  EXPECT_EQ(files().Check(IdsOf(ids)), absl::OkStatus());
  ids.back() = ids.front();
  EXPECT_TRUE(HasReason(files().Check(IdsOf(ids)), Reason::kFieldInvalid));
  ids.back() = std::string(64, 'a');
  EXPECT_TRUE(HasReason(files().Check(IdsOf(ids)), Reason::kAttachmentNotFound));
}

TEST_F(AttachmentsTest, AWeekLaterItGoesUnlessAPushThatWaitsHasIt) {
  const std::string waits = *files().Keep(File("waits.txt")), settled = *files().Keep(File("settled.txt")), alone = *files().Keep(File("alone.txt"));
  accord::storage::Batch batch;
  ASSERT_EQ(files().Take(batch, IdsOf({waits}), "request-1"), absl::OkStatus());
  ASSERT_EQ(files().Take(batch, IdsOf({settled}), "request-2"), absl::OkStatus());
  ASSERT_EQ(police.store->Commit(batch), absl::OkStatus());
  const auto sweep = [&] { return files().Sweep([](const std::string& push) { return push == "request-2"; }); };
  clock.Advance(kAttachmentKept);
  ASSERT_EQ(sweep(), absl::OkStatus());
  for (const std::string& id : {waits, settled, alone}) EXPECT_TRUE(files().Get(id).ok());
  EXPECT_EQ(files().Check(IdsOf({alone})), absl::OkStatus());
  clock.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(HasReason(files().Check(IdsOf({alone})), Reason::kAttachmentNotFound));
  clock.Advance(absl::Hours(1));
  ASSERT_EQ(sweep(), absl::OkStatus());
  EXPECT_TRUE(files().Get(waits).ok());
  for (const std::string& id : {settled, alone}) EXPECT_TRUE(HasReason(files().Get(id).status(), Reason::kAttachmentNotFound));
}

}  // namespace
}  // namespace accord::agent::attachments_test
