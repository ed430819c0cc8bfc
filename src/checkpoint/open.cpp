#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "checkpoint/file_bytes.hpp"
#include "checkpoint/identify.hpp"
#include "checkpoint/pickle.hpp"
#include "checkpoint/readers.hpp"
#include "checkpoint/state_dict.hpp"
#include "checkpoint/torch_tensors.hpp"
#include "checkpoint/zip.hpp"
#include "checkpoint/zip_layout.hpp"
#include "core/byte_reader.hpp"
#include "core/open_file.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// torch.save writes this pickle first. Its header does not hold its length, but a pickle marks its
// own end.
std::optional<PickleGraph> first_pickle(const FileBytes& file) {
  ByteReader reader(file.bytes, file.source);
  if (reader.u32() != zip::kLocalHeader) return std::nullopt;
  reader.bytes(zip::kLocalHeaderBytes - 4 - 2 - 2);
  const std::uint16_t name_length = reader.u16();
  const std::uint16_t extra_length = reader.u16();
  if (!reader.text(name_length).ends_with("/data.pkl")) return std::nullopt;
  reader.bytes(extra_length);
  return read_pickle(reader);
}

// The bytes of the storages named in the pickle, each counted once; nullopt if they are unknown.
std::optional<std::uint64_t> announced_bytes(const FileBytes& file) {
  try {
    const std::optional<PickleGraph> graph = first_pickle(file);
    if (!graph) return std::nullopt;
    std::uint64_t total = 0;
    std::unordered_set<std::string_view> seen;
    for (NodeId node = 0; node < graph->size(); ++node) {
      if ((*graph)[node].kind != PickleKind::Persistent) continue;
      const auto storage = read_storage_ref(*graph, node, file.source);
      if (!storage || storage->count < 0 || !seen.insert(storage->key).second) continue;
      const std::uint64_t element = storage->element;
      std::uint64_t bytes = 0;
      if (__builtin_mul_overflow(static_cast<std::uint64_t>(storage->count), element, &bytes) ||
          __builtin_add_overflow(total, bytes, &total)) {
        return std::nullopt;
      }
    }
    return total;
  } catch (const Error&) {
    return std::nullopt;  // the pickle is cut short, or is not one
  }
}

/// Throws `Error(CorruptFile)` for a zip archive that ends before its table of contents. The
/// message says how many bytes are missing where the pickle at its start is complete: torch.save
/// writes `data.pkl` first, and it holds the size of every storage that follows. Returns for other
/// archives.
void refuse_truncated_zip(const FileBytes& file) {
  if (has_zip_directory(file.bytes)) return;
  const std::uint64_t size = file.bytes.size();
  ErrorDetail detail{.summary = "the zip archive has no table of contents at its end",
                     .file = file.source,
                     .actual = fmt::format("the file stops after {} bytes", size),
                     .hint = "the download or copy is incomplete; fetch the file again"};
  const std::optional<std::uint64_t> announced = announced_bytes(file);
  if (announced && *announced > size) {
    detail.expected = fmt::format("more than {} bytes, which its tensors take", *announced);
    detail.actual += fmt::format(": at least {} are missing", *announced - size);
  }
  throw Error(ErrorCode::CorruptFile, std::move(detail));
}

// Tensors may share bytes and repeat them, as tied and expanded parameters do. A file of a few
// bytes must not become gigabytes in memory or on disk by that, so together its tensors may have
// some times the bytes of the file.
void refuse_multiplied(const FileBytes& file, const StateDict& out) {
  constexpr std::uint64_t kTimes = 16;
  constexpr std::uint64_t kSmallFile = std::uint64_t{1} << 22;
  const std::uint64_t limit = kTimes * std::max<std::uint64_t>(file.bytes.size(), kSmallFile);
  std::uint64_t total = 0;
  for (const TensorEntry& tensor : out.tensors) {
    if (tensor.unreadable) continue;
    // The reader has limited the elements of a tensor, so that neither number overflows.
    total += static_cast<std::uint64_t>(tensor.numel()) * dtype_size(tensor.dtype);
    if (total <= limit) continue;
    throw Error(ErrorCode::CorruptFile,
                {.summary = "the tensors repeat the bytes of the file too often",
                 .file = file.source,
                 .key = tensor.path(),
                 .expected = fmt::format("at most {} bytes in all", limit),
                 .actual = fmt::format("more than {} bytes up to this tensor", total),
                 .hint = "save tensors that were expanded or share memory with clone()"});
  }
}

void read_archive(const FileBytes& file, StateDict& out) {
  refuse_truncated_zip(file);
  const auto archive = std::make_shared<const ZipArchive>(file);
  out.archives.push_back(archive);
  if (is_torch_export(*archive)) return read_torch_export(*archive, out);
  if (is_torch_zip(*archive)) return read_torch_zip(*archive, out);
  refuse_archive(*archive);
}

}  // namespace

std::string_view format_name(CheckpointFormat format) noexcept {
  switch (format) {
    case CheckpointFormat::TorchZip:
      return "PyTorch zip";
    case CheckpointFormat::TorchLegacy:
      return "PyTorch legacy";
    case CheckpointFormat::TorchScript:
      return "TorchScript";
    case CheckpointFormat::TorchExport:
      return "torch.export";
    case CheckpointFormat::Safetensors:
      return "safetensors";
  }
  return "?";
}

void read_checkpoint(const FileBytes& file, StateDict& out) {
  const std::string_view text = as_text(file.bytes);
  if (looks_like_zip(text)) {
    read_archive(file, out);
  } else if (looks_like_safetensors(text)) {
    read_safetensors(file, out);
  } else if (looks_like_torch_legacy(text)) {
    read_torch_legacy(file, out);
  } else {
    refuse_file(file);
  }
  refuse_multiplied(file, out);
  for (TensorEntry& tensor : out.tensors) {
    tensor.map = file.map;
    if (tensor.member) tensor.member->add_tensor(tensor.path());
  }
}

StateDict open_checkpoint(const std::filesystem::path& path) {
  refuse_folder(path);
  refuse_distributed(path);
  const auto map = std::make_shared<const FileMap>(path);
  map->expect_random_access();
  StateDict out;
  out.path = path.string();
  out.file_bytes = map->bytes().size();
  out.mapping = map;
  map->checked([&](std::span<const std::byte> bytes) {
    read_checkpoint({.bytes = bytes, .map = map.get(), .source = out.path}, out);
  });
  map->expect_normal_access();
  return out;
}

}  // namespace sapiens
