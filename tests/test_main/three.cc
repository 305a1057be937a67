#include <gtest/gtest.h>

namespace accord::tests::three {
namespace {

TEST(SharedTest, IsHereToo) {}

}  // namespace
}  // namespace accord::tests::three
