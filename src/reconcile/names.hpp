#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "reconcile/rules.hpp"

namespace sapiens {

/// Finds the tensors of a file by their paths without the components that wrappers insert.
class NameIndex {
 public:
  explicit NameIndex(const StateDict& dict);
  NameIndex(NameIndex&&) noexcept = default;
  NameIndex& operator=(NameIndex&&) noexcept = default;
  NameIndex(const NameIndex&) = delete;  // by_path_ looks into plain_paths_
  NameIndex& operator=(const NameIndex&) = delete;
  ~NameIndex() = default;

  /// The tensor at `plain_path`, as an index into StateDict::tensors; where there is none, the one
  /// that the file says has this name too.
  std::optional<std::size_t> find(std::string_view plain_path) const;
  /// Whether `find` follows such a second name.
  bool is_alias(std::string_view plain_path) const;

  std::size_t size() const noexcept { return plain_paths_.size(); }
  const std::string& plain_path(std::size_t tensor) const { return plain_paths_[tensor]; }
  const std::unordered_map<std::string, std::size_t>& aliases() const noexcept { return aliases_; }

 private:
  std::vector<std::string> plain_paths_;
  std::unordered_map<std::string_view, std::size_t> by_path_;  // views into plain_paths_
  std::unordered_map<std::string, std::size_t> aliases_;       // none of them is in by_path_
};

/// An encoder found in a file: the path in front of its names, and the scheme they follow.
struct EncoderNames {
  std::string root;  ///< "", "backbone.", "state_dict.module.backbone."
  const NameScheme* scheme = nullptr;

  /// The path in front of "backbone.", "neck." and "head.": `root` without a final "backbone.".
  std::string_view parent() const noexcept;
  bool has_backbone_prefix() const noexcept;
  /// Lower is better when one file holds several complete encoders.
  int rank() const noexcept;
};

/// Every place of the file where an encoder, or another model's "backbone.", may start, judged by a
/// few unmistakable names.
std::vector<EncoderNames> find_encoders(const NameIndex& index,
                                        std::span<const NameScheme> schemes = name_schemes());

/// The plain paths in the file that together hold canonical parameter `key`: one, or three for a
/// split qkv.
std::vector<std::string> file_paths(const EncoderNames& names, std::string_view key);

/// The path components of `path`, split at dots.
std::vector<std::string_view> path_components(std::string_view path);

}  // namespace sapiens
