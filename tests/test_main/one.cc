#include <gtest/gtest.h>

// Three files of one program: test_main_test.sh looks which of their tests are run, and what is said of it.
namespace accord::tests::one {
namespace {

TEST(OneTest, Passes) {}
TEST(OneTest, PassesToo) {}

class OneEachTest : public ::testing::TestWithParam<int> {};
TEST_P(OneEachTest, Passes) {}
INSTANTIATE_TEST_SUITE_P(All, OneEachTest, ::testing::Values(1, 2));

}  // namespace
}  // namespace accord::tests::one
