// Uploads as commands: what waits, for whom, how long and how much; above all that nothing is given to another, and nothing is left behind.
#include "services/broker/admission/uploads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker::uploads_test {
namespace {

class UploadsTest : public ::testing::Test {
 protected:
  absl::Status Upload(const std::string& bytes, const std::string& request_id = "incident-1", const std::string& agency = "police") {
    Caller caller;
    caller.id = agency;
    caller.principal = "agency/" + agency;
    UploadCommand command(caller, request_id, crypto::Sha256(bytes), bytes, linker_, [](const absl::Status&) {});
    return command.Apply(context_);
  }
  absl::StatusOr<std::string> Take(const std::string& bytes, const std::string& request_id = "incident-1", const std::string& agency = "police") {
    return TakeUpload(context_, agency, request_id, crypto::Sha256(bytes));
  }
  size_t Rows() const {
    size_t rows = 0;
    for (const auto& [key, value] : context_.rows) {
      rows += key.first == kFamilyUpload || key.first == kFamilyUploadIndex || key.first == kFamilyDue || key.first == kFamilyDueAt;
    }
    return rows;
  }
  Due DueOf(const std::string& bytes) const { return {DueKind::kUpload, context_.time, crypto::Sha256(bytes), "police", type::v1::DESK_MAIN}; }

  MemoryContext context_;
  CaseLinker linker_{crypto::SecretBytes(std::string(32, 'k'))};
  NewDeliveries queued_;
};

TEST_F(UploadsTest, WaitsForTheReferralItNamesAndForNoOther) {
  ASSERT_EQ(Upload("sealed"), absl::OkStatus());
  EXPECT_TRUE(HasReason(Take("sealed", "incident-2").status(), Reason::kUploadNotFound));
  EXPECT_TRUE(HasReason(Take("sealed", "incident-1", "housing").status(), Reason::kUploadNotFound));
  EXPECT_TRUE(HasReason(Take("other").status(), Reason::kUploadNotFound));
  EXPECT_EQ(*Take("sealed"), "sealed");
  EXPECT_TRUE(HasReason(Take("sealed").status(), Reason::kUploadNotFound));
  EXPECT_EQ(Rows(), 0u);
}

TEST_F(UploadsTest, TheSameAgainChangesNothing) {
  ASSERT_EQ(Upload("sealed"), absl::OkStatus());
  const auto before = context_.rows;
  context_.time += absl::Hours(1);
  EXPECT_EQ(Upload("sealed"), absl::OkStatus());
  EXPECT_EQ(context_.rows, before);
  EXPECT_TRUE(HasReason(Upload("sealed", "incident-2"), Reason::kRequestIdReused));
  EXPECT_EQ(Upload("sealed", "incident-2", "housing"), absl::OkStatus());
}

TEST_F(UploadsTest, ThoseOfOneReferralStandUnderOneKey) {
  ASSERT_EQ(Upload("one"), absl::OkStatus());
  const auto slot = *SlotOfUploads(context_, "police", "incident-1");
  ASSERT_TRUE(slot.has_value());
  ASSERT_EQ(Upload("two"), absl::OkStatus());
  EXPECT_EQ(*SlotOfUploads(context_, "police", "incident-1"), slot);
  ASSERT_EQ(Upload("three", "incident-2"), absl::OkStatus());
  EXPECT_NE(*SlotOfUploads(context_, "police", "incident-2"), slot);
  ASSERT_TRUE(Take("one").ok());
  EXPECT_EQ(*SlotOfUploads(context_, "police", "incident-1"), slot);
  ASSERT_TRUE(Take("two").ok());
  EXPECT_FALSE(SlotOfUploads(context_, "police", "incident-1")->has_value());
}

TEST_F(UploadsTest, AnAgencyHasSoManyAndTakingOneGivesItsPlaceBack) {
  for (uint64_t i = 0; i < kUploadsWaitingMax; ++i) ASSERT_EQ(Upload("sealed " + std::to_string(i)), absl::OkStatus()) << i;
  EXPECT_TRUE(HasReason(Upload("one more"), Reason::kQuotaExceeded));
  EXPECT_EQ(Upload("one more", "incident-1", "housing"), absl::OkStatus());
  ASSERT_TRUE(Take("sealed 7").ok());
  EXPECT_EQ(Upload("one more"), absl::OkStatus());
  EXPECT_TRUE(HasReason(Upload("and one"), Reason::kQuotaExceeded));
}

TEST_F(UploadsTest, AnAgencyHasSoManyBytes) {
  // What waits is counted as the index says; so much need not be held to test it.
  context_.Put(kFamilyUploadIndex, UploadsOfAgencyKey("police"), ByteWriter().U64(1).U64(kUploadBytesWaitingMax - 6).bytes());
  EXPECT_TRUE(HasReason(Upload("seven b"), Reason::kQuotaExceeded));
  EXPECT_EQ(Upload("six by"), absl::OkStatus());
}

TEST_F(UploadsTest, WhatNobodyCameForIsSweptOnceItIsDue) {
  ASSERT_EQ(Upload("sealed"), absl::OkStatus());
  const auto due_at = context_.Get(kFamilyDueAt, DueAtKey(DueKind::kUpload, crypto::Sha256("sealed"), "police", type::v1::DESK_MAIN));
  EXPECT_EQ(**due_at, KeyU64(static_cast<uint64_t>(absl::ToUnixMillis(context_.time + kUploadKept))));
  ASSERT_EQ(SweepUpload(context_, DueOf("sealed"), queued_), absl::OkStatus());
  EXPECT_EQ(Rows(), 0u);
  EXPECT_TRUE(queued_.empty());
  EXPECT_TRUE(context_.entries.empty());
  EXPECT_EQ(SweepUpload(context_, DueOf("sealed"), queued_), absl::OkStatus());
  EXPECT_TRUE(HasReason(Take("sealed").status(), Reason::kUploadNotFound));
}

TEST_F(UploadsTest, WhatIsUnreadableIsSweptAllTheSame) {
  ASSERT_EQ(Upload("sealed"), absl::OkStatus());
  context_.Delete(kFamilyUpload, UploadKey("police", crypto::Sha256("sealed")));  // As GetSealed shows it once its key is destroyed.
  EXPECT_TRUE(HasReason(Take("sealed").status(), Reason::kUploadNotFound));
  EXPECT_EQ(SweepUpload(context_, DueOf("sealed"), queued_), absl::OkStatus());
  EXPECT_EQ(Rows(), 0u);
}

TEST_F(UploadsTest, AnErasedReferralGetsNothingMore) {
  const std::string mark = linker_.Blind(kErasedRequestDomain, RequestKey("agency/police", "incident-1"));
  context_.Put(kFamilyErased, mark, KeyU64(5));
  EXPECT_TRUE(HasReason(Upload("sealed"), Reason::kErased));
  EXPECT_EQ(Rows(), 0u);
}

TEST_F(UploadsTest, ASectionIsBroughtOrNamedAndOneOfTheTwo) {
  type::v1::SealedSection section;
  EXPECT_TRUE(HasReason(CheckOneForm(section), Reason::kFieldMissing));
  section.set_uploaded(std::string(31, 'd'));
  EXPECT_TRUE(HasReason(CheckOneForm(section), Reason::kFieldInvalid));
  section.set_uploaded(std::string(32, 'd'));
  EXPECT_EQ(CheckOneForm(section), absl::OkStatus());
  section.set_cms("sealed");
  EXPECT_TRUE(HasReason(CheckOneForm(section), Reason::kFieldInvalid));
  section.clear_uploaded();
  EXPECT_EQ(CheckOneForm(section), absl::OkStatus());
}

}  // namespace
}  // namespace accord::broker::uploads_test
