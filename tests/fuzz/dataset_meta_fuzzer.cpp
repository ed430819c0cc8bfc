// A text as what a checkpoint says about its data set, one `key value` a line behind the number of
// outputs: names, colours, mirror partners and links of keypoints, and names of classes.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "engine/nested_meta.hpp"
#include "engine/output_labels.hpp"
#include "fuzz/support/check.hpp"
#include "fuzz/support/entry_points.hpp"
#include "fuzz/support/lines.hpp"

SAPIENS_FUZZ_MUTATOR(mutate_lines)

namespace {

using namespace sapiens;
using fuzz::check;

void check_keypoints(const OutputLabels& labels, Index outputs) {
  if (!labels.keypoints()) return;
  check(std::ssize(labels.keypoints()->keypoints) == outputs);
  check(std::ssize(labels.names()) == outputs);
  for (const KeypointInfo& point : labels.keypoints()->keypoints) {
    check(point.mirror >= 0 && point.mirror < outputs);
  }
  for (const SkeletonLink& link : labels.keypoints()->skeleton) {
    check(link.from >= 0 && link.from < outputs && link.to >= 0 && link.to < outputs);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Index outputs = data[0];
  StateDict dict;
  std::map<std::string, std::string> notes;
  for (const std::string& line : fuzz::take_lines_apart(fuzz::text_of(data + 1, size - 1))) {
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string value = line.substr(std::min(space + 1, line.size()));
    dict.metadata.emplace("meta.dataset_meta." + line.substr(0, space), value);
    notes.emplace("dataset_meta." + line.substr(0, space), value);
  }
  check_keypoints(OutputLabels(dict, Task::Pose, outputs), outputs);
  const OutputLabels classes(dict, Task::Seg, outputs);
  if (classes.classes()) check(std::ssize(classes.names()) == std::max<Index>(outputs, 2));
  nested_meta(notes);
  return 0;
}
