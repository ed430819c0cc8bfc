#include "checkpoint/safetensors_header.hpp"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

/// Follows the parser through
///   {"__metadata__": {"k": "v"}, "key": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
/// and accepts nothing else but further fields of a tensor, whatever they hold. Returning false
/// stops the parser.
class HeaderListener : public nlohmann::json_sax<nlohmann::json> {
 public:
  SafetensorsHeader header;
  std::string problem;
  bool is_json = true;  ///< False for text that is not JSON.

  bool null() override;
  bool boolean(bool) override { return skips() || refuse("true and false are not allowed"); }
  bool number_float(double, const std::string&) override {
    return skips() || refuse("a number is not an integer");
  }
  bool number_integer(std::int64_t) override { return skips() || refuse("a number is negative"); }
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
    is_json = false;
    return refuse(fmt::format("no valid JSON at character {}", position));
  }

 private:
  enum class Place { Outside, Top, Tensor, Metadata, Shape, Offsets, Done };

  bool refuse(std::string text) {
    if (problem.empty()) problem = std::move(text);
    return false;
  }
  // Whether the value belongs to an unknown field.
  bool skips() const {
    return skip_depth_ > 0 || (place_ == Place::Tensor && !is_tensor_field(field_));
  }
  static bool is_tensor_field(std::string_view name) {
    return name == "dtype" || name == "shape" || name == "data_offsets";
  }

  Place place_ = Place::Outside;
  std::string name_;   // name of the current tensor
  std::string field_;  // field of the current tensor or of the metadata
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> fields_;
  SafetensorsEntry entry_;
  std::vector<std::uint64_t> offsets_;
  std::size_t skip_depth_ = 0;  // depth of lists and objects inside an unknown field
};

bool HeaderListener::null() {
  if (place_ == Place::Top && name_ == "__metadata__") return true;  // the metadata may be null
  return skips() || refuse("null is not allowed");
}

bool HeaderListener::number_unsigned(std::uint64_t value) {
  if (skips()) return true;
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
  if (skips()) return true;
  if (place_ != Place::Tensor || field_ != "dtype") return refuse("text where none belongs");
  entry_.dtype = std::move(value);
  return true;
}

bool HeaderListener::start_object(std::size_t) {
  if (skips()) return ++skip_depth_ > 0;
  // A new set, because clear() takes time proportional to the largest set so far.
  fields_ = {};
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
  if (skip_depth_ > 0) return true;
  if (place_ == Place::Top) {
    name_ = name;
    return names_.insert(name).second || refuse(fmt::format("the name \"{}\" comes twice", name));
  }
  field_ = name;
  if (place_ == Place::Metadata) return true;  // the last entry of a name counts
  if (fields_.insert(name).second) return true;
  return !is_tensor_field(name) || refuse(fmt::format("the field \"{}\" comes twice", name));
}

bool HeaderListener::end_object() {
  if (skip_depth_ > 0) return skip_depth_-- > 0;
  if (place_ == Place::Top) {
    place_ = Place::Done;
    return true;
  }
  if (place_ == Place::Tensor) {
    for (const std::string& field : fields_) {
      if (!is_tensor_field(field)) ++header.unknown_fields[field];
    }
    const bool complete =
        fields_.contains("dtype") && fields_.contains("shape") && offsets_.size() == 2;
    if (!complete) return refuse("a field is missing");
    entry_.begin = offsets_[0];
    entry_.end = offsets_[1];
    header.entries.push_back(std::move(entry_));
  }
  place_ = Place::Top;
  return true;
}

bool HeaderListener::start_array(std::size_t) {
  if (skips()) return ++skip_depth_ > 0;
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
  if (skip_depth_ > 0) return skip_depth_-- > 0;
  place_ = Place::Tensor;
  return true;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& source) {
  HeaderListener listener;
  // The parser would treat a NUL as the end of the text and ignore what follows.
  const std::size_t nul = text.find('\0');
  if (nul != std::string_view::npos) {
    listener.is_json = false;
    listener.problem = fmt::format("a NUL at character {}", nul);
  } else if (nlohmann::json::sax_parse(text, &listener)) {
    return std::move(listener.header);
  }
  if (!listener.is_json) {
    throw Error(ErrorCode::CorruptFile, {.summary = "the safetensors header is damaged",
                                         .file = source,
                                         .actual = listener.problem,
                                         .hint = "download the file again"});
  }
  throw Error(ErrorCode::CorruptFile,
              {.summary = "the safetensors header violates the format",
               .file = source,
               .actual = listener.problem,
               .hint = "write the file again with the safetensors library"});
}

}  // namespace sapiens
