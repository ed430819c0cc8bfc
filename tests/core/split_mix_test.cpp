#include "core/split_mix.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <iterator>

namespace sapiens {
namespace {

// The first numbers of the reference implementation (Vigna, splitmix64.c) for this seed.
TEST(SplitMix, GivesTheNumbersOfTheReferenceImplementation) {
  constexpr std::uint64_t kSeed = 1234567;
  constexpr std::uint64_t kExpected[] = {6457827717110365317u, 3203168211198807973u,
                                         9817491932198370423u, 4593380528125082431u,
                                         16408922859458223821u};
  for (std::uint64_t n = 0; n < std::size(kExpected); ++n) {
    EXPECT_EQ(split_mix_at(kSeed, n), kExpected[n]) << n;
  }
}

}  // namespace
}  // namespace sapiens
