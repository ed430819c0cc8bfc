#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "sapiens/labels.hpp"

namespace sapiens {

/// What training wrote into a checkpoint about its data set (`meta.dataset_meta`). A value that is
/// missing, of another kind or out of range is nothing: no file is refused for its notes.
class DatasetMeta {
 public:
  /// Borrows `dict`.
  explicit DatasetMeta(const StateDict& dict) : metadata_(dict.metadata) {}

  bool has(const std::string& key) const { return find(key) != nullptr; }
  /// A name of at most 256 bytes.
  std::optional<std::string> name(const std::string& key) const;
  /// From 0 to `end` - 1.
  std::optional<int> index(const std::string& key, Index end) const;
  std::optional<float> number(const std::string& key) const;
  std::optional<Rgb> color(const std::string& key) const;

  /// The names of all `count` keypoints or classes, each of them once; empty where the file has
  /// none, or as many as another head would need.
  std::vector<std::string> keypoint_names(Index count) const;
  std::vector<std::string> class_names(Index count) const;

 private:
  const std::string* find(const std::string& key) const;
  std::vector<std::string> names_of_ids(const std::string& list, Index count) const;
  std::vector<std::string> ids_of_names(const std::string& list, Index count) const;

  const std::map<std::string, std::string>& metadata_;
};

}  // namespace sapiens
