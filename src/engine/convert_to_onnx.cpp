#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "core/memory_in_use.hpp"
#include "core/shape.hpp"
#include "engine/assess.hpp"
#include "engine/assess_as.hpp"
#include "engine/assess_detector.hpp"
#include "engine/describe.hpp"
#include "engine/expect_out_type.hpp"
#include "engine/loading.hpp"
#include "engine/model_file.hpp"
#include "engine/onnx_metadata.hpp"
#include "model/rtmdet_weights.hpp"
#include "onnx/detector.hpp"
#include "onnx/encoder.hpp"
#include "onnx/graph.hpp"
#include "onnx/head.hpp"
#include "onnx/model_writer.hpp"
#include "onnx/module.hpp"
#include "onnx/preprocessing.hpp"
#include "preprocess/preprocess.hpp"
#include "reconcile/materialize.hpp"
#include "reconcile/names.hpp"
#include "reconcile/param_spec.hpp"
#include "sapiens/detector.hpp"
#include "sapiens/error.hpp"
#include "sapiens/onnx.hpp"
#include "sapiens/version.hpp"
#include "tasks/detection.hpp"

namespace sapiens {
namespace {

using onnx::Graph;
using onnx::Weight;

Error refused(const char* option, std::string summary, std::string expected, std::string actual) {
  return Error(ErrorCode::InvalidArgument, {.summary = std::move(summary),
                                            .option = option,
                                            .expected = std::move(expected),
                                            .actual = std::move(actual)});
}

void expect_options(const OnnxOptions& options) {
  const DType dtype = options.dtype;
  if (dtype != DType::F32 && dtype != DType::F16 && dtype != DType::BF16) {
    throw refused("dtype", "weights are not written in this type", "f32, f16 or bf16",
                  std::string(dtype_name(dtype)));
  }
  if (options.opset < kOldestOnnxOpset || options.opset > kNewestOnnxOpset) {
    throw refused("opset", "graphs are not written for this opset",
                  fmt::format("{} to {}", kOldestOnnxOpset, kNewestOnnxOpset),
                  std::to_string(options.opset));
  }
  if (options.batch < 0) {
    throw refused("batch", "this is no number of images", "1 or more, or 0 for any number",
                  std::to_string(options.batch));
  }
  std::vector<OutType> out_types = options.out_types;
  std::ranges::sort(out_types);
  const auto twice = std::ranges::adjacent_find(out_types);
  if (twice != out_types.end()) {
    throw refused("out_type", "an output cannot be there twice", "each form of features once",
                  fmt::format("{} more than once", out_type_name(*twice)));
  }
  if (options.with_preprocessing && options.dynamic_size) {
    throw refused("with_preprocessing", "images are resized to one size, which has to be known",
                  "one of `with_preprocessing` and `dynamic_size`", "both");
  }
  if (options.model.input_size && options.dynamic_size) {
    throw refused("input_size", "a graph for images of any size has no size of its own",
                  "one of `input_size` and `dynamic_size`", "both");
  }
  if (options.model.allow_partial) {
    throw refused("allow_partial", "an incomplete model is not written as an ONNX file", "false",
                  "true");
  }
}

// The files that are written are not those that weights are read from.
void expect_other_file(const StateDict& dict, const std::filesystem::path& output) {
  std::error_code ignored;
  for (const std::filesystem::path& path : {output, onnx::data_path_of(output)}) {
    if (!std::filesystem::equivalent(dict.path, path, ignored)) continue;
    throw Error(ErrorCode::InvalidArgument, {.summary = "input and output are the same file",
                                             .file = dict.path,
                                             .hint = "choose another name"});
  }
}

struct GivenOption {
  const char* name;
  bool given;
};

void refuse_given(std::initializer_list<GivenOption> options, const char* summary,
                  const std::string& actual) {
  for (const GivenOption& option : options) {
    if (!option.given) continue;
    throw Error(ErrorCode::InvalidArgument, {.summary = summary,
                                             .option = option.name,
                                             .actual = actual,
                                             .hint = fmt::format("leave `{}` out", option.name)});
  }
}

void refuse_thresholds(const OnnxOptions& options, const char* summary, const std::string& actual) {
  refuse_given({{"min_score", options.min_score.has_value()},
                {"nms_iou", options.nms_iou.has_value()},
                {"max_detections", options.max_detections.has_value()}},
               summary, actual);
}

// Options that mean nothing for encoders and their heads, of which `model` is one.
void refuse_options_of_detectors(const OnnxOptions& options, const std::string& model) {
  constexpr const char* kSummary = "only a person detector has this option";
  refuse_given({{"raw_maps", options.raw_maps}}, kSummary, model);
  refuse_thresholds(options, kSummary, model);
}

DetectOptions thresholds_of(const OnnxOptions& options) {
  const DetectOptions defaults;
  return {.min_score = options.min_score.value_or(defaults.min_score),
          .nms_iou = options.nms_iou.value_or(defaults.nms_iou),
          .max_detections = options.max_detections.value_or(defaults.max_detections)};
}

// Options that mean nothing for the person detector `detector`, and thresholds out of range.
void expect_options_of_detectors(const OnnxOptions& options, const std::string& detector) {
  const ModelOptions& model = options.model;
  refuse_given({{"out_type", !options.out_types.empty()},
                {"attention", options.attention != OnnxAttention::Plain},
                {"dynamic_size", options.dynamic_size},
                {"input_size", model.input_size.has_value()},
                {"arch", !model.arch.empty()},
                {"task", model.task.has_value()},
                {"expected_task", model.expected_task.has_value()},
                {"heads", model.heads != 0},
                {"decoder_heads", model.decoder_heads != 0},
                {"grid", model.grid.has_value()},
                {"patch_padding", model.patch_padding.has_value()}},
               "a person detector has no such option", detector);
  if (options.raw_maps) {
    refuse_thresholds(options, "the maps of a detector hold no boxes yet", "also `raw_maps`");
  }
  expect_detect_options(thresholds_of(options));
}

void expect_variances(const PlanSource& source, const Plan& plan) {
  for (const ParamSpec& param : plan.params) {
    if (!param.key.ends_with(".running_var")) continue;
    std::vector<float> variances(static_cast<std::size_t>(param.shape[0]));
    source.read(param.key, 0, variances);
    for (const float variance : variances) expect_variance(param.key, variance);
  }
}

// The levels of a detector share convolutions, which a file may hold once under several names.
void share_weights(const StateDict& dict, const Plan& plan, Graph& graph) {
  std::map<const std::byte*, std::pair<const ParamSpec*, const TensorEntry*>> known;
  for (std::size_t i = 0; i < plan.params.size(); ++i) {
    const ParamSpec& param = plan.params[i];
    const Binding& binding = plan.bindings[i];
    if (binding.tensors.size() != 1) continue;
    const TensorEntry& tensor = dict.tensors[binding.tensors.front()];
    const auto [found, is_new] = known.try_emplace(tensor.data, &param, &tensor);
    const auto& [first, stored] = found->second;
    if (is_new || first->shape != param.shape || !same_values(tensor, *stored)) continue;
    graph.share_weight(param.key, first->key);
  }
}

void expect_onnx_name(const std::filesystem::path& output) {
  if (output.extension() == ".onnx") return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the output's name decides its format",
               .file = output.string(),
               .expected = "a name ending in .onnx",
               .actual = fmt::format("\"{}\"", output.extension().string())});
}

// The versions of the format that opsets came with.
std::int64_t ir_version_of(int opset) {
  if (opset <= 18) return 8;
  if (opset <= 20) return 9;
  if (opset <= 22) return 10;
  return opset == 23 ? 11 : 12;
}

// Values [first, ...) of the transpose of a matrix [out, in]. Its columns are read a strip at a
// time.
void read_transposed(const ReadFloats& read, Index out, Index in, Index first,
                     std::span<float> values) {
  const Index end = first + std::ssize(values);
  const Index begin_column = first / out, end_column = (end + out - 1) / out;
  std::vector<float> strip(static_cast<std::size_t>(end_column - begin_column));
  for (Index row = 0; row < out; ++row) {
    read(row * in + begin_column, strip);
    for (Index column = begin_column; column < end_column; ++column) {
      const Index at = column * out + row;
      if (at >= first && at < end) values[at - first] = strip[column - begin_column];
    }
  }
}

/// What is written: a graph, and where the values of its weights come from.
class OnnxConversion {
 public:
  OnnxConversion(const Checkpoint& checkpoint, const std::filesystem::path& output,
                 const OnnxOptions& options)
      : checkpoint_(checkpoint),
        options_(options),
        raw_(onnx::require_module(output.c_str()).create()) {
    if (!raw_)
      throw Error(ErrorCode::OutOfResources,
                  {.summary = "not enough memory", .actual = memory_in_use()});
  }

  void build();
  OnnxResult write(const std::filesystem::path& output, const Progress& progress);

 private:
  bool build_detector();
  void build_model();
  Graph& start_graph(const Plan& plan, const std::string& name);
  void add_metadata(const std::map<std::string, std::string>& metadata);
  void describe();
  TensorSource source_of(const Weight& weight);
  [[noreturn]] void refuse_non_finite() const;

  const Checkpoint& checkpoint_;
  const OnnxOptions& options_;
  std::unique_ptr<onnx::RawModel> raw_;
  // What the graph and the source of its weights refer to.
  std::shared_ptr<const Assessment> assessment_;
  std::optional<DetectorFile> detector_;

  Inspection inspection_;
  const Plan* plan_ = nullptr;
  std::string name_;
  std::unique_ptr<Graph> graph_;
  std::map<std::string, Index> non_finite_;  // values, by the names of parameters
};

void OnnxConversion::build() {
  if (!build_detector()) build_model();
}

Graph& OnnxConversion::start_graph(const Plan& plan, const std::string& name) {
  plan_ = &plan;
  name_ = name;
  graph_ = std::make_unique<Graph>(*raw_, options_, plan.params);
  return *graph_;
}

void OnnxConversion::add_metadata(const std::map<std::string, std::string>& metadata) {
  for (const auto& [key, value] : metadata) {
    onnx::expect_memory(raw_->add_metadata(key.c_str(), value.c_str()));
  }
}

std::string signature_of(const std::vector<OnnxValue>& values) {
  std::string names;
  for (const OnnxValue& value : values) {
    names += fmt::format("{}{} {} [{}]", names.empty() ? "" : ", ", value.name, value.type,
                         fmt::join(value.shape, ", "));
  }
  return names;
}

// The name of the graph, and a sentence about it, which viewers show.
void OnnxConversion::describe() {
  const std::string text = fmt::format("{}, from {} to {}", name_, signature_of(graph_->inputs()),
                                       signature_of(graph_->outputs()));
  onnx::expect_memory(raw_->set_header("sapiens.cpp", SAPIENS_VERSION, name_.c_str(), text.c_str(),
                                       ir_version_of(options_.opset)));
}

// False where the file, or what `prefix` selects of it, is no detector or has an encoder as well.
bool OnnxConversion::build_detector() {
  inspection_ = checkpoint_.assess(options_.model)->inspection();
  if (inspection_.model.family != "rtmdet") return false;
  expect_options_of_detectors(options_, describe_model(inspection_.model));
  if (!is_usable(inspection_.report.verdict)) throw refusal(inspection_, "nothing was written");
  const StateDict& dict = checkpoint_.state_dict();
  detector_ = find_detector(dict, NameIndex(dict), options_.model.prefix);
  const Plan& plan = detector_->plan;
  Graph& graph = start_graph(plan, describe_model(inspection_.model));
  expect_variances(PlanSource(dict, plan), plan);
  share_weights(dict, plan, graph);
  constexpr DetectorConstants kConstants = detector_constants();
  add_metadata(onnx_metadata(dict, {.use = Use::Detect,
                                    .with_preprocessing = options_.with_preprocessing,
                                    .mean = kConstants.mean,
                                    .std = kConstants.std,
                                    .blue_first = true,
                                    .size = Grid{kDetectorSide, kDetectorSide},
                                    .labels = {"person"}}));
  add_metadata({{"sapiens.arch", inspection_.model.arch}});
  onnx::add_detector(graph, detector_->config, options_, thresholds_of(options_));
  return true;
}

void OnnxConversion::build_model() {
  const std::optional<Use> use =
      options_.out_types.empty() ? std::nullopt : std::optional(Use::Features);
  // Not the encoder in place of a model whose head is damaged, or is for another task.
  if (use) inspection_ = checkpoint_.assess(options_.model)->inspection(*use);
  if (!is_usable(inspection_.report.verdict)) throw refusal(inspection_, "nothing was written");
  refuse_options_of_detectors(options_, describe_model(inspection_.model));
  AssessedModel found = assess_as(use, checkpoint_, options_.model);
  assessment_ = found.assessment;
  inspection_ = std::move(found.inspection);
  const DetectedModel& model = assessment_->model(found.use);
  const EncoderConfig& config = model.encoder;
  const bool for_features = found.use == Use::Features;
  for (const OutType out_type : options_.out_types) expect_out_type(config, out_type);
  Graph& graph = start_graph(assessment_->plan(found.use), describe_model(inspection_.model));
  add_metadata(onnx_metadata(checkpoint_.state_dict(), model, found.use, options_));
  const std::optional<Task> task = for_features ? std::nullopt : std::optional(model.head->task);
  const onnx::Images images = onnx::add_images(graph, config, options_, task);
  const onnx::Encoded encoded = onnx::encode(graph, config, images);
  if (!for_features) return onnx::add_head(graph, config, *model.head, encoded);
  std::vector<OutType> out_types = options_.out_types;
  if (out_types.empty()) out_types.push_back(OutType::Featmap);
  for (const OutType out_type : out_types) {
    onnx::add_feature_output(graph, config, encoded, out_type);
  }
}

TensorSource OnnxConversion::source_of(const Weight& weight) {
  const StateDict& dict = checkpoint_.state_dict();
  const auto param = std::ranges::find(plan_->params, weight.key, &ParamSpec::key);
  const Binding& binding = plan_->bindings[param - plan_->params.begin()];
  const Index numel = checked_numel(weight.shape).value_or(0);
  const auto read = [this, weight, numel, &dict, &binding,
                     read_param = param_reader(dict, *param, binding)](Index first,
                                                                       std::span<float> values) {
    if (weight.transposed) {
      read_transposed(read_param, weight.shape[0], weight.shape[1], first, values);
    } else {
      read_param(first, values);
    }
    const Index bad = std::ranges::count_if(values, [](float v) { return !std::isfinite(v); });
    if (bad > 0) non_finite_[weight.key] += bad;
    if (first + std::ssize(values) == numel) release(dict, binding);
  };
  return float_source(weight.key, weight.written_shape(), options_.dtype, read);
}

void OnnxConversion::refuse_non_finite() const {
  std::vector<NonFinite> found;
  for (const auto& [key, count] : non_finite_) found.push_back({.key = key, .count = count});
  throw non_finite_error(inspection_.file, found, "nothing was written");
}

OnnxResult OnnxConversion::write(const std::filesystem::path& output, const Progress& progress) {
  describe();
  std::vector<TensorSource> sources;
  for (const Weight& weight : graph_->weights()) sources.push_back(source_of(weight));
  const onnx::WrittenFiles written =
      onnx::write_model(output, *raw_, sources, [&](std::uint64_t done, std::uint64_t total) {
        // All weights have been looked at by then, and no file has its name yet.
        if (done == total && !non_finite_.empty()) refuse_non_finite();
        if (progress) progress(static_cast<double>(done) / static_cast<double>(total));
      });
  std::vector<std::string> warnings;
  if (written.other_data) {
    warnings.push_back(
        fmt::format("{} lies beside the graph but is not part of it; an earlier "
                    "graph may have left it",
                    onnx::data_path_of(output).string()));
  }
  return {.inspection = std::move(inspection_),
          .inputs = graph_->inputs(),
          .outputs = graph_->outputs(),
          .opset = options_.opset,
          .nodes = graph_->node_count(),
          .bytes = written.bytes,
          .files = written.paths,
          .warnings = std::move(warnings)};
}

}  // namespace

OnnxResult convert_to_onnx(const Checkpoint& checkpoint, const std::filesystem::path& output,
                           const OnnxOptions& options, const Progress& progress) {
  expect_onnx_name(output);
  expect_options(options);
  expect_other_file(checkpoint.state_dict(), output);
  OnnxConversion conversion(checkpoint, output, options);
  conversion.build();
  return conversion.write(output, progress);
}

}  // namespace sapiens
