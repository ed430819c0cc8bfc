#pragma once

#include <cstdint>

namespace sapiens {

struct Rgb {
  std::uint8_t red = 0, green = 0, blue = 0;
  friend constexpr bool operator==(const Rgb&, const Rgb&) = default;
};

}  // namespace sapiens
