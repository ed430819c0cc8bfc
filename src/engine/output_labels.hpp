#pragma once

#include <string>
#include <vector>

#include "engine/dataset_meta.hpp"
#include "model/config.hpp"
#include "sapiens/labels.hpp"

namespace sapiens {

/// Names and colours of the outputs of a head: those that training stored in the file, otherwise
/// those of the published set with as many keypoints or classes. Owns the data of its sets.
class OutputLabels {
 public:
  OutputLabels(const StateDict& dict, Task task, Index outputs);
  OutputLabels(const OutputLabels&) = delete;
  OutputLabels& operator=(const OutputLabels&) = delete;
  ~OutputLabels() = default;

  /// Null for other tasks, and if names are unknown.
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
