#include "engine/model_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "core/half.hpp"
#include "engine/nested_meta.hpp"
#include "reconcile/materialize.hpp"
#include "reconcile/names.hpp"
#include "sapiens/error.hpp"
#include "sapiens/version.hpp"

namespace sapiens {
namespace {

using Notes = std::map<std::string, std::string>;

enum class Container { Torch, Safetensors };

Container container_of(const std::filesystem::path& output) {
  if (output.extension() == ".pth") return Container::Torch;
  if (output.extension() == ".safetensors") return Container::Safetensors;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the output's name decides its format",
               .file = output.string(),
               .expected = "a name ending in .pth or .safetensors",
               .actual = fmt::format("\"{}\"", output.extension().string())});
}

// A weight that silently became infinite would ruin every feature.
void expect_range(const std::string& key, std::span<const float> values, DType dtype) {
  if (dtype == DType::F32) return;
  const auto too_large = std::ranges::find_if(values, [&](float v) {
    return std::isfinite(v) && !is_storable({&v, 1}, dtype);
  });
  if (too_large == values.end()) return;
  const bool half = dtype == DType::F16;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = fmt::format("a weight is too large for {}", dtype_name(dtype)),
               .key = key,
               .expected = half ? "numbers below 65520" : "numbers below 3.396e38",
               .actual = fmt::format("{}", *too_large),
               .hint = half ? "bf16 has nearly the range of f32, at half its size"
                            : "f32 holds every number of the file"});
}

// The keys as they are called within "meta".
Notes inside_meta(const Notes& metadata) {
  constexpr std::string_view kMeta = "meta.";
  Notes inside;
  for (const auto& [key, value] : metadata) {
    inside[key.starts_with(kMeta) ? key.substr(kMeta.size()) : key] = value;
  }
  return inside;
}

}  // namespace

void expect_model_file_name(const std::filesystem::path& output) {
  static_cast<void>(container_of(output));
}

TensorSource float_source(std::string key, std::vector<Index> shape, DType dtype, ReadFloats read) {
  return {.key = key,
          .dtype = dtype,
          .shape = std::move(shape),
          .read = [key = std::move(key), dtype, read = std::move(read)](Index first,
                                                                        std::span<std::byte> out) {
            std::vector<float> values(out.size() / dtype_size(dtype));
            read(first, values);
            expect_range(key, values, dtype);
            encode_floats(values, dtype, out);
          }};
}

ReadFloats param_reader(const StateDict& dict, const ParamSpec& param, const Binding& binding) {
  if (!binding.positions) {
    return [&dict, &binding](Index first, std::span<float> out) {
      materialize(dict, binding, first, out);
    };
  }
  // A resized table is made whole; it is small.
  Index numel = 1;
  for (const Index extent : param.shape) numel *= extent;
  auto table = std::make_shared<std::vector<float>>(static_cast<std::size_t>(numel));
  materialize(dict, binding, 0, *table);
  return [table](Index first, std::span<float> out) {
    std::copy_n(table->begin() + first, out.size(), out.begin());
  };
}

void expect_layout(Layout layout, Family family) {
  const bool sapiens2 = family == Family::Sapiens2;
  const Layout other = sapiens2 ? Layout::MMEngine : Layout::Timm;
  if (layout != other) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = sapiens2 ? "the original code of Sapiens does not load Sapiens2"
                                   : "names of timm are written for Sapiens2 alone",
               .option = "layout",
               .expected = sapiens2 ? "published or timm" : "clean or mmengine",
               .actual = sapiens2 ? "mmengine" : "timm"});
}

std::string name_in(Layout layout, Family family, bool with_head, const std::string& key) {
  constexpr std::string_view kBackbone = "backbone.";
  if (layout == Layout::MMEngine || with_head || !key.starts_with(kBackbone)) return key;
  if (layout == Layout::Timm) {
    const auto names = file_paths({.root = "", .scheme = &timm_scheme(family)}, key);
    if (!names.empty()) return names.front();
  }
  return key.substr(kBackbone.size());
}

std::map<std::string, std::string> model_metadata(const EncoderConfig& encoder, const Arch* arch,
                                                  Task task) {
  std::map<std::string, std::string> metadata{
      {"sapiens.arch", arch != nullptr ? arch_option(*arch) : "custom"},
      {"sapiens.task", std::string(task_name(task))},
      {"sapiens.grid", fmt::format("{}x{}", encoder.grid.height, encoder.grid.width)},
  };
  if (encoder.family == Family::Sapiens2) return metadata;  // its tensors tell everything else
  metadata["sapiens.patch_padding"] = std::to_string(encoder.patch_padding);
  if (encoder.heads > 0) metadata["sapiens.heads"] = std::to_string(encoder.heads);
  return metadata;
}

void add_decoder_metadata(const DecoderConfig& decoder,
                          std::map<std::string, std::string>& metadata) {
  if (decoder.heads > 0) metadata["sapiens.decoder_heads"] = std::to_string(decoder.heads);
}

void add_head_metadata(const HeadConfig& head, Index width,
                       std::map<std::string, std::string>& metadata) {
  const HeadLayers layers = layers_of(head);
  if (layers == layers_of(published_head(head.task, width))) return;
  metadata["sapiens.head_layers"] = fmt::format("{}x{}", layers.deconvs, layers.convs);
}

void write_model_file(const std::filesystem::path& output, std::span<const TensorSource> sources,
                      Layout layout, bool with_head, std::map<std::string, std::string> metadata,
                      const Progress& progress) {
  metadata["sapiens.writer"] = fmt::format("sapiens.cpp {}", SAPIENS_VERSION);
  const WriteProgress report = [&](std::uint64_t done, std::uint64_t total) {
    if (progress)
      progress(total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1.0);
  };
  if (container_of(output) == Container::Safetensors) {
    write_safetensors(output, sources, metadata, report);
  } else {
    const bool wrap = layout == Layout::MMEngine || with_head;
    const Notes notes = wrap ? inside_meta(metadata) : std::move(metadata);
    write_torch_zip(output, sources, {.wrap_in_state_dict = wrap, .attributes = nested_meta(notes)},
                    report);
  }
}

}  // namespace sapiens
