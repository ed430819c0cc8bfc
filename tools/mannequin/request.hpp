#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "sample.hpp"

namespace mannequin {

/// The options of a run.
struct Request {
  std::filesystem::path output;
  std::int64_t first = 0, count = 1;
  std::uint64_t seed = 0;
  int width = 192, height = 256;
  View view = View::Any;
  int threads = 0;  ///< 0 means one per CPU.
};

/// Called after some samples are done, on the caller's thread.
using Progress = std::function<void(std::int64_t done)>;

/// Renders on several threads and passes the samples on in order, a few at a time.
void for_each_sample(const Request& request, const Progress& progress,
                     const std::function<void(std::int64_t index, const Sample&)>& take);

// The output layouts; all functions throw `sapiens::Error`.

/// Writes images, class PNGs, depths and normals by number, and annotations.json.
void write_files(const Request& request, const Progress& progress);

/// Writes one array per kind of data, with the samples along the first axis.
void write_arrays(const Request& request, const Progress& progress);

/// Writes one PNG, DIR/sheet.png: every image with its keypoints, labels, depth and normals.
void write_sheet(const Request& request, const Progress& progress);

}  // namespace mannequin
