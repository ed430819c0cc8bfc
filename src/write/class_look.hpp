#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "sapiens/labels.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// What classes are called and painted in: what `set` says where it has as many, made up otherwise.
class ClassLook {
 public:
  static constexpr int kIds = 256;  // as many as there are in a byte

  ClassLook(Index classes, const SegClassSet* set);

  const std::array<Rgb, kIds>& colors() const noexcept { return colors_; }
  /// As people write it: "Upper Clothing", or "class 3" where nobody gave it a name.
  std::string name(int id) const;

 private:
  const SegClassSet* set_;  // null where nothing is known
  std::array<Rgb, kIds> colors_;
};

}  // namespace sapiens
