#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <sapiens/image.hpp>
#include <sapiens/results.hpp>
#include <sapiens/tasks.hpp>
#include <vector>

#include "cli/run/jobs.hpp"

namespace sapiens::cli {

/// Seconds that one frame took.
struct FrameSeconds {
  double decode = 0, detect = 0, preprocess = 0, encoder = 0, head = 0, post = 0, write = 0;

  double sum() const { return decode + detect + preprocess + encoder + head + post + write; }
  FrameSeconds& operator+=(const FrameSeconds& more);
};

/// Its place in a video.
struct VideoPlace {
  Index number = 0;    ///< Of the frame, from 0.
  double seconds = 0;  ///< From the start.
};

/// One image, or one frame of a video, on its way through a run, with the results found so far.
struct Frame {
  std::size_t job = 0;  ///< Its place among the jobs.
  Image image = {};
  std::optional<VideoPlace> place = {};
  /// The whole image, once for every size that is needed; gone once everything is computed.
  std::vector<PreparedImage> inputs = {};

  std::optional<std::vector<Box>> boxes = {};  ///< Of persons; none yet where a detector is to run.
  Index boxes_outside = 0;                     ///< Left out: no part of them is in the image.
  bool is_unlisted = false;                    ///< No entry of --boxes is about the image.
  std::vector<Index> ids = {};                 ///< Of persons in a video, one per box.
  std::vector<std::uint8_t> mask = {};         ///< Empty for all pixels.

  std::vector<Pose> poses = {};  ///< One per box.
  Segmentation segmentation = {};
  DepthMap depth = {};
  NormalMap normals = {};

  FrameSeconds seconds = {};
  std::optional<Error> error = {};

  /// The whole image in one size; null where it is not among the inputs.
  const PreparedImage* input_of(Grid size) const;
};

/// What the results of a frame are called, below the output folder: "photo", or "clip/000012".
std::filesystem::path frame_name(const Job& job, const std::optional<VideoPlace>& place);

/// As --json tells them.
Json stages_json(const FrameSeconds& seconds, bool with_detector);

}  // namespace sapiens::cli
