#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sapiens/option_names.hpp"
#include "sapiens/task.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// How the tensors of a checkpoint match the parameters of a model.
enum class Verdict {
  Exact,       ///< All parameters match under the names of the model.
  Equivalent,  ///< All parameters match after lossless rules (renaming, joining, widening).
  Adapted,     ///< All parameters match; some are changed numerically (resized `pos_embed`).
  Incomplete,  ///< Parameters are missing or do not match; computing is refused.
  Foreign,     ///< Not a Sapiens model.
  Ambiguous,   ///< Several models; `ModelOptions::prefix` must select one.
};

/// The name in reports: "exact", "equivalent", "adapted", "incomplete", "foreign", "ambiguous".
std::string_view verdict_name(Verdict verdict) noexcept;

/// True for the verdicts that allow computing: Exact, Equivalent and Adapted.
constexpr bool is_usable(Verdict verdict) noexcept {
  return verdict == Verdict::Exact || verdict == Verdict::Equivalent || verdict == Verdict::Adapted;
}

/// A height and a width: of a grid in patches or, for input sizes, in pixels.
struct Grid {
  Index height = 0;  ///< Rows.
  Index width = 0;   ///< Columns.

  /// height * width.
  constexpr Index patches() const noexcept { return height * width; }
  friend constexpr bool operator==(const Grid&, const Grid&) = default;
};

/// A parameter that the file does not have.
struct MissingParameter {
  std::string key = {};           ///< In the naming scheme of the file.
  std::vector<Index> shape = {};  ///< Shape in the model.
};

/// A parameter whose tensor has another shape, or a type that cannot be read.
struct MismatchedParameter {
  std::string key = {};              ///< Key in the file.
  std::vector<Index> expected = {};  ///< Shape in the model.
  std::vector<Index> found = {};     ///< Shape in the file.
  std::string reason = {};           ///< Why the tensor was not adapted.
  /// The type in the file if it cannot be read ("float8_e4m3fn", "sparse"), otherwise empty.
  std::string type = {};
};

/// A parameter that other tensors of the file modify at run time, which this library does not
/// support: an adapter that was not merged, a quantised weight.
struct AlteredParameter {
  std::string key = {};     ///< Key in the file.
  std::string by = {};      ///< Key of one of the tensors that modify it.
  std::string reason = {};  ///< E.g. "a LoRA adapter that was not merged".
};

/// One of the models in a file.
struct FoundModel {
  std::string prefix =
      {};  ///< Value for `ModelOptions::prefix`: "encoder_q"; "." at the top level.
  std::string family = {};  ///< "sapiens" or "sapiens2" for an encoder, "rtmdet" for a detector.
  Verdict verdict = Verdict::Foreign;  ///< Verdict on this encoder or detector.
  Index required = 0;                  ///< Parameters of the encoder or detector.
  Index bound = 0;                     ///< Parameters that match a tensor.
  Index width = 0;                     ///< 0 if it is unknown.
  Index depth = 0;                     ///< Number of blocks of an encoder.
  bool taken = false;                  ///< True for the model that is used.
  std::string reason = {};             ///< Why it is used or not; empty for a single model.
};

/// Tensors of the file that the model does not use for the same reason.
struct UnusedTensors {
  std::string reason = {};             ///< Why they are not used.
  std::vector<std::string> keys = {};  ///< Keys in the file.
};

/// A change that is applied to names or values of a file.
enum class RuleKind {
  AddBackbone,        ///< Add the prefix "backbone.".
  RemovePrefix,       ///< Remove a leading component; `AppliedRule::name`: "module".
  RemoveWrapper,      ///< Remove a component anywhere in a name: "_orig_mod".
  RenameFrom,         ///< Translate names of another scheme: "timm".
  FollowSharedName,   ///< Use one tensor that is stored under several names.
  JoinQkv,            ///< Join query, key and value, which are stored separately.
  DropClassPosition,  ///< Drop the position of the class token.
  ResizePositions,    ///< Resize `pos_embed`: "64x64 to 64x48".
  Widen,              ///< Convert a type without loss: "f16".
  Round,              ///< Convert a type with rounding: "f64".
};

/// A rule that was applied to one or more parameters.
struct AppliedRule {
  RuleKind kind = RuleKind::AddBackbone;  ///< Kind of change.
  std::string name = {};                  ///< Parameter of the rule, as described at RuleKind.
  std::string rule = {};                  ///< As text: "add prefix backbone."
  std::string reason = {};                ///< Why the rule is correct.
  Index count = 0;                        ///< Parameters that needed the rule.
};

/// How the tensors of one file match one model.
struct Report {
  Verdict verdict = Verdict::Foreign;                ///< Summary of the report.
  Index required = 0;                                ///< Parameters (tensors) of the model.
  Index bound = 0;                                   ///< Parameters that match a tensor.
  std::vector<MissingParameter> missing = {};        ///< Parameters without a tensor.
  std::vector<MismatchedParameter> mismatched = {};  ///< Parameters with an unsuitable tensor.
  std::vector<UnusedTensors> unused = {};            ///< Tensors without a parameter, by reason.
  std::vector<AppliedRule> rules = {};               ///< Changes to names and values.
  std::string explanation = {};                      ///< Most likely explanation, one sentence.
  std::string hint = {};                             ///< What to do next; may be empty.
  std::vector<std::string> notes = {};               ///< Further facts, one sentence each.
  std::vector<AlteredParameter> altered = {};        ///< Parameters that other tensors modify.
  /// All models of the file, ordered by prefix.
  std::vector<FoundModel> candidates = {};
};

/// The model as recognised from the tensors.
struct ModelInfo {
  std::string family = {};        ///< "sapiens", "sapiens2", "rtmdet" for a person detector, or
                                  ///< "foreign".
  std::string arch = {};          ///< "0.3b", "0.6b", "1b", "2b"; of Sapiens2 "0.1b", "0.4b",
                                  ///< "0.8b", "1b", "5b"; "rtmdet-m"; or "custom" for an
                                  ///< unpublished size.
  std::optional<Task> task = {};  ///< Empty for a person detector and if there is no model.
  Index width = 0;                ///< Embedding dimensions; channels of a detector's head.
  Index depth = 0;                ///< Number of blocks.
  Index heads = 0;                ///< Attention heads; 0 if unknown, as weights do not imply it.
  Index kv_heads = 0;             ///< Heads of keys and values in the block that has the fewest;
                                  ///< fewer than `heads` in Sapiens2 only.
  Index mlp_width = 0;            ///< Hidden width of the MLP of a block.
  bool cls_token = false;         ///< True if the encoder has a class token.
  Index registers = 0;            ///< Registers behind the class token (Sapiens2).
  Grid grid = {};                 ///< Grid of `pos_embed`, as the model uses it, in patches; of
                                  ///< Sapiens2, which has none, that of the usual input.
  Index patch_padding = 0;        ///< Padding of the patch embedding in pixels: 0, or 2 for the
                                  ///< configurations of pose, normal, lip and cihp.
  Index outputs = 0;              ///< Keypoints or classes of the task head; 0 without a head.
  Index parameters = 0;           ///< Scalar values in all parameters of the encoder.
};

/// The task of a model as one word: `task_name` of its task, "detect" for a person detector, empty
/// if there is no model.
std::string_view task_text(const ModelInfo& model) noexcept;

/// Whether a file is suitable for one use.
struct UseVerdict {
  Use use = Use::Features;             ///< Detect only for a person detector.
  Verdict verdict = Verdict::Foreign;  ///< Verdict on the parameters of this use.
  Index required = 0;                  ///< Parameters that this use needs.
  Index bound = 0;                     ///< Parameters that match a tensor.
  std::string reason = {};             ///< Why, as a sentence.
};

/// The verdicts on all uses of a file, as a read-only sequence. They are computed on first access,
/// because each use needs a plan of its own; copies share the result.
class UseVerdicts {
 public:
  UseVerdicts() = default;
  /// A sequence of known verdicts.
  explicit UseVerdicts(std::vector<UseVerdict> verdicts);
  /// Calls `make` on first access.
  explicit UseVerdicts(std::function<std::vector<UseVerdict>()> make);

  bool empty() const { return size() == 0; }
  std::size_t size() const { return all().size(); }
  auto begin() const { return all().begin(); }
  auto end() const { return all().end(); }
  const UseVerdict& operator[](std::size_t i) const { return all()[i]; }

 private:
  const std::vector<UseVerdict>& all() const;

  struct State;
  std::shared_ptr<State> state_;
};

/// Shapes per image of the types of features; empty if the model has no such output.
struct OutputShapes {
  std::vector<Index> featmap = {};      ///< [C, gh, gw]
  std::vector<Index> raw = {};          ///< [tokens, C]
  std::vector<Index> cls_token = {};    ///< [C]
  std::vector<Index> registers = {};    ///< [R, C]
  std::vector<Index> avg_featmap = {};  ///< [C]
};

/// General properties of a checkpoint file.
struct FileInfo {
  std::string path = {};    ///< As given by the caller.
  std::string format = {};  ///< "PyTorch zip", "safetensors", ...
  std::uint64_t bytes = 0;  ///< File size.
  Index tensors = 0;        ///< Number of tensors.
  Index values = 0;         ///< Number of elements of all tensors.
  std::string dtypes = {};  ///< "f32", or "f32 and i64" for a mixture.
};

/// Options of `Inspection::text`.
struct TextStyle {
  bool colour = false;               ///< Colour the verdicts with ANSI escape codes.
  OptionName option_name = nullptr;  ///< See sapiens/option_names.hpp.
  /// The command that writes a copy which the original loads, shown where one is needed. If empty,
  /// the text describes it in words.
  std::string conversion = {};
};

/// Everything that is known about a checkpoint, as `sapiens inspect` shows it.
struct Inspection {
  FileInfo file = {};         ///< The file.
  ModelInfo model = {};       ///< The recognised model.
  Report report = {};         ///< How tensors and parameters match.
  UseVerdicts uses = {};      ///< Verdict for each use.
  OutputShapes outputs = {};  ///< Shapes of features at the input size of the model.

  /// True if the feature extraction of the original code would match none of the weights by name.
  bool original_loads_nothing() const;

  /// The report as text of several lines, as `sapiens inspect` prints it.
  std::string text(const TextStyle& style = {}) const;
  /// The report as a JSON document, which docs/inspect-json.md describes.
  std::string json(OptionName option_name = nullptr) const;
};

}  // namespace sapiens
