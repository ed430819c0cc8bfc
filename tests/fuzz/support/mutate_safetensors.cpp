#include <nlohmann/json.hpp>
#include <optional>

#include "fuzz/support/mutators.hpp"

namespace sapiens::fuzz {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMaxData = 1 << 14;

std::uint64_t header_length(std::string_view file) {
  std::uint64_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;)
    length = length << 8 | static_cast<std::uint8_t>(file[i]);
  return length;
}

std::uint64_t bytes_of(const std::string& dtype) {
  if (dtype == "F64" || dtype == "I64" || dtype == "U64") return 8;
  if (dtype == "F32" || dtype == "I32" || dtype == "U32") return 4;
  return dtype == "F16" || dtype == "BF16" || dtype == "I16" || dtype == "U16" ? 2 : 1;
}

// The bytes that a tensor has by its type and shape; nothing if it says none, or too many.
std::optional<std::uint64_t> size_of(const json& tensor) {
  if (!tensor.is_object() || !tensor.contains("dtype") || !tensor.contains("shape")) return {};
  if (!tensor["dtype"].is_string() || !tensor["shape"].is_array()) return {};
  std::uint64_t size = bytes_of(tensor["dtype"].get<std::string>());
  for (const json& extent : tensor["shape"]) {
    if (!extent.is_number_unsigned()) return {};
    const auto count = extent.get<std::uint64_t>();
    if (count > kMaxData || (size *= count) > kMaxData) return {};
  }
  return size;
}

// One tensor after the other. Returns the length of the data.
std::uint64_t place_tensors(json& header) {
  std::uint64_t end = 0;
  for (auto& [name, tensor] : header.items()) {
    const auto size = size_of(tensor);
    if (name == "__metadata__" || !size) continue;
    tensor["data_offsets"] = {end, end + *size};
    end += *size;
  }
  return end;
}

std::string with_length(const std::string& header, const std::string& data) {
  std::string file;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    file += static_cast<char>(std::uint64_t{header.size()} >> 8 * i);
  }
  return file + header + data;
}

}  // namespace

std::string mutate_safetensors(std::string_view file, Random& random) {
  if (file.size() < kLengthBytes || header_length(file) > file.size() - kLengthBytes) {
    return mutate_bytes(std::string(file), file.size() + 16);
  }
  std::string header(file.substr(kLengthBytes, header_length(file)));
  std::string data(file.substr(kLengthBytes + header.size()));
  json document = json::parse(header, nullptr, false);
  if (document.is_object() && !random.one_in(6)) {
    mutate_json(document, random);
    if (document.is_object() && !random.one_in(4)) data.resize(place_tensors(document));
    header = document.dump(-1, ' ', false, json::error_handler_t::replace);
  } else if (random.one_in(4)) {
    data = mutate_bytes(std::move(data), data.size() + 8);
  } else {
    header = mutate_bytes(std::move(header), header.size() + 16);
  }
  return with_length(header, data);
}

std::string mutate_checkpoint(std::string_view file, Random& random) {
  if (file.starts_with("PK")) return mutate_zip(file, random);
  if (file.size() > kLengthBytes && file[kLengthBytes] == '{') {
    return mutate_safetensors(file, random);
  }
  return mutate_legacy(file, random);
}

std::string cross_checkpoints(std::string_view first, std::string_view second, Random& random) {
  if (first.starts_with("PK") && second.starts_with("PK")) {
    return cross_zips(first, second, random);
  }
  return cross_pickles(first, second, random);
}

}  // namespace sapiens::fuzz
