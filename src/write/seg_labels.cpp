#include "write/seg_labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <opencv2/imgproc.hpp>
#include <optional>

#include "write/lettering.hpp"

namespace sapiens {
namespace {

constexpr int kOtherRows = 6;  // rows tried above, and as many below, where the best place is taken

/// The column of the middle one of the `count` pixels of a class in a row.
int middle_pixel(const Segmentation& segmentation, int id, Index y, std::uint32_t count) {
  const std::uint8_t* row = segmentation.ids.data() + y * segmentation.width;
  std::uint32_t left = count / 2;
  int x = 0;
  while (row[x] != id || left-- > 0) ++x;
  return x;
}

class LabelPlacer {
 public:
  LabelPlacer(const Segmentation& segmentation, const ClassRows& rows)
      : segmentation_(segmentation), rows_(rows) {}

  /// The top left corner of the label; nullopt where every place is taken.
  std::optional<cv::Point> place(int id, cv::Size size) {
    const Index best = rows_.longest(id);
    for (int step = 0; step <= 2 * kOtherRows; ++step) {
      // Offsets alternate: 0, 1 up, 1 down, 2 up, ...
      const int away = (step + 1) / 2 * (step % 2 == 1 ? -1 : 1);
      const Index y = best + away * (size.height + 2);
      if (y < 0 || y >= segmentation_.height) continue;
      // A much shorter row belongs to a protruding part, such as a finger.
      if (2 * rows_.count(id, y) < rows_.count(id, best)) continue;
      const cv::Rect area = around(id, y, size);
      if (is_taken(area)) continue;
      taken_.push_back(area);
      return area.tl();
    }
    return std::nullopt;
  }

 private:
  cv::Rect around(int id, Index y, cv::Size size) const {
    const int x = middle_pixel(segmentation_, id, y, rows_.count(id, y));
    const auto inside = [](Index middle, int length, Index limit) {
      return static_cast<int>(std::clamp<Index>(middle - length / 2, 0, limit - length));
    };
    return {cv::Point(inside(x, size.width, segmentation_.width),
                      inside(y, size.height, segmentation_.height)),
            size};
  }

  bool is_taken(const cv::Rect& area) const {
    return std::any_of(taken_.begin(), taken_.end(),
                       [&](const cv::Rect& other) { return (area & other).area() > 0; });
  }

  const Segmentation& segmentation_;
  const ClassRows& rows_;
  std::vector<cv::Rect> taken_;
};

constexpr Rgb kBackground = {50, 50, 50};
constexpr double kGoldenAngle = 137.508;

}  // namespace

// Neighbours are mostly of one class, so runs are counted at once.
ClassRows::ClassRows(const Segmentation& segmentation, const StopCheck& check)
    : height_(segmentation.height),
      counts_(static_cast<std::size_t>(segmentation.height) * ClassLook::kIds) {
  for (Index y = 0; y < height_; ++y) {
    if (check) check();
    const std::uint8_t* const row = segmentation.ids.data() + y * segmentation.width;
    const std::uint8_t* const end = row + segmentation.width;
    for (const std::uint8_t* begin = row; begin != end;) {
      const std::uint8_t id = *begin;
      const std::uint8_t* stop = begin + 1;
      while (stop != end && *stop == id) ++stop;
      counts_[y * ClassLook::kIds + id] += static_cast<std::uint32_t>(stop - begin);
      areas_[id] += stop - begin;
      begin = stop;
    }
  }
}

std::vector<int> ClassRows::by_area() const {
  std::vector<int> ids(ClassLook::kIds);
  std::iota(ids.begin(), ids.end(), 0);
  ids.erase(std::remove_if(ids.begin(), ids.end(), [&](int id) { return areas_[id] == 0; }),
            ids.end());
  std::stable_sort(ids.begin(), ids.end(), [&](int a, int b) { return areas_[a] > areas_[b]; });
  return ids;
}

Index ClassRows::longest(int id) const noexcept {
  Index best = 0;
  for (Index y = 1; y < height_; ++y) {
    if (count(id, y) > count(id, best)) best = y;
  }
  return best;
}

void draw_seg_labels(cv::Mat& panel, const Segmentation& segmentation, const ClassRows& rows,
                     const ClassLook& look) {
  const Lettering letters = Lettering::for_image(panel.size());
  LabelPlacer placer(segmentation, rows);
  for (const int id : rows.by_area()) {
    const std::string name = look.name(id);
    const cv::Size size = letters.label_size(name);
    const bool fits = size.width <= panel.cols && size.height <= panel.rows;
    if (id == 0 || !fits || rows.area(id) < size.area()) continue;
    const auto at = placer.place(id, size);
    if (at) letters.draw_label(panel, name, *at, look.colors()[id]);
  }
}

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
