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
#include "sapiens/checkpoint.hpp"

// What conversions and synthesized checkpoints have in common: how a model becomes tensors and
// notes, and these a file.

namespace sapiens {

/// Throws InvalidArgument unless the name of `output` ends in ".pth" or ".safetensors".
void expect_model_file_name(const std::filesystem::path& output);

/// Elements [first, first + out.size()) of a parameter.
using ReadFloats = std::function<void(Index first, std::span<float> out)>;

/// Numbers that are made as float32 and stored as `dtype`. Reading throws InvalidArgument for a
/// finite number that F16 cannot hold.
TensorSource float_source(std::string key, std::vector<Index> shape, DType dtype, ReadFloats read);

/// The name of canonical parameter `key` in a file of `layout`. Files of task models keep their
/// prefixes: there, "clean" has always meant state_dict and meta without training state.
std::string name_in(Layout layout, bool with_head, const std::string& key);

/// What the weights cannot tell about themselves.
std::map<std::string, std::string> model_metadata(const EncoderConfig& encoder,
                                                  std::string_view arch, Task task);
void add_decoder_metadata(const DecoderConfig& decoder,
                          std::map<std::string, std::string>& metadata);

/// Writes ".pth" or ".safetensors", by the name of `output`.
void write_model_file(const std::filesystem::path& output, std::span<const TensorSource> sources,
                      Layout layout, bool with_head, std::map<std::string, std::string> metadata,
                      const Progress& progress);

}  // namespace sapiens
