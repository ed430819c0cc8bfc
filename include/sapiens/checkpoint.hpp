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

class Assessment;
struct StateDict;

/// Name, type and shape of one tensor of a checkpoint. The values are not part of it.
struct TensorInfo {
  std::string key = {};           ///< Full dotted path in the file.
  DType dtype = DType::F32;       ///< Valid only if `readable`.
  std::vector<Index> shape = {};  ///< May be empty for a tensor that is not readable.
  /// The type as text: "f32". For a tensor that is not readable, PyTorch's name of its type or
  /// kind: "float8_e4m3fn", "sparse".
  std::string type = {};
  bool readable = true;  ///< False when the library cannot read the values of this type.
};

/// Overrides for what is recognised from the tensors. By default every field is empty, and the
/// tensors alone decide.
struct ModelOptions {
  std::string arch =
      {};  ///< "0.3b", "0.6b", "1b", "2b" (or "sapiens_..."), "sapiens2_0.1b", "sapiens2_0.4b",
           ///< "sapiens2_0.8b", "sapiens2_1b", "sapiens2_5b"; anything else is refused.
  std::optional<Task> task = {};  ///< Treat the file as a model for this task.
  /// The task that the caller needs. TaskModel refuses a file with a head for another task before
  /// it loads any weights. If the file has two heads on one encoder, this selects the head.
  std::optional<Task> expected_task = {};
  Index heads = 0;                ///< Attention heads; required for unpublished widths.
  Index decoder_heads = 0;        ///< The same for the MAE decoder; 16 at the published width.
  std::optional<Grid> grid = {};  ///< Grid of `pos_embed` in the file, when it is not square.
  std::optional<Grid> input_size = {};  ///< Input size in pixels; `pos_embed` is resized for it.
  std::optional<Index> patch_padding = {};  ///< 0 or 2; by default the task decides.
  bool allow_partial = false;               ///< Use zeros for missing parameters.
  /// Selects one of several models in a file by the prefix of its names: "encoder_q", with or
  /// without a final dot; "." selects the names without a prefix.
  std::string prefix = {};

  friend bool operator==(const ModelOptions&, const ModelOptions&) = default;
};

/// An opened checkpoint file. The file is mapped and its table of tensors is read, but no values.
/// Copies are cheap and share the mapping. All methods may be called from several threads at once.
class Checkpoint {
 public:
  /// Opens a file of any supported format; the content decides, not the name. Throws `Error`:
  /// NotFound, CorruptFile or UnsupportedFormat.
  static Checkpoint open(const std::filesystem::path& path);

  /// Recognises the model and decides where every parameter comes from. Reads no tensor values.
  /// Throws `Error(InvalidArgument)` for invalid options. A file that does not match the model is
  /// reported as a verdict, not as an exception.
  Inspection inspect(const ModelOptions& options = {}) const;

  /// All tensors of the file, in the order of the file.
  std::vector<TensorInfo> tensors() const;
  /// Text entries that the file stores beside its tensors, by key. Lives as long as any copy of
  /// this checkpoint.
  const std::map<std::string, std::string>& metadata() const;

  /// For use within the library only; the types are not public.
  const StateDict& state_dict() const;
  /// For use within the library only. Results are cached per `options`.
  std::shared_ptr<const Assessment> assess(const ModelOptions& options) const;

 private:
  struct State;
  explicit Checkpoint(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

/// Called from time to time with the fraction of work done, 0 to 1, on the thread of the caller.
/// May be empty. An exception that it throws stops the work and reaches the caller.
using Progress = std::function<void(double done)>;

/// How a checkpoint that this library writes names its tensors.
enum class Layout {
  Clean,     ///< A flat dictionary without prefixes, like the published `*_clean.pth` of Sapiens
             ///< and the published encoders of Sapiens2.
  MMEngine,  ///< `state_dict` and `meta`, keys with "backbone.": loads in the original code of
             ///< Sapiens without a mismatch. Sapiens only.
  Timm,      ///< A flat dictionary with timm's names. Sapiens2 only.
  Published = Clean,  ///< Another name of Clean, which says the same of both families.
};

/// Options of `convert_checkpoint` and `convert_in_memory`.
struct ConvertOptions {
  Layout layout = Layout::Clean;    ///< Names of the tensors that are written.
  std::optional<DType> dtype = {};  ///< F32, F16 or BF16; by default each tensor keeps its own.
  bool keep_unused = false;         ///< Also copy unused tensors (decoder, other heads).
  ModelOptions model = {};          ///< How the model is recognised, as for `Checkpoint::inspect`.
};

/// The result of a conversion.
struct ConvertResult {
  Report report = {};  ///< How the parameters of the written model were found.
  /// One text per parameter that contains NaN or infinity; its values are copied unchanged.
  std::vector<std::string> warnings = {};
};

/// Writes a copy of `checkpoint` with canonical names. The suffix of `output`, ".pth" or
/// ".safetensors", selects the format. The file is replaced atomically. Throws `Error`:
/// CheckpointRefused for an incomplete model, InvalidArgument for another suffix, for the
/// checkpoint file itself, for a layout that the family does not have and for values that
/// `options.dtype` cannot represent, WriteFailed, OutOfResources.
ConvertResult convert_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& output,
                                 const ConvertOptions& options, const Progress& progress = {});

/// Which random checkpoint to write, or which random model to create.
struct SynthOptions {
  /// "0.3b", "0.6b", "1b", "2b" or "tiny"; "sapiens2_0.1b", "sapiens2_0.4b", "sapiens2_0.8b",
  /// "sapiens2_1b", "sapiens2_5b" or "sapiens2_tiny", encoders only; or "rtmdet-m", the person
  /// detector, for which `task` and `layout` have no effect.
  std::string arch = "0.3b";
  Task task = Task::Pretrain;     ///< Which head the model has.
  Layout layout = Layout::Clean;  ///< With MMEngine, a pretrained model also has its decoder.
  DType dtype = DType::F32;       ///< F32, F16 or BF16.
  std::uint64_t seed = 1;         ///< Equal seeds give equal weights.
};

/// Writes random weights in the published layout; the metadata of the file marks them as random.
/// Throws `Error`: InvalidArgument for an unknown size, task, dtype or suffix, and for a task or
/// layout that the family does not have, WriteFailed,
/// OutOfResources.
void synthesize_checkpoint(const std::filesystem::path& output, const SynthOptions& options,
                           const Progress& progress = {});

}  // namespace sapiens
