#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "sapiens/labels.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Names and colours of classes: those of `set` where it has them, generated ones otherwise.
class ClassLook {
 public:
  static constexpr int kIds = 256;  // the number of values of a byte

  ClassLook(Index classes, const SegClassSet* set);

  const std::array<Rgb, kIds>& colors() const noexcept { return colors_; }
  /// The name in title case: "Upper Clothing", or "class 3" where the set has none.
  std::string name(int id) const;

 private:
  const SegClassSet* set_;  // null where the classes are unknown
  std::array<Rgb, kIds> colors_;
};

}  // namespace sapiens
