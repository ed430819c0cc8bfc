#include "frame.hpp"

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
