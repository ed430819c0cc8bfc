#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "reconcile/alterations.hpp"
#include "reconcile/rules.hpp"

namespace sapiens {

/// Finds the tensors of a file by their paths without the components that wrappers insert. Where
/// two tensors with different numbers would get one name, the wrappers' components stay.
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

  /// Whether another tensor, with other numbers, has the same path as `tensor`.
  bool is_ambiguous(std::size_t tensor) const { return ambiguous_[tensor]; }
  /// Two paths that would be one without their wrappers; empty where there are none.
  const std::string& collision() const noexcept { return collision_; }

  const Alterations& alterations() const noexcept { return alterations_; }

  std::size_t size() const noexcept { return plain_paths_.size(); }
  const std::string& plain_path(std::size_t tensor) const { return plain_paths_[tensor]; }
  const std::unordered_map<std::string, std::size_t>& aliases() const noexcept { return aliases_; }

 private:
  // False where tensors with different numbers share a name.
  bool fill(const StateDict& dict);

  std::vector<std::string> plain_paths_;
  std::unordered_map<std::string_view, std::size_t> by_path_;  // views into plain_paths_
  std::unordered_map<std::string, std::size_t> aliases_;       // none of them is in by_path_
  std::vector<bool> ambiguous_;
  std::string collision_;
  Alterations alterations_;
};

/// A path as a user of torch.load sees it, inside the dictionary "state_dict" if it is in there.
std::string shown_key(std::string_view path);

/// `path` without the components that wrappers insert.
std::string without_wrappers(std::string_view path);

/// True if two readable tensors have the same bytes of the file, type, shape and strides.
bool same_values(const TensorEntry& a, const TensorEntry& b) noexcept;

/// A model of the file that is not used.
struct OtherNames {
  std::string path;     ///< In front of its tensors; empty where these have no prefix.
  std::string because;  ///< Why it is not used, as the report states for its tensors.
  std::vector<std::size_t> tensors = {};  ///< Its parameters, in ascending order.

  /// Whether the tensor at `tensor_path` is of this model, from where `parent` is that of another.
  bool owns(std::size_t tensor, std::string_view tensor_path, std::string_view parent) const;
};

/// An encoder found in a file: the path in front of its names, and the scheme they follow.
struct EncoderNames {
  std::string root;  ///< "", "backbone.", "state_dict.module.backbone."
  const NameScheme* scheme = nullptr;
  std::string chosen = {};  ///< Why this one, of several places; empty where it is the only one.
  std::vector<OtherNames> others = {};

  /// The path in front of "backbone.", "neck." and "head.": `root` without a final "backbone.".
  std::string_view parent() const noexcept;
  bool has_backbone_prefix() const noexcept;
  Role role() const;
  /// The components of `root` that no rule describes, joined with dots.
  std::string undescribed() const;
};

/// Every place of the file where an encoder, or another model's "backbone.", may start, judged by a
/// few unmistakable names; those with more of them first. Does not depend on the order of tensors.
std::vector<EncoderNames> find_encoders(const NameIndex& index,
                                        std::span<const NameScheme> schemes = name_schemes());

/// The plain paths in the file that together hold canonical parameter `key`: one, or three for a
/// split qkv.
std::vector<std::string> file_paths(const EncoderNames& names, std::string_view key);

/// The path components of `path`, split at dots.
std::vector<std::string_view> path_components(std::string_view path);

}  // namespace sapiens
