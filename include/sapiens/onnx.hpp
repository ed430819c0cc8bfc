#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/dtype.hpp"
#include "sapiens/features.hpp"
#include "sapiens/report.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// True if ONNX files can be written. This needs the module `sapiens_onnx_proto` and the onnx
/// library. If one of them is missing, `why`, unless null, receives a text that says which, and how
/// to install it.
bool onnx_available(std::string* why = nullptr);

/// Which operators the attention of a graph consists of.
enum class OnnxAttention {
  Plain,  ///< MatMul and Softmax, which every runtime has.
  Fused,  ///< One operator: `Attention` from opset 23 on, before that `MultiHeadAttention` of
          ///< com.microsoft, which ONNX Runtime and OpenVINO have.
};

/// The name in every interface: "plain", "fused".
constexpr std::string_view onnx_attention_name(OnnxAttention attention) noexcept {
  return attention == OnnxAttention::Plain ? "plain" : "fused";
}

inline constexpr int kOldestOnnxOpset = 17;  ///< The first with LayerNormalization.
inline constexpr int kNewestOnnxOpset = 24;
/// Every ONNX Runtime since 1.14, of February 2023, has it; the first with antialiased Resize.
inline constexpr int kDefaultOnnxOpset = 18;

/// Options of `convert_to_onnx`.
struct OnnxOptions {
  /// Forms of features, each an output of its own name; the model is then taken as an encoder.
  /// Empty: the output of the model's head, the feature map of an encoder, the boxes of a detector.
  std::vector<OutType> out_types = {};
  /// F32; F16, which weights are stored in and all but norms is computed in; or BF16, which weights
  /// are stored in, and which is converted to F32 before it is used, because most runtimes compute
  /// little in it. Inputs and outputs are float32 in any case.
  DType dtype = DType::F32;
  int opset = kDefaultOnnxOpset;  ///< 17 to 24.
  Index batch = 0;                ///< Images of a run; 0: any number.
  /// Accept any height and width from 16 on, of Sapiens2 multiples of 16, instead of those of the
  /// model. Graphs fail at run time for others. Not together with `model.input_size`.
  bool dynamic_size = false;
  /// The graph takes images as they are, uint8 [N, H, W, 3] in RGB order of any size, resizes and
  /// normalises them; for pose it also takes "boxes", float32 [N, 4]: x, y, width and height of the
  /// person in each image, in pixels, which is cut out as `crop_person` does; it fails at run time
  /// for another number of boxes than of images. Otherwise it takes
  /// what `Encoder::preprocess` and `TaskModel::prepare` return. Not together with `dynamic_size`.
  bool with_preprocessing = false;
  OnnxAttention attention = OnnxAttention::Plain;
  /// Of a person detector: the network's maps of logits and distances instead of boxes.
  bool raw_maps = false;
  /// Of a person detector's boxes; empty: those of DetectOptions.
  std::optional<float> min_score = {}, nms_iou = {};
  std::optional<Index> max_detections = {};  ///< Of each image.
  ModelOptions model = {};  ///< How the model is recognised; `allow_partial` is refused.
};

/// An input or output of a graph.
struct OnnxValue {
  std::string name = {};                ///< "images", "featmap", "heatmaps".
  std::string type = {};                ///< "float32", "uint8", "int64".
  std::vector<std::string> shape = {};  ///< Numbers, and names of extents that may vary: "N".
};

/// The result of `convert_to_onnx`.
struct OnnxResult {
  Inspection inspection = {};  ///< Of the checkpoint as the model that was written.
  std::vector<OnnxValue> inputs = {};
  std::vector<OnnxValue> outputs = {};
  int opset = 0;
  std::uint64_t nodes = 0;
  std::uint64_t bytes = 0;  ///< Of all files.
  std::vector<std::filesystem::path> files =
      {};  ///< The graph, and its weights where they are apart.
  /// That weights of an earlier graph of the same name are still there, and not part of this one.
  std::vector<std::string> warnings = {};
};

/// Writes the model of `checkpoint` as an ONNX graph, whose weights are named like the tensors of
/// the original. A file of 2 GB or more is not possible: then weights go to a second file, the name
/// of `output` with ".data" behind it, which has to lie beside the first. Files are replaced
/// atomically, and nothing is left of a conversion that fails. Memory does not grow with the model.
/// docs/onnx.md describes the graphs. Throws `Error`: CheckpointRefused as Encoder, TaskModel and
/// PersonDetector do; InvalidArgument for options that the model does not support, for a name that
/// does not end in ".onnx", for the checkpoint's own file and for a weight that `dtype`
/// cannot represent; UnsupportedFormat without the module; WriteFailed, OutOfResources.
OnnxResult convert_to_onnx(const Checkpoint& checkpoint, const std::filesystem::path& output,
                           const OnnxOptions& options = {}, const Progress& progress = {});

}  // namespace sapiens
