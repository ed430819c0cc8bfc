#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "fuzz/support/random.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens::fuzz {

/// Sizes, types and values from the bytes of an input. Behind its end all is 0.
class KernelInput {
 public:
  explicit KernelInput(std::string_view bytes) : bytes_(bytes) {}

  std::uint8_t byte() noexcept {
    return at_ < bytes_.size() ? static_cast<std::uint8_t>(bytes_[at_++]) : std::uint8_t{0};
  }
  /// From 1 to `most`, and nothing that a bound of a loop would not see.
  Index size(Index most) noexcept { return 1 + (byte() << 8 | byte()) % most; }
  Index below(Index end) noexcept { return byte() % end; }

  /// Numbers of about `scale`; every few of them is one of the odd ones if `odd` are wanted.
  std::vector<float> values(Index count, float scale, bool odd) {
    constexpr float kOdd[] = {0.0f,
                              -0.0f,
                              0x1p-149f,
                              -0x1p-130f,
                              0x1p-126f,
                              0x1p20f,
                              -0x1p20f,
                              0x1p-60f,
                              std::numeric_limits<float>::quiet_NaN(),
                              std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity()};
    const std::uint8_t style = byte();
    Random random(static_cast<std::uint64_t>(byte()) << 8 | style);
    const std::size_t kinds = odd && style % 4 == 3 ? std::size(kOdd) : 8;
    std::vector<float> numbers(static_cast<std::size_t>(count));
    for (float& number : numbers) {
      const float uniform = static_cast<float>(random.below(1 << 20)) * 0x1p-19f - 1;
      number =
          odd && style % 2 == 1 && random.one_in(5) ? kOdd[random.below(kinds)] : uniform * scale;
    }
    // The bytes of the input itself stand at the front.
    for (std::size_t i = 0; i < std::min<std::size_t>(numbers.size(), style / 16); ++i) {
      numbers[i] = static_cast<float>(static_cast<std::int8_t>(byte())) * scale / 64;
    }
    return numbers;
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

/// Ends the program where a value is further from the expected one than `allowed`. NaN agrees with
/// NaN only, an infinity with itself only.
inline void expect_close(const std::vector<float>& actual, const std::vector<float>& expected,
                         const std::vector<double>& allowed) {
  if (actual.size() != expected.size()) __builtin_trap();
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double got = actual[i], want = expected[i];
    if (got == want || (std::isnan(got) && std::isnan(want))) continue;
    if (!(std::abs(got - want) <= allowed[i])) __builtin_trap();
  }
}

}  // namespace sapiens::fuzz
