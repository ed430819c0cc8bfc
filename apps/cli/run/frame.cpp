#include "cli/run/frame.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sapiens::cli {

FrameSeconds& FrameSeconds::operator+=(const FrameSeconds& more) {
  decode += more.decode;
  detect += more.detect;
  preprocess += more.preprocess;
  encoder += more.encoder;
  head += more.head;
  post += more.post;
  write += more.write;
  return *this;
}

const PreparedImage* Frame::input_of(Grid size) const {
  const std::vector<Index> shape = {3, size.height, size.width};
  const auto found = std::find_if(inputs.begin(), inputs.end(), [&](const PreparedImage& input) {
    return input.pixels.shape == shape;
  });
  return found == inputs.end() ? nullptr : &*found;
}

std::filesystem::path frame_name(const Job& job, const std::optional<VideoPlace>& place) {
  return place ? job.name / fmt::format("{:06}", place->number) : job.name;
}

Json stages_json(const FrameSeconds& seconds, bool with_detector) {
  Json stages = {{"decode", seconds.decode}};
  if (with_detector) stages["detect"] = seconds.detect;
  stages.update({{"preprocess", seconds.preprocess},
                 {"encoder", seconds.encoder},
                 {"head", seconds.head},
                 {"post", seconds.post},
                 {"write", seconds.write}});
  return stages;
}

}  // namespace sapiens::cli
