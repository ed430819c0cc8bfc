#include <fmt/format.h>

#include <algorithm>
#include <array>
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

std::optional<Unreadable> problem_of(const json& meta) {
  const int type = meta.at("dtype").get<int>();
  const auto dtype = dtype_of_scalar_type(type);
  if (!dtype) return unreadable_scalar_type(type);
  if (meta.contains("layout") && meta.at("layout").get<int>() != kStrided) {
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
Index integer(const json& value) { return value.at("as_int").get<Index>(); }

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
    entry.dtype = *dtype_of_scalar_type(meta.at("dtype").get<int>());
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

/// The table, and the parameters in the order of the file. A document that keeps the order itself
/// takes quadratic time, and none notices a name that comes twice.
struct Table {
  json document;
  std::vector<std::string> names;
};

Table parse_table(std::string_view text) {
  Table table;
  std::unordered_set<std::string> seen;
  std::string section;
  std::string problem;
  // The parser would take a NUL for the end of the text.
  if (text.find('\0') != std::string_view::npos) problem = "a NUL in the text";
  const auto see = [&](int depth, json::parse_event_t event, const json& value) {
    if (event != json::parse_event_t::key || depth > 2) return true;
    const auto& name = value.get_ref<const std::string&>();
    if (depth == 1) section = name;
    if (depth == 2 && section == kParameters) table.names.push_back(name);
    if (!seen.insert(depth == 1 ? name : fmt::format("{}\n{}", section, name)).second) {
      problem = fmt::format("the name \"{}\" comes twice", name);
    }
    return true;
  };
  if (problem.empty()) table.document = json::parse(text, see);
  if (!problem.empty()) throw json::other_error::create(501, problem, nullptr);
  return table;
}

void read_table(const ZipArchive& archive, const ZipEntry& table, StateDict& out) {
  if (table.size > kMaxTable) {
    throw Error(ErrorCode::CorruptFile, {.summary = "the table of weights is too long",
                                         .file = archive.file().source,
                                         .key = std::string(table.name)});
  }
  const std::string_view folder = table.name.substr(0, table.name.find(kWeights));
  const ZipEntry* const order = archive.find(fmt::format("{}/byteorder", folder));
  const bool big = order != nullptr && as_text(archive.checked_contents(*order)) == "big";
  const Pt2Reader reader{.archive = archive, .folder = folder, .byte_swapped = big};
  try {
    const Table parsed = parse_table(as_text(archive.checked_contents(table)));
    const json& parameters = parsed.document.at(kParameters);
    for (const std::string& key : parsed.names) {
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
                .mapped = archive.file().mapped,
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
