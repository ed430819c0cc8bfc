#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "sample.hpp"

namespace mannequin {

/// What to make.
struct Request {
  std::filesystem::path output;
  std::int64_t first = 0, count = 1;
  std::uint64_t seed = 0;
  int width = 192, height = 256;
  View view = View::Any;
  int threads = 0;  ///< 0: one per CPU.
};

/// Called after some samples are done, on the caller's thread.
using Progress = std::function<void(std::int64_t done)>;

/// Renders on several threads and hands the samples over in their order, a few at a time.
void for_each_sample(const Request& request, const Progress& progress,
                     const std::function<void(std::int64_t index, const Sample&)>& take);

// The layouts. All throw `sapiens::Error`.

/// Images, class PNGs, depths and normals by number, and annotations.json.
void write_files(const Request& request, const Progress& progress);

/// One array per kind of data, the samples along the first axis.
void write_arrays(const Request& request, const Progress& progress);

/// One PNG, DIR/sheet.png: every image with its keypoints, labels, depth and normals.
void write_sheet(const Request& request, const Progress& progress);

}  // namespace mannequin
