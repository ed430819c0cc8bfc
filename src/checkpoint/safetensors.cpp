#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "checkpoint/number_types.hpp"
#include "checkpoint/readers.hpp"
#include "checkpoint/safetensors_header.hpp"
#include "checkpoint/torch_tensors.hpp"
#include "core/byte_reader.hpp"
#include "core/shape.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr std::uint64_t kMaxHeaderLength = 100'000'000;  // the reference implementation's limit

[[noreturn]] void fail(const FileBytes& file, const std::string& key, std::string summary,
                       std::string actual = {}) {
  throw Error(ErrorCode::CorruptFile, {.summary = std::move(summary),
                                       .file = file.source,
                                       .key = key,
                                       .actual = std::move(actual),
                                       .hint = "the file is damaged; download it again"});
}

// The tensors must cover the data exactly, without gaps and without sharing bytes.
void check_ranges(const FileBytes& file, const std::vector<SafetensorsEntry>& entries,
                  std::uint64_t available) {
  std::vector<const SafetensorsEntry*> by_offset;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin > entry.end) {
      fail(file, entry.key, "the tensor ends before it begins",
           fmt::format("bytes {} to {}", entry.begin, entry.end));
    }
    by_offset.push_back(&entry);
  }
  std::ranges::sort(by_offset, {}, [](const SafetensorsEntry* entry) {
    return std::pair(entry->begin, entry->end);
  });

  std::uint64_t end = 0;
  for (const SafetensorsEntry* entry : by_offset) {
    if (entry->begin != end) {
      fail(file, entry->key,
           entry->begin < end ? "the tensor overlaps another one"
                              : "there is a hole in the file before this tensor",
           fmt::format("it begins at byte {}, the one before ends at {}", entry->begin, end));
    }
    end = entry->end;
  }
  if (end > available) {
    throw Error(ErrorCode::CorruptFile,
                {.summary = "the file ends too early",
                 .file = file.source,
                 .expected = fmt::format("{} bytes of tensor data", end),
                 .actual = fmt::format("{} bytes, {} are missing", available, end - available),
                 .hint = "the download or copy is incomplete; fetch the file again"});
  }
  if (end < available) {
    fail(file, {}, "the file goes on after its last tensor",
         fmt::format("{} bytes belong to no tensor", available - end));
  }
}

// safetensors.torch.save_model stores a shared tensor once and records its other names in the
// metadata: {"removed name": "kept name", "format": "pt"}. An entry counts as such a name only
// where its value is the name of a stored tensor and its key is not, so there are no chains and no
// loops.
void add_aliases(StateDict& out) {
  std::unordered_map<std::string_view, std::size_t> by_name;
  for (std::size_t i = 0; i < out.tensors.size(); ++i) by_name.emplace(out.tensors[i].key, i);
  for (const auto& [name, kept] : out.metadata) {
    const auto tensor = by_name.find(kept);
    if (tensor != by_name.end() && !by_name.contains(name)) {
      out.aliases.emplace_back(name, tensor->second);
    }
  }
}

void note_unknown_fields(const SafetensorsHeader& header, StateDict& out) {
  constexpr std::size_t kMaxNamed = 5;
  std::size_t named = 0;
  for (const auto& [field, count] : header.unknown_fields) {
    if (named++ == kMaxNamed) {
      out.notes.push_back(fmt::format("{} more fields that safetensors does not know were ignored",
                                      header.unknown_fields.size() - kMaxNamed));
      return;
    }
    out.notes.push_back(
        fmt::format("the field \"{}\" of {} tensor{} is none of safetensors' own and was ignored",
                    field, count, count == 1 ? "" : "s"));
  }
}

// The number of bits per element; nullopt for an unknown type.
std::optional<std::uint64_t> bits_of(std::string_view type) {
  if (const auto dtype = dtype_named(&NumberType::safetensors, type)) return 8 * dtype_size(*dtype);
  const NumberType* const other = find_other_type(type);
  if (other == nullptr) return std::nullopt;
  return static_cast<std::uint64_t>(other->bits);
}

TensorEntry make_tensor(const FileBytes& file, const SafetensorsEntry& described,
                        std::span<const std::byte> data) {
  TensorEntry entry;
  entry.key = described.key;
  entry.shape = described.shape;
  entry.location = fmt::format("bytes {} to {} of the data", described.begin, described.end);

  const std::uint64_t bytes = described.end - described.begin;
  const auto numel = checked_numel(entry.shape);
  const auto bits = bits_of(described.dtype);
  std::uint64_t expected = 0;
  if (!numel || (bits && (__builtin_mul_overflow(*numel, *bits, &expected) || expected % 8 != 0 ||
                          expected / 8 != bytes))) {
    fail(file, entry.key, "the tensor's shape and its bytes do not agree",
         fmt::format("{} {} in {} bytes", described.dtype, shape_text(entry.shape), bytes));
  }
  const auto dtype = dtype_named(&NumberType::safetensors, described.dtype);
  if (!dtype) {
    entry.unreadable = unreadable_type(described.dtype);
    return entry;
  }
  entry.dtype = *dtype;
  entry.strides = packed_strides(entry.shape);
  place_tensor(entry, data.subspan(described.begin, bytes), 0, file.source, entry.key);
  return entry;
}

}  // namespace

void read_safetensors(const FileBytes& file, StateDict& out) {
  out.format = CheckpointFormat::Safetensors;
  ByteReader reader(file.bytes, file.source);
  const std::uint64_t length = reader.u64();
  if (length > kMaxHeaderLength) {
    fail(file, {}, "the safetensors header is too long", fmt::format("{} bytes", length));
  }
  if (length > reader.remaining()) {
    throw Error(ErrorCode::CorruptFile,
                {.summary = "the file ends inside its header",
                 .file = file.source,
                 .expected = fmt::format("a header of {} bytes", length),
                 .actual = fmt::format("{} bytes, {} are missing", reader.remaining(),
                                       length - reader.remaining()),
                 .hint = "the download or copy is incomplete; fetch the file again"});
  }
  SafetensorsHeader header = parse_safetensors_header(reader.text(length), file.source);
  const auto data = reader.bytes(reader.remaining());
  check_ranges(file, header.entries, data.size());
  note_unknown_fields(header, out);
  out.metadata = std::move(header.metadata);
  out.tensors.reserve(header.entries.size());
  for (const SafetensorsEntry& entry : header.entries) {
    out.tensors.push_back(make_tensor(file, entry, data));
  }
  add_aliases(out);
}

}  // namespace sapiens
