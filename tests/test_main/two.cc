#include <gtest/gtest.h>

namespace accord::tests::two {
namespace {

TEST(TwoTest, Fails) { FAIL() << "as it should"; }
TEST(SharedTest, IsHere) {}

}  // namespace
}  // namespace accord::tests::two
