#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sapiens/dtype.hpp"
#include "sapiens/report.hpp"
#include "sapiens/task.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

struct StateDict;

/// One tensor of a checkpoint, as `sapiens inspect --tensors` lists it.
struct TensorInfo {
  std::string key = {};  ///< Full dotted path in the file.
  DType dtype = DType::F32;
  std::vector<Index> shape = {};  ///< Of a tensor that cannot be read empty where it is unknown.
  /// "f32"; of a tensor whose values cannot be read PyTorch's word: "float8_e4m3fn", "sparse". Then
  /// `dtype` means nothing.
  std::string type = {};
  bool readable = true;
};

/// What a caller knows better than the weights. Every field may stay empty: the model is recognised
/// from the tensors.
struct ModelOptions {
  std::string arch = {};  ///< "0.3b", "0.6b", "1b", "2b" (or "sapiens_..."): refuse anything else.
  std::optional<Task> task = {};  ///< Take the file as one for this task.
  /// What the file should be for: TaskModel refuses one with a head for another task before
  /// gigabytes of the wrong weights are loaded, and of two heads on one encoder takes the one that
  /// is expected.
  std::optional<Task> expected_task = {};
  Index heads = 0;          ///< Attention heads, for widths that were never published.
  Index decoder_heads = 0;  ///< The same of the MAE decoder, which has 16 at the published width.
  std::optional<Grid> grid = {};            ///< The file's position grid, where it is not square.
  std::optional<Grid> input_size = {};      ///< Image size in pixels to prepare `pos_embed` for.
  std::optional<Index> patch_padding = {};  ///< 0 or 2; by default the task decides.
  bool allow_partial = false;               ///< Compute with zeros in place of missing parameters.
  /// Of several models in one file, the one whose names begin so: "encoder_q", with or without a
  /// final dot; "." for names without a prefix.
  std::string prefix = {};
};

/// An opened checkpoint file: mapped, its table of tensors read, its values untouched. Cheap to
/// copy.
class Checkpoint {
 public:
  /// Throws `Error`: NotFound, CorruptFile or UnsupportedFormat.
  static Checkpoint open(const std::filesystem::path& path);

  /// Recognises the model and decides where every parameter comes from. Reads no tensor values.
  /// Throws InvalidArgument for options that make no sense; a misfit is a verdict, not an
  /// exception.
  Inspection inspect(const ModelOptions& options = {}) const;

  std::vector<TensorInfo> tensors() const;
  const std::map<std::string, std::string>& metadata() const;

  /// For the layers of this library.
  const StateDict& state_dict() const { return *state_dict_; }

 private:
  explicit Checkpoint(std::shared_ptr<const StateDict> state_dict);
  std::shared_ptr<const StateDict> state_dict_;
};

/// Called now and then with the share of work done, 0 to 1; may be empty.
using Progress = std::function<void(double done)>;

enum class Layout {
  Clean,     ///< A flat dictionary without prefixes, as the published `*_clean.pth`.
  MMEngine,  ///< `state_dict` and `meta`, keys with `backbone.`: loads in the original code without
             ///< a mismatch.
};

struct ConvertOptions {
  Layout layout = Layout::Clean;
  std::optional<DType> dtype = {};  ///< F32, F16 or BF16; by default each tensor keeps its own.
  bool keep_unused = false;         ///< Also copy what no model needs (decoder, other heads).
  ModelOptions model = {};
};

/// What a conversion did.
struct ConvertResult {
  Report report = {};                      ///< Of the model that was written.
  std::vector<std::string> warnings = {};  ///< Parameters with NaN or infinity, copied as they are.
};

/// Writes `checkpoint` again under canonical names; ".pth" or ".safetensors" by the name of
/// `output`. Refuses (CheckpointRefused) a file whose model is not complete.
ConvertResult convert_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& output,
                                 const ConvertOptions& options, const Progress& progress = {});

struct SynthOptions {
  /// "0.3b", "0.6b", "1b", "2b" or "tiny"; "rtmdet-m" for the person detector, which has one layout
  /// and no task.
  std::string arch = "0.3b";
  Task task = Task::Pretrain;
  Layout layout = Layout::Clean;
  DType dtype = DType::F32;
  std::uint64_t seed = 1;
};

/// Writes random weights in the published layout, labelled as random inside the file.
void synthesize_checkpoint(const std::filesystem::path& output, const SynthOptions& options,
                           const Progress& progress = {});

}  // namespace sapiens
