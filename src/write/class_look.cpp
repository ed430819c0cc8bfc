#include "write/class_look.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <opencv2/imgproc.hpp>

#include "write/lettering.hpp"

namespace sapiens {
namespace {

constexpr Rgb kBackground = {50, 50, 50};
constexpr double kGoldenAngle = 137.508;

}  // namespace

ClassLook::ClassLook(Index classes, const SegClassSet* set)
    : set_(set && std::ssize(set->classes) == classes ? set : nullptr) {
  // Hues are a golden angle apart, so that neighbouring classes differ however many there are.
  for (int id = 0; id < kIds; ++id) colors_[id] = color_of_hue(id * kGoldenAngle);
  colors_[0] = kBackground;
  if (!set_) return;
  const std::size_t known = std::min(colors_.size(), set_->classes.size());
  for (std::size_t id = 0; id < known; ++id) colors_[id] = set_->classes[id].color;
}

std::string ClassLook::name(int id) const {
  std::string name;
  if (set_ && id < std::ssize(set_->classes)) name = set_->classes[id].name;
  if (name.empty()) return id == 0 ? "background" : fmt::format("class {}", id);
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

}  // namespace sapiens
