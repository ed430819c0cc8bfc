#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "sapiens/labels.hpp"

namespace sapiens {

/// Reads the description of the data set that training stores in a checkpoint
/// (`meta.dataset_meta`). A value that is missing, has another type or is out of range reads as
/// empty: invalid metadata is no reason to refuse a file.
class DatasetMeta {
 public:
  /// `dict` must outlive this object.
  explicit DatasetMeta(const StateDict& dict) : metadata_(dict.metadata) {}

  bool has(const std::string& key) const { return find(key) != nullptr; }
  /// A name of at most 256 bytes.
  std::optional<std::string> name(const std::string& key) const;
  /// From 0 to `end` - 1.
  std::optional<int> index(const std::string& key, Index end) const;
  std::optional<float> number(const std::string& key) const;
  std::optional<Rgb> color(const std::string& key) const;

  /// The names of all `count` keypoints or classes. Empty if the file has none, another number of
  /// names, or duplicates.
  std::vector<std::string> keypoint_names(Index count) const;
  std::vector<std::string> class_names(Index count) const;

 private:
  const std::string* find(const std::string& key) const;
  std::vector<std::string> names_of_ids(const std::string& list, Index count) const;
  std::vector<std::string> ids_of_names(const std::string& list, Index count) const;

  const std::map<std::string, std::string>& metadata_;
};

}  // namespace sapiens
