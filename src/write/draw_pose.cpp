#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <opencv2/imgproc.hpp>

#include "image/pixels.hpp"
#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "write/lettering.hpp"
#include "write/panels.hpp"

namespace sapiens {
namespace {

constexpr Rgb kPlain = {51, 153, 255};  // colour of points of a set without colours
constexpr Rgb kBox = {0, 255, 0};

// OpenCV takes fixed-point coordinates with this many fractional bits.
constexpr int kFraction = 4;
constexpr float kOne = 1 << kFraction;

constexpr float kLoosePoint = 1.0f / 3;  // share of a joint's radius, for points without a link
constexpr float kShareOfGap = 0.35f;     // share of the distance to the nearest point
constexpr float kMinRadius = 0.75f;
constexpr float kSmoothEdge =
    0.5f;  // the width that OpenCV's smoothing adds to a radius, much of a small one
constexpr int kThickest = 2048;  // OpenCV's limit is 32767

cv::Point fixed_point(const Keypoint& point) {
  return {cvRound(point.x * kOne), cvRound(point.y * kOne)};
}

class PoseDrawer {
 public:
  PoseDrawer(Image& image, const KeypointSet* set, const PoseDrawing& drawing,
             const StopCheck& check)
      : canvas_(as_mat(image)), set_(set), drawing_(drawing), check_(check) {}

  void draw(const Pose& pose) {
    const bool known = set_ && set_->keypoints.size() == pose.keypoints.size();
    const float size = size_of(pose.box);
    if (known) {
      for (const SkeletonLink& link : set_->skeleton) draw_link(pose, link, size);
    }
    const std::vector<float> radii = radii_of(pose, known, size);
    for (std::size_t k = 0; k < pose.keypoints.size(); ++k) {
      draw_point(pose.keypoints[k], known ? set_->keypoints[k].color : kPlain, radii[k]);
    }
  }

  void draw_box(const Box& box, Rgb color) {
    const auto corners = visible(box);
    if (corners.empty()) return;
    cv::rectangle(canvas_, corners, scalar(color), thickness(size_of(box) / 2));
  }

  void draw_label(const Box& box, const std::string& label, Rgb color) {
    if (label.empty()) return;
    const Lettering letters = Lettering::for_image(canvas_.size());
    const cv::Size size = letters.label_size(label);
    const cv::Point corner = visible(box).tl();
    const auto within = [](int from, int length, int limit) {
      return std::max(0, std::min(from, limit - length));
    };
    // Places the label above the box, or inside it at the upper edge of the image.
    letters.draw_label(canvas_, label,
                       {within(corner.x, size.width, canvas_.cols),
                        within(corner.y - size.height, size.height, canvas_.rows)},
                       color);
  }

 private:
  void look() const {
    if (check_) check_();
  }

  // The comparisons are false for NaN.
  bool is_drawn(const Keypoint& point) const {
    return point.score >= drawing_.min_score && point.x > 0 && point.y > 0 &&
           point.x < static_cast<float>(canvas_.cols) && point.y < static_cast<float>(canvas_.rows);
  }

  // The part of a box inside the image; empty for boxes without area.
  cv::Rect visible(const Box& box) const {
    const auto clip = [](float at, int limit) {
      return at > 0 ? cvRound(std::min(at, static_cast<float>(limit))) : 0;
    };
    const cv::Point from(clip(box.x, canvas_.cols), clip(box.y, canvas_.rows));
    const cv::Point to(clip(box.x + box.width, canvas_.cols),
                       clip(box.y + box.height, canvas_.rows));
    return {from.x, from.y, std::max(0, to.x - from.x), std::max(0, to.y - from.y)};
  }

  // A person of 600 pixels gets the original's size 3. A person counts as no larger than the image,
  // whatever the box, and no smaller than a pixel. The bound by the shorter side keeps the lines of
  // a long box from covering all of a narrow image.
  float size_of(const Box& box) const {
    const auto limit = std::min(static_cast<float>(std::max(canvas_.cols, canvas_.rows)) / 100,
                                static_cast<float>(std::min(canvas_.cols, canvas_.rows)) / 64);
    const float size = std::min(std::max(box.width, box.height) / 200, limit);
    return size > 1 ? size : 1.0f;
  }

  int thickness(float size) const {
    const float wanted = drawing_.thickness > 0 ? drawing_.thickness : size;
    return std::clamp(cvRound(wanted), 1, kThickest);
  }

  std::vector<float> radii_of(const Pose& pose, bool known, float size) const {
    const float joint = drawing_.radius > 0 ? drawing_.radius : size;
    std::vector<float> radii(pose.keypoints.size(), joint);
    if (known && !set_->skeleton.empty()) {
      for (float& radius : radii) radius = std::max(kMinRadius, joint * kLoosePoint);
      for (const SkeletonLink& link : set_->skeleton) radii[link.from] = radii[link.to] = joint;
    }
    if (drawing_.radius > 0) return radii;
    for (std::size_t k = 0; k < radii.size(); ++k) {
      const float free = kShareOfGap * distance_to_nearest(pose, k);
      radii[k] = std::min(radii[k], std::max(kMinRadius, free));
    }
    return radii;
  }

  float distance_to_nearest(const Pose& pose, std::size_t k) const {
    const Keypoint& point = pose.keypoints[k];
    float nearest = std::numeric_limits<float>::infinity();
    for (const Keypoint& other : pose.keypoints) {
      if (&other == &point || !is_drawn(other)) continue;
      nearest = std::min(nearest, std::hypot(other.x - point.x, other.y - point.y));
    }
    return nearest;
  }

  void draw_link(const Pose& pose, const SkeletonLink& link, float size) {
    look();
    const Keypoint& from = pose.keypoints[static_cast<std::size_t>(link.from)];
    const Keypoint& to = pose.keypoints[static_cast<std::size_t>(link.to)];
    if (!is_drawn(from) || !is_drawn(to)) return;
    // Links of fingers are short, and lines as thick as those of arms would merge.
    const float length = std::hypot(to.x - from.x, to.y - from.y);
    cv::line(canvas_, fixed_point(from), fixed_point(to), scalar(link.color),
             thickness(std::min(size, kShareOfGap * length)), cv::LINE_AA, kFraction);
  }

  void draw_point(const Keypoint& point, Rgb color, float radius) {
    look();
    if (!is_drawn(point)) return;
    const float drawn = std::clamp(radius - kSmoothEdge, 0.25f, float{kThickest});
    const int fixed_radius = cvRound(drawn * kOne);
    cv::circle(canvas_, fixed_point(point), fixed_radius, scalar(color), cv::FILLED, cv::LINE_AA,
               kFraction);
  }

  cv::Mat canvas_;
  const KeypointSet* set_;
  const PoseDrawing& drawing_;
  const StopCheck& check_;
};

void expect_options(const PoseDrawing& drawing, std::size_t persons) {
  constexpr float kAnyFinite = std::numeric_limits<float>::max();
  expect_option("radius", drawing.radius, kAnyFinite);
  expect_option("thickness", drawing.thickness, kAnyFinite);
  expect_option("alpha", drawing.alpha, 1);
  if (drawing.labels.empty() || drawing.labels.size() == persons) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the number of labels differs from the number of persons",
               .expected = fmt::format("{} labels, or none", persons),
               .actual = fmt::format("{} labels", drawing.labels.size())});
}

// The same label has the same colour in every image of a video.
Rgb color_of(std::span<const std::string> labels, std::size_t person) {
  if (labels.empty()) return kBox;
  // FNV-1a, because std::hash differs between libraries.
  std::uint32_t hash = 2166136261u;
  for (const char letter : labels[person])
    hash = (hash ^ static_cast<std::uint8_t>(letter)) * 16777619u;
  return color_of_hue(hash % 360);
}

}  // namespace

Image draw_pose(const Image& image, std::span<const Pose> poses, const KeypointSet* set,
                const PoseDrawing& drawing, const StopCheck& check) try {
  expect_pixels("the image to draw on", image);
  expect_image_bounds("the image to draw on", image);
  expect_options(drawing, poses.size());
  Image drawn = image;
  PoseDrawer drawer(drawn, set, drawing, check);
  for (std::size_t person = 0; person < poses.size(); ++person) {
    if (drawing.boxes) drawer.draw_box(poses[person].box, color_of(drawing.labels, person));
    drawer.draw(poses[person]);
  }
  // labels are drawn above all persons
  for (std::size_t person = 0; person < drawing.labels.size(); ++person) {
    drawer.draw_label(poses[person].box, drawing.labels[person], color_of(drawing.labels, person));
  }
  if (drawing.alpha < 1) {
    cv::Mat all = as_mat(drawn);
    cv::addWeighted(all, drawing.alpha, as_mat(image), 1 - drawing.alpha, 0, all);
  }
  return drawn;
} catch (...) {
  rethrow_from_opencv();
}

}  // namespace sapiens
