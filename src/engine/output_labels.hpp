#pragma once

#include <string>
#include <vector>

#include "engine/dataset_meta.hpp"
#include "model/config.hpp"
#include "sapiens/labels.hpp"

namespace sapiens {

/// What the outputs of a head are called and how they are drawn: as training wrote it into the
/// file, else as the published set of that many keypoints or classes says. Owns what its sets
/// refer to.
class OutputLabels {
 public:
  OutputLabels(const StateDict& dict, Task task, Index outputs);
  OutputLabels(const OutputLabels&) = delete;
  OutputLabels& operator=(const OutputLabels&) = delete;
  ~OutputLabels() = default;

  /// Null for other tasks, and where nobody has named them.
  const KeypointSet* keypoints() const noexcept { return keypoints_; }
  const SegClassSet* classes() const noexcept { return classes_; }
  /// In the order of the outputs; empty where the sets are null.
  std::vector<std::string> names() const;

 private:
  void read_keypoints(const StateDict& dict, Index count);
  void read_point(const DatasetMeta& meta, int id);
  void read_skeleton(const DatasetMeta& meta);
  void read_classes(const StateDict& dict, Index count);

  std::string dataset_;
  std::vector<std::string> names_;
  std::vector<KeypointInfo> points_;
  std::vector<SkeletonLink> links_;
  std::vector<SegClass> seg_classes_;
  KeypointSet own_keypoints_;
  SegClassSet own_classes_;
  const KeypointSet* keypoints_ = nullptr;
  const SegClassSet* classes_ = nullptr;
};

}  // namespace sapiens
