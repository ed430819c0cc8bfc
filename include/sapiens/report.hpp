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

/// How a checkpoint's tensors and a model's parameters came together.
enum class Verdict {
  Exact,       ///< Every parameter, under the model's own names.
  Equivalent,  ///< Every parameter, after lossless rules (renaming, joining, widening).
  Adapted,     ///< Every parameter, some numerically changed (a resized `pos_embed`).
  Incomplete,  ///< Something needed is missing or does not fit: nothing may be computed.
  Foreign,     ///< Not a Sapiens model.
  Ambiguous,   ///< Several models, and nothing tells which one is meant: `ModelOptions::prefix`
               ///< does.
};

/// "exact", "equivalent", "adapted", "incomplete", "foreign", "ambiguous".
std::string_view verdict_name(Verdict verdict) noexcept;

constexpr bool is_usable(Verdict verdict) noexcept {
  return verdict == Verdict::Exact || verdict == Verdict::Equivalent || verdict == Verdict::Adapted;
}

/// Patches per column and row, as in "64x48".
struct Grid {
  Index height = 0;
  Index width = 0;

  constexpr Index patches() const noexcept { return height * width; }
  friend constexpr bool operator==(const Grid&, const Grid&) = default;
};

/// A parameter the file does not have. `key` is spelled the way this file spells its names.
struct MissingParameter {
  std::string key = {};
  std::vector<Index> shape = {};
};

/// A parameter whose tensor has another shape, or values that cannot be read.
struct MismatchedParameter {
  std::string key = {};              ///< As the file spells it.
  std::vector<Index> expected = {};  ///< The model's shape.
  std::vector<Index> found = {};     ///< The file's shape.
  std::string reason = {};           ///< Why it was not made to fit.
  /// Set where the values cannot be read: the file's type, "float8_e4m3fn" or "sparse".
  std::string type = {};
};

/// A parameter that other tensors of the file change when the network runs, which this program does
/// not compute: an adapter that was not merged, a quantised weight.
struct AlteredParameter {
  std::string key = {};     ///< As the file spells it.
  std::string by = {};      ///< One of the tensors that change it.
  std::string reason = {};  ///< What that is: "a LoRA adapter that was not merged".
};

/// A model that was found in the file, taken or not.
struct FoundModel {
  std::string prefix = {};  ///< What `ModelOptions::prefix` calls it: "encoder_q"; "." at the top.
  std::string family = {};  ///< "sapiens" for an encoder, "rtmdet" for a person detector.
  Verdict verdict = Verdict::Foreign;
  Index required = 0;  ///< Parameters of the encoder, or of the detector.
  Index bound = 0;
  Index width = 0;  ///< 0 where it cannot be told.
  Index depth = 0;  ///< Blocks of an encoder.
  bool taken = false;
  std::string reason = {};  ///< Why it was taken or left; empty for the only one.
};

/// Tensors of the file that the model does not use, for one common reason.
struct UnusedTensors {
  std::string reason = {};
  std::vector<std::string> keys = {};
};

/// What had to be done to names or values of a file.
enum class RuleKind {
  AddBackbone,       ///< Put "backbone." in front of the names.
  RemovePrefix,      ///< `AppliedRule::name` is the component: "module".
  RemoveWrapper,     ///< `AppliedRule::name` is a component anywhere in a name: "_orig_mod".
  RenameFrom,        ///< The scheme: "timm".
  FollowSharedName,  ///< One tensor has several names.
  JoinQkv,           ///< Query, key and value are stored apart.
  DropClassPosition,
  ResizePositions,  ///< "64x64 to 64x48"
  Widen,            ///< The type, without loss: "f16".
  Round,            ///< The type, with loss: "f64".
};

/// A rule that was needed, and how many parameters needed it.
struct AppliedRule {
  RuleKind kind = RuleKind::AddBackbone;
  std::string name = {};    ///< What it is about, where `kind` does not say it.
  std::string rule = {};    ///< "add prefix backbone."
  std::string reason = {};  ///< Why that is right.
  Index count = 0;
};

/// The whole story of one file and one model.
struct Report {
  Verdict verdict = Verdict::Foreign;
  Index required = 0;  ///< Parameters (tensors) of the model.
  Index bound = 0;     ///< Parameters that have their values.
  std::vector<MissingParameter> missing = {};
  std::vector<MismatchedParameter> mismatched = {};
  std::vector<UnusedTensors> unused = {};
  std::vector<AppliedRule> rules = {};
  std::string explanation = {};  ///< The nearest explanation, one sentence.
  std::string hint = {};         ///< What to do next; empty when all is well.
  std::vector<std::string> notes =
      {};  ///< Facts a user should know ("ln2 has weight 1 and bias 0").
  std::vector<AlteredParameter> altered = {};
  /// Every model of the file, in the order of their prefixes.
  std::vector<FoundModel> candidates = {};
};

/// What the tensors say the model is.
struct ModelInfo {
  std::string family = {};        ///< "sapiens", "rtmdet" for a person detector, or "foreign".
  std::string arch = {};          ///< "0.3b", "0.6b", "1b", "2b", "rtmdet-m", or "custom" for an
                                  ///< unpublished width.
  std::optional<Task> task = {};  ///< Empty for a person detector, and for no model.
  Index width = 0;                ///< embed_dims; channels of a detector's head.
  Index depth = 0;                ///< Number of blocks.
  Index heads = 0;                ///< 0 when it cannot be known from the weights.
  Index mlp_width = 0;
  bool cls_token = false;
  Grid grid = {};           ///< Of `pos_embed` as the model uses it.
  Index patch_padding = 0;  ///< 0, or 2 for the pose, normal, lip and cihp configurations.
  Index outputs = 0;        ///< Keypoints or classes of the task head; 0 without a head.
  Index parameters = 0;     ///< Scalar values in all parameters of the encoder.
};

/// What the model is for, as one word: that of its task, "detect" for a person detector; empty for
/// no model.
std::string_view task_text(const ModelInfo& model) noexcept;

/// Whether this file can do one thing a user may want of it.
struct UseVerdict {
  Use use = Use::Features;  ///< Of a person detector Detect alone.
  Verdict verdict = Verdict::Foreign;
  Index required = 0;
  Index bound = 0;
  std::string reason = {};
};

/// The verdict on every use of a file. Made when it is first looked at, because each takes a plan
/// of its own; copies share it.
class UseVerdicts {
 public:
  UseVerdicts() = default;
  explicit UseVerdicts(std::vector<UseVerdict> verdicts);
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

/// Shapes of the four kinds of features; empty when the model has no such output.
struct OutputShapes {
  std::vector<Index> featmap = {};
  std::vector<Index> raw = {};
  std::vector<Index> cls_token = {};
  std::vector<Index> avg_featmap = {};
};

/// The file itself.
struct FileInfo {
  std::string path = {};
  std::string format = {};  ///< "PyTorch zip", "safetensors", ...
  std::uint64_t bytes = 0;
  Index tensors = 0;
  Index values = 0;         ///< Elements in all tensors together.
  std::string dtypes = {};  ///< "f32", or "f32 and i64" for a mixture.
};

/// How a program shows an inspection to people.
struct TextStyle {
  bool colour = false;               ///< ANSI colours for the verdicts.
  OptionName option_name = nullptr;  ///< As sapiens/option_names.hpp describes.
  /// How to write the copy that the original loads, where it needs one; by default in words.
  std::string conversion = {};
};

/// Everything `sapiens inspect` tells about a checkpoint.
struct Inspection {
  FileInfo file = {};
  ModelInfo model = {};
  Report report = {};
  UseVerdicts uses = {};
  OutputShapes outputs = {};

  /// Whether the original feature demo finds no weights in the file by their names.
  bool original_loads_nothing() const;

  /// For people, as `sapiens inspect` shows it.
  std::string text(const TextStyle& style = {}) const;
  /// One JSON document; docs/inspect-json.md describes it.
  std::string json(OptionName option_name = nullptr) const;
};

}  // namespace sapiens
