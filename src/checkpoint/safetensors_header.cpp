#include "checkpoint/safetensors_header.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr std::array<std::pair<std::string_view, DType>, 10> kTypes = {{
    {"F64", DType::F64},
    {"F32", DType::F32},
    {"F16", DType::F16},
    {"BF16", DType::BF16},
    {"I64", DType::I64},
    {"I32", DType::I32},
    {"I16", DType::I16},
    {"I8", DType::I8},
    {"U8", DType::U8},
    {"BOOL", DType::Bool},
}};

/// Follows the parser through
///   {"__metadata__": {"k": "v"}, "key": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
/// and accepts nothing else. Returning false stops the parser.
class HeaderListener : public nlohmann::json_sax<nlohmann::json> {
 public:
  SafetensorsHeader header;
  std::string problem;

  bool null() override { return refuse("null is not allowed"); }
  bool boolean(bool) override { return refuse("true and false are not allowed"); }
  bool number_float(double, const std::string&) override {
    return refuse("a number is not an integer");
  }
  bool number_integer(std::int64_t) override { return refuse("a number is negative"); }
  bool number_unsigned(std::uint64_t value) override;
  bool string(std::string& value) override;
  bool binary(nlohmann::json::binary_t&) override { return refuse("unexpected value"); }
  bool start_object(std::size_t) override;
  bool key(std::string& name) override;
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override;
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    return refuse(fmt::format("no valid JSON at character {}", position));
  }

 private:
  enum class Place { Outside, Top, Tensor, Metadata, Shape, Offsets, Done };

  bool refuse(std::string text) {
    if (problem.empty()) problem = std::move(text);
    return false;
  }

  Place place_ = Place::Outside;
  std::string name_;   // of the tensor
  std::string field_;  // of the tensor or of the metadata
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> fields_;
  SafetensorsEntry entry_;
  std::vector<std::uint64_t> offsets_;
};

bool HeaderListener::number_unsigned(std::uint64_t value) {
  if (place_ == Place::Offsets) {
    offsets_.push_back(value);
    return offsets_.size() <= 2 || refuse("data_offsets has more than two numbers");
  }
  if (place_ != Place::Shape) return refuse("a number where none belongs");
  if (value > static_cast<std::uint64_t>(std::numeric_limits<Index>::max())) {
    return refuse("an extent is impossibly large");
  }
  entry_.shape.push_back(static_cast<Index>(value));
  return entry_.shape.size() <= 64 || refuse("a tensor has more than 64 axes");
}

bool HeaderListener::string(std::string& value) {
  if (place_ == Place::Metadata) {
    header.metadata.insert_or_assign(field_, std::move(value));
    return true;
  }
  if (place_ != Place::Tensor || field_ != "dtype") return refuse("text where none belongs");
  entry_.dtype = std::move(value);
  return true;
}

bool HeaderListener::start_object(std::size_t) {
  fields_.clear();
  if (place_ == Place::Outside) {
    place_ = Place::Top;
  } else if (place_ != Place::Top) {
    return refuse("objects are nested too deeply");
  } else if (name_ == "__metadata__") {
    place_ = Place::Metadata;
  } else {
    place_ = Place::Tensor;
    entry_ = {};
    entry_.key = name_;
    offsets_.clear();
  }
  return true;
}

bool HeaderListener::key(std::string& name) {
  if (place_ == Place::Top) {
    name_ = name;
    return names_.insert(name).second || refuse(fmt::format("the name \"{}\" comes twice", name));
  }
  field_ = name;
  if (place_ == Place::Tensor && name != "dtype" && name != "shape" && name != "data_offsets") {
    return refuse(fmt::format("unknown field \"{}\"", name));
  }
  return fields_.insert(name).second || refuse(fmt::format("the field \"{}\" comes twice", name));
}

bool HeaderListener::end_object() {
  if (place_ == Place::Top) {
    place_ = Place::Done;
    return true;
  }
  if (place_ == Place::Tensor) {
    if (fields_.size() != 3 || offsets_.size() != 2) return refuse("a field is missing");
    entry_.begin = offsets_[0];
    entry_.end = offsets_[1];
    header.entries.push_back(std::move(entry_));
  }
  place_ = Place::Top;
  return true;
}

bool HeaderListener::start_array(std::size_t) {
  if (place_ != Place::Tensor) return refuse("a list where none belongs");
  if (field_ == "shape") {
    place_ = Place::Shape;
  } else if (field_ == "data_offsets") {
    place_ = Place::Offsets;
  } else {
    return refuse("a list where none belongs");
  }
  return true;
}

bool HeaderListener::end_array() {
  place_ = Place::Tensor;
  return true;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& source) {
  HeaderListener listener;
  if (!nlohmann::json::sax_parse(text, &listener)) {
    throw Error(ErrorCode::CorruptFile, {.summary = "the safetensors header is damaged",
                                         .file = source,
                                         .actual = listener.problem,
                                         .hint = "download the file again"});
  }
  return std::move(listener.header);
}

std::optional<DType> dtype_of_safetensors(std::string_view name) noexcept {
  for (const auto& [text, dtype] : kTypes) {
    if (text == name) return dtype;
  }
  return std::nullopt;
}

std::string_view safetensors_name(DType dtype) noexcept {
  for (const auto& [text, candidate] : kTypes) {
    if (candidate == dtype) return text;
  }
  return "?";
}

}  // namespace sapiens
