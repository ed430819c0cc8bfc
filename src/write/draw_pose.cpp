#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "image/pixels.hpp"
#include "sapiens/draw.hpp"

namespace sapiens {
namespace {

constexpr Rgb kPlain = {51, 153, 255};  // of the points of a set nobody has described

// OpenCV takes coordinates with this many binary digits behind the point.
constexpr int kFraction = 4;

cv::Point fixed_point(const Keypoint& point) {
  constexpr float kOne = 1 << kFraction;
  return {cvRound(point.x * kOne), cvRound(point.y * kOne)};
}

cv::Scalar scalar(Rgb color) { return cv::Scalar(color.red, color.green, color.blue); }

class PoseDrawer {
 public:
  PoseDrawer(Image& picture, const KeypointSet* set, float least_score)
      : canvas_(as_mat(picture)), set_(set), least_score_(least_score) {}

  void draw(const Pose& pose) {
    const bool known = set_ && set_->keypoints.size() == pose.keypoints.size();
    // A person of 600 pixels gets the original's 3. Where points are many they lie close.
    const float size = std::max(pose.box.width, pose.box.height) / 200;
    const float radius = pose.keypoints.size() > 100 ? size / 2 : size;
    if (known) {
      for (const SkeletonLink& link : set_->skeleton) draw_link(pose, link, size);
    }
    for (std::size_t k = 0; k < pose.keypoints.size(); ++k) {
      draw_point(pose.keypoints[k], known ? set_->keypoints[k].color : kPlain, radius);
    }
  }

 private:
  // Also false for NaN.
  bool is_drawn(const Keypoint& point) const {
    return point.score >= least_score_ && point.x > 0 && point.y > 0 &&
           point.x < static_cast<float>(canvas_.cols) && point.y < static_cast<float>(canvas_.rows);
  }

  // No person is larger than the picture, whatever a box says.
  int pixels(float size) const {
    const auto most = static_cast<float>(std::max(canvas_.cols, canvas_.rows)) / 100;
    return std::max(1, cvRound(std::min(size, most)));
  }

  void draw_link(const Pose& pose, const SkeletonLink& link, float size) {
    const Keypoint& from = pose.keypoints[static_cast<std::size_t>(link.from)];
    const Keypoint& to = pose.keypoints[static_cast<std::size_t>(link.to)];
    if (!is_drawn(from) || !is_drawn(to)) return;
    cv::line(canvas_, fixed_point(from), fixed_point(to), scalar(link.color), pixels(size),
             cv::LINE_AA, kFraction);
  }

  void draw_point(const Keypoint& point, Rgb color, float radius) {
    if (!is_drawn(point)) return;
    cv::circle(canvas_, fixed_point(point), pixels(radius) << kFraction, scalar(color), cv::FILLED,
               cv::LINE_AA, kFraction);
  }

  cv::Mat canvas_;
  const KeypointSet* set_;
  float least_score_;
};

}  // namespace

Image draw_pose(const Image& picture, std::span<const Pose> poses, const KeypointSet* set,
                const PoseDrawing& drawing) {
  expect_pixels("the picture to draw on", picture);
  Image drawn = picture;
  PoseDrawer drawer(drawn, set, drawing.least_score);
  for (const Pose& pose : poses) drawer.draw(pose);
  return drawn;
}

}  // namespace sapiens
