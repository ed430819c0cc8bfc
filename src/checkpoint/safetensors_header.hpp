#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

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
  /// Unknown fields of tensors, which are ignored, and how many tensors have each.
  std::map<std::string, std::size_t> unknown_fields;
};

/// Reads the JSON header without building a JSON document, so that memory stays near the size of
/// `text`. Takes what the reference implementation takes: `"__metadata__": null`, and fields of
/// any kind beside the three of a tensor. Throws `Error(CorruptFile)` for anything else the format
/// does not allow; tensors of one name too, of which the reference takes the last.
SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& source);

}  // namespace sapiens
