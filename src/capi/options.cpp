#include "capi/options.hpp"

#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "capi/error_boundary.hpp"

namespace sapiens::capi {
namespace {

// No struct will ever be that large, but a size that was never set may be.
constexpr std::size_t kMaxStruct = 4096;

bool is_flag(std::int32_t value, const char* name) {
  if (value != 0 && value != 1) refuse("not a flag", name, "0 or 1", std::to_string(value));
  return value == 1;
}

// An enumerator of the C++ API, whose values count from 0 to `last`.
template <typename Enum>
Enum choice(std::int32_t value, Enum last, const char* name) {
  const auto highest = static_cast<std::int32_t>(last);
  if (value < 0 || value > highest) {
    refuse("no such choice", name, "0 to " + std::to_string(highest), std::to_string(value));
  }
  return static_cast<Enum>(value);
}
static_assert(static_cast<int>(Precision::Auto) == SAPIENS_PRECISION_AUTO);
static_assert(static_cast<int>(Precision::Fp32) == SAPIENS_PRECISION_FP32);
static_assert(static_cast<int>(Precision::Bf16) == SAPIENS_PRECISION_BF16);
static_assert(static_cast<int>(Precision::Int8) == SAPIENS_PRECISION_INT8);
static_assert(static_cast<int>(PreprocessMode::Full) == SAPIENS_PREPROCESS_FULL);
static_assert(static_cast<int>(PreprocessMode::Lite) == SAPIENS_PREPROCESS_LITE);
static_assert(static_cast<int>(OutType::Featmap) == SAPIENS_FEATMAP);
static_assert(static_cast<int>(OutType::Raw) == SAPIENS_RAW);
static_assert(static_cast<int>(OutType::ClsToken) == SAPIENS_CLS_TOKEN);
static_assert(static_cast<int>(OutType::AvgFeatmap) == SAPIENS_AVG_FEATMAP);
static_assert(static_cast<int>(OutType::Registers) == SAPIENS_REGISTERS);
static_assert(static_cast<int>(OnnxAttention::Plain) == SAPIENS_ATTENTION_PLAIN);
static_assert(static_cast<int>(OnnxAttention::Fused) == SAPIENS_ATTENTION_FUSED);

std::optional<Grid> size(std::int64_t height, std::int64_t width, const char* name) {
  if (height == 0 && width == 0) return std::nullopt;
  if (height < 1 || width < 1) {
    refuse("not a size", name, "height and width above 0, or both 0",
           std::to_string(height) + " x " + std::to_string(width));
  }
  return Grid{height, width};
}

Index count(std::int64_t value, const char* name) {
  if (value < 0) refuse("not a number of heads", name, "0 or more", std::to_string(value));
  return value;
}

std::optional<Index> padding(std::int32_t value) {
  if (value == 0) return std::nullopt;
  if (value == -1) return 0;
  if (value == 2) return 2;
  refuse("no such patch padding", "options.patch_padding", "2, or -1 for none; 0: the task decides",
         std::to_string(value));
}

void expect_zero(std::int32_t reserved) {
  if (reserved != 0) {
    refuse("a reserved field is set", "options.reserved", "0", std::to_string(reserved));
  }
}

static_assert(static_cast<int>(Layout::Clean) == SAPIENS_LAYOUT_CLEAN);
static_assert(static_cast<int>(Layout::MMEngine) == SAPIENS_LAYOUT_MMENGINE);
static_assert(static_cast<int>(Layout::Timm) == SAPIENS_LAYOUT_TIMM);

// Not the values of `DType`, which has integers too.
std::optional<DType> dtype(std::int32_t value) {
  switch (value) {
    case SAPIENS_DTYPE_OWN:
      return std::nullopt;
    case SAPIENS_DTYPE_F32:
      return DType::F32;
    case SAPIENS_DTYPE_F16:
      return DType::F16;
    case SAPIENS_DTYPE_BF16:
      return DType::BF16;
    default:
      refuse("no such choice", "options.dtype", "0 to 3", std::to_string(value));
  }
}

std::string text(const char* given) { return given ? given : ""; }

std::optional<Task> task(const char* given) {
  if (text(given).empty()) return std::nullopt;
  return parse_task(given);
}

}  // namespace

void copy_known_fields(const void* given, std::span<std::byte> known, const char* name) {
  std::size_t size = 0;
  std::memcpy(&size, given, sizeof size);
  // Every struct begins with a size_t, so its size is a multiple of that.
  if (size < sizeof size || size > kMaxStruct || size % sizeof size != 0) {
    refuse("a struct_size that cannot be; start with SAPIENS_INIT", name, "the size of the struct",
           std::to_string(size));
  }
  const auto* const bytes = static_cast<const std::byte*>(given);
  const std::size_t shared = std::min(size, known.size());
  if (std::any_of(bytes + shared, bytes + size, [](std::byte b) { return b != std::byte{0}; })) {
    refuse("a field is set that this version of the library does not have", name,
           "0 behind the first " + std::to_string(known.size()) + " bytes",
           std::to_string(size) + " bytes with more in them; this is sapiens " + sapiens_version());
  }
  std::memcpy(known.data(), given, shared);
}

ModelOptions model_options(const sapiens_model_options* given) {
  const sapiens_model_options known = known_fields(given, "options");
  return {.arch = text(known.arch),
          .task = task(known.task),
          .expected_task = task(known.expected_task),
          .heads = count(known.heads, "options.heads"),
          .decoder_heads = count(known.decoder_heads, "options.decoder_heads"),
          .grid = size(known.grid_height, known.grid_width, "options.grid_height, grid_width"),
          .input_size =
              size(known.input_height, known.input_width, "options.input_height, input_width"),
          .patch_padding = padding(known.patch_padding),
          .allow_partial = is_flag(known.allow_partial, "options.allow_partial"),
          .prefix = text(known.prefix)};
}

EngineOptions engine_options(const sapiens_engine_options* given) {
  const sapiens_engine_options known = known_fields(given, "engine");
  return {.threads = known.threads,
          .isa = text(known.isa),
          .precision = choice(known.precision, Precision::Int8, "engine.precision"),
          .loading = progress_of(known.loading, known.user_data)};
}

// `out_type`, or instead of it the list `out_types`.
std::vector<OutType> out_types(const sapiens_features_options& known) {
  const OutType single = choice(known.out_type, OutType::Registers, "options.out_type");
  if (known.out_type_count == 0) return {single};
  require(known.out_types, "options.out_types");
  if (known.out_type != 0) {
    refuse("both one form of features and a list of them are given", "options.out_type",
           "0 where out_types is given", std::to_string(known.out_type));
  }
  std::vector<OutType> types;
  for (const std::int32_t type : std::span(known.out_types, known.out_type_count)) {
    types.push_back(choice(type, OutType::Registers, "options.out_types"));
  }
  return types;
}

FeaturesOptions features_options(const sapiens_features_options* given) {
  const sapiens_features_options known = known_fields(given, "options");
  if (known.layer_count > 0) require(known.layers, "options.layers");
  expect_zero(known.reserved);
  return {.features = {.out_types = out_types(known),
                       .layers = {known.layers, known.layers + known.layer_count},
                       .norm_layers = is_flag(known.norm_layers, "options.norm_layers"),
                       .progress = progress_of(known.progress, known.user_data)},
          .mode = choice(known.preprocess, PreprocessMode::Lite, "options.preprocess"),
          .size = size(known.height, known.width, "options.height, width")};
}

RunOptions run_options(const sapiens_task_options* given) {
  const sapiens_task_options known = known_fields(given, "options");
  return {.flip_test = !is_flag(known.no_flip_test, "options.no_flip_test"),
          .mode = choice(known.preprocess, PreprocessMode::Lite, "options.preprocess"),
          .progress = progress_of(known.progress, known.user_data)};
}

DetectOptions detect_options(const sapiens_detect_options* given) {
  const sapiens_detect_options known = known_fields(given, "options");
  DetectOptions options{.progress = progress_of(known.progress, known.user_data)};
  if (known.min_score != 0) options.min_score = known.min_score;
  if (known.nms_iou != 0) options.nms_iou = known.nms_iou;
  if (known.max_detections != 0) options.max_detections = known.max_detections;
  return options;
}

ReconstructOptions reconstruct_options(const sapiens_reconstruct_options* given) {
  const sapiens_reconstruct_options known = known_fields(given, "options");
  if (known.noise_count > 0) require(known.noise, "options.noise");
  ReconstructOptions options{.noise = {known.noise, known.noise_count},
                             .progress = progress_of(known.progress, known.user_data)};
  if (known.mask_ratio != 0) options.mask_ratio = known.mask_ratio == -1 ? 0 : known.mask_ratio;
  if (known.seed != 0) options.seed = known.seed;
  return options;
}

ConvertCall convert_call(const sapiens_convert_options* given) {
  const sapiens_convert_options known = known_fields(given, "options");
  expect_zero(known.reserved);
  return {.options = {.layout = choice(known.layout, Layout::Timm, "options.layout"),
                      .dtype = dtype(known.dtype),
                      .keep_unused = is_flag(known.keep_unused, "options.keep_unused")},
          .progress = progress_of(known.progress, known.user_data)};
}

OnnxCall onnx_call(const sapiens_onnx_options* given) {
  const sapiens_onnx_options known = known_fields(given, "options");
  if (known.out_type_count > 0) require(known.out_types, "options.out_types");
  OnnxOptions options{
      .dtype = dtype(known.dtype).value_or(DType::F32),
      .batch = known.batch,
      .dynamic_size = is_flag(known.dynamic_size, "options.dynamic_size"),
      .with_preprocessing = is_flag(known.with_preprocessing, "options.with_preprocessing"),
      .attention = choice(known.attention, OnnxAttention::Fused, "options.attention"),
      .raw_maps = is_flag(known.raw_maps, "options.raw_maps")};
  for (const std::int32_t type : std::span(known.out_types, known.out_type_count)) {
    options.out_types.push_back(choice(type, OutType::Registers, "options.out_types"));
  }
  if (known.opset != 0) options.opset = known.opset;
  if (known.min_score != 0) options.min_score = known.min_score;
  if (known.nms_iou != 0) options.nms_iou = known.nms_iou;
  if (known.max_detections != 0) options.max_detections = known.max_detections;
  return {.options = std::move(options), .progress = progress_of(known.progress, known.user_data)};
}

}  // namespace sapiens::capi
