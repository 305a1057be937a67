// Whole answers that are kept between pages: the same ground finds them, any other does not, and they are bounded.
#include "services/broker/api/table_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "services/broker/api/paging.h"
#include "services/broker/directory/families.h"
#include "services/broker/trails/testing_log.h"

namespace accord::broker::table_pages_test {
namespace {

using inspection::v1::Table;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::shared_ptr<const WholeTable> TableOf(int rows, size_t cell_bytes = 1) {
  Table table;
  table.set_title("title");
  for (int i = 0; i < rows; ++i) {
    auto& row = *table.add_rows();
    row.add_cells(std::string(cell_bytes, static_cast<char>('a' + i % 26)));
    row.add_entries(static_cast<uint64_t>(i));
  }
  return std::make_shared<const WholeTable>(std::move(table));
}

TableGround Ground(uint64_t query_index) {
  TableGround ground;
  ground.page_query = "query";
  ground.query_index = query_index;
  return ground;
}

std::vector<uint64_t> EntriesOf(const Table& table) {
  std::vector<uint64_t> entries;
  for (const auto& row : table.rows()) entries.push_back(row.entries(0));
  return entries;
}

TEST(TablePagesTest, PagesAreOfTheKeptAnswerUntilTheLastWasHad) {
  WholeTables tables;
  const auto whole = TableOf(5);
  Table page;
  std::string next = TurnTablePage(tables, Ground(7), whole, 0, 2, page);
  EXPECT_THAT(EntriesOf(page), ElementsAre(0, 1));
  EXPECT_EQ(page.title(), "title");
  EXPECT_EQ(page.query_index(), 7u);
  for (const uint64_t row : {2, 4}) {
    EXPECT_EQ(tables.Find(Ground(7)), whole);
    const auto position = ReadTablePosition(next, "query");
    ASSERT_EQ(position.status(), absl::OkStatus());
    EXPECT_EQ((*position)->query_index, 7u);
    ASSERT_EQ((*position)->row, row);
    next = TurnTablePage(tables, Ground(7), whole, row, 2, page);
  }
  EXPECT_THAT(EntriesOf(page), ElementsAre(4));
  EXPECT_THAT(next, IsEmpty());
  EXPECT_EQ(tables.Find(Ground(7)), nullptr);
  // One of a single page is never kept; a position behind its end is an empty last page.
  EXPECT_THAT(TurnTablePage(tables, Ground(8), whole, 0, 5, page), IsEmpty());
  EXPECT_THAT(TurnTablePage(tables, Ground(8), whole, 6, 5, page), IsEmpty());
  EXPECT_THAT(EntriesOf(page), IsEmpty());
  EXPECT_EQ(tables.Find(Ground(8)), nullptr);
}

TEST(TablePagesTest, AnyOtherGroundFindsNothing) {
  WholeTables tables;
  tables.Keep(Ground(7), TableOf(1));
  std::vector<TableGround> others(6, Ground(7));
  others[0].page_query = "another";
  others[1].query_index = 8;
  others[2].desk = type::v1::DESK_CONFIDENTIAL;
  others[3].warrant = "suspended";
  others[4].directory_epoch = 1;
  others[5].newest_erasure = "later";
  for (const TableGround& other : others) EXPECT_EQ(tables.Find(other), nullptr);
  EXPECT_NE(tables.Find(Ground(7)), nullptr);
}

TEST(TablePagesTest, AnErasureAndAChangedWarrantShiftTheGround) {
  TestingLog log;
  Caller caller;
  caller.desk = type::v1::DESK_MAIN;
  inspection::v1::Warrant warrant;
  const auto ground = [&] { return *TableGroundOf(log.View(), caller, "query", 7, warrant, 3); };
  const TableGround before = ground();
  EXPECT_EQ(ground(), before);
  log.store().Put(kFamilyErasure, ErasureKey(4), "erasure");
  const TableGround erased = ground();
  EXPECT_NE(erased, before);
  log.store().Put(kFamilyErasure, ErasingKey(4), "what is left to do of it");
  EXPECT_EQ(ground(), erased);
  log.store().Put(kFamilyErasure, ErasureKey(9), "erasure");
  EXPECT_NE(ground(), erased);
  const TableGround last = ground();
  warrant.set_id("jtai-1");
  EXPECT_NE(ground(), last);
  warrant.clear_id();
  caller.desk = type::v1::DESK_CONFIDENTIAL;
  EXPECT_NE(ground(), last);
}

TEST(TablePagesTest, NoMoreAreKeptThanTheLimits) {
  WholeTables tables;
  for (uint64_t i = 0; i < kTablesKeptMax; ++i) tables.Keep(Ground(i), TableOf(1));
  EXPECT_NE(tables.Find(Ground(0)), nullptr);
  tables.Keep(Ground(0), TableOf(1));  // Again: it takes no second place.
  EXPECT_NE(tables.Find(Ground(1)), nullptr);
  tables.Keep(Ground(kTablesKeptMax), TableOf(1));
  EXPECT_EQ(tables.Find(Ground(1)), nullptr) << "kept longest";
  EXPECT_NE(tables.Find(Ground(2)), nullptr);
  EXPECT_NE(tables.Find(Ground(0)), nullptr);
}

TEST(TablePagesTest, NoMoreBytesAreKeptThanTheLimit) {
  WholeTables tables;
  tables.Keep(Ground(0), TableOf(1));
  tables.Keep(Ground(1), TableOf(1, kTableBytesKeptMax / 2));
  EXPECT_NE(tables.Find(Ground(0)), nullptr);
  tables.Keep(Ground(2), TableOf(1, kTableBytesKeptMax / 2));
  EXPECT_EQ(tables.Find(Ground(0)), nullptr);
  EXPECT_EQ(tables.Find(Ground(1)), nullptr) << "the two and what belongs to them are more than the limit";
  EXPECT_NE(tables.Find(Ground(2)), nullptr);
  tables.Keep(Ground(3), TableOf(1, kTableBytesKeptMax));
  EXPECT_EQ(tables.Find(Ground(2)), nullptr);
  EXPECT_EQ(tables.Find(Ground(3)), nullptr) << "alone more than the limit";
  tables.Keep(Ground(4), TableOf(1));
  EXPECT_NE(tables.Find(Ground(4)), nullptr);
}

}  // namespace
}  // namespace accord::broker::table_pages_test
