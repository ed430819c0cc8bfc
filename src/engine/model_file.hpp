#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/write.hpp"
#include "model/config.hpp"
#include "reconcile/param_spec.hpp"
#include "reconcile/reconcile.hpp"
#include "sapiens/checkpoint.hpp"

// Common to conversions and synthesized checkpoints: a model as tensors and metadata, and writing
// both to a file.

namespace sapiens {

/// Throws InvalidArgument unless the name of `output` ends in ".pth" or ".safetensors".
void expect_model_file_name(const std::filesystem::path& output);

/// Elements [first, first + out.size()) of a parameter.
using ReadFloats = std::function<void(Index first, std::span<float> out)>;

/// Values that are generated as float32 and stored as `dtype`. Reading throws
/// `Error(InvalidArgument)` for a finite value that `dtype` cannot represent.
TensorSource float_source(std::string key, std::vector<Index> shape, DType dtype, ReadFloats read);

/// The values of a parameter as the plan binds it. Refers to `dict` and `binding`.
ReadFloats param_reader(const StateDict& dict, const ParamSpec& param, const Binding& binding);

/// Throws InvalidArgument for a layout that files of `family` do not have.
void expect_layout(Layout layout, Family family);

/// The name of the canonical parameter `key` in a file of `layout`. Files of task models keep
/// prefixes, because published "clean" task files contain state_dict and meta.
std::string name_in(Layout layout, Family family, bool with_head, const std::string& key);

/// The properties of a model that its weights do not imply, as metadata. `arch` is null for an
/// unpublished size.
std::map<std::string, std::string> model_metadata(const EncoderConfig& encoder, const Arch* arch,
                                                  Task task);
void add_decoder_metadata(const DecoderConfig& decoder,
                          std::map<std::string, std::string>& metadata);
/// Adds nothing for as many layers as published.
void add_head_metadata(const HeadConfig& head, Index width,
                       std::map<std::string, std::string>& metadata);

/// Writes ".pth" or ".safetensors", by the name of `output`.
void write_model_file(const std::filesystem::path& output, std::span<const TensorSource> sources,
                      Layout layout, bool with_head, std::map<std::string, std::string> metadata,
                      const Progress& progress);

}  // namespace sapiens
