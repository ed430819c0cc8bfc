#pragma once

#include <optional>
#include <span>
#include <vector>

#include "cli/input/person_boxes.hpp"
#include "cli/run/frame.hpp"
#include "cli/run/task_context.hpp"

namespace sapiens::cli {

/// Fills in what can be known of a frame before anything is computed: boxes from the command line,
/// the mask of a folder, the input of the networks.
void prepare_frame(const TaskContext& context, const Job& job, Frame& frame);

/// Reads images and prepares them, --batch at a time. What cannot be read becomes a frame with an
/// error.
class ImageReader {
 public:
  ImageReader(const TaskContext& context, std::span<const Job> jobs)
      : context_(context), jobs_(jobs) {}

  std::optional<std::vector<Frame>> next(const std::function<bool()>& is_cancelled);

 private:
  Frame read(std::size_t job) const;

  const TaskContext& context_;
  std::span<const Job> jobs_;
  std::size_t next_job_ = 0;
};

}  // namespace sapiens::cli
