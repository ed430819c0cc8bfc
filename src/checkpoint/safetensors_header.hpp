#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sapiens/dtype.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// One tensor as the header describes it; nothing is checked against the data yet.
struct SafetensorsEntry {
  std::string key;
  std::string dtype;
  std::vector<Index> shape;
  std::uint64_t begin = 0;  ///< From the start of the data.
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< In the order of the header.
  std::map<std::string, std::string> metadata;
};

/// Reads the JSON header without building a JSON document, so that memory stays near the size of
/// `text`. Throws `Error(CorruptFile)` for anything the format does not allow, repeated names
/// included.
SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& source);

/// "F32", "BF16", ...; nothing for a type we do not have.
std::optional<DType> dtype_of_safetensors(std::string_view name) noexcept;
std::string_view safetensors_name(DType dtype) noexcept;

}  // namespace sapiens
