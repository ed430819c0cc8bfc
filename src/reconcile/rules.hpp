#pragma once

#include <span>
#include <string_view>

#include "reconcile/family.hpp"
#include "reconcile/reasons.hpp"

namespace sapiens {

// Every decision about names, as data. Add a rule together with a fixture that shows a file needing
// it.

/// A path component that a wrapper inserts anywhere in a name; it means nothing for the weights.
struct WrapperRule {
  std::string_view component;
  std::string_view because;
};
std::span<const WrapperRule> wrapper_rules() noexcept;

/// The role of a model in a file, implied by its place.
enum class Role {
  Plain,    ///< No special role.
  Teacher,  ///< Teacher of self-distillation.
  Student,
  Average,  ///< A second set, of a trainer that averages weights.
};

/// A path component in front of the encoder's own names.
struct PrefixRule {
  std::string_view component;
  std::string_view because;  ///< Empty: the original's own layout, no rule needed.
  Role role;
};
/// The rule for `component`, or null if there is none.
const PrefixRule* find_prefix_rule(std::string_view component) noexcept;

/// Whether `component` names what an optimizer keeps for each parameter under the parameter's own
/// name: of the same shapes, but no weights.
bool is_optimizer_state(std::string_view component) noexcept;

/// Of two models in one file that differ in nothing but their roles, the one with role `taken`.
struct RoleRule {
  Role taken;
  Role left;
  std::string_view because;
};
/// The rule that prefers `taken` to `left`, or null.
const RoleRule* find_role_rule(Role taken, Role left) noexcept;

/// Tensors that change a parameter when the network runs. Computing with the parameter as it is
/// stored, if it is, would give something else.
struct AlterationRule {
  enum class Place {
    Child,      ///< A path component that starts so, below the module: "qkv.lora_A.weight".
    Suffix,     ///< The end of the parameter's own name: "qkv.weight_g".
    Parameter,  ///< A component between module and parameter: "qkv.parametrizations.weight".
  };
  Place place;
  std::string_view mark;
  std::string_view meaning;
  std::string_view remedy;
  bool adapter;  ///< May be stored in a dictionary of its own, beside the weights that it changes.
};
/// If several rules apply, the first one is used.
std::span<const AlterationRule> alteration_rules() noexcept;
/// For a parameter that is stored as integers without such tensors.
const AlterationRule& integer_weights() noexcept;
/// For a parameter whose name several tensors have.
const AlterationRule& shared_name() noexcept;

/// What one module of the encoder is called in another naming scheme, or one parameter: where
/// `canonical` ends in ".weight", `file` is the complete name. `{}` stands for the block's number.
struct ModuleName {
  std::string_view canonical;
  std::string_view file;
};

/// Why a tensor that the model does not use is harmless (or not).
struct LeftoverRule {
  enum class Match { Prefix, Suffix, Anywhere };
  Match match;
  std::string_view
      pattern;  ///< Against the path without wrappers, relative to the encoder's parent.
  LeftoverKind kind;
};

/// A part of other vision transformers that a family does not have. A file with such a tensor in
/// the encoder is another model, even if all else matches: without this part the results would be
/// wrong.
struct ForeignPart {
  enum class Place {
    Anywhere,  ///< In any name of the encoder.
    Block,     ///< In a name of a block.
    Front,     ///< At the start of a name.
    Complete,  ///< As the complete name.
  };
  enum class Origin {
    AnotherNetwork,
    OtherFamily,  ///< The other family of Sapiens has it.
    OtherLayout,  ///< The same family has it, under the names of another scheme.
  };
  std::string_view part;
  std::string_view meaning;
  Place place = Place::Anywhere;
  Origin origin = Origin::AnotherNetwork;
};

/// How a family of programs names the parameters of the same encoder.
struct NameScheme {
  Family family;             ///< The networks whose parameters it names.
  std::string_view name;     ///< "sapiens", "timm", "Hugging Face"
  std::string_view because;  ///< Empty for the original's own names.
  /// Why "backbone." in front of the names means nothing; empty where it is a part of them.
  std::string_view backbone_because = {};
  /// Empty where parameters are called as the model calls them, whatever their names.
  std::span<const ModuleName> modules;
  /// The three modules whose rows, joined in this order, are `attn.qkv`; empty where qkv is stored
  /// as one.
  std::span<const std::string_view> split_qkv;
  std::string_view block;  ///< What a block's number follows: "layers."; empty without blocks.
  /// Canonical names that only this model has. Several, so that a file that lost one is still
  /// recognised.
  std::span<const std::string_view> anchors;
  std::span<const LeftoverRule> leftovers;
  /// For tensors of the encoder itself that are no foreign parts.
  std::span<const LeftoverRule> harmless = {};
  std::span<const ForeignPart> foreign = {};
  LeftoverKind unknown_key;  ///< Reason for a tensor without a rule.
};
/// Names of the encoders of both families.
std::span<const NameScheme> name_schemes() noexcept;
/// The names of the encoders of `family` that timm has for them.
const NameScheme& timm_scheme(Family family) noexcept;
/// Names of an RTMDet detector.
std::span<const NameScheme> detector_schemes() noexcept;
/// What training leaves in any file, behind the leftovers of its scheme.
std::span<const LeftoverRule> training_leftovers() noexcept;

}  // namespace sapiens
