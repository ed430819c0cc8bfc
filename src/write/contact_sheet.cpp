#include <fmt/format.h>

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <utility>

#include "image/pixels.hpp"
#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "write/lettering.hpp"

namespace sapiens {
namespace {

constexpr Index kMinRowHeight = 16, kMaxRowHeight = 4096;
constexpr Index kMaxAspect = 32, kMaxRows = 10'000;
constexpr Index kMaxPixels = Index{1} << 28;
constexpr double kGapShare = 1.0 / 32;    // share of the height of a row, around every image
constexpr double kTitleShare = 1.0 / 18;  // share of the height of a row: a capital letter
constexpr double kMinTitle = 8;           // pixels
constexpr Rgb kInk = {32, 32, 32};

Error wrong(const char* summary, std::string expected, std::string actual) {
  return Error(ErrorCode::InvalidArgument,
               {.summary = summary, .expected = std::move(expected), .actual = std::move(actual)});
}

Error too_large(std::string actual) {
  return Error(ErrorCode::OutOfResources, {.summary = "the sheet is too large to draw",
                                           .expected = fmt::format("{} pixels", kMaxPixels),
                                           .actual = std::move(actual),
                                           .hint = "use fewer or lower rows"});
}

Index scaled_width(const Image& image, Index height) {
  return std::max(Index{1}, (image.width * height + image.height / 2) / image.height);
}

Image scaled_to_height(const Image& image, Index height) {
  Image scaled = make_image(height, scaled_width(image, height));
  cv::Mat to = as_mat(scaled);
  const bool smaller = height < image.height;
  cv::resize(as_mat(image), to, to.size(), 0, 0, smaller ? cv::INTER_AREA : cv::INTER_CUBIC);
  return scaled;
}

Lettering title_lettering(Index row_height) {
  return Lettering(std::max(kMinTitle, static_cast<double>(row_height) * kTitleShare));
}

}  // namespace

ContactSheet::ContactSheet(std::vector<std::string> titles, Index row_height)
    : titles_(std::move(titles)), row_height_(row_height) {
  if (titles_.empty()) throw wrong("a sheet without columns", "a title for each column", "none");
  if (row_height < kMinRowHeight || row_height > kMaxRowHeight) {
    throw wrong("the height of a row is out of range",
                fmt::format("{} to {} pixels", kMinRowHeight, kMaxRowHeight),
                fmt::format("{}", row_height));
  }
}

void ContactSheet::set(Index row, Index column, const Image& image) try {
  expect_pixels("the image for a sheet", image);
  if (row < 0 || row >= kMaxRows || column < 0 || column >= std::ssize(titles_)) {
    throw wrong("a sheet has no such place",
                fmt::format("a row below {}, a column below {}", kMaxRows, titles_.size()),
                fmt::format("row {}, column {}", row, column));
  }
  if (image.width / image.height >= kMaxAspect) {
    throw wrong("the image is too wide for a sheet",
                fmt::format("less than {} times its height", kMaxAspect),
                fmt::format("{}x{}", image.width, image.height));
  }
  const auto place = static_cast<std::size_t>(row);
  if (rows_.size() <= place) rows_.resize(place + 1, std::vector<Image>(titles_.size()));
  Image& cell = rows_[place][static_cast<std::size_t>(column)];
  const Index pixels = pixels_ + (scaled_width(image, row_height_) - cell.width) * row_height_;
  if (pixels > kMaxPixels) throw too_large("more");
  cell = scaled_to_height(image, row_height_);
  pixels_ = pixels;
} catch (...) {
  rethrow_from_opencv();
}

Image ContactSheet::draw() const try {
  const Lettering lettering = title_lettering(row_height_);
  const auto gap = static_cast<Index>(static_cast<double>(row_height_) * kGapShare) + 1;
  std::vector<Index> widths;
  Index width = gap;
  for (std::size_t c = 0; c < titles_.size(); ++c) {
    Index widest = lettering.text_width(titles_[c]);
    for (const std::vector<Image>& row : rows_) widest = std::max(widest, row[c].width);
    widths.push_back(widest);
    width += widest + gap;
  }
  const Index top = lettering.line_height() + gap;
  const Index height = top + std::ssize(rows_) * (row_height_ + gap);
  if (height > kMaxPixels / width) throw too_large(fmt::format("{}x{}", width, height));

  Image sheet = make_image(height, width);
  cv::Mat canvas = as_mat(sheet);
  canvas.setTo(cv::Scalar::all(255));
  Index left = gap;
  for (std::size_t c = 0; c < titles_.size(); left += widths[c++] + gap) {
    const cv::Point at(static_cast<int>(left), static_cast<int>(top - gap));
    lettering.draw(canvas, titles_[c], at, kInk);
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      const Image& cell = rows_[r][c];
      if (cell.width == 0) continue;
      const Index y = top + static_cast<Index>(r) * (row_height_ + gap);
      const cv::Rect place(static_cast<int>(left), static_cast<int>(y),
                           static_cast<int>(cell.width), static_cast<int>(cell.height));
      as_mat(cell).copyTo(canvas(place));
    }
  }
  return sheet;
} catch (...) {
  rethrow_from_opencv();
}

}  // namespace sapiens
