#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "checkpoint/number_types.hpp"
#include "checkpoint/readers.hpp"
#include "checkpoint/torch_tensors.hpp"
#include "core/byte_reader.hpp"
#include "core/shape.hpp"
#include "sapiens/error.hpp"

// torch.export.save has had two layouts. Up to 2.7 the parameters are one member, itself a file of
// torch.save. Newer files ("PT2 archive") have a member per storage under data/weights and a JSON
// table that maps parameters to them.
namespace sapiens {
namespace {

using nlohmann::json;

// 2.1 named the member .json although it never was.
constexpr std::array<std::string_view, 2> kNestedNames = {"serialized_state_dict.pt",
                                                          "serialized_state_dict.json"};
constexpr std::string_view kWeights = "/data/weights/";
constexpr std::string_view kTableSuffix = "_weights_config.json";
constexpr const char* kParameters = "config";
// The limit allows 200000 parameters of about 300 bytes each.
constexpr std::size_t kMaxTable = std::size_t{1} << 26;

bool is_table(std::string_view name) noexcept {
  return name.find(kWeights) != std::string_view::npos && name.ends_with(kTableSuffix);
}

bool is_nested(std::string_view name) noexcept {
  for (const std::string_view nested : kNestedNames) {
    if (name == nested) return true;
  }
  // 2.7 and AOTInductor packages: <name>/data/weights/<model>.pt
  return name.find(kWeights) != std::string_view::npos && name.ends_with(".pt");
}

Unreadable unreadable_scalar_type(int number) {
  const NumberType* const type = find_other_type(number);
  return unreadable_type(type != nullptr ? std::string(type->torch)
                                         : fmt::format("ScalarType {}", number));
}

constexpr int kStrided = 7;  // torch/_export/serde/schema.py, Layout

// The known fields of a tensor's description; any other may change its values.
constexpr std::array<std::string_view, 7> kKnownFields = {
    "dtype", "sizes", "requires_grad", "device", "strides", "storage_offset", "layout"};

// The library would cut off a fraction, and what the type cannot hold.
template <typename Integer>
Integer whole(const json& value) {
  const bool fits = value.is_number_unsigned()
                        ? std::in_range<Integer>(value.get<std::uint64_t>())
                        : value.is_number_integer() && std::in_range<Integer>(value.get<Index>());
  if (fits) return value.get<Integer>();
  throw json::other_error::create(501, "a number is no integer, or too large", nullptr);
}

std::optional<Unreadable> problem_of(const json& meta) {
  const int type = whole<int>(meta.at("dtype"));
  const auto dtype = dtype_of_scalar_type(type);
  if (!dtype) return unreadable_scalar_type(type);
  if (meta.contains("layout") && whole<int>(meta.at("layout")) != kStrided) {
    return unreadable_kind("sparse");
  }
  for (const auto& [field, value] : meta.items()) {
    if (std::ranges::find(kKnownFields, field) != kKnownFields.end()) continue;
    return unreadable_description(
        dtype_name(*dtype),
        fmt::format("is described with \"{}\", which this program does not know", field));
  }
  return std::nullopt;
}

// {"as_int": 4}; an extent that depends on the input has no number here.
Index integer(const json& value) { return whole<Index>(value.at("as_int")); }

std::vector<Index> integers(const json& values) {
  std::vector<Index> numbers;
  for (const json& value : values) numbers.push_back(integer(value));
  return numbers;
}

/// One PT2 archive: its folder and what all of its tensors share.
struct Pt2Reader {
  const ZipArchive& archive;
  std::string_view folder;
  bool byte_swapped = false;

  TensorEntry tensor(const std::string& key, const json& described) const {
    const std::string& source = archive.file().source;
    TensorEntry entry;
    entry.key = key;
    if (described.at("use_pickle").get<bool>()) {
      entry.unreadable =
          Unreadable{.type = "pickled",
                     .reason = "a tensor of a special class",
                     .hint = "export a plain model, or save its state_dict with torch.save"};
      return entry;
    }
    const json& meta = described.at("tensor_meta");
    entry.shape = integers(meta.at("sizes"));
    entry.unreadable = problem_of(meta);
    if (entry.unreadable) {
      if (!checked_numel(entry.shape)) entry.shape.clear();
      return entry;
    }
    entry.dtype = *dtype_of_scalar_type(whole<int>(meta.at("dtype")));
    entry.strides = integers(meta.at("strides"));
    entry.byte_swapped = byte_swapped;
    entry.location =
        fmt::format("{}{}{}", folder, kWeights, described.at("path_name").get<std::string>());
    const ZipEntry* const member = archive.find(entry.location);
    if (member == nullptr) {
      throw Error(ErrorCode::CorruptFile, {.summary = "the archive lacks the data of a tensor",
                                           .file = source,
                                           .key = entry.location});
    }
    entry.member = archive.member(*member);
    place_tensor(entry, entry.member->bytes(), integer(meta.at("storage_offset")), source, key);
    return entry;
  }
};

/// Collects the parameters in the order of the file, and finds names that come twice. A document
/// that keeps the order itself takes quadratic time, and so does a parser with a callback.
class TableNames : public nlohmann::json_sax<json> {
 public:
  std::vector<std::string> names;
  std::string problem;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(std::int64_t) override { return true; }
  bool number_unsigned(std::uint64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(json::binary_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth_ > 0; }
  bool end_object() override { return depth_-- > 0; }
  bool start_array(std::size_t) override { return ++depth_ > 0; }
  bool end_array() override { return depth_-- > 0; }
  bool key(std::string& name) override {
    if (depth_ > 2) return true;
    if (depth_ == 1) section_ = name;
    if (depth_ == 2 && section_ == kParameters) names.push_back(name);
    if (seen_.insert(depth_ == 1 ? name : fmt::format("{}\n{}", section_, name)).second)
      return true;
    problem = fmt::format("the name \"{}\" comes twice", name);
    return false;
  }
  bool parse_error(std::size_t, const std::string&, const json::exception& error) override {
    problem = error.what();
    return false;
  }

 private:
  int depth_ = 0;
  std::string section_;
  std::unordered_set<std::string> seen_;
};

std::vector<std::string> read_names(std::string_view text) {
  TableNames listener;
  // The parser would take a NUL for the end of the text.
  if (text.find('\0') != std::string_view::npos) {
    listener.problem = "a NUL in the text";
  } else if (json::sax_parse(text, &listener)) {
    return std::move(listener.names);
  }
  throw json::other_error::create(501, listener.problem, nullptr);
}

void read_table(const ZipArchive& archive, const ZipEntry& table, StateDict& out) {
  if (table.size > kMaxTable) {
    throw Error(ErrorCode::CorruptFile, {.summary = "the table of weights is too long",
                                         .file = archive.file().source,
                                         .key = std::string(table.name)});
  }
  const std::string_view folder = table.name.substr(0, table.name.find(kWeights));
  const Pt2Reader reader{
      .archive = archive, .folder = folder, .byte_swapped = is_big_endian(archive, folder)};
  try {
    const std::string_view text = as_text(archive.checked_contents(table));
    const std::vector<std::string> names = read_names(text);
    const json document = json::parse(text);
    const json& parameters = document.at(kParameters);
    for (const std::string& key : names) {
      out.tensors.push_back(reader.tensor(key, parameters.at(key)));
    }
  } catch (const json::exception& error) {
    throw Error(ErrorCode::CorruptFile, {.summary = "the table of weights is damaged",
                                         .file = archive.file().source,
                                         .key = std::string(table.name),
                                         .actual = error.what()});
  }
}

// Records constants and non-persistent buffers, which are stored as members of their own.
void note_constants(const ZipArchive& archive, StateDict& out) {
  constexpr std::string_view kConstants = "/data/constants/";
  const auto count = std::ranges::count_if(archive.entries(), [&](const ZipEntry& entry) {
    return entry.name.find(kConstants) != std::string_view::npos && !entry.name.ends_with(".json");
  });
  if (count == 0) return;
  out.unreached.push_back({.what = fmt::format("{} constant{} of the exported program, which no "
                                               "state_dict has",
                                               count, count == 1 ? "" : "s"),
                           .hint = ""});
}

void read_nested(const ZipArchive& archive, const ZipEntry& entry, StateDict& out) {
  const auto outer = archive.member(entry);
  const auto nested = std::make_shared<const ZipArchive>(
      FileBytes{.bytes = outer->bytes(),
                .map = archive.file().map,
                .source = fmt::format("{}: {}", archive.file().source, entry.name)});
  if (!is_torch_zip(*nested)) {
    throw Error(ErrorCode::CorruptFile,
                {.summary = "the weights in the archive are not a PyTorch file",
                 .file = nested->file().source});
  }
  read_torch_zip(*nested, out);
  out.archives.push_back(nested);
  // The checksum of the nested file covers its tensors where they have none of their own.
  for (TensorEntry& tensor : out.tensors) {
    if (!tensor.member || !tensor.member->has_checksum()) tensor.member = outer;
  }
}

}  // namespace

bool is_torch_export(const ZipArchive& archive) noexcept {
  for (const ZipEntry& entry : archive.entries()) {
    if (is_nested(entry.name) || is_table(entry.name)) return true;
  }
  return false;
}

void read_torch_export(const ZipArchive& archive, StateDict& out) {
  const ZipEntry* found = nullptr;
  for (const ZipEntry& entry : archive.entries()) {
    if (!is_nested(entry.name) && !is_table(entry.name)) continue;
    if (found != nullptr) {
      throw Error(ErrorCode::UnsupportedFormat,
                  {.summary = "the archive holds several exported models",
                   .file = archive.file().source,
                   .actual = fmt::format("{} and {}", found->name, entry.name),
                   .hint = "export one model per file"});
    }
    found = &entry;
  }
  if (found == nullptr) {
    throw Error(ErrorCode::UnsupportedFormat,
                {.summary = "the archive holds no exported model", .file = archive.file().source});
  }
  is_table(found->name) ? read_table(archive, *found, out) : read_nested(archive, *found, out);
  note_constants(archive, out);
  out.format = CheckpointFormat::TorchExport;
}

}  // namespace sapiens
