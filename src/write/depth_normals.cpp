#include "write/depth_normals.hpp"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "write/normal_color.hpp"

namespace sapiens {
namespace {

constexpr int kWindow = 7;
constexpr int kStrip = 32;  // rows at a time, so that their slopes stay in cache

}  // namespace

// The original sets pixels outside the mask to infinity, which spreads through the sums as NaN.
// Eroding the mask by the window gives the same pixels. OpenCV reads the rows above and below a
// strip from the whole matrix.
void paint_depth_normals(Panels& panels, Index panel, const NearnessMap& map) {
  const cv::Mat window = cv::Mat::ones(kWindow, kWindow, CV_8U);
  cv::Mat across, down, inside;
  for (int begin = 0; begin < map.values.rows; begin += kStrip) {
    const int end = std::min(begin + kStrip, map.values.rows);
    const cv::Mat strip = map.values.rowRange(begin, end);
    cv::Sobel(strip, across, CV_32F, 1, 0, kWindow);
    cv::Sobel(strip, down, CV_32F, 0, 1, kWindow);
    cv::erode(map.known.rowRange(begin, end), inside, window);
    for (int y = begin; y < end; ++y) {
      const auto* gx = across.ptr<float>(y - begin);
      const auto* gy = down.ptr<float>(y - begin);
      const auto* known = inside.ptr<std::uint8_t>(y - begin);
      panels.paint_row(panel, y, [&](Index, Index x) {
        if (!known[x]) return Rgb{};
        const float length = std::sqrt(gx[x] * gx[x] + gy[x] * gy[x] + 1) + 1e-5f;
        return normal_color(-gx[x] / length, -gy[x] / length, -1 / length);
      });
    }
  }
}

}  // namespace sapiens
